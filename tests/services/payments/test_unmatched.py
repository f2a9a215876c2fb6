"""Payments that accounting has tied to no invoice, from its feed to what people are told."""

from dataclasses import dataclass, replace
from typing import Any

from chassis.outcomes import Ok, Outcome
from chassis.tenants import TenantDirectory
from chassis.work.handlers import Done, Permit
from connectors.ports.accounting import PaymentRow, PaymentsPage
from services.payments.store import PaymentStore
from services.payments.workers import PollPayments, RereadPayments
from tests.kit.statements import THEIR_INN
from tests.services.payments.conftest import ACCOUNT, Bank
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
    handler = RereadPayments(elba, books, PaymentStore(bank.database), TenantDirectory(bank.database))
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
