"""The requests of one deal for a link to its buyer's accounting record, and their answers."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from chassis.aggregate import EventCodec, Plan, Recorded, TaskPlan
from chassis.domain import Event, Refused
from chassis.values.inn import InnFound, clean_inn
from services.counterparty.domain.company import LOOK_UP, Facts, filled_buyer
from services.counterparty.domain.values import Buyer, Party, Reason, Rules, check

PREFIX = "deal"
LINK = "link-buyer"
LEAVE = "leave-buyer"
RELINK = "relink-buyer"


class LinkWanted(Event, name="LinkWanted"):
    """A request's buyer is in order; its party's stream is asked. ``left`` is the party that it waited for before."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    party: Party
    rules: Rules
    content_hash: str
    responsible_id: str = ""
    sequence: int = 0
    warnings: tuple[Reason, ...] = ()
    left: str = ""


class LinkRefused(Event, name="LinkRefused"):
    """A request's buyer cannot be linked until somebody changes what the reasons name. ``left`` as above."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    rules: Rules
    content_hash: str
    responsible_id: str = ""
    sequence: int = 0
    reasons: tuple[Reason, ...]
    left: str = ""


class BuyerSeen(Event, name="BuyerSeen"):
    """The deal's buyer as its newest change shows it, for requests that are older and come later."""

    buyer: Buyer | None = None
    content_hash: str
    sequence: int


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


class LinkLost(Event, name="LinkLost"):
    """Accounting told a document that it does not have the record of an answered request: the request waits again."""

    request_id: str
    deal_id: str
    account: str
    remote_id: str


class CompanyAsked(Event, name="CompanyAsked"):
    """The buyer lacks what the state register knows; it is asked before anybody is told. ``left`` as above."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    buyer: Buyer
    inn: str
    rules: Rules
    content_hash: str
    responsible_id: str = ""
    sequence: int = 0
    reasons: tuple[Reason, ...] = ()
    left: str = ""


@dataclass(frozen=True, slots=True)
class AskLink:
    """A document was requested for a deal. ``sequence`` is the place of what the deal shows among all that it showed, 0
    where that is not known: a topic that was lost and is sent again brings older messages after newer ones."""

    tenant: str
    request_id: str
    deal_id: str
    account: str
    buyer: Buyer | None
    rules: Rules
    content_hash: str
    responsible_id: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeeBuyer:
    """The deal changed: requests that were refused, or wait for another buyer, are tried with its buyer as it is
    now."""

    deal_id: str
    buyer: Buyer | None
    content_hash: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The party's stream knows the record; ``party`` is whose."""

    request_id: str
    party: str
    counterparty_id: str
    remote_id: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class AnswerNo:
    """The accounting service refuses the party."""

    request_id: str
    party: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class SeeCompany:
    """What the state register says; None when it has no such INN, or nobody could be asked."""

    request_id: str
    inn: str
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class SeeRecordGone:
    """A document was refused since accounting has no record of this id."""

    request_id: str
    account: str
    remote_id: str


