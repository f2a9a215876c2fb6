"""Outages: the breaker opens once, one alert per tenant and vendor, a cheap probe, then the oldest first."""

from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest

from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Ok, Rejected, Retryable, Uncertain
from chassis.work.handlers import PermitClass
from chassis.work.permits import ACCOUNT_UNKNOWN
from chassis.work.settings import TenantRules
from tests.chassis.work.conftest import QUICK, World, eventually
from tests.chassis.work.test_tasks import Looker, plan
from tests.chassis.work.toy import ACCOUNT, START, Vendor, begin

AWAY = Retryable(Problem("no_connection"))


async def test_five_failures_in_a_row_open_the_breaker_and_alert_once(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: AWAY
    await world.execute(*(begin("aa", str(n)) for n in range(30)))
    await world.start(vendor, settings=replace(QUICK, in_flight_max=3))
    await eventually(lambda: open_accounts(world))
    await eventually(lambda: _nothing_taken(world))
    sent = len(vendor.sent)
    assert 5 <= sent <= 8
    world.clock.advance(40)
    assert await _quiet(world, vendor, sent), "nothing is sent while the breaker is open"
    began = await world.messages("OutageBegan")
    assert [(m["vendor"], m["accounts"]) for m in began] == [("toy", [ACCOUNT])]


async def test_other_accounts_go_on(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: AWAY if call.account == ACCOUNT else vendor.create(call)
    await world.execute(*(begin("aa", str(n)) for n in range(10)))
    await world.start(vendor)
    await eventually(lambda: open_accounts(world))
    await world.execute(begin("aa", "other", account="toy:other"), begin("bb", "1", account="toy:bb"))
    await world.settled("aa", "other", "CONFIRMED")
    await world.settled("bb", "1", "CONFIRMED")


async def test_a_definite_answer_breaks_the_row_of_failures(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: Rejected(Problem("no")) if int(call.stream.split("-")[1]) % 4 == 3 else AWAY
    await world.execute(*(begin("aa", str(n)) for n in range(12)))
    await world.start(vendor, settings=replace(QUICK, in_flight_max=1))
    await eventually(lambda: _sent(vendor, 12))
    assert await open_accounts(world) == []


@pytest.mark.parametrize("lost", [True, False])
async def test_doubt_after_an_answer_of_the_vendors_is_no_failure_of_the_account(world: World, lost: bool) -> None:
    """What is not there, or is there already, is looked up as a lost answer is; but the vendor did answer."""
    vendor = Vendor()
    vendor.answer = lambda call: Uncertain(Problem("document_not_found"), outage=lost)
    await world.execute(*(begin("aa", str(n)) for n in range(6)))
    await world.start(vendor, settings=replace(QUICK, in_flight_max=1))
    await eventually(lambda: _doubted(world, 5))
    assert await open_accounts(world) == ([ACCOUNT] if lost else [])
    assert len(await world.messages("OutageBegan")) == int(lost)


async def test_after_a_good_probe_the_oldest_goes_first_at_the_lower_rate(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: AWAY
    world.check.outcome = AWAY
    await world.execute(*(begin("aa", f"{n:02d}") for n in range(12)))
    await world.start(vendor, settings=replace(QUICK, in_flight_max=1))
    await eventually(lambda: open_accounts(world))
    world.clock.advance(75)
    await eventually(lambda: _asked(world, 1))
    assert len(await open_accounts(world)) == 1
    vendor.answer, vendor.sent = vendor.create, []
    world.check.outcome = Ok(None)
    world.permits.asked.clear()
    world.clock.advance(75)
    await eventually(lambda: _confirmed(world, 12))
    assert [call.stream for call in vendor.sent] == [f"chain-{n:02d}" for n in range(12)]
    assert {asked[2] for asked in world.permits.asked} == {PermitClass.SWEEP, PermitClass.RESUME}
    ended = await world.messages("OutageEnded")
    assert [(m["vendor"], m["accounts"]) for m in ended] == [("toy", [ACCOUNT])]
    assert len(await world.messages("OutageBegan")) == 1
    await world.execute(begin("aa", "new"))
    await world.settled("aa", "new", "CONFIRMED")
    assert world.permits.asked[-1][2] is PermitClass.INTERACTIVE


async def test_the_outage_of_an_account_that_was_deleted_meanwhile_ends(world: World) -> None:
    """The tenant's file names another vendor by now; nobody will ever get a permit for this one."""
    vendor, poll = Vendor(), Looker(kind="poll", recurring=True)
    vendor.answer = lambda call: AWAY
    world.check.outcome = AWAY
    await world.execute(*(begin("aa", str(n)) for n in range(5)))
    await world.start(vendor, tasks=[poll])
    await eventually(lambda: open_accounts(world))
    await plan(world, kind="poll", key=ACCOUNT)
    world.permits.answer = Retryable(Problem(ACCOUNT_UNKNOWN, {"account": ACCOUNT}), outage=False)

    async def ended() -> Any:
        world.clock.advance(3)  # who is refused a permit keeps the others from asking for a moment
        return await world.rows("kind = 'poll' AND state = 'DONE'")

    world.clock.advance(75)
    await eventually(ended)
    assert await open_accounts(world) == []
    assert [m["accounts"] for m in await world.messages("OutageEnded")] == [[ACCOUNT]]
    assert poll.ran == []


async def test_one_alert_for_all_accounts_of_a_vendor(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: AWAY
    world.check.outcome = AWAY
    for account in ("one", "two"):
        await world.execute(*(begin("aa", f"{account}{n}", account=f"toy:{account}") for n in range(6)))
    await world.start(vendor)
    await eventually(lambda: open_accounts(world, 2))
    assert len(await world.messages("OutageBegan")) == 1
    world.check.outcome = Ok(None)
    vendor.answer = vendor.create
    world.clock.advance(75)
    await eventually(lambda: _confirmed(world, 12))
    (ended,) = await world.messages("OutageEnded")
    assert sorted(ended["accounts"]) == ["toy:one", "toy:two"]


async def test_each_of_many_tenants_is_told_once_and_goes_on_within_90_seconds_oldest_first(world: World) -> None:
    """Each tenant has an account of its own; all of them meet one outage of the vendor, and its end."""
    tenants = ("aa", "bb", "cc")
    vendor = Vendor()
    vendor.answer = lambda call: AWAY
    world.check.outcome = AWAY
    for tenant in tenants:
        await world.execute(*(begin(tenant, f"{n}", account=f"toy:{tenant}") for n in range(8)))
    await world.start(vendor, settings=replace(QUICK, in_flight_max=1))
    await eventually(lambda: open_accounts(world, len(tenants)))
    world.clock.advance(75)
    await eventually(lambda: _asked(world, len(tenants)))
    vendor.answer, vendor.sent = vendor.create, []
    world.check.outcome = Ok(None)
    world.permits.asked.clear()
    world.clock.advance(89)
    await eventually(lambda: _confirmed(world, 8 * len(tenants)))
    for tenant in tenants:
        assert [call.stream for call in vendor.sent if call.tenant == tenant] == [f"chain-{n}" for n in range(8)]
    assert {asked[2] for asked in world.permits.asked} == {PermitClass.SWEEP, PermitClass.RESUME}, "half of the rate"
    for told in ("OutageBegan", "OutageEnded"):
        accounts = [account for message in await world.messages(told) for account in message["accounts"]]
        assert sorted(accounts) == [f"toy:{tenant}" for tenant in tenants], f"{told}: once to each tenant"


async def test_doubts_come_before_a_person_in_time_though_the_vendor_is_away(world: World) -> None:
    vendor = Vendor()
    world.check.outcome = AWAY
    await world.execute(begin("aa", "1"))
    await world.claim(vendor)
    async with world.database.delivery_connection() as connection:
        await connection.execute("UPDATE work SET state = 'INTENT', sends = 1")
    await world.end_leases()
    runner = await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    await runner.abort()
    async with world.database.delivery_connection() as connection:
        await connection.execute(
            "INSERT INTO work_accounts (tenant_id, account, opened_at, probe_at, reason) "
            "VALUES ('aa', $1, $2, $2, '{}')",
            ACCOUNT,
            START,
        )
    world.permits.answer = Retryable(Problem("token_endpoint_away"))
    await world.start(vendor)
    world.clock.set(row["decide_by"])
    row = await world.settled("aa", "1", "HUMAN")
    assert (world.clock.now() - START).total_seconds() <= 900
    assert sum(vendor.probed.values()) == 0
    assert orjson.loads(row["outcome"])["problem"]["code"] == "no_look_up_in_time"


async def test_suspended_tenants_wait(world: World) -> None:
    suspended = {TenantId("aa")}

    async def rules(connection: Any) -> TenantRules:
        return TenantRules(suspended=frozenset(suspended))

    vendor = Vendor()
    await world.execute(begin("aa", "1"), begin("bb", "1"))
    runner = world.runner(vendor, tenant_rules=rules)
    await runner.start()
    await world.settled("bb", "1", "CONFIRMED")
    assert (await world.row("aa", "1"))["queue"] == "ready"
    suspended.clear()
    await world.settled("aa", "1", "CONFIRMED")


async def open_accounts(world: World, at_least: int = 0) -> list[TenantId]:
    async with world.database.delivery_connection() as connection:
        rows = await connection.fetch("SELECT account FROM work_accounts WHERE opened_at IS NOT NULL")
    return [row["account"] for row in rows] if len(rows) >= at_least else []


async def _doubted(world: World, at_least: int) -> bool:
    return len(await world.rows("state = 'UNCERTAIN' AND queue <> 'taken'")) >= at_least


async def _quiet(world: World, vendor: Vendor, sent: int) -> bool:
    for _ in range(20):
        await world.rows()
        if len(vendor.sent) != sent:
            return False
    return True


async def _nothing_taken(world: World) -> bool:
    return not await world.rows("queue = 'taken'")


async def _sent(vendor: Vendor, count: int) -> bool:
    return len(vendor.sent) >= count


async def _asked(world: World, count: int) -> bool:
    return len(world.check.asked) >= count


async def _confirmed(world: World, count: int) -> bool:
    return len(await world.rows("state = 'CONFIRMED'")) == count


async def test_gauges_that_cannot_be_measured_keep_no_probe_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of so many open rows that the statement ran into its time limit."""

    async def cancelled(*_: Any) -> Any:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr("chassis.work.gauges.measure", cancelled)
    vendor = Vendor()
    vendor.answer = lambda call: AWAY
    await world.execute(*(begin("aa", str(n)) for n in range(5)))
    await world.start(vendor, settings=replace(QUICK, gauges_seconds=0.0))
    await eventually(lambda: open_accounts(world))
    vendor.answer = vendor.create
    world.clock.advance(100)
    await world.settled("aa", "1", "CONFIRMED")
