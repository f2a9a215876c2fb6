"""The five domains under permutation, repetition, loss and misbehaving vendors; and that a seed is a run."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.simulation.points import MUST_BE_REACHED
from tests.simulation.runs import DEALS, simulate_all

SEEDS = int(os.environ.get("SVERKA_SIMULATION_SEEDS", "400"))
FOUND = (444, 810, 1387, 1421)
"""Seeds that found something: what a person had sent again left on their word alone."""
PROCESSES = 2
ALONE_SECONDS_MAX = 120
_TRACES = """
import json
from tests.simulation.runs import simulate
print(json.dumps([simulate(seed, 5).trace for seed in range(20)]))
"""


@pytest.mark.timeout(900)
def test_everything_is_in_order_when_all_is_quiet() -> None:
    points: Counter[str] = Counter()
    for result in simulate_all([*range(SEEDS), *FOUND], DEALS, PROCESSES):
        assert result.violations == (), f"python -m tests.simulation --seed {result.seed}"
        points.update(result.points)
    assert sorted(point for point in MUST_BE_REACHED if not points[point]) == [], "paths that no seed went"


def test_a_seed_is_the_same_run_in_every_process() -> None:
    def traces(hash_seed: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", _TRACES],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
            timeout=ALONE_SECONDS_MAX,
        )
        found: list[str] = json.loads(done.stdout)
        return found

    one = traces("1")
    assert one == traces("4711")
    assert len(set(one)) == 20, "each seed is another run"
