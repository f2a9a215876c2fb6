"""The guard before the first byte, over real sockets: a refused call leaves not a byte at the vendor."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from chassis.clock import ManualClock
from chassis.http.addresses import AddressPolicy
from chassis.http.client import Answer, Call, VendorHttp, as_write
from chassis.outcomes import Ok, Outcome
from chassis.work.guard import SendGuard, SendRefused, lease_clock
from chassis.work.handlers import EffectCall
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.toy import START, Vendor, begin

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"id":"x"}'


@dataclass
class Stub:
    """A vendor on a socket: counts connections and bytes, and answers or hangs up."""

    port: int = 0
    connections: int = 0
    bytes_received: int = 0
    requests: int = 0
    hang_up: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.bytes_received += len(data)
                self.requests += data.count(b"POST ")
                if self.hang_up:
                    break
                writer.write(ANSWER)
        writer.close()


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    made = Stub()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def http() -> AsyncIterator[VendorHttp]:
    async with VendorHttp(AddressPolicy(development=True)) as client:
        yield client


def post(stub: Stub, *, changes: bool = True) -> Call:
    return Call("toy", "toy.create", "POST", stub.url, changes, content=b"{}")


def guard(clock: ManualClock, *, late: str = "") -> SendGuard:
    now = lease_clock()
    return SendGuard(
        clock,
        deadline=now - 1 if late == "deadline" else now + 25,
        lease_ends=now - 1 if late == "lease" else now + 60,
    )


@pytest.mark.parametrize("late", ["deadline", "lease"])
@pytest.mark.parametrize("kept_connection", [False, True])
async def test_a_refused_call_leaves_no_byte(stub: Stub, http: VendorHttp, late: str, kept_connection: bool) -> None:
    clock = ManualClock(START)
    if kept_connection:
        await http.send(post(stub))
    before = stub.bytes_received
    standing = guard(clock, late=late)
    with standing, pytest.raises(SendRefused):
        await http.send(post(stub))
    await http.send(post(stub, changes=False))  # whatever the refused call had written would have come before this
    assert stub.bytes_received - before <= before or not kept_connection
    assert stub.requests == (2 if kept_connection else 1)
    assert standing.surely_not_sent
    assert standing.first_byte_at is None


async def test_the_first_byte_is_noted_in_business_time(stub: Stub, http: VendorHttp) -> None:
    standing = guard(ManualClock(START))
    with standing:
        assert isinstance(await http.send(post(stub)), Answer)
    assert standing.first_byte_at == START
    assert not standing.surely_not_sent


async def test_calls_outside_the_guard_and_reads_inside_it_are_not_asked(stub: Stub, http: VendorHttp) -> None:
    late = guard(ManualClock(START), late="lease")
    with late:
        assert isinstance(await http.send(post(stub, changes=False)), Answer)
    assert isinstance(await http.send(post(stub)), Answer)
    assert not late.refused


class OverHttp(Vendor):
    """The toy's vendor behind a socket."""

    def __init__(self, http: VendorHttp, stub: Stub) -> None:
        super().__init__()
        self.http = http
        self.stub = stub

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        answer = await self.http.send(post(self.stub))
        if isinstance(answer, Answer):
            return [Ok({"remote_id": answer.json()["id"]})]
        return [as_write(answer)]


async def test_a_sender_that_slept_over_its_lease_sends_nothing(
    world: World, stub: Stub, http: VendorHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sleeps(OverHttp):
        async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
            monkeypatch.setattr("chassis.work.guard.lease_clock", lambda: lease_clock() + 70)
            try:
                return await super().send(calls)
            finally:
                monkeypatch.undo()

    await world.execute(begin("aa", "1"))
    await world.start(Sleeps(http, stub))
    row = await eventually(lambda: _first(world, "queue = 'waiting'"))
    assert (row["state"], row["sends"], stub.requests) == ("PLANNED", 0, 0)


async def test_a_vendor_that_hangs_up_leaves_a_doubt_and_a_dead_one_none(
    world: World, stub: Stub, http: VendorHttp
) -> None:
    stub.hang_up = True
    await world.execute(begin("aa", "1"))
    runner = await world.start(OverHttp(http, stub))
    row = await world.settled("aa", "1", "UNCERTAIN")
    assert (row["sends"], stub.requests) == (1, 1)
    await runner.abort()
    stub.port = 1
    await world.execute(begin("aa", "2"))
    await world.start(OverHttp(http, stub))
    row = await eventually(lambda: _first(world, "key LIKE 'chain-2%' AND queue = 'waiting'"))
    assert (row["state"], row["sends"]) == ("PLANNED", 0)


async def _first(world: World, where: str) -> Any:
    found = await world.rows(where)
    return found[0] if found else None
