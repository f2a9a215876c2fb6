"""Reads a campaign's folder and, without ever writing, the product's databases."""

import asyncio
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.chaos.checker.history import SERVICES, History, read_lines

QUERIES: Final = {
    "events": "SELECT tenant_id, stream, version, position, type, data, command_id, metadata, recorded_at FROM events "
    "ORDER BY position",
    "work": "SELECT tenant_id, work_id::text, form, kind, key, stream, account, state, queue, due_at, planned_at, "
    "settled_at, request, marker, sends, failures, probes, delayed_since, sent_at, outcome, reason, attempts, untold, "
    "epoch, uncertain_at, metadata FROM work",
    "work_accounts": "SELECT * FROM work_accounts",
    "outbox": "SELECT seq, tenant_id, topic, key, message_id::text, headers, convert_from(body, 'UTF8') AS body, "
    "published_at FROM outbox ORDER BY seq",
    "inbox": "SELECT tenant_id, consumer, event_id::text FROM inbox",
    "dead_letters": "SELECT tenant_id, consumer, event_id::text, topic, key, type, reason, error, resolution "
    "FROM dead_letters",
    "decision_cards": "SELECT * FROM decision_cards",
    "webhooks": "SELECT tenant_id, delivery_id, event, object_id, encode(sha256, 'hex') AS sha256, status, reason, "
    "encode(body, 'escape') AS body FROM webhooks",
    "stage_entries": "SELECT * FROM stage_entries",
    "connections": "SELECT tenant_id, account, vendor, burst, per_second FROM connections",
}
READ_ROWS: Final = {
    "ingest": ("deals", "stage_entries"),
    "counterparty": ("links", "decision_cards"),
    "invoicing": ("documents", "decision_cards"),
    "payments": ("invoices", "counted_payments", "unmatched_operations", "decision_cards"),
    "notifier": ("deals_shown",),
}
KEPT: Final = "tables.json"
"""The databases as they were read, so that a run can be checked again when its servers are gone."""


def read_history(folder: Path) -> History:
    """Everything of a run."""
    campaign = json.loads((folder / "campaign.json").read_text())
    campaign["exits"] = json.loads((folder / "exits.json").read_text())
    if not (folder / KEPT).exists():
        urls = json.loads((folder / "databases.json").read_text())
        read = asyncio.run(_read_databases(urls))
        (folder / KEPT).write_text(json.dumps(read, ensure_ascii=False, default=_text))
    tables, sessions = json.loads((folder / KEPT).read_text())
    return History(
        campaign=campaign,
        lines=read_lines(folder / "sandbox" / "ledger.jsonl"),
        portals={file.stem: _families(file) for file in (folder / "portals").glob("*.json")},
        accounts={file.stem: json.loads(file.read_text()) for file in (folder / "accounts").glob("*.json")},
        tables=tables,
        rebuilt=_read_rebuilt(folder / "rebuilt.json"),
        metrics={file.stem: file.read_text() for file in (folder / "metrics").glob("*.prom")},
        samples=read_lines(folder / "samples.jsonl"),
        logs={file.stem: file for file in sorted((folder / "logs").glob("*.log"))},
        broker=json.loads((folder / "broker.json").read_text()),
        sessions=sessions,
    )


def _families(file: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(file.read_text())["families"]
    return found


def _read_rebuilt(file: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    if not file.exists():
        return {}
    found: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(file.read_text())
    return found


async def _read_databases(urls: dict[str, str]) -> tuple[dict[str, dict[str, list[dict[str, Any]]]], list[Any]]:
    tables = dict(zip(SERVICES, await asyncio.gather(*(_read_database(s, urls[s]) for s in SERVICES)), strict=True))
    connection = await _connect(urls["ingest"])
    try:
        sessions = await connection.fetch(
            "SELECT usename, application_name, state, xact_start::text FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return tables, [dict(session) for session in sessions]


async def _connect(url: str) -> Any:
    connection = await asyncpg.connect(
        url, timeout=20, command_timeout=60, server_settings={"default_transaction_read_only": "on"}
    )
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return connection


async def _read_database(service: str, url: str) -> dict[str, list[dict[str, Any]]]:
    connection = await _connect(url)
    try:
        names = {
            row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }
        found: dict[str, list[dict[str, Any]]] = {}
        for name, query in QUERIES.items():
            if name in names:
                found[name] = [dict(row) for row in await connection.fetch(query)]
        for name in READ_ROWS[service]:
            if name not in found:
                found[name] = [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")]  # noqa: S608
        return found
    finally:
        await connection.close()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
