"""What an application asks a portal for itself: who it acts as, and which events it is told of.

Source: the vendor's documentation, "Common methods", "Events": event.get, event.bind, event.unbind.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors import wire
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.schema import BATCH_COMMANDS_MAX, VENDOR, BatchAnswer, Command, Success
from connectors.ports.crm.access import HandlersKept
from connectors.ports.crm.events import PortalMoved
from connectors.transport import Transport
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

EVENTS: Final = (
    "ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMDEALMOVETOCATEGORY",
    "ONCRMCOMPANYADD", "ONCRMCOMPANYUPDATE", "ONCRMCOMPANYDELETE",
    "ONCRMCONTACTADD", "ONCRMCONTACTUPDATE", "ONCRMCONTACTDELETE",
    "ONCRMREQUISITEADD", "ONCRMREQUISITEUPDATE", "ONCRMREQUISITEDELETE",
    "ONCRMBANKDETAILADD", "ONCRMBANKDETAILUPDATE", "ONCRMBANKDETAILDELETE",
    "ONAPPUPDATE", "ONAPPUNINSTALL",
)  # fmt: skip
"""What an application has itself told of; a move between funnels is told to applications alone."""
_ALREADY_BOUND: Final = "error_core"


class Bitrix24App:
    """A client of portals in which an application is installed; it keeps nothing between calls."""

    def __init__(self, http: Transport, clock: Clock, on_moved: Callable[[PortalMoved], None]) -> None:
        self._calls = PortalCalls(http, clock, on_moved)

    async def is_admin(self, permit: Permit) -> Outcome[bool]:
        """``profile``: needs no scope."""
        answer = await self._calls.one(permit, "is_admin", "profile", {})
        if not isinstance(answer, Success):
            return answer
        if not isinstance(answer.result, dict) or "ADMIN" not in answer.result:
            return unexpected(VENDOR, "ADMIN", write=False)
        return Ok(answer.result["ADMIN"] in (True, "Y", "true", 1))

    async def keep_handlers(self, permit: Permit, events: Collection[str], url: str) -> Outcome[HandlersKept]:
        """One look, and one request more where something is missing or too much."""
        listed = await self._calls.one(permit, "event_get", "event.get", {})
        if not isinstance(listed, Success):
            return listed
        try:
            present = {_pair(record) for record in wire.records(listed.result, "result")}
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        wanted = {(name, url) for name in events}
        added = sorted(name for name, _ in wanted - present)
        commands = {f"b{name}": _command("event.bind", name, url) for name in added}
        for place, (name, other) in enumerate(sorted(present - wanted)[: BATCH_COMMANDS_MAX - len(commands)]):
            commands[f"u{place}"] = _command("event.unbind", name, other)
        if not commands:
            return Ok(HandlersKept())
        batch = await self._calls.batch(permit, "event_bind", commands, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        refused: list[str] = []
        for name in added:
            part = self._calls.part(batch, f"b{name}", write=False)
            if isinstance(part, Success) or _bound_meanwhile(part):
                continue
            if not isinstance(part, Rejected):
                return part
            refused.append(name)
        return Ok(HandlersKept(tuple(name for name in added if name not in refused), tuple(refused)))


def _pair(record: Any) -> tuple[str, str]:
    return str(wire.required(record, "event")).upper(), str(wire.required(record, "handler"))


def _command(method: str, event: str, url: str) -> Command:
    return Command(method, {"event": event, "handler": url})


def _bound_meanwhile(part: Any) -> bool:
    return isinstance(part, Rejected) and part.problem.values.get("code") == _ALREADY_BOUND
