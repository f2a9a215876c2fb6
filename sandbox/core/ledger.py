"""The append-only ledger that is the sandbox's state: JSON lines, fsynced in groups, replayed at start."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from sandbox.core.clock import SandboxClock, to_rfc3339

Line = dict[str, Any]
INDEX_EVERY_LINES = 1000
GROUP_SECONDS = 0.002
"""So long after a write the next one waits for others: what comes alone is written at once."""


class LedgerError(RuntimeError):
    """The ledger cannot be written any more; no answer may leave."""


class Ledger:
    """Lines `{"seq", "at", "real_at", "vendor", "account", "kind", …}` in DIR/ledger.jsonl.

    `kind` is request, change, event, control or fault. Lines appended inside one `together()` block are kept or cut
    as one: all but the last carry `"more": true`, and a tail that was torn in the middle is removed at start.
    `durable()` returns once everything appended so far is fsynced; concurrent callers share one fsync.
    """

    def __init__(self, folder: Path, clock: SandboxClock) -> None:
        self._folder = folder
        self._clock = clock
        self._path = folder / "ledger.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "blobs").mkdir(exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise SystemExit(f"{folder} is in use by another sandbox; stop it or give another --data") from error
        self.seq = 0
        self._fd = -1
        self._size = 0
        self._index: list[tuple[int, int]] = []
        self._open: list[tuple[int, bytes]] | None = None
        self._pending: list[bytes] = []
        self._wrote_at = 0.0
        self._group: asyncio.Future[None] | None = None
        self._broken: OSError | None = None

    # -- start and stop

    def replay(self, take: Callable[[Line], None]) -> int:
        """Hands every durable line to `take` in order, cuts a torn tail, returns the number of lines."""
        whole = 0
        offset = 0
        held: list[Line] = []
        with self._path.open("ab+") as file:
            file.seek(0)
            for raw in file:
                offset += len(raw)
                if not raw.endswith(b"\n"):
                    break
                try:
                    line = orjson.loads(raw)
                except orjson.JSONDecodeError as error:
                    sentence = (
                        f"{self._path} is damaged at byte {offset - len(raw)}; restore it or empty {self._folder}"
                    )
                    raise SystemExit(sentence) from error
                held.append(line)
                if "more" not in line:
                    for item in held:
                        self._note_offset(item["seq"], whole)
                        take(item)
                        self.seq = item["seq"]
                    whole = offset
                    held = []
            file.truncate(whole)
            os.fsync(file.fileno())
        self._size = whole
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        return self.seq

    def close(self) -> None:
        """Writes what is left and closes."""
        self._write_group()
        if self._fd >= 0:
            os.close(self._fd)
        os.close(self._lock)

    # -- writing

    def append(self, kind: str, vendor: str, account: str, fields: Line) -> Line:
        """Numbers and buffers one line; it is durable after the next `durable()`."""
        if self._broken is not None:
            raise LedgerError(f"the ledger {self._path} cannot be written: {self._broken}")
        self.seq += 1
        line: Line = {
            "seq": self.seq,
            "at": to_rfc3339(self._clock.unix()),
            "real_at": to_rfc3339(self._clock.real_unix()),
            "kind": kind,
            "vendor": vendor,
            "account": account,
            **fields,
        }
        encoded = (self.seq, orjson.dumps(line))
        if self._open is not None:
            self._open.append(encoded)
        else:
            self._push([encoded])
        return line

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Lines appended inside (without awaiting) survive a crash all or none; nested blocks join the outer one."""
        if self._open is not None:
            yield
            return
        self._open = []
        try:
            yield
        finally:
            lines, self._open = self._open, None
            self._push(lines)

    def _push(self, lines: list[tuple[int, bytes]]) -> None:
        for place, (seq, encoded) in enumerate(lines, 1):
            raw = encoded + b"\n" if place == len(lines) else encoded[:-1] + b',"more":true}\n'
            self._note_offset(seq, self._size)
            self._size += len(raw)
            if not self._pending:
                wait = self._wrote_at + GROUP_SECONDS - time.monotonic()
                asyncio.get_running_loop().call_later(max(0.0, wait), self._write_group)
            self._pending.append(raw)

    def _note_offset(self, seq: int, offset: int) -> None:
        if seq % INDEX_EVERY_LINES == 1:
            self._index.append((seq, offset))

    async def durable(self) -> None:
        """Returns when all lines appended before the call are on disk; raises LedgerError when they cannot be."""
        if self._broken is not None:
            raise LedgerError(str(self._broken))
        if self._pending:
            if self._group is None:
                self._group = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._group)

    def _write_group(self) -> None:
        """Writes all that was appended in one turn of the loop, or since soon after the last write, with one fsync.

        In the loop on purpose: a thread's hand-over costs more than the fsync of a local disk, and on a slow one
        the calls that wait meanwhile become the next group.
        """
        if not self._pending:
            return
        chunk = b"".join(self._pending)
        self._pending.clear()
        group, self._group = self._group, None
        try:
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fdatasync(self._fd)
        except OSError as error:
            self._broken = error
            if group is not None:
                group.set_exception(LedgerError(f"the ledger {self._path} cannot be written: {error}"))
            return
        self._wrote_at = time.monotonic()
        if group is not None:
            group.set_result(None)

    # -- reading

    @property
    def broken(self) -> bool:
        return self._broken is not None

    def read(
        self,
        *,
        after: int = 0,
        vendor: str | None = None,
        kind: str | None = None,
        account: str | None = None,
        limit: int = 1000,
    ) -> list[bytes]:
        """Up to `limit` durable lines with seq > `after`, oldest first, as raw JSON lines."""
        offset = 0
        for seq, at in self._index:
            if seq > after + 1:
                break
            offset = at
        found: list[bytes] = []
        with self._path.open("rb") as file:
            file.seek(offset)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                line = orjson.loads(raw)
                if (
                    line["seq"] > after
                    and (vendor is None or line["vendor"] == vendor)
                    and (kind is None or line["kind"] == kind)
                    and (account is None or line["account"] == account)
                ):
                    found.append(raw)
                    if len(found) >= limit:
                        break
        return found

    def reset(self) -> None:
        """Empties ledger and blobs, durably; numbering starts again at 1."""
        self._write_group()
        fresh = self._folder / "ledger.jsonl.new"
        with fresh.open("wb") as file:
            os.fsync(file.fileno())
        fresh.replace(self._path)
        _sync_folder(self._folder)
        os.close(self._fd)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self.seq, self._size, self._index = 0, 0, []
        for blob in (self._folder / "blobs").iterdir():
            blob.unlink()

    # -- big bytes

    def store_blob(self, content: bytes) -> str:
        """Puts bytes under their SHA-256, fsynced before it returns; call it before the line that names them."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._folder / "blobs" / digest
        if not path.exists():
            partial = path.with_suffix(".part")
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            _sync_folder(path.parent)
        return digest

    def blob(self, digest: str) -> bytes:
        """The bytes stored under a digest; FileNotFoundError when there are none."""
        if not digest.isalnum():
            raise FileNotFoundError(digest)
        return (self._folder / "blobs" / digest).read_bytes()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
