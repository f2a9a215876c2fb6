"""What each event of a party sets in motion: look-ups, the one creation, and the answers to everybody who waited."""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.aggregate import EffectPlan, Lane, Plan, Recorded, TaskPlan
from chassis.cards import CardTaken
from services.counterparty.domain.company import LOOK_UP
from services.counterparty.domain.party import (
    ANSWER,
    CHECK,
    CREATE,
    FIND,
    FOUND,
    PREFIX,
    UNCERTAIN,
    BuyerBarred,
    CompanyWanted,
    Record,
    RecordAbsent,
    RecordFound,
    RecordIntroduced,
    RecordRefused,
    RecordWanted,
    StandingTold,
    StandingWanted,
    State,
    counterparty_id,
)
from services.counterparty.domain.values import Reason

ANSWERS_PER_TASK_MAX = 100


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
        case RecordIntroduced():
            if not event.look_up:
                return ()
            payload = {"account": event.account, "inn": event.party.inn, "kpp": event.party.kpp}
            key = f"{event.account}:{state.stream}"
            return (TaskPlan(FIND, key, payload, account=event.account, lane=Lane.BULK),)
        case CompanyWanted() | StandingWanted():
            record = state.records[event.account]
            assert state.party is not None, "a record is of a party that was asked for"
            asked: dict[str, Any] = {"account": event.account, "inn": state.party.inn, "kpp": state.party.kpp}
            asked |= {"registers": [one.model_dump(mode="json") for one in record.registers]}
            return (TaskPlan(LOOK_UP, f"{event.account}:{state.stream}:{recorded.version}", asked),)
        case RecordAbsent():
            request: dict[str, Any] = {**event.party.model_dump(mode="json"), "attempt": event.attempt}
            if any(card.opened.subject == event.account for card in state.cards.by_id.values()):
                request["look_up"] = True  # people take their time, and may have entered it themselves
            return (
                EffectPlan(
                    kind=CREATE,
                    key=(event.account, state.stream, str(event.attempt)),
                    account=event.account,
                    request=request,
                    lane=Lane.BULK if state.records[event.account].bulk else Lane.INTERACTIVE,
                ),
            )
        case RecordFound():
            record = state.records[event.account]
            return _answers(state, record, event.waiting, recorded.version, created=event.created)
        case RecordRefused():
            return _answers(state, state.records[event.account], event.waiting, recorded.version)
        case StandingTold():
            return _answers(state, state.records[event.account], event.waiting, recorded.version)
        case BuyerBarred():
            record = state.records[event.account]
            return _answers(state, record, event.waiting, recorded.version, refused=event.reason)
        case CardTaken() if (event.kind, event.choice) == (UNCERTAIN, FOUND):
            return _check(event, state)
        case _:
            return ()


def _check(taken: CardTaken, state: State) -> Sequence[Plan]:
    """Reads the record that a person named before the party is linked to it for good."""
    record = state.records[taken.subject]
    if record.phase != "doubtful" or state.party is None:
        return ()
    opened = state.cards.by_id[taken.card_id].opened
    payload = {
        "card_id": taken.card_id,
        "account": record.account,
        "named": taken.number,
        "party": (record.told or state.party).model_dump(mode="json"),
        "since": str(opened.values.get("sent_at", "")) or opened.opened_at.isoformat(),
    }
    return (TaskPlan(CHECK, taken.card_id, payload, account=record.account),)


def _answers(
    state: State,
    record: Record,
    waiting: Mapping[str, str],
    version: int,
    *,
    created: bool = False,
    refused: Reason | None = None,
) -> Sequence[Plan]:
    if refused is None and not record.remote_id:
        refused = record.refused
    listed = list(waiting.items())
    plans = []
    for start in range(0, len(listed), ANSWERS_PER_TASK_MAX):
        payload: dict[str, Any] = {
            "waiting": dict(listed[start : start + ANSWERS_PER_TASK_MAX]),
            "party": state.stream.removeprefix(f"{PREFIX}-"),
            "counterparty_id": counterparty_id(state.tenant, state.stream),
            "remote_id": record.remote_id,
            "created": created,
            "refused": None if refused is None else refused.model_dump(mode="json"),
        }
        plans.append(TaskPlan(ANSWER, f"{record.account}:{state.stream}:{version}:{start}", payload))
    return plans
