"""user.userfield.*: fields that the portal adds to its employees.

Vendor documentation, "Пользовательские поля": https://apidocs.bitrix24.ru/api-reference/user/userfields/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import userfields
from sandbox.bitrix24.call import Call, as_number, classic_map, is_admin, upper_keys
from sandbox.bitrix24.envelope import classic, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

SCOPE, ENTITY, PREFIX = "user.userfield", "USER", "UF_USR_"
KINDS = {"ID": "integer", "SORT": "integer", **dict.fromkeys(
    ("FIELD_NAME", "USER_TYPE_ID", "XML_ID", "MULTIPLE", "MANDATORY", "SHOW_FILTER", "SHOW_IN_LIST", "EDIT_IN_LIST",
     "IS_SEARCHABLE"), "string")}  # fmt: skip


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    return None if kind is None else Column(name.upper(), kind)


def _only_admin(call: Call) -> None:
    if not is_admin(call):
        raise classic("Access denied.")


def _named(call: Call) -> Record:
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        raise classic("ID is not defined or invalid.")
    record = call.portal.get("userfield", number)
    if record is None or record["ENTITY_ID"] != ENTITY:
        raise classic("Access denied.")
    return record


@method("user.userfield.list", SCOPE)
def field_list(call: Call) -> Any:
    """Labels are not printed."""
    _only_admin(call)
    query = compile_filter(classic_map(call, "filter"), _column, call.portal.zone, strict=False)
    query.predicates.append(lambda record: record["ENTITY_ID"] == ENTITY)
    order = compile_order(classic_map(call, "order"), _column, strict=False)
    table = call.portal.table("userfield")
    found, total = run(table, query, order, offset=0, limit=len(table))
    printed = [userfields.shown(record, call.portal.settings["language"], whole=False) for record in found]
    shown = [{name: one[name] for name in one if name not in userfields.LABELS} for one in printed]
    return page(shown, total=total, offset=0, shown=total)


@method("user.userfield.add", SCOPE, writes=True)
def field_add(call: Call) -> Any:
    """`DEALS` and `UF_DEALS` both become `UF_USR_DEALS`."""
    _only_admin(call)
    fields = upper_keys(classic_map(call, "fields"))
    name = str(fields.get("FIELD_NAME") or "").upper()
    if name and not name.startswith(PREFIX):
        fields["FIELD_NAME"] = PREFIX + name.removeprefix("UF_")
    return userfields.create(call.portal, ENTITY, fields, PREFIX)


@method("user.userfield.update", SCOPE, writes=True)
def field_update(call: Call) -> Any:
    _only_admin(call)
    userfields.change(call.portal, _named(call), upper_keys(classic_map(call, "fields")))
    return True


@method("user.userfield.delete", SCOPE, writes=True)
def field_delete(call: Call) -> Any:
    _only_admin(call)
    userfields.remove(call.portal, _named(call))
    return True
