"""What the APIs of SKB Kontur have in common: errors, tokens, words, and the way from an answer to an outcome.

Source: the vendor's OpenAPI description "Elba Public API" (error envelope), RFC 6749 §5.2 for tokens.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer, Call, as_read, as_write
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Retryable
from connectors import wire
from connectors.files import file_answer
from connectors.ports.accounting import AccessToken, CounterpartyKind, InvoiceStatus, PdfFile, TokenRequest
from connectors.transport import Transport
from connectors.verdicts import VENDOR_TEXT_LENGTH_MAX, Kind, OutcomeTable, Verdict, unexpected
from connectors.wire import ShapeError

PAGE: Final = "page"
"""The code that stands for an answer that is a web page: something between us and the API spoke."""
BUYER_GONE: Final = "buyer_gone"
"""The code that stands for a refusal of a document because the record that it names as its buyer is not there."""
REFUSED_ITEMS: Final = "refused_items"
"""The problem's value that names the places, from 0, of a document's items whose products are refused."""
REFUSED: Final = 400
"""The status of a document that is not as it must be."""
PDF_MAGIC: Final = b"%PDF-"
PDF_WAIT_SECONDS: Final = 2
"""How long a rendering document is left alone when the answer does not say."""
_T = TypeVar("_T")
_BUYER: Final = frozenset({"counterpartyid", "contractorid"})
"""The members of a document that name its buyer."""
_NOT_THERE: Final = re.compile(r"не найден|не существует|удал[её]н|not found|does not exist|deleted", re.IGNORECASE)
_ITEM_PLACE: Final = re.compile(r"items\[([0-9]{1,6})\]\.productid")


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error says: ``code`` in lower case, ``text`` for a person, ``status`` where the body has one, ``target``
    what it is about, ``items`` the places of a document's items whose products are refused, ``buyer_gone`` whether it
    says of the member that names the buyer that there is no such record."""

    code: str
    text: str
    status: int | None
    target: str = ""
    items: tuple[int, ...] = ()
    buyer_gone: bool = False


def error_of(document: Any) -> ErrorText | None:
    """The error in a body: the envelope, OAuth's, or plain text under ``error`` or ``message``; None without one."""
    if not isinstance(document, dict):
        return None
    error, status = document.get("error"), document.get("statusCode")
    status = status if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600 else None
    if isinstance(error, dict):
        details = error.get("details")
        parts = [error, *(one for one in (details if isinstance(details, list) else ()) if isinstance(one, dict))]
        text = "; ".join(line for part in parts if (line := _line(part)))
        places = (_ITEM_PLACE.fullmatch(_word(part.get("target"))) for part in parts)
        items = tuple(sorted({int(place[1]) for place in places if place is not None}))
        gone = any(
            _word(one.get("target")) in _BUYER and _NOT_THERE.search(_string(one.get("message"))) for one in parts
        )
        return ErrorText(_word(error.get("code")), text, status, _word(error.get("target")), items, gone)
    if isinstance(error, str) and error:
        return ErrorText(_word(error), _string(document.get("error_description")) or error, status)
    message = _string(document.get("message"))
    return ErrorText("", message, status) if message or status else None


def error_context(document: Any) -> Mapping[str, Any]:
    """The ``context`` of an error in the envelope; empty without one."""
    error = document.get("error") if isinstance(document, dict) else None
    context = error.get("context") if isinstance(error, dict) else None
    return context if isinstance(context, dict) else {}


KINDS: Final[Mapping[str, CounterpartyKind]] = {
    "legal": "company",
    "entrepreneur": "entrepreneur",
    "individual": "person",
}
TYPES: Final = {kind: word for word, kind in KINDS.items()}


def status_of(word: str, paid_kopecks: int | None, words: Mapping[str, InvoiceStatus], overdue: str) -> InvoiceStatus:
    """An invoice's status by the vendor's word; what is overdue is issued, or paid in part."""
    if word == overdue:
        return InvoiceStatus.PARTIALLY_PAID if paid_kopecks else InvoiceStatus.ISSUED
    return words.get(word, InvoiceStatus.UNKNOWN)


def read_token(answer: Mapping[str, Any]) -> AccessToken:
    """A bearer token; these vendors refresh none. Raises ShapeError."""
    token, seconds, _ = wire.bearer(answer)
    return AccessToken(token, seconds)


def token_table(vendor: str) -> OutcomeTable:
    """What answers of the tokens' address mean (RFC 6749 §5.2)."""
    refused, fault = Verdict(Kind.REJECTED, "credentials_refused"), Verdict(Kind.PENDING, "vendor_fault")
    return OutcomeTable(
        vendor,
        {
            (None, "invalid_client"): refused,
            (None, "invalid_grant"): refused,
            (None, "invalid_scope"): refused,
            (None, "unauthorized_client"): refused,
            (None, "unsupported_grant_type"): refused,
            (None, "invalid_request"): refused,
            (401, None): refused,
            (403, None): refused,
            (429, None): Verdict(Kind.DEFERRED, "vendor_limit"),
            (408, None): fault,
            (500, None): fault,
            (502, None): fault,
            (503, None): fault,
            (504, None): fault,
            (200, None): Verdict(Kind.PENDING, "vendor_answer_unreadable"),
        },
    )


