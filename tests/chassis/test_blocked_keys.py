"""A key that waits behind a dead letter is told of in the letter's own transaction, once, and once that it is free."""

import json
from typing import Any

import asyncpg
import pytest

from chassis.aggregate import StreamKinds
from chassis.engine import Engine
from chassis.messaging.blocked import blocked_kind
from chassis.messaging.intake import Intake
from chassis.messaging.letters import UNKNOWN, Fault, StoredRecord
from chassis.messaging.replay import DeadLetterOffice
from contracts.envelope import Message
from contracts.messages.operations import DeadLettersBegan, DeadLettersEnded
from tests.chassis.sample.domain import CODEC, MIGRATIONS, Amount, Poison, engine, route
from tests.chassis.sample.service import TOPIC, now
from tests.kit.database import Databases, OwnDatabase
from tests.kit.kafka import message

OWN_TOPIC = "sample.operations"
NAMES = (DeadLettersBegan.NAME, DeadLettersEnded.NAME)


class Unreadable(Message, name="Amount"):
    amount: str = "many"


class Consuming:
    """The sample's consuming side with the kind, without Kafka; ``poison`` fails ``decide`` as it does there."""

    def __init__(self, own: OwnDatabase, database: Any) -> None:
        self.poison = Poison()
        self._own = own
        kinds = [*engine(self.poison).kinds, blocked_kind(OWN_TOPIC, DeadLettersBegan, DeadLettersEnded)]
        self.intake = Intake(
            "sample",
            database=database,
            engine=Engine("sample", StreamKinds(kinds)),
            codec=CODEC,
            route=route,
            now=now,
        )
        self.office = DeadLetterOffice(self.intake)
        self._offset = 0

    async def take(self, *amounts: int, key: str = "a", topic: str = TOPIC, unreadable: bool = False) -> None:
        """Messages of one batch; a poisonous one is dead already, as after its last attempt."""
        taken = []
        for amount in amounts:
            body = Unreadable() if unreadable else Amount(accounts=(key,), amount=amount)
            sent = message(body, key, event_id=f"{topic}/{key}/{amount}")
            record = StoredRecord(topic, 0, self._offset, 0, sent.key, sent.value, sent.headers)
            self._offset += 1
            one = self.intake.read(record, topic, {})
            if amount in self.poison.amounts:
                one.fault = Fault(UNKNOWN, "ArithmeticError", f"{amount} is poison", 3)
                one.commands.clear()
            taken.append(one)
        await self.intake.run(taken)

    async def ask(self, sql: str) -> list[Any]:
        """Rows, past all policies."""
        connection = await asyncpg.connect(self._own.admin_url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    async def said(self) -> list[tuple[str, str, str]]:
        """Type, Kafka key and the key named, of what lies in the outbox on the service's own topic."""
        rows = await self.ask(
            "SELECT key, headers::text AS headers, body FROM outbox WHERE topic = 'sample.operations' ORDER BY seq"
        )
        names = [next(one for one in NAMES if one in row["headers"]) for row in rows]
        return [(name, row["key"], json.loads(row["body"])["key"]) for name, row in zip(names, rows, strict=True)]


@pytest.fixture
async def consuming(databases: Databases) -> Any:
    own = await databases("sample", MIGRATIONS)
    database = await own.open()
    yield Consuming(own, database)
    await database.close()


BEGAN, ENDED = ("DeadLettersBegan", "one:a", "a"), ("DeadLettersEnded", "one:a", "a")


async def test_hundred_letters_of_a_key_are_said_once_in_their_transaction(consuming: Consuming) -> None:
    consuming.poison.amounts.add(1)
    await consuming.take(*range(1, 51))
    await consuming.take(*range(51, 101))
    await consuming.take(1, 7, key="b")
    assert len(await consuming.ask("SELECT FROM dead_letters WHERE key = 'one:a'")) == 100
    assert await consuming.said() == [BEGAN, ("DeadLettersBegan", "one:b", "b")]
    together = await consuming.ask(
        "SELECT count(DISTINCT xmin::text) AS transactions FROM (SELECT xmin FROM blocked_keys WHERE key = 'one:a' "
        "UNION ALL SELECT xmin FROM outbox WHERE topic = 'sample.operations' AND key = 'one:a') AS rows"
    )
    assert together[0]["transactions"] == 1


async def test_end_is_said_when_the_last_letter_was_replayed_and_not_by_a_dry_run(consuming: Consuming) -> None:
    consuming.poison.amounts.add(1)
    await consuming.take(1, 2)
    first, last = await consuming.office.search()
    await consuming.office.replay(last.event_id, "ann")
    assert await consuming.said() == [BEGAN]
    consuming.poison.amounts.clear()
    await consuming.office.replay(last.event_id, "ann", dry_run=True)
    await consuming.office.replay(first.event_id, "ann")
    assert await consuming.said() == [BEGAN]
    await consuming.office.replay_all("ann")
    assert await consuming.said() == [BEGAN, ENDED]
    consuming.poison.amounts.add(3)
    await consuming.take(3)
    assert await consuming.said() == [BEGAN, ENDED, BEGAN]


async def test_end_is_said_when_the_last_letter_was_given_up(consuming: Consuming) -> None:
    await consuming.take(1, 2, unreadable=True)
    first, last = await consuming.office.search()
    await consuming.office.discard(first.event_id, "ann")
    assert await consuming.said() == [BEGAN]
    await consuming.office.discard(last.event_id, "ann")
    assert await consuming.said() == [BEGAN, ENDED]
    await consuming.take(5)
    assert await consuming.ask("SELECT FROM events WHERE stream = 'account-a'")


async def test_letters_of_nobody_and_of_the_own_topic_are_not_said(consuming: Consuming) -> None:
    """A telling that cannot be heard would wait behind the letter that it tells of."""
    await consuming.take(1, unreadable=True, topic=OWN_TOPIC)
    record = StoredRecord(TOPIC, 0, 99, 0, b"?", b"{", [])
    await consuming.intake.run([consuming.intake.read(record, TOPIC, {})])
    assert len(await consuming.office.search()) == 2
    assert await consuming.said() == []
    for letter in await consuming.office.search():
        await consuming.office.discard(letter.event_id, "ann")
    assert await consuming.office.search() == []
    assert await consuming.ask("SELECT FROM events WHERE stream LIKE 'letters-%'") == []


async def test_key_that_an_older_build_blocked_is_said_with_the_next_message_behind_it(consuming: Consuming) -> None:
    await consuming.take(1, unreadable=True)
    await consuming.ask("DELETE FROM outbox")
    await consuming.ask("DELETE FROM events")
    await consuming.take(2)
    assert await consuming.said() == [BEGAN]
    for letter in await consuming.office.search():
        await consuming.office.discard(letter.event_id, "ann")
    assert await consuming.said() == [BEGAN, ENDED]
