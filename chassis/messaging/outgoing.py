"""Unsent outbox rows as the relay reads and marks them, on the connection that holds its lock."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg
import orjson

from chassis import metrics
from chassis.postgres import Connection, log_level

DAYS_AHEAD = 2
DAYS_KEPT = 7
DELETE_ROWS_MAX = 10_000
DELETE_PAUSE_SECONDS = 5.0
ROLL_SECONDS = 3_600.0
ROLL_SECONDS_MAX = 10.0
ROLL_AGAIN_SECONDS = 600.0
BUSY_SECONDS = 30.0
LOST_OFFSET = 2**63 - 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One unsent row. ``headers`` is the JSON text of name and value pairs."""

    seq: int
    created_on: date
    created_at: datetime
    lane: int
    topic: str
    key: str
    message_id: str
    headers: str
    body: bytes

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        """The headers as Kafka takes them."""
        return [(name, value.encode()) for name, value in orjson.loads(self.headers)]


_COLUMNS = "seq, created_on, created_at, lane, topic, key, message_id, headers, body"

# Bulk rows of a key are read with its interactive row, however far behind they lie: nothing overtakes its own key.
_READ = f"""
WITH interactive AS MATERIALIZED (
  SELECT {_COLUMNS} FROM outbox
  WHERE published_at IS NULL AND lane = 0 AND seq > $1 AND seq <> ALL($3::bigint[]) ORDER BY seq LIMIT $4)
SELECT * FROM interactive
UNION ALL
SELECT {_COLUMNS} FROM outbox
WHERE published_at IS NULL AND lane = 1 AND key = ANY ((SELECT array_agg(DISTINCT key) FROM interactive)::text[])
  AND seq <> ALL($3::bigint[])
UNION ALL
(SELECT {_COLUMNS} FROM outbox
 WHERE published_at IS NULL AND lane = 1 AND seq > $2 AND seq <> ALL($3::bigint[]) ORDER BY seq LIMIT $4)
"""  # noqa: S608 - the columns are a constant of this module

_MARK = """
WITH marked AS (
  UPDATE outbox SET published_at = clock_timestamp()
  FROM unnest($1::date[], $2::bigint[]) AS t(created_on, seq)
  WHERE outbox.created_on = t.created_on AND outbox.seq = t.seq)
INSERT INTO relay_positions (topic, partition, last_offset)
SELECT * FROM unnest($3::text[], $4::int[], $5::bigint[])
ON CONFLICT (topic, partition) DO UPDATE SET last_offset = excluded.last_offset
"""


# A generation is a time, so that it grows even where the database was restored from a copy.
_DISTRUST = """
WITH renewed AS (
  INSERT INTO relay_generations AS g (topic, generation)
  SELECT topic, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM unnest($1::text[]) AS t(topic)
  ON CONFLICT (topic) DO UPDATE SET generation = greatest(g.generation + 1, excluded.generation))
UPDATE relay_positions SET last_offset = $2 WHERE topic = ANY($1::text[])
"""


# What was sent once may wait to be published again.
_NEVER_SENT = """
SELECT message_id FROM outbox w WHERE published_at IS NULL AND message_id = ANY($1::uuid[])
  AND NOT EXISTS (SELECT FROM outbox s WHERE s.message_id = w.message_id AND s.published_at IS NOT NULL)
"""


# The oldest by the numbers of rows: asked for their least time, Postgres would read each unsent row.
_OLDEST = "SELECT created_at FROM outbox WHERE published_at IS NULL AND lane = {} ORDER BY seq LIMIT 1"
_BACKLOG = f"""
SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS rows,
       coalesce(extract(epoch FROM clock_timestamp() - least(({_OLDEST.format(0)}), ({_OLDEST.format(1)}))), 0)::float8
         AS age
"""  # noqa: S608 - a constant of this module


_DELETE = """
DELETE FROM outbox WHERE tableoid = 'outbox_rest'::regclass AND ctid = ANY (ARRAY(
  SELECT ctid FROM outbox WHERE tableoid = 'outbox_rest'::regclass AND published_at IS NOT NULL
    AND created_on < (now() AT TIME ZONE 'UTC')::date - $1::int LIMIT $2))
"""


