"""A stranger's client of a base: plain HTTP with addresses written out by hand."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx

from tests.sandbox.running import Sandbox

BUYERS = "Catalog_Контрагенты"
INVOICES = "Document_СчетНаОплатуПокупателю"
JSON = {"accept": "application/json"}
ROW = {"LineNumber": "1", "Содержание": "Услуга", "Количество": 2, "Цена": 50.5, "Сумма": 101, "СтавкаНДС": "НДС22",
       "СуммаНДС": 18.21}  # fmt: skip


class Base:
    """One base of the sandbox."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any]) -> None:
        self.sandbox, self.account = sandbox, account
        self.root = account["odata_url"].removeprefix(sandbox.url)
        self.auth = httpx.BasicAuth(account["user"], account["password"])

    async def ask(self, resource: str, query: str = "", *, method: str = "GET", **more: Any) -> httpx.Response:
        """One request; the query is sent as it is."""
        headers = {**JSON, **more.pop("headers", {})}
        path = quote(resource, safe="()',=/$")
        url = f"{self.root}/{path}" + (f"?{query}" if query else "")
        return await self.sandbox.client.request(method, url, headers=headers, auth=self.auth, **more)

    async def found(self, resource: str, condition: str, **options: str) -> list[dict[str, Any]]:
        """The rows that meet a condition."""
        given = {"filter": condition, **options}
        query = "&".join(f"${name}={quote(value, safe='')}" for name, value in given.items())
        answer = await self.ask(resource, query)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    async def made(self, resource: str, body: dict[str, Any]) -> dict[str, Any]:
        """A new object."""
        answer = await self.ask(resource, method="POST", json=body)
        assert answer.status_code == 201, answer.text
        entity: dict[str, Any] = answer.json()
        return entity

    async def buyer(self, name: str = "ООО Лотос", inn: str = "7709123453") -> str:
        return str((await self.made(BUYERS, {"Description": name, "ИНН": inn}))["Ref_Key"])

    async def invoice(self, **more: Any) -> dict[str, Any]:
        """A draft that could be posted."""
        keys = {}
        for name in ("Catalog_Организации", "Catalog_Валюты", "Catalog_БанковскиеСчета"):
            keys[name] = (await self.found(name, "DeletionMark eq false", top="1"))[0]["Ref_Key"]
        buyer = more.pop("buyer", None) or await self.buyer()
        contract = await self.made("Catalog_ДоговорыКонтрагентов", {"Owner_Key": buyer, "Description": "Основной"})
        item = await self.made("Catalog_Номенклатура", {"Description": "Услуга", "Услуга": True})
        typed = {"Номенклатура": item["Ref_Key"], "Номенклатура_Type": "StandardODATA.Catalog_Номенклатура"}
        return await self.made(
            INVOICES,
            {
                "Date": "2026-03-12T12:00:00",
                "Организация_Key": keys["Catalog_Организации"],
                "ВалютаДокумента_Key": keys["Catalog_Валюты"],
                "Контрагент_Key": buyer,
                "ДоговорКонтрагента_Key": contract["Ref_Key"],
                "СуммаДокумента": 101,
                "Товары": [{**ROW, **typed}],
                **more,
            },
        )

    async def dial(self, **dials: Any) -> None:
        await self.sandbox.control(f"/onec/{self.account['account']}/dials", dials)


def xml(answer: httpx.Response) -> ElementTree.Element:
    """The tree of an answer."""
    return ElementTree.fromstring(answer.content)  # noqa: S314 - our own sandbox wrote it


def texts(answer: httpx.Response) -> dict[str, str | None]:
    """Texts of an answer in XML by the names of their elements."""
    return {one.tag.rpartition("}")[2]: one.text for one in xml(answer).iter()}


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status and the platform's code of a refusal in JSON."""
    return answer.status_code, answer.json()["odata.error"]["code"]
