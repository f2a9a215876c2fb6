"""Tells of tenants that have one and the same portal: each would issue its own documents for the same deals."""

from chassis import log
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.tenants import TenantDirectory
from services.ingest.domain import portal
from services.ingest.store.connections import MEMBER_ID, Account, ConnectionStore

_log = log.get(__name__)


class Portals:
    """The portals of all tenants. Two tenants may share one, each with its own funnels, so that nothing is refused."""

    def __init__(self, database: Database, store: ConnectionStore, directory: TenantDirectory) -> None:
        self._database = database
        self._store = store
        self._directory = directory

    async def of_tenant(self, tenant: TenantId) -> list[Problem]:
        """``warnings`` of the portal that a tenant has now; none where its secrets do not open."""
        async with self._database.transaction([tenant]) as connection:
            accounts, _ = await self._store.readable(connection, tenant)
        crm = accounts.get(portal.crm_account(tenant))
        return [] if crm is None else await self.warnings(crm)

    async def warnings(self, crm: Account) -> list[Problem]:
        """``portal_shared`` with the other tenants that have the portal too, written to the log as well."""
        others = [tenant for tenant in await self._directory.known() if tenant != crm.tenant]
        if not others:
            return []
        async with self._database.transaction(others) as connection:
            found = await self._store.of_vendor(connection, portal.CRM_VENDOR)
        sharing = ", ".join(sorted(one.tenant for one in found if is_one_portal(one, crm)))
        if not sharing:
            return []
        _log.warning("two tenants have one portal", tenant=crm.tenant, account=crm.account, tenants=sharing)
        return [Problem("portal_shared", {"tenants": sharing})]


def is_one_portal(one: Account, other: Account) -> bool:
    """By the portal's own id where both know it, which outlives a new name; else by the address before ``/rest``."""
    ids = {account.secrets.get(MEMBER_ID, "") for account in (one, other)}
    if "" not in ids:
        return len(ids) == 1
    return bool(one.endpoint) and _home(one.endpoint) == _home(other.endpoint)


def _home(endpoint: str) -> str:
    return endpoint.partition("/rest/")[0].lower()
