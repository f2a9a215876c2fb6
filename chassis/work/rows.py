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
from chassis.work.plans import as_json

ATTEMPTS_KEPT_MAX = 30

Lease = tuple[UUID, int]
"""A row's id and the claim's number: one row may be claimed anew while who held it before, in this very process, still
waits to commit."""

# Plans made while the table was empty would scan it whole for as long as nobody has analysed it.
PLANNER_SETTINGS = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"


@dataclass(frozen=True, slots=True)
class Row:
    """One row under our lease.

    ``epoch`` is the claim's number: whatever we write is written only while it is the row's. ``lease_ends`` is a
    moment of ``lease_clock``, never later than the database's. ``effect`` is where the machine stood at the claim.
    ``waiters`` are other streams that wait for it, asked for only where it is delayed or may become so now.
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
    waiters: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The row's id as text, for logs and vendors' keys."""
        return str(self.work_id)

    @property
    def lease(self) -> Lease:
        """Our claim of it."""
        return self.work_id, self.epoch


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
    and says whether it found anything. ``debounce_seconds`` replaces the task's, None keeps it.
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
    debounce_seconds: float | None = None
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


async def write_intents(connection: Connection, intents: Sequence[Intent], lease_seconds: float) -> set[Lease]:
    """Commits us to sending and renews the leases; gives those that are still ours. All values are absolute, so
    that a commit whose answer was lost may be repeated."""
    values = [
        {
            "tenant_id": i.row.tenant,
            "work_id": i.row.work_id,
            "epoch": i.row.epoch,
            "sends": i.effect.sends,
            "sent_at": i.effect.sent_at,
            "cursor_before": i.cursor_before,
        }
        for i in intents
    ]
    found = await connection.fetch(_INTENTS, as_json(values), lease_seconds)
    return {(record["work_id"], record["epoch"]) for record in found}


async def write_releases(connection: Connection, releases: Sequence[Release], now: datetime) -> set[Lease]:
    """Writes what became of rows and gives them up; returns the leases that were still ours."""
    ordered = sorted(releases, key=lambda release: (release.row.tenant, release.row.work_id))
    found = await connection.fetch(_RELEASES, as_json([_values(r) for r in ordered]), now, ATTEMPTS_KEPT_MAX)
    return {(record["work_id"], record["epoch"]) for record in found}


def _values(release: Release) -> dict[str, Any]:
    effect, reason = release.effect, release.reason
    done = release.due_at is None or (not release.row.is_effect and reason is None)
    return {
        "tenant_id": release.row.tenant,
        "work_id": release.row.work_id,
        "epoch": release.row.epoch,
        "wanted": release.row.wanted,
        "state": release.state,
        "due_at": release.due_at,
        "was_due_at": None if done else release.row.due_at,
        "sends": effect.sends,
        "failures": effect.failures,
        "probes": effect.probes,
        "absences": effect.absences,
        "last_absence_at": effect.last_absence_at,
        "uncertain_at": effect.uncertain_at,
        "decide_by": effect.decide_by,
        "delayed_since": effect.delayed_since,
        "outcome": release.outcome,
        "reason": None if reason is None else {"code": reason.code, "values": reason.values},
        "attempt": release.attempt,
        "payload": release.payload,
        "pass_started_at": None if release.passed_found is None else release.row.claimed_at,
        "pass_found": release.passed_found,
        "debounce_seconds": release.debounce_seconds,
        "untold": release.untold,
    }


_INTENTS = """
UPDATE work w SET state = 'INTENT', sends = i.sends, sent_at = i.sent_at, cursor_before = i.cursor_before,
                  lease_until = clock_timestamp() + make_interval(secs => $2)
FROM json_to_recordset($1::json) AS i(
  tenant_id text, work_id uuid, epoch int, sends int, sent_at timestamptz, cursor_before jsonb)
WHERE w.tenant_id = i.tenant_id AND w.work_id = i.work_id AND w.epoch = i.epoch AND w.queue = 'taken'
  AND w.lease_until > clock_timestamp()
RETURNING w.work_id, w.epoch
"""

# A task that was planned again while it ran (wanted moved) is due as that plan says, whatever its run said.
_RELEASES = """
UPDATE work w SET
  state = CASE WHEN w.wanted <> r.wanted THEN 'PLANNED' ELSE r.state END,
  queue = CASE WHEN r.state = 'HUMAN' AND NOT r.untold THEN 'person'
               WHEN w.wanted = r.wanted AND r.due_at IS NULL THEN 'closed'
               WHEN least(r.due_at, w.due_at) <= $2 THEN 'ready' ELSE 'waiting' END,
  claim_lane = CASE WHEN r.untold OR r.state IN ('UNCERTAIN', 'PROBING') THEN -1 ELSE w.lane END,
  due_at = least(r.due_at, w.due_at),
  first_due_at = CASE WHEN r.was_due_at IS NOT NULL THEN coalesce(w.first_due_at, r.was_due_at) END,
  settled_at = CASE WHEN w.wanted = r.wanted AND r.due_at IS NULL THEN $2 END,
  lease_until = NULL, lease_owner = NULL,
  sends = r.sends, failures = r.failures, probes = r.probes, absences = r.absences,
  last_absence_at = r.last_absence_at, uncertain_at = r.uncertain_at, decide_by = r.decide_by,
  delayed_since = r.delayed_since,
  outcome = coalesce(r.outcome, w.outcome),
  reason = r.reason,
  untold = r.untold,
  attempts = CASE WHEN r.attempt IS NULL THEN w.attempts
                  WHEN jsonb_array_length(w.attempts) >= $3 THEN (w.attempts - 1) || r.attempt
                  ELSE w.attempts || r.attempt END,
  request = CASE WHEN r.payload IS NULL THEN w.request
                 WHEN w.wanted = r.wanted THEN r.payload ELSE w.request || r.payload END,
  pass_started_at = coalesce(r.pass_started_at, w.pass_started_at),
  pass_found = coalesce(r.pass_found, w.pass_found),
  debounce = coalesce(make_interval(secs => r.debounce_seconds), w.debounce)
FROM json_to_recordset($1::json) AS r(
  tenant_id text, work_id uuid, epoch int, wanted bigint, state text, due_at timestamptz, was_due_at timestamptz,
  sends int, failures int, probes int, absences int, last_absence_at timestamptz, uncertain_at timestamptz,
  decide_by timestamptz, delayed_since timestamptz, outcome jsonb, reason jsonb, attempt jsonb, payload jsonb,
  pass_started_at timestamptz, pass_found bool, debounce_seconds float8, untold bool)
WHERE w.tenant_id = r.tenant_id AND w.work_id = r.work_id AND w.epoch = r.epoch AND w.queue = 'taken'
RETURNING w.work_id, w.epoch
"""
