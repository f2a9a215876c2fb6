"""``python -m tests.simulation``: many seeds in several processes, or one with its whole trace."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.chaos.campaign.evidence import SIMULATION, keep_run
from tests.simulation.points import MUST_BE_REACHED
from tests.simulation.runs import DEALS, Result, simulate, simulate_all

WHOLE = 2_000
POINTS_FROM_SEEDS = 150
"""Fewer seeds need not have gone every path."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a seed has a violation, or when a path was never gone."""
    options = _options().parse_args(arguments)
    if options.seed is not None:
        return _one(options.seed, options.deals)
    began = time.monotonic()
    results, failed = [], 0
    for result in simulate_all(range(options.first, options.first + options.seeds), options.deals, options.processes):
        results.append(result)
        if result.violations:
            failed += 1
            print(f"seed {result.seed}: python -m tests.simulation --seed {result.seed}")
            print("".join(f"  {one}\n" for one in result.violations[:10]), end="", flush=True)
    missed = _missed(results)
    summary = _summary(results, time.monotonic() - began, failed, missed)
    if options.evidence and len(results) >= WHOLE:
        keep_run(SIMULATION, {"first": options.first, "deals": options.deals, **summary})
    if options.json:
        print(json.dumps(summary, ensure_ascii=False, indent=2))
    else:
        print(
            f"{summary['seeds']} seeds of {options.deals} deals in {summary['seconds']} s "
            f"({summary['seeds_per_second']} a second): {failed} failed; trace {summary['trace']}"
        )
        print("".join(f"never gone: {point}\n" for point in missed), end="")
    return 1 if failed or missed else 0


def _one(seed: int, deals: int) -> int:
    result = simulate(seed, deals, keep_trace=True)
    print("\n".join(result.lines))
    print(f"trace {result.trace}, {result.steps} steps, {result.seconds:.2f} s", file=sys.stderr)
    print("".join(f"{one}\n" for one in result.violations), end="", file=sys.stderr)
    return 1 if result.violations else 0


def _missed(results: Sequence[Result]) -> list[str]:
    if len(results) < POINTS_FROM_SEEDS:
        return []
    points = _points(results)
    return sorted(point for point in MUST_BE_REACHED if not points[point])


def _points(results: Sequence[Result]) -> Counter[str]:
    points: Counter[str] = Counter()
    for result in results:
        points.update(result.points)
    return points


def _summary(results: Sequence[Result], seconds: float, failed: int, missed: list[str]) -> dict[str, object]:
    return {
        "seeds": len(results),
        "failed": failed,
        "seconds": round(seconds, 1),
        "seeds_per_second": round(len(results) / seconds, 2),
        "processor_seconds": round(sum(result.seconds for result in results), 1),
        "steps": sum(result.steps for result in results),
        "trace": f"{hash_of(results)}",
        "never_gone": missed,
        "points": dict(sorted(_points(results).items())),
    }


def hash_of(results: Sequence[Result]) -> str:
    """One hash over the traces of several seeds."""
    folded = 0
    for result in results:
        folded = (folded * 31 + int(result.trace, 16)) % 2**64
    return f"{folded:016x}"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--deals", type=int, default=DEALS, help="deals of a seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="the summary with all counted paths")
    parser.add_argument("--evidence", action="store_true", help=f"keep a run of {WHOLE:,} seeds or more")
    parser.add_argument("--seed", type=int, help="one seed alone, with its trace")
    return parser


if __name__ == "__main__":
    sys.exit(main())
