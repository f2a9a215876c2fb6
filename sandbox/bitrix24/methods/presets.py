"""crm.requisite.preset.*: sets of requisite fields, and the fields of a set.

Vendor documentation, "Шаблоны реквизитов": https://apidocs.bitrix24.ru/api-reference/crm/requisites/presets/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, upper_keys
from sandbox.bitrix24.envelope import classic
from sandbox.bitrix24.legal import COUNTRIES, PRESET, REQUISITE, shown, taken
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.requisites import fields_of, listing, one_of
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import is_empty

REQUISITE_TYPE = 8
FIELD_KINDS = {"ID": "integer", "FIELD_NAME": "string", "FIELD_TITLE": "string", "SORT": "integer",
               "IN_SHORT_LIST": "char"}  # fmt: skip
AVAILABLE = (*(name for name in REQUISITE if name.startswith("RQ_")), "RQ_ADDR", "RQ_SIGNATURE", "RQ_STAMP")


@method("crm.requisite.preset.get")
def preset_get(call: Call) -> Any:
    return shown(call.portal, one_of(call, "preset", "Preset", "read"), PRESET)


@method("crm.requisite.preset.list")
def preset_list(call: Call) -> Any:
    return listing(call, "preset", PRESET)


@method("crm.requisite.preset.countries")
def preset_countries(call: Call) -> Any:
    return [{"ID": number, "CODE": code, "TITLE": title} for number, code, title in COUNTRIES]


@method("crm.requisite.preset.add", writes=True)
def preset_add(call: Call) -> Any:
    values = taken(call.portal, fields_of(call), PRESET)
    if not is_admin(call):
        raise classic("Access denied.")
    if values.get("ENTITY_TYPE_ID") != REQUISITE_TYPE:
        raise classic("ENTITY_TYPE_ID is not defined or invalid.")
    if values.get("COUNTRY_ID") not in {number for number, _, _ in COUNTRIES}:
        raise classic("COUNTRY_ID is not defined or invalid.")
    if is_empty(values.get("NAME")):
        raise classic("NAME is not defined or invalid.")
    stamped = {"ACTIVE": "Y", "SORT": 500, "CREATED_BY_ID": call.user_id, "DATE_CREATE": call.portal.now()}
    return call.portal.put("preset", stamped | {name: value for name, value in values.items() if value is not None})


@method("crm.requisite.preset.update", writes=True)
def preset_update(call: Call) -> Any:
    record = one_of(call, "preset", "Preset", "update")
    if not is_admin(call):
        raise classic("Access denied.")
    values = taken(call.portal, fields_of(call), PRESET)
    for name in ("ENTITY_TYPE_ID", "COUNTRY_ID"):
        values.pop(name, None)
    now = call.portal.now()
    call.portal.patch("preset", record["ID"], {**values, "MODIFY_BY_ID": call.user_id, "DATE_MODIFY": now})
    return True


@method("crm.requisite.preset.delete", writes=True)
def preset_delete(call: Call) -> Any:
    record = one_of(call, "preset", "Preset", "delete")
    if not is_admin(call):
        raise classic("Access denied.")
    call.portal.drop("preset", record["ID"])
    return True


# -- the fields of a set: numbered from 1 within it


def _available(call: Call) -> list[str]:
    own = call.portal.table("userfield").find("ENTITY_ID", "CRM_REQUISITE")
    return [*AVAILABLE, *(record["FIELD_NAME"] for record in own)]


def _preset(call: Call) -> Record:
    given = call.get("preset")
    number = as_number(given.get("ID") if isinstance(given, dict) else None)
    if number is None or number <= 0:
        raise classic("ID of the preset is not defined or invalid.")
    record = call.portal.get("preset", number)
    if record is None:
        raise classic(f"The Preset with ID '{number}' is not found")
    return record


def _fields(record: Record) -> list[Record]:
    found: list[Record] = record.get("FIELDS", [])
    return found


def _field(call: Call, record: Record) -> Record:
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        raise classic("ID is not defined or invalid.")
    for field in _fields(record):
        if field["ID"] == number:
            return field
    raise classic(f"The PresetField with ID '{number}' is not found")


def _given(call: Call) -> Record:
    fields = upper_keys(fields_of(call))
    values: Record = {name: str(fields[name]) for name in ("FIELD_NAME", "FIELD_TITLE") if name in fields}
    if "SORT" in fields:
        values["SORT"] = as_number(fields["SORT"]) or 500
    if "IN_SHORT_LIST" in fields:
        values["IN_SHORT_LIST"] = "Y" if fields["IN_SHORT_LIST"] == "Y" else "N"
    return values


@method("crm.requisite.preset.field.list")
def field_list(call: Call) -> Any:
    return _fields(_preset(call))


@method("crm.requisite.preset.field.get")
def field_get(call: Call) -> Any:
    return _field(call, _preset(call))


@method("crm.requisite.preset.field.availabletoadd")
def field_available(call: Call) -> Any:
    taken_names = {field["FIELD_NAME"] for field in _fields(_preset(call))}
    return [name for name in _available(call) if name not in taken_names]


@method("crm.requisite.preset.field.add", writes=True)
def field_add(call: Call) -> Any:
    record, values = _preset(call), _given(call)
    present = _fields(record)
    name = values.get("FIELD_NAME", "")
    if name not in _available(call) or any(field["FIELD_NAME"] == name for field in present):
        raise classic(f"The field '{name}' can not be added.")
    number = max((field["ID"] for field in present), default=0) + 1
    made = {"ID": number, "FIELD_TITLE": "", "IN_SHORT_LIST": "N", "SORT": 500, **values}
    call.portal.patch("preset", record["ID"], {"FIELDS": [*present, made]})
    return number


@method("crm.requisite.preset.field.update", writes=True)
def field_update(call: Call) -> Any:
    record = _preset(call)
    chosen, values = _field(call, record), _given(call)
    changed = [{**field, **values} if field["ID"] == chosen["ID"] else field for field in _fields(record)]
    call.portal.patch("preset", record["ID"], {"FIELDS": changed})
    return True


@method("crm.requisite.preset.field.delete", writes=True)
def field_delete(call: Call) -> Any:
    record = _preset(call)
    chosen = _field(call, record)
    rest = [field for field in _fields(record) if field["ID"] != chosen["ID"]]
    call.portal.patch("preset", record["ID"], {"FIELDS": rest})
    return True


@method("crm.requisite.preset.field.fields")
def field_fields(call: Call) -> Any:
    return {
        name: {"type": kind, "isRequired": name == "FIELD_NAME", "isReadOnly": name == "ID", "isImmutable": False,
               "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in FIELD_KINDS.items()
    }  # fmt: skip
