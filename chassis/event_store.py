"""The event store: streams of events per tenant, appended under an expected version, read whole."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from chassis.ids import TenantId
from chassis.postgres import Connection

EVENTS_PER_STREAM_EXPECTED_MAX = 500
_NO_TENANT = TenantId("")
READ_PAGE_EVENTS = 1_000


class StreamConflict(Exception):  # noqa: N818 - a conflict is an expected answer of an append, not a fault
    """Somebody else appended first: the expected version of a stream is not its last one."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it lies in the store. ``data`` is JSON text; ``position`` is 0 until it has been read back."""

    type: str
    type_version: int
    data: str
    tenant: TenantId = _NO_TENANT
    stream: str = ""
    version: int = 0
    position: int = 0
    command_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """New events of one stream; ``expected_version`` is the version of its last event, 0 for a new stream."""

    tenant: TenantId
    stream: str
    expected_version: int
    events: Sequence[StoredEvent]
    command_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


# One JSON document instead of an array for each column: half the work of encoding, the same for Postgres.
INSERT = """
INSERT INTO events (tenant_id, stream, version, type, type_version, data, command_id, metadata, recorded_at)
SELECT r->>0, r->>1, (r->>2)::int, r->>3, (r->>4)::int, r->5, r->>6, r->7, $2
FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS t(r, nth) ORDER BY nth
"""

_COLUMNS = "tenant_id, stream, version, position, type, type_version, data, command_id, metadata, recorded_at"

# OFFSET 0 keeps one index look-up a stream: joined, stale statistics make a plan that reads all events of the tenants.
_LOAD = f"""
SELECT {_COLUMNS} FROM unnest($1::text[], $2::text[]) AS asked (of_tenant, of_stream)
CROSS JOIN LATERAL (
  SELECT * FROM events WHERE tenant_id = of_tenant AND stream = of_stream ORDER BY version OFFSET 0
) AS found
"""  # noqa: S608 - the columns are a constant of this module

_LOAD_ONE = f"SELECT {_COLUMNS} FROM events WHERE tenant_id = $1 AND stream = $2 ORDER BY version"  # noqa: S608 - as above

_READ = f"""
SELECT {_COLUMNS} FROM events
WHERE position > $1 AND position <= coalesce($3, position) AND (cardinality($4::text[]) = 0 OR type = ANY ($4))
ORDER BY position LIMIT $2
"""  # noqa: S608 - as above


async def append(connection: Connection, appends: Sequence[StreamAppend], recorded_at: datetime) -> list[int]:
    """Appends to one or several streams in the caller's transaction, all or nothing; gives the new events' positions.

    Raises StreamConflict when an expected version is not the stream's last one, be it behind or beyond the end.
    """
    last = await versions(connection, {(change.tenant, change.stream) for change in appends})
    for change in appends:
        found = last.get((change.tenant, change.stream), 0)
        if found != change.expected_version:
            raise StreamConflict(f"{change.stream} is at version {found}, not at {change.expected_version}")
        last[(change.tenant, change.stream)] = found + len(change.events)
    document = encoded(appends)
    if document is None:
        return []
    try:
        rows = await connection.fetch(f"{INSERT} RETURNING position", document, recorded_at)
    except asyncpg.UniqueViolationError as error:
        raise StreamConflict(str(error)) from error
    return sorted(row["position"] for row in rows)


async def insert(connection: Connection, appends: Sequence[StreamAppend], recorded_at: datetime) -> None:
    """``append`` for a caller that holds the locks of the streams and has just loaded them.

    Raises StreamConflict when a version exists already.
    """
    document = encoded(appends)
    if document is None:
        return
    try:
        await connection.execute(INSERT, document, recorded_at)
    except asyncpg.UniqueViolationError as error:
        raise StreamConflict(str(error)) from error


def encoded(appends: Sequence[StreamAppend]) -> str | None:
    """The rows of the new events as the JSON document that INSERT takes; None when there are none."""
    rows = []
    for change in appends:
        metadata = dict(change.metadata)
        version = change.expected_version
        for event in change.events:
            version += 1
            data = orjson.Fragment(event.data)
            rows.append(
                (
                    change.tenant,
                    change.stream,
                    version,
                    event.type,
                    event.type_version,
                    data,
                    change.command_id,
                    metadata,
                )
            )
    return orjson.dumps(rows).decode() if rows else None


async def versions(
    connection: Connection, streams: Collection[tuple[TenantId, str]]
) -> dict[tuple[TenantId, str], int]:
    """The last version of each stream; streams without events are absent."""
    rows = await connection.fetch(
        "SELECT tenant_id, stream, max(version) AS version FROM events "
        "WHERE (tenant_id, stream) IN (SELECT * FROM unnest($1::text[], $2::text[])) GROUP BY 1, 2",
        [tenant for tenant, _ in streams],
        [stream for _, stream in streams],
    )
    return {(TenantId(row["tenant_id"]), row["stream"]): row["version"] for row in rows}


async def load(
    connection: Connection, streams: Collection[tuple[TenantId, str]]
) -> dict[tuple[TenantId, str], list[StoredEvent]]:
    """All events of the streams, in order; every asked stream is present, an unknown one as an empty list."""
    found: dict[tuple[TenantId, str], list[StoredEvent]] = {key: [] for key in streams}
    if len(found) == 1:
        rows = await connection.fetch(_LOAD_ONE, *next(iter(found)))
    else:
        rows = await connection.fetch(_LOAD, [tenant for tenant, _ in found], [stream for _, stream in found])
    for row in rows:
        event = _event(row)
        found[(event.tenant, event.stream)].append(event)
    return found


async def stream_names(connection: Connection, tenant: TenantId) -> list[str]:
    """The names of all streams of a tenant."""
    rows = await connection.fetch(
        "SELECT stream FROM events WHERE tenant_id = $1 AND version = 1 ORDER BY stream", tenant
    )
    return [row["stream"] for row in rows]


async def read(
    connection: Connection,
    after_position: int,
    limit: int,
    *,
    upto_position: int | None = None,
    types: Collection[str] = (),
) -> list[StoredEvent]:
    """Events of the transaction's tenants after a position, in its order; of ``types`` alone if any are given.

    For tools and rebuilds on a quiet store only: a position becomes visible out of order while writers are at work,
    so a subscription built on it would lose events.
    """
    return [_event(row) for row in await connection.fetch(_READ, after_position, limit, upto_position, list(types))]


async def last_position(connection: Connection) -> int:
    """The position of the newest event of the transaction's tenants, 0 when they have none; see ``read``."""
    return await connection.fetchval("SELECT coalesce(max(position), 0) FROM events") or 0


async def read_all(connection: Connection) -> AsyncIterator[StoredEvent]:
    """Every event of the transaction's tenants, page by page; see ``read``."""
    position = 0
    while page := await read(connection, position, READ_PAGE_EVENTS):
        for event in page:
            yield event
        position = page[-1].position


def _event(row: asyncpg.Record) -> StoredEvent:
    return StoredEvent(
        type=row["type"],
        type_version=row["type_version"],
        data=row["data"],
        tenant=TenantId(row["tenant_id"]),
        stream=row["stream"],
        version=row["version"],
        position=row["position"],
        command_id=row["command_id"],
        metadata=orjson.loads(row["metadata"]),
        recorded_at=row["recorded_at"],
    )
