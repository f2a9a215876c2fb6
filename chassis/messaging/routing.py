"""What a route gives the consumer: which streams a message concerns, and with which command each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.envelope import Envelope, Message


@dataclass(frozen=True, slots=True)
class Routed:
    """One command for one stream of the message's tenant."""

    stream: str
    command: Any


Route = Callable[[Message, Envelope], Sequence[Routed]]
"""Pure: no SQL, no network. An empty answer means that the message does not concern the service."""
