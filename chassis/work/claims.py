"""Claims: who is served next, across tenants, lanes, accounts and streams, in one statement that finished rows cost
nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from chassis.ids import TenantId, lock_number
from chassis.postgres import Connection, Database
from chassis.work.guard import lease_clock
from chassis.work.rows import PLANNER_SETTINGS, Row, row_of

PAIRS_VISITED_MAX = 512
WAKEN_ROWS_MAX = 1_000

_CLAIMS_LOCK = lock_number("work:claims")


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What one process can take now.

    ``kinds`` maps the kinds that this build handles to how many of one group may travel together. ``suspended``
    tenants get nothing new, though what is uncertain is still looked up and what is untold is told; ``paused`` are
    (tenant, account) pairs at their limit.
    """

    owner: str
    limit: int
    kinds: Mapping[str, int]
    lease_seconds: float
    in_flight_per_tenant_max: int
    suspended: Collection[TenantId] = ()
    paused: Collection[tuple[TenantId, str]] = field(default=())


class Claimed(NamedTuple):
    """What a claim took. ``more``: it stopped at one of its limits, so that the next one may find more at once.
    ``next_due`` is when the next waiting row is due (business time)."""

    rows: list[Row]
    more: bool = False
    next_due: datetime | None = None


NOTHING = Claimed([])


async def claim(database: Database, request: ClaimRequest, clock: Callable[[], datetime]) -> Claimed:
    """Claims up to ``limit`` heads, and with each the rest of its group; ``clock`` tells business time.

    What may already be outside, or waits to be told, goes first, then interactive work, then bulk. Within a lane
    tenants take turns from the one after the last served; within a tenant's account the oldest goes first. A stream has
    one piece of work at a time, and its effects on one account keep their order.
    """
    # One claim at a time: two that look at the same moment would both find a stream idle.
    async with database.delivery(
        first=f"{PLANNER_SETTINGS}; SELECT pg_advisory_xact_lock({_CLAIMS_LOCK})"
    ) as connection:
        now = clock()  # not before the lock: another process' claim may have wakened what was not due by then
        await connection.execute(_WAKEN, now, WAKEN_ROWS_MAX)
        lease_ends = lease_clock() + request.lease_seconds
        records = await connection.fetch(_CLAIM, *_parameters(request, now))
    taken_at = clock()  # a row may have become ready while the statement waited to begin
    rows = [row_of(record, lease_ends, taken_at) for record in records if record["work_id"] is not None]
    return Claimed(rows, bool(rows) and records[0]["more"], records[0]["next_due"])


async def waken_all(connection: Connection, tenants: Collection[TenantId]) -> None:
    """Makes all that waits of some tenants claimable now: they were removed, and it is to be closed."""
    await connection.execute(
        "UPDATE work SET queue = 'ready' WHERE queue = 'waiting' AND tenant_id = ANY ($1::text[])", list(tenants)
    )


async def want_again(connection: Connection, back: Collection[TenantId], now: datetime) -> None:
    """Wants again what is held of tenants that have just come ``back``: its holder may be about to put it by."""
    await connection.execute(_WANT_AGAIN, list(back), now)


async def go_on(connection: Connection, removed: Collection[TenantId], now: datetime) -> None:
    """Has tasks that were put by go on, each when it was due, unless their tenant is still ``removed``. That costs
    nothing where none was put by, and next to nothing for tenants that stay removed."""
    await connection.execute(_GO_ON, list(removed), now)


def _parameters(request: ClaimRequest, now: datetime) -> Sequence[Any]:
    paused = list(request.paused)
    return (
        request.limit,
        now,
        list(request.kinds),
        [size - 1 for size in request.kinds.values()],
        request.lease_seconds,
        request.owner,
        request.in_flight_per_tenant_max,
        list(request.suspended),
        [tenant for tenant, _ in paused],
        [account for _, account in paused],
        PAIRS_VISITED_MAX,
    )


