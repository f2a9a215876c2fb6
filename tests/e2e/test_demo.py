"""The demonstration itself, small: its plan, its verdict and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sverka.installation.processes import CODE

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize(("faults", "portals"), [("none", "webhook"), ("rough", "webhook"), ("none", "mixed")])
def test_a_small_day_ends_as_planned(tmp_path: Path, faults: str, portals: str) -> None:
    outcome = tmp_path / "outcome.json"
    options = [
        "--deals",
        "12",
        "--tenants",
        "2",
        "--seed",
        "11",
        "--faults",
        faults,
        "--json",
        str(outcome),
        "--portals",
        portals,
    ]
    command = [sys.executable, "-m", "sverka", "demo", *options, "--data", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=390, cwd=CODE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(outcome.read_text())
    assert document["ok"]
    assert len(document["results"]) == 12
    assert not (tmp_path / "data" / "run.json").exists()
