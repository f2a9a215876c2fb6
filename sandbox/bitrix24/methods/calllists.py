"""crm.calllist.*: lists of contacts or companies to be called.

Vendor documentation, "Обзвон": https://apidocs.bitrix24.ru/api-reference/crm/call-list/
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.bitrix24 import stages
from sandbox.bitrix24.call import Call, as_number, classic_map, may, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, UnknownColumnError, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

TYPES = {"CONTACT": 3, "COMPANY": 4}
TABLES = {3: "contact", 4: "company"}
KINDS = {"ID": "integer", "DATE_CREATE": "datetime", "CREATED_BY_ID": "integer", "WEBFORM_ID": "integer",
         "ENTITY_TYPE_ID": "integer"}  # fmt: skip
FIRST_STATUS = "IN_WORK"


def _need(call: Call, *names: str) -> None:
    for name in names:
        if call.get(name) is None:
            raise RestError(400, "ERROR_ARGUMENT", f"{name} is not found", argument=name)


def _entities(call: Call, code: str, entity_type: int) -> list[int]:
    given = call.get("ENTITIES")
    if not isinstance(given, list):
        raise RestError(400, "ENTITIES_ERROR", "Entities is not array")
    numbers = [as_number(one) or 0 for one in given]
    if not all(call.portal.get(TABLES[entity_type], number) for number in numbers):
        raise RestError(400, code, "Incorrect entities id")
    return list(dict.fromkeys(numbers))


def _entity_type(call: Call, text: str) -> int:
    number = TYPES.get(call.text("ENTITY_TYPE"))
    if number is None:
        raise RestError(400, "ENTITY_TYPE_ERROR", text)
    return number


def _webform(call: Call) -> None:
    """Forms of the CRM are not simulated, so none can be named."""
    if as_number(call.get("WEBFORM_ID")):
        raise RestError(400, "WEBFORM_ERROR", "Incorrect webform id")


@method("crm.calllist.add", writes=True)
def calllist_add(call: Call) -> Any:
    _need(call, "ENTITY_TYPE", "ENTITIES")
    entity_type = _entity_type(call, "Incorrect entity type")
    entities = _entities(call, "ENTITY_ERROR", entity_type)
    _webform(call)
    return call.portal.put("calllist", {
        "DATE_CREATE": call.portal.now(), "CREATED_BY_ID": call.user_id, "ENTITY_TYPE_ID": entity_type,
        "ITEMS": [{"ID": number, "STATUS": FIRST_STATUS} for number in entities],
    })  # fmt: skip


@method("crm.calllist.update", writes=True)
def calllist_update(call: Call) -> Any:
    """The list becomes what is named; who stays keeps the status."""
    _need(call, "LIST_ID", "ENTITY_TYPE", "ENTITIES")
    entity_type = _entity_type(call, "EntityType is incorrect")
    entities = _entities(call, "ENTITIES_ERROR", entity_type)
    record = call.portal.get("calllist", as_number(call.get("LIST_ID")) or 0)
    if record is None or not may(call.identity, "update"):
        raise RestError(400, "LIST_ID_ERROR", "Incorrect list id or access denied")
    _webform(call)
    held = {one["ID"]: one["STATUS"] for one in record["ITEMS"]}
    items = [{"ID": number, "STATUS": held.get(number, FIRST_STATUS)} for number in entities]
    call.portal.patch("calllist", record["ID"], {"ENTITY_TYPE_ID": entity_type, "ITEMS": items})
    return True


def _shown(call: Call, record: Record) -> Record:
    made = datetime.fromtimestamp(record["DATE_CREATE"], call.portal.zone).strftime("%Y-%m-%d %H:%M:%S")
    return {"ID": str(record["ID"]), "DATE_CREATE": made, "CREATED_BY_ID": str(record["CREATED_BY_ID"]),
            "WEBFORM_ID": None, "ENTITY_TYPE_ID": str(record["ENTITY_TYPE_ID"])}  # fmt: skip


@method("crm.calllist.get")
def calllist_get(call: Call) -> Any:
    _need(call, "ID")
    record = call.portal.get("calllist", as_number(call.get("ID")) or 0)
    if record is None or not may(call.identity, "read"):
        raise RestError(400, "LIST_ID_ERROR", "Incorrect list id")
    kind = next(name for name, number in TYPES.items() if number == record["ENTITY_TYPE_ID"])
    return {**_shown(call, record), "ENTITY_TYPE": kind}


def _column(name: str) -> Column | None:
    return Column(name.upper(), KINDS[name.upper()]) if name.upper() in KINDS else None


@method("crm.calllist.list")
def calllist_list(call: Call) -> Any:
    select = call.get("SELECT")
    names = [str(name).upper() for name in select] if isinstance(select, list) and select else list(KINDS)
    try:
        compile_order(dict.fromkeys((name for name in names if name != "*"), "ASC"), _column, strict=True)
        query = compile_filter(classic_map(call, "FILTER"), _column, call.portal.zone, strict=True)
        order = compile_order(classic_map(call, "ORDER"), _column, strict=True)
    except UnknownColumnError as error:
        entity = "\\Bitrix\\Crm\\CallList\\Internals\\CallList Entity"
        raise RestError(400, 100, f"Unknown field definition `{error}` ({error}) for {entity}.") from error
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("calllist"), query, order, offset=offset, limit=PAGE_SIZE)
    chosen = set(KINDS) if "*" in names else set(names)
    shown = [{name: value for name, value in _shown(call, one).items() if name in chosen} for one in found]
    return page(shown, total=total, offset=offset, shown=len(shown))


def _statuses(call: Call) -> list[Record]:
    return call.portal.table("status").find("ENTITY_ID", stages.CALL_LIST)


@method("crm.calllist.statuslist")
def calllist_statuses(call: Call) -> Any:
    names = ("ID", "NAME", "SORT", "STATUS_ID")
    return [{name: one[name] for name in names} for one in _statuses(call)]


@method("crm.calllist.items.get")
def calllist_items(call: Call) -> Any:
    _need(call, "LIST_ID")
    number = as_number(call.get("LIST_ID")) or 0
    if number < 1:
        raise RestError(400, "LIST_ID_ERROR", "List id should be positive")
    record = call.portal.get("calllist", number)
    if record is None:
        raise RestError(400, "LIST_ID_ERROR", "Call list is not found")
    if not may(call.identity, "read"):
        raise RestError(403, "ACCESS_ERROR", "You do not have access to the participants of this call list")
    wanted = classic_map(call, "FILTER").get("STATUS")
    if wanted is not None and not any(one["STATUS_ID"] == wanted for one in _statuses(call)):
        raise RestError(400, "STATUS_ERROR", "Incorrect status")
    return [
        {"ID": one["ID"], "STATUS": one["STATUS"], "ENTITY_TYPE": record["ENTITY_TYPE_ID"]}
        for one in record["ITEMS"]
        if wanted is None or one["STATUS"] == wanted
    ]
