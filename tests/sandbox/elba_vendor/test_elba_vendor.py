"""The published API of Elba in the sandbox, asked as another client would: products, banks, templates, links, sums."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.sandbox.running import Sandbox

BUYER = {"name": "ООО «Вектор»", "inn": "7709123453", "kpp": "770901001", "ogrn": "1237700012340"}
LINE = {"productName": "Настройка", "unitName": "ч", "quantity": 3, "price": 100.0, "ndsRate": None, "discount": None}
PRODUCT = {
    "names": [{"name": "Настройка", "isMain": True}, {"name": "Наладка", "isMain": False}],
    "units": [{"name": "ч", "isMain": True, "ratio": 1}],
    "article": "SRV-001",
}


class Client:
    """An account's API by its key."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any]) -> None:
        self.sandbox, self.account = sandbox, account

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self.account['api_url']}/organizations/{self.account['organization_id']}/{path}"
        headers = {"X-Kontur-ApiKey": self.account["api_key"]}
        return await self.sandbox.client.request(method, url, json=body, headers=headers)

    async def made(self, path: str, body: Any) -> str:
        answer = await self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def bill(self, line: dict[str, Any] | None = None, **members: Any) -> httpx.Response:
        found = await self.call("POST", "contractors/search", {"filter": {"inn": BUYER["inn"]}})
        rows = found.json()["contractors"]
        buyer = rows[0]["id"] if rows else await self.made("contractors", BUYER)
        body = {
            "date": "2026-03-10",
            "contractorId": buyer,
            "withNDS": False,
            "warehouseItems": [{**LINE, **(line or {})}],
        }
        return await self.call("POST", "bills", {**body, **members})

    async def switch(self, **values: Any) -> None:
        await self.sandbox.control(f"/elba-vendor/{self.account['account']}/switches", values)

    async def task(self, answer: httpx.Response) -> Any:
        """What a task of two looks came to."""
        assert answer.status_code == 202, answer.text
        url = f"{self.account['api_url']}/long-running-tasks/{answer.json()['id']}"
        headers = {"X-Kontur-ApiKey": self.account["api_key"]}
        first = (await self.sandbox.client.get(url, headers=headers)).json()
        last = (await self.sandbox.client.get(url, headers=headers)).json()
        assert (first["status"], last["status"]) == ("inProcess", "completed")
        assert first["type"] == last["type"] == answer.json()["type"]
        return last["result"]


@pytest_asyncio.fixture
async def elba(sandbox: Sandbox) -> Client:
    account = await sandbox.control("/elba-vendor/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
    return Client(sandbox, account)


async def test_a_product_is_made_found_read_and_changed(elba: Client) -> None:
    product = await elba.made("products", PRODUCT)
    found = await elba.call("POST", "products/search", {"filter": {"productName": "налад", "article": "SRV-001"}})
    row = {"id": product, "productMainName": "Настройка", "article": "SRV-001"}
    assert found.json() == {"products": [row]}
    card = (await elba.call("GET", f"products/{product}")).json()
    assert set(card) == {"id", "names", "units", "article", "comment"}
    assert all(one["id"] for one in (*card["names"], *card["units"]))
    card["names"][1]["name"] = "Пусконаладка"
    assert (await elba.call("POST", f"products/{product}/update", card)).status_code == 204
    changed = (await elba.call("GET", f"products/{product}")).json()
    assert [(one["id"], one["name"]) for one in changed["names"]] == [
        (card["names"][0]["id"], "Настройка"),
        (card["names"][1]["id"], "Пусконаладка"),
    ]
    assert (await elba.call("POST", "products/search", {"filter": {}})).status_code == 400
    assert (await elba.call("GET", "products/another")).status_code == 404


@pytest.mark.parametrize(
    ("change", "target"),
    [
        ({"names": []}, "names"),
        ({"names": [{"name": "А", "isMain": True}, {"name": "Б", "isMain": True}]}, "names"),
        ({"names": [{"name": "А", "isMain": True}, {"name": "А", "isMain": False}]}, "names"),
        ({"units": [{"name": "ч", "isMain": True, "ratio": 0}]}, "units[0].ratio"),
        ({"article": "А" * 901}, "article"),
        ({"amount": -1}, "amount"),
    ],
)
async def test_what_is_wrong_with_a_product_is_named(elba: Client, change: dict[str, Any], target: str) -> None:
    answer = await elba.call("POST", "products", {**PRODUCT, **change})
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, target), answer.text


