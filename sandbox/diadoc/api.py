"""Methods of the API at the versions that the product calls; each by its page of developer.kontur.ru/doc/diadoc-api."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.accounting.pdf import render
from sandbox.core.wire import BadRequestError, Reply, Route, Router
from sandbox.diadoc import title, wire
from sandbox.diadoc.book import Book
from sandbox.diadoc.entities import Entities
from sandbox.diadoc.gate import ApiError, Call, CallHandler, Gate
from sandbox.diadoc.parties import Parties
from sandbox.diadoc.records import PARTNER, Account, Document
from sandbox.diadoc.sending import Sending

ROWS_MAX = 100
DOCUMENTS_MAX = 40
SAME_BODY_SECONDS = 60
COUNTED_MAX = 1000
NO_CONTENT = 204
PDF_BYTES = 20_000
DIRECTIONS = ("Inbound", "Outbound", "Internal", "Proxy")
STATES = (
    "WaitingForSenderSignature", "WaitingForRecipientSignature", "WithRecipientSignature",
    "RecipientSignatureRequestRejected", "InvalidRecipientSignature", "WithRecipientPartiallySignature",
)  # fmt: skip


class Api:
    """All methods, below a prefix."""

    def __init__(self, book: Book, gate: Gate, sending: Sending, prefix: str) -> None:
        self._book, self._gate, self._sending, self._prefix = book, gate, sending, prefix

    def routes(self) -> Sequence[Route]:
        of = self._gate.handler
        methods = (
            ("GET", "V3/GetDocumentTypes", of("types", self._types)),
            ("POST", "GenerateTitleXml", of("title", self._title)),
            ("POST", "V3/PostMessage", of("post", self._post, box="", json_body=True)),
            ("GET", "V6/GetMessage", of("message", self._message)),
            ("GET", "V3/GetDocument", of("document", self._document)),
            ("GET", "V3/GetDocuments", of("documents", self._documents)),
            ("GET", "V7/GetNewEvents", of("events", self._events)),
            ("GET", "V8/GetNewEvents", of("events", self._events)),
            ("GET", "V2/GetLastEvent", of("last_event", self._last_event)),
            ("GET", "GeneratePrintForm", of("print_form", self._print_form)),
            ("GET", "GenerateDocumentZip", of("archive", self._archive)),
            ("GET", "V2/ShelfDownload", of("shelf", self._shelf, box="")),
            *Parties(self._book).methods(self._gate),
            *Entities(self._book, self._sending).methods(self._gate),
        )
        served = [Route(method, f"{self._prefix}/{path}", handler) for method, path, handler in methods]
        unknown = of("unknown", _unserved(Router(served)), box="")
        return [*served, Route("*", f"{self._prefix}/{{rest:path}}", unknown)]

    # Documents

    def _types(self, call: Call) -> Reply:
        version: dict[str, Any] = {
            "Version": title.VERSION,
            "IsActual": True,
            "Titles": [{"Index": 0, "IsFormal": True}],
        }
        functions = [{"Name": name, "Versions": [version]} for name in title.FUNCTIONS]
        return Reply(payload={"DocumentTypes": [{"Name": wire.DOCUMENT_TYPE, "Title": "УПД", "Functions": functions}]})

    def _title(self, call: Call) -> Reply:
        if call.request.content_type not in ("application/xml", "text/xml"):
            raise ApiError(415, "Ожидается application/xml")
        function = call.asked("documentFunction")
        asked = (call.asked("documentTypeNamedId"), call.asked("documentVersion"), call.asked("titleIndex"))
        if asked != (wire.DOCUMENT_TYPE, title.VERSION, "0") or function not in title.FUNCTIONS:
            raise ApiError(400, "Неизвестный тип, функция или версия документа")
        own = call.account.organization
        names = {one.box_id: f"2BM-{one.inn}-{one.kpp}" for one in (own, *call.account.partners.values())}
        guid = self._book.new_id(call.account, "title")
        try:
            made = title.generate(call.request.body, function, own.box_id, set(call.account.partners), names, guid)
        except title.TitleError as error:
            raise ApiError(400, str(error)) from error
        disposition = f'attachment; filename="{made.file_name}"'
        return Reply(
            body=made.content, content_type="application/xml; charset=windows-1251",
            headers={"Content-Disposition": disposition},
        )  # fmt: skip

    def _post(self, call: Call) -> Reply:
        body_hash = hashlib.md5(call.request.body, usedforsecurity=False).hexdigest()
        operation_id = (call.query.get("operationid") or body_hash).lower()
        account = call.account
        known = account.operations.get(operation_id)
        if known is not None:
            if self._book.now_unix < known["until_unix"]:
                raise ApiError(204, "", "", 2)
            repeated = wire.message(account, account.documents[known["message_id"]])
            return Reply(payload=repeated, note={"repeated": True})
        if any(
            one["body"] == body_hash and self._book.now_unix < one["at_unix"] + SAME_BODY_SECONDS
            for one in account.operations.values()
        ):
            raise ApiError(409, "Сообщение уже отправлено")
        document = self._posted(call, call.json())
        self._book.post(account, document, operation_id, body_hash)
        note = {"message_id": document.message_id, "marker": document.marker}
        return Reply(payload=wire.message(account, document), note=note)

    def _posted(self, call: Call, body: dict[str, Any]) -> Document:
        account = call.account
        if body.get("FromBoxId") != account.organization.box_id:
            raise ApiError(403, "Нет доступа к ящику отправителя", "Auth.BoxAccessDenied")
        partner = account.partners.get(str(body.get("ToBoxId")))
        attachments = body.get("DocumentAttachments")
        if partner is None or not partner.active:
            raise ApiError(404, "Ящик получателя не найден")
        if not isinstance(attachments, list) or not 1 <= len(attachments) <= DOCUMENTS_MAX:
            raise ApiError(400, f"В сообщении от 1 до {DOCUMENTS_MAX} документов")
        if len(attachments) > 1 or body.get("DelaySend") is not True or body.get("IsDraft"):
            raise ApiError(400, "Песочница принимает один неподписанный документ с отложенной отправкой")
        if partner.sociability == "CounteragentsOnly" and account.relation(partner.box_id) != PARTNER:
            raise ApiError(409, "Получатель принимает документы только от контрагентов")
        if partner.roaming and account.relation(partner.box_id) != PARTNER:
            raise ApiError(409, "Для обмена с абонентом другого оператора нужно настроить роуминг")
        one = attachments[0] if isinstance(attachments[0], dict) else {}
        if one.get("TypeNamedId") != wire.DOCUMENT_TYPE or one.get("Version") != title.VERSION:
            raise ApiError(400, f"Неизвестный тип документа {one.get('TypeNamedId')}")
        try:
            content = self._content(account, one["SignedContent"])
            read = title.read(content)
        except (KeyError, TypeError, binascii.Error) as error:
            raise ApiError(400, "Содержимое документа не в base64") from error
        except title.TitleError as error:
            raise ApiError(400, str(error)) from error
        if read["buyer"] != partner.box_id or read["function"] != one.get("Function"):
            raise ApiError(400, "Титул составлен для другого получателя или с другой функцией")
        return Document(
            message_id=self._book.new_id(account, "message"), entity_id=self._book.new_id(account, "entity"),
            to_box=partner.box_id, function=read["function"], version=title.VERSION, file_name=read["name"],
            number=read["number"], date=read["date"], content=base64.b64encode(content).decode(),
            marker=str(one.get("CustomDocumentId") or ""), comment=str(one.get("Comment") or ""),
            custom_data=list(one.get("CustomData") or []), created_unix=self._book.now_unix,
        )  # fmt: skip

    @staticmethod
    def _content(account: Account, signed: dict[str, Any]) -> bytes:
        """What is sent, or what lies on the shelf by a name."""
        if signed.get("NameOnShelf") is None:
            return base64.b64decode(signed["Content"], validate=True)
        held = account.shelf.get(str(signed["NameOnShelf"]))
        if held is None:
            raise ApiError(400, "Файл на полке не найден")
        return base64.b64decode(held)

    def _message(self, call: Call) -> Reply:
        one = call.document()
        content = call.query.get("injectentitycontent", "").lower() == "true"
        return Reply(payload=wire.message(call.account, one, content=content))

    def _document(self, call: Call) -> Reply:
        one = call.document()
        if one.entity_id != call.asked("entityId"):
            raise ApiError(404, "Документ не найден")
        return Reply(payload=wire.document(one))

    def _documents(self, call: Call) -> Reply:
        """By `<type or Any>.<direction>[<state>]`; there is nothing but outgoing documents here."""
        kind, _, rest = call.asked("filterCategory").partition(".")
        direction = next((one for one in DIRECTIONS if rest.startswith(one)), None)
        state = rest.removeprefix(direction or "")
        if direction is None or kind not in ("Any", wire.DOCUMENT_TYPE) or state not in ("", *STATES):
            raise ApiError(400, "Неверный параметр filterCategory")
        # Dates of documents have no zone.
        since = _day(call, "fromDocumentDate", datetime.min)  # noqa: DTZ901 - as above
        until = _day(call, "toDocumentDate", datetime.max)  # noqa: DTZ901 - as above
        box, number = call.query.get("counteragentboxid", ""), call.query.get("documentnumber", "")
        count, start = call.number("count", ROWS_MAX), self._place(call.query.get("afterindexkey", ""))
        lag = call.fault.number("lag_seconds", 10) if call.fault and call.fault.kind == "read_lag" else 0.0
        rows = [
            (place, one)
            for place, one in enumerate(call.account.documents.values(), 1)
            if place > start
            and direction == "Outbound"
            and state in ("", one.sender, one.response)
            and (not box or one.to_box == box)
            and number in ("", one.number)
            and since <= _date(one.date) <= until
            and one.created_unix <= self._book.now_unix - lag
        ]
        page = [wire.document(one, place) for place, one in rows[:count]]
        return Reply(payload={"TotalCount": len(rows), "Documents": page, "HasMoreResults": len(rows) > count})

    # The feed

    def _events(self, call: Call) -> Reply:
        """What was told after a key, of a partner or a type where one asks so."""
        start, limit = self._place(call.query.get("afterindexkey", "")), call.number("limit", ROWS_MAX)
        box, kind = call.query.get("counteragentboxid", ""), call.query.get("typenamedid", "")
        outgoing = call.query.get("documentdirection", "Outbound") in ("Outbound", "UnknownDocumentDirection")
        rows = [
            one
            for one in call.account.events
            if one["place"] > start
            and outgoing
            and kind in ("", wire.DOCUMENT_TYPE)
            and box in ("", call.account.documents[one["message_id"]].to_box)
        ]
        if call.query.get("orderby") == "Descending":
            rows = [one for one in reversed(call.account.events) if not start or one["place"] < start]
        counted = "Equal" if len(rows) <= COUNTED_MAX else "GreaterThanOrEqual"
        payload = {"Events": [wire.event(call.account, one) for one in rows[:limit]],
                   "TotalCount": min(len(rows), COUNTED_MAX), "TotalCountType": counted}  # fmt: skip
        return Reply(payload=payload, note={"events": min(len(rows), limit)})

    def _last_event(self, call: Call) -> Reply:
        if not call.account.events:
            return Reply(status=NO_CONTENT)
        return Reply(payload=wire.event(call.account, call.account.events[-1]))

    # Files

    def _print_form(self, call: Call) -> Reply:
        one = call.document()
        late = call.fault.number("render_seconds", 60) if call.fault and call.fault.kind == "pdf_late" else 0.0
        if self._wait(call, f"print|{one.message_id}", late):
            return Reply(body=b"", content_type="application/pdf", headers={"Retry-After": "2"})
        states = [f"УПД № {one.number} от {one.date}", one.file_name, f"Подпись отправителя: {one.sender}",
                  f"Ответ получателя: {one.response}"]  # fmt: skip
        name = f'attachment; filename="{one.number}.pdf"'
        return Reply(
            body=render(states, PDF_BYTES), content_type="application/pdf", headers={"Content-Disposition": name}
        )

    def _archive(self, call: Call) -> Reply:
        one = call.document()
        if self._wait(call, f"archive|{one.message_id}"):
            raise ApiError(204, "", "", 2)
        return Reply(payload={"ZipFileNameOnShelf": f"{one.message_id}.zip"})

    def _shelf(self, call: Call) -> Reply:
        name = call.asked("fileName")
        if name in call.account.shelf:
            return Reply(body=base64.b64decode(call.account.shelf[name]), content_type="application/octet-stream")
        one = call.account.documents.get(name.removesuffix(".zip"))
        if one is None:
            raise ApiError(404, "Файл на полке не найден")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(one.file_name, base64.b64decode(one.content))
            for entity in one.entities:
                kind = "sgn" if entity["EntityType"] == "Signature" else "xml"
                archive.writestr(f"{entity['EntityId']}.{kind}", base64.b64decode(entity["Content"]["Data"]))
        return Reply(body=out.getvalue(), content_type="application/zip")

    def _wait(self, call: Call, key: str, late: float = 0.0) -> bool:
        """Whether a file is still being made; the first asking begins it."""
        if key not in call.account.prints:
            self._book.ask_print(call.account, key)
            return True
        return self._book.now_unix < call.account.prints[key] + late

    def _place(self, key: str) -> int:
        try:
            return wire.place_of(key) if key else 0
        except BadRequestError as error:
            raise ApiError(400, "Неверный afterIndexKey") from error


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y")  # noqa: DTZ007 - a day


def _day(call: Call, name: str, without: datetime) -> datetime:
    """A day of the query."""
    value = call.query.get(name.lower(), "")
    try:
        return _date(value) if value else without
    except ValueError as error:
        raise ApiError(400, f"Параметр {name} должен иметь вид дд.мм.гггг") from error


def _unserved(served: Router) -> CallHandler:
    """405 where only the method is wrong, 404 on an address that nothing serves."""

    def refuse(call: Call) -> Reply:
        if any(isinstance(served.find(one, call.request.path), tuple) for one in ("GET", "POST")):
            raise ApiError(405, f"Метод {call.request.method} здесь не поддерживается")
        raise ApiError(404, f"Адрес {call.request.path} не существует")

    return refuse
