"""What each event of an exchange sets in motion: look-ups, calls to the operator, deadlines."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from chassis.aggregate import EffectPlan, Lane, Plan, Recorded, TaskPlan
from chassis.cards import CardTaken
from services.invoicing.domain import edi_events as e
from services.invoicing.domain.edi import AWAITING_OWN, SIGNED, WAITING, Exchange, State

INVITE = "edi-invite"
POST = "edi-post"
PREPARE = "edi-prepare"
PARTNER = "edi-partner"
LOOK = "edi-look"
FILES = "edi-files"
DEADLINE = "edi-deadline"
POLL = "edi-poll"

LOOK_AFTER = timedelta(minutes=10)
LOOK_AFTER_MAX = timedelta(hours=6)
"""The feed says at once what happened; looks at the document itself only make up for news that were lost."""
LOOKED_FOR = timedelta(days=90)
PARTNER_EVERY = timedelta(minutes=10)
PARTNER_WAIT = timedelta(days=14)
OWN_SIGNATURE_WAIT = timedelta(days=3)
OTHERS_WAIT = timedelta(days=14)


def look_wait(age: timedelta) -> timedelta:
    """How long a document that was posted so long ago is left alone."""
    return min(max(age / 10, LOOK_AFTER), LOOK_AFTER_MAX)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """The effects and tasks of one event."""
    event = recorded.event
    match event:
        case e.EdiBegun():
            return (_prepare(state.exchanges[event.order.document_id]),)
        case e.EdiRetried():
            return (_prepare(state.exchanges[event.document_id]),)
        case e.EdiInviting():
            return (_invite(state.exchanges[event.document_id]),)
        case e.EdiInvited():
            return (_partner(state.exchanges[event.document_id], event.task, recorded),)
        case e.EdiPrepared():
            return (_post(state.exchanges[event.document_id]),)
        case e.EdiPosted():
            one = state.exchanges[event.document_id]
            return (_look(one, recorded, LOOK_AFTER), _deadline(one, AWAITING_OWN, recorded))
        case e.EdiNewsHeard():
            return (_look(state.exchanges[event.document_id], recorded),)
        case e.EdiMoved():
            one = state.exchanges[event.document_id]
            files = (_files(one),) if event.status == SIGNED and not one.archive else ()
            waits = (_deadline(one, event.status, recorded),) if event.status in WAITING else ()
            return (*files, *waits)
        case CardTaken() if (event.kind, event.choice) == ("edi_waits_long", "wait"):
            one = state.exchanges[event.subject]
            return (_deadline(one, one.status, recorded),)
        case _:
            return ()


def _prepare(one: Exchange) -> TaskPlan:
    return TaskPlan(PREPARE, one.order.document_id, one.order.model_dump(mode="json"), account=one.order.account)


def _invite(one: Exchange) -> EffectPlan:
    return EffectPlan(
        kind=INVITE,
        key=(one.order.document_id, str(one.invites)),
        account=one.order.account,
        request={"document_id": one.order.document_id, "box_id": one.box_id, "invites": one.invites},
    )


def _partner(one: Exchange, task: str, recorded: Recorded) -> TaskPlan:
    payload = {
        "document_id": one.order.document_id,
        "box_id": one.box_id,
        "task": task,
        "since": recorded.recorded_at.isoformat(),
    }
    return TaskPlan(PARTNER, one.order.document_id, payload, account=one.order.account, lane=Lane.BULK)


def _post(one: Exchange) -> EffectPlan:
    assert one.title is not None, "a title was written before it is posted"
    order = one.order
    request: dict[str, Any] = {
        "document_id": order.document_id,
        "deal_id": order.deal_id,
        "attempt": one.attempt,
        "box_id": one.box_id,
        "date": order.date.isoformat(),
        "comment": order.comment,
        **one.title.model_dump(mode="json"),
    }
    if one.key_attempt:
        request["key_attempt"] = one.key_attempt
    return EffectPlan(
        kind=POST,
        key=(order.document_id, str(one.attempt)),
        account=order.account,
        request=request,
        marker=order.marker,
    )


def _refs(one: Exchange) -> dict[str, str]:
    return {"document_id": one.order.document_id, "message_id": one.message_id, "entity_id": one.entity_id}


def _look(one: Exchange, recorded: Recorded, after: timedelta = timedelta()) -> TaskPlan:
    payload = {**_refs(one), **({"since": recorded.recorded_at.isoformat()} if after else {})}
    due = recorded.recorded_at + after
    lane = Lane.BULK if after else Lane.INTERACTIVE
    return TaskPlan(LOOK, one.order.document_id, payload, account=one.order.account, lane=lane, due_at=due)


def _files(one: Exchange) -> TaskPlan:
    return TaskPlan(FILES, one.order.document_id, _refs(one), account=one.order.account)


def _deadline(one: Exchange, status: str, recorded: Recorded) -> TaskPlan:
    due = recorded.recorded_at + (OWN_SIGNATURE_WAIT if status == AWAITING_OWN else OTHERS_WAIT)
    payload = {"document_id": one.order.document_id, "status": status}
    return TaskPlan(DEADLINE, f"{one.order.document_id}/{status}", payload, lane=Lane.BULK, due_at=due)
