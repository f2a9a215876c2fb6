"""What was sent, what the broker took for done, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sent:
    """The messages of one key count from 1; where one lies at the broker."""

    key: str
    number: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker's word on how far the group is, by partition; and how many of each key were decided a moment later."""

    offsets: Mapping[int, int]
    decided: Mapping[str, frozenset[int]]


@dataclass(slots=True)
class History:
    """A whole run. ``decided`` has the numbers of each key in the order in which its stream has them."""

    sent: list[Sent] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    decided: dict[str, list[int]] = field(default_factory=dict)
