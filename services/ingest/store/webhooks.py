"""Webhooks as rows: stored in one statement for many, read by deal, listed by their ids, dropped after their time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis.aggregate import TaskPlan
from chassis.ids import TenantId
from chassis.postgres import Connection
from chassis.work.plans import PlannedWork, insert_plans, task_id

LISTED_MAX = 1_000
_DROPPED_AT_ONCE_MAX = 5_000

MARK_READ = (
    "UPDATE webhooks SET status = 'read', read_at = $4 "
    "WHERE tenant_id = $1 AND work_id = $2 AND status = 'stored' AND delivery_id <= $3"
)
"""Parameters: tenant, work, the newest webhook that was answered, now."""

_LAST_UNREAD = "SELECT max(delivery_id) FROM webhooks WHERE tenant_id = $1 AND work_id = $2 AND status = 'stored'"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook on its way into the store. ``plan`` is the due work that it causes, None where it causes none.

    ``refused`` is why it was not taken, ``""`` when it was; ``body`` holds no tokens and is empty for a refused one.
    """

    tenant: TenantId
    event: str
    entity: str
    object_id: str
    content_type: str
    body: bytes
    sha256: bytes
    stream: str = ""
    plan: TaskPlan | None = None
    refused: str = ""
    trace: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a webhook: ``stored``, ``read``, ``done``, ``refused``."""

    delivery_id: int
    tenant: TenantId
    received_at: datetime
    event: str
    entity: str
    object_id: str
    status: str
    reason: str


async def insert(connection: Connection, webhooks: Sequence[Webhook], now: datetime) -> list[int]:
    """Stores webhooks with the work they cause, in the caller's transaction; gives their ids in the same order."""
    rows = [
        (
            w.tenant,
            w.event,
            w.entity,
            w.object_id,
            w.content_type,
            w.body,
            w.sha256,
            "refused" if w.refused else "stored" if w.plan is not None else "done",
            w.refused or ("" if w.plan is not None else "nothing to read"),
            None if w.plan is None else task_id(w.tenant, w.plan.kind, w.plan.key),
        )
        for w in webhooks
    ]
    found = await connection.fetch(_INSERT, *(list(column) for column in zip(*rows, strict=True)), now)
    works = [PlannedWork(w.tenant, w.stream, w.plan, w.trace) for w in webhooks if w.plan is not None]
    if works:
        await insert_plans(connection, works, now)
    ids = {row["place"]: row["delivery_id"] for row in found}
    return [ids[place] for place in range(1, len(webhooks) + 1)]


async def last_unread(connection: Connection, tenant: TenantId, work_id: UUID) -> int:
    """The newest webhook that waits for a piece of work; 0 when none does."""
    newest = await connection.fetchval(_LAST_UNREAD, tenant, work_id)
    return newest or 0


async def mark_read(connection: Connection, tenant: TenantId, work_id: UUID, upto: int, now: datetime) -> None:
    """What these webhooks hinted at was read from the portal."""
    await connection.execute(MARK_READ, tenant, work_id, upto, now)


async def refuse(connection: Connection, tenant: TenantId, delivery_id: int, reason: str) -> None:
    """What was taken proved to be no good."""
    await connection.execute(
        "UPDATE webhooks SET status = 'refused', reason = $3 WHERE tenant_id = $1 AND delivery_id = $2",
        tenant,
        delivery_id,
        reason,
    )


async def deliveries(connection: Connection, after: int, limit: int, tenant: TenantId | None) -> list[Delivery]:
    """Webhooks in the order of their ids. ``done`` is what was read and whose work came to its end after that."""
    rows = await connection.fetch(_DELIVERIES, after, min(limit, LISTED_MAX), tenant)
    return [
        Delivery(
            row["delivery_id"],
            TenantId(row["tenant_id"]),
            row["received_at"],
            row["event"],
            row["entity"],
            row["object_id"],
            row["status"],
            row["reason"],
        )
        for row in rows
    ]


async def drop_before(connection: Connection, moment: datetime) -> int:
    """Removes the oldest webhooks up to a moment, a bounded number at once; returns how many. Those that wait to be
    read stay, and keep no others: of a suspended tenant there may be any number."""
    tag: str = await connection.execute(
        "DELETE FROM webhooks WHERE received_at < $1 AND delivery_id IN "
        "(SELECT delivery_id FROM webhooks WHERE status <> 'stored' ORDER BY delivery_id LIMIT $2)",
        moment,
        _DROPPED_AT_ONCE_MAX,
    )
    return int(tag.rpartition(" ")[2])


_INSERT = """
WITH numbered AS (
  SELECT nextval('webhooks_delivery_id') AS delivery_id, t.*
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[],
              $9::text[], $10::uuid[])
    WITH ORDINALITY
    AS t(tenant_id, event, entity, object_id, content_type, body, sha256, status, reason, work_id, place)
), stored AS (
  INSERT INTO webhooks (tenant_id, delivery_id, received_at, event, entity, object_id, content_type, body, sha256,
                        status, reason, work_id)
  SELECT tenant_id, delivery_id, $11, event, entity, object_id, content_type, body, sha256, status, reason, work_id
  FROM numbered
)
SELECT delivery_id, place FROM numbered
"""

_DELIVERIES = """
SELECT d.delivery_id, d.tenant_id, d.received_at, d.event, d.entity, d.object_id, d.reason,
       CASE WHEN d.status = 'read' AND (w.work_id IS NULL OR w.queue = 'closed' OR w.planned_at > d.read_at)
            THEN 'done' ELSE d.status END AS status
FROM webhooks d LEFT JOIN work w ON w.tenant_id = d.tenant_id AND w.work_id = d.work_id
WHERE d.delivery_id > $1 AND ($3::text IS NULL OR d.tenant_id = $3)
ORDER BY d.delivery_id LIMIT $2
"""
