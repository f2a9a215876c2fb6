"""The gauges of due work, from one walk over a service's open rows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis import metrics
from chassis.aggregate import Lane
from chassis.ids import TenantId
from chassis.postgres import Connection
from chassis.work.queries import OPEN, UNDONE_SECONDS_MAX

_STATES: Final = ("PLANNED", "INTENT", "UNCERTAIN", "PROBING", "ABSENT", "HUMAN")


@dataclass(frozen=True, slots=True)
class HeldUp:
    """How much work of an account waits for long though nothing failed, since when its oldest was due, and a reason of
    one of them: the account is at its limit, or without permits."""

    tenant: TenantId
    account: str
    waits: int
    since: datetime
    reason: str | None


async def measure(connection: Connection, now: datetime, vendor_of: Callable[[str], str]) -> list[HeldUp]:
    """Sets the gauges of due work and of open breakers, over a delivery connection; the accounts that are held up."""
    accounts = await connection.fetch("SELECT tenant_id, account FROM work_accounts WHERE opened_at IS NOT NULL")
    down = {(one["tenant_id"], one["account"]) for one in accounts}
    # Of a tenant for whom nothing is claimed nothing is late.
    tenants = await connection.fetch("SELECT tenant_id FROM tenant_states WHERE status <> 'active'")
    inactive = {one["tenant_id"] for one in tenants}
    states, due, oldest, delayed = Counter[str](), Counter[int](), dict[int, datetime](), 0
    held_up: dict[tuple[str, str], HeldUp] = {}
    for one in await connection.fetch(_GROUPS, now):
        account = one["tenant_id"], one["account"]
        states[one["state"]] += one["open"]
        due[one["lane"]] += one["due"]
        if one["oldest"] is not None:
            oldest[one["lane"]] = min(oldest.get(one["lane"], now), one["oldest"])
        late = 0 if one["tenant_id"] in inactive else one["late"]
        delayed += one["open"] if account in down else one["failing"] + late
        if late and account not in down and one["account"]:
            held_up[account] = _joined(held_up.get(account), HeldUp(*account, late, one["late_since"], one["reason"]))
    states.update({one["state"]: one["count"] for one in await connection.fetch(_CARDS)})
    for lane in Lane:
        metrics.WORK_DUE.labels(str(lane.value)).set(due[lane])
        metrics.WORK_OLDEST.labels(str(lane.value)).set((now - oldest[lane]).total_seconds() if lane in oldest else 0.0)
    metrics.WORK_DELAYED.set(delayed)
    for state in _STATES:
        metrics.EFFECTS_OPEN.labels(state).set(states[state])
    metrics.BREAKERS_OPEN.clear()
    for vendor, count in Counter(vendor_of(name) for _, name in down).items():
        metrics.BREAKERS_OPEN.labels(vendor).set(count)
    return list(held_up.values())


def _joined(one: HeldUp | None, other: HeldUp) -> HeldUp:
    if one is None:
        return other
    since = min(one.since, other.since)
    return HeldUp(one.tenant, one.account, one.waits + other.waits, since, one.reason or other.reason)


# A few rows for each account; what an account or a tenant is up to is looked at only then. What an outage holds up and
# what fails is told of by itself: late is what waits for long and did neither.
_GROUPS = f"""
SELECT tenant_id, account, lane, CASE form WHEN 'effect' THEN state ELSE '' END AS state, count(*) AS open,
       count(*) FILTER (WHERE queue <> 'taken' AND due_at <= $1) AS due,
       min(coalesce(first_due_at, due_at))
         FILTER (WHERE queue <> 'taken' AND (due_at <= $1 OR first_due_at IS NOT NULL)) AS oldest,
       count(*) FILTER (WHERE delayed_since IS NOT NULL) AS failing,
       count(*) FILTER (WHERE is_late) AS late,
       min(coalesce(first_due_at, due_at)) FILTER (WHERE is_late) AS late_since,
       max(reason ->> 'code') FILTER (WHERE is_late) AS reason
FROM (SELECT *, delayed_since IS NULL
                AND coalesce(first_due_at, due_at) + make_interval(secs => {UNDONE_SECONDS_MAX}) <= $1 AS is_late
      FROM work WHERE {OPEN}) AS w
GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - constants of this package

_CARDS = "SELECT state, count(*) FROM work WHERE queue = 'person' AND form = 'effect' GROUP BY state"
