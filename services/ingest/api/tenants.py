"""Tenants as operators handle them: applied, shown, checked, suspended, resumed, removed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from chassis.clock import Clock
from chassis.domain import Problem, Refused
from chassis.engine import Command, Engine
from chassis.http import AddressPolicy
from chassis.ids import TenantId
from chassis.postgres import Connection, Database
from chassis.tenants import TenantDirectory
from contracts.tenant_file import TenantFile, from_document
from services.ingest.api import shop_settings
from services.ingest.api.documents import (
    Change,
    accounts_of,
    changes,
    checked,
    keeps_pair,
    left_out,
    masked,
    settings_of,
)
from services.ingest.api.installing import state_of
from services.ingest.api.portals import Portals
from services.ingest.domain import order, portal
from services.ingest.published import tenant_settings
from services.ingest.store import connections, files, offers, orders
from services.ingest.store.connections import CALLBACK_SECRET, CLIENT_ID, HOOK_SECRET, Account, ConnectionStore
from services.ingest.store.deals import tenant_in

Changed = Callable[[TenantId], None]


class Unknown(Exception):  # noqa: N818 - an answer
    """Nobody has applied a file of this tenant."""

    def __init__(self, tenant: TenantId) -> None:
        super().__init__(tenant)
        self.tenant = tenant


class Conflict(Exception):  # noqa: N818 - an answer
    """The tenant is in a state that does not allow it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Summary:
    """A tenant in short."""

    tenant: str
    name: str
    status: str
    version: int


@dataclass(frozen=True, slots=True)
class View:
    """A tenant without its secrets. ``webhook_urls``: where its portal sends outgoing webhooks; ``portal`` None where
    no application is needed."""

    tenant: str
    name: str
    status: str
    version: int
    settings: dict[str, Any]
    document: dict[str, Any]
    webhook_urls: dict[str, str]
    portal: "PortalLink | None"


