"""The relay loses nothing and keeps the order of every key."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import date
from typing import Any

import asyncpg
import orjson
import pytest

from chassis.engine import Command
from chassis.messaging import outgoing
from chassis.messaging.kafka import KafkaError, KafkaSettings
from chassis.messaging.outgoing import Outgoing
from chassis.messaging.sending import Sending
from chassis.messaging.windows import Window
from chassis.postgres import Database
from tests.chassis.relaying import ONE, TOPIC, add, arrived, in_kafka, relaying, unsent
from tests.chassis.sample.domain import BULK_FROM, MIGRATIONS, Add, engine
from tests.chassis.sample.service import now
from tests.kit.database import Databases, OwnDatabase
from tests.kit.kafka import eventually, read_all


@pytest.fixture
async def own_database(databases: Databases) -> OwnDatabase:
    return await databases("sample", MIGRATIONS)


async def test_rows_reach_kafka_with_their_envelope(database: Database, kafka: KafkaSettings) -> None:
    async with relaying(database, kafka):
        await add(database, "a", 1, 2)
        await add(database, "b", 3)
        await eventually(arrived(kafka, a=[1, 2], b=[3]))

        async def marked() -> bool:
            return await unsent(database) == 0

        await eventually(marked)
    (record, *_) = [r for r in await read_all(kafka, TOPIC.name) if r.key == b"one:b"]
    headers = dict(record.headers)
    assert headers["ce_type"] == b"Total"
    assert headers["ce_tenantid"] == b"one"
    assert headers["ce_subject"] == b"account-b"


async def test_what_was_committed_while_nobody_relayed_goes_out_first(database: Database, kafka: KafkaSettings) -> None:
    for amount in range(1, 20):
        await add(database, "a", amount)
    async with relaying(database, kafka):
        await add(database, "a", 20)
        await eventually(arrived(kafka, a=range(1, 21)))


async def test_rows_of_a_time_that_is_to_come_hold_nothing_up(
    database: Database, own_database: OwnDatabase, kafka: KafkaSettings
) -> None:
    """They were written before the database's clock was set back; the broker refuses what is over an hour ahead."""
    await add(database, "a", 1)
    admin = await asyncpg.connect(own_database.admin_url)
    await admin.execute("UPDATE outbox SET created_at = now() + interval '2 hours'")
    await admin.close()
    async with relaying(database, kafka):
        await add(database, "a", 2)
        await eventually(arrived(kafka, a=[1, 2]))


async def test_a_late_commit_of_a_lower_seq_is_found(database: Database, kafka: KafkaSettings) -> None:
    """A cursor over a sequence would pass it by: its number was drawn first and became visible last."""
    async with relaying(database, kafka):
        async with database.transaction([ONE]) as connection:
            await engine().execute(connection, [Command(ONE, "account-late", Add(1), "1")], now())
            for amount in range(1, 6):
                await add(database, "early", amount)
            await eventually(arrived(kafka, early=range(1, 6)))
        await eventually(arrived(kafka, early=range(1, 6), late=[1]))


