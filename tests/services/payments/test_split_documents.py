"""Bank documents of 1C whose rows pay several invoices, as an accountant edits them."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chassis.engine import Engine
from chassis.outcomes import Ok, Outcome
from chassis.service.spec import no_probe
from chassis.tenants import TenantDirectory
from chassis.work.handlers import Done, Permit
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.onec.mapping import reading
from connectors.ports.accounting import PaymentRow, PaymentsPage
from services.payments.app import SPEC
from services.payments.domain import commands as c
from services.payments.store import PaymentStore
from services.payments.workers import PollPayments, RereadPayments
from tests.chassis.work.toy import OpenHand
from tests.connectors.onec.samples import PAYMENT
from tests.services.payments.conftest import ACCOUNT, Bank, until
from tests.services.payments.test_unmatched import Listing, listed
from tests.services.payments.test_workers import ROW, Feed, elba, task
from tests.services.streams import NOW

INVOICES = {number: f"00000000-0000-4000-9000-{number:012d}" for number in (127, 128)}


class Books(Listing):
    """The base of 1C, whose invoices do not say what was paid."""

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[Any]:
        return Ok(SimpleNamespace(paid_kopecks=None))


def document(*rows: tuple[int, int]) -> tuple[PaymentRow, ...]:
    """A bank document with rows of (invoice, 0 for none; roubles)."""
    split = [
        {"LineNumber": str(place), "СуммаПлатежа": roubles, "СчетНаОплату_Key": INVOICES.get(number, "")}
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
    handler = RereadPayments(elba, books, PaymentStore(bank.database), TenantDirectory(bank.database), bank.clock)
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


@pytest.mark.parametrize("rows", [((127, 100), (128, 50)), ((127, 100),)], ids=["two rows", "one row"])
async def test_of_a_document_that_lost_all_its_rows_nothing_counts(
    bank: Bank, rows: tuple[tuple[int, int], ...]
) -> None:
    """No row was left that would have said which document it was, and nobody looks at paid invoices."""
    ids = {number: await issued(bank, number, roubles) for number, roubles in rows}
    for number, invoice_id in ids.items():
        await reread(bank, invoice_id, number, document(*rows))
    assert await polled(bank, document(*rows)) == set()
    bank.clock.advance(60)
    assert await polled(bank, document()) == set(ids.values())
    for number, invoice_id in ids.items():
        await reread(bank, invoice_id, number, document())
        assert (await bank.invoice(str(number)))["paid_kopecks"] == 0
    assert await polled(bank, document()) == set()


@pytest.mark.parametrize(
    ("edited", "numbers"),
    [(((127, 100),), []), (((127, 150),), [["127"]])],
    ids=["deleted", "added to the other"],
)
async def test_a_loose_row_that_was_removed_has_found_an_invoice_only_where_that_is_paid_otherwise_now(
    bank: Bank, edited: tuple[tuple[int, int], ...], numbers: list[list[str]]
) -> None:
    first = await issued(bank, 127, 150)
    rows = document((127, 100), (0, 50))
    await reread(bank, first, 127, rows)
    await polled(bank, rows)
    assert [one["amount_kopecks"] for one in await bank.messages("PaymentUnmatched")] == [50_00]
    for _ in range(2):
        await polled(bank, document(*edited))
    assert [one["invoice_numbers"] for one in await bank.messages("PaymentMatched")] == numbers
    assert await listed(bank) == []


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


@dataclass
class Desk:
    """A base whose lists of payments change, with the service that reads them."""

    bank: Bank
    lists: dict[str, tuple[PaymentRow, ...]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    async def payments_of_invoice(self, permit: Permit, remote_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        self.read.append(remote_id)
        return Ok(self.lists.get(remote_id, ()))

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[Any]:
        return Ok(SimpleNamespace(paid_kopecks=None))

    def lists_for(self, number: int, rows: tuple[PaymentRow, ...]) -> None:
        """An invoice's list shows its rows of a document."""
        self.lists[INVOICES[number]] = tuple(row for row in rows if row.invoice_id == INVOICES[number])

    def times_read(self) -> list[int]:
        return [self.read.count(remote_id) for remote_id in INVOICES.values()]

    async def notices(self, invoice_id: str) -> None:
        """There is news about an invoice; all that is due then is done."""
        await self.bank.do("deal-15", c.NoticePayments(invoice_id), f"news:{uuid.uuid4()}")
        await until(self.bank.quiet, "what is due is read")

    async def later(self, wait: timedelta) -> None:
        """Time passes; all that is due then is done."""
        self.bank.clock.advance(wait.total_seconds())
        await until(self.bank.quiet, "what is due is read")