@dataclass(frozen=True, slots=True)
class PortalLink:
    """How an application stands in a tenant's portal. ``authorize_url`` is where its administrator connects it again,
    "" while nobody knows where the portal is; then ``authorize_state`` goes into the address by hand."""

    state: str
    host: str
    authorize_url: str
    authorize_state: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a file changes, and where the portal is to send its webhooks; ``version`` is the one in force after it.
    ``warnings`` keep nothing back: secrets that are replaced unread, accounting that is asked no more, a portal that
    another tenant has too."""

    tenant: str
    status: str
    version: int
    dry_run: bool
    changes: Sequence[Change]
    webhook_urls: dict[str, str]
    warnings: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """One part of a check: the portal, a seller's accounting service, a register, the folder of statements; problems as
    data. With ``ok`` they are warnings."""

    what: str
    account: str
    ok: bool
    problems: Sequence[Problem]


Check = Callable[[TenantId], Awaitable[Sequence[Checked]]]
"""Asks the vendors of a tenant whether all that its file names is there."""


class Tenants:
    """Handles tenants; ``changed`` is told of each one whose connections are no longer what memory has."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        clock: Clock,
        store: ConnectionStore,
        directory: TenantDirectory,
        portals: Portals,
        policy: AddressPolicy,
        *,
        networks_of: Callable[[str], tuple[str, ...]] = lambda tenant: (),
        public_url: str,
        changed: Sequence[Changed],
    ) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._store = store
        self._directory = directory
        self._portals = portals
        self._policy = policy
        self._networks_of = networks_of
        self._public_url = public_url.rstrip("/")
        self._changed = tuple(changed)

    async def listed(self) -> list[Summary]:
        """All tenants."""
        known = await self._directory.known()
        if not known:
            return []
        async with self._database.transaction(known) as connection:
            found = [(tenant, await tenant_in(connection, tenant)) for tenant in known]
        return [
            Summary(tenant, one.config.settings.name if one.config else "", one.status, one.version)
            for tenant, one in found
        ]

    async def shown(self, tenant: TenantId) -> View:
        """One tenant. Raises Unknown."""
        async with self._database.transaction([tenant]) as connection:
            found = await tenant_in(connection, tenant)
            document = await files.find(connection, tenant)
            accounts, _ = await self._store.readable(connection, tenant)
        if found.config is None:
            raise Unknown(tenant)
        return View(
            tenant=tenant,
            name=found.config.settings.name,
            status=found.status,
            version=found.version,
            settings=tenant_settings(found.config.settings).model_dump(mode="json"),
            document=document,
            webhook_urls=self._webhook_urls(accounts),
            portal=_link(accounts.get(portal.crm_account(tenant))),
        )

    async def apply(self, tenant: TenantId, document: Any, *, dry_run: bool, by: str) -> Applied:
        """Makes the tenant what its file says; applying the same again changes nothing. Raises TenantFileRefused."""
        file = checked(from_document(document), tenant, self._policy, self._networks_of(tenant))
        async with self._database.transaction([tenant]) as connection:
            await self._engine.lock(connection, [self._engine.key_of(tenant, portal.STREAM)])
            present, unreadable = await self._store.readable(connection, tenant)
            found = changes(await files.find(connection, tenant), present, file)
            before = await tenant_in(connection, tenant)
            wanted = accounts_of(file, present)
            if not dry_run:
                status, version = await self._written(connection, tenant, file, present, wanted, unreadable, by)
        if not dry_run:
            for changed in self._changed:
                changed(tenant)
        warnings = [Problem("secrets_unreadable", {"accounts": ", ".join(unreadable)})] if unreadable else []
        warnings += left_out(present, wanted)
        warnings += await self._portals.warnings(wanted[portal.crm_account(tenant)])
        if dry_run:
            urls = self._webhook_urls(present)
            return Applied(tenant, before.status, before.version, True, found, urls, warnings)
        return Applied(tenant, status, version, False, found, self._webhook_urls(wanted), warnings)

    async def suspend(self, tenant: TenantId, by: str) -> Summary:
        """Nothing new is begun until it is resumed. Raises Unknown, Conflict."""
        return await self._told(tenant, portal.SuspendTenant(), by)

    async def resume(self, tenant: TenantId, by: str) -> Summary:
        """Goes on. Raises Unknown, Conflict."""
        return await self._told(tenant, portal.ResumeTenant(), by)

    async def remove(self, tenant: TenantId, by: str) -> Summary:
        """Ends the tenant; its secrets and addresses are destroyed, its history stays. Raises Unknown."""
        found = await self._told(tenant, portal.RemoveTenant(), by)
        for changed in self._changed:
            changed(tenant)
        return found

    async def _written(
        self,
        connection: Connection,
        tenant: TenantId,
        file: TenantFile,
        present: dict[str, Account],
        wanted: dict[str, Account],
        unreadable: Sequence[str],
        by: str,
    ) -> tuple[str, int]:
        if unreadable:
            await self._store.destroy_unreadable(connection, tenant, unreadable)
        differing = [account for name, account in wanted.items() if not account.same_as(present.get(name))]
        gone = sorted(present.keys() - wanted.keys())
        for account in differing:
            keeps = keeps_pair(account, present.get(account.account))
            await self._store.save(connection, account, keeps_pair=keeps)
        await self._store.remove(connection, tenant, gone)
        hook_secret = wanted[portal.crm_account(tenant)].secrets[HOOK_SECRET]
        await connections.keep_hook(connection, tenant, connections.hook_hash(hook_secret))
        await orders.keep_hooks(connection, tenant, shop_settings.hooks_of(wanted))
        await files.keep(connection, tenant, masked(file.document()))
        names = tuple(sorted({*gone, *unreadable, *(account.account for account in differing)}))
        body = portal.ApplyTenant(settings_of(file), names, by_app=file.bitrix24.mode == portal.APP)
        await self._executed(connection, tenant, body, by)
        after = await tenant_in(connection, tenant)
        return after.status, after.version

    async def _told(self, tenant: TenantId, body: portal.Command, by: str) -> Summary:
        async with self._database.transaction([tenant]) as connection:
            await self._executed(connection, tenant, body, by)
            if isinstance(body, portal.RemoveTenant):
                await self._store.remove(connection, tenant, await self._store.names(connection, tenant))
                await connections.drop_hooks(connection, tenant)
                await orders.keep_hooks(connection, tenant, {})
                await offers.drop_all(connection, tenant)
                await files.drop(connection, tenant)
            found = await tenant_in(connection, tenant)
        name = found.config.settings.name if found.config else ""
        return Summary(tenant, name, found.status, found.version)

    async def _executed(self, connection: Connection, tenant: TenantId, body: portal.Command, by: str) -> None:
        now = self._clock.now()
        version, _ = await self._engine.state(connection, tenant, portal.STREAM)
        # Each command of an operator is a new one; whether it changes anything is the stream's to decide.
        command_id = f"operator:{version}:{type(body).__name__}"
        command = Command(tenant, portal.STREAM, body, command_id, {"by": by, "cause": "operator"})
        (executed,) = await self._engine.execute(connection, [command], now)
        if isinstance(executed.refused, Refused):
            if executed.refused.problem.code == "tenant_unknown":
                raise Unknown(tenant)
            raise Conflict(executed.refused.problem)

    def _webhook_urls(self, accounts: Mapping[str, Account]) -> dict[str, str]:
        found = {}
        for account in accounts.values():
            if account.vendor == portal.CRM_VENDOR:
                found["bitrix24"] = f"{self._public_url}/hooks/bitrix24/{account.secrets[HOOK_SECRET]}"
                found["statements"] = f"{self._public_url}/statements/{account.secrets[HOOK_SECRET]}"
                calling = {one.vendor for one in accounts.values() if one.secrets.get(CALLBACK_SECRET)}
                for vendor in sorted(calling):
                    found[vendor] = f"{self._public_url}/hooks/{vendor}/{account.secrets[HOOK_SECRET]}"
            elif account.vendor == order.SHOP_VENDOR:
                name = account.account.rpartition(":")[2]
                found[f"shop:{name}"] = f"{self._public_url}/shops/{account.secrets[HOOK_SECRET]}/orders"
        return found


def _link(crm: Account | None) -> PortalLink | None:
    if crm is None or crm.profile != portal.APP:
        return None
    state, url = state_of(crm), ""
    if crm.endpoint:
        page = crm.endpoint.rstrip("/").removesuffix("/rest")
        url = f"{page}/oauth/authorize/?{urlencode({'client_id': crm.secrets[CLIENT_ID], 'state': state})}"
    return PortalLink(crm.state, urlsplit(crm.endpoint).netloc, url, state)