async def transactions(connection: Connection) -> tuple[int, int]:
    """The number of a transaction that begins now, and of the oldest that has written and is under way."""
    row = await connection.fetchrow(
        "SELECT pg_current_xact_id()::text::bigint AS newest, "
        "pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest"
    )
    assert row is not None, "functions have one row"
    return row["newest"], row["oldest"]


async def read(connection: Connection, after: tuple[int, int], in_hand: Sequence[int], limit: int) -> list[Outgoing]:
    """Unsent rows in their order, without those in hand: of each lane at most ``limit`` after its ``seq`` in ``after``,
    and all bulk rows whose key has an interactive row among them."""
    found = {row["seq"]: row for row in await connection.fetch(_READ, *after, in_hand, limit)}
    return [Outgoing(**dict(found[seq])) for seq in sorted(found)]


async def mark(connection: Connection, rows: Sequence[Outgoing], last_offsets: Mapping[tuple[str, int], int]) -> None:
    """Marks rows as sent, and records the last acknowledged offset of (topic, partition), in one statement."""
    await connection.execute(
        _MARK,
        [row.created_on for row in rows],
        [row.seq for row in rows],
        [topic for topic, _ in last_offsets],
        [partition for _, partition in last_offsets],
        list(last_offsets.values()),
    )


async def positions(connection: Connection) -> dict[tuple[str, int], int]:
    """The last acknowledged offset of every (topic, partition) that was ever written to."""
    rows = await connection.fetch("SELECT topic, partition, last_offset FROM relay_positions")
    return {(row["topic"], row["partition"]): row["last_offset"] for row in rows}


async def never_sent(connection: Connection, messages: Sequence[UUID]) -> list[UUID]:
    """Which of these messages wait in the outbox and were never marked as sent."""
    rows = await connection.fetch(_NEVER_SENT, list(messages))
    return [row["message_id"] for row in rows]


async def generations(connection: Connection) -> dict[str, int]:
    """The generation of the log of every topic that was ever lost."""
    rows = await connection.fetch("SELECT topic, generation FROM relay_generations")
    return {row["topic"]: row["generation"] for row in rows}


async def distrust_positions(connection: Connection, topics: Collection[str]) -> None:
    """Remembers that the logs of topics are lost, so that a crash in the middle of the repair begins it again; what is
    sent from now on is of a log of a new generation."""
    await connection.execute(_DISTRUST, list(topics), LOST_OFFSET)


async def forget_positions(connection: Connection, topics: Collection[str]) -> None:
    """Begins anew in topics whose logs were lost and have been written again."""
    await connection.execute("DELETE FROM relay_positions WHERE topic = ANY($1::text[])", list(topics))


async def backlog(connection: Connection) -> tuple[int, float]:
    """How many rows are unsent, and the age of the oldest in seconds."""
    row = await connection.fetchrow(_BACKLOG)
    assert row is not None, "an aggregate has one row"
    return row["rows"], row["age"]


async def keep_days(connection: Connection) -> float:
    """Rolls the outbox' days where it can; after how many seconds to do it again. Rows are sent without it, so whatever
    it meets is no reason to send none. Raises what a lost connection raises."""
    try:
        return ROLL_SECONDS if await roll(connection) else DELETE_PAUSE_SECONDS
    except asyncpg.LockNotAvailableError:
        return BUSY_SECONDS
    except (asyncpg.PostgresError, TimeoutError) as error:
        if connection.is_closed():
            raise
        metrics.DB_RETRIES.labels("outbox_days").inc()
        _log.log(log_level(error), "the outbox' days are made and dropped later: %s", type(error).__name__)
        return ROLL_AGAIN_SECONDS


async def roll(connection: Connection) -> bool:
    """Makes the partitions of the next days and drops those of days long sent, once what lies in none of them is
    deleted; False while more of that is left.

    Raises LockNotAvailableError when the outbox is too busy just now, and TimeoutError: writers wait meanwhile.
    """
    status = await connection.execute(_DELETE, DAYS_KEPT, DELETE_ROWS_MAX, timeout=ROLL_SECONDS_MAX)
    if int(status.rpartition(" ")[2]) >= DELETE_ROWS_MAX:
        return False
    await connection.execute("SELECT chassis.roll_outbox($1, $2)", DAYS_AHEAD, DAYS_KEPT, timeout=ROLL_SECONDS_MAX)
    return True
