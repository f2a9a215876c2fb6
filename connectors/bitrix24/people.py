"""Users that cannot be told anything, and the heads who are told in their place.

Source: the vendor's documentation, pages im.user.get (scope ``im``), user.get (scope ``user_brief``, ``user_basic`` or
``user``), department.get (scope ``department``), "Batch" (references to earlier results).
"""

from collections.abc import Mapping
from typing import Any, Final

from chassis.outcomes import Deferred, Failure, Ok, Outcome
from chassis.work.handlers import Permit
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.schema import BatchAnswer, Command, Ref, Success
from connectors.ports.crm.people import StandIn

LEVELS_MAX: Final = 5
"""So many departments are looked at, from the user's own upwards."""

_GONE: Final = "user_not_exists"


def user(user_id: str | Ref) -> Command:
    """A user as the messenger shows it: every connection may ask for one, since it may send messages."""
    return Command("im.user.get", {"ID": user_id})


def is_gone(batch: BatchAnswer, name: str) -> bool:
    """Whether a command :func:`user` tells that the user was dismissed or does not exist: the vendor does not document
    that notifications for the dismissed are refused. Anything unclear says nothing."""
    fault, success = batch.faults.get(name), batch.successes.get(name)
    if success is None:
        return fault is not None and fault.code == _GONE
    return isinstance(success.result, dict) and success.result.get("active") is False


class People:
    """Users of any portal."""

    def __init__(self, calls: PortalCalls) -> None:
        self._calls = calls

    async def stand_in(self, permit: Permit, user_id: str) -> Outcome[StandIn]:
        """One request for the user, and one for the departments above with their heads. A part that the connection has
        no right to, or that nobody understands, leaves the head unknown: who asks has a way without one."""
        asked = {"user": user(user_id), "profile": Command("user.get", {"ID": user_id})}
        batch = await self._calls.batch(permit, "read_user", asked, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        shown, profile = self._record(batch, "user", "id", user_id), self._record(batch, "profile", "ID", user_id)
        if isinstance(shown, Deferred):
            return shown
        if isinstance(profile, Deferred):
            return profile
        name = _text(shown, "name") or f"{_text(profile, 'NAME')} {_text(profile, 'LAST_NAME')}".strip()
        departments = shown.get("departments") or profile.get("UF_DEPARTMENT")
        own = _text({"ID": departments[0]}, "ID") if isinstance(departments, list) and departments else ""
        if own in ("", "0"):
            return Ok(StandIn(name, ""))
        head = await self._head(permit, user_id, own)
        return Ok(StandIn(name, head)) if isinstance(head, str) else head

    async def _head(self, permit: Permit, user_id: str, own: str) -> str | Failure:
        """The first acting head from the department ``own`` upwards, or "". An empty reference drops the filter, or
        asks for the caller: what comes back is compared with what it was to be about."""
        asked: dict[str, Command] = {}
        above: str | Ref = own
        for level in range(LEVELS_MAX):
            asked[f"department{level}"] = Command("department.get", {"ID": above})
            asked[f"head{level}"] = user(Ref(f"department{level}", "0", "UF_HEAD"))
            above = Ref(f"department{level}", "0", "PARENT")
        batch = await self._calls.batch(permit, "find_head", asked, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        for level in range(LEVELS_MAX):
            department = self._record(batch, f"department{level}", "ID", own)
            if isinstance(department, Deferred):
                return department
            head, own = _text(department, "UF_HEAD"), _text(department, "PARENT")
            if head not in ("", "0", user_id):
                shown = self._record(batch, f"head{level}", "id", head)
                if isinstance(shown, Deferred):
                    return shown
                if shown and shown.get("active") is not False:
                    return head
            if own in ("", "0"):
                break
        return ""

    def _record(self, batch: BatchAnswer, name: str, key: str, wanted: str) -> Mapping[str, Any] | Deferred:
        """What a part tells of the one that was asked about, in a list or alone; nothing where it does not."""
        part = self._calls.part(batch, name, write=False)
        if isinstance(part, Deferred):
            return part
        if not isinstance(part, Success):
            return {}
        rows = part.result if isinstance(part.result, list) else [part.result]
        return next((row for row in rows if isinstance(row, dict) and _text(row, key) == wanted), {})


def _text(record: Mapping[str, Any], name: str) -> str:
    """A field as text; what is no text or number says nothing."""
    value = record.get(name)
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
