"""MoeDelo in the sandbox, asked as a stranger would ask it: access, lists, refusals, money, and what survives."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.sandbox.running import Sandbox

BUYER = {"Name": "ООО «Лотос»", "Type": 2, "Form": 1, "Inn": "7709123453", "Kpp": "770901001"}
GOODS = {"Name": "Стеллаж", "Count": 2, "Unit": "шт", "Type": 1, "Price": 1000.0, "NdsType": -1}
LINE = {"Name": "Монтаж", "Count": 2, "Unit": "усл", "Type": 2, "Price": 244.0, "NdsType": 22}


class Client:
    """An account's API by its key; ``control`` acts as the accountant."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any]) -> None:
        self.sandbox, self.account = sandbox, account

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = headers or {"md-api-key": self.account["api_key"]}
        return await self.sandbox.client.request(method, self.account["api_url"] + path, json=body, headers=given)

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/moedelo/{self.account['account']}{path}", body, method)

    async def buyer(self) -> int:
        answer = await self.call("POST", "/kontragents/api/v1/kontragent", BUYER)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["Id"])

    async def bill(self, **members: Any) -> httpx.Response:
        body = {"DocDate": "2026-03-10", "NdsPositionType": 3, "Items": [LINE], **members}
        return await self.call("POST", "/accounting/api/v1/sales/bill", body)


@pytest_asyncio.fixture
async def moedelo(sandbox: Sandbox) -> Client:
    account = await sandbox.control("/moedelo/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
    return Client(sandbox, account)


async def test_a_key_or_a_bearer_token_opens_an_account_and_nothing_else_does(moedelo: Client) -> None:
    path = "/Accounting/api/v1/Sales/Bill/"
    assert (await moedelo.call("GET", path)).status_code == 200
    given = await moedelo.control("/tokens", {"state": "valid"})
    assert (await moedelo.call("GET", path, authorization=f"Bearer {given['access_token']}")).status_code == 200
    for headers in ({"md-api-key": "another"}, {"authorization": "Bearer another"}, {"accept": "*/*"}):
        assert (await moedelo.call("GET", path, **headers)).status_code == 401, headers


async def test_equal_posts_make_two_bills_with_numbers_of_their_own(moedelo: Client) -> None:
    buyer = await moedelo.buyer()
    first, second = (await moedelo.bill(KontragentId=buyer)).json(), (await moedelo.bill(KontragentId=buyer)).json()
    assert (first["Number"], second["Number"]) == ("1", "2")
    assert (first["Sum"], first["Items"][0]["NdsSum"], first["Status"]) == (488.0, 88.0, 4)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda body: body.update(Items=[]), "Items"),
        (lambda body: body.update(KontragentId=1), "KontragentId"),
        (lambda body: body.update(DocDate="завтра"), "DocDate"),
        (lambda body: body["Items"][0].update(Name=" "), "Items[0].Name"),
        (lambda body: body["Items"][0].update(NdsType=19), "Items[0].NdsType"),
        (lambda body: body["Items"][0].update(SumWithNds=488.01), "Items[0].SumWithNds"),
        (lambda body: body["Items"][0].update(Price=244.001), "Items[0].Price"),
        (lambda body: body.update(NdsPositionType=1), "Items[0].NdsType"),
    ],
)
async def test_what_is_wrong_with_a_bill_is_named(
    moedelo: Client, change: Callable[[dict[str, Any]], None], field: str
) -> None:
    body: dict[str, Any] = {"KontragentId": await moedelo.buyer(), "Items": [dict(LINE)]}
    change(body)
    answer = await moedelo.bill(**body)
    assert answer.status_code == 400
    assert field in answer.json()["ValidationErrors"], answer.text
    assert (await moedelo.call("GET", "/accounting/api/v1/sales/bill")).json()["TotalCount"] == 0


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("accounting/api/v1/sales/waybill", {"StockId": None}, "StockId"),
        ("accounting/api/v1/sales/waybill", {"StockId": 1}, "StockId"),
        ("accounting/api/v1/sales/waybill", {"Type": None}, "Type"),
        ("accounting/api/v1/sales/waybill", {"PayerId": 1}, "PayerId"),
        ("accounting/api/v1/sales/waybill", {"DocDate": None}, "DocDate"),
        ("accounting/api/v1/sales/act", {"OnHands": "Нигде"}, "OnHands"),
        ("docs/api/v1/Sales/Upd", {"Date": None}, "Date"),
        ("docs/api/v1/Sales/Upd", {"Status": 3}, "Status"),
        ("docs/api/v1/Sales/Upd", {"Items": [{**GOODS, "NdsType": 22}]}, "Items[0].NdsType"),
        ("docs/api/v1/Sales/Upd", {"Items": [{**GOODS, "NdsType": 5}], "StockId": None}, "StockId"),
        ("docs/api/v1/Sales/Upd", {"Items": [{**GOODS, "Type": 2, "StockProductId": 7}]}, "Items[0].StockProductId"),
    ],
)
async def test_what_is_wrong_with_a_closing_document_is_named(
    moedelo: Client, path: str, change: dict[str, Any], field: str
) -> None:
    (stock,) = (await moedelo.call("GET", "/stock/api/v1/stock")).json()["ResourceList"]
    right = {
        "KontragentId": await moedelo.buyer(),
        "DocDate": "2026-03-20",
        "Date": "2026-03-20",
        "Type": 1,
        "Status": 2,
        "StockId": stock["Id"],
        "NdsPositionType": 1,
        "Items": [GOODS | ({"NdsType": 1} if path.endswith("Upd") else {})],
    }
    answer = await moedelo.call("POST", f"/{path}", right)
    assert answer.status_code == 201, answer.text
    wrong = await moedelo.call("POST", f"/{path}", right | change)
    assert wrong.status_code == 400
    assert field in wrong.json()["ValidationErrors"], wrong.text


