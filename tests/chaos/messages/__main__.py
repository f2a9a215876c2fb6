"""``python -m tests.chaos.messages``: a run of the size that one likes; exit code 1 for any anomaly."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.messages.run import MESSAGES, run
from tests.kit.mortal import own_kafka, own_postgres


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the outcome as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.messages", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # a failing database fills the screen
    with (
        tempfile.TemporaryDirectory(prefix="sverka-messages-") as folder,
        own_postgres(Path(folder)) as server,
        own_kafka(Path(folder)) as broker,
    ):
        outcome = asyncio.run(run(server, broker, options.seed, messages=options.messages))
    print(json.dumps({"seed": options.seed, **asdict(outcome)}, ensure_ascii=False, indent=2))
    return 1 if outcome.anomalies else 0


if __name__ == "__main__":
    sys.exit(main())
