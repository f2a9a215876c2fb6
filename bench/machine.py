"""Where and on what a result was measured: machine, load, commit, and the settings of PostgreSQL read back from it."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil  # type: ignore[import-untyped]

BUSY_SHARE: Final = 0.25
"""A load average above this share of the cores, before a benchmark begins, means that others were at work."""

POSTGRES_SETTINGS: Final = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "max_connections", "shared_buffers",
)  # fmt: skip


def describe_machine() -> dict[str, Any]:
    """The machine, and how busy it is just now."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def load_average() -> list[float]:
    """The load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def is_busy(load: list[float]) -> bool:
    """Whether others are at work on the machine."""
    return load[0] > BUSY_SHARE * (os.cpu_count() or 1)


def commit() -> str:
    """The commit of the checkout; with ``+`` when tracked files of the product differ from it."""
    folder = Path(__file__).parents[1]
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench")
    return head + ("+" if changed else "")


async def postgres_settings(url: str) -> dict[str, str]:
    """The settings that a session under this address really has."""
    connection = await asyncpg.connect(url)
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in POSTGRES_SETTINGS}
    finally:
        await connection.close()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
