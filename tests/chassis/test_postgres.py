"""What is an outage of Postgres: whatever a connection says that dies, wherever its answer breaks off."""

from urllib.parse import urlsplit

import asyncpg
import pytest

from chassis.ids import tenant_id
from chassis.postgres import Database, is_infrastructure
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


def test_a_value_that_cannot_be_encoded_is_no_outage() -> None:
    assert not is_infrastructure(asyncpg.DataError("invalid input for query argument $1"))
