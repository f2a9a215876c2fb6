"""Streams that say what a service's work suffers from: one per vendor's outage, one per stream whose work is
delayed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis.aggregate import EventCodec, PublicMessage, Recorded, StreamKind, StreamKinds
from chassis.domain import Event, Problem

OUTAGE = "outage"
DELAY = "delay"


class AccountWentDown(Event, name="AccountWentDown"):
    """The breaker of a vendor account opened."""

    vendor: str
    account: str
    at: datetime
    code: str
    values: dict[str, Any]


class AccountCameBack(Event, name="AccountCameBack"):
    """The vendor answers again on an account."""

    vendor: str
    account: str
    at: datetime


class WorkFellBehind(Event, name="WorkFellBehind"):
    """Quick attempts at a piece of work are used up; it resumes by itself. ``waiters`` are other streams that wait for
    it; ``known``: it was told before, and they alone came to wait since."""

    work_id: str
    kind: str
    vendor: str
    account: str
    at: datetime
    code: str
    values: dict[str, Any]
    waiters: tuple[str, ...] = ()
    known: bool = False


class WorkWentOn(Event, name="WorkWentOn"):
    """Delayed work came to an end; ``waiters`` are the other streams that were told of its delay."""

    work_id: str
    kind: str
    vendor: str
    account: str
    waiters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outage:
    """The outage of one vendor for one tenant: ``down`` accounts now, ``accounts`` of the present or last outage."""

    down: frozenset[str] = frozenset()
    accounts: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delays:
    """The ids of a stream's delayed work; ``waiters`` are, by id, the other streams that were told of it."""

    work_ids: frozenset[str] = field(default_factory=frozenset)
    waiters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountDown:
    """Command: the breaker of an account opened."""

    vendor: str
    account: str
    at: datetime
    reason: Problem


@dataclass(frozen=True, slots=True)
class AccountUp:
    """Command: the breaker of an account closed."""

    vendor: str
    account: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DelayBegan:
    """Command: a piece of work is delayed; ``waiters`` are the other streams that wait for it by now."""

    work_id: str
    kind: str
    vendor: str
    account: str
    at: datetime
    reason: Problem
    waiters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DelayEnded:
    """Command: a delayed piece of work came to an end."""

    work_id: str
    kind: str
    vendor: str
    account: str


@dataclass(frozen=True, slots=True)
class OperationMessages:
    """The contract's message classes, which the chassis does not know by name."""

    work_delayed: type[Any]
    work_resumed: type[Any]
    outage_began: type[Any]
    outage_ended: type[Any]
    letters_began: type[Any]
    letters_ended: type[Any]


def outage_stream(vendor: str) -> str:
    """The stream of a vendor's outages, one per tenant."""
    return f"{OUTAGE}-{vendor}"


def delay_stream(stream: str) -> str:
    """The stream of the delays of a stream's work; it shares that stream's Kafka key."""
    return f"{DELAY}-{stream}"


