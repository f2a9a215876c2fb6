"""Pages name files that are there."""

import re
from pathlib import Path

from tests.architecture.sources import ALL, ROOT

FOLDERS = (*ALL, "tests", "bench", "integrations")
PATTERNS = frozenset("<>{}…|=,")
"""Characters of what is no path, or stands for many."""


def dead_paths(page: Path, text: str) -> list[str]:
    """A page sends its reader to a file that was renamed."""
    named = {one.partition("::")[0].rstrip("/") for one in re.findall(r"`([^`\s]+/[^`\s]+)`", text)}
    ours = [one for one in named if one.split("/")[0] in FOLDERS and not PATTERNS & set(one)]
    linked = [one for one in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in one]
    dead = [one for one in ours if not any([*ROOT.glob(one), *page.parent.glob(one)])]
    return sorted([*dead, *(one for one in linked if not (page.parent / one).exists())])


def test_pages_name_what_is_there() -> None:
    below = [page.relative_to(ROOT) for page in ROOT.rglob("*.md")]
    pages = [ROOT / page for page in below if not any(part.startswith(".") for part in page.parts)]
    assert len(pages) > 30
    found = {str(page.relative_to(ROOT)): dead_paths(page, page.read_text(encoding="utf-8")) for page in pages}
    assert {name: dead for name, dead in found.items() if dead} == {}


def test_a_planted_path_is_caught() -> None:
    text = "Look into `chassis/nothing.py`, `tests/chassis/test_*.py` and [there](docs/absent.md)."
    assert dead_paths(ROOT / "README.md", text) == ["chassis/nothing.py", "docs/absent.md"]
