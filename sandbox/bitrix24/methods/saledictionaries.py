"""sale.*: what the shop's orders are described by: statuses, kinds of payers, properties with groups and variants.

Vendor documentation, "Интернет-магазин": https://apidocs.bitrix24.ru/api-reference/sale/
"""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, universal_map
from sandbox.bitrix24.entities import WRITE_DENIED, Attribute, Entity, attributes, matching, serve, view
from sandbox.bitrix24.envelope import RestError, page
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.sale import ORDER_ABSENT, SHIPMENT_ABSENT, VALUE
from sandbox.bitrix24.store import Record

PROPERTY = """
active char; code string; defaultValue any; description string; id integer:r; isFiltered char; multiple char;
name string:q; personTypeId integer:qi; propsGroupId integer:qi; required char; max integer; min integer; step integer;
sort integer; type string:qi; userProps char; util char; xmlId string; inputFieldLocation string; isAddress char;
isAddressFrom char; isAddressTo char; isEmail char; isLocation char; isLocation4tax char; isPayer char; isPhone char;
isProfileName char; isZip char; settings any"""
OF_TYPE: dict[str, tuple[str, ...]] = {
    "STRING": ("isAddress", "isEmail", "isPayer", "isPhone", "isProfileName", "isZip"),
    "ADDRESS": ("isAddressFrom", "isAddressTo"), "LOCATION": ("isLocation", "isLocation4tax", "inputFieldLocation"),
    "NUMBER": ("max", "min", "step"),
}  # fmt: skip
LANGUAGES = (("ru", "Русский"), ("en", "English"), ("de", "Deutsch"), ("la", "Español"))
FLAGS = ("isFiltered", "multiple", "required", "userProps", "util", "isAddress", "isAddressFrom", "isAddressTo",
         "isEmail", "isLocation", "isLocation4tax", "isPayer", "isPhone", "isProfileName", "isZip")  # fmt: skip


def _unique(table: str, code: int, *names: str) -> Any:
    def check(call: Call, values: Record) -> None:
        for record in call.portal.table(table):
            if all(record.get(name) == values.get(name) for name in names):
                raise RestError(400, code, f"Duplicate entry for key [{', '.join(names)}]")

    return check


def _check_status(call: Call, values: Record) -> None:
    if values["type"] not in ("O", "D"):
        raise RestError(400, 201350000003, "Type is out of range")
    if len(values["id"]) > 2:
        raise RestError(400, 201350000005, "Identifier is too long")
    _unique("salestatus", 201350000001, "id")(call, values)


serve(Entity(
    "sale.status", "salestatus", "status", "statuses",
    attributes("color string; id string:qi; notify string; sort integer; type code:qu; xmlId string"),
    (201340400001, "status is not exists"), check=_check_status,
    fresh=lambda call, values: {"notify": "Y", "sort": 100},
))  # fmt: skip
serve(Entity(
    "sale.statusLang", "salestatuslang", "statusLang", "statusLangs",
    attributes("description string; lid string:qi; name string:q; statusId string:qi"),
    (201740400001, "status lang is not exists"), check=_unique("salestatuslang", 201750000003, "statusId", "lid"),
    actions=("add", "list", "deleteByFilter", "getFields"),
))  # fmt: skip


@method("sale.statusLang.getListLangs", "sale")
def status_languages(call: Call) -> Any:
    return {"langs": [{"active": "Y", "lid": lid, "name": name} for lid, name in LANGUAGES]}


def _check_payer_code(call: Call, values: Record) -> None:
    code = values.get("code")
    if code and any(record.get("code") == code for record in call.portal.table("persontype")):
        raise RestError(400, 200750000005, "person type code exists")


def _payer_gone(call: Call, record: Record) -> None:
    number = record["ID"]
    if any(order.get("personTypeId") == number for order in call.portal.table("order")):
        raise RestError(400, 200750000008, f"В заказах используется тип плательщика с ID={number}")


serve(Entity(
    "sale.persontype", "persontype", "personType", "personTypes",
    attributes("active string; code string; id integer:r; name string:qu; sort string; xmlId string"),
    (200740400001, "person type is not exists"), check=_check_payer_code, check_gone=_payer_gone,
    fresh=lambda call, values: {"active": "Y", "sort": "150"},
))  # fmt: skip
serve(Entity(
    "sale.businessValuePersonDomain", "persondomain", "businessValuePersonDomain", "businessValuePersonDomains",
    attributes("domain code:qi; personTypeId integer:qi"),
    (201440400003, "business value person domain is not exists"),
    check=_unique("persondomain", 201450000001, "personTypeId"),
    actions=("add", "list", "deleteByFilter", "getFields"),
))  # fmt: skip
serve(Entity(
    "sale.propertygroup", "propertygroup", "propertyGroup", "propertyGroups",
    attributes("id integer:r; name string:qu; personTypeId integer:q; sort integer"),
    (200940400001, "property group is not exists"), fresh=lambda call, values: {"sort": 100},
))  # fmt: skip


def _check_property(call: Call, values: Record) -> None:
    if call.portal.get("persontype", values["personTypeId"]) is None:
        raise RestError(400, 200840400002, "person type is not exists")
    if call.portal.get("propertygroup", values["propsGroupId"]) is None:
        raise RestError(400, 200840400003, "property group is not exists")


def _fresh_property(call: Call, values: Record) -> Record:
    return {"active": "Y", "sort": 100, "description": "", "defaultValue": "", "xmlId": "", "inputFieldLocation": "0",
            "settings": [], **dict.fromkeys(FLAGS, "N")}  # fmt: skip


def _properties(path: str, table: str) -> Entity:
    return serve(Entity(
        path, table, "property", "properties", attributes(PROPERTY), (200840400001, "property is not exists"),
        check=_check_property, fresh=_fresh_property, actions=("add", "update", "get", "list", "delete"),
    ))  # fmt: skip


