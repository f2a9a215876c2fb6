"""The files of documents: rendered for a while, then there."""

from __future__ import annotations

import math

from sandbox.accounting import documents
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply
from sandbox.kontur.gate import Call


def rendered(call: Call, record: Record, kind: str) -> Reply:
    """The file, or 202 with Retry-After (business seconds) while it is being rendered."""
    if call.late_render_seconds:
        ready = max(record["pdf_ready_unix"], call.book.now_unix) + call.late_render_seconds
        record = call.book.rewrite(call.account, kind, record, pdf_ready_unix=ready)
    left = record["pdf_ready_unix"] - call.book.now_unix
    if left > 0:
        return Reply(status=202, payload={"status": "rendering"}, headers={"Retry-After": str(math.ceil(left))})
    draw = documents.invoice_pdf if kind == "invoices" else documents.act_pdf
    name = f"{'invoice' if kind == 'invoices' else 'act'}-{record['id']}.pdf"
    return Reply(
        body=draw(call.book, call.account, record),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
