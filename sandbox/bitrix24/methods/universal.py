"""crm.item.*: one set of methods for leads, deals, contacts, companies, quotes, smart invoices and smart processes."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import envelope, items, multifields
from sandbox.bitrix24.call import (
    Call,
    may,
    offset_of,
    universal_family,
    universal_id,
    universal_map,
    universal_order,
    visible,
)
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.filters import BadFilterValueError, UnknownColumnError, compile_filter, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.render import typed_record, typed_select
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.writing import check_required, typed_values


def _original(call: Call) -> bool:
    return call.get("useOriginalUfNames") in ("Y", "y", True, "true", 1, "1")


def _shown(call: Call, family: Family, record: Record) -> dict[str, Any]:
    schema = call.portal.schema(family)
    return {"item": typed_record(call.portal, schema, record, call.identity.links, original=_original(call))}


def found(call: Call, family: Family, number: int, action: str) -> Record:
    """The record, or NOT_FOUND, or ACCESS_DENIED."""
    record = call.portal.get(family.name, number)
    if record is None:
        if not may(call.identity, action):
            raise envelope.item_denied()
        raise envelope.item_not_found()
    if not may(call.identity, action, record):
        raise envelope.item_denied()
    return record


@method("crm.item.get")
def item_get(call: Call) -> Any:
    family = universal_family(call)
    shown = _shown(call, family, found(call, family, universal_id(call), "read"))
    off = call.fault_number("kopeck_off", "kopecks", 1)
    if off is not None and shown["item"].get("opportunity") is not None:
        shown["item"]["opportunity"] = round(shown["item"]["opportunity"] + off / 100, 2)
    return shown


@method("crm.item.list")
def item_list(call: Call) -> Any:
    family = universal_family(call)
    portal, schema = call.portal, call.portal.schema(family)
    for name in ("filter", "order", "select"):
        value = call.get(name)
        if value is not None and not isinstance(value, dict | list):
            raise envelope.wrong_parameter(name, value, "array")
    try:
        query = compile_filter(call.get("filter"), schema.typed_column, portal.zone, strict=True)
    except UnknownColumnError as error:
        raise envelope.invalid_argument(f"Invalid filter: field '{error}' is not allowed in filter") from error
    except BadFilterValueError as error:
        raise envelope.invalid_argument(f"Invalid filter: field '{error}' has invalid value") from error
    order = universal_order(call, schema.typed_column)
    only = visible(call)
    if only is not None:
        query.predicates.append(only)
    offset = offset_of(call, paged=False)
    shift = int(call.fault_number("paging_shift", "by", 1) or 0) if offset > 0 else 0
    records, total = run(portal.table(family.name), query, order, offset=offset + shift, limit=PAGE_SIZE)
    select = typed_select(schema, call.get("select"))
    original = _original(call)
    shown = [
        typed_record(portal, schema, record, call.identity.links, original=original, select=select)
        for record in records
    ]
    return page({"items": shown}, total=total, offset=offset, shown=len(shown))


@method("crm.item.add", writes=True)
def item_add(call: Call) -> Any:
    family = universal_family(call)
    fields = universal_map(call, "fields")
    return _add(call, family, fields)


@method("crm.item.import", writes=True)
def item_import(call: Call) -> Any:
    """Like add, but the time of creation may be given; robots do not run (there are none here)."""
    family = universal_family(call)
    return _add(call, family, universal_map(call, "fields"))


def _add(call: Call, family: Family, fields: dict[str, Any]) -> Any:
    portal, schema = call.portal, call.portal.schema(family)
    if not may(call.identity, "add"):
        raise envelope.item_denied()
    values, entries = typed_values(portal, schema, fields, None, call.user_id)

    def entered(made: int) -> None:
        _write_entries(call, family, made, entries)

    number = _guarded(
        lambda: items.create(
            portal,
            family,
            values,
            call.user_id,
            check=lambda after: check_required(portal, schema, None, after),
            before_event=entered,
        )
    )
    return _shown(call, family, portal.table(family.name).records[number])


def _write_entries(call: Call, family: Family, number: int, entries: list[Record] | None) -> bool:
    return bool(entries) and multifields.write(call.portal, family, number, entries or [])


def _guarded(action: Any) -> Any:
    try:
        return action()
    except items.FieldError as error:
        raise RestError(400, error.code, str(error)) from error


@method("crm.item.update", writes=True)
def item_update(call: Call) -> Any:
    family = universal_family(call)
    number = universal_id(call)
    fields = universal_map(call, "fields")
    record = found(call, family, number, "update")
    portal, schema = call.portal, call.portal.schema(family)
    values, entries = typed_values(portal, schema, fields, record, call.user_id)
    contacts_changed = _write_entries(call, family, number, entries)
    _guarded(
        lambda: items.update(
            portal,
            family,
            number,
            values,
            call.user_id,
            skip_unchanged=not contacts_changed,
            check=lambda before, after: check_required(portal, schema, before, after),
        )
    )
    return _shown(call, family, portal.table(family.name).records[number])


@method("crm.item.delete", writes=True)
def item_delete(call: Call) -> Any:
    family = universal_family(call)
    number = universal_id(call)
    found(call, family, number, "delete")
    items.delete(call.portal, family, number)
    return []


@method("crm.item.fields")
def item_fields(call: Call) -> Any:
    family = universal_family(call)
    schema = call.portal.schema(family)
    outputs = schema.typed_out[_original(call)]
    return {"fields": {output.name: output.field.described(universal=True) for output in outputs}}
