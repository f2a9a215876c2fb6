"""One request to a base: its authorization, its turn, and the way from an answer to an outcome."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer, Call, as_read, as_write
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Retryable
from chassis.work.handlers import Permit
from connectors import wire
from connectors.onec import address
from connectors.onec.mapping.writing import encoded
from connectors.onec.outcomes import KNOWN_CODES, PAGE, TABLE, told
from connectors.onec.schema import VENDOR, ErrorText, entity, error_of, page_text, rows_of, xml_error_of
from connectors.transport import Transport
from connectors.verdicts import VENDOR_TEXT_LENGTH_MAX, unexpected
from connectors.wire import ShapeError

PAGE_ROWS: Final = 100
PAGE_OVERLAP_ROWS: Final = 10
ANSWER_BYTES_MAX: Final = 20 * 1024 * 1024
NETWORKS: Final = "networks"
"""The permit's option with the private networks that an administrator opened to the tenant: a base may stand in one."""
RENDERING_SECONDS: Final = 2
TURN_SECONDS_MAX: Final = 12.0
"""How long a request waits for its turn: a base is asked one thing at a time, since each session may take a licence."""


class Bases:
    """Requests to all bases, one at a time to each."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def rows(
        self, permit: Permit, operation: str, resource: str, **options: str
    ) -> Outcome[list[Mapping[str, Any]]]:
        """The rows of a collection; ``options`` are named without ``$``."""
        found = await self.document(
            permit, operation, "GET", address.collection_url(permit.endpoint, resource, **options)
        )
        if not isinstance(found, Ok):
            return found
        try:
            return Ok(rows_of(found.value))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def one(self, permit: Permit, operation: str, resource: str) -> Outcome[dict[str, Any]]:
        """One object by its key, its sections inside."""
        return await self._entity(permit, operation, "GET", resource)

    async def create(
        self, permit: Permit, operation: str, resource: str, body: dict[str, Any]
    ) -> Outcome[dict[str, Any]]:
        """A new object. Where the base does not take the reference that we chose, it is left to the base: that refusal
        is definite, so a second request makes no second object."""
        made = await self._entity(permit, operation, "POST", resource, body)
        if "Ref_Key" in body and not isinstance(made, Ok) and _refuses_key(made):
            without = {name: value for name, value in body.items() if name != "Ref_Key"}
            made = await self._entity(permit, operation, "POST", resource, without)
        return made

    async def patch(
        self, permit: Permit, operation: str, resource: str, body: dict[str, Any], version: str
    ) -> Outcome[dict[str, Any]]:
        """Some attributes of an object, unless it changed since the version that was read ("" for whatever it is)."""
        return await self._entity(permit, operation, "PATCH", resource, body, {"if-match": version} if version else {})

    async def act(self, permit: Permit, operation: str, resource: str) -> Outcome[Any]:
        """A method of an object (``Unpost``); the answer may be empty."""
        url = address.resource_url(permit.endpoint, resource)
        return await self.document(permit, operation, "POST", url, changes=True, may_be_empty=True)

    async def _entity(
        self,
        permit: Permit,
        operation: str,
        method: str,
        resource: str,
        body: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome[dict[str, Any]]:
        url = address.resource_url(permit.endpoint, resource)
        write = body is not None
        content = encoded(body) if body is not None else None
        found = await self.document(permit, operation, method, url, changes=write, content=content, headers=headers)
        if not isinstance(found, Ok):
            return found
        try:
            return Ok(entity(wire.filled_mapping(found.value, "body")))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=write)

    async def document(
        self,
        permit: Permit,
        operation: str,
        method: str,
        url: str,
        *,
        changes: bool = False,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        may_be_empty: bool = False,
    ) -> Outcome[Any]:
        """The JSON of a success, ``{}`` for an empty one where that may be; an error under a status of success is an
        error."""
        extra = dict(headers or {})
        if content is not None:
            extra["content-type"] = "application/json;charset=utf-8"
        answer = await self.send(permit, operation, method, url, changes=changes, content=content, headers=extra)
        if not isinstance(answer, Answer):
            return answer
        if answer.status not in (200, 201, 204):
            return self.failure(answer, write=changes)
        if may_be_empty and not answer.body.strip():
            return Ok({})
        try:
            document = wire.read_json(answer.body)
        except ValueError:
            return self.failure(answer, write=changes)
        return self.failure(answer, write=changes) if error_of(document) is not None else Ok(document)

    async def send(
        self,
        permit: Permit,
        operation: str,
        method: str,
        url: str,
        *,
        changes: bool = False,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json",
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer | Failure:
        """The answer, whatever its status, or what a call without one comes to."""
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method=method,
            url=url,
            changes=changes,
            headers={
                "authorization": f"Basic {base64.b64encode(permit.access_token.encode()).decode()}",
                "accept": accept,
                "maxdataserviceversion": "3.0",
                **(headers or {}),
            },
            content=content,
            answer_bytes_max=answer_bytes_max,
            networks=tuple(filter(None, permit.options.get(NETWORKS, "").split(","))),
        )
        async with self.turn(permit) as ours:
            if not ours:
                return busy()
            answer = await self._http.send(call)
        if isinstance(answer, Answer):
            return answer
        return as_write(answer) if changes else as_read(answer)

    @asynccontextmanager
    async def turn(self, permit: Permit, what: str = "request") -> AsyncIterator[bool]:
        """One at a time to each base for each ``what``; False where the turn did not come in time."""
        place = what, address.infobase_of(permit.endpoint)
        turn = self._turns.get(place)
        if turn is None:
            turn = self._turns[place] = asyncio.Lock()
        try:
            async with asyncio.timeout(TURN_SECONDS_MAX):
                await turn.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            turn.release()

    def rendering(self, answer: Answer) -> Deferred:
        """The file is being made; the answer may say for how long."""
        until = wire.retry_after(answer.headers.get("retry-after") or str(RENDERING_SECONDS), self._clock)
        return Deferred(Problem("pdf_rendering", {"vendor": VENDOR}), until, of_account=False)

    def failure(self, answer: Answer, *, write: bool) -> Failure:
        """An answer that is no success: by its status and code, and by the words of an exception; with the base's words
        for a person."""
        error = _said(answer)
        values = {"vendor": VENDOR, "status": answer.status, "text": error.text[:VENDOR_TEXT_LENGTH_MAX]}
        if error.code not in ("", PAGE):
            values["code"] = error.code
        code: str | None = told(error.code, error.text)
        if code not in KNOWN_CODES:
            # A success with an error inside is judged by its code alone, everything else by its status.
            code = (code or "error") if answer.status < 300 and error.in_json else None
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        return TABLE.judge(answer.status, code, write=write, values=values, until=until)


def busy() -> Deferred:
    """The turn did not come: nothing was asked."""
    return Deferred(Problem("accounting_busy", {"vendor": VENDOR}))


def _said(answer: Answer) -> ErrorText:
    """The error in an answer, be it JSON, XML, or the page of something that stands before the base."""
    try:
        return error_of(wire.read_json(answer.body)) or ErrorText("", "")
    except ValueError:
        page = answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        return xml_error_of(answer.body) or ErrorText(PAGE if page else "", page_text(answer.body))


def _refuses_key(failure: Failure) -> bool:
    return failure.problem.values.get("code") == "16" and "Ref_Key" in str(failure.problem.values.get("text", ""))


async def all_rows(
    bases: Bases, permit: Permit, operation: str, resource: str, conditions: Sequence[str], **options: str
) -> Outcome[list[Mapping[str, Any]]]:
    """The rows that meet any of the conditions, in as many requests as their length asks for."""
    found: list[Mapping[str, Any]] = []
    for start, end in address.in_chunks(conditions):
        part = await bases.rows(permit, operation, resource, filter=address.any_of(conditions[start:end]), **options)
        if not isinstance(part, Ok):
            return part
        found += part.value
    return Ok(found)


def incomplete() -> Retryable:
    """A list had more pages than are read at once: no verdict."""
    return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)
