"""The sample with its database and consumer, as tests start and stop it."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from chassis.messaging.codec import MessageCodec
from chassis.messaging.consumer import Consumer
from chassis.messaging.intake import Intake
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.routing import Route
from chassis.postgres import Database
from tests.chassis.sample.domain import CODEC, Poison, engine, route
from tests.kit.database import OwnDatabase

TOPIC = "amounts"


def now() -> datetime:
    return datetime(2026, 8, 20, 12, tzinfo=UTC)


@dataclass(slots=True)
class Sample:
    """One installation of the sample; ``start`` may be called several times, for several processes."""

    own: OwnDatabase
    database: Database
    kafka: KafkaSettings
    poison: Poison = field(default_factory=Poison)
    route: Route = route
    codec: MessageCodec = CODEC
    topic: str = TOPIC

    def intake(self, database: Database | None = None) -> Intake:
        """The consuming side without Kafka."""
        return Intake(
            "sample",
            database=database or self.database,
            engine=engine(self.poison),
            codec=self.codec,
            route=self.route,
            now=now,
        )

    @contextlib.asynccontextmanager
    async def consumer(self, database: Database | None = None, **settings: Any) -> AsyncIterator[Consumer]:
        """A running consumer."""
        consumer = Consumer(self.intake(database), self.kafka, [self.topic], **{"check_seconds": 0.5, **settings})
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def ask(self, sql: str, *values: Any) -> Any:
        """One value, past all policies."""
        connection = await asyncpg.connect(self.own.admin_url)
        try:
            return await connection.fetchval(sql, *values)
        finally:
            await connection.close()

    async def amounts(self, account: str, tenant: str = "one") -> list[int]:
        """What an account has been given, in its order."""
        connection = await asyncpg.connect(self.own.admin_url)
        try:
            rows = await connection.fetch(
                "SELECT (data->>'amount')::int AS amount FROM events WHERE tenant_id = $1 AND stream = $2 "
                "ORDER BY version",
                tenant,
                f"account-{account}",
            )
        finally:
            await connection.close()
        return [row["amount"] for row in rows]

    def has(self, account: str, *amounts: int, tenant: str = "one") -> Callable[[], Any]:
        """A probe: whether an account was given exactly these."""

        async def probe() -> bool:
            return await self.amounts(account, tenant) == list(amounts)

        return probe
