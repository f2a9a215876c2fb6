"""Where and on what a result was measured: machine, load, commit, and the settings of PostgreSQL read back from it."""

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil  # type: ignore[import-untyped]

BUSY_SHARE: Final = 0.15
"""More of the cores' time than this in use, before a benchmark begins, means that others were at work."""
LOOK_SECONDS: Final = 2.0
LOOP_TURNS: Final = 1_000_000

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


def busy_share() -> float:
    """The share of all cores' time that was in use while this call looked, for ``LOOK_SECONDS``."""
    return round(float(psutil.cpu_percent(interval=LOOK_SECONDS)) / 100, 3)


def loop_ms() -> float:
    """CPU milliseconds of a plain loop of a million turns, the best of five: machines of other people's hosts vary."""

    def once() -> float:
        began = time.process_time()
        for _ in range(LOOP_TURNS):
            pass
        return 1000 * (time.process_time() - began)

    return round(min(once() for _ in range(5)), 2)


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
