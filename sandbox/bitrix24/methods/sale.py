"""sale.*: orders of the portal's shop with their goods, payments and deliveries.

Vendor documentation, "Интернет-магазин": https://apidocs.bitrix24.ru/api-reference/sale/
"""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from sandbox.bitrix24.call import Call, as_number, universal_map
from sandbox.bitrix24.entities import Entity, add_record, attributes, record_of, serve, update_record, view, whole
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import plain

ORDER_ABSENT = (200540400001, "order is not exists")
PAYMENT_ABSENT = (200640400001, "payment is not exists")
SHIPMENT_ABSENT = (201140400001, "shipment is not exists")
BASKET_ABSENT = (200140400001, "basket item is not exists")
MONEY = Decimal(0)


def xml_id() -> str:
    return f"bx_{secrets.token_hex(7)[:13]}"


def _of(call: Call, table: str, name: str, number: int) -> list[Record]:
    return [record for record in call.portal.table(table) if record.get(name) == number]


# -- orders


def _fresh_order(call: Call, values: Record) -> Record:
    now, user = call.portal.now(), call.user_id
    number = call.portal.table("order").last_id + 1
    return {
        "accountNumber": str(number), "statusId": "N", "canceled": "N", "payed": "N", "deducted": "N", "marked": "N",
        "externalOrder": "N", "recountFlag": "Y", "updated1c": "N", "price": "0", "taxValue": "0", "discountValue": "0",
        "dateInsert": now, "dateUpdate": now, "dateStatus": now, "userId": user, "responsibleId": user,
        "empStatusId": user, "version": 0, "version1c": "", "xmlId": xml_id(), "additionalInfo": "", "comments": "",
        "orderTopic": "", "reasonCanceled": "", "reasonMarked": "", "userDescription": "", "id1c": "",
        "statusXmlId": "", "personTypeXmlId": "",
    }  # fmt: skip


def _check_order(call: Call, values: Record) -> None:
    if call.portal.get("persontype", values["personTypeId"]) is None:
        raise RestError(400, 0, "personTypeId not found")


def _order_changed(call: Call, number: int, before: Record) -> None:
    if not number:
        for table in ("basket", "payment", "shipment", "propertyvalue"):
            for record in _of(call, table, "orderId", before["ID"]):
                call.portal.drop(table, record["ID"])
        return
    order = call.portal.table("order").records[number]
    if before:
        values: Record = {"dateUpdate": call.portal.now(), "version": (order.get("version") or 0) + 1}
        if order.get("canceled") == "Y" and before.get("canceled") != "Y":
            values |= {"dateCanceled": call.portal.now(), "empCanceledId": call.user_id}
        call.portal.patch("order", number, values)
    data = {"FIELDS": {"ID": str(number), "XML_ID": order.get("xmlId", ""), "ACTION": "save"}}
    call.portal.raise_event("ONSALEORDERSAVED", data)


def _order_gone(call: Call, record: Record) -> None:
    call.portal.raise_event("ONSALEBEFOREORDERDELETE", {"FIELDS": {"ID": str(record["ID"])}})


def _order_more(call: Call, record: Record) -> Record:
    def part(entity: Entity) -> list[Record]:
        found = _of(call, entity.table, "orderId", record["ID"])
        return [view(entity, one, call.portal) | (entity.more(call, one) if entity.more else {}) for one in found]

    link = next((one for one in call.portal.table("link").find("ENTITY_ID", record["ID"])
                 if one["ENTITY_TYPE_ID"] == 14), None)  # fmt: skip
    names = {"requisiteId": "REQUISITE_ID", "bankDetailId": "BANK_DETAIL_ID", "mcRequisiteId": "MC_REQUISITE_ID",
             "mcBankDetailId": "MC_BANK_DETAIL_ID"}  # fmt: skip
    return {
        "basketItems": part(BASKET), "payments": part(PAYMENT), "shipments": part(SHIPMENT),
        "propertyValues": part(VALUE), "clients": record.get("clients", []), "tradeBindings": [],
        "requisiteLink": {} if link is None else {name: link.get(stored) for name, stored in names.items()},
    }  # fmt: skip


