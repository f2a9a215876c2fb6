"""Keys that wait behind dead letters: the admin chat hears of an outbreak, of more at most each hour, and its end."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.aggregate import TaskPlan
from chassis.domain import Event
from services.notifier.domain.writes import SayInChat

LOOK_AT_LETTERS = "look-at-letters"

GATHERED_FOR = dt.timedelta(minutes=1)
"""An outbreak has many letters, and several services have each of them: what comes so soon is told in one line."""

TOLD_AGAIN_AFTER = dt.timedelta(hours=1)

DEALS_MAX = 10
"""So many deals are named."""

ENDINGS_MAX = 100
"""Of so many keys it is kept when they went on last: a lost topic tells of their letters once more."""


class LettersSeen(Event, name="LettersSeen"):
    """A key of a topic waits behind a dead letter of ``service``; ``deal_id`` is "" where it is not a deal's."""

    account: str
    service: str
    topic: str
    key: str
    deal_id: str
    since: dt.datetime
    sequence: int


class LettersSeenGone(Event, name="LettersSeenGone"):
    """All letters of a key were replayed or given up."""

    service: str
    topic: str
    key: str
    sequence: int


class LettersTold(Event, name="LettersTold"):
    """The chat is told how many keys wait in each service; ``more`` deals are not named."""

    account: str
    fact_id: str
    waiting: dict[str, int]
    deals: tuple[str, ...]
    more: int
    since: dt.datetime
    at: dt.datetime


class LettersEndTold(Event, name="LettersEndTold"):
    """The chat is told that no key waits any more."""

    account: str
    fact_id: str
    since: dt.datetime


StoredEvent = LettersSeen | LettersSeenGone | LettersTold | LettersEndTold
EVENTS: tuple[type[Event], ...] = (LettersSeen, LettersSeenGone, LettersTold, LettersEndTold)


@dataclass(frozen=True, slots=True)
class SeeLetters:
    """A key waits behind a dead letter; ``sequence`` grows with each beginning and end of that key."""

    account: str
    service: str
    topic: str
    key: str
    deal_id: str
    since: dt.datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class SeeLettersGone:
    """A key waits no more."""

    account: str
    fact_id: str
    service: str
    topic: str
    key: str
    sequence: int


@dataclass(frozen=True, slots=True)
class LookAtLetters:
    """It is time to tell of keys of which nobody was told, ``at`` the time that was planned."""

    account: str
    fact_id: str
    at: dt.datetime


Command = SeeLetters | SeeLettersGone | LookAtLetters


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key that waits; ``told``: it was among those that the chat was told of."""

    service: str
    deal_id: str
    since: dt.datetime
    sequence: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class Letters:
    """The keys that wait, by their place, and of those that do not the newest sequence. ``told_since`` is since when
    that waits which the chat was told of, None where it was told that it is over."""

    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    gone: Mapping[str, int] = field(default_factory=dict)
    told_at: dt.datetime | None = None
    told_since: dt.datetime | None = None

    def newest(self, place: str) -> int:
        """The sequence of what was heard last of a place; 0 of an unknown one."""
        one = self.waiting.get(place)
        return one.sequence if one is not None else self.gone.get(place, 0)

    def next_look(self, now: dt.datetime) -> dt.datetime:
        """When what is seen now is told: the same whole minute for all that comes together."""
        soon = (now + GATHERED_FOR + dt.timedelta(minutes=1)).replace(second=0, microsecond=0)
        return soon if self.told_at is None else max(soon, self.told_at + TOLD_AGAIN_AFTER)


def evolve(letters: Letters, event: StoredEvent) -> Letters:
    """What waits after one event."""
    match event:
        case LettersSeen():
            one = Waiting(event.service, event.deal_id, event.since, event.sequence)
            return replace(letters, waiting={**letters.waiting, _place(event): one})
        case LettersSeenGone():
            place = _place(event)
            waiting = {other: one for other, one in letters.waiting.items() if other != place}
            others = [(other, sequence) for other, sequence in letters.gone.items() if other != place]
            gone = dict([*others, (place, event.sequence)][-ENDINGS_MAX:])
            return replace(letters, waiting=waiting, gone=gone)
        case LettersTold():
            waiting = {place: replace(one, told=True) for place, one in letters.waiting.items()}
            return replace(letters, waiting=waiting, told_at=event.at, told_since=event.since)
        case LettersEndTold():
            return replace(letters, told_since=None)
        case _:
            assert_never(event)


def decide(letters: Letters, command: Command, now: dt.datetime) -> tuple[StoredEvent, ...]:
    """A key is seen once; of all that wait people hear together."""
    match command:
        case SeeLetters():
            if command.sequence <= letters.newest(_place(command)):
                return ()  # known, or a lost topic that tells of what is over
            seen = LettersSeen(
                account=command.account,
                service=command.service,
                topic=command.topic,
                key=command.key,
                deal_id=command.deal_id,
                since=command.since,
                sequence=command.sequence,
            )
            return (seen,)
        case SeeLettersGone():
            return _gone(letters, command)
        case LookAtLetters():
            return _told(letters, command, now)
        case _:
            assert_never(command)


def _gone(letters: Letters, command: SeeLettersGone) -> tuple[StoredEvent, ...]:
    place = _place(command)
    if command.sequence <= letters.newest(place):
        return ()
    gone = LettersSeenGone(service=command.service, topic=command.topic, key=command.key, sequence=command.sequence)
    if letters.told_since is None or set(letters.waiting) != {place}:
        return (gone,)
    ended = LettersEndTold(account=command.account, fact_id=command.fact_id, since=letters.told_since)
    return (gone, ended)


def _told(letters: Letters, command: LookAtLetters, now: dt.datetime) -> tuple[StoredEvent, ...]:
    if all(one.told for one in letters.waiting.values()):
        return ()
    if letters.told_at is not None and command.at < letters.told_at + TOLD_AGAIN_AFTER:
        return ()  # planned before it was told last; what came since has a later look
    waiting = letters.waiting.values()
    deals = sorted({one.deal_id for one in waiting if one.deal_id}, key=lambda deal: (len(deal), deal))
    told = LettersTold(
        account=command.account,
        fact_id=command.fact_id,
        waiting=dict(sorted(Counter(one.service for one in waiting).items())),
        deals=tuple(deals[:DEALS_MAX]),
        more=len(deals[DEALS_MAX:]),
        since=min(one.since for one in waiting),
        at=now,
    )
    return (told,)


def look(stream: str, event: LettersSeen, now: dt.datetime, letters: Letters) -> TaskPlan:
    """The look that tells of what was seen; one row for all that is told together."""
    at = letters.next_look(now)
    payload = {"crm_account": event.account, "at": at.isoformat()}
    return TaskPlan(LOOK_AT_LETTERS, f"{stream}/{at.isoformat()}", payload, due_at=at)


def said(event: LettersTold | LettersEndTold) -> SayInChat:
    """What the chat is told."""
    since = {"since": event.since.isoformat()}
    if isinstance(event, LettersEndTold):
        return SayInChat(text="letters_ended", values=since)
    counts = [[service, count] for service, count in event.waiting.items()]
    values = {"waiting": counts, "deals": list(event.deals), "more": event.more, **since}
    return SayInChat(text="letters_wait", values=values)


def _place(one: SeeLetters | SeeLettersGone | LettersSeen | LettersSeenGone) -> str:
    return f"{one.service}/{one.topic}/{one.key}"
