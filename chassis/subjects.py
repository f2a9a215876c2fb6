"""Personal data of people: events carry a reference; the data lies encrypted under its own key and can be erased.

Blob and key are two objects in the store that the services share. Erasing removes both and leaves a receipt without
personal data; the reference in events then leads nowhere.
"""

import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.ids import TenantId
from chassis.objects import BlobMissing, Objects
from chassis.secrets import KEY_BYTES, NONCE_BYTES, Keyring, SecretBroken

SUBJECT_BYTES_MAX: Final = 64 * 1024
_REFERENCE: Final = re.compile(r"(?P<tenant>[a-z0-9-]{2,40})/(?P<id>[0-9a-f]{32})")


class SubjectErased(LookupError):  # noqa: N818 - an answer, not a fault
    """The person's data was erased, or never kept."""


@dataclass(frozen=True, slots=True)
class SubjectRef:
    """What an event keeps of a person: ``tenant/id``, where the id is random and says nothing."""

    tenant: TenantId
    id: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for anything else."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise ValueError("a person's data is named tenant/id")
        return cls(TenantId(match["tenant"]), match["id"])


@dataclass(frozen=True, slots=True)
class Erasure:
    """The receipt of an erasure: who asked, when (business time), and nothing about the person."""

    subject: str
    erased_at: datetime
    by: str


class Subjects:
    """Keeps, reads and erases personal data. Durable when ``keep`` returns, before an event names the reference."""

    def __init__(self, objects: Objects, keyring: Keyring) -> None:
        self._objects = objects
        self._keyring = keyring

    async def keep(self, tenant: TenantId, data: Mapping[str, Any]) -> SubjectRef:
        """Stores a person's data under a new reference. Raises ValueError over 64 KiB, BlobStoreAway."""
        reference = SubjectRef(tenant, uuid.uuid4().hex)
        await self._write(reference, data)
        return reference

    async def read(self, reference: SubjectRef) -> dict[str, Any]:
        """The person's data. Raises SubjectErased, SecretBroken, KeyMissing, BlobStoreAway."""
        try:
            wrapped = await self._objects.get(_key_path(reference), 1024)
            sealed = await self._objects.get(_data_path(reference), SUBJECT_BYTES_MAX + 1024)
        except BlobMissing as error:
            raise SubjectErased(str(reference)) from error
        kek_id, _, body = wrapped.partition(b"\n")
        key = self._keyring.unwrap(kek_id.decode(), body, _place(reference))
        try:
            plain = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(reference).encode())
        except (InvalidTag, ValueError) as error:
            raise SecretBroken(f"the data of {reference} does not open") from error
        found: dict[str, Any] = orjson.loads(plain)
        return found

    async def erase(self, reference: SubjectRef, *, by: str, now: datetime) -> Erasure:
        """Removes key and data durably and leaves a receipt; erasing again gives one again. Raises BlobStoreAway."""
        receipt = Erasure(str(reference), now, by)
        body = {"subject": receipt.subject, "erased_at": now.isoformat(), "by": by}
        await self._objects.delete(_key_path(reference))
        await self._objects.delete(_data_path(reference))
        await self._objects.put(f"{_folder(reference)}.erased", orjson.dumps(body), replace=True)
        return receipt

    async def rewrap(self, tenant: TenantId) -> int:
        """Wraps the keys of a tenant's people with the current key. Returns how many were changed."""
        changed = 0
        for path in await self._objects.names(f"subjects/{tenant}/"):
            if not path.endswith(".key"):
                continue
            reference = SubjectRef(tenant, path.rpartition("/")[2].removesuffix(".key"))
            kek_id, _, body = (await self._objects.get(path, 1024)).partition(b"\n")
            if kek_id.decode() != self._keyring.current:
                key = self._keyring.unwrap(kek_id.decode(), body, _place(reference))
                await self._objects.put(path, self._wrapped(reference, key))
                changed += 1
        return changed

    async def _write(self, reference: SubjectRef, data: Mapping[str, Any]) -> None:
        plain = orjson.dumps(dict(data))
        if len(plain) > SUBJECT_BYTES_MAX:
            raise ValueError(f"a person's data of {len(plain)} bytes, at most {SUBJECT_BYTES_MAX} are kept")
        key, nonce = AESGCM.generate_key(KEY_BYTES * 8), os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, plain, _place(reference).encode())
        await self._objects.put(_data_path(reference), sealed)
        await self._objects.put(_key_path(reference), self._wrapped(reference, key))

    def _wrapped(self, reference: SubjectRef, key: bytes) -> bytes:
        return self._keyring.current.encode() + b"\n" + self._keyring.wrap(key, _place(reference))


def _folder(reference: SubjectRef) -> str:
    return f"subjects/{reference.tenant}/{reference.id}"


def _key_path(reference: SubjectRef) -> str:
    return f"{_folder(reference)}.key"


def _data_path(reference: SubjectRef) -> str:
    return f"{_folder(reference)}.data"


def _place(reference: SubjectRef) -> str:
    return f"subject|{reference.tenant}|{reference.id}"
