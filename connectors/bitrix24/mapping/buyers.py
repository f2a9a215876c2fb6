"""What changed of buyers since a moment: the lists that are asked for it, and what their records name.

Source: the vendor's documentation of crm.item.list, crm.requisite.list, crm.requisite.bankdetail.list. A requisite or a
bank account that was never changed has an empty DATE_MODIFY, so each is asked for by DATE_CREATE too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from connectors import wire
from connectors.bitrix24.mapping.records import changed_at, iso, own_id
from connectors.bitrix24.schema import COMPANY, CONTACT, PAGE_ROWS, Command, Success
from connectors.ports.crm import ModifiedBuyer
from connectors.wire import ShapeError


@dataclass(frozen=True, slots=True)
class _Listed:
    """One list by one column of time."""

    method: str
    time: str
    select: tuple[str, ...]
    entity_type_id: int | None = None

    @property
    def _id(self) -> str:
        return "ID" if self.entity_type_id is None else "id"

    def command(self, since: datetime, after: str) -> Command:
        filtered = {f">={self.time}": iso(since), f">{self._id}": int(after)}
        params = {"select": self.select, "filter": filtered, "order": {self._id: "ASC"}, "start": -1}
        return Command(self.method, {"entityTypeId": self.entity_type_id, **params})

    def records(self, answer: Success, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """The rows with their ids, ascending."""
        rows = answer.result if self.entity_type_id is None else wire.mapping(answer.result, name).get("items")
        listed = ((own_id(record, self._id), record) for record in wire.records(rows, name))
        return sorted(listed, key=lambda one: int(one[0]))

    def modified(self, record_id: str, record: Mapping[str, Any], since: datetime) -> ModifiedBuyer | None:
        """Whom a row is about; None for requisites of neither a company nor a contact, and for a row that was asked for
        by another zone's hours."""
        at = changed_at(record)
        early = since - wire.moment(record.get(self.time), self.time)
        if at is None or early > _ZONES_APART_MAX:
            raise ShapeError(self.time)  # a portal that drops the filter would list everything at every pass
        if early > timedelta(seconds=1):
            return None
        if self.entity_type_id == COMPANY:
            return ModifiedBuyer("company", record_id, at)
        if self.entity_type_id == CONTACT:
            return ModifiedBuyer("contact", record_id, at)
        if self.method == _BANK_DETAILS:
            return ModifiedBuyer("requisite", own_id(record, "ENTITY_ID"), at)
        owner = wire.whole(wire.required(record, "ENTITY_TYPE_ID"), "ENTITY_TYPE_ID")
        if owner == COMPANY:
            return ModifiedBuyer("company", own_id(record, "ENTITY_ID"), at)
        return ModifiedBuyer("contact", own_id(record, "ENTITY_ID"), at) if owner == CONTACT else None


_ZONES_APART_MAX: Final = timedelta(hours=26)
_OWNED: Final = ("ID", "ENTITY_ID", "DATE_CREATE", "DATE_MODIFY")
_OWNED_BY_CARD: Final = (*_OWNED, "ENTITY_TYPE_ID")
_REQUISITES: Final = "crm.requisite.list"
_BANK_DETAILS: Final = "crm.requisite.bankdetail.list"
_LISTS: Final[Mapping[str, _Listed]] = {
    "companies": _Listed("crm.item.list", "updatedTime", ("id", "updatedTime"), COMPANY),
    "contacts": _Listed("crm.item.list", "updatedTime", ("id", "updatedTime"), CONTACT),
    "requisites_created": _Listed(_REQUISITES, "DATE_CREATE", _OWNED_BY_CARD),
    "requisites_changed": _Listed(_REQUISITES, "DATE_MODIFY", _OWNED_BY_CARD),
    "banks_created": _Listed(_BANK_DETAILS, "DATE_CREATE", _OWNED),
    "banks_changed": _Listed(_BANK_DETAILS, "DATE_MODIFY", _OWNED),
}


def modified_commands(since: datetime, after: Mapping[str, str] | None) -> dict[str, Command]:
    """The lists of one page: all of them at the beginning of a pass (``after`` None), else those that go on."""
    going_on = dict.fromkeys(_LISTS, "0") if after is None else after
    return {name: listed.command(since, going_on[name]) for name, listed in _LISTS.items() if name in going_on}


def read_modified(
    answers: Mapping[str, Success], since: datetime, after: Mapping[str, str] | None
) -> tuple[Sequence[ModifiedBuyer], Mapping[str, str] | None]:
    """What the lists of one page name, each buyer once with its last change, and where they go on. Raises ShapeError,
    also for a list that does not move on from where it was asked to."""
    last: dict[tuple[str, str], ModifiedBuyer] = {}
    next_after: dict[str, str] = {}
    for name, answer in answers.items():
        asked_after = 0 if after is None else int(after[name])
        found = _LISTS[name].records(answer, name)
        if found and int(found[0][0]) <= asked_after:
            raise ShapeError(name)
        for record_id, record in found:
            one = _LISTS[name].modified(record_id, record, since)
            if one is not None:
                before = last.get((one.entity, one.object_id))
                if before is None or before.updated_at < one.updated_at:
                    last[one.entity, one.object_id] = one
        if len(found) >= PAGE_ROWS:
            next_after[name] = found[-1][0]
    return tuple(last.values()), next_after or None
