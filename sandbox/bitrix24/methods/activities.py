"""Activities: the generic ones, todos and the mail that goes out with one of them."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, as_number, classic_id, classic_map, may, offset_of, universal_id, upper_keys
from sandbox.bitrix24.envelope import (
    PAGE_SIZE,
    RestError,
    classic,
    classic_denied,
    item_denied,
    missing_parameter,
    page,
)
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.filters import BadFilterValueError, Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, classic_encoder, is_empty, parse, parse_moment

KINDS = {
    "ID": "integer", "OWNER_ID": "integer", "OWNER_TYPE_ID": "integer", "TYPE_ID": "integer", "PROVIDER_ID": "string",
    "PROVIDER_TYPE_ID": "string", "SUBJECT": "string", "CREATED": "datetime", "LAST_UPDATED": "datetime",
    "START_TIME": "datetime", "END_TIME": "datetime", "DEADLINE": "datetime", "COMPLETED": "char", "STATUS": "integer",
    "RESPONSIBLE_ID": "integer", "PRIORITY": "integer", "NOTIFY_TYPE": "integer", "NOTIFY_VALUE": "integer",
    "DESCRIPTION": "string", "DESCRIPTION_TYPE": "integer", "DIRECTION": "integer", "LOCATION": "string",
    "ORIGINATOR_ID": "string", "ORIGIN_ID": "string", "AUTHOR_ID": "integer", "EDITOR_ID": "integer",
}  # fmt: skip
# Columns that nothing here fills: kind and what they read.
UNUSED: dict[str, tuple[str, Any]] = {
    "ASSOCIATED_ENTITY_ID": ("integer", "0"), "PROVIDER_GROUP_ID": ("string", None), "PROVIDER_PARAMS": ("object", []),
    "PROVIDER_DATA": ("string", None), "RESULT_MARK": ("integer", "0"), "RESULT_VALUE": ("double", None),
    "RESULT_SUM": ("double", None), "RESULT_CURRENCY_ID": ("string", None), "RESULT_STATUS": ("integer", "0"),
    "RESULT_STREAM": ("integer", "0"), "RESULT_SOURCE_ID": ("string", None), "AUTOCOMPLETE_RULE": ("integer", "0"),
}  # fmt: skip
SPECIAL = {
    "OWNER_TYPE_ID": "crm_enum_ownertype", "TYPE_ID": "crm_enum_activitytype", "STATUS": "crm_enum_activitystatus",
    "PRIORITY": "crm_enum_activitypriority", "NOTIFY_TYPE": "crm_enum_activitynotifytype",
    "DESCRIPTION_TYPE": "crm_enum_contenttype", "DIRECTION": "crm_enum_activitydirection", "RESPONSIBLE_ID": "user",
    "AUTHOR_ID": "user", "EDITOR_ID": "user",
}  # fmt: skip
"""Kinds as crm.activity.fields prints them."""
MULTIPLE = ("COMMUNICATIONS", "FILES", "BINDINGS", "WEBDAV_ELEMENTS")
CALL, EMAIL, OUTGOING = 2, 4, 2


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


def _shown(call: Call, record: Record, select: Any = None) -> Record:
    names = {str(name).upper() for name in select} if isinstance(select, list) and select else None
    shown: Record = {}
    for name, kind in KINDS.items():
        if names is None or "*" in names or name in names or name == "ID":
            shown[name] = classic_encoder(kind, call.portal.zone)(record.get(name))
    for name, (_, value) in UNUSED.items():
        if names is None or "*" in names or name in names:
            shown[name] = value
    if names is None or "*" in names or "SETTINGS" in names:
        shown["SETTINGS"] = record.get("SETTINGS") or []
    if (names is not None and "COMMUNICATIONS" in names) or select is None:
        shown["COMMUNICATIONS"] = record.get("COMMUNICATIONS") or []
    if select is None or (names is not None and "FILES" in names):
        shown["FILES"] = [{"id": number} for number in record.get("FILES", ())]
    return shown


def _owner(call: Call, owner_type: Any, owner_id: Any) -> tuple[Family, Record] | None:
    family = call.portal.family(as_number(owner_type) or 0)
    record = None if family is None else call.portal.get(family.name, as_number(owner_id) or 0)
    return None if family is None or record is None else (family, record)


@method("crm.activity.list")
def activity_list(call: Call) -> Any:
    if not may(call.identity, "read"):
        raise classic("Access denied.")
    try:
        query = compile_filter(classic_map(call, "filter"), _column, call.portal.zone, strict=False)
    except BadFilterValueError as error:
        raise classic("Failed to get list. General error.") from error
    order = compile_order(classic_map(call, "order"), _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("activity"), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("select") or ["*"]
    shown = [_shown(call, record, select) for record in found]
    return page(shown, total=total, offset=offset, shown=len(shown))


def _existing(call: Call, action: str) -> Record:
    number = classic_id(call)
    if not may(call.identity, action):
        raise classic_denied()
    record = call.portal.get("activity", number)
    if record is None:
        raise classic("Activity is not found")
    return record


@method("crm.activity.get")
def activity_get(call: Call) -> Any:
    return _shown(call, _existing(call, "read"))


@method("crm.activity.add", writes=True)
def activity_add(call: Call) -> Any:
    """An e-mail leaves only when one call has TYPE_ID 4, DIRECTION 2 and COMPLETED Y; otherwise nothing is sent.

    Its page calls RESPONSIBLE_ID required; the vendor's PHP SDK leaves it out, so who answers for the owner does here.
    """
    fields = upper_keys(classic_map(call, "fields"))
    if not may(call.identity, "add"):
        raise classic_denied()
    if is_empty(fields.get("SUBJECT")):
        raise classic("The field SUBJECT is not defined or empty")
    if not as_number(fields.get("TYPE_ID")):
        raise classic("The field TYPE_ID is not defined or invalid")
    talks = fields.get("COMMUNICATIONS")
    talks = list(talks.values()) if isinstance(talks, dict) else talks if isinstance(talks, list) else []
    if not talks:
        raise classic("The field COMMUNICATIONS is not defined or invalid")
    if len(talks) > 1 and as_number(fields.get("TYPE_ID")) == CALL:
        raise classic("The only one communication is allowed for activity of specified type")
    owner = _owner(call, fields.get("OWNER_TYPE_ID"), fields.get("OWNER_ID"))
    if owner is None:
        raise classic("Could not build binding. Please ensure that owner info and communications are defined correctly")
    values = _taken(call, fields)
    if not values.get("RESPONSIBLE_ID"):
        values["RESPONSIBLE_ID"] = owner[1].get("ASSIGNED_BY_ID") or call.user_id
    values |= {
        "AUTHOR_ID": call.user_id, "EDITOR_ID": call.user_id, "CREATED": call.portal.now(),
        "LAST_UPDATED": call.portal.now(), "COMMUNICATIONS": talks or None, "SETTINGS": fields.get("SETTINGS"),
    }  # fmt: skip
    values.setdefault("COMPLETED", "N")
    values["STATUS"] = 2 if values["COMPLETED"] == "Y" else 1
    number = call.portal.table("activity").last_id + 1
    values["FILES"] = [
        files.keep(call.portal, pair[0], pair[1], f"activity:{number}", call.user_id)
        for pair in map(files.decode_pair, fields.get("FILES") or [])
        if pair is not None
    ]
    sent, problem = _mail(call, values, talks)
    if sent:
        values["MAIL_SENT_TO"] = sent
    call.portal.put("activity", values, number)
    call.portal.raise_event("ONCRMACTIVITYADD", {"FIELDS": {"ID": str(number)}})
    if problem:
        raise classic(f"Email send error. {problem}")
    return number


def _mail(call: Call, values: Record, talks: list[Any]) -> tuple[str | None, str | None]:
    """(address a mail went to, what was wrong); (None, None) when nothing was to be sent."""
    if (values.get("TYPE_ID"), values.get("DIRECTION"), values["COMPLETED"]) != (EMAIL, OUTGOING, "Y"):
        return None, None
    to = str(talks[0].get("VALUE") or "") if talks and isinstance(talks[0], dict) else ""
    if "@" not in to:
        return None, '"To" is not found.'
    settings = values.get("SETTINGS") or {}
    sender = settings.get("MESSAGE_FROM") or call.identity.user.get("EMAIL")
    return (to, None) if sender else (None, '"From" is not found.')


def _taken(call: Call, fields: dict[str, Any]) -> Record:
    values: Record = {}
    for name, value in fields.items():
        if name in KINDS and name not in ("ID", "CREATED", "LAST_UPDATED", "AUTHOR_ID", "EDITOR_ID"):
            try:
                values[name] = parse(KINDS[name], value, call.portal.zone)
            except BadValueError:
                values[name] = None
    return values


@method("crm.activity.update", writes=True)
def activity_update(call: Call) -> Any:
    record = _existing(call, "update")
    values = _taken(call, upper_keys(classic_map(call, "fields")))
    if "COMPLETED" in values:
        values["STATUS"] = 2 if values["COMPLETED"] == "Y" else 1
    values |= {"EDITOR_ID": call.user_id, "LAST_UPDATED": call.portal.now()}
    call.portal.patch("activity", record["ID"], values)
    call.portal.raise_event("ONCRMACTIVITYUPDATE", {"FIELDS": {"ID": str(record["ID"])}})
    return True


@method("crm.activity.delete", writes=True)
def activity_delete(call: Call) -> Any:
    record = _existing(call, "delete")
    call.portal.drop("activity", record["ID"])
    call.portal.raise_event("ONCRMACTIVITYDELETE", {"FIELDS": {"ID": str(record["ID"])}})
    return True


@method("crm.activity.todo.add", writes=True)
def todo_add(call: Call) -> Any:
    family_id, owner_id = universal_id(call, "ownerTypeId"), universal_id(call, "ownerId")
    deadline = _deadline(call, "deadline")
    owner = _owner(call, family_id, owner_id)
    if owner is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец не найден")
    if not may(call.identity, "update", owner[1]):
        raise item_denied()
    values: Record = {
        "OWNER_TYPE_ID": family_id, "OWNER_ID": owner_id, "TYPE_ID": 6, "PROVIDER_ID": "CRM_TODO",
        "PROVIDER_TYPE_ID": "TODO", "SUBJECT": call.text("title") or "Дело", "DESCRIPTION": call.text("description"),
        "DEADLINE": deadline, "COMPLETED": "N", "STATUS": 1,
        "RESPONSIBLE_ID": call.number("responsibleId") or owner[1].get("ASSIGNED_BY_ID") or call.user_id,
        "AUTHOR_ID": call.user_id, "EDITOR_ID": call.user_id, "CREATED": call.portal.now(),
        "LAST_UPDATED": call.portal.now(), "COLOR_ID": call.text("colorId") or None,
    }  # fmt: skip
    number = call.portal.put("activity", values)
    call.portal.raise_event("ONCRMACTIVITYADD", {"FIELDS": {"ID": str(number)}})
    return {"id": number}


def _deadline(call: Call, name: str) -> int:
    if call.get(name) is None:
        raise missing_parameter(name)
    try:
        return parse_moment(call.get(name), call.portal.zone)
    except BadValueError as error:
        raise RestError(400, "WRONG_DATETIME_FORMAT", "Неверный формат даты и времени") from error


def _todo(call: Call) -> Record:
    """The todo by its id and its owner, both of which every method asks for."""
    number = universal_id(call)
    owner = universal_id(call, "ownerTypeId"), universal_id(call, "ownerId")
    record = call.portal.get("activity", number)
    if record is None or record.get("PROVIDER_ID") != "CRM_TODO":
        raise RestError(400, "NOT_FOUND", "Not found.")
    if (record["OWNER_TYPE_ID"], record["OWNER_ID"]) != owner:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец не найден")
    if record["COMPLETED"] == "Y":
        raise RestError(400, "CAN_NOT_UPDATE_COMPLETED_TODO", "Закрытое дело нельзя изменять")
    return record


@method("crm.activity.todo.update", writes=True)
def todo_update(call: Call) -> Any:
    values: Record = {"DEADLINE": _deadline(call, "deadline")}
    for name, stored in (("title", "SUBJECT"), ("description", "DESCRIPTION"), ("colorId", "COLOR_ID")):
        if call.get(name) is not None:
            values[stored] = call.text(name)
    if call.number("responsibleId"):
        values["RESPONSIBLE_ID"] = call.number("responsibleId")
    return _change_todo(call, values)


@method("crm.activity.todo.updateDeadline", writes=True)
def todo_deadline(call: Call) -> Any:
    return _change_todo(call, {"DEADLINE": _deadline(call, "value")})


@method("crm.activity.todo.updateDescription", writes=True)
def todo_description(call: Call) -> Any:
    return _change_todo(call, {"DESCRIPTION": call.text("value")})


@method("crm.activity.todo.updateResponsibleUser", writes=True)
def todo_responsible(call: Call) -> Any:
    return _change_todo(call, {"RESPONSIBLE_ID": universal_id(call, "responsibleId")})


@method("crm.activity.todo.updateColor", writes=True)
def todo_color(call: Call) -> Any:
    return _change_todo(call, {"COLOR_ID": call.text("colorId")})


def _change_todo(call: Call, values: Record) -> Any:
    record = _todo(call)
    values |= {"LAST_UPDATED": call.portal.now(), "EDITOR_ID": call.user_id}
    call.portal.patch("activity", record["ID"], values)
    call.portal.raise_event("ONCRMACTIVITYUPDATE", {"FIELDS": {"ID": str(record["ID"])}})
    return {"id": record["ID"]}


@method("crm.activity.fields")
def activity_fields(call: Call) -> Any:
    fixed = ("OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID")
    made = ("ID", "CREATED", "LAST_UPDATED", "AUTHOR_ID", "EDITOR_ID", "ASSOCIATED_ENTITY_ID", "BINDINGS",
            "IS_INCOMING_CHANNEL")  # fmt: skip
    kinds = {
        **KINDS,
        **{name: kind for name, (kind, _) in UNUSED.items()},
        **SPECIAL,
        "BINDINGS": "crm_activity_binding",
        "COMMUNICATIONS": "crm_activity_communication",
        "FILES": "diskfile",
        "WEBDAV_ELEMENTS": "diskfile",
        "IS_INCOMING_CHANNEL": "char",
        "SETTINGS": "object",
    }
    return {
        name: {"type": kind, "isRequired": name in ("TYPE_ID", "SUBJECT", "RESPONSIBLE_ID", "COMMUNICATIONS"),
               "isReadOnly": name in made, "isImmutable": name in fixed,
               "isMultiple": name in MULTIPLE, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip
