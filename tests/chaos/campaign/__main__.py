"""``python -m tests.chaos.campaign``: campaigns in a row; 0 when every invariant held and the rig was not idle."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from tests.chaos.campaign.evidence import KEPT, append, line_of
from tests.chaos.campaign.run import Wish, run_campaign
from tests.chaos.campaign.seeds import CI, LEFT_TO_THE_NIGHT, REGRESSIONS, SLOW

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own
MEMORY_BYTES_MIN: Final = 2 * 1024**3


def main() -> int:
    """Plays, prints what is broken and how to have it again, keeps evidence on request."""
    options = _parser().parse_args()
    verdicts = [_one(options, seed) for seed in _seeds(options.seeds or str(options.seed))]
    good = all(verdict["ok"] for verdict in verdicts)
    missing = set(never_reached(verdicts)) - (LEFT_TO_THE_NIGHT if options.seeds == "ci" else set())
    if options.together and missing:
        print("Never reached by these seeds together:", *sorted(missing), sep="\n  ")
        good = False
    minutes = sum(verdict["seconds"]["whole"] for verdict in verdicts) / 60
    if options.minutes_max and minutes > options.minutes_max:
        print(f"These seeds took {minutes:.1f} minutes of a machine of their own, and may take {options.minutes_max:g}")
        good = False
    return 0 if good else 1


def never_reached(verdicts: Sequence[dict[str, Any]]) -> list[str]:
    """The points that no run of a set reached."""
    wanted = {point for verdict in verdicts for point in verdict["all_points"]}
    return sorted(wanted - {point for verdict in verdicts for point in verdict["sometimes"]})


def in_memory() -> Path | None:
    """A file system in memory, where there is room: what is tried are processes that die, not disks."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        return MEMORY
    return None


def _one(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    folder = options.folder or Path(tempfile.mkdtemp(prefix=f"sverka-campaign-{seed}-", dir=in_memory()))
    folder.mkdir(parents=True, exist_ok=True)
    wish = Wish(
        seed=seed,
        deals=options.deals,
        tenants=options.tenants,
        seconds=options.seconds,
        folder=folder.resolve(),
        injections=options.injections,
        kinds=tuple(part for part in options.kinds.split(",") if part),
        scenarios=tuple(part for part in options.scenarios.split(",") if part),
        heal_seconds=options.heal_seconds,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        verdict: dict[str, Any] = runner.run(run_campaign(wish))
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in verdict["seconds"].items())
    print(f"On a machine of its own: {parts}; here {verdict['real_seconds']:.0f} s")
    if options.evidence:
        append(line_of(verdict, options.seconds))
    if options.folder is None and verdict["ok"]:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"Everything is kept in {folder}")
    return verdict


def _seeds(text: str) -> list[int]:
    """`3`, `1,4,7` or `0-7`; `ci` and `regressions` are written down."""
    found: list[int] = list({"ci": CI, "slow": SLOW, "regressions": REGRESSIONS}.get(text, ()))
    if found:
        return found
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seeds", default="", help="several in a row: 1,4,7 or 0-7, `ci`, `regressions`")
    parser.add_argument("--deals", type=int, default=200)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40.0, help="how long faults strike, real seconds")
    parser.add_argument("--injections", type=int, default=None, help="how many; by default after the number of deals")
    parser.add_argument("--kinds", default="", help="only these faults, by code and comma")
    parser.add_argument("--scenarios", default="", help="only these scenarios, by comma")
    parser.add_argument(
        "--heal-seconds", type=float, default=40.0, help="real seconds to come to rest in, as on a machine of its own"
    )
    parser.add_argument("--folder", type=Path, default=None, help="where everything is kept; by default nowhere")
    parser.add_argument("--evidence", action="store_true", help=f"append each run's evidence to {KEPT.name}")
    parser.add_argument(
        "--together", action="store_true", help="fail unless the seeds together reached all that must be reached"
    )
    parser.add_argument(
        "--minutes-max", type=float, default=0, help="fail when the seeds took longer, as on a machine of its own"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
