"""What the tenant's admin chat was told of a vendor's outages: once when one begins, once when it ends."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded
from chassis.domain import Event, Refused
from services.notifier.domain.deal import CRM_CHAT
from services.notifier.domain.facts import Reason
from services.notifier.domain.writes import SayInChat

PREFIX = "alerts"


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
    """Another service sees the outage that the chat was told of."""

    source: str


class OutageLeft(Event, name="OutageLeft"):
    """A service has its vendor back, while others still wait for it."""

    source: str


class RecoveryTold(Event, name="RecoveryTold"):
    """The chat is told that the vendor answers again."""

    tenant: str
    account: str
    fact_id: str
    vendor: str
    since: dt.datetime
    ended_at: dt.datetime


class NoticeTold(Event, name="NoticeTold"):
    """The chat is told something that belongs to no deal: a card, an unmatched payment."""

    tenant: str
    account: str
    fact_id: str
    text: str
    values: dict[str, str | int]


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
    """Something that belongs to no deal."""

    tenant: str
    account: str
    fact_id: str
    text: str
    values: dict[str, str | int]


Command = TellOutage | TellRecovery | TellNotice
StoredEvent = OutageTold | OutageShared | OutageLeft | RecoveryTold | NoticeTold
EVENTS: tuple[type[Event], ...] = (OutageTold, OutageShared, OutageLeft, RecoveryTold, NoticeTold)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """Which services still see the outage; several of them report the same one."""

    stream: str
    sources: frozenset[str] = frozenset()
    told_since: dt.datetime | None = None
    ended_at: dt.datetime | None = None


def initial(stream: str) -> State:
    """A vendor without outages."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case OutageTold():
            return State(state.stream, frozenset({event.source}), event.since)
        case OutageShared():
            return replace(state, sources=state.sources | {event.source})
        case OutageLeft():
            return replace(state, sources=state.sources - {event.source})
        case RecoveryTold():
            return State(state.stream, frozenset(), state.told_since, event.ended_at)
        case NoticeTold():
            return state
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """One alert per outage, whichever service saw it first, and one when it ends."""
    match command:
        case TellOutage():
            if command.source in state.sources or (state.ended_at and command.since <= state.ended_at):
                return ()  # known, or a late report of what the chat was told is over
            if state.sources:
                return (OutageShared(source=command.source),)
            return (
                OutageTold(
                    tenant=command.tenant,
                    account=command.account,
                    fact_id=command.fact_id,
                    source=command.source,
                    vendor=command.vendor,
                    since=command.since,
                    reason=command.reason,
                ),
            )
        case TellRecovery():
            if command.source not in state.sources:
                return ()
            if len(state.sources) > 1:
                return (OutageLeft(source=command.source),)
            return (
                RecoveryTold(
                    tenant=command.tenant,
                    account=command.account,
                    fact_id=command.fact_id,
                    vendor=command.vendor,
                    since=state.told_since or command.since,
                    ended_at=command.ended_at,
                ),
            )
        case TellNotice():
            return (
                NoticeTold(
                    tenant=command.tenant,
                    account=command.account,
                    fact_id=command.fact_id,
                    text=command.text,
                    values=command.values,
                ),
            )
        case _:
            assert_never(command)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One chat message per event."""
    event = recorded.event
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
        case NoticeTold():
            write = SayInChat(text=event.text, values=event.values)
        case _:
            return ()
    request = {**write.model_dump(mode="json"), "fact_id": event.fact_id, "index": 0, "deal_id": ""}
    return (EffectPlan(kind=CRM_CHAT, key=(event.fact_id, "0"), account=event.account, request=request),)
