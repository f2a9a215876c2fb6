"""``python -m tests.chaos.work``: a run of the size that one likes; exit code 1 for any anomaly."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.work.run import Size, run
from tests.kit.mortal import own_postgres


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the outcome as JSON."""
    size = Size()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.work", description=__doc__)
    parser.add_argument("--runners", type=int, default=size.runners)
    parser.add_argument("--freezes", type=int, default=size.freezes)
    parser.add_argument("--kills", type=int, default=size.kills)
    parser.add_argument("--outages", type=int, default=size.outages, help="kills of the database")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # a killed server fills the screen
    size = Size(options.runners, options.freezes, options.kills, options.outages)
    with tempfile.TemporaryDirectory(prefix="sverka-work-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, Path(folder), size, options.seed))
    print(json.dumps({"seed": options.seed, **asdict(outcome)}, ensure_ascii=False, indent=2))
    return 1 if outcome.anomalies else 0


if __name__ == "__main__":
    sys.exit(main())
