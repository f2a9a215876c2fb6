"""What a command prints: one JSON document or a text for people on stdout, everything else on stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPE_COLUMNS = 240
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Progress and remarks, as they are: on stderr, so that stdout holds the answer alone."""
    err.print(text, markup=False)


def show(text: str) -> None:
    """A line of the answer, as it is."""
    out.print(text, markup=False)


def print_document(document: BaseModel | Mapping[str, Any] | Sequence[Any]) -> None:
    """The one document of `--json`."""
    plain = document.model_dump(mode="json", by_alias=True) if isinstance(document, BaseModel) else document
    sys.stdout.buffer.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; a value may carry no markup."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        drawn.add_column(title, overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(text(value)) for value in row))
    out.print(drawn, soft_wrap=False)


def text(value: object) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value)
    return str(value)


def moment(value: datetime | str | None) -> str:
    """A time to the second in the zone that it came with, which is named where it is UTC and not a client's."""
    if value is None or value == "":
        return "–"
    stamp = datetime.fromisoformat(value) if isinstance(value, str) else value
    return stamp.strftime("%Y-%m-%d %H:%M:%S") + ("" if stamp.utcoffset() else " UTC")


def money(kopecks: int) -> str:
    """Kopecks as roubles: 1234550 as `12 345,50 ₽`."""
    roubles, rest = divmod(abs(kopecks), 100)
    return f"{'−' if kopecks < 0 else ''}{roubles:,}".replace(",", " ") + f",{rest:02d} ₽"


def outline(document: Any, indent: int = 0) -> None:
    """Any JSON as indented lines, for answers that have no form of their own."""
    pad = "  " * indent
    if isinstance(document, Mapping):
        width = max((len(str(key)) for key in document), default=0)
        for key, value in document.items():
            if isinstance(value, Mapping | list) and value:
                show(f"{pad}{key}:")
                outline(value, indent + 1)
            else:
                show(f"{pad}{str(key).ljust(width)}  {text(value if value not in ([], {}) else None)}")
    elif isinstance(document, list):
        for item in document:
            if isinstance(item, Mapping | list):
                outline(item, indent)
                show("")
            else:
                show(f"{pad}{text(item)}")
    else:
        show(f"{pad}{text(document)}")
