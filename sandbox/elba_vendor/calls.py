"""The calls of the published API: contractors, bills, closing documents, news of money."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.elba_vendor import asked, wire
from sandbox.elba_vendor.gate import Call, Gate

OF = "/organizations/{organization}"
NEWS_ROWS_MAX = 1000


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("GET", "/long-running-tasks/{id}", "task.get", task),
        gate.route("POST", f"{OF}/contractors", "counterparty.create", create_contractor),
        gate.route("POST", f"{OF}/contractors/search", "counterparty.find", search),
        gate.route("GET", f"{OF}/contractors/{{id}}", "counterparty.get", contractor),
        gate.route("POST", f"{OF}/bills", "invoice.create", create_bill),
        gate.route("GET", f"{OF}/bills/{{id}}", "invoice.get", bill),
        gate.route("POST", f"{OF}/acts", "act.create", create_act),
        gate.route("POST", f"{OF}/delivery-notes", "act.create", create_waybill),
        gate.route("POST", f"{OF}/universal-transfer-documents", "act.create", create_upd),
        gate.route("POST", f"{OF}/document-news/subscription", "balance.subscribe", subscribe),
        gate.route("GET", f"{OF}/document-news", "balance.list", news),
    ]


# -- contractors


def create_contractor(call: Call) -> Reply:
    """One record for an INN and KPP."""
    card = asked.contractor(call.body())
    call.facts |= {"inn": card["inn"], "kpp": card["kpp"]}
    if card["inn"]:
        ids = call.account.counterparties_by_inn.get(card["inn"], ())
        if any(one["kpp"] == card["kpp"] for one in call.book.select(call.account, "counterparties", ids)):
            raise ApiError(409, "EntityAlreadyExists", "Контрагент с такими ИНН и КПП уже существует", "inn")
    record = call.book.put_counterparty(call.account, card, lag_seconds=call.lag_seconds)
    return Reply(status=201, payload={"id": record["id"]}, note={"counterparty": record["id"]})


def contractor(call: Call) -> Reply:
    return Reply(payload=wire.contractor(call.find("counterparties", "Контрагент")))


def search(call: Call) -> Reply:
    """At once, or as a task that ends after so many looks as the switch says."""
    wanted, offset, limit = asked.search(call.body())
    call.facts |= wanted
    found = [one for one in call.book.select(call.account, "counterparties") if _fits(one, wanted)]
    rows = [wire.found_contractor(one) for one in found[offset : offset + limit]]
    looks = call.book.switched(call.account, "search_looks")
    if not looks:
        return Reply(payload={"contractors": rows})
    fails = bool(call.book.switched(call.account, "search_fails"))
    return begun(call, "searchContractors", {"contractors": rows}, looks, fails=fails)


def begun(call: Call, kind: str, result: dict[str, Any], looks: int, *, fails: bool = False) -> Reply:
    """202: the answer comes by a task."""
    made = call.book.put_task(call.account, kind, result, looks, fails=fails)
    payload = {"id": made["id"], "status": "inProcess", "type": kind}
    headers = {"Location": f"/v1/long-running-tasks/{made['id']}", "Retry-After": "1"}
    return Reply(status=202, payload=payload, headers=headers)


def _fits(record: Record, wanted: dict[str, str]) -> bool:
    """INN and KPP by their beginning, names by a part: how the service matches is not stated."""
    by_name = wanted.get("name", "").lower() in record["full_name"].lower()
    return by_name and all((record[key] or "").startswith(wanted.get(key, "")) for key in ("inn", "kpp"))


def task(call: Call) -> Reply:
    """Each look brings a task nearer to its end."""
    record = call.find("tasks", "Задача")
    left = max(record["looks_left"] - 1, 0)
    record = call.book.rewrite(call.account, "tasks", record, looks_left=left)
    payload: dict[str, Any] = {"id": record["id"], "status": "inProcess", "type": record["type"], "result": None,
                               "errorDescription": None}  # fmt: skip
    if not left and record["fails"]:
        payload |= {"status": "failed", "errorDescription": {"traceId": record["id"], "message": "Внутренняя ошибка"}}
    elif not left:
        payload |= {"status": "completed", "result": record["result"]}
    return Reply(payload=payload, headers={"Retry-After": "1"})


# -- documents


def create_bill(call: Call) -> Reply:
    """The answer names the id alone; a repeated POST makes a second bill."""
    body, problems = call.body(), Problems()
    made = _document(call, body, problems)
    record = call.book.add_invoice(
        call.account,
        due_day=None,
        **made,
        off_kopecks=0,
        lag_seconds=call.lag_seconds,
        extra={
            "bank_account_id": body.get("bankAccountId"),
            "template_id": body.get("templateId"),
            "nds_inside": body.get("sumsWithNDS") is True,
            "with_discount": body.get("withDiscount") is True,
        },
    )
    if call.off_kopecks:
        first = {**record["items"][0], "sum_kopecks": record["items"][0]["sum_kopecks"] + call.off_kopecks}
        lines = [first, *record["items"][1:]]
        record = call.book.edit_invoice(call.account, record, {"items": lines})
    note = {"invoice": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload={"id": record["id"]}, note=note)


def _document(call: Call, body: dict[str, Any], problems: Problems) -> dict[str, Any]:
    call.facts |= {"date": body.get("date"), "comment": str(body.get("comment") or "")[:300]}
    day = checks.day(body, "date", problems, required=True)
    number = checks.text(body, "number", problems, longest=checks.NUMBER_CHARS_MAX)
    comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
    buyer = checks.text(body, "contractorId", problems, longest=100, required=True)
    if buyer is not None and call.book.get(call.account, "counterparties", buyer.lower()) is None:
        problems.add("contractorId", "Указанный контрагент не найден")
    bank = body.get("bankAccountId")
    if bank is not None and bank != call.book.bank_account(call.account) and bank not in call.account.records["banks"]:
        problems.add("bankAccountId", "Расчётный счёт не найден")
    if body.get("templateId") not in (None, call.book.template(call.account)):
        problems.add("templateId", "Шаблон не найден")
    elif body.get("placeholderItems") not in (None, []):
        problems.add("placeholderItems", "В шаблоне нет такого поля")
    lines = asked.lines(body, problems)
    problems.raise_any()
    return {
        "number": number,
        "day": day or "",
        "counterparty_id": (buyer or "").lower(),
        "comment": comment,
        "lines": lines,
    }


def bill(call: Call) -> Reply:
    record = call.find("invoices", "Счёт")
    paid = call.book.paid_kopecks(call.account, record["id"])
    note = {"invoice": record["id"], "number": record["number"]}
    return Reply(payload=wire.bill(record, paid, call.book.today), note=note)


def create_act(call: Call) -> Reply:
    """Nothing ties it to a bill, and it cannot be read."""
    return _closing(call, "act", call.body(), Problems())


def create_waybill(call: Call) -> Reply:
    """As an act, with a consignee and without a comment."""
    body, problems = {**call.body(), "comment": None}, Problems()
    consignee = checks.text(body, "consigneeId", problems, longest=100)
    if consignee is not None and call.book.get(call.account, "counterparties", consignee.lower()) is None:
        problems.add("consigneeId", "Указанный грузополучатель не найден")
    return _closing(call, "waybill", body, problems)


def create_upd(call: Call) -> Reply:
    """Status 1 is the VAT invoice too, and needs the buyer's requisites; status 2 has no VAT."""
    body, problems = call.body(), Problems()
    body = asked.upd(body, problems)
    buyer = call.book.get(call.account, "counterparties", str(body.get("contractorId") or "").lower())
    if body.get("status") == "status1" and buyer is not None:
        whole = buyer["inn"] and buyer["address"] and (buyer["kpp"] or len(buyer["inn"]) == 12)
        if not whole:
            problems.add("contractorId", "Для УПД со статусом 1 нужны ИНН, КПП и юридический адрес контрагента")
    return _closing(call, "upd", body, problems)