_WANT_AGAIN = """
UPDATE work SET wanted = wanted + 1, due_at = coalesce(first_due_at, $2)
WHERE form = 'task' AND queue = 'taken' AND tenant_id = ANY ($1::text[])
"""

# As the partial index has it, word for word.
_PUT_BY = """form = 'task' AND queue = 'closed' AND reason #>> '{values,due_at}' IS NOT NULL
    AND reason ->> 'code' = 'tenant_removed'"""

# tenants: by a loose index scan, since the rows of one that stays removed stand for good and are many.
_GO_ON = f"""
WITH RECURSIVE tenants AS (
  (SELECT tenant_id FROM work WHERE {_PUT_BY} ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT following.tenant_id FROM tenants t CROSS JOIN LATERAL (
    SELECT tenant_id FROM work w WHERE {_PUT_BY} AND w.tenant_id > t.tenant_id ORDER BY tenant_id LIMIT 1
  ) AS following
)
UPDATE work SET state = 'PLANNED', due_at = put_by.due_at, settled_at = NULL, reason = NULL,
  queue = CASE WHEN put_by.due_at <= $2 THEN 'ready' ELSE 'waiting' END
FROM (
  SELECT tenant_id, work_id, (reason #>> '{{values,due_at}}')::timestamptz AS due_at FROM work
  WHERE {_PUT_BY} AND tenant_id = ANY (ARRAY(SELECT tenant_id FROM tenants WHERE tenant_id <> ALL ($1::text[])))
  FOR UPDATE
) AS put_by
WHERE work.tenant_id = put_by.tenant_id AND work.work_id = put_by.work_id
"""  # noqa: S608 - a constant of this module

# Rows whose time has come, and rows whose holder's lease has ended (by the database's clock), become claimable.
_WAKEN = """
WITH due AS (
  SELECT tenant_id, work_id FROM work WHERE queue = 'waiting' AND due_at <= $1 ORDER BY due_at LIMIT $2
  FOR UPDATE SKIP LOCKED
), abandoned AS (
  SELECT tenant_id, work_id FROM work WHERE queue = 'taken' AND lease_until < clock_timestamp() LIMIT $2
  FOR UPDATE SKIP LOCKED
)
UPDATE work w SET queue = 'ready', lease_until = NULL,
  claim_lane = CASE WHEN untold OR state IN ('INTENT', 'SENT', 'UNCERTAIN', 'PROBING') THEN -1 ELSE lane END
FROM (SELECT * FROM due UNION ALL SELECT * FROM abandoned) AS woken
WHERE w.tenant_id = woken.tenant_id AND w.work_id = woken.work_id
"""

