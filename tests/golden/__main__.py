"""Adds to the release in the making what the corpus does not have yet; what it has is left as it is.

Events come from the histories of ``tests/golden/histories.py``: tell one with the new event there, under a new name.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.golden.corpus import FOLDER, Entry, Kinds, entries, examples, kinds, release, replayed, stream_files
from tests.golden.histories import all_histories


def add(folder: Path) -> list[str]:
    """Writes new examples and new streams under ``folder``; what was added, as words."""
    of = kinds()
    stored = {entry for entry, _ in examples()}
    frozen = {(path.parents[1].name, path.stem) for path in stream_files()}
    added = _filled(of)
    for service, name, stream in all_histories():
        kind = stream.kind
        events = [_line(kind.codec.encode(event), event.NAME, event.VERSION) for event in stream.events]
        if (service, f"{kind.prefix}-{name}") not in frozen:
            path = folder / service / "streams" / f"{kind.prefix}-{name}.json"
            whole = {
                "stream": stream.name,
                "events": events,
                **replayed(of[service, kind.prefix][0], stream.name, events),
            }
            _write(path, whole)
            added.append(str(path.relative_to(folder)))
        for event in events:
            entry = Entry(service, kind.prefix, event["type"], event["type_version"])
            if entry in entries(of) and entry not in stored:
                stored.add(entry)
                path = folder / service / "events.json"
                lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
                _write(path, [*lines, {"prefix": kind.prefix, **event}])
                added.append(str(entry))
    return added


def _filled(of: Kinds) -> list[str]:
    """Gives a stream the state that somebody took out of its file, since it is kept in another shape now."""
    filled = []
    for path in stream_files():
        whole = json.loads(path.read_text(encoding="utf-8"))
        if "state_sha256" not in whole:
            kind = of[path.parents[1].name, whole["stream"].partition("-")[0]][0]
            _write(path, replayed(kind, whole["stream"], whole["events"]) | whole)
            filled.append(f"the state of {path.relative_to(FOLDER)}")
    return filled


def _line(data: str, name: str, version: int) -> dict[str, Any]:
    return {"type": name, "type_version": version, "data": json.loads(data)}


def _write(path: Path, whole: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.write("".join(f"added {what}\n" for what in add(FOLDER / release())) or "nothing is new\n")
