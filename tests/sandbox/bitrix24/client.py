"""A client of one simulated portal, as an integrator with an inbound webhook and as the people in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx

from tests.sandbox.running import Sandbox, eventually

PDF = b"%PDF-1.4 invoice"


class PortalClient:
    """`call` returns the whole envelope of a success, `result` its result, `refused` the error with its status."""

    def __init__(self, sandbox: Sandbox, opened: dict[str, Any]) -> None:
        self.sandbox, self.opened, self.slug = sandbox, opened, opened["portal"]
        self.url: str = opened["webhook_url"].rstrip("/")

    async def send(self, method: str, params: Any = None, **options: Any) -> httpx.Response:
        return await self.sandbox.client.post(f"{self.url}/{method}", json=params or {}, **options)

    async def call(self, method: str, params: Any = None) -> dict[str, Any]:
        answer = await self.send(method, params)
        assert answer.status_code == 200, answer.text
        envelope: dict[str, Any] = answer.json()
        assert "error" not in envelope, envelope
        return envelope

    async def result(self, method: str, params: Any = None) -> Any:
        return (await self.call(method, params))["result"]

    async def refused(self, method: str, params: Any = None) -> tuple[int, Any, str]:
        answer = await self.send(method, params)
        body = answer.json()
        return answer.status_code, body["error"], body["error_description"]

    async def item(self, number: int, entity_type: int = 2) -> dict[str, Any]:
        params = {"entityTypeId": entity_type, "id": number, "useOriginalUfNames": "Y"}
        item: dict[str, Any] = (await self.result("crm.item.get", params))["item"]
        return item

    async def update(self, number: int, fields: dict[str, Any], entity_type: int = 2) -> dict[str, Any]:
        params = {"entityTypeId": entity_type, "id": number, "useOriginalUfNames": "Y", "fields": fields}
        item: dict[str, Any] = (await self.result("crm.item.update", params))["item"]
        return item

    async def history(self, number: int) -> list[dict[str, Any]]:
        params = {"entityTypeId": 2, "filter": {"OWNER_ID": number}, "order": {"ID": "ASC"}}
        items: list[dict[str, Any]] = (await self.result("crm.stagehistory.list", params))["items"]
        return items

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/bitrix24/portals/{self.slug}{path}", body, method)

    async def company(self, **body: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.control("/companies", {"title": "ООО «Лотос»", **body})
        return made

    async def deal(self, **body: Any) -> int:
        made = await self.control("/deals", {"title": "Поставка", **body})
        number: int = made["deal"]["id"]
        return number

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        """The next call of the operation meets the fault."""
        rule = {"vendor": "bitrix24", "operation": operation, "kind": kind, "calls": [1], "params": params}
        await self.sandbox.control("/faults", rule)


class Receiver:
    """A handler of outgoing webhooks; `status` is what it answers."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.status = 200
        self.url = ""

    @property
    def events(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(body)) for body in self.bodies]

    def names(self) -> list[str]:
        return [event["event"] for event in self.events]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = await reader.readexactly(int(lines.get("content-length", "0")))
                assert lines["content-type"] == "application/x-www-form-urlencoded"
                self.bodies.append(body.decode())
                writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    async def count(self, number: int) -> None:
        await eventually(lambda: len(self.bodies) >= number, f"{number} events, not {len(self.bodies)}")


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/hooks/bitrix24/secret"
    try:
        yield receiver
    finally:
        server.close()
