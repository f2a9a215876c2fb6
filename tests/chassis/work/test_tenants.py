"""What differs between tenants: schedules of their own, and the end of a removed one's work."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from chassis.aggregate import StreamKinds, TaskPlan
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Retryable, Uncertain
from chassis.tenants import STREAM, TENANT_KIND, SeeTenant, tenant_rules
from chassis.work import claims, queries
from chassis.work.handlers import Done
from chassis.work.machine import Schedule
from chassis.work.plans import PlannedWork, insert_plans
from chassis.work.rows import Release, write_releases
from chassis.work.settings import TenantRules
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.test_tasks import Looker, plan
from tests.chassis.work.toy import START, Vendor, begin

P = Problem("vendor_away")
AA, BB = TenantId("aa"), TenantId("bb")


async def known(world: World, tenant: TenantId, status: Any, version: int, settings: dict[str, Any]) -> None:
    """Folds a tenant's state as its owner published it."""
    engine = Engine("toy", StreamKinds((TENANT_KIND,)))
    async with world.database.transaction([tenant]) as connection:
        command = Command(tenant, STREAM, SeeTenant(status, version, settings), f"state-{version}")
        await engine.execute(connection, [command], world.clock.now())


async def test_rules_are_read_from_tenants_as_their_owner_published_them(world: World) -> None:
    await known(world, AA, "active", 1, {"name": "А", "retry": {"seconds": [1, 2.5], "jitter": 0}})
    await known(world, BB, "suspended", 1, {"name": "Б", "retry": None})
    await known(world, TenantId("cc"), "removed", 1, {"name": "В"})
    async with world.database.delivery_connection() as connection:
        assert await tenant_rules(connection) == TenantRules(
            frozenset({BB}), frozenset({TenantId("cc")}), {AA: Schedule((1.0, 2.5), 0.0)}
        )
    await known(world, AA, "active", 2, {"name": "А"})
    async with world.database.delivery_connection() as connection:
        assert (await tenant_rules(connection)).schedules == {}


async def test_unsent_calls_first_probes_and_reads_keep_the_tenants_own_schedule(world: World) -> None:
    await known(world, AA, "active", 1, {"retry": {"seconds": [100, 200], "jitter": 0}})
    vendor, looker = Vendor(), Looker(Retryable(P))
    vendor.answer = lambda call: Uncertain(P) if call.stream == "chain-doubt" else Retryable(P, outage=False)
    await world.execute(begin("aa", "unsent"), begin("aa", "doubt"), begin("bb", "unsent"))
    await plan(world)
    await world.start(vendor, tasks=[looker], tenant_rules=tenant_rules)

    async def waiting() -> Any:
        rows = await world.rows()
        return rows if all(row["queue"] == "waiting" for row in rows) else None

    due = {(row["tenant_id"], row["kind"], row["state"]): row["due_at"] for row in await eventually(waiting)}
    own = START + timedelta(seconds=100)
    assert due[("aa", "call", "PLANNED")] == due[("aa", "call", "UNCERTAIN")] == due[("aa", "look", "PLANNED")] == own
    assert 4 <= (due[("bb", "call", "PLANNED")] - START).total_seconds() <= 6, "as the installation has it"


def attempted(row: Any) -> list[tuple[str, str]]:
    """What was tried for a row, and what came of it."""
    return [(one["what"], one["outcome"]) for one in orjson.loads(row["attempts"])]


async def open_work(world: World, *kinds: str) -> int:
    async with world.database.delivery_connection() as connection:
        found = await queries.status(connection, world.clock.now(), recurring=kinds, polls=kinds)
    return found.open_by_facts + found.delayed


async def test_what_was_not_sent_of_a_removed_tenant_ends_without_a_call_and_its_streams_are_told(world: World) -> None:
    vendor, looker = Vendor(), Looker(recurring=True)
    vendor.answer = lambda call: Retryable(P, outage=False)
    await known(world, AA, "active", 1, {})
    await world.execute(begin("aa", "tried", steps=2), begin("bb", "other"))
    runner = await world.start(vendor, tenant_rules=tenant_rules)

    async def delayed() -> bool:
        world.clock.advance(10)
        return len(await world.messages("WorkDelayed")) == 2

    await eventually(delayed)
    await runner.stop()
    sent, asked = len(vendor.sent), len(world.permits.asked)
    await world.execute(begin("aa", "fresh"))
    await plan(world)
    await known(world, AA, "removed", 2, {})
    vendor.answer = vendor.create
    await world.start(vendor, tasks=[looker], tenant_rules=tenant_rules)
    world.clock.advance(120)
    for chain in ("tried", "fresh"):
        row = await world.settled("aa", chain, "REJECTED")
        assert orjson.loads(row["reason"])["code"] == "tenant_removed"
        assert [end.how for end in (await world.state("aa", f"chain-{chain}")).ended] == ["rejected"]
    await world.settled("bb", "other", "CONFIRMED")
    await eventually(lambda: _closed(world))
    (task,) = [row for row in await world.rows() if row["kind"] == "look"]
    assert (task["queue"], task["state"], looker.ran) == ("closed", "DONE", [])
    assert [call.tenant for call in vendor.sent[sent:]] == ["bb"]
    assert len(world.permits.asked) - asked == 1
    assert await world.messages("WorkResumed")
    assert await open_work(world, "look") == 0


