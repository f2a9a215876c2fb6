"""/accounting/api/v1/sales/bill: create, list, several at once, card with its payments, replace, delete, file."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks as neutral
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import checks, wire
from sandbox.moedelo.api.documents import file_of, known_kontragent, known_products
from sandbox.moedelo.gate import Call, Gate, asked, listed

PATH = "/accounting/api/v1/sales/bill"
IDS_MAX = 1000


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", PATH, "invoice.create", create),
        gate.route("GET", PATH, "invoice.find", find),
        gate.route("POST", f"{PATH}/byIds", "invoice.by_ids", by_ids),
        gate.route("GET", f"{PATH}/{{id}}", "invoice.get", get),
        gate.route("PUT", f"{PATH}/{{id}}", "invoice.update", update),
        gate.route("DELETE", f"{PATH}/{{id}}", "invoice.delete", delete),
        gate.route("GET", f"{PATH}/{{id}}/LinkedDocuments", "invoice.linked", linked),
        gate.route("GET", f"{PATH}/{{id}}/{{format}}", "invoice.pdf", file),
    ]


def _whole(call: Call, record: Record) -> dict[str, Any]:
    rows = [row for row in call.book.payments_of(call.account, record["id"]) if not row["removed"]]
    twice = [row for row in rows for _ in range(2 if row["listed_twice"] else 1)]
    return wire.bill(
        record,
        twice,
        paid_kopecks=call.book.paid_kopecks(call.account, record["id"]),
        own_account=call.account.own_account,
        base_url=call.request.base_url,
    )


def _bill(call: Call) -> Record:
    """The bill of the path; one that was cancelled is gone here."""
    record = call.find("invoices", "Счёт")
    if record["cancelled"]:
        raise ApiError(404, "NotFound", "Счёт не найден", "id")
    return record


def _read(call: Call) -> dict[str, Any]:
    """The members of a bill out of a body; raises ApiError with everything that is wrong."""
    body, problems = call.body(), Problems()
    number = neutral.text(body, "Number", problems, longest=neutral.NUMBER_CHARS_MAX)
    comment = neutral.text(body, "AdditionalInfo", problems, longest=2000)
    call.facts |= {"number": number, "date": body.get("DocDate"), "comment": (comment or "")[:300]}
    lines = checks.items(body, problems)
    known_products(call, lines, problems)
    checks.total(body, lines, problems)
    found: dict[str, Any] = {
        "number": number,
        "day": checks.day(body, "DocDate", problems, required=True) or "",
        "due_day": checks.day(body, "DeadLine", problems),
        "comment": comment,
        "lines": lines,
        "counterparty_id": known_kontragent(call, body, problems),
    }
    if checks.whole(body, "Type", problems) not in (None, 1, 2):
        problems.add("Type", "Значение должно быть 1 или 2")
    if checks.whole(body, "Status", problems) not in (None, wire.NOT_PAID, wire.PAID):
        problems.add("Status", "Значение должно быть 4 или 6")
    problems.raise_any()
    found["extra"] = {
        "bill_type": checks.whole(body, "Type", problems) or 1,
        "nds_position": checks.whole(body, "NdsPositionType", problems),
        "stamp": bool(body.get("UseStampAndSign")),
        "vat_kopecks": sum(line["nds_kopecks"] for line in lines),
    }
    return found


def create(call: Call) -> Reply:
    """A second equal POST makes a second bill."""
    record = call.book.add_invoice(
        call.account, **_read(call), off_kopecks=call.off_kopecks, lag_seconds=call.lag_seconds
    )
    note = {"invoice": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload=_whole(call, record), note=note)


def update(call: Call) -> Reply:
    record, found = _bill(call), _read(call)
    lines = found["lines"]
    changed = call.book.rewrite(
        call.account,
        "invoices",
        record,
        number=found["number"] or record["number"],
        date=found["day"],
        due_date=found["due_day"],
        comment=found["comment"],
        items=lines,
        counterparty_id=found["counterparty_id"],
        sum_kopecks=sum(line["sum_kopecks"] for line in lines),
        **found["extra"],
    )
    return Reply(payload=_whole(call, changed), note={"invoice": record["id"]})


def find(call: Call) -> Reply:
    """By number, date of the document, buyer or time of change; rows without lines, payments and comment."""
    query = asked(call)
    call.facts |= {name: query[name] for name in ("number", "kontragentid") if name in query}
    after, before = query.get("docafterdate", "")[:10], query.get("docbeforedate", "9999")[:10]
    records = [
        record
        for record in call.book.select(call.account, "invoices")
        if not record["cancelled"]
        and query.get("number") in (None, record["number"])
        and query.get("kontragentid") in (None, record["counterparty_id"])
        and after <= record["date"] <= before
    ]
    return listed(
        call,
        records,
        lambda record: wire.bill_row(record, paid_kopecks=call.book.paid_kopecks(call.account, record["id"])),
    )


def by_ids(call: Call) -> Reply:
    """Whole bills; those that are not there are left out."""
    ids = call.json()
    if not isinstance(ids, list) or len(ids) > IDS_MAX:
        raise ApiError(400, "Invalid", f"Нужен список не больше чем из {IDS_MAX} идентификаторов")
    found = [call.book.get(call.account, "invoices", str(one)) for one in ids]
    return Reply(payload=[_whole(call, one) for one in found if one is not None and not one["cancelled"]])


def get(call: Call) -> Reply:
    record = _bill(call)
    return Reply(payload=_whole(call, record), note={"invoice": record["id"]})


def delete(call: Call) -> Reply:
    """A bill with payments stays."""
    record = _bill(call)
    if call.book.paid_kopecks(call.account, record["id"]) > 0:
        raise ApiError(409, "Conflict", "Счёт оплачен, его нельзя удалить")
    call.book.delete(call.account, "invoices", record["id"])
    return Reply(status=204, note={"invoice": record["id"]})


def linked(call: Call) -> Reply:
    """The closing documents of a bill."""
    record = _bill(call)
    acts = [one for one in call.book.select(call.account, "acts") if one["invoice_id"] == record["id"]]
    return Reply(payload={"ResourceList": [wire.closing(one) for one in acts]})


def file(call: Call) -> Reply:
    return file_of(call, _bill(call), "invoices")
