"""Writes a topic's messages into the outbox again, from the events: after a loss at the broker, or for a new reader."""

from datetime import datetime

from chassis import event_store
from chassis.aggregate import Lane
from chassis.engine import Engine
from chassis.messaging.metrics import REPUBLISHED
from chassis.outbox import OutboxRow, write_outbox
from chassis.postgres import Connection, Database, wake_after_commit
from chassis.wakeups import OUTBOX
from chassis.walk import Step, steps

# Rows that wait in the outbox are written anew behind their predecessors; else they would arrive before them.
_SUPERSEDE = """
UPDATE outbox SET published_at = clock_timestamp()
WHERE topic = $1 AND published_at IS NULL AND message_id = ANY($2::uuid[])
"""


async def republish(database: Database, engine: Engine, topic: str, since: datetime | None = None) -> int:
    """Every message of ``topic`` whose event was recorded at or after ``since`` (business time); how many.

    The messages have their first ids and the order of their keys, so that whoever knows them ignores them. They travel
    in the bulk lane. Safe beside live appends and when repeated. Raises what Postgres raises; what is done stays done.
    """
    count = 0
    async for step in steps(database, engine):
        async with database.transaction([step.tenant], step.locks) as connection:
            count += await _step(connection, engine, step, topic, since)
    REPUBLISHED.labels(topic).inc(count)
    return count


async def _step(connection: Connection, engine: Engine, step: Step, topic: str, since: datetime | None) -> int:
    stored = await event_store.load(connection, step.streams)
    rows: list[OutboxRow] = []
    for key, streams in step.keys.items():
        of_key: list[tuple[int, OutboxRow]] = []
        for stream in streams:
            for recorded, state in engine.replayed(stream, stored[step.tenant, stream]):
                if since is not None and recorded.recorded_at < since:
                    continue
                for message, envelope, body in engine.messages(recorded, state):
                    if message.topic == topic:
                        row = OutboxRow(step.tenant, topic, key, envelope, body, Lane.BULK)
                        of_key.append((recorded.position, row))
        # Positions of one key grow in the order of its commits, since they were given under its lock.
        rows += [row for _, row in sorted(of_key, key=lambda item: item[0])]
    if rows:
        await connection.execute(_SUPERSEDE, topic, [row.envelope.id for row in rows])
        await write_outbox(connection, rows)
        wake_after_commit(OUTBOX)
    return len(rows)
