"""Product rows: four prices, both spellings, replacement and totals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.rows import normalised, totals
from tests.sandbox.bitrix24.client import PortalClient

PRICES = ("PRICE", "PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO", "DISCOUNT_SUM")


class NoGround:
    """A ground for a portal that is only read."""

    def write(self, account: str, change: dict[str, Any]) -> None:
        raise AssertionError(change)

    def send(self, account: str, name: str, url: str, body: str) -> None:
        raise AssertionError(name)

    def unix(self) -> float:
        return 0.0

    def keep_bytes(self, content: bytes) -> str:
        raise AssertionError(content)

    def bytes_of(self, digest: str) -> bytes:
        raise AssertionError(digest)


def _row(**values: Any) -> dict[str, Any]:
    return normalised(Portal("none", NoGround()), values, None, strict=False)


@pytest.mark.parametrize(
    ("given_", "prices"),
    [
        # Vendor documentation, "crm.item.productrow.add": 10 % tax, 10 % off 100000 with tax.
        ({"PRICE": 90000, "TAX_RATE": 10, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 10},
         ("90000.00", "81818.18", "90909.09", "100000.00", "9090.91")),
        ({"PRICE": 10800, "TAX_RATE": 20, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 10},
         ("10800.00", "9000.00", "10000.00", "12000.00", "1000.00")),
        ({"PRICE": "120", "TAX_RATE": 20}, ("120.00", "100.00", "100.00", "120.00", "0.00")),
        ({"PRICE_EXCLUSIVE": "33.33", "TAX_RATE": 20, "TAX_INCLUDED": "N"},
         ("40.00", "33.33", "33.33", "40.00", "0.00")),
        ({"PRICE": 100, "DISCOUNT_TYPE_ID": 1, "DISCOUNT_SUM": 25}, ("100.00", "100.00", "125.00", "125.00", "25.00")),
        ({"PRICE_BRUTTO": 100000, "TAX_RATE": 10, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 10},
         ("90000.00", "81818.18", "90909.09", "100000.00", "9090.91")),
        ({"PRICE": 0}, ("0.00",) * 5),
    ],
)  # fmt: skip
def test_prices(given_: dict[str, Any], prices: tuple[str, ...]) -> None:
    row = _row(**given_)
    assert tuple(row[name] for name in PRICES) == prices


@given(
    price=st.decimals(0, 10_000_000, places=2),
    rate=st.sampled_from([None, 0, 5, 7, 10, 20, 22]),
    quantity=st.decimals("0.001", 1000, places=3),
)
def test_price_with_tax_is_what_was_given_and_tax_is_the_rest(price: Any, rate: Any, quantity: Any) -> None:
    row = _row(PRICE=str(price), TAX_RATE=rate, QUANTITY=str(quantity))
    amount, tax = totals([row])
    assert row["PRICE"] == str(price)
    assert ("TAX_RATE" in row) == (rate is not None)
    assert abs(amount - price * quantity) <= 0.005
    assert tax == 0 if not rate else 0 <= tax <= amount


async def test_classic_rows_have_mixed_types(crm: PortalClient) -> None:
    number = await crm.deal()
    rows = [
        {"PRODUCT_NAME": "Стеллаж", "PRICE": 10800, "QUANTITY": 12, "TAX_RATE": 20, "TAX_INCLUDED": "Y",
         "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 10},
        {"PRODUCT_NAME": "Доставка", "PRICE": "99.90", "TAX_INCLUDED": True},
    ]  # fmt: skip
    assert await crm.result("crm.deal.productrows.set", {"id": number, "rows": rows}) is True
    first, second = await crm.result("crm.deal.productrows.get", {"id": number})
    assert first["ID"].isdigit()
    assert first["OWNER_ID"] == str(number)
    expected = {
        "PRODUCT_ID": 0, "PRICE": 10800, "PRICE_EXCLUSIVE": 9000, "PRICE_NETTO": 10000, "PRICE_BRUTTO": 12000,
        "PRICE_ACCOUNT": "10800.00", "QUANTITY": 12, "DISCOUNT_RATE": 10, "DISCOUNT_SUM": 1000, "TAX_RATE": 20,
        "TAX_INCLUDED": "Y", "MEASURE_CODE": 796, "SORT": 10,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert second["TAX_RATE"] is None
    assert second["TAX_INCLUDED"] == "N"
    assert (await crm.item(number))["opportunity"] == 129699.9


async def test_discount_needs_its_number(crm: PortalClient) -> None:
    number = await crm.deal(rows=[{"name": "А", "price": "1"}])
    rows = [{"PRODUCT_NAME": "А", "PRICE": 1, "DISCOUNT_TYPE_ID": 1}]
    status, code, text = await crm.refused("crm.deal.productrows.set", {"id": number, "rows": rows})
    assert (status, code) == (400, "ERROR_CORE")
    assert "DISCOUNT_SUM" in text
    assert len(await crm.result("crm.deal.productrows.get", {"id": number})) == 1
    assert await crm.refused("crm.deal.productrows.get", {}) == (
        400, "", "The parameter id is invalid or not defined."
    )  # fmt: skip


async def test_universal_rows(crm: PortalClient) -> None:
    number = await crm.deal()
    owner = {"ownerType": "D", "ownerId": number}
    made = await crm.result("crm.item.productrow.add", {"fields": {**owner, "productName": "А", "price": 12.5}})
    row = made["productRow"]
    assert (row["quantity"], row["taxIncluded"], row["taxRate"], row["price"]) == (1, "N", None, 12.5)
    changed = await crm.result("crm.item.productrow.update", {"id": row["id"], "fields": {"quantity": 1.5}})
    assert changed["productRow"]["quantity"] == 1.5
    assert (await crm.item(number))["opportunity"] == 18.75
    listed = await crm.call("crm.item.productrow.list", {"filter": {"=ownerType": "D", "=ownerId": number}})
    assert (listed["total"], listed["result"]["productRows"][0]["id"]) == (1, row["id"])
    status, code, _ = await crm.refused("crm.item.productrow.list", {"filter": {"ownerType": "D", "ownerId": number}})
    assert (status, code) == (400, "INVALID_ARG_VALUE")
    status, code, _ = await crm.refused("crm.item.productrow.list", {"filter": {"=ownerType": "D", "=ownerId": 99}})
    assert (status, code) == (400, "OWNER_NOT_FOUND")
    product = (await crm.result("crm.product.list"))[0]
    rows = [{"productId": int(product["ID"])}, {"id": row["id"], "productName": "Б", "price": 1}]
    made = await crm.result("crm.item.productrow.set", {**owner, "productRows": rows})
    assert [entry["productName"] for entry in made["productRows"]] == [product["NAME"], "Б"]
    assert made["productRows"][0]["price"] == float(product["PRICE"])
    assert made["productRows"][1]["id"] == row["id"]
    assert await crm.result("crm.item.productrow.delete", {"id": row["id"]}) is None
    assert (await crm.item(number))["opportunity"] == float(product["PRICE"])


async def test_more_than_a_page_of_rows(crm: PortalClient) -> None:
    number = await crm.deal(rows=[{"name": f"Т{index}", "price": "1"} for index in range(60)])
    assert len(await crm.result("crm.deal.productrows.get", {"id": number})) == 60
    params = {"filter": {"=ownerType": "D", "=ownerId": number}}
    first = await crm.call("crm.item.productrow.list", params)
    assert (len(first["result"]["productRows"]), first["total"], first["next"]) == (50, 60, 50)
    rest = await crm.call("crm.item.productrow.list", {**params, "start": 50})
    assert rest["result"]["productRows"][0]["productName"] == "Т50"


async def test_rows_of_a_product_that_is_gone(crm: PortalClient) -> None:
    product = (await crm.result("crm.product.list"))[0]
    number = await crm.deal(rows=[{"product": int(product["ID"]), "price": "5"}])
    await crm.result("crm.product.delete", {"id": product["ID"]})
    assert (await crm.refused("catalog.product.get", {"id": product["ID"]}))[:2] == (400, 0)
    rows = await crm.result("crm.deal.productrows.get", {"id": number})
    assert (rows[0]["PRODUCT_NAME"], rows[0]["PRICE"]) == (product["NAME"], 5)
