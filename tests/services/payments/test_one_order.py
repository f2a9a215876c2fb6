"""One payment order that statement files have on two days counts once, whatever their order and however close."""

import asyncio
import datetime as dt
from collections.abc import Collection

import pytest

from chassis.ids import TenantId
from services.payments.store.bank import OrderRow
from tests.kit.statements import Order, statement
from tests.services.payments.conftest import Bank, until
from tests.services.streams import TENANT

pytestmark = pytest.mark.parts

DAY = dt.date(2026, 3, 12)
NEXT = dt.date(2026, 3, 13)
LATER = Order(extra={"ДатаПоступило": "13.03.2026"})


async def _states(bank: Bank) -> list[str]:
    found = await bank.store.operations(TENANT, (), 100)
    return [one["state"] for one in sorted(found, key=lambda one: one["operation_day"])]


async def test_an_order_of_two_days_that_are_matched_at_one_moment_counts_once(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later day looks before the earlier one is listed, and is written after that one has looked."""
    await bank.configure()
    await bank.issue("127", 170_000_00)
    looked, look = {DAY: asyncio.Event(), NEXT: asyncio.Event()}, bank.store.orders_around

    async def around(
        tenant: TenantId, stream: str, dates: Collection[dt.date], sums: Collection[int]
    ) -> list[OrderRow]:
        found = await look(tenant, stream, dates, sums)
        day = NEXT if stream.endswith(NEXT.isoformat()) else DAY
        looked[day].set()
        if day == NEXT:
            await looked[DAY].wait()
        return found

    monkeypatch.setattr(bank.store, "orders_around", around)
    folder = statement([LATER], first=NEXT, last=NEXT, made=dt.date(2026, 3, 14))
    await bank.hand_in(await bank.blobs.put(TENANT, folder), "folder")
    await looked[NEXT].wait()
    await bank.send(statement([Order()]), "upload")
    assert sorted(await _states(bank)) == ["allotted", "asked"]
    assert (await bank.invoice("127"))["paid_kopecks"] == 85_000_00
    (asked,) = await bank.messages("DecisionNeeded")
    assert (asked["kind"], asked["values"]["same_order"]) == ("payment_unclear", 1)


async def test_an_order_that_comes_back_on_its_old_day_while_it_counts_on_another_is_asked_about(bank: Bank) -> None:
    await bank.configure()
    await bank.issue("127", 170_000_00)
    await bank.send(statement([Order()]), "upload")
    await bank.send(statement([LATER], last=NEXT, made=dt.date(2026, 3, 14)), "folder")
    assert await _states(bank) == ["vanished", "allotted"]
    await bank.send(statement([Order()], made=dt.date(2026, 3, 15)), "upload again")
    assert await _states(bank) == ["asked", "allotted"]
    assert (await bank.invoice("127"))["paid_kopecks"] == 85_000_00
    await until(bank.quiet, "nothing more is to be done")
