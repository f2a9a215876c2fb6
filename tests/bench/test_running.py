"""Every benchmark of the list has a module and a line in the README, and the smallest size of each runs."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.__main__ import NAMES
from connectors.registry import ACCOUNTING, EDI, REGISTERS

ROOT = Path(__file__).parents[2]
SMALLEST = ["--seconds", "0.05", "--warmup", "0", "--repeats", "1"]


def run(name: str, folder: Path, *more: str, seconds_max: float = 120) -> list[dict[str, Any]]:
    """A benchmark's rows; whether bars are met is no matter here."""
    file = folder / "result.json"
    command = [sys.executable, "-m", f"bench.{name}", *SMALLEST, *more, "--json", str(file)]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=seconds_max,
        check=False,
    )
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    document = orjson.loads(file.read_bytes())
    assert document["bench"] == name
    rows: list[dict[str, Any]] = document["rows"]
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_is_described(name: str) -> None:
    assert find_spec(f"bench.{name}") is not None
    readme = (ROOT / "bench" / "README.md").read_text()
    assert f"| `{name}` |" in readme


def test_every_connector_is_measured(tmp_path: Path) -> None:
    rows = run("connectors", tmp_path)
    assert all(row["max"] > 0 for row in rows)
    measured = {row["name"].partition(":")[0] for row in rows}
    assert measured == {vendor.api for vendor in ACCOUNTING.values()} | {"bitrix24", *REGISTERS, *EDI}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_quiet_portal_is_measured_beside_hostile_ones(tmp_path: Path) -> None:
    ratio, _, refused = run("hostile_webhooks", tmp_path, "--seconds", "1", "--concurrency", "20", seconds_max=240)
    assert ratio["median"] > 0
    assert refused["max"] == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "more", "rows"),
    [
        ("fairness", ["--seconds", "2", "--deals", "20"], 2),
        ("growth", ["--concurrency", "4", "--events", "5000"], 7),
        ("recovery", [], 7),
        ("sync", ["--companies", "40"], 2),
    ],
)
def test_a_whole_installation_is_measured(tmp_path: Path, name: str, more: list[str], rows: int) -> None:
    found = run(name, tmp_path, *more, seconds_max=880)
    assert len(found) == rows
    assert all(row["max"] >= 0 for row in found)
