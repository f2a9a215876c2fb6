"""A service's start and end: what it waits for and says so, what ends it, and what it brings to its end first."""

import asyncio
import socket
from dataclasses import replace

import asyncpg
import httpx
import pytest

from chassis import metrics
from chassis.lag import Lag
from chassis.messaging.kafka import KafkaError, KafkaSettings
from chassis.messaging.topics import ensure_topics
from chassis.postgres import Database
from chassis.serving import PortTaken
from chassis.settings import SettingsRefused
from deploy.local.kafka import Kafka
from tests.chassis.service.desk import TICKETS, Desk, finish, running
from tests.kit.database import OwnDatabase
from tests.kit.kafka import eventually
from tests.kit.mortal import Mortal

BROKEN_OFF_SECONDS = (
    20  # before requests to a broker that does not answer time out, and long before the end is broken off
)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def missing(desk: Desk) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{desk.service.url}/readyz")
    assert answer.status_code == 503
    found: dict[str, str] = answer.json()
    return found


async def until_missing(desk: Desk, words: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if words in str(await missing(desk)):
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


async def test_without_the_schema_it_waits_and_says_for_what(own_database: OwnDatabase, kafka: KafkaSettings) -> None:
    own = own_database
    admin = await asyncpg.connect(own.admin_url)
    await admin.execute("UPDATE schema_migrations SET name = 'x' || name WHERE name LIKE '0001%'")
    desk = Desk(own, kafka)
    desk.start()
    await until_missing(desk, "run `sverka migrate`")
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{desk.service.url}/healthz")).status_code == 200, (
            "waiting is no reason for a restart"
        )
        assert (await client.post(f"{desk.service.url}/tickets/1")).status_code == 503
    await admin.execute("UPDATE schema_migrations SET name = substr(name, 2) WHERE name LIKE 'x0001%'")
    await admin.close()
    await desk.ready()
    assert await finish(desk) == 0


async def test_without_postgres_it_waits(own_database: OwnDatabase, kafka: KafkaSettings) -> None:
    url = f"postgresql://x:y@127.0.0.1:{closed_port()}/x"
    desk = Desk(own_database, kafka, database_url=url, delivery_database_url=url)
    desk.start()
    await until_missing(desk, "waiting for Postgres")
    assert await finish(desk) == 0, "it ends in order also while it waits"


async def test_without_kafka_a_reader_waits_and_a_writer_serves(own_database: OwnDatabase) -> None:
    away = KafkaSettings(f"127.0.0.1:{closed_port()}", "x.")
    reader = Desk(own_database, away)
    reader.start()
    await until_missing(reader, "waiting for Kafka")
    assert await finish(reader) == 0
    async with running(Desk(own_database, away, reads=False)) as writer:
        assert (await writer.call("POST", "/tickets/7")).status_code == 200
        status = (await writer.call("GET", "/internal/status")).json()
        assert (status["ready"], status["outbox_unsent"], status["idle"]) == (True, 1, False)
        metrics.OUTBOX_UNSENT.set(0)

        async def seen() -> bool:
            return bool(metrics.OUTBOX_UNSENT._value.get() == 1)

        await eventually(seen, what="the metric that people are warned by")


async def test_status_answers_while_kafka_is_away(
    own_database: OwnDatabase, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(Desk(own_database, kafka)) as desk:

        async def away(self: Lag) -> int:
            raise KafkaError

        monkeypatch.setattr(Lag, "messages", away)
        status = (await desk.call("GET", "/internal/status")).json()
        assert (status["ready"], status["idle"], status["consumer_lag"]) == (False, False, 0)
        assert status["missing"] == {"kafka": "Kafka does not answer"}


@pytest.mark.expects_errors("the relay failed and begins anew")
async def test_a_relay_that_fails_is_seen(own_database: OwnDatabase, kafka: KafkaSettings) -> None:
    await ensure_topics(kafka, [replace(TICKETS, partitions=4)])
    words = {"relay": "the relay failed: TopicDiffers"}
    async with running(Desk(own_database, kafka)) as desk:
        assert (await desk.until("/readyz", lambda found: "relay" in found)) == {"ok": False, **words}
        status = (await desk.call("GET", "/internal/status")).json()
        assert (status["ready"], status["missing"]) == (False, words)
    async with running(Desk(own_database, kafka, reads=False)) as writer:
        status = await writer.until("/internal/status", lambda found: found["missing"])
        assert (status["ready"], status["missing"]) == (False, words)
        assert (await writer.call("GET", "/readyz")).status_code == 200, "what comes over HTTP is kept all the same"


@pytest.mark.expects_errors("a loop has ended; the service ends with it")
async def test_a_loop_that_fails_ends_the_service_with_1(
    own_database: OwnDatabase, kafka: KafkaSettings, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(own_database, kafka)
    desk.start()
    await desk.ready()
    desk.loop_error = ZeroDivisionError()
    desk.broken.set()
    assert await desk.ended() == 1
    assert "a loop has ended; the service ends with it" in caplog.text
    await desk.client.aclose()


async def test_the_end_brings_work_and_messages_to_their_end(own_database: OwnDatabase, kafka: KafkaSettings) -> None:
    desk = Desk(own_database, kafka)
    desk.start()
    await desk.ready()
    desk.phone.gate.clear()
    await desk.call("POST", "/tickets/7")
    await desk.phone.calling.wait()
    desk.stop.set()
    await until_missing(desk, "the service is ending")
    desk.phone.gate.set()
    assert await desk.ended() == 0
    await desk.client.aclose()
    database = await own_database.open()
    try:
        async with database.delivery() as connection:
            assert await connection.fetchval("SELECT state FROM work WHERE kind = 'call'") == "CONFIRMED"
            assert await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
    finally:
        await database.close()


@pytest.mark.parametrize("frozen", [False, True], ids=["gone", "frozen"])
async def test_the_end_does_not_wait_for_a_broker_that_is_away(
    own_database: OwnDatabase, database: Database, mortal_kafka: Mortal[Kafka], frozen: bool
) -> None:
    await mortal_kafka.ready()
    desk = Desk(own_database, KafkaSettings(mortal_kafka.part.bootstrap))
    desk.start()
    await desk.ready()
    await desk.call("POST", "/tickets/7")
    await desk.until("/internal/status", lambda status: status["outbox_unsent"] == 0)
    if frozen:
        mortal_kafka.freeze()
    else:
        mortal_kafka.kill()
    await desk.call("POST", "/tickets/8")
    async with asyncio.timeout(BROKEN_OFF_SECONDS):
        assert await finish(desk) == 0
    async with database.delivery() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 1


async def test_a_taken_port_and_a_missing_token_are_refused(own_database: OwnDatabase, kafka: KafkaSettings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        desk = Desk(own_database, kafka, port=taken.getsockname()[1])
        desk.start()
        with pytest.raises(PortTaken):
            await desk.ended()
    with pytest.raises(SettingsRefused):
        Desk(own_database, kafka, service_token="")
