"""What a death between any two steps of an effect comes to, on a real database."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from chassis.ids import TenantId
from chassis.outcomes import Uncertain
from chassis.work import committer, rows
from chassis.work.handlers import EffectCall, Found
from chassis.work.rows import Intent, Release
from tests.chassis.work.conftest import QUICK, World, eventually
from tests.chassis.work.probes import Answers, P, closed, moved, stays, through_the_doubt, value
from tests.chassis.work.toy import START, Vendor, begin


async def test_death_after_the_claim_leaves_it_planned(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1"))
    await world.claim(vendor)
    await world.end_leases()
    await world.start(vendor)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert row["sends"] == 1
    assert sum(vendor.probed.values()) == 0


@pytest.mark.parametrize("arrived", [False, True])
async def test_death_after_the_intent_is_a_doubt_once_the_lease_has_ended(world: World, arrived: bool) -> None:
    vendor = Vendor()
    vendor.gate = asyncio.Event()
    if not arrived:
        vendor.answer = lambda call: Uncertain(P)
    await world.execute(begin("aa", "1"))
    dying = await world.start(vendor)
    await vendor.arrived.wait()
    await dying.abort()
    assert (await world.row("aa", "1"))["state"] == "INTENT"
    vendor.gate, vendor.answer = None, vendor.create
    await world.start(vendor)
    assert await stays(world, "INTENT"), "the lease has not ended"
    await world.end_leases()
    await world.settled("aa", "1", "UNCERTAIN")
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert row["sends"] == (1 if arrived else 2)
    assert len(vendor.exists) == 1


async def test_death_during_a_look_up_only_repeats_it(world: World) -> None:
    class Slow(Answers):
        hang = True

        async def probe(self, call: EffectCall) -> Any:
            found = await super().probe(call)
            if self.hang:
                self.arrived.set()
                await asyncio.Event().wait()
            return found

    vendor = Slow(Uncertain(P))
    await world.execute(begin("aa", "1"))
    dying = await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    vendor.arrived.clear()
    world.clock.set(row["due_at"])
    await vendor.arrived.wait()
    await dying.abort()
    vendor.hang, vendor.look = False, lambda call: Found({"remote_id": "there"})
    await world.end_leases()
    await world.start(vendor)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert len(vendor.sent) == 1


async def test_a_clock_that_may_have_been_set_while_no_process_watched_it_proves_no_absence(world: World) -> None:
    """Nobody can tell: a process that died saw it, or none was there."""
    vendor = Answers(Uncertain(P))
    await world.execute(begin("aa", "1"))
    dying = await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    world.clock.set(row["due_at"])
    await eventually(lambda: moved(world, row["epoch"]))
    await dying.abort()
    (row,) = await world.rows()
    assert (row["state"], row["absences"]) == ("UNCERTAIN", 1)
    started = world.clock.known_since = START + timedelta(seconds=200)
    world.clock.set(started)
    await world.start(vendor)
    await eventually(lambda: moved(world, row["epoch"]))
    (again,) = await world.rows()
    assert (again["state"], again["absences"], again["uncertain_at"]) == ("UNCERTAIN", 1, started)
    assert again["decide_by"] == row["decide_by"], "however often processes die, it comes before a person in time"
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert world.clock.now() >= started + timedelta(seconds=180)
    assert (row["sends"], len(vendor.sent)) == (2, 2)


async def test_a_connection_that_dies_under_the_commits_loses_nothing(world: World) -> None:
    vendor = Vendor()
    await world.execute(*(begin("aa", str(n), steps=3) for n in range(30)))
    await world.start(vendor)
    for _ in range(5):
        done = len(vendor.sent)
        await eventually(lambda done=done: value(len(vendor.sent) > min(done + 5, 85)))  # type: ignore[misc]
        await _kill_connections(world)
    await eventually(lambda: closed(world, 90), 20)
    assert len(vendor.exists) == 90
    assert {row["sends"] for row in await world.rows()} == {1}
    assert {len((await world.state("aa", f"chain-{n}")).ended) for n in range(30)} == {3}


async def test_a_zombie_can_neither_commit_an_intent_nor_an_outcome(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1"))
    (zombie,) = await world.claim(vendor)
    await world.end_leases()
    (holder,) = await world.claim(vendor)
    commits = committer.Committer(world.database, world.engine, world.clock, QUICK, lambda: None)
    committing = asyncio.create_task(commits.run())
    assert await commits.intend([Intent(zombie, zombie.effect, None)]) == {}
    assert await commits.settle([_confirmed(zombie)]) == {}
    assert list(await commits.intend([Intent(holder, holder.effect, None)])) == [holder.lease]
    assert (await world.row("aa", "1"))["state"] == "INTENT"
    assert list(await commits.settle([_confirmed(holder)])) == [holder.lease]
    committing.cancel()


async def test_a_lease_that_has_ended_takes_no_intent_even_if_nobody_else_came(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1"))
    (row,) = await world.claim(vendor)
    await world.end_leases()
    async with world.database.transaction([TenantId("aa")]) as connection:
        assert await rows.write_intents(connection, [Intent(row, row.effect, None)], 60.0) == set()


def _confirmed(row: rows.Row) -> committer.Settlement:
    return committer.Settlement(Release(row, "CONFIRMED", None, row.effect))


async def _kill_connections(world: World) -> None:
    admin = await asyncpg.connect(world.admin_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
