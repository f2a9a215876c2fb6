"""``python -m tests.chaos.checker --run FOLDER``: checks one campaign; 0 when every invariant holds, 1 when not."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from tests.chaos.checker.history import History, Violation
from tests.chaos.checker.reading import read_history
from tests.chaos.checker.registry import check
from tests.chaos.checker.sometimes import all_points, reached
from tests.chaos.checker.vacuity import guards, healed_by_the_clock, healed_in, histogram, misses, strikes, touched

SHOWN_MAX: Final = 5
EVIDENCE_MAX: Final = 12
LINE_CHARS_MAX: Final = 600


def main() -> int:
    """Prints what is broken, the lines that prove it, and how to have it again."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.checker", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="the folder of a campaign")
    options = parser.parse_args()
    history = read_history(options.run)
    violations = check(history)
    violations["vacuity"] = list(guards(history))
    broken = {name: found for name, found in violations.items() if found}
    for found in broken.values():
        show(found)
    misses_found = misses(history)
    verdict = {
        "ok": not broken,
        "seed": history.campaign["seed"],
        "deals": len(history.deals),
        "tenants": len(history.tenants),
        "shape": history.campaign["shape"],
        "violations": {name: [one.sentence for one in found] for name, found in broken.items()},
        "injections": strikes(history.injections),
        "fired": histogram(history.injections),
        "kills": history.campaign["kills"],
        "cards": dict(Counter(one["kind"] for one in history.decisions)),
        "unplanned_cards": dict(Counter(one["kind"] for one in history.decisions if not one["planned"])),
        "ended_as_planned": len(history.deals) - len(misses_found),
        "missed": misses_found,
        "touched": len(touched(history)),
        "healed_in_business_seconds": round(healed_in(history.campaign)),
        "healed_by_the_clock": round(healed_by_the_clock(history.campaign)),
        "sometimes": reached(history),
        "all_points": sorted(all_points()),
    }
    (options.run / "verdict.json").write_text(json.dumps(verdict, ensure_ascii=False, indent=1))
    print(summary(history, broken))
    return 1 if broken else 0


def show(violations: list[Violation]) -> None:
    """One invariant's violations with their evidence."""
    for violation in violations[:SHOWN_MAX]:
        print(f"✗ {violation.invariant} {violation.sentence}")
        for line in violation.evidence[:EVIDENCE_MAX]:
            print(f"    {json.dumps(line, ensure_ascii=False, default=str)[:LINE_CHARS_MAX]}")
    if len(violations) > SHOWN_MAX:
        print(f"  … {len(violations) - SHOWN_MAX} more of {violations[0].invariant}")


def summary(history: History, broken: dict[str, list[Violation]]) -> str:
    """The last line."""
    campaign = history.campaign
    names = ", ".join(broken) if broken else "none"
    return (
        f"seed {campaign['seed']}, {len(history.deals)} deals, {len(history.injections)} injections: "
        f"broken invariants: {names}. Again: make campaign SEED={campaign['seed']} DEALS={len(history.deals)} "
        f"TENANTS={len(history.tenants)} SECONDS={campaign['seconds']:g}"
    )


if __name__ == "__main__":
    sys.exit(main())
