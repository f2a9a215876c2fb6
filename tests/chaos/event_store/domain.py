"""The smallest service there is: streams that remember what was said, and tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.aggregate import EventCodec, PublicMessage, Recorded, StreamKind, StreamKinds
from chassis.domain import Event
from chassis.ids import TenantId, tenant_id
from chassis.messaging.routing import Routed
from contracts.envelope import Envelope, Message

SERVICE = "test"
TENANT: TenantId = tenant_id("one")
TOPIC = "sayings"
PREFIX = "log"


class Said(Event, name="Said"):
    """A value was said; ``told`` says whether others hear of it."""

    value: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Say:
    """Say a value."""

    value: str


class Saying(Message, name="Saying"):
    """A value stands in a stream at a version."""

    stream: str
    version: int
    value: str


class Please(Message, name="Please"):
    """Somebody wants a value said in a stream."""

    stream: str
    value: str


def _decide(state: int, command: Say, now: datetime) -> Sequence[Event]:
    return (Said(value=command.value),)


def _published(recorded: Recorded, state: int) -> Sequence[PublicMessage]:
    said = recorded.event
    assert isinstance(said, Said)
    if not said.told:
        return ()
    return (PublicMessage(TOPIC, Saying(stream=recorded.stream, version=recorded.version, value=said.value)),)


def aggregate_of(stream: str) -> str:
    """Streams of two neighbouring places share a Kafka key, as those of one deal do."""
    place, _, generation = stream.removeprefix(f"{PREFIX}-").partition("x")
    return f"{int(place) // 2}x{generation}"


LOGS: StreamKind[int, Any] = StreamKind(
    prefix=PREFIX,
    initial=lambda stream: 0,
    decide=_decide,
    evolve=lambda state, event: state + 1,
    codec=EventCodec((Said,)),
    aggregate=aggregate_of,
    published=_published,
)
KINDS = StreamKinds([LOGS])


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    """A wish is a command on the stream that it names."""
    assert isinstance(message, Please)
    return (Routed(message.stream, Say(message.value)),)
