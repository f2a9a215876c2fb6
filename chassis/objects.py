"""Named objects that the services share: in a local folder, where every name is durable, or in an S3 bucket."""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import from_url

PUT_SECONDS_MAX: Final = 30.0
GET_SECONDS_MAX: Final = 30.0
DURABLE_FOLDERS_MAX: Final = 10_000
UNFINISHED: Final = ".unfinished"
UNFINISHED_KEPT_SECONDS: Final = 3_600.0


class BlobMissing(LookupError):  # noqa: N818 - an answer, not a fault
    """The store has no such object: it was erased, or never written."""


class BlobTooLarge(ValueError):  # noqa: N818 - named after the limit
    """More bytes than a document may have."""


class BlobStoreAway(Exception):  # noqa: N818 - named after what happened
    """The object store does not answer; nothing is known to be written."""


class Objects(Protocol):
    """An object store. Paths have no dots; what is away or refused raises BlobStoreAway."""

    async def put(self, path: str, data: bytes, *, replace: bool = True) -> bool:
        """Writes an object durably. False when it is there and ``replace`` is not set."""

    async def get(self, path: str, bytes_max: int) -> bytes:
        """Reads an object whole. Raises BlobMissing, BlobTooLarge."""

    async def delete(self, path: str) -> None:
        """Removes an object durably; one that is not there is removed already."""

    async def names(self, prefix: str) -> list[str]:
        """Paths below a prefix; for tools."""


def objects_at(url: str) -> Objects:
    """The store at ``file:FOLDER`` or ``s3://bucket/prefix``. Raises ValueError for another address."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return ObjectFolder(Path(parts.path).absolute())
    if parts.scheme == "s3":
        return ObjectBucket(url)
    raise ValueError(f"SVERKA_BLOBS_URL is file:FOLDER or s3://bucket/prefix, not {parts.scheme}:")


class ObjectFolder:
    """Objects as files below a folder of this machine. A file gets its name when its bytes are on disk, so that after a
    loss of power no name stands for less."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / UNFINISHED
        self._durable: set[tuple[Path, int]] = set()
        self._unfinished.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._unfinished.iterdir():  # by a writer that died; others may be at work
            if time.time() - left.stat().st_mtime > UNFINISHED_KEPT_SECONDS:
                left.unlink(missing_ok=True)

    async def put(self, path: str, data: bytes, *, replace: bool = True) -> bool:
        """Returns after fsync of the file and of every folder that leads to it."""
        try:
            return await asyncio.to_thread(self._put, self._root / path, data, replace)
        except OSError as error:
            raise BlobStoreAway(f"the folder of objects does not take {path}") from error

    async def get(self, path: str, bytes_max: int) -> bytes:
        """Reads a file whole."""
        try:
            return await asyncio.to_thread(_read, self._root / path, bytes_max)
        except FileNotFoundError as error:
            raise BlobMissing(path) from error
        except OSError as error:
            raise BlobStoreAway(f"the folder of objects does not give {path}") from error

    async def delete(self, path: str) -> None:
        """Returns after fsync of the folder."""
        try:
            await asyncio.to_thread(_delete, self._root / path)
        except OSError as error:
            raise BlobStoreAway(f"the folder of objects does not remove {path}") from error

    async def names(self, prefix: str) -> list[str]:
        """All files below a folder."""
        return await asyncio.to_thread(self._names, self._root / prefix)

    def _put(self, file: Path, data: bytes, replace: bool) -> bool:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = replace or not file.exists()
        if written:
            unfinished = self._unfinished / f"{os.getpid()}-{threading.get_ident()}"
            with open(unfinished, "wb", opener=_private) as output:
                output.write(data)
                output.flush()
                os.fsync(output.fileno())
            try:
                (os.replace if replace else os.link)(unfinished, file)
            except FileExistsError:
                written = False
            unfinished.unlink(missing_ok=True)
        self._fsync_folders(file)  # also when it was there: whoever wrote it may not have come to this
        return written

    def _fsync_folders(self, file: Path) -> None:
        """Every folder up to the root, once: each may have been made for this object, and then stays."""
        made = []
        for folder in file.parents:
            found = (folder, _fsync_folder(folder))
            if found in self._durable:
                break
            made.append(found)
            if folder == self._root:
                break
        if len(self._durable) > DURABLE_FOLDERS_MAX:
            self._durable.clear()
        self._durable.update(made)  # not before all of them are: another thread relies on it

    def _names(self, folder: Path) -> list[str]:
        return sorted(str(file.relative_to(self._root)) for file in folder.rglob("*") if file.is_file())


class ObjectBucket:
    """Objects in a bucket; credentials as the AWS_* variables say."""

    def __init__(self, url: str) -> None:
        self._store = from_url(url)

    async def put(self, path: str, data: bytes, *, replace: bool = True) -> bool:
        """Returns when S3 has answered."""
        try:
            async with asyncio.timeout(PUT_SECONDS_MAX):
                await obstore.put_async(
                    self._store, path, data, mode="overwrite" if replace else "create", use_multipart=False
                )
        except AlreadyExistsError:
            return False
        except (BaseError, OSError, TimeoutError) as error:
            raise BlobStoreAway(f"the object store does not take {path}") from error
        return True

    async def get(self, path: str, bytes_max: int) -> bytes:
        """Reads an object whole."""
        try:
            async with asyncio.timeout(GET_SECONDS_MAX):
                found = await obstore.get_async(self._store, path)
                _check_size(path, found.meta["size"], bytes_max)
                return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise BlobMissing(path) from error
        except (BaseError, OSError, TimeoutError) as error:
            raise BlobStoreAway(f"the object store does not give {path}") from error

    async def delete(self, path: str) -> None:
        """Removes an object."""
        try:
            async with asyncio.timeout(PUT_SECONDS_MAX):
                await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError, TimeoutError) as error:
            raise BlobStoreAway(f"the object store does not remove {path}") from error

    async def names(self, prefix: str) -> list[str]:
        """Page by page."""
        found: list[str] = []
        try:
            async for page in obstore.list(self._store, prefix):
                found += [entry["path"] for entry in page]
        except (BaseError, OSError) as error:
            raise BlobStoreAway("the object store does not list") from error
        return found


def _check_size(path: object, size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise BlobTooLarge(f"{path} has {size} bytes, at most {bytes_max} are taken")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(file: Path, bytes_max: int) -> bytes:
    with open(file, "rb") as source:
        _check_size(file.name, os.fstat(source.fileno()).st_size, bytes_max)
        return source.read()


def _delete(file: Path) -> None:
    file.unlink(missing_ok=True)
    if file.parent.exists():
        _fsync_folder(file.parent)


def _fsync_folder(folder: Path) -> int:
    """Makes the names in a folder durable; its inode."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
