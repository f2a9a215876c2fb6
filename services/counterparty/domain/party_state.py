"""One buyer's records as its events left them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from chassis.cards import CardOpened, Cards, CardTaken
from chassis.domain import replace
from chassis.ids import deterministic_id
from services.counterparty.domain.party_events import (
    BuyerBarred,
    CompanyTold,
    CompanyWanted,
    RecordAbsent,
    RecordDoubted,
    RecordFound,
    RecordIntroduced,
    RecordLost,
    RecordRefused,
    RecordWanted,
    RequestLeft,
    StandingTold,
    StandingWanted,
    StoredEvent,
)
from services.counterparty.domain.values import Party, Reason, Register


@dataclass(frozen=True)
class Record:
    """The party in one account. ``waiting``: request id → deal id of those not answered yet; ``responsible_id`` is who
    asked for it last, ``responsibles`` are those of waiting deals who are somebody else, ``told`` the party as the
    state register filled it, ``confirmed`` the state of a company that is about to be no more and that a person let
    pass, ``stood_at`` when it was found to be in order last. ``bulk``: the first sync alone asked."""

    account: str
    phase: str = "looking"
    remote_id: str = ""
    created: bool = False
    attempt: int = 0
    waiting: Mapping[str, str] = field(default_factory=dict)
    refused: Reason | None = None
    responsible_id: str = ""
    responsibles: Mapping[str, str] = field(default_factory=dict)
    registers: tuple[Register, ...] = ()
    told: Party | None = None
    confirmed: str = ""
    stood_at: dt.datetime | None = None
    bulk: bool = False

    def responsible_of(self, deal_id: str) -> str:
        """Who is asked about the record in a deal that waits for it."""
        return self.responsibles.get(deal_id, self.responsible_id)


@dataclass(frozen=True)
class State:
    """One party of one tenant. ``shown``: by the id of a question, the deals beside its own that wait for
    its answer; ``left``: those that were shown it and wait no more. ``turns``: by request, the place of the newest word
    about it among all that its deal said of it."""

    stream: str
    tenant: str = ""
    party: Party | None = None
    records: Mapping[str, Record] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)
    shown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)

    def open_about(self, account: str) -> Sequence[CardOpened]:
        """The questions that the record of an account waits for."""
        cards = (card for card in self.cards.by_id.values() if card.taken is None)
        return tuple(card.opened for card in cards if card.opened.subject == account)

    def shown_in(self, opened: CardOpened) -> Sequence[str]:
        """The deals that a question stands in; "" for one that no deal waited for."""
        left = self.left.get(opened.card_id, ())
        return tuple(one for one in (opened.deal_id, *self.shown.get(opened.card_id, ())) if one not in left)


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
            state = _turned(state, event.request_id, event.turn)
            record = state.records.get(event.account, Record(event.account))
            if record.phase == "linked":
                return state
            again = record.phase == "refused"
            waiting = {**({} if again else record.waiting), event.request_id: event.deal_id}
            phase = "looking" if again else record.phase
            record = _asking(record, {event.deal_id: event.responsible_id}, event.responsible_id, waiting)
            registers = event.registers or record.registers
            record = replace(record, phase=phase, registers=registers, bulk=False)
            return _shown(_put(replace(state, tenant=event.tenant, party=event.party), record), event.account)
        case RequestLeft():
            state = _turned(state, event.request_id, event.turn)
            return _left(state, event) if event.deal_id else state
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
        case RecordLost():
            record = state.records[event.account]
            lost = replace(record, phase="looking", remote_id="", created=False, told=None, stood_at=None)
            return _put(state, lost)
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
            for request_id in event.waiting:
                state = _turned(state, request_id, event.turn)
            record = state.records[event.account]
            # One who comes says who is responsible; those who waited before have said it.
            asks = dict.fromkeys(event.waiting.values(), event.responsible_id)
            asks = asks if len(event.waiting) == 1 else {**asks, **record.responsibles}
            record = _asking(record, asks, event.responsible_id, {**record.waiting, **event.waiting})
            record = replace(record, registers=event.registers or record.registers)
            return _shown(_put(replace(state, tenant=event.tenant, party=event.party), record), event.account)
        case StandingTold():
            record = _without(state.records[event.account], event.waiting)
            confirmed = event.status if event.confirmed else record.confirmed
            return _put(state, replace(record, confirmed=confirmed, stood_at=event.told_at))
        case BuyerBarred():
            return _put(state, replace(_without(state.records[event.account], event.waiting), stood_at=None))
        case CardOpened():
            return _shown(replace(state, cards=state.cards.evolve(event)), event.subject)
        case CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def _asking(record: Record, asks: Mapping[str, str], responsible_id: str, waiting: Mapping[str, str]) -> Record:
    """The record with those who wait for it now; of deals (deal → responsible) that ask, it is known who is asked."""
    known = {deal: record.responsible_of(deal) for deal in record.waiting.values()}
    others = {deal: user for deal, user in {**known, **asks}.items() if user != responsible_id}
    kept = {deal: user for deal, user in others.items() if deal in waiting.values()}
    return replace(record, waiting=waiting, responsible_id=responsible_id, responsibles=kept)


def _shown(state: State, account: str) -> State:
    """Who waits for a record is shown the questions about it, also one that had left."""
    record, shown, left = state.records.get(account, Record(account)), dict(state.shown), dict(state.left)
    for card in state.open_about(account):
        deals = dict.fromkeys((*shown.get(card.card_id, ()), *record.waiting.values()))
        deals.pop(card.deal_id, None)
        if deals:
            shown[card.card_id] = tuple(deals)
        if card.card_id in left:
            left[card.card_id] = tuple(one for one in left[card.card_id] if one not in record.waiting.values())
    return replace(state, shown=shown, left=left)


def _left(state: State, event: RequestLeft) -> State:
    record = _without(state.records[event.account], {event.request_id: event.deal_id})
    still = record.waiting.values()
    record = replace(record, responsibles={deal: user for deal, user in record.responsibles.items() if deal in still})
    left = {**state.left, **{card: (*state.left.get(card, ()), event.deal_id) for card in event.cards}}
    return _put(replace(state, left=left), record)


def _turned(state: State, request_id: str, turn: int) -> State:
    return replace(state, turns={**state.turns, request_id: turn}) if turn else state


def _without(record: Record, answered: Mapping[str, str]) -> Record:
    return replace(record, waiting={key: value for key, value in record.waiting.items() if key not in answered})


def _put(state: State, record: Record) -> State:
    return replace(state, records={**state.records, record.account: record})