def _settle(call: Call, number: int | None) -> None:
    """The order's amount is that of its goods and deliveries; it is paid when its payments are and cover it."""
    order = call.portal.get("order", number or 0)
    if order is None:
        return
    goods = _of(call, "basket", "orderId", order["ID"])
    shipments = _of(call, "shipment", "orderId", order["ID"])
    payments = _of(call, "payment", "orderId", order["ID"])
    amount = sum((Decimal(one["price"]) * Decimal(one["quantity"]) for one in goods), MONEY)
    amount += sum((Decimal(one.get("priceDelivery") or 0) for one in shipments), MONEY)
    paid = sum((Decimal(one["sum"]) for one in payments if one["paid"] == "Y"), MONEY)
    values: Record = {"price": plain(amount)} if goods or shipments else {}
    due = Decimal(values.get("price") or order["price"])
    values["payed"] = "Y" if payments and due > 0 and paid >= due else "N"
    call.portal.patch("order", order["ID"], values)


def _check_owner(call: Call, values: Record) -> None:
    if call.portal.get("order", values["orderId"]) is None:
        raise RestError(400, *ORDER_ABSENT)


# -- goods


def _fresh_basket(call: Call, values: Record) -> Record:
    now = call.portal.now()
    price = values.get("price")
    return {
        "canBuy": "Y", "customPrice": "N", "dateInsert": now, "dateUpdate": now, "discountPrice": "0", "sort": 100,
        "vatIncluded": "N", "weight": "0", "xmlId": xml_id(), "price": price or "0", "basePrice": price or "0",
        "measureCode": "796", "measureName": "шт", "productXmlId": str(values.get("productId") or ""),
        "catalogXmlId": "FUTURE-ERP-CATALOG", "dimensions": 'a:3:{s:5:"WIDTH";N;s:6:"HEIGHT";N;s:6:"LENGTH";N;}',
    }  # fmt: skip


def _basket_changed(call: Call, number: int, before: Record) -> None:
    record = call.portal.get("basket", number) or before
    if not number:
        for one in _of(call, "basketproperty", "basketId", before["ID"]):
            call.portal.drop("basketproperty", one["ID"])
    elif before:
        call.portal.patch("basket", number, {"dateUpdate": call.portal.now()})
    _settle(call, record.get("orderId"))


def _basket_more(call: Call, record: Record) -> Record:
    found = _of(call, "basketproperty", "basketId", record["ID"])
    return {"properties": [view(BASKET_PROPERTY, one, call.portal) for one in found], "reservations": []}


# -- payments and deliveries


def _fresh_payment(call: Call, values: Record) -> Record:
    now = call.portal.now()
    place = len(_of(call, "payment", "orderId", values["orderId"])) + 1
    order = call.portal.table("order").records[values["orderId"]]
    return {
        "accountNumber": f"{order['ID']}/{place}", "paid": "N", "isReturn": "N", "externalPayment": "N", "marked": "N",
        "updated1c": "N", "currency": order["currency"], "sum": order["price"], "dateBill": now, "priceCod": "0",
        "dateResponsibleId": now, "empResponsibleId": call.user_id, "responsibleId": call.user_id, "xmlId": xml_id(),
        "paySystemName": f"Платёжная система {values['paySystemId']}", "paySystemIsCash": "N", "paySystemXmlId": "",
        "comments": "", "id1c": "", "payReturnComment": "", "payReturnNum": "", "payVoucherNum": "", "psCurrency": "",
        "psStatus": "", "psStatusCode": "", "psStatusDescription": "", "psStatusMessage": "", "reasonMarked": "",
        "version1c": "",
    }  # fmt: skip


def _payment_changed(call: Call, number: int, before: Record) -> None:
    record = call.portal.get("payment", number) or before
    if number:
        if record["paid"] == "Y" and before.get("paid") != "Y":
            paid = {"datePaid": record.get("datePaid") or call.portal.now(), "empPaidId": call.user_id}
            call.portal.patch("payment", number, paid)
        elif record["paid"] != "Y" and before.get("paid") == "Y":
            call.portal.patch("payment", number, {"datePaid": None, "empPaidId": None})
        call.portal.raise_event("ONPAYMENTENTITYSAVED", {"FIELDS": {"ID": str(number)}})
    else:
        call.portal.raise_event("ONPAYMENTDELETED", {"FIELDS": {"ID": str(before["ID"])}})
    _settle(call, record.get("orderId"))


