"""Product rows in both spellings: crm.<object>.productrows.* and crm.item.productrow.*."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.bitrix24 import envelope, items, rows
from sandbox.bitrix24.call import Call, as_number, may, offset_of, universal_id, universal_map
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, classic, page
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.filters import Column, Query, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import folded, number

NUMBERS = ("PRICE", "PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO", "QUANTITY", "DISCOUNT_RATE", "DISCOUNT_SUM")
KINDS = {
    "ID": "integer", "OWNER_ID": "integer", "OWNER_TYPE": "string", "PRODUCT_ID": "integer", "PRODUCT_NAME": "string",
    "PRICE": "double", "PRICE_ACCOUNT": "double", "PRICE_EXCLUSIVE": "double", "PRICE_NETTO": "double",
    "PRICE_BRUTTO": "double", "QUANTITY": "uf_double", "DISCOUNT_TYPE_ID": "integer", "DISCOUNT_RATE": "uf_double",
    "DISCOUNT_SUM": "double", "TAX_RATE": "uf_double", "TAX_INCLUDED": "char", "CUSTOMIZED": "char",
    "MEASURE_CODE": "integer", "MEASURE_NAME": "string", "SORT": "integer", "XML_ID": "string", "TYPE": "integer",
    "STORE_ID": "integer",
}  # fmt: skip
BY_FOLDED = {folded(name): name for name in KINDS}


def _xml_id(row: Record) -> str:
    return str(row.get("XML_ID") or f"sale_basket_{row['ID']}")


def classic_row(row: Record) -> Record:
    """The mixed types of crm.deal.productrows.get, as the vendor prints them."""
    return {
        "ID": str(row["ID"]), "OWNER_ID": str(row["OWNER_ID"]), "OWNER_TYPE": row["OWNER_TYPE"],
        "PRODUCT_ID": row["PRODUCT_ID"], "PRODUCT_NAME": row["PRODUCT_NAME"],
        "ORIGINAL_PRODUCT_NAME": row["ORIGINAL_PRODUCT_NAME"],
        "PRODUCT_DESCRIPTION": row.get("PRODUCT_DESCRIPTION"),
        "PRICE": number(row["PRICE"]), "PRICE_EXCLUSIVE": number(row["PRICE_EXCLUSIVE"]),
        "PRICE_NETTO": number(row["PRICE_NETTO"]), "PRICE_BRUTTO": number(row["PRICE_BRUTTO"]),
        "PRICE_ACCOUNT": row["PRICE"], "QUANTITY": number(row["QUANTITY"]),
        "DISCOUNT_TYPE_ID": row["DISCOUNT_TYPE_ID"], "DISCOUNT_RATE": number(row["DISCOUNT_RATE"]),
        "DISCOUNT_SUM": number(row["DISCOUNT_SUM"]), "TAX_RATE": number(row.get("TAX_RATE")),
        "TAX_INCLUDED": row["TAX_INCLUDED"], "CUSTOMIZED": row["CUSTOMIZED"], "MEASURE_CODE": row["MEASURE_CODE"],
        "MEASURE_NAME": row["MEASURE_NAME"], "SORT": row["SORT"], "XML_ID": _xml_id(row), "TYPE": row["TYPE"],
        "STORE_ID": row["STORE_ID"], "RESERVE_ID": None, "DATE_RESERVE_END": None, "RESERVE_QUANTITY": None,
    }  # fmt: skip


def typed_row(row: Record) -> Record:
    return {
        "id": row["ID"], "ownerId": row["OWNER_ID"], "ownerType": row["OWNER_TYPE"], "productId": row["PRODUCT_ID"],
        "productName": row["PRODUCT_NAME"], "price": number(row["PRICE"]), "priceAccount": number(row["PRICE"]),
        "priceExclusive": number(row["PRICE_EXCLUSIVE"]), "priceNetto": number(row["PRICE_NETTO"]),
        "priceBrutto": number(row["PRICE_BRUTTO"]), "quantity": number(row["QUANTITY"]),
        "discountTypeId": row["DISCOUNT_TYPE_ID"], "discountRate": number(row["DISCOUNT_RATE"]),
        "discountSum": number(row["DISCOUNT_SUM"]), "taxRate": number(row.get("TAX_RATE")),
        "taxIncluded": row["TAX_INCLUDED"], "customized": row["CUSTOMIZED"], "measureCode": row["MEASURE_CODE"],
        "measureName": row["MEASURE_NAME"], "sort": row["SORT"], "xmlId": _xml_id(row), "type": row["TYPE"],
        "storeId": row["STORE_ID"],
    }  # fmt: skip


# -- classic


def _classic_owner(call: Call, family: Family, action: str) -> int:
    owner_id = as_number(call.get("id"))
    if owner_id is None or owner_id <= 0:
        raise classic("The parameter id is invalid or not defined.")
    record = call.portal.get(family.name, owner_id)
    if not may(call.identity, action, record):
        raise envelope.classic_denied()
    if record is None:
        raise envelope.classic_not_found()
    return owner_id


def _get(call: Call, family: Family) -> Any:
    owner_id = _classic_owner(call, family, "read")
    return [classic_row(row) for row in rows.of_owner(call.portal, family.short, owner_id)]


def _set(call: Call, family: Family) -> Any:
    """Replaces the whole set (the classic method takes all rows at once)."""
    owner_id = _classic_owner(call, family, "update")
    given = call.get("rows")
    if given is None or not isinstance(given, list | dict):
        raise classic("The parameter rows must be array.")
    wanted = list(given.values()) if isinstance(given, dict) else given
    upper = [{key.upper(): value for key, value in row.items()} for row in wanted if isinstance(row, dict)]
    rows.replace_all(call.portal, family, owner_id, upper, strict=True)
    items.rows_changed(call.portal, family, owner_id, call.user_id)
    return True


def _register() -> None:
    for name in ("deal", "lead", "quote"):
        family = BY_NAME[name]
        add(Method(f"crm.{name}.productrows.get", "crm", partial(_get, family=family)))
        add(Method(f"crm.{name}.productrows.set", "crm", partial(_set, family=family), writes=True))


_register()


# -- universal


def _column(name: str) -> Column | None:
    stored = BY_FOLDED.get(folded(name))
    if stored == "PRICE_ACCOUNT":
        stored = "PRICE"
    return None if stored is None else Column(stored, KINDS[stored])


def _owner(call: Call, short: Any, owner_id: Any, action: str) -> tuple[Family, int]:
    family = call.portal.family_short(str(short))
    if family is None or not family.rows:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", f"Тип владельца {short} не поддерживается")
    wanted = as_number(owner_id)
    record = call.portal.get(family.name, wanted or 0)
    if record is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Владелец не найден")
    if not may(call.identity, action, record):
        raise envelope.item_denied()
    return family, record["ID"]


@method("crm.item.productrow.list")
def row_list(call: Call) -> Any:
    tree = universal_map(call, "filter")
    given = {folded(key.lstrip("=")): value for key, value in tree.items() if key.startswith("=")}
    for name in ("ownerType", "ownerId"):
        if given.get(name.lower()) is None:
            raise envelope.invalid_argument(f"Required filter parameter: ={name}")
    _owner(call, given["ownertype"], given["ownerid"], "read")
    query: Query = compile_filter(tree, _column, call.portal.zone, strict=False)
    order = compile_order(call.get("order"), _column, strict=False) or [(Column("SORT", "integer"), False)]
    offset = offset_of(call, paged=False)
    found, total = run(call.portal.table("productrow"), query, order, offset=offset, limit=PAGE_SIZE)
    return page({"productRows": [typed_row(row) for row in found]}, total=total, offset=offset, shown=len(found))


def _existing(call: Call, action: str) -> tuple[Family, Record]:
    row = call.portal.get("productrow", universal_id(call))
    if row is None:
        raise RestError(400, "NOT_FOUND", "Товарная позиция не найдена")
    family, _ = _owner(call, row["OWNER_TYPE"], row["OWNER_ID"], action)
    return family, row


@method("crm.item.productrow.get")
def row_get(call: Call) -> Any:
    return {"productRow": typed_row(_existing(call, "read")[1])}


def _upper(fields: dict[str, Any]) -> dict[str, Any]:
    return {BY_FOLDED[folded(name)]: value for name, value in fields.items() if folded(name) in BY_FOLDED}


@method("crm.item.productrow.add", writes=True)
def row_add(call: Call) -> Any:
    fields = _upper(universal_map(call, "fields"))
    family, owner_id = _owner(call, fields.get("OWNER_TYPE"), fields.get("OWNER_ID"), "update")
    row = rows.normalised(call.portal, fields, None, strict=False)
    if not row["SORT"]:
        present = rows.of_owner(call.portal, family.short, owner_id)
        row["SORT"] = max((other["SORT"] for other in present), default=0) + 10
    made = call.portal.put("productrow", row | {"OWNER_ID": owner_id, "OWNER_TYPE": family.short})
    items.rows_changed(call.portal, family, owner_id, call.user_id)
    return {"productRow": typed_row(call.portal.table("productrow").records[made])}


@method("crm.item.productrow.update", writes=True)
def row_update(call: Call) -> Any:
    family, row = _existing(call, "update")
    fields = _upper(universal_map(call, "fields"))
    changed = rows.normalised(call.portal, fields, row, strict=False)
    patch: Record = {name: value for name, value in changed.items() if row.get(name) != value}
    patch |= {name: None for name in row if name not in changed}
    call.portal.patch("productrow", row["ID"], patch)
    items.rows_changed(call.portal, family, row["OWNER_ID"], call.user_id)
    return {"productRow": typed_row(row)}


@method("crm.item.productrow.delete", writes=True)
def row_delete(call: Call) -> Any:
    family, row = _existing(call, "update")
    call.portal.drop("productrow", row["ID"])
    items.rows_changed(call.portal, family, row["OWNER_ID"], call.user_id)
    return None


@method("crm.item.productrow.set", writes=True)
def row_set(call: Call) -> Any:
    for name in ("ownerId", "ownerType", "productRows"):
        if call.get(name) is None:
            raise envelope.missing_parameter(name)
    family, owner_id = _owner(call, call.get("ownerType"), call.get("ownerId"), "update")
    wanted = universal_map(call, "productRows").values()
    upper = [_upper(row) for row in wanted if isinstance(row, dict)]
    made = rows.replace_all(call.portal, family, owner_id, upper, strict=False)
    items.rows_changed(call.portal, family, owner_id, call.user_id)
    return {"productRows": [typed_row(call.portal.table("productrow").records[number]) for number in made]}


@method("crm.item.productrow.fields")
def row_fields(call: Call) -> Any:
    return {
        "fields": {
            key: {"type": {"uf_double": "double"}.get(KINDS[BY_FOLDED[folded(key)]], KINDS[BY_FOLDED[folded(key)]]),
                  "isRequired": key in ("ownerId", "ownerType"), "isReadOnly": key == "id",
                  "isImmutable": False, "isMultiple": False, "isDynamic": False, "title": BY_FOLDED[folded(key)],
                  "upperName": BY_FOLDED[folded(key)]}
            for key in ("id", "ownerId", "ownerType", "productId", "productName", "price", "priceExclusive",
                        "priceNetto", "priceBrutto", "quantity", "discountTypeId", "discountRate",
                        "discountSum", "taxRate", "taxIncluded", "customized", "measureCode", "measureName", "sort",
                        "type", "storeId")
        }
    }  # fmt: skip


@method("crm.item.productrow.getAvailableForPayment")
def row_available(call: Call) -> Any:
    for name in ("ownerId", "ownerType"):
        if call.get(name) is None:
            raise envelope.missing_parameter(name)
    family, owner_id = _owner(call, call.get("ownerType"), call.get("ownerId"), "read")
    return {"productRows": [typed_row(row) for row in rows.of_owner(call.portal, family.short, owner_id)]}
