"""A sandbox for a test: inside the test's loop, or as a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson

from sandbox.app import make_world
from sandbox.core.app import SandboxApp
from sandbox.core.world import World
from sandbox.server import SandboxServer, listen
from sandbox.settings import Settings

DEADLINE_SECONDS = 10.0
# Trusts nobody and speaks with nobody over TLS; a client without it would read all authorities, which takes 20-40 ms.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Sandbox:
    """A running sandbox: `client` talks to it, `control` posts to /control, `lines` reads the ledger."""

    def __init__(self, url: str, client: httpx.AsyncClient, world: World) -> None:
        self.url, self.client, self.world = url, client, world

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = await self.client.request(method, f"/control{path}", json={} if body is None else body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def state(self, vendor: str, account: str | None = None) -> Any:
        return await self.control(f"/{vendor}/state" + (f"?account={account}" if account else ""), method="GET")

    async def lines(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.client.get("/control/ledger", params={"limit": 10_000, **query})
        return [orjson.loads(line) for line in answer.content.splitlines()]

    async def advance(self, seconds: float) -> None:
        await self.control("/clock", {"advance_seconds": seconds})


@contextlib.asynccontextmanager
async def serve(data: Path, *, public_url: str | None = None, limits: bool = False) -> AsyncIterator[Sandbox]:
    """A sandbox on a free port in this loop."""
    world = make_world(Settings(data=data, public_url=public_url, limits=limits))
    server = SandboxServer(SandboxApp(world), listen("127.0.0.1", 0))
    await server.start()
    try:
        async with httpx.AsyncClient(
            base_url=server.url, timeout=DEADLINE_SECONDS, trust_env=False, verify=PLAIN
        ) as client:
            yield Sandbox(server.url, client, world)
    finally:
        await server.stop()


async def eventually(probe: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """The probe's first true answer; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Process:
    """`python -m sandbox` on a data folder."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(data), "--limits", "off", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert ready.startswith("sandbox ready http://"), (ready, self.process.stderr)
        self.url = ready.split()[2]
        self.https_url, self.ca_file = (part.partition("=")[2] for part in ready.split()[-2:])

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=DEADLINE_SECONDS, trust_env=False, verify=PLAIN)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode
