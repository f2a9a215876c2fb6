"""What the application's role saw and could do: looks at tables, and tries to write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

What = Literal["insert", "update", "delete"]
Place = tuple[str, str]
"""A service and a table of its database."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who looked as ``named`` (no tenant at all is possible) and how many rows of whom were shown; ``refused``: the
    database showed nothing, but said no."""

    place: Place
    named: frozenset[str]
    seen: Mapping[str, int] = field(default_factory=dict)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """Who tried as ``named`` to write rows of ``owner``, and how many it came to; none is kept."""

    place: Place
    named: frozenset[str]
    what: What
    owner: str
    rows: int = 0
    refused: bool = False


@dataclass(slots=True)
class History:
    """A whole run. ``planted`` are the rows that stand there all the while, by place and tenant."""

    planted: dict[Place, dict[str, int]] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)
