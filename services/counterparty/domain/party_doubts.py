"""The questions about a buyer's records, and above all whether one was made whose creation had no answer."""

import datetime as dt
from collections.abc import Sequence

from chassis.cards import CardOpened, CardTaken
from chassis.ids import deterministic_id
from services.counterparty.domain.party_state import Record, State

UNCERTAIN = "counterparty_uncertain"
FOUND = "found"
CREATE_AGAIN = "create_again"
GIVE_UP = "give_up"
WITHDRAWN = "withdrawn"
"""The choice of a question that nobody took: it is settled by what happened since."""


def whether_made(state: State, record: Record, now: dt.datetime, values: dict[str, str | int]) -> CardOpened:
    """Asks whether a record exists of which nobody can tell."""
    return card(state, record, now, UNCERTAIN, (FOUND, CREATE_AGAIN, GIVE_UP), values)


def named(state: State, record: Record) -> CardTaken | None:
    """The decision that names a record by its id, as long as it has not been read there."""
    cards = [one for one in state.cards.by_id.values() if one.opened.subject == record.account]
    taken = cards[-1].taken if cards and record.phase == "doubtful" else None
    return taken if taken is not None and (taken.kind, taken.choice) == (UNCERTAIN, FOUND) else None


def creating(state: State, account: str, attempt: int) -> Record | None:
    """The record whose creation, under way or in doubt, an answer is about."""
    record = state.records.get(account)
    if record is None or record.attempt != attempt:
        return None
    doubted = state.cards.open_of(UNCERTAIN, account) is not None or (record is not None and named(state, record))
    return record if record.phase == "creating" or (record.phase == "doubtful" and doubted) else None


def withdrawn(state: State, record: Record, now: dt.datetime, kind: str = UNCERTAIN) -> Sequence[CardTaken]:
    """Nobody is asked what the accounting service, or the register, has answered after all."""
    asked = state.cards.open_of(kind, record.account)
    if asked is None:
        return ()
    opened = asked.opened
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


def card(
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
