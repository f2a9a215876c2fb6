"""Products, prices and catalogues: catalog.* and the older crm.product.*."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import (
    Call,
    as_number,
    classic_id,
    classic_map,
    is_admin,
    offset_of,
    universal_id,
    universal_map,
)
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, classic_denied, classic_not_found, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, amount_text, folded, moment_text, number

CATALOG_ID = 24
BASE = 1
"""The kind of price that a product itself is sold at."""
OFFERS_ID = 26
"""The catalogue of variations, which every portal has beside the one of products."""
CATALOGS: dict[int, Record] = {
    number: {"iblockId": number, "iblockTypeId": "CRM_PRODUCT_CATALOG", "id": number, "lid": "s1", "name": name,
             "productIblockId": of, "skuPropertyId": link, "subscription": "N", "vatId": None}
    for number, name, of, link in (
        (CATALOG_ID, "Товарный каталог CRM", None, None),
        (OFFERS_ID, "Товарный каталог CRM (предложения)", CATALOG_ID, 100),
    )
}  # fmt: skip
KINDS = {
    "ID": "integer", "IBLOCK_ID": "integer", "NAME": "string", "ACTIVE": "char", "CODE": "string", "XML_ID": "string",
    "TYPE": "integer", "MEASURE": "integer", "VAT_ID": "integer", "VAT_INCLUDED": "char", "PRICE": "double",
    "DATE_CREATE": "datetime", "IBLOCK_SECTION_ID": "integer", "PRODUCT_ID": "integer", "CATALOG_GROUP_ID": "integer",
    "CURRENCY": "string", "SECTION_ID": "integer", "CATALOG_ID": "integer",
}  # fmt: skip
BY_FOLDED = {folded(name): name for name in KINDS}


def _column(name: str) -> Column | None:
    stored = BY_FOLDED.get(folded(name))
    return None if stored is None else Column(stored, KINDS[stored])


def add_product(portal: Portal, name: str, price: str, **more: Any) -> int:
    """A product with its base price; `more` are further stored fields: VAT_ID, VAT_RATE, MEASURE_CODE, XML_ID."""
    made = _put_product(portal, name, amount_text(price), more)
    of_it = {"PRODUCT_ID": made, "CATALOG_GROUP_ID": BASE, "CURRENCY": "RUB", "PRICE": amount_text(price)}
    portal.put("price", of_it)
    return made


def _put_product(portal: Portal, name: str, price: str, more: Record) -> int:
    return portal.put("product", {
        "NAME": name, "IBLOCK_ID": CATALOG_ID, "ACTIVE": "Y", "TYPE": 1, "MEASURE": 5, "MEASURE_CODE": 796,
        "MEASURE_NAME": "шт", "VAT_INCLUDED": "Y", "PRICE": price, "DATE_CREATE": portal.now(), **more,
    })  # fmt: skip


def _product(record: Record, portal: Portal) -> Record:
    return {
        "active": record["ACTIVE"], "available": "Y", "bundle": "N", "canBuyZero": "Y", "code": record.get("CODE"),
        "createdBy": 1, "dateCreate": moment_text(record["DATE_CREATE"], portal.zone), "detailText": None,
        "detailTextType": "text", "iblockId": record["IBLOCK_ID"], "iblockSectionId": None, "id": record["ID"],
        "measure": record["MEASURE"], "modifiedBy": 1, "name": record["NAME"], "purchasingCurrency": "RUB",
        "purchasingPrice": None, "quantity": 0, "quantityReserved": 0, "quantityTrace": "N", "sort": 500,
        "timestampX": moment_text(record["DATE_CREATE"], portal.zone), "type": record["TYPE"],
        "vatId": record.get("VAT_ID"), "vatIncluded": record["VAT_INCLUDED"], "weight": 0,
        "xmlId": record.get("XML_ID", str(record["ID"])),
    }  # fmt: skip


def readable(call: Call) -> None:
    """Refuses who has no right to read the catalogue, where the dial says so."""
    if call.portal.settings.get("catalogue_closed"):
        raise RestError(400, 200040300010, "Access Denied")


@method("catalog.product.get", "catalog")
def product_get(call: Call) -> Any:
    readable(call)
    record = call.portal.get("product", universal_id(call))
    if record is None:
        raise RestError(400, 0, "product does not exist.")
    return {"product": _product(record, call.portal)}


@method("catalog.product.list", "catalog")
def product_list(call: Call) -> Any:
    readable(call)
    select = call.get("select")
    names = [str(name) for name in select] if isinstance(select, list) else []
    if not {"id", "iblockId"} <= set(names) and "*" not in names:
        raise RestError(400, "ERROR_VALIDATION", "Required select fields: id, iblockId")
    tree = call.get("filter")
    if not isinstance(tree, dict) or folded("iblockId") not in {folded(key.lstrip("=@")) for key in tree}:
        raise RestError(400, "ERROR_VALIDATION", "Required filter fields: iblockId")
    found, total, offset = _run(call, "product")
    shown = []
    for record in found:
        entry = _product(record, call.portal)
        shown.append(entry if "*" in names else {name: entry[name] for name in names if name in entry})
    return page({"products": shown}, total=total, offset=offset, shown=len(shown))


def _run(call: Call, table: str) -> tuple[list[Record], int, int]:
    query = compile_filter(call.get("filter"), _column, call.portal.zone, strict=False)
    order = compile_order(call.get("order"), _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(table), query, order, offset=offset, limit=PAGE_SIZE)
    return found, total, offset


@method("catalog.product.add", "catalog", writes=True)
def product_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise RestError(400, 200040300020, "Access Denied")
    missing = [name for name in ("iblockId", "name") if not fields.get(name)]
    if missing:
        raise RestError(400, 0, f"Required fields: {', '.join(missing)}")
    catalog = as_number(fields["iblockId"])
    if catalog not in CATALOGS:
        raise RestError(400, 0, "The specified iblock is not a product catalog")
    more = {"IBLOCK_ID": catalog, "TYPE": 1 if catalog == CATALOG_ID else 4}
    made = _put_product(call.portal, str(fields["name"]), "0.00", more)
    _rewrite(call.portal, made, _stored_names(fields))
    return {"element": _product(call.portal.table("product").records[made], call.portal)}


def price_of(record: Record) -> Record:
    return {
        "id": record["ID"], "productId": record["PRODUCT_ID"], "catalogGroupId": record["CATALOG_GROUP_ID"],
        "price": number(record["PRICE"]), "currency": record["CURRENCY"], "extraId": None, "quantityFrom": None,
        "quantityTo": None,
    }  # fmt: skip


@method("catalog.price.list", "catalog")
def price_list(call: Call) -> Any:
    readable(call)
    found, total, offset = _run(call, "price")
    return page({"prices": [price_of(record) for record in found]}, total=total, offset=offset, shown=len(found))


@method("catalog.price.get", "catalog")
def price_get(call: Call) -> Any:
    readable(call)
    record = call.portal.get("price", universal_id(call))
    if record is None:
        raise RestError(400, 0, "price does not exist")
    return {"price": price_of(record)}


@method("catalog.catalog.list", "catalog")
def catalog_list(call: Call) -> Any:
    found = chosen(call, list(CATALOGS.values()))
    return page({"catalogs": found}, total=len(found), offset=0, shown=len(found))


def chosen(call: Call, rows: list[Record]) -> list[Record]:
    """What `filter` (by equality) and `select` leave of a list that never changes."""
    tree, select = call.get("filter"), call.get("select")
    asked = {str(name).lstrip("=@"): value for name, value in tree.items()} if isinstance(tree, dict) else {}
    named = {str(name) for name in select} if isinstance(select, list) and "*" not in select else set()

    def fits(row: Record) -> bool:
        return all(
            str(row[name]) in ([str(one) for one in value] if isinstance(value, list) else [str(value)])
            for name, value in asked.items()
            if name in row
        )

    return [{name: row[name] for name in row if not named or name in named} for row in rows if fits(row)]


# -- the older spelling


def _classic(record: Record, portal: Portal) -> Record:
    return {
        "ID": str(record["ID"]), "CATALOG_ID": str(CATALOG_ID), "NAME": record["NAME"], "ACTIVE": record["ACTIVE"],
        "CODE": record.get("CODE"), "PRICE": record["PRICE"], "CURRENCY_ID": "RUB",
        "VAT_ID": None if record.get("VAT_ID") is None else str(record["VAT_ID"]),
        "VAT_INCLUDED": record["VAT_INCLUDED"], "MEASURE": str(record["MEASURE"]), "SORT": "500", "SECTION_ID": None,
        "XML_ID": record.get("XML_ID", str(record["ID"])), "DESCRIPTION": None,
        "DESCRIPTION_TYPE": "text", "PREVIEW_PICTURE": None, "DETAIL_PICTURE": None, "CREATED_BY": "1",
        "MODIFIED_BY": "1", "DATE_CREATE": moment_text(record["DATE_CREATE"], portal.zone),
        "TIMESTAMP_X": moment_text(record["DATE_CREATE"], portal.zone),
    }  # fmt: skip


@method("crm.product.get")
def crm_product_get(call: Call) -> Any:
    record = call.portal.get("product", classic_id(call))
    if record is None:
        raise classic_not_found()
    return _classic(record, call.portal)


@method("crm.product.list")
def crm_product_list(call: Call) -> Any:
    query = compile_filter(classic_map(call, "filter"), _column, call.portal.zone, strict=False)
    order = compile_order(classic_map(call, "order"), _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("product"), query, order, offset=offset, limit=PAGE_SIZE)
    shown = [_classic(record, call.portal) for record in found]
    return page(shown, total=total, offset=offset, shown=len(shown))


@method("crm.product.add", writes=True)
def crm_product_add(call: Call) -> Any:
    fields = {key.upper(): value for key, value in classic_map(call, "fields").items()}
    if not is_admin(call):
        raise classic_denied()
    if not fields.get("NAME"):
        raise RestError(400, "", 'Не заполнено поле "Название"')
    try:
        return add_product(
            call.portal, str(fields["NAME"]), str(fields.get("PRICE") or 0), VAT_ID=as_number(fields.get("VAT_ID")),
            XML_ID=fields.get("XML_ID"),
        )  # fmt: skip
    except BadValueError as error:
        raise RestError(400, "", str(error)) from error


@method("crm.product.update", writes=True)
def crm_product_update(call: Call) -> Any:
    record = call.portal.get("product", classic_id(call))
    if record is None:
        raise classic_not_found()
    if not is_admin(call):
        raise classic_denied()
    fields = {key.upper(): value for key, value in classic_map(call, "fields").items()}
    if "NAME" in fields and not fields["NAME"]:
        raise RestError(400, "", 'Не заполнено поле "Название"')
    _rewrite(call.portal, record["ID"], fields)
    return True


def _rewrite(portal: Portal, product: int, fields: Record) -> None:
    """Changes what is stored of a product; its base price goes along."""
    values: Record = {name: fields[name] for name in ("NAME", "CODE", "XML_ID", "VAT_INCLUDED") if name in fields}
    values |= {name: as_number(fields[name]) for name in ("VAT_ID", "MEASURE") if name in fields}
    if fields.get("ACTIVE") in ("Y", "N"):
        values["ACTIVE"] = fields["ACTIVE"]
    if fields.get("PRICE") not in (None, ""):
        try:
            values["PRICE"] = amount_text(str(fields["PRICE"]))
        except BadValueError as error:
            raise RestError(400, "", str(error)) from error
        for price in list(portal.table("price")):
            if price["PRODUCT_ID"] == product and price["CATALOG_GROUP_ID"] == BASE:
                portal.patch("price", price["ID"], {"PRICE": values["PRICE"]})
    portal.patch("product", product, values)


@method("crm.product.fields")
def crm_product_fields(call: Call) -> Any:
    kinds = {"ID": "integer", "CATALOG_ID": "integer", "PRICE": "double", "CURRENCY_ID": "string", "NAME": "string",
             "CODE": "string", "DESCRIPTION": "string", "ACTIVE": "char", "SECTION_ID": "integer", "SORT": "integer",
             "VAT_ID": "integer", "VAT_INCLUDED": "char", "MEASURE": "integer", "XML_ID": "string",
             "DESCRIPTION_TYPE": "string", "PREVIEW_PICTURE": "product_file", "DETAIL_PICTURE": "product_file",
             "DATE_CREATE": "datetime", "TIMESTAMP_X": "datetime", "CREATED_BY": "integer",
             "MODIFIED_BY": "integer"}  # fmt: skip
    read_only = ("ID", "DATE_CREATE", "TIMESTAMP_X", "CREATED_BY", "MODIFIED_BY")
    return {
        name: {"type": kind, "isRequired": name == "NAME", "isReadOnly": name in read_only,
               "isImmutable": name == "CATALOG_ID", "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip


def _stored_names(given: Record) -> Record:
    names = {"name": "NAME", "code": "CODE", "xmlId": "XML_ID", "active": "ACTIVE", "vatId": "VAT_ID",
             "vatIncluded": "VAT_INCLUDED", "measure": "MEASURE"}  # fmt: skip
    return {stored: given[name] for name, stored in names.items() if name in given}


@method("catalog.product.update", "catalog", writes=True)
def product_update(call: Call) -> Any:
    record = call.portal.get("product", universal_id(call))
    if record is None:
        raise RestError(400, 0, "product does not exist.")
    if not is_admin(call):
        raise RestError(400, 200040300020, "Access Denied")
    _rewrite(call.portal, record["ID"], _stored_names(universal_map(call, "fields")))
    return {"element": _product(call.portal.table("product").records[record["ID"]], call.portal)}


@method("catalog.product.delete", "catalog", writes=True)
def product_delete(call: Call) -> Any:
    number_ = universal_id(call)
    if call.portal.get("product", number_) is None:
        raise RestError(400, 0, "product does not exist.")
    if not is_admin(call):
        raise RestError(400, 200040300020, "Access Denied")
    call.portal.drop("product", number_)
    return True


@method("crm.product.delete", writes=True)
def crm_product_delete(call: Call) -> Any:
    number_ = classic_id(call)
    if not is_admin(call):
        raise classic_denied()
    if call.portal.get("product", number_) is None:
        raise classic_not_found()
    call.portal.drop("product", number_)
    return True
