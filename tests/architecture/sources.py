"""The project's own sources, parsed once; checks take a source, so that a planted one can be given to them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("contracts", "chassis", "connectors", "services", "sverka", "deploy")
ALL = (*PRODUCT, "sandbox")


@dataclass(frozen=True, slots=True)
class Source:
    """One module: its path from the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module


def planted(text: str, path: str = "services/planted/workers.py") -> Source:
    """A source that exists in a test alone."""
    return Source(path, text, ast.parse(text))


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """All modules below the folders."""
    return tuple(_read(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def migrations() -> Iterator[Source]:
    """All SQL migrations; their tree is empty."""
    for path in sorted(ROOT.glob("**/migrations/*.sql")):
        if ".venv" not in path.parts:
            yield Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"), ast.Module([], []))


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(str(path.relative_to(ROOT)), text, ast.parse(text))


def called(node: ast.AST) -> str:
    """The dotted name of what is called, "" for anything else: ``self._http.request``."""
    if isinstance(node, ast.Call):
        return called(node.func)
    if isinstance(node, ast.Attribute):
        return f"{called(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""
