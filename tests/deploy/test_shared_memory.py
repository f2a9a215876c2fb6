"""A server of the tests that is killed leaves nothing outside its folder; one that is installed runs as ever."""

from pathlib import Path

import asyncpg

from deploy.local.postgres import SETTINGS, Postgres
from tests.kit.mortal import Mortal

OUTSIDE = "/dev/shm/PostgreSQL."  # noqa: S108 - looked for, not made


def memory_of(pid: int) -> str:
    """The files that a process has mapped."""
    return Path(f"/proc/{pid}/maps").read_text()


async def test_a_killed_server_of_the_tests_leaves_no_shared_memory_behind(mortal_postgres: Mortal[Postgres]) -> None:
    await mortal_postgres.ready()
    connection = await asyncpg.connect(mortal_postgres.part.url)
    assert await connection.fetchval("SHOW dynamic_shared_memory_type") == "mmap"
    mapped = memory_of(mortal_postgres.child.pid)
    await connection.close()
    assert "pg_dynshmem/mmap." in mapped, "it lies in the data folder"
    assert OUTSIDE not in mapped


def test_an_installed_server_is_told_what_it_always_was(tmp_path: Path) -> None:
    installed = Postgres(tmp_path / "postgres", tmp_path / "log", tmp_path / "secret", port=1)
    assert installed.settings == SETTINGS
    assert "dynamic_shared_memory_type" not in SETTINGS
