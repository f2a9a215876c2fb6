"""Claims: fair over tenants, in order within streams, bounded per tenant, blind to finished rows."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from chassis.aggregate import EffectPlan, Lane, TaskPlan
from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.work import claims
from chassis.work.claims import Claimed, ClaimRequest
from chassis.work.plans import PlannedWork, insert_plans
from chassis.work.rows import PLANNER_SETTINGS
from tests.chassis.work.conftest import QUICK, World, eventually, ids
from tests.chassis.work.toy import ACCOUNT, Vendor, begin

VENDOR = Vendor()


async def plan(world: World, *plans: PlannedWork) -> None:
    async with world.database.transaction({p.tenant for p in plans}) as connection:
        await insert_plans(connection, plans, world.clock.now())


def effect(tenant: str, stream: str, number: int, **fields: object) -> PlannedWork:
    given = {"account": ACCOUNT, "request": {"n": number}, **fields}
    return PlannedWork(TenantId(tenant), stream, EffectPlan("call", (stream, str(number)), **given))  # type: ignore[arg-type]


async def test_a_tenant_with_a_thousand_rows_does_not_delay_another_beyond_one_rotation(world: World) -> None:
    await plan(world, *(effect("big", f"chain-{n}", n) for n in range(1_000)))
    await plan(world, *(effect("small", f"chain-{n}", n) for n in range(3)))
    await plan(world, *(effect("tiny", f"chain-{n}", n) for n in range(3)))
    served = [[row.tenant for row in await world.claim(VENDOR, limit=2)] for _ in range(4)]
    assert [tenant for turn in served for tenant in turn].count(TenantId("big")) <= 3
    assert {"small", "tiny"} <= {tenant for turn in served[:2] for tenant in turn}


async def test_claims_go_on_after_the_last_served_tenant(world: World) -> None:
    await plan(world, *(effect(t, f"chain-{n}", n) for t in ("aa", "bb", "cc") for n in range(4)))
    served = [(await world.claim(VENDOR, limit=1))[0].tenant for _ in range(7)]
    assert served == ["aa", "bb", "cc", "aa", "bb", "cc", "aa"]


async def test_interactive_work_goes_before_bulk(world: World) -> None:
    await plan(world, *(effect("aa", f"chain-b{n}", n, lane=Lane.BULK) for n in range(5)))
    await plan(world, *(effect("bb", f"chain-i{n}", n) for n in range(5)))
    first = await world.claim(VENDOR, limit=5)
    assert {row.lane for row in first} == {Lane.INTERACTIVE}


async def test_a_claim_that_waited_for_another_is_as_of_when_it_looked(world: World) -> None:
    """Another process' claim wakened what the first did not know to be due: it seemed to be tried again too early."""

    async def waits() -> bool:
        async with world.database.delivery_connection() as other:
            return bool(
                await other.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            )

    await plan(world, effect("aa", "chain-1", 1))
    async with world.database.delivery() as connection:
        await connection.execute(f"SELECT pg_advisory_xact_lock({claims._CLAIMS_LOCK})")  # as a claim begins
        claiming = asyncio.create_task(world.claim(VENDOR))
        await eventually(waits)
        world.clock.advance(30)
    (row,) = await claiming
    assert row.claimed_at == world.clock.now()


async def test_work_that_became_due_while_it_was_claimed_is_not_taken_before_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock.now

    def slow() -> datetime:
        reading = now()
        world.clock.advance(30)
        return reading

    await plan(world, effect("aa", "chain-1", 1))
    began = now()
    monkeypatch.setattr(world.clock, "now", slow)
    (row,) = await world.claim(VENDOR)
    assert row.claimed_at == began + timedelta(seconds=30)


async def test_the_oldest_of_an_account_goes_first(world: World) -> None:
    await plan(world, *(effect("aa", f"chain-{n}", n) for n in range(10)))
    claimed = await world.claim(VENDOR, limit=4)
    assert [row.request["n"] for row in claimed] == [0, 1, 2, 3]


async def test_a_tenant_has_no_more_in_flight_than_its_cap(world: World) -> None:
    await plan(world, *(effect("aa", f"chain-{n}", n) for n in range(20)))
    await plan(world, *(effect("aa", f"chain-other{n}", n, account="toy:other") for n in range(20)))
    first = await world.claim(VENDOR, in_flight_per_tenant_max=5)
    assert len(first) == 5
    assert await world.claim(VENDOR, in_flight_per_tenant_max=5) == []
    assert len(await world.claim(VENDOR, in_flight_per_tenant_max=7)) == 2


