"""Payments that accounting has tied to no invoice, from its feed to what people are told."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chassis.outcomes import Ok, Outcome
from chassis.tenants import TenantDirectory
from chassis.work.handlers import Done, Permit
from connectors.ports.accounting import PaymentRow, PaymentsPage
from services.payments.store import LOOSE_TOLD_MAX, PaymentStore
from services.payments.workers import PollPayments, RereadPayments
from services.payments.workers.waiting import WAITS_MAX
from tests.kit.statements import THEIR_INN, Order, statement
from tests.services.payments.conftest import ACCOUNT, Bank, until
from tests.services.payments.test_workers import ROW, Feed, elba, task
from tests.services.streams import NOW, TENANT


@dataclass
class Listing:
    """An accounting account that lists the payments of an invoice."""

    rows: tuple[PaymentRow, ...]

    async def payments_of_invoice(self, permit: Permit, remote_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        return Ok(self.rows)


LOOSE = replace(ROW, invoice_id=None, payer_inn=THEIR_INN)


async def polled(bank: Bank, *rows: Any) -> None:
    """One pass over the account's feed, its commands carried out."""
    feed: Any = Feed(Ok(PaymentsPage(rows, None)))
    poll = PollPayments(elba, feed, PaymentStore(bank.database), bank.clock)
    done = await poll.run(replace(task(poll_seconds=300), account=ACCOUNT))
    assert isinstance(done, Done)
    for command in done.commands:
        await bank.do(command.stream, command.body, command.command_id)


async def reread(bank: Bank, invoice_id: str, *rows: Any) -> None:
    """All payments of an invoice of deal 15, as accounting lists them now."""
    books: Any = Listing(rows)
    handler = RereadPayments(elba, books, PaymentStore(bank.database), TenantDirectory(bank.database), bank.clock)
    payload = {"invoice_id": invoice_id, "remote_id": "remote-127"}
    done = await handler.run(replace(task(**payload), account=ACCOUNT))
    assert isinstance(done, Done)
    for command in done.commands:
        await bank.do(command.stream, command.body, command.command_id)


async def listed(bank: Bank) -> list[str]:
    """The operations that belong to no invoice, by the vendor's ids."""
    async with bank.database.transaction([TENANT]) as connection:
        rows = await connection.fetch("SELECT operation FROM unmatched_operations ORDER BY operation")
    return [row["operation"].partition("/")[2] for row in rows]


async def test_a_payment_of_a_buyer_whose_invoice_is_unpaid_is_told_once(bank: Bank) -> None:
    await bank.issue("127", 85_000_00)
    rows = (LOOSE, replace(LOOSE, payment_id="op2", payer_inn="7700000009"))
    await polled(bank, *rows)
    await polled(bank, *rows)
    assert [one["payment_id"] for one in await bank.messages("PaymentUnmatched")] == ["op1"]


async def test_a_payment_of_the_very_rest_is_told_whoever_paid(bank: Bank) -> None:
    await bank.issue("127", 30_00, buyer_inn="")
    await polled(bank, replace(LOOSE, payer_inn=""))
    assert len(await bank.messages("PaymentUnmatched")) == 1


async def test_where_nothing_is_to_be_paid_nothing_is_told(bank: Bank) -> None:
    await polled(bank, LOOSE, replace(LOOSE, payment_id="op2", updated_at=NOW))
    assert await bank.messages("PaymentUnmatched") == []


async def test_a_payment_that_accounting_deletes_is_listed_no_more(bank: Bank) -> None:
    await polled(bank, LOOSE, replace(LOOSE, payment_id="op2"))
    assert await listed(bank) == ["op1", "op2"]
    await polled(bank, replace(LOOSE, removed=True), replace(LOOSE, payment_id="op2"))
    assert await listed(bank) == ["op2"]
    await polled(bank, LOOSE)
    assert await listed(bank) == ["op1", "op2"], "what was deleted by mistake is listed again"


async def test_of_an_operation_that_pays_invoices_by_now_nothing_stays_listed(bank: Bank) -> None:
    """All shares of an operation come together: what no longer comes is gone."""
    rest = replace(LOOSE, payment_id="op1/", share_of="op1")
    theirs = replace(LOOSE, payment_id="op1/theirs", invoice_id="theirs", share_of="op1")
    other = replace(rest, payment_id="op10/", share_of="op10")
    await polled(bank, rest, other)
    assert await listed(bank) == ["op1/", "op10/"]
    await polled(bank, theirs)
    assert await listed(bank) == ["op1/theirs", "op10/"]
    await polled(bank, replace(rest, removed=True))
    assert await listed(bank) == ["op10/"]


