"""Documents' bytes, named by their content, and durable before the event that names them."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from chassis import log
from chassis.crash_points import crash_point
from chassis.ids import TenantId
from chassis.objects import BlobMissing, BlobStoreAway, BlobTooLarge, Objects

BLOB_BYTES_MAX: Final = 20 * 1024 * 1024
_REFERENCE: Final = re.compile(r"(?P<tenant>[a-z0-9-]{2,40})/(?P<sha256>[0-9a-f]{64})")

_log = log.get(__name__)

__all__ = ["BlobBroken", "BlobMissing", "BlobRef", "BlobStoreAway", "BlobTooLarge", "Blobs"]


class BlobBroken(Exception):  # noqa: N818 - named after what is found
    """The stored bytes are not those that were written: their sum differs from the name."""


@dataclass(frozen=True, slots=True)
class BlobRef:
    """What an event keeps of a document: ``tenant/sha256`` and its size in bytes. The same bytes have the same name."""

    tenant: TenantId
    sha256: str
    size: int = 0

    def __str__(self) -> str:
        return f"{self.tenant}/{self.sha256}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``tenant/sha256``. Raises ValueError for anything else, paths with dots included."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise ValueError("a blob is named tenant/sha256")
        return cls(TenantId(match["tenant"]), match["sha256"])


class Blobs:
    """Documents of all tenants, content-addressed. Shared by the services: one writes, others read by reference."""

    def __init__(self, objects: Objects, *, bytes_max: int = BLOB_BYTES_MAX) -> None:
        self._objects = objects
        self._bytes_max = bytes_max

    async def put(self, tenant: TenantId, data: bytes) -> BlobRef:
        """Stores bytes durably and names them; storing the same again changes nothing, but for bytes that were spoilt.
        Raises BlobTooLarge, BlobStoreAway."""
        if len(data) > self._bytes_max:
            raise BlobTooLarge(f"a document of {len(data)} bytes, at most {self._bytes_max} are stored")
        reference = BlobRef(tenant, hashlib.sha256(data).hexdigest(), len(data))
        crash_point("blob.before")
        written = await self._objects.put(_path(reference), data, replace=False)
        if not written and not await self._is_whole(reference):
            await self._objects.put(_path(reference), data)
        crash_point("blob.after")
        return reference

    async def get(self, reference: BlobRef) -> bytes:
        """Reads bytes and checks their sum. Raises BlobMissing, BlobBroken, BlobTooLarge, BlobStoreAway."""
        data = await self._objects.get(_path(reference), self._bytes_max)
        if hashlib.sha256(data).hexdigest() != reference.sha256:
            raise BlobBroken(str(reference))
        return data

    async def _is_whole(self, reference: BlobRef) -> bool:
        try:
            await self.get(reference)
        except (BlobMissing, BlobBroken, BlobTooLarge) as error:
            name = type(error).__name__
            _log.warning("a document was spoilt and is written again", tenant=reference.tenant, error=name)
            return False
        return True

    async def delete(self, reference: BlobRef) -> None:
        """Erases a document; its name in events stays and leads nowhere."""
        await self._objects.delete(_path(reference))


def _path(reference: BlobRef) -> str:
    return f"blobs/{reference.tenant}/{reference.sha256[:2]}/{reference.sha256}"
