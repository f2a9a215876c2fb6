"""One buyer's records as its events left them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.cards import CardOpened, Cards, CardTaken
from chassis.ids import deterministic_id
from services.counterparty.domain.party_events import (
    BuyerBarred,
    CompanyTold,
    CompanyWanted,
    RecordAbsent,
    RecordDoubted,
    RecordFound,
    RecordIntroduced,
    RecordRefused,
    RecordWanted,
    StandingTold,
    StandingWanted,
    StoredEvent,
)
from services.counterparty.domain.values import Party, Reason, Register


@dataclass(frozen=True, slots=True)
class Record:
    """The party in one account. ``waiting``: request id → deal id of those not answered yet; ``responsible_id`` is who
    asked for it last, ``told`` the party as the state register filled it, ``confirmed`` the state of a company that is
    about to be no more and that a person let pass, ``stood_at`` when it was found to be in order last.
    ``bulk``: the first sync alone asked."""

    account: str
    phase: str = "looking"
    remote_id: str = ""
    created: bool = False
    attempt: int = 0
    waiting: Mapping[str, str] = field(default_factory=dict)
    refused: Reason | None = None
    responsible_id: str = ""
    registers: tuple[Register, ...] = ()
    told: Party | None = None
    confirmed: str = ""
    stood_at: dt.datetime | None = None
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """One party of one tenant."""

    stream: str
    tenant: str = ""
    party: Party | None = None
    records: Mapping[str, Record] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)


def initial(stream: str) -> State:
    """A party nobody has asked for."""
    return State(stream)


def counterparty_id(tenant: str, stream: str) -> str:
    """Our own id of a party."""
    return str(deterministic_id("counterparty", tenant, stream))


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case RecordWanted():
            record = state.records.get(event.account, Record(event.account))
            if record.phase == "linked":
                return state
            again = record.phase == "refused"
            waiting = {**({} if again else record.waiting), event.request_id: event.deal_id}
            phase = "looking" if again else record.phase
            record = replace(
                record,
                waiting=waiting,
                phase=phase,
                responsible_id=event.responsible_id,
                registers=event.registers or record.registers,
                bulk=False,
            )
            return _put(replace(state, tenant=event.tenant, party=event.party), record)
        case RecordIntroduced():
            attempt = state.records[event.account].attempt if event.account in state.records else 0
            record = Record(event.account, attempt=attempt, bulk=True)
            return _put(replace(state, tenant=event.tenant, party=event.party), record)
        case RecordFound():
            record = state.records[event.account]
            return _put(
                state,
                replace(record, phase="linked", remote_id=event.remote_id, created=event.created, waiting={}),
            )
        case CompanyWanted():
            return _put(state, replace(state.records[event.account], phase="checking"))
        case CompanyTold():
            return _put(state, replace(state.records[event.account], told=event.party))
        case RecordAbsent():
            return _put(state, replace(state.records[event.account], phase="creating", attempt=event.attempt))
        case RecordRefused():
            record = state.records[event.account]
            return _put(state, replace(record, phase="refused", refused=event.reason, waiting={}))
        case RecordDoubted():
            return _put(state, replace(state.records[event.account], phase="doubtful"))
        case StandingWanted():
            record = state.records[event.account]
            record = replace(
                record,
                waiting={**record.waiting, **event.waiting},
                responsible_id=event.responsible_id,
                registers=event.registers or record.registers,
            )
            return _put(replace(state, tenant=event.tenant, party=event.party), record)
        case StandingTold():
            record = _without(state.records[event.account], event.waiting)
            confirmed = event.status if event.confirmed else record.confirmed
            return _put(state, replace(record, confirmed=confirmed, stood_at=event.told_at))
        case BuyerBarred():
            return _put(state, replace(_without(state.records[event.account], event.waiting), stood_at=None))
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def _without(record: Record, answered: Mapping[str, str]) -> Record:
    return replace(record, waiting={key: value for key, value in record.waiting.items() if key not in answered})


def _put(state: State, record: Record) -> State:
    return replace(state, records={**state.records, record.account: record})
