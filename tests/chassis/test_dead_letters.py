"""A message that cannot be handled waits as a letter, its key's later ones behind it, until a person replays them."""

import asyncio
import uuid
from typing import Any

import pytest

from chassis import metrics
from chassis.engine import Engine
from chassis.ids import tenant_id
from chassis.messaging.letters import RESOLVED_DAYS
from chassis.messaging.limit import DEAD_IN_A_ROW_MAX, LetterLimit
from chassis.messaging.relay import keep_house
from chassis.messaging.replay import DeadLetterOffice, LetterNotFound
from contracts.envelope import Message
from tests.chassis.sample.domain import Amount
from tests.chassis.sample.service import TOPIC, Sample
from tests.kit.kafka import Sent, committed, eventually, message, send

ONE = tenant_id("one")


@pytest.fixture
def office(sample: Sample) -> DeadLetterOffice:
    return DeadLetterOffice(sample.intake())


def amount(account: str, amount: int, **rest: Any) -> Sent:
    return message(Amount(accounts=(account,), amount=amount), account, **rest)


def letters(sample: Sample, count: int) -> Any:
    async def probe() -> bool:
        return bool(await sample.ask("SELECT count(*) = $1 FROM dead_letters", count))

    return probe


@pytest.mark.expects_errors("a message of amounts cannot be handled")
async def test_poison_blocks_its_key_alone_and_is_replayed_in_order(sample: Sample, office: DeadLetterOffice) -> None:
    sample.poison.amounts.add(2)
    sent = [amount("a", 1), amount("a", 2), amount("b", 10), amount("a", 3), amount("a", 4), amount("b", 11)]
    await send(sample.kafka, TOPIC, sent)
    async with sample.consumer():
        await eventually(letters(sample, 3))
        await eventually(sample.has("b", 10, 11))
        assert await sample.amounts("a") == [1]
        first, *rest = await office.search()
        assert (first.reason, first.error_class, first.attempts, first.type) == (
            "unknown",
            "ArithmeticError",
            3,
            "Amount",
        )
        assert [letter.reason for letter in rest] == ["follows", "follows"]

        failed = await office.replay(rest[-1].event_id, "ann", dry_run=False)
        assert [r.result for r in failed] == ["failed", "waiting", "waiting"]
        assert await sample.amounts("a") == [1]

        sample.poison.amounts.clear()
        tried = await office.replay(rest[-1].event_id, "ann", dry_run=True)
        assert [r.result for r in tried] == ["replayed"] * 3
        assert await sample.amounts("a") == [1], "a dry run leaves nothing"

        await office.replay(rest[0].event_id, "ann")
        assert await sample.amounts("a") == [1, 2, 3], "with all that came before it, and nothing after"
        await send(sample.kafka, TOPIC, [amount("a", 5)])
        await eventually(letters(sample, 4))
        await office.replay_all("ann")
        assert await sample.amounts("a") == [1, 2, 3, 4, 5]
        await send(sample.kafka, TOPIC, [amount("a", 6), *sent])
        await eventually(sample.has("a", 1, 2, 3, 4, 5, 6))
    assert await sample.ask("SELECT count(*) FROM blocked_keys") == 0
    assert (
        await sample.ask("SELECT count(*) FROM dead_letters WHERE resolution = 'replayed' AND resolved_by = 'ann'") == 4
    )


