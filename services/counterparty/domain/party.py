"""One buyer: its records in the accounting accounts of the tenant, and the requests that wait for them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Event, Refused
from services.counterparty.domain.company import LIQUIDATED, STATUS_BLOCKED, Facts, ending, filled_party
from services.counterparty.domain.party_doubts import (
    CREATE_AGAIN,
    FOUND,
    GIVE_UP,
    UNCERTAIN,
    WITHDRAWN,
    card,
    creating,
    named,
    whether_made,
    withdrawn,
)
from services.counterparty.domain.party_events import (
    CODEC,
    EVENTS,
    AdoptRecord,
    BuyerBarred,
    Command,
    CompanyTold,
    CompanyWanted,
    LeaveRecord,
    MakeRecord,
    RecordAbsent,
    RecordDoubted,
    RecordFound,
    RecordIntroduced,
    RecordLost,
    RecordRefused,
    RecordWanted,
    RequestLeft,
    SeeCreated,
    SeeDoubt,
    SeeNamed,
    SeeRecords,
    SeeRefused,
    SeeRegister,
    StandingTold,
    StandingWanted,
    StoredEvent,
    WantRecord,
)
from services.counterparty.domain.party_state import Record, State, counterparty_id, evolve, initial
from services.counterparty.domain.values import Reason

__all__ = [
    "ANSWER",
    "CANDIDATES_MAX",
    "CHECK",
    "CODEC",
    "CREATE",
    "CREATE_AGAIN",
    "CREATE_ANYWAY",
    "ENDING",
    "EVENTS",
    "FIND",
    "FOUND",
    "GIVE_UP",
    "GO_ON",
    "PICK",
    "PREFIX",
    "UNCERTAIN",
    "WITHDRAWN",
    "AdoptRecord",
    "BuyerBarred",
    "Command",
    "CompanyTold",
    "CompanyWanted",
    "LeaveRecord",
    "MakeRecord",
    "Record",
    "RecordAbsent",
    "RecordDoubted",
    "RecordFound",
    "RecordIntroduced",
    "RecordLost",
    "RecordRefused",
    "RecordWanted",
    "RequestLeft",
    "SeeCreated",
    "SeeDoubt",
    "SeeNamed",
    "SeeRecords",
    "SeeRefused",
    "SeeRegister",
    "StandingTold",
    "StandingWanted",
    "State",
    "StoredEvent",
    "WantRecord",
    "counterparty_id",
    "decide",
    "evolve",
    "initial",
    "stands",
]

PREFIX = "party"
FIND = "find-counterparty"
CREATE = "create-counterparty"
ANSWER = "answer-link"
CHECK = "check-counterparty"

CANDIDATES_MAX = 10
NAMED_LENGTH_MAX = 100
CREATE_ANYWAY = "create_anyway"
GO_ON = "go_on"
STANDS_FOR = dt.timedelta(hours=24)
ENDING = "buyer_ending"
PICK = "use_"


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command: one record per account, created at most once, never chosen among several (R13)."""
    match command:
        case WantRecord():
            return _want(state, command, now)
        case LeaveRecord():
            return _leave(state, command, now)
        case AdoptRecord():
            return _adopt(state, command)
        case MakeRecord():
            return _make(state, command)
        case SeeRecords():
            return _see_records(state, command, now)
        case SeeRegister():
            return _see_register(state, command, now)
        case SeeCreated():
            record = creating(state, command.account, command.attempt)
            if record is None:
                return ()
            return (_found(record, command.remote_id, created=True), *withdrawn(state, record, now))
        case SeeRefused():
            record = creating(state, command.account, command.attempt)
            if record is None:
                return ()
            return (_refused(record, command.reason), *withdrawn(state, record, now))
        case SeeDoubt():
            record = creating(state, command.account, command.attempt)
            if record is None or record.phase == "doubtful":
                return ()
            sent_at = command.sent_at.isoformat() if command.sent_at else ""
            return (RecordDoubted(account=command.account), whether_made(state, record, now, {"sent_at": sent_at}))
        case SeeNamed():
            return _see_named(state, command, now)
        case TakeCard():
            return _take(state, command, now)
        case _:
            assert_never(command)


def _want(state: State, command: WantRecord, now: dt.datetime) -> Sequence[Event]:
    record = state.records.get(command.account)
    waits = record is not None and command.request_id in record.waiting
    if _is_old(state, command) or (waits and not command.turn):
        return ()
    # One that waits here already had left and come back, of which the first is yet to be heard.
    left = _leave(state, command, now) if waits else ()
    lost: Sequence[Event] = ()
    if record is not None and record.phase == "linked" and command.gone and record.remote_id == command.gone:
        settled = (one for one in withdrawn(state, record, now, ENDING) if one not in left)
        lost = (RecordLost(account=command.account, remote_id=command.gone), *settled)
        record = None
    if record is not None and record.phase == "linked" and command.registers and command.party.inn:
        return (*left, _standing_wanted(command.tenant, record, command))
    return (
        *left,
        *lost,
        RecordWanted(
            tenant=command.tenant,
            account=command.account,
            request_id=command.request_id,
            deal_id=command.deal_id,
            party=command.party,
            responsible_id=command.responsible_id,
            registers=command.registers,
            turn=command.turn,
        ),
    )


