"""crm.activity.configurable.*: activities whose look in the timeline an application lays out.

Vendor documentation, "Конфигурируемые дела":
https://apidocs.bitrix24.ru/api-reference/crm/timeline/activities/configurable/

A layout is checked at its top alone: `icon`, `header` and `body` are there, and nothing is but these and `footer`.
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, may, universal_id, universal_map
from sandbox.bitrix24.envelope import RestError, item_denied
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, moment_text, parse_moment

PATH, PROVIDER, USUAL = "crm.activity.configurable", "CONFIGURABLE_REST_APP", "CONFIGURABLE"
NEEDED, ALLOWED = ("icon", "header", "body"), ("icon", "header", "body", "footer")
TODO_KIND = 6


def _wrong(name: str) -> RestError:
    return RestError(400, "WRONG_FIELD_VALUE", f"Wrong value of field {name}")


def _layout(call: Call) -> Record:
    layout = call.get("layout")
    if not isinstance(layout, dict) or not layout:
        raise RestError(400, "ERROR_EMPTY_LAYOUT", "Поле layout должно быть заполнено")
    for name in NEEDED:
        if name not in layout:
            raise RestError(400, "FIELD_IS_REQUIRED", f'Поле "{name}" обязательно для заполнения')
    for name in layout:
        if name not in ALLOWED:
            raise RestError(400, "FIELD_IS_REDUNDANT", f'Поле "{name}" является лишним')
    return layout


def _flag(value: Any) -> bool:
    return value in (True, 1, "1", "Y", "true")


def _values(call: Call, fields: Record, held: Record) -> Record:
    values: Record = {}
    if fields.get("typeId"):
        code = str(fields["typeId"])
        known = (one for one in call.portal.table("activitytype") if one["APP_ID"] == call.identity.app_id)
        if code != USUAL and not any(one["TYPE_ID"] == code and one["IS_CONFIGURABLE_TYPE"] == "Y" for one in known):
            raise _wrong("typeId")
        values["PROVIDER_TYPE_ID"] = code
    if "completed" in fields:
        done = _flag(fields["completed"])
        values |= {"COMPLETED": "Y" if done else "N", "STATUS": 2 if done else 1}
    if fields.get("deadline"):
        try:
            values["DEADLINE"] = parse_moment(fields["deadline"], call.portal.zone)
        except BadValueError as error:
            raise _wrong("deadline") from error
    if isinstance(fields.get("pingOffsets"), list):
        values["PINGS"] = [number for number in map(as_number, fields["pingOffsets"]) if number is not None]
    if "isIncomingChannel" in fields:
        values["INCOMING"] = _flag(fields["isIncomingChannel"])
    if (user := as_number(fields.get("responsibleId"))) is not None:
        values["RESPONSIBLE_ID"] = user
    for name, stored in (("badgeCode", "BADGE"), ("originatorId", "ORIGINATOR_ID"), ("originId", "ORIGIN_ID")):
        if name in fields:
            values[stored] = str(fields[name] or "") or None
    merged = held | values
    if merged.get("INCOMING") and merged.get("DEADLINE"):
        text = "Входящее дело не может иметь крайний срок"
        raise RestError(400, "INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE", text)
    return values


def _raise(call: Call, what: str, number: int) -> None:
    call.portal.raise_event(f"ONCRMACTIVITY{what}", {"FIELDS": {"ID": str(number)}})


@method(f"{PATH}.add", app_only=True, writes=True)
def activity_add(call: Call) -> Any:
    owner_type, owner_id = universal_id(call, "ownerTypeId"), universal_id(call, "ownerId")
    fields, layout = universal_map(call, "fields"), _layout(call)
    family = call.portal.family(owner_type)
    owner = None if family is None else call.portal.get(family.name, owner_id)
    if owner is None:
        raise RestError(400, "NOT_FOUND", "Not found.")
    if not may(call.identity, "update", owner):
        raise item_denied()
    now = call.portal.now()
    values: Record = {
        "OWNER_TYPE_ID": owner_type, "OWNER_ID": owner_id, "TYPE_ID": TODO_KIND, "PROVIDER_ID": PROVIDER,
        "PROVIDER_TYPE_ID": USUAL, "COMPLETED": "N", "STATUS": 1, "AUTHOR_ID": call.user_id,
        "EDITOR_ID": call.user_id, "CREATED": now, "LAST_UPDATED": now, "LAYOUT": layout,
        "APP_ID": call.identity.app_id,
        "RESPONSIBLE_ID": owner.get("ASSIGNED_BY_ID") or call.user_id, "PINGS": [], "INCOMING": False,
        "SUBJECT": str((layout.get("header") or {}).get("title") or "") if isinstance(layout["header"], dict) else "",
    }  # fmt: skip
    made = call.portal.put("activity", {**values, **_values(call, fields, {})})
    _raise(call, "ADD", made)
    return {"activity": {"id": made}}


def _existing(call: Call) -> Record:
    record = call.portal.get("activity", universal_id(call))
    if record is None or record.get("PROVIDER_ID") != PROVIDER:
        raise RestError(400, "NOT_FOUND", "Элемент не найден")
    return record


@method(f"{PATH}.update", app_only=True, writes=True)
def activity_update(call: Call) -> Any:
    """By the application alone that made it."""
    record = _existing(call)
    if record["APP_ID"] != call.identity.app_id:
        text = "Обновить дело может только приложение, которое его создало"
        raise RestError(400, "ERROR_WRONG_APPLICATION", text)
    fields = call.get("fields")
    values = _values(call, fields if isinstance(fields, dict) else {}, record)
    if "layout" in call.params:
        values["LAYOUT"] = _layout(call)
    values |= {"EDITOR_ID": call.user_id, "LAST_UPDATED": call.portal.now()}
    call.portal.patch("activity", record["ID"], values)
    _raise(call, "UPDATE", record["ID"])
    return {"activity": {"id": record["ID"]}}


@method(f"{PATH}.get", app_only=True)
def activity_get(call: Call) -> Any:
    record = _existing(call)
    deadline = record.get("DEADLINE")
    fields = {
        "typeId": record["PROVIDER_TYPE_ID"], "completed": record["COMPLETED"] == "Y",
        "deadline": None if deadline is None else moment_text(deadline, call.portal.zone),
        "pingOffsets": record["PINGS"], "isIncomingChannel": record["INCOMING"],
        "responsibleId": record["RESPONSIBLE_ID"], "badgeCode": record.get("BADGE", ""),
        "originatorId": record.get("ORIGINATOR_ID"), "originId": record.get("ORIGIN_ID"),
    }  # fmt: skip
    owner = {"ownerTypeId": record["OWNER_TYPE_ID"], "ownerId": record["OWNER_ID"]}
    return {"activity": {"id": record["ID"], **owner, "fields": fields, "layout": record["LAYOUT"]}}
