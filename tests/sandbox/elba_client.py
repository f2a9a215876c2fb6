"""A client of an Elba account, as an integrator and as its accountant."""

from __future__ import annotations

from typing import Any

import httpx

from tests.sandbox.running import Sandbox

BUYER = {"fullName": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001", "email": "buh@lotos.example"}
LINE = {"name": "Настройка CRM, час", "count": 17, "price": 5000.00, "unit": "ч", "ndsRate": "NoNds"}


class ElbaClient:
    """Calls the API as an integrator would; `control` acts as the accountant."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any]) -> None:
        self.sandbox, self.account, self.id = sandbox, account, account["account"]
        self.token = ""

    async def sign_in(self, **form: str) -> httpx.Response:
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.account["client_id"],
            "client_secret": self.account["client_secret"],
            "scope": "elba.api",
            **form,
        }
        answer = await self.sandbox.client.post(self.account["token_url"], data=fields)
        if answer.status_code == 200 and "access_token" in answer.json():
            self.token = answer.json()["access_token"]
        return answer

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.sandbox.client.request(
            method, f"{self.account['api_url']}{path}", json=json, headers=headers, **options
        )

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, json, **options)

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/elba/{self.id}{path}", body, method)

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        """The next call of the operation meets the fault."""
        rule = {"vendor": "elba", "operation": operation, "kind": kind, "calls": [1], "params": params}
        await self.sandbox.control("/faults", rule)

    async def buyer(self, **members: Any) -> str:
        answer = await self.post("/counterparties", {**BUYER, **members})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def invoice(self, buyer: str, number: str = "B24-1042", **members: Any) -> dict[str, Any]:
        answer = await self.post("/invoices", invoice_body(buyer, number, **members))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def find(self, number: str = "B24-1042") -> list[dict[str, Any]]:
        answer = await self.get(f"/invoices?number={number}")
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


def invoice_body(buyer: str, number: str = "B24-1042", **members: Any) -> dict[str, Any]:
    return {
        "number": number,
        "date": "2026-03-10",
        "paymentDueDate": "2026-03-13",
        "counterpartyId": buyer,
        "items": [LINE],
        "comment": "Сделка №1042",
        **members,
    }
