"""Which changes of companies led to a read of their card."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from chassis.ids import TenantId
from chassis.postgres import Database, wake_after_commit
from chassis.wakeups import WORK
from chassis.work.plans import PlannedWork, insert_plans
from services.ingest.domain import requisite


class CardStore:
    """Plans reads of cards, each in a short transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan_read(
        self, tenant: TenantId, account: str, entity: str, object_id: str, now: datetime, trace: Mapping[str, str]
    ) -> None:
        """Has the card of a company, or of the company of requisites, read."""
        plan = requisite.read_card_plan(account, entity, object_id)
        async with self._database.transaction([tenant]) as connection:
            await insert_plans(connection, [PlannedWork(tenant, "", plan, trace)], now)
            wake_after_commit(WORK)

    async def plan_changed(
        self, tenant: TenantId, account: str, updated: Mapping[str, datetime], now: datetime, trace: Mapping[str, str]
    ) -> Sequence[str]:
        """Has the cards of companies read that changed after the last read that was planned here; gives those."""
        async with self._database.transaction([tenant]) as connection:
            rows = await connection.fetch(
                "INSERT INTO company_reads (tenant_id, company_id, updated_at) "
                "SELECT $1, m.company_id, m.updated_at FROM unnest($2::text[], $3::timestamptz[]) "
                "AS m(company_id, updated_at) ORDER BY 2 "
                "ON CONFLICT (tenant_id, company_id) DO UPDATE SET updated_at = excluded.updated_at "
                "WHERE company_reads.updated_at < excluded.updated_at RETURNING company_id",
                tenant,
                list(updated),
                list(updated.values()),
            )
            changed = [row["company_id"] for row in rows]
            plans = [requisite.read_card_plan(account, "company", one) for one in changed]
            await insert_plans(connection, [PlannedWork(tenant, "", plan, trace) for plan in plans], now)
            wake_after_commit(WORK)
        return changed
