"""The lock pins whatever is asked for, in the very words in which it is asked for."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).parents[2] / "requirements.lock"


def pinned() -> dict[str, set[str]]:
    """Package → its extras that the lock names."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[([^]]*)\])?==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): set(filter(None, extras.split(","))) for name, extras in found}


def test_every_extra_that_a_package_asks_for_is_pinned() -> None:
    """pip before 23.3 takes the newest ``coverage[toml]``, which has no hash here, beside a pinned ``coverage``."""
    lock = pinned()
    asked = [
        (name, requirement)
        for name in lock
        for line in _requires(name)
        if (requirement := Requirement(line)).extras and _wanted(requirement, lock[name])
    ]
    assert asked, "some packages ask for extras"
    missing = [
        f"{name} asks for {one}"
        for name, one in asked
        if not one.extras <= lock.get(canonicalize_name(one.name), set())
    ]
    assert missing == [], "make lock"


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []  # of another platform


def _wanted(requirement: Requirement, extras: set[str]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""})
