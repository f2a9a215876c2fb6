"""What effects and tasks share about vendor accounts: permits, pauses, breakers, delays, and the commands that tell
of them."""

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chassis.aggregate import Lane
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.http.client import counted_calls
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work import breaker
from chassis.work.committer import Committer, Settlement
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.machine import Effect, Schedule
from chassis.work.operations import (
    DELAY,
    OUTAGE,
    AccountDown,
    DelayBegan,
    DelayEnded,
    delay_stream,
    outage_stream,
)
from chassis.work.permits import LIMIT_USED_UP, PermitAnswer, PermitBlocks
from chassis.work.rows import Row
from chassis.work.settings import TenantRules, WorkSettings

WaitersOf = Callable[[TenantId, str, str], Awaitable[Sequence[str]]]
"""The other streams that wait for the work of a tenant's stream on an account: they are told of its delays too."""


async def no_waiters(tenant: TenantId, stream: str, account: str) -> Sequence[str]:
    """For a service where a stream's work is its own affair."""
    return ()


class Vendors:
    """The runner's knowledge of its vendors' accounts in this process."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        settings: WorkSettings,
        committer: Committer,
        blocks: PermitBlocks,
        vendor_of: Callable[[str], str],
        read_rules: Callable[[], Awaitable[TenantRules]],
        waiters_of: WaitersOf = no_waiters,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.committer = committer
        self._blocks = blocks
        self.vendor_of = vendor_of
        self.rules: TenantRules | None = None
        """None until it was first read."""
        self._read_rules = read_rules
        self._waiters_of = waiters_of
        self._failures = breaker.FailureCounts(settings.breaker_failures)
        self._paused: dict[tuple[TenantId, str], datetime] = {}
        self._says = {prefix: _known(engine, f"{prefix}-") for prefix in (OUTAGE, DELAY)}
        self._random = random.Random()  # noqa: S311 - jitter needs no secrecy

    def says(self, prefix: str) -> bool:
        """Whether the service has the stream kind that tells of outages or of delays."""
        return self._says[prefix]

    def roll(self) -> float:
        """Jitter from -1 to 1."""
        return self._random.uniform(-1.0, 1.0)

    def schedule(self, tenant: TenantId) -> Schedule:
        """When to try a tenant's work again: by its own file, else as the installation has it."""
        own = None if self.rules is None else self.rules.schedules.get(tenant)
        return own or self.settings.schedule

    async def removed(self, tenant: TenantId) -> bool:
        """Whether nothing of the tenant's may be called any more. Asked again before it is believed: a tenant may have
        come back since, and the work that began with that must not be closed. What is claimed before this is asked, and
        wanted again after it, is not closed either."""
        if self.rules is None or tenant not in self.rules.removed:
            return False
        return tenant in (await self._read_rules()).removed

    def later(self) -> datetime:
        """When delayed work is looked at again."""
        schedule = self.settings.schedule
        return self.clock.now() + timedelta(seconds=schedule.delayed_seconds * (1 + schedule.jitter * self.roll()))

    def paused(self) -> list[tuple[TenantId, str]]:
        """The accounts that are at their limit now."""
        now = self.clock.now()
        for pair in [pair for pair, until in self._paused.items() if until <= now]:
            del self._paused[pair]
        return list(self._paused)

    def pause_ends(self) -> datetime | None:
        """When the first of the paused accounts may be asked again."""
        return min(self._paused.values(), default=None)

    async def permit(self, row: Row, count: int, *, sweep: bool = False) -> PermitAnswer:
        """Leave for ``count`` calls on the row's account; a "not now" pauses the account for everyone."""
        if not row.account:
            return Permit("", "", "", count, self.clock.now())  # what has no account has no limit
        answer = await self._blocks.take(row.account, count, _class_of(row, sweep))
        if isinstance(answer, Deferred) or (isinstance(answer, Retryable) and not answer.outage):
            self._pause(row, self.again_at(answer))
        return answer

    @contextmanager
    def using(self, row: Row, permit: Permit, *, sweep: bool = False) -> Iterator[None]:
        """What is not called within of what the permit allows goes back to the account."""
        with counted_calls() as calls:
            try:
                yield
            finally:
                if row.account:
                    self._blocks.give_back(row.account, max(0, permit.count - calls.made), _class_of(row, sweep))

    def again_at(self, why: Deferred | Retryable) -> datetime:
        """When to ask again after a "not now"."""
        earliest = self.clock.now() + timedelta(seconds=self.settings.pause_seconds)
        until = why.until if isinstance(why, Deferred) else None
        return earliest if until is None else max(until, self.clock.now())

    def heard(self, row: Row, outcomes: Sequence[Outcome[Any]], settlement: Settlement) -> Settlement:
        """Takes note of what one request says about its account, and returns the settlement: when a failure was one too
        many in a row, with the opening of the breaker and its alert in the same commit."""
        for outcome in outcomes:
            if isinstance(outcome, Deferred) and outcome.of_account:
                self._pause(row, self.again_at(outcome))
        if any(isinstance(outcome, Ok | Rejected) or _said_not_now(outcome) for outcome in outcomes):
            self.answered(row.tenant, row.account)
            return settlement
        for outcome in outcomes:
            if isinstance(outcome, Retryable | Uncertain) and outcome.outage:
                return self._failed(row, outcome.problem, settlement)
        return settlement

    async def report(self, row: Row, outcomes: Sequence[Outcome[Any]]) -> None:
        """Tells ingest of a limit of the vendor's; outside any commit, since ingest may be slow."""
        for outcome in outcomes if row.account else ():
            if isinstance(outcome, Deferred) and outcome.of_account and _said_not_now(outcome):
                await self._blocks.report(row.account, outcome.problem, outcome.until)
                return

    async def report_token(self, row: Row, outcomes: Sequence[Outcome[Any]]) -> None:
        """Tells ingest of a refused token; before the commit, after which the work may be claimed again at once."""
        for outcome in outcomes if row.account else ():
            if isinstance(outcome, Retryable) and outcome.problem.code == TOKEN_REFUSED:
                await self._blocks.report(row.account, outcome.problem, None)
                return

    def answered(self, tenant: TenantId, account: str) -> None:
        """The vendor gave a definite answer on an account."""
        self._failures.succeeded(tenant, account)

    def probe_interval(self) -> timedelta:
        """Time to the next probe of an account that is down."""
        settings = self.settings
        return timedelta(seconds=settings.breaker_probe_seconds * (1 + settings.breaker_probe_jitter * self.roll()))

    async def with_waiters(self, row: Row) -> Row:
        """The row with who else is to hear of its delay; read only of work that is delayed, or is at its next
        failure."""
        may_be = row.effect.delayed_since or self.schedule(row.tenant).delayed(row.effect.failures + 1)
        if not may_be or not row.stream or not row.account or not self._says[DELAY]:
            return row
        return replace(row, waiters=tuple(await self._waiters_of(row.tenant, row.stream, row.account)))

    def of_delay(
        self, row: Row, effect: Effect, problem: Problem | None, metadata: Mapping[str, str]
    ) -> tuple[Command, ...]:
        """The command that tells when a row begins and ends to be delayed work, and, with the next try, who came to
        wait for it since. Who was told of the beginning is told of the end, whether it still waits or not."""
        was, now = row.effect.delayed_since, effect.delayed_since
        nothing_new = (was is None) == (now is None) and (now is None or not row.waiters)
        if nothing_new or not row.stream or not self._says[DELAY]:
            return ()
        vendor = self.vendor_of(row.account)
        body: DelayBegan | DelayEnded = DelayEnded(row.name, row.kind, vendor, row.account)
        if now is not None:
            reason = problem or Problem("delayed")
            body = DelayBegan(row.name, row.kind, vendor, row.account, now, reason, row.waiters)
        name = f"work:{row.name}:{row.epoch}:{'resumed' if now is None else 'delayed'}"
        return (self.command(row, delay_stream(row.stream), body, name, metadata),)

    def command(self, row: Row, stream: str, body: Any, command_id: str, metadata: Mapping[str, str]) -> Command:
        """A command of this row's tenant, with the row as its cause."""
        return Command(row.tenant, stream, body, command_id, {**metadata, "cause": f"work:{row.name}"})

    def _failed(self, row: Row, problem: Problem, settlement: Settlement) -> Settlement:
        if not row.account or not self._failures.failed(row.tenant, row.account):
            return settlement
        now = self.clock.now()
        opened = breaker.Opened(row.tenant, row.account, now, now + self.probe_interval(), problem)
        alert = None
        if self._says[OUTAGE]:
            vendor = self.vendor_of(row.account)
            down = AccountDown(vendor, row.account, now, problem)
            name = f"work:{row.name}:{row.epoch}:down"
            alert = self.command(row, outage_stream(vendor), down, name, row.metadata)
        return replace(settlement, opened=opened, alert=alert)

    def _pause(self, row: Row, until: datetime) -> None:
        if row.account:
            self._paused[(row.tenant, row.account)] = until


def _said_not_now(outcome: Outcome[Any]) -> bool:
    """Whether the vendor said "not now". What our own bucket refused, also to a handler that asked for one call more,
    would shrink the bucket with every question."""
    return isinstance(outcome, Deferred) and outcome.problem.code != LIMIT_USED_UP


def _class_of(row: Row, sweep: bool) -> PermitClass:
    if row.after_outage and not sweep:
        return PermitClass.RESUME
    if sweep:
        return PermitClass.SWEEP
    return PermitClass.INTERACTIVE if row.lane is Lane.INTERACTIVE else PermitClass.BULK


def _known(engine: Engine, stream: str) -> bool:
    try:
        engine.kinds.of(stream)
    except LookupError:
        return False
    return True
