"""A delay of a stream's work is told to the other streams that wait for it, and to nobody twice."""

from typing import Any

import orjson

from chassis.ids import TenantId
from chassis.outcomes import Ok, Retryable
from chassis.work.handlers import Done
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.probes import Answers, P, moved, waiting
from tests.chassis.work.test_tasks import Looker, plan
from tests.chassis.work.toy import ACCOUNT, Vendor, begin

CHAIN = "chain-1"


class Waiters:
    """Who waits now, and of what it was asked."""

    def __init__(self, *streams: str) -> None:
        self.streams = list(streams)
        self.asked: list[tuple[str, str, str]] = []

    async def __call__(self, tenant: TenantId, stream: str, account: str) -> list[str]:
        self.asked.append((tenant, stream, account))
        return self.streams


async def told(world: World) -> list[tuple[str, str]]:
    """Whose each message about a delay is, and its name, in order."""
    async with world.database.delivery_connection() as connection:
        rows = await connection.fetch("SELECT headers, body FROM outbox ORDER BY seq")
    named = [(orjson.loads(row["body"]), dict(orjson.loads(row["headers"]))["ce_type"]) for row in rows]
    return [(body["deal_id"], name) for body, name in named if name in ("WorkDelayed", "WorkResumed")]


async def tries(world: World, count: int) -> None:
    for _ in range(count):
        row = await eventually(lambda: waiting(world))
        world.clock.set(row["due_at"])
        await eventually(lambda r=row: moved(world, r["epoch"]))  # type: ignore[misc]


async def test_who_waits_hears_of_the_delay_and_who_comes_later_with_the_next_try(world: World) -> None:
    waiters = Waiters("chain-7")
    await world.execute(begin("aa", "1"))
    await world.start(Answers(*[Retryable(P, outage=False)] * 7), waiters_of=waiters)
    await tries(world, 3)
    assert await told(world) == [(CHAIN, "WorkDelayed"), ("chain-7", "WorkDelayed")]
    waiters.streams.append("chain-8")
    await tries(world, 2)
    assert (await told(world))[2:] == [("chain-8", "WorkDelayed")]
    await tries(world, 2)
    await world.settled("aa", "1", "CONFIRMED")
    assert sorted((await told(world))[3:]) == [(s, "WorkResumed") for s in (CHAIN, "chain-7", "chain-8")]
    assert set(waiters.asked) == {("aa", CHAIN, ACCOUNT)}


async def test_who_was_told_of_the_delay_is_told_of_its_end_though_it_waits_no_more(world: World) -> None:
    waiters = Waiters("chain-7")
    await world.execute(begin("aa", "1"))
    await world.start(Answers(*[Retryable(P, outage=False)] * 4), waiters_of=waiters)
    await tries(world, 3)
    waiters.streams.clear()
    await tries(world, 1)
    await world.settled("aa", "1", "CONFIRMED")
    assert [name for whose, name in await told(world) if whose == "chain-7"] == ["WorkDelayed", "WorkResumed"]


async def test_a_task_tells_them_as_well(world: World) -> None:
    await plan(world)
    results: list[Any] = [*[Retryable(P, outage=False)] * 4, Done()]
    await world.start(tasks=[Looker(*results)], waiters_of=Waiters("chain-7"))
    await tries(world, 4)
    found = await told(world)
    assert sorted(found[:2]) == [(CHAIN, "WorkDelayed"), ("chain-7", "WorkDelayed")]
    assert sorted(found[2:]) == [(CHAIN, "WorkResumed"), ("chain-7", "WorkResumed")]


async def test_nobody_is_asked_who_waits_for_work_that_goes_well(world: World) -> None:
    waiters = Waiters("chain-7")
    vendor = Vendor()
    vendor.answer = lambda call: Ok({"remote_id": "r"})
    await world.execute(begin("aa", "1"))
    await world.start(vendor, waiters_of=waiters)
    await world.settled("aa", "1", "CONFIRMED")
    assert waiters.asked == []
