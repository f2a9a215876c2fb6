"""/money/api/v1/Registry: operations on the settlement account."""

from __future__ import annotations

from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import wire
from sandbox.moedelo.gate import Call, Gate, asked


def routes(gate: Gate) -> list[Route]:
    return [gate.route("GET", "/money/api/v1/Registry", "money.list", listed)]


def listed(call: Call) -> Reply:
    """By `Offset`, `Limit` and days of the operation."""
    query = asked(call)
    try:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
    except ValueError as error:
        raise ApiError(400, "Invalid", "Параметры Offset и Limit должны быть целыми числами") from error
    first, last = query.get("startdate", "")[:10], query.get("enddate", "9999")[:10]
    rows = [
        record
        for record in call.book.select(call.account, "payments")
        if not record["removed"] and first <= record["date"] <= last
    ]
    payload = {
        "data": [wire.receipt(record, _buyer(call, record)) for record in rows[offset : offset + limit]],
        "offset": offset,
        "limit": limit,
        "totalCount": len(rows),
    }
    return Reply(payload=payload)


def _buyer(call: Call, payment: Record) -> Record | None:
    invoice = call.book.get(call.account, "invoices", payment["invoice_id"])
    return None if invoice is None else call.book.get(call.account, "counterparties", invoice["counterparty_id"])
