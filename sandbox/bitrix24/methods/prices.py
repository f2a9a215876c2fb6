"""catalog.price.*, catalog.priceType.* and what catalogues and their products are described by.

Vendor documentation, "Торговый каталог": https://apidocs.bitrix24.ru/api-reference/catalog/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, universal_id, universal_map
from sandbox.bitrix24.entities import WRITE_DENIED, attributes
from sandbox.bitrix24.envelope import RestError, missing_parameter, page
from sandbox.bitrix24.methods.catalog import BASE, CATALOGS, OFFERS_ID, chosen, price_of, readable
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, amount_text, is_empty

CATALOG_FIELDS = attributes("""
iblockId integer:qi; iblockTypeId integer:r; id integer:r; lid string:r; name string:r; productIblockId integer;
skuPropertyId integer; subscription char; vatId integer""")
PRICE_FIELDS = attributes("""
catalogGroupId integer:qi; currency string:q; extraId integer; id integer:r; price double:q; priceScale double:r;
productId integer:qi; quantityFrom integer; quantityTo integer; timestampX datetime:r""")
TYPE_FIELDS = attributes("""
base string; createdBy integer:r; dateCreate datetime:r; id integer:r; modifiedBy integer:r; name string:q;
sort integer; timestampX datetime:r; xmlId string""")
PRODUCT_FIELDS = attributes("""
active char; available char:r; bundle char:r; canBuyZero char; code string; createdBy integer; dateActiveFrom datetime;
dateActiveTo datetime; dateCreate datetime; detailPicture file; detailText string; detailTextType string; height double;
iblockId integer:qi; iblockSectionId integer; id integer:r; length double; measure integer; modifiedBy integer;
name string:q; negativeAmountTrace char:r; previewPicture file; previewText string; previewTextType string;
priceType char; purchasingCurrency string; purchasingPrice string; quantity double; quantityReserved double;
quantityTrace char; sort integer; subscribe char; timestampX datetime; type integer:r; vatId integer; vatIncluded char;
weight double; width double; xmlId string""")
TITLES = {"active": "Активность", "code": "Символьный код", "id": "Идентификатор", "name": "Название",
          "sort": "Индекс сортировки", "vatId": "Идентификатор НДС", "xmlId": "Внешний код"}  # fmt: skip


def _described(fields: Any, *, titled: bool = False) -> Record:
    return {
        one.name: {"isImmutable": one.immutable, "isReadOnly": one.read_only, "isRequired": one.required,
                   "type": one.kind, **({"name": TITLES.get(one.name, one.name)} if titled else {})}
        for one in fields
    }  # fmt: skip


# -- catalogues


@method("catalog.catalog.get", "catalog")
def catalog_get(call: Call) -> Any:
    return {"catalog": dict(_named(call))}


def _named(call: Call) -> Record:
    readable(call)
    found = CATALOGS.get(universal_id(call))
    if found is None:
        raise RestError(400, 0, "catalog does not exist.")
    return found


@method("catalog.catalog.getFields", "catalog")
def catalog_fields(call: Call) -> Any:
    return {"catalog": _described(CATALOG_FIELDS)}


@method("catalog.catalog.isOffers", "catalog")
def catalog_is_offers(call: Call) -> Any:
    return bool(_named(call)["id"] == OFFERS_ID)


@method("catalog.product.getFieldsByFilter", "catalog")
def product_fields(call: Call) -> Any:
    readable(call)
    tree = call.get("filter")
    if not tree:
        raise missing_parameter("filter")
    if not isinstance(tree, dict) or as_number(tree.get("iblockId")) is None:
        raise RestError(400, 0, "Required fields: iblockId")
    if as_number(tree["iblockId"]) not in CATALOGS:
        raise RestError(400, 0, "The specified iblock is not a product catalog")
    return {"product": _described(PRODUCT_FIELDS, titled=True)}


# -- kinds of prices


BASE_TYPE: Record = {"base": "Y", "createdBy": None, "dateCreate": None, "id": BASE, "modifiedBy": None, "name": "BASE",
                     "sort": 100, "timestampX": None, "xmlId": "BASE"}  # fmt: skip


@method("catalog.priceType.list", "catalog")
def price_type_list(call: Call) -> Any:
    readable(call)
    found = chosen(call, [BASE_TYPE])
    return page({"priceTypes": found}, total=len(found), offset=0, shown=len(found))


@method("catalog.priceType.get", "catalog")
def price_type_get(call: Call) -> Any:
    readable(call)
    if universal_id(call) != BASE:
        raise RestError(400, 0, "price type does not exist")
    return {"priceType": dict(BASE_TYPE)}


@method("catalog.priceType.getFields", "catalog")
def price_type_fields(call: Call) -> Any:
    readable(call)
    return {"priceType": _described(TYPE_FIELDS)}


# -- prices


def _given(fields: Record, *names: str) -> Record:
    missing = [name for name in names if is_empty(fields.get(name))]
    if missing:
        raise RestError(400, 0, f"Required fields: {', '.join(missing)}")
    try:
        return {"PRICE": amount_text(fields["price"]), "CURRENCY": str(fields["currency"])}
    except BadValueError as error:
        raise RestError(400, 0, str(error)) from error


def _may_price(call: Call) -> None:
    if not is_admin(call):
        raise RestError(400, WRITE_DENIED, "Access Denied")


def _written(call: Call, record: Record) -> Any:
    """The price as answered; a base price is the product's own."""
    if record["CATALOG_GROUP_ID"] == BASE:
        call.portal.patch("product", record["PRODUCT_ID"], {"PRICE": record["PRICE"]})
    return {"price": price_of(record)}


@method("catalog.price.getFields", "catalog")
def price_fields(call: Call) -> Any:
    readable(call)
    return {"price": _described(PRICE_FIELDS)}


@method("catalog.price.add", "catalog", writes=True)
def price_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    _may_price(call)
    values = _given(fields, "productId", "catalogGroupId", "price", "currency")
    product, group = as_number(fields["productId"]) or 0, as_number(fields["catalogGroupId"])
    if call.portal.get("product", product) is None:
        raise RestError(400, 0, "product does not exist.")
    if group != BASE:
        raise RestError(400, 0, "Validate price error. Catalog price group is wrong")
    if any(price["PRODUCT_ID"] == product for price in call.portal.table("price")):
        text = "Validate price error. Catalog product is allowed has only single price without ranges in price group"
        raise RestError(400, 0, text)
    made = call.portal.put("price", {"PRODUCT_ID": product, "CATALOG_GROUP_ID": BASE, **values})
    return _written(call, call.portal.table("price").records[made])


def _stored(call: Call) -> Record:
    record = call.portal.get("price", universal_id(call))
    if record is None:
        raise RestError(400, 0, "Price does not exist")
    return record


@method("catalog.price.update", "catalog", writes=True)
def price_update(call: Call) -> Any:
    record, fields = _stored(call), universal_map(call, "fields")
    _may_price(call)
    call.portal.patch("price", record["ID"], _given(fields, "price", "currency"))
    return _written(call, call.portal.table("price").records[record["ID"]])


@method("catalog.price.delete", "catalog", writes=True)
def price_delete(call: Call) -> Any:
    record = _stored(call)
    _may_price(call)
    call.portal.drop("price", record["ID"])
    return True
