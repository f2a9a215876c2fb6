"""Bitrix24's wire as it is: parameters of batch commands, envelopes of answers, errors of every spelling.

Source: the vendor's REST documentation, pages "Batch", "Data encoding", "General principles".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from connectors.wire import read_json

VENDOR: Final = "bitrix24"
LEAD, DEAL, CONTACT, COMPANY, REQUISITE = 1, 2, 3, 4, 8
ENTITY_TYPE_IDS: Final = {"deal": DEAL, "company": COMPANY, "contact": CONTACT}
PAGE_ROWS: Final = 50
BATCH_COMMANDS_MAX: Final = 50
PAGES_UNTOLD_MAX: Final = 20
"""Pages that are looked for, all in one batch, past a first one that has a ``next`` but no ``total``."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A value taken from an earlier command of the same batch: ``Ref("deal", "item", "companyId")``."""

    path: tuple[str, ...]

    def __init__(self, *path: str) -> None:
        object.__setattr__(self, "path", path)

    def __str__(self) -> str:
        return "$result" + "".join(f"[{step}]" for step in self.path)


@dataclass(frozen=True, slots=True)
class Base64:
    """Text of the base64 alphabet, escaped without looking at every character."""

    text: str


Value = str | int | Decimal | date | datetime | Ref | Base64
Params = Mapping[str, Any]
"""Names to values, nested by mappings and lists; a leaf is a :data:`Value`, None is left out."""


@dataclass(frozen=True, slots=True)
class Command:
    """One method of a batch with its parameters."""

    method: str
    params: Params

    def __str__(self) -> str:
        """The command as the batch takes it: ``method?query``, encoded once, nested as PHP's http_build_query does."""
        return f"{self.method}?{'&'.join(_pairs(self.params))}"


@lru_cache(maxsize=1024)
def _name(text: str) -> str:
    return quote(text, safe="")


def _pairs(params: Params) -> Iterator[str]:
    for name, value in params.items():
        yield from _leaves(_name(name), value)


def _leaves(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield f"{name}={quote(value, safe='')}"
    elif value is None:
        return
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name}[{_name(str(key))}]", inner)
    elif isinstance(value, list | tuple):
        if not value:
            raise ValueError(f"{name}: an empty list cannot be written in a query")
        for index, inner in enumerate(value):
            yield from _leaves(f"{name}[{index}]", inner)
    else:
        yield f"{name}={_leaf(value)}"


def _leaf(value: Any) -> str:
    if isinstance(value, bool | float):
        # True would become "True" and a float its own idea of a number; the portal would keep either without a word.
        raise TypeError(f"{value!r} has no spelling in a query: write Y or N, or a Decimal")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return quote(value.isoformat(timespec="seconds"), safe="")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Base64):
        return value.text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    if isinstance(value, Ref):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no spelling in a query")


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the portal gives it. ``code`` is in lower case and never empty: where the portal sends ``""`` or
    ``0`` with one of its documented texts, the code is ``:not_found``, ``:access_denied`` or ``:bad_id``; without one
    ``:text``."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Success:
    """A result; ``total`` and ``next`` only of list methods."""

    result: Any
    total: int | None = None
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer says: exactly one of ``success`` and ``fault`` is set, or none where it is no envelope."""

    success: Success | None
    fault: Fault | None
    time: Mapping[str, Any]


NO_ENVELOPE: Final = Envelope(None, None, {})

# The texts of the classic methods, in the languages portals are known to use them in.
_TEXTS: Final = (
    (":not_found", re.compile(r"not found|не найден", re.IGNORECASE)),
    (":access_denied", re.compile(r"access denied|доступ (?:запрещ|закрыт)|недостаточно прав", re.IGNORECASE)),
    (":bad_id", re.compile(r"id is not defined|parameter id is invalid|id is invalid", re.IGNORECASE)),
)


def read_envelope(body: bytes) -> Envelope:
    """The envelope of a whole answer; pages of HTML, half a document and other things are NO_ENVELOPE."""
    try:
        document = read_json(body)
    except ValueError:
        return NO_ENVELOPE
    if not isinstance(document, dict):
        return NO_ENVELOPE
    time = document.get("time")
    time = time if isinstance(time, dict) else {}
    if "error" in document and document["error"] is not None:
        return Envelope(None, read_fault(document), time)
    if "result" not in document:
        return Envelope(None, None, time)
    return Envelope(
        Success(document["result"], _count(document.get("total")), _count(document.get("next"))), None, time
    )


def read_fault(document: Any) -> Fault:
    """An error object; ``error`` may be a string in any case, an integer, ``""`` or missing."""
    if not isinstance(document, dict):
        return Fault(":text", str(document)[:300])
    error, description = document.get("error"), document.get("error_description")
    said = description if isinstance(description, str) else ""
    code = str(error).strip().lower() if isinstance(error, str | int | Decimal) else ""
    if code in ("", "0"):
        code = next((name for name, pattern in _TEXTS if pattern.search(said)), code or ":text")
    return Fault(code, said)


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The parts of a batch by the names of its commands; a name may be missing from both."""

    successes: Mapping[str, Success]
    faults: Mapping[str, Fault]
    times: Mapping[str, Any]

    def operating_reset_at(self, name: str) -> Any:
        """When the operating time of a command's method is free again, in unix seconds, where the portal says so."""
        part = self.times.get(name)
        return part.get("operating_reset_at") if isinstance(part, dict) else None


def read_batch(result: Any) -> BatchAnswer | None:
    """The inside of a batch's answer; None when it is not one. Empty maps come as ``[]``."""
    if not isinstance(result, dict) or "result" not in result:
        return None
    results, errors = result["result"], result.get("result_error")
    totals, nexts, times = (_map(result.get(name)) for name in ("result_total", "result_next", "result_time"))
    faults = {name: read_fault(fault) for name, fault in _map(errors).items()}
    successes = {
        name: Success(value, _count(totals.get(name)), _count(nexts.get(name)))
        for name, value in _map(results).items()
        if name not in faults
    }
    return BatchAnswer(successes, faults, times)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else None


def item_of(result: Any) -> Mapping[str, Any] | None:
    """``result.item`` of the universal methods."""
    item = result.get("item") if isinstance(result, dict) else None
    return item if isinstance(item, dict) else None


def pages_after_first(first: Success) -> Sequence[int]:
    """Offsets of the pages that follow the first one; of as many as are looked for where only ``next`` tells."""
    untold = PAGE_ROWS * (1 + PAGES_UNTOLD_MAX) if first.next is not None else 0
    return range(PAGE_ROWS, untold if first.total is None else first.total, PAGE_ROWS)
