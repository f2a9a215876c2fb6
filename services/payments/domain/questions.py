"""Questions about a deal's payments: which there are, what they carry, and whether they still stand."""

import datetime as dt
from collections.abc import Sequence

from chassis.cards import CardOpened, CardTaken
from chassis.ids import deterministic_id
from services.payments.domain.state import Invoice, State

MISSING = "payments_missing"
EDITED = "invoice_edited"
CARDS: dict[str, tuple[str, ...]] = {
    "overpaid": ("refund_planned", "keep_as_advance"),
    "cancelled_with_money": ("refund_planned", "keep_as_advance"),
    "refunded_after_paid": ("understood",),
    "payment_vanished": ("understood",),
    "invoice_gone": ("void", "replace", "understood"),
    EDITED: ("understood",),
    MISSING: ("keep", "take_back"),
}

WITHDRAWN = "withdrawn"
"""The choice of a question that nobody took: it is settled by what happened since."""


def asked(
    state: State, now: dt.datetime, kind: str, invoice: Invoice, payment_id: str = "", **more: str | int
) -> CardOpened | None:
    """A question about an invoice, or about one of its payments; None where it stands already."""
    subject = payment_id or invoice.known.invoice_id
    if state.cards.open_of(kind, subject) is not None:
        return None
    return CardOpened(
        card_id=str(deterministic_id("card", invoice.known.invoice_id, kind, str(len(state.cards.by_id)))),
        kind=kind,
        choices=CARDS[kind],
        subject=subject,
        opened_at=now,
        values={
            "number": invoice.known.number,
            "deal": invoice.known.deal_id,
            "total_kopecks": invoice.known.total_kopecks,
            "paid_kopecks": invoice.paid_kopecks,
            **more,
        },
        deal_id=invoice.known.deal_id,
        responsible_id=invoice.known.responsible_id,
    )


def settled(state: State, now: dt.datetime) -> Sequence[CardTaken]:
    """The open questions that do not stand any more, withdrawn."""
    return tuple(
        CardTaken(
            card_id=card.opened.card_id,
            kind=card.opened.kind,
            subject=card.opened.subject,
            choice=WITHDRAWN,
            by="",
            taken_at=now,
            deal_id=card.opened.deal_id,
        )
        for card in state.cards.by_id.values()
        if card.taken is None and not _stands(state, card.opened)
    )


def is_answered(state: State, kind: str, invoice: Invoice) -> bool:
    """Whether a person was asked about an invoice's payments as they are now, and said that they stay as they are."""
    return any(
        (card.opened.kind, card.opened.subject) == (kind, invoice.known.invoice_id)
        and card.opened.values["paid_kopecks"] == invoice.paid_kopecks
        and card.taken.choice == "keep"
        for card in state.cards.by_id.values()
        if card.taken is not None
    )


def is_asked(state: State, kind: str, invoice: Invoice, **values: str | int) -> bool:
    """Whether the last question of a kind about an invoice had these values, be it answered or not."""
    cards = [card.opened for card in state.cards.by_id.values()]
    asked_of_it = [one for one in cards if (one.kind, one.subject) == (kind, invoice.known.invoice_id)]
    return bool(asked_of_it) and values.items() <= dict(asked_of_it[-1].values).items()


def _stands(state: State, opened: CardOpened) -> bool:
    invoices = state.invoices
    match opened.kind:
        case "overpaid":
            return invoices[opened.subject].status == "overpaid"
        case "cancelled_with_money":
            return invoices[opened.subject].paid_kopecks > 0
        case "refunded_after_paid":
            return invoices[opened.subject].rest_kopecks > 0
        case "invoice_gone" | "invoice_edited":
            return not invoices[opened.subject].voided
        case "payments_missing":
            return invoices[opened.subject].doubts > 0
        case "payment_vanished":
            return any(i.payments[opened.subject].revoked for i in invoices.values() if opened.subject in i.payments)
        case _:
            return True
