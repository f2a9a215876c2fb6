"""What operators see of due work, and the one thing they may do to it: have it tried now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Ok, Rejected
from chassis.postgres import Connection
from chassis.work import machine
from chassis.work.handlers import PolicyFor, Probe
from chassis.work.machine import Schedule
from chassis.work.permits import problem_from_json
from chassis.work.rows import effect_of

LISTED_MAX = 500
UNDONE_SECONDS_MAX: Final = 900.0
"""Business time: what was first due so long ago is shown as delayed, also when nothing failed and a limit alone holds
it up."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One row as an operator sees it. ``queue`` is waiting, ready, taken, person or closed; ``attempts`` the last ones,
    oldest first. ``delayed_since``: when quick attempts were used up, else when it was first due, if that is long
    ago."""

    tenant: TenantId
    work_id: str
    is_effect: bool
    kind: str
    key: str
    stream: str
    account: str
    state: str
    queue: str
    lane: int
    due_at: datetime | None
    planned_at: datetime
    settled_at: datetime | None
    sends: int
    failures: int
    probes: int
    absences: int
    delayed_since: datetime | None
    reason: Problem | None
    outcome: Mapping[str, Any] | None
    request: Mapping[str, Any]
    marker: str
    attempts: Sequence[Mapping[str, Any]]
    traceparent: str


@dataclass(frozen=True, slots=True)
class WorkStatus:
    """The work of one service in numbers. ``open_by_facts`` counts what a fact caused and is not at its end: cards,
    polls and what is planned for later days do not count. ``oldest_due_at`` is when the oldest of
    what is due, or was due and is put off, was due first. ``quiet_since`` is None while a poll found something or has
    yet to finish its first pass; ``polls`` 0 says that there is nothing to wait for."""

    due: int
    delayed: int
    taken: int
    cards: int
    open_by_facts: int
    oldest_due_at: datetime | None
    polls: int
    quiet_since: datetime | None


OPEN: Final = "queue IN ('waiting', 'ready', 'taken')"
"""As the partial indexes have it."""

_ITEM = """tenant_id, work_id, form, kind, key, stream, account, state, queue, lane, due_at, planned_at, settled_at,
first_due_at, sends, failures, probes, absences, last_absence_at, uncertain_at, decide_by, sent_at, delayed_since,
reason, outcome, request, marker, attempts, metadata"""


async def open_work(
    connection: Connection, now: datetime, *, tenant: TenantId | None = None, limit: int = LISTED_MAX
) -> list[WorkItem]:
    """Due and delayed work and everything in doubt or before a person, the longest waiting first."""
    records = await connection.fetch(
        f"SELECT {_ITEM} FROM work WHERE ({OPEN} AND (queue <> 'waiting' OR due_at <= $1 "  # noqa: S608
        "OR delayed_since IS NOT NULL OR reason IS NOT NULL) OR queue = 'person') "
        "AND ($2::text IS NULL OR tenant_id = $2) ORDER BY seq LIMIT $3",
        now,
        tenant,
        min(limit, LISTED_MAX),
    )
    return [_item(record, now) for record in records]


async def find(connection: Connection, work_id: UUID, now: datetime) -> WorkItem | None:
    """One row by its id, open or closed; the connection's role decides whose."""
    record = await connection.fetchrow(f"SELECT {_ITEM} FROM work WHERE work_id = $1", work_id)  # noqa: S608
    return None if record is None else _item(record, now)


async def of_streams(connection: Connection, tenant: TenantId, streams: Collection[str]) -> list[WorkItem]:
    """All work that streams planned, in order: effects with every attempt, for a deal's story; delayed by failures
    only."""
    records = await connection.fetch(
        f"SELECT {_ITEM} FROM work WHERE tenant_id = $1 AND stream = ANY ($2::text[]) ORDER BY seq",  # noqa: S608
        tenant,
        list(streams),
    )
    return [_item(record) for record in records]


async def retry(
    connection: Connection, work_id: UUID, policies: Mapping[str, PolicyFor], now: datetime
) -> Ok[WorkItem] | Rejected:
    """Has one row tried now: waiting work is due at once, doubt is looked up, a card's effect is looked up once more.

    Never a blind second send, and none at all of what stood before a person. ``policies`` are those of the service's
    effect kinds, each by account.
    """
    record = await connection.fetchrow(
        f"SELECT {_ITEM} FROM work WHERE work_id = $1 FOR UPDATE",  # noqa: S608
        work_id,
    )
    if record is None:
        return Rejected(Problem("work_unknown", {"work_id": str(work_id)}))
    if record["queue"] in ("waiting", "ready"):
        await connection.execute(
            "UPDATE work SET queue = 'ready', due_at = $3 WHERE tenant_id = $1 AND work_id = $2 AND queue = 'waiting'",
            record["tenant_id"],
            work_id,
            now,
        )
    elif record["queue"] == "taken":
        return Rejected(Problem("work_under_way", {"work_id": str(work_id)}))
    elif record["queue"] != "person":
        return Rejected(Problem("work_at_its_end", {"work_id": str(work_id), "state": record["state"]}))
    else:
        policy_for = policies.get(record["kind"])
        policy = None if policy_for is None else policy_for(record["account"])
        if policy is None or policy.probe in (Probe.NONE, Probe.REPEAT):
            return Rejected(Problem("work_has_no_look_up", {"work_id": str(work_id), "kind": record["kind"]}))
        effect = machine.step(effect_of(record), machine.ProbeAgain(), policy, Schedule(), now, 0.0).effect
        await connection.execute(
            "UPDATE work SET state = $3, queue = 'ready', claim_lane = -1, due_at = $4, uncertain_at = $5, "
            "decide_by = $6, probes = 0, absences = 0, last_absence_at = NULL, settled_at = NULL "
            "WHERE tenant_id = $1 AND work_id = $2",
            record["tenant_id"],
            work_id,
            effect.state.value,
            effect.due_at,
            effect.uncertain_at,
            effect.decide_by,
        )
    found = await find(connection, work_id, now)
    assert found is not None, "the row is locked by this transaction"
    return Ok(found)