def _is_old(state: State, command: WantRecord | LeaveRecord) -> bool:
    return 0 < command.turn <= state.turns.get(command.request_id, 0)


def _leave(state: State, command: WantRecord | LeaveRecord, now: dt.datetime) -> Sequence[Event]:
    """The request waits here no more; its deal is shown no more what none of its requests waits for."""
    if _is_old(state, command):
        return ()
    record = state.records.get(command.account)
    waiting = {} if record is None else dict(record.waiting)
    deal_id = waiting.pop(command.request_id, "")
    asked = () if not deal_id or deal_id in waiting.values() else state.open_about(command.account)
    left = RequestLeft(
        account=command.account,
        request_id=command.request_id,
        turn=command.turn,
        deal_id=deal_id,
        cards=tuple(one.card_id for one in asked if deal_id in state.shown_in(one)),
    )
    if record is None or record.phase != "linked" or not deal_id or waiting:
        return (left,)
    return (left, *withdrawn(state, record, now, ENDING))  # the next to come has the register asked again


def stands(record: Record, now: dt.datetime) -> bool:
    """Whether a buyer with a record was found to be in order so lately that nobody is asked again."""
    return record.stood_at is not None and now - record.stood_at < STANDS_FOR


def _standing_wanted(tenant: str, record: Record, command: WantRecord) -> StandingWanted:
    return StandingWanted(
        tenant=tenant,
        account=record.account,
        waiting={command.request_id: command.deal_id},
        party=command.party,
        responsible_id=command.responsible_id,
        registers=command.registers,
        turn=command.turn,
    )


def _standing(state: State, record: Record, facts: Facts | None, now: dt.datetime) -> Sequence[Event]:
    """Whether a buyer with a record may be sold to: not when it is no more, else once confirmed (R12)."""
    waiting = dict(record.waiting)
    status = "" if facts is None else facts.status
    settled = withdrawn(state, record, now, ENDING)
    if status == STATUS_BLOCKED:
        return (BuyerBarred(account=record.account, reason=_liquidated(state), waiting=waiting), *settled)
    if not ending(status) or status == record.confirmed:
        told_at = now if status else None
        return (StandingTold(account=record.account, status=status, waiting=waiting, told_at=told_at), *settled)
    if state.cards.open_of(ENDING, record.account) is not None:
        return ()
    return (card(state, record, now, ENDING, (GO_ON, GIVE_UP), {"status": status}),)


def _liquidated(state: State) -> Reason:
    assert state.party is not None, "a record is of a party that was asked for"
    shown = {"inn": state.party.inn} if len(state.party.inn) == 10 else {}
    return Reason(code=LIQUIDATED, values=shown)


def _adopt(state: State, command: AdoptRecord) -> Sequence[Event]:
    """Who has a record keeps it, and what is being created or stands before a person is left to that."""
    record = state.records.get(command.account)
    if record is not None and record.phase == "looking":
        return (_found(record, command.remote_id),)
    if record is not None and record.phase != "refused":
        return ()
    introduced = RecordIntroduced(tenant=command.tenant, account=command.account, party=command.party)
    return (introduced, _found(Record(command.account), command.remote_id))


def _make(state: State, command: MakeRecord) -> Sequence[Event]:
    record = state.records.get(command.account)
    if record is not None and record.phase != "refused":
        return ()
    introduced = RecordIntroduced(
        tenant=command.tenant, account=command.account, party=command.party, look_up=command.look_up
    )
    if command.look_up:
        return (introduced,)
    attempt = 1 if record is None else record.attempt + 1
    return (introduced, RecordAbsent(account=command.account, attempt=attempt, party=command.party))


def _see_register(state: State, command: SeeRegister, now: dt.datetime) -> Sequence[Event]:
    """Creates the party as the register has it. For one that is no more no document is made; one that is about to be is
    a question first (R12)."""
    record = state.records.get(command.account)
    if record is not None and record.phase == "linked" and record.waiting:
        return _standing(state, record, command.facts, now)
    if record is None or record.phase != "checking" or state.party is None:
        return ()
    if command.facts is None:
        return (_absent(state, record),)
    facts = command.facts
    told = CompanyTold(
        account=record.account,
        party=filled_party(state.party, facts),
        status=facts.status,
        provider=facts.provider,
    )
    if facts.status == STATUS_BLOCKED:
        return (told, _refused(record, _liquidated(state)))
    if not ending(facts.status):
        return (told, _absent(state, replace(record, told=told.party)))
    asked = card(state, record, now, ENDING, (CREATE_ANYWAY, GIVE_UP), {"status": facts.status})
    return (told, RecordDoubted(account=record.account), asked)


