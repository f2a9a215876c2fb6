"""Wakes waiting loops when a commit left something for them: an event in this process, a coalesced NOTIFY for others.

NOTIFY is sent on a connection of its own after the commit, since inside a transaction it makes all commits queue up. It
is a hint that may get lost: every wait ends by itself after POLL_SECONDS_MAX.
"""

import asyncio
import contextlib
import logging
from typing import Any

import asyncpg

from chassis.postgres import CONNECT_TIMEOUT_SECONDS, INFRASTRUCTURE_ERRORS, Connection, Database

OUTBOX = "outbox"
WORK = "work"
POLL_SECONDS_MAX = 0.5
COALESCE_SECONDS = 0.01
RECONNECT_SECONDS = 0.5
NOTIFY_TIMEOUT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Waiter:
    """One loop's wait for a channel."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wakes the loop, now or when it next waits."""
        self._event.set()

    async def wait(self, seconds_max: float = POLL_SECONDS_MAX) -> bool:
        """Waits for a wake-up, at most ``seconds_max`` (real seconds); whether there was one."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeups:
    """The wake-ups of one process and database. ``run`` is a background loop; waiting works without it, more slowly."""

    def __init__(self, database: Database, channels: tuple[str, ...] = (OUTBOX, WORK)) -> None:
        self._url = database.delivery_url
        self._waiters: dict[str, list[Waiter]] = {channel: [] for channel in channels}
        self._untold: set[str] = set()
        self._something = asyncio.Event()
        database.wake = self.notify

    def waiter(self, channel: str) -> Waiter:
        """A new waiter of a channel. Raises KeyError for a channel that is not one of this process'."""
        waiter = Waiter()
        self._waiters[channel].append(waiter)
        return waiter

    def notify(self, channel: str) -> None:
        """Wakes the channel's waiters here at once, and those of other processes soon. Call after the commit."""
        self._wake(channel)
        self._untold.add(channel)
        self._something.set()

    async def run(self) -> None:
        """Listens and tells until it is cancelled; a lost connection is made again."""
        while True:
            try:
                await self._listen()
            except INFRASTRUCTURE_ERRORS as error:
                _log.warning("wake-ups fall back to polling: %s", type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection: Connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=NOTIFY_TIMEOUT_SECONDS,
            server_settings={"application_name": "sverka-wakeups"},
        )
        try:
            own_pid = connection.get_server_pid()

            def heard(_: Any, pid: int, channel: str, __: object) -> None:
                if pid != own_pid:
                    self._wake(channel)

            connection.add_termination_listener(lambda _: self._something.set())
            for channel in self._waiters:
                await connection.add_listener(channel, heard)
                self._wake(channel)  # something may have come while nobody listened
            while True:
                await self._something.wait()
                self._something.clear()
                if connection.is_closed():
                    return
                if self._untold:
                    await self._tell(connection)
                    await asyncio.sleep(COALESCE_SECONDS)
        finally:
            with contextlib.suppress(*INFRASTRUCTURE_ERRORS):  # it is being thrown away
                await connection.close(timeout=NOTIFY_TIMEOUT_SECONDS)

    async def _tell(self, connection: Connection) -> None:
        channels = sorted(self._untold)
        self._untold.clear()
        await connection.execute("SELECT pg_notify(channel, '') FROM unnest($1::text[]) AS channel", channels)

    def _wake(self, channel: str) -> None:
        for waiter in self._waiters.get(channel, ()):
            waiter.set()
