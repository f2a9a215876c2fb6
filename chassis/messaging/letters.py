"""Dead letters as rows: messages that could not be handled, and the keys whose later messages wait behind them."""

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

from chassis.ids import TenantId
from chassis.messaging.inbox import Identity
from chassis.messaging.kafka import Record
from chassis.postgres import Connection

NO_TENANT = TenantId("")
ERROR_CHARACTERS_MAX = 2_000
RESOLVED_DAYS = 60

CONTENT = "content"
UNKNOWN = "unknown"
FOLLOWS = "follows"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message is dead: ``content`` (no repetition helps), ``unknown`` (failed ``attempts`` times) or ``follows``
    (its key is blocked by an earlier letter)."""

    reason: str
    error_class: str
    error: str
    attempts: int = 1


FOLLOWER = Fault(FOLLOWS, "", "an earlier message of its key is a dead letter")


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A message to be written as a letter; ``tenant`` is NO_TENANT when it cannot be read."""

    tenant: TenantId
    event_id: uuid.UUID
    topic: str
    key: str
    type: str
    record: Record
    fault: Fault


@dataclass(frozen=True, slots=True)
class Letter:
    """A stored letter. ``offset`` and ``partition`` are where it lay; ``resolution`` is replayed, discarded or None."""

    tenant: TenantId
    event_id: uuid.UUID
    seq: int
    topic: str
    partition: int
    offset: int
    key: str
    type: str
    sent_at: datetime
    reason: str
    error_class: str
    error: str
    attempts: int
    dead_at: datetime
    resolution: str | None
    resolved_by: str | None
    headers: Sequence[tuple[str, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A letter as the record that it was."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


_STANDING = """
SELECT true AS blocked, tenant_id, NULL::uuid AS event_id, topic, key FROM blocked_keys b
WHERE b.consumer = $1 AND (b.tenant_id, b.key) IN (SELECT * FROM unnest($2::text[], $3::text[]))
UNION ALL
SELECT false, tenant_id, event_id, '', '' FROM dead_letters d
WHERE d.consumer = $1 AND (d.tenant_id, d.event_id) IN (SELECT * FROM unnest($2::text[], $4::uuid[]))
"""

_INSERT = """
INSERT INTO dead_letters (tenant_id, consumer, event_id, topic, partition, "offset", key, type, headers, body, sent_at,
                          reason, error_class, error, attempts)
SELECT t.tenant_id, $1, t.event_id, t.topic, t.partition, t.at, t.key, t.type, t.headers::jsonb, t.body, t.sent_at,
       t.reason, t.error_class, t.error, t.attempts
FROM unnest($2::text[], $3::uuid[], $4::text[], $5::int[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::bytea[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::int[])
  WITH ORDINALITY AS t(tenant_id, event_id, topic, partition, at, key, type, headers, body, sent_at, reason,
                       error_class, error, attempts, nth)
ORDER BY t.nth
ON CONFLICT DO NOTHING
"""

_BLOCK = """
INSERT INTO blocked_keys (tenant_id, consumer, topic, key)
SELECT DISTINCT t.tenant_id, $1, t.topic, t.key
FROM unnest($2::text[], $3::text[], $4::text[]) AS t(tenant_id, topic, key)
ON CONFLICT DO NOTHING
"""

_COLUMNS = (
    'tenant_id, event_id, seq, topic, partition, "offset", key, type, sent_at, reason, error_class, error, attempts, '
    "dead_at, resolution, resolved_by, headers, body"
)


async def standing(
    connection: Connection, consumer: str, messages: Sequence[tuple[TenantId, str, uuid.UUID]]
) -> tuple[set[tuple[str, str]], set[Identity]]:
    """Of (tenant, key, event id): the blocked (topic, key), and which messages are letters, resolved or not."""
    rows = await connection.fetch(
        _STANDING, consumer, [m[0] for m in messages], [m[1] for m in messages], [m[2] for m in messages]
    )
    blocked = {(row["topic"], row["key"]) for row in rows if row["blocked"]}
    return blocked, {(TenantId(row["tenant_id"]), row["event_id"]) for row in rows if not row["blocked"]}


async def insert(connection: Connection, consumer: str, letters: Sequence[NewLetter]) -> None:
    """Writes letters in their order and blocks their keys; a letter that exists stays as it is."""
    if not letters:
        return
    rows = [
        (
            letter.tenant,
            letter.event_id,
            letter.topic,
            letter.record.partition,
            letter.record.offset,
            letter.key,
            letter.type,
            orjson.dumps(
                [[name, base64.b64encode(value or b"").decode()] for name, value in letter.record.headers]
            ).decode(),
            letter.record.value or b"",
            datetime.fromtimestamp(max(letter.record.timestamp, 0) / 1000, UTC),
            letter.fault.reason,
            letter.fault.error_class,
            letter.fault.error[:ERROR_CHARACTERS_MAX].replace("\0", ""),
            letter.fault.attempts,
        )
        for letter in letters
    ]
    await connection.execute(_INSERT, consumer, *(list(column) for column in zip(*rows, strict=True)))
    # Whoever has no tenant has no key whose order could be kept.
    keyed = [letter for letter in letters if letter.tenant != NO_TENANT]
    await connection.execute(
        _BLOCK, consumer, [n.tenant for n in keyed], [n.topic for n in keyed], [n.key for n in keyed]
    )


async def existing(connection: Connection, consumer: str, identities: Sequence[Identity]) -> set[Identity]:
    """Which of the messages are letters already, of any tenant or none. For the delivery role."""
    rows = await connection.fetch(
        "SELECT tenant_id, event_id FROM dead_letters WHERE consumer = $1 "
        "AND (tenant_id, event_id) IN (SELECT * FROM unnest($2::text[], $3::uuid[]))",
        consumer,
        [tenant for tenant, _ in identities],
        [event for _, event in identities],
    )
    return {(TenantId(row["tenant_id"]), row["event_id"]) for row in rows}


async def find(
    connection: Connection, consumer: str, *, only_open: bool = True, after_seq: int = 0, limit: int = 100, **equal: Any
) -> list[Letter]:
    """Letters in the order of their death, filtered by equal columns (tenant_id, topic, key, type, event_id)."""
    names = list(equal)
    unknown = set(names) - {"tenant_id", "topic", "key", "type", "event_id", "reason"}
    if unknown:
        raise ValueError(f"letters are not found by {', '.join(sorted(unknown))}")
    conditions = ["consumer = $1", "seq > $2", *(f"{name} = ${number}" for number, name in enumerate(names, start=4))]
    if only_open:
        conditions.append("resolved_at IS NULL")
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM dead_letters WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT $3",  # noqa: S608 - names are listed above
        consumer,
        after_seq,
        limit,
        *equal.values(),
    )
    return [_letter(row) for row in rows]


async def resolve(connection: Connection, consumer: str, letter: Letter, resolution: str, by: str) -> None:
    """Closes an open letter; the row stays, being its message's inbox record."""
    await connection.execute(
        "UPDATE dead_letters SET resolved_at = now(), resolution = $4, resolved_by = $5, attempts = attempts + $6 "
        "WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3 AND resolved_at IS NULL",
        letter.tenant,
        consumer,
        letter.event_id,
        resolution,
        by,
        1 if resolution == "replayed" else 0,
    )


async def failed_again(connection: Connection, consumer: str, letter: Letter, fault: Fault) -> None:
    """Records another failed attempt and its error."""
    await connection.execute(
        "UPDATE dead_letters SET attempts = attempts + 1, reason = $4, error_class = $5, error = $6 "
        "WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3",
        letter.tenant,
        consumer,
        letter.event_id,
        fault.reason,
        fault.error_class,
        fault.error[:ERROR_CHARACTERS_MAX].replace("\0", ""),
    )


async def unblock_if_none_left(connection: Connection, consumer: str, tenant: TenantId, topic: str, key: str) -> bool:
    """Lets a key's messages through again when none of its letters is open. The caller holds the key's lock."""
    status = await connection.execute(
        "DELETE FROM blocked_keys b WHERE b.tenant_id = $1 AND b.consumer = $2 AND b.topic = $3 AND b.key = $4 "
        "AND NOT EXISTS (SELECT FROM dead_letters d WHERE d.tenant_id = $1 AND d.consumer = $2 AND d.topic = $3 "
        "AND d.key = $4 AND d.resolved_at IS NULL)",
        tenant,
        consumer,
        topic,
        key,
    )
    return bool(status == "DELETE 1")


async def open_summary(connection: Connection, consumer: str) -> tuple[int, float]:
    """How many letters are open, and the age of the oldest in seconds. For the delivery role."""
    row = await connection.fetchrow(
        "SELECT count(*) AS open, coalesce(extract(epoch FROM now() - min(dead_at)), 0)::float8 AS oldest "
        "FROM dead_letters WHERE consumer = $1 AND resolved_at IS NULL",
        consumer,
    )
    assert row is not None, "an aggregate has one row"
    return row["open"], row["oldest"]


async def prune(connection: Connection) -> None:
    """Forgets letters that were replayed RESOLVED_DAYS ago, and the bodies of those discarded by then. For the delivery
    role.

    A discarded letter itself is kept for ever: it alone knows that its message, should it be published again, is not to
    be handled. One that was replayed is known to the streams, which take no command twice.
    """
    await connection.execute(
        "DELETE FROM dead_letters WHERE resolution = 'replayed' AND resolved_at < now() - make_interval(days => $1)",
        RESOLVED_DAYS,
    )
    await connection.execute(
        "UPDATE dead_letters SET body = '' WHERE resolution = 'discarded' AND body <> '' "
        "AND resolved_at < now() - make_interval(days => $1)",
        RESOLVED_DAYS,
    )


def _letter(row: asyncpg.Record) -> Letter:
    headers = [(name, base64.b64decode(value)) for name, value in orjson.loads(row["headers"])]
    values = {name: row[name] for name in Letter.__slots__ if name not in ("tenant", "headers")}
    return Letter(tenant=TenantId(row["tenant_id"]), headers=headers, **values)


def record_of(letter: Letter) -> StoredRecord:
    """The letter as the record that it was."""
    return StoredRecord(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        timestamp=int(letter.sent_at.timestamp() * 1000),
        key=letter.key.encode(),
        value=letter.body,
        headers=letter.headers,
    )
