"""Methods about what belongs to a document: its bytes, signatures by a call, the protocol, the shelf, deletion."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sandbox.accounting.pdf import render
from sandbox.core.wire import Reply
from sandbox.diadoc import wire
from sandbox.diadoc.book import Book
from sandbox.diadoc.gate import ApiError, Call, Gate
from sandbox.diadoc.parties import Method
from sandbox.diadoc.records import Document
from sandbox.diadoc.sending import WAITING, Sending

PROTOCOL_BYTES = 10_000
EXTENSION_CHARS_MAX = 10
PATCHES = ("Signatures", "RevocationRequests")


class Entities:
    """The methods, for the table of addresses."""

    def __init__(self, book: Book, sending: Sending) -> None:
        self._book, self._sending = book, sending

    def methods(self, gate: Gate) -> tuple[Method, ...]:
        of = gate.handler
        return (
            ("GET", "V4/GetEntityContent", of("content", self._content)),
            ("POST", "V4/PostMessagePatch", of("patch", self._patch, box="", json_body=True)),
            ("POST", "Delete", of("delete", self._delete)),
            ("GET", "GenerateDocumentProtocol", of("protocol", self._protocol)),
            ("POST", "V2/ShelfUpload", of("shelve", self._shelve, box="")),
        )

    def _content(self, call: Call) -> Reply:
        """The bytes of a document, or of what was added to it."""
        one, wanted = call.document(), call.asked("entityId")
        added = {entity["EntityId"]: entity["Content"]["Data"] for entity in one.entities}
        data = {one.entity_id: one.content, **added}.get(wanted)
        if data is None:
            raise ApiError(404, "Сущность не найдена")
        return Reply(body=base64.b64decode(data), content_type="application/octet-stream")

    def _patch(self, call: Call) -> Reply:
        """Our signature sends a delayed document; a request of revocation goes under a sent one."""
        body = call.json()
        if body.get("BoxId") != call.account.organization.box_id:
            raise ApiError(403, "Нет доступа к ящику", "Auth.BoxAccessDenied")
        one = call.account.documents.get(str(body.get("MessageId")))
        if one is None:
            raise ApiError(404, "Сообщение не найдено")
        given = {name: value for name, value in body.items() if value and name not in ("BoxId", "MessageId")}
        if not given or set(given) - set(PATCHES) or not all(isinstance(rows, list) for rows in given.values()):
            raise ApiError(400, f"Песочница принимает: {', '.join(PATCHES)}")
        before = len(one.entities)
        for row in given.get("Signatures", ()):
            self._sign(call, one, row)
        for row in given.get("RevocationRequests", ()):
            self._revoke(call, one, row)
        payload = {
            "MessageId": one.message_id,
            "PatchId": self._book.new_id(call.account, "patch"),
            "TimestampTicks": wire.ticks(self._book.now_unix),
            "MessageType": "Letter",
            "Entities": [{**added, "Content": {**added["Content"], "Data": None}} for added in one.entities[before:]],
            "MessageIsDelivered": one.delivered_unix > 0,
        }
        return Reply(payload=payload, note={"message_id": one.message_id})

    def _sign(self, call: Call, one: Document, row: Any) -> None:
        signature = _bytes(row, "Signature")
        if row.get("ParentEntityId") != one.entity_id:
            raise ApiError(404, "Сущность не найдена")
        if one.sender != WAITING or one.deleted:
            raise ApiError(409, "Документ не ожидает подписи отправителя")
        self._sending.sign(call.account, one, signature)

    def _revoke(self, call: Call, one: Document, row: Any) -> None:
        signed = row.get("SignedContent") if isinstance(row, dict) else None
        content = _bytes(signed, "Content")
        if row.get("ParentEntityId") != one.entity_id:
            raise ApiError(404, "Сущность не найдена")
        if not one.sent_unix or one.deleted or one.revocation not in ("RevocationStatusNone", "RevocationRejected"):
            raise ApiError(409, "Аннулирование документа невозможно")
        added = [self._sending.entity(call.account, one, "Attachment", "RevocationRequest", content)]
        self._book.alter(call.account, one, {"revocation": "RevocationIsRequestedByMe"}, added)

    def _delete(self, call: Call) -> Reply:
        """From our side alone."""
        one = call.document()
        if call.query.get("documentid") not in (None, one.entity_id):
            raise ApiError(404, "Документ не найден")
        if not one.deleted:
            self._book.alter(call.account, one, {"deleted": True})
        return Reply(body=b"", content_type="text/plain; charset=utf-8", note={"message_id": one.message_id})

    def _protocol(self, call: Call) -> Reply:
        one = call.document()
        if one.entity_id != call.asked("documentId"):
            raise ApiError(404, "Документ не найден")
        lines = [f"Протокол передачи: УПД № {one.number} от {one.date}", f"Отправитель: {one.sender}",
                 f"Получатель: {one.response}"]  # fmt: skip
        form = base64.b64encode(render(lines, PROTOCOL_BYTES)).decode()
        return Reply(payload={"PrintForm": form, "Signature": base64.b64encode(b"0\x82operator").decode()})

    def _shelve(self, call: Call) -> Reply:
        """The body as a file under a name that the service gives."""
        extension = call.query.get("fileextension", "bin")
        if not extension.isalnum() or len(extension) > EXTENSION_CHARS_MAX or not call.request.body:
            raise ApiError(400, "Нужны содержимое файла и его расширение")
        name = f"{self._book.new_id(call.account, 'shelf')}.{extension}"
        self._book.shelve(call.account, name, call.request.body)
        return Reply(
            body=name.encode(), content_type="text/plain; charset=utf-8", note={"bytes": len(call.request.body)}
        )


def _bytes(row: Any, name: str) -> bytes:
    try:
        found = base64.b64decode(row[name], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ApiError(400, f"{name} не в base64") from error
    if not found:
        raise ApiError(400, f"{name} пусто")
    return found
