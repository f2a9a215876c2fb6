"""Documents' bytes in an object store, named by their content, written and fsynced before the event that names them."""

import asyncio
import hashlib
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from chassis.ids import TenantId

BLOB_BYTES_MAX: Final = 20 * 1024 * 1024
PUT_SECONDS_MAX: Final = 30.0
GET_SECONDS_MAX: Final = 30.0
DURABLE_FOLDERS_MAX: Final = 10_000
UNFINISHED: Final = ".unfinished"
UNFINISHED_KEPT_SECONDS: Final = 3_600.0
_REFERENCE: Final = re.compile(r"(?P<tenant>[a-z0-9-]{2,40})/(?P<sha256>[0-9a-f]{64})")


class BlobMissing(LookupError):  # noqa: N818 - an answer, not a fault
    """The store has no such object: it was erased, or never written."""


class BlobBroken(Exception):  # noqa: N818 - named after what is found
    """The stored bytes are not those that were written: their sum differs from the name."""


class BlobTooLarge(ValueError):  # noqa: N818 - named after the limit
    """More bytes than a document may have."""


class BlobStoreAway(Exception):  # noqa: N818 - named after what happened
    """The object store does not answer; nothing is known to be written."""


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


class ObjectFolder:
    """Named objects below one address: ``file:FOLDER`` or ``s3://bucket/prefix``; credentials as AWS_* variables say.

    ``put`` returns when the bytes are durable: after fsync of file and folder, or when S3 has answered.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._folder: Path | None = None
        self._durable: set[tuple[Path, int]] = set()
        self._store: ObjectStore
        if parts.scheme == "file":
            self._folder = Path(parts.path).absolute()
            unfinished = self._folder / UNFINISHED
            unfinished.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in unfinished.iterdir():  # by a writer that died; others may be at work
                if time.time() - left.stat().st_mtime > UNFINISHED_KEPT_SECONDS:
                    left.unlink(missing_ok=True)
            self._store = LocalStore(self._folder)
        elif parts.scheme == "s3":
            self._store = from_url(url)
        else:
            raise ValueError(f"SVERKA_BLOBS_URL is file:FOLDER or s3://bucket/prefix, not {parts.scheme}:")

    async def put(self, path: str, data: bytes, *, replace: bool = True) -> bool:
        """Writes an object durably. False when it is there and ``replace`` is not set. Raises BlobStoreAway."""
        try:
            async with asyncio.timeout(PUT_SECONDS_MAX):
                if self._folder is not None:
                    return await asyncio.to_thread(self._write, self._folder, path, data, replace)
                await obstore.put_async(
                    self._store, path, data, mode="overwrite" if replace else "create", use_multipart=False
                )
        except AlreadyExistsError:
            return False
        except (BaseError, OSError, TimeoutError) as error:
            raise BlobStoreAway(f"the object store does not take {path}") from error
        return True

    def _write(self, root: Path, path: str, data: bytes, replace: bool) -> bool:
        """The file gets its name when its bytes are on disk: after a loss of power a name never stands for less."""
        file, unfinished = root / path, root / UNFINISHED / f"{os.getpid()}-{threading.get_ident()}"
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = True
        if not replace and file.exists():
            written = False
        else:
            with open(unfinished, "wb", opener=_private) as output:
                output.write(data)
                output.flush()
                os.fsync(output.fileno())
            try:
                (os.replace if replace else os.link)(unfinished, file)
            except FileExistsError:
                written = False
            unfinished.unlink(missing_ok=True)
        self._fsync_folders(root, file)  # also when it was there: whoever wrote it may not have come to this
        return written

    def _fsync_folders(self, root: Path, file: Path) -> None:
        """Every folder up to the root, once: each may have been made for this object, and then stays."""
        made = []
        for folder in file.parents:
            found = (folder, _fsync_folder(folder))
            if found in self._durable:
                break
            made.append(found)
            if folder == root:
                break
        if len(self._durable) > DURABLE_FOLDERS_MAX:
            self._durable.clear()
        self._durable.update(made)  # not before all of them are: another thread relies on it

    async def get(self, path: str, bytes_max: int) -> bytes:
        """Reads an object whole. Raises BlobMissing, BlobTooLarge, BlobStoreAway."""
        try:
            async with asyncio.timeout(GET_SECONDS_MAX):
                found = await obstore.get_async(self._store, path)
                if found.meta["size"] > bytes_max:
                    raise BlobTooLarge(f"{path} has {found.meta['size']} bytes, at most {bytes_max} are taken")
                return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise BlobMissing(path) from error
        except (BaseError, OSError, TimeoutError) as error:
            raise BlobStoreAway(f"the object store does not give {path}") from error

    async def delete(self, path: str) -> None:
        """Removes an object; one that is not there is removed already. Raises BlobStoreAway."""
        try:
            async with asyncio.timeout(PUT_SECONDS_MAX):
                await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError, TimeoutError) as error:
            raise BlobStoreAway(f"the object store does not remove {path}") from error
        if self._folder is not None:
            await asyncio.to_thread(_fsync_folder, (self._folder / path).parent)

    async def names(self, prefix: str) -> list[str]:
        """Paths below a prefix; for tools. Raises BlobStoreAway."""
        found: list[str] = []
        try:
            async for page in obstore.list(self._store, prefix):
                found += [entry["path"] for entry in page]
        except (BaseError, OSError) as error:
            raise BlobStoreAway("the object store does not list") from error
        return found


class Blobs:
    """Documents of all tenants, content-addressed. Shared by the services: one writes, others read by reference."""

    def __init__(self, objects: ObjectFolder, *, bytes_max: int = BLOB_BYTES_MAX) -> None:
        self._objects = objects
        self._bytes_max = bytes_max

    async def put(self, tenant: TenantId, data: bytes) -> BlobRef:
        """Stores bytes durably and names them; storing the same again changes nothing. Raises BlobTooLarge,
        BlobStoreAway."""
        if len(data) > self._bytes_max:
            raise BlobTooLarge(f"a document of {len(data)} bytes, at most {self._bytes_max} are stored")
        reference = BlobRef(tenant, hashlib.sha256(data).hexdigest(), len(data))
        await self._objects.put(_path(reference), data, replace=False)
        return reference

    async def get(self, reference: BlobRef) -> bytes:
        """Reads bytes and checks their sum. Raises BlobMissing, BlobBroken, BlobTooLarge, BlobStoreAway."""
        data = await self._objects.get(_path(reference), self._bytes_max)
        if hashlib.sha256(data).hexdigest() != reference.sha256:
            raise BlobBroken(str(reference))
        return data

    async def delete(self, reference: BlobRef) -> None:
        """Erases a document; its name in events stays and leads nowhere."""
        await self._objects.delete(_path(reference))


def _path(reference: BlobRef) -> str:
    return f"blobs/{reference.tenant}/{reference.sha256[:2]}/{reference.sha256}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _fsync_folder(folder: Path) -> int:
    """Makes the names in a folder durable; its inode."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
