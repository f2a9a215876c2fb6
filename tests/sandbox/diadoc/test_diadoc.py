"""Diadoc in the sandbox, asked as a stranger would ask it: access, strictness, a person's page, and what survives."""

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.sandbox.running import Process, Sandbox, serve

XML = """<?xml version="1.0" encoding="utf-8"?>
<UniversalTransferDocument Function="СЧФДОП" DocumentDate="20.03.2026" DocumentNumber="88" Currency="643">
<Sellers><Seller><OrganizationReference BoxId="{own}"/></Seller></Sellers>
<Buyers><Buyer><OrganizationReference BoxId="{partner}"/></Buyer></Buyers>
<Table TotalWithVatExcluded="40000.00" Vat="8800.00" Total="48800.00">
<Item Product="Монтаж линии" Unit="642" UnitName="ед" Quantity="2" Price="20000.00" TaxRate="TwentyTwoPercent"
 SubtotalWithVatExcluded="40000.00" Vat="8800.00" Subtotal="48800.00"/></Table>
<TransferInfo OperationInfo="Услуги оказаны" TransferDate="20.03.2026"/>
<Signers BoxId="{own}"><Signer SignerPowersConfirmationMethod="1"/></Signers></UniversalTransferDocument>"""
GENERATE = {
    "documentTypeNamedId": "UniversalTransferDocument", "documentFunction": "СЧФДОП",
    "documentVersion": "utd970_05_03_01", "titleIndex": "0",
}  # fmt: skip