def _absent(state: State, record: Record) -> RecordAbsent:
    assert state.party is not None, "a record is of a party that was asked for"
    party = record.told or state.party
    return RecordAbsent(account=record.account, attempt=record.attempt + 1, party=party)


def _see_records(state: State, command: SeeRecords, now: dt.datetime) -> Sequence[Event]:
    record = state.records.get(command.account)
    if record is None or record.phase != "looking" or state.party is None:
        return ()
    if len(command.found) == 1:
        return _linked(state, record, command.found[0])
    if not command.found and not command.near:
        if record.registers and state.party.inn:
            return (CompanyWanted(account=command.account),)
        return (_absent(state, record),)
    kind, listed = ("counterparty_double", command.found) if command.found else ("branch_unknown", command.near)
    extra = (GIVE_UP,) if command.found else (CREATE_AGAIN, GIVE_UP)
    choices = (*(f"{PICK}{remote_id}" for remote_id in listed[:CANDIDATES_MAX]), *extra)
    asked = card(state, record, now, kind, choices, {"records": ", ".join(listed[:CANDIDATES_MAX])})
    return (RecordDoubted(account=command.account), asked)


def _take(state: State, command: TakeCard, now: dt.datetime) -> Sequence[Event] | Refused:
    taken = state.cards.take(command, now)
    if isinstance(taken, Refused):
        return taken
    record = state.records[taken.subject]
    if taken.kind == ENDING and record.phase == "linked":
        return (taken, *_taken_on(record, state.cards.by_id[taken.card_id].opened, taken))
    if record.phase != "doubtful" or state.party is None:
        return (taken,)
    follow: Event
    if taken.choice == FOUND:
        return (taken,)  # what the person named is read first
    if taken.choice.startswith(PICK):
        return (taken, *_linked(state, record, taken.choice.removeprefix(PICK)))
    if taken.choice in (CREATE_AGAIN, CREATE_ANYWAY):
        follow = _absent(state, record)
        if taken.kind == ENDING:
            status = str(state.cards.by_id[taken.card_id].opened.values["status"])
            passed = StandingTold(account=record.account, status=status, waiting={}, confirmed=True)
            return (taken, passed, follow)
    else:
        follow = _refused(record, Reason(code="buyer_given_up", values={"by": taken.by}))
    return (taken, follow)


def _see_named(state: State, command: SeeNamed, now: dt.datetime) -> Sequence[Event]:
    """The record that a person named is taken if it is this buyer's; else the same question stands again, with why."""
    record = state.records.get(command.account)
    taken = None if record is None else named(state, record)
    if record is None or taken is None or taken.card_id != command.card_id:
        return ()
    if command.remote_id:
        return (_found(record, command.remote_id),)
    shown = state.cards.by_id[taken.card_id].opened.values.get("sent_at", "")
    told: dict[str, str | int] = {"sent_at": shown, "named": taken.number[:NAMED_LENGTH_MAX], "why": command.why}
    return (whether_made(state, record, now, told),)


def _linked(state: State, record: Record, remote_id: str) -> Sequence[Event]:
    """The record is there; where there is a register, nobody is answered before it was asked."""
    if not record.registers or state.party is None or not state.party.inn:
        return (_found(record, remote_id),)
    asked = StandingWanted(
        tenant=state.tenant,
        account=record.account,
        waiting=dict(record.waiting),
        party=state.party,
        responsible_id=record.responsible_id,
        registers=record.registers,
    )
    return (RecordFound(account=record.account, remote_id=remote_id, waiting={}), asked)


def _taken_on(record: Record, opened: CardOpened, taken: CardTaken) -> Sequence[Event]:
    """What a person decided of a buyer with a record: all who wait by now are answered."""
    waiting = dict(record.waiting)
    if taken.choice == GO_ON:
        status = str(opened.values["status"])
        return (StandingTold(account=record.account, status=status, waiting=waiting, confirmed=True),)
    reason = Reason(code="buyer_given_up", values={"by": taken.by})
    return (BuyerBarred(account=record.account, reason=reason, waiting=waiting),)


def _found(record: Record, remote_id: str, *, created: bool = False) -> RecordFound:
    waiting = dict(record.waiting)
    return RecordFound(account=record.account, remote_id=remote_id, waiting=waiting, created=created)


def _refused(record: Record, reason: Reason) -> RecordRefused:
    return RecordRefused(account=record.account, reason=reason, waiting=dict(record.waiting))
