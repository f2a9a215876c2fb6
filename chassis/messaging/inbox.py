"""The inbox: which messages a consumer has handled, and where it stands in each partition."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.ids import TenantId
from chassis.postgres import Connection

RETENTION_DAYS = 60
PRUNE_ROWS_MAX = 20_000

Identity = tuple[TenantId, uuid.UUID]


@dataclass(frozen=True, slots=True)
class Standing:
    """The offset that a consumer takes next in a partition, the event before it, and the sending that brought that."""

    next_offset: int
    last_event_id: uuid.UUID
    last_sending: str = ""


_ACCEPT = """
INSERT INTO inbox (tenant_id, consumer, event_id)
SELECT t.tenant_id, $1, t.event_id FROM unnest($2::text[], $3::uuid[]) AS t(tenant_id, event_id)
ON CONFLICT DO NOTHING RETURNING tenant_id, event_id
"""

_HANDLED = """
SELECT i.tenant_id, i.event_id FROM inbox i
JOIN unnest($2::text[], $3::uuid[]) AS t(tenant_id, event_id) ON t.tenant_id = i.tenant_id AND t.event_id = i.event_id
WHERE i.consumer = $1
"""

_ADVANCE = """
INSERT INTO consumer_positions (consumer, topic, partition, next_offset, last_event_id, last_sending)
SELECT $1, t.topic, t.partition, t.next_offset, t.last_event_id, t.last_sending
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::uuid[], $6::text[])
  AS t(topic, partition, next_offset, last_event_id, last_sending)
ORDER BY t.topic, t.partition
ON CONFLICT (consumer, topic, partition) DO UPDATE SET
  next_offset = excluded.next_offset, last_event_id = excluded.last_event_id, last_sending = excluded.last_sending
"""

_PRUNE = """
DELETE FROM inbox WHERE ctid IN (
  SELECT ctid FROM inbox WHERE received_at < now() - make_interval(days => $1) LIMIT $2)
"""


async def accept(connection: Connection, consumer: str, identities: Sequence[Identity]) -> set[Identity]:
    """Records messages as handled; those that were not before. Waits for another owner's open transaction."""
    return await _pairs(connection, _ACCEPT, consumer, identities)


async def handled(connection: Connection, consumer: str, identities: Sequence[Identity]) -> set[Identity]:
    """Which of the messages have been handled."""
    return await _pairs(connection, _HANDLED, consumer, identities)


async def advance(connection: Connection, consumer: str, standings: Mapping[tuple[str, int], Standing]) -> None:
    """Records where the consumer stands in (topic, partition), in the transaction of what it took."""
    await connection.execute(
        _ADVANCE,
        consumer,
        [topic for topic, _ in standings],
        [partition for _, partition in standings],
        [standing.next_offset for standing in standings.values()],
        [standing.last_event_id for standing in standings.values()],
        [standing.last_sending for standing in standings.values()],
    )


async def standings(
    connection: Connection, consumer: str, partitions: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], Standing]:
    """Where the consumer stands in those of the partitions that it has taken messages from."""
    rows = await connection.fetch(
        "SELECT topic, partition, next_offset, last_event_id, last_sending FROM consumer_positions WHERE consumer = $1 "
        "AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))",
        consumer,
        [topic for topic, _ in partitions],
        [partition for _, partition in partitions],
    )
    return {
        (row["topic"], row["partition"]): Standing(row["next_offset"], row["last_event_id"], row["last_sending"])
        for row in rows
    }


async def prune(connection: Connection) -> int:
    """Forgets messages older than RETENTION_DAYS, at most PRUNE_ROWS_MAX at once; how many. For the delivery role."""
    status = await connection.execute(_PRUNE, RETENTION_DAYS, PRUNE_ROWS_MAX)
    return int(status.rpartition(" ")[2])


async def _pairs(connection: Connection, sql: str, consumer: str, identities: Sequence[Identity]) -> set[Identity]:
    if not identities:
        return set()
    rows = await connection.fetch(
        sql, consumer, [tenant for tenant, _ in identities], [event for _, event in identities]
    )
    return {(TenantId(row["tenant_id"]), row["event_id"]) for row in rows}
