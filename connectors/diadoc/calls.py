"""One request to Diadoc and what its answer comes to."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from chassis import log
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer, Call, as_read, as_write
from chassis.outcomes import Deferred, Failure, Ok, Outcome
from chassis.work.handlers import Permit
from connectors import wire
from connectors.diadoc.outcomes import PAGE, TABLE, TOKEN_TABLE
from connectors.diadoc.schema import VENDOR, oauth_error
from connectors.transport import Transport
from connectors.verdicts import VENDOR_TEXT_LENGTH_MAX, OutcomeTable, unexpected
from connectors.wire import ShapeError

FILE_BYTES_MAX: Final = 20 * 1024 * 1024
JSON: Final = "application/json; charset=utf-8"
XML: Final = "application/xml; charset=utf-8"
NO_CONTENT: Final = 204

T = TypeVar("T")
_log = log.get(__name__)


class Calls:
    """Sends requests under a permit, whose token is the whole value of the header that carries it."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def read(
        self, permit: Permit, operation: str, path: str, query: Mapping[str, str], read: Callable[[Any], T]
    ) -> Outcome[T]:
        """One object by GET. Deferred while it is being made (204)."""
        answer = await self.answer(permit, operation, "GET", path, query)
        return self._read(answer, read, write=False) if isinstance(answer, Answer) else answer

    async def write(
        self,
        permit: Permit,
        operation: str,
        path: str,
        query: Mapping[str, str],
        body: bytes,
        read: Callable[[Any], T],
    ) -> Outcome[T]:
        """A POST that changes something."""
        answer = await self.answer(permit, operation, "POST", path, query, body, changes=True)
        return self._read(answer, read, write=True) if isinstance(answer, Answer) else answer

    async def answer(
        self,
        permit: Permit,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        *,
        changes: bool = False,
        accept: str = "application/json",
        content_type: str = JSON,
    ) -> Answer | Failure:
        """An answer of success, whatever its body; 204 of a read is "not yet"."""
        headers = {"accept": accept, "authorization": permit.access_token}
        if body is not None:
            headers["content-type"] = content_type
        asked = f"?{urlencode(query)}" if query else ""
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method=method,
            url=f"{permit.endpoint.rstrip('/')}/{path}{asked}",
            changes=changes,
            headers=headers,
            content=body,
            answer_bytes_max=FILE_BYTES_MAX,
        )
        answer = await self._http.send(call)
        if not isinstance(answer, Answer):
            return as_write(answer) if changes else as_read(answer)
        if sunset := answer.headers.get("sunset"):
            # An obsolete version of a method says so for half a year before it answers 410.
            _log.warning("vendor's method will be switched off", vendor=VENDOR, operation=operation, detail=sunset[:60])
        if answer.status == NO_CONTENT and not changes:
            return self.not_yet(answer)
        if answer.status != 200:
            return self.failure(answer, TABLE, write=changes)
        return answer

    async def token(self, operation: str, url: str, headers: Mapping[str, str], content: bytes) -> Outcome[Answer]:
        """The answer of an address that gives tokens."""
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method="POST",
            url=url,
            changes=False,
            headers=headers,
            content=content,
        )
        answer = await self._http.send(call)
        if not isinstance(answer, Answer):
            return as_read(answer)
        return Ok(answer) if answer.status == 200 else self.failure(answer, TOKEN_TABLE, write=False)

    def not_yet(self, answer: Answer) -> Deferred:
        """What is asked for is still being made."""
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        return Deferred(Problem("edi_being_made", {"vendor": VENDOR}), until, of_account=False)

    def failure(self, answer: Answer, table: OutcomeTable, *, write: bool) -> Failure:
        """An answer that is no success, with the vendor's words for a person."""
        code, said = None, ""
        if answer.body.lstrip()[:1] == b"<":
            code = PAGE
        else:
            said = answer.body[: VENDOR_TEXT_LENGTH_MAX * 4].decode("utf-8", "replace")[:VENDOR_TEXT_LENGTH_MAX]
        if table is TOKEN_TABLE and code is None:
            try:
                code = oauth_error(wire.read_json(answer.body))
            except ValueError:
                code = None
        values = {"vendor": VENDOR, "status": answer.status, "text": said}
        if named := answer.headers.get("x-diadoc-errorcode", "")[:100]:
            values["code"] = named
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        return table.judge(answer.status, code, write=write, values=values, until=until)

    def _read(self, answer: Answer, read: Callable[[Any], T], *, write: bool) -> Outcome[T]:
        try:
            document = wire.read_json(answer.body)
        except ValueError:
            return TABLE.judge(answer.status, None, write=write, values={"vendor": VENDOR})
        try:
            return Ok(read(document))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=write)
