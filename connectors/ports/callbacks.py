"""Callbacks of accounting services: what one says, before anything is believed of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chassis.domain import Problem


@dataclass(frozen=True, slots=True)
class AccountingEvent:
    """A callback that is the vendor's: ids only, a hint to read again. ``delivery_id`` names one delivery and its
    repeats; ``money``: whether it tells of payments."""

    delivery_id: str
    name: str
    kind: str
    object_id: str
    money: bool


ParseCallback = Callable[[bytes, Mapping[str, str], str, datetime], AccountingEvent | Problem]
"""(body, headers in lower case, secret, now) → the event, or why it is not taken: ``callback_unsigned``,
``callback_signature``, ``callback_stale``, ``callback_unreadable``."""
