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


def canonical(request: Mapping[str, Any]) -> str:
    """A request as JSON with sorted keys: what is stored, and what its hash is of."""
    return storable(orjson.dumps(dict(request), option=orjson.OPT_SORT_KEYS, default=str).decode())


def storable(text: str) -> str:
    """JSON text that jsonb takes: it refuses the NUL character, which vendors do send."""
    return text.replace("\\u0000", "\\ufffd")


async def insert_plans(connection: Connection, plans: Sequence[PlannedWork], now: datetime) -> None:
    """Inserts effects once per key and tasks as one open row per (kind, key); ``now`` is business time.

    A task that is planned while open wants one more run, no later than its plan says, with the new payload laid over
    the
    present one; planned after its end it begins anew.
    """
    effects = {row[1]: row for work in plans if isinstance(work.plan, EffectPlan) for row in (_effect(work, now),)}
    tasks = [_task(work, now) for work in plans if isinstance(work.plan, TaskPlan)]
    if effects:
        await connection.execute(_INSERT_EFFECTS, *_columns(list(effects.values())), now)
    while tasks:  # a statement may touch each row once; the same task twice in one transaction is rare
        batch = {row[1]: row for row in reversed(tasks)}
        await connection.execute(_UPSERT_TASKS, *_columns([batch[key] for key in sorted(batch)]), now)
        chosen = {id(row) for row in batch.values()}
        tasks = [row for row in tasks if id(row) not in chosen]


def _effect(work: PlannedWork, now: datetime) -> tuple[Any, ...]:
    plan = work.plan
    assert isinstance(plan, EffectPlan), "an effect"
    request = canonical(plan.request)
    return (
        work.tenant,
        effect_id(work.tenant, plan.kind, plan.key),
        plan.kind,
        "/".join(plan.key),
        work.stream,
        plan.account,
        plan.group,
        int(plan.lane),
        plan.due_at or now,
        request,
        hashlib.sha256(request.encode()).digest(),
        plan.marker,
        orjson.dumps(dict(work.metadata)).decode(),
    )


def _task(work: PlannedWork, now: datetime) -> tuple[Any, ...]:
    plan = work.plan
    assert isinstance(plan, TaskPlan), "a task"
    return (
        work.tenant,
        task_id(work.tenant, plan.kind, plan.key),
        plan.kind,
        plan.key,
        work.stream,
        plan.account,
        int(plan.lane),
        plan.due_at or now,
        canonical(plan.payload),
        orjson.dumps(dict(work.metadata)).decode(),
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_INSERT_EFFECTS = """
INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, group_key, lane, queue, due_at, planned_at,
                  request, request_hash, marker, metadata)
SELECT t.tenant_id, t.work_id, 'effect', t.kind, t.key, t.stream, t.account, t.group_key, t.lane,
       CASE WHEN t.due_at <= $14 THEN 'ready' ELSE 'waiting' END, t.due_at, $14,
       t.request::jsonb, t.request_hash, t.marker, t.metadata::jsonb
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[],
            $9::timestamptz[], $10::text[], $11::bytea[], $12::text[], $13::text[])
  AS t(tenant_id, work_id, kind, key, stream, account, group_key, lane, due_at, request, request_hash, marker, metadata)
ON CONFLICT (tenant_id, work_id) DO NOTHING
"""

# A plan for a taken row leaves it to its holder and only says when it is wanted again.
_UPSERT_TASKS = """
INSERT INTO work (tenant_id, work_id, form, kind, key, stream, account, lane, queue, due_at, planned_at, request,
metadata)
SELECT t.tenant_id, t.work_id, 'task', t.kind, t.key, t.stream, t.account, t.lane,
       CASE WHEN t.due_at <= $11 THEN 'ready' ELSE 'waiting' END, t.due_at, $11, t.request::jsonb, t.metadata::jsonb
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[],
            $9::text[], $10::text[])
  AS t(tenant_id, work_id, kind, key, stream, account, lane, due_at, request, metadata)
ON CONFLICT (tenant_id, work_id) DO UPDATE SET
  wanted = work.wanted + 1,
  account = excluded.account,
  stream = excluded.stream,
  lane = least(work.lane, excluded.lane),
  metadata = excluded.metadata,
  due_at = least(work.due_at, excluded.due_at),
  request = CASE WHEN work.queue = 'closed' THEN excluded.request ELSE work.request || excluded.request END,
  queue = CASE work.queue WHEN 'taken' THEN 'taken' WHEN 'ready' THEN 'ready' ELSE
            CASE WHEN least(work.due_at, excluded.due_at) <= $11 THEN 'ready' ELSE 'waiting' END END,
  seq = CASE WHEN work.queue = 'closed' THEN excluded.seq ELSE work.seq END,
  planned_at = CASE WHEN work.queue = 'closed' THEN excluded.planned_at ELSE work.planned_at END,
  state = CASE WHEN work.queue = 'closed' THEN 'PLANNED' ELSE work.state END,
  sends = CASE WHEN work.queue = 'closed' THEN 0 ELSE work.sends END,
  failures = CASE WHEN work.queue = 'closed' THEN 0 ELSE work.failures END,
  attempts = CASE WHEN work.queue = 'closed' THEN '[]' ELSE work.attempts END,
  settled_at = NULL
"""
