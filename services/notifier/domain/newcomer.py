"""Companies that accounting has and the CRM does not: one call at a time for each INN and KPP, so that none is made
twice."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from chassis.aggregate import EffectPlan, EventCodec, Lane, Plan, Recorded
from chassis.domain import Event, Refused
from services.notifier.domain.deal import CRM_CHAT
from services.notifier.domain.facts import Reason
from services.notifier.domain.writes import SayInChat

PREFIX = "newcomer"
CRM_NEWCOMER = "crm-newcomer"
COMPANY_INN_LENGTH = 10


class NewcomerTold(Event, name="NewcomerTold"):
    """A company that the CRM should have, with its values."""

    account: str
    fact_id: str
    marker: str
    kind: Literal["company", "entrepreneur"]
    inn: str
    kpp: str
    values: dict[str, str]
    sequence: int = 0


class NewcomerSettled(Event, name="NewcomerSettled"):
    """The CRM has it (``company_id``), or the portal refused it for good; ``next_fact`` is what is written now."""

    account: str
    fact_id: str
    inn: str
    company_id: str = ""
    refused: Reason | None = None
    next_fact: NewcomerTold | None = None


@dataclass(frozen=True, slots=True)
class TellNewcomer:
    """What accounting has. ``fact_id`` is the id of the message that brought it, ``sequence`` its place among those of
    the INN, 0 where it is not known: what was said earlier and comes later is nothing."""

    account: str
    fact_id: str
    marker: str
    kind: Literal["company", "entrepreneur"]
    inn: str
    kpp: str
    values: dict[str, str]
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeeNewcomer:
    """What became of it."""

    fact_id: str
    company_id: str = ""
    refused: Reason | None = None


Command = TellNewcomer | SeeNewcomer
StoredEvent = NewcomerTold | NewcomerSettled
EVENTS: tuple[type[Event], ...] = (NewcomerTold, NewcomerSettled)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """``under_way``: the call that is out; ``waiting``: the newest that came meanwhile, in place of those before it."""

    stream: str
    under_way: NewcomerTold | None = None
    waiting: NewcomerTold | None = None
    newest: int = 0


def initial(stream: str) -> State:
    """A company that nobody spoke of."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case NewcomerTold():
            newest = max(state.newest, event.sequence)
            if state.under_way is None:
                return replace(state, under_way=event, newest=newest)
            return replace(state, waiting=event, newest=newest)
        case NewcomerSettled():
            return replace(state, under_way=event.next_fact, waiting=None)
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command."""
    match command:
        case TellNewcomer():
            if 0 < command.sequence <= state.newest:
                return ()
            told = NewcomerTold(
                account=command.account,
                fact_id=command.fact_id,
                marker=command.marker,
                kind=command.kind,
                inn=command.inn,
                kpp=command.kpp,
                values=command.values,
                sequence=command.sequence,
            )
            return (told,)
        case SeeNewcomer():
            if state.under_way is None or state.under_way.fact_id != command.fact_id:
                return ()
            settled = NewcomerSettled(
                account=state.under_way.account,
                fact_id=command.fact_id,
                inn=state.under_way.inn,
                company_id=command.company_id,
                refused=command.refused,
                next_fact=state.waiting,
            )
            return (settled,)
        case _:
            assert_never(command)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One effect per fact, one after another; a refusal is said in the admin chat."""
    event = recorded.event
    match event:
        case NewcomerTold() if state.under_way == event:
            return (_effect(event),)
        case NewcomerSettled():
            plans: list[Plan] = [] if event.next_fact is None else [_effect(event.next_fact)]
            if event.refused is not None:
                plans.append(_refusal(event, event.refused))
            return plans
        case _:
            return ()


def _effect(told: NewcomerTold) -> EffectPlan:
    request = told.model_dump(mode="json", exclude={"account"})
    return EffectPlan(kind=CRM_NEWCOMER, key=(told.fact_id,), account=told.account, request=request, lane=Lane.BULK)


def _refusal(event: NewcomerSettled, refused: Reason) -> EffectPlan:
    shown = event.inn if len(event.inn) == COMPANY_INN_LENGTH else ""  # a person's is nobody's to read (R26)
    values = {"inn": shown, "reason": refused.model_dump(mode="json")}
    said = SayInChat(text="company_not_made", values=values)
    request = {**said.model_dump(mode="json"), "fact_id": event.fact_id, "index": 0, "deal_id": ""}
    return EffectPlan(kind=CRM_CHAT, key=(event.fact_id, "refused"), account=event.account, request=request)