async def test_a_name_is_of_one_product_and_stays_as_documents_have_it(elba: Client) -> None:
    product = await elba.made("products", PRODUCT)
    taken = await elba.call("POST", "products", {**PRODUCT, "article": "SRV-002"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "EntityAlreadyExists")
    assert (await elba.bill()).status_code == 201
    card = (await elba.call("GET", f"products/{product}")).json()
    for member, word in (("names", "Name"), ("units", "Unit")):
        renamed = [{**card[member][0], "name": "другое"}]
        deleted = [{"name": "новое", "isMain": True, "ratio": 1}]
        for value, verb in ((renamed, "renaming"), (deleted, "deleting")):
            answer = await elba.call("POST", f"products/{product}/update", {**card, member: value})
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == f"{verb}Product{word}ThatUsedInDocuments"


async def test_whatever_is_asked_of_products_may_become_a_task(elba: Client) -> None:
    await elba.switch(product_looks=2)
    made = await elba.task(await elba.call("POST", "products", PRODUCT))
    assert made["createProductError"] is None
    again = await elba.task(await elba.call("POST", "products", PRODUCT))
    assert again == {"id": None, "createProductError": "productWithSameNameExists"}
    found = await elba.task(await elba.call("POST", "products/search", {"filter": {"article": "SRV-001"}}))
    assert [one["id"] for one in found["products"]] == [made["id"]]
    changed = await elba.task(await elba.call("POST", f"products/{made['id']}/update", PRODUCT))
    assert changed == {"updateProductError": None}


async def test_a_bank_account_must_be_of_roubles_and_fit_its_bank(elba: Client) -> None:
    good = {"accountNumber": "40702810400000000000", "bik": "044525999"}
    answers = {}
    for digit in range(10):
        number = f"40702810{digit}00000000000"
        answers[number] = (await elba.call("POST", "bank-accounts", {**good, "accountNumber": number})).status_code
    assert sorted(answers.values()) == [201, *[400] * 9]
    number = next(one for one, status in answers.items() if status == 201)
    again = await elba.call("POST", "bank-accounts", {**good, "accountNumber": number})
    assert again.status_code == 409
    for wrong in ({"accountNumber": "1"}, {"accountNumber": "40702840400000000000"}, {"bik": "123456789"}):
        assert (await elba.call("POST", "bank-accounts", {**good, **wrong})).status_code == 400
    rows = (await elba.call("GET", "bank-accounts?limit=1&offset=1")).json()["bankAccounts"]
    assert [one["accountNumber"] for one in rows] == [number]
    assert (await elba.bill(bankAccountId=rows[0]["id"])).status_code == 201
    assert (await elba.bill(bankAccountId="another")).status_code == 400
    assert (await elba.call("GET", "bank-accounts?limit=101")).status_code == 400


async def test_a_template_is_listed_read_and_named_by_a_bill(elba: Client) -> None:
    [one] = (await elba.call("GET", "document-templates")).json()["documentTemplates"]
    assert (await elba.call("GET", f"document-templates/{one['id']}")).json() == one
    assert (await elba.call("GET", "document-templates/another")).status_code == 404
    made = (await elba.bill(templateId=one["id"])).json()["id"]
    assert (await elba.call("GET", f"bills/{made}")).json()["templateId"] == one["id"]
    assert (await elba.bill(templateId="another")).json()["error"]["target"] == "templateId"


async def test_a_document_is_public_while_its_link_is_published(elba: Client) -> None:
    bill = (await elba.bill()).json()["id"]
    asked = {"documentId": bill, "published": True, "withSignatures": True, "isQrCodeEnabled": True}
    made = (await elba.call("POST", "document-links", asked)).json()
    again = await elba.call("POST", "document-links", asked)
    assert (again.status_code, again.json()["error"]["context"]) == (409, {"id": made["id"]})
    path = f"document-links/{made['id']}"
    shown = {"withSignatures": True, "isQrCodeEnabled": False}
    for published, status in ((False, 404), (True, 200)):
        assert (await elba.call("PUT", path, {"isPublished": published, **shown})).status_code == 204
        assert (await elba.sandbox.client.get(made["url"])).status_code == status
    for lacking in ({"published": True, **shown}, {"isPublished": True}, {"isPublished": True, "withSignatures": True}):
        assert (await elba.call("PUT", path, lacking)).status_code == 400
    assert (await elba.call("POST", "document-links", {"documentId": bill})).status_code == 400
    assert (await elba.call("DELETE", path)).status_code == 204
    assert (await elba.call("GET", path)).status_code == 404
    assert (await elba.sandbox.client.get(made["url"])).status_code == 404


@pytest.mark.parametrize(
    ("members", "line", "total"),
    [
        ({}, {}, 300.0),
        ({"withNDS": True, "sumsWithNDS": True}, {"ndsRate": "nds22"}, 300.0),
        ({"withNDS": True}, {"ndsRate": "nds22"}, 366.0),
        ({"withDiscount": True}, {"discount": 12.5}, 262.5),
    ],
)
async def test_vat_on_top_and_discounts_make_the_sum(
    elba: Client, members: dict[str, Any], line: dict[str, Any], total: float
) -> None:
    made = await elba.bill(line, **members)
    assert made.status_code == 201, made.text
    card = (await elba.call("GET", f"bills/{made.json()['id']}")).json()
    assert card["warehouseItems"][0]["sum"] == total
    assert card["sumsWithNds"] is members.get("sumsWithNDS", False)


async def test_without_a_word_of_vat_there_is_none(elba: Client) -> None:
    made = (await elba.bill(withNDS=None)).json()["id"]
    card = (await elba.call("GET", f"bills/{made}")).json()
    assert (card["withNDS"], card["warehouseItems"][0]["ndsRate"]) == (False, "withoutNds")
    assert (await elba.bill({"ndsRate": "nds22"}, withNDS=None)).status_code == 400


@pytest.mark.parametrize(
    ("members", "line", "status"),
    [
        ({"status": "status2"}, {}, 201),
        ({"status": "status1"}, {"ndsRate": "nds22"}, 201),
        ({"status": "status1", "sumsWithNDS": True}, {"ndsRate": "withoutNds"}, 201),
        ({"status": "status2", "withNDS": True}, {"ndsRate": "nds22"}, 400),
        ({"status": "status2", "sumsWithNDS": True}, {}, 400),
        ({"status": "status1"}, {}, 400),
        ({}, {}, 400),
    ],
)
async def test_the_status_of_a_universal_document_says_whether_it_has_vat(
    elba: Client, members: dict[str, Any], line: dict[str, Any], status: int
) -> None:
    buyer = await elba.made("contractors", {**BUYER, "address": "Москва"})
    body = {"date": "2026-03-20", "contractorId": buyer, "comment": "нет такого",
            "warehouseItems": [{**LINE, "productType": "service", **line}]}  # fmt: skip
    answer = await elba.call("POST", "universal-transfer-documents", {**body, **members})
    assert answer.status_code == status, answer.text
    held = (await elba.sandbox.state("elba-vendor", elba.account["account"]))["acts"].values()
    assert [one["comment"] for one in held] == [None] * (status == 201), "it has no place for a comment"


@pytest.mark.parametrize("change", [{"discount": 5}, {"ndsRate": "nds22"}, {"quantity": "3"}])
async def test_a_line_against_its_document_is_refused(elba: Client, change: dict[str, Any]) -> None:
    assert (await elba.bill(change)).status_code == 400
