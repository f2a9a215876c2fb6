"""Invoices to be paid and the operations that accounting lists for them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from chassis.cards import TakeCard
from services.payments import domain
from services.payments.app import DEALS
from services.payments.domain import commands as c
from services.payments.domain.events import Operation
from services.payments.domain.state import Invoice
from tests.services.streams import NOW, Stream

TOTAL = 100_00
DUE = dt.date(2026, 3, 16)

Payments = Stream[domain.State, c.Command]


def known(invoice_id: str = "i1", total_kopecks: int = TOTAL) -> c.KnowInvoice:
    """An issued invoice."""
    return c.KnowInvoice(
        invoice_id=invoice_id,
        deal_id="15",
        number=f"B24-15/{invoice_id}",
        remote_id=f"remote-{invoice_id}",
        account="elba:main",
        total_kopecks=total_kopecks,
        due_date=DUE,
        category_id="0",
        responsible_id="7",
    )


def payments(now: dt.datetime = NOW) -> Payments:
    """Deal 15 with one invoice of 100 roubles."""
    stream = Stream(DEALS, "deal-15", now)
    stream.ran(known())
    return stream


def paid(kopecks: int, operation_id: str = "op1", **fields: Any) -> Operation:
    """An operation; a negative amount went back to the buyer."""
    given: dict[str, Any] = {
        "order_number": "31",
        "date": dt.date(2026, 3, 14),
        "payer_inn": "7736207543",
        "payer_name": "Ромашка",
    }
    return Operation(
        operation_id=operation_id,
        direction="in" if kopecks >= 0 else "out",
        amount_kopecks=abs(kopecks),
        **(given | fields),
    )


def listing(*operations: Operation, invoice_id: str = "i1") -> c.ObservePayments:
    """All that accounting lists for an invoice now."""
    return c.ObservePayments(invoice_id, operations)


def invoice(stream: Payments, invoice_id: str = "i1") -> Invoice:
    """The state of an invoice."""
    return stream.state.invoices[invoice_id]


def open_cards(stream: Payments) -> Sequence[str]:
    """The kinds of the questions that stand before a person."""
    return sorted(card.opened.kind for card in stream.state.cards.by_id.values() if card.taken is None)


def take(stream: Payments, kind: str, choice: str) -> None:
    """A person answers the open question of a kind."""
    cards = [one for one in stream.state.cards.by_id.values() if one.taken is None and one.opened.kind == kind]
    assert len(cards) == 1, f"one open question of {kind}, found {len(cards)}"
    stream.ran(TakeCard(cards[0].opened.card_id, choice, "Анна"))
