"""VAT rates, units and products by both families: other people's clients change them, and dictionaries tell it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bitrix24.client import PortalClient


async def test_a_vat_rate_lives_in_the_older_spelling(crm: PortalClient) -> None:
    described = await crm.result("crm.vat.fields")
    assert (described["RATE"]["isRequired"], described["ID"]["isReadOnly"]) == (True, True)
    made = await crm.result("crm.vat.add", {"fields": {"NAME": "НДС 5%", "RATE": "5", "C_SORT": 700}})
    assert await crm.result("crm.vat.get", {"id": made}) == {
        "ID": str(made), "ACTIVE": "Y", "NAME": "НДС 5%", "C_SORT": "700", "RATE": "5.00",
    }  # fmt: skip
    assert await crm.result("crm.vat.update", {"id": made, "fields": {"ACTIVE": "N", "RATE": "7"}}) is True
    changed = await crm.result("crm.vat.get", {"id": made})
    assert (changed["ACTIVE"], changed["RATE"], changed["NAME"]) == ("N", "7.00", "НДС 5%")
    assert await crm.result("crm.vat.delete", {"id": made}) is True
    assert await crm.refused("crm.vat.get", {"id": made}) == (400, "", "Not found")


async def test_a_vat_rate_lives_in_the_newer_spelling(crm: PortalClient) -> None:
    made = (await crm.result("catalog.vat.add", {"fields": {"name": "НДС 7%", "rate": 7, "sort": 800}}))["vat"]
    assert (made["rate"], made["active"]) == (7, "Y")
    changed = await crm.result("catalog.vat.update", {"id": made["id"], "fields": {"rate": None}})
    assert changed["vat"]["rate"] is None
    assert made["id"] in {one["id"] for one in (await crm.result("catalog.vat.list"))["vats"]}
    assert await crm.result("catalog.vat.delete", {"id": made["id"]}) is True
    assert (await crm.refused("catalog.vat.get", {"id": made["id"]}))[:2] == (400, 0)


@pytest.mark.parametrize("fields", [{}, {"NAME": "НДС"}, {"NAME": "НДС", "RATE": "сто"}, {"NAME": "НДС", "RATE": 101}])
async def test_a_vat_rate_without_a_rate_in_bounds_is_refused(crm: PortalClient, fields: dict[str, Any]) -> None:
    assert (await crm.refused("crm.vat.add", {"fields": fields}))[0] == 400


async def test_a_unit_lives_and_its_code_is_its_own(crm: PortalClient) -> None:
    unit = {"CODE": 999, "MEASURE_TITLE": "Поддон", "SYMBOL_RUS": "пд", "SYMBOL_INTL": "pal"}
    made = await crm.result("crm.measure.add", {"fields": unit})
    assert (await crm.result("crm.measure.get", {"id": made}))["SYMBOL_RUS"] == "пд"
    assert (await crm.refused("crm.measure.add", {"fields": unit}))[0] == 400
    assert await crm.result("crm.measure.update", {"id": made, "fields": {"SYMBOL_RUS": "пдн"}}) is True
    typed = (await crm.result("catalog.measure.get", {"id": made}))["measure"]
    assert (typed["code"], typed["symbol"], typed["measureTitle"]) == (999, "пдн", "Поддон")
    changed = await crm.result("catalog.measure.update", {"id": made, "fields": {"code": 998}})
    assert changed["measure"]["code"] == 998
    assert (await crm.refused("catalog.measure.add", {"fields": {"code": 998, "measureTitle": "Ещё"}}))[:2] == (400, 0)
    assert "CODE" in await crm.result("crm.measure.fields")
    assert await crm.result("crm.measure.delete", {"id": made}) is True
    default = next(one for one in await crm.result("crm.measure.list") if one["IS_DEFAULT"] == "Y")
    assert (await crm.refused("crm.measure.delete", {"id": default["ID"]}))[0] == 400


async def test_a_product_changes_with_its_price(crm: PortalClient) -> None:
    made = await crm.result("crm.product.add", {"fields": {"NAME": "Стеллаж", "PRICE": "100"}})
    assert "NAME" in await crm.result("crm.product.fields")
    changes = {"NAME": "Шкаф", "PRICE": "150.5", "XML_ID": "x-1"}
    assert await crm.result("crm.product.update", {"id": made, "fields": changes}) is True
    product = (await crm.result("catalog.product.get", {"id": made}))["product"]
    assert (product["name"], product["xmlId"]) == ("Шкаф", "x-1")
    prices = (await crm.result("catalog.price.list", {"filter": {"productId": made}}))["prices"]
    assert [one["price"] for one in prices] == [150.5]
    assert (await crm.refused("crm.product.update", {"id": made, "fields": {"NAME": ""}}))[0] == 400
    renamed = await crm.result("catalog.product.update", {"id": made, "fields": {"name": "Полка", "vatIncluded": "N"}})
    assert (renamed["element"]["name"], renamed["element"]["vatIncluded"]) == ("Полка", "N")
    assert await crm.result("catalog.product.delete", {"id": made}) is True
    assert (await crm.refused("catalog.product.update", {"id": made, "fields": {}}))[:2] == (400, 0)


async def test_without_the_right_to_read_it_the_catalogue_refuses_by_its_number(crm: PortalClient) -> None:
    made = await crm.result("crm.product.add", {"fields": {"NAME": "Стеллаж", "PRICE": "100"}})
    await crm.control("", {"catalogue_closed": True}, "PATCH")
    for method, params in (
        ("catalog.product.get", {"id": made}),
        ("catalog.price.list", {"filter": {"productId": made}}),
    ):
        assert await crm.refused(method, params) == (400, 200040300010, "Access Denied")


async def test_a_product_gets_its_price_by_itself(crm: PortalClient) -> None:
    fields = {"iblockId": 24, "name": "Лампа", "code": "lamp"}
    made = (await crm.result("catalog.product.add", {"fields": fields}))["element"]
    assert (made["name"], made["code"]) == ("Лампа", "lamp")
    of_it = {"filter": {"productId": made["id"]}}
    assert (await crm.result("catalog.price.list", of_it))["prices"] == []
    base = (await crm.result("catalog.priceType.list", {"select": ["id", "name"]}))["priceTypes"]
    assert base == [{"id": 1, "name": "BASE"}]
    assert (await crm.result("catalog.priceType.list", {"filter": {"id": 2}}))["priceTypes"] == []
    assert (await crm.result("catalog.priceType.get", {"id": 1}))["priceType"]["base"] == "Y"
    price = {"productId": made["id"], "catalogGroupId": 1, "price": 99.5, "currency": "RUB"}
    added = (await crm.result("catalog.price.add", {"fields": price}))["price"]
    assert {name: added[name] for name in price} == price
    again = await crm.refused("catalog.price.add", {"fields": price})
    assert again[:2] == (400, 0)
    assert "only single price" in again[2]
    assert (await crm.refused("catalog.price.add", {"fields": {"productId": made["id"]}}))[2] == (
        "Required fields: catalogGroupId, price, currency"
    )
    changes = {"price": 100, "currency": "RUB"}
    await crm.result("catalog.price.update", {"id": added["id"], "fields": changes})
    assert (await crm.result("crm.product.get", {"id": made["id"]}))["PRICE"] == "100.00"
    assert await crm.result("catalog.price.delete", {"id": added["id"]}) is True
    assert (await crm.refused("catalog.price.get", {"id": added["id"]}))[:2] == (400, 0)
    assert (await crm.refused("catalog.product.add", {"fields": {"name": "Стул"}}))[2] == "Required fields: iblockId"


async def test_the_catalogue_describes_itself_and_its_fields(crm: PortalClient) -> None:
    listed, variations = (await crm.result("catalog.catalog.list"))["catalogs"]
    assert variations["productIblockId"] == listed["iblockId"]
    of_them = {"filter": {"productIblockId": listed["iblockId"]}, "select": ["id"]}
    assert (await crm.result("catalog.catalog.list", of_them))["catalogs"] == [{"id": variations["id"]}]
    assert await crm.result("catalog.catalog.isOffers", {"id": variations["id"]}) is True
    offer = {"fields": {"iblockId": variations["id"], "name": "Лампа, синяя"}}
    assert (await crm.result("catalog.product.add", offer))["element"]["type"] == 4
    assert (await crm.refused("catalog.product.add", {"fields": {"iblockId": 99, "name": "Лампа"}}))[:2] == (400, 0)
    assert (await crm.result("catalog.catalog.get", {"id": listed["id"]}))["catalog"] == listed
    assert set((await crm.result("catalog.catalog.getFields"))["catalog"]) == set(listed)
    assert await crm.result("catalog.catalog.isOffers", {"id": listed["id"]}) is False
    assert (await crm.refused("catalog.catalog.get", {"id": 99}))[:2] == (400, 0)
    asked = {"filter": {"iblockId": listed["iblockId"]}}
    fields = (await crm.result("catalog.product.getFieldsByFilter", asked))["product"]
    assert fields["iblockId"] == {"isImmutable": True, "isReadOnly": False, "isRequired": True, "type": "integer",
                                  "name": "iblockId"}  # fmt: skip
    assert (await crm.refused("catalog.product.getFieldsByFilter", {"filter": {}}))[0] == 400
    assert (await crm.result("catalog.price.getFields"))["price"]["currency"]["isRequired"] is True
    assert "base" in (await crm.result("catalog.priceType.getFields"))["priceType"]


async def test_a_list_of_the_catalogue_begins_at_the_page_that_holds_the_start(crm: PortalClient) -> None:
    made = await crm.result("crm.product.add", {"fields": {"NAME": "Одинокий", "PRICE": "1"}})
    params = {"select": ["id", "iblockId"], "filter": {"iblockId": 24, "id": made}, "start": 1}
    assert (await crm.result("catalog.product.list", params))["products"] == [{"id": made, "iblockId": 24}]