def operation_kinds(
    topic: str,
    messages: OperationMessages,
    kinds: Sequence[StreamKind[Any, Any]],
    deal_of: Callable[[str], str] = lambda stream: "",
) -> tuple[StreamKind[Any, Any], StreamKind[Any, Any]]:
    """The two kinds that a service adds to its own ``kinds``.

    Messages go to ``topic``: an outage once per tenant and vendor, however many accounts and however much work it
    holds up; a delay under the key of the work's own stream, with the deal that ``deal_of`` reads from its name, and
    once more for the deal of each stream that waits for the work.
    """
    own = StreamKinds(kinds)

    def aggregate_of_delay(stream: str) -> str:
        inner = stream.partition("-")[2]
        try:
            return own.of(inner).aggregate(inner)
        except LookupError:
            return inner

    def outage_published(recorded: Recorded, state: Outage) -> Sequence[PublicMessage]:
        event = recorded.event
        if isinstance(event, AccountWentDown) and len(state.down) == 1:
            began = messages.outage_began(
                vendor=event.vendor,
                accounts=state.accounts,
                since=event.at,
                reason={"code": event.code, "values": event.values},
            )
            return (PublicMessage(topic, began),)
        if isinstance(event, AccountCameBack) and not state.down:
            ended = messages.outage_ended(
                vendor=event.vendor, accounts=state.accounts, since=state.since, ended_at=event.at
            )
            return (PublicMessage(topic, ended),)
        return ()

    def delay_published(recorded: Recorded, state: Delays) -> Sequence[PublicMessage]:
        event, own = recorded.event, recorded.stream.partition("-")[2]
        if isinstance(event, WorkFellBehind):
            fields = event.model_dump(include={"work_id", "kind", "vendor", "account"})
            fields |= {"reason": {"code": event.code, "values": event.values}, "since": event.at}
            told = event.waiters if event.known else (own, *event.waiters)
            return tuple(PublicMessage(topic, messages.work_delayed(**fields, deal_id=deal_of(one))) for one in told)
        if isinstance(event, WorkWentOn):
            fields, told = event.model_dump(exclude={"waiters"}), (own, *event.waiters)
            return tuple(PublicMessage(topic, messages.work_resumed(**fields, deal_id=deal_of(one))) for one in told)
        return ()

    outage: StreamKind[Outage, AccountDown | AccountUp] = StreamKind(
        prefix=OUTAGE,
        initial=lambda stream: Outage(),
        decide=_decide_outage,
        evolve=_evolve_outage,
        codec=EventCodec((AccountWentDown, AccountCameBack)),
        aggregate=lambda stream: stream.partition("-")[2],
        published=outage_published,
    )
    delay: StreamKind[Delays, DelayBegan | DelayEnded] = StreamKind(
        prefix=DELAY,
        initial=lambda stream: Delays(),
        decide=_decide_delay,
        evolve=_evolve_delay,
        codec=EventCodec((WorkFellBehind, WorkWentOn)),
        aggregate=aggregate_of_delay,
        published=delay_published,
    )
    return outage, delay


def _decide_outage(state: Outage, command: AccountDown | AccountUp, now: datetime) -> Sequence[Event]:
    if isinstance(command, AccountUp):
        if command.account not in state.down:
            return ()
        return (AccountCameBack(vendor=command.vendor, account=command.account, at=command.at),)
    if command.account in state.down:
        return ()
    return (
        AccountWentDown(
            vendor=command.vendor,
            account=command.account,
            at=command.at,
            code=command.reason.code,
            values=command.reason.values,
        ),
    )


def _evolve_outage(state: Outage, event: AccountWentDown | AccountCameBack) -> Outage:
    if isinstance(event, AccountCameBack):
        return Outage(state.down - {event.account}, state.accounts, state.since)
    if not state.down:
        return Outage(frozenset({event.account}), (event.account,), event.at)
    accounts = state.accounts if event.account in state.accounts else (*state.accounts, event.account)
    return Outage(state.down | {event.account}, accounts, state.since)


def _decide_delay(state: Delays, command: DelayBegan | DelayEnded, now: datetime) -> Sequence[Event]:
    behind, told = command.work_id in state.work_ids, state.waiters.get(command.work_id, ())
    if isinstance(command, DelayEnded):
        if not behind:
            return ()
        return (
            WorkWentOn(
                work_id=command.work_id,
                kind=command.kind,
                vendor=command.vendor,
                account=command.account,
                waiters=told,
            ),
        )
    came = tuple(one for one in command.waiters if one not in told)
    if behind and not came:
        return ()
    return (
        WorkFellBehind(
            work_id=command.work_id,
            kind=command.kind,
            vendor=command.vendor,
            account=command.account,
            at=command.at,
            code=command.reason.code,
            values=command.reason.values,
            waiters=came,
            known=behind,
        ),
    )


def _evolve_delay(state: Delays, event: WorkFellBehind | WorkWentOn) -> Delays:
    waiters = {work_id: told for work_id, told in state.waiters.items() if work_id != event.work_id}
    if isinstance(event, WorkWentOn):
        return Delays(state.work_ids - {event.work_id}, waiters)
    if told := (*state.waiters.get(event.work_id, ()), *event.waiters):
        waiters[event.work_id] = told
    return Delays(state.work_ids | {event.work_id}, waiters)
