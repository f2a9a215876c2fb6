"""Runs benchmarks one after another: all of them, or those that are named; results go to ``bench/results/``."""

import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = (
    "append", "consume", "relay", "ingest", "hostile_webhooks", "connectors", "effects", "chain", "burst",
    "fairness", "growth", "recovery", "memory", "statements", "sync",
)  # fmt: skip
RESULTS: Final = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """The exit code: 0 when all bars are met, 1 when one is missed, 2 for a wrong name."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(NAMES)}.\n")
        return 2
    code = 0
    for name in names or NAMES:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(RESULTS / f"{name}.json")]
        code = max(code, subprocess.run(command, check=False).returncode)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
