"""/acts: create, card, file. There is no list and no look-up."""

from __future__ import annotations

from sandbox.accounting import checks
from sandbox.accounting.checks import Problems
from sandbox.core.wire import Reply, Route
from sandbox.elba import wire
from sandbox.elba.api.buyers import known_counterparty
from sandbox.elba.api.invoices import rendered
from sandbox.elba.gate import Call, Gate


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", "/acts", "act.create", create),
        gate.route("GET", "/acts/{id}", "act.get", get),
        gate.route("GET", "/acts/{id}/pdf", "act.pdf", pdf),
    ]


def create(call: Call) -> Reply:
    """`invoiceId` is optional; a period is taken and not shown."""
    body = call.body()
    problems = Problems()
    call.facts |= {"date": body.get("date"), "comment": str(body.get("comment") or "")[:300]}
    day = checks.day(body, "date", problems, required=True)
    comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
    lines = checks.items(body, problems)
    counterparty_id = known_counterparty(call, body, problems)
    invoice_id = checks.text(body, "invoiceId", problems, longest=40)
    if invoice_id is not None and not call.book.holds(call.account, "invoices", invoice_id):
        problems.add("invoiceId", "Указанный счёт не найден")
    problems.raise_any()
    record = call.book.add_act(
        call.account,
        day=day or "",
        counterparty_id=counterparty_id,
        invoice_id=invoice_id,
        lines=lines,
        comment=comment,
        off_kopecks=call.off_kopecks,
        lag_seconds=call.lag_seconds,
    )
    note = {"act": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload=wire.act(record), note=note)


def get(call: Call) -> Reply:
    return Reply(payload=wire.act(call.find("acts", "Акт")))


def pdf(call: Call) -> Reply:
    return rendered(call, call.find("acts", "Акт"), "acts")
