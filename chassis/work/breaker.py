"""The breaker of each vendor account: opened by failures in a row, closed by a cheap probe, one for all processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.postgres import Connection
from chassis.work.plans import as_json

PROBED_AT_ONCE_MAX = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """An account whose breaker opens now; ``probe_at`` is when to look whether the vendor is back."""

    tenant: TenantId
    account: str
    at: datetime
    probe_at: datetime
    reason: Problem


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account whose breaker is open and whose probe is due."""

    tenant: TenantId
    account: str


class FailureCounts:
    """Outage-class failures in a row of each account, as this process sees them."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._counts: dict[tuple[TenantId, str], int] = {}

    def failed(self, tenant: TenantId, account: str) -> bool:
        """Counts a failure; True once there are enough of them to open the breaker."""
        count = self._counts.get((tenant, account), 0) + 1
        self._counts[(tenant, account)] = count
        return count >= self._threshold

    def succeeded(self, tenant: TenantId, account: str) -> None:
        """The vendor gave a definite answer: the row is broken."""
        self._counts.pop((tenant, account), None)


async def open_breakers(connection: Connection, opened: Sequence[Opened]) -> list[Opened]:
    """Opens breakers in the transaction of the failure that did it; one that is open stays as it is. Returns those
    that were closed."""
    last = {(item.tenant, item.account): item for item in reversed(opened)}
    items = [last[key] for key in sorted(last)]
    rows = await connection.fetch(
        _OPEN,
        [item.tenant for item in items],
        [item.account for item in items],
        [item.at for item in items],
        [item.probe_at for item in items],
        [as_json({"code": i.reason.code, "values": i.reason.values}) for i in items],
    )
    return [last[(TenantId(row["tenant_id"]), row["account"])] for row in rows]


async def take_due_probes(connection: Connection, now: datetime, again_in: timedelta) -> list[OpenAccount]:
    """The accounts whose probe is due, each given to one process; over a delivery connection."""
    rows = await connection.fetch(_TAKE_PROBES, now, now + again_in, PROBED_AT_ONCE_MAX)
    return [OpenAccount(TenantId(row["tenant_id"]), row["account"]) for row in rows]


async def probe_now(connection: Connection, tenant: TenantId, account: str, now: datetime) -> None:
    """Has an account that is down looked at right away: somebody says that it was mended."""
    await connection.execute(
        "UPDATE work_accounts SET probe_at = $3 WHERE tenant_id = $1 AND account = $2 AND opened_at IS NOT NULL",
        tenant,
        account,
        now,
    )


async def close_breaker(connection: Connection, tenant: TenantId, account: str, now: datetime) -> bool:
    """Closes a breaker; what was planned before ``now`` is then drained at a lower rate. False when it was closed."""
    done = await connection.fetchval(_CLOSE, tenant, account, now)
    return done is not None


_OPEN = """
INSERT INTO work_accounts (tenant_id, account, opened_at, probe_at, reason)
SELECT t.tenant_id, t.account, t.opened_at, t.probe_at, t.reason::jsonb
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[])
  AS t(tenant_id, account, opened_at, probe_at, reason)
ON CONFLICT (tenant_id, account) DO UPDATE
  SET opened_at = excluded.opened_at, probe_at = excluded.probe_at, reason = excluded.reason
  WHERE work_accounts.opened_at IS NULL
RETURNING tenant_id, account
"""

_TAKE_PROBES = """
UPDATE work_accounts a SET probe_at = $2
FROM (SELECT tenant_id, account FROM work_accounts WHERE opened_at IS NOT NULL AND probe_at <= $1
      ORDER BY probe_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS due
WHERE a.tenant_id = due.tenant_id AND a.account = due.account
RETURNING a.tenant_id, a.account
"""

_CLOSE = """
UPDATE work_accounts SET opened_at = NULL, probe_at = NULL, resumed_at = $3
WHERE tenant_id = $1 AND account = $2 AND opened_at IS NOT NULL RETURNING 1
"""
