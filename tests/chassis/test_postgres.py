"""What is an outage of Postgres: whatever a connection says that dies, wherever its answer breaks off."""

from urllib.parse import urlsplit

import asyncpg
import pytest

from chassis.ids import tenant_id
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database, is_infrastructure
from chassis.work.committer import AWAY
from tests.kit.database import OwnDatabase
from tests.kit.proxy import proxied

ONE = tenant_id("one")
CUT_EVERY_BYTES = 31  # a prime, so that cuts fall before, between and inside messages


async def transact(database: Database) -> None:
    async with database.transaction([ONE], [3, 4]) as connection:
        await connection.fetch("SELECT version FROM events WHERE tenant_id = $1", ONE)


async def test_a_connection_cut_at_any_byte_is_an_outage(own_database: OwnDatabase) -> None:
    urls = own_database.urls
    place = urlsplit(urls.app)
    assert place.hostname is not None
    assert place.port is not None
    async with proxied(place.hostname, place.port) as proxy:

        async def whole(answer_bytes: int) -> bool:
            proxy.answer_bytes_max = answer_bytes
            try:
                database = await Database.open(proxy.url(urls.app), urls.delivery)
                try:
                    await transact(database)
                finally:
                    await database.close()
            except Exception as error:
                if not is_infrastructure(error):
                    raise
                return False
            return True

        answer_bytes = 0
        while not await whole(answer_bytes):
            answer_bytes += CUT_EVERY_BYTES
    assert proxy.cuts > 10, "from the first byte of the start to the last of the commit"


async def test_a_connection_that_was_ended_while_it_rested_is_an_outage_once(
    database: Database, own_database: OwnDatabase
) -> None:
    admin = await asyncpg.connect(own_database.admin_url)
    try:
        for _ in range(20):
            await transact(database)
            ended = await admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", own_database.names.app
            )
            assert ended
            try:
                await transact(database)
            except Exception as error:
                if not is_infrastructure(error):
                    raise
                await transact(database)
    finally:
        await admin.close()


@pytest.mark.parametrize(
    "error", [asyncpg.InternalClientError, asyncpg.ProtocolError, asyncpg.ConnectionDoesNotExistError]
)
def test_what_the_client_says_of_a_stream_that_broke_off_is_an_outage(error: type[Exception]) -> None:
    assert is_infrastructure(error("cannot process message"))


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT $1::text", "\ud800"),
        ("SELECT $1::int", 2**40),
        ("SELECT $1::int", "one"),
        ("SELECT $1::timestamptz", 3),
        ("SELECT $1::text[]", 5),
        ("SELECT $1::text", "\x00"),
        ("SELECT $1::jsonb", "{"),
    ],
)
async def test_a_value_that_cannot_be_taken_is_no_outage(database: Database, statement: str, value: object) -> None:
    """Whoever waits for Postgres would wait for ever; what the client refuses is not even asked."""
    with pytest.raises(asyncpg.DataError) as found:
        async with database.transaction([ONE]) as connection:
            await connection.fetch(statement, value)
    assert not is_infrastructure(found.value)
    assert not isinstance(found.value, (*INFRASTRUCTURE_ERRORS, *AWAY))
