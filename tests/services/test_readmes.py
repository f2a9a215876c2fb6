"""What pages say of services is so: bad input has all its answers and tests, messages and streams are all named."""

import importlib
import re
from pathlib import Path

import pytest

from contracts import topics

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
PAGES = (*(f"services/{service}" for service in topics.SERVICES), "chassis")
COLUMNS = 5
SCREEN_LINES_MAX = 70
MESSAGES = (
    "unknown type or version", "not JSON", "over the size", "without an envelope", "another tenant's key",
    "Postgres with a full disk", "a port that is taken",
)  # fmt: skip
HTML = "HTML, half a JSON"
CASES: dict[str, tuple[str, ...]] = {
    "services/ingest": (
        "malformed", "oversized", "forged", "foreign", "unknown stage", "deal deleted before it is read",
        "deal without company", "two companies of one INN", "answers HTML, half a JSON",
        "tenant file with a wrong key", *MESSAGES[-2:],
    ),
    "services/counterparty": ("deal without company", "bad INN", "two companies of one INN", HTML, *MESSAGES),
    "services/invoicing": (
        "no lines", "a price of zero", "negative price", "fractional quantity", "unknown VAT", "foreign currency",
        "bad buyer", HTML, "other totals", "another buyer's invoice", *MESSAGES,
    ),
    "services/payments": (HTML, *MESSAGES),
    "services/notifier": (HTML, *MESSAGES),
    "chassis": MESSAGES,
}  # fmt: skip
"""What may come to each, whatever else may."""


def rows_of(place: str) -> list[str]:
    """The tables of bad input, without their heads."""
    lines = (ROOT / place / "BAD_INPUT.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith("| What comes |")]


def cells_of(row: str) -> list[str]:
    """What comes, what its sender gets, what people see, where the work waits, the tests."""
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def unproven(place: str, row: str) -> list[str]:
    """What a row promises without a test: the row itself, or the names that no file has.

    A test is renamed or dropped, and its row goes on promising what nothing holds any more.
    """
    named = NAMED.findall(cells_of(row)[-1])
    places = [ROOT / "tests" / place, ROOT / "tests" / "services", ROOT]
    missing = []
    for file, name in named:
        sources = [(place / file).read_text(encoding="utf-8") for place in places if (place / file).exists()]
        if not any(re.search(rf"(def|class) {name}\b", source) for source in sources):
            missing.append(f"{file}::{name}")
    return missing if named else [row]


def unanswered(row: str) -> bool:
    """Whether a row leaves one of its three answers out."""
    cells = cells_of(row)
    return len(cells) != COLUMNS or any(cell in ("", "–", "-", "?") for cell in cells)


@pytest.mark.parametrize("place", PAGES)
def test_every_row_of_bad_input_names_tests_that_exist(place: str) -> None:
    rows = rows_of(place)
    assert len(rows) >= 10
    assert [found for row in rows for found in unproven(place, row)] == []


@pytest.mark.parametrize("place", PAGES)
def test_every_row_says_what_the_sender_gets_what_people_see_and_where_the_work_waits(place: str) -> None:
    assert [row for row in rows_of(place) if unanswered(row)] == []


@pytest.mark.parametrize("place", PAGES)
def test_every_case_has_its_row(place: str) -> None:
    come = [cells_of(row)[0] for row in rows_of(place)]
    assert [case for case in CASES[place] if not any(case in cell for cell in come)] == []


@pytest.mark.parametrize("tests", ["same", "`test_hooks.py`", "`test_hooks.py::test_that_was_renamed`"])
def test_a_planted_row_is_caught(tests: str) -> None:
    assert unproven("services/ingest", f"| senseless | 400 | nothing | nowhere | {tests} |")


@pytest.mark.parametrize("answers", ["400 | – | nowhere", "400 |  | nowhere", "400 | nothing"])
def test_a_planted_row_without_an_answer_is_caught(answers: str) -> None:
    assert unanswered(f"| senseless | {answers} | `test_hooks.py::test_hook` |")


@pytest.mark.parametrize("place", PAGES)
def test_readme_leads_to_its_bad_input(place: str) -> None:
    assert "(BAD_INPUT.md)" in (ROOT / place / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("service", topics.SERVICES)
def test_readme_is_one_screen(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= SCREEN_LINES_MAX


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
