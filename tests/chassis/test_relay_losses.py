"""The relay notices when the broker has lost what it took, and publishes it again."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from chassis.messaging import outgoing
from chassis.messaging.codec import generation_of, sending_of
from chassis.messaging.kafka import KafkaError, KafkaSettings
from chassis.messaging.sending import Sending
from chassis.messaging.topics import ensure_topics
from chassis.postgres import Database
from tests.chassis.relaying import TOPIC, add, arrived, in_kafka, relaying, unsent
from tests.chassis.sample.domain import MIGRATIONS
from tests.kit.database import Databases, OwnDatabase
from tests.kit.kafka import delete_topic, eventually, read_all


@pytest.fixture
async def own_database(databases: Databases) -> OwnDatabase:
    return await databases("sample", MIGRATIONS)


@pytest.mark.expects_errors("the broker lost totals")
async def test_a_lost_log_is_noticed_and_published_again(database: Database, kafka: KafkaSettings) -> None:
    async with relaying(database, kafka) as relay:
        for amount in range(1, 11):
            await add(database, "a", amount)
        await add(database, "b", 1)
        await eventually(arrived(kafka, a=range(1, 11), b=[1]))
        first = {dict(r.headers)["ce_id"]: r.value for r in await read_all(kafka, TOPIC.name)}

        await delete_topic(kafka, TOPIC.name)
        await ensure_topics(kafka, [TOPIC])
        await add(database, "a", 11)

        async def all_again() -> bool:
            found = await in_kafka(kafka)
            return set(found.get("one:a", [])) == set(range(1, 12)) and found.get("one:b") == [1]

        await eventually(all_again)
        assert relay.problem == ""
    found = await read_all(kafka, TOPIC.name)
    again = {dict(r.headers)["ce_id"]: r.value for r in found}
    assert first.items() <= again.items(), "the same messages under the same ids"
    assert max(generation_of(sending_of(record)) for record in found) > 0, "readers can tell that the log is another"


@pytest.mark.expects_errors("the broker lost totals")
async def test_a_topic_that_is_gone_is_made_and_filled_again(database: Database, kafka: KafkaSettings) -> None:
    async with relaying(database, kafka):
        await add(database, "a", 1, 2, 3)
        await eventually(arrived(kafka, a=[1, 2, 3]))
        await delete_topic(kafka, TOPIC.name)

        async def all_again() -> bool:
            try:
                found = await in_kafka(kafka)
            except (KafkaError, KeyError):
                return False
            return found.get("one:a") == [1, 2, 3]

        await eventually(all_again)


@pytest.mark.expects_errors("the broker lost totals")
async def test_a_loss_while_no_relay_ran_is_noticed_at_its_start(database: Database, kafka: KafkaSettings) -> None:
    async with relaying(database, kafka):
        await add(database, "a", 1, 2, 3)
        await eventually(arrived(kafka, a=[1, 2, 3]))
    await delete_topic(kafka, TOPIC.name)
    async with relaying(database, kafka):
        await eventually(arrived(kafka, a=[1, 2, 3]))


@pytest.mark.expects_errors("the broker lost totals")
async def test_a_lost_log_that_has_grown_again_is_noticed_at_the_start(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader sent into the new log, past the position that was known of the old one, and died before marking it."""
    await ensure_topics(kafka, [TOPIC])
    async with relaying(database, kafka):
        await add(database, "a", 1)
        await eventually(arrived(kafka, a=[1]))
    await delete_topic(kafka, TOPIC.name)
    await ensure_topics(kafka, [TOPIC])
    await add(database, "a", 2)
    with monkeypatch.context() as dying:
        dying.setattr(Sending, "_mark", _does_nothing)
        dying.setattr(Sending, "_compare_ends", _does_nothing)
        async with relaying(database, kafka, check_ends_seconds=60):
            await eventually(arrived(kafka, a=[2]))
    async with relaying(database, kafka, check_ends_seconds=60):
        await eventually(holds(kafka, 1, 2))


@pytest.mark.expects_errors("the broker lost totals")
async def test_a_loss_that_a_dying_leader_marked_is_noticed_by_the_next(
    database: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it sent into the new log is marked; the statement that marks it says that the old one is lost."""
    await ensure_topics(kafka, [TOPIC])
    async with relaying(database, kafka):
        await add(database, "a", 1)
        await eventually(arrived(kafka, a=[1]))
    await delete_topic(kafka, TOPIC.name)
    await ensure_topics(kafka, [TOPIC])
    with monkeypatch.context() as dying:
        dying.setattr(outgoing, "distrust_positions", _dies)
        dying.setattr(Sending, "_compare_records", _does_nothing)
        dying.setattr(Sending, "_compare_ends", _does_nothing)
        async with relaying(database, kafka) as relay:
            await add(database, "a", 2)

            async def marked() -> bool:
                return await unsent(database) == 0

            await eventually(marked)
            relay.stop()
    async with relaying(database, kafka):
        await eventually(holds(kafka, 1, 2))


def holds(kafka: KafkaSettings, *amounts: int) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        return set((await in_kafka(kafka)).get("one:a", [])) == set(amounts)

    return probe


async def _does_nothing(*_: object) -> None:
    return


async def _dies(*_: object) -> None:
    raise asyncpg.ConnectionDoesNotExistError
