"""/acts, /waybills and /transfer-documents: create, card, those of an invoice or changed, file."""

from __future__ import annotations

import io
import uuid
import zipfile
from typing import Any

from sandbox.accounting import checks, documents
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply, Route
from sandbox.kontur import asked, wire
from sandbox.kontur.api.files import rendered
from sandbox.kontur.api.invoices import known_buyer, known_products, open_period
from sandbox.kontur.gate import Call, Gate, listed

FORMS = {"acts": "act", "waybills": "waybill", "transfer-documents": "upd"}
FUNCTIONS = ("invoiceAndTransfer", "transferOnly")


def routes(gate: Gate) -> list[Route]:
    return [route for place in FORMS for route in _routes(gate, place)]


def _routes(gate: Gate, place: str) -> list[Route]:
    form = FORMS[place]
    return [
        gate.route("POST", f"/{place}", "act.create", lambda call: create(call, form)),
        gate.route("GET", f"/{place}", "act.find", lambda call: find(call, form)),
        gate.route("GET", f"/{place}/{{id}}", "act.get", lambda call: get(call, form)),
        gate.route("GET", f"/{place}/{{id}}/pdf", "act.pdf", lambda call: pdf(call, form)),
        gate.route("POST", f"/{place}/{{id}}/send", "act.send", lambda call: send(call, form)),
        gate.route("GET", f"/{place}/{{id}}/signed-archive", "act.archive", lambda call: archive(call, form)),
    ]


def create(call: Call, form: str) -> Reply:
    body = call.body()
    problems = Problems()
    external_id = checks.text(body, "externalId", problems, longest=200)
    call.facts |= {"date": body.get("date"), "external_id": external_id}
    day = checks.day(body, "date", problems, required=True)
    comment = checks.text(body, "comment", problems, longest=checks.TEXT_CHARS_MAX)
    lines: Any = asked.lines(body, problems)
    known_products(call, body, problems)
    buyer = known_buyer(call, body, problems)
    invoice_id = checks.text(body, "invoiceId", problems, longest=40)
    if invoice_id is not None and call.book.get(call.account, "invoices", invoice_id) is None:
        problems.add("invoiceId", "Указанный счёт не найден")
    function = checks.text(body, "function", problems, longest=40, required=form == "upd")
    if function is not None and (form != "upd" or function not in FUNCTIONS):
        problems.add("function", f"Поле function есть у УПД, значения: {', '.join(FUNCTIONS)}")
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
        extra={"external_id": external_id, "form": form, "function": function},
    )
    note = {"act": record["id"], "form": form, "number": record["number"], "sum_kopecks": record["sum_kopecks"]}
    return Reply(status=201, payload=wire.act(record), note=note)


def find(call: Call, form: str) -> Reply:
    query = call.request.query()
    known = call.book.select(call.account, "acts", since=asked.since(query))
    records = [one for one in known if one["form"] == form]
    if "invoiceId" in query:
        records = [one for one in records if one["invoice_id"] == query["invoiceId"]]
    return listed(call, records, wire.act, kind="" if "invoiceId" in query else "acts", form=form)


def get(call: Call, form: str) -> Reply:
    return Reply(payload=wire.act(_of(call, form)))


def pdf(call: Call, form: str) -> Reply:
    return rendered(call, _of(call, form), "acts")


def send(call: Call, form: str) -> Reply:
    """To the operator of electronic documents, once."""
    record, body, problems = _of(call, form), call.body(), Problems()
    if body.get("channel") != "diadoc":
        problems.add("channel", "Поле channel должно быть diadoc")
    box = checks.text(body, "boxId", problems, longest=100)
    asked.raise_any(problems)
    if record.get("edo") is not None:
        raise ApiError(409, "InvalidState", "Документ уже отправлен")
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{record['id']}|{part}")) for part in ("message", "document", "box")]
    edo = {"operator": "diadoc", "boxId": box or ids[2], "messageId": ids[0], "documentId": ids[1],
           "sentAt": wire.moment(call.book.now_unix), "deliveredAt": None, "finishedAt": None,
           "rejectReason": None}  # fmt: skip
    sent = call.book.rewrite(call.account, "acts", record, edo=edo)
    sent = call.book.sign(call.account, sent, "waitingForRecipient")
    return Reply(status=202, payload=wire.act(sent), note={"act": record["id"]})


def archive(call: Call, form: str) -> Reply:
    """The document with both signatures and its print form; there only once both have signed."""
    record = _of(call, form)
    if wire.act(record)["signatureStatus"] != "signedByBoth":
        raise ApiError(409, "InvalidState", "Документ ещё не подписан обеими сторонами")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("document.xml", f'<?xml version="1.0" encoding="UTF-8"?><Файл Номер="{record["number"]}"/>')
        files.writestr("sender.sgn", b"0\x82ours")
        files.writestr("recipient.sgn", b"0\x82partner")
        files.writestr("print.pdf", documents.act_pdf(call.book, call.account, record))
    name = f'attachment; filename="{record["id"]}.zip"'
    return Reply(body=out.getvalue(), content_type="application/zip", headers={"Content-Disposition": name})


def _of(call: Call, form: str) -> Record:
    record = call.find("acts", "Документ")
    if record["form"] != form:
        raise ApiError(404, "NotFound", "Документ не найден")
    return record
