"""Documents are durable before they have a name, and are checked when they are read."""

import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest

from chassis import objects
from chassis.blobs import BlobBroken, BlobMissing, BlobRef, Blobs, BlobStoreAway, BlobTooLarge
from chassis.ids import TenantId
from chassis.objects import objects_at

TENANT = TenantId("vektor")
PDF = b"%PDF-1.7 " + b"x" * 60_000


@pytest.fixture
def store(tmp_path: Path) -> Blobs:
    return Blobs(objects_at(f"file:{tmp_path}/blobs"), bytes_max=100_000)


def only_file(folder: Path) -> Path:
    (found,) = [path for path in folder.rglob("*") if path.is_file()]
    return found


async def test_what_is_put_is_read_and_named_by_content(store: Blobs, tmp_path: Path) -> None:
    reference = await store.put(TENANT, PDF)
    assert reference == BlobRef(TENANT, hashlib.sha256(PDF).hexdigest(), len(PDF))
    assert await store.get(BlobRef.parse(str(reference))) == PDF
    assert await store.put(TENANT, PDF) == reference
    assert only_file(tmp_path).read_bytes() == PDF


async def test_tenants_do_not_share_a_document(store: Blobs) -> None:
    mine = await store.put(TENANT, PDF)
    theirs = await store.put(TenantId("romashka"), PDF)
    await store.delete(theirs)
    assert await store.get(mine) == PDF
    with pytest.raises(BlobMissing):
        await store.get(theirs)


async def test_file_and_every_folder_are_synced_before_the_name_is_given(
    store: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    await store.put(TENANT, PDF)
    file = only_file(tmp_path)
    assert Path(synced[0]).parent == tmp_path / "blobs" / ".unfinished", "before it has its name"
    assert synced[1:] == [str(parent) for parent in list(file.parents)[:4]]
    synced.clear()
    await store.put(TENANT, PDF)
    assert synced == [str(file.parent)], "who wrote it first may have died before its fsync"


async def test_a_writer_that_dies_leaves_no_half_of_a_document(
    store: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", dies)
        with pytest.raises(BlobStoreAway):
            await store.put(TENANT, PDF)
    half = only_file(tmp_path)
    os.utime(half, (0, 0))
    again = Blobs(objects_at(f"file:{tmp_path}/blobs"))
    assert not half.exists()
    assert await again.get(await again.put(TENANT, PDF)) == PDF


async def test_changed_bytes_are_found(store: Blobs, tmp_path: Path) -> None:
    reference = await store.put(TENANT, PDF)
    only_file(tmp_path).write_bytes(PDF[:-1] + b"y")
    with pytest.raises(BlobBroken):
        await store.get(reference)


async def test_spoilt_bytes_are_whole_again_once_they_are_put_again(store: Blobs, tmp_path: Path) -> None:
    reference = await store.put(TENANT, PDF)
    only_file(tmp_path).write_bytes(PDF[:-1])
    await store.put(TENANT, PDF)
    assert await store.get(reference) == PDF


async def test_limits_hold_both_ways(store: Blobs, tmp_path: Path) -> None:
    with pytest.raises(BlobTooLarge):
        await store.put(TENANT, b"x" * 100_001)
    reference = await store.put(TENANT, PDF)
    only_file(tmp_path).write_bytes(b"x" * 100_001)
    with pytest.raises(BlobTooLarge):
        await store.get(reference)


@pytest.mark.parametrize("text", ["", "vektor/../x", "../" + "a" * 64, "vektor/" + "A" * 64, "V/" + "a" * 64])
def test_names_are_strict(text: str) -> None:
    with pytest.raises(ValueError, match="tenant/sha256"):
        BlobRef.parse(text)


async def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    store = Blobs(objects_at(f"file:{tmp_path}/blobs"))
    shutil.rmtree(tmp_path / "blobs")
    (tmp_path / "blobs").write_text("not a folder")
    with pytest.raises(BlobStoreAway):
        await store.put(TENANT, PDF)


def test_unknown_addresses_are_refused() -> None:
    with pytest.raises(ValueError, match="SVERKA_BLOBS_URL"):
        objects_at("ftp://x/y")


async def test_s3_is_asked_within_the_time_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_REGION": "ru-1",
        "AWS_ENDPOINT": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(objects, "PUT_SECONDS_MAX", 0.5)
    began = time.monotonic()
    with pytest.raises(BlobStoreAway):
        await Blobs(objects_at("s3://bucket/prefix")).put(TENANT, PDF)
    assert time.monotonic() - began < 10
