"""One call to Kontur.Accounting: its address and headers, and the reading of one object or of a list."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Call
from chassis.http.client import ANSWER_BYTES_MAX, PDF_BYTES_MAX
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Permit
from connectors.kontur import mapping
from connectors.kontur.outcomes import KNOWN_CODES, TABLE, TOKEN_TABLE
from connectors.kontur.schema import PAGE_ROWS, VENDOR, rows_of
from connectors.kontur_family import Answers
from connectors.ports.accounting import FeedCursor, PdfFile
from connectors.transport import Transport
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

PAGES_MAX: Final = 10
API_KEY: Final = "api_key"

_T = TypeVar("_T")
_Read = Callable[[Mapping[str, Any]], _T]


class Calls:
    """Makes calls and sends them; ``answers`` judges what comes back."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self.answers = Answers(http, clock, VENDOR, KNOWN_CODES, (TOKEN_TABLE,))

    async def card(
        self, permit: Permit, operation: str, path: str, read: _Read[_T], body: bytes | None = None, key: str = ""
    ) -> Outcome[_T]:
        """One object: a GET, or a POST with a body under an idempotency key."""
        call = self.call(permit, operation, "GET" if body is None else "POST", path, body, key)
        return await self.answers.card(call, TABLE, read)

    async def page(
        self, permit: Permit, operation: str, path: str, cursor: FeedCursor, read: _Read[_T | None]
    ) -> Outcome[tuple[tuple[_T, ...], FeedCursor | None]]:
        """A page of a list of changes and the cursor of the next one. A place that the service no longer knows is left
        for the beginning of its list: a row may come twice, none is passed over."""
        query = {"updatedSince": mapping.timestamp(cursor.since)}
        found = await self._rows(permit, operation, path, query, cursor.token, read)
        if isinstance(found, Rejected) and cursor.token:
            found = await self._rows(permit, operation, path, query, "", read)
        if not isinstance(found, Ok):
            return found
        rows, token = found.value
        return Ok((rows, FeedCursor(cursor.since, token=token) if token else None))

    async def all_rows(
        self, permit: Permit, operation: str, path: str, query: Mapping[str, str], read: _Read[_T | None]
    ) -> Outcome[tuple[_T, ...]]:
        """A whole list of at most ten pages; a longer one is no answer."""
        rows: tuple[_T, ...] = ()
        token = ""
        for _ in range(PAGES_MAX):
            found = await self._rows(permit, operation, path, query, token, read)
            if not isinstance(found, Ok):
                return found
            rows, token = (*rows, *found.value[0]), found.value[1]
            if not token:
                return Ok(rows)
        return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)

    async def _rows(
        self, permit: Permit, operation: str, path: str, query: Mapping[str, str], token: str, read: _Read[_T | None]
    ) -> Outcome[tuple[tuple[_T, ...], str]]:
        whole = {**query, "limit": str(PAGE_ROWS)} | ({"cursor": token} if token else {})
        document = await self.answers.document(self.call(permit, operation, "GET", f"{path}?{urlencode(whole)}"), TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            rows, following = rows_of(document.value)
            return Ok((tuple(one for row in rows if (one := read(row)) is not None), following))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def pdf(self, permit: Permit, operation: str, path: str) -> Outcome[PdfFile]:
        """A file."""
        return await self.answers.pdf(self.call(permit, operation, "GET", path, accept="application/pdf"), TABLE)

    def call(
        self,
        permit: Permit,
        operation: str,
        method: str,
        path: str,
        body: bytes | None = None,
        key: str = "",
        accept: str = "application/json",
    ) -> Call:
        """A call within the permit's organisation, by its token or its API key."""
        by_key = permit.options.get("auth_mode") == API_KEY
        headers = {
            "accept": accept,
            "x-request-id": str(uuid.uuid4()),
            **(
                {"x-kontur-apikey": permit.access_token}
                if by_key
                else {"authorization": f"Bearer {permit.access_token}"}
            ),
        }
        if organization := permit.options.get("organization_id"):
            headers["x-organization-id"] = organization
        if body is not None:
            headers |= {"content-type": "application/json", "idempotency-key": key}
        return Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method=method,
            url=f"{permit.endpoint.rstrip('/')}/{path}",
            changes=body is not None,
            headers=headers,
            content=body,
            answer_bytes_max=PDF_BYTES_MAX if accept == "application/pdf" else ANSWER_BYTES_MAX,
        )
