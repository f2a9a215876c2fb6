"""What an exchange sets in motion: each look, call and deadline with all that its worker takes from it, and when."""

import datetime as dt

import pytest

from chassis.aggregate import EffectPlan, Lane, TaskPlan
from services.invoicing.domain import edi, edi_plans
from services.invoicing.domain import edi_commands as ec
from services.invoicing.domain.edi_events import EdiOrder, Obstacle
from services.invoicing.domain.values import Reason
from tests.services.invoicing.edi_parts import (
    ACCOUNT,
    BOX,
    TITLE,
    Exchanges,
    answered,
    begun,
    key,
    moved,
    only,
    posted,
    prepared,
)
from tests.services.streams import NOW

LATER = NOW + dt.timedelta(days=1)


def task(stream: Exchanges, kind: str, of: str = "") -> TaskPlan:
    """The newest task of a kind."""
    return stream.tasks[kind, of or key(stream)]


def not_acquainted() -> Exchanges:
    """The partner is there, and nobody has invited it."""
    stream = begun()
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question="edi_not_acquainted"), BOX))
    return stream


def invited() -> Exchanges:
    """A person had the partner invited a day later."""
    stream = not_acquainted()
    answered(stream, "edi_not_acquainted", "invite")
    stream.now = LATER
    stream.ran(ec.SeeInvitation(key(stream), BOX, 1, "task-1"))
    return stream


def waits_long(status: str) -> Exchanges:
    """A document of which nothing was heard for weeks."""
    stream = moved(posted(), status)
    stream.ran(ec.MeetEdiDeadline(key(stream), status))
    stream.now = LATER
    return stream


def overdue(stream: Exchanges, status: str, after: dt.timedelta) -> TaskPlan:
    """The deadline of a state that was entered, or waited for once more, now."""
    payload = {"document_id": key(stream), "status": status}
    return TaskPlan("edi-deadline", f"{key(stream)}/{status}", payload, lane=Lane.BULK, due_at=stream.now + after)


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (dt.timedelta(), dt.timedelta(minutes=10)),
        (dt.timedelta(minutes=100), dt.timedelta(minutes=10)),
        (dt.timedelta(minutes=200), dt.timedelta(minutes=20)),
        (dt.timedelta(hours=60), dt.timedelta(hours=6)),
        (dt.timedelta(days=90), dt.timedelta(hours=6)),
    ],
)
def test_document_is_looked_at_the_more_seldom_the_older_it_is(age: dt.timedelta, wait: dt.timedelta) -> None:
    assert edi_plans.look_wait(age) == wait


def test_title_is_prepared_from_all_of_the_order() -> None:
    stream = begun()
    plan = task(stream, "edi-prepare")
    assert (plan.account, plan.lane, plan.due_at) == (ACCOUNT, Lane.INTERACTIVE, None)
    assert plan.payload["date"] == "2026-03-12"
    assert EdiOrder.model_validate(plan.payload) == only(stream).order


@pytest.mark.parametrize("code", ["edi_no_box", "edi_title_refused"])
def test_person_who_looked_into_it_has_the_title_prepared_anew(code: str) -> None:
    stream = begun()
    first = task(stream, "edi-prepare")
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question=code), BOX))
    stream.tasks.clear()
    answered(stream, code, "look_again")
    assert task(stream, "edi-prepare") == first


def test_partner_that_took_the_invitation_has_the_title_prepared_anew() -> None:
    stream = invited()
    stream.tasks.clear()
    stream.ran(ec.SeePartner(key(stream)))
    assert list(stream.tasks) == [("edi-prepare", key(stream))]


def test_partner_is_invited_once_for_each_time_that_a_person_says_so() -> None:
    stream = not_acquainted()
    answered(stream, "edi_not_acquainted", "invite")
    stream.ran(ec.SeeInvitation(key(stream), BOX, 1, "", Reason(code="edi_conflict")))
    answered(stream, "edi_partner_refuses", "look_again")
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question="edi_not_acquainted"), BOX))
    answered(stream, "edi_not_acquainted", "invite")
    assert stream.effects_of("edi-invite") == [
        EffectPlan(
            kind="edi-invite",
            key=(key(stream), str(invites)),
            account=ACCOUNT,
            request={"document_id": key(stream), "box_id": BOX, "invites": invites},
        )
        for invites in (1, 2)
    ]


