"""What is kept of a run: results by file, why some changes cannot be noticed, and the README's table."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tests.mutation.parts import ROOT

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results.json"
SURVIVORS: Final = HERE / "survivors.txt"
README: Final = HERE / "README.md"
MARKS: Final = ("<!-- results: made by python -m tests.mutation -->", "<!-- end of results -->")
KEPT: Final = ROOT / ".mutation"
KILLED_MIN: Final = 0.95


@dataclass(frozen=True, slots=True)
class Result:
    """A file whose changes were tried. ``explained``: so many of those that nobody noticed are no other program;
    ``changes``: how many there are, where only a sample of them was tried."""

    path: str
    tried: int
    killed: int
    explained: int
    commit: str = ""
    changes: int = 0

    @property
    def share(self) -> float:
        """The part that was noticed."""
        return self.killed / self.tried


def kept(path: str) -> Path:
    """Where it is kept what came of each change of a file as it is now. Of any other text, or of changes that are made
    otherwise, nothing is known."""
    KEPT.mkdir(exist_ok=True)
    of = sha256((ROOT / path).read_bytes() + (HERE / "changes.py").read_bytes())
    return KEPT / f"{path.replace('/', '.')}-{of.hexdigest()[:16]}.jsonl"


def said(path: str) -> list[dict[str, Any]]:
    """What came of each change tried, in their order; what was tried again, as it came out last."""
    lines = kept(path).read_text().splitlines() if kept(path).exists() else []
    last = {one["change"]: one for one in map(json.loads, lines)}
    return [last[number] for number in sorted(last)]


def result(path: str, changes: int = 0) -> Result:
    """What came of the changes of a file that were tried, of so many that there are."""
    tried, known = said(path), explained()
    survivors = [identity(one) for one in tried if not one["killed"]]
    of = changes if len(tried) < changes else 0
    return Result(path, len(tried), len(tried) - len(survivors), sum(one in known for one in survivors), changes=of)


def identity(change: Mapping[str, Any]) -> str:
    """A change as ``survivors.txt`` has it: file and function, the lines that go, the lines that come."""
    lines = [*(f"- {line}" for line in change["less"]), *(f"+ {line}" for line in change["more"])]
    return "\n".join([f"{change['path']} {change['function']}", *lines])


def explained() -> dict[str, str]:
    """Changes that nobody can notice, and why: blocks, whose lines that begin with ``=`` say so."""
    found = {}
    for block in SURVIVORS.read_text().strip().split("\n\n") if SURVIVORS.exists() else ():
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        why = " ".join(line[1:].strip() for line in lines if line.startswith("="))
        if why:
            found["\n".join(line for line in lines if not line.startswith("="))] = why
    return found


def results() -> list[Result]:
    """What is kept."""
    return [Result(**one) for one in json.loads(RESULTS.read_text())] if RESULTS.exists() else []


def record(result: Result) -> None:
    """Keeps a result in place of the file's last one."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    rows = {one.path: asdict(one) for one in results() if (ROOT / one.path).exists()}
    rows[result.path] = {**asdict(result), "commit": git.stdout.strip()}
    lines = ",\n".join(json.dumps(rows[path]) for path in sorted(rows))
    RESULTS.write_text(f"[\n{lines}\n]\n")


def table() -> str:
    """The README's table."""
    known = results()
    rows = ["| File | Changes | Noticed | | Explained | Of the code of |", "|---|---|---|---|---|---|"]
    for one in known:
        share = f"{one.share:.1%}"
        changes = f"{one.tried} of {one.changes}" if one.changes else one.tried
        rows.append(f"| `{one.path}` | {changes} | {one.killed} | {share} | {one.explained} | {one.commit} |")
    tried, killed = sum(one.tried for one in known), sum(one.killed for one in known)
    sum_explained = sum(one.explained for one in known)
    rows.append(f"| together | {tried} | {killed} | {killed / max(1, tried):.1%} | {sum_explained} | |")
    return "\n".join(rows)


def write_table() -> None:
    """Puts the table between its marks."""
    text = README.read_text()
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    README.write_text(f"{before}{MARKS[0]}\n{table()}\n{MARKS[1]}{after}")