def _fresh_shipment(call: Call, values: Record) -> Record:
    now = call.portal.now()
    order = call.portal.table("order").records[values["orderId"]]
    place = len(_of(call, "shipment", "orderId", order["ID"])) + 2
    return {
        "accountNumber": f"{order['ID']}/{place}", "currency": order["currency"], "canceled": "N", "marked": "N",
        "system": "N", "customPriceDelivery": "N", "externalDelivery": "N", "updated1c": "N", "statusId": "DN",
        "dateInsert": now, "dateResponsibleId": now, "basePriceDelivery": "0", "priceDelivery": "0",
        "discountPrice": "0", "deliveryName": f"Доставка {values['deliveryId']}", "xmlId": xml_id(), "comments": "",
        "deliveryXmlId": "", "id1c": "", "reasonMarked": "", "reasonUndoDeducted": "", "statusXmlId": "",
        "trackingDescription": "", "trackingLastCheck": "", "trackingNumber": "", "trackingStatus": "",
        "version1c": "", "deliveryDocNum": "",
    }  # fmt: skip


def _shipment_changed(call: Call, number: int, before: Record) -> None:
    record = call.portal.get("shipment", number) or before
    if number:
        call.portal.raise_event("ONSHIPMENTENTITYSAVED", {"FIELDS": {"ID": str(number)}})
    else:
        for one in _of(call, "shipmentitem", "orderDeliveryId", before["ID"]):
            call.portal.drop("shipmentitem", one["ID"])
        call.portal.raise_event("ONSHIPMENTDELETED", {"FIELDS": {"ID": str(before["ID"])}})
    _settle(call, record.get("orderId"))


def _shipment_gone(call: Call, record: Record) -> None:
    if record.get("deducted") == "Y":
        raise RestError(400, "SALE_SHIPMENT_EXIST_SHIPPED", "Отгрузка уже отгружена. Отмените отгрузку")


def _shipment_more(call: Call, record: Record) -> Record:
    found = _of(call, "shipmentitem", "orderDeliveryId", record["ID"])
    return {"shipmentItems": [view(SHIPMENT_ITEM, one, call.portal) for one in found]}


def _link(*owners: tuple[str, str, int, str]) -> Any:
    """A check that both ends are there, and that they are not tied already. (field, table, code, words)"""

    def check(call: Call, values: Record) -> None:
        for name, table, code, words in owners:
            if call.portal.get(table, values[name]) is None:
                raise RestError(400, code, words)

    return check


def _fresh_link(call: Call, values: Record) -> Record:
    return {"dateInsert": call.portal.now(), "xmlId": xml_id(), "reservedQuantity": "0"}


def _check_shipment_item(call: Call, values: Record) -> None:
    if call.portal.get("basket", values["basketId"]) is None:
        raise RestError(400, 201240400002, "basket item is not exists")
    if call.portal.get("shipment", values["orderDeliveryId"]) is None:
        raise RestError(400, 201240400003, "shipment is not exists")
    for one in _of(call, "shipmentitem", "orderDeliveryId", values["orderDeliveryId"]):
        if one["basketId"] == values["basketId"]:
            raise RestError(400, 201250000001, "Duplicate entry for key [basketId, orderDeliveryId]")


def _property_of_basket(call: Call, values: Record) -> None:
    if call.portal.get("basket", values["basketId"]) is None:
        raise RestError(400, *BASKET_ABSENT)


