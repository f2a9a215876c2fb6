"""The work runner of a service: claims due work, runs it, commits outcomes together, watches over vendors' outages."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from chassis import metrics
from chassis.cancelling import cancel_all
from chassis.clock import Clock
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.postgres import Connection, Database, is_infrastructure, log_level
from chassis.runtime import pause_seconds
from chassis.wakeups import WORK
from chassis.work import breaker, claims, gauges, journal
from chassis.work.claims import Claimed, ClaimRequest
from chassis.work.committer import AWAY, Committer
from chassis.work.effects import Effects
from chassis.work.gauges import HeldUp
from chassis.work.handlers import TOKEN_REFUSED, EffectHandler, Permit, PermitClass, Permits, TaskHandler
from chassis.work.operations import OUTAGE, AccountUp, outage_stream
from chassis.work.permits import ACCOUNT_UNKNOWN, PermitBlocks
from chassis.work.rows import Row
from chassis.work.settings import TenantRules, WorkSettings
from chassis.work.tasks import Tasks
from chassis.work.vendors import Vendors, WaitersOf, no_waiters

_log = logging.getLogger(__name__)


class AccountProbe(Protocol):
    """A cheap read that tells whether a vendor answers on an account again; Ok or Rejected mean that it does."""

    async def __call__(self, tenant: TenantId, account: str, permit: Permit) -> Outcome[Any]: ...


ReadTenantRules = Callable[[Connection], Awaitable[TenantRules]]


async def no_rules(connection: Connection) -> TenantRules:
    """For a service whose tenants are all alike."""
    return TenantRules()


def vendor_before_colon(account: str) -> str:
    """The vendor of an account that is named ``vendor:…``."""
    return account.partition(":")[0]


class WorkRunner:
    """Runs the effects and tasks of one service in one process; several processes may run beside each other.

    ``tenant_rules`` reads, over a delivery connection, what differs between tenants. ``progress`` is called
    at every turn of the claiming loop. Whoever hears that work was planned calls ``wake``;
    without it a poll finds the work.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        clock: Clock,
        permits: Permits,
        *,
        effects: Sequence[EffectHandler],
        tasks: Sequence[TaskHandler],
        probe_account: AccountProbe,
        settings: WorkSettings | None = None,
        tenant_rules: ReadTenantRules = no_rules,
        vendor_of: Callable[[str], str] = vendor_before_colon,
        waiters_of: WaitersOf = no_waiters,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._probe_account = probe_account
        self._settings = settings or WorkSettings()
        self._tenant_rules = tenant_rules
        self._progress = progress
        self._woken = asyncio.Event()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._committer = Committer(database, engine, clock, self._settings, self.wake)
        self._blocks = PermitBlocks(permits, clock, block_max=self._settings.permits_per_block_max, vendor_of=vendor_of)
        self._vendors = Vendors(
            engine=engine,
            clock=clock,
            settings=self._settings,
            committer=self._committer,
            blocks=self._blocks,
            vendor_of=vendor_of,
            read_rules=self._read_rules,
            waiters_of=waiters_of,
        )
        self._effects = Effects(self._vendors, effects)
        self._tasks = Tasks(self._vendors, tasks)
        self._kinds = {**self._effects.kinds, **self._tasks.kinds}
        if len(self._kinds) != len(effects) + len(tasks):
            raise TypeError("an effect and a task share a kind")
        self._units: set[asyncio.Task[None]] = set()
        self._checks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._away = False
        self._held_up: set[tuple[TenantId, str]] = set()

    @property
    def recurring_kinds(self) -> tuple[str, ...]:
        """Task kinds that never make an installation busy, for ``queries.status``."""
        return self._tasks.recurring_kinds

    @property
    def poll_kinds(self) -> tuple[str, ...]:
        """Task kinds whose passes make up ``quiet_since``, for ``queries.status``."""
        return self._tasks.poll_kinds

    def wake(self) -> None:
        """Looks for work now instead of at the next poll."""
        self._woken.set()

    async def start(self) -> None:
        """Starts claiming."""
        loops = [self._committer.run(), self._claim_loop(), self._housekeeping(), self._measuring()]
        self._loops = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """Claims nothing more, lets what runs come to its end (bounded), then stops committing."""
        self._stopping = True
        self.wake()
        if self._units:
            await asyncio.wait(self._units, timeout=self._settings.drain_seconds_max)
        await self.abort()

    async def abort(self) -> None:
        """Drops everything at once, as a killed process would; leases and INTENTs tell what was under way."""
        self._stopping = True
        await cancel_all((*self._loops, *self._units, *self._checks))
        self._loops.clear()

    async def failed(self) -> None:
        """Returns, by raising its error, when one of the loops has ended by itself."""
        done, _ = await asyncio.wait(self._loops, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _claim_loop(self) -> None:
        while not self._stopping:
            self._progress()
            self._woken.clear()
            free = self._settings.in_flight_max - len(self._units)
            claimed = claims.NOTHING
            if free > 0:
                claimed = await self._claim(free)
                for unit in _units(claimed.rows):
                    self._start(unit)
            if not claimed.more:
                await self._rest(free, claimed.next_due)

    async def _claim(self, free: int) -> Claimed:
        if self._vendors.rules is None:
            return claims.NOTHING  # not before it is known who is suspended
        request = ClaimRequest(
            owner=self._owner,
            limit=free,
            kinds=self._kinds,
            lease_seconds=self._settings.lease_seconds,
            in_flight_per_tenant_max=self._settings.in_flight_per_tenant_max,
            suspended=self._vendors.rules.suspended,
            paused=self._vendors.paused(),
        )
        try:
            claimed = await claims.claim(self._database, request, self._clock.now)
        except AWAY as error:
            metrics.DB_RETRIES.labels("claims").inc()
            if not self._away:  # once per absence; it is asked again at every poll
                _log.warning("no work can be claimed: %s", type(error).__name__)
            self._away = True
            return claims.NOTHING
        self._away = False
        return claimed

    async def _rest(self, free: int, until: datetime | None) -> None:
        pause_ends = self._vendors.pause_ends()
        moments = [moment for moment in (until, pause_ends) if moment is not None and free > 0]
        await self._clock.wait(self._woken, min(moments, default=None), self._settings.poll_seconds)

    def _start(self, rows: Sequence[Row]) -> None:
        task = asyncio.create_task(self._run(rows))
        self._units.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # What its commit made claimable was looked for then; its place matters only where there was none.
        if len(self._units) >= self._settings.in_flight_max:
            self._woken.set()
        self._units.discard(task)

    async def _run(self, rows: Sequence[Row]) -> None:
        try:
            if rows[0].is_effect:
                await self._effects.run(rows)
            else:
                await self._tasks.run(rows[0])
        except Exception as error:  # noqa: BLE001 - one row must not end the runner
            # The lease ends by itself; whoever takes the row over knows from its state what may have happened.
            name = type(error).__name__
            metrics.WORK_DROPPED.labels(rows[0].kind, "infrastructure" if is_infrastructure(error) else "defect").inc()
            _log.log(log_level(error), "work of %s was dropped: %s", rows[0].kind, name, exc_info=error)

    async def _housekeeping(self) -> None:
        while True:
            try:
                async with self._database.delivery_connection() as connection:
                    await self._learn_rules(connection)
                    due = await breaker.take_due_probes(connection, self._clock.now(), self._vendors.probe_interval())
                for account in due:
                    self._watch(asyncio.create_task(self._look_whether_back(account)))
            except AWAY as error:
                _log.warning("the watch over outages is tried again: %s", type(error).__name__)
            await asyncio.sleep(self._settings.housekeeping_seconds)

    async def _measuring(self) -> None:
        """By itself: what the walk over the open rows takes, or fails at, is no matter of outages and their probes."""
        loop = asyncio.get_running_loop()
        while True:
            began, now = loop.time(), self._clock.now()
            try:
                async with self._database.delivery_connection() as connection:
                    found = await gauges.measure(connection, now, self._vendors.vendor_of)
                self._say_held_up(found, now)
            except AWAY as error:
                _log.warning("due work is measured later: %s", type(error).__name__)
            await asyncio.sleep(pause_seconds(loop.time() - began, self._settings.gauges_seconds))

    def _say_held_up(self, found: Sequence[HeldUp], now: datetime) -> None:
        known = self._held_up
        self._held_up = {(one.tenant, one.account) for one in found}
        for one in found:
            if (one.tenant, one.account) not in known:
                age_seconds = (now - one.since).total_seconds()
                journal.account_held_up(one.tenant, one.account, one.waits, age_seconds, one.reason)

    async def _read_rules(self) -> TenantRules:
        async with self._database.delivery_connection() as connection:
            return await self._tenant_rules(connection)

    async def _learn_rules(self, connection: Connection) -> None:
        known, rules = self._vendors.rules, await self._tenant_rules(connection)
        were_removed = known.removed if known is not None else frozenset()
        if removed := rules.removed - were_removed:
            await claims.waken_all(connection, removed)
        if back := were_removed - rules.removed:
            await claims.want_again(connection, back, self._clock.now())
        # Always: another process may write that it put a task by when all have long heard that its tenant is back.
        await claims.go_on(connection, rules.removed, self._clock.now())
        if rules != known:
            self._vendors.rules = rules
            self.wake()

    def _watch(self, check: asyncio.Task[None]) -> None:
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    async def _look_whether_back(self, down: breaker.OpenAccount) -> None:
        try:
            # Nobody calls a removed tenant's account again, and what waits for it is to be closed.
            if await self._vendors.removed(down.tenant) or await self._is_back(down):
                await self._resume(down)
        except AWAY as error:
            _log.info("an account stays closed until the next probe: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the next probe is a minute away
            _log.exception("the probe of an account failed: %s", type(error).__name__)

    async def _is_back(self, down: breaker.OpenAccount) -> bool:
        for _ in range(2):
            permit = await self._blocks.take(down.account, 1, PermitClass.SWEEP)
            if not isinstance(permit, Permit):
                # A deleted account is down no more: its work is to hear that it is gone.
                return permit.problem.code == ACCOUNT_UNKNOWN
            async with asyncio.timeout(self._settings.probe_seconds_max):
                outcome = await self._probe_account(down.tenant, down.account, permit)
            if not isinstance(outcome, Retryable) or outcome.problem.code != TOKEN_REFUSED:
                break
            await self._blocks.report(down.account, outcome.problem, None)  # the outage outlived the token
        return isinstance(outcome, Ok | Rejected)

    async def _resume(self, down: breaker.OpenAccount) -> None:
        now = self._clock.now()
        vendor = self._vendors.vendor_of(down.account)
        stream = outage_stream(vendor)
        async with self._database.transaction([down.tenant]) as connection:
            if self._vendors.says(OUTAGE):
                await self._engine.lock(connection, [self._engine.key_of(down.tenant, stream)])
            closed = await breaker.close_breaker(connection, down.tenant, down.account, now)
            if closed and self._vendors.says(OUTAGE):
                up = AccountUp(vendor, down.account, now)
                command = Command(down.tenant, stream, up, f"up:{down.account}:{now.isoformat()}")
                await self._engine.execute(connection, [command], now, locked=True)
        if closed:
            journal.account_back(down.tenant, down.account)
        self._vendors.answered(down.tenant, down.account)
        self._database.wake(WORK)
        self.wake()


def _units(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that travel together; a look-up is always made alone."""
    units: dict[Any, list[Row]] = {}
    for row in rows:
        alone = not row.is_effect or not row.group or row.untold or row.effect.state.value not in ("PLANNED", "ABSENT")
        key = row.work_id if alone else (row.tenant, row.stream, row.account, row.kind, row.group)
        units.setdefault(key, []).append(row)
    return list(units.values())
