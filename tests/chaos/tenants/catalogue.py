"""The tables of a database as its catalogue has them, and rows of any tenant for each of them."""

import random
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chassis.postgres import Connection


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a new row must fill; ``words`` are those that a check allows, where one lists them."""

    name: str
    type: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partition or view with a tenant's rows; ``planted``: rows are put into it, and not into what it is a
    part of or made from."""

    name: str
    planted: bool
    columns: tuple[Column, ...]


_TABLES: Final = """
SELECT c.oid, quote_ident(c.relname) AS name, c.relkind IN ('r', 'p') AND NOT c.relispartition AS planted
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
ORDER BY c.relname
"""
_COLUMNS: Final = """
SELECT quote_ident(a.attname) AS name, format_type(a.atttypid, NULL) AS type,
       coalesce((SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                 WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum] LIMIT 1), '') AS rule
FROM pg_attribute a
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
ORDER BY a.attnum
"""
_WORD: Final = re.compile(r"'(\w+)'::text")


async def tables(connection: Connection) -> list[Table]:
    """All that have a tenant."""
    found = []
    for row in await connection.fetch(_TABLES):
        columns = [
            Column(column["name"], column["type"], tuple(_WORD.findall(column["rule"])))
            for column in await connection.fetch(_COLUMNS, row["oid"])
        ]
        found.append(Table(row["name"], row["planted"], tuple(columns)))
    return found


def insert(table: Table, tenant: str, chance: random.Random) -> str:
    """A statement that makes one row of a tenant, where it may have several."""
    number = chance.getrandbits(30)
    values = [f"'{_literal(column, tenant, number, chance)}'::{column.type}" for column in table.columns]
    names = ", ".join(column.name for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join(values)}) ON CONFLICT DO NOTHING"  # noqa: S608 - of the catalogue


def _literal(column: Column, tenant: str, number: int, chance: random.Random) -> str:
    if column.name == "tenant_id":
        return tenant
    if column.words:
        return chance.choice(column.words)
    match column.type:
        case "text":
            return f"{column.name}-{number}"
        case "smallint":
            return f"{number % 3}"
        case "integer" | "bigint" | "double precision" | "numeric":
            return f"{number}"
        case "boolean":
            return "true"
        case "json" | "jsonb":
            return "{}"
        case "timestamp with time zone" | "date":
            return "now"
        case "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128)))
        case "bytea":
            return rf"\x{number:08x}"
        case "interval":
            return f"{number % 60} s"
        case other if other.endswith("[]"):
            return "{}"
        case other:
            raise AssertionError(f"{column.name}: say what a new {other} is")


def planted(found: Sequence[Table]) -> list[Table]:
    """Those that rows are put into."""
    return [table for table in found if table.planted]