@pytest.mark.parametrize("heard", ["at work", "while no process ran"])
async def test_tasks_of_a_removed_tenant_go_on_where_they_stood_when_it_is_back(world: World, heard: str) -> None:
    looker, poll = Looker(Retryable(P)), Looker(kind="poll", recurring=True)
    deadline = Looker(kind="deadline", recurring=True, permits=0)
    tasks = [looker, poll, deadline]
    await known(world, AA, "active", 1, {})
    for handler in tasks:
        due_at = START + timedelta(hours=24) if handler is deadline else None
        await plan(world, handler.kind, due_at=due_at)
    poll.results = [Done(again_at=START + timedelta(minutes=5))]
    runner = await world.start(tasks=tasks, tenant_rules=tenant_rules)
    await eventually(lambda: _all(world, "waiting"))
    await known(world, AA, "removed", 2, {})
    await eventually(lambda: _closed(world))
    assert await open_work(world, "poll", "deadline") == 0
    if heard != "at work":
        await runner.stop()
    await known(world, AA, "active", 3, {})
    if heard != "at work":
        await world.start(tasks=tasks, tenant_rules=tenant_rules)
    world.clock.advance(60)
    await eventually(lambda: _ran(looker, 2))
    await eventually(lambda: _all(world, "waiting", "queue <> 'closed'"))
    assert [len(handler.ran) for handler in tasks] == [2, 1, 0], "what a tenant's file begins anew waits for the file"
    world.clock.set(START + timedelta(hours=23))
    (waiting,) = await world.rows("queue <> 'closed'")
    assert (waiting["kind"], waiting["due_at"]) == ("deadline", START + timedelta(hours=24))
    world.clock.set(START + timedelta(hours=25))
    await eventually(lambda: _ran(deadline, 1))
    await eventually(lambda: _closed(world))


async def test_tasks_of_a_tenant_that_is_back_without_their_account_wait_for_it(world: World) -> None:
    looker = Looker(*[Retryable(P, outage=False)] * 3)
    await known(world, AA, "active", 1, {"retry": {"seconds": [5, 5, 5], "jitter": 0}})
    await plan(world)
    await world.start(tasks=[looker], tenant_rules=tenant_rules)

    for failures in (1, 2):
        await eventually(lambda n=failures: _failed(world, n))  # type: ignore[misc]
        world.clock.advance(5)
    await eventually(lambda: _failed(world, 3))
    await known(world, AA, "removed", 2, {})
    await eventually(lambda: _closed(world))
    told = await world.messages("WorkDelayed")
    given, world.permits.answer = world.permits.answer, Retryable(Problem("account_unknown"), outage=False)
    world.clock.advance(3600)
    await known(world, AA, "active", 3, {"accounting": {}})
    back_at = world.clock.now()
    (waiting,) = await eventually(lambda: world.rows("queue = 'waiting'"))
    assert (waiting["due_at"], waiting["delayed_since"]) == (back_at + timedelta(hours=1), back_at)
    world.permits.answer = given
    world.clock.set(waiting["due_at"])
    await eventually(lambda: _closed(world))
    assert (len(looker.ran), len(await world.messages("WorkDelayed"))) == (4, len(told) + 1)


async def test_what_is_put_by_as_its_tenant_comes_back_is_not_left_closed(world: World) -> None:
    vendor = Vendor()
    await plan(world, due_at=START - timedelta(minutes=1))
    (row,) = await world.claim(vendor, kinds={"look": 1})
    async with world.database.delivery_connection() as connection:
        await claims.want_again(connection, {AA}, world.clock.now())
        release = Release(row, "DONE", None, row.effect, reason=Problem("tenant_removed", {"due_at": "2026-11-01"}))
        await write_releases(connection, [release], world.clock.now())
    (found,) = await world.rows()
    assert (found["queue"], found["state"]) == ("ready", "PLANNED")


