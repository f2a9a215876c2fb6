"""Funnels, stages, VAT, measures, currencies and the catalogue."""

from __future__ import annotations

from tests.sandbox.bitrix24.client import PortalClient


async def test_funnels(crm: PortalClient) -> None:
    answer = await crm.call("crm.category.list", {"entityTypeId": 2})
    assert [(one["id"], one["name"], one["isDefault"]) for one in answer["result"]["categories"]] == [
        (0, "Общая", "Y"), (2, "Опт", "N"),
    ]  # fmt: skip
    assert answer["total"] == 2
    invoices = (await crm.result("crm.category.list", {"entityTypeId": 31}))["categories"]
    assert len(invoices) == 1
    status, code, _ = await crm.refused("crm.category.get", {"entityTypeId": 31, "id": 2})
    assert (status, code) == (400, "NOT_FOUND")


async def test_stages_of_the_default_and_of_another_funnel(crm: PortalClient) -> None:
    params = {"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": "DEAL_STAGE"}}
    default = await crm.result("crm.status.list", params)
    assert [stage["STATUS_ID"] for stage in default] == [
        "NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE", "WON", "LOSE", "APOLOGY",
    ]  # fmt: skip
    assert [stage["SEMANTICS"] for stage in default] == [None] * 5 + ["S", "F", "F"]
    assert [stage["EXTRA"]["SEMANTICS"] for stage in default][-3:] == ["success", "failure", "apology"]
    assert default[0]["CATEGORY_ID"] is None
    other = await crm.result("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE_2"}})
    assert (other[0]["STATUS_ID"], other[0]["CATEGORY_ID"]) == ("C2:NEW", "2")
    types = {entry["ID"] for entry in await crm.result("crm.status.entity.types")}
    assert {"DEAL_STAGE", "DEAL_STAGE_2", "SOURCE"} <= types


async def test_vat_without_a_rate_is_null(crm: PortalClient) -> None:
    vats = (await crm.result("catalog.vat.list"))["vats"]
    assert {vat["name"]: vat["rate"] for vat in vats}["Без НДС"] is None
    assert {vat["name"]: vat["rate"] for vat in vats}["НДС 20%"] == 20
    classic = await crm.result("crm.vat.list")
    assert {vat["NAME"]: vat["RATE"] for vat in classic}["НДС 22%"] == "22.00"


async def test_measures_currencies_products(crm: PortalClient) -> None:
    measures = (await crm.result("catalog.measure.list"))["measures"]
    assert {measure["code"]: measure["symbol"] for measure in measures}[796] == "шт"
    assert await crm.result("crm.currency.base.get") == "RUB"
    assert (await crm.result("crm.currency.list"))[0]["CURRENCY"] == "RUB"
    status, code, _ = await crm.refused("catalog.product.list", {"select": ["name"]})
    assert (status, code) == (400, "ERROR_VALIDATION")
    params = {"select": ["id", "iblockId", "name"], "filter": {"iblockId": 24}}
    product = (await crm.result("catalog.product.list", params))["products"][0]
    assert set(product) == {"id", "iblockId", "name"}
    prices = (await crm.result("catalog.price.list", {"filter": {"productId": product["id"]}}))["prices"]
    assert isinstance(prices[0]["price"], int | float)
    assert (await crm.result("catalog.catalog.list"))["catalogs"][0]["iblockId"] == 24
