"""crm.activity.binding.*: one activity of several objects; and what its communications are made of.

Vendor documentation, "Связи дел": https://apidocs.bitrix24.ru/api-reference/crm/timeline/activities/binding/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, may, universal_id
from sandbox.bitrix24.envelope import RestError, item_denied, item_not_found
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

Owner = tuple[int, int]


def bound_to(record: Record) -> list[Owner]:
    """(entityTypeId, entityId) of all objects of an activity, its first owner in front."""
    return [(record["OWNER_TYPE_ID"], record["OWNER_ID"]), *(tuple(pair) for pair in record.get("BOUND", ()))]


def _activity(call: Call, action: str) -> Record:
    record = call.portal.get("activity", universal_id(call, "activityId"))
    if record is None:
        raise item_not_found()
    if not may(call.identity, action):
        raise item_denied()
    return record


def _owner(call: Call, kind: str = "entityTypeId", number: str = "entityId") -> Owner:
    owner = universal_id(call, kind), universal_id(call, number)
    family = call.portal.family(owner[0])
    if family is None or call.portal.get(family.name, owner[1]) is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец элемента не найден")
    return owner


def _write(call: Call, record: Record, owners: list[Owner]) -> None:
    (kind, number), *rest = owners
    values: Record = {"OWNER_TYPE_ID": kind, "OWNER_ID": number, "BOUND": [list(pair) for pair in rest]}
    call.portal.patch("activity", record["ID"], values)


@method("crm.activity.binding.list")
def binding_list(call: Call) -> Any:
    return [{"entityTypeId": kind, "entityId": number} for kind, number in bound_to(_activity(call, "read"))]


@method("crm.activity.binding.add", writes=True)
def binding_add(call: Call) -> Any:
    record, owner = _activity(call, "update"), _owner(call)
    present = bound_to(record)
    if owner in present:
        raise RestError(400, "ACTIVITY_IS_ALREADY_BOUND", "Дело уже привязано к этому элементу")
    _write(call, record, [*present, owner])
    return True


@method("crm.activity.binding.delete", writes=True)
def binding_delete(call: Call) -> Any:
    record, owner = _activity(call, "update"), _owner(call)
    present = bound_to(record)
    if owner not in present:
        raise RestError(400, "BINDING_NOT_FOUND", "Дело не привязано к этому элементу")
    if len(present) == 1:
        text = "Нельзя удалять единственную привязку дела к сущности"
        raise RestError(400, "LAST_BINDING_CANNOT_BE_DELETED", text)
    _write(call, record, [pair for pair in present if pair != owner])
    return True


@method("crm.activity.binding.move", writes=True)
def binding_move(call: Call) -> Any:
    record = _activity(call, "update")
    source = _owner(call, "sourceEntityTypeId", "sourceEntityId")
    target = _owner(call, "targetEntityTypeId", "targetEntityId")
    if source[0] != target[0]:
        text = "Невозможно перенести дело из одного типа объекта CRM в другой"
        raise RestError(400, "SOURCE_AND_TARGET_ENTITY_TYPES_ARE_NOT_EQUAL_ERROR", text)
    if source == target:
        text = "Невозможно перенести дело в то же самое дело"
        raise RestError(400, "SOURCE_AND_TARGET_ENTITY_ID_ARE_EQUAL_ERROR", text)
    present = bound_to(record)
    if target in present:
        raise RestError(400, "ACTIVITY_IS_ALREADY_BOUND", "Дело уже привязано к этому элементу")
    if source not in present:
        raise RestError(400, "BINDING_NOT_FOUND", "Дело не привязано к указанному элементу")
    _write(call, record, [target if pair == source else pair for pair in present])
    return True


@method("crm.activity.communication.fields")
def communication_fields(call: Call) -> Any:
    kinds = {"ID": "integer", "ACTIVITY_ID": "integer", "ENTITY_ID": "integer", "ENTITY_TYPE_ID": "integer",
             "TYPE": "string", "VALUE": "string"}  # fmt: skip
    return {
        name: {"type": kind, "isRequired": False, "isReadOnly": name in ("ID", "ACTIVITY_ID"), "isImmutable": False,
               "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip
