"""Tenants' files as they were applied last, without secrets."""

from collections.abc import Mapping
from typing import Any

import orjson

from chassis.ids import TenantId
from chassis.postgres import Connection


async def find(connection: Connection, tenant: TenantId) -> dict[str, Any]:
    """The document; empty before the first one."""
    text = await connection.fetchval("SELECT document FROM tenant_files WHERE tenant_id = $1", tenant)
    found: dict[str, Any] = {} if text is None else orjson.loads(text)
    return found


async def keep(connection: Connection, tenant: TenantId, document: Mapping[str, Any]) -> None:
    """Replaces the document."""
    await connection.execute(
        "INSERT INTO tenant_files VALUES ($1, $2::jsonb) ON CONFLICT (tenant_id) "
        "DO UPDATE SET document = excluded.document",
        tenant,
        orjson.dumps(dict(document)).decode(),
    )


async def drop(connection: Connection, tenant: TenantId) -> None:
    """Removes the document."""
    await connection.execute("DELETE FROM tenant_files WHERE tenant_id = $1", tenant)
