"""``python -m tests.chaos.webhooks``: a run of the size that one likes; exit code 1 for any webhook that is missing."""

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

from tests.chaos.campaign.evidence import WEBHOOKS, keep_run
from tests.chaos.webhooks.run import run
from tests.kit.mortal import own_postgres

WHOLE: Final = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the outcome as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.webhooks", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=WHOLE)
    parser.add_argument("--kills", type=int, default=10, help="of each, at least")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--evidence", action="store_true", help=f"keep a run of {WHOLE:,} webhooks or more")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # a killed server fills the screen
    with tempfile.TemporaryDirectory(prefix="sverka-webhooks-") as named, own_postgres(Path(named)) as postgres:

        async def whole() -> int:
            await postgres.ready()
            outcome = await run(
                postgres, Path(named), webhooks=options.webhooks, kills_min=options.kills, seed=options.seed
            )
            said = {"seed": options.seed, **asdict(outcome), "seconds": round(outcome.seconds, 1)}
            for name in ("lost", "unlisted", "doubled"):
                said[name] = len(said[name])
            print(json.dumps(said, indent=2))
            if options.evidence and options.webhooks >= WHOLE:
                keep_run(WEBHOOKS, said)
            return 1 if outcome.lost or outcome.unlisted or outcome.doubled else 0

        return asyncio.run(whole())


if __name__ == "__main__":
    sys.exit(main())
