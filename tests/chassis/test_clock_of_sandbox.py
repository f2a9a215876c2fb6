"""Processes follow a real sandbox's clock: a change returns when all have it, also after the sandbox was killed."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from chassis.clock import FollowingClock
from tests.kit.kafka import eventually

ROOT = Path(__file__).parents[2]


def start(port: int, data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(data)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def listening(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await client.get("/healthz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def change(client: httpx.AsyncClient, **body: Any) -> None:
    """Comes back when all have the change; the sandbox gives a machine that is busy two seconds for that, no less."""
    began = time.monotonic()
    answer = await client.post("/control/clock", json={**body, "wait": True})
    assert not answer.json()["behind"] or time.monotonic() - began >= 2, "given up before its time"

    async def nobody_behind() -> bool:
        return not (await client.get("/control/clock")).json()["behind"]

    await eventually(nobody_behind)


async def test_all_followers_have_a_change_when_it_returns(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    clocks = [FollowingClock(f"{url}/control", f"service-{number}") for number in range(3)]
    followers = [asyncio.create_task(clock.run()) for clock in clocks]
    sandbox = start(port, tmp_path)
    client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=20)
    try:
        await listening(client)
        for clock in clocks:
            await asyncio.wait_for(clock.wait_followed(), 20)
        week = datetime.now(UTC) + timedelta(days=7)
        await change(client, advance_seconds=7 * 86400)
        assert all(abs(clock.now() - week) < timedelta(seconds=30) for clock in clocks)
        await change(client, set="2027-01-11T09:00:00+03:00", rate=3600)
        assert all(clock.rate == 3600 for clock in clocks)
        now = [clock.now() for clock in clocks]
        assert max(now) - min(now) < timedelta(minutes=10), "0.17 s of real time"

        sandbox.send_signal(signal.SIGKILL)
        sandbox.wait(10)
        assert all(clock.now() >= before for clock, before in zip(clocks, now, strict=True))
        sandbox = start(port, tmp_path)
        await listening(client)
        await change(client, rate=1)

        async def all_follow() -> bool:
            return all(clock.rate == 1 for clock in clocks)

        await eventually(all_follow)  # a sandbox that was away does not know yet who follows it
    finally:
        for follower in followers:
            follower.cancel()
        sandbox.kill()
        sandbox.wait(10)
        await client.aclose()
