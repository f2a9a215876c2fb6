"""What portals offer as access: sealed rows that wait for the word of the authorisation server."""

import uuid
from dataclasses import dataclass

from chassis.ids import TenantId
from chassis.postgres import Connection
from chassis.secrets import Secrets

TAKEN_AT_ONCE_MAX = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """An offer whose turn it is; ``old``: it has waited too long for a word."""

    tenant: TenantId
    offer_id: uuid.UUID
    delivery_id: int
    tries: int
    old: bool


async def keep(connection: Connection, secrets: Secrets, tenant: TenantId, offer: str, delivery_id: int) -> uuid.UUID:
    """Stores an offer, as text, in the caller's transaction, which names the tenant."""
    offer_id = uuid.uuid4()
    sealed = await secrets.seal(connection, tenant, _field(offer_id), offer)
    await connection.execute(
        "INSERT INTO access_offers (tenant_id, offer_id, delivery_id, sealed) VALUES ($1, $2, $3, $4)",
        tenant,
        offer_id,
        delivery_id,
        sealed,
    )
    return offer_id


async def take_due(connection: Connection, lease_seconds: float, kept_seconds: float) -> list[Waiting]:
    """The offers whose turn it is, each given to one process for a while; over a delivery connection."""
    rows = await connection.fetch(_TAKE, lease_seconds, kept_seconds, TAKEN_AT_ONCE_MAX)
    return [
        Waiting(TenantId(row["tenant_id"]), row["offer_id"], row["delivery_id"], row["tries"], row["old"])
        for row in rows
    ]


async def find(connection: Connection, secrets: Secrets, waiting: Waiting) -> str | None:
    """The text of an offer; None when it is gone."""
    row = await connection.fetchrow(
        "SELECT sealed FROM access_offers WHERE tenant_id = $1 AND offer_id = $2",
        waiting.tenant,
        waiting.offer_id,
    )
    if row is None:
        return None
    return await secrets.open(connection, waiting.tenant, _field(waiting.offer_id), row["sealed"])


async def replace(connection: Connection, secrets: Secrets, waiting: Waiting, offer: str) -> None:
    """Keeps an offer with the tokens that it was exchanged for: the old ones may serve never again."""
    sealed = await secrets.seal(connection, waiting.tenant, _field(waiting.offer_id), offer)
    await connection.execute(
        "UPDATE access_offers SET sealed = $3 WHERE tenant_id = $1 AND offer_id = $2",
        waiting.tenant,
        waiting.offer_id,
        sealed,
    )


async def put_off(connection: Connection, waiting: Waiting, seconds: float) -> None:
    """Nobody could say what it is worth: asked again later."""
    await connection.execute(
        "UPDATE access_offers SET due_at = clock_timestamp() + make_interval(secs => $3), tries = tries + 1 "
        "WHERE tenant_id = $1 AND offer_id = $2",
        waiting.tenant,
        waiting.offer_id,
        seconds,
    )


async def drop(connection: Connection, waiting: Waiting) -> None:
    """It was taken, or refused."""
    await connection.execute(
        "DELETE FROM access_offers WHERE tenant_id = $1 AND offer_id = $2", waiting.tenant, waiting.offer_id
    )


async def drop_all(connection: Connection, tenant: TenantId) -> None:
    """The tenant is removed."""
    await connection.execute("DELETE FROM access_offers WHERE tenant_id = $1", tenant)


async def waits(connection: Connection, tenant: TenantId, offer_id: uuid.UUID) -> bool:
    """Whether an offer has had no answer yet."""
    found = await connection.fetchval(
        "SELECT 1 FROM access_offers WHERE tenant_id = $1 AND offer_id = $2", tenant, offer_id
    )
    return found is not None


def _field(offer_id: uuid.UUID) -> str:
    return f"offer/{offer_id}"


_TAKE = """
UPDATE access_offers a SET due_at = clock_timestamp() + make_interval(secs => $1)
FROM (SELECT tenant_id, offer_id FROM access_offers WHERE due_at <= clock_timestamp()
      ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS due
WHERE a.tenant_id = due.tenant_id AND a.offer_id = due.offer_id
RETURNING a.tenant_id, a.offer_id, a.delivery_id, a.tries,
          a.received_at < clock_timestamp() - make_interval(secs => $2) AS old
"""
