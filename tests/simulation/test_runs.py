"""The five domains under permutation, repetition, loss and misbehaving vendors; and that a seed is a run."""

import json
import os
import subprocess
import sys
from collections import Counter

from tests.simulation.points import MUST_BE_REACHED
from tests.simulation.runs import COMPARED_EVERY, simulate

SEEDS = 2 * COMPARED_EVERY
ALONE_SECONDS_MAX = 120
_TRACES = """
import json
from tests.simulation.runs import simulate
print(json.dumps([simulate(seed, 5).trace for seed in range(20)]))
"""


def test_everything_is_in_order_when_all_is_quiet() -> None:
    points: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = simulate(seed)
        assert result.violations == (), f"python -m tests.simulation --seed {seed}"
        points.update(result.points)
    gone = {point for point in MUST_BE_REACHED if points[point]}
    assert len(gone) > len(MUST_BE_REACHED) * 3 / 4, "few seeds go most paths; those never gone: see make simulate"


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
