"""Streams that say which keys wait behind a dead letter: one for each topic and key, under the lock of that key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.aggregate import EventCodec, PublicMessage, Recorded, StreamKind
from chassis.domain import Event
from chassis.engine import Command, Engine
from chassis.messaging.letters import Letter, NewLetter

PREFIX: Final = "letters"


class KeyBlocked(Event, name="KeyBlocked"):
    """A message of the key became a dead letter; it and what follows wait for a person. ``key`` is without tenant."""

    topic: str
    key: str
    at: datetime


class KeyFreed(Event, name="KeyFreed"):
    """All letters of the key were replayed or given up."""

    topic: str
    key: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Blocked:
    """Since when a key waits; None while it does not."""

    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class BlockKey:
    """Command: a message of the key became a dead letter."""

    topic: str
    key: str


@dataclass(frozen=True, slots=True)
class FreeKey:
    """Command: no letter of the key is left."""

    topic: str
    key: str


def blocked_kind(own_topic: str, began: type[Any], ended: type[Any]) -> StreamKind[Blocked, BlockKey | FreeKey]:
    """The kind that a service adds to its own: ``began`` and ``ended`` are the contract's messages on ``own_topic``.

    A letter of ``own_topic`` itself is not told of: the message would wait behind it.
    """

    def decide(state: Blocked, command: BlockKey | FreeKey, now: datetime) -> Sequence[Event]:
        if isinstance(command, FreeKey):
            if state.since is None:
                return ()
            return (KeyFreed(topic=command.topic, key=command.key, since=state.since, at=now),)
        if state.since is not None or command.topic == own_topic:
            return ()
        return (KeyBlocked(topic=command.topic, key=command.key, at=now),)

    def published(recorded: Recorded, state: Blocked) -> Sequence[PublicMessage]:
        event = recorded.event
        if isinstance(event, KeyBlocked):
            return (PublicMessage(own_topic, began(topic=event.topic, key=event.key, since=event.at)),)
        if isinstance(event, KeyFreed):
            over = ended(topic=event.topic, key=event.key, since=event.since, ended_at=event.at)
            return (PublicMessage(own_topic, over),)
        return ()

    return StreamKind(
        prefix=PREFIX,
        initial=lambda stream: Blocked(),
        decide=decide,
        evolve=_evolve,
        codec=EventCodec((KeyBlocked, KeyFreed)),
        aggregate=lambda stream: stream.partition("/")[2],
        published=published,
    )


def _evolve(state: Blocked, event: KeyBlocked | KeyFreed) -> Blocked:
    return Blocked(event.at if isinstance(event, KeyBlocked) else None)


def says_blocked(engine: Engine) -> bool:
    """Whether the service has the kind."""
    return any(kind.prefix == PREFIX for kind in engine.kinds)


def blocking(letters: Iterable[NewLetter]) -> list[Command]:
    """What tells of the keys that new letters block, once for each; letters of nobody have none."""
    first: dict[tuple[str, str], Command] = {}
    for letter in letters:
        body = BlockKey(letter.topic, _key(letter))
        first.setdefault((letter.topic, letter.key), _command(letter, body, "dead"))
    return list(first.values())


def freeing(letter: Letter) -> Command:
    """What tells that a key is free, of the last letter that was settled."""
    return _command(letter, FreeKey(letter.topic, _key(letter)), "settled")


def _key(letter: NewLetter | Letter) -> str:
    return letter.key.partition(":")[2]


def _command(letter: NewLetter | Letter, body: BlockKey | FreeKey, what: str) -> Command:
    stream = f"{PREFIX}-{body.topic}/{body.key}"
    return Command(letter.tenant, stream, body, f"{letter.event_id}:{what}", {"cause": str(letter.event_id)})
