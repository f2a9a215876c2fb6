"""An order of a shop as the methods `sale.*` print it: whole, and its rows, payments, shipments and properties.

Source: vendor documentation of the scope `sale`: camelCase, Y and N, shares of VAT, ids now text and now numbers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.shop.orders import PAY_SYSTEMS, Shop, vat_amount

Fields = dict[str, Any]
PERSON_TYPES = {1: ("individual", "Физическое лицо"), 3: ("legal", "Юридическое лицо")}
STATUSES = {"N": "Принят", "P": "Оплачен, формируется к отправке", "F": "Выполнен"}
DELIVERY_STATUSES = {"DN": "Ожидает обработки", "DF": "Отгружен"}
# The standard wizard's properties of an order: code, title, and the payer's field behind it.
PROPERTIES = {
    1: (("FIO", "Ф.И.О.", "name"), ("EMAIL", "E-Mail", "email"), ("PHONE", "Телефон", "phone"),
        ("ADDRESS", "Адрес доставки", "address")),
    3: (("COMPANY", "Название компании", "name"), ("COMPANY_ADR", "Юридический адрес", "address"),
        ("INN", "ИНН", "inn"), ("KPP", "КПП", "kpp"), ("CONTACT_PERSON", "Контактное лицо", "contact"),
        ("EMAIL", "E-Mail", "email"), ("PHONE", "Телефон", "phone")),
}  # fmt: skip
_FOUR = Decimal("0.0001")


def number(shop: Shop, value: Any) -> float | str:
    """Money and quantities: numbers, or texts with four decimals as older cores print them."""
    amount = Decimal(str(value))
    return str(amount.quantize(_FOUR)) if shop.rest_texts else float(amount)


def moment(text: str) -> str:
    """The shop's own zone, whole seconds."""
    return f"{text[:19]}+00:00" if text.endswith("Z") else text


def yes(value: Any) -> str:
    return "Y" if value else "N"


def order(shop: Shop, one: Fields) -> Fields:
    """What `sale.order.list` prints of an order. The price of delivery is not among it: it is summed from shipments."""
    paid = bool(one["payments"]) and all(payment.get("paid") for payment in one["payments"])
    created, updated = moment(one["created_at"]), moment(one["updated_at"])
    rows = [row for row in one["items"] if row["set_parent"] is None]
    return {
        "accountNumber": one["account_number"], "additionalInfo": "", "canceled": yes(one["canceled"]),
        "comments": one.get("comments") or "", "companyId": 0, "currency": one["currency"], "dateCanceled": None,
        "dateInsert": created, "dateLock": None, "dateMarked": None, "datePayBefore": None, "dateStatus": updated,
        "dateUpdate": updated, "deducted": "N", "discountValue": number(shop, 0), "empStatusId": 1,
        "externalOrder": "N", "id": one["id"], "id1c": "", "lid": "s1", "lockedBy": "", "marked": "N",
        "orderTopic": "", "payed": yes(paid), "personTypeId": one["person_type"]["id"],
        "personTypeXmlId": "", "price": number(shop, one["total"]), "reasonCanceled": one.get("reason_canceled") or "",
        "reasonMarked": "", "recountFlag": "Y", "recurringId": "", "responsibleId": 1, "statusId": one["status"],
        "statusXmlId": "", "taxValue": number(shop, sum((vat_amount(row) for row in rows), Decimal(0))),
        "updated1c": "N", "userDescription": "", "userId": 2, "version": one["version"], "version1c": "",
        "xmlId": f"bx_{one['id']}",
    }  # fmt: skip


def whole(shop: Shop, one: Fields) -> Fields:
    """What `sale.order.get` prints: the same with everything that belongs to the order; ids of rows are texts here."""
    rows = [{**row, "id": str(row["id"]), "orderId": str(row["orderId"])} for row in basket_items(shop, one)]
    values = [{name: value for name, value in row.items() if name != "orderId"} for row in property_values(shop, one)]
    return {
        **order(shop, one),
        "basketItems": rows, "clients": [], "payments": payments(shop, one), "propertyValues": values,
        "requisiteLink": [], "shipments": shipments(shop, one), "tradeBindings": [],
    }  # fmt: skip


def basket_items(shop: Shop, one: Fields) -> list[Fields]:
    return [
        {
            "basePrice": number(shop, row["price"]), "canBuy": "Y", "catalogXmlId": "", "currency": one["currency"],
            "customPrice": "N", "dateInsert": moment(one["created_at"]), "discountPrice": number(shop, 0),
            "id": row["id"], "measureCode": row["okei"], "measureName": row["unit"], "name": row["name"],
            "orderId": one["id"], "price": number(shop, row["price"]), "productId": row["id"],
            "productXmlId": row["product_xml_id"], "properties": [], "quantity": number(shop, row["quantity"]),
            "reservations": [], "setParentId": row["set_parent"] or "", "sort": 100 * place,
            "type": 2 if row["kind"] == "service" else "", "vatIncluded": yes(row["vat_included"]),
            "vatRate": share(shop, row["vat_rate"]), "weight": 0, "xmlId": f"bx_row_{row['id']}",
        }
        for place, row in enumerate(one["items"], start=1)
    ]  # fmt: skip


