"""The state of one service in numbers, asked of the service itself so that it answers while others are dead."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.clock import Clock
from chassis.health import Health
from chassis.internal_api.requests import reply
from chassis.lag import Lag
from chassis.messaging import letters
from chassis.messaging.kafka import KafkaError
from chassis.openapi import answers
from chassis.postgres import Connection, Database
from chassis.work import queries

LAG_SECONDS_MAX: Final = 5.0

Busy = Callable[[], Awaitable[int]]
"""How many pieces of work that a fact caused are open beside due work: unread webhooks."""


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceStatus:
    """``sverka status`` of one service; ages are real seconds, times business time.

    ``idle``: no work caused by a fact is open (a message on its way between two services is in neither for a moment,
    so an installation is idle when all were idle twice in a row). ``quiet_since``: the earliest start among the last
    passes of each poll, if all found nothing; None while one has news or has not finished its first; with ``polls`` 0
    there is nothing to wait for. ``consumer_stopped`` says why no message is taken, "" while they are. While Kafka is
    away ``consumer_lag`` is 0 and ``missing`` says so, as it says why a relay does not send.
    """

    service: str
    version: str
    ready: bool
    missing: Mapping[str, str]
    now: datetime
    outbox_unsent: int
    outbox_oldest_seconds: float
    due_work: int
    delayed_work: int
    work_under_way: int
    open_work: int
    cards_open: int
    dead_letters: int
    dead_letters_oldest_seconds: float
    consumer_lag: int
    consumer_stopped: str
    busy: int
    idle: bool
    polls: int
    quiet_since: datetime | None


class StatusApi:
    """``GET /internal/status``."""

    def __init__(
        self,
        service: str,
        version: str,
        *,
        health: Health,
        database: Database,
        clock: Clock,
        lag: Lag,
        busy: Busy,
        consumer_stopped: Callable[[], str],
        relay_problem: Callable[[], str],
        recurring: Collection[str],
        polls: Collection[str],
    ) -> None:
        self._service = service
        self._version = version
        self._health = health
        self._database = database
        self._clock = clock
        self._lag = lag
        self._busy = busy
        self._consumer_stopped = consumer_stopped
        self._relay_problem = relay_problem
        self._recurring = recurring
        self._polls = polls

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [Route("/internal/status", self.status, methods=["GET"])]

    @answers(200)
    async def status(self, request: Request) -> Response:
        """The service's status."""
        return reply(await self.read())

    async def read(self) -> ServiceStatus:
        """Asks in the direction in which work moves, so that nothing is missed between two questions."""
        busy = await self._busy()
        lag = await self._present_lag()
        now = self._clock.now()
        async with self._database.delivery_connection() as connection:
            work = await queries.status(connection, now, recurring=self._recurring, polls=self._polls)
            unsent, oldest = await _outbox(connection)
            dead, dead_oldest = await letters.open_summary(connection, self._service)
        missing = await self._health.ready()
        if lag is None:
            missing["kafka"] = "Kafka does not answer"
        if problem := self._relay_problem():
            missing["relay"] = problem
        return ServiceStatus(
            service=self._service,
            version=self._version,
            ready=not missing,
            missing=missing,
            now=now,
            outbox_unsent=unsent,
            outbox_oldest_seconds=oldest,
            due_work=work.due,
            delayed_work=work.delayed,
            work_under_way=work.taken,
            open_work=work.open_by_facts,
            cards_open=work.cards,
            dead_letters=dead,
            dead_letters_oldest_seconds=dead_oldest,
            consumer_lag=lag or 0,
            consumer_stopped=self._consumer_stopped(),
            busy=busy,
            idle=lag is not None and not (busy or lag or unsent or work.open_by_facts or work.delayed),
            polls=work.polls,
            quiet_since=work.quiet_since,
        )

    async def _present_lag(self) -> int | None:
        try:
            async with asyncio.timeout(LAG_SECONDS_MAX):
                return await self._lag.messages()
        except (KafkaError, OSError):  # a timeout is one of them
            return None


async def _outbox(connection: Connection) -> tuple[int, float]:
    row: Any = await connection.fetchrow(
        "SELECT count(*) AS unsent, "
        "coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest "
        "FROM outbox WHERE published_at IS NULL"
    )
    return row["unsent"], row["oldest"]
