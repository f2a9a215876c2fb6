"""Runs tasks: one call of the handler, then its commands and the task's completion in one commit."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, assert_never

from chassis import metrics, telemetry
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from chassis.postgres import log_level
from chassis.work.committer import Settlement
from chassis.work.guard import lease_clock
from chassis.work.handlers import TENANT_REMOVED, TOKEN_REFUSED, Done, Permit, Task, TaskHandler, TaskResult
from chassis.work.machine import Effect
from chassis.work.permits import ACCOUNT_UNKNOWN, PERMITS_AWAY, problem_to_json
from chassis.work.rows import Release, Row
from chassis.work.vendors import Vendors

_log = logging.getLogger(__name__)

PLANNED = "PLANNED"
DONE = "DONE"
LOOK_FOR_ACCOUNT = timedelta(hours=1)
"""How soon what waits for an account that its tenant has not looks again whether it is there."""


def is_poll(handler: TaskHandler) -> bool:
    """Whether ``quiet_since`` looks at the passes of this handler."""
    return bool(getattr(handler, "polls", handler.recurring and handler.permits > 0))


def _begins_anew(handler: TaskHandler) -> bool:
    """Whether the file of a tenant that comes back begins the task anew, as what goes through a whole account."""
    return handler.recurring and handler.permits > 0 and not _of_one_object(handler)


def _of_one_object(handler: TaskHandler) -> bool:
    return bool(getattr(handler, "of_one_object", False))


class Tasks:
    """Runs claimed tasks."""

    def __init__(self, vendors: Vendors, handlers: Sequence[TaskHandler]) -> None:
        self._vendors = vendors
        self._handlers = {handler.kind: handler for handler in handlers}
        if len(self._handlers) != len(handlers):
            raise TypeError("two task handlers share a kind")

    @property
    def kinds(self) -> Mapping[str, int]:
        """Each kind; tasks travel alone."""
        return dict.fromkeys(self._handlers, 1)

    @property
    def recurring_kinds(self) -> tuple[str, ...]:
        """Kinds that never make an installation busy."""
        return tuple(kind for kind, handler in self._handlers.items() if handler.recurring)

    @property
    def poll_kinds(self) -> tuple[str, ...]:
        """Kinds whose last pass says since when nothing new was found."""
        return tuple(kind for kind, handler in self._handlers.items() if is_poll(handler))

    async def run(self, row: Row) -> None:
        """Runs one task once; of a removed tenant it ends unrun, recurring or not, or is put by until it is back."""
        row = await self._vendors.with_waiters(row)
        handler = self._handlers[row.kind]
        if await self._vendors.removed(row.tenant):
            ended = replace(row.effect, delayed_since=None)
            commands = self._vendors.of_delay(row, ended, None, row.metadata)
            values = {} if _begins_anew(handler) else {"due_at": row.due_at.isoformat()}
            release = Release(row, DONE, None, ended, reason=Problem(TENANT_REMOVED.code, values))
            await self._vendors.committer.settle([Settlement(release, commands)])
            return
        started = lease_clock()
        with telemetry.work_span(f"task {row.kind}", row.metadata, anew=handler.recurring) as span:
            span.set("sverka.tenant_id", row.tenant)
            result, asked = await self._attempt(handler, row)
            settlement = self._settlement(row, result, telemetry.continued(row.metadata))
            if asked:
                await self._vendors.report_token(row, [_outcome(result)])
                settlement = self._vendors.heard(row, [_outcome(result)], settlement)
            await self._vendors.committer.settle([settlement])
            if asked:
                await self._vendors.report(row, [_outcome(result)])
        metrics.WORK_RUNS.labels(row.kind, type(result).__name__.lower()).inc()
        metrics.WORK_SECONDS.labels(row.kind).observe(lease_clock() - started)

    async def _attempt(self, handler: TaskHandler, row: Row) -> tuple[TaskResult, bool]:
        if not row.account or handler.permits == 0:
            return await self._run(handler, row, None)
        permit = await self._vendors.permit(row, handler.permits, sweep=handler.recurring)
        if not isinstance(permit, Permit):
            return permit, isinstance(permit, Retryable) and permit.outage
        with self._vendors.using(row, permit, sweep=handler.recurring):
            return await self._run(handler, row, permit)

    async def _run(self, handler: TaskHandler, row: Row, permit: Permit | None) -> tuple[TaskResult, bool]:
        try:
            async with asyncio.timeout(self._vendors.settings.task_seconds_max):
                return await handler.run(_task(row, permit)), permit is not None
        except TimeoutError:
            return Retryable(Problem("no_answer_in_time")), permit is not None
        except Exception as error:  # noqa: BLE001 - what a handler raises is tried again
            name = type(error).__name__
            _log.log(log_level(error), "the handler of %s failed: %s", row.kind, name, exc_info=error)
            return Retryable(Problem("handler_failed", {"error": type(error).__name__}), outage=False), False

    def _settlement(self, row: Row, result: TaskResult, metadata: Mapping[str, str]) -> Settlement:
        match result:
            case Done():
                return self._done(row, result, metadata)
            case Deferred():
                due = self._vendors.again_at(result)
                return Settlement(Release(row, PLANNED, due, _ran(row), reason=result.problem))
            case Retryable():
                if result.problem.code == ACCOUNT_UNKNOWN and self._handlers[row.kind].recurring:
                    return self._done(row, self._without_account(row), metadata)
                if result.problem.code == PERMITS_AWAY:
                    due = self._vendors.again_at(result)
                    return Settlement(Release(row, PLANNED, due, _ran(row), reason=result.problem))
                return self._failure(row, result.problem, metadata)
            case _:
                assert_never(result)

    def _without_account(self, row: Row) -> Done:
        """The tenant's file that names the account again begins anew what goes through all of it, and nothing else."""
        follows = _of_one_object(self._handlers[row.kind])
        again_at = self._vendors.clock.now() + LOOK_FOR_ACCOUNT if follows else None
        return Done(again_at=again_at, found_something=False)

    def _done(self, row: Row, done: Done, metadata: Mapping[str, str]) -> Settlement:
        handler = self._handlers[row.kind]
        effect = replace(_ran(row), failures=0, delayed_since=None)
        release = Release(
            row,
            DONE if done.again_at is None else PLANNED,
            done.again_at,
            effect,
            payload=done.payload,
            passed_found=done.found_something if is_poll(handler) else None,
            debounce_seconds=done.debounce_seconds,
        )
        commands = [
            self._vendors.command(row, told.stream, told.body, told.command_id, metadata) for told in done.commands
        ]
        return Settlement(
            release,
            (*commands, *self._vendors.of_delay(row, effect, None, metadata)),
            otherwise=lambda: self._failure(row, Problem("stream_could_not_take_the_outcome"), metadata),
        )

    def _failure(self, row: Row, problem: Problem, metadata: Mapping[str, str]) -> Settlement:
        now = self._vendors.clock.now()
        schedule = self._vendors.schedule(row.tenant)
        failures = row.effect.failures + 1
        # No trying again mends that, so it is told at once: its deal waits for a person.
        lasting = _is_without_its_account(row, problem)
        delayed_since = row.effect.delayed_since or (now if lasting or schedule.delayed(failures) else None)
        fresh = problem.code == TOKEN_REFUSED and failures == 1
        attempt = {
            "what": "run",
            "at": row.claimed_at,
            "ended_at": now,
            "outcome": "retryable",
            "problem": problem_to_json(problem),
            "wanted": row.wanted,
        }
        effect = replace(_ran(row), failures=failures, delayed_since=delayed_since)
        wait = LOOK_FOR_ACCOUNT if lasting else schedule.delay(failures, self._vendors.roll())
        due = now if fresh else now + wait
        release = Release(row, PLANNED, due, effect, attempt=attempt, reason=problem)
        return Settlement(release, self._vendors.of_delay(row, effect, problem, metadata))


def _is_without_its_account(row: Row, problem: Problem) -> bool:
    """Whether it is the row's own account that its tenant has not: a handler may ask several others by itself."""
    return (
        problem.code == ACCOUNT_UNKNOWN
        and bool(row.account)
        and problem.values.get("account", row.account) == row.account
    )


def _ran(row: Row) -> Effect:
    # A task has no sends; the column counts its runs, so that one that has run and is not done shows as under way.
    return replace(row.effect, sends=row.effect.sends + 1)


def _task(row: Row, permit: Permit | None) -> Task:
    return Task(
        tenant=row.tenant,
        work_id=row.name,
        kind=row.kind,
        key=row.key,
        payload=row.request,
        stream=row.stream,
        account=row.account,
        attempt=row.effect.failures + 1,
        permit=permit,
        due_at=row.due_at,
        metadata=telemetry.continued(row.metadata),
    )


def _outcome(result: TaskResult) -> Outcome[Any]:
    return Ok(None) if isinstance(result, Done) else result
