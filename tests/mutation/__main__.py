"""``python -m tests.mutation``: changes the code that money depends on, a little at a time, and says what no test
noticed. Results are kept by file in ``results.json`` and shown in the README."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.mutation.parts import PARTS, ROOT, Part
from tests.mutation.reporting import KILLED_MIN, Result, explained, identity, record, write_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when fewer than 95 % of a file's changes are noticed, or when one that is not has no explanation."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"files, or of {', '.join(part.name for part in PARTS)}; by default all"
    )
    names = parser.parse_args(arguments).names
    good = True
    for part in PARTS:
        for path in part.paths():
            if names and part.name not in names and path not in names:
                continue
            said = _tried(part, path)
            if not said:
                continue  # nothing but definitions
            good = _reported(path, said) and good
    write_table()
    return 0 if good else 1


def _tried(part: Part, path: str) -> list[dict[str, Any]]:
    """What came of each change of a file. Raises RuntimeError when its tests fail on the code as it is."""
    with tempfile.TemporaryDirectory(prefix="sverka-mutation-") as folder:
        out, log = Path(folder) / "out", Path(folder) / "log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "tests.mutation.trying", part.name, str(out), path]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            code = subprocess.run(command, cwd=ROOT, env=environment, stdout=file, stderr=file, check=False).returncode
        if code:
            raise RuntimeError(f"{path} was not tried to the end: {log.read_text(errors='replace')[-3_000:]}")
        return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def _reported(path: str, said: list[dict[str, Any]]) -> bool:
    survivors = [identity(one) for one in said if not one["killed"]]
    known = explained()
    unexplained = [one for one in survivors if one not in known]
    result = Result(path, len(said), len(said) - len(survivors), len(survivors) - len(unexplained))
    record(result)
    print(f"{path}: {result.killed} of {result.tried} changes noticed ({result.share:.1%})")
    print("".join(f"{one}\n= \n\n" for one in unexplained), end="", flush=True)
    return result.share >= KILLED_MIN and not unexplained


if __name__ == "__main__":
    sys.exit(main())
