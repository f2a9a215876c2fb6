"""The layout that makes knowing one service knowing all of them, and a module that says what it is for."""

import ast
from collections.abc import Iterator

import pytest

from contracts.topics import SERVICES
from tests.architecture.sources import ALL, ROOT, Source, planted, sources

FILES_OF_A_SERVICE = frozenset(
    {
        "__init__", "__main__", "app", "settings", "domain", "handlers", "workers", "api", "published", "projections",
        "store", "metrics", "migrations", "texts", "README.md",
    }
)  # fmt: skip
NEEDED = frozenset({"__init__", "__main__", "app", "settings", "domain", "published", "migrations", "README.md"})
VAGUE = ("utils", "util", "common", "helpers", "helper", "manager", "misc")


def _names(service: str) -> set[str]:
    entries = (ROOT / "services" / service).iterdir()
    return {entry.name if entry.name == "README.md" else entry.stem for entry in entries if entry.name != "__pycache__"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_file_names_of_all_services(service: str) -> None:
    names = _names(service)
    assert names <= FILES_OF_A_SERVICE
    assert names >= NEEDED


def modules_without_a_purpose(source: Source) -> Iterator[str]:
    """A reader opened five files to find out which one was for what."""
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield f"{source.path}: opens without a sentence of purpose"


def vague_names(source: Source) -> Iterator[str]:
    """A `utils.py` gathered what belonged to nobody, and everybody imported it."""
    parts = source.path.removesuffix(".py").split("/")
    yield from (f"{source.path}: {part} says nothing" for part in parts if part in VAGUE)


def test_every_module_opens_with_its_purpose() -> None:
    assert [found for source in sources(*ALL) for found in modules_without_a_purpose(source)] == []


def test_no_module_has_a_vague_name() -> None:
    assert [found for source in sources(*ALL) for found in vague_names(source)] == []


def test_planted_modules_are_caught() -> None:
    assert list(modules_without_a_purpose(planted("import os")))
    assert list(vague_names(planted('"""x."""', "chassis/utils.py")))
