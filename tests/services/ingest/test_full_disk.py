"""The disk of Postgres is full: webhooks are turned away with 503, nothing that was answered 200 is lost, all heals."""

import contextlib
import errno
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import asyncpg
import httpx
import pytest

from chassis.migrate import Names, migrate
from chassis.postgres import INFRASTRUCTURE_ERRORS
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from services.ingest.app import SPEC
from tests.kit.database import PASSWORDS, OwnDatabase
from tests.kit.mortal import Mortal
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import Ingest, document, running, until

pytestmark = pytest.mark.parts

DISK_BYTES = 160 * 1024 * 1024
BLOCK_BYTES = 256 * 1024
UNMOUNT_SECONDS_MAX = 10.0
# More than a page, so that each webhook needs a page of its own.
PADDING = {f"data[FIELDS][F{number}]": os.urandom(500).hex() for number in range(20)}


@dataclass(slots=True)
class Disk:
    """A file system of DISK_BYTES."""

    folder: Path

    def fill(self) -> None:
        """Leaves not a byte."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (BLOCK_BYTES, 512):
                with contextlib.suppress(_Full):
                    while True:
                        _write(filler.fileno(), bytes(size))

    def free(self) -> None:
        """Takes away what ``fill`` wrote."""
        (self.folder / "filler").unlink(missing_ok=True)


class _Full(Exception):  # noqa: N818 - named after what was found
    pass


def _write(number: int, data: bytes) -> None:
    try:
        os.write(number, data)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _Full from error


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a file system of its own cannot be mounted here: {mounted.stderr.strip()}")
    yield Disk(folder)
    deadline = time.monotonic() + UNMOUNT_SECONDS_MAX
    while subprocess.run(["umount", str(folder)], check=False).returncode:  # busy until the last file is closed
        assert time.monotonic() < deadline, f"{folder} stays in use"
        time.sleep(0.05)


@pytest.fixture
def postgres(disk: Disk, tmp_path: Path) -> Iterator[Mortal[Postgres]]:
    part = Postgres(
        disk.folder / "postgres", tmp_path / "postgres.log", tmp_path / "secret", port=free_port(), from_template=True
    )
    mortal = Mortal(part, part.spawn())
    yield mortal
    disk.free()
    mortal.kill()
    part.wait_for_orphans()


@pytest.fixture
async def own(postgres: Mortal[Postgres]) -> OwnDatabase:
    await postgres.ready()
    admin = postgres.part.url
    assert SPEC.migrations is not None
    urls = await migrate(admin, "ingest", [SPEC.migrations], PASSWORDS)
    names = Names.of("ingest")
    return OwnDatabase(names, urls, f"{admin.rpartition('/')[0]}/{names.database}")


async def post(ingest: Ingest, portal: dict[str, Any], number: int) -> httpx.Response:
    fields = {
        "event": "ONCRMDEALUPDATE",
        "data[FIELDS][ID]": str(number),
        "auth[application_token]": portal["application_token"],
        **PADDING,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return await ingest.outside.post(urlsplit(ingest.hook).path, content=urlencode(fields).encode(), headers=headers)


@pytest.mark.parametrize("of_log", [False, True], ids=["of its tables", "of its log, which ends the server"])
async def test_what_is_answered_200_is_there_and_all_heals_when_there_is_room(
    own: OwnDatabase,
    disk: Disk,
    postgres: Mortal[Postgres],
    tmp_path: Path,
    sandbox: Sandbox,
    portal: dict[str, Any],
    account: dict[str, Any],
    of_log: bool,
) -> None:
    answers: dict[str, int] = {}

    async def posted(object_id: int) -> int:
        answer = await post(ingest, portal, object_id)
        answers[str(object_id)] = answer.status_code
        assert answer.status_code == 200 or (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        return answer.status_code

    async with running(own, tmp_path, sandbox) as ingest:
        await ingest.apply(document(sandbox, portal, account))
        assert [await posted(number) for number in range(1, 11)] == [200] * 10
        disk.fill()
        if of_log:
            await until(lambda: ended_by_its_log(own.admin_url), "the server needs a new file for its log")
        assert [await posted(number) for number in range(11, 31)][-10:] == [503] * 10
        assert (await ingest.outside.get("/healthz")).status_code == 200, "a restart would not help"
        disk.free()
        if of_log:
            await until(lambda: postgres.child.exit_code() is not None, "the server has given up")
            await postgres.start()
        numbers = itertools.count(31)

        async def taken() -> bool:
            return await posted(next(numbers)) == 200

        await until(taken, "webhooks are taken again")
        kept = {row["object_id"] for row in await ingest.rows("SELECT object_id FROM webhooks")}
        assert {number for number, status in answers.items() if status == 200} <= kept
        await until(lambda: all_read(ingest), "what was taken has been read")


async def ended_by_its_log(admin_url: str) -> bool:
    """Moves the server's log on to its next file; true once the server has found no room for it."""
    try:
        admin = await asyncpg.connect(admin_url)
        try:
            await admin.execute("SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()")
        finally:
            await admin.close()
    except INFRASTRUCTURE_ERRORS:
        return True
    return False


async def all_read(ingest: Ingest) -> bool:
    return not await ingest.rows("SELECT 1 FROM webhooks WHERE status = 'stored'")