@asynccontextmanager
async def opened(bank: Bank) -> AsyncIterator[Desk]:
    """Invoices are read again when they are due, by a real runner."""
    desk = Desk(bank)
    books: Any = desk
    runner = WorkRunner(
        bank.database,
        Engine(SPEC.name, SPEC.stream_kinds()),
        bank.clock,
        OpenHand(bank.clock.now),
        effects=(),
        tasks=(RereadPayments(elba, books, PaymentStore(bank.database), TenantDirectory(bank.database), bank.clock),),
        probe_account=no_probe,
        settings=WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600),
    )
    await runner.start()
    try:
        yield desk
    finally:
        await runner.abort()


async def test_a_document_that_is_tied_to_another_invoice_right_after_a_look_is_taken_from_the_first(
    bank: Bank,
) -> None:
    """That look came before the edit, and the next is not to be forgotten because it would follow so soon."""
    first, second = await issued(bank, 127, 100), await issued(bank, 128, 100)
    async with opened(bank) as desk:
        desk.lists_for(127, document((127, 100)))
        await desk.notices(first)
        await desk.notices(first)
        assert (await counted(bank), desk.times_read()) == ([100, 0], [2, 0])
        desk.lists.clear()
        desk.lists_for(128, document((128, 100)))
        await desk.later(timedelta(seconds=3))
        await desk.notices(second)
        await desk.later(timedelta(minutes=1))
        assert await counted(bank) == [0, 100]


async def test_a_list_that_lags_behind_the_other_invoices_is_not_the_last_word(bank: Bank) -> None:
    first, second = await issued(bank, 127, 100), await issued(bank, 128, 100)
    async with opened(bank) as desk:
        desk.lists_for(127, document((127, 100)))
        await desk.notices(first)
        desk.lists_for(128, document((128, 100)))
        await desk.notices(second)
        assert (await counted(bank), desk.times_read()) == ([100, 100], [2, 1])
        desk.lists.pop(INVOICES[127])
        await desk.later(timedelta(minutes=10))
        assert (await counted(bank), desk.times_read()) == ([0, 100], [3, 1])


async def test_another_look_meanwhile_does_not_stand_for_the_later_one(bank: Bank) -> None:
    first, second = await issued(bank, 127, 100), await issued(bank, 128, 100)
    async with opened(bank) as desk:
        desk.lists_for(127, document((127, 100)))
        await desk.notices(first)
        desk.lists_for(128, document((128, 100)))
        await desk.notices(second)
        await desk.later(timedelta(minutes=9))
        await desk.notices(first)
        desk.lists.pop(INVOICES[127])
        await desk.later(timedelta(minutes=1))
        assert (await counted(bank), desk.times_read()) == ([0, 100], [4, 1])


async def test_a_payment_that_truly_counts_for_two_invoices_has_the_first_read_twice_in_all(bank: Bank) -> None:
    first, second = await issued(bank, 127, 100), await issued(bank, 128, 100)
    async with opened(bank) as desk:
        for remote_id in INVOICES.values():
            desk.lists[remote_id] = (replace(ROW, invoice_id=remote_id),)
        await desk.notices(first)
        await desk.notices(second)
        for _ in range(10):
            await desk.later(timedelta(hours=1))
        assert desk.times_read() == [3, 1]