async def test_a_late_commit_goes_before_what_followed_it_under_its_key(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process stood still for longer than a moment, while others wrote on; then its key had a message more."""
    monkeypatch.setattr("chassis.messaging.sending.RESCAN_SECONDS", 600.0)
    loop = asyncio.get_running_loop()
    async with relaying(database, kafka):
        count = 0
        async with database.transaction([ONE]) as connection:
            await engine().execute(connection, [Command(ONE, "account-late", Add(1), "1")], now())
            begun = loop.time()
            while loop.time() < begun + 3.0:
                count += 1
                await add(database, "early", count)
                await eventually(arrived(kafka, early=range(1, count + 1)))
        await add(database, "late", 2)
        await eventually(arrived(kafka, early=range(1, count + 1), late=[1, 2]))


async def test_reading_begins_behind_what_was_sent(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[int, int]] = []
    read = outgoing.read

    async def watched(connection: Any, after: tuple[int, int], *args: Any) -> list[Outgoing]:
        begun.append(after)
        return await read(connection, after, *args)

    monkeypatch.setattr(outgoing, "read", watched)
    amounts = iter(range(1, 10_000))
    async with relaying(database, kafka):

        async def behind() -> bool:
            await add(database, "quick", next(amounts))
            await add(database, "bulk", BULK_FROM + next(amounts))
            return bool(begun) and min(begun[-1]) > 0

        await eventually(behind)


async def test_crossed_commits_under_one_key_keep_their_order(database: Database, kafka: KafkaSettings) -> None:
    """Two streams share the key ``k``. Appends take its lock first, so that rows become visible in their order."""
    made = engine()

    async def write(stream: int) -> None:
        for number in range(40):
            await add(database, f"k.{stream}", stream * 1000 + number, made=made)

    async with relaying(database, kafka):
        await asyncio.gather(write(1), write(2), write(3))

        async def all_there() -> bool:
            return len((await in_kafka(kafka)).get("one:k", [])) == 120

        await eventually(all_there)
    sent = (await in_kafka(kafka))["one:k"]
    async with database.delivery_connection() as connection:
        rows = await connection.fetch("SELECT body FROM outbox ORDER BY seq")
    assert sent == [orjson.loads(row["body"])["amount"] for row in rows]
    for stream in (1, 2, 3):
        assert [amount for amount in sent if amount // 1000 == stream] == [stream * 1000 + n for n in range(40)]


async def test_of_two_relays_one_leads_and_the_other_takes_over(
    database: Database, own_database: OwnDatabase, kafka: KafkaSettings
) -> None:
    second_database = await own_database.open()
    admin = await asyncpg.connect(own_database.admin_url)
    async with relaying(database, kafka) as first, relaying(second_database, kafka) as second:

        async def one_leads() -> bool:
            return first.leading != second.leading

        await eventually(one_leads)
        for amount in range(1, 51):
            await add(database, "a", amount)
            if amount == 25:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'sverka-relay' AND datname = current_database() "
                    "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
                )

        async def all_there() -> bool:
            return set((await in_kafka(kafka)).get("one:a", [])) == set(range(1, 51))

        await eventually(all_there)
        await eventually(one_leads)
    await admin.close()
    await second_database.close()
    sent = (await in_kafka(kafka))["one:a"]
    firsts = sorted(set(sent), key=sent.index)
    assert firsts == list(range(1, 51)), "repetitions are allowed, overtaking is not"


async def test_a_relay_begins_anew_although_its_look_at_the_broker_swallows_its_end(
    database: Database, own_database: OwnDatabase, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.Event()
    compare = Sending._compare_ends

    async def swallowing(sending: Sending, known: Mapping[tuple[str, int], int]) -> None:
        if known and not looking.is_set():
            looking.set()
            with contextlib.suppress(asyncio.CancelledError):  # as a Kafka client does that is being closed
                await asyncio.Event().wait()
        await compare(sending, known)

    monkeypatch.setattr(Sending, "_compare_ends", swallowing)
    monkeypatch.setattr("chassis.cancelling.AGAIN_SECONDS", 0.1)
    admin = await asyncpg.connect(own_database.admin_url)
    async with relaying(database, kafka):
        await add(database, "a", 1)
        await asyncio.wait_for(looking.wait(), 20)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'sverka-relay' AND datname = current_database()"
        )
        await add(database, "a", 2)

        async def both() -> bool:
            return set((await in_kafka(kafka)).get("one:a", [])) == {1, 2}

        await eventually(both)
    await admin.close()


async def test_interactive_rows_go_before_a_bulk_backlog_but_never_before_their_own_key(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.messaging.sending.READ_ROWS_MAX", 50)
    await add(database, "mixed", BULK_FROM)
    await add(database, "bulk", *range(BULK_FROM, BULK_FROM + 400))
    await add(database, "mixed", BULK_FROM + 1, 1)
    await add(database, "quick", 1)
    order: list[str] = []
    read = outgoing.read

    async def watched(*args: Any) -> list[Outgoing]:
        rows = await read(*args)
        order.extend(f"{row.key}:{row.lane}" for row in rows if row.topic == TOPIC.name)
        return rows

    monkeypatch.setattr(outgoing, "read", watched)
    async with relaying(database, kafka):

        async def all_there() -> bool:
            return sum(len(amounts) for amounts in (await in_kafka(kafka)).values()) == 404

        await eventually(all_there)
    assert "one:quick:0" in order[:60], "read before the bulk backlog is through"
    assert (await in_kafka(kafka))["one:mixed"] == [BULK_FROM, BULK_FROM + 1, 1]


async def test_a_failed_send_stops_its_partition_and_no_other(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Sending._send
    failing = [True]

    async def flaky(self: Sending, topic: str, partition: int, window: Window, producer: object) -> None:
        real = producer
        if failing[0] and any(row.key == "one:stuck" for row in window.next_rows()):

            class Refusing:
                def create_batch(self) -> object:
                    return real.create_batch()  # type: ignore[attr-defined]

                async def send_batch(self, *_: object, **__: object) -> None:
                    raise KafkaError("refused")

            producer = Refusing()
        await send(self, topic, partition, window, producer)

    monkeypatch.setattr(Sending, "_send", flaky)
    monkeypatch.setattr("chassis.messaging.sending.RETRY_FIRST_SECONDS", 0.05)
    async with relaying(database, kafka):
        await add(database, "stuck", 1, 2)
        for name in "abcdefgh":
            await add(database, name, 1)

        async def others() -> bool:
            found = await in_kafka(kafka)
            return "one:stuck" not in found and len(found) >= 4

        await eventually(others)
        await add(database, "stuck", 3)
        failing[0] = False

        async def all_there() -> bool:
            found = await in_kafka(kafka)
            return found.get("one:stuck") == [1, 2, 3] and len(found) == 9

        await eventually(all_there)


async def test_days_that_cannot_be_made_or_dropped_now_keep_no_row_back(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After days without Kafka there is so much to look through that the statement runs into its time limit."""
    rolls: list[object] = []

    async def cancelled(connection: object) -> None:
        rolls.append(connection)
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(outgoing, "roll", cancelled)
    async with relaying(database, kafka) as relay:
        await add(database, "a", 1)
        await eventually(arrived(kafka, a=[1]))
        assert relay.leading
    assert len(rolls) == 1, "one leadership"


async def test_partitions_are_made_ahead_and_dropped_when_all_is_sent(
    database: Database, own_database: OwnDatabase
) -> None:
    admin = await asyncpg.connect(own_database.admin_url)

    async def days() -> list[str]:
        rows = await admin.fetch(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'outbox'::regclass ORDER BY 1"
        )
        return [row[0] for row in rows]

    async with database.delivery_connection() as connection:
        await outgoing.roll(connection)
        assert len(await days()) == 4, "today, two days ahead, and the rest"
        for day, published in (("20200101", now()), ("20200102", None)):
            text = f"{day[:4]}-{day[4:6]}-{day[6:]}"
            await admin.execute(
                f"CREATE TABLE outbox_{day} PARTITION OF outbox FOR VALUES FROM ('{text}') TO ('{text}'::date + 1)"
            )
            await admin.execute(f"ALTER TABLE outbox_{day} OWNER TO {own_database.names.owner}")
            await admin.execute(
                "INSERT INTO outbox (tenant_id, topic, key, message_id, headers, body, lane, created_on, published_at) "
                "VALUES ('one', 't', 'k', gen_random_uuid(), '[]', '', 0, $1, $2)",
                date.fromisoformat(text),
                published,
            )
        await outgoing.roll(connection)
    left = await days()
    await admin.close()
    assert "outbox_20200101" not in left
    assert "outbox_20200102" in left, "an unsent row keeps its day"