def test_invited_partner_is_looked_for_from_that_day_on() -> None:
    stream = invited()
    payload = {"document_id": key(stream), "box_id": BOX, "task": "task-1", "since": LATER.isoformat()}
    assert task(stream, "edi-partner") == TaskPlan("edi-partner", key(stream), payload, account=ACCOUNT, lane=Lane.BULK)


def test_title_is_posted_with_all_that_the_operator_keeps_of_it() -> None:
    stream = prepared()
    order = only(stream).order
    (plan,) = stream.effects_of("edi-post")
    assert plan == EffectPlan(
        kind="edi-post",
        key=(key(stream), "1"),
        account=ACCOUNT,
        request={
            "document_id": key(stream),
            "deal_id": "15",
            "attempt": 1,
            "box_id": BOX,
            "date": "2026-03-12",
            "comment": order.comment,
            **TITLE.model_dump(),
        },
        marker=f"sverka:{key(stream)}",
    )


def test_posted_document_is_looked_at_by_and_by_from_then_on() -> None:
    stream = prepared()
    stream.now = LATER
    posted(stream)
    payload = {"document_id": key(stream), "message_id": "m1", "entity_id": "e1", "since": LATER.isoformat()}
    due = LATER + dt.timedelta(minutes=10)
    assert task(stream, "edi-look") == TaskPlan(
        "edi-look", key(stream), payload, account=ACCOUNT, lane=Lane.BULK, due_at=due
    )


def test_document_with_news_is_looked_at_at_once() -> None:
    stream = posted()
    stream.now = LATER
    stream.ran(ec.HearNews("m1"))
    payload = {"document_id": key(stream), "message_id": "m1", "entity_id": "e1"}
    assert task(stream, "edi-look") == TaskPlan(
        "edi-look", key(stream), payload, account=ACCOUNT, lane=Lane.INTERACTIVE, due_at=LATER
    )


def test_files_of_a_document_that_both_have_signed_are_fetched_until_they_are_there() -> None:
    stream = moved(posted(), "signed")
    payload = {"document_id": key(stream), "message_id": "m1", "entity_id": "e1"}
    assert task(stream, "edi-files") == TaskPlan("edi-files", key(stream), payload, account=ACCOUNT)
    stream.ran(ec.SeeFiles(key(stream), "vektor/zip", 300, "vektor/pdf", 200))
    stream.tasks.clear()
    moved(stream, "revocation_requested", "signed")
    assert stream.tasks == {}


def test_our_own_signature_is_waited_for_three_days() -> None:
    stream = posted()
    after = dt.timedelta(days=3)
    assert task(stream, "edi-deadline", f"{key(stream)}/{edi.AWAITING_OWN}") == overdue(stream, edi.AWAITING_OWN, after)


@pytest.mark.parametrize("status", ["sending", "roaming", "awaiting_counterparty", "partially_signed"])
def test_others_are_waited_for_two_weeks_from_each_new_state(status: str) -> None:
    stream = posted()
    stream.now = LATER
    moved(stream, status)
    assert task(stream, "edi-deadline", f"{key(stream)}/{status}") == overdue(stream, status, dt.timedelta(days=14))


@pytest.mark.parametrize("status", ["signed", "rejected", "revoked"])
def test_nobody_is_waited_for_in_a_state_that_is_an_end(status: str) -> None:
    stream = posted()
    stream.tasks.clear()
    moved(stream, status)
    assert [of for kind, of in stream.tasks if kind == "edi-deadline"] == []


@pytest.mark.parametrize("status", ["sending", "awaiting_counterparty"])
def test_person_who_waits_on_is_asked_again_after_as_long(status: str) -> None:
    stream = waits_long(status)
    stream.tasks.clear()
    answered(stream, "edi_waits_long", "wait")
    assert list(stream.tasks.values()) == [overdue(stream, status, dt.timedelta(days=14))]


def test_person_who_gives_up_is_asked_no_more() -> None:
    stream = waits_long("awaiting_counterparty")
    stream.tasks.clear()
    answered(stream, "edi_waits_long", "give_up")
    assert stream.tasks == {}
