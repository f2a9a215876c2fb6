"""Balances under any sequence of listings: a balance is a function of the last listing of each invoice."""

import datetime as dt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.cards import TakeCard
from contracts.messages import payments as messages
from services.payments.domain import commands as c
from services.payments.domain.events import Operation
from tests.services.payments.parts import known, listing, paid, payments

INVOICES = st.sampled_from(["i1", "i2"])
OPERATIONS = st.builds(
    paid,
    st.sampled_from([10_00, 30_00, 60_00, 100_00, -10_00, -60_00]),
    st.sampled_from(["", "", "a", "b", "c", "d"]),
    order_number=st.sampled_from(["31", "031", "32"]),
    date=st.sampled_from([dt.date(2026, 3, 13), dt.date(2026, 3, 14)]),
    payer_name=st.sampled_from(["Ромашка", "Ромашка и К"]),
)
LISTINGS = st.lists(OPERATIONS, max_size=5)
PICK = st.integers(min_value=0, max_value=1_000)


def signed(operations: list[Operation]) -> int:
    """What a listing comes to: rows of one id are one operation, as it stands last; rows without id all count."""
    with_id = {one.operation_id: one for one in operations if one.operation_id}
    rows = [*with_id.values(), *(one for one in operations if not one.operation_id)]
    return sum(one.amount_kopecks if one.direction == "in" else -one.amount_kopecks for one in rows)


class Balances(RuleBasedStateMachine):
    """Two invoices of a deal, 100 and 50 roubles, and whatever accounting lists for them."""

    @initialize()
    def begin(self) -> None:
        self.deal = payments()
        self.deal.ran(known("i2", 50_00))
        self.listed: dict[str, list[Operation]] = {"i1": [], "i2": []}
        self.voided: set[str] = set()

    @rule(invoice_id=INVOICES, operations=LISTINGS)
    def accounting_lists(self, invoice_id: str, operations: list[Operation]) -> None:
        self._list(invoice_id, operations)

    @rule(invoice_id=INVOICES, operation=OPERATIONS)
    def a_payment_is_added(self, invoice_id: str, operation: Operation) -> None:
        if len(self.listed[invoice_id]) < 6:
            self._list(invoice_id, [*self.listed[invoice_id], operation])

    @rule(invoice_id=INVOICES, pick=PICK)
    def a_payment_goes(self, invoice_id: str, pick: int) -> None:
        rows = list(self.listed[invoice_id])
        if rows:
            del rows[pick % len(rows)]
        self._list(invoice_id, rows)

    @rule(invoice_id=INVOICES, data=st.data())
    def the_same_is_listed_in_another_order(self, invoice_id: str, data: st.DataObject) -> None:
        # Rows of one id differ in what stands last; any other order says the same.
        last = {one.operation_id: one for one in self.listed[invoice_id] if one.operation_id}
        rows = [*last.values(), *(one for one in self.listed[invoice_id] if not one.operation_id)]
        assert self.deal.ran(listing(*data.draw(st.permutations(rows)), invoice_id=invoice_id)) == []

    def _list(self, invoice_id: str, operations: list[Operation]) -> None:
        self.listed[invoice_id] = operations
        self.deal.ran(listing(*operations, invoice_id=invoice_id))
        assert self.deal.ran(listing(*operations, invoice_id=invoice_id)) == [], "a listing told twice changes nothing"

    @rule(invoice_id=INVOICES)
    def an_invoice_is_voided(self, invoice_id: str) -> None:
        self.voided.add(invoice_id)
        self.deal.ran(c.VoidInvoice(invoice_id))
        assert self.deal.ran(c.VoidInvoice(invoice_id)) == []

    @rule(invoice_id=INVOICES, days=st.integers(0, 40), may_remind=st.booleans())
    def a_day_goes_by(self, invoice_id: str, days: int, may_remind: bool) -> None:
        look = c.LookAtDue(invoice_id, dt.date(2026, 3, 16) + dt.timedelta(days=days), (3, 7), may_remind)
        self.deal.ran(look)
        assert self.deal.ran(look) == []

    def _open(self) -> list[TakeCard]:
        cards = [card.opened for card in self.deal.state.cards.by_id.values() if card.taken is None]
        return [TakeCard(opened.card_id, opened.choices[0], "Анна") for opened in cards]

    @precondition(lambda self: self._open())
    @rule(pick=PICK)
    def a_card_is_taken(self, pick: int) -> None:
        cards = self._open()
        self.deal.ran(cards[pick % len(cards)])

    @invariant()
    def paid_is_what_is_listed_last(self) -> None:
        for invoice_id, operations in self.listed.items():
            assert self.deal.state.invoices[invoice_id].paid_kopecks == signed(operations)

    @invariant()
    def money_is_told_to_the_kopeck(self) -> None:
        counted: dict[str, int] = {}
        for message in self.deal.messages:
            match message:
                case messages.PaymentReceived():
                    counted[message.payment_id] = message.amount_kopecks
                case messages.PaymentReversed() if message.kind == "refunded":
                    counted[message.payment_id] = -message.amount_kopecks
                case messages.PaymentReversed():
                    assert counted[message.payment_id] == message.amount_before_kopecks
                    counted[message.payment_id] = message.amount_kopecks
                case _:
                    pass
        assert sum(counted.values()) == sum(signed(operations) for operations in self.listed.values())

    @invariant()
    def last_balance_told_is_the_balance(self) -> None:
        told = {one.invoice_id: one for one in self.deal.said(messages.InvoiceBalanceChanged)}
        for invoice_id, invoice in self.deal.state.invoices.items():
            said = told[invoice_id]
            assert (said.paid_kopecks, said.status) == (invoice.paid_kopecks, invoice.status)
            assert said.rest_kopecks == (
                0 if invoice_id in self.voided else max(0, said.total_kopecks - said.paid_kopecks)
            )
        newest = max(told.values(), key=lambda one: one.version)
        live = [one for one in told.values() if one.invoice_id not in self.voided]
        assert newest.deal_paid_kopecks == sum(one.paid_kopecks for one in live)
        assert newest.deal_settled == (bool(live) and all(one.rest_kopecks == 0 for one in live))

    @invariant()
    def told_balances_are_numbered_upwards(self) -> None:
        numbers = [one.version for one in self.deal.said(messages.InvoiceBalanceChanged)]
        assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def questions_stand_as_long_as_they_matter(self) -> None:
        for card in self.deal.state.cards.by_id.values():
            if card.taken is None and card.opened.kind == "overpaid":
                assert self.deal.state.invoices[card.opened.subject].status == "overpaid"

    @invariant()
    def state_is_what_was_stored(self) -> None:
        assert self.deal.replayed() == self.deal.state


TestBalances = Balances.TestCase
TestBalances.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
