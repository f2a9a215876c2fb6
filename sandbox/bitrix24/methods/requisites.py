"""crm.requisite.*, bank details, links of objects to requisites, presets and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.bitrix24 import envelope, items
from sandbox.bitrix24.call import Call, as_number, classic_map, may, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, classic, page
from sandbox.bitrix24.filters import BadFilterValueError, Column, compile_filter, compile_order, run
from sandbox.bitrix24.legal import (
    ADDRESS,
    ADDRESS_TEXTS,
    BANK_DETAIL,
    LINK,
    PRESET,
    REQUISITE,
    add_address,
    add_bank_detail,
    add_requisite,
    address_event,
    address_of,
    check_payer,
    columns_of,
    kind_of,
    link_of,
    register_link,
    shown,
    taken,
    update_requisite,
)
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import is_empty


def listing(call: Call, table: str, columns: tuple[str, ...], *, denied: RestError | None = None) -> Any:
    """A classic list over one of these tables."""
    portal = call.portal
    if not may(call.identity, "read"):
        raise denied or classic("Access denied.")

    def resolve(name: str) -> Column | None:
        known = name.upper() in columns_of(portal, columns)
        return Column(name.upper(), kind_of(portal, name.upper())) if known else None

    try:
        query = compile_filter(classic_map(call, "filter"), resolve, portal.zone, strict=False)
    except BadFilterValueError as error:
        raise classic(f"Invalid filter: {error}") from error
    order = compile_order(classic_map(call, "order"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    records, total = run(portal.table(table), query, order, offset=offset, limit=PAGE_SIZE)
    result = [shown(portal, record, columns, call.get("select")) for record in records]
    return page(result, total=total, offset=offset, shown=len(result))


def fields_of(call: Call) -> dict[str, Any]:
    fields = call.get("fields")
    if not isinstance(fields, dict):
        raise classic("Parameter 'fields' must be array.")
    return fields


def _demand(values: Record, *names: str) -> None:
    for name in names:
        if is_empty(values.get(name)):
            raise classic(f"{name} is not defined or invalid.")


def one_of(call: Call, table: str, label: str, action: str) -> Record:
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        raise envelope.classic_bad_id()
    if not may(call.identity, action):
        raise classic("Access denied.")
    record = call.portal.get(table, number)
    if record is None:
        raise classic(f"The {label} with ID '{number}' is not found")
    return record


# -- requisites


@method("crm.requisite.get")
def requisite_get(call: Call) -> Any:
    return shown(call.portal, one_of(call, "requisite", "Requisite", "read"), REQUISITE)


@method("crm.requisite.list")
def requisite_list(call: Call) -> Any:
    return listing(call, "requisite", REQUISITE, denied=RestError(400, 0, "Access denied."))


@method("crm.requisite.add", writes=True)
def requisite_add(call: Call) -> Any:
    portal = call.portal
    fields = fields_of(call)
    values = taken(portal, fields, REQUISITE)
    if not may(call.identity, "add"):
        raise classic("Access denied.")
    _demand(values, "ENTITY_TYPE_ID", "ENTITY_ID", "PRESET_ID", "NAME")
    return add_requisite(portal, values, call.user_id)


@method("crm.requisite.update", writes=True)
def requisite_update(call: Call) -> Any:
    record = one_of(call, "requisite", "Requisite", "update")
    values = taken(call.portal, fields_of(call), REQUISITE)
    for name in ("ENTITY_TYPE_ID", "ENTITY_ID"):
        values.pop(name, None)
    update_requisite(call.portal, record["ID"], values, call.user_id)
    return True


@method("crm.requisite.delete", writes=True)
def requisite_delete(call: Call) -> Any:
    items.delete_requisite(call.portal, one_of(call, "requisite", "Requisite", "delete")["ID"])
    return True


# -- bank details


@method("crm.requisite.bankdetail.get")
def bank_get(call: Call) -> Any:
    return shown(call.portal, one_of(call, "bankdetail", "RequisiteBankDetail", "read"), BANK_DETAIL)


@method("crm.requisite.bankdetail.list")
def bank_list(call: Call) -> Any:
    return listing(call, "bankdetail", BANK_DETAIL)


@method("crm.requisite.bankdetail.add", writes=True)
def bank_add(call: Call) -> Any:
    values = taken(call.portal, fields_of(call), BANK_DETAIL)
    if not may(call.identity, "add"):
        raise envelope.classic_denied()
    _demand(values, "ENTITY_ID", "NAME")
    return add_bank_detail(call.portal, values, call.user_id)


@method("crm.requisite.bankdetail.update", writes=True)
def bank_update(call: Call) -> Any:
    record = one_of(call, "bankdetail", "RequisiteBankDetail", "update")
    values = taken(call.portal, fields_of(call), BANK_DETAIL)
    values.pop("ENTITY_ID", None)
    now = call.portal.now()
    call.portal.patch("bankdetail", record["ID"], {**values, "MODIFY_BY_ID": call.user_id, "DATE_MODIFY": now})
    call.portal.raise_event("ONCRMBANKDETAILUPDATE", {"FIELDS": {"ID": str(record["ID"])}})
    return True


@method("crm.requisite.bankdetail.delete", writes=True)
def bank_delete(call: Call) -> Any:
    record = one_of(call, "bankdetail", "RequisiteBankDetail", "delete")
    call.portal.drop("bankdetail", record["ID"])
    call.portal.raise_event("ONCRMBANKDETAILDELETE", {"FIELDS": {"ID": str(record["ID"])}})
    return True


# -- which requisite an object uses


def _parent(call: Call) -> tuple[int, int]:
    numbers = []
    for name in ("entityTypeId", "entityId"):
        number = as_number(call.get(name))
        if number is None or number <= 0:
            raise classic(f"{name} is not defined or invalid.")
        numbers.append(number)
    return numbers[0], numbers[1]


@method("crm.requisite.link.get")
def link_get(call: Call) -> Any:
    entity_type, entity = _parent(call)
    if not may(call.identity, "read"):
        raise classic("Access denied.")
    record = link_of(call.portal, entity_type, entity)
    if record is None:
        raise envelope.classic_not_found()
    return shown(call.portal, record, LINK)


@method("crm.requisite.link.list")
def link_list(call: Call) -> Any:
    return listing(call, "link", LINK)


@method("crm.requisite.link.register", writes=True)
def link_register(call: Call) -> Any:
    values = taken(call.portal, fields_of(call), LINK)
    if not may(call.identity, "update"):
        raise classic("Access denied.")
    for name in LINK:
        if values.get(name) is None:
            raise classic(f"{name} is not defined or invalid.")
    check_payer(call.portal, values)
    register_link(call.portal, values)
    return True


@method("crm.requisite.link.unregister", writes=True)
def link_unregister(call: Call) -> Any:
    record = link_of(call.portal, *_parent(call))
    if record is not None:
        call.portal.drop("link", record["ID"])
    return True


# -- field lists


SHOWN_KINDS = {"CREATED_BY_ID": "user", "MODIFY_BY_ID": "user", "ACTIVE": "char", "ADDRESS_ONLY": "char",
               "RQ_VAT_PAYER": "char", "RQ_IDENT_TYPE": "crm_status"}  # fmt: skip
"""Kinds that the field lists print otherwise than they are stored."""
OWNERS = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID", "PRESET_ID", "COUNTRY_ID")
READ_ONLY = ("ID", "DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", "MODIFY_BY_ID", "ANCHOR_TYPE_ID", "ANCHOR_ID")


def _field_list(columns: tuple[str, ...]) -> Callable[[Call], Any]:
    """As the vendor's `fields` pages print them: what ties a record to its owner is required and stays."""

    def handler(call: Call) -> Any:
        shown_fields: Record = {}
        for name in columns_of(call.portal, columns):
            fixed = name in OWNERS and not (columns is BANK_DETAIL and name == "COUNTRY_ID")
            named = columns is not REQUISITE and name == "NAME"
            shown_fields[name] = {
                "type": SHOWN_KINDS.get(name) or kind_of(call.portal, name),
                "isRequired": fixed or named or columns is LINK, "isReadOnly": name in READ_ONLY, "isImmutable": fixed,
                "isMultiple": False, "isDynamic": name.startswith("UF_"), "title": name,
            }  # fmt: skip
        return shown_fields

    return handler


