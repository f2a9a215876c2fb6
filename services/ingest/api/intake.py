"""Stores webhooks for all requests of the process: one writer commits whatever waits, and then they are answered."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from chassis import log
from chassis.clock import Clock
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from chassis.wakeups import WORK
from services.ingest import metrics
from services.ingest.store import webhooks
from services.ingest.store.webhooks import Webhook

ROWS_MAX: Final = 500
BYTES_MAX: Final = 2 * 1024 * 1024
WAITING_MAX: Final = 2_000
STORE_SECONDS_MAX: Final = 10.0
WAKE_EVERY_SECONDS: Final = 0.025

# One of many may be at fault, or only the moment: taken alone each gets its own answer.
_TAKE_ALONE: Final = (
    asyncpg.DataError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
_FAILURES: Final[tuple[type[BaseException], ...]] = (
    *INFRASTRUCTURE_ERRORS,
    asyncpg.PostgresError,
    RuntimeError,
    ValueError,
)

_log = log.get(__name__)


class NotStored(Exception):  # noqa: N818 - named after what happened
    """The webhook could not be stored now, or nobody knows whether it was."""


class Unstorable(NotStored):
    """The webhook holds a value that is never stored, however often it is sent."""


@dataclass(slots=True)
class _Waiting:
    webhook: Webhook
    stored: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """The writer. ``run`` is a background loop; ``put`` returns after the commit."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._more = asyncio.Event()
        self._woke_at = 0.0
        self._waking: asyncio.TimerHandle | None = None

    async def put(self, webhook: Webhook) -> int:
        """Stores a webhook durably and gives its delivery id. Raises NotStored, Unstorable."""
        if len(self._waiting) >= WAITING_MAX:
            raise NotStored("too many webhooks wait")
        waiting = _Waiting(webhook)
        self._waiting.append(waiting)
        self._more.set()
        return await waiting.stored

    async def run(self) -> None:
        """Writes until it is cancelled."""
        batch: list[_Waiting] = []
        try:
            while True:
                await self._more.wait()
                batch = self._batch()
                if batch:
                    await self._write(batch)
        finally:
            for waiting in (*batch, *self._waiting):
                _fail(waiting, NotStored("the service ends"))

    def _batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < ROWS_MAX:
            size += len(self._waiting[0].webhook.body)
            if batch and size > BYTES_MAX:
                break
            waiting = self._waiting.popleft()
            if not waiting.stored.done():  # its sender has gone
                batch.append(waiting)
        if not self._waiting:
            self._more.clear()
        metrics.WEBHOOKS_WAITING.set(len(self._waiting))
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            async with asyncio.timeout(STORE_SECONDS_MAX):
                ids = await self._commit([waiting.webhook for waiting in batch])
        except _FAILURES as error:
            await self._without(batch, error)
            return
        metrics.WEBHOOK_BATCH.observe(len(batch))
        for waiting, delivery_id in zip(batch, ids, strict=True):
            if not waiting.stored.done():
                waiting.stored.set_result(delivery_id)

    async def _without(self, batch: list[_Waiting], error: BaseException) -> None:
        away = isinstance(error, INFRASTRUCTURE_ERRORS) and not isinstance(error, _TAKE_ALONE)
        _log.warning("webhooks were not stored", error=type(error).__name__, count=len(batch))
        if away or len(batch) == 1:
            reason = type(error).__name__
            for waiting in batch:
                _fail(waiting, Unstorable(reason) if isinstance(error, asyncpg.DataError) else NotStored(reason))
            return
        for waiting in batch:
            await self._write([waiting])

    async def _commit(self, found: list[Webhook]) -> list[int]:
        async with self._database.delivery() as connection:
            ids = await webhooks.insert(connection, found, self._clock.now())
        self._wake()
        return ids

    def _wake(self) -> None:
        """Wakes the workers at once, or soon when they were just woken: looking for work is dear in a burst."""
        loop = asyncio.get_running_loop()
        if self._waking is None:
            self._waking = loop.call_at(max(loop.time(), self._woke_at + WAKE_EVERY_SECONDS), self._woken)

    def _woken(self) -> None:
        self._waking = None
        self._woke_at = asyncio.get_running_loop().time()
        self._database.wake(WORK)


def _fail(waiting: _Waiting, why: NotStored) -> None:
    if not waiting.stored.done():
        waiting.stored.set_exception(why)
        waiting.stored.exception()  # whoever waited may have gone
