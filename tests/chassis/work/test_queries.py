"""What operators see and may do: every attempt with its reason, a retry that never sends blindly, idle and quiet."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.aggregate import TaskPlan
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Ok, Rejected, Retryable, Uncertain
from chassis.work import gauges, queries
from chassis.work.handlers import Done, EffectPolicy, PolicyFor, Probe
from chassis.work.plans import PlannedWork, insert_plans
from chassis.work.queries import WorkItem, WorkStatus
from chassis.work.runner import vendor_before_colon
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.test_tasks import TENANT, Looker
from tests.chassis.work.toy import ACCOUNT, START, Vendor, begin

POLICIES: dict[str, PolicyFor] = {"call": lambda account: EffectPolicy(Probe.EXACT)}


async def status(world: World, *, recurring: tuple[str, ...] = (), polls: tuple[str, ...] = ()) -> WorkStatus:
    async with world.database.delivery_connection() as connection:
        return await queries.status(connection, world.clock.now(), recurring=recurring, polls=polls)


async def retry(world: World, work_id: UUID, policies: dict[str, PolicyFor] = POLICIES) -> Ok[WorkItem] | Rejected:
    async with world.database.delivery() as connection:
        return await queries.retry(connection, work_id, policies, world.clock.now())


async def plan_task(world: World, kind: str, **fields: Any) -> None:
    async with world.database.transaction([TenantId("aa")]) as connection:
        work = PlannedWork(TenantId("aa"), "", TaskPlan(kind, "k", **fields))
        await insert_plans(connection, [work], world.clock.now())


async def test_a_story_has_every_attempt_with_its_reason(world: World) -> None:
    vendor = Vendor()
    answers: list[Retryable | Uncertain] = [
        Retryable(Problem("no_connection"), outage=False),
        Uncertain(Problem("no_answer_in_time")),
    ]
    vendor.answer = lambda call: answers.pop(0)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row = await eventually(lambda: _waiting(world))
    world.clock.set(row["due_at"])
    await world.settled("aa", "1", "UNCERTAIN")
    async with world.database.transaction([TenantId("aa")]) as connection:
        (item,) = await queries.of_streams(connection, TenantId("aa"), ["chain-1"])
        assert await queries.of_streams(connection, TenantId("aa"), ["chain-2"]) == []
    assert [(a["what"], a["outcome"], a["problem"]["code"]) for a in item.attempts] == [
        ("send", "retryable", "no_connection"),
        ("send", "uncertain", "no_answer_in_time"),
    ]
    assert item.reason == Problem("no_answer_in_time")
    async with world.database.delivery_connection() as connection:
        (listed,) = await queries.open_work(connection, world.clock.now())
        assert await queries.open_work(connection, world.clock.now(), tenant=TenantId("bb")) == []
        assert await queries.find(connection, UUID(item.work_id), world.clock.now()) == item
    assert listed == item


async def test_a_retry_makes_waiting_work_due(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: Retryable(Problem("away"), outage=False)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row = await eventually(lambda: _waiting(world))
    vendor.answer = vendor.create
    assert isinstance(await retry(world, row["work_id"]), Ok)
    await world.settled("aa", "1", "CONFIRMED")
    answer = await retry(world, row["work_id"])
    assert isinstance(answer, Rejected)
    assert answer.problem.code == "work_at_its_end"


async def test_a_retry_of_a_card_looks_up_and_never_sends(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1"))
    async with world.database.delivery_connection() as connection:
        await connection.execute("UPDATE work SET state = 'HUMAN', queue = 'person', sends = 2, due_at = NULL")
    row = await world.row("aa", "1")
    refused = await retry(world, row["work_id"], {"call": lambda account: EffectPolicy(Probe.NONE)})
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "work_has_no_look_up"
    assert (await status(world)).cards == 1
    vendor.exists[str(row["work_id"])] = "there"
    assert isinstance(await retry(world, row["work_id"]), Ok)
    await world.start(vendor)
    await world.settled("aa", "1", "CONFIRMED")
    assert vendor.sent == []
    assert (await status(world)).cards == 0


async def test_a_retry_of_nothing_says_so(world: World) -> None:
    answer = await retry(world, UUID(int=7))
    assert isinstance(answer, Rejected)
    assert answer.problem.code == "work_unknown"


async def test_work_caused_by_facts_is_open_until_its_end(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: Retryable(Problem("away"), outage=False)
    await world.execute(begin("aa", "1"))
    found = await status(world)
    assert (found.due, found.open_by_facts, found.oldest_due_at) == (1, 1, START)
    await world.start(vendor)
    row = await eventually(lambda: _waiting(world))
    assert (await status(world)).open_by_facts == 1
    vendor.answer = vendor.create
    world.clock.set(row["due_at"])
    await world.settled("aa", "1", "CONFIRMED")
    found = await status(world)
    assert (found.due, found.open_by_facts, found.delayed, found.taken) == (0, 0, 0, 0)


async def test_polls_and_reminders_to_come_keep_nothing_busy(world: World) -> None:
    await plan_task(world, "poll")
    await plan_task(world, "deadline", due_at=START + timedelta(days=1))
    found = await status(world, recurring=("poll",), polls=("poll",))
    assert found.open_by_facts == 0
    world.clock.advance(2 * 86_400)
    assert (await status(world, recurring=("poll",))).open_by_facts == 1


async def test_polls_of_a_suspended_tenant_are_not_waited_for(world: World) -> None:
    await plan_task(world, "poll")
    async with world.database.transaction([TENANT]) as connection:
        await connection.execute("INSERT INTO tenant_states VALUES ($1, 'suspended', 1, '{}')", TENANT)
    assert (await status(world, polls=("poll",))).polls == 0


async def test_quiet_since_is_the_start_of_the_last_pass_that_found_nothing(world: World) -> None:
    again = START + timedelta(seconds=60)
    poll = Looker(
        Done((), again_at=again, found_something=True),
        Done((), again_at=again + timedelta(seconds=60), found_something=False),
        kind="poll",
        recurring=True,
    )
    assert (await status(world, polls=("poll",))).polls == 0
    await plan_task(world, "poll", account=ACCOUNT)
    found = await status(world, polls=("poll",))
    assert (found.polls, found.quiet_since) == (1, None)
    runner = await world.start(tasks=[poll])
    assert (runner.recurring_kinds, runner.poll_kinds) == (("poll",), ("poll",))
    await eventually(lambda: _waiting(world))
    assert (await status(world, polls=("poll",))).quiet_since is None
    world.clock.set(again)
    await eventually(lambda: _passed(world, again))
    assert (await status(world, polls=("poll",))).quiet_since == again


async def test_delayed_counts_what_an_outage_holds_up(world: World) -> None:
    await world.execute(begin("aa", "1"), begin("aa", "2", account="toy:other"))
    async with world.database.delivery_connection() as connection:
        await connection.execute(
            "INSERT INTO work_accounts (tenant_id, account, opened_at) VALUES ('aa', $1, $2)", ACCOUNT, START
        )
    assert (await status(world)).delayed == 1


async def test_gauges_can_be_measured(world: World) -> None:
    await world.execute(begin("aa", "1"))
    async with world.database.delivery_connection() as connection:
        await gauges.measure(connection, world.clock.now(), vendor_before_colon)


async def test_what_is_looked_at_again_and_again_reads_nothing_that_has_ended(world: World) -> None:
    now = world.clock.now()
    looks: dict[str, tuple[Any, ...]] = {
        queries._STATUS: (now, []), queries._PASSES: (now, ["look"]), queries._DELAYED: (now,),
        gauges._GROUPS: (now,), gauges._CARDS: (),
    }  # fmt: skip
    await world.execute(begin("aa", "1"))
    async with world.database.delivery_connection() as connection:
        await connection.execute(
            "INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, lane, claim_lane, state, queue, "
            "planned_at, request, metadata) SELECT 'aa', gen_random_uuid(), 'effect', 'call', 'k', 'chain-' || n, $1, "
            "0, 0, 'CONFIRMED', 'closed', now(), '{}', '{}' FROM generate_series(1, 20000) AS n",
            ACCOUNT,
        )
        for look, values in looks.items():
            plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + look, *values))
            assert "Seq Scan on work " not in plan, plan


async def _waiting(world: World) -> Any:
    found = await world.rows("queue = 'waiting'")
    return found[0] if found else None


async def _passed(world: World, started: Any) -> bool:
    (row,) = await world.rows()
    return bool(row["pass_started_at"] == started)
