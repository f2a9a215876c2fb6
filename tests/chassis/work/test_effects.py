"""Effects on a real database: what each answer comes to, and what a death between any two steps comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from chassis.domain import Problem
from chassis.http.transport import first_byte_hook
from chassis.ids import TenantId
from chassis.objects import BlobStoreAway
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work import queries
from chassis.work.handlers import EffectCall, EffectPolicy, Found, Inconclusive, NotNow, PermitClass, Probe
from chassis.work.plans import effect_id
from tests.chassis.work.conftest import QUICK, World, eventually
from tests.chassis.work.probes import Answers, P, attempts, closed, moved, through_the_doubt, value, waiting
from tests.chassis.work.toy import ACCOUNT, START, Vendor, begin


async def test_a_chain_of_effects_runs_to_its_end(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1", steps=4))
    await world.start(vendor)
    await world.settled("aa", "1", "CONFIRMED", step=4)
    chain = await world.state("aa", "chain-1")
    assert [(e.number, e.how) for e in chain.ended] == [(n, "confirmed") for n in (1, 2, 3, 4)]
    assert len(await world.messages("Said")) == 1
    row = await world.row("aa", "1")
    assert (row["sends"], row["queue"]) == (1, "closed")
    assert orjson.loads(row["outcome"]) == {"result": {"remote_id": "remote-0"}}
    assert [a["outcome"] for a in attempts(row)] == ["ok"]


async def test_the_intent_is_committed_with_the_cursor_before_the_call(world: World) -> None:
    seen = []

    class Watching(Vendor):
        async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
            seen.extend([await world.row("aa", "1")])
            assert calls[0].cursor_before == {"known": 0}
            assert calls[0].marker == "[chain-1:1]"
            return await super().send(calls)

    await world.execute(begin("aa", "1"))
    await world.start(Watching())
    await world.settled("aa", "1", "CONFIRMED")
    (intent,) = seen
    assert (intent["state"], intent["sends"], intent["cursor_before"]) == ("INTENT", 1, '{"known": 0}')
    assert intent["request_hash"] is not None


async def test_a_refusal_is_told_with_its_reason(world: World) -> None:
    await world.execute(begin("aa", "1", steps=2))
    await world.start(Answers(Rejected(Problem("bad_inn", {"inn": "1\x00"}))))
    row = await world.settled("aa", "1", "REJECTED")
    assert orjson.loads(row["reason"]) == {"code": "bad_inn", "values": {"inn": "1\ufffd"}}
    assert [e.how for e in (await world.state("aa", "chain-1")).ended] == ["rejected"]


async def test_what_was_not_sent_is_tried_again_by_the_schedule(world: World) -> None:
    vendor = Answers(*[Retryable(P, outage=False)] * 3)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    for base in (5, 15, 45):
        row = await eventually(lambda: waiting(world))
        assert base * 0.8 <= (row["due_at"] - world.clock.now()).total_seconds() <= base * 1.2
        sent = len(vendor.sent)
        world.clock.set(row["due_at"])
        await eventually(lambda sent=sent: value(len(vendor.sent) > sent))  # type: ignore[misc]
    row = await world.settled("aa", "1", "CONFIRMED")
    assert (row["sends"], row["failures"]) == (1, 3)
    assert [a["outcome"] for a in attempts(row)] == ["retryable"] * 3 + ["ok"]
    assert sum(vendor.asked_before.values()) == 1


async def test_delayed_work_and_its_end_are_told_once(world: World) -> None:
    vendor = Answers(*[Retryable(P, outage=False)] * 6)
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    for _ in range(6):
        row = await eventually(lambda: waiting(world))
        world.clock.set(row["due_at"])
        await eventually(lambda r=row: moved(world, r["epoch"]))  # type: ignore[misc]
    await world.settled("aa", "1", "CONFIRMED")
    delayed, resumed = await world.messages("WorkDelayed"), await world.messages("WorkResumed")
    assert [m["work_id"] for m in delayed] == [m["work_id"] for m in resumed] == [str(row["work_id"])]


async def test_limits_pause_the_account_and_are_reported(world: World) -> None:
    vendor = Answers(Deferred(Problem("query_limit"), START + timedelta(seconds=30)))
    await world.execute(begin("aa", "1"), begin("aa", "2"))
    await world.start(vendor, settings=_with(in_flight_max=1))
    row = await eventually(lambda: waiting(world))
    assert row["due_at"] == START + timedelta(seconds=30)
    assert world.permits.reported == [(ACCOUNT, "query_limit")]
    assert row["failures"] == 0
    assert len(vendor.sent) == 1
    world.clock.advance(30)
    await world.settled("aa", "1", "CONFIRMED")
    await world.settled("aa", "2", "CONFIRMED")


async def test_a_bucket_that_is_empty_is_waited_for_and_not_reported_as_the_vendors_limit(world: World) -> None:
    world.permits.answer = Deferred(Problem("limit_used_up"), START + timedelta(seconds=30))
    await world.execute(begin("aa", "1"))
    await world.start(Vendor())
    row = await eventually(lambda: waiting(world))
    assert (row["due_at"], row["failures"], row["sends"]) == (START + timedelta(seconds=30), 0, 0)
    world.permits.answer = None
    world.clock.advance(30)
    await world.settled("aa", "1", "CONFIRMED")
    assert world.permits.reported == []


async def test_an_empty_bucket_that_a_handler_met_is_waited_for_and_not_reported_as_the_vendors_limit(
    world: World,
) -> None:
    await world.execute(begin("aa", "1"))
    await world.start(Answers(Deferred(Problem("limit_used_up"), START + timedelta(seconds=30))))
    row = await eventually(lambda: waiting(world))
    assert (row["due_at"], row["failures"], row["sends"]) == (START + timedelta(seconds=30), 0, 0)
    world.clock.advance(30)
    await world.settled("aa", "1", "CONFIRMED")
    assert world.permits.reported == []


async def test_a_refused_token_is_reported_and_the_call_repeated_at_once(world: World) -> None:
    await world.execute(begin("aa", "1"))
    await world.start(Answers(Retryable(Problem("token_refused"), outage=False)))
    await world.settled("aa", "1", "CONFIRMED")  # the clock stands still: nobody waited
    assert world.permits.reported == [(ACCOUNT, "token_refused")]


async def test_a_lost_answer_is_found_by_a_look_up_and_not_sent_again(world: World) -> None:
    class Hangs(Vendor):
        async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
            await super().send(calls)
            return [Uncertain(Problem("no_answer_in_time"))]

    vendor = Hangs()
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    assert 4 <= (row["due_at"] - START).total_seconds() <= 6
    world.clock.set(row["due_at"])
    row = await world.settled("aa", "1", "CONFIRMED")
    assert len(vendor.sent) == 1
    assert [a["what"] for a in attempts(row)] == ["send", "probe"]
    assert [e.remote_id for e in (await world.state("aa", "chain-1")).ended] == ["remote-0"]


async def test_a_proven_absence_allows_one_more_send_with_the_same_marker(world: World) -> None:
    vendor = Answers(Uncertain(P))
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert (world.clock.now() - START).total_seconds() >= 180
    assert row["sends"] == 2
    assert {(c.marker, c.effect_id) for c in vendor.sent} == {("[chain-1:1]", str(row["work_id"]))}
    assert [c.send_number for c in vendor.sent] == [1, 2]
    assert sum(vendor.probed.values()) >= 2
    assert sum(vendor.asked_before.values()) == 1


async def test_a_clock_that_was_set_forward_proves_no_absence(world: World) -> None:
    vendor = Answers(Uncertain(P))
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row = await world.settled("aa", "1", "UNCERTAIN")
    world.clock.set(row["due_at"])
    await eventually(lambda: moved(world, row["epoch"]))
    (row,) = await world.rows()
    assert (row["state"], row["absences"]) == ("UNCERTAIN", 1)
    set_at = world.clock.set_forward_at = START + timedelta(hours=2)
    world.clock.set(set_at)
    await eventually(lambda: moved(world, row["epoch"]))
    (row,) = await world.rows()
    assert (row["state"], row["absences"], row["uncertain_at"]) == ("UNCERTAIN", 1, set_at)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert world.clock.now() >= set_at + timedelta(seconds=180)
    assert (row["sends"], len(vendor.sent)) == (2, 2)


async def test_two_lost_sends_come_before_a_person(world: World) -> None:
    vendor = Answers(Uncertain(P), Uncertain(P))
    await world.execute(begin("aa", "1", steps=2))
    await world.start(vendor)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "HUMAN")
    assert len(vendor.sent) == 2
    assert row["queue"] == "person"
    assert [e.how for e in (await world.state("aa", "chain-1")).ended] == ["undecidable"]


async def test_a_look_up_that_cannot_tell_ends_before_a_person_within_fifteen_minutes(world: World) -> None:
    vendor = Answers(Uncertain(P))
    vendor.look = lambda call: Inconclusive(Problem("several_candidates"))
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "HUMAN")
    assert (world.clock.now() - START).total_seconds() <= 900
    assert orjson.loads(row["reason"])["code"] == "several_candidates"


async def test_what_stands_before_a_person_is_looked_up_again_and_never_sent_again(world: World) -> None:
    # By then a person may have had it sent as another effect, named what was found, or given it up.
    vendor = Answers(Uncertain(P))
    vendor.look = lambda call: Inconclusive(Problem("several_candidates"))
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "HUMAN")
    assert row["sends"] == 1
    vendor.look = None
    async with world.database.delivery() as connection:
        await queries.retry(connection, row["work_id"], {"call": vendor.policy_for}, world.clock.now())
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "HUMAN")
    assert orjson.loads(row["reason"])["code"] == "absent_after_last_send"
    assert len(vendor.sent) == 1
    assert [e.how for e in (await world.state("aa", "chain-1")).ended] == ["undecidable"]


RESTORED = replace(QUICK, look_up_first_until=START + timedelta(hours=1))


async def test_after_a_restore_what_is_outside_already_is_found_before_it_is_sent(world: World) -> None:
    vendor = Vendor()
    vendor.look = lambda call: Found({"remote_id": "of-the-forgotten-hour"})
    await world.execute(begin("aa", "1"))
    await world.start(vendor, settings=RESTORED)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert (vendor.sent, row["sends"]) == ([], 0)
    assert [e.remote_id for e in (await world.state("aa", "chain-1")).ended] == ["of-the-forgotten-hour"]


async def test_after_a_restore_what_was_absent_before_the_backup_is_looked_up_again(world: World) -> None:
    vendor = Vendor()
    vendor.look = lambda call: Found({"remote_id": "of-the-forgotten-hour"})
    await world.execute(begin("aa", "1"))
    async with world.database.delivery_connection() as connection:
        doubted = START - timedelta(hours=1)
        await connection.execute("UPDATE work SET state = 'ABSENT', sends = 1, uncertain_at = $1", doubted)
    await world.start(vendor, settings=RESTORED)
    await through_the_doubt(world)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert (vendor.sent, row["sends"]) == ([], 1)


async def test_after_a_restore_what_is_not_outside_is_sent_once_that_is_proven(world: World) -> None:
    vendor = Answers(Retryable(P, outage=False))
    await world.execute(begin("aa", "1"))
    await world.start(vendor, settings=RESTORED)
    await through_the_doubt(world)

    async def put_off() -> asyncpg.Record | None:
        return next(iter(await world.rows("failures = 1")), None)

    row = await eventually(put_off)
    assert row["absences"] >= 2
    assert (row["state"], len(vendor.sent)) == ("PLANNED", 1)
    world.clock.set(row["due_at"])
    await world.settled("aa", "1", "CONFIRMED")
    assert sum(vendor.probed.values()) == row["probes"], "looked up once, not before each attempt"


async def test_after_a_restore_what_has_no_look_up_stands_before_a_person(world: World) -> None:
    vendor = Vendor(EffectPolicy(Probe.NONE))
    await world.execute(begin("aa", "1"))
    await world.start(vendor, settings=RESTORED)
    row = await world.settled("aa", "1", "HUMAN")
    assert (vendor.sent, orjson.loads(row["reason"])["code"]) == ([], "perhaps_sent_before_a_restore")


@pytest.mark.parametrize(
    ("policy", "until"), [(EffectPolicy(Probe.REPEAT), timedelta(hours=1)), (EffectPolicy(Probe.EXACT), timedelta())]
)
async def test_what_may_be_repeated_or_was_planned_later_goes_out_at_once(
    world: World, policy: EffectPolicy, until: timedelta
) -> None:
    vendor = Vendor(policy)
    await world.execute(begin("aa", "1"))
    await world.start(vendor, settings=replace(QUICK, look_up_first_until=START + until))
    await world.settled("aa", "1", "CONFIRMED")
    assert (len(vendor.sent), sum(vendor.probed.values())) == (1, 0)


async def test_effects_of_one_group_travel_in_one_request_with_an_outcome_each(world: World) -> None:
    vendor = Vendor(batch_max=10)
    vendor.answer = lambda call: Rejected(P) if call.request["copy"] == 1 else vendor.create(call)
    await world.execute(begin("aa", "1", copies=3, group="fact"))
    await world.start(vendor)
    await eventually(lambda: closed(world, 3))
    assert vendor.requests == [3]
    assert [row["state"] for row in await world.rows()] == ["CONFIRMED", "REJECTED", "CONFIRMED"]
    assert len(world.permits.asked) == 1


@pytest.mark.expects_errors("could not be told to chain-1")
async def test_a_defect_of_the_domain_keeps_the_outcome_and_tells_it_later(world: World) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: Ok({"remote_id": "break-the-domain"})
    await world.execute(begin("aa", "1"))
    runner = await world.start(vendor)
    row = await world.settled("aa", "1", "CONFIRMED")
    assert row["untold"]
    assert (await world.state("aa", "chain-1")).ended == ()
    await runner.abort()
    async with world.database.delivery_connection() as connection:
        await connection.execute("""UPDATE work SET outcome = '{"result": {"remote_id": "mended"}}'""")
    world.clock.set(row["due_at"])
    await world.start(vendor)
    await eventually(lambda: closed(world, 1))
    assert [e.remote_id for e in (await world.state("aa", "chain-1")).ended] == ["mended"]
    assert len(vendor.sent) == 1


@pytest.mark.expects_errors("the handler of call failed: KeyError")
async def test_what_a_handler_raises_is_a_doubt(world: World) -> None:
    class Defective(Vendor):
        async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
            await super().send(calls)
            raise KeyError("defect")

    await world.execute(begin("aa", "1"))
    await world.start(Defective())
    row = await world.settled("aa", "1", "UNCERTAIN")
    assert orjson.loads(row["reason"]) == {"code": "handler_failed", "values": {"error": "KeyError"}}


class Storing(Vendor):
    """Reads from a store of our own before it calls, and again after it where it is said so."""

    def __init__(self, error: Exception, *, called: bool = False) -> None:
        super().__init__(EffectPolicy(Probe.NONE))
        self.error: Exception | None = error
        self.called = called

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        hook = first_byte_hook.get()
        assert hook is not None, "a guard stands before each send"
        if self.called:
            hook()
        if self.error is not None:
            raise self.error
        return await super().send(calls)


OWN_STORES = [BlobStoreAway("s3"), asyncpg.ConnectionDoesNotExistError("gone"), ConnectionRefusedError()]


@pytest.mark.parametrize("error", OWN_STORES)
async def test_a_store_of_our_own_that_is_away_before_the_first_byte_is_no_doubt_and_no_outage(
    world: World, error: Exception
) -> None:
    """A person was asked about a document that nobody had sent, and people were told that the vendor is away."""
    vendor = Storing(error)
    await world.execute(*(begin("aa", str(n)) for n in range(6)))
    await world.start(vendor)

    async def failed() -> bool:
        return len(await world.rows("queue = 'waiting' AND failures = 1")) == 6

    await eventually(failed)
    assert {(row["state"], row["sends"]) for row in await world.rows()} == {("PLANNED", 0)}
    assert await world.messages("OutageBegan") == []
    vendor.error = None
    world.clock.advance(10)
    await eventually(lambda: closed(world, 6))
    assert len(vendor.exists) == len(vendor.sent) == 6


@pytest.mark.parametrize("error", OWN_STORES)
async def test_a_store_of_our_own_that_is_away_after_the_first_byte_leaves_a_doubt(
    world: World, error: Exception
) -> None:
    await world.execute(begin("aa", "1"))
    await world.start(Storing(error, called=True))
    row = await world.settled("aa", "1", "HUMAN")
    assert row["sends"] == 1


async def test_before_may_say_not_now(world: World) -> None:
    class Busy(Vendor):
        async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
            if not self.asked_before:
                await super().before(call)
                raise NotNow(Deferred(P, START + timedelta(seconds=9)))
            return await super().before(call)

    vendor = Busy()
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    row = await eventually(lambda: waiting(world))
    assert (row["state"], row["sends"], vendor.sent) == ("PLANNED", 0, [])
    world.clock.advance(9)
    await world.settled("aa", "1", "CONFIRMED")


async def test_without_permits_work_waits_and_no_breaker_opens(world: World) -> None:
    world.permits.answer = Retryable(Problem("permits_away"), outage=False)
    vendor = Vendor()
    await world.execute(*(begin("aa", str(n)) for n in range(8)))
    await world.start(vendor)
    await eventually(lambda: value(len(world.permits.asked) >= 1))
    world.permits.answer = None
    world.clock.advance(3)
    await eventually(lambda: closed(world, 8))
    assert await world.messages("OutageBegan") == []
    assert await world.messages("WorkDelayed") == []


async def test_a_repeated_plan_after_the_end_is_no_new_effect(world: World) -> None:
    vendor = Vendor()
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    await world.settled("aa", "1", "CONFIRMED")
    await world.execute(begin("aa", "1"))
    (row,) = await world.rows()
    assert row["work_id"] == effect_id(TenantId("aa"), "call", ("chain-1", "1", "0"))
    assert row["queue"] == "closed"


async def test_permit_classes_follow_the_lane(world: World) -> None:
    await world.execute(begin("aa", "1"))
    await world.start(Vendor())
    await world.settled("aa", "1", "CONFIRMED")
    assert world.permits.asked == [(ACCOUNT, 1, PermitClass.INTERACTIVE)]


def _with(**fields: Any) -> Any:
    return replace(QUICK, **fields)
