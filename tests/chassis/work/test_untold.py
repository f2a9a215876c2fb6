"""What cannot be told to its stream, and work that is let go: nothing is lost or doubled, and people hear of it."""

from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from chassis.aggregate import TaskPlan
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Uncertain
from chassis.postgres import Connection
from chassis.work import queries
from chassis.work.handlers import Done, EffectCall, EffectPolicy, Probe, Settled, StreamCommand, Task, TaskResult
from chassis.work.plans import PlannedWork, insert_plans
from chassis.work.settings import TenantRules
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.probes import closed, value
from tests.chassis.work.toy import ACCOUNT, End, Vendor, begin

TENANT = TenantId("aa")
BROKEN = End(1, 0, "confirmed", "break-the-domain")


class Speechless(Vendor):
    """Cannot say an outcome: raises, or says what the domain fails on."""

    def __init__(self, by: str, policy: EffectPolicy | None = None) -> None:
        super().__init__(policy)
        self.by = by
        self.tries = 0

    def told(self, call: EffectCall, settled: Settled) -> Any:
        self.tries += 1
        if self.by == "handler":
            raise KeyError("remote_id")
        return BROKEN if self.by == "domain" else super().told(call, settled)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def delayed(world: World) -> int:
    async with world.database.delivery_connection() as connection:
        return (await queries.status(connection, world.clock.now(), recurring=(), polls=())).delayed


async def told_again(world: World, tries: int, vendor: Speechless) -> bool:
    (row,) = await world.rows()
    return vendor.tries >= tries and row["queue"] == "waiting"


@pytest.mark.expects_errors("call could not say its outcome: KeyError", "could not be told to chain-1")
@pytest.mark.parametrize("by", ["handler", "domain"])
async def test_an_outcome_that_cannot_be_told_is_delayed_work_of_which_people_hear_once(world: World, by: str) -> None:
    before = counted("sverka_work_untold_total", kind="call")
    vendor = Speechless(by)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row: Any = None
    for tries in (1, 2, 3):
        if row is not None:
            world.clock.set(row["due_at"])
        await eventually(lambda tries=tries: told_again(world, tries, vendor))  # type: ignore[misc]
        (row,) = await world.rows()
        assert (row["state"], row["untold"]) == ("CONFIRMED", True)
    assert len(await world.messages("WorkDelayed")) == 1
    assert await delayed(world) == 1
    assert counted("sverka_work_untold_total", kind="call") >= before + 3
    vendor.by = ""
    world.clock.set(row["due_at"])
    await eventually(lambda: closed(world, 1))
    assert len((await world.state("aa", "chain-1")).ended) == 1
    assert len(vendor.sent) == 1
    assert [len(await world.messages(kind)) for kind in ("WorkDelayed", "WorkResumed")] == [1, 1]
    assert await delayed(world) == 0


@pytest.mark.expects_errors("could not be told to chain-1")
@pytest.mark.parametrize("held_up_by", ["outage", "suspension"])
async def test_an_outcome_is_told_though_nothing_may_be_begun(world: World, held_up_by: str) -> None:
    """It needs no vendor, and may be of an invoice that is there."""
    rules = TenantRules()

    async def present(connection: Connection) -> TenantRules:
        return rules

    vendor = Speechless("domain")
    await world.execute(begin("aa", "1"))
    await world.start(vendor, tenant_rules=present)
    await eventually(lambda: told_again(world, 1, vendor))
    async with world.database.delivery_connection() as connection:
        if held_up_by == "outage":
            await connection.execute(
                "INSERT INTO work_accounts (tenant_id, account, opened_at) VALUES ('aa', $1, now())", ACCOUNT
            )
    vendor.by, rules = "", TenantRules(suspended=frozenset([TENANT] if held_up_by == "suspension" else []))
    await eventually(lambda: known(world, rules))
    (row,) = await world.rows()
    world.clock.set(row["due_at"])
    await eventually(lambda: closed(world, 1))


async def known(world: World, rules: TenantRules) -> bool:
    (runner,) = world.runners
    return runner._vendors.rules == rules


@pytest.mark.expects_errors("could not be told to chain-1")
async def test_a_task_whose_result_its_stream_cannot_take_is_told_as_delayed_once(world: World) -> None:
    class Finder:
        kind, recurring, permits = "look", False, 0

        async def run(self, task: Task) -> TaskResult:
            return Done((StreamCommand("chain-1", BROKEN, f"found-{task.attempt}"),))

    async with world.database.transaction([TENANT]) as connection:
        await insert_plans(connection, [PlannedWork(TENANT, "chain-1", TaskPlan("look", "k", {}))], world.clock.now())
    await world.start(tasks=[Finder()])
    for failures in range(1, 7):

        async def failed(failures: int = failures) -> Any:
            (row,) = await world.rows()
            return row if row["failures"] == failures and row["queue"] == "waiting" else None

        world.clock.set((await eventually(failed))["due_at"])
    assert len(await world.messages("WorkDelayed")) == 1


@pytest.mark.expects_errors("could not be told to chain-")
async def test_an_outage_is_told_though_the_outcome_that_showed_it_cannot_be(world: World) -> None:
    vendor = Speechless("domain", EffectPolicy(Probe.NONE))
    vendor.answer = lambda call: Uncertain(Problem("no_answer_in_time"))
    await world.execute(*(begin("aa", str(n)) for n in range(5)))
    await world.start(vendor)

    async def down() -> Any:
        async with world.database.delivery_connection() as connection:
            return await connection.fetch("SELECT account FROM work_accounts WHERE opened_at IS NOT NULL")

    assert [row["account"] for row in await eventually(down)] == [ACCOUNT]
    assert [message["accounts"] for message in await world.messages("OutageBegan")] == [[ACCOUNT]]


@pytest.mark.expects_errors("work of call was dropped: LookupError")
async def test_work_that_is_let_go_is_counted_and_taken_up_again(world: World) -> None:
    class Unknowing(Vendor):
        knows = False

        def policy_for(self, account: str) -> EffectPolicy:
            if not self.knows:
                raise LookupError(account)
            return super().policy_for(account)

    before = counted("sverka_work_dropped_total", kind="call", reason="defect")
    vendor = Unknowing()
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await eventually(lambda: value(counted("sverka_work_dropped_total", kind="call", reason="defect") == before + 1))
    vendor.knows = True
    await world.end_leases()
    row = await world.settled("aa", "1", "CONFIRMED")
    assert (row["sends"], orjson.loads(row["outcome"])) == (1, {"result": {"remote_id": "remote-0"}})
