"""The cards of one INN in the CRM, what the register and accounting say of them, and what is written into them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from chassis.aggregate import EventCodec, Lane, Plan, Recorded, TaskPlan
from chassis.cards import CardOpened, Cards, CardTaken, TakeCard
from chassis.domain import Event, Refused
from chassis.values.inn import clean_kpp
from services.counterparty.domain import records
from services.counterparty.domain.company import LOOK_UP, Facts
from services.counterparty.domain.fields import Field, Fields, Name, changes, merged, told
from services.counterparty.domain.records import (
    CompanyMissing,
    Known,
    Places,
    RecordPlaced,
    RecordSeen,
    Requisite,
    SeeCards,
    SeeRecord,
)
from services.counterparty.domain.values import Register

__all__ = ["Requisite", "SeeCards", "SeeRecord"]

PREFIX = "card"
FILLS_PER_DAY_MAX: Final = 5
"""So often a card is written to in a day: who, or what, keeps changing it back is not fought."""
DAY: Final = dt.timedelta(days=1)


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


Command = SeeCard | LeaveCard | SeeCompany | SeeRecord | SeeCards | TakeCard
StoredEvent = (
    CardSeen
    | CardLeft
    | CompanyKnown
    | CardFilled
    | RecordSeen
    | RecordPlaced
    | CompanyMissing
    | CardOpened
    | CardTaken
)
EVENTS: tuple[type[Event], ...] = (
    CardSeen,
    CardLeft,
    CompanyKnown,
    CardFilled,
    RecordSeen,
    RecordPlaced,
    CompanyMissing,
    CardOpened,
    CardTaken,
)
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
    places: Places = field(default_factory=Places)
    questions: Cards = field(default_factory=Cards)

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
            places = records.waiting_again(state.places, lambda one: _asked(state.inn, one.kpp) == event.kpp)
            return replace(state, known={**state.known, event.kpp: event.facts}, places=places)
        case CardFilled():
            last = state.filled.get(event.requisite_id, Filled())
            at = (*last.at, event.filled_at)[-FILLS_PER_DAY_MAX:] if event.values else last.at
            last = Filled(at, event.status or last.status)
            return replace(state, filled={**state.filled, event.requisite_id: last})
        case RecordSeen() | RecordPlaced() | CompanyMissing():
            return replace(state, places=records.evolve(state.places, event))
        case CardOpened() | CardTaken():
            places = records.evolve(state.places, event)
            return replace(state, questions=state.questions.evolve(event), places=places)
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
        case SeeRecord():
            event = records.seen(state.places.known.get(command.record.key), command)
            return () if event is None else (event,)
        case SeeCards():
            return _placed(state, command, now)
        case TakeCard():
            return _taken(state, command, now)
        case _:
            assert_never(command)


def asked_kpp(inn: str, requisite: Requisite) -> str:
    """The KPP that the register is asked for: the card's own, "" for the head office and for entrepreneurs."""
    return _asked(inn, requisite.kpp)


def _asked(inn: str, kpp: str) -> str:
    return (clean_kpp(kpp) or "") if len(inn) == records.COMPANY_INN_LENGTH else ""


def _filled(state: State, requisite: Requisite, now: dt.datetime) -> Sequence[Event]:
    """What a change of the card in the CRM, or of the register, has written into it."""
    if not state.fill:
        return ()
    facts = state.known.get(asked_kpp(state.inn, requisite))
    shown = requisite.shown()
    accounting = records.says_of(state.places, requisite.requisite_id)
    values = changes(shown, merged((_of_register(state.inn, facts), accounting, told(shown, "crm"))))
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


