"""Carries out what the effect machine decides: INTENT, send, look-up, outcome; one group of effects at a time."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, assert_never

from chassis import metrics, telemetry
from chassis.domain import Problem
from chassis.objects import BlobStoreAway
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.postgres import is_infrastructure
from chassis.work import machine
from chassis.work.committer import Settlement
from chassis.work.guard import SendGuard, SendRefused, lease_clock
from chassis.work.handlers import (
    TENANT_REMOVED,
    Confirmed,
    EffectCall,
    EffectHandler,
    Found,
    Inconclusive,
    NotFound,
    NotNow,
    Permit,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)
from chassis.work.machine import Answered, Effect, FirstByte, Input, State, Step
from chassis.work.permits import ACCOUNT_UNKNOWN, PERMITS_AWAY, problem_from_json, problem_to_json
from chassis.work.rows import Intent, Lease, Release, Row
from chassis.work.vendors import Vendors

_log = logging.getLogger(__name__)

BLOBS_AWAY: Final = "blobs_away"
_UNTOLD = Problem("stream_could_not_take_the_outcome")


class Effects:
    """Runs claimed effects. Every step ends in a commit; whatever dies between two commits is found by its lease."""

    def __init__(self, vendors: Vendors, handlers: Sequence[EffectHandler]) -> None:
        self._vendors = vendors
        self._running_since = vendors.clock.now()
        self._handlers = {handler.kind: handler for handler in handlers}
        if len(self._handlers) != len(handlers):
            raise TypeError("two effect handlers share a kind")

    @property
    def kinds(self) -> Mapping[str, int]:
        """Each kind with how many of one group may travel together."""
        return {kind: handler.batch_max for kind, handler in self._handlers.items()}

    async def run(self, rows: Sequence[Row]) -> None:
        """Takes the rows of one group a step further."""
        rows = [await self._vendors.with_waiters(row) for row in rows]
        first = rows[0]
        if first.untold:
            await self._tell_again(first)
            return
        match first.effect.state:
            case State.PLANNED | State.ABSENT:
                await (self._cancel(rows) if await self._vendors.removed(first.tenant) else self._send(rows))
            case State.INTENT | State.SENT:
                await self._abandoned(first)
            case State.UNCERTAIN | State.PROBING:
                await self._probe(first)
            case State.CONFIRMED | State.REJECTED | State.HUMAN:
                raise AssertionError(f"{first.name} is settled and was claimed")
            case _:
                assert_never(first.effect.state)

    async def _send(self, rows: Sequence[Row]) -> None:
        handler = self._handlers[rows[0].kind]
        rows = await self._not_forgotten(rows, handler)
        if not rows:
            return
        first = rows[0]
        permit = await self._vendors.permit(first, handler.policy_for(first.account).calls)
        if not isinstance(permit, Permit):
            await self._not_begun(rows, permit, by_vendor=isinstance(permit, Retryable) and permit.outage)
            return
        with self._vendors.using(first, permit):
            try:
                intents = [await self._intent(row, handler, permit) for row in rows]
            except NotNow as answer:
                await self._not_begun(rows, answer.why, by_vendor=True)
                return
            held = await self._vendors.committer.intend(intents)
            intents = [intent for intent in intents if intent.row.lease in held]
            if intents:
                await self._send_intents(handler, intents, permit, held)

    async def _not_forgotten(self, rows: Sequence[Row], handler: EffectHandler) -> list[Row]:
        """Those that may be sent; the others are in doubt from now on."""
        until, policy = self._vendors.settings.look_up_first_until, handler.policy_for(rows[0].account)
        since = self._running_since
        doubted = [row for row in rows if machine.looked_up_first(row.effect, policy, row.planned_at, until, since)]
        steps = [(row, self._step(row, row.effect, machine.Forgotten(), handler)) for row in doubted]
        if steps:
            await self._vendors.committer.settle(
                [self._settlement(handler, row, step, None, None, row.metadata) for row, step in steps]
            )
        return [row for row in rows if row not in doubted]

    async def _cancel(self, rows: Sequence[Row]) -> None:
        """Nothing of a removed tenant leaves any more. Its streams are told, so that none waits for ever."""
        settlements = []
        for row in rows:
            handler = self._handlers[row.kind]
            begun = self._step(row, row.effect, machine.SendBegins(), handler).effect
            unsent = replace(begun, sends=row.effect.sends, sent_at=row.effect.sent_at)
            step = self._step(row, unsent, Answered(Rejected(TENANT_REMOVED)), handler)
            settlements.append(self._settlement(handler, row, step, None, None, row.metadata))
        await self._vendors.committer.settle(settlements)

    async def _intent(self, row: Row, handler: EffectHandler, permit: Permit) -> Intent:
        effect = self._step(row, row.effect, machine.SendBegins(), handler).effect
        cursor = row.cursor_before
        if cursor is None:
            try:
                async with asyncio.timeout(self._vendors.settings.send_seconds_max):
                    cursor = await handler.before(_call(row, effect, cursor, permit))
            except NotNow:
                raise
            except TimeoutError as error:
                raise NotNow(Retryable(Problem("no_answer_in_time"))) from error
            except Exception as error:
                _log.exception("the preparation of %s failed: %s", handler.kind, type(error).__name__)
                raise NotNow(Retryable(_defect(error), outage=False)) from error
        if row.effect.state is State.ABSENT:
            metrics.EFFECT_REPEATS.labels(row.kind).inc()
        return Intent(row, effect, cursor)

    async def _send_intents(
        self, handler: EffectHandler, intents: Sequence[Intent], permit: Permit, held: Mapping[Lease, float]
    ) -> None:
        first = intents[0].row
        calls = [_call(i.row, i.effect, i.cursor_before, permit) for i in intents]
        started = lease_clock()
        guard = SendGuard(
            self._vendors.clock,
            deadline=started + self._vendors.settings.send_seconds_max,
            lease_ends=min(held[i.row.lease] for i in intents),
        )
        others = [intent.row.metadata for intent in intents[1:]]
        with telemetry.work_span(f"effect {first.kind}", first.metadata, batch=others) as span:
            span.set("sverka.tenant_id", first.tenant)
            outcomes = await self._outcomes(handler, calls, guard)
            settlements = [
                self._answered(handler, intent, call, outcome, guard, telemetry.continued_in_batch(intent.row.metadata))
                for intent, call, outcome in zip(intents, calls, outcomes, strict=True)
            ]
            await self._vendors.report_token(first, outcomes)
            settlements[0] = self._vendors.heard(first, outcomes, settlements[0])
            await self._vendors.committer.settle(settlements)
            await self._vendors.report(first, outcomes)
        metrics.WORK_SECONDS.labels(first.kind).observe(lease_clock() - started)

    async def _outcomes(
        self, handler: EffectHandler, calls: Sequence[EffectCall], guard: SendGuard
    ) -> Sequence[Outcome[Mapping[str, Any]]]:
        problem: Problem
        try:
            with guard:
                async with asyncio.timeout(self._vendors.settings.send_seconds_max):
                    outcomes = await handler.send(calls)
            if len(outcomes) == len(calls):
                return outcomes
            _log.error("the handler of %s gave %d outcomes for %d calls", handler.kind, len(outcomes), len(calls))
            problem = Problem("handler_failed", {"error": "outcomes"})
        except SendRefused:
            problem = Problem("send_refused")
        except TimeoutError:
            problem = Problem("no_answer_in_time")
        except Exception as error:  # noqa: BLE001 - what a handler raises is an outcome nobody knows
            own = isinstance(error, BlobStoreAway) or is_infrastructure(error)
            level = logging.WARNING if own else logging.ERROR
            _log.log(level, "the handler of %s failed: %s", handler.kind, type(error).__name__, exc_info=error)
            problem = Problem(BLOBS_AWAY) if isinstance(error, BlobStoreAway) else _defect(error)
            if own and guard.first_byte_at is None:
                # A store of our own is away, and whoever calls a vendor asks the guard before the first byte.
                return [Retryable(problem, outage=False) for _ in calls]
        if guard.surely_not_sent:
            return [Retryable(problem, outage=False) for _ in calls]
        return [Uncertain(problem) for _ in calls]

    def _answered(
        self,
        handler: EffectHandler,
        intent: Intent,
        call: EffectCall,
        outcome: Outcome[Mapping[str, Any]],
        guard: SendGuard,
        metadata: Mapping[str, str],
    ) -> Settlement:
        effect = intent.effect
        if guard.first_byte_at is not None:
            effect = self._step(intent.row, effect, FirstByte(), handler).effect
        step = self._step(intent.row, effect, Answered(outcome), handler)
        label, problem = type(outcome).__name__.lower(), _problem(outcome)
        metrics.WORK_RUNS.labels(intent.row.kind, label).inc()
        attempt = self._attempt("send", intent.effect.sent_at, label, problem)
        attempt["send"] = intent.effect.sends
        if guard.first_byte_at is not None:
            attempt["first_byte_at"] = guard.first_byte_at
        return self._settlement(handler, intent.row, step, attempt, problem, metadata, call)

    async def _not_begun(self, rows: Sequence[Row], why: Deferred | Retryable, *, by_vendor: bool) -> None:
        """Nothing was sent and no INTENT stands: wait; a limit and an absent ingest do not count as attempts. What our
        own bucket refused is no word of the vendor's: reported, it would shrink the bucket with every question."""
        now = self._vendors.clock.now()
        settlements = []
        for row in rows:
            handler = self._handlers[row.kind]
            if isinstance(why, Retryable) and why.problem.code != PERMITS_AWAY:
                begun = self._step(row, row.effect, machine.SendBegins(), handler).effect
                step = self._step(row, replace(begun, sent_at=row.effect.sent_at), Answered(why), handler)
                attempt = self._attempt("send", now, "retryable", why.problem)
                settlements.append(self._settlement(handler, row, step, attempt, why.problem, row.metadata))
            else:
                due = self._vendors.again_at(why)
                effect = replace(row.effect, due_at=due)
                settlements.append(Settlement(Release(row, effect.state.value, due, effect, reason=why.problem)))
        if by_vendor:
            await self._vendors.report_token(rows[0], [why])
            settlements[0] = self._vendors.heard(rows[0], [why], settlements[0])
        await self._vendors.committer.settle(settlements)
        if by_vendor:
            await self._vendors.report(rows[0], [why])

    async def _abandoned(self, row: Row) -> None:
        handler = self._handlers[row.kind]
        step = self._step(row, row.effect, machine.LeaseEnded(), handler)
        problem = Problem("no_word_from_the_sender")
        attempt = self._attempt("lease", self._vendors.clock.now(), "uncertain", problem)
        await self._vendors.committer.settle([self._settlement(handler, row, step, attempt, problem, row.metadata)])

    async def _probe(self, row: Row) -> None:
        handler = self._handlers[row.kind]
        effect = row.effect
        if effect.state is State.PROBING:
            effect = self._step(row, effect, machine.LeaseEnded(), handler).effect
        clock, now = self._vendors.clock, self._vendors.clock.now()
        effect = machine.measured_anew(effect, handler.policy_for(row.account), clock.set_forward_at, clock.known_since)
        permit = await self._vendors.permit(row, 1)
        if isinstance(permit, Permit):
            with telemetry.work_span(f"probe {row.kind}", row.metadata):
                begun = self._step(row, effect, machine.ProbeBegins(), handler).effect
                began_at = self._vendors.clock.now()
                result = await self._look_up(handler, _call(row, begun, row.cursor_before, permit))
                if not isinstance(result, Inconclusive):
                    self._vendors.answered(row.tenant, row.account)
                metrics.EFFECT_PROBES.labels(row.kind, _PROBE_LABELS[type(result)]).inc()
                step = self._step(row, begun, machine.Probed(result, began_at), handler)
                problem = result.problem if isinstance(result, Inconclusive) else None
                if problem is not None:
                    await self._vendors.report_token(row, [Retryable(problem)])
                attempt = self._attempt("probe", now, _PROBE_LABELS[type(result)], problem)
                metadata = telemetry.continued(row.metadata)
        else:
            problem, metadata = permit.problem, dict(row.metadata)
            attempt = self._attempt("probe", now, "not_made", problem)
            never = problem.code == ACCOUNT_UNKNOWN  # its credentials are gone: no look-up will be possible
            if never or (effect.decide_by is not None and now >= effect.decide_by):
                step = self._step(row, effect, machine.DeadlinePassed(), handler)
            else:
                due = self._vendors.again_at(permit)
                step = Step(replace(effect, state=State.UNCERTAIN, due_at=min(due, effect.decide_by or due)))
        await self._vendors.committer.settle([self._settlement(handler, row, step, attempt, problem, metadata)])

    async def _look_up(self, handler: EffectHandler, call: EffectCall) -> ProbeResult:
        try:
            async with asyncio.timeout(self._vendors.settings.probe_seconds_max):
                return await handler.probe(call)
        except TimeoutError:
            return Inconclusive(Problem("no_answer_in_time"))
        except Exception as error:  # noqa: BLE001 - a look-up that fails tells nothing
            _log.exception("the look-up of %s failed: %s", handler.kind, type(error).__name__)
            return Inconclusive(_defect(error))

    async def _tell_again(self, row: Row) -> None:
        handler = self._handlers[row.kind]
        step = Step(replace(row.effect, due_at=None, delayed_since=None), _settled_of(row))
        await self._vendors.committer.settle([self._settlement(handler, row, step, None, None, row.metadata)])

    def _settlement(
        self,
        handler: EffectHandler,
        row: Row,
        step: Step,
        attempt: Mapping[str, Any] | None,
        problem: Problem | None,
        metadata: Mapping[str, str],
        call: EffectCall | None = None,
    ) -> Settlement:
        release = Release(
            row,
            step.effect.state.value,
            step.effect.due_at,
            step.effect,
            attempt=attempt,
            outcome=_outcome_of(step.settled),
            reason=step.settled.problem if isinstance(step.settled, RejectedFinally | Undecidable) else problem,
        )
        commands = self._vendors.of_delay(row, step.effect, problem, metadata)
        if step.settled is None:
            return Settlement(release, commands)
        if call is None:
            call = _call(row, step.effect, row.cursor_before, _no_permit(row, self._vendors.clock.now()))

        def otherwise() -> Settlement:
            metrics.WORK_UNTOLD.labels(row.kind).inc()
            since = row.effect.delayed_since or self._vendors.clock.now()
            effect = replace(step.effect, delayed_since=since)
            kept = replace(release, untold=True, due_at=self._vendors.later(), effect=effect, reason=_UNTOLD)
            return Settlement(kept, self._vendors.of_delay(row, effect, _UNTOLD, metadata))

        try:
            body = handler.told(call, step.settled)
        except Exception as error:  # noqa: BLE001 - the outcome is kept and told later
            _log.exception("%s could not say its outcome: %s", handler.kind, type(error).__name__)
            return otherwise()
        if body is not None:
            name = f"work:{row.name}:{step.effect.sends}:{step.effect.state.value}"
            commands = (*commands, self._vendors.command(row, row.stream, body, name, metadata))
        return Settlement(release, commands, otherwise=otherwise)

    def _step(self, row: Row, effect: Effect, event: Input, handler: EffectHandler) -> Step:
        vendors, policy = self._vendors, handler.policy_for(row.account)
        if row.outcome is not None:
            # It stood before a person, who may have had it sent as another effect, or named what was found, by now.
            policy = replace(policy, sends_max=effect.sends)
        return machine.step(
            effect,
            event,
            policy,
            vendors.schedule(row.tenant),
            vendors.clock.now(),
            vendors.roll(),
        )

    def _attempt(self, what: str, began: datetime | None, outcome: str, problem: Problem | None) -> dict[str, Any]:
        attempt: dict[str, Any] = {"what": what, "at": began, "ended_at": self._vendors.clock.now(), "outcome": outcome}
        if problem is not None:
            attempt["problem"] = problem_to_json(problem)
        return attempt


