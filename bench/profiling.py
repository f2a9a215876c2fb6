"""Profiles by cProfile, summed up in few lines without paths of this machine."""

import cProfile
import io
import os
import pstats
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

LINES: Final = 25
_PACKAGES: Final = re.compile(r"\S*/(?:site-packages|lib/python3\.\d+)/")


def profiled(work: Callable[[], Any]) -> list[str]:
    """Runs something under cProfile; where its time went."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return _summary(profile)


def summary_of(file: Path) -> list[str]:
    """Where a process spent its time that wrote its profile to a file."""
    return _summary(str(file))


def _summary(source: Any) -> list[str]:
    text = io.StringIO()
    pstats.Stats(source, stream=text).sort_stats("tottime").print_stats(LINES)
    here = str(Path(__file__).parents[1]) + os.sep
    lines = [_PACKAGES.sub("", line.rstrip()).replace(here, "") for line in text.getvalue().splitlines()]
    named = f"    {source}"  # the file's own line: when, and where on this machine
    return [line for line in lines if line.strip() and "ordered by" not in line.lower() and not line.endswith(named)]
