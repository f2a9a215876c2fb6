"""Work that belongs to no deal and waits: of each kind the admin chat hears once when that lasts, once when it ends."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.aggregate import TaskPlan
from chassis.domain import Event
from services.notifier.domain.facts import Reason
from services.notifier.domain.writes import SayInChat

LOOK_AT_DELAYS = "look-at-delays"

TOLD_AFTER = dt.timedelta(minutes=15)
"""What goes on sooner, such as a poll that fails now and then, is nothing for people; an outage has its own message."""

ENDINGS_MAX = 100
"""Of so many pieces of work it is kept when they went on last: a lost topic tells of their delay once more."""


class WorkSeenDelayed(Event, name="WorkSeenDelayed"):
    """Work that belongs to no deal waits; ``vendor`` is "" for what needs none."""

    account: str
    work_id: str
    kind: str
    vendor: str
    since: dt.datetime
    reason: Reason


class WorkSeenResumed(Event, name="WorkSeenResumed"):
    """Such work went through."""

    work_id: str
    kind: str
    at: dt.datetime


class DelayTold(Event, name="DelayTold"):
    """The chat is told that work of a kind waits, however many pieces there are of it."""

    account: str
    fact_id: str
    kind: str
    vendor: str
    since: dt.datetime
    reason: Reason


class DelayEndTold(Event, name="DelayEndTold"):
    """The chat is told that no such work waits any more."""

    account: str
    fact_id: str
    kind: str
    vendor: str
    since: dt.datetime


StoredEvent = WorkSeenDelayed | WorkSeenResumed | DelayTold | DelayEndTold
EVENTS: tuple[type[Event], ...] = (WorkSeenDelayed, WorkSeenResumed, DelayTold, DelayEndTold)


@dataclass(frozen=True, slots=True)
class SeeDelayed:
    """A piece of work is delayed."""

    account: str
    work_id: str
    kind: str
    vendor: str
    since: dt.datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class SeeResumed:
    """A delayed piece of work went through ``at`` that time."""

    account: str
    fact_id: str
    work_id: str
    kind: str
    vendor: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class LookAtDelay:
    """It is time to tell of what waits ``since`` then, if it still does."""

    account: str
    fact_id: str
    kind: str
    vendor: str
    since: dt.datetime


Command = SeeDelayed | SeeResumed | LookAtDelay


@dataclass(frozen=True, slots=True)
class Delay:
    """The delayed work of one kind: since when each piece waits, and the first of them; ``ended`` is when pieces went
    on last."""

    works: Mapping[str, dt.datetime] = field(default_factory=dict)
    since: dt.datetime | None = None
    reason: Reason | None = None
    told: bool = False
    ended: Mapping[str, dt.datetime] = field(default_factory=dict)


Delays = Mapping[str, Delay]
"""By the kind of the work."""


def evolve(delays: Delays, event: StoredEvent) -> Delays:
    """What waits after one event."""
    one = delays.get(event.kind, Delay())
    match event:
        case WorkSeenDelayed():
            since = one.since or event.since
            works = {**one.works, event.work_id: event.since}
            return {**delays, event.kind: replace(one, works=works, since=since, reason=event.reason)}
        case WorkSeenResumed():
            works = {work_id: since for work_id, since in one.works.items() if work_id != event.work_id}
            others = [(work_id, at) for work_id, at in one.ended.items() if work_id != event.work_id]
            ended = dict([*others, (event.work_id, event.at)][-ENDINGS_MAX:])
            left = replace(one, works=works, ended=ended) if works else Delay(ended=ended)
            return {**delays, event.kind: left}
        case DelayTold():
            return {**delays, event.kind: replace(one, told=True)}
        case DelayEndTold():
            return delays
        case _:
            assert_never(event)


def decide(delays: Delays, command: Command, *, covered: bool) -> tuple[StoredEvent, ...]:
    """``covered``: the chat was told of an outage of the vendor that lasts, which says the same."""
    one = delays.get(command.kind, Delay())
    match command:
        case SeeDelayed():
            known = (one.works.get(command.work_id), one.ended.get(command.work_id))
            if any(at is not None and command.since <= at for at in known):
                return ()  # known, or a lost topic that tells of what is over
            return (
                WorkSeenDelayed(
                    account=command.account,
                    work_id=command.work_id,
                    kind=command.kind,
                    vendor=command.vendor,
                    since=command.since,
                    reason=command.reason,
                ),
            )
        case SeeResumed():
            return _resumed(one, command)
        case LookAtDelay():
            if covered or one.told or one.since != command.since or one.reason is None:
                return ()
            told = DelayTold(
                account=command.account,
                fact_id=command.fact_id,
                kind=command.kind,
                vendor=command.vendor,
                since=command.since,
                reason=one.reason,
            )
            return (told,)
        case _:
            assert_never(command)


def _resumed(one: Delay, command: SeeResumed) -> tuple[StoredEvent, ...]:
    since, ended_at = one.works.get(command.work_id), one.ended.get(command.work_id)
    if (since is not None and command.at < since) or (ended_at is not None and command.at <= ended_at):
        return ()  # the end of an older delay
    resumed = WorkSeenResumed(work_id=command.work_id, kind=command.kind, at=command.at)
    if not one.told or one.since is None or set(one.works) != {command.work_id}:
        return (resumed,)
    ended = DelayEndTold(
        account=command.account,
        fact_id=command.fact_id,
        kind=command.kind,
        vendor=command.vendor,
        since=one.since,
    )
    return (resumed, ended)


def first_look(stream: str, version: int, event: WorkSeenDelayed, delays: Delays) -> tuple[TaskPlan, ...]:
    """The look at work that waits from now on, if it is the first of its kind."""
    one = delays[event.kind]
    if len(one.works) > 1 or one.since is None:
        return ()
    return (_look(stream, version, event.kind, event.vendor, event.account, one.since, event.since + TOLD_AFTER),)


def looks_after_outage(
    stream: str, version: int, vendor: str, account: str, ended_at: dt.datetime, delays: Delays
) -> tuple[TaskPlan, ...]:
    """Looks at what an outage covered, once there was time to go on."""
    return tuple(
        _look(stream, version, kind, vendor, account, one.since, ended_at + TOLD_AFTER)
        for kind, one in delays.items()
        if one.since is not None and not one.told
    )


def said(event: DelayTold | DelayEndTold) -> SayInChat:
    """What the chat is told."""
    values = {"vendor": event.vendor, "work": event.kind, "since": event.since.isoformat()}
    if isinstance(event, DelayEndTold):
        return SayInChat(text="delay_ended", values=values)
    return SayInChat(text="delay_lasts", values={**values, "reason": event.reason.model_dump(mode="json")})


def _look(
    stream: str, version: int, kind: str, vendor: str, account: str, since: dt.datetime, due_at: dt.datetime
) -> TaskPlan:
    # A row of its own for each: one that waits for another delay would be merged, and would look at the wrong time.
    payload = {"work": kind, "vendor": vendor, "crm_account": account, "since": since.isoformat()}
    return TaskPlan(LOOK_AT_DELAYS, f"{stream}/{kind}/{version}", payload, due_at=due_at)
