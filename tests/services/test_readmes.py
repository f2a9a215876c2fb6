"""What READMEs say of services is so: tests of bad input exist, messages and streams are all named."""

import importlib
import re
from pathlib import Path

import pytest

from contracts import topics

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w/]*test_\w+\.py)::(\w+)`")


def rows_of(service: str) -> list[str]:
    """The table of bad input, without its head."""
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    return [line for line in text.partition("## Bad input")[2].splitlines() if line.startswith("| ")][1:]


def unproven(service: str, row: str) -> list[str]:
    """What a row promises without a test: the row itself, or the names that no file has.

    A test is renamed or dropped, and its row goes on promising what nothing holds any more.
    """
    named = NAMED.findall(row)
    places = [ROOT / "tests" / "services" / service, ROOT / "tests" / "services", ROOT]
    missing = []
    for file, name in named:
        sources = [(place / file).read_text(encoding="utf-8") for place in places if (place / file).exists()]
        if not any(re.search(rf"(def|class) {name}\b", source) for source in sources):
            missing.append(f"{file}::{name}")
    return missing if named else [row]


@pytest.mark.parametrize("service", topics.SERVICES)
def test_every_row_of_bad_input_names_tests_that_exist(service: str) -> None:
    rows = rows_of(service)
    assert len(rows) >= 10
    assert [found for row in rows for found in unproven(service, row)] == []


@pytest.mark.parametrize("tests", ["same", "`test_hooks.py`", "`test_hooks.py::test_that_was_renamed`"])
def test_a_planted_row_is_caught(tests: str) -> None:
    assert unproven("ingest", f"| senseless | 400 | – | {tests} |")


@pytest.mark.parametrize("service", topics.SERVICES)
def test_readme_names_every_message_that_the_service_says(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    said = {message.NAME for topic in topics.written_by(service) if "." not in topic.name for message in topic.messages}
    assert {name for name in said if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("service", topics.SERVICES)
def test_architecture_names_every_kind_of_stream(service: str) -> None:
    """Streams of orders and callbacks were in no row: whoever met one in the store did not know whose it was."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in text.splitlines() if re.match(rf"\| ({service}|all\b[\w ]*) \| `", line)]
    named = {prefix for row in rows for prefix in re.findall(r"`([a-z]+)-", row)}
    kinds = importlib.import_module(f"services.{service}.app").SPEC.stream_kinds()
    assert {kind.prefix for kind in kinds} - named == set()
