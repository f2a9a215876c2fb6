"""biconnector.*: an application's data for the portal's analytics: connectors, their sources, sources' datasets.

Vendor documentation, "BI-конструктор": https://apidocs.bitrix24.ru/api-reference/biconnector/

Refusals come with status 200, as the pages have them. The addresses of a connector are not asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.bitrix24.call import Call, as_number, offset_of
from sandbox.bitrix24.entities import Attribute, attributes
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.store import Record

SCOPE = "biconnector"
NAME, FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*"), re.compile(r"[A-Z][A-Z0-9_]*")
NAME_CHARACTERS, FIELD_CHARACTERS = 230, 32
FIELD_TYPES = ("int", "string", "double", "date", "datetime")
SETTING_TYPES = ("STRING",)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three: its name in paths and refusals, and its fields (`attributes` has the flags)."""

    name: str
    fields: tuple[Attribute, ...]

    @property
    def table(self) -> str:
        return f"bi{self.name}"


CONNECTOR = Kind("connector", attributes(
    "id integer:qr; title string:q; logo string:q; description string; sort integer; urlCheck string:q; "
    "urlData string:q; urlTableList string:q; urlTableDescription string:q; settings array:q; dateCreate datetime:qr"
))  # fmt: skip
SOURCE = Kind("source", attributes(
    "id integer:qr; title string:q; type string:qr; code string:qr; description string; active boolean; "
    "dateCreate datetime:qr; dateUpdate datetime:qr; createdById integer:qr; updatedById integer:qr; "
    "connectorId integer:qi; settings array:q"
))  # fmt: skip
DATASET = Kind("dataset", attributes(
    "id integer:qr; sourceId integer:qi; name string:qi; type string:qr; description string; externalName string:qi; "
    "externalCode string:qi; externalId integer:qr; dateCreate datetime:qr; dateUpdate datetime:qr; "
    "createdById integer:qr; updatedById integer:qr; fields array:q"
))  # fmt: skip
LISTED = {"connector": ("id", "title", "urlCheck", "dateCreate"), "source": ("id", "title", "active", "dateCreate"),
          "dataset": ("id", "name", "description")}  # fmt: skip


def fault(code: str, text: str) -> RestError:
    return RestError(200, code, text)


def _invalid(code: str, text: str) -> RestError:
    return fault(f"VALIDATION_{code}", text)


# -- what every one of them checks


def _known(call: Call, *names: str) -> None:
    given = {name for name in call.params.tree if name not in ("auth", "start")}
    if unknown := sorted(given - set(names)):
        raise _invalid("UNKNOWN_PARAMETERS", f"Unknown parameters: {', '.join(unknown)}")


def _absent(kind: Kind) -> RestError:
    return fault(f"{kind.name.upper()}_NOT_FOUND", f"{kind.name.capitalize()} was not found.")


def _record(call: Call, kind: Kind) -> Record:
    if call.get("id") is None:
        raise _invalid("ID_NOT_PROVIDED", "ID is missing.")
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        raise _invalid("INVALID_ID_FORMAT", "ID has to be a positive integer.")
    record = call.portal.get(kind.table, number)
    if record is None:
        raise _absent(kind)
    return record


def _fits(one: Attribute, value: Any) -> bool:
    if one.kind == "integer":
        return as_number(value) is not None
    if one.kind == "boolean":
        return value in (True, False, 0, 1, "0", "1", "true", "false", "Y", "N")
    if one.kind == "array":
        return isinstance(value, dict | list)
    return isinstance(value, str)


def _taken(call: Call, kind: Kind, *, new: bool) -> Record:
    fields = call.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise _invalid("FIELDS_NOT_PROVIDED", "Fields not provided.")
    known = {one.name: one for one in kind.fields}
    if unknown := sorted(set(fields) - set(known)):
        raise _invalid("UNKNOWN_PARAMETERS", f"Unknown parameters: {', '.join(unknown)}")
    values: Record = {}
    for name, value in fields.items():
        one = known[name]
        if one.read_only:
            raise _invalid("READ_ONLY_FIELD", f'Field "{name}" is read only.')
        if one.immutable and not new:
            raise _invalid("IMMUTABLE_FIELD", f'Field "{name}" is immutable.')
        if not _fits(one, value):
            raise _invalid("INVALID_FIELD_TYPE", f'Field "{name}" must be of type {one.kind}.')
        values[name] = as_number(value) if one.kind == "integer" else value
    for one in kind.fields if new else ():
        if one.required and not one.read_only and values.get(one.name) in (None, "", []):
            raise _invalid("REQUIRED_FIELD_MISSING", f'Field "{one.name}" is required.')
    if "active" in values:
        values["active"] = int(values["active"] in (True, 1, "1", "true", "Y"))
    return values


