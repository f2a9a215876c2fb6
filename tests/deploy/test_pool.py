"""The parts that tests run on are what production needs."""

import asyncpg

from deploy.local.kafka import live_brokers


async def test_postgres_sorts_and_folds_cyrillic(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        rows = await connection.fetch(
            "SELECT v FROM unnest(ARRAY['яблоко', 'Борис', 'абрикос', 'Яков', 'Абрам']) v ORDER BY lower(v)"
        )
        assert [row["v"] for row in rows] == ["Абрам", "абрикос", "Борис", "яблоко", "Яков"]
        assert await connection.fetchval("SELECT upper('счёт № 5')") == "СЧЁТ № 5"
    finally:
        await connection.close()


async def test_postgres_is_durable_and_roomy(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        rows = await connection.fetch(
            "SELECT name, setting FROM pg_settings WHERE name IN "
            "('fsync', 'synchronous_commit', 'full_page_writes', 'max_connections', 'max_locks_per_transaction', "
            "'listen_addresses', 'server_encoding')"
        )
    finally:
        await connection.close()
    assert {row["name"]: row["setting"] for row in rows} == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "200",
        "max_locks_per_transaction": "256",
        "listen_addresses": "127.0.0.1",
        "server_encoding": "UTF8",
    }


async def test_kafka_has_one_live_broker(kafka_bootstrap: str) -> None:
    assert live_brokers(int(kafka_bootstrap.rpartition(":")[2])) == 1
