"""crm.deal.*, crm.lead.*, crm.company.*, crm.contact.* and crm.quote.*: the older family, everything a string."""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24 import envelope, items, multifields
from sandbox.bitrix24.call import Call, classic_id, classic_map, may, offset_of, visible
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, classic, page
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.filters import BadFilterValueError, Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import Method, add
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.render import classic_record, classic_select
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.writing import check_required, classic_values

# Who is not there is worded by family and method (vendor documentation, "Обработка ошибок" of each method).
ABSENT = {
    ("company", "update"): ("", "Company is not found"), ("company", "delete"): ("", "Company is not found"),
    ("contact", "update"): ("", "Contact is not found"), ("contact", "delete"): ("ERROR_CORE", "Элемент не найден"),
}  # fmt: skip
MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def found(call: Call, family: Family, number: int, action: str, absent: tuple[str, str] = ("", "Not found")) -> Record:
    """The record, or "Access denied", or what says that there is none."""
    if not may(call.identity, action):
        raise envelope.classic_denied()
    record = call.portal.get(family.name, number)
    if record is None:
        raise RestError(400, *absent)
    if not may(call.identity, action, record):
        raise envelope.classic_denied()
    return record


def get(call: Call, family: Family) -> Any:
    record = found(call, family, classic_id(call), "read")
    return classic_record(call.portal, call.portal.schema(family), record)


def list_(call: Call, family: Family) -> Any:
    portal, schema = call.portal, call.portal.schema(family)
    if not may(call.identity, "read"):
        raise classic("Access denied.")
    tree, wanted = classic_map(call, "filter"), classic_map(call, "order")

    def resolve(name: str) -> Column | None:
        if name.upper() in ("PHONE", "EMAIL", "WEB", "IM") and name.upper() in schema.by_classic:
            kind = name.upper()
            return Column(
                kind,
                "string",
                lambda record: [
                    entry["VALUE"] for entry in multifields.of(portal, family, record["ID"]) if entry["TYPE_ID"] == kind
                ],
            )
        return schema.classic_column(name)

    try:
        query = compile_filter(tree, resolve, portal.zone, strict=False)
    except BadFilterValueError as error:
        raise classic("Failed to get list. General error.") from error
    only = visible(call)
    if only is not None:
        query.predicates.append(only)
    order = compile_order(wanted, resolve, strict=False)
    offset = offset_of(call, paged=True)
    shift = int(call.fault_number("paging_shift", "by", 1) or 0) if offset > 0 else 0
    records, total = run(portal.table(family.name), query, order, offset=offset + shift, limit=PAGE_SIZE)
    select = classic_select(call.get("select"))
    shown = [classic_record(portal, schema, record, select) for record in records]
    return page(shown, total=total, offset=offset, shown=len(shown))


def add_(call: Call, family: Family) -> Any:
    portal, schema = call.portal, call.portal.schema(family)
    if not may(call.identity, "add"):
        raise envelope.classic_denied()
    fields = _fields(call)
    values, entries = classic_values(portal, schema, fields, None, call.user_id)
    _check(portal, values, entries)
    linked = values.pop("CONTACT_ID", None) if family.name == "company" else None

    def contacts(number: int) -> None:
        if entries:
            multifields.write(portal, family, number, entries)
        if linked:
            items.set_contacts(portal, number, linked, call.user_id)

    return _guarded(
        lambda: items.create(
            portal,
            family,
            values,
            call.user_id,
            check=lambda after: check_required(portal, schema, None, after),
            before_event=contacts,
        )
    )


def _fields(call: Call) -> dict[str, Any]:
    fields = call.get("fields")
    if fields == [] or fields is None:
        return {}
    if not isinstance(fields, dict):
        raise classic("Parameter 'fields' must be array.")
    if not isinstance(call.get("params", {}), dict | list):
        raise classic("Parameter 'params' must be array.")
    return fields


def _check(portal: Portal, values: Record, entries: list[Record] | None) -> None:
    """What the portal refuses whatever the type of the field: strange currencies, e-mails that are none."""
    code = values.get("CURRENCY_ID")
    if code and all(record["CURRENCY"] != code for record in portal.table("currency")):
        raise classic('Неверное значение поля "Валюта"')
    for entry in entries or ():
        if entry["TYPE_ID"] == "EMAIL" and entry["VALUE"] and not MAIL.fullmatch(entry["VALUE"]):
            raise RestError(400, "ERROR_CORE", 'Поле "E-mail" содержит некорректный адрес')


def update(call: Call, family: Family) -> Any:
    """Always true; whether an unchanged save raises an event is a dial of the portal."""
    number = classic_id(call)
    record = found(call, family, number, "update", ABSENT.get((family.name, "update"), ("", "Not found")))
    portal, schema = call.portal, call.portal.schema(family)
    values, entries = classic_values(portal, schema, _fields(call), record, call.user_id)
    _check(portal, values, entries)
    if family.name == "company" and "CONTACT_ID" in values:
        items.set_contacts(portal, number, values.pop("CONTACT_ID"), call.user_id)
    contacts_changed = bool(entries) and multifields.write(portal, family, number, entries or [])
    quiet = not portal.settings["unchanged_classic_update_raises"] and not contacts_changed
    _guarded(
        lambda: items.update(
            portal,
            family,
            number,
            values,
            call.user_id,
            skip_unchanged=quiet,
            check=lambda before, after: check_required(portal, schema, before, after),
        )
    )
    return True


def _guarded(action: Any) -> Any:
    try:
        return action()
    except items.FieldError as error:
        raise RestError(400, "", str(error)) from error


def delete(call: Call, family: Family) -> Any:
    number = classic_id(call)
    found(call, family, number, "delete", ABSENT.get((family.name, "delete"), ("", "Not found")))
    items.delete(call.portal, family, number)
    return True


def fields(call: Call, family: Family) -> Any:
    schema = call.portal.schema(family)
    return {output.name: output.field.described(universal=False) for output in schema.classic_out}


def _register() -> None:
    actions = {"get": get, "list": list_, "add": add_, "update": update, "delete": delete, "fields": fields}
    for name in ("deal", "lead", "company", "contact", "quote"):
        for action, handler in actions.items():
            family = BY_NAME[name]

            def run_it(call: Call, handler: Any = handler, family: Family = family) -> Any:
                return handler(call, family)

            add(Method(f"crm.{name}.{action}", "crm", run_it, writes=action in ("add", "update", "delete")))


_register()
