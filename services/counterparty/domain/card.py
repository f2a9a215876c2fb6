"""The cards of one INN in the CRM, what the register and accounting say of them, and what is written into them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from chassis.aggregate import EventCodec, Lane, Plan, Recorded, TaskPlan
from chassis.domain import Event, Refused
from chassis.values.inn import clean_kpp
from services.counterparty.domain.company import LOOK_UP, Facts
from services.counterparty.domain.fields import NAMES, Field, Fields, Name, changes, merged, told
from services.counterparty.domain.values import Register, Value

PREFIX = "card"
FILLS_PER_DAY_MAX: Final = 5
"""So often a card is written to in a day: who, or what, keeps changing it back is not fought."""
DAY: Final = dt.timedelta(days=1)
COMPANY_INN_LENGTH: Final = 10


class Requisite(Value):
    """Requisites of the CRM with this INN, raw."""

    company_id: str
    requisite_id: str
    kpp: str = ""
    ogrn: str = ""
    name: str = ""
    full_name: str = ""
    address: str = ""
    responsible_id: str = ""


class CardSeen(Event, name="CardSeen"):
    """Requisites of the CRM show the INN; ``fill``: the register is asked, and they are filled."""

    requisite: Requisite
    fill: bool
    registers: tuple[Register, ...] = ()
    sequence: int = 0


class CardLeft(Event, name="CardLeft"):
    """Requisites of the CRM show another INN by now; it may come before they were seen with this one."""

    requisite_id: str
    sequence: int = 0


class CompanyKnown(Event, name="CompanyKnown"):
    """What the register says of the INN and a KPP, "" for the head office; None where it has no such company."""

    kpp: str
    facts: Facts | None = None


class CardFilled(Event, name="CardFilled"):
    """What is written into requisites, each value with its origin. ``status`` where it is news."""

    company_id: str
    requisite_id: str
    inn: str
    values: dict[Name, Field]
    status: str = ""
    responsible_id: str = ""
    filled_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeeCard:
    """Requisites were created or changed in the CRM. ``sequence`` is the place among all that was said of them, 0 where
    it is not known: a topic that was lost and is sent again brings older messages after newer ones."""

    requisite: Requisite
    fill: bool
    registers: tuple[Register, ...]
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class LeaveCard:
    """Requisites have another INN."""

    requisite_id: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class SeeCompany:
    """What the register says of an INN and a KPP; None where it has no such company."""

    kpp: str
    facts: Facts | None


Command = SeeCard | LeaveCard | SeeCompany
StoredEvent = CardSeen | CardLeft | CompanyKnown | CardFilled
EVENTS: tuple[type[Event], ...] = (CardSeen, CardLeft, CompanyKnown, CardFilled)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class Filled:
    """When requisites were written to last, and the company's state last told."""

    at: tuple[dt.datetime, ...] = ()
    status: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The cards of one INN. ``known``: by KPP, what the register said. ``newest``: by requisites, the place of what was
    said of them last."""

    stream: str
    cards: Mapping[str, Requisite] = field(default_factory=dict)
    fill: bool = False
    known: Mapping[str, Facts | None] = field(default_factory=dict)
    filled: Mapping[str, Filled] = field(default_factory=dict)
    newest: Mapping[str, int] = field(default_factory=dict)

    @property
    def inn(self) -> str:
        """Whose cards they are."""
        return self.stream.partition("-")[2]


def initial(stream: str) -> State:
    """An INN without cards."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case CardSeen():
            seen = event.requisite
            newest = _newest(state, seen.requisite_id, event.sequence)
            return replace(state, cards={**state.cards, seen.requisite_id: seen}, fill=event.fill, newest=newest)
        case CardLeft():
            return replace(
                state,
                cards={key: one for key, one in state.cards.items() if key != event.requisite_id},
                filled={key: one for key, one in state.filled.items() if key != event.requisite_id},
                newest=_newest(state, event.requisite_id, event.sequence),
            )
        case CompanyKnown():
            return replace(state, known={**state.known, event.kpp: event.facts})
        case CardFilled():
            last = state.filled.get(event.requisite_id, Filled())
            at = (*last.at, event.filled_at)[-FILLS_PER_DAY_MAX:] if event.values else last.at
            last = Filled(at, event.status or last.status)
            return replace(state, filled={**state.filled, event.requisite_id: last})
        case _:
            assert_never(event)


