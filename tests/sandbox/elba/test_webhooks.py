"""Webhooks: signature, repetition at 5, 15 and 45 business seconds, and the faults of events."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest_asyncio

from tests.sandbox.elba_client import ElbaClient
from tests.sandbox.running import eventually, serve

SECRET = "webhook-secret"


class Receiver:
    """An HTTP server that keeps what it is sent and answers with `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in head[1:] if row)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append((headers, body))
                status = self.statuses.pop(0) if self.statuses else 200
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
                await writer.drain()
        writer.close()

    def types(self) -> list[str]:
        return [orjson.loads(body)["type"] for _, body in self.got]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield made
    server.close()


async def subscribe(elba: ElbaClient, receiver: Receiver, *events: str) -> str:
    answer = await elba.post("/webhooks", {"url": receiver.url, "events": list(events), "secret": SECRET})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def signed(headers: dict[str, str], body: bytes) -> bool:
    return headers["x-elba-signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


async def phases(elba: ElbaClient) -> list[str]:
    return [line["phase"] for line in await elba.sandbox.lines(kind="event")]


async def test_deliveries_are_signed_and_say_what_changed(elba: ElbaClient, receiver: Receiver) -> None:
    hook = await subscribe(elba, receiver, "invoice.paid", "payment.matched", "counterparty.updated")
    invoice = await elba.invoice(await elba.buyer())
    paid = await elba.control("/payments", {"invoice": "B24-1042"})
    await eventually(lambda: len(receiver.got) == 3, "three deliveries")
    assert all(signed(*delivery) for delivery in receiver.got)
    assert len({headers["x-elba-delivery"] for headers, _ in receiver.got}) == 3
    by_type = {orjson.loads(body)["type"]: orjson.loads(body) for _, body in receiver.got}
    assert by_type["payment.matched"]["data"] == {"paymentId": paid["id"], "invoiceId": invoice["id"]}
    assert by_type["invoice.paid"]["occurredAt"].endswith("Z")
    assert (await elba.call("DELETE", f"/webhooks/{hook}")).status_code == 204
    await elba.buyer(kpp="770902002")
    assert (await elba.sandbox.control("/status", method="GET"))["events_pending"] == 0


async def test_a_failed_delivery_is_repeated_by_the_business_clock(elba: ElbaClient, receiver: Receiver) -> None:
    await elba.sandbox.control("/clock", {"rate": 0})
    receiver.statuses = [500, 302, 500, 500]
    await subscribe(elba, receiver, "counterparty.updated")
    await elba.buyer()
    for count, seconds in ((1, 5), (2, 15), (3, 45)):
        await eventually(partial(_failed, elba, count), f"failure {count} is noted")
        assert len(receiver.got) == count
        await elba.sandbox.advance(seconds - 0.5)
        assert len(receiver.got) == count
        await elba.sandbox.advance(0.5)
    await eventually(lambda: len(receiver.got) == 4, "the last attempt")
    await eventually(lambda: _failed(elba, 4), "it is given up")
    assert (await elba.sandbox.control("/status", method="GET"))["events_pending"] == 0
    assert len({body for _, body in receiver.got}) == 1


async def _failed(elba: ElbaClient, count: int) -> bool:
    return (await phases(elba)).count("failed") == count


async def test_a_queued_delivery_outlives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    async with serve(tmp_path) as sandbox:
        await sandbox.control("/clock", {"rate": 0})
        account = await sandbox.control("/elba/accounts", {"title": "ООО «Вектор»", "inn": "500123456750"})
        elba = ElbaClient(sandbox, account)
        await elba.sign_in()
        receiver.statuses = [503]
        await subscribe(elba, receiver, "counterparty.updated")
        await elba.buyer()
        await eventually(lambda: _failed(elba, 1), "the first attempt fails")
    async with serve(tmp_path) as sandbox:
        await sandbox.advance(5)
        await eventually(lambda: len(receiver.got) == 2, "the second attempt after the restart")


@pytest_asyncio.fixture
async def hooked(elba: ElbaClient, receiver: Receiver) -> ElbaClient:
    await elba.sandbox.control("/clock", {"rate": 0})
    await subscribe(elba, receiver, "counterparty.updated")
    return elba


async def test_drop(hooked: ElbaClient, receiver: Receiver) -> None:
    await hooked.fault("event:*", "drop")
    await hooked.buyer()
    await hooked.buyer(kpp="770902002")
    await eventually(lambda: len(receiver.got) == 1, "the second event alone")
    assert await phases(hooked) == ["dropped", "queued", "sent"]


async def test_duplicate(hooked: ElbaClient, receiver: Receiver) -> None:
    await hooked.fault("event:counterparty.updated", "duplicate", copies=3)
    await hooked.buyer()
    await eventually(lambda: len(receiver.got) == 3, "three copies")
    assert len({body for _, body in receiver.got}) == 1


async def test_delay(hooked: ElbaClient, receiver: Receiver) -> None:
    await hooked.fault("event:*", "delay", delay_seconds=600)
    await hooked.buyer()
    await hooked.sandbox.advance(599)
    assert receiver.got == []
    await hooked.sandbox.advance(1)
    await eventually(lambda: len(receiver.got) == 1, "the delayed event")


async def test_reorder(hooked: ElbaClient, receiver: Receiver) -> None:
    await hooked.fault("event:*", "reorder")
    first = await hooked.buyer()
    second = await hooked.buyer(kpp="770902002")
    await eventually(lambda: len(receiver.got) == 2, "both events")
    assert [orjson.loads(body)["data"]["counterpartyId"] for _, body in receiver.got] == [second, first]


async def test_forged(hooked: ElbaClient, receiver: Receiver) -> None:
    await hooked.fault("event:*", "forged")
    await hooked.buyer()
    await eventually(lambda: len(receiver.got) == 2, "the forged and the true event")
    assert sorted(signed(*delivery) for delivery in receiver.got) == [False, True]


async def test_bad_subscriptions_are_refused(elba: ElbaClient) -> None:
    good: dict[str, Any] = {"url": "https://hook.example/", "events": ["invoice.paid"], "secret": "s"}
    bad: list[dict[str, Any]] = [{"url": "ftp://x"}, {"events": []}, {"events": ["invoice.lost"]}, {"secret": None}]
    for members in bad:
        assert (await elba.post("/webhooks", {**good, **members})).status_code == 400
    assert (await elba.call("DELETE", "/webhooks/none")).status_code == 404
