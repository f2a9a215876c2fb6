"""``python -m tests.chaos.mutants``: builds every broken product, and has the rigs find each of them."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.chaos.mutants.judging import SEEDS, SEEDS_RECORDED, Caught, judge, record
from tests.chaos.mutants.patches import Patch, patches


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table and keeps it; exit code 1 when a build was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="these alone")
    options = parser.parse_args(arguments)
    chosen = [patch for patch in patches() if not options.names or patch.name in options.names]
    missed: list[Patch] = []
    began = datetime.now(UTC)
    with judge() as judging:
        for patch in chosen:
            here = judging.caught(patch, SEEDS, SEEDS_RECORDED)
            if not here:
                missed.append(patch)
            record(here, [patch.name])
            print(row(patch, here), flush=True)
    seconds = (datetime.now(UTC) - began).total_seconds()
    print(f"{len(chosen) - len(missed)} of {len(chosen)} broken builds were found in {seconds:.0f} s")
    print("".join(f"not found in {len(SEEDS)} seeds: {one.name}: {one.breaks}\n" for one in missed), end="")
    return 1 if missed else 0


def row(patch: Patch, found: Sequence[Caught]) -> str:
    """One line of the table: build, rig, seeds, and the invariants of the first of them."""
    seeds = ", ".join(f"{one.seed}" for one in found)
    invariants = ", ".join(found[0].invariants) if found else "-"
    return f"{patch.name:32} {patch.rig.split()[0]:12} seeds {seeds or '-':8} {invariants}"


if __name__ == "__main__":
    sys.exit(main())
