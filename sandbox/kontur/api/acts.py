"""/acts: create, card, those of an invoice or changed, file."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import checks
from sandbox.accounting.checks import Problems
from sandbox.core.wire import Reply, Route
from sandbox.kontur import asked, wire
from sandbox.kontur.api.files import rendered
from sandbox.kontur.api.invoices import known_buyer, open_period
from sandbox.kontur.gate import Call, Gate, listed


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", "/acts", "act.create", create),
        gate.route("GET", "/acts", "act.find", find),
        gate.route("GET", "/acts/{id}", "act.get", get),
        gate.route("GET", "/acts/{id}/pdf", "act.pdf", pdf),
    ]


def create(call: Call) -> Reply:
    body = call.body()
    problems = Problems()
    external_id = checks.text(body, "externalId", problems, longest=200)
    call.facts |= {"date": body.get("date"), "external_id": external_id}
    day = checks.day(body, "date", problems, required=True)
    comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
    lines: Any = asked.lines(body, problems)
    buyer = known_buyer(call, body, problems)
    invoice_id = checks.text(body, "invoiceId", problems, longest=40)
    if invoice_id is not None and call.book.get(call.account, "invoices", invoice_id) is None:
        problems.add("invoiceId", "Указанный счёт не найден")
    asked.raise_any(problems)
    open_period(call, day or "")
    record = call.book.add_act(
        call.account,
        day=day or "",
        counterparty_id=buyer,
        invoice_id=invoice_id,
        lines=lines,
        comment=comment,
        off_kopecks=call.off_kopecks,
        lag_seconds=call.lag_seconds,
        extra={"external_id": external_id},
    )
    note = {"act": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload=wire.act(record), note=note)


def find(call: Call) -> Reply:
    query = call.request.query()
    records = call.book.select(call.account, "acts", since=asked.since(query))
    if "invoiceId" in query:
        records = [one for one in records if one["invoice_id"] == query["invoiceId"]]
    return listed(call, records, wire.act)


def get(call: Call) -> Reply:
    return Reply(payload=wire.act(call.find("acts", "Акт")))


def pdf(call: Call) -> Reply:
    return rendered(call, call.find("acts", "Акт"), "acts")
