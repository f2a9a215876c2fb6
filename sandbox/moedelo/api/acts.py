"""/accounting/api/v1/sales/act: create, list, card, file; an act has no comment."""

from __future__ import annotations

from sandbox.accounting import checks as neutral
from sandbox.accounting.checks import Problems
from sandbox.core.wire import Reply, Route
from sandbox.moedelo import checks, wire
from sandbox.moedelo.api.documents import file_of, known_kontragent
from sandbox.moedelo.gate import Call, Gate, asked, listed

PATH = "/accounting/api/v1/sales/act"


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", PATH, "act.create", create),
        gate.route("GET", PATH, "act.find", find),
        gate.route("GET", f"{PATH}/{{id}}", "act.get", get),
        gate.route("GET", f"{PATH}/{{id}}/{{format}}", "act.pdf", file),
    ]


def create(call: Call) -> Reply:
    """The sum, where it is given, must be that of the lines."""
    body, problems = call.body(), Problems()
    number = neutral.text(body, "Number", problems, longest=neutral.NUMBER_CHARS_MAX)
    call.facts |= {"number": number, "date": body.get("DocDate"), "bill": body.get("BillId")}
    day = checks.day(body, "DocDate", problems, required=True)
    lines = checks.items(body, problems)
    counterparty_id = known_kontragent(call, body, problems)
    bill = checks.whole(body, "BillId", problems)
    if bill is not None and call.book.get(call.account, "invoices", str(bill)) is None:
        problems.add("BillId", "Счёт не найден")
    if body.get("OnHands") not in (None, "Да", "Нет", "Скан"):
        problems.add("OnHands", "Значение должно быть Да, Нет или Скан")
    total = sum(line["sum_kopecks"] for line in lines)
    if body.get("Sum") is not None and round(float(body["Sum"]) * 100) != total:
        problems.add("Sum", "Сумма не равна сумме позиций")
    problems.raise_any()
    record = call.book.add_act(
        call.account,
        number=number,
        day=day or "",
        counterparty_id=counterparty_id,
        invoice_id=None if bill is None else str(bill),
        lines=lines,  # type: ignore[arg-type] # with the members of this vendor
        comment=None,
        off_kopecks=call.off_kopecks,
        lag_seconds=call.lag_seconds,
        extra={"nds_position": checks.whole(body, "NdsPositionType", problems)},
    )
    note = {"act": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload=wire.act(record), note=note)


def find(call: Call) -> Reply:
    query = asked(call)
    records = [
        record
        for record in call.book.select(call.account, "acts")
        if query.get("number") in (None, record["number"])
        and query.get("kontragentid") in (None, record["counterparty_id"])
    ]
    return listed(call, records, wire.act)


def get(call: Call) -> Reply:
    return Reply(payload=wire.act(call.find("acts", "Акт")))


def file(call: Call) -> Reply:
    return file_of(call, call.find("acts", "Акт"), "acts")