async def test_a_company_without_kpp_is_refused_in_words(moedelo: Client) -> None:
    answer = await moedelo.call("POST", "/kontragents/api/v1/kontragent", {**BUYER, "Kpp": ""})
    assert answer.json()["ValidationErrors"] == {"Kpp": ["Не указан КПП"]}


async def test_a_payment_moves_the_bill_and_shows_in_it_and_in_the_registry(moedelo: Client) -> None:
    bill = (await moedelo.bill(KontragentId=await moedelo.buyer())).json()
    path = f"/accounting/api/v1/sales/bill/{bill['Id']}"
    await moedelo.control("/payments", {"invoice": str(bill["Id"]), "amount_kopecks": 10_000, "date": "2026-03-12"})
    part = (await moedelo.call("GET", path)).json()
    assert (part["Status"], part["PaidSum"], [one["Sum"] for one in part["Payments"]]) == (5, 100.0, [100.0])
    await moedelo.control("/payments", {"invoice": str(bill["Id"])})
    assert (await moedelo.call("GET", path)).json()["Status"] == 6
    registry = (await moedelo.call("GET", "/money/api/v1/Registry?Offset=0&Limit=1&StartDate=2026-03-12")).json()
    assert (registry["totalCount"], len(registry["data"]), registry["data"][0]["Direction"]) == (2, 1, 2)
    assert (await moedelo.call("DELETE", path)).status_code == 409, "there is money on it"


async def test_lists_leave_out_what_the_bill_itself_shows_and_find_what_changed(moedelo: Client) -> None:
    buyer = await moedelo.buyer()
    old = (await moedelo.bill(KontragentId=buyer, AdditionalInfo="[m]")).json()
    await moedelo.sandbox.advance(3_600)
    new = (await moedelo.bill(KontragentId=buyer)).json()
    since = new["Context"]["ModifyDate"]
    rows = (await moedelo.call("GET", f"/accounting/api/v1/sales/bill?AFTERDATE={since}")).json()["ResourceList"]
    assert [row["Id"] for row in rows] == [new["Id"]]
    assert not {"Items", "Payments", "AdditionalInfo", "Context", "Online"} & set(rows[0])
    whole = (await moedelo.call("POST", "/accounting/api/v1/sales/bill/byIds", [old["Id"], 1])).json()
    assert [(one["Id"], one["AdditionalInfo"]) for one in whole] == [(old["Id"], "[m]")]


async def test_a_cancelled_bill_is_gone_and_a_file_is_a_file(moedelo: Client) -> None:
    bill = (await moedelo.bill(KontragentId=await moedelo.buyer())).json()
    path = f"/accounting/api/v1/sales/bill/{bill['Id']}"
    file = await moedelo.call("GET", f"{path}/pdf")
    assert (file.headers["content-type"], file.content[:5]) == ("application/pdf", b"%PDF-")
    assert (await moedelo.call("GET", f"{path}/xls")).headers["content-type"] == "application/vnd.ms-excel"
    await moedelo.control(f"/invoices/{bill['Id']}/cancel")
    assert (await moedelo.call("GET", path)).status_code == 404
    assert (await moedelo.call("GET", "/accounting/api/v1/sales/bill")).json()["TotalCount"] == 0


async def test_a_seed_opens_accounts_of_the_service_that_it_names(sandbox: Sandbox) -> None:
    done = await sandbox.control("/seed", {"portals": 2, "seed": 7, "accounting": "moedelo"})
    env = done["env"]
    assert {"MOEDELO_1_API_KEY", "MOEDELO_2_REFRESH_TOKEN", "MOEDELO_1_API_URL"} <= set(env)
    assert not any(name.startswith("ELBA_") for name in env)
    owners = {one["account"]: one["vendor"] for one in await sandbox.control("/accounts", method="GET")}
    assert owners[env["MOEDELO_1_ACCOUNT"]] == "moedelo"
