"""The HTTP service of the extension: printed forms. A base without it answers as a web server does."""

from __future__ import annotations

import math

from sandbox.accounting import documents
from sandbox.accounting.checks import ApiError
from sandbox.core.wire import Reply, Route
from sandbox.onec.book import DOCUMENTS
from sandbox.onec.gate import Call, CallHandler, Gate

PATH = "/{account}/hs/crmgate/v1"


def routes(gate: Gate) -> list[Route]:
    """The service of every base."""
    found = [gate.route("GET", f"{PATH}/ping", "ping", _ping)]
    for kind, operation in (
        ("Document_СчетНаОплатуПокупателю", "invoice.pdf"),
        ("Document_РеализацияТоваровУслуг", "act.pdf"),
    ):
        found.append(gate.route("GET", f"{PATH}/print/{kind}/{{id}}", operation, _printer(kind)))
    return found


def _ping(call: Call) -> Reply:
    installed(call)
    return Reply(payload={"config": "БухгалтерияПредприятия", "version": "3.0.170", "api": 1})


def _printer(kind: str) -> CallHandler:
    def handle(call: Call) -> Reply:
        installed(call)
        records = DOCUMENTS[kind]
        record = call.book.get(call.account, records, call.request.params["id"].lower())
        if record is None:
            return _refused(404, "not_found", "Документ не найден")
        if not record.get("onec", {}).get("Posted"):
            return _refused(409, "not_posted", "Документ не проведён")
        if call.late_render_seconds:
            ready = max(record["pdf_ready_unix"], call.book.now_unix) + call.late_render_seconds
            record = call.book.rewrite(call.account, records, record, pdf_ready_unix=ready)
        left = record["pdf_ready_unix"] - call.book.now_unix
        if left > 0:
            return Reply(status=202, payload={}, headers={"Retry-After": str(math.ceil(left))})
        draw = documents.invoice_pdf if records == "invoices" else documents.act_pdf
        return Reply(body=draw(call.book, call.account, record), content_type="application/pdf")

    return handle


def installed(call: Call) -> None:
    """Raises ApiError in a base without the extension."""
    if not call.book.dials(call.account).extension:
        raise ApiError(404, "page", "HTTP-сервис не найден")


def _refused(status: int, code: str, text: str) -> Reply:
    return Reply(status=status, payload={"error": {"code": code, "message": text}}, error=code)
