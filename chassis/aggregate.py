"""How a service declares a kind of stream: its pure functions, its events, and what each event sets in motion."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson

from chassis.domain import Event, Refused
from chassis.ids import TenantId

S = TypeVar("S")
C = TypeVar("C")

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Lane(enum.IntEnum):
    """Interactive work goes first; bulk work (sweeps, first syncs, reports) takes what is left."""

    INTERACTIVE = 0
    BULK = 1


class NewerBuildError(LookupError):
    """A stored event that only a newer build understands. Whoever meets it leaves the work for that build."""


class EventCodec:
    """Events of one stream kind ↔ (name, version, JSON). Old versions are upcast on read, step by step.

    Raises TypeError at construction when two events share a name or an upcaster chain does not reach the current
    version.
    """

    def __init__(
        self, events: Sequence[type[Event]], upcasters: Mapping[tuple[str, int], Upcaster] | None = None
    ) -> None:
        self._types = {event.NAME: event for event in events}
        self._upcasters = dict(upcasters or {})
        if len(self._types) != len(events):
            raise TypeError("two events of one stream kind share a stored name")
        for name, version in self._upcasters:
            current = self._types[name].VERSION
            missing = [v for v in range(version, current) if (name, v) not in self._upcasters]
            if missing:
                raise TypeError(f"upcasters of {name} do not reach version {current}: missing from {missing}")

    @property
    def events(self) -> tuple[type[Event], ...]:
        """The events of this build, each in the version that it stores."""
        return tuple(self._types.values())

    def encode(self, event: Event) -> str:
        """JSON text of the event's data."""
        return event.model_dump_json(exclude_none=True)

    def decode(self, name: str, version: int, data: str) -> Event:
        """The event as it is understood today. Raises NewerBuildError for a name that this build does not know."""
        kind = self._types.get(name)
        if kind is None:
            raise NewerBuildError(
                f"stored event {name!r} is unknown to this build; roll forward, or add its class back"
            )
        if version == kind.VERSION:
            return kind.model_validate_json(data)
        return self._upcast(kind, version, data)

    def _upcast(self, kind: type[Event], version: int, data: str) -> Event:
        if version > kind.VERSION:
            raise NewerBuildError(f"stored event {kind.NAME} has version {version}, this build knows {kind.VERSION}")
        fields: dict[str, Any] = orjson.loads(data)
        for step in range(version, kind.VERSION):
            fields = self._upcasters[(kind.NAME, step)](fields)
        return kind.model_validate(fields)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored event: ``position`` is global in the database and only for tools and rebuilds, never a cursor."""

    tenant: TenantId
    stream: str
    version: int
    event: Event
    recorded_at: datetime
    position: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """A message for other services: ``body`` is a frozen model of the contracts; its Kafka key is the stream's."""

    topic: str
    body: Any
    lane: Lane = Lane.INTERACTIVE


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One read row, whole: written with the append as insert-or-replace on ``key`` (tenant_id is added).

    ``values`` None deletes the row.
    """

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class EffectPlan:
    """A call that changes something outside, planned by an event and kept as its own row until it is settled.

    ``key`` parts with the tenant make the effect's uuid: the same key is the same effect, for ever. ``group``:
    effects of
    one group may travel in one request of the vendor (a batch), each with its own outcome.
    """

    kind: str
    key: tuple[str, ...]
    account: str
    request: Mapping[str, Any]
    marker: str = ""
    group: str = ""
    lane: Lane = Lane.INTERACTIVE
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """Due work without an outside change: a read, a poll, a look-up over several streams, a reminder.

    One open row per (tenant, kind, key): planned again while open, it runs once more after the present run.
    """

    kind: str
    key: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    account: str = ""
    lane: Lane = Lane.INTERACTIVE
    due_at: datetime | None = None


Plan = EffectPlan | TaskPlan


def _nothing(*_: Any) -> Sequence[Any]:
    return ()


@dataclass(frozen=True)
class StreamKind(Generic[S, C]):
    """All that the chassis needs to run one kind of stream; every callable is pure.

    A stream's name is ``<prefix>-<id>``. ``aggregate`` gives, from the name, the aggregate part of the Kafka key
    under which
    its public messages travel and under whose lock it is written. ``published``, ``planned`` get each new event with
    the
    state after it; ``projected`` gets the state after the last one.
    """

    prefix: str
    initial: Callable[[str], S]
    decide: Callable[[S, C, datetime], Sequence[Event] | Refused]
    evolve: Callable[[S, Any], S]
    codec: EventCodec
    aggregate: Callable[[str], str]
    published: Callable[[Recorded, S], Sequence[PublicMessage]] = _nothing
    planned: Callable[[Recorded, S], Sequence[Plan]] = _nothing
    projected: Callable[[str, S], Sequence[ReadRow]] = _nothing


class StreamKinds:
    """The stream kinds of one service, found by a stream's prefix."""

    def __init__(self, kinds: Sequence[StreamKind[Any, Any]]) -> None:
        self._by_prefix = {kind.prefix: kind for kind in kinds}
        if len(self._by_prefix) != len(kinds):
            raise TypeError("two stream kinds share a prefix")

    def of(self, stream: str) -> StreamKind[Any, Any]:
        """The kind of a stream by its name. Raises LookupError for a prefix that no kind has."""
        prefix = stream.partition("-")[0]
        kind = self._by_prefix.get(prefix)
        if kind is None:
            raise LookupError(f"no stream kind has the prefix of {stream!r}")
        return kind

    def __iter__(self) -> Any:
        return iter(self._by_prefix.values())
