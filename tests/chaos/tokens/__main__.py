"""``python -m tests.chaos.tokens``: a run of the size that one likes; exit code 1 for any anomaly."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.tokens.run import ROUNDS, run
from tests.kit.mortal import own_postgres


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the outcome as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.tokens", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often the token is refused")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # renewals of every round fill the screen
    with tempfile.TemporaryDirectory(prefix="sverka-tokens-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, Path(folder), options.seed, rounds=options.rounds))
    print(json.dumps({"seed": options.seed, **asdict(outcome)}, ensure_ascii=False, indent=2))
    return 1 if outcome.anomalies else 0


if __name__ == "__main__":
    sys.exit(main())
