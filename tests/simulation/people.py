"""People and banks: they do what the plan says, and answer every card by what is really so."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from chassis.cards import TakeCard
from chassis.clock import Clock
from chassis.engine import Command
from chassis.ids import TenantId
from connectors.ports.accounting import InvoiceCard, InvoiceStatus, PaymentRow
from tests.simulation.accounting import Books, MemoryAccounting
from tests.simulation.crm import MemoryCrm
from tests.simulation.plan import Act, DealPlan, Plan, accounting_account, edited
from tests.simulation.service import Service

LOOKS_AFTER = dt.timedelta(minutes=4)
"""A person who is asked whether a document exists looks when what was late has come."""

SAVES_APART = dt.timedelta(seconds=40)
"""A person who edits a deal saves it more than once."""

IN_DOUBT = frozenset({"document_uncertain", "counterparty_uncertain"})


@dataclass(frozen=True, slots=True)
class OpenCard:
    """A card that stands before a person."""

    service: str
    tenant: TenantId
    card_id: str
    stream: str
    kind: str
    choices: tuple[str, ...]
    shown: dict[str, Any]
    deal_id: str
    opened_at: dt.datetime

    @property
    def answered_at(self) -> dt.datetime:
        """When the person answers at the earliest."""
        return self.opened_at + (LOOKS_AFTER if self.kind in IN_DOUBT else dt.timedelta())


class People:
    """Everybody outside."""

    def __init__(
        self,
        services: dict[str, Service],
        accounting: MemoryAccounting,
        crm: MemoryCrm,
        plan: Plan,
        clock: Clock,
        later: Callable[[dt.datetime, Callable[[], None]], None] | None,
    ) -> None:
        """Without ``later`` a deal that is edited several times shows the last of it at once."""
        self._services = services
        self._accounting = accounting
        self._crm = crm
        self._clock = clock
        self._later = later
        self._tenants = {one.tenant: one for one in plan.tenants}
        self._deals = {(one.tenant, one.deal_id): one for one in plan.deals}
        self.strays: dict[TenantId, int] = {}
        self.unforeseen: list[str] = []
        """Cards that no course of things should lead to."""

    # Acts

    def perform(self, deal: DealPlan, act: Act) -> bool:
        """Does what an act says; False when there is nothing to do it to yet."""
        account = self._tenants[deal.tenant].crm_account
        match act.what:
            case "enter":
                return self._enter(account, deal, act.stage)
            case "edit":
                self._edit(account, deal, act.times)
            case "fix":
                self._crm.set_requisites(account, deal.buyer.buyer_id, deal.buyer.inn, deal.buyer.kpp)
            case "delete" | "restore":
                self._crm.set_deleted(account, deal.deal_id, deleted=act.what == "delete")
            case "stray":
                self._pay(deal, None, 1_000_00)
                self.strays[deal.tenant] = self.strays.get(deal.tenant, 0) + 1
            case "pay":
                invoice = self.live_invoice(deal)
                if invoice is None:
                    return False
                self._pay(deal, invoice, invoice.total_kopecks * act.share // 100)
            case _:
                return self._bank(deal, act)
        return True

    def _edit(self, account: str, deal: DealPlan, times: int) -> None:
        rows = self._crm.portal(account).deals[deal.deal_id].rows
        for number in range(times):
            rows = edited(rows)
            if self._later is None or number == 0:
                self._crm.set_rows(account, deal.deal_id, rows)
            else:
                at = self._clock.now() + number * SAVES_APART
                self._later(at, partial(self._crm.set_rows, account, deal.deal_id, rows))

    def _enter(self, account: str, deal: DealPlan, stage: str) -> bool:
        if self._crm.portal(account).deals[deal.deal_id].deleted:
            return False
        self._crm.enter_stage(account, deal.deal_id, stage)
        return True

    def _bank(self, deal: DealPlan, act: Act) -> bool:
        rows = [row for row in self._rows(deal) if not row.removed and row.invoice_id and row.amount_kopecks > 0]
        if not rows:
            return False
        last, account = rows[-1], accounting_account(deal.tenant)
        match act.what:
            case "refund":
                self._put(deal, last.invoice_id, -(last.amount_kopecks * act.share // 100))
            case "vanish":
                self._accounting.put_payment(account, replace(last, removed=True))
            case "rename":
                self._accounting.put_payment(account, replace(last, removed=True))
                self._accounting.put_payment(account, replace(last, payment_id=f"{last.payment_id}-new"))
            case "correct":
                self._accounting.put_payment(account, replace(last, amount_kopecks=last.amount_kopecks + 100))
        return True

    def live_invoice(self, deal: DealPlan) -> InvoiceCard | None:
        """The newest invoice of a deal that stands at the vendor."""
        begins = f"b24:{deal.deal_id}:invoice:"
        live = [
            one
            for one in self._books(deal).invoices.values()
            if one.invoice_id.startswith(begins) and one.status is not InvoiceStatus.CANCELLED
        ]
        return live[-1] if live else None

    def _pay(self, deal: DealPlan, invoice: InvoiceCard | None, kopecks: int) -> None:
        first = kopecks // 2 if _numberless(deal) else 0
        for part in filter(None, (first, kopecks - first)):
            self._put(deal, invoice.invoice_id if invoice else None, part)

    def _put(self, deal: DealPlan, invoice_id: str | None, kopecks: int) -> None:
        number = len(self._rows(deal)) + 1
        now = self._clock.now()
        row = PaymentRow(
            payment_id=f"op-{deal.deal_id}-{number}",
            invoice_id=invoice_id,
            own_account="40702810900000000001",
            amount_kopecks=kopecks,
            paid_on=now.date(),
            order_number="" if _numberless(deal) else str(number),
            payer_name="Покупатель",
            payer_inn=deal.buyer.inn,
            purpose="",
            updated_at=now,
            removed=False,
        )
        self._accounting.put_payment(accounting_account(deal.tenant), row)

    def _rows(self, deal: DealPlan) -> list[PaymentRow]:
        begins = f"op-{deal.deal_id}-"
        return [row for row in self._books(deal).payments.values() if row.payment_id.startswith(begins)]

    def _books(self, deal: DealPlan) -> Books:
        return self._accounting.books(accounting_account(deal.tenant))

    # Cards

    def cards(self) -> Iterator[OpenCard]:
        """What people are asked now."""
        for service in self._services.values():
            for (tenant, card_id), row in service.memory.open_cards.items():
                yield OpenCard(
                    service=service.name,
                    tenant=tenant,
                    card_id=card_id,
                    stream=row["stream"],
                    kind=row["kind"],
                    choices=tuple(row["choices"]),
                    shown=row["shown"],
                    deal_id=row["deal_id"],
                    opened_at=dt.datetime.fromisoformat(row["opened_at"]),
                )

    def answer(self, card: OpenCard) -> None:
        """Takes a card; the same answer given twice changes nothing."""
        choice, number = self._choice(card)
        for repeat in range(2):
            command = TakeCard(card.card_id, choice, "Анна", number)
            self._services[card.service].execute(
                [Command(card.tenant, card.stream, command, f"take:{card.card_id}:{repeat}")]
            )

    def _choice(self, card: OpenCard) -> tuple[str, str]:
        deal = self._deals[card.tenant, card.deal_id]
        books = self._books(deal)
        match card.kind:
            case "document_uncertain":
                marker = card.shown["marker"]
                numbers = [one.number for one in books.invoices.values() if marker in one.comment]
                numbers += [one.number for one in books.acts.values() if marker in one.comment]
                number = next(iter(numbers), "")
                # One in two says "it is not there" of an invoice that a search would show: they looked elsewhere.
                hasty = card.shown["document"] == "invoice" and UUID(card.card_id).int % 2 == 0
                shown = hasty and any(marker in one.comment for one in self._accounting.shown(books, books.invoices))
                return ("found", number) if number and not shown else ("resend", "")
            case "counterparty_uncertain":
                email = "" if deal.buyer.inn else f"{deal.buyer.buyer_id}@example.org"
                whose = (deal.buyer.inn, deal.buyer.kpp, email)
                record = next(
                    (
                        one.counterparty_id
                        for one in books.counterparties.values()
                        if (one.inn, one.kpp, one.email) == whose
                    ),
                    "",
                )
                return ("found", record) if record else ("create_again", "")
            case "counterparty_double":
                return card.choices[0], ""
            case "branch_unknown":
                return "create_again", ""
            case "content_changed":
                return ("keep" if deal.keep else "replace"), ""
            case "buyer_late" | "review_late":
                return "wait", ""
            case "pdf_refused":
                return "fetch_again", ""
            case "overpaid" | "cancelled_with_money":
                return "refund_planned", ""
            case "cancel_refused" | "refunded_after_paid" | "payment_vanished":
                return "understood", ""
            case other:
                self.unforeseen.append(f"{card.tenant} deal {card.deal_id}: {other}")
                return card.choices[-1], ""


def _numberless(deal: DealPlan) -> bool:
    """Every other buyer pays in two halves, and the bank tells no number: they differ in nothing."""
    return deal.deal_id[-1] in "13579"
