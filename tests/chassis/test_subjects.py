"""People's data is readable by reference until it is erased, and then it is found in no byte of the store."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chassis.ids import TenantId
from chassis.objects import objects_at
from chassis.secrets import KeyMissing, Keyring, SecretBroken
from chassis.subjects import SubjectErased, SubjectRef, Subjects

TENANT = TenantId("vektor")
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
OLD, NEW = Keyring.generate("old"), Keyring.generate("new")
PERSON = {"name": "Канарейкина Анна", "phone": "+79160000000"}


def subjects(folder: Path, keys: str = OLD) -> Subjects:
    return Subjects(objects_at(f"file:{folder}"), Keyring.parse(keys))


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def suffixes(folder: Path, reference: SubjectRef) -> set[str]:
    return {path.suffix for path in folder.rglob(f"{reference.id}.*")}


async def test_kept_data_is_read_and_never_lies_open(tmp_path: Path) -> None:
    reference = await subjects(tmp_path).keep(TENANT, PERSON)
    assert await subjects(tmp_path).read(SubjectRef.parse(str(reference))) == PERSON
    assert "Канарейкина".encode() not in bytes_of(tmp_path)


async def test_erasing_destroys_key_and_data_and_leaves_a_receipt(tmp_path: Path) -> None:
    store = subjects(tmp_path)
    reference, other = await store.keep(TENANT, PERSON), await store.keep(TENANT, {"name": "Другой"})
    assert suffixes(tmp_path, reference) == {".key", ".data"}
    receipt = await store.erase(reference, by="user-1", now=NOW)
    assert receipt.subject == str(reference)
    assert suffixes(tmp_path, reference) == {".erased"}
    assert b"user-1" in bytes_of(tmp_path)
    with pytest.raises(SubjectErased):
        await store.read(reference)
    assert await store.erase(reference, by="user-1", now=NOW) == receipt, "erasing again is harmless"
    assert await store.read(other) == {"name": "Другой"}


async def test_data_moved_to_another_person_does_not_open(tmp_path: Path) -> None:
    store = subjects(tmp_path)
    one, two = await store.keep(TENANT, PERSON), await store.keep(TENANT, {"name": "Другой"})
    for suffix in ("key", "data"):
        moved = tmp_path / "subjects" / TENANT / f"{two.id}.{suffix}"
        before = moved.read_bytes()
        moved.write_bytes((tmp_path / "subjects" / TENANT / f"{one.id}.{suffix}").read_bytes())
        with pytest.raises(SecretBroken):
            await store.read(two)
        moved.write_bytes(before)
    assert await store.read(two) == {"name": "Другой"}


async def test_wrapping_keys_rotate(tmp_path: Path) -> None:
    reference = await subjects(tmp_path).keep(TENANT, PERSON)
    rotated = subjects(tmp_path, NEW + OLD)
    assert await rotated.read(reference) == PERSON
    assert await rotated.rewrap(TENANT) == 1
    assert await rotated.rewrap(TENANT) == 0
    assert await subjects(tmp_path, NEW).read(reference) == PERSON
    with pytest.raises(KeyMissing):
        await subjects(tmp_path, OLD).read(reference)


async def test_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most"):
        await subjects(tmp_path).keep(TENANT, {"name": "x" * 70_000})


@pytest.mark.parametrize("text", ["", "vektor", "vektor/../x", "vektor/" + "g" * 32])
def test_references_are_strict(text: str) -> None:
    with pytest.raises(ValueError, match="tenant/id"):
        SubjectRef.parse(text)
