"""One stream as the engine runs it, in memory: commands are decided once per id, events are stored and read back."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from chassis.aggregate import EffectPlan, Plan, PublicMessage, ReadRow, Recorded, StreamKind, TaskPlan
from chassis.domain import Event, Refused
from chassis.ids import TenantId
from contracts.topics import TOPICS

NOW = datetime(2026, 3, 12, 10, 0, tzinfo=UTC)
TENANT = TenantId("vektor")

S = TypeVar("S")
C = TypeVar("C")

_MAY_SAY = {(topic.name, message) for topic in TOPICS for message in topic.messages}


class Stream(Generic[S, C]):
    """A stream with its events, public messages, effects and open tasks."""

    def __init__(self, kind: StreamKind[S, C], name: str, now: datetime = NOW) -> None:
        self.kind = kind
        self.name = name
        self.now = now
        self.state: S = kind.initial(name)
        self.events: list[Event] = []
        self.messages: list[Any] = []
        self.effects: dict[tuple[str, ...], EffectPlan] = {}
        self.tasks: dict[tuple[str, str], TaskPlan] = {}
        self._by_command: dict[str, Sequence[Event]] = {}

    def run(self, command: C, command_id: str = "") -> Sequence[Event] | Refused:
        """Decides a command; one whose id was seen gives its first events again."""
        if command_id in self._by_command:
            return self._by_command[command_id]
        decided = self.kind.decide(self.state, command, self.now)
        if isinstance(decided, Refused):
            return decided
        for event in decided:
            self._record(event)
        if decided and command_id:
            self._by_command[command_id] = decided
        return decided

    def ran(self, command: C, command_id: str = "") -> list[Event]:
        """The events of a command that must not be refused."""
        decided = self.run(command, command_id)
        assert not isinstance(decided, Refused), decided
        return list(decided)

    def replayed(self) -> S:
        """The state folded anew from all that is stored."""
        state = self.kind.initial(self.name)
        for event in self.events:
            state = self.kind.evolve(state, event)
        return state

    def said(self, message: type[Any]) -> list[Any]:
        """Public messages of a type, in order."""
        return [body for body in self.messages if isinstance(body, message)]

    def happened(self, event: type[Any]) -> list[Any]:
        """Events of a type, in order."""
        return [one for one in self.events if isinstance(one, event)]

    def effects_of(self, kind: str) -> list[EffectPlan]:
        """Effects of a kind, in the order of their plans."""
        return [plan for plan in self.effects.values() if plan.kind == kind]

    def rows(self) -> Sequence[ReadRow]:
        """The read rows of the present state."""
        return self.kind.projected(self.name, self.state)

    def _record(self, event: Event) -> None:
        codec = self.kind.codec
        stored = codec.decode(event.NAME, event.VERSION, codec.encode(event))
        assert stored == event, "an event reads back as it was said"
        self.state = self.kind.evolve(self.state, stored)
        self.events.append(stored)
        recorded = Recorded(TENANT, self.name, len(self.events), stored, self.now)
        for message in self.kind.published(recorded, self.state):
            self.messages.append(public(message))
        self._plan(self.kind.planned(recorded, self.state))
        assert all(row.table for row in self.rows())

    def _plan(self, plans: Iterable[Plan]) -> None:
        for plan in plans:
            if isinstance(plan, TaskPlan):
                self.tasks[plan.kind, plan.key] = plan
                continue
            key = (plan.kind, *plan.key)
            first = self.effects.setdefault(key, plan)
            assert first == plan, f"{key} is planned twice with different requests"


def public(message: PublicMessage) -> BaseModel:
    """A public message as its readers get it; it must belong to its topic, and lose nothing on the way."""
    body = message.body
    assert isinstance(body, BaseModel)
    assert (message.topic, type(body)) in _MAY_SAY, f"{type(body).__name__} does not belong on {message.topic}"
    read = type(body).model_validate_json(body.model_dump_json(exclude_none=True))
    assert read == body
    return read
