"""Patches: what one file has and what a broken build has in its place, in blocks that name no line numbers.

    Breaks: what is wrong with the build, in a sentence
    Rig: simulation
    --- chassis/work/machine.py
    @@
     a line that stays
    -a line that goes
    +a line that comes

A block is found by its lines, which must stand in the file exactly once, so that a patch outlives other changes.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "builds"
PARTS: Final = ("contracts", "chassis", "connectors", "services", "sandbox", "sverka", "deploy", "tests", "bench")


class DoesNotFit(Exception):  # noqa: N818 - what is wrong
    """A patch cannot be read, or its lines are not in the file exactly once; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines of a file and those in their place."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Patch:
    """One broken build: its name, what it breaks, and the rig that is to find it."""

    name: str
    breaks: str
    rig: str
    edits: tuple[Edit, ...]

    def applied(self, text: str, edit: Edit) -> str:
        """The file's text with the edit made. Raises DoesNotFit."""
        if (times := f"\n{text}".count(f"\n{edit.before}")) != 1:
            raise DoesNotFit(f"{self.name}: a block is {times} times in {edit.path}; write it as the file has it now")
        return f"\n{text}".replace(f"\n{edit.before}", f"\n{edit.after}")[1:]

    def apply(self, tree: Path) -> None:
        """Makes all edits in a tree. Raises DoesNotFit."""
        for edit in self.edits:
            file = tree / edit.path
            file.write_text(self.applied(file.read_text(), edit))


def patches() -> list[Patch]:
    """All that there are, by name. Raises DoesNotFit."""
    return [read(file) for file in sorted(FOLDER.glob("*.patch"))]


def read(file: Path) -> Patch:
    """A patch as its file has it. Raises DoesNotFit."""
    head, _, rest = file.read_text().partition("--- ")
    said = dict(line.partition(": ")[::2] for line in head.splitlines() if line)
    edits = tuple(_edits(file.stem, f"--- {rest}"))
    if said.keys() != {"Breaks", "Rig"} or not edits:
        raise DoesNotFit(f"{file.name}: say what it breaks (Breaks:), by what it is found (Rig:), and change something")
    return Patch(file.stem, said["Breaks"], said["Rig"], edits)


def _edits(name: str, text: str) -> Iterator[Edit]:
    path, before, after = "", "", ""
    for line in [*text.splitlines(), "@@"]:
        if line.startswith(("--- ", "@@")):
            if before != after:
                yield Edit(path, before, after)
            path, before, after = line.removeprefix("--- ") if line.startswith("--- ") else path, "", ""
            continue
        mark, rest = line[:1], f"{line[1:]}\n"
        if mark not in ("", " ", "-", "+"):
            raise DoesNotFit(f"{name}: a line begins with neither of ' ', '-', '+': {line}")
        before += "" if mark == "+" else rest
        after += "" if mark == "-" else rest


def copy_of(root: Path, tree: Path) -> None:
    """A copy of the product and its tests that may be broken."""
    for part in PARTS:
        shutil.copytree(root / part, tree / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(root / "pyproject.toml", tree)
