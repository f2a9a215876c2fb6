"""Kill -9 of any process of an installation: it comes back at the same addresses with everything kept."""

import asyncio
import json
import os
import signal
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]

from deploy.local import processes
from deploy.local.folder import DataFolder
from deploy.local.kafka import live_brokers
from deploy.local.refusal import Refusal
from deploy.local.service import answers
from tests.deploy.conftest import Installed, until

TOPIC = "kept"


async def keep_row(url: str, value: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO kept VALUES ($1)", value)
    await connection.close()


async def has_row(url: str, value: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT count(*) = 1 FROM kept WHERE value = $1", value))
    finally:
        await connection.close()


def takes_connections(url: str) -> bool:
    async def connect() -> None:
        await (await asyncpg.connect(url)).close()

    try:
        asyncio.run(connect())
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def keep_record(bootstrap: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(TOPIC, value)
    await producer.stop()


async def records(bootstrap: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()


def test_run_json_has_the_documented_shape(installed: Installed) -> None:
    file = installed.folder / "run.json"
    written = json.loads(file.read_text())
    assert written.keys() >= {"version", "postgres", "kafka", "services", "sandbox", "token_file"}
    assert written["postgres"].keys() == {"url", "pid"}
    assert written["kafka"].keys() == {"bootstrap", "pid"}
    assert written["sandbox"].keys() == {"url", "control_url", "pid"}
    assert written["services"].keys() == {"ingest", "payments"}
    assert all(service.keys() == {"url", "pid"} for service in written["services"].values())
    assert len(Path(written["token_file"]).read_text().strip()) >= 32
    private = [file, Path(written["token_file"]), installed.folder / "secrets" / "postgres"]
    assert [path.stat().st_mode & 0o777 for path in private] == [0o600] * 3
    assert (installed.folder / "secrets").stat().st_mode & 0o777 == 0o700


def test_second_up_is_refused_with_the_name_of_the_holder(installed: Installed) -> None:
    with pytest.raises(Refusal) as refused:
        installed.up()
    text = str(refused.value)
    assert f"process {installed.run.launcher.pid} " in text
    assert "launcher.py" in text
    assert "sverka down" in text


def test_the_lock_itself_refuses(installed: Installed) -> None:
    with pytest.raises(Refusal, match=f"process {installed.run.launcher.pid} "), DataFolder(installed.folder).hold():
        pass


def test_killed_service_comes_back_and_its_own_children_do_not_stay(installed: Installed) -> None:
    before = installed.run.services["ingest"]
    family = [pid for pid in installed.processes() if processes.parent(pid) == before.pid]
    assert family, "the stand-in has a child"
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: installed.run.services["ingest"].pid != before.pid, "a new process in run.json")
    after = installed.run.services["ingest"]
    assert after.url == before.url
    until(lambda: answers(after.url), "the service answers again")
    assert not set(family) & installed.processes().keys()


def test_killed_postgres_keeps_what_was_committed(installed: Installed) -> None:
    before = installed.run.postgres
    asyncio.run(keep_row(before.url, "committed before the kill"))
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: installed.run.postgres.pid != before.pid, "a new process in run.json")
    assert installed.run.postgres.url == before.url
    until(lambda: takes_connections(before.url), "PostgreSQL answers again")
    assert asyncio.run(has_row(before.url, "committed before the kill"))


def test_killed_kafka_keeps_what_was_acknowledged(installed: Installed) -> None:
    before = installed.run.kafka
    asyncio.run(keep_record(before.bootstrap, b"acknowledged before the kill"))
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: installed.run.kafka.pid != before.pid, "a new process in run.json")
    assert installed.run.kafka.bootstrap == before.bootstrap
    until(lambda: live_brokers(int(before.bootstrap.rpartition(":")[2])) == 1, "Kafka answers again")
    assert asyncio.run(records(before.bootstrap, 1)) == [b"acknowledged before the kill"]


def test_killed_launcher_takes_all_with_it_and_up_goes_on(installed: Installed) -> None:
    before = installed.run
    asyncio.run(keep_row(before.postgres.url, "before the launcher was killed"))
    os.kill(before.launcher.pid, signal.SIGKILL)
    # The stand-ins' own children are beyond the reach of the kernel's parent-death signal: `up` ends those.
    until(lambda: all(command.startswith("sleep") for command in installed.processes().values()), "the children's end")
    assert DataFolder(installed.folder).running() is None
    stray = set(installed.processes())
    assert stray

    after = installed.up()

    assert after.postgres.url == before.postgres.url
    assert after.kafka.bootstrap == before.kafka.bootstrap
    assert {name: run.url for name, run in after.services.items()} == {
        name: run.url for name, run in before.services.items()
    }
    assert not stray & installed.processes().keys()
    assert asyncio.run(has_row(after.postgres.url, "before the launcher was killed"))
    assert asyncio.run(records(after.kafka.bootstrap, 1)) == [b"acknowledged before the kill"]


def test_everything_killed_at_once_is_no_different(installed: Installed) -> None:
    before = installed.run
    for pid in installed.processes():
        processes.kill(pid)
    until(lambda: not installed.processes(), "the end of everything")
    after = installed.up()
    assert after.postgres.url == before.postgres.url
    assert asyncio.run(has_row(after.postgres.url, "before the launcher was killed"))
    assert asyncio.run(records(after.kafka.bootstrap, 1)) == [b"acknowledged before the kill"]


def test_down_ends_everything_in_order(installed: Installed) -> None:
    (installed.folder / "journal").write_text("")
    assert installed.down()
    assert not installed.processes()
    assert not (installed.folder / "run.json").exists()
    journal = installed.journal()
    assert set(journal) == {"ingest ended", "payments ended", "sandbox ended"}
    assert journal[-1] == "sandbox ended"
    logs = installed.folder / "logs"
    assert "database system is shut down" in (logs / "postgres.log").read_text().splitlines()[-1]
    assert "shut down completed" in (logs / "kafka.log").read_text()
    assert not installed.down(), "nothing runs any more"
