"""Outbox rows: public messages written in the transaction of the append that causes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from chassis.aggregate import Lane
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
SELECT t.tenant_id, t.topic, t.key, t.message_id, t.headers::jsonb, t.body, t.lane
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bytea[], $7::smallint[])
  WITH ORDINALITY AS t(tenant_id, topic, key, message_id, headers, body, lane, nth)
ORDER BY t.nth
"""


async def write_outbox(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Inserts the rows in their order, which is the order of their ``seq`` and so of their keys in Kafka."""
    if rows:
        columns: list[list[Any]] = [list(column) for column in zip(*map(_values, rows), strict=True)]
        await connection.execute(_INSERT, *columns)


def _values(row: OutboxRow) -> tuple[Any, ...]:
    headers = orjson.dumps([(name, value.decode()) for name, value in row.envelope.headers()]).decode()
    return (row.tenant, row.topic, row.key, row.envelope.id, headers, row.body, int(row.lane))
