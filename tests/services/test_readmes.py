"""Each row of a service's table of bad input names tests that exist."""

import re
from pathlib import Path

import pytest

from contracts import topics

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("invoicing", "counterparty", "payments", "notifier")
NAMED = re.compile(r"`(test_\w+\.py)::(\w+)`")


@pytest.mark.parametrize("service", SERVICES)
def test_every_row_of_bad_input_names_tests_that_exist(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.partition("## Bad input")[2].splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for row in rows:
        named = NAMED.findall(row)
        assert named, row
        for file, name in named:
            places = [ROOT / "tests" / "services" / service / file, ROOT / "tests" / "services" / file]
            found = [place.read_text(encoding="utf-8") for place in places if place.exists()]
            assert any(re.search(rf"(def|class) {name}\b", source) for source in found), f"{file}::{name}"


@pytest.mark.parametrize("service", SERVICES)
def test_readme_names_every_message_that_the_service_says(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    said = {message.NAME for topic in topics.written_by(service) if "." not in topic.name for message in topic.messages}
    assert {name for name in said if f"`{name}`" not in text} == set()
