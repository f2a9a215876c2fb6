"""`make test` runs every folder of tests, tries no broken run twice, and measures the coverage that it says."""

import re
import subprocess
from pathlib import Path

import pytest
from coverage.files import GlobMatcher, prep_patterns

from tests.architecture.sources import ROOT, sources

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CI_MINUTES_MAX = 55


def left_out(makefile: str, folders: list[str]) -> list[str]:
    """The tests of the check of logs were in a folder that no target named, and nobody ran them."""
    variables = dict(re.findall(r"^(\w+) := (.*)$", makefile, re.MULTILINE))
    target = re.search(r"^test:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert target is not None
    told = re.sub(r"\$\((\w+)\)", lambda found: variables.get(found[1], ""), target[1])
    return [folder for folder in folders if not re.search(rf"{folder}\b", told)]


def unmatched(makefile: str, files: list[str]) -> list[str]:
    """A report of "domain and chassis" had no domain in it: its pattern did not reach into folders."""
    patterns = re.findall(r"coverage report --include '([^']+)'", makefile)
    matcher = GlobMatcher(prep_patterns(",".join(patterns).split(",")), "include")
    return [file for file in files if not matcher.match(str(ROOT / file))]


def folders_with_tests() -> list[str]:
    """Those of the first level."""
    found = {path.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")}
    return [f"tests/{folder}" for folder in sorted(found)]


def test_every_folder_of_tests_is_run() -> None:
    assert left_out(MAKEFILE, folders_with_tests()) == []
    assert left_out(MAKEFILE, ["tests/planted"]) == ["tests/planted"]


def test_coverage_is_told_of_every_domain_and_of_the_chassis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    files = [source.path for source in sources("services", "chassis")]
    wanted = [file for file in files if file.startswith("chassis/") or "/domain" in file]
    assert len(wanted) > 100
    assert unmatched(MAKEFILE, wanted) == []
    planted = "coverage report --include 'services/*/domain*,chassis/*'"
    assert "services/payments/domain/events.py" in unmatched(planted, wanted)


def minutes(page: str) -> tuple[list[int], int]:
    """The rows of the written budget, and what it says they come to."""
    table = page.partition("| Part | Minutes at most |")[2].partition("\n\n")[0]
    *rows, together = [int(one) for one in re.findall(r"\| (\d+) \|$", table, re.MULTILINE)]
    return rows, together


def test_the_minutes_of_ci_are_written_down_and_add_up() -> None:
    """Every part had grown by a minute or two, and CI took an hour and a half."""
    rows, together = minutes((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(rows) >= 6
    assert sum(rows) == together <= CI_MINUTES_MAX
    campaigns = re.search(r"^CAMPAIGN_MINUTES_MAX := (\d+)$", MAKEFILE, re.MULTILINE)
    assert campaigns is not None
    assert int(campaigns[1]) == rows[-1], "the last row is that of campaigns"


@pytest.mark.parametrize(
    ("first", "tried_again", "goes_on"), [(0, False, True), (1, True, True), (2, False, False), (137, False, False)]
)
def test_a_run_that_broke_off_is_not_tried_again(tmp_path: Path, first: int, tried_again: bool, goes_on: bool) -> None:
    """A run that is killed half-way would be "put right" by the one test that the run before it remembers."""
    again = re.search(r"^AGAIN = (?:.*\\\n)*.*\n", MAKEFILE, re.MULTILINE)
    assert again is not None
    script = f"PY := true\n{again[0]}go:\n\t@sh -c 'exit {first}' || $(AGAIN) x; }}\n"
    (tmp_path / "Makefile").write_text(script)
    done = subprocess.run(["make", "-C", tmp_path, "go"], capture_output=True, text=True, check=False, timeout=60)
    assert ("once more" in done.stdout, done.returncode == 0) == (tried_again, goes_on), done.stderr
