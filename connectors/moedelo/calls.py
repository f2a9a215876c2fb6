"""One request to MoeDelo and what its answer comes to."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer, Call, as_read, as_write
from chassis.outcomes import Failure, Ok, Outcome, Retryable
from chassis.work.handlers import Permit
from connectors import wire
from connectors.files import file_answer
from connectors.moedelo.outcomes import BUYER_GONE, ERROR, PAGE, TABLE, TOKEN_TABLE, WRONG_REQUEST
from connectors.moedelo.paging import page_after
from connectors.moedelo.schema import PDF_MAGIC, VENDOR, error_of, oauth_error, rows_of
from connectors.ports.accounting import PdfFile
from connectors.transport import Transport
from connectors.verdicts import VENDOR_TEXT_LENGTH_MAX, OutcomeTable, unexpected
from connectors.wire import ShapeError

PDF_BYTES_MAX: Final = 20 * 1024 * 1024
NO_CONTENT: Final = 204
LOOKUP_PAGES_MAX: Final = 20

T = TypeVar("T")
Read = Callable[[Mapping[str, Any]], T]


class Calls:
    """Sends requests under a permit; its token is an API key, or a bearer token with ``auth_mode`` = ``oauth``."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def rows(
        self, permit: Permit, operation: str, path: str, query: Mapping[str, str]
    ) -> Outcome[list[Mapping[str, Any]]]:
        """A page of a list."""
        document = await self._document(self._call(permit, operation, "GET", f"{path}?{urlencode(query)}"), TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(rows_of(document.value))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def all_rows(
        self, permit: Permit, operation: str, path: str, query: Mapping[str, str]
    ) -> Outcome[list[Mapping[str, Any]]]:
        """All rows of a list, of at most 20 pages."""
        rows: dict[str, Mapping[str, Any]] = {}
        known = 0
        for _ in range(LOOKUP_PAGES_MAX):
            page = page_after(known)
            found = await self.rows(permit, operation, path, {**query, **page.query})
            if not isinstance(found, Ok):
                return found
            rows |= {str(row.get("Id")): row for row in found.value}
            if len(found.value) < page.rows:
                return Ok(list(rows.values()))
            known = page.end
        return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)

    async def several(self, permit: Permit, operation: str, path: str, body: bytes) -> Outcome[list[Mapping[str, Any]]]:
        """A list that is asked for by a body: a POST that changes nothing."""
        call = self._call(permit, operation, "POST", path, body, changes=False)
        document = await self._document(call, TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(rows_of(document.value))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def card(
        self,
        permit: Permit,
        operation: str,
        path: str,
        read: Read[T],
        body: bytes | None = None,
        table: OutcomeTable = TABLE,
    ) -> Outcome[T]:
        """One object: a GET, or a POST with a body."""
        write = body is not None
        call = self._call(permit, operation, "POST" if write else "GET", path, body, changes=write)
        document = await self._document(call, table)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(read(wire.filled_mapping(document.value, "body")))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=write)

    async def delete(self, permit: Permit, operation: str, path: str, table: OutcomeTable) -> Outcome[None]:
        """Removes an object; one that is gone already is refused as not found."""
        answer = await self._http.send(self._call(permit, operation, "DELETE", path, changes=True))
        if not isinstance(answer, Answer):
            return as_write(answer)
        return Ok(None) if answer.status == NO_CONTENT else self._failure(answer, table, write=True)

    async def pdf(self, permit: Permit, operation: str, path: str) -> Outcome[PdfFile]:
        """A file."""
        answer = await file_answer(self._http, self._call(permit, operation, "GET", path, accept="application/pdf"))
        if not isinstance(answer, Answer):
            return answer
        if answer.status != 200:
            return self._failure(answer, TABLE, write=False)
        if not answer.body.startswith(PDF_MAGIC):
            return Retryable(Problem("pdf_invalid", {"vendor": VENDOR, "bytes": len(answer.body)}), outage=False)
        return Ok(PdfFile(answer.body))

    async def token(self, url: str, form: Mapping[str, str]) -> Outcome[Mapping[str, Any]]:
        """The answer of the token address."""
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.token",
            method="POST",
            url=url,
            changes=False,
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            content=urlencode(form).encode(),
        )
        document = await self._document(call, TOKEN_TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(wire.filled_mapping(document.value, "token"))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    def _call(
        self,
        permit: Permit,
        operation: str,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        changes: bool = False,
        accept: str = "application/json",
    ) -> Call:
        headers = {"accept": accept}
        if permit.options.get("auth_mode") == "oauth":
            headers["authorization"] = f"Bearer {permit.access_token}"
        else:
            headers["md-api-key"] = permit.access_token
        if body is not None:
            headers["content-type"] = "application/json"
        return Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method=method,
            url=f"{permit.endpoint.rstrip('/')}/{path}",
            changes=changes,
            headers=headers,
            content=body,
            answer_bytes_max=PDF_BYTES_MAX,
        )

    async def _document(self, call: Call, table: OutcomeTable) -> Outcome[Any]:
        """The JSON of a success; an error under a status of success is an error."""
        answer = await self._http.send(call)
        if not isinstance(answer, Answer):
            return as_write(answer) if call.changes else as_read(answer)
        if answer.status not in (200, 201):
            return self._failure(answer, table, write=call.changes)
        try:
            document = wire.read_json(answer.body)
        except ValueError:
            return table.judge(answer.status, None, write=call.changes, values={"vendor": VENDOR})
        if error_of(document) is not None:
            return self._failure(answer, table, write=call.changes)
        return Ok(document)

    def _failure(self, answer: Answer, table: OutcomeTable, *, write: bool) -> Failure:
        """An answer that is no success, with the vendor's words for a person."""
        try:
            document = wire.read_json(answer.body)
        except ValueError:
            document = None
        error, code, said = error_of(document), None, ""
        if table is TOKEN_TABLE and (named := oauth_error(document)) is not None:
            code = named
        elif error is not None and error.buyer_gone and write and answer.status < 500:
            code = BUYER_GONE
        elif error is not None and answer.status < 300:
            code = WRONG_REQUEST if error.about_request else ERROR
        elif answer.body.lstrip()[:1] == b"<":
            code = PAGE
        if error is not None:
            said = error.text
        elif code != PAGE:
            said = answer.body[:VENDOR_TEXT_LENGTH_MAX].decode("utf-8", "replace")
        values = {"vendor": VENDOR, "status": answer.status, "text": said[:VENDOR_TEXT_LENGTH_MAX]}
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        return table.judge(answer.status, code, write=write, values=values, until=until)
