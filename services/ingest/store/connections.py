"""Vendor accounts with their sealed secrets, tokens that are fetched under a lease, and addresses of webhooks."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import asyncpg
import orjson

from chassis import log
from chassis.ids import TenantId
from chassis.postgres import Connection
from chassis.secrets import KeyMissing, SecretBroken, Secrets
from services.ingest.domain.buckets import Limit

ENDPOINT = "endpoint"
APPLICATION_TOKEN = "application_token"  # noqa: S105 - the name of a secret, not one
CALLBACK_SECRET = "callback_secret"  # noqa: S105 - as above
HOOK_SECRET = "hook_secret"  # noqa: S105 - as above
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - as above
OPTIONS = frozenset(
    {
        "auth_mode",
        "bank_account_id",
        "box_id",
        "closing",
        "mode",
        "organization",
        "organization_id",
        "timezone",
        "unknown_goods",
    }
)
"""What of an account's way of access is no secret, and whoever calls the vendor needs to know."""
KEY_OF_SHOP = "key/"
CLIENT_ID: Final = "client_id"
CLIENT_SECRET: Final = "client_secret"  # noqa: S105 - as above
MEMBER_ID: Final = "member_id"
OAUTH: Final = "oauth_url"

LinkState = Literal["", "waiting", "connected", "lost", "uninstalled"]
"""How an account with rotating tokens stands: nobody has connected it yet, it works, its owner has to connect it anew,
its application was removed; "" where tokens do not rotate."""

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a vendor.

    ``secrets`` has ``endpoint`` and what the vendor's way of access needs; ``limit`` None is unlimited; ``token`` is a
    fetched one, sendable until ``token_ends_at`` (business time). ``refreshed`` is the refresh token that a vendor gave
    in place of the one among the secrets; ``pair_mark`` is its stored form, by which a newer one is told from it.
    """

    tenant: TenantId
    account: str
    vendor: str
    profile: str
    secrets: Mapping[str, str] = field(repr=False)
    limit: Limit | None = None
    token: str = field(default="", repr=False)
    token_ends_at: datetime | None = None
    refreshed: str = field(default="", repr=False)
    pair_mark: bytes | None = field(default=None, repr=False)
    state: LinkState = ""

    @property
    def standing_token(self) -> str:
        """What opens the account without being fetched, an API key or ``user:password``; "" where there is none."""
        if "api_key" in self.secrets:
            return self.secrets["api_key"]
        return f"{self.secrets['user']}:{self.secrets['password']}" if "password" in self.secrets else ""

    @property
    def refresh_token(self) -> str:
        """The refresh token in force, "" where there is none."""
        return self.refreshed or self.secrets.get(REFRESH_TOKEN, "")

    @property
    def options(self) -> dict[str, str]:
        """What whoever calls the vendor needs to know, without secrets."""
        named = {name: value for name, value in self.secrets.items() if name in OPTIONS and value}
        return {"vendor": self.vendor, "profile": self.profile, **named}

    @property
    def endpoint(self) -> str:
        """Where the account is called."""
        return self.secrets[ENDPOINT]

    def same_as(self, other: "Account | None") -> bool:
        """Whether access and limit are the same; tokens are none of a tenant's settings."""
        return other is not None and (self.vendor, self.profile, dict(self.secrets), self.limit) == (
            other.vendor,
            other.profile,
            dict(other.secrets),
            other.limit,
        )


def hook_hash(hook_secret: str) -> bytes:
    """What is stored of the secret part of a webhook's address."""
    return hashlib.sha256(hook_secret.encode()).digest()


