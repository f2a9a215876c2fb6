"""Requisites of a company in the CRM as last seen; everybody else hears of each change of what a document shows."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.aggregate import EventCodec, Lane, TaskPlan
from chassis.domain import Event, Refused
from services.ingest.domain.values import Register, Settings, Value

PREFIX = "requisite"
READ_CARD = "read-card"


class Card(Value):
    """Requisites with their company, raw."""

    company_id: str
    requisite_id: str
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    name: str = ""
    full_name: str = ""
    address: str = ""
    responsible_id: str = ""


class RequisiteSeen(Event, name="RequisiteSeen"):
    """The requisites were created or changed. ``fill``: their card is to be filled from the register."""

    card: Card
    previous_inn: str = ""
    fill: bool = False
    registers: tuple[Register, ...] = ()


@dataclass(frozen=True, slots=True)
class ObserveRequisite:
    """The requisites as they were read."""

    card: Card
    fill: bool
    registers: tuple[Register, ...]


StoredEvent = RequisiteSeen
CODEC = EventCodec((RequisiteSeen,))


@dataclass(frozen=True, slots=True)
class State:
    """The requisites as last seen."""

    card: Card | None = None


def initial(stream: str) -> State:
    """Requisites that nobody has read."""
    return State()


def evolve(state: State, event: RequisiteSeen) -> State:
    """The state after one event."""
    return replace(state, card=event.card)


def decide(state: State, command: ObserveRequisite, now: dt.datetime) -> Sequence[Event] | Refused:
    """What is as it was says nothing, and so do requisites that never had an INN."""
    card, known = command.card, state.card
    if card == known or (known is None and not card.inn.strip()):
        return ()
    before = "" if known is None else known.inn
    seen = RequisiteSeen(
        card=card,
        previous_inn=before if before != card.inn else "",
        fill=command.fill,
        registers=command.registers,
    )
    return (seen,)


def fills(settings: Settings) -> bool:
    """Whether the tenant has its companies' cards filled: there is somebody to ask, and it did not say no."""
    return bool(settings.registers) and settings.policies.fill_companies


def read_card_plan(account: str, entity: str, object_id: str) -> TaskPlan:
    """A company or its requisites changed: its card is read."""
    payload = {"entity": entity, "object_id": object_id}
    return TaskPlan(READ_CARD, f"{account}:{entity}:{object_id}", payload, account=account, lane=Lane.BULK)
