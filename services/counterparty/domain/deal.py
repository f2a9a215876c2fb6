"""The requests of one deal for a link to its buyer's accounting record, and their answers."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.aggregate import EventCodec, Plan, Recorded, TaskPlan
from chassis.domain import Event, Refused
from services.counterparty.domain.values import Buyer, Party, Reason, Rules, check

PREFIX = "deal"
LINK = "link-buyer"


class LinkWanted(Event, name="LinkWanted"):
    """A request's buyer is in order; its party's stream is asked."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    party: Party
    rules: Rules
    content_hash: str
    warnings: tuple[Reason, ...] = ()


class LinkRefused(Event, name="LinkRefused"):
    """A request's buyer cannot be linked until somebody changes what the reasons name."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    rules: Rules
    content_hash: str
    reasons: tuple[Reason, ...]


class Linked(Event, name="Linked"):
    """A request is answered."""

    request_id: str
    deal_id: str
    account: str
    counterparty_id: str
    remote_id: str
    party: Party
    created: bool = False
    warnings: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class AskLink:
    """A document was requested for a deal."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    buyer: Buyer | None
    rules: Rules
    content_hash: str


@dataclass(frozen=True, slots=True)
class SeeBuyer:
    """The deal changed: requests that were refused are tried with its buyer as it is now."""

    deal_id: str
    buyer: Buyer | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The party's stream knows the record."""

    request_id: str
    counterparty_id: str
    remote_id: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class AnswerNo:
    """The accounting service refuses the party."""

    request_id: str
    reason: Reason


Command = AskLink | SeeBuyer | Answer | AnswerNo
StoredEvent = LinkWanted | LinkRefused | Linked
EVENTS: tuple[type[Event], ...] = (LinkWanted, LinkRefused, Linked)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """One request: wanted, refused or linked."""

    last: LinkWanted | LinkRefused
    linked: Linked | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The requests of one deal."""

    stream: str
    requests: Mapping[str, LinkRequest] = field(default_factory=dict)


def initial(stream: str) -> State:
    """A deal without requests."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case LinkWanted() | LinkRefused():
            return replace(state, requests={**state.requests, event.request_id: LinkRequest(event)})
        case Linked():
            request = replace(state.requests[event.request_id], linked=event)
            return replace(state, requests={**state.requests, event.request_id: request})
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; every request is answered once, a refused one again when the deal changes."""
    match command:
        case AskLink():
            if command.request_id in state.requests:
                return ()
            return (_asked(command),)
        case SeeBuyer():
            return tuple(
                _asked(
                    AskLink(
                        request.last.tenant,
                        request.last.request_id,
                        request.last.deal_id,
                        request.last.account,
                        command.buyer,
                        request.last.rules,
                        command.content_hash,
                    )
                )
                for request in state.requests.values()
                if isinstance(request.last, LinkRefused) and request.last.content_hash != command.content_hash
            )
        case Answer():
            return _answer(state, command)
        case AnswerNo():
            request = state.requests.get(command.request_id)
            if request is None or request.linked is not None or isinstance(request.last, LinkRefused):
                return ()
            last = request.last
            return (
                LinkRefused(
                    tenant=last.tenant,
                    request_id=last.request_id,
                    deal_id=last.deal_id,
                    account=last.account,
                    rules=last.rules,
                    content_hash=last.content_hash,
                    reasons=(command.reason,),
                ),
            )
        case _:
            assert_never(command)


def _asked(command: AskLink) -> LinkWanted | LinkRefused:
    party, reasons, warnings = check(command.buyer, command.rules)
    if party is None:
        return LinkRefused(
            tenant=command.tenant,
            request_id=command.request_id,
            deal_id=command.deal_id,
            account=command.account,
            rules=command.rules,
            content_hash=command.content_hash,
            reasons=reasons,
        )
    return LinkWanted(
        tenant=command.tenant,
        request_id=command.request_id,
        deal_id=command.deal_id,
        account=command.account,
        party=party,
        rules=command.rules,
        content_hash=command.content_hash,
        warnings=warnings,
    )


def _answer(state: State, command: Answer) -> Sequence[Event]:
    request = state.requests.get(command.request_id)
    if request is None or request.linked is not None or not isinstance(request.last, LinkWanted):
        return ()
    last = request.last
    return (
        Linked(
            request_id=last.request_id,
            deal_id=last.deal_id,
            account=last.account,
            counterparty_id=command.counterparty_id,
            remote_id=command.remote_id,
            party=last.party,
            created=command.created,
            warnings=last.warnings,
        ),
    )


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """A wanted link asks the party's stream, which is another lock: a task does it."""
    event = recorded.event
    if not isinstance(event, LinkWanted):
        return ()
    payload = {
        "tenant": event.tenant,
        "request_id": event.request_id,
        "deal_id": event.deal_id,
        "account": event.account,
        "party": event.party.model_dump(mode="json"),
    }
    return (TaskPlan(LINK, f"{event.request_id}:{recorded.version}", payload),)