SHIPMENT_ITEM = serve(Entity(
    "sale.shipmentitem", "shipmentitem", "shipmentItem", "shipmentItems",
    attributes("id integer:r; basketId integer:qi; dateInsert datetime:r; orderDeliveryId integer:qi; "
               "quantity double:q; reservedQuantity double:r; xmlId string"),
    (201240400001, "shipment item is not exists"), fresh=_fresh_link, check=_check_shipment_item,
))  # fmt: skip
SHIPMENT = serve(Entity(
    "sale.shipment", "shipment", "shipment", "shipments",
    attributes("""
    accountNumber string:r; allowDelivery char:q; basePriceDelivery double; canceled char:r; comments string;
    companyId integer; currency string:r; customPriceDelivery char:r; dateAllowDelivery datetime:r;
    dateCanceled datetime:r; dateDeducted datetime:r; dateInsert datetime:r; dateMarked datetime:r;
    dateResponsibleId datetime:r; deducted char:q; deliveryDocDate datetime; deliveryDocNum string;
    deliveryId integer:q; deliveryName string:r; deliveryXmlId string:r; discountPrice double:r;
    empAllowDeliveryId integer:r; empCanceledId integer:r; empDeductedId integer:r; empMarkedId integer:r;
    empResponsibleId integer:r; externalDelivery char:r; id integer:r; id1c string:r; marked char:r;
    orderId integer:qi; priceDelivery double; reasonMarked string:r; reasonUndoDeducted string:r;
    responsibleId integer; statusId code; statusXmlId code:r; system char:r; trackingDescription string:r;
    trackingLastCheck string:r; trackingNumber string; trackingStatus string:r; updated1c char:r; version1c string:r;
    xmlId string"""),
    SHIPMENT_ABSENT, fresh=_fresh_shipment, check=_check_owner, changed=_shipment_changed, check_gone=_shipment_gone,
    more=_shipment_more,
))  # fmt: skip
PAYMENT = serve(Entity(
    "sale.payment", "payment", "payment", "payments",
    attributes("""
    accountNumber string:r; comments string; companyId integer; currency string:r; dateBill datetime;
    dateMarked datetime:r; datePaid datetime; datePayBefore datetime; dateResponsibleId datetime:r;
    empMarkedId integer; empPaidId integer; empResponsibleId integer; empReturnId integer; externalPayment char;
    id integer:r; id1c string; isReturn char; marked char; orderId integer:qi; paid char; payReturnComment string;
    payReturnDate datetime; payReturnNum string; paySystemId integer:q; paySystemIsCash char:r; paySystemName string:r;
    paySystemXmlId string:r; payVoucherDate datetime; payVoucherNum string; priceCod double; psCurrency string;
    psInvoiceId string; psResponseDate datetime; psStatus code; psStatusCode string; psStatusDescription string;
    psStatusMessage string; psSum double; reasonMarked string; responsibleId integer; sum double; updated1c char;
    version1c string; xmlId string"""),
    PAYMENT_ABSENT, fresh=_fresh_payment, check=_check_owner, changed=_payment_changed,
))  # fmt: skip
BASKET_PROPERTY = serve(Entity(
    "sale.basketproperties", "basketproperty", "basketProperty", "basketProperties",
    attributes("basketId integer:qi; code string:q; id integer:r; name string:q; sort integer; value string:q; "
               "xmlId string"),
    (200240400001, "basket property is not exists"), fields_name="basketProperties", check=_property_of_basket,
    fresh=lambda call, values: {"xmlId": xml_id()},
))  # fmt: skip
BASKET = serve(Entity(
    "sale.basketitem", "basket", "basketItem", "basketItems",
    attributes("""
    basePrice double; canBuy char; catalogXmlId string:i; currency string:qi; customPrice char; dateInsert datetime:r;
    dateUpdate datetime:r; dimensions string; discountPrice double; id integer:r; measureCode string;
    measureName string; name string:q; orderId integer:qi; price double; productId integer:qi; productXmlId string;
    quantity double:q; sort integer; type integer:r; vatIncluded char; vatRate double; weight double; xmlId string"""),
    BASKET_ABSENT, fresh=_fresh_basket, check=_check_owner, changed=_basket_changed, more=_basket_more,
))  # fmt: skip
VALUE = serve(Entity(
    "sale.propertyvalue", "propertyvalue", "propertyValue", "propertyValues",
    attributes("code string; id integer:ri; name string; orderId integer:qi; orderPropsId integer:q; "
               "orderPropsXmlId string:r; value any:q"),
    (201040400001, "property value is not exists"), actions=("get", "list", "delete", "getFields"),
))  # fmt: skip
ORDER = serve(Entity(
    "sale.order", "order", "order", "orders",
    attributes("""
    accountNumber string:r; additionalInfo string; affiliateId integer; canceled char; comments string;
    companyId integer; currency string:qi; dateCanceled datetime:r; dateInsert datetime; dateLock datetime:r;
    dateMarked datetime:r; dateStatus datetime:r; dateUpdate datetime:r; deducted char:r; discountValue double;
    empCanceledId integer; empMarkedId integer; empStatusId integer; externalOrder char; id integer:r; id1c string;
    lid string:qi; lockedBy char; marked char; orderTopic string; payed char:r; personTypeId integer:qi;
    personTypeXmlId string:r; price double; reasonCanceled string; reasonMarked string; recountFlag char;
    recurringId char; responsibleId integer; statusId code; statusXmlId string:r; taxValue double:r;
    updated1c char; userDescription string; userId integer:i; version integer:r; version1c string; xmlId string"""),
    ORDER_ABSENT, fresh=_fresh_order, check=_check_order, changed=_order_changed, check_gone=_order_gone,
    more=_order_more,
))  # fmt: skip
PAYMENT_OF = ("paymentId", "payment", 201240400002, "payment not exists")
serve(Entity(
    "sale.paymentitembasket", "paymentbasket", "paymentItemBasket", "paymentItemsBasket",
    attributes("basketId integer:qi; dateInsert datetime:r; id integer:r; paymentId integer:qi; quantity double:q; "
               "xmlId string"),
    (201240400001, "payment item is not exists"), fresh=_fresh_link,
    check=_link(PAYMENT_OF, ("basketId", "basket", 201240400003, "basket item not exists")),
))  # fmt: skip
serve(Entity(
    "sale.paymentitemshipment", "paymentshipment", "paymentItemShipment", "paymentItemsShipment",
    attributes("dateInsert datetime:r; id integer:r; paymentId integer:qi; shipmentId integer:qi; xmlId string"),
    (201240400001, "payment item is not exists"), fresh=_fresh_link,
    check=_link(PAYMENT_OF, ("shipmentId", "shipment", 201240400003, "shipment not exists")),
))  # fmt: skip


