"""Reads across deals and of the tenant's configuration, each in a short transaction of its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import orjson

from chassis.ids import TenantId
from chassis.postgres import Connection, Database, wake_after_commit
from chassis.tenants import Status
from chassis.wakeups import WORK
from chassis.work.plans import PlannedWork, insert_plans, task_id
from services.ingest.domain import deal, portal
from services.ingest.domain.deal import Entry
from services.ingest.domain.values import Config
from services.ingest.store import webhooks

DEALS_OF_BUYER_MAX = 50
CONFIGS_KEPT_MAX = 256


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as it is now; ``config`` None before its first file."""

    status: Status
    version: int
    config: Config | None


@dataclass(frozen=True, slots=True)
class KnownDeal:
    """What is known of a deal before it is read.

    ``observed`` are history ids that were decided upon, ``noticed`` entries that were not yet; ``unread_upto`` is the
    newest webhook that waits for this read.
    """

    tenant: Tenant
    requested: bool
    gone: bool
    content_hash: str
    subject_ref: str
    observed: frozenset[str]
    noticed: tuple[Entry, ...]
    unread_upto: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A deal as it was read: when the portal had changed it, and its buyer, last."""

    deal_id: str
    updated_at: datetime
    buyer_updated_at: datetime | None


async def tenant_in(connection: Connection, tenant: TenantId) -> Tenant:
    """The tenant as its own stream last said."""
    row = await connection.fetchrow("SELECT status, version, settings FROM tenant_states WHERE tenant_id = $1", tenant)
    return Tenant("active", 0, None) if row is None else Tenant(row["status"], row["version"], _config(row["settings"]))


@lru_cache(maxsize=CONFIGS_KEPT_MAX)
def _config(text: str) -> Config:
    """Frozen, so that one serves all who ask; reading it takes longer than all else that is known of a deal."""
    return Config.model_validate(orjson.loads(text))


class DealStore:
    """Reads of one tenant's deals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tenant(self, tenant: TenantId) -> Tenant:
        """The tenant as it is now."""
        async with self._database.transaction([tenant]) as connection:
            return await tenant_in(connection, tenant)

    async def known(self, tenant: TenantId, deal_id: str, work_id: UUID) -> KnownDeal:
        """All that reading a deal needs to know beforehand."""
        async with self._database.transaction([tenant]) as connection:
            row = await connection.fetchrow(_KNOWN, tenant, deal_id, work_id)
        assert row is not None, "the statement reads from a row of its own"
        found = Tenant("active", 0, None)
        if row["settings"] is not None:
            found = Tenant(row["status"], row["version"], _config(row["settings"]))
        entries = [
            (Entry(history_id=str(number), category_id=category, stage_id=stage, entered_at=at), observed)
            for number, category, stage, at, observed in row["entries"] or ()
        ]
        return KnownDeal(
            tenant=found,
            requested=bool(row["requested"]),
            gone=bool(row["gone"]),
            content_hash=row["content_hash"] or "",
            subject_ref=row["subject_ref"] or "",
            observed=frozenset(entry.history_id for entry, observed in entries if observed),
            noticed=tuple(entry for entry, observed in entries if not observed),
            unread_upto=row["unread_upto"],
        )

    async def mark_read(
        self, tenant: TenantId, work_id: UUID, upto: int, now: datetime, reading: Reading | None = None
    ) -> None:
        """The webhooks up to one were answered by a look at the portal; ``reading`` is the deal that it showed."""
        if reading is None and not upto:
            return
        async with self._database.transaction([tenant]) as connection:
            if reading is not None:
                await connection.execute(
                    _KEEP_READING,
                    tenant,
                    work_id,
                    upto,
                    now,
                    reading.deal_id,
                    reading.updated_at,
                    reading.buyer_updated_at,
                )
            else:
                await webhooks.mark_read(connection, tenant, work_id, upto, now)

    async def unread_upto(self, tenant: TenantId, work_id: UUID) -> int:
        """The newest webhook that waits for a piece of work."""
        async with self._database.delivery_connection() as connection:
            return await webhooks.last_unread(connection, tenant, work_id)

    async def unknown_entries(self, tenant: TenantId, history_ids: Collection[str]) -> frozenset[str]:
        """Those of the history ids that nothing is known of."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT history_id FROM stage_entries WHERE tenant_id = $1 AND history_id = ANY ($2::bigint[])",
                tenant,
                [int(one) for one in history_ids],
            )
        return frozenset(history_ids) - {str(row["history_id"]) for row in rows}

    async def unread_deals(self, tenant: TenantId, history_ids: Collection[str]) -> Sequence[str]:
        """The deals of those of the history ids that were noticed, and have not been seen with their deal since."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT deal_id FROM stage_entries "
                "WHERE tenant_id = $1 AND history_id = ANY ($2::bigint[]) AND NOT observed ORDER BY 1",
                tenant,
                [int(one) for one in history_ids],
            )
        return [row["deal_id"] for row in rows]

    async def changed_since_read(self, tenant: TenantId, updated: Mapping[str, datetime]) -> Sequence[str]:
        """Deals that were asked for a document, and that the portal changed after we last read them."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                _CHANGED,
                tenant,
                list(updated),
                list(updated.values()),
            )
        return [row["deal_id"] for row in rows]

    async def buyers_changed_since_read(
        self, tenant: TenantId, updated: Mapping[tuple[str, str], datetime]
    ) -> Sequence[str]:
        """Requested deals whose buyers, named as (company, contact or requisite, id), the portal changed after we last
        read the deals: the newest of each buyer; older ones are found when these have been read."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                _BUYERS_CHANGED,
                tenant,
                [entity for entity, _ in updated],
                [object_id for _, object_id in updated],
                list(updated.values()),
                DEALS_OF_BUYER_MAX,
            )
        return [row["deal_id"] for row in rows]

    async def deals_of_buyer(self, tenant: TenantId, entity: str, object_id: str) -> Sequence[str]:
        """Requested deals that an event about a company, a contact or requisites may concern, the newest first.

        New requisites name no owner that we know: then the deals are meant whose buyer has no INN or no KPP yet.
        """
        column = {"company": "crm_id", "contact": "crm_id", "requisite": "requisite_id"}.get(entity)
        async with self._database.transaction([tenant]) as connection:
            rows = []
            if column is not None:
                rows = await connection.fetch(
                    f"SELECT deal_id FROM deals WHERE tenant_id = $1 AND {column} = $2 "  # noqa: S608
                    "AND ($3 = 'requisite' OR crm_kind = $3) AND requested AND NOT gone ORDER BY deal_id::bigint DESC "
                    "LIMIT $4",
                    tenant,
                    object_id,
                    entity,
                    DEALS_OF_BUYER_MAX,
                )
            if not rows and entity not in ("company", "contact"):
                rows = await connection.fetch(
                    "SELECT deal_id FROM deals WHERE tenant_id = $1 AND requested AND NOT gone "
                    "AND (inn = '' OR (length(inn) = 10 AND kpp = '')) ORDER BY deal_id::bigint DESC LIMIT $2",
                    tenant,
                    DEALS_OF_BUYER_MAX,
                )
        return [row["deal_id"] for row in rows]

    async def plan_reads(
        self, tenant: TenantId, account: str, deal_ids: Sequence[str], now: datetime, trace: Mapping[str, str]
    ) -> None:
        """Has deals read."""
        works = [PlannedWork(tenant, f"{deal.PREFIX}-{one}", deal.read_plan(one, account), trace) for one in deal_ids]
        async with self._database.transaction([tenant]) as connection:
            await insert_plans(connection, works, now)
            wake_after_commit(WORK)


