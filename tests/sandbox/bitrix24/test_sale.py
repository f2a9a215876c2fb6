"""The portal's shop over REST: orders, goods, payments, deliveries, and what they are described by."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tests.sandbox.bitrix24.client import PortalClient, Receiver

ORDER_ABSENT = (400, 200540400001, "order is not exists")


@pytest_asyncio.fixture
async def shop(crm: PortalClient) -> PortalClient:
    """The portal by a webhook that has the shop's scopes."""
    hook = await crm.control(
        "/webhooks", {"user_id": 1, "scopes": ["crm", "sale", "pay_system", "delivery", "cashbox"]}
    )
    crm.url = hook["webhook_url"].rstrip("/")
    return crm


async def _order(shop: PortalClient, **more: Any) -> dict[str, Any]:
    fields = {"lid": "s1", "personTypeId": 2, "currency": "RUB", **more}
    made: dict[str, Any] = (await shop.result("sale.order.add", {"fields": fields}))["order"]
    return made


async def test_an_order_is_worth_its_goods_and_paid_by_its_payments(shop: PortalClient, receiver: Receiver) -> None:
    events = ["ONSALEORDERSAVED", "ONPAYMENTENTITYSAVED"]
    await shop.control("/subscriptions/1", {"events": events}, "PATCH")
    order = (await _order(shop))["id"]
    row = {"orderId": order, "productId": 0, "currency": "RUB", "quantity": 2, "name": "Стол", "price": 50.5}
    item = (await shop.result("sale.basketitem.add", {"fields": row}))["basketItem"]
    assert (item["price"], item["quantity"], item["vatIncluded"]) == (50.5, 2, "N")
    payment = (await shop.result("sale.payment.add", {"fields": {"orderId": order, "paySystemId": 2}}))["payment"]
    assert (payment["sum"], payment["paid"], payment["accountNumber"]) == (101, "N", f"{order}/1")
    params = {"id": payment["id"], "fields": {"paySystemId": 2, "paid": "Y", "payVoucherNum": "17"}}
    paid = (await shop.result("sale.payment.update", params))["payment"]
    assert paid["datePaid"] is not None
    shown = (await shop.result("sale.order.get", {"id": order}))["order"]
    assert (shown["price"], shown["payed"], len(shown["basketItems"])) == (101, "Y", 1)
    assert shown["payments"][0]["payVoucherNum"] == "17"
    await receiver.count(3)
    assert set(receiver.names()) == set(events)


async def test_refusals_have_the_numbers_of_the_documentation(shop: PortalClient) -> None:
    assert await shop.refused("sale.order.get", {"id": 999}) == ORDER_ABSENT
    assert await shop.refused("sale.order.delete", {"id": 999}) == ORDER_ABSENT
    assert await shop.refused("sale.order.add") == (400, 100, "Could not find value for parameter {fields}")
    status, code, text = await shop.refused("sale.order.add", {"fields": {"lid": "s1"}})
    assert (status, code, text) == (400, 0, "Required fields: currency, personTypeId")
    assert (await shop.refused("sale.payment.get", {"id": 1}))[1] == 200640400001
    fields = {"id": "N", "type": "O"}
    refused = await shop.refused("sale.status.add", {"fields": fields})
    assert refused == (400, 201350000001, "Duplicate entry for key [id]")


async def test_lists_select_filter_and_count(shop: PortalClient) -> None:
    first, second = [(await _order(shop, price=price))["id"] for price in (10, 20)]
    params = {"select": ["id", "price"], "filter": {">=price": 15}}
    answer = await shop.call("sale.order.list", params)
    assert (answer["result"]["orders"], answer["total"]) == ([{"id": second, "price": 20}], 1)
    listed = await shop.result("sale.order.list", {"order": {"id": "desc"}})
    assert [one["id"] for one in listed["orders"]] == [second, first]
    assert listed["orders"][0]["statusId"] == "N"
    assert "basketItems" not in listed["orders"][0]


async def test_what_cannot_be_changed_stays_and_fields_say_so(shop: PortalClient) -> None:
    order = (await _order(shop))["id"]
    fields = (await shop.result("sale.order.getFields"))["order"]
    assert fields["currency"] == {"isImmutable": True, "isReadOnly": False, "isRequired": True, "type": "string"}
    assert fields["statusId"]["type"] == "char"
    changed = {"id": order, "fields": {"currency": "USD", "comments": "Позвонить", "statusId": "P"}}
    shown = (await shop.result("sale.order.update", changed))["order"]
    assert (shown["currency"], shown["comments"], shown["statusId"]) == ("RUB", "Позвонить", "P")


async def test_an_order_goes_with_all_that_hangs_on_it(shop: PortalClient) -> None:
    order = (await _order(shop))["id"]
    delivery = {"orderId": order, "allowDelivery": "Y", "deducted": "N", "deliveryId": 2, "priceDelivery": 300}
    shipment = (await shop.result("sale.shipment.add", {"fields": delivery}))["shipment"]
    assert (await shop.result("sale.order.get", {"id": order}))["order"]["price"] == 300
    assert await shop.result("sale.order.delete", {"id": order}) is True
    assert (await shop.refused("sale.shipment.get", {"id": shipment["id"]}))[1] == 201140400001


