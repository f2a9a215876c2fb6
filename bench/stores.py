"""The databases of an installation's services, looked at and filled by its administrator."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.whole import PRODUCT
from chassis.migrate import Names

CONNECT_SECONDS: Final = 2.0
STATEMENT_SECONDS: Final = 900.0
LOOK_SECONDS: Final = 0.02
CANNOT_NOW: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a server says that was just killed, or begins again."""

# Copies of what a deal left behind: its events, and the rows that delivery and due work keep beside them.
COPIES: Final = (
    "INSERT INTO events (tenant_id, stream, version, type, type_version, data, command_id, metadata, recorded_at) "
    "SELECT tenant_id, stream || '-old-' || n, version, type, type_version, data, command_id || '-old-' || n, "
    "metadata, recorded_at FROM events, generate_series($1::bigint, $2::bigint) n WHERE stream !~ '-old-'",
    "INSERT INTO inbox (tenant_id, consumer, event_id, received_at) SELECT tenant_id, consumer, gen_random_uuid(), "
    "received_at FROM (SELECT * FROM inbox ORDER BY received_at LIMIT $3) i, generate_series($1::bigint, $2::bigint) n",
    "INSERT INTO outbox (tenant_id, topic, key, message_id, headers, body, lane, published_at) SELECT tenant_id, topic,"
    " key || '-old-' || n, gen_random_uuid(), headers, body, lane, published_at FROM (SELECT * FROM outbox WHERE "
    "published_at IS NOT NULL ORDER BY seq LIMIT $3) o, generate_series($1::bigint, $2::bigint) n",
    "INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, lane, state, queue, claim_lane, "
    "planned_at, settled_at, request, metadata, outcome) "
    "SELECT tenant_id, gen_random_uuid(), form, kind, key || '-old-' || n, "
    "stream || '-old-' || n, account, lane, state, queue, claim_lane, planned_at, settled_at, request, metadata,"
    " outcome FROM work, generate_series($1::bigint, $2::bigint) n WHERE queue = 'closed' AND stream !~ '-old-'",
)


@dataclass(frozen=True, slots=True)
class Work:
    """What the servers did so far for all services."""

    statements: int
    rows_read: int


class Stores:
    """All stores by one administrator's address."""

    def __init__(self, admin_url: str) -> None:
        self._parts = urlsplit(admin_url)

    async def connect(self, service: str = "") -> "asyncpg.Connection[Any]":
        """A session in a service's database, or in the administrator's. Raises OSError or asyncpg.PostgresError."""
        path = f"/{Names.of(service).database}" if service else self._parts.path
        url = urlunsplit(self._parts._replace(path=path))
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS)

    async def events(self) -> int:
        """Events in all stores."""
        return sum([await self._value(service, "SELECT count(*) FROM events") for service in PRODUCT])

    async def fill(self, events: int) -> int:
        """Copies the deals that are there until all stores together hold about so many events; how many they hold. Each
        deal is copied equally often."""
        originals = "SELECT count(*) FROM events WHERE stream !~ '-old-'"
        known = sum([await self._value(service, originals) for service in PRODUCT])
        copies = max(0, (events - await self.events()) // max(1, known))
        for service in PRODUCT:
            connection = await self.connect(service)
            try:
                own = await connection.fetchval(originals)
                before = await connection.fetchval(
                    "SELECT coalesce(max(split_part(stream, '-old-', 2)::bigint), 0) FROM events WHERE stream ~ '-old-'"
                )
                for statement in COPIES:
                    limit = (own,) if "$3" in statement else ()
                    await connection.execute(statement, before + 1, before + copies, *limit)
                await connection.execute("VACUUM ANALYZE")
            finally:
                await connection.close()
        return await self.events()

    async def count_statements(self) -> None:
        """Has the server count them from its next start on."""
        connection = await self.connect()
        try:
            await connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        finally:
            await connection.close()

    async def work(self) -> Work:
        """Statements that came from outside, and rows of tables that were read for them."""
        connection = await self.connect()
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            statements = await connection.fetchval("SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements")
        finally:
            await connection.close()
        query = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables"
        return Work(statements, sum([await self._value(service, query) for service in PRODUCT]))

    async def until_a_deal_of(self, service: str, tenant: str, deals: Sequence[str], seconds_max: float) -> None:
        """Waits until the service has stored an event of one of the deals; ``deals`` may grow meanwhile. Connections
        that break are made anew. Raises TimeoutError."""
        async with asyncio.timeout(seconds_max):
            while not await self._seen(service, tenant, deals):  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(LOOK_SECONDS)

    async def _seen(self, service: str, tenant: str, deals: Sequence[str]) -> bool:
        """Looks until it is there, or the connection breaks."""
        try:
            connection = await self.connect(service)
        except CANNOT_NOW:
            return False
        streams = "SELECT EXISTS (SELECT FROM events WHERE tenant_id = $1 AND stream = ANY($2::text[]))"
        try:
            while True:
                if await connection.fetchval(streams, tenant, [f"deal-{deal}" for deal in deals]):
                    return True
                await asyncio.sleep(LOOK_SECONDS)
        except CANNOT_NOW:
            return False
        finally:
            connection.terminate()

    async def _value(self, service: str, query: str) -> int:
        connection = await self.connect(service)
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()
