"""A claimed row of the work table, and the statements that move claimed rows on, always many at once and by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.aggregate import Lane
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.postgres import Connection
from chassis.work.machine import Effect, State
from chassis.work.plans import storable

ATTEMPTS_KEPT_MAX = 30

# Plans made while the table was empty would scan it whole for as long as nobody has analysed it.
PLANNER_SETTINGS = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"


@dataclass(frozen=True, slots=True)
class Row:
    """One row under our lease.

    ``epoch`` is the claim's number: whatever we write is written only while it is the row's. ``lease_ends`` is a
    moment of
    ``lease_clock``, never later than the database's. ``effect`` is where the machine stood at the claim.
    """

    tenant: TenantId
    work_id: UUID
    is_effect: bool
    kind: str
    key: str
    stream: str
    account: str
    group: str
    lane: Lane
    epoch: int
    lease_ends: float
    claimed_at: datetime
    due_at: datetime
    planned_at: datetime
    request: Mapping[str, Any]
    marker: str
    metadata: Mapping[str, str]
    cursor_before: Mapping[str, Any] | None
    effect: Effect
    wanted: int
    outcome: Mapping[str, Any] | None
    untold: bool
    after_outage: bool

    @property
    def name(self) -> str:
        """The row's id as text, for logs and vendors' keys."""
        return str(self.work_id)


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect that is about to leave."""

    row: Row
    effect: Effect
    cursor_before: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Release:
    """A row on its way out of our hands: closed when ``due_at`` is None, else claimable again from then on.

    ``attempt`` is one entry of the row's history. ``payload`` replaces a task's; ``passed_found`` ends a task's pass
    and says
    whether it found anything.
    """

    row: Row
    state: str
    due_at: datetime | None
    effect: Effect
    attempt: Mapping[str, Any] | None = None
    outcome: Mapping[str, Any] | None = None
    reason: Problem | None = None
    payload: Mapping[str, Any] | None = None
    passed_found: bool | None = None
    untold: bool = False


def row_of(record: asyncpg.Record, lease_ends: float, now: datetime) -> Row:
    """A claimed record as a Row."""
    is_effect = record["form"] == "effect"
    return Row(
        tenant=TenantId(record["tenant_id"]),
        work_id=record["work_id"],
        is_effect=is_effect,
        kind=record["kind"],
        key=record["key"],
        stream=record["stream"],
        account=record["account"],
        group=record["group_key"],
        lane=Lane(record["lane"]),
        epoch=record["epoch"],
        lease_ends=lease_ends,
        claimed_at=now,
        due_at=record["due_at"] or now,
        planned_at=record["planned_at"],
        request=orjson.loads(record["request"]),
        marker=record["marker"],
        metadata=orjson.loads(record["metadata"]),
        cursor_before=None if record["cursor_before"] is None else orjson.loads(record["cursor_before"]),
        effect=effect_of(record)
        if is_effect
        else Effect(sends=record["sends"], failures=record["failures"], delayed_since=record["delayed_since"]),
        wanted=record["wanted"],
        outcome=None if record["outcome"] is None else orjson.loads(record["outcome"]),
        untold=record["untold"],
        after_outage=record["after_outage"],
    )


def effect_of(record: asyncpg.Record) -> Effect:
    """Where the machine of a row stands."""
    return Effect(
        state=State(record["state"]),
        due_at=record["due_at"],
        sends=record["sends"],
        failures=record["failures"],
        probes=record["probes"],
        absences=record["absences"],
        last_absence_at=record["last_absence_at"],
        uncertain_at=record["uncertain_at"],
        decide_by=record["decide_by"],
        sent_at=record["sent_at"],
        delayed_since=record["delayed_since"],
    )


async def write_intents(connection: Connection, intents: Sequence[Intent], lease_seconds: float) -> set[UUID]:
    """Commits us to sending and renews the leases; gives the ids that are still ours. All values are absolute, so
    that a
    commit whose answer was lost may be repeated."""
    found = await connection.fetch(
        _INTENTS,
        [i.row.tenant for i in intents],
        [i.row.work_id for i in intents],
        [i.row.epoch for i in intents],
        [i.effect.sends for i in intents],
        [i.effect.sent_at for i in intents],
        [None if i.cursor_before is None else _json(i.cursor_before) for i in intents],
        lease_seconds,
    )
    return {record["work_id"] for record in found}


