"""Plays seeds against broken builds and the whole one, and says which invariant found which build on which seed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.chaos.campaign.evidence import money_path
from tests.chaos.mutants.patches import Patch, copy_of, patches

ROOT: Final = Path(__file__).parents[3]
CAUGHT: Final = Path(__file__).parent / "caught.json"
SEEDS: Final = range(1, 21)
SEEDS_RECORDED: Final = 2
SEED_SECONDS_MAX: Final = 300.0


@dataclass(frozen=True, slots=True)
class Caught:
    """A build that a rig has found: the seed, the invariants that are broken there in this build and in no other, and
    the money path that was broken."""

    build: str
    rig: str
    seed: int
    invariants: tuple[str, ...]
    seconds: float
    money_path: str = ""


class Judge:
    """Owns one tree for broken builds and one for the whole one, and remembers what the whole one does."""

    def __init__(self, folder: Path) -> None:
        self._whole = folder / "whole"
        self._broken = folder / "broken"
        self._money_path = money_path()
        self._sound: dict[tuple[str, int], frozenset[str]] = {}
        copy_of(ROOT, self._whole)

    def caught(self, patch: Patch, seeds: Sequence[int], count: int = 1) -> list[Caught]:
        """The first seeds on which the build breaks invariants that the whole build keeps; at most ``count``."""
        shutil.rmtree(self._broken, ignore_errors=True)
        shutil.copytree(self._whole, self._broken)
        patch.apply(self._broken)
        found: list[Caught] = []
        left = list(seeds)
        while left and len(found) < count:
            for seed, broken, seconds in _played(self._broken, patch.rig, left):
                left.remove(seed)
                if broken and not self._breaks(patch.rig, seed):
                    found.append(Caught(patch.name, patch.rig, seed, tuple(sorted(broken)), seconds, self._money_path))
        return found

    def _breaks(self, rig: str, seed: int) -> frozenset[str]:
        """What the whole build breaks: nothing, one hopes."""
        if (rig, seed) not in self._sound:
            ((_, broken, _),) = _played(self._whole, rig, [seed])
            self._sound[rig, seed] = broken
        return self._sound[rig, seed]


@contextmanager
def judge() -> Iterator[Judge]:
    """A judge with a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="sverka-mutants-") as folder:
        yield Judge(Path(folder))


def _played(tree: Path, rig: str, seeds: Sequence[int]) -> list[tuple[int, frozenset[str], float]]:
    """What is broken on each seed, up to the first on which anything is. A build that does not run breaks nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.mutants.attempt", rig, *map(str, seeds)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=SEED_SECONDS_MAX * len(seeds),
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not said:
        raise RuntimeError(f"{rig} did not come to an end: {done.stderr[-2_000:]}")
    return [(one["seed"], frozenset(one["broken"]), one["seconds"]) for one in said]


def recorded() -> list[Caught]:
    """What was found when each build was last looked for."""
    kept = json.loads(CAUGHT.read_text()) if CAUGHT.exists() else []
    return [Caught(**{**one, "invariants": tuple(one["invariants"])}) for one in kept]


def record(found: Sequence[Caught], builds: Collection[str]) -> None:
    """Keeps what was found in place of what these builds had; forgets what is no build any more."""
    names = {patch.name for patch in patches()}
    kept = [one for one in recorded() if one.build not in builds and one.build in names]
    lines = (json.dumps(asdict(one)) for one in sorted([*kept, *found], key=lambda one: (one.build, one.seed)))
    CAUGHT.write_text("[\n" + ",\n".join(lines) + "\n]\n")