for _path, _entity in (
    ("sale.property", _properties("sale.property", "saleproperty")),
    ("sale.shipmentproperty", _properties("sale.shipmentproperty", "shipmentproperty")),
):

    @method(f"{_path}.getFieldsByType", "sale")
    def fields_by_type(call: Call, entity: Entity = _entity) -> Any:
        """The fields of every property, and those that its type alone has; a number's bounds stand in its settings."""
        kind = call.text("type").upper()
        if not kind:
            raise RestError(400, 100, "Could not find value for parameter {type}")
        bounds = OF_TYPE["NUMBER"]
        own = {name for names in OF_TYPE.values() for name in names}
        kept = set(OF_TYPE.get(kind, ())) - set(bounds)
        told = {one.name: _told(one) for one in entity.attributes if one.name not in own or one.name in kept}
        inner = {one.name: _told(one) for one in entity.attributes if kind == "NUMBER" and one.name in bounds}
        return {"property": {**told, "settings": {**told["settings"], "fields": inner or [], "type": "datatype"}}}


def _told(one: Attribute) -> Record:
    return {"isImmutable": one.immutable, "isReadOnly": one.read_only, "isRequired": one.required,
            "type": one.printed_kind}  # fmt: skip


serve(Entity(
    "sale.propertyvariant", "propertyvariant", "propertyVariant", "propertyVariants",
    attributes("description string; id integer:r; name string:qu; orderPropsId integer:qi; sort integer; "
               "value string:q; xmlId string"),
    (201540400001, "property variant is not exists"), fresh=lambda call, values: {"sort": 100, "description": ""},
))  # fmt: skip
serve(Entity(
    "sale.propertyRelation", "propertyrelation", "propertyRelation", "propertyRelations",
    attributes("entityId integer:qi; entityType string:qi; propertyId integer:qi"),
    (201640400004, "property relation is not exists"),
    check=_unique("propertyrelation", 201650000001, "entityId", "entityType", "propertyId"),
    actions=("add", "list", "deleteByFilter", "getFields"),
))  # fmt: skip
SHIPMENT_VALUE = serve(Entity(
    "sale.shipmentpropertyvalue", "shipmentvalue", "propertyValue", "propertyValues",
    attributes("code string; id integer:ri; name string; shipmentId integer:qi; shipmentPropsId integer:q; "
               "shipmentPropsXmlId string:r; value any:q"),
    (201040400001, "Property value has not been found"), actions=("get", "list", "delete", "getFields"),
))  # fmt: skip


def _modify(call: Call, entity: Entity, owner: str, absent: tuple[int, str], owners: str, properties: str) -> Any:
    """Writes the values of an order's or a shipment's properties, one entry per property."""
    fields = universal_map(call, "fields")
    if not is_admin(call):
        raise RestError(400, WRITE_DENIED, "Access Denied")
    holder = fields.get(owner)
    number = as_number(holder.get("id")) if isinstance(holder, dict) else None
    if number is None:
        raise RestError(400, 0, f"Required fields: {owner}[id]")
    if call.portal.get(owners, number) is None:
        raise RestError(400, *absent)
    entries = holder.get("propertyValues") if isinstance(holder, dict) else None
    prefix = "orderProps" if owner == "order" else "shipmentProps"
    shown = []
    for entry in entries if isinstance(entries, list) else []:
        kind = as_number(entry.get(f"{prefix}Id"))
        described = call.portal.get(properties, kind or 0)
        if described is None:
            continue
        values: Record = {
            "name": described["name"],
            "code": described.get("code"),
            f"{owner}Id": number,
            f"{prefix}Id": kind,
            f"{prefix}XmlId": described.get("xmlId"),
            "value": entry.get("value"),
        }
        known = next((one["ID"] for one in call.portal.table(entity.table)
                      if (one[f"{owner}Id"], one[f"{prefix}Id"]) == (number, kind)), None)  # fmt: skip
        made = call.portal.put(entity.table, values, known)
        shown.append(view(entity, call.portal.table(entity.table).records[made], call.portal))
    return {"propertyValues": shown}


@method("sale.propertyvalue.modify", "sale", writes=True)
def value_modify(call: Call) -> Any:
    return _modify(call, VALUE, "order", ORDER_ABSENT, "order", "saleproperty")


@method("sale.shipmentpropertyvalue.modify", "sale", writes=True)
def shipment_value_modify(call: Call) -> Any:
    return _modify(call, SHIPMENT_VALUE, "shipment", SHIPMENT_ABSENT, "shipment", "shipmentproperty")


PLATFORMS = Entity(
    "sale.tradePlatform", "tradeplatform", "tradePlatform", "tradePlatforms",
    attributes("active string; catalogSectionTabClassName string; class string; code string:qi; description string; "
               "id integer:r; name string:q; settings string; xmlId string"),
    (0, "trade platform is not exists"), actions=("list", "getFields"),
)  # fmt: skip
serve(PLATFORMS)
BINDINGS = Entity(
    "sale.tradeBinding", "tradebinding", "tradeBinding", "tradeBindings",
    attributes("externalOrderId string:qi; id integer:r; orderId integer:qi; params any; tradingPlatformId integer:qi; "
               "xmlId string"),
    (0, "trade binding is not exists"), actions=("getFields",),
)  # fmt: skip
serve(BINDINGS)


@method("sale.tradeBinding.list", "sale")
def trade_bindings(call: Call) -> Any:
    found, total, offset = matching(BINDINGS, call)
    shown = [view(BINDINGS, record, call.portal) for record in found]
    return page({"tradeBindings": shown}, total=total, offset=offset, shown=len(shown))