Command = AskLink | SeeBuyer | Answer | AnswerNo | SeeCompany | SeeRecordGone
StoredEvent = LinkWanted | LinkRefused | CompanyAsked | BuyerSeen | Linked | LinkLost
EVENTS: tuple[type[Event], ...] = (LinkWanted, LinkRefused, CompanyAsked, BuyerSeen, Linked, LinkLost)
FILLED_BY_REGISTER = frozenset({"kpp_missing", "buyer_name_missing"})
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """One request: waiting for the register, wanted, refused or linked."""

    last: LinkWanted | LinkRefused | CompanyAsked
    linked: Linked | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The requests of one deal, and its buyer as the newest change shows it."""

    stream: str
    requests: Mapping[str, LinkRequest] = field(default_factory=dict)
    seen: BuyerSeen | None = None


def initial(stream: str) -> State:
    """A deal without requests."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case LinkWanted() | LinkRefused() | CompanyAsked():
            return replace(state, requests={**state.requests, event.request_id: LinkRequest(event)})
        case BuyerSeen():
            return replace(state, seen=event)
        case Linked():
            request = replace(state.requests[event.request_id], linked=event)
            return replace(state, requests={**state.requests, event.request_id: request})
        case LinkLost():
            request = replace(state.requests[event.request_id], linked=None)
            return replace(state, requests={**state.requests, event.request_id: request})
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; every request is answered once, a refused one again when the deal changes, a linked
    one when accounting has lost its record."""
    match command:
        case AskLink():
            if command.request_id in state.requests:
                return ()
            return (_asked(_newest(state, command)),)
        case SeeBuyer():
            return _changed(state, command)
        case SeeCompany():
            request = state.requests.get(command.request_id)
            if request is None or not isinstance(request.last, CompanyAsked) or request.last.inn != command.inn:
                return ()
            return (_seen(request.last, command.facts),)
        case Answer() | AnswerNo():
            request = state.requests.get(command.request_id)
            if request is None or request.linked is not None or not isinstance(request.last, LinkWanted):
                return ()
            if request.last.party.party != command.party:
                return ()  # the deal has another buyer by now, whose answer is to come
            return (_linked(request.last, command) if isinstance(command, Answer) else _refused(request.last, command),)
        case SeeRecordGone():
            return _lost(state, command)
        case _:
            assert_never(command)


def _newest(state: State, command: AskLink) -> AskLink:
    """The request with the buyer of a change that is newer than it."""
    seen = state.seen
    if seen is None or not 0 < command.sequence < seen.sequence:
        return command
    return replace(command, buyer=seen.buyer, content_hash=seen.content_hash, sequence=seen.sequence)


def _changed(state: State, command: SeeBuyer) -> Sequence[Event]:
    if 0 < command.sequence <= (state.seen.sequence if state.seen is not None else 0):
        return ()
    again = (_asked_again(request, command) for request in state.requests.values())
    events = tuple(event for event in again if event is not None)
    if not command.sequence:
        return events
    seen = BuyerSeen(buyer=command.buyer, content_hash=command.content_hash, sequence=command.sequence)
    return (*events, seen)


def _asked_again(request: LinkRequest, command: SeeBuyer) -> LinkWanted | LinkRefused | CompanyAsked | None:
    last = request.last
    if request.linked is not None or last.content_hash == command.content_hash:
        return None
    if 0 < command.sequence < last.sequence:
        return None  # the request itself shows a newer deal
    newer = max(command.sequence, last.sequence)
    asked = _asked(replace(_ask(last, command.buyer), content_hash=command.content_hash, sequence=newer))
    waited_for = last.party.party if isinstance(last, LinkWanted) else ""
    if isinstance(asked, LinkWanted) and asked.party.party == waited_for:
        return None
    return asked.model_copy(update={"left": waited_for}) if waited_for else asked


def _lost(state: State, command: SeeRecordGone) -> Sequence[Event]:
    """The buyer's record is looked at again; where the deal shows another buyer by now, that one is asked for."""
    request = state.requests.get(command.request_id)
    linked = None if request is None else request.linked
    if request is None or linked is None or (linked.account, linked.remote_id) != (command.account, command.remote_id):
        return ()
    if (seen := state.seen) is not None:
        shown = SeeBuyer(linked.deal_id, seen.buyer, seen.content_hash, seen.sequence)
        if (again := _asked_again(LinkRequest(request.last), shown)) is not None:
            return (again,)
    return (
        LinkLost(
            request_id=command.request_id,
            deal_id=linked.deal_id,
            account=command.account,
            remote_id=command.remote_id,
        ),
    )


def _seen(asked: CompanyAsked, facts: Facts | None) -> LinkWanted | LinkRefused:
    """The request with what the register knows; what is still missing is named."""
    buyer = asked.buyer if facts is None else filled_buyer(asked.buyer, facts)
    found = _asked(_ask(asked, buyer), ask_register=False)
    assert not isinstance(found, CompanyAsked), "the register is asked once"
    return found


