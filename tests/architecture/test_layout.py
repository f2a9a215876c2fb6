"""The layout that makes knowing one service knowing all of them, and a module that says what it is for."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.topics import SERVICES
from tests.architecture.sources import ALL, ROOT, Source, planted, sources

FILES_OF_A_SERVICE = frozenset(
    {
        "__init__", "__main__", "app", "settings", "domain", "handlers", "workers", "api", "published", "projections",
        "store", "metrics", "migrations", "texts", "README.md", "BAD_INPUT.md",
    }
)  # fmt: skip
NEEDED = frozenset(
    {"__init__", "__main__", "app", "settings", "domain", "published", "migrations", "README.md", "BAD_INPUT.md"}
)
VAGUE = ("utils", "util", "common", "helpers", "helper", "manager", "misc")


TOP_FOLDERS = ("bench", "chassis", "connectors", "contracts", "deploy", "integrations", "sandbox", "sverka", "tests")


def names_of(service: str) -> set[str]:
    """Its files and folders without their endings."""
    entries = (ROOT / "services" / service).iterdir()
    return {entry.name if entry.suffix == ".md" else entry.stem for entry in entries if entry.name != "__pycache__"}


def odd_names(names: set[str]) -> list[str]:
    """Routes in `endpoints.py` here and `api.py` there: whoever knows one service searches in the next."""
    return sorted([*(names - FILES_OF_A_SERVICE), *(f"no {name}" for name in NEEDED - names)])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_file_names_of_all_services(service: str) -> None:
    assert odd_names(names_of(service)) == []


def test_planted_names_are_caught() -> None:
    names = names_of(SERVICES[0])
    assert odd_names(names | {"endpoints"}) == ["endpoints"]
    assert odd_names(names - {"domain"}) == ["no domain"]


def without_a_readme(root: Path) -> list[str]:
    """A folder that was added last said nowhere what it is."""
    folders = (*TOP_FOLDERS, *(f"services/{name}" for name in SERVICES))
    return [folder for folder in folders if not (root / folder / "README.md").is_file()]


def test_every_top_folder_and_service_tells_what_it_is(tmp_path: Path) -> None:
    assert without_a_readme(ROOT) == []
    assert without_a_readme(tmp_path) == [*TOP_FOLDERS, *(f"services/{name}" for name in SERVICES)]
    kept = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"services"}
    assert kept <= set(TOP_FOLDERS), "a folder that this test does not know"


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


def dependent(vendors: set[str], document: str) -> set[str]:
    """A new vendor's connector is in no list, and takes what it needs from its neighbour."""
    contracts = tomllib.loads(document)["tool"]["importlinter"]["contracts"]
    (independent,) = [one for one in contracts if one["type"] == "independence"]
    return {f"connectors.{vendor}" for vendor in vendors} - set(independent["modules"])


def test_connectors_of_vendors_are_kept_apart() -> None:
    document = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    vendors = {file.parent.name for file in (ROOT / "connectors").glob("*/README.md")}
    assert len(vendors) > 10
    assert dependent(vendors, document) == set()
    assert dependent({"planted"}, document) == {"connectors.planted"}
