"""Writes the due work that events plan, in the transaction of their append."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.aggregate import EffectPlan, Plan, TaskPlan
from chassis.ids import TenantId, deterministic_id
from chassis.postgres import Connection

_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """A plan with its stream and the metadata (trace, cause) of the command that led to it."""

    tenant: TenantId
    stream: str
    plan: Plan
    metadata: Mapping[str, str] = field(default_factory=dict)


def effect_id(tenant: TenantId, kind: str, key: Sequence[str]) -> UUID:
    """The uuid5 of an effect: the same kind and key of a tenant are the same effect, for ever."""
    return deterministic_id("effect", tenant, kind, *key)


def task_id(tenant: TenantId, kind: str, key: str) -> UUID:
    """The uuid5 of the one row that a task of this kind and key has."""
    return deterministic_id("task", tenant, kind, key)


def as_json(value: Any) -> str:
    """JSON text that jsonb takes: it refuses the NUL character, which vendors do send. Keys are sorted."""
    text = orjson.dumps(value, option=_JSON, default=_plain).decode()
    return text.replace("\\u0000", "\\ufffd")


def _plain(value: object) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


async def insert_plans(connection: Connection, plans: Sequence[PlannedWork], now: datetime) -> None:
    """Inserts effects once per key and tasks as one open row per (kind, key); ``now`` is business time.

    A task that is planned while open wants one more run, no later than its plan says, with the new payload laid over
    the present one; planned after its end it begins anew.
    """
    effects: dict[UUID, dict[str, Any]] = {}
    for nth, work in enumerate(plans):
        if isinstance(work.plan, EffectPlan):
            row = _effect(work, work.plan, now)
            effects.setdefault(row["work_id"], {**row, "nth": nth})
    tasks = [_task(work, work.plan, now) for work in plans if isinstance(work.plan, TaskPlan)]
    if effects:
        await connection.execute(_INSERT_EFFECTS, as_json(list(effects.values())), now)
    while tasks:  # a statement may touch each row once; the same task twice in one transaction is rare
        batch = {row["work_id"]: row for row in reversed(tasks)}
        await connection.execute(_UPSERT_TASKS, as_json([batch[key] for key in sorted(batch)]), now)
        chosen = {id(row) for row in batch.values()}
        tasks = [row for row in tasks if id(row) not in chosen]


def _effect(work: PlannedWork, plan: EffectPlan, now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": work.tenant,
        "work_id": effect_id(work.tenant, plan.kind, plan.key),
        "kind": plan.kind,
        "key": "/".join(plan.key),
        "stream": work.stream,
        "account": plan.account,
        "group_key": plan.group,
        "lane": int(plan.lane),
        "due_at": plan.due_at or now,
        "request": plan.request,
        "request_hash": hashlib.sha256(as_json(plan.request).encode()).hexdigest(),
        "marker": plan.marker,
        "metadata": work.metadata,
    }


def _task(work: PlannedWork, plan: TaskPlan, now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": work.tenant,
        "work_id": task_id(work.tenant, plan.kind, plan.key),
        "kind": plan.kind,
        "key": plan.key,
        "stream": work.stream,
        "account": plan.account,
        "lane": int(plan.lane),
        "due_at": plan.due_at or now,
        "request": plan.payload,
        "metadata": work.metadata,
    }


_INSERT_EFFECTS = """
INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, group_key, lane, claim_lane, queue, due_at,
                  planned_at, request, request_hash, marker, metadata)
SELECT t.tenant_id, t.work_id, 'effect', t.kind, t.key, t.stream, t.account, t.group_key, t.lane, t.lane,
       CASE WHEN t.due_at <= $2 THEN 'ready' ELSE 'waiting' END, t.due_at, $2,
       t.request, decode(t.request_hash, 'hex'), t.marker, t.metadata
FROM json_to_recordset($1::json) AS t(
  tenant_id text, work_id uuid, kind text, key text, stream text, account text, group_key text, lane smallint,
  due_at timestamptz, request jsonb, request_hash text, marker text, metadata jsonb, nth bigint)
ORDER BY t.nth
ON CONFLICT (tenant_id, work_id) DO NOTHING
"""

# A plan for a taken row leaves it to its holder and only says when it is wanted again. Who asked to wait a little (the
# last run's debounce) sees what is planned meanwhile in one run. One run for several plans is
# traced as the first one's; 20 others are kept for links.
_UPSERT_TASKS = """
INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, lane, claim_lane, queue, due_at, planned_at,
                  request, metadata)
SELECT t.tenant_id, t.work_id, 'task', t.kind, t.key, t.stream, t.account, t.lane, t.lane,
       CASE WHEN t.due_at <= $2 THEN 'ready' ELSE 'waiting' END, t.due_at, $2, t.request, t.metadata
FROM json_to_recordset($1::json) AS t(
  tenant_id text, work_id uuid, kind text, key text, stream text, account text, lane smallint, due_at timestamptz,
  request jsonb, metadata jsonb)
ON CONFLICT (tenant_id, work_id) DO UPDATE SET
  wanted = work.wanted + 1,
  account = excluded.account,
  stream = excluded.stream,
  lane = least(work.lane, excluded.lane),
  claim_lane = least(work.lane, excluded.lane),
  metadata = CASE WHEN work.queue IN ('closed', 'taken') THEN excluded.metadata
    ELSE work.metadata || jsonb_build_object('merged',
      left(concat_ws(' ', work.metadata->>'merged', excluded.metadata->>'traceparent'), 1119)) END,
  due_at = least(work.due_at, excluded.due_at + work.debounce),
  request = CASE WHEN work.queue = 'closed' THEN excluded.request ELSE work.request || excluded.request END,
  queue = CASE work.queue WHEN 'taken' THEN 'taken' WHEN 'ready' THEN 'ready' ELSE
            CASE WHEN least(work.due_at, excluded.due_at + work.debounce) <= $2 THEN 'ready' ELSE 'waiting' END END,
  seq = CASE WHEN work.queue = 'closed' THEN excluded.seq ELSE work.seq END,
  planned_at = CASE WHEN work.queue = 'closed' THEN excluded.planned_at ELSE work.planned_at END,
  state = CASE WHEN work.queue = 'closed' THEN 'PLANNED' ELSE work.state END,
  sends = CASE WHEN work.queue = 'closed' THEN 0 ELSE work.sends END,
  failures = CASE WHEN work.queue = 'closed' THEN 0 ELSE work.failures END,
  attempts = CASE WHEN work.queue = 'closed' THEN '[]' ELSE work.attempts END,
  settled_at = NULL
"""