async def test_a_payment_that_counts_by_a_reading_of_its_invoice_is_listed_no_more(bank: Bank) -> None:
    """Tied when the feed had passed it by, it was found by the look at standing invoices, and stood twice."""
    invoice_id = await bank.issue("127", 85_000_00)
    await polled(bank, LOOSE, replace(LOOSE, payment_id="op2"))
    await reread(bank, invoice_id, replace(LOOSE, invoice_id="remote-127"))
    assert (await bank.invoice("127"))["paid_kopecks"] == 30_00
    assert await listed(bank) == ["op2"]


async def settled(bank: Bank) -> None:
    """What the invoice set in motion is done, but for readings of accounting."""
    await until(lambda: done(bank, "match-waiting"), "what waited for the invoice is looked at")


async def done(bank: Bank, kind: str) -> bool:
    async with bank.database.delivery_connection() as connection:
        states = await connection.fetch("SELECT queue FROM work WHERE kind = $1", kind)
    return bool(states) and all(row["queue"] == "closed" for row in states)


async def planned(bank: Bank, kind: str) -> int:
    async with bank.database.delivery_connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM work WHERE kind = $1", kind))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (LOOSE, 1),
        (replace(LOOSE, payer_inn="", amount_kopecks=85_000_00), 1),
        (replace(LOOSE, payer_inn="7700000009"), 0),
        (replace(LOOSE, amount_kopecks=-30_00), 0),
        (replace(LOOSE, invoice_id="theirs"), 0),
        (replace(LOOSE, paid_on=NOW.date() - WAITS_MAX - dt.timedelta(days=1)), 0),
    ],
    ids=["of the buyer", "of the very sum", "of nobody", "that left", "tied to another", "long ago"],
)
async def test_a_payment_that_came_before_its_invoice_is_told_once_the_invoice_is_known(
    bank: Bank, row: PaymentRow, told: int
) -> None:
    await polled(bank, row)
    assert await bank.messages("PaymentUnmatched") == []
    await bank.issue("127", 85_000_00)
    await settled(bank)
    await polled(bank, row)
    assert len(await bank.messages("PaymentUnmatched")) == told


async def test_of_many_payments_of_one_sum_a_few_are_told_when_an_invoice_of_it_becomes_known(bank: Bank) -> None:
    """A shop's customers all pay the same, and accounting ties none of them."""
    rows = [replace(LOOSE, payment_id=f"op{number}", payer_inn="") for number in range(LOOSE_TOLD_MAX + 20)]
    await polled(bank, *rows)
    await bank.issue("127", 30_00)
    await settled(bank)
    await polled(bank, *rows)
    assert len(await bank.messages("PaymentUnmatched")) == LOOSE_TOLD_MAX


async def test_a_payment_of_an_invoice_that_became_known_is_read_and_counted_however_old_it_is(bank: Bank) -> None:
    """No poll goes back so far: it was seen by the look at standing invoices, six hours later."""
    await polled(bank, replace(LOOSE, invoice_id="remote-127"))
    assert await planned(bank, "reread-payments") == 0
    invoice_id = await bank.issue("127", 85_000_00)
    await settled(bank)
    assert await planned(bank, "reread-payments") == 1
    await reread(bank, invoice_id, replace(LOOSE, invoice_id="remote-127"))
    assert (await bank.invoice("127"))["paid_kopecks"] == 30_00
    assert await listed(bank) == []
    assert await bank.messages("PaymentMatched") == [], "nobody was told that it was lost"


async def test_who_heard_of_an_unmatched_payment_hears_once_that_it_has_found_its_invoice(bank: Bank) -> None:
    invoice_id = await bank.issue("127", 85_000_00)
    await polled(bank, LOOSE)
    tied = replace(LOOSE, invoice_id="remote-127")
    for _ in range(2):
        await polled(bank, tied)
        await reread(bank, invoice_id, tied)
    (found,) = await bank.messages("PaymentMatched")
    assert (found["payment_id"], found["invoice_numbers"]) == ("op1", ["127"])


async def test_a_share_that_was_loose_is_told_to_have_found_the_invoice_of_its_operation(bank: Bank) -> None:
    await bank.issue("127", 85_000_00)
    rest = replace(LOOSE, payment_id="op1/", share_of="op1")
    await polled(bank, rest)
    await polled(bank, replace(rest, payment_id="op1/remote-127", invoice_id="remote-127"))
    assert [one["invoice_numbers"] for one in await bank.messages("PaymentMatched")] == [["127"]]
    assert await listed(bank) == []


async def test_a_statements_payment_that_came_before_its_invoice_is_asked_about_when_that_is_known(bank: Bank) -> None:
    """The purpose names nothing and no invoice was there: it looked like nobody's, and was looked at no more."""
    await bank.configure()
    await bank.send(statement([Order(purpose="За услуги")]), "s1")
    assert await bank.store.operations(TENANT, ("asked",), 10) == []
    await bank.issue("127", 85_000_00)
    await until(lambda: bank.store.operations(TENANT, ("asked",), 10), "a person is asked")