_KNOWN = """
SELECT t.status, t.version, t.settings, d.requested, d.gone, d.content_hash, d.subject_ref,
       (SELECT array_agg((history_id, category_id, stage_id, entered_at, observed)) FROM stage_entries
        WHERE tenant_id = $1 AND deal_id = $2) AS entries,
       coalesce((SELECT max(delivery_id) FROM webhooks WHERE tenant_id = $1 AND work_id = $3 AND status = 'stored'), 0)
         AS unread_upto
FROM (SELECT $1::text AS tenant_id) AS asked
LEFT JOIN tenant_states t ON t.tenant_id = asked.tenant_id
LEFT JOIN deals d ON d.tenant_id = asked.tenant_id AND d.deal_id = $2
"""

_KEEP_READING = f"""
WITH kept AS (
  INSERT INTO deal_reads (tenant_id, deal_id, updated_at, buyer_updated_at) VALUES ($1, $5, $6, $7)
  ON CONFLICT (tenant_id, deal_id) DO UPDATE SET updated_at = greatest(deal_reads.updated_at, excluded.updated_at),
    buyer_updated_at = excluded.buyer_updated_at)
{webhooks.MARK_READ}
"""  # noqa: S608 - put together from constants

# Deal by deal: where they are joined, all deals that are known of the tenant may be walked through.
_CHANGED = """
SELECT m.deal_id
FROM unnest($2::text[], $3::timestamptz[]) AS m(deal_id, updated_at)
WHERE (SELECT d.requested FROM deals d WHERE d.tenant_id = $1 AND d.deal_id = m.deal_id)
  AND coalesce(
    (SELECT r.updated_at FROM deal_reads r WHERE r.tenant_id = $1 AND r.deal_id = m.deal_id) < m.updated_at, true)
ORDER BY 1
"""

_BUYERS_CHANGED = """
SELECT DISTINCT found.deal_id
FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS m(entity, object_id, updated_at)
CROSS JOIN LATERAL (
  SELECT d.deal_id FROM (
    SELECT deal_id, gone FROM deals
    WHERE tenant_id = $1 AND requested AND m.entity <> 'requisite' AND crm_kind = m.entity AND crm_id = m.object_id
    UNION ALL
    SELECT deal_id, gone FROM deals
    WHERE tenant_id = $1 AND requested AND m.entity = 'requisite' AND requisite_id = m.object_id
  ) AS d
  WHERE NOT d.gone AND coalesce(
    (SELECT r.buyer_updated_at FROM deal_reads r WHERE r.tenant_id = $1 AND r.deal_id = d.deal_id) < m.updated_at, true)
  ORDER BY d.deal_id::bigint DESC LIMIT $5
) AS found
ORDER BY 1
"""


def read_task_id(tenant: TenantId, deal_id: str) -> UUID:
    """The due work that reads a deal of the tenant's portal."""
    plan = deal.read_plan(deal_id, portal.crm_account(tenant))
    return task_id(tenant, plan.kind, plan.key)
