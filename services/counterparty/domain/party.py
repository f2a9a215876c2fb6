"""One buyer: its records in the accounting accounts of the tenant, and the requests that wait for them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from chassis.aggregate import EffectPlan, EventCodec, Plan, Recorded, TaskPlan
from chassis.cards import CardOpened, Cards, CardTaken, TakeCard
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id
from services.counterparty.domain.values import Party, Reason

PREFIX = "party"
FIND = "find-counterparty"
CREATE = "create-counterparty"
ANSWER = "answer-link"

CANDIDATES_MAX = 10
ANSWERS_PER_TASK_MAX = 100
CREATE_AGAIN = "create_again"
GIVE_UP = "give_up"
PICK = "use_"
WITHDRAWN = "withdrawn"
"""The choice of a question that nobody took: it is settled by what happened since."""


class RecordWanted(Event, name="RecordWanted"):
    """A request waits for the party's record in an account."""

    tenant: str
    account: str
    request_id: str
    deal_id: str
    party: Party
    responsible_id: str = ""


class RecordFound(Event, name="RecordFound"):
    """The account has one record of the party; ``waiting`` (request → deal) are to be answered."""

    account: str
    remote_id: str
    waiting: dict[str, str]
    created: bool = False


class RecordAbsent(Event, name="RecordAbsent"):
    """The account has no record of the party: it is created, once per ``attempt``."""

    account: str
    attempt: int
    party: Party


class RecordRefused(Event, name="RecordRefused"):
    """The account refuses to create the record."""

    account: str
    reason: Reason
    waiting: dict[str, str]


class RecordDoubted(Event, name="RecordDoubted"):
    """Several records, or nobody can tell whether one was created; a person is asked."""

    account: str


@dataclass(frozen=True, slots=True)
class WantRecord:
    """A request needs the party's record."""

    tenant: str
    account: str
    request_id: str
    deal_id: str
    party: Party
    responsible_id: str = ""


@dataclass(frozen=True, slots=True)
class SeeRecords:
    """What the look-up by INN found that is this very party; ``near`` are records with its INN and another KPP."""

    account: str
    found: tuple[str, ...]
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeeCreated:
    """The account created the record."""

    account: str
    attempt: int
    remote_id: str


@dataclass(frozen=True, slots=True)
class SeeRefused:
    """The account refused to create the record."""

    account: str
    attempt: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class SeeDoubt:
    """Nobody can tell whether the record was created."""

    account: str
    attempt: int
    reason: Reason
    sent_at: dt.datetime | None


