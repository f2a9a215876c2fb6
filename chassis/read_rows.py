"""Writes read rows: a row is a function of one stream, and is replaced whole in the transaction of the append."""

from collections.abc import Sequence
from typing import Any

import orjson

from chassis.aggregate import ReadRow
from chassis.ids import TenantId
from chassis.postgres import Connection


async def write_rows(connection: Connection, rows: Sequence[tuple[TenantId, ReadRow]]) -> None:
    """Inserts, replaces or deletes rows; of several with one key the last counts. The tenant is the stream's."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    shapes: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...] | None]] = {}
    for tenant, row in rows:
        identity = (row.table, orjson.dumps([tenant, dict(row.key)], default=str).decode())
        last[identity] = {**row.key, **(row.values or {}), "tenant_id": tenant}
        shapes[identity] = (("tenant_id", *row.key), None if row.values is None else tuple(row.values))
    grouped: dict[tuple[str, tuple[str, ...], tuple[str, ...] | None], list[dict[str, Any]]] = {}
    for identity, record in last.items():
        grouped.setdefault((identity[0], *shapes[identity]), []).append(record)
    for (table, key, columns), records in grouped.items():
        data = orjson.dumps(records, default=str).decode()
        await connection.execute(_statement(table, key, columns), data)


def _statement(table: str, key: tuple[str, ...], columns: tuple[str, ...] | None) -> str:
    # Table and column names come from the service's own projections, never from data.
    names = ", ".join(key)
    if columns is None:
        return (
            f"DELETE FROM {table} WHERE ({names}) IN "  # noqa: S608
            f"(SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb))"
        )
    every = ", ".join((*key, *columns))
    replaced = ", ".join(f"{column} = excluded.{column}" for column in columns)
    action = f"DO UPDATE SET {replaced}" if columns else "DO NOTHING"
    return (
        f"INSERT INTO {table} ({every}) SELECT {every} FROM "  # noqa: S608
        f"jsonb_populate_recordset(NULL::{table}, $1::jsonb) ON CONFLICT ({names}) {action}"
    )