async def test_a_stream_has_one_piece_of_work_at_a_time_in_order(world: World) -> None:
    await plan(world, *(effect("aa", "chain-1", n) for n in range(3)))
    (first,) = await world.claim(VENDOR)
    assert first.request["n"] == 0
    assert await world.claim(VENDOR) == []


async def test_a_later_effect_waits_for_an_earlier_one_that_is_to_be_tried_again(world: World) -> None:
    await plan(world, *(effect("aa", "chain-1", n) for n in range(2)))
    async with world.database.delivery_connection() as connection:
        await connection.execute(
            "UPDATE work SET queue = 'waiting', due_at = due_at + interval '1 min' WHERE request->>'n' = '0'"
        )
    assert await world.claim(VENDOR) == []
    world.clock.advance(60)
    assert [row.request["n"] for row in await world.claim(VENDOR)] == [0]


async def test_an_effect_on_another_account_does_not_wait(world: World) -> None:
    await plan(world, effect("aa", "chain-1", 0), effect("aa", "chain-1", 1, account="toy:other"))
    async with world.database.delivery_connection() as connection:
        await connection.execute(
            "UPDATE work SET queue = 'waiting', due_at = due_at + interval '1 min' WHERE request->>'n' = '0'"
        )
    assert [row.request["n"] for row in await world.claim(VENDOR)] == [1]


async def test_effects_of_one_group_travel_together(world: World) -> None:
    vendor = Vendor(batch_max=3)
    await plan(world, *(effect("aa", "chain-1", n, group="fact") for n in range(5)), effect("aa", "chain-1", 5))
    claimed = await world.claim(vendor)
    assert [row.request["n"] for row in claimed] == [0, 1, 2]


async def test_a_lease_that_ends_gives_the_row_to_another_with_a_new_epoch(world: World) -> None:
    await plan(world, effect("aa", "chain-1", 0))
    (mine,) = await world.claim(VENDOR)
    assert await world.claim(VENDOR) == []
    await world.end_leases()
    (yours,) = await world.claim(VENDOR)
    assert (yours.work_id, yours.epoch) == (mine.work_id, mine.epoch + 1)


async def test_a_suspended_tenant_gets_nothing_new_but_its_doubts_are_looked_up(world: World) -> None:
    await plan(world, effect("aa", "chain-1", 0), effect("aa", "chain-2", 1), effect("bb", "chain-1", 2))
    async with world.database.delivery_connection() as connection:
        await connection.execute("UPDATE work SET state = 'UNCERTAIN', claim_lane = -1 WHERE request->>'n' = '1'")
    claimed = await world.claim(VENDOR, suspended=[TenantId("aa")])
    assert sorted(row.request["n"] for row in claimed) == [1, 2]


async def test_paused_accounts_are_passed_over(world: World) -> None:
    await plan(world, effect("aa", "chain-1", 0), effect("aa", "chain-2", 1, account="toy:other"))
    claimed = await world.claim(VENDOR, paused=[(TenantId("aa"), ACCOUNT)])
    assert [row.request["n"] for row in claimed] == [1]


async def test_an_outage_of_more_accounts_than_a_claim_visits_holds_up_nobody_behind_them(world: World) -> None:
    down = [f"t{n:03}" for n in range(claims.PAIRS_VISITED_MAX + 100)]
    await plan(world, *(effect(tenant, "chain-1", 0) for tenant in down))
    behind = ("t511", "zz")  # the first one's other account lies right behind the last that a claim visits
    await plan(world, *(effect(tenant, "chain-2", 1, account="toy:z") for tenant in behind))
    paused = [(TenantId(tenant), ACCOUNT) for tenant in down]
    served = [row.tenant for _ in range(3) for row in await world.claim(VENDOR, paused=paused)]
    assert sorted(served) == sorted(behind)