class Answers:
    """Sends calls and judges what comes back by a vendor's tables.

    ``known_codes`` are the codes that say more than their status, some of them about one target alone, ``code@target``;
    a table in ``by_code`` is judged by any code.
    """

    def __init__(
        self,
        http: Transport,
        clock: Clock,
        vendor: str,
        known_codes: Collection[str],
        by_code: Collection[OutcomeTable] = (),
    ) -> None:
        self._http = http
        self._clock = clock
        self._vendor = vendor
        self._known_codes = frozenset(known_codes)
        self._by_code = tuple(by_code)

    async def document(self, call: Call, table: OutcomeTable) -> Outcome[Any]:
        """The JSON of a success; an error under a status of success is an error."""
        answer = await self._http.send(call)
        if not isinstance(answer, Answer):
            return as_write(answer) if call.changes else as_read(answer)
        return self.read(answer, table, write=call.changes)

    def read(self, answer: Answer, table: OutcomeTable, *, write: bool) -> Outcome[Any]:
        """The JSON of a success that has come already."""
        if answer.status not in (200, 201):
            return self.failure(answer, table, write=write)
        try:
            document = wire.read_json(answer.body)
        except ValueError:
            return table.judge(answer.status, None, write=write, values={"vendor": self._vendor})
        if isinstance(document, dict) and document.get("error") is not None:
            return self.failure(answer, table, write=write)
        return Ok(document)

    async def card(self, call: Call, table: OutcomeTable, read: Callable[[Mapping[str, Any]], _T]) -> Outcome[_T]:
        """The one object of a success, read."""
        document = await self.document(call, table)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(read(wire.filled_mapping(document.value, "body")))
        except ShapeError as error:
            return unexpected(self._vendor, str(error), write=call.changes)

    async def token(self, request: TokenRequest, scope: str, table: OutcomeTable) -> Outcome[AccessToken]:
        """Client credentials → a bearer token (RFC 6749 §4.4)."""
        form = {
            "grant_type": "client_credentials",
            "client_id": request.client_id,
            "client_secret": request.client_secret,
        } | ({"scope": scope} if scope else {})
        call = Call(
            vendor=self._vendor,
            operation=f"{self._vendor}.token",
            method="POST",
            url=request.token_url,
            changes=False,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            content=urlencode(form).encode(),
        )
        document = await self.document(call, table)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(read_token(wire.filled_mapping(document.value, "token")))
        except ShapeError as error:
            return unexpected(self._vendor, str(error), write=False)

    async def pdf(self, call: Call, table: OutcomeTable) -> Outcome[PdfFile]:
        """A file; Deferred while it is rendered."""
        answer = await file_answer(self._http, call)
        if not isinstance(answer, Answer):
            return answer
        if answer.status == 202:
            until = self.until(answer, PDF_WAIT_SECONDS)
            return Deferred(Problem("pdf_rendering", {"vendor": self._vendor}), until, of_account=False)
        if answer.status != 200:
            return self.failure(answer, table, write=False)
        if not answer.body.startswith(PDF_MAGIC):
            return Retryable(Problem("pdf_invalid", {"vendor": self._vendor, "bytes": len(answer.body)}), outage=False)
        return Ok(PdfFile(answer.body))

    def until(self, answer: Answer, seconds: int) -> datetime | None:
        """The answer's "not before", or ``seconds`` from now."""
        told = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        return told or wire.retry_after(str(seconds), self._clock)

    def failure(self, answer: Answer, table: OutcomeTable, *, write: bool) -> Failure:
        """An answer that is no success: by its status, with the vendor's words for a person."""
        try:
            error = error_of(wire.read_json(answer.body))
        except ValueError:
            error = None
        status, code, said = answer.status, None, ""
        if error is not None:
            said = error.text
            code = self._code(error) or (error.code if table in self._by_code else None)
            code = BUYER_GONE if error.buyer_gone and status == REFUSED else code
            if status < 300:
                status, code = (error.status, code) if error.status else (status, error.code or "error")
        elif answer.body.lstrip()[:1] == b"<":
            code = PAGE
        else:
            said = answer.body[:VENDOR_TEXT_LENGTH_MAX].decode("utf-8", "replace")
        values: dict[str, Any] = {"vendor": self._vendor, "status": answer.status}
        values["text"] = said[:VENDOR_TEXT_LENGTH_MAX]
        if error is not None and error.items:
            values[REFUSED_ITEMS] = list(error.items)
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        return table.judge(status, code, write=write, values=values, until=until)

    def _code(self, error: ErrorText) -> str | None:
        """The code that has a row: together with what it is about, ``code@target``, or alone."""
        narrow = f"{error.code}@{error.target}"
        return next((code for code in (narrow, error.code) if code in self._known_codes), None)


def _line(error: Mapping[str, Any]) -> str:
    message, target = _string(error.get("message")) or _string(error.get("code")), _string(error.get("target"))
    return f"{target}: {message}" if target and message else message


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _word(value: Any) -> str:
    return _string(value).lower()
