"""A benchmark's result: rows with their bars, printed for people and written as JSON."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from bench.machine import BUSY_SHARE, busy_share, commit, describe_machine, loop_ms
from bench.measuring import Window, median, percentile
from bench.options import Options

Figure = Literal["median", "max", "p50_ms", "p99_ms"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure of a row must reach (``at_least``) or stay under (``at_most``)."""

    figure: Figure
    at_least: float | None = None
    at_most: float | None = None

    def verdict(self, value: float) -> dict[str, Any]:
        """Whether it is met, and the share by which it is missed."""
        if self.at_least is not None:
            missed = 1 - value / self.at_least
            return {"figure": self.figure, "at_least": self.at_least, "met": missed <= 0, "missed_by": _share(missed)}
        assert self.at_most is not None, "a bar has a side"
        missed = value / self.at_most - 1
        return {"figure": self.figure, "at_most": self.at_most, "met": missed <= 0, "missed_by": _share(missed)}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a benchmark with its spread over the repeats. Latencies are over all repeats."""

    name: str
    median: float
    min: float
    max: float
    unit: str
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_ms_per_op: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    cpu_ms_per_op_by_part: Mapping[str, float] = field(default_factory=dict)
    bars: Sequence[Bar] = ()

    @classmethod
    def of_windows(
        cls,
        name: str,
        unit: str,
        windows: Sequence[Window],
        *,
        product: Sequence[str],
        latencies_ms: Sequence[float] = (),
        settings: Mapping[str, Any],
        bars: Sequence[Bar] = (),
    ) -> "Row":
        """A row of rates. ``product`` names the parts whose CPU time is the row's own."""
        rates = [window.rate for window in windows]
        operations = sum(window.operations for window in windows) or 1
        parts = {part for window in windows for part in window.cpu_seconds}
        by_part = {
            part: round(1000 * sum(w.cpu_seconds.get(part, 0.0) for w in windows) / operations, 4)
            for part in sorted(parts)
        }
        return cls(
            name,
            round(median(rates), 1),
            round(min(rates), 1),
            round(max(rates), 1),
            unit,
            round(percentile(latencies_ms, 0.5), 3) if latencies_ms else None,
            round(percentile(latencies_ms, 0.99), 3) if latencies_ms else None,
            round(sum(by_part.get(part, 0.0) for part in product), 4) if parts else None,
            settings,
            by_part,
            bars,
        )

    def document(self) -> dict[str, Any]:
        """The row as JSON has it."""
        whole = asdict(self)
        whole["bars"] = [bar.verdict(float(getattr(self, bar.figure))) for bar in self.bars]
        return whole


class Report:
    """Collects rows. Made before anything is started, so that the load it notes is that of others."""

    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self._options = options
        self._rows: list[Row] = []
        self._settings: dict[str, Any] = {}
        self._notes: list[str] = []
        self._profile: list[str] = []
        self._busy_before = busy_share()
        self._loop_before = loop_ms()
        self._started_at = datetime.now(UTC)

    def add(self, row: Row) -> None:
        """One row; it is printed at once."""
        self._rows.append(row)
        _print_row(row)

    def set(self, **settings: Any) -> None:
        """Settings of the whole benchmark."""
        self._settings.update(settings)

    def note(self, sentence: str) -> None:
        """What a reader must know to read the figures rightly."""
        self._notes.append(sentence)

    def profile(self, lines: Sequence[str]) -> None:
        """The summary of a profile, taken in a run of its own."""
        self._profile += lines

    def finish(self) -> int:
        """Prints what remains, writes the JSON if it was asked for; 0, or 1 if a bar is missed."""
        document = self._document()
        if document["under_load_of_others"]:
            _say(f"  {self._busy_before:.0%} of the cores were in use before the start: the figures suffer from others")
        for name, value in sorted(self._settings.items()):
            _say(f"  {name}: {value}")
        for sentence in self._notes:
            _say(f"  note: {sentence}")
        for line in self._profile:
            _say(f"  {line}")
        if self._options.json is not None:
            self._options.json.parent.mkdir(parents=True, exist_ok=True)
            self._options.json.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        return 0 if all(bar["met"] for row in document["rows"] for bar in row["bars"]) else 1

    def _document(self) -> dict[str, Any]:
        given = asdict(replace(self._options, sizes=dict(self._options.sizes)))
        del given["json"], given["profile"]
        given |= given.pop("sizes")
        return {
            "bench": self.name,
            "measured_at": self._started_at.isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": describe_machine(),
            "busy_share_before": self._busy_before,
            "under_load_of_others": self._busy_before > BUSY_SHARE,
            "loop_of_a_million_ms": {"before": self._loop_before, "after": loop_ms()},
            "options": given,
            "settings": self._settings,
            "rows": [row.document() for row in self._rows],
            "notes": self._notes,
            "profile": self._profile,
        }


def _print_row(row: Row) -> None:
    latency = "" if row.p50_ms is None else f"   p50 {row.p50_ms:g} ms, p99 {row.p99_ms:g} ms"
    cpu = "" if row.cpu_ms_per_op is None else f"   {row.cpu_ms_per_op:g} ms CPU each"
    _say(f"{row.name}: {row.median:,.1f} {row.unit} ({row.min:,.1f}–{row.max:,.1f}){latency}{cpu}")
    for bar in row.document()["bars"]:
        side = f"≥ {bar['at_least']:g}" if "at_least" in bar else f"≤ {bar['at_most']:g}"
        _say(f"  bar: {bar['figure']} {side}: {_met(bar)}")
    for name, value in row.settings.items():
        _say(f"    {name}: {value}")


def _share(missed: float) -> float:
    return round(max(0.0, missed), 4)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _met(bar: Mapping[str, Any]) -> str:
    return "met" if bar["met"] else f"MISSED by {bar['missed_by']:.0%}"
