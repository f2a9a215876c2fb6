"""``python -m tests.chaos.event_store``: a run of the size that one likes; exit code 1 for any anomaly."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.chaos.campaign.evidence import EVENT_STORE, keep_run
from tests.chaos.event_store.run import Size, run
from tests.kit.mortal import own_postgres

WHOLE: Final = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the outcome as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.event_store", description=__doc__)
    parser.add_argument("--appends", type=int, default=WHOLE)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--evidence", action="store_true", help=f"keep a run of {WHOLE:,} appends or more")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # a killed server fills the screen
    size = Size(options.appends, options.kills, options.writers, options.streams)
    with tempfile.TemporaryDirectory(prefix="sverka-event-store-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, size, options.seed))
    said = {"seed": options.seed, **asdict(outcome), "seconds": round(outcome.seconds, 1)}
    print(json.dumps(said, ensure_ascii=False, indent=2))
    if options.evidence and options.appends >= WHOLE:
        keep_run(EVENT_STORE, said)
    return 1 if outcome.anomalies else 0


if __name__ == "__main__":
    sys.exit(main())
