"""Calls of MoeDelo that another client would make: goods, buyers by INN, documents changed, single operations."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.moedelo.test_moedelo import BUYER, GOODS, LINE, Client, moedelo

__all__ = ["moedelo"]

GOOD = "/stock/api/v1/good"
KONTRAGENT = "/kontragents/api/v1/kontragent"
CARD = {
    "Name": "Стеллаж",
    "Article": "ST-1",
    "UnitOfMeasurement": "шт",
    "Nds": 22,
    "NdsPositionType": 3,
    "SalePrice": 1000.5,
}


async def test_goods_live_and_lines_name_them(moedelo: Client) -> None:
    made = await moedelo.call("POST", GOOD, CARD)
    assert made.status_code == 201, made.text
    good = made.json()
    assert (good["Name"], good["Nds"], good["SalePrice"]) == ("Стеллаж", 22, 1000.5)
    listed = (await moedelo.call("GET", f"{GOOD}?name=стел&pageNo=1&pageSize=10")).json()
    assert (listed["TotalCount"], listed["ResourceList"]) == (1, [good])
    changed = await moedelo.call("PUT", f"{GOOD}/{good['Id']}", {**CARD, "Name": "Шкаф"})
    assert (changed.status_code, changed.json()["Name"]) == (200, "Шкаф")
    [group] = (await moedelo.call("GET", "/stock/api/v1/nomenclature")).json()["ResourceList"]
    assert group["Id"] == good["NomenclatureId"]
    left = await moedelo.call("POST", f"{GOOD}/remains", {"Ids": [good["Id"], 1]})
    assert [one["Count"] for one in left.json()] == [0]
    buyer = await moedelo.buyer()
    billed = await moedelo.bill(KontragentId=buyer, Items=[{**GOODS, "StockProductId": good["Id"]}])
    assert billed.json()["Items"][0]["StockProductId"] == good["Id"]
    unknown = await moedelo.bill(KontragentId=buyer, Items=[{**GOODS, "StockProductId": 1}])
    assert list(unknown.json()["ValidationErrors"]) == ["Items[0].StockProductId"]
    assert (await moedelo.call("DELETE", f"{GOOD}/{good['Id']}")).status_code == 204
    assert (await moedelo.call("GET", f"{GOOD}/{good['Id']}")).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [({"Name": ""}, "Name"), ({"Nds": 19}, "Nds"), ({"Type": 5}, "Type"), ({"SalePrice": -1}, "SalePrice")],
)
async def test_what_is_wrong_with_goods_is_named(moedelo: Client, change: dict[str, Any], field: str) -> None:
    answer = await moedelo.call("POST", GOOD, {**CARD, **change})
    assert (answer.status_code, list(answer.json()["ValidationErrors"])) == (400, [field])


async def test_a_buyer_is_made_by_its_inn_and_gets_details(moedelo: Client) -> None:
    made = await moedelo.call("POST", f"{KONTRAGENT}/inn", {"Inn": BUYER["Inn"], "Type": 2})
    assert (made.status_code, made.json()["Form"], made.json()["Kpp"]) == (201, 1, "770901001")
    assert (await moedelo.call("POST", f"{KONTRAGENT}/inn", {"Inn": "7709123454"})).status_code == 400
    card = f"{KONTRAGENT}/{made.json()['Id']}"
    account = {"Bik": "044525999", "Number": "40702810600000012345"}
    assert (await moedelo.call("POST", f"{card}/account", account)).json() == {"Id": 1, **account}
    assert (await moedelo.call("POST", f"{card}/account", {**account, "Bik": "1"})).status_code == 400
    contact = {"Fio": "Лапина", "Emails": [{"Email": "buh@vector.example"}], "Phones": []}
    assert (await moedelo.call("POST", f"{card}/contact", contact)).status_code == 201
    assert (await moedelo.call("PUT", f"{card}/contact", {**contact, "Emails": ["x"]})).status_code == 400
    assert (await moedelo.call("POST", f"{KONTRAGENT}/1/account", account)).status_code == 404


async def test_buyers_are_listed_by_id_whatever_was_changed_last(moedelo: Client) -> None:
    async def listed(query: str) -> tuple[int, list[int]]:
        answer = (await moedelo.call("GET", f"{KONTRAGENT}?{query}")).json()
        return answer["TotalCount"], [row["Id"] for row in answer["ResourceList"]]

    first, second, third = [await moedelo.buyer() for _ in range(3)]
    began = "afterDate=2000-01-01T00:00:00Z"
    assert await listed(f"{began}&pageSize=2&pageNo=2") == (3, [third])
    await moedelo.sandbox.advance(3_600)
    changed = await moedelo.call("PUT", f"{KONTRAGENT}/{first}", {**BUYER, "Name": "ООО «Лотос-2»"})
    assert changed.status_code == 200, changed.text
    since = datetime.fromtimestamp(moedelo.sandbox.world.clock.unix() - 60, UTC)
    assert await listed(f"afterDate={since:%Y-%m-%dT%H:%M:%SZ}") == (1, [first])
    assert await listed(began) == (3, [first, second, third])
    await moedelo.call("DELETE", f"{KONTRAGENT}/{second}")
    lag = {"vendor": "moedelo", "operation": "counterparty.create", "kind": "read_lag", "calls": [1]}
    await moedelo.sandbox.control("/faults", {**lag, "params": {"lag_seconds": 600}})
    fourth = await moedelo.buyer()
    assert await listed(began) == (2, [first, third]), "nobody sees yet what was made last"
    await moedelo.sandbox.advance(601)
    assert await listed(began) == (3, [first, third, fourth])


@pytest.mark.parametrize(
    ("path", "dated", "members"),
    [
        ("/accounting/api/v1/sales/act", "DocDate", {}),
        ("/accounting/api/v1/sales/waybill", "DocDate", {"Type": 1, "StockId": 7701}),
        ("/docs/api/v1/Sales/Upd", "Date", {"Status": 2}),
    ],
)
async def test_a_closing_document_is_replaced_and_deleted(
    moedelo: Client, path: str, dated: str, members: dict[str, Any]
) -> None:
    line = {**LINE, "NdsType": 1 if "Upd" in path else -1}
    body = {
        dated: "2026-03-20",
        "KontragentId": await moedelo.buyer(),
        "NdsPositionType": 1,
        "Items": [line],
        **members,
    }
    made = (await moedelo.call("POST", path, body)).json()
    changed = await moedelo.call("PUT", f"{path}/{made['Id']}", {**body, dated: "2026-03-21"})
    assert (changed.status_code, changed.json()["Number"]) == (200, made["Number"])
    assert changed.json()[dated].startswith("2026-03-21")
    assert (await moedelo.call("PUT", f"{path}/{made['Id']}", {**body, "Items": []})).status_code == 400
    assert (await moedelo.call("DELETE", f"{path}/{made['Id']}")).status_code == 204
    assert (await moedelo.call("DELETE", f"{path}/{made['Id']}")).status_code == 404


@pytest.mark.parametrize("wrong", ["много", 1.0, [1]])
async def test_a_sum_that_is_not_that_of_the_lines_is_refused(moedelo: Client, wrong: Any) -> None:
    body = {"DocDate": "2026-03-20", "KontragentId": await moedelo.buyer(), "NdsPositionType": 3, "Items": [LINE]}
    for path in ("/accounting/api/v1/sales/act", "/accounting/api/v1/sales/bill"):
        assert (await moedelo.call("POST", path, {**body, "Sum": 488.0})).status_code == 201
        refused = await moedelo.call("POST", path, {**body, "Sum": wrong})
        assert (refused.status_code, list(refused.json()["ValidationErrors"])) == (400, ["Sum"])


async def test_a_discount_is_taken_off_the_price(moedelo: Client) -> None:
    buyer = await moedelo.buyer()
    made = (await moedelo.bill(KontragentId=buyer, Items=[{**LINE, "DiscountRate": 12.5}])).json()
    assert (made["Sum"], made["Items"][0]["DiscountRate"]) == (427.0, 12.5)
    refused = await moedelo.bill(KontragentId=buyer, Items=[{**LINE, "DiscountRate": 101}])
    assert list(refused.json()["ValidationErrors"]) == ["Items[0].DiscountRate"]


async def test_one_operation_is_read_by_its_number(moedelo: Client) -> None:
    bill = (await moedelo.bill(KontragentId=await moedelo.buyer())).json()
    await moedelo.control("/payments", {"invoice": str(bill["Id"]), "amount_kopecks": 100})
    registry = "/money/api/v1/Registry?OperationSource=1"
    [row] = (await moedelo.call("GET", registry)).json()["data"]
    assert (await moedelo.call("GET", f"/money/api/v1/PaymentOrders/{row['DocumentBaseId']}")).json() == row
    assert (await moedelo.call("GET", "/money/api/v1/PaymentOrders/x")).status_code == 404
    assert (await moedelo.call("GET", f"{registry}&OperationTypes=16,102")).json()["totalCount"] == 0
    assert (await moedelo.call("GET", "/money/api/v1/Registry?OperationSource=9")).status_code == 400
    names = await moedelo.call("GET", "/accounting/api/v1/directory/services?query=монт&count=10")
    assert names.json() == [{"Name": "Монтаж"}]