def _stamped(call: Call, values: Record, *, new: bool) -> Record:
    now = call.portal.now()
    stamps: Record = {"dateUpdate": now, "updatedById": call.user_id}
    return {**values, **stamps, **({"dateCreate": now, "createdById": call.user_id} if new else {})}


def _shown(call: Call, kind: Kind, record: Record) -> Record:
    shown: Record = {"id": record["ID"]}
    for one in kind.fields[1:]:
        value = record.get(one.name)
        if one.kind == "datetime":
            value = datetime.fromtimestamp(record[one.name], call.portal.zone).strftime("%Y-%m-%d %H:%M:%S")
        shown[one.name] = bool(value) if one.kind == "boolean" else value
    return shown


def _map(call: Call, name: str) -> Any:
    value = call.get(name)
    if value is not None and not isinstance(value, dict | list):
        raise _invalid(f"{name.upper()}_TYPE", f'Parameter "{name}" must be array.')
    return value


def _list(kind: Kind, call: Call) -> Any:
    """Chosen fields of a page; ids are strings, as the page prints them."""
    plain = {one.name: one for one in kind.fields if one.kind != "array"}

    def resolve(name: str) -> Column | None:
        one = plain.get(name)
        return None if one is None else Column("ID" if name == "id" else name, one.kind)

    select, tree, order = _map(call, "select"), _map(call, "filter"), _map(call, "order")
    names = [str(name) for name in select] if isinstance(select, list) and select else list(LISTED[kind.name])
    filtered = [re.sub(r"^\W+", "", name) for name in tree if name != "logic"] if isinstance(tree, dict) else []
    ordered = list(order) if isinstance(order, dict) else []
    for parameter, asked in (("select", names), ("filter", filtered), ("order", ordered)):
        for name in asked:
            if name not in plain and not name.isdigit():
                code = f"FIELD_NOT_ALLOWED_IN_{parameter.upper()}"
                raise _invalid(code, f'Field "{name}" is not allowed in the "{parameter}".')
    query = compile_filter(tree, resolve, call.portal.zone, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(kind.table), query, compile_order(order, resolve, strict=False),
                       offset=offset, limit=PAGE_SIZE)  # fmt: skip
    shown = [{**_shown(call, kind, one), "id": str(one["ID"])} for one in found]
    chosen = [{name: one[name] for name in names} for one in shown]
    return page(chosen, total=total, offset=offset, shown=len(chosen))


def _fields(kind: Kind, _: Call) -> Any:
    return {"fields": [
        {"title": one.name, "type": one.kind, "isRequired": one.required, "isReadOnly": one.read_only,
         "isImmutable": one.immutable, "isMultiple": one.kind == "array"}
        for one in kind.fields
    ]}  # fmt: skip


def _used(call: Call, table: str, field: str, number: int) -> bool:
    return any(one[field] == number for one in call.portal.table(table))


for _kind in (CONNECTOR, SOURCE, DATASET):
    add(Method(f"biconnector.{_kind.name}.list", SCOPE, lambda call, kind=_kind: _list(kind, call)))  # type: ignore[misc]
    add(Method(f"biconnector.{_kind.name}.fields", SCOPE, lambda call, kind=_kind: _fields(kind, call)))  # type: ignore[misc]


# -- connectors


def _settings(values: Record) -> None:
    given = values.get("settings")
    for one in given if isinstance(given, list) else []:
        if not isinstance(one, dict) or not all(one.get(name) for name in ("type", "name", "code")):
            text = 'Settings must include "type", "name" and "code" fields.'
            raise _invalid("SETTINGS_MISSING_REQUIRED_FIELDS", text)
        if one["type"] not in SETTING_TYPES:
            raise _invalid("SETTINGS_INVALID_TYPE", 'Parameter "type" is not correct.')


