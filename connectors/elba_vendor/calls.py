"""One call to the Elba Public API: its address and headers, and the reading of a creation or of one object."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from chassis.clock import Clock
from chassis.http import Call
from chassis.http.client import TOTAL_SECONDS
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors import wire
from connectors.elba_vendor import mapping
from connectors.elba_vendor.outcomes import KNOWN_CODES, TABLE
from connectors.elba_vendor.schema import VENDOR
from connectors.kontur_family import Answers
from connectors.transport import Transport
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

_T = TypeVar("_T")
_Read = Callable[[Mapping[str, Any]], _T]


class Calls:
    """Makes calls of the profile and sends them; ``answers`` judges what comes back."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self.http = http
        self.answers = Answers(http, clock, VENDOR, KNOWN_CODES)

    async def created(self, permit: Permit, operation: str, path: str, body: bytes, seconds: float) -> Outcome[str]:
        """A creation; its id."""
        call = self.call(permit, operation, "POST", path, body, seconds, changes=True)
        document = await self.answers.document(call, TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(mapping.read_id(wire.filled_mapping(document.value, "body")))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=True)

    async def card(
        self, permit: Permit, operation: str, path: str, read: _Read[_T], seconds: float | None = None
    ) -> Outcome[_T]:
        """One object."""
        document = await self.answers.document(self.call(permit, operation, "GET", path, None, seconds), TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(read(wire.filled_mapping(document.value, "body")))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    def call(
        self,
        permit: Permit,
        operation: str,
        method: str,
        path: str,
        body: bytes | None = None,
        seconds: float | None = None,
        *,
        changes: bool = False,
    ) -> Call:
        """A call within the permit's organisation."""
        whole = f"organizations/{segment(permit.options.get('organization_id', ''))}/{path}"
        return self.call_at(permit, operation, method, whole, body, seconds, changes=changes)

    def call_at(
        self,
        permit: Permit,
        operation: str,
        method: str,
        path: str,
        body: bytes | None = None,
        seconds: float | None = None,
        *,
        changes: bool = False,
    ) -> Call:
        """A call at a path below the version."""
        headers = {"x-kontur-apikey": permit.access_token, "accept": "application/json"}
        return Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method=method,
            url=f"{permit.endpoint.rstrip('/')}/{path}",
            changes=changes,
            headers=headers if body is None else headers | {"content-type": "application/json"},
            content=body,
            total_seconds=TOTAL_SECONDS if seconds is None else seconds,
        )


def segment(text: str) -> str:
    """An id as a part of a path, whatever it holds."""
    return quote(text, safe="")
