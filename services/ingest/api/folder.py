"""Watches a folder for bank statement files, ``FOLDER/TENANT/FILE``: what is taken moves to ``taken``, what is refused
to ``refused`` with the reason beside it."""

import asyncio
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chassis import log
from chassis.blobs import BlobStoreAway
from chassis.domain import Problem
from chassis.ids import TenantId, tenant_id
from chassis.postgres import INFRASTRUCTURE_ERRORS, is_infrastructure
from chassis.tenants import TenantDirectory
from connectors.bank_statement import STATEMENT_BYTES_MAX
from services.ingest import metrics
from services.ingest.api.statements import Statements, plain_name, sentence_of

TAKEN: Final = "taken"
REFUSED: Final = "refused"
REASON: Final = ".reason.txt"
FILES_AT_ONCE_MAX: Final = 20

_AWAY: Final[tuple[type[BaseException], ...]] = (BlobStoreAway, OSError, *INFRASTRUCTURE_ERRORS)

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a file looked; one that looks the same twice is written to its end."""

    size: int
    changed_ns: int


class StatementFolder:
    """The watch. ``run`` is a background loop; several processes may watch one folder, since a file is taken once."""

    def __init__(self, folder: Path, statements: Statements, tenants: TenantDirectory, *, look_seconds: float) -> None:
        self._folder = folder
        self._statements = statements
        self._tenants = tenants
        self._look_seconds = look_seconds
        self._seen: dict[Path, _Seen] = {}

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            try:
                await self.look()
            except _AWAY as error:
                _log.warning("statement files stay where they are for now", error=type(error).__name__)
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> int:
        """One look: takes what has stopped growing since the last one. Returns how many files were dealt with."""
        present = await asyncio.to_thread(lambda: dict(_files(self._folder)))
        ready = [path for path, seen in present.items() if self._seen.get(path) == seen]
        self._seen = present
        known = set(await self._tenants.known()) if ready else set()
        owned = [(tenant, path) for path in ready if (tenant := _tenant_of(path)) is not None and tenant in known]
        done = tried = 0
        for tenant, path in owned:
            if tried == FILES_AT_ONCE_MAX:
                break
            try:
                taken = await self._take(tenant, path)
            except BlobStoreAway:
                raise
            except Exception as error:
                of_file = isinstance(error, OSError) and error.filename is not None
                if is_infrastructure(error) and not of_file:
                    raise
                # What is wrong with one file, its folder, or our way with it holds up no other.
                _passed_over(tenant, error, defect=not of_file)
                continue
            done += taken
            tried += taken
        return done

    async def _take(self, tenant: TenantId, path: Path) -> int:
        if (await self._tenants.view(tenant)).status == "removed":
            return 0
        try:
            if self._seen[path].size > STATEMENT_BYTES_MAX:
                reason = f"the file has more than {STATEMENT_BYTES_MAX // 2**20} MiB; export fewer days at once"
                await asyncio.to_thread(_refuse, path, reason)
                return 1
            data = await asyncio.to_thread(path.read_bytes)
            taken = await self._statements.take(tenant, data, path.name, "folder")
            if isinstance(taken, Problem):
                _log.warning("a statement file is refused", tenant=tenant, reason=taken.code)
                await asyncio.to_thread(_refuse, path, sentence_of(taken))
            else:
                await asyncio.to_thread(_move, path, TAKEN, f"{taken.statement_id[:8]}-{plain_name(path.name)}")
        except FileNotFoundError:
            return 0  # another process, or a person, was there first
        return 1


def _passed_over(tenant: TenantId, error: Exception, *, defect: bool) -> None:
    name = type(error).__name__
    if not defect:
        _log.warning("a statement file cannot be read or moved away", tenant=tenant, error=name)
        return
    metrics.STATEMENTS.labels("folder", "failed").inc()
    _log.error("a statement file met a defect", tenant=tenant, error=name, exc_info=error)


def _files(folder: Path) -> Iterator[tuple[Path, _Seen]]:
    """The files of all tenants, oldest first. Links are left alone: they would have anything read for the asking."""
    if not folder.is_dir():
        return
    found: list[tuple[int, Path, _Seen]] = []
    for own in folder.iterdir():
        if own.is_symlink() or not own.is_dir():
            continue
        try:
            found.extend(_files_of(own))
        except OSError as error:  # one that cannot be read, or is gone by now, holds up no other
            _log.warning("a folder of statement files cannot be read", tenant=own.name, error=type(error).__name__)
    for _, path, seen in sorted(found, key=lambda one: (one[0], str(one[1]))):
        yield path, seen


def _files_of(own: Path) -> Iterator[tuple[int, Path, _Seen]]:
    for entry in os.scandir(own):
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield status.st_mtime_ns, Path(entry.path), _Seen(status.st_size, status.st_mtime_ns)


def _tenant_of(path: Path) -> TenantId | None:
    try:
        return tenant_id(path.parent.name)
    except ValueError:
        return None


def _refuse(path: Path, reason: str) -> None:
    moved = _move(path, REFUSED, plain_name(path.name))
    moved.with_name(moved.name + REASON).write_text(reason + "\n", encoding="utf-8")


def _move(path: Path, where: str, name: str) -> Path:
    """Into a folder beside it; a name that is taken there gets a number."""
    folder = path.parent / where
    folder.mkdir(exist_ok=True)
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{number}-{name}"
    path.rename(target)
    return target
