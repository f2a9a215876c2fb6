"""What the tenant's admin chat was told: of a vendor each outage, and work of no deal that waits; of dead letters."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded
from chassis.domain import Event, Refused
from services.notifier.domain import delays, letters
from services.notifier.domain.deal import CRM_CHAT
from services.notifier.domain.facts import Reason
from services.notifier.domain.writes import SayInChat

PREFIX = "alerts"

KEPT_MAX = 20
"""So many recoveries wait for their outage; one that was told by another service already never comes for its own."""


class OutageTold(Event, name="OutageTold"):
    """The chat is told that a vendor does not answer."""

    tenant: str
    account: str
    fact_id: str
    source: str
    vendor: str
    since: dt.datetime
    reason: Reason


class OutageShared(Event, name="OutageShared"):
    """Another service sees the outage that the chat was told of; ``since`` None in events of older builds."""

    source: str
    since: dt.datetime | None = None


class OutageLeft(Event, name="OutageLeft"):
    """A service has its vendor back, while others still wait for it; ``since`` None in events of older builds."""

    source: str
    since: dt.datetime | None = None


class RecoveryKept(Event, name="RecoveryKept"):
    """A service has its vendor back from an outage that it has not told of yet: its topic was lost, and is sent again
    with the newest message first."""

    source: str
    since: dt.datetime
    ended_at: dt.datetime


class RecoveryTold(Event, name="RecoveryTold"):
    """The chat is told that the vendor answers again. ``index`` is 1 where one fact tells of beginning and end."""

    tenant: str
    account: str
    fact_id: str
    vendor: str
    since: dt.datetime
    ended_at: dt.datetime
    index: int = 0


class NoticeTold(Event, name="NoticeTold"):
    """The chat is told something that belongs to no deal: a card, an unmatched payment. ``sequence`` is its place among
    what is told of the same thing, 0 where there is nothing else."""

    tenant: str
    account: str
    fact_id: str
    text: str
    values: dict[str, str | int]
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class TellOutage:
    """An outage began, as the service ``source`` sees it."""

    tenant: str
    account: str
    fact_id: str
    source: str
    vendor: str
    since: dt.datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class TellRecovery:
    """An outage ended, as the service ``source`` sees it."""

    tenant: str
    account: str
    fact_id: str
    source: str
    vendor: str
    since: dt.datetime
    ended_at: dt.datetime


@dataclass(frozen=True, slots=True)
class TellNotice:
    """Something that belongs to no deal; of several about one thing the newest by ``sequence`` stands."""

    tenant: str
    account: str
    fact_id: str
    text: str
    values: dict[str, str | int]
    sequence: int = 0


Command = TellOutage | TellRecovery | TellNotice | delays.Command | letters.Command
StoredEvent = (
    OutageTold | OutageShared | OutageLeft | RecoveryKept | RecoveryTold | NoticeTold
    | delays.StoredEvent | letters.StoredEvent
)  # fmt: skip
EVENTS: tuple[type[Event], ...] = (
    OutageTold, OutageShared, OutageLeft, RecoveryKept, RecoveryTold, NoticeTold, *delays.EVENTS, *letters.EVENTS
)  # fmt: skip
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """Which services still see the outage, and since when; several of them report the same one. ``kept`` are recoveries
    from outages that are not told yet, ``newest`` the place of the newest notice, ``waiting`` what waits of no deal,
    ``dead`` what waits behind dead letters."""

    stream: str
    sources: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    told_since: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    kept: tuple[RecoveryKept, ...] = ()
    newest: int = 0
    waiting: delays.Delays = field(default_factory=dict)
    dead: letters.Letters = field(default_factory=letters.Letters)

    def kept_of(self, source: str, since: dt.datetime) -> RecoveryKept | None:
        """The end of an outage whose beginning was not told, if it came."""
        return next((one for one in self.kept if (one.source, one.since) == (source, since)), None)

    def is_told(self, since: dt.datetime) -> bool:
        """Whether the chat was told that what began then is over."""
        return self.ended_at is not None and since <= self.ended_at


def initial(stream: str) -> State:
    """A vendor without outages."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case OutageTold():
            kept = _left(state, event.source, event.since)
            return replace(state, sources={event.source: event.since}, told_since=event.since, kept=kept)
        case OutageShared():
            return replace(state, sources={**state.sources, event.source: event.since})
        case OutageLeft():
            kept = _left(state, event.source, event.since)
            sources = {name: since for name, since in state.sources.items() if name != event.source}
            return replace(state, sources=sources, kept=kept)
        case RecoveryKept():
            return replace(state, kept=(*state.kept, event)[-KEPT_MAX:])
        case RecoveryTold():
            return replace(state, sources={}, ended_at=event.ended_at)
        case NoticeTold():
            return replace(state, newest=max(state.newest, event.sequence))
        case delays.WorkSeenDelayed() | delays.WorkSeenResumed() | delays.DelayTold() | delays.DelayEndTold():
            return replace(state, waiting=delays.evolve(state.waiting, event))
        case letters.LettersSeen() | letters.LettersSeenGone() | letters.LettersTold() | letters.LettersEndTold():
            return replace(state, dead=letters.evolve(state.dead, event))
        case _:
            assert_never(event)