async def test_properties_of_an_order(shop: PortalClient) -> None:
    group = {"name": "Реквизиты", "personTypeId": 2}
    made = (await shop.result("sale.propertygroup.add", {"fields": group}))["propertyGroup"]
    fields = {"name": "ИНН", "code": "INN", "type": "STRING", "personTypeId": 2, "propsGroupId": made["id"]}
    kind = (await shop.result("sale.property.add", {"fields": fields}))["property"]
    assert "max" not in (await shop.result("sale.property.getFieldsByType", {"type": "STRING"}))["property"]
    bounded = (await shop.result("sale.property.getFieldsByType", {"type": "NUMBER"}))["property"]
    assert ("max" in bounded, bounded["settings"]["type"]) == (False, "datatype")
    assert set(bounded["settings"]["fields"]) == {"max", "min", "step"}
    order = (await _order(shop))["id"]
    value = {"order": {"id": order, "propertyValues": [{"orderPropsId": kind["id"], "value": "7709123453"}]}}
    await shop.result("sale.propertyvalue.modify", {"fields": value})
    (shown,) = (await shop.result("sale.order.get", {"id": order}))["order"]["propertyValues"]
    assert (shown["code"], shown["value"]) == ("INN", "7709123453")


async def test_records_without_an_id_go_by_their_fields(shop: PortalClient) -> None:
    fields = {"statusId": "P", "lid": "en", "name": "Paid"}
    await shop.result("sale.statusLang.add", {"fields": fields})
    listed = await shop.result("sale.statusLang.list", {"filter": {"lid": "en"}})
    assert [one["name"] for one in listed["statusLangs"]] == ["Paid"]
    assert await shop.result("sale.statusLang.deleteByFilter", {"fields": fields}) is True
    assert (await shop.refused("sale.statusLang.deleteByFilter", {"fields": fields}))[0] == 400


async def test_ways_to_pay_and_to_deliver_have_handlers(shop: PortalClient) -> None:
    handler = {"NAME": "Банк", "CODE": "bank", "SETTINGS": {"CODES": {"KEY": {"NAME": "Ключ"}}}}
    assert await shop.result("sale.paysystem.handler.add", handler) == 1001
    assert (await shop.refused("sale.paysystem.handler.add", handler))[1] == "ERROR_HANDLER_ALREADY_EXIST"
    system = {"NAME": "Через банк", "PERSON_TYPE_ID": 2, "BX_REST_HANDLER": "bank"}
    number = await shop.result("sale.paysystem.add", system)
    assert await shop.result("sale.paysystem.settings.get", {"ID": number}) == {"KEY": ""}
    order = (await _order(shop, price=10))["id"]
    fields = {"orderId": order, "paySystemId": number}
    payment = (await shop.result("sale.payment.add", {"fields": fields}))["payment"]
    params = {"PAYMENT_ID": payment["id"], "PAY_SYSTEM_ID": number}
    assert await shop.result("sale.paysystem.pay.payment", params) is True
    assert (await shop.result("sale.payment.get", {"id": payment["id"]}))["payment"]["paid"] == "Y"
    courier = {"CODE": "taxi", "NAME": "Такси", "SETTINGS": {"CALCULATE_URL": "https://example.ru"},
               "PROFILES": [{"CODE": "CAR", "NAME": "Легковая"}]}  # fmt: skip
    await shop.result("sale.delivery.handler.add", courier)
    made = await shop.result("sale.delivery.add", {"REST_CODE": "taxi", "NAME": "Такси", "CURRENCY": "RUB"})
    assert [one["PARENT_ID"] for one in made["profiles"]] == [made["parent"]["ID"]]
    config = {"ID": made["parent"]["ID"], "CONFIG": [{"CODE": "CITY", "VALUE": "Москва"}]}
    assert await shop.result("sale.delivery.config.update", config) is True
    assert await shop.result("sale.delivery.config.get", config) == config["CONFIG"]
    refused = await shop.refused("sale.delivery.config.update", {**config, "CONFIG": [{"VALUE": "Москва"}]})
    assert refused == (400, "ERROR_CHECK_FAILURE", "Parameter CODE is not defined")
    assert await shop.refused("sale.delivery.delete", {"ID": 999}) == (
        400, "ERROR_DELIVERY_NOT_FOUND", "Delivery not found",
    )  # fmt: skip


async def test_who_is_no_administrator_writes_nothing(shop: PortalClient) -> None:
    hook = await shop.control("/webhooks", {"user_id": 7, "scopes": ["sale"]})
    shop.url = hook["webhook_url"].rstrip("/")
    refused = await shop.refused("sale.order.add", {"fields": {}})
    assert refused == (400, 200040300020, "Access Denied")
