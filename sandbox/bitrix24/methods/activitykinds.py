"""crm.activity.type.*, crm.activity.badge.* and the blocks an application adds to activities and timeline entries.

Vendor documentation, "Типы дел", "Бейджи", "Дополнительные контентные блоки":
https://apidocs.bitrix24.ru/api-reference/crm/timeline/activities/, …/crm/timeline/layout-blocks/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, classic_map, is_admin, may, universal_id, universal_map, upper_keys
from sandbox.bitrix24.envelope import RestError, invalid_argument, item_denied
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.timeline import bound
from sandbox.bitrix24.store import Record

BADGE_FIELDS = ("code", "title", "value", "type")


# -- kinds of activities that an application adds


def _only_admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Admin permissions required")


def _kinds(call: Call) -> list[Record]:
    return [one for one in call.portal.table("activitytype") if one["APP_ID"] == call.identity.app_id]


@method("crm.activity.type.add", app_only=True, writes=True)
def type_add(call: Call) -> Any:
    _only_admin(call)
    fields = upper_keys(classic_map(call, "fields"))
    code = str(fields.get("TYPE_ID") or "")
    if not code:
        raise invalid_argument("TYPE_ID is not defined or empty")
    if any(one["TYPE_ID"] == code for one in _kinds(call)):
        raise invalid_argument(f"Activity type {code} already exists")
    pair = files.decode_pair(fields.get("ICON_FILE"))
    icon = 0 if pair is None else files.keep(call.portal, pair[0], pair[1], "activitytype", call.user_id)
    flag = "Y" if fields.get("IS_CONFIGURABLE_TYPE") == "Y" else "N"
    call.portal.put("activitytype", {"APP_ID": call.identity.app_id, "TYPE_ID": code, "ICON_ID": icon,
                                     "NAME": str(fields.get("NAME") or ""), "IS_CONFIGURABLE_TYPE": flag})  # fmt: skip
    return True


@method("crm.activity.type.list", app_only=True)
def type_list(call: Call) -> Any:
    _only_admin(call)
    names = ("TYPE_ID", "NAME", "IS_CONFIGURABLE_TYPE", "ICON_ID")
    return [{name: str(one[name]) for name in names} for one in _kinds(call)]


@method("crm.activity.type.delete", app_only=True, writes=True)
def type_delete(call: Call) -> Any:
    _only_admin(call)
    code = call.text("TYPE_ID")
    found = next((one for one in _kinds(call) if one["TYPE_ID"] == code), None)
    if found is None:
        raise invalid_argument(f"Activity type {code} is not found")
    call.portal.drop("activitytype", found["ID"])
    return True


# -- badges of configurable activities


def _badge(call: Call) -> Record:
    found = next((one for one in call.portal.table("badge") if one["code"] == call.text("code")), None)
    if found is None:
        raise RestError(400, "NOT_FOUND", "Not found.")
    return found


def _shown_badge(record: Record) -> Record:
    return {name: record[name] for name in BADGE_FIELDS}


@method("crm.activity.badge.add", writes=True)
def badge_add(call: Call) -> Any:
    """A badge of the same code is replaced: the vendor names no error for it."""
    if not is_admin(call):
        raise item_denied()
    values = {name: call.get(name) for name in BADGE_FIELDS}
    if not all(values.values()):
        raise RestError(400, "REQUIRED_ARG_MISSING", "Не заполнены обязательные поля")
    known = next((one["ID"] for one in call.portal.table("badge") if one["code"] == values["code"]), None)
    made = call.portal.put("badge", values, known)
    return {"badge": _shown_badge(call.portal.table("badge").records[made])}


@method("crm.activity.badge.get")
def badge_get(call: Call) -> Any:
    return {"badge": _shown_badge(_badge(call))}


@method("crm.activity.badge.list")
def badge_list(call: Call) -> Any:
    return {"badges": [_shown_badge(one) for one in call.portal.table("badge")]}


@method("crm.activity.badge.delete", writes=True)
def badge_delete(call: Call) -> Any:
    if not is_admin(call):
        raise item_denied()
    call.portal.drop("badge", _badge(call)["ID"])
    return True


# -- blocks


def _holder(call: Call, table: str, parameter: str) -> Record:
    """The activity or timeline entry that the call names by its id and its owner."""
    family = call.portal.family(universal_id(call, "entityTypeId"))
    owner = None if family is None else call.portal.get(family.name, universal_id(call, "entityId"))
    if family is None or owner is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец не найден")
    record = call.portal.get(table, universal_id(call, parameter))
    if record is None or not _belongs(record, family, owner["ID"]):
        raise RestError(400, "NOT_FOUND", "Not found.")
    if not may(call.identity, "update", owner):
        raise item_denied()
    return record


def _belongs(record: Record, family: Family, number: int) -> bool:
    if "BOUND" in record:
        return bound(family, number) in record["BOUND"]
    return bool((record["OWNER_TYPE_ID"], record["OWNER_ID"]) == (family.entity_type_id, number))


def _blocks(call: Call) -> Record:
    layout = universal_map(call, "layout")
    blocks = layout.get("blocks")
    if not isinstance(blocks, dict) or not blocks:
        raise RestError(400, "FIELD_IS_REQUIRED", 'Поле "blocks" обязательно для заполнения')
    return blocks


for _path, _table, _parameter in (
    ("crm.activity.layout.blocks", "activity", "activityId"),
    ("crm.timeline.layout.blocks", "comment", "timelineId"),
):

    @method(f"{_path}.set", app_only=True, writes=True)
    def blocks_set(call: Call, table: str = _table, parameter: str = _parameter) -> Any:
        record, held = _holder(call, table, parameter), _blocks(call)
        mine = str(call.identity.app_id)
        call.portal.patch(table, record["ID"], {"LAYOUTS": {**record.get("LAYOUTS", {}), mine: held}})
        return {"success": True}

    @method(f"{_path}.get", app_only=True)
    def blocks_get(call: Call, table: str = _table, parameter: str = _parameter) -> Any:
        held = _holder(call, table, parameter).get("LAYOUTS", {}).get(str(call.identity.app_id))
        return None if held is None else {"layout": {"blocks": held}}

    @method(f"{_path}.delete", app_only=True, writes=True)
    def blocks_delete(call: Call, table: str = _table, parameter: str = _parameter) -> Any:
        record, mine = _holder(call, table, parameter), str(call.identity.app_id)
        held = {app: blocks for app, blocks in record.get("LAYOUTS", {}).items() if app != mine}
        call.portal.patch(table, record["ID"], {"LAYOUTS": held})
        return {"success": True}