@method("biconnector.connector.add", SCOPE, writes=True)
def connector_add(call: Call) -> Any:
    _known(call, "fields")
    values = _taken(call, CONNECTOR, new=True)
    _settings(values)
    return {"id": call.portal.put(CONNECTOR.table, {"sort": 100, **_stamped(call, values, new=True)})}


@method("biconnector.connector.get", SCOPE)
def connector_get(call: Call) -> Any:
    return {"item": _shown(call, CONNECTOR, _record(call, CONNECTOR))}


@method("biconnector.connector.update", SCOPE, writes=True)
def connector_update(call: Call) -> Any:
    record, values = _record(call, CONNECTOR), _taken(call, CONNECTOR, new=False)
    _settings(values)
    call.portal.patch(CONNECTOR.table, record["ID"], values)
    return True


@method("biconnector.connector.delete", SCOPE, writes=True)
def connector_delete(call: Call) -> Any:
    record = _record(call, CONNECTOR)
    if _used(call, SOURCE.table, "connectorId", record["ID"]):
        text = "Connector cannot be removed. Remove the connections related to the connector first."
        raise fault("CONNECTOR_DELETE_RESTRICTED", text)
    call.portal.drop(CONNECTOR.table, record["ID"])
    return True


# -- sources


@method("biconnector.source.add", SCOPE, writes=True)
def source_add(call: Call) -> Any:
    _known(call, "fields")
    values = _taken(call, SOURCE, new=True)
    if call.portal.get(CONNECTOR.table, values["connectorId"]) is None:
        raise _absent(CONNECTOR)
    number = call.portal.table(SOURCE.table).last_id + 1
    fresh = {"active": 1, "type": "rest", "code": f"rest_{number}"}
    return {"id": call.portal.put(SOURCE.table, {**fresh, **_stamped(call, values, new=True)}, number)}


@method("biconnector.source.get", SCOPE)
def source_get(call: Call) -> Any:
    record = _record(call, SOURCE)
    shown = _shown(call, SOURCE, record)
    connector = call.portal.get(CONNECTOR.table, record["connectorId"]) or {}
    held = shown.pop("settings") or {}
    told = connector.get("settings")
    settings = [{**one, "value": held.get(one.get("code")) if isinstance(held, dict) else None, "id": place}
                for place, one in enumerate(told if isinstance(told, list) else [], 1)]  # fmt: skip
    return {"item": {"connectorId": shown.pop("connectorId"), "connection": shown, "settings": settings}}


@method("biconnector.source.update", SCOPE, writes=True)
def source_update(call: Call) -> Any:
    record, values = _record(call, SOURCE), _taken(call, SOURCE, new=False)
    call.portal.patch(SOURCE.table, record["ID"], _stamped(call, values, new=False))
    return True


@method("biconnector.source.delete", SCOPE, writes=True)
def source_delete(call: Call) -> Any:
    record = _record(call, SOURCE)
    if _used(call, DATASET.table, "sourceId", record["ID"]):
        raise fault("BX_ERROR", "Cannot delete source. Delete all related datasets first.")
    call.portal.drop(SOURCE.table, record["ID"])
    return True


# -- datasets


def _columns(given: list[Any], known: list[Record]) -> list[Record]:
    """Fields of a dataset that are to be added to the known ones."""
    for one in given:
        told = [one.get(name) for name in ("name", "externalCode", "type")] if isinstance(one, dict) else [None]
        if not all(isinstance(value, str) and value for value in told):
            text = 'Field must include the required parameters: "name", "externalCode" and "type".'
            raise _invalid("FIELD_MISSING_REQUIRED_PARAMETERS", text)
        if one["type"] not in FIELD_TYPES:
            raise _invalid("FIELD_INVALID_TYPE", "Invalid field type.")
        if not FIELD_NAME.fullmatch(str(one["name"])):
            text = ('Field "name" has to start with an uppercase Latin character. Possible entry includes uppercase '
                    "Latin characters (A-Z), numbers (0-9) and underscores.")  # fmt: skip
            raise _invalid("FIELD_NAME_INVALID_FORMAT", text)
        if len(one["name"]) > FIELD_CHARACTERS:
            raise _invalid("FIELD_NAME_TOO_LONG", 'Field "name" must not exceed 32 characters.')
    for name, code in (("name", "NAME"), ("externalCode", "CODE")):
        there = {one[name] for one in known}
        if again := sorted({one[name] for one in given} & there):
            text = f'The following "{name}" values already exist in the current fields: {", ".join(again)}'
            raise _invalid(f"DUPLICATE_EXIST_{code}", text)
        asked = [one[name] for one in given]
        if twice := sorted({one for one in asked if asked.count(one) > 1}):
            text = f'Duplicate values found in the "{code.lower()}" parameter: {", ".join(twice)}'
            raise _invalid(f"DUPLICATE_FIELD_{code}", text)
    first = max((one["id"] for one in known), default=0) + 1
    return [{"id": number, "type": one["type"], "name": one["name"], "externalCode": one["externalCode"],
             "visible": True} for number, one in enumerate(given, first)]  # fmt: skip


