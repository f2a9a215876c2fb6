"""What becomes of an act that is exchanged electronically: prepared by us, signed by people, never sent twice."""

import pytest

from contracts.messages import invoicing, operations
from services.invoicing.domain import edi, edi_plans, plans
from services.invoicing.domain import edi_commands as ec
from services.invoicing.domain.edi_events import Obstacle
from services.invoicing.domain.values import EdiTerms, Reason
from tests.services.invoicing.edi_parts import (
    ACCOUNT,
    BOX,
    TITLE,
    act,
    answered,
    begun,
    hard,
    key,
    moved,
    only,
    order,
    planned,
    posted,
    prepared,
    questions,
    signed,
)
from tests.services.invoicing.parts import IVANOV, answer, deal, documents, issued, last, linked, request


def test_only_an_act_of_a_seller_with_a_box_and_a_buyer_with_an_inn_is_exchanged() -> None:
    told = order()
    assert (told.account, told.number, told.inn, told.kpp) == (ACCOUNT, "88", "7736207543", "773601001")
    assert sum(line.amount_kopecks for line in told.lines) > 0
    assert "[" not in told.comment
    without = documents()
    without.ran(request("act", "act"))
    without.ran(linked("act"))
    without.ran(answer(last(without, "create-act")))
    person = documents()
    person.ran(request("act", "act", deal(buyer=IVANOV), edi=EdiTerms(account=ACCOUNT)))
    person.ran(linked("act", IVANOV))
    person.ran(answer(last(person, "create-act")))
    for stream in (without, person, issued(edi=EdiTerms(account=ACCOUNT))):
        assert plans.EXCHANGE not in {kind for kind, _ in stream.tasks}


def test_an_act_that_is_told_twice_is_begun_once() -> None:
    stream = begun()
    assert stream.ran(ec.BeginEdi(order(act()))) == []
    assert planned(stream) == {edi_plans.PREPARE}


def test_it_is_posted_with_the_bytes_that_were_written_and_told_as_waiting_for_us() -> None:
    stream = prepared()
    (effect,) = stream.effects_of(edi_plans.POST)
    assert (effect.request["blob"], effect.request["box_id"]) == (TITLE.blob, BOX)
    assert effect.marker == f"sverka:{key(stream)}"
    posted(stream)
    (told,) = stream.said(invoicing.EdiStatusChanged)
    assert (told.status, told.vendor, told.number) == ("awaiting_own_signature", "diadoc", "88")
    assert {edi_plans.LOOK, edi_plans.DEADLINE} <= planned(stream)


def test_each_new_state_is_told_once_and_files_are_fetched_when_both_have_signed() -> None:
    stream = posted()
    assert moved(stream, "awaiting_own_signature").said(invoicing.EdiStatusChanged)[1:] == []
    moved(stream, "awaiting_counterparty", "awaiting_counterparty")
    assert edi_plans.FILES not in planned(stream)
    moved(stream, "signed")
    assert edi_plans.FILES in planned(stream)
    stream.ran(ec.SeeFiles(key(stream), "vektor/zip", 300, "vektor/pdf", 200))
    assert stream.ran(ec.SeeFiles(key(stream), "vektor/zip", 300, "vektor/pdf", 200)) == []
    (told,) = stream.said(invoicing.DocumentSigned)
    assert (told.archive, told.archive_name) == ("vektor/zip", "УПД подписан 88.zip")
    assert [one.status for one in stream.said(invoicing.EdiStatusChanged)] == [
        "awaiting_own_signature", "awaiting_counterparty", "signed",
    ]  # fmt: skip


def test_a_refusal_is_told_with_the_partners_words_and_a_later_signature_counts() -> None:
    stream = moved(posted(), "rejected", reason="Сумма не та")
    assert stream.said(invoicing.EdiStatusChanged)[-1].reason == "Сумма не та"
    assert moved(stream, "signed").tasks[edi_plans.FILES, key(stream)].payload["message_id"] == "m1"


