"""One call to a portal: the request, a renamed portal's redirect, and the way from an answer to an outcome.

Source: the vendor's REST documentation, pages "General principles", "Batch", "Limits", "Change of the portal's domain".
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import orjson

from chassis.clock import Clock
from chassis.http import Answer, Call, NotSent, SentUnknown, as_read, as_write
from chassis.outcomes import Failure, Rejected
from chassis.work.handlers import Permit
from chassis.work.permits import told_of_token
from connectors import wire
from connectors.bitrix24.outcomes import IN_BATCH, TABLE
from connectors.bitrix24.schema import VENDOR, BatchAnswer, Command, Fault, Success, read_batch, read_envelope
from connectors.ports.crm import PortalMoved
from connectors.transport import Transport
from connectors.verdicts import VENDOR_TEXT_LENGTH_MAX, unexpected

OPERATING_PAUSE_SECONDS: Final = 60
"""Operating time is counted in buckets of a minute: after one, part of it is free again."""
OPERATING_PAUSE_SECONDS_MAX: Final = 600
"""And in ten of them: later than that a portal cannot mean, whatever its clock shows."""

NOT_FOUND: Final = "crm_not_found"
_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}
_REDIRECTS: Final = (301, 302, 307, 308)


class PortalCalls:
    """Calls to any portal; nothing is kept between them."""

    def __init__(self, http: Transport, clock: Clock, on_moved: Callable[[PortalMoved], None]) -> None:
        self._http = http
        self._clock = clock
        self._on_moved = on_moved

    async def one(self, permit: Permit, operation: str, method: str, params: Mapping[str, Any]) -> Success | Failure:
        """One method that reads."""
        return await self.call(permit, operation, method, params, write=False)

    async def batch(
        self, permit: Permit, operation: str, commands: Mapping[str, Command], *, write: bool
    ) -> BatchAnswer | Failure:
        """Up to 50 commands by their names; what became of each is asked of :meth:`part`."""
        named = {name: str(command) for name, command in commands.items()}
        answer = await self.call(permit, operation, "batch", {"halt": 0, "cmd": named}, write=write)
        if not isinstance(answer, Success):
            return answer
        batch = read_batch(answer.result)
        return unexpected(VENDOR, "result", write=write) if batch is None else batch

    async def call(
        self, permit: Permit, operation: str, method: str, params: Mapping[str, Any], *, write: bool
    ) -> Success | Failure:
        """One method, or a batch."""
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method="POST",
            url=f"{permit.endpoint.rstrip('/')}/{method}",
            changes=write,
            headers=_HEADERS,
            content=orjson.dumps({**params, "auth": permit.access_token} if permit.access_token else params),
        )
        answer = await self._follow(permit, call)
        if not isinstance(answer, Answer):
            return as_write(answer) if write else as_read(answer)
        envelope = read_envelope(answer.body)
        if answer.status < 300 and envelope.success is not None:
            return envelope.success
        fault = envelope.fault
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        if fault is not None and fault.code == "operation_time_limit":
            until = self._operating_until(envelope.time.get("operating_reset_at"))
        failure = self._judge(answer.status, fault, write=write, until=until)
        return told_of_token(failure, permit.access_token)

    async def _follow(self, permit: Permit, call: Call) -> Answer | NotSent | SentUnknown:
        """Sends; when the portal was renamed, once more to the host it names, if the path is the same."""
        answer = await self._http.send(call)
        if not isinstance(answer, Answer) or answer.status not in _REDIRECTS:
            return answer
        target = _same_path_elsewhere(call.url, answer.headers.get("location", ""))
        if target is None:
            return answer
        moved = replace(call, url=target)
        second = await self._http.send(moved)
        if isinstance(second, Answer) and read_envelope(second.body).success is not None:
            method = call.url.rpartition("/")[2]
            self._on_moved(PortalMoved(permit.account, permit.endpoint, target.removesuffix(method)))
        return second

    def part(self, batch: BatchAnswer, name: str, *, write: bool) -> Success | Failure:
        """One command of a batch. A name that is in neither map was never reached, or its answer is lost."""
        if (success := batch.successes.get(name)) is not None:
            return success
        fault = batch.faults.get(name)
        if fault is None:
            return unexpected(VENDOR, name, write=write)
        until = None
        if fault.code == "operation_time_limit":
            until = self._operating_until(batch.operating_reset_at(name))
        return self._judge(IN_BATCH, fault, write=write, until=until)

    def present(
        self, batch: BatchAnswer, names: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, Success | None] | Failure:
        """The parts by name. An ``optional`` one that is not found is None; anything else that failed fails all,
        since a part that could not be read must not pass for one that is not there."""
        present: dict[str, Success | None] = {}
        for name in names:
            part = self.part(batch, name, write=False)
            if isinstance(part, Success):
                present[name] = part
            elif name in optional and isinstance(part, Rejected) and part.problem.code == NOT_FOUND:
                present[name] = None
            else:
                return part
        return present

    def _judge(self, status: int, fault: Fault | None, *, write: bool, until: datetime | None) -> Failure:
        values = {"vendor": VENDOR, "status": status}
        if fault is not None:
            values |= {"text": fault.text[:VENDOR_TEXT_LENGTH_MAX], "code": fault.code[:60]}
        return TABLE.judge(status, None if fault is None else fault.code, write=write, values=values, until=until)

    def _operating_until(self, reset_at: Any) -> datetime:
        now = self._clock.now()
        told = wire.unix_moment(reset_at)
        if told is None or told <= now:
            return now + timedelta(seconds=OPERATING_PAUSE_SECONDS)
        return min(told, now + timedelta(seconds=OPERATING_PAUSE_SECONDS_MAX))


def _same_path_elsewhere(url: str, location: str) -> str | None:
    """The address in ``Location`` if it is the same path and query on another host, as safe as before; else None."""
    try:
        old, new = urlsplit(url), urlsplit(urljoin(url, location))
        port = new.port
    except ValueError:
        return None
    safe = new.scheme == "https" or new.scheme == old.scheme
    if not location or not safe or "@" in new.netloc or not new.hostname:
        return None
    if new.path.rstrip("/") != old.path.rstrip("/") or (old.hostname, old.port) == (new.hostname, port):
        return None
    return urlunsplit((new.scheme, new.netloc, old.path, old.query, ""))
