"""What statements listed before they say what is paid, told anew while further days come."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from chassis.work.handlers import Task, TaskResult
from services.payments.workers import matching
from tests.kit.statements import Order, statement
from tests.services.payments.conftest import Bank, until
from tests.services.streams import TENANT

NEXT_DAY = dt.date(2026, 3, 13)


def order(place: int, day: dt.date = dt.date(2026, 3, 12), invoice: int = 127) -> Order:
    """A hundred roubles for an invoice."""
    purpose = f"Оплата по счету № {invoice} от 12.03.2026. Без НДС"
    return Order(number=str(900 + place), day=day, amount="100.00", purpose=purpose)


@dataclass
class Held:
    """Whoever has read the account's lists, and has not said yet what came of it."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """The task that goes through an account stands still between what it reads and what it commits."""
    found, run = Held(), matching.AllotAccount.run

    async def stand_still(self: matching.AllotAccount, task: Task) -> TaskResult:
        result = await run(self, task)
        found.entered.set()
        await found.go_on.wait()
        return result

    monkeypatch.setattr(matching.AllotAccount, "run", stand_still)
    yield found
    found.go_on.set()


async def test_a_day_that_is_matched_while_an_account_is_gone_through_stays_counted(bank: Bank, held: Held) -> None:
    await bank.configure(payments_from=None)
    await bank.issue("127", 200_00)
    await bank.send(statement([order(1)]), "s1")
    await bank.configure(version=2)
    await asyncio.wait_for(held.entered.wait(), 10)
    data = statement([order(2, NEXT_DAY)], first=NEXT_DAY, last=NEXT_DAY, made=dt.date(2026, 3, 14))
    await bank.hand_in(await bank.blobs.put(TENANT, data), "s2")

    async def paid() -> bool:
        return bool((await bank.invoice("127"))["paid_kopecks"] == 200_00)

    await until(paid, "both days count")
    held.go_on.set()
    await until(bank.quiet, "all is done")
    assert (await bank.invoice("127"))["paid_kopecks"] == 200_00
    assert [one["kind"] for one in await bank.messages("DecisionNeeded")] == []
    assert await bank.messages("PaymentReversed") == []


async def test_each_invoice_of_an_account_is_told_once(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few a run, each run where the one before it stopped."""
    monkeypatch.setattr(matching, "INVOICES_PER_RUN_MAX", 2)
    numbers = range(201, 206)
    await bank.configure(payments_from=None)
    for number in numbers:
        await bank.issue(str(number), 100_00)
    await bank.send(statement([order(number, invoice=number) for number in numbers]), "s1")
    assert {(await bank.invoice(str(number)))["paid_kopecks"] for number in numbers} == {0}
    await bank.configure(version=2)
    await until(bank.quiet, "all is done")
    assert {(await bank.invoice(str(number)))["paid_kopecks"] for number in numbers} == {100_00}
