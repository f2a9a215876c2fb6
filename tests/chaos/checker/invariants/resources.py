"""I20: processes stay small, leave nothing behind, and end when they are asked to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.chaos.checker.history import SERVICES, Row, Violation

RSS_BYTES_MAX: Final = 300 * 1024 * 1024
FILES_MAX: Final = 400
END_SECONDS_MAX: Final = 15.0
PREFIX: Final = "sverka_"


def processes_stay_small(
    campaign: Mapping[str, Any], samples: Sequence[Row], sessions: Sequence[Row]
) -> Iterator[Violation]:
    """I20. A service takes at most 300 MB of memory and a bounded number of open files, no connection to the database
    outlives it, it dies only when a fault kills it, and it ends in order when it is asked to."""
    most: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: {"rss_bytes": 0, "files": 0})
    for sample in samples:
        if str(sample["process"]).split("-")[0] in SERVICES:
            found = most[sample["process"], sample["pid"]]
            for name in found:
                found[name] = max(found[name], sample[name])
    for (process, pid), found in most.items():
        if found["rss_bytes"] > RSS_BYTES_MAX:
            yield Violation("I20", f"{process} ({pid}) took {found['rss_bytes'] // 2**20} MiB")
        if found["files"] > FILES_MAX:
            yield Violation("I20", f"{process} ({pid}) held {found['files']} files open")
    left = [session for session in sessions if str(session["usename"]).startswith(PREFIX)]
    if left:
        yield Violation("I20", f"{len(left)} connections to the database outlived the services", tuple(left))
    for death in campaign["unasked_deaths"]:
        yield Violation("I20", death)
    for name, end in campaign["exits"].items():
        if end["code"] or end["seconds"] > END_SECONDS_MAX:
            yield Violation("I20", f"{name} was asked to end: exit code {end['code']} after {end['seconds']} s")