async def test_what_is_put_by_after_its_tenant_came_back_goes_on_though_no_rules_change(world: World) -> None:
    """Whoever read that the tenant is removed may write it only when others have long heard that it is back."""
    looker = Looker()
    await known(world, AA, "active", 1, {})
    await plan(world, due_at=START - timedelta(minutes=1))
    (row,) = await world.claim(Vendor(), kinds={"look": 1})
    await world.start(tasks=[looker], tenant_rules=tenant_rules)
    await _plan_each(world, AA)
    await eventually(lambda: _ran(looker, 1))  # it knows by now who is there
    async with world.database.delivery_connection() as connection:
        due_at = (START + timedelta(hours=1)).isoformat()
        release = Release(row, "DONE", None, row.effect, reason=Problem("tenant_removed", {"due_at": due_at}))
        assert await write_releases(connection, [release], world.clock.now())
    (found,) = await eventually(lambda: world.rows("work_id = $1 AND queue = 'waiting'", row.work_id))
    assert found["state"] == "PLANNED"
    world.clock.advance(3600)
    await eventually(lambda: _ran(looker, 2))


async def test_of_several_tenants_that_put_work_by_those_go_on_that_are_there(world: World) -> None:
    tenants = [TenantId(name) for name in ("aa", "bb", "cc", "dd")]
    await _plan_each(world, *tenants, *tenants)
    rows = await world.claim(Vendor(), kinds={"look": 1})
    reason = Problem("tenant_removed", {"due_at": START.isoformat()})
    releases = [Release(row, "DONE", None, row.effect, reason=reason) for row in rows]
    async with world.database.delivery_connection() as connection:
        assert len(await write_releases(connection, releases, world.clock.now())) == 8
        await claims.go_on(connection, {AA, TenantId("cc")}, world.clock.now())
    found = [row["tenant_id"] for row in await world.rows("queue = 'ready'")]
    assert sorted(found) == ["bb", "bb", "dd", "dd"]


async def _plan_each(world: World, *tenants: TenantId) -> None:
    plans = [PlannedWork(one, f"chain-of-{n}", TaskPlan("look", f"of-{n}")) for n, one in enumerate(tenants)]
    async with world.database.transaction(tenants) as connection:
        await insert_plans(connection, plans, world.clock.now())


async def _failed(world: World, times: int) -> bool:
    return bool(await world.rows("queue = 'waiting' AND failures = $1", times))


async def _all(world: World, queue: str, where: str = "true") -> bool:
    return all(row["queue"] == queue for row in await world.rows(where))


async def _ran(handler: Looker, times: int) -> bool:
    return len(handler.ran) == times


async def test_what_may_be_outside_of_a_removed_tenant_is_looked_up_to_its_end(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: (vendor.create(call), Uncertain(P))[1]
    await world.execute(begin("aa", "1", steps=2))
    runner = await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    await runner.abort()
    await known(world, AA, "removed", 1, {})
    await world.start(vendor, tenant_rules=tenant_rules)
    world.clock.set(row["due_at"])
    await world.settled("aa", "1", "CONFIRMED")
    await eventually(lambda: _closed(world))
    assert [row["state"] for row in await world.rows()] == ["CONFIRMED", "REJECTED"], "what follows is not begun"
    assert len(vendor.sent) == 1
    assert await open_work(world) == 0


async def _closed(world: World) -> bool:
    return all(row["queue"] == "closed" for row in await world.rows())


async def test_a_doubt_whose_credentials_are_gone_stands_before_a_person_at_once(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: Uncertain(P)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    world.permits.answer = Retryable(Problem("account_unknown"), outage=False)
    world.clock.set(row["due_at"] + timedelta(seconds=5))  # permits in hand are good for so long
    row = await world.settled("aa", "1", "HUMAN")
    assert (await world.state("aa", "chain-1")).ended[0].how == "undecidable"
    assert attempted(row) == [("send", "uncertain"), ("probe", "not_made")]


async def test_an_outage_does_not_keep_a_removed_tenants_work_open(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: Retryable(P)
    await world.execute(*(begin("aa", str(number)) for number in range(6)))
    world.check.outcome = Retryable(P)
    await world.start(vendor, tenant_rules=tenant_rules)
    await eventually(lambda: _breaker_open(world))
    await known(world, AA, "removed", 1, {})

    async def nothing_open() -> bool:
        world.clock.advance(20)
        return await open_work(world) == 0

    await eventually(nothing_open)
    assert not await _breaker_open(world)
    assert {row["state"] for row in await world.rows()} == {"REJECTED"}


async def _breaker_open(world: World) -> bool:
    async with world.database.delivery_connection() as connection:
        return bool(await connection.fetch("SELECT 1 FROM work_accounts WHERE opened_at IS NOT NULL"))