async def status(
    connection: Connection, now: datetime, *, recurring: Collection[str], polls: Collection[str]
) -> WorkStatus:
    """The numbers of ``sverka status``, over a delivery connection; kinds as the runner names them."""
    row = await connection.fetchrow(_STATUS, now, list(recurring))
    assert row is not None, "an aggregate has a row"
    passes = await connection.fetchrow(_PASSES, now, list(polls))
    assert passes is not None, "an aggregate has a row"
    return WorkStatus(
        due=row["due"],
        delayed=row["delayed"],
        taken=row["taken"],
        cards=row["cards"],
        open_by_facts=row["open_by_facts"],
        oldest_due_at=row["oldest_due_at"],
        polls=passes["polls"],
        quiet_since=passes["quiet_since"] if passes["polls"] and passes["all_quiet"] else None,
    )


# Of a tenant for whom nothing is claimed nothing is late.
_UNDONE = f"""
coalesce(w.first_due_at, w.due_at) + make_interval(secs => {UNDONE_SECONDS_MAX}) <= $1
AND w.tenant_id NOT IN (SELECT tenant_id FROM tenant_states WHERE status <> 'active')
"""  # noqa: S608 - a constant of this module

_DELAYED = f"""
SELECT count(*) FROM work w WHERE {OPEN} AND (w.delayed_since IS NOT NULL OR (w.account, w.tenant_id) IN
  (SELECT account, tenant_id FROM work_accounts WHERE opened_at IS NOT NULL) OR ({_UNDONE}))
"""  # noqa: S608 - a constant of this module

_STATUS = f"""
SELECT count(*) FILTER (WHERE queue = 'ready' OR (queue = 'waiting' AND due_at <= $1)) AS due,
       ({_DELAYED}) AS delayed,
       count(*) FILTER (WHERE queue = 'taken') AS taken,
       (SELECT count(*) FROM work WHERE queue = 'person') AS cards,
       count(*) FILTER (WHERE kind <> ALL ($2::text[]) AND (form = 'effect' OR queue <> 'waiting' OR due_at <= $1
                              OR sends > 0)) AS open_by_facts,
       min(coalesce(first_due_at, due_at)) FILTER (WHERE queue = 'ready' OR (queue = 'waiting' AND (due_at <= $1
                                                     OR first_due_at IS NOT NULL))) AS oldest_due_at
FROM work WHERE {OPEN}
"""  # noqa: S608 - a constant of this module

# A poll that waits for its first time (a reminder to come) is not a pass that is missing, nor is one of a tenant for
# whom nothing is claimed, being suspended or removed.
_PASSES = f"""
SELECT count(*) AS polls, min(pass_started_at) AS quiet_since,
       bool_and(pass_started_at IS NOT NULL AND NOT pass_found) AS all_quiet
FROM work
WHERE {OPEN} AND kind = ANY ($2::text[])
  AND (pass_started_at IS NOT NULL OR queue <> 'waiting' OR due_at <= $1)
  AND tenant_id NOT IN (SELECT tenant_id FROM tenant_states WHERE status <> 'active')
"""  # noqa: S608 - a constant of this module


def _item(record: asyncpg.Record, now: datetime | None = None) -> WorkItem:
    reason, outcome = record["reason"], record["outcome"]
    undone_since = record["first_due_at"] or record["due_at"]
    if now is None or (undone_since and undone_since + timedelta(seconds=UNDONE_SECONDS_MAX) > now):
        undone_since = None
    return WorkItem(
        tenant=TenantId(record["tenant_id"]),
        work_id=str(record["work_id"]),
        is_effect=record["form"] == "effect",
        kind=record["kind"],
        key=record["key"],
        stream=record["stream"],
        account=record["account"],
        state=record["state"],
        queue=record["queue"],
        lane=record["lane"],
        due_at=record["due_at"],
        planned_at=record["planned_at"],
        settled_at=record["settled_at"],
        sends=record["sends"],
        failures=record["failures"],
        probes=record["probes"],
        absences=record["absences"],
        delayed_since=record["delayed_since"] or undone_since,
        reason=None if reason is None else problem_from_json(orjson.loads(reason)),
        outcome=None if outcome is None else orjson.loads(outcome),
        request=orjson.loads(record["request"]),
        marker=record["marker"],
        attempts=orjson.loads(record["attempts"]),
        traceparent=orjson.loads(record["metadata"]).get("traceparent", ""),
    )
