"""Bank documents of 1C whose rows pay several invoices, as an accountant edits them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from chassis.outcomes import Ok, Outcome
from chassis.tenants import TenantDirectory
from chassis.work.handlers import Done, Permit
from connectors.onec.mapping import reading
from connectors.ports.accounting import PaymentRow, PaymentsPage
from services.payments.domain import commands as c
from services.payments.store import PaymentStore
from services.payments.workers import PollPayments, RereadPayments
from tests.connectors.onec.samples import PAYMENT
from tests.services.payments.conftest import ACCOUNT, Bank
from tests.services.payments.test_unmatched import Listing
from tests.services.payments.test_workers import ROW, Feed, elba, task
from tests.services.streams import NOW

INVOICES = {number: f"00000000-0000-4000-9000-{number:012d}" for number in (127, 128)}


class Books(Listing):
    """The base of 1C, whose invoices do not say what was paid."""

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[Any]:
        return Ok(SimpleNamespace(paid_kopecks=None))


def document(*rows: tuple[int, int]) -> tuple[PaymentRow, ...]:
    """A bank document with rows of (invoice, roubles)."""
    split = [
        {"LineNumber": str(place), "СуммаПлатежа": roubles, "СчетНаОплату_Key": INVOICES[number]}
        for place, (number, roubles) in enumerate(rows, 1)
    ]
    card: dict[str, Any] = PAYMENT | {"РасшифровкаПлатежа": split, "ДокументОснование": ""}
    return reading.read_payments(card, sign=1, zone=ZoneInfo("Europe/Moscow"), now=NOW, accounts={}, payers={})


async def issued(bank: Bank, number: int, roubles: int) -> str:
    return await bank.issue(str(number), roubles * 100, remote_id=INVOICES[number])


async def polled(bank: Bank, rows: tuple[PaymentRow, ...]) -> set[str]:
    """The invoices that one pass over the feed has read again."""
    feed: Any = Feed(Ok(PaymentsPage(rows, None)))
    done = await PollPayments(elba, feed, PaymentStore(bank.database), bank.clock).run(
        replace(task(poll_seconds=300), account=ACCOUNT)
    )
    assert isinstance(done, Done)
    return await _noticed(bank, done)


async def reread(bank: Bank, invoice_id: str, number: int, rows: tuple[PaymentRow, ...]) -> set[str]:
    """All payments of an invoice are read; the invoices that are to be read after it."""
    books: Any = Books(tuple(row for row in rows if row.invoice_id == INVOICES[number]))
    handler = RereadPayments(elba, books, PaymentStore(bank.database), TenantDirectory(bank.database))
    payload = {"invoice_id": invoice_id, "remote_id": INVOICES[number]}
    done = await handler.run(replace(task(**payload), account=ACCOUNT))
    assert isinstance(done, Done)
    return await _noticed(bank, done)


async def _noticed(bank: Bank, done: Done) -> set[str]:
    for command in done.commands:
        await bank.do(command.stream, command.body, command.command_id)
    return {one.body.invoice_id for one in done.commands if isinstance(one.body, c.NoticePayments)}


async def counted(bank: Bank) -> list[int]:
    return [(await bank.invoice(str(number)))["paid_kopecks"] // 100 for number in INVOICES]


async def test_a_row_that_was_removed_counts_no_more(bank: Bank) -> None:
    first, second = await issued(bank, 127, 200), await issued(bank, 128, 50)
    rows = document((127, 100), (128, 50))
    assert await polled(bank, rows) == {first, second}
    for invoice_id, number in ((first, 127), (second, 128)):
        await reread(bank, invoice_id, number, rows)
    assert await counted(bank) == [100, 50]
    assert await polled(bank, rows) == set()
    edited = document((127, 150))
    assert await polled(bank, edited) == {first, second}
    for invoice_id, number in ((first, 127), (second, 128)):
        await reread(bank, invoice_id, number, edited)
    assert await counted(bank) == [150, 0]
    assert await polled(bank, edited) == set()


async def test_a_document_that_was_tied_to_another_invoice_is_taken_from_the_first(bank: Bank) -> None:
    """It may be older than any poll looks back."""
    first, second = await issued(bank, 127, 100), await issued(bank, 128, 100)
    await reread(bank, first, 127, document((127, 100)))
    tied = document((128, 100))
    assert await reread(bank, second, 128, tied) == {first}
    assert await reread(bank, first, 127, tied) == set()
    assert await counted(bank) == [0, 100]


async def test_a_payment_that_is_listed_for_two_invoices_has_them_read_again_once(bank: Bank) -> None:
    """An operation of accounting may be listed whole for each: they must not set each other off for ever."""
    first, second = await issued(bank, 127, 100), await issued(bank, 128, 100)
    both = tuple(replace(ROW, invoice_id=remote) for remote in INVOICES.values())
    assert await reread(bank, first, 127, both) == set()
    assert await reread(bank, second, 128, both) == {first}
    assert await reread(bank, first, 127, both) == set()
    assert await reread(bank, second, 128, both) == set()
