"""Statement files: durable when they are answered or moved, refused with a reason, taken once however they come."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from chassis.blobs import BlobRef, Blobs
from chassis.clock import Clock
from chassis.engine import Engine
from chassis.objects import ObjectFolder
from chassis.postgres import Database
from chassis.tenants import TenantDirectory
from services.ingest.api.folder import FILES_AT_ONCE_MAX, REASON, StatementFolder, _files
from services.ingest.api.statements import UPLOAD_BYTES_MAX, Statements, plain_name
from services.ingest.app import SPEC
from tests.kit.database import OwnDatabase
from tests.kit.statements import Order, statement
from tests.services.ingest.running import TENANT, Ingest

pytestmark = pytest.mark.parts

FILE = statement([Order()])


def path(ingest: Ingest) -> str:
    return urlsplit(ingest.hook).path.replace("/hooks/bitrix24/", "/statements/")


async def post(ingest: Ingest, data: bytes, **query: str) -> httpx.Response:
    return await ingest.outside.post(path(ingest), content=data, params=query)


async def test_a_file_is_durable_and_told_when_it_is_answered(ingest: Ingest, tmp_path: Path) -> None:
    answer = await post(ingest, FILE, name="C:\\bank\\kl_to_1c.txt")
    assert (answer.status_code, answer.json()["again"]) == (200, False)
    (told,) = await ingest.messages("statements")
    assert (told["type"], told["file_name"], told["size_bytes"]) == ("StatementReceived", "kl_to_1c.txt", len(FILE))
    assert told["statement_id"] == answer.json()["statement_id"]
    blobs = Blobs(ObjectFolder(tmp_path / "blobs"))
    assert await blobs.get(BlobRef.parse(told["blob"])) == FILE


async def test_the_same_file_again_is_the_same_statement(ingest: Ingest) -> None:
    first = await post(ingest, FILE)
    again = await post(ingest, FILE, name="other.txt")
    assert again.json() == {"statement_id": first.json()["statement_id"], "again": True}
    assert len(await ingest.messages("statements")) == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "statement_not_this_format"),
        (FILE[:-20], "statement_cut_off"),
        (FILE + b"more", "statement_after_end"),
        (statement([Order()], accounts=()), "statement_account_missing"),
        (b"1CClientBankExchange\r\nhello", "statement_encoding_unknown"),
    ],
)
async def test_what_is_no_whole_statement_is_refused_with_the_reason(ingest: Ingest, data: bytes, code: str) -> None:
    answer = await post(ingest, data)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert len(answer.json()["error"]) > 20
    assert await ingest.messages("statements") == []


async def test_a_file_over_the_limit_is_refused(ingest: Ingest) -> None:
    address = urlsplit(ingest.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST {path(ingest)} HTTP/1.1\r\nHost: x\r\nContent-Length: {UPLOAD_BYTES_MAX + 1}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_an_address_that_nobody_has_is_not_found(ingest: Ingest) -> None:
    assert (await ingest.outside.post("/statements/nobody", content=FILE)).status_code == 404
    assert (await ingest.outside.get(path(ingest))).status_code == 405


async def test_without_a_database_a_statement_is_answered_503(ingest: Ingest, own: OwnDatabase) -> None:
    await post(ingest, FILE)
    admin = await asyncpg.connect(own.admin_url)
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.execute(f"ALTER ROLE {own.names.app} CONNECTION LIMIT 0")
        answer = await post(ingest, statement([Order(number="2")]))
        await admin.execute(f"ALTER ROLE {own.names.app} CONNECTION LIMIT -1")
    finally:
        await admin.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_address_is_shown_with_the_tenant(ingest: Ingest) -> None:
    shown = (await ingest.api.get(f"/api/v1/tenants/{TENANT}")).json()
    assert urlsplit(shown["webhook_urls"]["statements"]).path == path(ingest)


async def test_lists_of_payments_are_away_while_payments_is(ingest: Ingest) -> None:
    for path_of in ("statements", "operations"):
        answer = await ingest.api.get(f"/api/v1/{path_of}", params={"tenant": TENANT})
        assert (answer.status_code, "SVERKA_PAYMENTS_URL" in answer.json()["error"]) == (503, True)
        assert (await ingest.outside.get(f"/api/v1/{path_of}", params={"tenant": TENANT})).status_code == 401
    nobody = await ingest.api.post("/api/v1/operations/none/release", json={"tenant": TENANT})
    assert nobody.status_code == 400


# The folder


@pytest.fixture
async def watch(ingest: Ingest, own: OwnDatabase, tmp_path: Path) -> AsyncIterator[StatementFolder]:
    """A watch over an empty folder, looking when it is told to."""
    database = await Database.open(own.urls.app, own.urls.delivery)
    engine, blobs = Engine(SPEC.name, SPEC.stream_kinds()), Blobs(ObjectFolder(tmp_path / "blobs"))
    statements = Statements(database, engine, blobs, Clock())
    yield StatementFolder(tmp_path / "in", statements, TenantDirectory(database), look_seconds=1)
    await database.close()


def put(folder: Path, name: str = "kl.txt", data: bytes = FILE, tenant: str = TENANT) -> Path:
    found = folder / "in" / tenant / name
    found.parent.mkdir(parents=True, exist_ok=True)
    found.write_bytes(data)
    return found


async def test_a_file_in_the_folder_is_taken_and_moved(ingest: Ingest, watch: StatementFolder, tmp_path: Path) -> None:
    file = put(tmp_path)
    assert await watch.look() == 0, "it may still be written"
    assert await watch.look() == 1
    (told,) = await ingest.messages("statements")
    assert (told["file_name"], told["source"]) == ("kl.txt", "folder")
    assert not file.exists()
    assert (file.parent / "taken" / f"{told['statement_id'][:8]}-kl.txt").read_bytes() == FILE


async def test_a_file_that_still_grows_is_left_until_it_stops(
    ingest: Ingest, watch: StatementFolder, tmp_path: Path
) -> None:
    file = put(tmp_path, data=FILE[:100])
    await watch.look()
    file.write_bytes(FILE)
    assert await watch.look() == 0
    assert await watch.look() == 1
    assert len(await ingest.messages("statements")) == 1


async def test_a_refused_file_stands_with_its_reason(ingest: Ingest, watch: StatementFolder, tmp_path: Path) -> None:
    file = put(tmp_path, data=FILE[:-20])
    await watch.look()
    assert await watch.look() == 1
    refused = file.parent / "refused" / file.name
    assert refused.read_bytes() == FILE[:-20]
    assert "КонецФайла" in refused.with_name(refused.name + REASON).read_text(encoding="utf-8")
    assert await ingest.messages("statements") == []


async def test_a_file_that_came_before_is_moved_and_told_once(
    ingest: Ingest, watch: StatementFolder, tmp_path: Path
) -> None:
    await post(ingest, FILE)
    for _ in range(2):
        put(tmp_path)
        await watch.look()
        assert await watch.look() == 1
    assert len(await ingest.messages("statements")) == 1
    assert len(list((tmp_path / "in" / TENANT / "taken").iterdir())) == 2


async def test_links_and_folders_of_nobody_are_left_alone(
    ingest: Ingest, watch: StatementFolder, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_bytes(FILE)
    put(tmp_path, ".hidden")
    os.symlink(elsewhere, tmp_path / "in" / TENANT / "link.txt")
    stranger = put(tmp_path, tenant="stranger")
    put(tmp_path, tenant="Not A Tenant")
    for _ in range(3):
        assert await watch.look() == 0
    assert stranger.exists()
    assert await ingest.messages("statements") == []


async def test_files_that_nobody_takes_away_hold_up_no_other(
    ingest: Ingest, watch: StatementFolder, tmp_path: Path
) -> None:
    for number in range(FILES_AT_ONCE_MAX):
        put(tmp_path, f"{number}.txt", tenant="stranger")
    put(tmp_path, "a.txt", FILE[:-20])
    put(tmp_path, "refused", b"")  # where a folder of this name is needed
    os.utime(tmp_path / "in" / TENANT / "refused", (1, 1))
    file = put(tmp_path, "b.txt")
    await watch.look()
    assert await watch.look() == 1
    assert not file.exists()
    assert len(await ingest.messages("statements")) == 1


def test_a_folder_that_cannot_be_read_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true_scan = os.scandir

    def scan(path: Path) -> Any:
        if path.name == "closed":
            raise PermissionError(errno.EACCES, "not for this service", str(path))
        return true_scan(path)

    monkeypatch.setattr(os, "scandir", scan)
    put(tmp_path, tenant="closed")
    files = [put(tmp_path, tenant=tenant) for tenant in ("aa", "zz")]
    assert sorted(path for path, _ in _files(tmp_path / "in")) == files


@pytest.mark.expects_errors("a statement file met a defect")
@pytest.mark.parametrize("error", [KeyError("a code without a sentence"), OSError(errno.EIO, "a bad disk", "a.txt")])
async def test_a_file_that_meets_a_defect_holds_up_no_other_and_stays_where_it_is(
    ingest: Ingest, watch: StatementFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    true_take = Statements.take

    async def take(self: Statements, tenant: Any, data: bytes, file_name: str, source: Any) -> Any:
        if file_name == "a.txt":
            raise error
        return await true_take(self, tenant, data, file_name, source)

    monkeypatch.setattr(Statements, "take", take)
    poisoned, file = put(tmp_path, "a.txt"), put(tmp_path, "b.txt")
    os.utime(poisoned, (1, 1))
    await watch.look()
    assert await watch.look() == 1
    assert not file.exists()
    assert poisoned.exists()
    assert len(await ingest.messages("statements")) == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/passwd", "passwd"), ("a\\b.txt", "b.txt"), ("вы\npиска.txt", "выpиска.txt"), ("", "")],
)
def test_names_of_files_lead_nowhere(given: str, name: str) -> None:
    assert plain_name(given) == name