def _left(state: State, source: str, since: dt.datetime | None) -> tuple[RecoveryKept, ...]:
    """The recoveries that still wait for their outage, when a service has told of this one."""
    return tuple(one for one in state.kept if (one.source, one.since) != (source, since))


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """One alert per outage, whichever service saw it first, and one when it ends, also where the end comes first."""
    match command:
        case TellOutage():
            return _began(state, command)
        case TellRecovery():
            return _ended(state, command)
        case TellNotice() if 0 < command.sequence < state.newest:
            return ()  # history: it has found its place, or is lost again, by now
        case TellNotice():
            return (
                NoticeTold(
                    tenant=command.tenant,
                    account=command.account,
                    fact_id=command.fact_id,
                    text=command.text,
                    values=command.values,
                    sequence=command.sequence,
                ),
            )
        case delays.SeeDelayed() | delays.SeeResumed() | delays.LookAtDelay():
            return delays.decide(state.waiting, command, covered=bool(state.sources))
        case letters.SeeLetters() | letters.SeeLettersGone() | letters.LookAtLetters():
            return letters.decide(state.dead, command, now)
        case _:
            assert_never(command)


def _began(state: State, command: TellOutage) -> Sequence[Event]:
    if state.is_told(command.since):
        return ()  # a late report of what the chat was told is over
    if command.source in state.sources:
        seen_since = state.sources[command.source]
        if seen_since is None or command.since <= seen_since:
            return ()  # known
        return (OutageShared(source=command.source, since=command.since),)  # the end of the one before is to come
    kept = state.kept_of(command.source, command.since)
    if state.sources:
        if kept is not None:
            return (OutageLeft(source=command.source, since=command.since),)
        return (OutageShared(source=command.source, since=command.since),)
    told = OutageTold(
        tenant=command.tenant,
        account=command.account,
        fact_id=command.fact_id,
        source=command.source,
        vendor=command.vendor,
        since=command.since,
        reason=command.reason,
    )
    if kept is None:
        return (told,)
    return (told, _recovery(command, command.since, kept.ended_at, index=1))


def _ended(state: State, command: TellRecovery) -> Sequence[Event]:
    if command.source not in state.sources:
        return () if state.is_told(command.ended_at) else _kept(state, command)
    seen_since = state.sources[command.source]
    if seen_since is not None and command.since < seen_since and command.ended_at <= seen_since:
        return ()  # the end of an older outage; the vendor is away again
    if seen_since is not None and command.since > seen_since:
        return _kept(state, command)  # the end of a later outage; that of this one is to come
    if len(state.sources) > 1:
        return (OutageLeft(source=command.source, since=command.since),)
    return (_recovery(command, state.told_since or command.since, command.ended_at),)


def _kept(state: State, command: TellRecovery) -> Sequence[Event]:
    if state.kept_of(command.source, command.since) is not None:
        return ()
    return (RecoveryKept(source=command.source, since=command.since, ended_at=command.ended_at),)


def _recovery(
    command: TellOutage | TellRecovery, since: dt.datetime, ended_at: dt.datetime, *, index: int = 0
) -> RecoveryTold:
    return RecoveryTold(
        tenant=command.tenant,
        account=command.account,
        fact_id=command.fact_id,
        vendor=command.vendor,
        since=since,
        ended_at=ended_at,
        index=index,
    )


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One chat message per event; and looks at what waits, some time later."""
    event, looks = recorded.event, tuple[Plan, ...]()
    index = event.index if isinstance(event, RecoveryTold) else 0
    match event:
        case OutageTold():
            values = {
                "vendor": event.vendor,
                "since": event.since.isoformat(),
                "reason": event.reason.model_dump(mode="json"),
            }
            write = SayInChat(text="outage_began", values=values)
        case RecoveryTold():
            values = {"vendor": event.vendor, "since": event.since.isoformat(), "ended_at": event.ended_at.isoformat()}
            write = SayInChat(text="outage_ended", values=values)
            looks = delays.looks_after_outage(
                recorded.stream, recorded.version, event.vendor, event.account, event.ended_at, state.waiting
            )
        case NoticeTold():
            write = SayInChat(text=event.text, values=event.values)
        case delays.DelayTold() | delays.DelayEndTold():
            write = delays.said(event)
        case delays.WorkSeenDelayed():
            return delays.first_look(recorded.stream, recorded.version, event, state.waiting)
        case letters.LettersTold() | letters.LettersEndTold():
            write = letters.said(event)
        case letters.LettersSeen():
            return (letters.look(recorded.stream, event, recorded.recorded_at, state.dead),)
        case _:
            return ()
    request = {**write.model_dump(mode="json"), "fact_id": event.fact_id, "index": index, "deal_id": ""}
    said = EffectPlan(kind=CRM_CHAT, key=(event.fact_id, str(index)), account=event.account, request=request)
    return (said, *looks)
