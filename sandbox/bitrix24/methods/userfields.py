"""crm.<object>.userfield.*: administrators make fields, everyone may read them."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import userfields
from sandbox.bitrix24.call import Call, classic_id, classic_map, is_admin, upper_keys
from sandbox.bitrix24.envelope import RestError, classic, classic_denied, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import Method, add
from sandbox.bitrix24.schema import USER_FIELD_KINDS
from sandbox.bitrix24.store import Record

KINDS = {
    "ID": "integer", "ENTITY_ID": "string", "FIELD_NAME": "string", "USER_TYPE_ID": "string", "XML_ID": "string",
    "SORT": "integer", "MULTIPLE": "string", "MANDATORY": "string", "SHOW_FILTER": "string",
}  # fmt: skip


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


def _list(call: Call, entity: str) -> Any:
    query = compile_filter(classic_map(call, "filter"), _column, call.portal.zone, strict=False)
    query.predicates.append(lambda record: record["ENTITY_ID"] == entity)
    order = compile_order(classic_map(call, "order"), _column, strict=False)
    table = call.portal.table("userfield")
    found, total = run(table, query, order, offset=0, limit=len(table))
    language = call.portal.settings["language"]
    return page(
        [userfields.shown(record, language, whole=False) for record in found], total=total, offset=0, shown=total
    )


def _one(call: Call, entity: str) -> Record:
    number = classic_id(call)
    record = call.portal.get("userfield", number)
    if record is None or record["ENTITY_ID"] != entity:
        raise RestError(400, "ERROR_NOT_FOUND", f"The entity with ID '{number}' is not found.")
    return record


def _get(call: Call, entity: str) -> Any:
    return userfields.shown(_one(call, entity), call.portal.settings["language"], whole=True)


def _fields(call: Call) -> dict[str, Any]:
    if not is_admin(call):
        raise classic_denied()
    fields = call.get("fields")
    if not isinstance(fields, dict):
        raise classic("Parameter 'fields' must be array.")
    return upper_keys(fields)


def _add(call: Call, entity: str) -> Any:
    return userfields.create(call.portal, entity, _fields(call))


def _update(call: Call, entity: str) -> Any:
    fields = _fields(call)
    userfields.change(call.portal, _one(call, entity), fields)
    return True


def _delete(call: Call, entity: str) -> Any:
    if not is_admin(call):
        raise classic_denied()
    userfields.remove(call.portal, _one(call, entity))
    return True


def _types(call: Call, entity: str) -> Any:
    return [{"ID": name, "title": name} for name in USER_FIELD_KINDS]


def _register() -> None:
    actions = {"list": _list, "get": _get, "add": _add, "update": _update, "delete": _delete, "types": _types}
    for entity, name in userfields.ENTITIES.items():
        for action, handler in actions.items():

            def run_it(call: Call, handler: Any = handler, entity: str = entity) -> Any:
                return handler(call, entity)

            writes = action in ("add", "update", "delete")
            add(Method(f"crm.{name.lower()}.userfield.{action}", "crm", run_it, writes=writes))


_register()
