"""Pushes of shops: kept once each with the work they cause, sealed since buyers are people; read newest first."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from chassis.aggregate import TaskPlan
from chassis.clock import Clock
from chassis.ids import TenantId
from chassis.postgres import Connection, Database, wake_after_commit
from chassis.secrets import Secrets
from chassis.values.orders import OrderId
from chassis.wakeups import WORK
from services.ingest.store import webhooks
from services.ingest.store.connections import HOOK_SECRET, ConnectionStore
from services.ingest.store.deals import Tenant, tenant_in
from services.ingest.store.webhooks import Webhook

SEALED_BYTES_MAX: Final = 1024 * 1024
CONTENT_TYPE: Final = "application/json; sealed"
REPEATED_DAYS_MAX: Final = 14
"""A module gives a push up after a week of retries."""


@dataclass(frozen=True, slots=True)
class Push:
    """A push on its way into the store. ``plan`` None: there is nothing to read in it."""

    tenant: TenantId
    shop_id: str
    push_id: UUID
    event: str
    order_id: int | None
    version: int | None
    occurred_at: datetime
    body: bytes = field(repr=False)
    sha256: bytes
    stream: str = ""
    plan: TaskPlan | None = None
    trace: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """The delivery under which a push is kept; ``again``: it was there already."""

    delivery_id: int
    again: bool


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What is known of an order before its newest push is read; ``body`` None where none is kept any more."""

    tenant: Tenant
    content_hash: str
    subject_ref: str
    hook_secret: str = field(repr=False)
    push_id: str
    body: bytes | None = field(repr=False)
    unread_upto: int


class OrderStore:
    """Keeps and reads pushes of one tenant's shops."""

    def __init__(self, database: Database, secrets: Secrets, connections: ConnectionStore, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._connections = connections
        self._clock = clock

    async def keep(self, push: Push) -> Kept:
        """Keeps a push durably with its work; one that was kept before changes nothing. Raises the infrastructure
        errors of Postgres."""
        try:
            return await self._kept(push)
        except asyncpg.UniqueViolationError:  # its retry came at the same time
            return await self._kept(push)

    async def _kept(self, push: Push) -> Kept:
        tenant, now = push.tenant, self._clock.now()
        async with self._database.transaction([tenant]) as connection:
            present = await connection.fetchval(
                "SELECT delivery_id FROM shop_pushes WHERE tenant_id = $1 AND shop_id = $2 AND push_id = $3",
                tenant,
                push.shop_id,
                push.push_id,
            )
            if present is not None:
                return Kept(present, again=True)
            webhook = await self._webhook(connection, push)
            (delivery_id,) = await webhooks.insert(connection, [webhook], now)
            await connection.execute(
                "INSERT INTO shop_pushes (tenant_id, shop_id, push_id, delivery_id, order_id, version, occurred_at, "
                "received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                tenant,
                push.shop_id,
                push.push_id,
                delivery_id,
                push.order_id,
                push.version,
                push.occurred_at,
                now,
            )
            wake_after_commit(WORK)
        return Kept(delivery_id, again=False)

    async def _webhook(self, connection: Connection, push: Push) -> Webhook:
        sealed = await self._secrets.seal(
            connection, push.tenant, _field(push.push_id), push.body.decode(), bytes_max=SEALED_BYTES_MAX
        )
        return Webhook(
            tenant=push.tenant,
            event=push.event,
            entity="order",
            object_id="" if push.order_id is None else f"{push.shop_id}-{push.order_id}",
            content_type=CONTENT_TYPE,
            body=sealed,
            sha256=push.sha256,
            stream=push.stream,
            plan=push.plan,
            trace=push.trace,
        )

    async def known(self, tenant: TenantId, order_id: OrderId, account: str, work_id: UUID) -> KnownOrder:
        """All that reading an order's newest push needs. Raises SecretBroken, KeyMissing."""
        async with self._database.transaction([tenant]) as connection:
            found = await tenant_in(connection, tenant)
            seen = await connection.fetchrow(
                "SELECT content_hash, subject_ref FROM shop_orders WHERE tenant_id = $1 AND deal_id = $2",
                tenant,
                str(order_id),
            )
            upto = await webhooks.last_unread(connection, tenant, work_id)
            newest = await connection.fetchrow(_NEWEST, tenant, order_id.shop, order_id.order)
            body = None
            if newest is not None:
                place = _field(newest["push_id"])
                body = (await self._secrets.open(connection, tenant, place, newest["body"])).encode()
            shop = await self._connections.find(connection, tenant, account)
        return KnownOrder(
            tenant=found,
            content_hash="" if seen is None else seen["content_hash"],
            subject_ref="" if seen is None else seen["subject_ref"],
            hook_secret="" if shop is None else shop.secrets[HOOK_SECRET],
            push_id="" if newest is None else str(newest["push_id"]),
            body=body,
            unread_upto=upto,
        )

    async def mark_read(self, tenant: TenantId, work_id: UUID, upto: int) -> None:
        """The pushes up to one were read, or are older than what was. A read that is run again finds the same one."""
        async with self._database.delivery_connection() as connection:
            await webhooks.mark_read(connection, tenant, work_id, upto, self._clock.now())

    async def drop_old(self) -> None:
        """Forgets pushes that no module repeats any more; those that wait to be read stay, as a suspended tenant's do:
        an order's newest push is found by them."""
        before = self._clock.now() - timedelta(days=REPEATED_DAYS_MAX)
        async with self._database.delivery_connection() as connection:
            await connection.execute(_DROP_OLD, before)


async def shop_of_hook(connection: Connection, found_hash: bytes) -> tuple[TenantId, str] | None:
    """Whose address it is, and of which shop; over a delivery connection."""
    row = await connection.fetchrow("SELECT tenant_id, shop_id FROM shop_hooks WHERE hook_hash = $1", found_hash)
    return None if row is None else (TenantId(row["tenant_id"]), row["shop_id"])


async def keep_hooks(connection: Connection, tenant: TenantId, kept: dict[str, bytes]) -> None:
    """Makes these, by shop, the only addresses of the tenant's shops."""
    await connection.execute("DELETE FROM shop_hooks WHERE tenant_id = $1", tenant)
    await connection.executemany(
        "INSERT INTO shop_hooks (tenant_id, shop_id, hook_hash) VALUES ($1, $2, $3)",
        [(tenant, shop_id, hook_hash) for shop_id, hook_hash in sorted(kept.items())],
    )


def _field(push_id: UUID) -> str:
    return f"push/{push_id}"


_DROP_OLD = """
DELETE FROM shop_pushes p WHERE p.received_at < $1 AND NOT EXISTS (
  SELECT FROM webhooks w WHERE w.tenant_id = p.tenant_id AND w.delivery_id = p.delivery_id AND w.status = 'stored')
"""

_NEWEST = """
SELECT p.push_id, w.body
FROM shop_pushes p JOIN webhooks w ON w.tenant_id = p.tenant_id AND w.delivery_id = p.delivery_id
WHERE p.tenant_id = $1 AND p.shop_id = $2 AND p.order_id = $3
ORDER BY p.version DESC NULLS FIRST, p.occurred_at DESC, p.delivery_id DESC LIMIT 1
"""
