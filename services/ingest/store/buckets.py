"""Buckets as rows, changed under the row's lock in a short transaction."""

from collections.abc import Callable
from dataclasses import astuple
from datetime import datetime
from typing import TypeVar

from chassis.ids import TenantId
from chassis.postgres import Connection
from services.ingest.domain.buckets import Bucket, Limit, relimited

T = TypeVar("T")

_COLUMNS = (
    "burst, per_second, at, tokens, sweep, sweep_waits_since, resume, factor, closed_until, refusals"  # as in Bucket
)


async def change(
    connection: Connection,
    tenant: TenantId,
    account: str,
    limit: Limit,
    now: datetime,
    changed: Callable[[Bucket], tuple[Bucket, T]],
) -> T:
    """Loads the account's bucket (full when there is none), changes it and writes it back in the caller's
    transaction."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM buckets WHERE tenant_id = $1 AND account = $2 FOR UPDATE",  # noqa: S608
        tenant,
        account,
    )
    bucket = Bucket.full(limit, now)
    if row is not None:
        found = Bucket(Limit(row["burst"], row["per_second"]), *tuple(row)[2:])
        bucket = relimited(found, limit, now)
    after, result = changed(bucket)
    _, *rest = astuple(after)
    await connection.execute(
        f"INSERT INTO buckets (tenant_id, account, {_COLUMNS}) "  # noqa: S608
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (tenant_id, account) DO UPDATE SET "
        "burst = excluded.burst, per_second = excluded.per_second, at = excluded.at, tokens = excluded.tokens, "
        "sweep = excluded.sweep, sweep_waits_since = excluded.sweep_waits_since, resume = excluded.resume, "
        "factor = excluded.factor, closed_until = excluded.closed_until, refusals = excluded.refusals",
        tenant,
        account,
        after.limit.burst,
        after.limit.per_second,
        *rest,
    )
    return result