Command = WantRecord | SeeRecords | SeeCreated | SeeRefused | SeeDoubt | TakeCard
StoredEvent = RecordWanted | RecordFound | RecordAbsent | RecordRefused | RecordDoubted | CardOpened | CardTaken
EVENTS: tuple[type[Event], ...] = (
    RecordWanted,
    RecordFound,
    RecordAbsent,
    RecordRefused,
    RecordDoubted,
    CardOpened,
    CardTaken,
)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class Record:
    """The party in one account. ``waiting``: request id → deal id of those not answered yet; ``responsible_id`` is who
    asked for it last."""

    account: str
    phase: str = "looking"
    remote_id: str = ""
    created: bool = False
    attempt: int = 0
    waiting: Mapping[str, str] = field(default_factory=dict)
    refused: Reason | None = None
    responsible_id: str = ""


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
            record = replace(record, waiting=waiting, phase=phase, responsible_id=event.responsible_id)
            return _put(replace(state, tenant=event.tenant, party=event.party), record)
        case RecordFound():
            record = state.records[event.account]
            return _put(
                state,
                replace(record, phase="linked", remote_id=event.remote_id, created=event.created, waiting={}),
            )
        case RecordAbsent():
            return _put(state, replace(state.records[event.account], phase="creating", attempt=event.attempt))
        case RecordRefused():
            record = state.records[event.account]
            return _put(state, replace(record, phase="refused", refused=event.reason, waiting={}))
        case RecordDoubted():
            return _put(state, replace(state.records[event.account], phase="doubtful"))
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def _put(state: State, record: Record) -> State:
    return replace(state, records={**state.records, record.account: record})


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command: one record per account, created at most once, never chosen among several (R13)."""
    match command:
        case WantRecord():
            return _want(state, command)
        case SeeRecords():
            return _see_records(state, command, now)
        case SeeCreated():
            record = _creating(state, command.account, command.attempt)
            if record is None:
                return ()
            return (_found(record, command.remote_id, created=True), *_withdrawn(state, record, now))
        case SeeRefused():
            record = _creating(state, command.account, command.attempt)
            if record is None:
                return ()
            return (_refused(record, command.reason), *_withdrawn(state, record, now))
        case SeeDoubt():
            record = _creating(state, command.account, command.attempt)
            if record is None or record.phase == "doubtful":
                return ()
            sent_at = command.sent_at.isoformat() if command.sent_at else ""
            choices = ("found", CREATE_AGAIN, GIVE_UP)
            card = _card(state, record, now, "counterparty_uncertain", choices, {"sent_at": sent_at})
            return (RecordDoubted(account=command.account), card)
        case TakeCard():
            return _take(state, command, now)
        case _:
            assert_never(command)


def _want(state: State, command: WantRecord) -> Sequence[Event]:
    record = state.records.get(command.account)
    if record is not None and command.request_id in record.waiting:
        return ()
    return (
        RecordWanted(
            tenant=command.tenant,
            account=command.account,
            request_id=command.request_id,
            deal_id=command.deal_id,
            party=command.party,
            responsible_id=command.responsible_id,
        ),
    )


def _see_records(state: State, command: SeeRecords, now: dt.datetime) -> Sequence[Event]:
    record = state.records.get(command.account)
    if record is None or record.phase != "looking" or state.party is None:
        return ()
    if len(command.found) == 1:
        return (_found(record, command.found[0]),)
    if not command.found and not command.near:
        return (RecordAbsent(account=command.account, attempt=record.attempt + 1, party=state.party),)
    kind, listed = ("counterparty_double", command.found) if command.found else ("branch_unknown", command.near)
    extra = (GIVE_UP,) if command.found else (CREATE_AGAIN, GIVE_UP)
    choices = (*(f"{PICK}{remote_id}" for remote_id in listed[:CANDIDATES_MAX]), *extra)
    card = _card(state, record, now, kind, choices, {"records": ", ".join(listed[:CANDIDATES_MAX])})
    return (RecordDoubted(account=command.account), card)


def _creating(state: State, account: str, attempt: int) -> Record | None:
    """The record whose creation, under way or in doubt, an answer is about."""
    record = state.records.get(account)
    if record is None or record.attempt != attempt:
        return None
    doubted = state.cards.open_of("counterparty_uncertain", account) is not None
    return record if record.phase == "creating" or (record.phase == "doubtful" and doubted) else None


def _withdrawn(state: State, record: Record, now: dt.datetime) -> Sequence[CardTaken]:
    """Nobody is asked what the accounting service has answered after all."""
    card = state.cards.open_of("counterparty_uncertain", record.account)
    if card is None:
        return ()
    opened = card.opened
    taken = CardTaken(
        card_id=opened.card_id,
        kind=opened.kind,
        subject=opened.subject,
        choice=WITHDRAWN,
        by="",
        taken_at=now,
        deal_id=opened.deal_id,
    )
    return (taken,)


def _card(
    state: State,
    record: Record,
    now: dt.datetime,
    kind: str,
    choices: tuple[str, ...],
    values: dict[str, str | int],
) -> CardOpened:
    party = state.party
    assert party is not None, "a card is about a party that was asked for"
    shown = party.inn if len(party.inn) == 10 else ""
    deal_id = next(iter(record.waiting.values()), "")
    return CardOpened(
        card_id=str(deterministic_id("card", state.tenant, state.stream, str(len(state.cards.by_id)))),
        kind=kind,
        choices=choices,
        subject=record.account,
        opened_at=now,
        values={"name": party.name, "inn": shown, "kpp": party.kpp, **values},
        deal_id=deal_id,
        responsible_id=record.responsible_id,
    )


def _take(state: State, command: TakeCard, now: dt.datetime) -> Sequence[Event] | Refused:
    taken = state.cards.take(command, now)
    if isinstance(taken, Refused):
        return taken
    record = state.records[taken.subject]
    if record.phase != "doubtful" or state.party is None:
        return (taken,)
    follow: Event
    if taken.choice == "found":
        follow = _found(record, taken.number)
    elif taken.choice.startswith(PICK):
        follow = _found(record, taken.choice.removeprefix(PICK))
    elif taken.choice == CREATE_AGAIN:
        follow = RecordAbsent(account=record.account, attempt=record.attempt + 1, party=state.party)
    else:
        follow = _refused(record, Reason(code="buyer_given_up", values={"by": taken.by}))
    return (taken, follow)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """Look-ups, the one creation, and the answers to everybody who waited."""
    event = recorded.event
    match event:
        case RecordWanted():
            record = state.records[event.account]
            if record.phase == "linked":
                return _answers(state, record, {event.request_id: event.deal_id}, recorded.version)
            if record.phase == "looking":
                payload = {"account": event.account, "inn": event.party.inn, "kpp": event.party.kpp}
                return (TaskPlan(FIND, f"{event.account}:{state.stream}", payload, account=event.account),)
            return ()
        case RecordAbsent():
            return (
                EffectPlan(
                    kind=CREATE,
                    key=(event.account, state.stream, str(event.attempt)),
                    account=event.account,
                    request={**event.party.model_dump(mode="json"), "attempt": event.attempt},
                ),
            )
        case RecordFound():
            record = state.records[event.account]
            return _answers(state, record, event.waiting, recorded.version, created=event.created)
        case RecordRefused():
            return _answers(state, state.records[event.account], event.waiting, recorded.version)
        case _:
            return ()


def _found(record: Record, remote_id: str, *, created: bool = False) -> RecordFound:
    waiting = dict(record.waiting)
    return RecordFound(account=record.account, remote_id=remote_id, waiting=waiting, created=created)


def _refused(record: Record, reason: Reason) -> RecordRefused:
    return RecordRefused(account=record.account, reason=reason, waiting=dict(record.waiting))


def _answers(
    state: State, record: Record, waiting: Mapping[str, str], version: int, *, created: bool = False
) -> Sequence[Plan]:
    listed = list(waiting.items())
    plans = []
    for start in range(0, len(listed), ANSWERS_PER_TASK_MAX):
        payload: dict[str, Any] = {
            "waiting": dict(listed[start : start + ANSWERS_PER_TASK_MAX]),
            "party": state.stream.removeprefix(f"{PREFIX}-"),
            "counterparty_id": counterparty_id(state.tenant, state.stream),
            "remote_id": record.remote_id,
            "created": created,
            "refused": record.refused.model_dump(mode="json") if record.refused and not record.remote_id else None,
        }
        plans.append(TaskPlan(ANSWER, f"{record.account}:{state.stream}:{version}:{start}", payload))
    return plans