def _ask(last: LinkWanted | LinkRefused | CompanyAsked, buyer: Buyer | None) -> AskLink:
    """The request that led to an event, for a buyer."""
    return AskLink(
        tenant=last.tenant,
        request_id=last.request_id,
        deal_id=last.deal_id,
        account=last.account,
        buyer=buyer,
        rules=last.rules,
        content_hash=last.content_hash,
        responsible_id=last.responsible_id,
        sequence=last.sequence,
    )


def _asked(command: AskLink, *, ask_register: bool = True) -> LinkWanted | LinkRefused | CompanyAsked:
    party, reasons, warnings = check(command.buyer, command.rules)
    whose: dict[str, Any] = {
        "tenant": command.tenant,
        "request_id": command.request_id,
        "deal_id": command.deal_id,
        "account": command.account,
        "rules": command.rules,
        "content_hash": command.content_hash,
        "responsible_id": command.responsible_id,
        "sequence": command.sequence,
    }
    if party is not None:
        return LinkWanted(**whose, party=party, warnings=warnings)
    if ask_register and command.rules.registers and command.buyer is not None:
        found = clean_inn(command.buyer.inn)
        if {one.code for one in reasons} <= FILLED_BY_REGISTER and isinstance(found, InnFound) and len(found.inn) == 10:
            return CompanyAsked(**whose, buyer=command.buyer, inn=found.inn, reasons=reasons)
    return LinkRefused(**whose, reasons=reasons)


def _linked(wanted: LinkWanted, command: Answer) -> Linked:
    return Linked(
        request_id=wanted.request_id,
        deal_id=wanted.deal_id,
        account=wanted.account,
        counterparty_id=command.counterparty_id,
        remote_id=command.remote_id,
        party=wanted.party,
        created=command.created,
        warnings=wanted.warnings,
    )


def _refused(wanted: LinkWanted, command: AnswerNo) -> LinkRefused:
    return LinkRefused(
        tenant=wanted.tenant,
        request_id=wanted.request_id,
        deal_id=wanted.deal_id,
        account=wanted.account,
        rules=wanted.rules,
        content_hash=wanted.content_hash,
        responsible_id=wanted.responsible_id,
        sequence=wanted.sequence,
        reasons=(command.reason,),
    )


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """A wanted link asks the party's stream, which is another lock: a task does it, and tells the one that was left."""
    event = recorded.event
    if isinstance(event, LinkLost):
        last = state.requests[event.request_id].last
        assert isinstance(last, LinkWanted), "what was linked was wanted"
        gone = _wanted(last, recorded.version) | {"gone": event.remote_id}
        return (TaskPlan(RELINK, f"{event.request_id}:{recorded.version}", gone, account=event.account),)
    if not isinstance(event, LinkWanted | LinkRefused | CompanyAsked):
        return ()
    key = f"{event.request_id}:{recorded.version}"
    plans = []
    if event.left:
        left = {"account": event.account, "request_id": event.request_id, "party": event.left}
        plans.append(TaskPlan(LEAVE, key, left | {"turn": recorded.version}))
    if isinstance(event, CompanyAsked):
        asked: dict[str, Any] = {"request_id": event.request_id, "account": event.account, "inn": event.inn, "kpp": ""}
        asked |= {"registers": [one.model_dump(mode="json") for one in event.rules.registers]}
        plans.append(TaskPlan(LOOK_UP, key, asked))
    if isinstance(event, LinkWanted):
        plans.append(TaskPlan(LINK, key, _wanted(event, recorded.version)))
    return plans


def _wanted(event: LinkWanted, turn: int) -> dict[str, Any]:
    return {
        "tenant": event.tenant,
        "request_id": event.request_id,
        "deal_id": event.deal_id,
        "account": event.account,
        "responsible_id": event.responsible_id,
        "party": event.party.model_dump(mode="json"),
        "registers": [one.model_dump(mode="json") for one in event.rules.registers],
        "turn": turn,
    }
