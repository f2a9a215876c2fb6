"""/money/api/v1/Registry: operations on the settlement account."""

from __future__ import annotations

from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import wire
from sandbox.moedelo.gate import Call, Gate, asked


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/money/api/v1/Registry", "money.list", listed),
        gate.route("GET", "/money/api/v1/PaymentOrders/{id}", "money.get", order),
    ]


def listed(call: Call) -> Reply:
    """By `Offset`, `Limit` and days of the operation."""
    query = asked(call)
    try:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
    except ValueError as error:
        raise ApiError(400, "Invalid", "Параметры Offset и Limit должны быть целыми числами") from error
    if offset < 0 or limit < 1 or query.get("operationsource", "1") != "1":
        raise ApiError(400, "Invalid", "Offset от 0, Limit от 1; OperationSource знает только 1 (расчётный счёт)")
    kinds = {one.strip() for one in query.get("operationtypes", "").split(",") if one.strip()}
    first, last = query.get("startdate", "")[:10], query.get("enddate", "9999")[:10]
    rows = [
        record
        for record in call.book.select(call.account, "payments")
        if not record["removed"]
        and first <= record["date"] <= last
        and (not kinds or str(wire.operation_type(record)) in kinds)
    ]
    payload = {
        "data": [wire.receipt(record, _buyer(call, record)) for record in rows[offset : offset + limit]],
        "offset": offset,
        "limit": limit,
        "totalCount": len(rows),
    }
    return Reply(payload=payload)


def order(call: Call) -> Reply:
    """One operation by the registry's number of it."""
    number = call.request.params["id"]
    payment_id = str(int(number) - wire.OPERATION_IDS) if number.isascii() and number.isdecimal() else ""
    record = call.book.get(call.account, "payments", payment_id)
    if record is None or record["removed"]:
        raise ApiError(404, "NotFound", "Операция не найдена")
    return Reply(payload=wire.receipt(record, _buyer(call, record)))


def _buyer(call: Call, payment: Record) -> Record | None:
    invoice = call.book.get(call.account, "invoices", payment["invoice_id"])
    return None if invoice is None else call.book.get(call.account, "counterparties", invoice["counterparty_id"])
