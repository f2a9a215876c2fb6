"""Evidence of campaigns as data: one line a run, with the state of the code that it is about."""

import ast
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
KEPT: Final = ROOT / "tests" / "chaos" / "evidence" / "campaigns.jsonl"
EVENT_STORE: Final = KEPT.with_name("event_store.json")
WEBHOOKS: Final = KEPT.with_name("webhooks.json")
CRASH_POINTS: Final = KEPT.with_name("crash_points.json")
SIMULATION: Final = KEPT.with_name("simulation.json")
MONEY_PATH: Final = ("contracts", "chassis", "connectors", "services")
SUFFIXES: Final = frozenset({".py", ".sql"})
NOT_SPOKEN_WITH: Final = (
    "bank_statement",
    "dadata",
    "diadoc",
    "elba_vendor",
    "focus",
    "kontur",
    "moedelo",
    "onec",
    "shop",
)
"""Connectors of vendors that no tenant of a campaign has."""


def line_of(verdict: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What is kept of a run."""
    return {
        **of_what(),
        "fault_seconds": seconds,
        **{name: value for name, value in verdict.items() if name not in ("missed", "exit_code", "all_points")},
        "missed": len(verdict["missed"]),
    }


def of_what() -> dict[str, Any]:
    """When, where, and of which state of the code a run is."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "money_path": money_path(),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
    }


def keep_run(file: Path, said: dict[str, Any]) -> None:
    """Keeps what one long run said, in place of the one before it."""
    file.write_text(json.dumps({**of_what(), **said}, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_run(file: Path) -> dict[str, Any] | None:
    """The last long run that was kept."""
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return found


def append(line: dict[str, Any], file: Path = KEPT) -> None:
    """Adds one line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(line, ensure_ascii=False) + "\n")


def read(file: Path = KEPT) -> list[dict[str, Any]]:
    """All lines, oldest first."""
    if not file.exists():
        return []
    return [json.loads(raw) for raw in file.read_text(encoding="utf-8").splitlines()]


def money_path() -> str:
    """A sum over what makes older evidence void: what runs in a campaign, without comments and docstrings."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        text = path.read_text(encoding="utf-8")
        digest.update((meaning(text) if path.suffix == ".py" else text).encode())
    return digest.hexdigest()[:16]


def meaning(source: str) -> str:
    """The source's syntax without what does nothing: comments, docstrings, the dots of a protocol."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for one in node.body if not _does_nothing(one)]
    return ast.dump(tree)


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def commit() -> str:
    """The commit, with a mark where the money path differs from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head}+" if _git("status", "--porcelain", "--", *MONEY_PATH) else head


def _files() -> Iterator[Path]:
    for folder in MONEY_PATH:
        found = sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
        yield from (path for path in found if path.relative_to(ROOT).parts[1] not in NOT_SPOKEN_WITH)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
