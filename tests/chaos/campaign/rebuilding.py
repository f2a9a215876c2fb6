"""``python -m tests.chaos.campaign.rebuilding FOLDER``: has the product make its read rows anew, keeps both versions.

The addresses of each service's two roles are in FOLDER/roles.json, an administrator's in FOLDER/databases.json; the
rows before and after go to FOLDER/rebuilt.json, where the checker compares them.
"""

import asyncio
import importlib
import json
import sys
from pathlib import Path
from typing import Any, Final

import asyncpg

from chassis.engine import Engine
from chassis.postgres import Database
from chassis.rebuild import rebuild

TABLES: Final = {
    "ingest": ("deals", "stage_entries"),
    "counterparty": ("links", "decision_cards"),
    "invoicing": ("documents", "decision_cards"),
    "payments": ("invoices", "counted_payments", "decision_cards"),
    "notifier": ("deals_shown",),
}


async def rebuild_all(folder: Path) -> None:
    """One service after another."""
    admins = json.loads((folder / "databases.json").read_text())
    roles = json.loads((folder / "roles.json").read_text())
    both: dict[str, dict[str, dict[str, Any]]] = {}
    for service, tables in TABLES.items():
        before = await _rows(admins[service], tables)
        spec = importlib.import_module(f"services.{service}.app").SPEC
        database = await Database.open(roles[service]["app"], roles[service]["delivery"])
        try:
            await rebuild(database, Engine(spec.name, spec.stream_kinds()), tables)
        finally:
            await database.close()
        after = await _rows(admins[service], tables)
        both[service] = {table: {"before": before[table], "after": after[table]} for table in tables}
    (folder / "rebuilt.json").write_text(json.dumps(both, ensure_ascii=False, default=str))


async def _rows(url: str, tables: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    connection = await asyncpg.connect(url)
    try:
        return {
            table: [dict(row) for row in await connection.fetch(f"SELECT * FROM {table}")]  # noqa: S608 - names of ours
            for table in tables
        }
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(rebuild_all(Path(sys.argv[1])))