_PROBE_LABELS: Mapping[type[ProbeResult], str] = {
    Found: "found",
    NotFound: "not_found",
    Inconclusive: "inconclusive",
}


def _call(row: Row, effect: Effect, cursor: Mapping[str, Any] | None, permit: Permit) -> EffectCall:
    return EffectCall(
        tenant=row.tenant,
        effect_id=row.name,
        kind=row.kind,
        stream=row.stream,
        account=row.account,
        request=row.request,
        marker=row.marker,
        send_number=effect.sends,
        permit=permit,
        cursor_before=cursor,
        planned_at=row.planned_at,
        metadata=row.metadata,
        doubted=effect.uncertain_at is not None,
    )


def _no_permit(row: Row, now: datetime) -> Permit:
    return Permit(account=row.account, endpoint="", access_token="", count=0, expires_at=now)


def _defect(error: Exception) -> Problem:
    return Problem("handler_failed", {"error": type(error).__name__})


def _problem(outcome: Outcome[Any]) -> Problem | None:
    return None if isinstance(outcome, Ok) else outcome.problem


def _outcome_of(settled: Settled | None) -> Mapping[str, Any] | None:
    match settled:
        case None:
            return None
        case Confirmed():
            return {"result": settled.result}
        case RejectedFinally():
            return {"problem": problem_to_json(settled.problem)}
        case Undecidable():
            return {"problem": problem_to_json(settled.problem), "sent_at": settled.sent_at}
        case _:
            assert_never(settled)


def _settled_of(row: Row) -> Settled:
    outcome = row.outcome or {}
    match row.effect.state:
        case State.CONFIRMED:
            return Confirmed(outcome["result"])
        case State.REJECTED:
            return RejectedFinally(problem_from_json(outcome["problem"]))
        case _:
            return Undecidable(problem_from_json(outcome["problem"]), row.effect.sent_at)