def share(shop: Shop, percent: int | None) -> float | str | None:
    """A rate as the shop keeps it: 0.22; null is no VAT."""
    return None if percent is None else number(shop, Decimal(percent) / 100)


def payments(shop: Shop, one: Fields) -> list[Fields]:
    return [
        {
            "accountNumber": f"{one['account_number']}/{place}", "comments": payment.get("comments") or "",
            "currency": one["currency"], "dateBill": moment(one["created_at"]), "datePaid": payment.get("paid_at"),
            "datePayBefore": None, "id": payment["id"], "isReturn": yes(payment["is_return"]), "orderId": one["id"],
            "paid": yes(payment.get("paid")), "paySystemId": payment["pay_system_id"],
            "paySystemIsCash": "N", "paySystemName": PAY_SYSTEMS.get(payment["pay_system_id"], payment["name"]),
            "payVoucherDate": payment.get("voucher_date"), "payVoucherNum": payment.get("voucher_num") or "",
            "psInvoiceId": None, "psResponseDate": None, "psStatus": "", "psSum": None,
            "sum": number(shop, payment["sum"]), "xmlId": f"bx_payment_{payment['id']}",
        }
        for place, payment in enumerate(one["payments"], start=1)
    ]  # fmt: skip


def shipments(shop: Shop, one: Fields) -> list[Fields]:
    """Deliveries. The first shipment of an order is the system's own, which is never printed: numbers begin with 2."""
    return [
        {
            "accountNumber": f"{one['account_number']}/{place}", "allowDelivery": "N",
            "basePriceDelivery": number(shop, row["price"]), "canceled": yes(row["canceled"]), "comments": "",
            "companyId": 0, "currency": one["currency"], "customPriceDelivery": "N", "dateAllowDelivery": None,
            "dateCanceled": None, "dateDeducted": None, "dateInsert": moment(one["created_at"]), "deducted": "N",
            "deliveryDocDate": None, "deliveryDocNum": "", "deliveryId": row["id"], "deliveryName": row["name"],
            "deliveryXmlId": "", "discountPrice": number(shop, 0), "externalDelivery": "N",
            "id": one["id"] * 10 + place, "id1c": "", "marked": "N", "orderId": one["id"],
            "priceDelivery": number(shop, row["price"]), "responsibleId": None, "statusId": "DN", "statusXmlId": "",
            "system": "N", "trackingNumber": "", "trackingStatus": "", "updated1c": "N", "version1c": "",
            "xmlId": f"bx_shipment_{one['id'] * 10 + place}",
        }
        for place, row in enumerate(one["deliveries"], start=2)
    ]  # fmt: skip


def properties() -> list[Fields]:
    """The properties that an order can have, by kinds of payers."""
    return [
        {"active": "Y", "code": code, "id": 10 * kind + place, "multiple": "N", "name": title, "personTypeId": kind,
         "propsGroupId": 2 * kind, "required": yes(code in ("FIO", "COMPANY", "EMAIL")), "sort": 100 * place,
         "type": "STRING", "isPayer": yes(code in ("FIO", "CONTACT_PERSON")), "isEmail": yes(code == "EMAIL"),
         "isPhone": yes(code == "PHONE"), "xmlId": f"bx_prop_{10 * kind + place}"}
        for kind, named in PROPERTIES.items()
        for place, (code, title, _) in enumerate(named, start=1)
    ]  # fmt: skip


def property_values(shop: Shop, one: Fields) -> list[Fields]:
    """What the buyer filled in; the value of an empty property is null."""
    kind = one["person_type"]["id"]
    return [
        {"code": code, "id": one["id"] * 100 + place, "name": title, "orderId": one["id"],
         "orderPropsId": 10 * kind + place, "orderPropsXmlId": f"bx_prop_{10 * kind + place}",
         "value": one["payer"].get(field)}
        for place, (code, title, field) in enumerate(PROPERTIES[kind], start=1)
    ]  # fmt: skip


def person_types() -> list[Fields]:
    return [
        {"active": "Y", "code": None, "id": kind, "lid": "s1", "name": title, "sort": 100 * place, "xmlId": ""}
        for place, (kind, (_, title)) in enumerate(PERSON_TYPES.items(), start=1)
    ]


def statuses() -> list[Fields]:
    return [
        {"color": "", "id": code, "notify": "Y", "sort": 100 * place, "type": kind, "xmlId": ""}
        for kind, codes in (("O", STATUSES), ("D", DELIVERY_STATUSES))
        for place, code in enumerate(codes, start=1)
    ]
