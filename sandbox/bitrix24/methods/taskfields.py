"""task.item.userfield.*: fields of their own that tasks have.

Vendor documentation, "Пользовательские поля задач": https://apidocs.bitrix24.ru/api-reference/tasks/user-field/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import userfields
from sandbox.bitrix24.call import Call, as_number, classic_map, is_admin, upper_keys
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.tasks import SCOPE, refused
from sandbox.bitrix24.schema import USER_FIELD_KINDS
from sandbox.bitrix24.store import Record

ENTITY, PREFIX = "TASKS_TASK", "UF_"
KINDS = {
    "ID": "int", "ENTITY_ID": "string", "FIELD_NAME": "string", "USER_TYPE_ID": "string", "XML_ID": "string",
    "SORT": "int", "MULTIPLE": "char", "MANDATORY": "char", "SHOW_FILTER": "char", "SHOW_IN_LIST": "char",
    "EDIT_IN_LIST": "char", "IS_SEARCHABLE": "char", "EDIT_FORM_LABEL": "string", "LIST_COLUMN_LABEL": "string",
    "LIST_FILTER_LABEL": "string", "ERROR_MESSAGE": "string", "HELP_MESSAGE": "string", "LIST": "uf_enum_element",
    "SETTINGS": "object",
}  # fmt: skip


def _one(call: Call) -> Record:
    number = as_number(call.get("ID"))
    if number is None or number <= 0:
        raise refused("ID is not defined or invalid.")
    record = call.portal.get("userfield", number)
    if record is None or record["ENTITY_ID"] != ENTITY:
        raise refused(f"The entity with ID '{number}' is not found.")
    return record


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise refused("Access denied.")


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), "integer" if kind == "int" else "string")


def _list(call: Call) -> Any:
    query = compile_filter(classic_map(call, "FILTER"), _column, call.portal.zone, strict=False)
    query.predicates.append(lambda record: record["ENTITY_ID"] == ENTITY)
    table = call.portal.table("userfield")
    order = compile_order(classic_map(call, "ORDER"), _column, strict=False)
    found, _ = run(table, query, order, offset=0, limit=max(len(table), 1))
    return [userfields.shown(one, call.portal.settings["language"], whole=False) for one in found]


for _name in ("list", "getlist"):

    @method(f"task.item.userfield.{_name}", SCOPE)
    def field_list(call: Call) -> Any:
        return _list(call)


@method("task.item.userfield.get", SCOPE)
def field_get(call: Call) -> Any:
    return userfields.shown(_one(call), call.portal.settings["language"], whole=True)


@method("task.item.userfield.add", SCOPE, writes=True)
def field_add(call: Call) -> Any:
    _admin(call)
    fields = upper_keys(classic_map(call, "PARAMS"))
    for name in ("USER_TYPE_ID", "FIELD_NAME"):
        if not fields.get(name):
            raise refused(f"The '{name}' field is not found.")
    return userfields.create(call.portal, ENTITY, fields, PREFIX)


@method("task.item.userfield.update", SCOPE, writes=True)
def field_update(call: Call) -> Any:
    _admin(call)
    userfields.change(call.portal, _one(call), upper_keys(classic_map(call, "DATA")))
    return True


@method("task.item.userfield.delete", SCOPE, writes=True)
def field_delete(call: Call) -> Any:
    _admin(call)
    userfields.remove(call.portal, _one(call))
    return True


@method("task.item.userfield.gettypes", SCOPE)
def field_types(call: Call) -> Any:
    return [{"ID": name, "title": name} for name in USER_FIELD_KINDS]


@method("task.item.userfield.getfields", SCOPE)
def field_fields(call: Call) -> Any:
    return {
        name: {"type": kind, "isRequired": False, "isReadOnly": name == "ID",
               "isImmutable": name in ("ENTITY_ID", "FIELD_NAME", "USER_TYPE_ID"), "isMultiple": name == "LIST",
               "isDynamic": False, "title": name}
        for name, kind in KINDS.items()
    }  # fmt: skip
