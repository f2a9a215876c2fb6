"""Every benchmark of the list has a module and a line in the README, and the smallest size of each runs."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import orjson
import pytest

from bench.__main__ import NAMES
from connectors.registry import ACCOUNTING, REGISTERS

ROOT = Path(__file__).parents[2]
SMALLEST = ["--seconds", "0.05", "--warmup", "0", "--repeats", "1"]


def run(name: str, folder: Path, *more: str, seconds_max: float = 120) -> list[str]:
    """The names of a benchmark's rows; whether bars are met is no matter here."""
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
    assert all(row["max"] > 0 for row in document["rows"])
    return [row["name"] for row in document["rows"]]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_is_described(name: str) -> None:
    assert find_spec(f"bench.{name}") is not None
    readme = (ROOT / "bench" / "README.md").read_text()
    assert f"| `{name}` |" in readme


def test_every_connector_is_measured(tmp_path: Path) -> None:
    rows = run("connectors", tmp_path)
    measured = {row.partition(":")[0] for row in rows}
    assert measured == {vendor.api for vendor in ACCOUNTING.values()} | {"bitrix24"} | set(REGISTERS)