# pairs: the (tenant, account) pairs with ready rows of each lane, by a loose index scan that begins after the tenant
#   served last and wraps once. candidates: the oldest few of each pair that may go. heads: one of each stream, tenants
#   in turn, never more of a tenant than its cap. riders: the rest of a head's group. passed: where a lane had nothing
#   for anybody among all the pairs that were visited, the next claim begins behind them (with the final pair's tenant,
#   which may have more), else an outage of that many accounts would hold up who is behind; a lane whose work found no
#   place beside that of others keeps its own. taken: a row keeps when it was due, since whoever holds it may never say
#   what came of it, and work that nobody can end is to be seen. limits: whether any of these was reached.
_CLAIM = """
WITH RECURSIVE lanes AS MATERIALIZED (
  SELECT claim_lane, last_served FROM work_rotation
), kinds AS MATERIALIZED (
  SELECT * FROM unnest($3::text[], $4::int[]) AS k(kind, riders_max)
), blocked AS MATERIALIZED (
  SELECT tenant_id, account FROM work_accounts WHERE opened_at IS NOT NULL
  UNION
  SELECT * FROM unnest($9::text[], $10::text[])
), pairs AS (
  SELECT l.claim_lane, l.last_served, first.tenant_id, first.account, first.wrapped, 1 AS turn
  FROM lanes l CROSS JOIN LATERAL (
    (SELECT tenant_id, account, false AS wrapped FROM work w
     WHERE w.queue = 'ready' AND w.claim_lane = l.claim_lane AND w.tenant_id > l.last_served
     ORDER BY tenant_id, account LIMIT 1)
    UNION ALL
    (SELECT tenant_id, account, true FROM work w
     WHERE w.queue = 'ready' AND w.claim_lane = l.claim_lane AND w.tenant_id <= l.last_served
     ORDER BY tenant_id, account LIMIT 1)
    LIMIT 1
  ) AS first
  UNION ALL
  SELECT p.claim_lane, p.last_served, following.tenant_id, following.account, following.wrapped, p.turn + 1
  FROM pairs p CROSS JOIN LATERAL (
    (SELECT tenant_id, account, false AS wrapped FROM work w
     WHERE w.queue = 'ready' AND w.claim_lane = p.claim_lane AND NOT p.wrapped
       AND (w.tenant_id, w.account) > (p.tenant_id, p.account)
     ORDER BY tenant_id, account LIMIT 1)
    UNION ALL
    (SELECT tenant_id, account, true FROM work w
     WHERE w.queue = 'ready' AND w.claim_lane = p.claim_lane AND p.wrapped
       AND (w.tenant_id, w.account) > (p.tenant_id, p.account) AND w.tenant_id <= p.last_served
     ORDER BY tenant_id, account LIMIT 1)
    UNION ALL
    (SELECT tenant_id, account, true FROM work w
     WHERE w.queue = 'ready' AND w.claim_lane = p.claim_lane AND NOT p.wrapped AND w.tenant_id <= p.last_served
     ORDER BY tenant_id, account LIMIT 1)
    LIMIT 1
  ) AS following
  WHERE p.turn < $11
), served AS MATERIALIZED (
  SELECT p.*, b.account IS NOT NULL AS is_blocked, a.resumed_at,
         greatest(1, ceil($1::float / count(*) OVER (PARTITION BY p.claim_lane)))::int AS quantum,
         $7 - (SELECT count(*) FROM work w WHERE w.queue = 'taken' AND w.tenant_id = p.tenant_id) AS room
  FROM pairs p
  LEFT JOIN blocked b ON b.tenant_id = p.tenant_id AND b.account = p.account
  LEFT JOIN work_accounts a ON a.tenant_id = p.tenant_id AND a.account = p.account
  WHERE p.claim_lane < 0 OR (b.account IS NULL AND p.tenant_id <> ALL ($8::text[]))
), candidates AS MATERIALIZED (
  SELECT s.claim_lane, s.turn, s.room, s.resumed_at, least(s.quantum, s.room) AS candidates_max, c.*
  FROM served s CROSS JOIN LATERAL (
    SELECT w.tenant_id, w.work_id, w.stream, w.seq, w.kind, w.account AS of_account, w.group_key, w.due_at
    FROM work w
    WHERE w.queue = 'ready' AND w.claim_lane = s.claim_lane AND w.tenant_id = s.tenant_id AND w.account = s.account
      AND w.kind = ANY ($3::text[])
      AND (NOT s.is_blocked OR w.untold OR w.state IN ('INTENT', 'SENT') OR w.decide_by <= $2)
      AND (w.stream = '' OR NOT EXISTS (
        SELECT FROM work o
        WHERE o.tenant_id = w.tenant_id AND o.stream = w.stream AND o.queue IN ('waiting', 'ready', 'taken')
          AND (o.queue = 'taken'
               OR (o.seq < w.seq AND o.form = 'effect' AND w.form = 'effect' AND o.account = w.account))))
    ORDER BY w.seq
    LIMIT least(s.quantum, s.room)
    FOR UPDATE OF w SKIP LOCKED
  ) AS c
  WHERE s.room > 0
), of_streams AS (
  SELECT *, row_number() OVER (PARTITION BY tenant_id, coalesce(nullif(stream, ''), work_id::text)
                               ORDER BY claim_lane, seq) AS in_stream
  FROM candidates
), of_tenants AS (
  SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY claim_lane, seq) AS of_tenant,
         row_number() OVER (PARTITION BY claim_lane, tenant_id ORDER BY seq) AS round
  FROM of_streams WHERE in_stream = 1
), heads AS MATERIALIZED (
  SELECT *, row_number() OVER (ORDER BY claim_lane, round, turn) AS place
  FROM of_tenants WHERE of_tenant <= room
  ORDER BY claim_lane, round, turn LIMIT $1
), riders AS MATERIALIZED (
  SELECT r.tenant_id, r.work_id, r.due_at, h.resumed_at, h.place
  FROM heads h JOIN kinds k ON k.kind = h.kind AND k.riders_max > 0 CROSS JOIN LATERAL (
    SELECT w.tenant_id, w.work_id, w.due_at FROM work w
    WHERE w.queue = 'ready' AND w.tenant_id = h.tenant_id AND w.stream = h.stream AND w.seq > h.seq
      AND w.form = 'effect' AND w.kind = h.kind AND w.account = h.of_account AND w.group_key = h.group_key
      AND w.claim_lane >= 0
    ORDER BY w.seq LIMIT k.riders_max
    FOR UPDATE OF w SKIP LOCKED
  ) AS r
  WHERE h.group_key <> '' AND h.claim_lane >= 0
), passed AS (
  SELECT DISTINCT ON (p.claim_lane) p.claim_lane, p.tenant_id
  FROM pairs p JOIN pairs final ON final.claim_lane = p.claim_lane AND final.turn = $11
  WHERE p.claim_lane NOT IN (SELECT claim_lane FROM heads)
    AND (p.claim_lane NOT IN (SELECT claim_lane FROM candidates) OR (SELECT count(*) FROM heads) < $1)
  ORDER BY p.claim_lane, p.tenant_id = final.tenant_id, p.turn DESC
), moved AS (
  UPDATE work_rotation SET last_served = last.tenant_id
  FROM (SELECT * FROM (SELECT DISTINCT ON (claim_lane) claim_lane, tenant_id FROM heads
                       ORDER BY claim_lane, place DESC) AS served_last
        UNION ALL SELECT * FROM passed) AS last
  WHERE work_rotation.claim_lane = last.claim_lane
), taken AS (
  UPDATE work w SET queue = 'taken', epoch = w.epoch + 1, due_at = NULL, lease_owner = $6,
                    lease_until = clock_timestamp() + make_interval(secs => $5),
                    first_due_at = coalesce(w.first_due_at, t.due_at)
  FROM (SELECT tenant_id, work_id, due_at, resumed_at, place FROM heads
        UNION ALL SELECT tenant_id, work_id, due_at, resumed_at, place FROM riders) AS t
  WHERE w.tenant_id = t.tenant_id AND w.work_id = t.work_id
  RETURNING w.tenant_id, w.work_id, w.seq, w.form, w.kind, w.key, w.stream, w.account, w.group_key, w.lane, w.state,
            w.epoch, w.planned_at, w.request, w.marker, w.metadata, w.cursor_before, w.sends, w.failures, w.probes,
            w.absences, w.last_absence_at, w.uncertain_at, w.decide_by, w.sent_at, w.delayed_since, w.wanted, w.outcome,
            w.untold, t.due_at, w.planned_at < t.resumed_at IS TRUE AS after_outage, t.place
), limits AS (
  SELECT (SELECT count(*) FROM heads) >= $1
      OR (SELECT max(turn) FROM pairs) >= $11
      OR EXISTS (SELECT FROM candidates GROUP BY claim_lane, turn, candidates_max HAVING count(*) >= candidates_max)
      AS reached
)
SELECT taken.*, limits.reached AS more, (SELECT min(due_at) FROM work WHERE queue = 'waiting') AS next_due
FROM limits LEFT JOIN taken ON true ORDER BY place, seq
"""
