"""Acts, waybills and УПД, each at a path of its own: create, list, card, file; none has a comment."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks as neutral
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import checks, wire
from sandbox.moedelo.api.documents import file_of, known_kontragent, known_products
from sandbox.moedelo.gate import Call, Gate, asked, listed

PATHS = {
    "/accounting/api/v1/sales/act": "act",
    "/accounting/api/v1/sales/waybill": "waybill",
    "/docs/api/v1/Sales/Upd": "upd",
}
STOCKS = "/stock/api/v1/stock"
PARTIES = ("PayerId", "ReceiverId", "SenderId", "SupplierId")
UPD_STATUSES = (1, 2)


def routes(gate: Gate) -> list[Route]:
    stocks = gate.route("GET", STOCKS, "stock.find", stock)
    return [stocks, *(route for path in PATHS for route in _routes(gate, path))]


def _routes(gate: Gate, path: str) -> list[Route]:
    form = PATHS[path]
    return [
        gate.route("POST", path, "act.create", lambda call: create(call, form)),
        gate.route("GET", path, "act.find", lambda call: find(call, form)),
        gate.route("GET", f"{path}/{{id}}", "act.get", lambda call: get(call, form)),
        gate.route("PUT", f"{path}/{{id}}", "act.update", lambda call: update(call, form)),
        gate.route("DELETE", f"{path}/{{id}}", "act.delete", lambda call: delete(call, form)),
        gate.route("GET", f"{path}/{{id}}/{{format}}", "act.pdf", lambda call: file(call, form)),
    ]


def _read(call: Call, form: str) -> dict[str, Any]:
    """The members of a document; raises ApiError with everything that is wrong."""
    body, problems = call.body(), Problems()
    dated = "Date" if form == "upd" else "DocDate"
    number = neutral.text(body, "Number", problems, longest=neutral.NUMBER_CHARS_MAX)
    call.facts |= {"number": number, "date": body.get(dated), "bill": body.get("BillId")}
    day = checks.day(body, dated, problems, required=True)
    lines = checks.items(body, problems, wire.UPD_RATES if form == "upd" else checks.BILL_RATES)
    known_products(call, lines, problems)
    counterparty_id = known_kontragent(call, body, problems)
    bill = checks.whole(body, "BillId", problems)
    if bill is not None and call.book.get(call.account, "invoices", str(bill)) is None:
        problems.add("BillId", "Счёт не найден")
    checks.total(body, lines, problems)
    extra = {"nds_position": checks.whole(body, "NdsPositionType", problems), "form": form}
    extra |= _own(call, form, body, lines, problems)
    problems.raise_any()
    return {
        "number": number,
        "day": day or "",
        "counterparty_id": counterparty_id,
        "invoice_id": None if bill is None else str(bill),
        "lines": lines,
        "extra": extra,
    }


def create(call: Call, form: str) -> Reply:
    """The sum, where it is given, must be that of the lines."""
    record = call.book.add_act(
        call.account, **_read(call, form), comment=None, off_kopecks=call.off_kopecks, lag_seconds=call.lag_seconds
    )
    note = {"act": record["id"], "form": form, "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload=wire.closing(record), note=note)


def update(call: Call, form: str) -> Reply:
    """A whole document in place of the former."""
    record, found = _of(call, form), _read(call, form)
    changed = call.book.rewrite(
        call.account,
        "acts",
        record,
        number=found["number"] or record["number"],
        date=found["day"],
        counterparty_id=found["counterparty_id"],
        invoice_id=found["invoice_id"],
        items=found["lines"],
        sum_kopecks=sum(line["sum_kopecks"] for line in found["lines"]),
        **found["extra"],
    )
    return Reply(payload=wire.closing(changed), note={"act": record["id"]})


def delete(call: Call, form: str) -> Reply:
    record = _of(call, form)
    call.book.delete(call.account, "acts", record["id"])
    return Reply(status=204, note={"act": record["id"]})


def _own(
    call: Call, form: str, body: dict[str, Any], lines: list[dict[str, Any]], problems: Problems
) -> dict[str, Any]:
    """What this form has beside the others: goods leave a stock, a УПД has its status."""
    if form == "act":
        if body.get("OnHands") not in (None, "Да", "Нет", "Скан"):
            problems.add("OnHands", "Значение должно быть Да, Нет или Скан")
        return {}
    if form == "waybill" and checks.whole(body, "Type", problems) != 1:
        problems.add("Type", "Значение должно быть 1")
    status = checks.whole(body, "Status", problems) if form == "upd" else None
    if form == "upd" and status not in UPD_STATUSES:
        problems.add("Status", "Значение должно быть 1 или 2")
    place = checks.whole(body, "StockId", problems)
    if place is None and (form == "waybill" or any(line["kind"] == checks.GOODS for line in lines)):
        problems.add("StockId", "Не указан склад")
    if place not in (None, wire.STOCK_ID):
        problems.add("StockId", "Склад не найден")
    for name in PARTIES:
        party = checks.whole(body, name, problems)
        if party is not None and call.book.get(call.account, "counterparties", str(party)) is None:
            problems.add(name, "Контрагент не найден")
    return {"stock_id": place, "status_code": status, "tax_system": checks.whole(body, "TaxSystem", problems)}


def find(call: Call, form: str) -> Reply:
    query = asked(call)
    records = [
        record
        for record in call.book.select(call.account, "acts")
        if record.get("form", "act") == form
        and query.get("number") in (None, record["number"])
        and query.get("kontragentid") in (None, record["counterparty_id"])
    ]
    return listed(call, records, wire.closing)


def get(call: Call, form: str) -> Reply:
    return Reply(payload=wire.closing(_of(call, form)))


def file(call: Call, form: str) -> Reply:
    return file_of(call, _of(call, form), "acts")


def stock(call: Call) -> Reply:
    return Reply(payload={"ResourceList": [wire.stock()]})


def _of(call: Call, form: str) -> Record:
    record = call.find("acts", "Документ")
    if record.get("form", "act") != form:
        raise ApiError(404, "NotFound", "Документ не найден")
    return record
