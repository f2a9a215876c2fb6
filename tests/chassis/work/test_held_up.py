"""Work that never fails and is never done: at a limit without end, or without permits, its age is seen."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis import metrics
from chassis.domain import Problem
from chassis.outcomes import Deferred, Retryable
from chassis.work import gauges, queries
from chassis.work.handlers import Done
from chassis.work.machine import State
from chassis.work.permits import PERMITS_AWAY
from chassis.work.queries import WorkStatus
from chassis.work.runner import vendor_before_colon
from tests.chassis.work.conftest import QUICK, World, eventually
from tests.chassis.work.probes import moved, waiting
from tests.chassis.work.test_journal import Said, said
from tests.chassis.work.test_tasks import TENANT, Looker, plan
from tests.chassis.work.toy import ACCOUNT, START, Vendor, begin

__all__ = ["said"]

LIMIT = Problem("limit_used_up")


async def status(world: World) -> WorkStatus:
    async with world.database.delivery_connection() as connection:
        return await queries.status(connection, world.clock.now(), recurring=(), polls=())


async def put_off(world: World, seconds: float) -> None:
    """Lets the one row be tried again and again until so long after the start."""
    while (world.clock.now() - START).total_seconds() < seconds:
        row = await eventually(lambda: waiting(world))
        world.clock.set(max(row["due_at"], world.clock.now() + timedelta(seconds=400)))
        await eventually(lambda r=row: moved(world, r["epoch"]))  # type: ignore[misc]


def never(world: World, vendor: Vendor, by: str) -> None:
    if by == "vendor":
        vendor.answer = lambda call: Deferred(LIMIT, world.clock.now() + timedelta(seconds=30))
    elif by == "permits":
        world.permits.answer = Retryable(Problem(PERMITS_AWAY), outage=False)
    else:
        world.permits.answer = Deferred(LIMIT, None)


@pytest.mark.parametrize("by", ["vendor", "bucket", "permits"])
async def test_work_that_is_always_put_off_is_delayed_and_as_old_as_it_is(world: World, by: str) -> None:
    vendor = Vendor()
    never(world, vendor, by)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await put_off(world, 800)
    assert (await status(world)).delayed == 0
    await put_off(world, 1000)
    found = await status(world)
    assert (found.delayed, found.oldest_due_at) == (1, START)
    async with world.database.delivery_connection() as connection:
        (listed,) = await queries.open_work(connection, world.clock.now())
        await gauges.measure(connection, world.clock.now(), vendor_before_colon)
    assert listed.delayed_since == START
    age = (world.clock.now() - START).total_seconds()
    assert metrics.WORK_OLDEST.labels("0")._value.get() == age
    assert await world.messages("WorkDelayed") == await world.messages("OutageBegan") == []


async def test_it_is_delayed_no_more_once_it_is_done(world: World) -> None:
    vendor = Vendor()
    never(world, vendor, "vendor")
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await put_off(world, 1000)
    vendor.answer = vendor.create
    world.clock.advance(60)
    await world.settled("aa", "1", "CONFIRMED")
    found = await status(world)
    assert (found.delayed, found.oldest_due_at) == (0, None)


async def test_one_line_of_the_log_names_an_account_whatever_waits_for_it(world: World, said: Said) -> None:
    never(world, vendor := Vendor(), "permits")
    await world.execute(*(begin("aa", str(n)) for n in range(5)))
    await world.start(vendor, settings=replace(QUICK, gauges_seconds=0.0))
    await eventually(lambda: waiting(world))
    world.clock.advance(1000)

    async def told(account: str) -> list[dict[str, Any]]:
        lines = [line for line in said() if line["event"] == "an account's work is undone for long"]
        return [line for line in lines if line["account"] == account]

    (line,) = await eventually(lambda: told(ACCOUNT))
    assert (line["tenant"], line["count"], line["age_seconds"]) == ("aa", 5, 1000)
    await world.execute(begin("aa", "9", account="toy:other"))
    world.clock.advance(1000)
    await eventually(lambda: told("toy:other"))
    assert len(await told(ACCOUNT)) == 1


async def test_a_poll_that_was_put_off_and_then_done_begins_anew(world: World) -> None:
    again = START + timedelta(seconds=600)
    await plan(world)
    await world.start(tasks=[Looker(Deferred(LIMIT, START + timedelta(seconds=500)), Done((), again_at=again))])
    row = await eventually(lambda: waiting(world))
    assert row["first_due_at"] == START
    world.clock.advance(500)
    await eventually(lambda: moved(world, row["epoch"]))
    (row,) = await world.rows()
    assert (row["due_at"], row["first_due_at"]) == (again, None)


async def test_work_whose_every_holder_falls_silent_is_delayed_in_hands_and_out_of_them(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1"))
    for _ in range(2):
        (row,) = await world.claim(vendor)
        assert row.effect.state is State.PLANNED
        await world.end_leases()
    world.clock.advance(1000)
    found = await status(world)
    assert (found.taken, found.delayed) == (1, 1)
    async with world.database.delivery_connection() as connection:
        (late,) = await gauges.measure(connection, world.clock.now(), vendor_before_colon)
    assert (late.account, late.since) == (ACCOUNT, START)


async def test_nothing_is_late_of_a_tenant_for_whom_nothing_is_claimed(world: World) -> None:
    await world.execute(begin("aa", "1"))
    world.clock.advance(1000)
    assert (await status(world)).delayed == 1
    async with world.database.transaction([TENANT]) as connection:
        await connection.execute("INSERT INTO tenant_states VALUES ($1, 'suspended', 1, '{}')", TENANT)
    assert (await status(world)).delayed == 0