class Client:
    """A box's API by the vendor's own scheme."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any], partner: str) -> None:
        self.sandbox, self.account, self.partner, self.token = sandbox, account, partner, ""

    async def enter(self) -> None:
        key = f"DiadocAuth ddauth_api_client_id={self.account['client_id']}"
        body = {"login": self.account["login"], "password": self.account["password"]}
        url = f"{self.account['api_url']}/V3/Authenticate?type=password"
        answer = await self.sandbox.client.post(url, json=body, headers={"authorization": key})
        assert answer.status_code == 200, answer.text
        self.token = f"{key},ddauth_token={answer.text}"

    async def call(self, method: str, path: str, query: dict[str, str] | None = None, **given: Any) -> httpx.Response:
        headers = {"authorization": self.token, **given.pop("headers", {})}
        url = f"{self.account['api_url']}/{path}"
        return await self.sandbox.client.request(method, url, params=query, headers=headers, **given)

    async def title(self, text: str = XML) -> httpx.Response:
        body = text.replace("{own}", self.account["box_id"]).replace("{partner}", self.partner)
        query = {"boxId": self.account["box_id"], **GENERATE}
        headers = {"content-type": "application/xml; charset=utf-8"}
        return await self.call("POST", "GenerateTitleXml", query, content=body.encode(), headers=headers)

    def message(self, content: bytes, **fields: Any) -> dict[str, Any]:
        one = {"TypeNamedId": "UniversalTransferDocument", "Function": "СЧФДОП", "Version": "utd970_05_03_01",
               "SignedContent": {"Content": base64.b64encode(content).decode()}, "CustomDocumentId": "m1"}  # fmt: skip
        head = {"FromBoxId": self.account["box_id"], "ToBoxId": self.partner, "DelaySend": True}
        return {**head, "DocumentAttachments": [one], **fields}

    async def post(self, body: Any, operation: str = "op-1") -> httpx.Response:
        return await self.call("POST", "V3/PostMessage", {"operationId": operation}, json=body)


@pytest_asyncio.fixture
async def diadoc(sandbox: Sandbox) -> Client:
    return await opened(sandbox)


async def opened(sandbox: Sandbox) -> Client:
    account = await sandbox.control("/diadoc/accounts", {"title": "ООО «Вектор»", "inn": "7709123453"})
    partner = {"inn": "7801456782", "kpp": "780101001", "name": "ООО «Север»"}
    made = await sandbox.control(f"/diadoc/{account['account']}/partners", partner)
    client = Client(sandbox, account, made["box_id"])
    await client.enter()
    return client


async def test_only_a_live_token_with_its_key_opens_its_own_box(diadoc: Client) -> None:
    own = {"boxId": diadoc.account["box_id"]}
    assert (await diadoc.call("GET", "V2/GetLastEvent", own)).status_code == 204
    assert (await diadoc.call("GET", "V2/GetLastEvent", {"boxId": diadoc.partner})).status_code == 403
    assert (await diadoc.call("GET", "V2/GetLastEvent")).status_code == 400
    good = diadoc.token
    for token in ("", "Bearer x", good.replace("client_id=", "client_id=x")):
        diadoc.token = token
        refused = await diadoc.call("GET", "V2/GetLastEvent", own)
        assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (401, True)
    diadoc.token = good
    await diadoc.sandbox.advance(24 * 3600 + 1)
    assert (await diadoc.call("GET", "V2/GetLastEvent", own)).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (XML.replace(' DocumentNumber="88"', ""), "DocumentNumber"),
        (XML.replace('Price="20000.00"', 'Price="20000.02"'), "суммы не сходятся"),
        (XML.replace("TwentyTwoPercent", "TwentyPercent"), "НДС не соответствует"),
        (XML.replace('Total="48800.00"', 'Total="48800.01"'), "Итоги"),
        (XML.replace("{partner}", "nobody"), "покупателя"),
        (XML.replace("<Signer ", "<Nobody "), "подписант"),
        ("<x", "XML"),
    ],
)
async def test_user_data_that_the_contract_forbids_are_refused_in_words(diadoc: Client, wrong: str, said: str) -> None:
    refused = await diadoc.title(wrong)
    assert (refused.status_code, said in refused.text) == (400, True), refused.text


async def test_a_message_is_taken_strictly_and_once(diadoc: Client) -> None:
    title = await diadoc.title()
    assert title.content.decode("cp1251").startswith('<?xml version="1.0" encoding="windows-1251"')
    good = diadoc.message(title.content)
    attachment = good["DocumentAttachments"][0]
    for status, body in (
        (400, {**good, "DocumentAttachments": []}),
        (400, {**good, "DocumentAttachments": [attachment] * 41}),
        (400, {**good, "DocumentAttachments": [{**attachment, "TypeNamedId": "Letter"}]}),
        (400, {**good, "DocumentAttachments": [{**attachment, "SignedContent": {"Content": "%%%"}}]}),
        (400, {**good, "DelaySend": False}),
        (404, {**good, "ToBoxId": "nobody"}),
        (403, {**good, "FromBoxId": diadoc.partner}),
    ):
        assert (await diadoc.post(body)).status_code == status, body
    first = await diadoc.post(good)
    assert first.status_code == 200
    assert (await diadoc.post(good, "OP-1")).json()["MessageId"] == first.json()["MessageId"]
    assert (await diadoc.post(good, "op-2")).status_code == 409
    text = await diadoc.call("POST", "V3/PostMessage", {"operationId": "op-3"}, content=b"x")
    assert text.status_code == 415


async def test_a_person_sees_what_waits_for_whom(diadoc: Client) -> None:
    await diadoc.post(diadoc.message((await diadoc.title()).content))
    account = diadoc.account["account"]
    for path, body, words in (
        ("", None, "Требуется подпись"),
        ("/sign", {"by": "us"}, "Ожидается подпись получателя"),
        ("/refuse", {"text": "Нет"}, "Отказано в подписи"),
    ):
        if path:
            await diadoc.sandbox.control(f"/diadoc/{account}/documents/88{path}", body)
        page = await diadoc.sandbox.client.get(f"/pages/diadoc/{account}")
        assert words in page.text
        assert "ООО «Север»" in page.text


async def test_all_of_it_survives_a_kill(tmp_path: Path) -> None:
    async with serve(tmp_path) as sandbox:
        diadoc = await opened(sandbox)
        await diadoc.post(diadoc.message((await diadoc.title()).content))
        await sandbox.control(f"/diadoc/{diadoc.account['account']}/documents/88/sign", {"by": "us"})
        before = await sandbox.state("diadoc")
    again = Process(tmp_path)
    with again.client() as client:
        assert client.get("/control/diadoc/state").json() == before
    again.kill()


async def test_a_seed_names_a_box_for_each_tenant_and_knows_its_buyers(sandbox: Sandbox) -> None:
    seeded = await sandbox.control("/seed", {"portals": 1, "seed": 7, "buyers_per_portal": 3})
    env = seeded["env"]
    names = {name for name in env if name.startswith("DIADOC_1_")}
    assert {"DIADOC_1_API_URL", "DIADOC_1_BOX_ID", "DIADOC_1_REFRESH_TOKEN", "DIADOC_1_PASSWORD"} <= names
    state = await sandbox.state("diadoc", env["DIADOC_1_ACCOUNT"])
    assert len(state["partners"]) == 3
    assert (await sandbox.control("/seed", {"portals": 1, "seed": 7, "buyers_per_portal": 3}))["env"] == env
