"""userfieldconfig.*: user fields of any CRM object, smart processes and smart invoices among them."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import userfields
from sandbox.bitrix24.call import Call, is_admin, offset_of, universal_id, universal_map, universal_order
from sandbox.bitrix24.envelope import PAGE_SIZE, classic, classic_denied, invalid_argument, missing_parameter, page
from sandbox.bitrix24.families import FAMILIES
from sandbox.bitrix24.filters import Column, UnknownColumnError, compile_filter, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.schema import USER_FIELD_KINDS
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import folded

SCOPE = "userfieldconfig"
NAMES = {
    "id": "ID", "entityId": "ENTITY_ID", "fieldName": "FIELD_NAME", "userTypeId": "USER_TYPE_ID", "xmlId": "XML_ID",
    "sort": "SORT", "multiple": "MULTIPLE", "mandatory": "MANDATORY", "showFilter": "SHOW_FILTER",
    "showInList": "SHOW_IN_LIST", "editInList": "EDIT_IN_LIST", "isSearchable": "IS_SEARCHABLE",
    "settings": "SETTINGS",
}  # fmt: skip
LABELS = {
    "editFormLabel": "EDIT_FORM_LABEL", "listColumnLabel": "LIST_COLUMN_LABEL", "listFilterLabel": "LIST_FILTER_LABEL",
    "errorMessage": "ERROR_MESSAGE", "helpMessage": "HELP_MESSAGE",
}  # fmt: skip
BY_FOLDED = {folded(name): stored for name, stored in NAMES.items()}


def _upper(field: dict[str, Any]) -> Record:
    """A field in the spelling of crm.*.userfield.*."""
    known = {folded(name): stored for name, stored in {**NAMES, **LABELS}.items()}
    values = {known[folded(name)]: value for name, value in field.items() if folded(name) in known}
    options = next((value for name, value in field.items() if name.lower() == "enum"), None)
    items = list(options.values()) if isinstance(options, dict) else options
    if isinstance(items, list):
        values["LIST"] = [{key.upper(): text for key, text in item.items()} for item in items if isinstance(item, dict)]
    return values


def _entities(call: Call) -> set[str]:
    families = [*FAMILIES.values(), *call.portal.dynamic_families()]
    return {*(family.uf_entity for family in families), "CRM_REQUISITE"}


def _module(call: Call) -> None:
    """Only the CRM has fields here."""
    if call.get("moduleId") is None:
        raise missing_parameter("moduleId")
    if call.text("moduleId") != "crm":
        raise classic_denied()


def _shown(record: Record, languages: tuple[str, ...]) -> Record:
    classic_form = userfields.shown(record, languages[0], whole=True)
    shown = {name: classic_form[stored] for name, stored in NAMES.items()}
    shown["languageId"] = {language: language for language in languages}
    for name, stored in LABELS.items():
        labels = record.get(stored) or {}
        shown[name] = {language: labels.get(language) for language in languages}
    if "LIST" in record:
        shown["enum"] = [
            {"id": str(option["ID"]), "userFieldId": str(record["ID"]), "value": option["VALUE"], "def": option["DEF"],
             "sort": str(option["SORT"]), "xmlId": option["XML_ID"]}
            for option in record["LIST"]
        ]  # fmt: skip
    return shown


def _whole(call: Call, number: int) -> Any:
    return {"field": _shown(call.portal.table("userfield").records[number], ("ru", "en"))}


def _one(call: Call) -> Record:
    _module(call)
    number = universal_id(call)
    record = call.portal.get("userfield", number)
    if record is None:
        raise classic(f"The entity with ID '{number}' is not found.")
    return record


@method("userfieldconfig.getTypes", SCOPE)
def types(call: Call) -> Any:
    _module(call)
    return {"types": {name: {"userTypeId": name, "description": name} for name in USER_FIELD_KINDS}}


@method("userfieldconfig.get", SCOPE)
def get(call: Call) -> Any:
    return _whole(call, _one(call)["ID"])


def _column(name: str) -> Column | None:
    stored = BY_FOLDED.get(folded(name))
    if stored is None or stored == "SETTINGS":
        return None
    return Column(stored, "integer" if stored in ("ID", "SORT") else "string")


@method("userfieldconfig.list", SCOPE)
def list_(call: Call) -> Any:
    """Labels in the language that `select: {"language": "ru"}` names, null without one."""
    _module(call)
    try:
        query = compile_filter(call.get("filter"), _column, call.portal.zone, strict=True)
    except UnknownColumnError as error:
        raise invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    order = universal_order(call, _column)
    offset = offset_of(call, paged=False)
    found, total = run(call.portal.table("userfield"), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("select")
    language = select.get("language") if isinstance(select, dict) else None
    shown = []
    for record in found:
        entry = _shown(record, (str(language or "ru"),))
        entry.pop("enum", None)
        if language is None:
            entry |= dict.fromkeys((*LABELS, "languageId"))
        shown.append(entry)
    return page({"fields": shown}, total=total, offset=offset, shown=len(shown))


@method("userfieldconfig.add", SCOPE, writes=True)
def add(call: Call) -> Any:
    """The name must begin with UF_ and the entity (of a smart process: CRM_ and the id of its type)."""
    _module(call)
    fields = _upper(universal_map(call, "field"))
    if not is_admin(call):
        raise classic_denied()
    entity, name = str(fields.get("ENTITY_ID") or ""), str(fields.get("FIELD_NAME") or "").upper()
    prefix = f"UF_{entity}_" if entity[4:].isdigit() else "UF_CRM_"
    if entity not in _entities(call) or (name and not name.startswith(prefix)):
        raise classic("Вы не можете создавать пользовательские поля")
    return _whole(call, userfields.create(call.portal, entity, fields))


@method("userfieldconfig.update", SCOPE, writes=True)
def update(call: Call) -> Any:
    record = _one(call)
    fields = _upper(universal_map(call, "field"))
    if not is_admin(call):
        raise classic_denied()
    userfields.change(call.portal, record, fields)
    return _whole(call, record["ID"])


@method("userfieldconfig.delete", SCOPE, writes=True)
def delete(call: Call) -> Any:
    record = _one(call)
    if not is_admin(call):
        raise classic_denied()
    userfields.remove(call.portal, record)
    return None