# -- goods by the catalogue


def _of_catalogue(call: Call, *, new: bool) -> dict[str, Any]:
    """The fields of a basket's row whose name, price and measure are those of its product."""
    fields = universal_map(call, "fields")
    kept = {name: value for name, value in fields.items()
            if name in ("orderId", "productId", "currency", "quantity", "sort", "xmlId")}  # fmt: skip
    if not new:
        return {name: kept[name] for name in ("quantity", "sort", "xmlId") if name in kept}
    product = call.portal.get("product", as_number(kept.get("productId")) or 0)
    if product is None:
        raise RestError(400, 0, "Required fields: productId")
    described = {"name": product["NAME"], "price": product["PRICE"], "measureCode": str(product["MEASURE_CODE"]),
                 "measureName": product["MEASURE_NAME"], "vatIncluded": product["VAT_INCLUDED"]}  # fmt: skip
    return {**kept, **described}


@method("sale.basketitem.addCatalogProduct", "sale", writes=True)
def add_catalogue_product(call: Call) -> Any:
    return {BASKET.one: whole(BASKET, call, add_record(BASKET, call, _of_catalogue(call, new=True)))}


@method("sale.basketitem.updateCatalogProduct", "sale", writes=True)
def update_catalogue_product(call: Call) -> Any:
    record = record_of(BASKET, call)
    update_record(BASKET, call, record, _of_catalogue(call, new=False))
    return {BASKET.one: whole(BASKET, call, call.portal.table(BASKET.table).records[record["ID"]])}


@method("sale.basketitem.getFieldsCatalogProduct", "sale")
def fields_of_catalogue_product(call: Call) -> Any:
    free = ("orderId", "productId", "currency", "quantity", "sort", "xmlId")
    return {
        BASKET.one: {
            one.name: {"isImmutable": one.immutable, "isReadOnly": one.name not in free,
                       "isRequired": one.required and one.name in free, "type": one.printed_kind}
            for one in BASKET.attributes
        }
    }  # fmt: skip
