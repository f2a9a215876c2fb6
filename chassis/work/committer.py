"""Group commit: INTENTs and outcomes of all concurrent work share transactions, one after another."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import asyncpg

from chassis import metrics
from chassis.clock import Clock
from chassis.engine import Command, Engine
from chassis.ids import lock_number
from chassis.postgres import INFRASTRUCTURE_ERRORS, Connection, Database
from chassis.work import breaker, journal, rows
from chassis.work.guard import lease_clock
from chassis.work.rows import Intent, Lease, Release
from chassis.work.settings import WorkSettings

# A connection whose other end dies at the wrong moment answers once more, that another operation is in progress.
AWAY: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.InternalClientError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one row, with all that must become true in the same transaction.

    ``otherwise`` is written in its place when the commands cannot be executed (a defect of a domain): the outcome is
    kept and told later. ``opened`` and ``alert``, the command that tells of it, are written in either case.
    """

    release: Release
    commands: Sequence[Command] = ()
    opened: breaker.Opened | None = None
    alert: Command | None = None
    otherwise: "Callable[[], Settlement] | None" = None

    @property
    def told(self) -> Sequence[Command]:
        """All commands."""
        return self.commands if self.alert is None else (*self.commands, self.alert)


@dataclass(slots=True)
class _Waiting:
    items: Sequence[Intent | Settlement]
    done: asyncio.Future[dict[Lease, float]]
    instead: dict[Lease, Release] = field(default_factory=dict)
    """What was written in the place of what could not be."""


class Committer:
    """Takes whatever waits (at most ``commit_items_max``) and commits it in one transaction under its tenants.

    Each answer is the leases that were still ours, with the moment (of ``lease_clock``) when they end.
    ``committed`` is called after a commit that may have made other work claimable.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        clock: Clock,
        settings: WorkSettings,
        committed: Callable[[], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._committed = committed
        # In two waves, of which one is on the wire while the other commits; a single one would idle at each in turn.
        self._items_max = min(settings.commit_items_max, max(settings.in_flight_max // 2, 1))
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()

    async def intend(self, intents: Sequence[Intent]) -> dict[Lease, float]:
        """Commits INTENTs; only those in the answer may be sent."""
        return await self._submit(intents).done

    async def settle(self, settlements: Sequence[Settlement]) -> dict[Lease, float]:
        """Commits outcomes; what another sender took over in the meantime is left to it."""
        waiting = self._submit(settlements)
        held = await waiting.done
        ours = [item.release for item in settlements if item.release.row.lease in held]
        journal.settled([waiting.instead.get(release.row.lease, release) for release in ours])
        return held

    async def run(self) -> None:
        """Commits until cancelled."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(0)  # whoever became ready in the same turn of the loop comes along
            batch = self._take()
            if batch:
                await self._commit(batch)

    def _submit(self, items: Sequence[Intent | Settlement]) -> _Waiting:
        waiting = _Waiting(items, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._arrived.set()
        return waiting

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].items) <= self._items_max):
            waiting = self._queue.popleft()
            if not waiting.done.cancelled():
                batch.append(waiting)
                size += len(waiting.items)
        if not self._queue:
            self._arrived.clear()
        return batch

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            held = await self._persist([item for waiting in batch for item in waiting.items])
        except Exception as error:  # noqa: BLE001 - whatever it is, one bad item must fail alone
            await self._one_by_one(batch, error)
            return
        for waiting in batch:
            _answer(waiting, held)

    async def _one_by_one(self, batch: Sequence[_Waiting], error: Exception) -> None:
        if len(batch) > 1:
            _log.warning("a group commit failed and is taken apart: %s", type(error).__name__)
        for waiting in batch:
            held: dict[Lease, float] = {}
            failures: list[Exception] = []
            for item in waiting.items:
                try:
                    held |= await self._alone(item, waiting.instead)
                except Exception as failure:  # noqa: BLE001 - it belongs to the one who waits for it
                    failures.append(failure)  # the others' answers are known, and would become doubts
            if not failures:
                _answer(waiting, held)
            elif not waiting.done.done():
                waiting.done.set_exception(failures[0])

    async def _alone(self, item: Intent | Settlement, instead: dict[Lease, Release]) -> dict[Lease, float]:
        try:
            return await self._persist([item])
        except Exception as error:
            if not isinstance(item, Settlement) or item.otherwise is None:
                raise
            _log.exception(
                "an outcome of %s could not be told to %s and is told later: %s",
                item.release.row.kind,
                item.release.row.stream,
                type(error).__name__,
            )
            other = replace(item.otherwise(), opened=item.opened, alert=item.alert)
            instead[other.release.row.lease] = other.release
            return await self._persist([other])

    async def _persist(self, items: Sequence[Intent | Settlement]) -> dict[Lease, float]:
        """One transaction; while Postgres is away it is tried again, every time with all values absolute."""
        pause = 0.05
        while True:
            try:
                return await self._transaction(items)
            except AWAY as error:
                if isinstance(error, ValueError):
                    raise
                metrics.DB_RETRIES.labels("work").inc()
                _log.warning("a commit of work is tried again: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._settings.commit_retry_seconds_max)

    async def _transaction(self, items: Sequence[Intent | Settlement]) -> dict[Lease, float]:
        intents = [item for item in items if isinstance(item, Intent)]
        settlements = [item for item in items if isinstance(item, Settlement)]
        tenants = {i.row.tenant for i in intents} | {s.release.row.tenant for s in settlements}
        lease_ends = lease_clock() + self._settings.lease_seconds
        # The locks of the streams come before any row, here as everywhere.
        locks = {lock_number(self._engine.key_of(c.tenant, c.stream)) for s in settlements for c in s.told}
        what = {f"intend/{i.row.kind}" for i in intents} | {f"settle/{s.release.row.kind}" for s in settlements}
        async with self._database.transaction(tenants, locks, what, first=rows.PLANNER_SETTINGS) as connection:
            held: set[Lease] = set()
            opened: list[breaker.Opened] = []
            if intents:
                held |= await rows.write_intents(connection, intents, self._settings.lease_seconds)
            if settlements:
                settled, opened = await self._settle(connection, settlements)
                held |= settled
        for down in opened:
            journal.account_down(down.tenant, down.account, down.reason.code)
        if settlements:
            self._committed()
        return dict.fromkeys(held, lease_ends)

    async def _settle(
        self, connection: Connection, settlements: Sequence[Settlement]
    ) -> tuple[set[Lease], list[breaker.Opened]]:
        now = self._clock.now()
        held = await rows.write_releases(connection, [s.release for s in settlements], now)
        ours = [s for s in settlements if s.release.row.lease in held]
        opened = [s.opened for s in ours if s.opened is not None]
        if opened:
            opened = await breaker.open_breakers(connection, opened)
        for executed in await self._engine.execute(
            connection, [command for s in ours for command in s.told], now, locked=True
        ):
            if executed.refused is not None:
                _log.info("%s refused a result: %s", executed.command.stream, executed.refused.problem.code)
        return held, opened


def _answer(waiting: _Waiting, held: dict[Lease, float]) -> None:
    if not waiting.done.done():
        waiting.done.set_result({lease: held[lease] for lease in map(_lease_of, waiting.items) if lease in held})


def _lease_of(item: Intent | Settlement) -> Lease:
    return item.row.lease if isinstance(item, Intent) else item.release.row.lease
