"""An invoice that accounting does not find: how long readers may only not see it, by a clock that was watched."""

import datetime as dt
from dataclasses import replace
from typing import Any, cast

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Outcome, Rejected
from chassis.work.handlers import Done, EffectCall, Found, Inconclusive, Permit, PermitClass, Task
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.registry import ELBA_SEED
from services.invoicing.app import SPEC
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.workers import CancelInvoice, FollowReview
from services.invoicing.workers.gone import may_be_hidden
from tests.kit.database import Databases
from tests.kit.kafka import eventually
from tests.services.invoicing.parts import answer, deal, issued, last, linked, request
from tests.services.streams import NOW, TENANT

PERMIT = Permit("elba:main", "https://elba.example", "", 5, NOW)
GONE = Problem("document_not_found")
LONG_AGO = NOW - dt.timedelta(minutes=10)


class Nowhere:
    """An accounting service that has the invoice no more, or does not show it yet."""

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[Any]:
        return Rejected(GONE)

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[Any]:
        return Rejected(GONE)


class Leave:
    """Gives every permit."""

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit:
        return replace(PERMIT, account=account, count=count)

    async def report(self, account: str, problem: Problem, until: dt.datetime | None) -> None:
        raise AssertionError(problem)


async def nobody_asks(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
    raise AssertionError("no breaker opens here")


def begun() -> ManualClock:
    """The clock of a process that begins now: nobody saw whether it was set forward before that."""
    clock = ManualClock(NOW)
    clock.known_since = NOW
    return clock


async def test_cancel_from_before_a_process_began_is_proven_only_when_its_own_time_has_passed() -> None:
    clock, accounting = begun(), cast(Any, Nowhere())
    handler = CancelInvoice(accounting, lambda account: ELBA_SEED, clock)
    request = {"document_id": "d1", "remote_id": "e1", "cancel": 2}
    kind = plans.CANCEL_INVOICE
    sent = EffectCall(TENANT, "w1", kind, "deal-15", "elba:main", request, "", 1, PERMIT, planned_at=LONG_AGO)
    clock.advance(179)
    assert await handler.probe(sent) == Inconclusive(GONE)
    clock.advance(1)
    assert await handler.probe(sent) == Found({})


async def test_cancels_of_what_is_not_there_are_no_outage_of_accounting(databases: Databases) -> None:
    """The account answers each of them."""
    assert SPEC.migrations is not None
    database = await (await databases("invoicing", SPEC.migrations)).open()
    clock, accounting, engine = ManualClock(NOW), cast(Any, Nowhere()), Engine("invoicing", SPEC.stream_kinds())
    handler = CancelInvoice(accounting, lambda account: ELBA_SEED, clock)
    settings = WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600)
    runner = WorkRunner(
        database, engine, clock, Leave(), effects=[handler], tasks=[], probe_account=nobody_asks, settings=settings
    )
    async with database.transaction([TENANT]) as connection:
        for number in range(settings.breaker_failures):
            stream = issued(what=deal(deal_id=str(number)))
            told = [request(what=deal(deal_id=str(number))), linked(), answer(last(stream)), c.CancelInvoice("Анна")]
            for place, body in enumerate(told):
                command = Command(TENANT, f"deal-{number}", body, f"test:{number}:{place}")
                await engine.execute(connection, [command], NOW)
        # What was ordered before has been done in this story, and goes out before the rest.
        await connection.execute("DELETE FROM work WHERE kind <> $1", plans.CANCEL_INVOICE)

    async def rows(query: str) -> int:
        async with database.delivery_connection() as connection:
            return len(await connection.fetch(query))

    async def all_doubted() -> bool:
        doubted = "SELECT 1 FROM work WHERE kind = 'cancel-invoice' AND state = 'UNCERTAIN' AND queue <> 'taken'"
        return await rows(doubted) == settings.breaker_failures

    await runner.start()
    try:
        await eventually(all_doubted)
        assert await rows("SELECT 1 FROM work_accounts WHERE opened_at IS NOT NULL") == 0
    finally:
        await runner.abort()
        await database.close()


async def test_draft_from_before_a_process_began_is_thrown_away_only_when_its_own_time_has_passed() -> None:
    clock = begun()
    handler = FollowReview(Nowhere(), clock)
    payload = {"document_id": "d1", "attempt": 2, "remote_id": "e1", "since": LONG_AGO.isoformat()}
    given = Task(TENANT, "w1", plans.REVIEW, "d1/2", payload, "deal-15", "elba:main", 1, PERMIT, NOW)
    clock.advance(179)
    early = await handler.run(given)
    assert isinstance(early, Done)
    assert early.commands == ()
    clock.advance(1)
    late = await handler.run(given)
    assert isinstance(late, Done)
    assert [one.body for one in late.commands] == [c.SeeReview("d1", 2, None)]


@pytest.mark.parametrize(
    ("set_forward", "known", "hidden_until"),
    [(None, None, 180), (None, -60, 180), (60, None, 240), (-60, None, 180), (60, 30, 240), (30, 60, 240)],
)
def test_three_minutes_are_counted_from_the_latest_moment_that_may_be_wrong(
    set_forward: int | None, known: int | None, hidden_until: int
) -> None:
    def at(seconds: int | None) -> dt.datetime | None:
        return None if seconds is None else NOW + dt.timedelta(seconds=seconds)

    clock = ManualClock(NOW)
    clock.set_forward_at, clock.known_since = at(set_forward), at(known)
    clock.advance(hidden_until - 1)
    assert may_be_hidden(clock, NOW)
    clock.advance(1)
    assert not may_be_hidden(clock, NOW)


def test_document_of_no_known_day_may_always_be_hidden() -> None:
    assert may_be_hidden(begun(), None)
