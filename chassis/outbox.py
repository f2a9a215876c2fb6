"""Outbox rows: public messages written in the transaction of the append that causes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import orjson

from chassis import event_store
from chassis.aggregate import Lane
from chassis.event_store import StreamAppend, StreamConflict
from chassis.ids import TenantId
from chassis.postgres import Connection
from contracts.envelope import Envelope


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message on its way to a topic; ``key`` is its Kafka key, whose lock the writing transaction holds."""

    tenant: TenantId
    topic: str
    key: str
    envelope: Envelope
    body: bytes
    lane: Lane


_INSERT = """
INSERT INTO outbox (tenant_id, topic, key, message_id, headers, body, lane)
SELECT r->>0, r->>1, r->>2, (r->>3)::uuid, r->4, convert_to(r->>5, 'UTF8'), (r->>6)::smallint
FROM jsonb_array_elements($%d::jsonb) WITH ORDINALITY AS t(r, nth) ORDER BY nth
"""

_INSERT_ALONE = _INSERT % 1

_APPEND = f"WITH appended AS ({event_store.INSERT}) {_INSERT % 3}"


async def write_outbox(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Inserts the rows in their order, which is the order of their ``seq`` and so of their keys in Kafka."""
    if rows:
        await connection.execute(_INSERT_ALONE, _encoded(rows))


async def append_with_messages(
    connection: Connection, appends: Sequence[StreamAppend], rows: Sequence[OutboxRow], recorded_at: datetime
) -> None:
    """``event_store.insert`` and the outbox rows that the events cause, in one statement. Raises StreamConflict."""
    document = event_store.encoded(appends)
    if document is None or not rows:
        await event_store.insert(connection, appends, recorded_at)
        return
    try:
        await connection.execute(_APPEND, document, recorded_at, _encoded(rows))
    except asyncpg.UniqueViolationError as error:
        raise StreamConflict(str(error)) from error


def _encoded(rows: Sequence[OutboxRow]) -> str:
    values = [
        (
            row.tenant,
            row.topic,
            row.key,
            row.envelope.id,
            [(name, value.decode()) for name, value in row.envelope.headers()],
            row.body.decode(),
            int(row.lane),
        )
        for row in rows
    ]
    return orjson.dumps(values).decode()