async def test_a_lane_whose_turn_never_came_keeps_its_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interactive work took all places of the claim: nobody was passed over for being blocked."""
    monkeypatch.setattr(claims, "PAIRS_VISITED_MAX", 2)
    bulk = [effect(tenant, "chain-1", 0, lane=Lane.BULK) for tenant in ("b1", "b2", "b3", "b4")]
    await plan(world, *bulk, effect("aa", "chain-2", 1))
    assert [row.tenant for row in await world.claim(VENDOR, limit=1)] == ["aa"]
    assert [row.tenant for row in await world.claim(VENDOR, limit=1)] == ["b1"]


async def test_unknown_kinds_are_left_to_other_builds(world: World) -> None:
    later = PlannedWork(TenantId("aa"), "chain-1", EffectPlan("newer", ("k",), ACCOUNT, {}))
    await plan(world, later)
    assert await world.claim(VENDOR) == []


async def test_an_effect_is_planned_once_for_ever(world: World) -> None:
    await plan(world, effect("aa", "chain-1", 0), effect("aa", "chain-1", 0))
    await plan(world, effect("aa", "chain-1", 0))
    assert len(await world.rows()) == 1


async def test_a_task_is_one_row_that_wants_one_more_run(world: World) -> None:
    look = PlannedWork(TenantId("aa"), "chain-1", TaskPlan("look", "k", {"a": 1}))
    again = PlannedWork(TenantId("aa"), "chain-1", TaskPlan("look", "k", {"b": 2}))
    await plan(world, look, again)
    (row,) = await world.rows()
    assert row["wanted"] == 2
    assert row["request"] == '{"a": 1, "b": 2}'


async def test_the_database_keeps_tenants_apart(world: World) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.database.transaction([TenantId("aa")]) as connection:
            await insert_plans(connection, [effect("bb", "chain-1", 0)], world.clock.now())


async def test_the_cost_of_a_claim_does_not_grow_with_finished_or_foreign_rows(world: World) -> None:
    await plan(world, *(effect("aa", f"chain-{n}", n) for n in range(40)))
    before = await _buffers(world)
    async with world.database.delivery_connection() as connection:
        await connection.execute(
            "INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, lane, claim_lane, state, queue, "
            "planned_at, request, metadata) SELECT 'aa', gen_random_uuid(), 'effect', 'call', 'k', 'chain-' || n, $1, "
            "0, 0, 'CONFIRMED', 'closed', now(), '{}', '{}' FROM generate_series(1, 20000) AS n",
            ACCOUNT,
        )
    assert await _buffers(world) <= before * 1.5 + 50


async def _buffers(world: World) -> int:
    request = ClaimRequest("me", 10, {"call": 1}, 60.0, 50)
    async with world.database.delivery_connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(PLANNER_SETTINGS)
        plan_rows = await connection.fetch(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) " + claims._CLAIM,
            *claims._parameters(request, world.clock.now()),
        )
        await transaction.rollback()
    line = next(row[0] for row in plan_rows if "Buffers: shared" in row[0])
    return sum(int(word.partition("=")[2]) for word in line.split() if word.startswith(("hit=", "read=")))


async def test_concurrent_claims_never_share_a_stream(world: World) -> None:
    await plan(world, *(effect("aa", f"chain-{n % 5}", n) for n in range(50)))
    claimed = [row for rows in await asyncio.gather(*(world.claim(VENDOR, limit=3) for _ in range(6))) for row in rows]
    assert len(claimed) == 5
    assert len({row.stream for row in claimed}) == 5
    assert len(set(ids(claimed))) == 5


async def test_a_claim_says_whether_it_stopped_at_a_limit(world: World) -> None:
    await plan(world, *(effect("aa", f"chain-{n}", n) for n in range(6)), effect("bb", "chain-0", 0))
    places = await world.claimed(VENDOR, limit=1)
    share = await world.claimed(VENDOR, limit=4)
    assert ([row.tenant for row in places.rows], places.more) == (["aa"], True)
    assert (sorted(row.tenant for row in share.rows), share.more) == (["aa", "aa", "bb"], True)
    rest = await world.claimed(VENDOR)
    assert (len(rest.rows), rest.more) == (3, False)


async def test_work_is_found_without_polls_and_looked_for_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, claim = [], claims.claim

    async def counted(database: Database, request: ClaimRequest, clock: Callable[[], datetime]) -> Claimed:
        claimed = await claim(database, request, clock)
        looks.append(len(claimed.rows))
        return claimed

    async def ended(count: int) -> bool:
        return len(await world.rows("queue = 'closed'")) == count

    monkeypatch.setattr(claims, "claim", counted)
    without_polls = replace(QUICK, poll_seconds=3600.0)
    await world.execute(begin("aa", "1", steps=3))
    runner = await world.start(VENDOR, settings=without_polls)
    await eventually(lambda: ended(3))
    await runner.stop()
    assert looks in ([1, 1, 1], [1, 1, 1, 0])
    await world.execute(*(begin(tenant, str(n), steps=2) for tenant in ("bb", "cc") for n in range(6)))
    await world.start(VENDOR, settings=replace(without_polls, in_flight_max=3))
    await eventually(lambda: ended(27))


async def test_begin_plans_through_the_engine(world: World) -> None:
    await world.execute(begin("aa", "1", steps=1, copies=2, group="g"))
    assert [row["key"] for row in await world.rows()] == ["chain-1/1/0", "chain-1/1/1"]