async def write_releases(connection: Connection, releases: Sequence[Release], now: datetime) -> set[UUID]:
    """Writes what became of rows and gives them up; returns the ids that were still ours."""
    ordered = sorted(releases, key=lambda release: (release.row.tenant, release.row.work_id))
    columns = zip(*(_release_values(release) for release in ordered), strict=True)
    found = await connection.fetch(_RELEASES, *(list(column) for column in columns), now, ATTEMPTS_KEPT_MAX)
    return {record["work_id"] for record in found}


def _release_values(release: Release) -> tuple[Any, ...]:
    effect = release.effect
    reason = release.reason
    return (
        release.row.tenant,
        release.row.work_id,
        release.row.epoch,
        release.row.wanted,
        release.state,
        release.due_at,
        effect.sends,
        effect.failures,
        effect.probes,
        effect.absences,
        effect.last_absence_at,
        effect.uncertain_at,
        effect.decide_by,
        effect.delayed_since,
        None if release.outcome is None else _json(release.outcome),
        None if reason is None else _json({"code": reason.code, "values": reason.values}),
        None if release.attempt is None else _json(release.attempt),
        None if release.payload is None else _json(release.payload),
        None if release.passed_found is None else release.row.claimed_at,
        release.passed_found,
        release.untold,
    )


def _json(value: Mapping[str, Any]) -> str:
    return storable(orjson.dumps(dict(value), default=str).decode())


_INTENTS = """
UPDATE work w SET state = 'INTENT', sends = i.sends, sent_at = i.sent_at, cursor_before = i.cursor_before::jsonb,
                  lease_until = clock_timestamp() + make_interval(secs => $7)
FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[], $6::text[])
  AS i(tenant_id, work_id, epoch, sends, sent_at, cursor_before)
WHERE w.tenant_id = i.tenant_id AND w.work_id = i.work_id AND w.epoch = i.epoch AND w.queue = 'taken'
  AND w.lease_until > clock_timestamp()
RETURNING w.work_id
"""

# A task that was planned again while it ran (wanted moved) is due as that plan says, whatever its run said.
_RELEASES = """
UPDATE work w SET
  state = CASE WHEN w.wanted <> r.wanted THEN 'PLANNED' ELSE r.state END,
  queue = CASE WHEN w.wanted = r.wanted AND r.due_at IS NULL AND NOT r.untold THEN 'closed'
               WHEN least(r.due_at, w.due_at) <= $22 THEN 'ready' ELSE 'waiting' END,
  due_at = least(r.due_at, w.due_at),
  settled_at = CASE WHEN w.wanted = r.wanted AND r.due_at IS NULL THEN $22 END,
  lease_until = NULL, lease_owner = NULL,
  sends = r.sends, failures = r.failures, probes = r.probes, absences = r.absences,
  last_absence_at = r.last_absence_at, uncertain_at = r.uncertain_at, decide_by = r.decide_by,
  delayed_since = r.delayed_since,
  outcome = coalesce(r.outcome::jsonb, w.outcome),
  reason = r.reason::jsonb,
  untold = r.untold,
  attempts = CASE WHEN r.attempt IS NULL THEN w.attempts
                  WHEN jsonb_array_length(w.attempts) >= $23 THEN (w.attempts - 1) || r.attempt::jsonb
                  ELSE w.attempts || r.attempt::jsonb END,
  request = CASE WHEN r.payload IS NULL THEN w.request
                 WHEN w.wanted = r.wanted THEN r.payload::jsonb ELSE w.request || r.payload::jsonb END,
  pass_started_at = coalesce(r.pass_started_at, w.pass_started_at),
  pass_found = coalesce(r.pass_found, w.pass_found)
FROM unnest($1::text[], $2::uuid[], $3::int[], $4::bigint[], $5::text[], $6::timestamptz[], $7::int[], $8::int[],
$9::int[],
            $10::int[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[],
            $16::text[], $17::text[], $18::text[], $19::timestamptz[], $20::bool[], $21::bool[])
  AS r(tenant_id, work_id, epoch, wanted, state, due_at, sends, failures, probes, absences, last_absence_at,
  uncertain_at,
       decide_by, delayed_since, outcome, reason, attempt, payload, pass_started_at, pass_found, untold)
WHERE w.tenant_id = r.tenant_id AND w.work_id = r.work_id AND w.epoch = r.epoch AND w.queue = 'taken'
RETURNING w.work_id
"""
