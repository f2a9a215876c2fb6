"""Looks at the processes of this machine through /proc, as far as this user may."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
LISTENING: Final = "0A"  # the state's code in /proc/net/tcp
GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


def all_pids() -> Iterator[int]:
    """The ids of all processes at this moment."""
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def working_folder(pid: int) -> Path | None:
    """The process's working folder; None if it has ended or is none of our business."""
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except GONE:
        return None


def program(pid: int) -> str:
    """The file name of the program it runs; empty if it has ended or is none of our business."""
    try:
        return (PROC / str(pid) / "exe").readlink().name
    except GONE:
        return ""


def command_line(pid: int) -> str:
    """Its command line as one text; empty if it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except GONE:
        return ""


def environment(pid: int) -> dict[str, str]:
    """The environment it was started with; empty if it has ended or is none of our business."""
    try:
        text = (PROC / str(pid) / "environ").read_bytes().decode("utf-8", "replace")
    except GONE:
        return {}
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def start_ticks(pid: int) -> int | None:
    """When it started, in clock ticks since boot: with the id it names one process for good. None if it has ended."""
    fields = _status(pid)
    return None if not fields or fields[0] == "Z" else int(fields[19])


def parent(pid: int) -> int | None:
    """The id of its parent; None if it has ended."""
    fields = _status(pid)
    return int(fields[1]) if fields else None


def _status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, the state; none if it has ended and is forgotten."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except GONE:
        return []


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; nothing happens if it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def listener(port: int) -> int | None:
    """The id of the process that listens on the TCP port, if this user may know."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for pid in all_pids():
        with contextlib.suppress(*GONE):
            for descriptor in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(*GONE):
                    if os.readlink(descriptor) in sockets:
                        return pid
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("net/tcp", "net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in (PROC / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
