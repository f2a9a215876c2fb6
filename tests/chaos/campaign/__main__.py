"""``python -m tests.chaos.campaign``: one campaign, its verdict on the screen, its evidence appended on request."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from tests.chaos.campaign.run import Wish, run_campaign

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own
MEMORY_BYTES_MIN: Final = 2 * 1024**3


def in_memory() -> Path | None:
    """A file system in memory, where there is room: what is tried are processes that die, not disks."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        return MEMORY
    return None


def main() -> int:
    """0 when every invariant held and the rig was not idle."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--deals", type=int, default=200)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40.0, help="how long faults strike, real seconds")
    parser.add_argument("--injections", type=int, default=None, help="how many; by default after the number of deals")
    parser.add_argument("--kinds", default="", help="only these faults, by code and comma")
    parser.add_argument("--scenarios", default="", help="only these scenarios, by comma")
    parser.add_argument("--heal-seconds", type=float, default=40.0, help="real seconds to come to rest in")
    parser.add_argument("--folder", type=Path, default=None, help="where everything is kept; by default nowhere")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="sverka-campaign-", dir=in_memory()))
    folder.mkdir(parents=True, exist_ok=True)
    wish = Wish(
        seed=options.seed,
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
        verdict = runner.run(run_campaign(wish))
    print(" ".join(f"{name} {value:.1f} s" for name, value in verdict["seconds"].items()))
    if options.folder is None and verdict["ok"]:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"Everything is kept in {folder}")
    return 0 if verdict["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