for _name, _set in (
    ("crm.requisite.fields", REQUISITE), ("crm.requisite.bankdetail.fields", BANK_DETAIL),
    ("crm.requisite.link.fields", LINK), ("crm.requisite.preset.fields", PRESET), ("crm.address.fields", ADDRESS),
):  # fmt: skip
    add(Method(_name, "crm", _field_list(_set)))


# -- addresses: their key is type and owner, they have no id of their own

ADDRESS_KEY = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")


@method("crm.address.list")
def address_list(call: Call) -> Any:
    return listing(call, "address", ADDRESS)


@method("crm.address.add", writes=True)
def address_add(call: Call) -> Any:
    values = taken(call.portal, fields_of(call), ADDRESS)
    if not may(call.identity, "add"):
        raise classic("Access denied.")
    _demand(values, *ADDRESS_KEY)
    if address_of(call.portal, values) is not None:
        raise classic("TypeAddress exists")
    add_address(call.portal, values)
    return True


@method("crm.address.update", writes=True)
def address_update(call: Call) -> Any:
    values = taken(call.portal, fields_of(call), ADDRESS)
    _demand(values, *ADDRESS_KEY)
    record = address_of(call.portal, values)
    if record is None:
        raise classic("TypeAddress not found")
    call.portal.patch("address", record["ID"], {name: values[name] for name in values if name in ADDRESS_TEXTS})
    address_event(call.portal, "ONCRMADDRESSREGISTER", record)
    return True


@method("crm.address.delete", writes=True)
def address_delete(call: Call) -> Any:
    values = taken(call.portal, fields_of(call), ADDRESS)
    _demand(values, *ADDRESS_KEY)
    record = address_of(call.portal, values)
    if record is None:
        raise classic("TypeAddress not found")
    call.portal.drop("address", record["ID"])
    address_event(call.portal, "ONCRMADDRESSUNREGISTER", record)
    return True