def _placed(state: State, command: SeeCards, now: dt.datetime) -> Sequence[Event]:
    """What becomes of the records that wait for a look at the CRM."""
    events: list[Event] = []
    for key in sorted(state.places.waiting):
        known = state.places.known[key]
        place = records.place(state.places, known.record, command.requisites)
        if isinstance(place, Requisite):
            events += _corrected(state, known, place, now)
        elif place:
            if state.questions.open_of(records.COMPANY_DOUBLE, key) is None:
                events.append(records.question(state.stream, len(state.questions.by_id), known, place, now))
        elif command.contact:
            events.append(RecordPlaced(key=key))
        else:
            events += _missing(state, known)
    return events


def _corrected(state: State, known: Known, requisite: Requisite, now: dt.datetime) -> Sequence[Event]:
    key, shown = known.record.key, requisite.shown()
    facts = state.known.get(asked_kpp(state.inn, requisite))
    values = changes(shown, merged((_of_register(state.inn, facts), known.says(), told(shown, "crm"))))
    placed = RecordPlaced(key=key, requisite_id=requisite.requisite_id)
    if not values:
        return (placed,)
    filled = CardFilled(
        company_id=requisite.company_id,
        requisite_id=requisite.requisite_id,
        inn=state.inn,
        values=values,
        responsible_id=requisite.responsible_id,
        filled_at=now,
    )
    return (placed, filled)


def _missing(state: State, known: Known) -> Sequence[Event]:
    """All that is known of the company, also what accounting has from us: the CRM has lost it meanwhile."""
    record = known.record
    facts = state.known.get(_asked(state.inn, record.kpp))
    values = merged((_of_register(state.inn, facts), told(dict(record.values), "accounting")))
    if record.kpp:
        values["kpp"] = Field(value=record.kpp, origin="accounting")
    kpp = values["kpp"].value if "kpp" in values else ""
    missing = CompanyMissing(key=record.key, kind=record.kind, inn=state.inn, kpp=kpp, values=values)
    if state.places.missing.get(record.key) == values:
        return (RecordPlaced(key=record.key),)
    return (missing,)


def _taken(state: State, command: TakeCard, now: dt.datetime) -> Sequence[Event] | Refused:
    """A person says which card a record is; a company's first requisites with the INN are taken."""
    taken = state.questions.take(command, now)
    if isinstance(taken, Refused):
        return taken
    known = state.places.known[taken.subject]
    if taken.choice == records.CREATE_AGAIN:
        return (taken, *_missing(state, known))
    if taken.choice == records.GIVE_UP:
        return (taken, RecordPlaced(key=taken.subject))
    return (taken,)


def _of_register(inn: str, facts: Facts | None) -> Fields:
    """What the register says; of people nothing but the number is taken."""
    if facts is None:
        return {}
    values = {"ogrn": facts.ogrn}
    if len(inn) == records.COMPANY_INN_LENGTH:
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
    match event:
        case CardSeen() if event.fill and event.registers:
            return (_look_up(recorded, state, asked_kpp(state.inn, event.requisite), event.registers),)
        case RecordSeen():
            look = _find_cards(state, event.crm_account)
            if not event.registers:
                return (look,)
            return (look, _look_up(recorded, state, _asked(state.inn, event.record.kpp), event.registers))
        case CompanyKnown() if state.places.waiting:
            return (_find_cards(state, state.places.known[min(state.places.waiting)].crm_account),)
        case CardTaken() if event.subject in state.places.waiting:
            return (_find_cards(state, state.places.known[event.subject].crm_account),)
        case _:
            return ()


def _find_cards(state: State, crm_account: str) -> TaskPlan:
    return TaskPlan(records.FIND_CARDS, state.stream, {"inn": state.inn}, account=crm_account, lane=Lane.BULK)


def _look_up(recorded: Recorded, state: State, kpp: str, registers: Sequence[Register]) -> TaskPlan:
    asked: dict[str, Any] = {"inn": state.inn, "kpp": kpp}
    asked |= {"registers": [one.model_dump(mode="json") for one in registers], "patient": True}
    return TaskPlan(LOOK_UP, f"{state.stream}:{recorded.version}", asked, lane=Lane.BULK)
