"""``python -m tests.mutation``: has mutmut change the code that money depends on, and says what no test noticed.

Works in a copy of the tree, which is kept on request, so that a run can be gone on with.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.mutants.patches import PARTS as TREE
from tests.chaos.mutants.patches import copy_of

ROOT: Final = Path(__file__).parents[2]
EXPLAINED: Final = Path(__file__).parent / "survivors.txt"
KILLED_MIN: Final = 0.95


INGEST: Final = ("domain", "cursor", "buckets", "permits", "snapshot")
OUTBOX: Final = ("chassis/messaging/outgoing.py", "chassis/messaging/windows.py")


@dataclass(frozen=True, slots=True)
class Part:
    """Files that are changed, and the tests that must notice. Inbox and outbox need servers, which DATABASE_URL and
    KAFKA_BOOTSTRAP may name, else each of their changes starts some of its own."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]


PARTS: Final = (
    Part("machine", ("chassis/work/machine.py",), ("tests/chassis/work/test_machine.py",)),
    Part("money", ("chassis/values/[mvl]*.py",), ("tests/chassis/values",)),
    Part("identity", ("chassis/values/payment_identity.py",), ("tests/chassis/values/test_payment_identity.py",)),
    Part("payments", ("services/payments/domain/*",), ("tests/services/payments",)),
    Part("counterparty", ("services/counterparty/domain/*",), ("tests/services/counterparty",)),
    Part("invoicing", ("services/invoicing/domain/*",), ("tests/services/invoicing",)),
    Part("notifier", ("services/notifier/domain/*",), ("tests/services/notifier",)),
    Part("ingest", ("services/ingest/domain/*",), tuple(f"tests/services/ingest/test_{of}.py" for of in INGEST)),
    Part("inbox", ("chassis/messaging/in*.py",), ("tests/chassis/test_consumer.py", "tests/chassis/test_loss.py")),
    Part("outbox", ("chassis/outbox.py", *OUTBOX), ("tests/chassis/test_relay.py", "tests/chassis/test_engine.py")),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when fewer than 95 % of a part's changes are noticed, or when one that is not has no explanation."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(part.name for part in PARTS)}; all by default")
    parser.add_argument("--folder", type=Path, help="where the copies are kept, to go on with; by default nowhere")
    options = parser.parse_args(arguments)
    explained = _explained()
    good = True
    with tempfile.TemporaryDirectory(prefix="sverka-mutation-") as temporary:
        for part in PARTS:
            if options.parts and part.name not in options.parts:
                continue
            killed, survivors = _run(part, (options.folder or Path(temporary)) / part.name)
            share = killed / max(1, killed + len(survivors))
            unexplained = [one for one in survivors if one not in explained]
            print(f"{part.name}: {killed} of {killed + len(survivors)} changes noticed ({share:.1%})")
            print("".join(f"  not noticed, and not explained: {one}\n" for one in unexplained), end="", flush=True)
            good = good and share >= KILLED_MIN and not unexplained
    return 0 if good else 1


def _explained() -> set[str]:
    """The changes of which it is said why no test can notice them: the first word of each line."""
    lines = EXPLAINED.read_text().splitlines() if EXPLAINED.exists() else []
    return {line.split()[0] for line in lines if line and not line.startswith((" ", "#"))}


def _run(part: Part, tree: Path) -> tuple[int, list[str]]:
    """How many changes were noticed, and the names of those that were not."""
    if not tree.exists():
        tree.mkdir(parents=True)
        copy_of(ROOT, tree)
        _configure(part, tree)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "mutmut", "run"]
    log = tree / "mutmut.log"
    with log.open("wb") as out:
        code = subprocess.run(command, cwd=tree, env=environment, stdout=out, stderr=out, check=False).returncode
    found: dict[str, int | None] = {}
    for kept in (tree / "mutants").rglob("*.meta"):
        found |= json.loads(kept.read_text())["exit_code_by_key"]
    if not found or any(value is None for value in found.values()):
        raise RuntimeError(f"mutmut did not come to an end ({code}): {log.read_text(errors='replace')[-3_000:]}")
    # 0: all tests passed; 33: no test went there. Everything else noticed, an end by too much time among it.
    survivors = sorted(name for name, value in found.items() if value in (0, 33))
    return len(found) - len(survivors), survivors


def _configure(part: Part, tree: Path) -> None:
    settings = {
        "source_paths": [name for name in TREE if name != "tests"],
        "only_mutate": list(part.files),
        "pytest_add_cli_args_test_selection": list(part.tests),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-x"],
        "use_git_change_detection": False,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (tree / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\n" + "\n".join(lines) + "\n")
    shutil.rmtree(tree / "mutants", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
