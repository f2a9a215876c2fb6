"""Postgres: one pool for tenants' rows under row-level security, one for delivery across tenants."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import asyncpg

from chassis.crash_points import crash_point
from chassis.ids import TenantId

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes take no parameters at run time
    Connection: TypeAlias = Any
    Pool: TypeAlias = Any

APP_POOL_SIZE_MAX = 10
DELIVERY_POOL_SIZE_MAX = 4
STATEMENT_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 20.0

INFRASTRUCTURE_ERRORS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement on a connection that is being cut
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.PostgresSystemError,
    ConnectionError,
    TimeoutError,
    OSError,
)

_to_wake: ContextVar[set[str] | None] = ContextVar("to_wake", default=None)


def is_infrastructure(error: BaseException) -> bool:
    """Whether an error says that Postgres was away or busy, so that the same work may succeed later."""
    # asyncpg counts an address that it cannot read among its interface errors; it is a value error besides. Arguments
    # that it cannot encode are DataErrors, as those are that Postgres refuses.
    return isinstance(error, INFRASTRUCTURE_ERRORS) and not isinstance(error, ValueError)


def log_level(error: BaseException) -> int:
    """The level at which to write down an error that work met: an outage ends by itself, anything else is a defect."""
    return logging.WARNING if is_infrastructure(error) else logging.ERROR


def wake_after_commit(channel: str) -> None:
    """Has the waiters of a channel woken once the present transaction is committed; without one it does nothing."""
    channels = _to_wake.get()
    if channels is not None:
        channels.add(channel)


class Database:
    """The database of one service.

    ``transaction`` names its tenants and sees only their rows; ``delivery`` reaches outbox, inbox, due work, dead
    letters and
    leases of all tenants, and nothing else. Commit on leaving the block, rollback on an exception.
    """

    def __init__(self, app: Pool, delivery: Pool, delivery_url: str) -> None:
        self._app = app
        self._delivery = delivery
        self.delivery_url = delivery_url
        self.wake: Callable[[str], None] = lambda _: None

    @classmethod
    async def open(
        cls,
        url: str,
        delivery_url: str,
        *,
        app_pool_size_max: int = APP_POOL_SIZE_MAX,
        delivery_pool_size_max: int = DELIVERY_POOL_SIZE_MAX,
    ) -> Self:
        """Opens both pools. Raises one of INFRASTRUCTURE_ERRORS when Postgres is away."""
        app = await _pool(url, app_pool_size_max)
        try:
            delivery = await _pool(delivery_url, delivery_pool_size_max)
        except BaseException:
            await app.close()
            raise
        return cls(app, delivery, delivery_url)

    async def close(self) -> None:
        """Closes both pools; connections in use are given back first."""
        await self._app.close()
        await self._delivery.close()

    @contextlib.asynccontextmanager
    async def transaction(
        self, tenants: Collection[TenantId], locks: Iterable[int] = (), what: Collection[str] = (), first: str = ""
    ) -> AsyncIterator[Connection]:
        """A transaction that sees the rows of ``tenants`` alone (at least one).

        ``locks`` are advisory locks, taken first and in sorted order, in the round trip that begins the transaction; it
        carries the statements ``first``, which have no parameters, as well. ``what`` it is for names its crash points,
        where the caller's name would not tell enough.
        """
        if not tenants:
            raise ValueError("a transaction names at least one tenant")
        # Tenant ids are [a-z0-9-] by their type and locks are numbers, so the literals cannot break out.
        begin = f"{_begin(first)}; SELECT set_config('app.tenants', '{{{','.join(sorted(set(tenants)))}}}', true)"
        numbers = [str(int(number)) for number in sorted(set(locks))]
        if len(numbers) == 1:
            begin += f", pg_advisory_xact_lock({numbers[0]})"
        elif numbers:
            begin += f"; SELECT pg_advisory_xact_lock(k) FROM unnest('{{{','.join(numbers)}}}'::bigint[]) AS k"  # noqa: S608
        async with (
            self._app.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection,
            self._commit(connection, begin, what),
        ):
            yield connection

    @contextlib.asynccontextmanager
    async def delivery(self, *, first: str = "") -> AsyncIterator[Connection]:
        """A transaction across tenants on the delivery tables; ``first`` as for ``transaction``."""
        async with (
            self._delivery.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection,
            self._commit(connection, _begin(first)),
        ):
            yield connection

    @contextlib.asynccontextmanager
    async def delivery_connection(self) -> AsyncIterator[Connection]:
        """A delivery connection outside any transaction: single statements that commit by themselves."""
        async with self._delivery.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            crash_point("statements.before")
            yield connection
            crash_point("statements.after")

    @contextlib.asynccontextmanager
    async def _commit(self, connection: Connection, begin: str, what: Collection[str] = ()) -> AsyncIterator[None]:
        to_wake: set[str] = set()
        outer = _to_wake.set(to_wake)
        try:
            await connection.execute(begin)
            yield
        except BaseException:
            if not connection.is_closed():
                with contextlib.suppress(*INFRASTRUCTURE_ERRORS):  # the first error is the one to report
                    await connection.execute("ROLLBACK")
            raise
        finally:
            _to_wake.reset(outer)
        crash_point("commit.before", *what)
        if await connection.execute("COMMIT") != "COMMIT":
            # Postgres answers so when a statement has failed and its error was swallowed.
            raise RuntimeError("the transaction was rolled back, because a statement in it had failed")
        crash_point("commit.after", *what)
        for channel in to_wake:
            self.wake(channel)


def _begin(first: str) -> str:
    return f"BEGIN; {first}" if first else "BEGIN"


@contextlib.asynccontextmanager
async def savepoint(connection: Connection) -> AsyncIterator[None]:
    """A part of a transaction of ``Database`` that may fail by itself: an exception undoes the part and goes on."""
    await connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            with contextlib.suppress(*INFRASTRUCTURE_ERRORS):  # the first error is the one to report
                await connection.execute("ROLLBACK TO SAVEPOINT part")
        raise
    await connection.execute("RELEASE SAVEPOINT part")


async def _keep(_: Connection) -> None:
    """Nothing outlives a transaction here, so a connection needs no round trip before it is given back."""


async def _pool(url: str, size_max: int) -> Pool:
    pool: Pool = await asyncpg.create_pool(
        url,
        min_size=0,  # asyncpg would make up a lost minimum by itself, and log a trace at every failure
        max_size=size_max,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        max_inactive_connection_lifetime=300.0,
        statement_cache_size=256,
        reset=_keep,
        server_settings={
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            "synchronous_commit": "on",
            "application_name": "sverka",
        },
    )
    try:
        async with pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS):
            return pool
    except BaseException:
        pool.terminate()
        raise