def test_news_of_our_message_are_looked_at_and_of_others_ignored() -> None:
    stream = posted()
    before = stream.tasks[edi_plans.LOOK, key(stream)].due_at
    assert stream.ran(ec.HearNews("somebody's")) == []
    stream.ran(ec.HearNews("m1"))
    after = stream.tasks[edi_plans.LOOK, key(stream)].due_at
    assert before is not None
    assert after is not None
    assert after < before


@pytest.mark.parametrize(
    "code", ["edi_no_box", "edi_other_operator", "edi_partner_refuses", "edi_title_refused", "edi_not_acquainted"]
)
def test_what_stands_in_the_way_is_a_question_and_a_person_goes_on_or_ends_it(code: str) -> None:
    stream = begun()
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question=code, text="слова"), BOX))
    assert questions(stream) == [code]
    (card,) = stream.said(operations.DecisionNeeded)
    assert (card.values["number"], card.values["inn"], card.values["text"]) == ("88", "7736207543", "слова")
    answered(stream, code, "look_again")
    assert (only(stream).phase, questions(stream)) == ("preparing", [])
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question=code), BOX))
    answered(stream, code, "give_up")
    assert only(stream).phase == "given_up"
    assert stream.effects_of(edi_plans.POST) == []


def test_nobody_is_invited_before_a_person_says_so() -> None:
    stream = begun()
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question="edi_not_acquainted"), BOX))
    assert stream.effects_of(edi_plans.INVITE) == []
    answered(stream, "edi_not_acquainted", "invite")
    (effect,) = stream.effects_of(edi_plans.INVITE)
    assert effect.request["box_id"] == BOX
    stream.ran(ec.SeeInvitation(key(stream), BOX, 1, "task-1"))
    assert stream.said(invoicing.EdiStatusChanged)[-1].status == "invited"
    stream.ran(ec.SeePartner(key(stream)))
    assert only(stream).phase == "preparing"


def test_a_refused_invitation_is_put_before_a_person_with_its_words() -> None:
    stream = begun()
    stream.ran(ec.SeeUnprepared(key(stream), Obstacle(question="edi_not_acquainted"), BOX))
    answered(stream, "edi_not_acquainted", "invite")
    stream.ran(ec.SeeInvitation(key(stream), BOX, 1, "", Reason(code="edi_conflict", values={"text": "заблокировал"})))
    assert questions(stream) == ["edi_partner_refuses"]


def test_a_lost_post_stands_before_a_person_and_what_was_found_later_counts() -> None:
    stream = prepared()
    stream.ran(ec.RefusePost(key(stream), 1, Reason(code="vendor_fault"), doubtful=True))
    assert questions(stream) == ["edi_uncertain"]
    posted(stream)
    assert (only(stream).phase, questions(stream)) == ("following", [])


def test_sent_again_it_has_the_same_bytes_and_the_same_key_of_ours() -> None:
    stream = prepared()
    stream.ran(ec.RefusePost(key(stream), 1, Reason(code="vendor_fault"), doubtful=True))
    answered(stream, "edi_uncertain", "resend")
    first, second = stream.effects_of(edi_plans.POST)
    assert (first.marker, first.request["blob"]) == (second.marker, second.request["blob"])
    assert stream.ran(ec.SeePosted(key(stream), 1, "m0", "e0")) == []


def test_a_document_that_waits_long_is_asked_about_and_the_question_goes_when_it_moves() -> None:
    stream = posted()
    stream.ran(ec.MeetEdiDeadline(key(stream), "awaiting_counterparty"))
    assert questions(stream) == []
    stream.ran(ec.MeetEdiDeadline(key(stream), edi.AWAITING_OWN))
    assert questions(stream) == ["edi_waits_long"]
    moved(stream, "awaiting_counterparty")
    assert questions(stream) == []


def test_stories_fold_to_the_state_they_came_to() -> None:
    for stream in (signed(), hard()):
        assert stream.replayed() == stream.state
    assert only(hard()).phase == "given_up"
    assert moved(hard(), "signed").state == hard().state