@method("biconnector.dataset.add", SCOPE, writes=True)
def dataset_add(call: Call) -> Any:
    _known(call, "fields")
    values = _taken(call, DATASET, new=True)
    if len(values["name"]) > NAME_CHARACTERS:
        raise _invalid("DATASET_NAME_TOO_LONG", "Dataset name must not exceed 230 characters.")
    if not NAME.fullmatch(values["name"]):
        text = ("Dataset name has to start with a lowercase Latin character. Possible entry includes lowercase Latin "
                "characters (a-z), numbers (0-9) and underscores.")  # fmt: skip
        raise _invalid("DATASET_NAME_INVALID", text)
    if call.portal.get(SOURCE.table, values["sourceId"]) is None:
        raise _absent(SOURCE)
    if any(one["name"] == values["name"] for one in call.portal.table(DATASET.table)):
        raise fault("DATASET_ALREADY_EXIST", "Dataset with this name already exists.")
    given = values["fields"]
    values["fields"] = _columns(given if isinstance(given, list) else list(given.values()), [])
    number = call.portal.table(DATASET.table).last_id + 1
    fresh = {"type": "rest", "externalId": number}
    return {"id": call.portal.put(DATASET.table, {**fresh, **_stamped(call, values, new=True)}, number)}


@method("biconnector.dataset.get", SCOPE)
def dataset_get(call: Call) -> Any:
    record = _record(call, DATASET)
    shown = _shown(call, DATASET, record)
    shown.pop("sourceId")
    return {"item": {**shown, "fields": [{**one, "datasetId": record["ID"]} for one in record["fields"]]}}


@method("biconnector.dataset.update", SCOPE, writes=True)
def dataset_update(call: Call) -> Any:
    record = _record(call, DATASET)
    fields = call.get("fields")
    if isinstance(fields, dict) and "fields" in fields:
        text = 'Use the method "biconnector.dataset.fields.update" to update the dataset fields.'
        raise fault("INVALID_METHOD", text)
    values = _taken(call, DATASET, new=False)
    call.portal.patch(DATASET.table, record["ID"], _stamped(call, values, new=False))
    return True


@method("biconnector.dataset.fields.update", SCOPE, writes=True)
def dataset_fields_update(call: Call) -> Any:
    record = _record(call, DATASET)
    parts = {name: call.get(name) for name in ("add", "update", "delete")}
    given = {name: value if isinstance(value, list) else [] for name, value in parts.items()}
    if not any(given.values()):
        raise _invalid("FIELDS_NOT_PROVIDED", "Fields not provided.")
    gone = [as_number(one) or 0 for one in given["delete"]]
    if any(number <= 0 for number in gone):
        raise _invalid("FIELD_DELETE_INVALID_ID", "ID to be deleted must be a positive integer.")
    seen: dict[int, bool] = {}
    for one in given["update"]:
        if not isinstance(one, dict) or as_number(one.get("id")) is None or "visible" not in one:
            text = 'Field to be updated must include the required parameters: "id" and "visible".'
            raise _invalid("FIELD_UPDATE_MISSING_REQUIRED_FIELDS", text)
        seen[as_number(one["id"]) or 0] = one["visible"] in (True, 1, "1", "true", "Y")
    held = [{**one, "visible": seen.get(one["id"], one["visible"])} for one in record["fields"]
            if one["id"] not in gone]  # fmt: skip
    values = {"fields": [*held, *_columns(given["add"], held)]}
    call.portal.patch(DATASET.table, record["ID"], _stamped(call, values, new=False))
    return True


@method("biconnector.dataset.delete", SCOPE, writes=True)
def dataset_delete(call: Call) -> Any:
    call.portal.drop(DATASET.table, _record(call, DATASET)["ID"])
    return True