def _closing(call: Call, form: str, body: dict[str, Any], problems: Problems) -> Reply:
    if body.get("reasonDate") is not None and not body.get("reasonName"):
        problems.add("reasonDate", "Дата основания указывается вместе с основанием")
    made = _document(call, body, problems)
    record = call.book.add_act(
        call.account,
        invoice_id=None,
        **made,
        off_kopecks=call.off_kopecks,
        lag_seconds=call.lag_seconds,
        extra={"form": form, "upd_status": body.get("status")},
    )
    note = {"act": record["id"], "form": form, "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload={"id": record["id"]}, note=note)


# -- money


def subscribe(call: Call) -> Reply:
    call.book.subscribe(call.account)
    return Reply(status=204)


def news(call: Call) -> Reply:
    """From an offset on, which is a row's id, or its place where the switch says so."""
    offset, limit = asked.offset_and_limit(call.request.query(), NEWS_ROWS_MAX)
    rows = sorted(call.book.select(call.account, "news"), key=lambda one: int(one["id"]))
    by_place = call.book.switched(call.account, "news_by_place")
    shown = rows[offset:] if by_place else [one for one in rows if int(one["id"]) >= offset]
    payload = {"news": [wire.news(one) for one in shown[:limit]]}
    return Reply(payload=payload, note={"shown": len(payload["news"])})
