"""The README's service of 40 lines, run as a process on real Postgres and Kafka, does what the README says."""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from chassis.messaging.kafka import AIOKafkaConsumer, KafkaSettings, start_producer
from contracts.envelope import Envelope
from tests.kit.database import Databases

ROOT = Path(__file__).parents[2]
README = ROOT / "chassis" / "README.md"
TOKEN = "readme-service-token"
DEADLINE_SECONDS = 60


def readme_code() -> str:
    """The first Python block of the README."""
    found = re.search(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_it_has_40_lines() -> None:
    code = [line for line in readme_code().splitlines() if line.strip() and not line.startswith(("import ", "from "))]
    assert len(code) <= 40


@dataclass
class Running:
    """The service as a process, and where its world is."""

    module: Path
    env: dict[str, str]
    url: str
    kafka: KafkaSettings
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(self.module)], cwd=self.module.parent, env=self.env, stdout=out, stderr=out
            )

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(40)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
            return await client.get(self.url + path)

    async def until(self, path: str, wanted: Callable[[httpx.Response], Any]) -> Any:
        """Asks until the answer is as wanted."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                assert self.process is not None
                assert self.process.poll() is None, self.log.read_text()
                with contextlib.suppress(httpx.TransportError):  # it does not listen yet
                    answer = await self.get(path)
                    if wanted(answer):
                        return answer.json()
                await asyncio.sleep(0.1)

    async def ready(self) -> None:
        await self.until("/readyz", lambda answer: answer.status_code == 200)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def greeter(databases: Databases, kafka_bootstrap: str, tmp_path: Path) -> AsyncIterator[Running]:
    database = await databases("greeter")
    kafka = KafkaSettings(kafka_bootstrap, f"readme-{secrets.token_hex(4)}.")
    module = tmp_path / "greeter.py"
    module.write_text(readme_code())
    port = free_port()
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SVERKA_ENV": "test",
        "SVERKA_DATABASE_URL": database.urls.app,
        "SVERKA_DELIVERY_DATABASE_URL": database.urls.delivery,
        "SVERKA_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "SVERKA_TOPIC_PREFIX": kafka.prefix,
        "SVERKA_PORT": str(port),
        "SVERKA_SERVICE_TOKEN": TOKEN,
        "SVERKA_BLOBS_URL": f"file:{tmp_path}/blobs",
    }
    running = Running(module, env, f"http://127.0.0.1:{port}", kafka, tmp_path / "log.jsonl")
    running.start()
    try:
        await running.ready()
        yield running
    finally:
        running.end(signal.SIGKILL)


async def greet(kafka: KafkaSettings, person: str, ids: list[str], traceparent: str = "") -> None:
    producer = await start_producer(kafka, "test")
    try:
        for event_id in ids:
            envelope = Envelope(event_id, "Greeted", 1, "test", person, datetime.now(UTC), "vektor", traceparent)
            body = orjson.dumps({"person": person})
            await producer.send_and_wait(
                f"{kafka.prefix}greetings", body, key=f"vektor:{person}".encode(), headers=envelope.headers()
            )
    finally:
        await producer.stop()


async def celebrations(kafka: KafkaSettings, count: int) -> list[tuple[str, dict[str, Any]]]:
    return [(envelope.subject, body) for envelope, body in await celebrated(kafka, count)]


async def celebrated(kafka: KafkaSettings, count: int) -> list[tuple[Envelope, dict[str, Any]]]:
    consumer = AIOKafkaConsumer(
        f"{kafka.prefix}celebrations", **kafka.client("test"), auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        found = []
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for record in consumer:
                found.append((Envelope.from_headers(record.headers), orjson.loads(record.value)))
                if len(found) == count:
                    return found
    finally:
        await consumer.stop()
    return found


def lines_of(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text().splitlines():
        yield orjson.loads(line)


async def test_it_counts_each_greeting_once_and_celebrates_every_third(greeter: Running) -> None:
    await greet(greeter.kafka, "anna", ["1", "2", "2", "3", "1"])
    assert await celebrations(greeter.kafka, 1) == [("person-anna", {"total": 3})]
    await greet(greeter.kafka, "anna", ["3", "4", "5", "6"])
    assert await celebrations(greeter.kafka, 2) == [("person-anna", {"total": 3}), ("person-anna", {"total": 6})]

    status = await greeter.until("/internal/status", lambda answer: answer.json().get("idle"))
    assert status["service"] == "greeter"
    assert (status["consumer_lag"], status["outbox_unsent"], status["dead_letters"]) == (0, 0, 0)
    metrics = (await greeter.get("/metrics")).text
    assert 'sverka_consumed_messages_total{result="handled",topic="greetings"} 6.0' in metrics

    assert await asyncio.to_thread(greeter.end, signal.SIGTERM) == 0
    lines = list(lines_of(greeter.log))
    assert [line for line in lines if line["level"] in ("error", "critical")] == []
    assert lines[-1]["service"] == "greeter"


async def test_kill_9_neither_loses_nor_doubles(greeter: Running) -> None:
    await greet(greeter.kafka, "anna", ["1", "2"])
    await greeter.until("/internal/status", lambda answer: answer.json().get("idle"))
    await asyncio.to_thread(greeter.end, signal.SIGKILL)
    await greet(greeter.kafka, "anna", ["2", "3", "4", "5", "6"])
    greeter.start()
    await greeter.ready()
    assert [body for _, body in await celebrations(greeter.kafka, 2)] == [{"total": 3}, {"total": 6}]


async def test_a_bad_message_waits_as_a_dead_letter(greeter: Running) -> None:
    producer = await start_producer(greeter.kafka, "test")
    envelope = Envelope("bad", "Greeted", 1, "test", "boris", datetime.now(UTC), "vektor")
    await producer.send_and_wait(
        f"{greeter.kafka.prefix}greetings", b"not json", key=b"vektor:boris", headers=envelope.headers()
    )
    await producer.stop()
    await greet(greeter.kafka, "anna", ["1", "2", "3"])
    assert await celebrations(greeter.kafka, 1) == [("person-anna", {"total": 3})]
    await greeter.until("/internal/status", lambda answer: answer.json().get("dead_letters") == 1)
    listed = await greeter.get("/internal/dead?tenant=vektor")
    assert listed.status_code == 200, greeter.log.read_text()
    (letter,) = listed.json()["dead"]
    assert (letter["topic"], letter["reason"], letter["key"]) == ("greetings", "content", "vektor:boris")
    shown = (await greeter.get(f"/internal/dead/{letter['event_id']}")).json()
    assert shown["body"] == "not json"
    assert shown["headers"]["ce_type"] == "Greeted"


def start_tap(port: int, spans: Path) -> subprocess.Popen[bytes]:
    with spans.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "oteltap", "--port", str(port)], stdout=out, stderr=out)


async def until_listening(port: int) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def spans_of(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_text().splitlines() if line.startswith("{")]


async def test_one_trace_leads_through_consumer_and_outbox(greeter: Running, tmp_path: Path) -> None:
    await asyncio.to_thread(greeter.end, signal.SIGTERM)
    port = free_port()
    spans = tmp_path / "spans.jsonl"
    tap = start_tap(port, spans)
    try:
        await until_listening(port)
        greeter.env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "SVERKA_TRACE_SAMPLE_RATIO": "1"}
        greeter.start()
        await greeter.ready()
        await greet(greeter.kafka, "anna", ["1", "2", "3"], traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
        ((envelope, _),) = await celebrated(greeter.kafka, 1)
        await asyncio.to_thread(greeter.end, signal.SIGTERM)  # the end sends what waits
        found = [span for span in spans_of(spans) if span["traceId"] == "a" * 32]
    finally:
        tap.kill()
        tap.wait(10)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for span in found:
        by_name.setdefault(span["name"], []).append(span)
    assert [span["parentSpanId"] for span in by_name["process greetings"]] == ["b" * 16] * 3
    (sent,) = by_name["send celebrations"]
    assert sent["parentSpanId"] in {span["spanId"] for span in by_name["process greetings"]}
    assert envelope.traceparent == f"00-{'a' * 32}-{sent['spanId']}-01"
