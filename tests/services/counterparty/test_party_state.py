"""What is remembered of a buyer between one request and the next: who asks, as whom, and how it stood."""

import datetime as dt
from dataclasses import replace

import pytest

from chassis.aggregate import Lane
from chassis.cards import CardOpened
from contracts.messages import operations
from services.counterparty.domain import party
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    NO,
    PartyStream,
    a_party,
    answers,
    checked,
    company,
    facts,
    open_cards,
    take,
)
from tests.services.streams import NOW


def want(request_id: str = "r1", name: str = "Ромашка", responsible_id: str = "7") -> party.WantRecord:
    """A request of a seller whose buyers are asked about at a register."""
    buyer = checked(company(name=name))
    return party.WantRecord("vektor", ACCOUNT, request_id, f"deal of {request_id}", buyer, responsible_id, (DADATA,))


def linked() -> PartyStream:
    """A buyer that the first sync has found in accounting."""
    stream = a_party()
    stream.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e1"))
    return stream


def told(stream: PartyStream, status: str, request_id: str = "r1") -> PartyStream:
    """The register was asked for a request."""
    stream.ran(want(request_id))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status=status)))
    return stream


def record(stream: PartyStream) -> party.Record:
    """The buyer in the one account."""
    return stream.state.records[ACCOUNT]


def test_record_that_a_sync_looked_for_is_made_at_once_when_a_request_needs_it() -> None:
    stream = a_party()
    stream.ran(party.MakeRecord("vektor", ACCOUNT, checked(), look_up=True))
    buyer = checked()
    stream.ran(party.WantRecord("vektor", ACCOUNT, "r1", "15", buyer, "7"))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    assert [one.lane for one in stream.effects_of(party.CREATE)] == [Lane.INTERACTIVE]


def test_refused_buyer_that_is_asked_for_again_answers_those_alone_who_ask_now() -> None:
    stream = a_party()
    stream.ran(party.WantRecord("vektor", ACCOUNT, "r1", "15", checked(), "7"))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeRefused(ACCOUNT, 1, NO))
    stream.ran(party.WantRecord("vektor", ACCOUNT, "r2", "16", checked(), "7"))
    assert record(stream).waiting == {"r2": "16"}
    stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
    assert answers(stream) == [("r1", NO.code), ("r2", "e1")]


def test_question_about_a_buyer_with_a_record_goes_to_who_asked_last_and_names_it_as_the_crm_does_now() -> None:
    stream = linked()
    stream.ran(want("r1", responsible_id="7"))
    stream.ran(want("r2", "Ромашка Плюс", "8"))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt")))
    (asked,) = stream.happened(CardOpened)
    assert (asked.responsible_id, asked.values["name"], asked.deal_id) == ("8", "Ромашка Плюс", "deal of r1")


@pytest.mark.parametrize(("hours", "stands"), [(0, True), (23.99, True), (24, False)])
def test_buyer_found_to_be_in_order_stands_for_a_day(hours: float, stands: bool) -> None:
    stream = told(linked(), "active")
    assert party.stands(record(stream), NOW + dt.timedelta(hours=hours)) is stands


def test_buyer_that_is_no_more_stands_no_longer() -> None:
    stream = told(linked(), "active")
    told(stream, "liquidated", "r2")
    assert not party.stands(record(stream), NOW)


def test_buyer_of_whom_the_register_knows_nothing_does_not_stand() -> None:
    stream = linked()
    stream.ran(want())
    stream.ran(party.SeeRegister(ACCOUNT, None))
    assert not party.stands(record(stream), NOW)


def test_state_that_a_person_let_pass_is_let_pass_again_even_after_a_better_one() -> None:
    stream = told(linked(), "bankrupt")
    take(stream, "buyer_ending", "go_on")
    told(stream, "active", "r2")
    told(stream, "bankrupt", "r3")
    assert open_cards(stream) == []
    assert answers(stream) == [("r1", "e1"), ("r2", "e1"), ("r3", "e1")]


