"""``python -m tests.mutation``: changes the code that money depends on, a little at a time, and says what no test
noticed. Results are kept by file in ``results.json`` and shown in the README."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.mutation.parts import PARTS, ROOT, Part
from tests.mutation.reporting import KEPT, KILLED_MIN, explained, identity, kept, result, said, write_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when fewer than 95 % of a file's changes are noticed, or when one that is not has no explanation."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"files, or of {', '.join(part.name for part in PARTS)}; by default all"
    )
    parser.add_argument("--again", action="store_true", help="only what no test noticed, and what was not tried yet")
    parser.add_argument("--sample", type=int, default=0, help="so many changes of a file, drawn the same each time")
    given = parser.parse_args(arguments)
    names = given.names
    good = True
    for part in PARTS:
        paths = [path for path in part.paths() if not names or part.name in names or path in names]
        if not given.again:
            for path in paths:
                kept(path).unlink(missing_ok=True)
        if paths:
            _try(part, paths, given.sample)
        for path in paths:
            good = _is_good(path) and good
    write_table()
    return 0 if good else 1


def _try(part: Part, paths: list[str], sample: int) -> None:
    """Tries each change of the files. Raises RuntimeError when the part's tests fail on the code as it is."""
    KEPT.mkdir(exist_ok=True)
    log = KEPT / f"{part.name}.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "tests.mutation.trying", part.name, str(sample), *paths]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=file, stderr=file, check=False).returncode
    if code:
        raise RuntimeError(f"{part.name} was not tried to the end: {log.read_text(errors='replace')[-3_000:]}")


def _is_good(path: str) -> bool:
    of_file = result(path)
    if not of_file.tried:
        return True  # nothing but definitions
    known = explained()
    unexplained = [one for one in map(identity, (one for one in said(path) if not one["killed"])) if one not in known]
    print(f"{path}: {of_file.killed} of {of_file.tried} changes noticed ({of_file.share:.1%})")
    print("".join(f"{one}\n= \n\n" for one in unexplained), end="", flush=True)
    return of_file.share >= KILLED_MIN and not unexplained


if __name__ == "__main__":
    sys.exit(main())
