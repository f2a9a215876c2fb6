"""The databases of an installation's services, looked at by its administrator."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.whole import PRODUCT
from chassis.migrate import Names

CONNECT_SECONDS: Final = 2.0
STATEMENT_SECONDS: Final = 900.0
LOOK_SECONDS: Final = 0.02
CANNOT_NOW: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a server says that was just killed, or begins again."""

Connection: TypeAlias = "asyncpg.Connection[Any]"


@dataclass(frozen=True, slots=True)
class Work:
    """What the server did so far for all services: statements that came from outside; rows of the services' tables that
    it read for them, by service and table."""

    statements: int
    rows_read: dict[str, int]


class Stores:
    """All stores by one administrator's address."""

    def __init__(self, admin_url: str) -> None:
        self._parts = urlsplit(admin_url)

    @asynccontextmanager
    async def session(self, service: str = "") -> AsyncIterator[Connection]:
        """A session in a service's database, or in the administrator's. Raises OSError or asyncpg.PostgresError."""
        path = f"/{Names.of(service).database}" if service else self._parts.path
        url = urlunsplit(self._parts._replace(path=path))
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS)
        try:
            yield connection
        finally:
            connection.terminate()

    async def count(self, table: str) -> int:
        """Rows of a table that every service has."""
        total = 0
        for service in PRODUCT:
            async with self.session(service) as connection:
                total += int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - constants
        return total

    async def count_statements(self) -> None:
        """Has the server count them from its next start on."""
        async with self.session() as connection:
            await connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")

    async def work(self) -> Work:
        """What was done so far. Of rows read the sessions tell after a second of use, or after ten of rest."""
        async with self.session() as connection:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            # Those of this class' own sessions are those of the administrator, whom no service knows.
            statements = int(await connection.fetchval(_STATEMENTS))
        rows: dict[str, int] = {}
        for service in PRODUCT:
            async with self.session(service) as connection:
                rows |= {f"{service}.{row['name']}": int(row["rows"]) for row in await connection.fetch(_ROWS)}
        return Work(statements, rows)

    async def commits(self) -> dict[str, int]:
        """Transactions that were committed so far, by service; sessions tell of them as of rows read."""
        async with self.session() as connection:
            rows = await connection.fetch("SELECT datname, xact_commit FROM pg_stat_database")
        counted = {row["datname"]: int(row["xact_commit"]) for row in rows}
        return {service: counted[Names.of(service).database] for service in PRODUCT}

    async def until_all_are_paid(self, seconds_max: float) -> None:
        """Waits until payments knows of no invoice that is still to be paid. Raises TimeoutError."""
        open_ones = "SELECT count(*) FROM invoices WHERE status <> 'paid'"
        async with asyncio.timeout(seconds_max), self.session("payments") as connection:
            while True:
                if not await connection.fetchval(open_ones):
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def position(self, service: str) -> int:
        """Of the newest event in a service's store."""
        async with self.session(service) as connection:
            return int(await connection.fetchval("SELECT coalesce(max(position), 0) FROM events"))

    async def until_a_deal_of(self, service: str, tenant: str, deals: Sequence[str], after: int) -> None:
        """Waits until the service has stored an event of one of the deals past a position; ``deals`` may grow
        meanwhile. Connections that break are made anew."""
        while not await self._seen(service, tenant, deals, after):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(LOOK_SECONDS)

    async def _seen(self, service: str, tenant: str, deals: Sequence[str], after: int) -> bool:
        """Looks until it is there, or the connection breaks."""
        try:
            async with self.session(service) as connection:
                while True:
                    if await connection.fetchval(_OF_DEALS, tenant, [f"deal-{deal}" for deal in deals], after):
                        return True
                    await asyncio.sleep(LOOK_SECONDS)
        except CANNOT_NOW:
            return False


_STATEMENTS: Final = """
SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
WHERE userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""

_ROWS: Final = """
SELECT relname AS name, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_user_tables
WHERE schemaname = 'public'
"""

_OF_DEALS: Final = """
SELECT EXISTS (SELECT FROM events WHERE tenant_id = $1 AND stream = ANY($2::text[]) AND position > $3)
"""