def test_another_state_than_the_one_that_a_person_let_pass_is_asked_about() -> None:
    stream = told(linked(), "bankrupt")
    take(stream, "buyer_ending", "go_on")
    told(stream, "liquidating", "r2")
    assert open_cards(stream) == ["buyer_ending"]


def test_request_of_a_buyer_with_a_record_is_answered_each_time_it_comes() -> None:
    stream = linked()
    needed = party.WantRecord("vektor", ACCOUNT, "r1", "15", checked(), "7")
    stream.ran(needed)
    stream.ran(needed)
    assert answers(stream) == [("r1", "e1"), ("r1", "e1")]
    assert record(stream).waiting == {}


def test_request_that_was_refused_is_looked_up_anew_when_it_comes_again() -> None:
    stream = a_party()
    needed = party.WantRecord("vektor", ACCOUNT, "r1", "15", checked(), "7")
    stream.ran(needed)
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeRefused(ACCOUNT, 1, NO))
    stream.tasks.clear()
    stream.ran(needed)
    assert [kind for kind, _ in stream.tasks] == [party.FIND]


def test_refused_record_that_a_sync_looks_for_is_made_by_the_next_attempt() -> None:
    stream = a_party()
    stream.ran(party.MakeRecord("vektor", ACCOUNT, checked()))
    stream.ran(party.SeeRefused(ACCOUNT, 1, NO))
    stream.ran(party.MakeRecord("vektor", ACCOUNT, checked(), look_up=True))
    assert stream.ran(party.SeeRecords(ACCOUNT, ())) == [
        party.RecordAbsent(account=ACCOUNT, attempt=2, party=checked())
    ]


class TestWhoWaitsForAPerson:
    def asked(self, stream: PartyStream) -> list[tuple[str, str]]:
        return [(one.deal_id, one.responsible_id) for one in stream.said(operations.DecisionNeeded)]

    def test_each_waiting_deal_is_told_and_its_own_responsible_asked(self) -> None:
        stream = a_party()
        stream.ran(want("r1", responsible_id="7"))
        stream.ran(want("r2", responsible_id="8"))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        assert self.asked(stream) == [("deal of r1", "7"), ("deal of r2", "8")]

    def test_deal_that_comes_later_is_told_the_same_once(self) -> None:
        stream = a_party()
        stream.ran(want("r1", responsible_id="7"))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        stream.ran(want("r2", responsible_id="8"))
        stream.ran(replace(want("r3", responsible_id="8"), deal_id="deal of r2"))
        assert self.asked(stream) == [("deal of r1", "7"), ("deal of r2", "8")]
        assert len({one.card_id for one in stream.said(operations.DecisionNeeded)}) == 1

    def test_answer_is_told_to_each_and_lets_each_go_on(self) -> None:
        stream = a_party()
        stream.ran(want("r1"))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        stream.ran(want("r2"))
        take(stream, "counterparty_double", "use_e2")
        assert [one.deal_id for one in stream.said(operations.DecisionTaken)] == ["deal of r1", "deal of r2"]
        stream.ran(party.SeeRegister(ACCOUNT, facts(status="active")))
        assert answers(stream) == [("r1", "e2"), ("r2", "e2")]

    def test_deal_that_comes_for_a_buyer_about_to_be_no_more_is_told_while_a_person_is_asked(self) -> None:
        stream = told(linked(), "bankrupt")
        stream.ran(want("r2", responsible_id="8"))
        assert self.asked(stream) == [("deal of r1", "7"), ("deal of r2", "8")]

    @pytest.mark.parametrize(("status", "answer"), [("active", "e1"), ("liquidated", "buyer_liquidated")])
    def test_question_that_the_register_answers_after_all_is_withdrawn_in_each_deal(
        self, status: str, answer: str
    ) -> None:
        stream = told(linked(), "bankrupt")
        told(stream, status, "r2")
        assert answers(stream) == [("r1", answer), ("r2", answer)]
        assert open_cards(stream) == []
        taken = stream.said(operations.DecisionTaken)
        assert [(one.deal_id, one.choice) for one in taken] == [
            ("deal of r1", "withdrawn"),
            ("deal of r2", "withdrawn"),
        ]