class ConnectionStore:
    """Reads and writes connections in the caller's transaction, which names the tenant."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def of_tenant(self, connection: Connection, tenant: TenantId) -> dict[str, Account]:
        """All accounts of a tenant by their names."""
        rows = await connection.fetch(f"SELECT {_COLUMNS} FROM connections WHERE tenant_id = $1", tenant)  # noqa: S608
        return {row["account"]: await self._opened(connection, row) for row in rows}

    async def readable(self, connection: Connection, tenant: TenantId) -> tuple[dict[str, Account], list[str]]:
        """The accounts of a tenant that open, by their names, and the names of those that do not any more."""
        rows = await connection.fetch(f"SELECT {_COLUMNS} FROM connections WHERE tenant_id = $1", tenant)  # noqa: S608
        return await self._readable(connection, rows)

    async def of_vendor(self, connection: Connection, vendor: str) -> list[Account]:
        """The accounts with one vendor of all tenants that the transaction names, without those that do not open."""
        rows = await connection.fetch(f"SELECT {_COLUMNS} FROM connections WHERE vendor = $1", vendor)  # noqa: S608
        return list((await self._readable(connection, rows))[0].values())

    async def names(self, connection: Connection, tenant: TenantId) -> list[str]:
        """The names of a tenant's accounts, in their order; nothing is opened."""
        rows = await connection.fetch("SELECT account FROM connections WHERE tenant_id = $1 ORDER BY account", tenant)
        return [row["account"] for row in rows]

    async def destroy_unreadable(self, connection: Connection, tenant: TenantId, accounts: Sequence[str]) -> None:
        """Destroys accounts that do not open any more, and has what comes in their place sealed with a key that
        does."""
        await self.remove(connection, tenant, accounts)
        await self._secrets.replace_lost(connection, tenant)

    async def find(
        self, connection: Connection, tenant: TenantId, account: str, *, locked: bool = False
    ) -> Account | None:
        """One account; ``locked``: nobody else changes it before the transaction ends."""
        lock = " FOR UPDATE" if locked else ""
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM connections WHERE tenant_id = $1 AND account = $2{lock}",  # noqa: S608
            tenant,
            account,
        )
        return None if row is None else await self._opened(connection, row)

    async def save(self, connection: Connection, account: Account, *, keeps_pair: bool = False) -> None:
        """Writes an account as it is wanted. A token is dropped, since it may have been fetched with other credentials;
        ``keeps_pair``: the tokens stay, as does the account's state."""
        secrets = orjson.dumps(dict(account.secrets)).decode()
        sealed = await self._secrets.seal(connection, account.tenant, _field(account.account, "secrets"), secrets)
        limit = account.limit
        await connection.execute(
            "INSERT INTO connections AS c (tenant_id, account, vendor, profile, sealed, burst, per_second, state) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id, account) DO UPDATE SET "
            "vendor = excluded.vendor, profile = excluded.profile, sealed = excluded.sealed, burst = excluded.burst, "
            "per_second = excluded.per_second, token = CASE WHEN $9 THEN c.token END, "
            "token_ends_at = CASE WHEN $9 THEN c.token_ends_at END, "
            "refresh = CASE WHEN $9 OR excluded.state = '' THEN c.refresh END, "
            "state = CASE WHEN $9 THEN c.state ELSE excluded.state END",
            account.tenant,
            account.account,
            account.vendor,
            account.profile,
            sealed,
            None if limit is None else limit.burst,
            None if limit is None else limit.per_second,
            account.state,
            keeps_pair,
        )

    async def swap_pair(
        self, connection: Connection, account: Account, token: str, refresh_token: str, ends_at: datetime
    ) -> bool:
        """Replaces the pair that ``account`` was read with, and ends the lease; False when another has replaced it."""
        name = account.account
        sealed = await self._secrets.seal(connection, account.tenant, _field(name, "token"), token)
        refresh = await self._refresh(connection, account, refresh_token)
        tag: str = await connection.execute(
            "UPDATE connections SET token = $4, refresh = $5, token_ends_at = $6, lease_until = NULL, "
            "state = 'connected' WHERE tenant_id = $1 AND account = $2 AND refresh IS NOT DISTINCT FROM $3",
            account.tenant,
            name,
            account.pair_mark,
            sealed,
            refresh,
            ends_at,
        )
        return tag != "UPDATE 0"

    async def move(self, connection: Connection, tenant: TenantId, account: str, endpoint: str) -> bool:
        """Keeps where an account is called now; False when it is called there already, or is gone."""
        found = await self.find(connection, tenant, account, locked=True)
        if found is None or found.endpoint == endpoint:
            return False
        await self.save(connection, replace(found, secrets={**found.secrets, ENDPOINT: endpoint}), keeps_pair=True)
        return True

    async def lose_pair(self, connection: Connection, account: Account, state: LinkState) -> bool:
        """Destroys the pair that ``account`` was read with; False when another has replaced it."""
        tag: str = await connection.execute(
            "UPDATE connections SET token = NULL, refresh = NULL, token_ends_at = NULL, lease_until = NULL, "
            "state = $4 WHERE tenant_id = $1 AND account = $2 AND refresh IS NOT DISTINCT FROM $3",
            account.tenant,
            account.account,
            account.pair_mark,
            state,
        )
        return tag != "UPDATE 0"

    async def remove(self, connection: Connection, tenant: TenantId, accounts: Sequence[str]) -> None:
        """Destroys accounts with their secrets and buckets."""
        for table in ("connections", "buckets"):
            await connection.execute(
                f"DELETE FROM {table} WHERE tenant_id = $1 AND account = ANY ($2::text[])",  # noqa: S608
                tenant,
                list(accounts),
            )

    async def is_leased(self, connection: Connection, tenant: TenantId, account: str) -> bool:
        """Whether somebody took the right to fetch a token and has not given it back, be it that it ran out."""
        return bool(
            await connection.fetchval(
                "SELECT lease_until IS NOT NULL FROM connections WHERE tenant_id = $1 AND account = $2", tenant, account
            )
        )

    async def lease_token(
        self, connection: Connection, tenant: TenantId, account: str, lease_seconds: float
    ) -> int | None:
        """The epoch under which the caller alone may fetch a token; None while somebody else does."""
        epoch: int | None = await connection.fetchval(
            "UPDATE connections SET lease_epoch = lease_epoch + 1, "
            "lease_until = clock_timestamp() + make_interval(secs => $3) WHERE tenant_id = $1 AND account = $2 "
            "AND (lease_until IS NULL OR lease_until < clock_timestamp()) RETURNING lease_epoch",
            tenant,
            account,
            lease_seconds,
        )
        return epoch

    async def save_token(
        self, connection: Connection, account: Account, epoch: int, token: str, ends_at: datetime, refresh: str = ""
    ) -> bool:
        """Keeps a token, and with it the refresh token that came in place of the used one, and ends the lease; False
        when another has taken it over meanwhile."""
        sealed = await self._secrets.seal(connection, account.tenant, _field(account.account, "token"), token)
        sealed_refresh = await self._refresh(connection, account, refresh) if refresh else None
        tag: str = await connection.execute(
            "UPDATE connections SET token = $4, token_ends_at = $5, lease_until = NULL, "
            "refresh = coalesce($6, refresh) "
            "WHERE tenant_id = $1 AND account = $2 AND lease_epoch = $3",
            account.tenant,
            account.account,
            epoch,
            sealed,
            ends_at,
            sealed_refresh,
        )
        return tag != "UPDATE 0"

    async def end_lease(self, connection: Connection, tenant: TenantId, account: str, epoch: int) -> None:
        """Nothing was fetched: somebody else may try."""
        await connection.execute(
            "UPDATE connections SET lease_until = NULL WHERE tenant_id = $1 AND account = $2 AND lease_epoch = $3",
            tenant,
            account,
            epoch,
        )

    async def drop_token(self, connection: Connection, account: Account) -> None:
        """The vendor refused the token: the next call has a fresh one. A newer one stays."""
        await connection.execute(
            "UPDATE connections SET token = NULL, token_ends_at = NULL WHERE tenant_id = $1 AND account = $2 "
            "AND refresh IS NOT DISTINCT FROM $3",
            account.tenant,
            account.account,
            account.pair_mark,
        )

    async def _refresh(self, connection: Connection, account: Account, refresh_token: str) -> bytes:
        """A refresh token to be stored, with what names the one among the secrets from which it descends."""
        told = f"{_name_of(account.secrets.get(REFRESH_TOKEN, ''))}:{refresh_token}"
        return await self._secrets.seal(connection, account.tenant, _field(account.account, "refresh"), told)

    async def _readable(
        self, connection: Connection, rows: Sequence[asyncpg.Record]
    ) -> tuple[dict[str, Account], list[str]]:
        opened, unreadable = {}, []
        for row in rows:
            try:
                opened[row["account"]] = await self._opened(connection, row)
            except (KeyMissing, SecretBroken) as error:
                _log.error("the secrets of an account do not open", account=row["account"], error=type(error).__name__)
                unreadable.append(row["account"])
        return opened, sorted(unreadable)

    async def _opened(self, connection: Connection, row: asyncpg.Record) -> Account:
        tenant, account = TenantId(row["tenant_id"]), row["account"]
        secrets = await self._secrets.open(connection, tenant, _field(account, "secrets"), row["sealed"])
        token = ""
        if row["token"] is not None:
            token = await self._secrets.open(connection, tenant, _field(account, "token"), row["token"])
        own: dict[str, str] = orjson.loads(secrets)
        refreshed = ""
        if row["refresh"] is not None:
            told = await self._secrets.open(connection, tenant, _field(account, "refresh"), row["refresh"])
            name, _, found = told.partition(":")
            # A refresh token that descends from another than the file now has was replaced by the owner.
            refreshed = found if name == _name_of(own.get(REFRESH_TOKEN, "")) else ""
        return Account(
            tenant=tenant,
            account=account,
            vendor=row["vendor"],
            profile=row["profile"],
            secrets=own,
            limit=None if row["burst"] is None else Limit(row["burst"], row["per_second"]),
            token=token,
            token_ends_at=row["token_ends_at"],
            refreshed=refreshed,
            pair_mark=row["refresh"],
            state=row["state"],
        )


async def tenant_of_hook(connection: Connection, found_hash: bytes) -> TenantId | None:
    """Whose address it is; over a delivery connection."""
    tenant = await connection.fetchval("SELECT tenant_id FROM hooks WHERE hook_hash = $1", found_hash)
    return None if tenant is None else TenantId(tenant)


async def keep_hook(connection: Connection, tenant: TenantId, kept_hash: bytes) -> None:
    """Makes an address the tenant's only one."""
    await connection.execute("DELETE FROM hooks WHERE tenant_id = $1 AND hook_hash <> $2", tenant, kept_hash)
    await connection.execute("INSERT INTO hooks VALUES ($1, $2) ON CONFLICT DO NOTHING", tenant, kept_hash)


async def drop_hooks(connection: Connection, tenant: TenantId) -> None:
    """Nothing is taken for the tenant any more."""
    await connection.execute("DELETE FROM hooks WHERE tenant_id = $1", tenant)


_COLUMNS = "tenant_id, account, vendor, profile, sealed, burst, per_second, token, token_ends_at, refresh, state"


def _name_of(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode()).hexdigest()


def _field(account: str, what: str) -> str:
    return f"connection/{account}/{what}"
