"""Business time: rates, waits that wake on a change, following a sandbox, and production's refusal."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.clock import Clock, FollowingClock, MachineClock, ManualClock, build_clock

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class ControlStub:
    """A clock control API on a raw socket: answers when the revision differs from the asked one."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.asked: list[str] = []
        self._changed = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self.set(START, rate=0.0)

    def set(self, business: datetime, rate: float) -> None:
        self.state = {
            "revision": self.state.get("revision", 0) + 1,
            "anchor_business": business.isoformat(),
            "anchor_unix": time.time(),
            "rate": rate,
        }
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while line := await reader.readline():
                target = line.split()[1].decode()
                while (await reader.readline()).strip():
                    pass
                self.asked.append(target)
                if f"after={self.state['revision']}&" in target:
                    await self._changed.wait()
                body = json.dumps(self.state).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def control() -> AsyncIterator[tuple[ControlStub, str, asyncio.Server]]:
    stub = ControlStub()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield stub, f"http://127.0.0.1:{port}/control", server
    finally:
        server.close()


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a probe with a deadline
            await asyncio.sleep(0.005)


def test_rate_multiplies_elapsed_time() -> None:
    clock = Clock(rate=1000.0, start=START)
    began = time.monotonic()
    while time.monotonic() - began < 0.02:
        pass
    assert timedelta(seconds=20) <= clock.now() - START < timedelta(seconds=2000)


async def test_sleep_is_in_business_seconds() -> None:
    clock = Clock(rate=3600.0, start=START)
    began = time.monotonic()
    await clock.sleep(36.0)
    assert 0.009 <= time.monotonic() - began < 2.0
    assert clock.now() >= START + timedelta(seconds=36)


async def test_stopped_clock_waits_for_a_change() -> None:
    clock = ManualClock(START)
    sleeper = asyncio.create_task(clock.sleep_until(START + timedelta(days=7)))
    await asyncio.sleep(0)
    clock.advance(3 * 86400)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(4 * 86400)
    await asyncio.wait_for(sleeper, 2)


async def test_wait_ends_by_event_time_change_or_real_limit() -> None:
    clock = ManualClock(START)
    event = asyncio.Event()
    waiting = asyncio.create_task(clock.wait(event, START + timedelta(hours=1)))
    await asyncio.sleep(0)
    clock.advance(3600)
    assert await asyncio.wait_for(waiting, 2) is False

    assert await clock.wait(event, None, real_seconds_max=0.01) is False

    waiting = asyncio.create_task(clock.wait(event, None))
    await asyncio.sleep(0)
    event.set()
    assert await asyncio.wait_for(waiting, 2) is True


async def test_following_takes_each_revision_and_acknowledges_it() -> None:
    async with control() as (stub, url, _):
        clock = FollowingClock(url, "ingest")
        follower = asyncio.create_task(clock.run())
        try:
            await asyncio.wait_for(clock.wait_followed(), 5)
            assert clock.now() == START
            stub.set(START + timedelta(days=7), rate=0.0)
            await until(lambda: clock.now() == START + timedelta(days=7))
            await until(lambda: "after=2" in stub.asked[-1])
            assert "client=ingest" in stub.asked[-1]
        finally:
            follower.cancel()


async def test_following_keeps_the_last_anchor_while_the_sandbox_is_away(caplog: pytest.LogCaptureFixture) -> None:
    async with control() as (stub, url, server):
        clock = FollowingClock(url, "ingest")
        polls: list[float] = []
        follower = asyncio.create_task(clock.run(lambda: polls.append(time.monotonic())))
        try:
            await asyncio.wait_for(clock.wait_followed(), 5)
            server.close()
            stub.hang_up()
            seen = len(polls)
            await until(lambda: len(polls) >= seen + 2)
            assert clock.now() == START
            assert [r.levelname for r in caplog.records].count("WARNING") == 1
        finally:
            follower.cancel()


def test_production_refuses_anything_but_real_time() -> None:
    with pytest.raises(ValueError, match="SVERKA_CLOCK_RATE"):
        build_clock(environment="production", rate=60.0, control_url="", client_name="x")
    with pytest.raises(ValueError, match="real time"):
        build_clock(environment="production", rate=1.0, control_url="http://127.0.0.1:1/control", client_name="x")
    assert build_clock(environment="production", rate=1.0, control_url="", client_name="x").rate == 1.0


async def test_production_follows_a_machine_whose_time_is_set_right(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = build_clock(environment="production", rate=1.0, control_url="", client_name="ingest")
    monkeypatch.setattr(MachineClock, "LOOK_AGAIN_SECONDS", 0.01)
    before, machine = clock.now(), time.time
    waiting = asyncio.create_task(clock.sleep_until(before + timedelta(hours=1)))
    monkeypatch.setattr(time, "time", lambda: machine() + 3_600)
    assert clock.now() - before >= timedelta(hours=1)
    await asyncio.wait_for(waiting, 10)


def test_a_machine_whose_clock_is_set_says_so_and_one_that_drifts_does_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, machine, ahead = MachineClock(), time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: machine() + ahead[0])
    for seconds in (2.0, 4.0, 1.0):
        ahead[0] = seconds
        clock.now()
    assert (clock.set_forward_at, caplog.messages) == (None, [])
    ahead[0] = -7_200.0
    clock.now()
    assert (clock.set_forward_at, ["set back by 7201 s" in said for said in caplog.messages]) == (None, [True])
    ahead[0] = 0.0
    moment = clock.now()
    assert clock.set_forward_at == moment
    assert "set forward by 7200 s" in caplog.messages[-1]
    assert clock.now() >= moment
    assert (clock.set_forward_at, len(caplog.messages)) == (moment, 2)


def test_a_machines_clock_is_known_only_since_its_process_began() -> None:
    before = Clock().now()
    clock = MachineClock()
    since = clock.known_since
    assert since is not None
    assert before <= since <= clock.now()
    assert clock.known_since == since
    assert Clock().known_since is None
    assert ManualClock(before).known_since is None, "business time is moved on purpose"


def test_rate_has_limits() -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        Clock(rate=-1.0)
