"""Kontur.Accounting in the sandbox, asked as another client of the contract would ask it."""

import io
import zipfile
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.sandbox.running import Sandbox

BUYER = {"type": "legal", "name": "ООО «Вектор»", "inn": "7709123453", "kpp": "770901001"}
LINE = {"name": "Монтаж", "unit": {"okei": "642", "name": "ед"}, "quantity": 2, "price": 244.0, "vatRate": "vat22",
        "vatSum": 88.0, "sum": 488.0}  # fmt: skip
PRODUCT = {"type": "goods", "name": "Стеллаж", "article": "ST-1", "unit": {"okei": "796", "name": "шт"}, "price": 10.5,
           "vatRate": "vat22", "externalId": "b24:1"}  # fmt: skip
EARLY = "2020-01-01T00:00:00.000Z"


class Client:
    """An account's API by its key."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any]) -> None:
        self.sandbox, self.account = sandbox, account
        self.buyer_id = ""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {"X-Kontur-Apikey": self.account["api_key"], **headers}
        return await self.sandbox.client.request(method, f"{self.account['api_url']}{path}", json=body, headers=given)

    async def made(self, path: str, body: Any) -> Any:
        answer = await self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def body(self, **members: Any) -> dict[str, Any]:
        if not self.buyer_id:
            self.buyer_id = (await self.made("/counterparties", BUYER))["id"]
        return {
            "date": "2026-03-10", "counterpartyId": self.buyer_id, "pricesIncludeVat": True, "items": [LINE], **members
        }  # fmt: skip

    async def rows(self, path: str) -> list[Any]:
        return list((await self.call("GET", path)).json()["items"])

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/kontur/{self.account['account']}{path}", body, method)


@pytest_asyncio.fixture
async def kontur(sandbox: Sandbox) -> Client:
    account = await sandbox.control(
        "/kontur/accounts", {"title": "ООО «Вектор»", "inn": "500123456750", "dials": {"pdf_render_seconds": 0}}
    )
    return Client(sandbox, account)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_invoice_is_replaced_over_its_version_until_money_comes(kontur: Client) -> None:
    made = await kontur.made("/invoices", await kontur.body())
    path, changed = f"/invoices/{made['id']}", await kontur.body(date="2026-03-11")
    assert code(await kontur.call("PUT", path, changed)) == (412, "VersionMismatch")
    again = await kontur.call("PUT", path, changed, **{"If-Match": f'"{made["version"]}"'})
    assert (again.status_code, again.json()["date"], again.json()["number"]) == (200, "2026-03-11", made["number"])
    await kontur.act("/payments", {"invoice": made["id"], "amount_kopecks": 100})
    version = (await kontur.call("GET", path)).json()["version"]
    assert code(await kontur.call("PUT", path, changed, **{"If-Match": f'"{version}"'})) == (409, "InvalidState")


async def test_a_number_is_given_once_a_year(kontur: Client) -> None:
    first = await kontur.made("/invoices", await kontur.body(number="А-1"))
    taken = await kontur.call("POST", "/invoices", await kontur.body(number="А-1"))
    assert code(taken) == (409, "DocumentNumberTaken")
    assert taken.json()["error"]["context"] == {"existingId": first["id"]}
    await kontur.made("/invoices", await kontur.body(number="А-1", date="2027-01-10"))
    copied = await kontur.made(f"/invoices/{first['id']}/copy", {"date": "2026-04-01"})
    assert (copied["date"], copied["sum"], copied["number"] != "А-1") == ("2026-04-01", 488.0, True)
    assert code(await kontur.call("POST", f"/invoices/{first['id']}/copy", {"number": "А-1"})) == (
        409,
        "DocumentNumberTaken",
    )


async def test_lists_are_narrowed_by_status(kontur: Client) -> None:
    made = await kontur.made("/invoices", await kontur.body(dueDate="2099-01-01"))
    await kontur.made("/invoices", await kontur.body(dueDate="2099-01-01"))
    await kontur.act("/payments", {"invoice": made["id"]})
    assert [one["id"] for one in await kontur.rows("/invoices?status=paid")] == [made["id"]]
    assert len(await kontur.rows("/invoices?status=issued")) == 1


async def test_a_product_is_read_and_changed_over_its_version(kontur: Client) -> None:
    made = await kontur.made("/products", PRODUCT)
    path = f"/products/{made['id']}"
    assert (await kontur.call("GET", path)).json() == made
    assert code(await kontur.call("PUT", path, PRODUCT)) == (412, "VersionMismatch")
    changed = await kontur.call("PUT", path, {**PRODUCT, "name": "Шкаф"}, **{"If-Match": '"1"'})
    assert (changed.json()["name"], changed.json()["version"]) == ("Шкаф", 2)
    assert code(await kontur.call("GET", "/products/another")) == (404, "NotFound")


async def test_what_is_deleted_stands_so_in_the_list_of_changes_alone(kontur: Client) -> None:
    made = await kontur.made("/invoices", await kontur.body())
    await kontur.act(f"/invoices/{made['id']}", method="DELETE")
    assert await kontur.rows("/invoices") == []
    [row] = await kontur.rows(f"/invoices?updatedSince={EARLY}")
    assert (row["id"], row["deleted"], row["version"]) == (made["id"], True, made["version"] + 1)
    assert row.keys() == {"id", "deleted", "version", "updatedAt"}
    await kontur.act(f"/counterparties/{kontur.buyer_id}", method="DELETE")
    assert [one["deleted"] for one in await kontur.rows(f"/counterparties?updatedSince={EARLY}")] == [True]
    assert await kontur.rows(f"/counterparties?inn={BUYER['inn']}&updatedSince={EARLY}") == []


async def test_one_bank_operation_pays_several_invoices_or_none(kontur: Client) -> None:
    first, second = [await kontur.made("/invoices", await kontur.body()) for _ in range(2)]
    shares = {first["number"]: 48_800, second["id"]: 10_000}
    made = await kontur.act("/operations", {"amount_kopecks": 60_000, "shares": shares, "purpose": "По двум счетам"})
    await kontur.act("/operations", {"amount_kopecks": 500, "purpose": "Непонятно за что"})
    operation, unknown = await kontur.rows(f"/bank-transactions?updatedSince={EARLY}&direction=incoming")
    assert (operation["id"], operation["amount"], operation["unallocated"]) == (made["id"], 600.0, 12.0)
    assert operation["allocations"] == [
        {"invoiceId": first["id"], "amount": 488.0},
        {"invoiceId": second["id"], "amount": 100.0},
    ]
    assert (unknown["allocations"], unknown["unallocated"]) == ([], 5.0)
    card = (await kontur.call("GET", f"/invoices/{first['id']}")).json()
    assert (card["status"], card["payments"][0]["id"]) == ("paid", made["id"])
    await kontur.act(f"/payments/{made['payments'][1]['id']}/remove", {})
    [changed] = [one for one in await kontur.rows("/bank-transactions") if one["id"] == made["id"]]
    assert (changed["status"], changed["unallocated"]) == ("posted", 112.0)
    assert await kontur.rows("/bank-transactions?matched=true") == []
    assert (await kontur.call("GET", "/bank-transactions?matched=maybe")).status_code == 400


async def test_a_closing_document_is_sent_signed_and_kept(kontur: Client) -> None:
    body = await kontur.body(function="invoiceAndTransfer")
    made = await kontur.made("/transfer-documents", body)
    path = f"/transfer-documents/{made['id']}"
    assert (await kontur.call("POST", f"{path}/send", {"channel": "pigeon"})).status_code == 400
    sent = await kontur.call("POST", f"{path}/send", {"channel": "diadoc"})
    assert (sent.status_code, sent.json()["signatureStatus"]) == (202, "waitingForRecipient")
    assert sent.json()["edo"]["operator"] == "diadoc"
    assert code(await kontur.call("POST", f"{path}/send", {"channel": "diadoc"})) == (409, "InvalidState")
    assert code(await kontur.call("GET", f"{path}/signed-archive")) == (409, "InvalidState")
    await kontur.act(f"/acts/{made['id']}/signature", {"status": "signedByBoth"})
    archive = await kontur.call("GET", f"{path}/signed-archive")
    assert {"document.xml", "print.pdf"} < set(zipfile.ZipFile(io.BytesIO(archive.content)).namelist())


@pytest.mark.parametrize(
    ("switch", "status", "target"),
    [({"catalog_only": True}, 400, "items[0].productId"), ({"address_refused": True}, 403, "ip")],
)
async def test_switches_refuse_as_the_contract_says(
    kontur: Client, switch: dict[str, bool], status: int, target: str
) -> None:
    body = await kontur.body()
    await kontur.act("/switches", switch)
    refused = await kontur.call("POST", "/invoices", body)
    assert (refused.status_code, refused.json()["error"]["target"]) == (status, target)
