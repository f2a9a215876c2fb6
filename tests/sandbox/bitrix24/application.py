"""A client of one simulated portal as an application: its tokens, and the server that gives them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx

from tests.sandbox.bitrix24.client import PortalClient, Receiver


class Application:
    """`call` asks the portal with the access token; `grant` asks the authorisation server."""

    def __init__(self, crm: PortalClient, pair: dict[str, Any]) -> None:
        self.crm, self.pair = crm, pair
        self.client: httpx.AsyncClient = crm.sandbox.client

    @property
    def access(self) -> str:
        return str(self.pair["access_token"])

    async def send(self, method: str, params: Any = None, *, token: str | None = None) -> httpx.Response:
        body = {**(params or {}), "auth": self.access if token is None else token}
        return await self.client.post(f"{self.pair['client_endpoint']}{method}", json=body)

    async def result(self, method: str, params: Any = None) -> Any:
        answer = await self.send(method, params)
        body = answer.json()
        assert answer.status_code == 200, body
        assert "error" not in body, body
        return body["result"]

    async def refused(self, method: str, params: Any = None, *, token: str | None = None) -> tuple[int, Any]:
        answer = await self.send(method, params, token=token)
        return answer.status_code, answer.json()["error"]

    async def grant(self, **changes: Any) -> httpx.Response:
        known = {
            "grant_type": "refresh_token",
            "client_id": self.crm.opened["client_id"],
            "client_secret": self.crm.opened["client_secret"],
            "refresh_token": self.pair["refresh_token"],
        }
        given = {name: value for name, value in {**known, **changes}.items() if value is not None}
        return await self.client.get("/oauth/token/", params=given)

    async def refresh(self) -> dict[str, Any]:
        answer = await self.grant()
        assert answer.status_code == 200, answer.text
        self.pair = answer.json()
        return self.pair


async def installed(crm: PortalClient, receiver: Receiver) -> Application:
    """The portal's application, installed as an API alone: its pair came by ONAPPINSTALL."""
    await crm.control("/apps/install", {"install_url": receiver.url})
    await receiver.count(1)
    event = dict(parse_qsl(receiver.bodies[-1]))
    assert event["event"] == "ONAPPINSTALL"
    names = ("access_token", "refresh_token", "client_endpoint", "application_token", "member_id")
    return Application(crm, {name: event[f"auth[{name}]"] for name in names})


@contextlib.asynccontextmanager
async def page(html: str) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """A page that is posted to: its address, and what was asked of it as (path with query, body)."""
    asked: list[tuple[str, str]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(lines["content-length"]))
        asked.append((head.split()[1], body.decode()))
        content = html.encode()
        top = f"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(top.encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/page", asked
    finally:
        server.close()
