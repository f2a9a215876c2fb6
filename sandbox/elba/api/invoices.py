"""/invoices and /payments: create, find, list of changes, cancel, file, money."""

from __future__ import annotations

import math

from sandbox.accounting import checks, documents
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.elba import asked, wire
from sandbox.elba.api.buyers import known_counterparty
from sandbox.elba.gate import Call, Gate, listed

RETRY_SECONDS_MAX = 60
"""A client may ask again so soon, however long a file takes, and whatever was done to the clock meanwhile."""


def routes(gate: Gate) -> list[Route]:
    return [
        gate.route("POST", "/invoices", "invoice.create", create),
        gate.route("GET", "/invoices", "invoice.find", find),
        gate.route("GET", "/invoices/{id}", "invoice.get", get),
        gate.route("POST", "/invoices/{id}/cancel", "invoice.cancel", cancel),
        gate.route("GET", "/invoices/{id}/pdf", "invoice.pdf", pdf),
        gate.route("GET", "/invoices/{id}/payments", "invoice.payments", payments_of_invoice),
        gate.route("GET", "/payments", "payment.list", payments),
    ]


def _written(call: Call, record: Record, status: int = 200) -> Reply:
    payload = call.book.invoice_wire(call.account, record, call.request.base_url)
    note = {"invoice": record["id"], "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=status, payload=payload, note=note)


def create(call: Call) -> Reply:
    """A second POST with the same number makes a second invoice: only the idempotency key protects."""
    body = call.body()
    problems = Problems()
    number = checks.text(body, "number", problems, longest=checks.NUMBER_CHARS_MAX, required=True)
    call.facts |= {"number": number, "date": body.get("date"), "comment": str(body.get("comment") or "")[:300]}
    day = checks.day(body, "date", problems, required=True)
    due_day = checks.day(body, "paymentDueDate", problems)
    if day and due_day and due_day < day:
        problems.add("paymentDueDate", "Срок оплаты раньше даты счёта")
    comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
    lines = checks.items(body, problems)
    counterparty_id = known_counterparty(call, body, problems)
    problems.raise_any()
    record = call.book.add_invoice(
        call.account,
        number=number or "",
        day=day or "",
        due_day=due_day,
        counterparty_id=counterparty_id,
        comment=comment,
        lines=lines,
        off_kopecks=call.off_kopecks,
        lag_seconds=call.lag_seconds,
    )
    return _written(call, record, 201)


def find(call: Call) -> Reply:
    """By number and date, or what changed since; always the list envelope."""
    query = call.request.query()
    offset, limit = asked.page(query)
    ids = None
    if "number" in query:
        call.facts |= {"number": query["number"], "date": query.get("date")}
        ids = call.account.invoices_by_number.get(query["number"], ())
    records = call.book.select(call.account, "invoices", ids, asked.updated_since(query))
    if "date" in query:
        problems = Problems()
        day = checks.day(dict(query), "date", problems)
        problems.raise_any()
        records = [record for record in records if record["date"] == day]
    base_url = call.request.base_url
    return listed(call, records, lambda record: call.book.invoice_wire(call.account, record, base_url), offset, limit)


def get(call: Call) -> Reply:
    return _written(call, call.find("invoices", "Счёт"))


def cancel(call: Call) -> Reply:
    record = call.find("invoices", "Счёт")
    if call.book.paid_kopecks(call.account, record["id"]) > 0:
        raise ApiError(409, "InvoiceAlreadyPaid", "Счёт уже оплачен")
    return _written(call, call.book.cancel_invoice(call.account, record))


def pdf(call: Call) -> Reply:
    return rendered(call, call.find("invoices", "Счёт"), "invoices")


def rendered(call: Call, record: Record, kind: str) -> Reply:
    """The file, or 202 with Retry-After (business seconds, a minute at most) while it is being rendered."""
    if call.late_render_seconds:
        ready = max(record["pdf_ready_unix"], call.book.now_unix) + call.late_render_seconds
        record = call.book.rewrite(call.account, kind, record, pdf_ready_unix=ready)
    left = record["pdf_ready_unix"] - call.book.now_unix
    if left > 0:
        return Reply(
            status=202,
            payload={"status": "rendering"},
            headers={"Retry-After": str(math.ceil(min(left, RETRY_SECONDS_MAX)))},
        )
    draw = documents.invoice_pdf if kind == "invoices" else documents.act_pdf
    name = f"{'invoice' if kind == 'invoices' else 'act'}-{record['id']}.pdf"
    return Reply(
        body=draw(call.book, call.account, record),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def payments_of_invoice(call: Call) -> Reply:
    record = call.find("invoices", "Счёт")
    return _feed(call, call.book.payments_of(call.account, record["id"]))


def payments(call: Call) -> Reply:
    records = call.book.select(call.account, "payments", since=asked.updated_since(call.request.query()))
    return _feed(call, records)


def _feed(call: Call, records: list[Record]) -> Reply:
    """Payments; one marked so stands twice in one answer, as feeds do that overlap."""
    offset, limit = asked.page(call.request.query())
    rows = [row for record in records for row in ([record] * (2 if record["listed_twice"] else 1))]
    return listed(call, rows, wire.payment, offset, limit)
