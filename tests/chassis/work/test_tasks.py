"""Tasks: commands and completion in one commit, one more run when wanted, recurring passes, failures."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest

from chassis.aggregate import TaskPlan
from chassis.domain import Problem
from chassis.engine import Command
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Retryable
from chassis.work.handlers import Done, PermitClass, StreamCommand, Task, TaskResult
from chassis.work.plans import PlannedWork, insert_plans
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.toy import ACCOUNT, START, Look, Looked

TENANT = TenantId("aa")


class Looker:
    """A task handler that gives the listed results one after another, and then Done."""

    def __init__(self, *results: TaskResult, kind: str = "look", recurring: bool = False, permits: int = 1) -> None:
        self.kind = kind
        self.recurring = recurring
        self.permits = permits
        self.results = list(results)
        self.ran: list[Task] = []
        self.gate: asyncio.Event | None = None
        self.arrived = asyncio.Event()

    async def run(self, task: Task) -> TaskResult:
        self.ran.append(task)
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.results:
            return self.results.pop(0)
        return Done((StreamCommand("chain-1", Looked(task.key), f"looked-{task.work_id}-{len(self.ran)}"),))


async def plan(world: World, kind: str = "look", key: str = "k", **fields: Any) -> None:
    given = {"account": ACCOUNT, **fields}
    async with world.database.transaction([TENANT]) as connection:
        await insert_plans(
            connection, [PlannedWork(TENANT, "chain-1", TaskPlan(kind, key, **given))], world.clock.now()
        )


async def row(world: World) -> Any:
    (found,) = await world.rows()
    return found


async def queued(world: World, queue: str) -> Any:
    found = await row(world)
    return found if found["queue"] == queue else None


async def all_closed(world: World) -> bool:
    return all(found["queue"] == "closed" for found in await world.rows())


async def test_commands_and_completion_are_one_commit(world: World) -> None:
    looker = Looker()
    await world.execute(Command(TENANT, "chain-1", Look("look", "k", payload={"a": 1}), "order"))
    await world.start(tasks=[looker])
    done = await eventually(lambda: queued(world, "closed"))
    assert (await world.state("aa", "chain-1")).looked == 1
    assert done["state"] == "DONE"
    (task,) = looker.ran
    assert (task.payload, task.stream, task.attempt) == ({"a": 1}, "chain-1", 1)
    assert task.permit is not None
    assert world.permits.asked[0][2] is PermitClass.BULK


async def test_calls_that_a_run_does_not_make_go_back(world: World) -> None:
    await plan(world, key="first")
    await plan(world, key="second")
    await world.start(tasks=[Looker(permits=2)])
    await eventually(lambda: all_closed(world))
    world.clock.advance(10)
    await plan(world, key="third")
    await eventually(lambda: all_closed(world))
    given = sum(count for _, count, _ in world.permits.asked)
    assert 0 < world.permits.unused == given - world.permits.asked[-1][1]


async def test_a_task_planned_while_it_runs_runs_once_more(world: World) -> None:
    looker = Looker()
    looker.gate = asyncio.Event()
    await plan(world)
    await world.start(tasks=[looker])
    await looker.arrived.wait()
    for _ in range(3):
        await plan(world, payload={"later": True})
    looker.gate.set()
    await eventually(lambda: queued(world, "closed"))
    assert [task.payload for task in looker.ran] == [{}, {"later": True}]
    assert (await world.state("aa", "chain-1")).looked == 2


async def test_a_task_planned_after_its_end_begins_anew(world: World) -> None:
    looker = Looker()
    await plan(world, payload={"old": 1})
    await world.start(tasks=[looker])
    await eventually(lambda: queued(world, "closed"))
    await plan(world, payload={"new": 1})
    await eventually(lambda: _ran(looker, 2))
    assert looker.ran[1].payload == {"new": 1}


async def test_plans_that_follow_one_another_shortly_are_seen_in_one_run(world: World) -> None:
    looker = Looker(Done(debounce_seconds=2.0), Done(debounce_seconds=2.0))
    await plan(world)
    await world.start(tasks=[looker])
    await eventually(lambda: queued(world, "closed"))
    await plan(world, payload={"first": 1})
    assert (await row(world))["due_at"] == START + timedelta(seconds=2)
    world.clock.advance(1.5)
    await plan(world, payload={"second": 2})
    assert (await row(world))["due_at"] == START + timedelta(seconds=2)
    assert len(looker.ran) == 1
    world.clock.advance(0.5)
    await eventually(lambda: queued(world, "closed"))
    assert [task.payload for task in looker.ran] == [{}, {"first": 1, "second": 2}]


async def test_a_plan_during_the_run_waits_as_long(world: World) -> None:
    looker = Looker(Done(debounce_seconds=2.0), Done(debounce_seconds=2.0))
    await plan(world)
    await world.start(tasks=[looker])
    await eventually(lambda: queued(world, "closed"))
    looker.gate = asyncio.Event()
    looker.arrived.clear()
    await plan(world)
    world.clock.advance(2)
    await looker.arrived.wait()
    await plan(world)
    looker.gate.set()
    waiting = await eventually(lambda: queued(world, "waiting"))
    assert waiting["due_at"] == START + timedelta(seconds=4)


async def test_a_recurring_task_keeps_its_cursor(world: World) -> None:
    again = START + timedelta(seconds=60)
    looker = Looker(Done((), again_at=again, payload={"cursor": 7}, found_something=False), recurring=True)
    await plan(world)
    await world.start(tasks=[looker])
    waiting = await eventually(lambda: queued(world, "waiting"))
    assert (waiting["due_at"], waiting["pass_started_at"], waiting["pass_found"]) == (again, START, False)
    assert world.permits.asked[0][2] is PermitClass.SWEEP
    await plan(world)
    await eventually(lambda: _ran(looker, 2))
    assert looker.ran[1].payload == {"cursor": 7}


async def test_failures_follow_the_schedule_and_are_kept(world: World) -> None:
    looker = Looker(*[Retryable(Problem("away"), outage=False)] * 2)
    await plan(world)
    await world.start(tasks=[looker])
    for number, base in ((1, 5), (2, 15)):
        waiting = await eventually(lambda n=number: _failed(world, n))  # type: ignore[misc]
        assert base * 0.8 <= (waiting["due_at"] - world.clock.now()).total_seconds() <= base * 1.2
        world.clock.set(waiting["due_at"])
    done = await eventually(lambda: queued(world, "closed"))
    assert [a["problem"]["code"] for a in orjson.loads(done["attempts"])] == ["away", "away"]
    assert [task.attempt for task in looker.ran] == [1, 2, 3]


async def test_not_now_is_no_failure(world: World) -> None:
    looker = Looker(Deferred(Problem("rendering"), START + timedelta(seconds=7)))
    await plan(world)
    await world.start(tasks=[looker])
    waiting = await eventually(lambda: queued(world, "waiting"))
    assert (waiting["due_at"], waiting["failures"]) == (START + timedelta(seconds=7), 0)
    assert orjson.loads(waiting["reason"])["code"] == "rendering"


async def test_a_thing_that_is_not_ready_keeps_nothing_else_of_its_account_waiting(world: World) -> None:
    late = Looker(Deferred(Problem("rendering"), START + timedelta(hours=1), of_account=False), kind="late")
    await plan(world, "late")
    looker = Looker()
    await world.start(tasks=[late, looker])
    await eventually(lambda: queued(world, "waiting"))
    await plan(world)
    await asyncio.wait_for(looker.arrived.wait(), 10)
    assert (len(late.ran), world.permits.reported) == (1, [])


async def test_polls_of_an_account_that_its_tenant_has_no_more_end_and_begin_anew_when_it_is_back(world: World) -> None:
    looker = Looker(recurring=True)
    given, world.permits.answer = world.permits.answer, Retryable(Problem("account_unknown"), outage=False)
    await plan(world)
    await world.start(tasks=[looker])
    ended = await eventually(lambda: queued(world, "closed"))
    assert (ended["state"], ended["delayed_since"], looker.ran) == ("DONE", None, [])
    world.permits.answer = given
    world.clock.advance(60)
    await plan(world)
    await asyncio.wait_for(looker.arrived.wait(), 10)


async def test_what_follows_one_object_waits_for_an_account_that_its_tenant_has_no_more(world: World) -> None:
    """A file that leaves an account out, be it for a minute, must not end what no file begins anew."""

    class Follower(Looker):
        of_one_object = True

    looker = Follower(recurring=True)
    given, world.permits.answer = world.permits.answer, Retryable(Problem("account_unknown"), outage=False)
    await plan(world)
    await world.start(tasks=[looker])
    waiting = await eventually(lambda: queued(world, "waiting"))
    assert (waiting["due_at"], looker.ran) == (START + timedelta(hours=1), [])
    world.permits.answer = given
    world.clock.advance(3600)
    await asyncio.wait_for(looker.arrived.wait(), 10)


async def test_what_one_fact_wants_looks_each_hour_for_an_account_that_its_tenant_has_no_more(world: World) -> None:
    """Its deal is told at once, since no trying again mends that, and told once more when it goes on."""
    looker = Looker()
    given, world.permits.answer = world.permits.answer, Retryable(Problem("account_unknown"), outage=False)
    await plan(world)
    await world.start(tasks=[looker])
    for hours in range(1, 6):
        waiting = await eventually(lambda n=hours: _failed(world, n))  # type: ignore[misc]
        assert waiting["due_at"] == START + timedelta(hours=hours)
        assert (waiting["delayed_since"], looker.ran) == (START, [])
        assert orjson.loads(waiting["reason"])["code"] == "account_unknown"
        world.permits.answer = given if hours == 5 else world.permits.answer
        world.clock.set(waiting["due_at"])
    await eventually(lambda: queued(world, "closed"))
    assert len(looker.ran) == 1
    assert len(await world.messages("WorkDelayed")) == len(await world.messages("WorkResumed")) == 1


@pytest.mark.parametrize("account", ["", ACCOUNT])
async def test_what_asks_other_accounts_by_itself_gets_its_attempts(world: World, account: str) -> None:
    refused = Retryable(Problem("account_unknown", {"account": "dadata:own"}), outage=False)
    looker = Looker(refused, refused, permits=0)
    await plan(world, account=account)
    await world.start(tasks=[looker])
    for failures in (1, 2):
        waiting = await eventually(lambda n=failures: _failed(world, n))  # type: ignore[misc]
        assert waiting["due_at"] - world.clock.now() <= timedelta(minutes=1)
        world.clock.set(waiting["due_at"])
    await eventually(lambda: queued(world, "closed"))
    assert [task.attempt for task in looker.ran] == [1, 2, 3]


@pytest.mark.expects_errors("the handler of look failed: KeyError")
async def test_a_defect_in_a_handler_is_tried_again(world: World) -> None:
    class Defective(Looker):
        async def run(self, task: Task) -> TaskResult:
            await super().run(task)
            if len(self.ran) == 1:
                raise KeyError("defect")
            return Done()

    await plan(world)
    await world.start(tasks=[Defective()])
    waiting = await eventually(lambda: queued(world, "waiting"))
    assert orjson.loads(waiting["reason"]) == {"code": "handler_failed", "values": {"error": "KeyError"}}
    world.clock.set(waiting["due_at"])
    await eventually(lambda: queued(world, "closed"))


async def test_death_during_a_run_repeats_it_after_the_lease(world: World) -> None:
    looker = Looker()
    looker.gate = asyncio.Event()
    await plan(world)
    dying = await world.start(tasks=[looker])
    await looker.arrived.wait()
    await dying.abort()
    looker.gate = None
    await world.end_leases()
    await world.start(tasks=[looker])
    await eventually(lambda: queued(world, "closed"))
    assert len(looker.ran) == 2
    assert (await world.state("aa", "chain-1")).looked == 1


async def test_a_task_is_not_run_before_it_is_due(world: World) -> None:
    looker = Looker(kind="remind", recurring=True, permits=0)
    await plan(world, "remind", due_at=START + timedelta(days=7))
    await plan(world, "look")
    now = Looker()
    await world.start(tasks=[looker, now])
    await eventually(lambda: _ran(now, 1))
    assert looker.ran == []
    world.clock.advance(7 * 86_400)
    await eventually(lambda: _ran(looker, 1))


async def test_stopping_lets_what_runs_come_to_its_end(world: World) -> None:
    looker = Looker()
    looker.gate = asyncio.Event()
    await plan(world)
    runner = await world.start(tasks=[looker])
    await looker.arrived.wait()
    stopping = asyncio.create_task(runner.stop())
    await asyncio.sleep(0)
    looker.gate.set()
    await stopping
    assert (await row(world))["queue"] == "closed"


async def _ran(looker: Looker, times: int) -> bool:
    return len(looker.ran) >= times


async def _failed(world: World, times: int) -> Any:
    found = await row(world)
    return found if found["failures"] == times and found["queue"] == "waiting" else None
