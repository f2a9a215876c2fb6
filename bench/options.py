"""The options that every benchmark takes."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Options:
    """How long, how often and how wide to measure. ``profile`` adds a run under cProfile, outside the results;
    ``sizes`` and ``words`` are what this benchmark alone can be asked for."""

    seconds: float
    warmup: float
    repeats: int
    concurrency: int
    json: Path | None
    profile: bool
    sizes: Mapping[str, int] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


def read_options(
    name: str,
    purpose: str,
    *,
    seconds: float,
    warmup: float,
    repeats: int,
    concurrency: int,
    sizes: Mapping[str, tuple[int, str]] = MappingProxyType({}),
    words: Mapping[str, tuple[Sequence[str], str]] = MappingProxyType({}),
) -> Options:
    """The command line of ``python -m bench.NAME``; the values given here are the defaults. Each of ``sizes`` is an
    option of this benchmark alone: its default, and what it is; each of ``words`` one with the words that it takes, of
    which the first is the default."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=purpose)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"length of a repeat (default {seconds:g})")
    parser.add_argument("--warmup", type=float, default=warmup, help=f"seconds not measured (default {warmup:g})")
    parser.add_argument("--repeats", type=int, default=repeats, help=f"measured repeats (default {repeats})")
    parser.add_argument("--concurrency", type=int, default=concurrency, help=f"default {concurrency}")
    parser.add_argument("--json", type=Path, default=None, help="where to write the result as JSON")
    parser.add_argument("--profile", action="store_true", help="run once more under cProfile and keep its summary")
    for size, (default, what) in sizes.items():
        parser.add_argument(f"--{size}", type=int, default=default, help=f"{what} (default {default})")
    for word, (choices, what) in words.items():
        parser.add_argument(f"--{word}", choices=choices, default=choices[0], help=f"{what} (default {choices[0]})")
    given = parser.parse_args()
    asked = {size: int(getattr(given, size)) for size in sizes}
    if given.seconds <= 0 or given.warmup < 0 or min(given.repeats, given.concurrency, *asked.values()) < 1:
        named = ", ".join(f"--{one}" for one in ("seconds", "repeats", "concurrency", *sizes))
        parser.error(f"{named} are positive, --warmup is not negative")
    named_words = {word: str(getattr(given, word)) for word in words}
    return Options(
        given.seconds, given.warmup, given.repeats, given.concurrency, given.json, given.profile, asked, named_words
    )
