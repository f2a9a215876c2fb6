"""What is written into the card of a company in the CRM, in order."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded
from chassis.domain import Event, Refused
from services.notifier.domain.deal import CRM_CHAT
from services.notifier.domain.facts import Reason
from services.notifier.domain.writes import SayInChat

PREFIX = "company"
CRM_COMPANY = "crm-company"


class CompanyTold(Event, name="CompanyTold"):
    """Values for requisites, absolute, and the company's state where it is news."""

    tenant: str
    account: str
    fact_id: str
    company_id: str
    requisite_id: str
    inn: str
    values: dict[str, str]
    status: str = ""
    responsible_id: str = ""


class CompanyWritten(Event, name="CompanyWritten"):
    """The card shows it, or the portal refused it for good (``refused``)."""

    tenant: str
    account: str
    fact_id: str
    refused: Reason | None = None


@dataclass(frozen=True, slots=True)
class TellCompany:
    """What the card should show. ``fact_id`` is the id of the message that brought it."""

    tenant: str
    account: str
    fact_id: str
    requisite_id: str
    inn: str
    values: dict[str, str]
    status: str
    responsible_id: str


@dataclass(frozen=True, slots=True)
class SeeCompanyWritten:
    """What became of it."""

    fact_id: str
    refused: Reason | None = None


Command = TellCompany | SeeCompanyWritten
StoredEvent = CompanyTold | CompanyWritten
EVENTS: tuple[type[Event], ...] = (CompanyTold, CompanyWritten)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """Facts that are on their way, with their account."""

    stream: str
    pending: frozenset[str] = field(default_factory=frozenset)
    tenant: str = ""
    account: str = ""


def initial(stream: str) -> State:
    """A company that was told nothing."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case CompanyTold():
            pending = state.pending | {event.fact_id}
            return replace(state, pending=pending, tenant=event.tenant, account=event.account)
        case CompanyWritten():
            return replace(state, pending=state.pending - {event.fact_id})
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; each fact is written once and ends once."""
    match command:
        case TellCompany():
            told = CompanyTold(
                tenant=command.tenant,
                account=command.account,
                fact_id=command.fact_id,
                company_id=state.stream.partition("-")[2],
                requisite_id=command.requisite_id,
                inn=command.inn,
                values=command.values,
                status=command.status,
                responsible_id=command.responsible_id,
            )
            return (told,)
        case SeeCompanyWritten():
            if command.fact_id not in state.pending:
                return ()
            written = CompanyWritten(
                tenant=state.tenant, account=state.account, fact_id=command.fact_id, refused=command.refused
            )
            return (written,)
        case _:
            assert_never(command)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One effect per fact; a refusal is said in the admin chat, since the manager cannot mend it."""
    event = recorded.event
    match event:
        case CompanyTold():
            request = event.model_dump(mode="json", exclude={"tenant", "account"})
            return (EffectPlan(kind=CRM_COMPANY, key=(event.fact_id,), account=event.account, request=request),)
        case CompanyWritten() if event.refused is not None:
            company_id = state.stream.partition("-")[2]
            reason = event.refused.model_dump(mode="json")
            said = SayInChat(text="company_not_filled", values={"company": company_id, "reason": reason})
            request = {**said.model_dump(mode="json"), "fact_id": event.fact_id, "index": 0, "deal_id": ""}
            return (EffectPlan(kind=CRM_CHAT, key=(event.fact_id, "refused"), account=event.account, request=request),)
        case _:
            return ()
