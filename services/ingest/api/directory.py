"""Whose address a webhook came to: kept in memory, looked up again every few seconds, and right after a change."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from chassis import log
from chassis.ids import TenantId
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from services.ingest.domain import order, portal
from services.ingest.store import connections, orders
from services.ingest.store.connections import APPLICATION_TOKEN, CALLBACK_SECRET, KEY_OF_SHOP, Account, ConnectionStore

FRESH_SECONDS: Final = 5.0
STALE_SECONDS_MAX: Final = 300.0
UNKNOWN_SECONDS: Final = 1.0
UNKNOWN_MAX: Final = 1_000

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """The tenant behind an address, and the token that its portal sends along."""

    tenant: TenantId
    account: str
    application_token: str = field(repr=False)
    profile: str = "webhook"


@dataclass(frozen=True, slots=True)
class ShopOwner:
    """The tenant and the shop behind an address, and the shop's secrets by their ids."""

    tenant: TenantId
    shop_id: str
    keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallbackOwner:
    """The tenant behind an address, and by vendor what each of its accounts signs callbacks with."""

    tenant: TenantId
    secrets_by_vendor: Mapping[str, Mapping[str, str]] = field(repr=False)


class _Owned(Protocol):
    @property
    def tenant(self) -> TenantId: ...


OwnerT = TypeVar("OwnerT", bound=_Owned)


@dataclass(slots=True)
class _Entry(Generic[OwnerT]):
    owner: OwnerT
    loaded_at: float
    refreshing: bool = False


class HookDirectory(Generic[OwnerT]):
    """Owners by the secret part of the address; ``load`` looks one up."""

    def __init__(self, load: Callable[[str], Awaitable[OwnerT | None]]) -> None:
        self._load = load
        self._known: dict[str, _Entry[OwnerT]] = {}
        self._unknown: dict[str, float] = {}
        self._refreshes: set[asyncio.Task[None]] = set()

    def at_hand(self, hook_secret: str) -> OwnerT | None:
        """The owner, if memory has it; an ageing entry is looked up again behind the caller's back, so that a database
        that is away for a moment stops nobody here."""
        entry = self._known.get(hook_secret)
        if entry is None:
            return None
        age = time.monotonic() - entry.loaded_at
        if age > STALE_SECONDS_MAX:
            return None
        if age > FRESH_SECONDS and not entry.refreshing:
            entry.refreshing = True
            task = asyncio.create_task(self._refresh(hook_secret, entry))
            self._refreshes.add(task)
            task.add_done_callback(self._refreshes.discard)
        return entry.owner

    async def find(self, hook_secret: str) -> OwnerT | None:
        """The owner, looked up. Raises the infrastructure errors of Postgres."""
        now = time.monotonic()
        if self._unknown.get(hook_secret, -UNKNOWN_SECONDS) > now - UNKNOWN_SECONDS:
            return None
        owner = await self._load(hook_secret)
        if owner is None:
            self._known.pop(hook_secret, None)
            if len(self._unknown) >= UNKNOWN_MAX:
                self._unknown.clear()
            self._unknown[hook_secret] = now
            return None
        self._known[hook_secret] = _Entry(owner, now)
        return owner

    def forget(self, tenant: TenantId) -> None:
        """The tenant was changed: what memory has of it is no longer right."""
        self._known = {secret: entry for secret, entry in self._known.items() if entry.owner.tenant != tenant}
        self._unknown.clear()

    async def _refresh(self, hook_secret: str, entry: _Entry[OwnerT]) -> None:
        try:
            await self.find(hook_secret)
        except INFRASTRUCTURE_ERRORS as error:
            _log.warning("addresses of webhooks are kept as they were", error=type(error).__name__)
        finally:
            entry.refreshing = False


class HookOwners:
    """Looks owners up by the secret parts of their addresses."""

    def __init__(self, database: Database, store: ConnectionStore) -> None:
        self._database = database
        self._store = store

    async def of_portal(self, hook_secret: str) -> Owner | None:
        """Whose portal sends there."""
        async with self._database.delivery_connection() as delivery:
            tenant = await connections.tenant_of_hook(delivery, connections.hook_hash(hook_secret))
        if tenant is None:
            return None
        name = portal.crm_account(tenant)
        async with self._database.transaction([tenant]) as connection:
            account = await self._store.find(connection, tenant, name)
        if account is None:
            return None
        return Owner(tenant, name, account.secrets[APPLICATION_TOKEN], account.profile)

    async def of_accounting(self, hook_secret: str) -> CallbackOwner | None:
        """Whose accounting services call there: the tenant's address is one for all of them."""
        async with self._database.delivery_connection() as delivery:
            tenant = await connections.tenant_of_hook(delivery, connections.hook_hash(hook_secret))
        if tenant is None:
            return None
        async with self._database.transaction([tenant]) as connection:
            accounts = await self._store.of_tenant(connection, tenant)
        signing: dict[str, dict[str, str]] = {}
        for account in accounts.values():
            if secret := account.secrets.get(CALLBACK_SECRET):
                signing.setdefault(account.vendor, {})[account.account] = secret
        return CallbackOwner(tenant, signing)

    async def of_shop(self, hook_secret: str) -> ShopOwner | None:
        """Whose shop posts there."""
        async with self._database.delivery_connection() as delivery:
            found = await orders.shop_of_hook(delivery, connections.hook_hash(hook_secret))
        if found is None:
            return None
        tenant, shop_id = found
        async with self._database.transaction([tenant]) as connection:
            account = await self._store.find(connection, tenant, order.shop_account(tenant, shop_id))
        return None if account is None else ShopOwner(tenant, shop_id, shop_keys(account))


def shop_keys(account: Account) -> dict[str, str]:
    """The secrets that a shop may sign with, by their ids."""
    return {
        name.removeprefix(KEY_OF_SHOP): secret
        for name, secret in account.secrets.items()
        if name.startswith(KEY_OF_SHOP)
    }