def _newest(state: State, requisite_id: str, sequence: int) -> Mapping[str, int]:
    return {**state.newest, requisite_id: sequence} if sequence else state.newest


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command: a card is filled from the best source of each field, never from a lesser one."""
    match command:
        case SeeCard():
            known = state.newest.get(command.requisite.requisite_id, 0)
            if 0 < command.sequence <= known:
                return ()
            seen = CardSeen(
                requisite=command.requisite,
                fill=command.fill,
                registers=command.registers,
                sequence=command.sequence,
            )
            same = state.cards.get(command.requisite.requisite_id) == command.requisite and state.fill == command.fill
            if same and not command.sequence:
                return ()
            after = evolve(state, seen)
            return (seen, *_filled(after, command.requisite, now))
        case LeaveCard():
            known = state.newest.get(command.requisite_id, 0)
            if command.sequence <= known if command.sequence else command.requisite_id not in state.cards:
                return ()
            return (CardLeft(requisite_id=command.requisite_id, sequence=command.sequence),)
        case SeeCompany():
            events: list[Event] = []
            if command.kpp not in state.known or not _same(state.known[command.kpp], command.facts):
                events.append(CompanyKnown(kpp=command.kpp, facts=command.facts))
            after = replace(state, known={**state.known, command.kpp: command.facts})
            for one in after.cards.values():
                if asked_kpp(after.inn, one) == command.kpp:
                    events += _filled(after, one, now)
            return events
        case _:
            assert_never(command)


def asked_kpp(inn: str, requisite: Requisite) -> str:
    """The KPP that the register is asked for: the card's own, "" for the head office and for entrepreneurs."""
    return (clean_kpp(requisite.kpp) or "") if len(inn) == COMPANY_INN_LENGTH else ""


def _filled(state: State, requisite: Requisite, now: dt.datetime) -> Sequence[Event]:
    if not state.fill:
        return ()
    facts = state.known.get(asked_kpp(state.inn, requisite))
    shown = requisite.model_dump(include={str(name) for name in NAMES})
    values = changes(shown, merged((_of_register(state.inn, facts), told(shown, "crm"))))
    last = state.filled.get(requisite.requisite_id, Filled())
    if len([at for at in last.at if at > now - DAY]) >= FILLS_PER_DAY_MAX:
        values = {}
    status = "" if facts is None else facts.status
    news = status if status != last.status else ""
    if not values and not news:
        return ()
    filled = CardFilled(
        company_id=requisite.company_id,
        requisite_id=requisite.requisite_id,
        inn=state.inn,
        values=values,
        status=news,
        responsible_id=requisite.responsible_id,
        filled_at=now,
    )
    return (filled,)


def _of_register(inn: str, facts: Facts | None) -> Fields:
    """What the register says; of people nothing but the number is taken."""
    if facts is None:
        return {}
    values = {"ogrn": facts.ogrn}
    if len(inn) == COMPANY_INN_LENGTH:
        values |= {
            "name": facts.short_name,
            "full_name": facts.full_name,
            "kpp": facts.kpp,
            "address": facts.address,
        }
    return told(values, "register")


def _same(known: Facts | None, facts: Facts | None) -> bool:
    told_apart = {"fetched_at", "provider"}
    if known is None or facts is None:
        return known is facts
    return known.model_dump(exclude=told_apart) == facts.model_dump(exclude=told_apart)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """A card that was seen has the register asked, which keeps its answers for a day."""
    event = recorded.event
    if not isinstance(event, CardSeen) or not event.fill or not event.registers:
        return ()
    kpp = asked_kpp(state.inn, event.requisite)
    asked: dict[str, Any] = {"inn": state.inn, "kpp": kpp}
    asked |= {"registers": [one.model_dump(mode="json") for one in event.registers], "patient": True}
    return (TaskPlan(LOOK_UP, f"{state.stream}:{recorded.version}", asked, lane=Lane.BULK),)
