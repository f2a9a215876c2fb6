"""The methods `sale.*` of a simulated shop: orders read by pages, statuses and payment orders written back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from tests.sandbox.running import Sandbox

BUYER = {"inn": "7725010016", "kpp": "772501001", "name": "ООО Ромашка", "email": "a@example.ru", "phone": None}
ROWS = [
    {"name": "Футболка", "price": "980", "vat_rate": 22},
    {"name": "Печать", "price": "33.3333", "quantity": "3", "kind": "service", "vat_rate": 22, "vat_included": False},
    {"name": "Книга", "price": "100"},
]


class ShopClient:
    """A shop with its webhook."""

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.sandbox, self.url = sandbox, url

    async def answer(self, method: str, status: int = 200, **params: Any) -> Any:
        found = await self.sandbox.client.post(f"{self.url}{method}", json=params)
        assert found.status_code == status, found.text
        return found.json()

    async def call(self, method: str, **params: Any) -> Any:
        return (await self.answer(method, **params))["result"]

    async def ordered(self, **order: Any) -> dict[str, Any]:
        body = {"kind": "legal", "payer": BUYER, "items": ROWS, "deliveries": [{"price": "500"}], **order}
        made: dict[str, Any] = (await self.sandbox.control("/shop/main/orders", body))["order"]
        return made


@pytest_asyncio.fixture
async def shop(sandbox: Sandbox) -> ShopClient:
    opened = await sandbox.control("/shop/shops", {"shop": "main"})
    return ShopClient(sandbox, opened["webhook_url"])


async def test_an_order_is_printed_as_a_shop_prints_it(shop: ShopClient) -> None:
    made = await shop.ordered()
    whole = await shop.answer("sale.order.get", id=made["id"])
    order = whole["result"]["order"]
    assert (order["id"], order["accountNumber"], order["personTypeId"], order["statusId"]) == (236, "236", 3, "N")
    assert (order["payed"], order["canceled"], order["currency"]) == ("N", "N", "RUB")
    assert order["price"] == pytest.approx(980 + 100 + 22 + 100 + 500)
    assert order["taxValue"] == pytest.approx(176.72 + 22)
    assert "priceDelivery" not in order, "it is summed from the shipments"
    assert order["dateInsert"].endswith("+00:00")
    assert set(whole["time"]) >= {"start", "finish", "duration", "processing", "date_start", "date_finish", "operating"}

    first, work, book = order["basketItems"]
    assert [type(one) for one in (first["id"], first["orderId"], order["id"])] == [str, str, int]
    assert (first["vatRate"], first["vatIncluded"], first["measureCode"], first["type"]) == (0.22, "Y", "796", "")
    assert (work["price"], work["quantity"], work["vatIncluded"], work["type"]) == (33.3333, 3, "N", 2)
    assert book["vatRate"] is None
    (courier,) = order["shipments"]
    assert (courier["accountNumber"], courier["system"]) == ("236/2", "N"), "the system's own is not printed"
    assert (courier["deliveryName"], courier["priceDelivery"]) == ("Курьер", 500)
    (payment,) = order["payments"]
    assert (payment["accountNumber"], payment["paySystemId"], payment["paid"]) == ("236/1", 48, "N")
    assert payment["sum"] == order["price"]
    values = {one["code"]: one["value"] for one in order["propertyValues"]}
    assert values.pop("PHONE") is None, "an empty property is printed too"
    assert {name: value for name, value in values.items() if value is not None} == {
        "COMPANY": "ООО Ромашка",
        "INN": "7725010016",
        "KPP": "772501001",
        "EMAIL": "a@example.ru",
    }


async def test_older_cores_print_numbers_as_texts_with_four_decimals(shop: ShopClient) -> None:
    made = await shop.ordered()
    await shop.sandbox.control("/shop/shops/main", {"rest_texts": True}, method="PATCH")
    order = (await shop.call("sale.order.get", id=str(made["id"])))["order"]
    assert (order["price"], order["basketItems"][1]["price"]) == ("1702.0000", "33.3333")
    assert [row["vatRate"] for row in order["basketItems"]] == ["0.2200", "0.2200", None]
    found = await shop.call("sale.order.list", filter={">price": 1000, "<=price": "1702"})
    assert [one["price"] for one in found["orders"]] == ["1702.0000"], "filters take them by size"


async def test_orders_come_by_fifty_in_order_of_their_change(shop: ShopClient) -> None:
    for _ in range(53):
        await shop.ordered(items=[{"price": "10"}], deliveries=[])
        await shop.sandbox.advance(1)
    await shop.sandbox.control("/shop/main/orders/240", {"status": "P"}, method="PATCH")
    watermark = (await shop.call("sale.order.get", id=285))["order"]["dateUpdate"]

    page = await shop.answer("sale.order.list", order={"dateUpdate": "asc", "id": "asc"})
    assert (len(page["result"]["orders"]), page["total"], page["next"]) == (50, 53, 50)
    rest = await shop.answer("sale.order.list", order={"dateUpdate": "asc", "id": "asc"}, start=page["next"])
    assert [one["id"] for one in rest["result"]["orders"]] == [287, 288, 240]
    assert "next" not in rest

    fresh = await shop.call(
        "sale.order.list", filter={">=dateUpdate": watermark}, select=["id", "version"], order={"id": "desc"}
    )
    assert fresh["orders"] == [{"id": number, "version": 1 + (number == 240)} for number in (288, 287, 286, 285, 240)]
    changed = await shop.call("sale.order.list", filter={"@statusId": ["P", "F"], "!canceled": "Y", "stranger": 1})
    assert [one["id"] for one in changed["orders"]] == [240]


async def test_parts_of_orders_are_listed_by_their_order(shop: ShopClient) -> None:
    await shop.ordered()
    second = await shop.ordered(kind="individual", payer={"name": "Иван Петров", "phone": "+79000000000"})
    asked = {"filter": {"orderId": second["id"]}}
    rows = (await shop.call("sale.basketItem.list", **asked))["basketItems"]
    assert [row["name"] for row in rows] == ["Футболка", "Печать", "Книга"]
    assert (await shop.call("sale.basketItem.get", id=str(rows[2]["id"])))["basketItem"] == rows[2]
    filled = {"filter": {**asked["filter"], "!value": ""}}
    values = (await shop.call("sale.propertyvalue.list", **filled))["propertyValues"]
    assert [(one["code"], one["value"]) for one in values] == [("FIO", "Иван Петров"), ("PHONE", "+79000000000")]
    (payment,) = (await shop.call("sale.payment.list", **asked))["payments"]
    assert payment["orderId"] == second["id"]
    shipments = (await shop.call("sale.shipment.list", filter={"orderId": second["id"], "system": "N"}))["shipments"]
    assert sum(Decimal(str(one["priceDelivery"])) for one in shipments) == 500
    kinds = (await shop.call("sale.persontype.list"))["personTypes"]
    assert {one["id"]: one["name"] for one in kinds} == {1: "Физическое лицо", 3: "Юридическое лицо"}
    assert [one["id"] for one in (await shop.call("sale.status.list", filter={"type": "O"}))["statuses"]] == list("NPF")
    named = (await shop.call("sale.property.list", filter={"personTypeId": 3, "%code": "pan"}))["properties"]
    assert [one["code"] for one in named] == ["COMPANY", "COMPANY_ADR"]
    like = (await shop.call("sale.property.list", filter={"%=code": "COMP%", "!=%code": "%_ADR"}))["properties"]
    assert [one["code"] for one in like] == ["COMPANY"]


async def test_a_status_and_a_payment_order_are_written_back(shop: ShopClient) -> None:
    """The loop of a shop: what is written back changes the order, and the module tells of it again."""
    made = await shop.ordered()
    await shop.sandbox.control("/shop/shops/main", {"url": "http://127.0.0.1:9/"}, method="PATCH")
    written = await shop.call("sale.order.update", id=made["id"], fields={"statusId": "P", "price": 1})
    assert (written["order"]["statusId"], written["order"]["version"]) == ("P", 2)
    assert written["order"]["price"] == 1702, "what cannot be written is passed over"
    (payment,) = (await shop.call("sale.payment.list", filter={"orderId": made["id"]}))["payments"]
    fields = {"paySystemId": 48, "paid": "Y", "payVoucherNum": "45", "payVoucherDate": "2026-03-12T00:00:00+03:00"}
    paid = (await shop.call("sale.payment.update", id=payment["id"], fields=fields))["payment"]
    assert (paid["paid"], paid["payVoucherNum"]) == ("Y", "45")
    assert (await shop.call("sale.order.get", id=made["id"]))["order"]["payed"] == "Y"
    cancelled = await shop.call(
        "sale.order.update", id=made["id"], fields={"canceled": "Y", "reasonCanceled": "Передумали"}
    )
    assert (cancelled["order"]["canceled"], cancelled["order"]["reasonCanceled"]) == ("Y", "Передумали")
    state = await shop.sandbox.state("shop", "main")
    assert state["orders"]["236"]["payments"][0]["voucher_num"] == "45"
    told = {line["event"]: line["name"] for line in await shop.sandbox.lines(kind="event")}
    assert list(told.values()) == ["order.status_changed", "order.paid", "order.canceled"]


async def test_the_shop_refuses_in_its_own_words(shop: ShopClient) -> None:
    made = await shop.ordered()
    missing = await shop.answer("sale.order.get", 400, id=999)
    assert missing == {"error": 200540400001, "error_description": "order does not exist"}
    assert (await shop.answer("sale.payment.get", 400, id=999))["error"] == 201240400001
    assert (await shop.answer("sale.order.get", 400))["error"] == 100
    assert (await shop.answer("sale.order.update", 400, id=made["id"], fields={"statusId": "ZZ"}))["error"] == 0
    assert (await shop.answer("sale.order.update", 400, id=made["id"], fields={}))["error"] == 100
    unknown = await shop.answer("sale.payment.update", 400, id=999, fields={"paySystemId": 48, "paid": "Y"})
    assert unknown == {"error": 200640400001, "error_description": "payment does not exist"}
    assert (await shop.answer("sale.payment.update", 400, id=made["id"], fields={"paid": "Y"}))["error"] == 0
    assert (await shop.answer("sale.order.burn", 404))["error"] == "ERROR_METHOD_NOT_FOUND"
    stranger = await shop.sandbox.client.get("/shop/main/rest/1/not-the-code/sale.order.list")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "INVALID_CREDENTIALS")
    await shop.sandbox.control(
        "/faults", {"vendor": "shop", "operation": "sale.order.get", "kind": "limit_503", "calls": [1]}
    )
    assert (await shop.answer("sale.order.get", 503, id=made["id"]))["error"] == "QUERY_LIMIT_EXCEEDED"
    assert (await shop.call("sale.order.get", id=made["id"]))["order"]["id"] == made["id"]


async def test_methods_are_called_in_batches_that_refer_to_each_other(shop: ShopClient) -> None:
    for _ in range(52):
        made = await shop.ordered(items=[{"price": "10"}], deliveries=[])
    commands = {
        "first": "sale.order.list?select[0]=id&order[id]=desc&start=-1",
        "rows": "sale.basketitem.list?filter[orderId]=$result[first][orders][0][id]",
        "gone": "sale.order.get?id=999",
        "second": "sale.order.list?start=50&select[]=id",
    }
    found = await shop.call("batch", halt=0, cmd=commands)
    assert [row["orderId"] for row in found["result"]["rows"]["basketItems"]] == [made["id"]]
    assert found["result"]["second"]["orders"] == [{"id": made["id"] - 1}, {"id": made["id"]}]
    assert found["result_total"] == {"first": 0, "rows": 1, "second": 52}
    assert found["result_error"] == {"gone": {"error": 200540400001, "error_description": "order does not exist"}}


async def test_parameters_are_taken_from_the_query_and_forms_too(shop: ShopClient) -> None:
    made = await shop.ordered()
    got = await shop.sandbox.client.get(f"{shop.url}sale.order.get.json", params={"id": made["id"]})
    assert got.json()["result"]["order"]["id"] == made["id"]
    form = {"filter[accountNumber]": "236", "select[0]": "id", "select[1]": "payed"}
    found = await shop.sandbox.client.post(f"{shop.url}sale.order.list", data=form)
    assert found.json()["result"] == {"orders": [{"id": 236, "payed": "N"}]}
