"""The options that every benchmark takes."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How long, how often and how wide to measure. ``profile`` adds a run under cProfile, outside the results;
    ``events`` is how many the stores shall hold, where a benchmark asks for that."""

    seconds: float
    warmup: float
    repeats: int
    concurrency: int
    json: Path | None
    profile: bool
    events: int = 0


def read_options(
    name: str, purpose: str, *, seconds: float, warmup: float, repeats: int, concurrency: int, events: int = 0
) -> Options:
    """The command line of ``python -m bench.NAME``; the values given here are the defaults. There is ``--events`` where
    it has one."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=purpose)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"length of a repeat (default {seconds:g})")
    parser.add_argument("--warmup", type=float, default=warmup, help=f"seconds not measured (default {warmup:g})")
    parser.add_argument("--repeats", type=int, default=repeats, help=f"measured repeats (default {repeats})")
    parser.add_argument("--concurrency", type=int, default=concurrency, help=f"default {concurrency}")
    parser.add_argument("--json", type=Path, default=None, help="where to write the result as JSON")
    parser.add_argument("--profile", action="store_true", help="run once more under cProfile and keep its summary")
    if events:
        parser.add_argument("--events", type=int, default=events, help=f"events in the stores (default {events})")
    given = parser.parse_args()
    events = given.events if events else 0
    if given.seconds <= 0 or given.warmup < 0 or given.repeats < 1 or given.concurrency < 1 or events < 0:
        parser.error("--seconds, --repeats and --concurrency are positive, --warmup is not negative")
    return Options(given.seconds, given.warmup, given.repeats, given.concurrency, given.json, given.profile, events)
