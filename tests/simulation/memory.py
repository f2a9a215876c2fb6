"""The streams and read rows of one service in memory: commands are decided as the engine decides them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from chassis.aggregate import PublicMessage, Recorded, StreamKind, StreamKinds
from chassis.cards import TABLE
from chassis.domain import Event, Refused
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.work.plans import PlannedWork
from contracts.envelope import Envelope
from tests.simulation.chance import Trace


@dataclass(slots=True)
class Stream:
    """One stream. ``events`` are as they were read back from their text, as from the store."""

    kind: StreamKind[Any, Any]
    state: Any
    events: list[Event] = field(default_factory=list)
    commands: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Writes:
    """What a transaction leaves behind beside its events: messages in their order, and due work."""

    messages: list[tuple[str, PublicMessage, Envelope, bytes]] = field(default_factory=list)
    plans: list[PlannedWork] = field(default_factory=list)


Row = dict[str, Any]


class Memory:
    """What a service keeps. A refusal by a domain is a value; an exception ends the run, being a defect."""

    def __init__(self, service: str, kinds: StreamKinds, trace: Trace) -> None:
        self.service = service
        self.engine = Engine(service, kinds)
        self.streams: dict[tuple[TenantId, str], Stream] = {}
        self.rows: dict[str, dict[tuple[Any, ...], Row]] = {}
        self.open_cards: dict[tuple[Any, ...], Row] = {}
        self._trace = trace

    def table(self, name: str) -> dict[tuple[Any, ...], Row]:
        """Read rows by (tenant, key …)."""
        return self.rows.setdefault(name, {})

    def state(self, tenant: TenantId, stream: str) -> Any:
        """A stream's folded state."""
        found = self.streams.get((tenant, stream))
        return self.engine.kinds.of(stream).initial(stream) if found is None else found.state

    def execute(self, commands: Sequence[Command], now: datetime) -> Writes:
        """Decides commands in their order; one whose id its stream has seen is left alone."""
        writes = Writes()
        changed: dict[tuple[TenantId, str], Stream] = {}
        for command in commands:
            name = (command.tenant, command.stream)
            stream = self.streams.get(name) or self._new(command.stream)
            if command.command_id in stream.commands:
                continue
            decided = stream.kind.decide(stream.state, command.body, now)
            if isinstance(decided, Refused):
                self._trace.add(f"{self.service} {command.stream} refuses: {decided.problem.code}")
                continue
            if not decided:
                continue
            self.streams[name] = changed[name] = stream
            stream.commands.add(command.command_id)
            for event in decided:
                self._record(stream, event, command, now, writes)
        for (tenant, name_), stream in changed.items():
            self._project(tenant, name_, stream)
        return writes

    def _new(self, name: str) -> Stream:
        kind = self.engine.kinds.of(name)
        return Stream(kind, kind.initial(name))

    def _record(self, stream: Stream, event: Event, command: Command, now: datetime, writes: Writes) -> None:
        codec = stream.kind.codec
        data = codec.encode(event)
        read = codec.decode(event.NAME, event.VERSION, data)
        assert read == event, f"{event.NAME} reads back as something else"
        stream.events.append(read)
        stream.state = stream.kind.evolve(stream.state, read)
        version = len(stream.events)
        self._trace.add(f"{self.service} {command.tenant} {command.stream} {version} {event.NAME} {data}")
        recorded = Recorded(command.tenant, command.stream, version, read, now, 0, command.metadata)
        key = self.engine.key_of(command.tenant, command.stream)
        for message, envelope, body in self.engine.messages(recorded, stream.state):
            writes.messages.append((key, message, envelope, body))
        for plan in stream.kind.planned(recorded, stream.state):
            writes.plans.append(PlannedWork(command.tenant, command.stream, plan, command.metadata))

    def _project(self, tenant: TenantId, name: str, stream: Stream) -> None:
        for row in stream.kind.projected(name, stream.state):
            key = (tenant, *map(str, row.key.values()))
            if row.values is None:
                self.table(row.table).pop(key, None)
            else:
                values = self.table(row.table)[key] = {**row.key, **row.values}
                if row.table == TABLE:
                    self._put_card(key, values)

    def _put_card(self, key: tuple[Any, ...], card: Row) -> None:
        if card["choice"] is None:
            self.open_cards[key] = card
        else:
            self.open_cards.pop(key, None)


def as_stored(value: Any) -> Any:
    """A value as it comes back out of a column of JSON."""
    return orjson.loads(orjson.dumps(value, default=str))