@pytest.mark.expects_errors("a message of amounts cannot be handled")
async def test_a_replay_races_with_arriving_messages_and_keeps_their_order(
    sample: Sample, office: DeadLetterOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consumer and replay take the key's lock before they look whether it is blocked."""
    sample.poison.amounts.add(1)
    await send(sample.kafka, TOPIC, [amount("a", n) for n in range(1, 5)])
    async with sample.consumer():
        await eventually(letters(sample, 4))
        sample.poison.amounts.clear()
        entered = asyncio.Event()
        leave = asyncio.Event()
        execute = Engine.execute

        async def slow(self: Engine, *args: Any, **kwargs: Any) -> Any:
            entered.set()
            await leave.wait()
            return await execute(self, *args, **kwargs)

        monkeypatch.setattr(Engine, "execute", slow)
        replay = asyncio.create_task(office.replay_all("ann"))
        await entered.wait()
        await send(sample.kafka, TOPIC, [amount("a", n) for n in range(5, 9)])

        async def consumer_waits() -> bool:
            return bool(await sample.ask("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

        await eventually(consumer_waits)
        leave.set()
        await replay
        await eventually(sample.has("a", *range(1, 9)))
    assert await sample.ask("SELECT count(*) FROM blocked_keys") == 0


@pytest.mark.expects_errors("a message of amounts cannot be handled")
async def test_what_was_discarded_never_comes_back_to_life_however_late_it_is_published_again(
    sample: Sample, office: DeadLetterOffice
) -> None:
    """Its letter is all that the service remembers of it; one that was replayed is in the streams."""
    sample.poison.amounts.update((1, 2))
    given_up, replayed = amount("a", 1), amount("b", 2)
    await send(sample.kafka, TOPIC, [given_up, replayed])
    repeated = metrics.CONSUMED.labels(TOPIC, "repeated")
    async with sample.consumer():
        await eventually(letters(sample, 2))
        sample.poison.amounts.clear()
        first, second = await office.search()
        await office.discard(first.event_id, "ann")
        await office.replay(second.event_id, "ann")
        await sample.ask("UPDATE dead_letters SET resolved_at = now() - make_interval(days => $1)", RESOLVED_DAYS + 1)
        await keep_house(sample.database)
        before = repeated._value.get()
        await send(sample.kafka, TOPIC, [given_up, replayed, amount("a", 3)])
        await eventually(sample.has("a", 3))
        assert repeated._value.get() - before == 2
    assert await sample.amounts("b") == [2]
    kept = await office.show(first.event_id)
    assert (kept.resolution, kept.resolved_by, kept.body) == ("discarded", "ann", b"")
    with pytest.raises(LetterNotFound):
        await office.show(second.event_id)


async def test_what_cannot_be_decoded_is_a_letter_at_once_and_once(sample: Sample, office: DeadLetterOffice) -> None:
    class Changed(Message, name="Amount"):
        amount: str = "many"

    bad = message(Changed(), "a")
    await send(sample.kafka, TOPIC, [bad, amount("a", 1), amount("b", 2), bad, Sent(b"?", b"{", [])])
    async with sample.consumer():
        await eventually(sample.has("b", 2))
        await eventually(letters(sample, 3))
        nobodys, body, follower = sorted(await office.search(), key=lambda letter: (letter.tenant, letter.seq))
        assert (body.reason, body.attempts, body.tenant, body.body) == ("content", 1, "one", bad.value)
        assert "many" not in body.error, "values stay in the body"
        assert follower.reason == "follows"
        assert (nobodys.tenant, nobodys.topic, nobodys.offset) == ("", TOPIC, 4)

        again = await office.replay(body.event_id, "ann")
        assert again[0].result == "failed"
        await office.discard(body.event_id, "ann")
        await office.replay(follower.event_id, "ann")
        await eventually(sample.has("a", 1))
        await send(sample.kafka, TOPIC, [amount("a", 3), bad])
        await eventually(sample.has("a", 1, 3))

        async def acknowledged() -> bool:
            return (await committed(sample.kafka, "sample")).get(0) == 7

        await eventually(acknowledged)
        with pytest.raises(LetterNotFound, match="was discarded by ann"):
            await office.replay(body.event_id, "bob")
    with pytest.raises(LetterNotFound, match="no dead letter"):
        await office.show(uuid.uuid4())
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 3


async def test_a_letter_without_a_tenant_is_replayed_when_it_can_be_read(
    sample: Sample, office: DeadLetterOffice
) -> None:
    """It is written by the delivery role; the tenant's streams are the application role's."""
    foreign = amount("a", 1)
    await send(sample.kafka, TOPIC, [Sent(b"one:a", foreign.value, [h for h in foreign.headers if h[0] != "ce_time"])])
    other = amount("a", 5)
    await send(sample.kafka, TOPIC, [Sent(b"two:a", other.value, other.headers)])
    async with sample.consumer():
        await eventually(letters(sample, 2))
    nobodys, of_key = sorted(await office.search(), key=lambda letter: letter.tenant)
    assert (of_key.tenant, nobodys.tenant) == ("one", "")
    assert (await office.replay(nobodys.event_id, "ann"))[0].result == "failed"
    await sample.ask("UPDATE dead_letters SET key = 'one:a' WHERE tenant_id = ''")
    await office.discard(of_key.event_id, "ann")
    assert (await office.replay(nobodys.event_id, "ann", dry_run=True))[0].result == "replayed"
    assert await sample.amounts("a") == []
    assert (await office.replay(nobodys.event_id, "ann"))[0].result == "replayed"
    assert await sample.amounts("a") == [5]
    assert await sample.ask("SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL") == 0


@pytest.mark.expects_errors("the consumer of sample stops")
async def test_too_many_in_a_row_stop_the_consumer_before_it_empties_the_topic(sample: Sample) -> None:
    await send(sample.kafka, TOPIC, [amount("fine", 1)] + [Sent(f"one:{n}".encode(), b"[]") for n in range(50)])
    async with sample.consumer() as consumer:

        async def stopped() -> bool:
            return bool(consumer.stopped)

        await eventually(stopped)
        assert consumer.stopped == f"{DEAD_IN_A_ROW_MAX} messages in a row could not be handled"
        await eventually(letters(sample, DEAD_IN_A_ROW_MAX))

        async def acknowledged() -> bool:
            return (await committed(sample.kafka, "sample")).get(0) == 1 + DEAD_IN_A_ROW_MAX

        await eventually(acknowledged)
        await send(sample.kafka, TOPIC, [amount("fine", 2)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(eventually(sample.has("fine", 1, 2)), 0.7)
    assert await sample.ask("SELECT count(*) FROM dead_letters") == DEAD_IN_A_ROW_MAX


def test_one_percent_of_many_messages_is_too_many() -> None:
    limit = LetterLimit()
    for _ in range(20):
        limit.alive(90)
        assert limit.dead() == ""
    limit.alive(10)
    assert "21 of the last 2000" in limit.dead()
    calm = LetterLimit()
    for _ in range(200):
        calm.alive(150)
        assert calm.dead() == ""


async def test_searches_are_limited_to_known_columns(office: DeadLetterOffice) -> None:
    assert await office.search(tenant=ONE, topic=TOPIC, type="Amount", only_open=False, limit=5) == []
