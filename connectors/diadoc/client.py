"""Calls to Diadoc boxes: what is asked, in which order, and whether the answer is about what was asked.

Source: https://developer.kontur.ru/doc/diadoc-api, the page of each method.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer
from chassis.outcomes import Ok, Outcome, Rejected, Retryable, Uncertain, is_outage
from chassis.work.handlers import Permit
from connectors import wire
from connectors.diadoc import mapping, title
from connectors.diadoc.calls import XML, Calls
from connectors.diadoc.schema import (
    ACQUIRE,
    ACQUIRED,
    ARCHIVE,
    AUTHENTICATE,
    BY_INN,
    COUNTERAGENT,
    DOCUMENT,
    DOCUMENT_TYPE,
    DOCUMENTS,
    EVENTS,
    GENERATE,
    LAST_EVENT,
    MESSAGE,
    ORGANIZATIONS,
    PAGE_ROWS,
    PDF_MAGIC,
    POST,
    PRINT_FORM,
    SHELF,
    TOKEN_SECONDS,
    TYPES,
    VENDOR,
    VERSION,
    ZIP_MAGIC,
    file_name,
)
from connectors.ports.accounting import AccessToken, PdfFile
from connectors.ports.edi import (
    ClosingDraft,
    DocumentRef,
    EdiBox,
    EdiDocument,
    EdiState,
    EdiToken,
    News,
    Posting,
    Relation,
    Title,
)
from connectors.transport import Transport
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

LOOKUP_PAGES_MAX: Final = 10
CONFLICT: Final = "edi_conflict"
NOT_FOUND: Final = "edi_not_found"


class Diadoc:
    """A client of all Diadoc boxes; it keeps nothing between calls."""

    vendor = VENDOR

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._calls = Calls(http, clock)

    # Boxes and partners

    async def find_boxes(self, permit: Permit, inn: str, kpp: str) -> Outcome[tuple[EdiBox, ...]]:
        """GetOrganizationsByInnKpp; an INN without organisations is an empty list, or 404."""
        query = {"inn": inn, **({"kpp": kpp} if kpp else {})}
        found = await self._calls.read(permit, "find_boxes", BY_INN, query, mapping.read_boxes)
        if isinstance(found, Rejected) and found.problem.code == NOT_FOUND:
            return Ok(())
        if not isinstance(found, Ok):
            return found
        return Ok(tuple(box for box in found.value if box.inn == inn and (not kpp or box.kpp in ("", kpp))))

    async def relation(self, permit: Permit, box_id: str) -> Outcome[Relation]:
        """GetCounteragent; a box that was never met is 404 or "not in the list"."""
        query = {"myBoxId": _own(permit), "counteragentBoxId": box_id}
        found = await self._calls.read(permit, "relation", COUNTERAGENT, query, mapping.read_relation)
        if isinstance(found, Rejected) and found.problem.code == NOT_FOUND:
            return Ok(Relation.NONE)
        return found

    async def invite(self, permit: Permit, box_id: str, message: str) -> Outcome[str]:
        """AcquireCounteragent: leaves a partner or an invitation as it is, and takes an incoming invitation."""
        body = orjson.dumps({"BoxId": box_id, "MessageToCounteragent": message})
        return await self._calls.write(permit, "invite", ACQUIRE, {"myBoxId": _own(permit)}, body, _task)

    async def invited(self, permit: Permit, task: str) -> Outcome[None]:
        """AcquireCounteragentResult."""
        return await self._calls.read(permit, "invited", ACQUIRED, {"taskId": task}, _nothing)

    # Documents

    async def write_title(self, permit: Permit, draft: ClosingDraft) -> Outcome[Title]:
        """GenerateTitleXml: a refusal lists what the format does not allow."""
        function = title.function_of(draft)
        query = {
            "boxId": _own(permit),
            "documentTypeNamedId": DOCUMENT_TYPE,
            "documentFunction": function,
            "documentVersion": VERSION,
            "titleIndex": "0",
        }
        body = title.user_data(draft, _own(permit))
        answer = await self._calls.answer(
            permit, "write_title", "POST", GENERATE, query, body, accept="*/*", content_type=XML
        )
        if not isinstance(answer, Answer):
            return answer
        name = file_name(answer.headers)
        if not answer.body.lstrip().startswith(b"<?xml") or not name:
            return unexpected(VENDOR, "title" if name else "Content-Disposition", write=False)
        return Ok(Title(answer.body, name, DOCUMENT_TYPE, function, VERSION))

    async def post(self, permit: Permit, posting: Posting, *, key: str) -> Outcome[DocumentRef]:
        """PostMessage, unsigned. A conflict may be about a document of ours: then the look-up tells."""
        body = mapping.posting_body(posting, _own(permit))
        posted = await self._calls.write(
            permit, "post", POST, {"operationId": key}, body, lambda document: mapping.read_posted(document, posting)
        )
        if not isinstance(posted, Rejected) or posted.problem.code != CONFLICT:
            return posted
        found = await self.find_posted(permit, posting)
        if not isinstance(found, Ok) or len(found.value) > 1:
            return Uncertain(posted.problem, outage=is_outage(found))
        return Ok(found.value[0]) if found.value else posted

    async def find_posted(self, permit: Permit, posting: Posting) -> Outcome[tuple[DocumentRef, ...]]:
        """GetDocuments by partner and date, of which those with our CustomDocumentId; deleted ones count."""
        day = posting.issued_on
        query = {
            "boxId": _own(permit),
            "filterCategory": "Any.Outbound",
            "counteragentBoxId": posting.partner_box_id,
            "fromDocumentDate": day.strftime("%d.%m.%Y"),
            "toDocumentDate": (day + timedelta(days=1)).strftime("%d.%m.%Y"),
            "sortDirection": "Ascending",
            "count": str(PAGE_ROWS),
        }
        refs: list[DocumentRef] = []
        for _ in range(LOOKUP_PAGES_MAX):
            page = await self._calls.read(permit, "find_posted", DOCUMENTS, query, mapping.read_listed)
            if not isinstance(page, Ok):
                return page
            rows, more = page.value
            refs += [document.ref for document, _ in rows if document.marker == posting.marker]
            if not more or not rows:
                return Ok(tuple(refs))
            query["afterIndexKey"] = rows[-1][1]
        return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)

    async def document(self, permit: Permit, ref: DocumentRef) -> Outcome[EdiDocument]:
        """GetDocument, and of one that was refused GetMessage for the words."""
        query = {"boxId": _own(permit), "messageId": ref.message_id, "entityId": ref.document_id}
        found = await self._calls.read(permit, "document", DOCUMENT, query, mapping.read_document)
        if isinstance(found, Ok) and found.value.ref != ref:
            return mismatch(VENDOR, "EntityId", write=False)
        if not isinstance(found, Ok) or found.value.state is not EdiState.REJECTED:
            return found
        query = {"boxId": _own(permit), "messageId": ref.message_id, "injectEntityContent": "true"}
        reason = await self._calls.read(
            permit, "message", MESSAGE, query, lambda document: mapping.read_reason(document, ref.document_id)
        )
        return Ok(replace(found.value, reason=reason.value)) if isinstance(reason, Ok) else reason

    # The feed

    async def last_event(self, permit: Permit) -> Outcome[str]:
        """GetLastEvent; 204 of a box in which nothing ever happened."""
        answer = await self._calls.answer(permit, "last_event", "GET", LAST_EVENT, {"boxId": _own(permit)})
        if not isinstance(answer, Answer):
            return Ok("") if answer.problem.code == "edi_being_made" else answer
        try:
            key = wire.identity(wire.filled_mapping(wire.read_json(answer.body), "body").get("IndexKey"))
        except ValueError:
            return unexpected(VENDOR, "body", write=False)
        return Ok(key) if key else unexpected(VENDOR, "IndexKey", write=False)

    async def news(self, permit: Permit, cursor: str) -> Outcome[News]:
        """GetNewEvents past a key."""
        query = {
            "boxId": _own(permit),
            "messageType": "Letter",
            "documentDirection": "Outbound",
            "orderBy": "Ascending",
            "limit": str(PAGE_ROWS),
            **({"afterIndexKey": cursor} if cursor else {}),
        }
        return await self._calls.read(
            permit, "news", EVENTS, query, lambda document: mapping.read_news(document, cursor)
        )

    # Files

    async def print_form(self, permit: Permit, ref: DocumentRef) -> Outcome[PdfFile]:
        """GeneratePrintForm; an empty body means "not yet"."""
        query = {"boxId": _own(permit), "messageId": ref.message_id, "documentId": ref.document_id}
        answer = await self._calls.answer(permit, "print_form", "GET", PRINT_FORM, query, accept="*/*")
        if not isinstance(answer, Answer):
            return answer
        if not answer.body and "retry-after" in answer.headers:
            return self._calls.not_yet(answer)
        if not answer.body.startswith(PDF_MAGIC):
            return Retryable(Problem("pdf_invalid", {"vendor": VENDOR, "bytes": len(answer.body)}), outage=False)
        return Ok(PdfFile(answer.body))

    async def archive(self, permit: Permit, ref: DocumentRef) -> Outcome[bytes]:
        """GenerateDocumentZip with the whole docflow, then the shelf."""
        query = {
            "boxId": _own(permit),
            "messageId": ref.message_id,
            "documentId": ref.document_id,
            "fullDocflow": "true",
        }
        named = await self._calls.read(permit, "archive", ARCHIVE, query, _on_shelf)
        if not isinstance(named, Ok):
            return named
        answer = await self._calls.answer(permit, "shelf", "GET", SHELF, {"fileName": named.value}, accept="*/*")
        if not isinstance(answer, Answer):
            return answer
        if not answer.body.startswith(ZIP_MAGIC):
            return unexpected(VENDOR, "zip", write=False)
        return Ok(answer.body)

    # The account

    async def ping(self, permit: Permit) -> Outcome[None]:
        """The last event of the box."""
        found = await self.last_event(permit)
        return Ok(None) if isinstance(found, Ok) else found

    async def check_account(self, permit: Permit) -> Outcome[tuple[Problem, ...]]:
        """Whether the access opens the box, and the box may send the kind of title that we write."""
        boxes = await self._calls.read(
            permit, "organizations", ORGANIZATIONS, {"autoRegister": "false"}, mapping.own_box_ids
        )
        if not isinstance(boxes, Ok):
            return boxes
        if mapping.box_key(_own(permit)) not in boxes.value:
            return Ok((Problem("edi_box_not_ours", {"box": _own(permit)}),))
        known = await self._calls.read(permit, "types", TYPES, {"boxId": _own(permit)}, mapping.knows_title)
        if not isinstance(known, Ok):
            return known
        return Ok(() if known.value else (Problem("edi_title_unknown", {"version": VERSION}),))

    async def obtain_token(self, credentials: EdiToken) -> Outcome[AccessToken]:
        """OpenID Connect where there is a refresh token, else the vendor's own scheme by login and password."""
        by_password = not credentials.refresh_token
        answer = await (self._password if by_password else self._refresh)(credentials)
        if not isinstance(answer, Ok):
            return answer
        body = answer.value.body
        try:
            if by_password:
                return Ok(_diadoc_auth(credentials.client_id, body.decode("ascii").strip()))
            return Ok(_bearer(wire.filled_mapping(wire.read_json(body), "token")))
        except ValueError:
            return unexpected(VENDOR, "access_token", write=False)

    async def _refresh(self, credentials: EdiToken) -> Outcome[Answer]:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials.refresh_token,
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        return await self._calls.token("token", credentials.token_url, headers, urlencode(form).encode())

    async def _password(self, credentials: EdiToken) -> Outcome[Answer]:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"DiadocAuth ddauth_api_client_id={credentials.client_id}",
        }
        body = orjson.dumps({"login": credentials.login, "password": credentials.password})
        url = f"{credentials.endpoint.rstrip('/')}/{AUTHENTICATE}?type=password"
        return await self._calls.token("authenticate", url, headers, body)


def _diadoc_auth(client_id: str, token: str) -> AccessToken:
    if not token or any(character.isspace() or character == "<" for character in token):
        raise ShapeError("token")
    return AccessToken(f"DiadocAuth ddauth_api_client_id={client_id},ddauth_token={token}", TOKEN_SECONDS)


def _bearer(answer: Any) -> AccessToken:
    token, seconds, refresh = wire.bearer(answer)
    return AccessToken(f"Bearer {token}", seconds, refresh)


def _own(permit: Permit) -> str:
    return permit.options["box_id"]


def _task(document: Any) -> str:
    found = wire.identity(wire.filled_mapping(document, "body").get("TaskId"))
    if found is None:
        raise ShapeError("TaskId")
    return found


def _nothing(document: Any) -> None:
    wire.filled_mapping(document, "body")


def _on_shelf(document: Any) -> str:
    found = wire.identity(wire.filled_mapping(document, "body").get("ZipFileNameOnShelf"))
    if found is None:
        raise ShapeError("ZipFileNameOnShelf")
    return found
