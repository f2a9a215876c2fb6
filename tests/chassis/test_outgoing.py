"""The outbox as it is written with the events and as the relay reads it: in order, once, and none of another's."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chassis import event_store
from chassis.aggregate import Lane
from chassis.event_store import StoredEvent, StreamAppend, StreamConflict
from chassis.ids import tenant_id
from chassis.messaging import outgoing
from chassis.messaging.outgoing import LOST_OFFSET, Outgoing
from chassis.outbox import OutboxRow, append_with_messages, write_outbox
from chassis.postgres import Database
from contracts.envelope import Envelope
from tests.kit.database import OwnDatabase

ONE = tenant_id("one")
NOW = datetime(2026, 8, 20, 9, 30, 0, 123456, tzinfo=UTC)
START = (0, 0)


def message(number: int, key: str = "one:k", lane: Lane = Lane.INTERACTIVE, topic: str = "totals") -> OutboxRow:
    """A message on its way."""
    envelope = Envelope(str(uuid.UUID(int=number)), "Total", 1, "sample", "Счёт", NOW, ONE)
    return OutboxRow(ONE, topic, key, envelope, f'{{"номер":{number}}}'.encode(), lane)


def change(stream: str, expected: int, *words: str) -> StreamAppend:
    """New events of a stream."""
    return StreamAppend(ONE, stream, expected, [StoredEvent("Said", 1, f'"{word}"') for word in words], "c")


async def write(database: Database, *rows: OutboxRow) -> None:
    """Commits the rows."""
    async with database.transaction([ONE]) as connection:
        await write_outbox(connection, rows)


async def unsent(
    database: Database, after: tuple[int, int] = START, in_hand: Sequence[int] = (), limit: int = 50
) -> list[Outgoing]:
    """What the relay reads."""
    async with database.delivery_connection() as connection:
        return await outgoing.read(connection, after, in_hand, limit)


def numbers(rows: Sequence[Outgoing]) -> list[int]:
    """Which messages, in their order."""
    return [uuid.UUID(str(row.message_id)).int for row in rows]


async def test_a_row_is_read_as_it_was_written(database: Database) -> None:
    await write(database, message(1, lane=Lane.BULK), message(2, "one:j", topic="others"))
    first, second = await unsent(database)
    assert (first.topic, first.key, first.lane, first.body) == ("totals", "one:k", 1, '{"номер":1}'.encode())
    assert (second.topic, second.key, second.lane) == ("others", "one:j", 0)
    assert first.kafka_headers() == message(1).envelope.headers()
    assert numbers([first, second]) == [1, 2]
    assert first.seq < second.seq
    assert first.created_on == first.created_at.astimezone(UTC).date()


async def test_no_rows_are_no_write(database: Database) -> None:
    await write(database)
    assert await unsent(database) == []


async def test_events_and_their_messages_are_one_write(database: Database) -> None:
    async with database.transaction([ONE]) as connection:
        await append_with_messages(connection, [change("a", 0, "x", "y")], [message(1), message(2)], NOW)
        await append_with_messages(connection, [change("b", 0, "z")], [], NOW)
        await append_with_messages(connection, [], [], NOW)
        loaded = await event_store.load(connection, [(ONE, "a"), (ONE, "b")])
    assert [event.data for event in loaded[ONE, "a"]] == ['"x"', '"y"']
    assert [event.recorded_at for event in loaded[ONE, "b"]] == [NOW]
    assert [event.recorded_at for event in loaded[ONE, "a"]] == [NOW, NOW]
    assert numbers(await unsent(database)) == [1, 2]


@pytest.mark.parametrize("rows", [[], [message(2)]])
async def test_a_version_that_is_there_already_is_a_conflict_and_nothing_is_said(
    database: Database, rows: list[OutboxRow]
) -> None:
    async with database.transaction([ONE]) as connection:
        await append_with_messages(connection, [change("a", 0, "x")], [message(1)], NOW)
    with pytest.raises(StreamConflict, match="events_pkey"):
        async with database.transaction([ONE]) as connection:
            await append_with_messages(connection, [change("a", 0, "y")], rows, NOW)
    assert numbers(await unsent(database)) == [1]


async def test_each_lane_is_read_from_its_own_place_so_many_at_once_and_nothing_in_hand(database: Database) -> None:
    await write(database, *(message(n, f"one:{n}", Lane.BULK if n % 2 else Lane.INTERACTIVE) for n in range(1, 9)))
    everything = await unsent(database)
    seq = dict(zip(numbers(everything), [row.seq for row in everything], strict=True))
    assert numbers(everything) == list(range(1, 9))
    assert numbers(await unsent(database, limit=2)) == [1, 2, 3, 4]
    assert numbers(await unsent(database, (seq[4], seq[1]), limit=2)) == [3, 5, 6, 8]
    assert numbers(await unsent(database, in_hand=[seq[1], seq[2]], limit=2)) == [3, 4, 5, 6]


async def test_bulk_rows_of_an_interactive_key_are_read_with_it_however_far_they_lie(database: Database) -> None:
    await write(database, *(message(n, f"one:{n}", Lane.BULK) for n in range(1, 6)))
    await write(database, message(6, "one:k", Lane.BULK), message(7, "one:k"))
    rows = await unsent(database, limit=1)
    assert numbers(rows) == [1, 6, 7]
    assert numbers(await unsent(database, in_hand=[rows[1].seq], limit=1)) == [1, 7]


async def test_what_is_marked_is_not_read_again_and_its_offset_is_known(database: Database) -> None:
    await write(database, message(1), message(2), message(3))
    rows = await unsent(database)
    async with database.delivery_connection() as connection:
        assert await outgoing.positions(connection) == {}
        await outgoing.mark(connection, rows[:2], {("totals", 0): 4, ("totals", 3): 1})
        await outgoing.mark(connection, [], {("totals", 0): 9, ("others", 1): 2})
        assert await outgoing.positions(connection) == {("totals", 0): 9, ("totals", 3): 1, ("others", 1): 2}
    assert numbers(await unsent(database)) == [3]


async def test_a_log_that_was_lost_is_of_a_new_generation_and_distrusted_until_it_is_written_again(
    database: Database,
) -> None:
    async with database.delivery_connection() as connection:
        await outgoing.mark(connection, [], {("totals", 0): 4, ("totals", 1): 5, ("others", 0): 6})
        assert await outgoing.generations(connection) == {}
        await outgoing.distrust_positions(connection, {"totals"})
        lost = {("totals", 0): LOST_OFFSET, ("totals", 1): LOST_OFFSET, ("others", 0): 6}
        assert await outgoing.positions(connection) == lost
        (first,) = (await outgoing.generations(connection)).items()
        assert first[0] == "totals"
        assert first[1] > NOW.timestamp()
        await outgoing.distrust_positions(connection, ["totals", "others"])
        again = await outgoing.generations(connection)
        assert set(again) == {"totals", "others"}
        assert again["totals"] > first[1]
        await outgoing.forget_positions(connection, {"totals"})
        assert await outgoing.positions(connection) == {("others", 0): LOST_OFFSET}


async def test_a_message_that_was_sent_once_is_not_taken_for_one_that_never_was(database: Database) -> None:
    await write(database, message(1), message(2))
    async with database.delivery_connection() as connection:
        await outgoing.mark(connection, (await outgoing.read(connection, START, [], 50))[:1], {})
    await write(database, message(1))
    async with database.delivery_connection() as connection:
        ids = [uuid.UUID(int=n) for n in (1, 2, 3)]
        assert await outgoing.never_sent(connection, ids) == [uuid.UUID(int=2)]


async def test_the_backlog_is_how_much_waits_and_for_how_long(database: Database, own_database: OwnDatabase) -> None:
    async with database.delivery_connection() as connection:
        assert await outgoing.backlog(connection) == (0, 0.0)
        await write(database, message(1), message(2), message(3))
        await outgoing.mark(connection, (await outgoing.read(connection, START, [], 50))[:1], {})
        admin = await asyncpg.connect(own_database.admin_url)
        await admin.execute("UPDATE outbox SET created_at = now() - interval '90 s' WHERE published_at IS NULL")
        await admin.close()
        rows, age = await outgoing.backlog(connection)
        await write(database, message(4, lane=Lane.BULK))
        longest = await outgoing.backlog(connection)
        plan = await connection.fetch("EXPLAIN (COSTS OFF) " + outgoing._BACKLOG)
    assert rows == 2
    assert 90 <= age < 90 + 3600
    assert (longest[0], longest[1] >= age) == (3, True)
    assert "".join(row[0] for row in plan).count("Limit") == 2, "the oldest by its place in the index"


async def test_the_days_ahead_have_their_partitions(database: Database, own_database: OwnDatabase) -> None:
    admin = await asyncpg.connect(own_database.admin_url)
    today = await admin.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    last = f"outbox_{today + timedelta(days=outgoing.DAYS_AHEAD):%Y%m%d}"
    await admin.execute(f"DROP TABLE {last}")
    async with database.delivery_connection() as connection:
        await outgoing.roll(connection)
    assert await admin.fetchval("SELECT to_regclass($1)::text", last) == last
    await admin.close()


async def test_rows_of_long_ago_are_dropped_once_they_are_sent(database: Database, own_database: OwnDatabase) -> None:
    admin = await asyncpg.connect(own_database.admin_url)
    await admin.execute(
        "INSERT INTO outbox (tenant_id, topic, key, message_id, headers, body, lane, created_on, published_at) "
        "SELECT 'one', 't', 'k', gen_random_uuid(), '[]', '', 0, (now() AT TIME ZONE 'UTC')::date - days, sent "
        "FROM (VALUES ($1::int, now()), ($1 + 1, now()), ($1 + 2, NULL)) AS t(days, sent)",
        outgoing.DAYS_KEPT,
    )
    async with database.delivery_connection() as connection:
        await outgoing.roll(connection)
    days = await admin.fetch("SELECT (now() AT TIME ZONE 'UTC')::date - created_on FROM outbox ORDER BY 1")
    assert [row[0] for row in days] == [outgoing.DAYS_KEPT, outgoing.DAYS_KEPT + 2]
    await admin.close()


async def test_many_rows_of_long_ago_are_deleted_so_many_at_once(
    database: Database, own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "DELETE_ROWS_MAX", 2)
    admin = await asyncpg.connect(own_database.admin_url)
    await admin.execute(
        "INSERT INTO outbox (tenant_id, topic, key, message_id, headers, body, lane, created_on, published_at) "
        "SELECT 'one', 't', 'k', gen_random_uuid(), '[]', '', 0, (now() AT TIME ZONE 'UTC')::date - $1::int, "
        "CASE WHEN n > 1 THEN now() END FROM generate_series(1, 6) AS n",
        outgoing.DAYS_KEPT + 1,
    )
    left = []
    async with database.delivery_connection() as connection:
        for _ in range(3):
            pause = await outgoing.keep_days(connection)
            left.append((await admin.fetchval("SELECT count(*) FROM outbox"), pause))
    assert left == [(4, outgoing.DELETE_PAUSE_SECONDS), (2, outgoing.DELETE_PAUSE_SECONDS), (1, outgoing.ROLL_SECONDS)]
    assert await admin.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 1
    await admin.close()


@pytest.mark.parametrize("error", [asyncpg.QueryCanceledError, asyncpg.DiskFullError, TimeoutError])
async def test_days_wait_for_a_better_time_and_a_lost_connection_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def failing(_: object) -> bool:
        raise error

    monkeypatch.setattr(outgoing, "roll", failing)
    connection = await asyncpg.connect(database.delivery_url)
    assert await outgoing.keep_days(connection) == outgoing.ROLL_AGAIN_SECONDS
    await connection.close()
    with pytest.raises(error):
        await outgoing.keep_days(connection)


async def test_a_busy_outbox_has_its_days_made_in_a_moment(database: Database, own_database: OwnDatabase) -> None:
    admin = await asyncpg.connect(own_database.admin_url)
    today = await admin.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    await admin.execute(f"DROP TABLE outbox_{today + timedelta(days=outgoing.DAYS_AHEAD):%Y%m%d}")
    async with database.delivery_connection() as connection, admin.transaction():
        await admin.execute("LOCK TABLE outbox_rest IN ROW EXCLUSIVE MODE")  # as one does that writes
        assert await outgoing.keep_days(connection) == outgoing.BUSY_SECONDS
    await admin.close()
