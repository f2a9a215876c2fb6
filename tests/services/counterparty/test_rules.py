"""Rules of buyers by their ids: INN, KPP, people without INN, several records of one buyer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages import counterparty as messages
from contracts.messages import operations
from services.counterparty.app import CARDS
from services.counterparty.domain import card, deal, party, party_plans
from services.counterparty.domain.values import Buyer, Rules, check
from tests.services.counterparty.parts import (
    ACCOUNT,
    NO,
    ROMASHKA,
    VASILEK,
    PartyStream,
    a_party,
    answers,
    ask,
    checked,
    company,
    open_cards,
    person,
    requests,
    take,
    want,
)
from tests.services.streams import NOW, Stream


def refusal(buyer: Buyer | None, rules: Rules | None = None) -> list[str]:
    """The codes of all that is wrong with a buyer."""
    found, reasons, _ = check(buyer, rules or Rules())
    assert (found is None) == bool(reasons)
    return [reason.code for reason in reasons]


class TestR10Kpp:
    def test_legal_entity_without_kpp_is_blocked(self) -> None:
        assert refusal(company("7736207543")) == ["kpp_missing"]

    def test_malformed_kpp_is_named_as_such(self) -> None:
        assert refusal(company("7736207543", kpp="12345")) == ["kpp_malformed"]

    def test_kpp_written_beside_the_inn_is_read(self) -> None:
        assert checked(company("7736207543", inn="7736207543/773601001")).party == ROMASHKA

    def test_cyrillic_look_alikes_of_a_kpp_are_the_same_party(self) -> None:
        assert checked(company(kpp="7725АВ001")).party == checked(company(kpp="7725AB001")).party

    def test_entrepreneur_needs_none_and_one_that_is_given_is_dropped_with_a_warning(self) -> None:
        found, _, warnings = check(company("500100732259-773601001"), Rules())
        assert found is not None
        assert (found.party, found.kind, found.kpp) == ("500100732259", "entrepreneur", "")
        assert [warning.code for warning in warnings] == ["kpp_dropped"]


class TestR11Inn:
    @pytest.mark.parametrize(
        ("inn", "code"),
        [
            ("7707083894", "inn_checksum"),
            ("770708389", "inn_length"),
            ("77070838AB", "inn_not_digits"),
            ("0000000000", "inn_checksum"),
            ("///", "inn_empty"),
        ],
    )
    def test_bad_inn_is_named(self, inn: str, code: str) -> None:
        assert refusal(company(inn=inn)) == [code]

    def test_bad_inn_of_a_person_is_not_repeated_to_anybody(self) -> None:
        _, (reason,), _ = check(company(inn="500100732258"), Rules())
        assert reason.values == {}

    def test_company_must_have_one(self) -> None:
        assert refusal(company("")) == ["inn_missing"]

    def test_person_may_have_none(self) -> None:
        assert checked(person()).party == "c77"

    def test_tenant_may_switch_such_buyers_off(self) -> None:
        assert refusal(person(), Rules(people_without_inn=False)) == ["buyers_without_inn_off"]

    def test_deal_without_a_buyer_is_named(self) -> None:
        assert refusal(None) == ["buyer_missing"]

    def test_buyer_without_a_name_is_named_with_the_rest(self) -> None:
        assert refusal(company("7736207543", name="")) == ["buyer_name_missing", "kpp_missing"]

    def test_wrong_ogrn_is_left_out_with_a_warning(self) -> None:
        found, _, warnings = check(company(ogrn="1027700132194"), Rules())
        assert found is not None
        assert (found.ogrn, [warning.code for warning in warnings]) == ("", ["ogrn_invalid"])


class TestRequests:
    def test_request_with_a_buyer_in_order_asks_the_party(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company()))
        (task,) = stream.tasks.values()
        assert (task.kind, task.payload["party"]["party"]) == (deal.LINK, ROMASHKA)
        assert task.payload["responsible_id"] == "7"

    def test_request_is_answered_once(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company()))
        answer = deal.Answer("r1", ROMASHKA, "cp", "elba-1")
        stream.ran(answer)
        assert stream.ran(answer) == []
        assert stream.ran(ask(buyer=company())) == []
        assert stream.ran(deal.AnswerNo("r1", ROMASHKA, NO)) == []
        assert len(stream.said(messages.CounterpartyLinked)) == 1

    def test_refused_request_is_tried_again_with_the_changed_deal(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company("7736207543")))
        assert stream.said(messages.CounterpartyRejected)[0].reasons[0].code == "kpp_missing"
        assert stream.ran(deal.SeeBuyer("15", company("7736207543"), "a")) == []
        stream.ran(deal.SeeBuyer("15", company(), "b"))
        stream.ran(deal.Answer("r1", ROMASHKA, "cp", "elba-1"))
        assert stream.said(messages.CounterpartyLinked)[0].remote_id == "elba-1"

    def test_waiting_request_asks_for_the_buyer_that_the_deal_has_now(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company(ROMASHKA)))
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b"))
        assert stream.ran(deal.Answer("r1", ROMASHKA, "cp", "elba-1")) == []
        assert stream.ran(deal.AnswerNo("r1", ROMASHKA, NO)) == []
        stream.ran(deal.Answer("r1", VASILEK, "cp", "elba-2"))
        assert [(one.inn, one.remote_id) for one in stream.said(messages.CounterpartyLinked)] == [
            ("7707083893", "elba-2")
        ]

    def test_waiting_request_does_not_ask_again_for_the_same_buyer(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company()))
        assert stream.ran(deal.SeeBuyer("15", company(name="Ромашка и К"), "b")) == []

    def test_linked_request_stays_linked_whatever_the_deal_shows(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company()))
        stream.ran(deal.Answer("r1", ROMASHKA, "cp", "elba-1"))
        assert stream.ran(deal.SeeBuyer("15", company(VASILEK), "b")) == []

    def test_answer_nobody_asked_for_is_nothing(self) -> None:
        assert requests().ran(deal.Answer("r9", ROMASHKA, "cp", "elba-1")) == []


class TestNewerChangeBeforeTheOlder:
    """A topic that was lost is sent again, with what was written meanwhile first."""

    def test_request_that_is_older_than_a_change_has_the_buyer_of_the_change(self) -> None:
        stream = requests()
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 5))
        stream.ran(replace(ask(), sequence=2))
        stream.ran(deal.SeeBuyer("15", company("7736207543"), "c", 3))
        last = stream.state.requests["r1"].last
        assert isinstance(last, deal.LinkWanted)
        assert (last.party.party, last.content_hash) == (VASILEK, "b")

    def test_change_that_is_older_than_the_request_changes_nothing(self) -> None:
        stream = requests()
        stream.ran(replace(ask(buyer=company()), sequence=5))
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 3))
        last = stream.state.requests["r1"].last
        assert isinstance(last, deal.LinkWanted)
        assert last.party.party == ROMASHKA

    @given(newer=st.integers(0, 6), taken=st.integers(0, 6))
    def test_lost_topic_ends_in_the_buyer_that_the_deal_shows(self, newer: int, taken: int) -> None:
        shown = [company(), company(VASILEK), None, company("7736207543"), company(), company(VASILEK)]
        commands: list[deal.Command] = [replace(ask(buyer=shown[0], content="a"), sequence=1)]
        for number, buyer in enumerate(shown[1:], 2):
            commands.append(deal.SeeBuyer("15", buyer, f"{number % 4}", number))
        commands.insert(4, replace(ask("r2", buyer=shown[3], content="x"), sequence=4))
        stream, newer = requests(), max(newer, taken)
        for number in (*range(taken), *range(newer, 7), *range(taken, newer)):
            stream.ran(commands[number], str(number))
        for request in stream.state.requests.values():
            assert isinstance(request.last, deal.LinkWanted)
            assert request.last.party.party == VASILEK
        assert stream.replayed() == stream.state


class TestCardsToldBackwards:
    def test_requisites_that_left_an_inn_are_not_taken_for_its_own_by_an_older_message(self) -> None:
        stream: Stream[card.State, card.Command] = Stream(CARDS, "card-7736207543")
        shown = card.Requisite(company_id="512", requisite_id="77")
        stream.ran(card.LeaveCard("77", 4))
        assert stream.ran(card.SeeCard(shown, False, (), 2)) == []
        assert stream.state.cards == {}
        stream.ran(card.SeeCard(shown, False, (), 6))
        assert list(stream.state.cards) == ["77"]

    def test_older_look_at_requisites_says_nothing(self) -> None:
        stream: Stream[card.State, card.Command] = Stream(CARDS, "card-7736207543")
        newer = card.Requisite(company_id="512", requisite_id="77", kpp="773601001")
        stream.ran(card.SeeCard(newer, False, (), 4))
        assert stream.ran(card.SeeCard(newer.model_copy(update={"kpp": ""}), False, (), 3)) == []
        assert stream.state.cards["77"] == newer


class TestR13SeveralRecords:
    def test_two_companies_of_the_crm_point_to_the_one_record_and_the_conflict_is_shown(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company(same_inn_crm_ids=("513", "514"))))
        stream.ran(deal.Answer("r1", ROMASHKA, "cp", "elba-1"))
        assert stream.said(messages.CounterpartyLinked)[0].conflict_crm_ids == ("513", "514")
        one = checked(company(crm_id="512")).party
        assert one == checked(company(crm_id="513")).party

    def test_two_records_wait_for_a_person(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        assert (open_cards(stream), answers(stream)) == (["counterparty_double"], [])
        take(stream, "counterparty_double", "use_e2")
        assert answers(stream) == [("r1", "e2")]

    def test_inn_known_under_other_kpps_only_is_asked_about(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, (), ("e7",)))
        assert open_cards(stream) == ["branch_unknown"]
        take(stream, "branch_unknown", "create_again")
        assert len(stream.effects_of(party.CREATE)) == 1

    def test_one_record_is_taken_at_once(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, ("e1",), ("e7",)))
        assert answers(stream) == [("r1", "e1")]

    def test_buyer_that_was_given_up_is_asked_about_again_by_the_next_request(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        take(stream, "counterparty_double", "give_up")
        assert answers(stream) == [("r1", "buyer_given_up")]
        stream.ran(want("r2"))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        assert open_cards(stream) == ["counterparty_double"]

    def test_question_goes_to_the_responsible_and_hides_a_persons_inn(self) -> None:
        stream = a_party("500100732259")
        stream.ran(want(buyer=company("500100732259")))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        (asked,) = stream.said(operations.DecisionNeeded)
        assert (asked.responsible_id, asked.values["inn"]) == ("7", "")


class TestCreation:
    def _creating(self) -> party.Command:
        return party.SeeRecords(ACCOUNT, ())

    def test_unknown_party_is_created_once_for_all_who_wait(self) -> None:
        stream = a_party()
        for name in ("r1", "r2", "r3"):
            stream.ran(want(name))
        stream.ran(self._creating())
        assert stream.ran(self._creating()) == []
        stream.ran(want("r4"))
        assert len(stream.effects_of(party.CREATE)) == 1
        stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
        assert answers(stream) == [("r1", "e1"), ("r2", "e1"), ("r3", "e1"), ("r4", "e1")]

    def test_only_those_for_whom_it_was_made_are_told_so(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
        stream.ran(want("r2"))
        told = [plan.payload["created"] for (kind, _), plan in stream.tasks.items() if kind == party.ANSWER]
        assert told == [True, False]

    def test_refused_creation_answers_all_and_is_tried_anew_by_the_next_request(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeRefused(ACCOUNT, 1, NO))
        assert answers(stream) == [("r1", "accounting_refused")]
        stream.ran(want("r2"))
        stream.ran(self._creating())
        stream.ran(party.SeeCreated(ACCOUNT, 2, "e1"))
        assert answers(stream)[1:] == [("r2", "e1")]

    def test_doubt_is_put_before_a_person(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, None))
        take(stream, "counterparty_uncertain", "found", "e5")
        assert answers(stream) == []
        stream.ran(self._read(stream, "e5"))
        assert (answers(stream), open_cards(stream)) == ([("r1", "e5")], [])

    def _read(self, stream: PartyStream, remote_id: str, why: str = "") -> party.SeeNamed:
        """What became of reading the record that a person named last."""
        (*_, plan) = [plan for (kind, _), plan in stream.tasks.items() if kind == party.CHECK]
        return party.SeeNamed(ACCOUNT, plan.payload["card_id"], remote_id, why)

    def test_wrong_record_that_a_person_named_leaves_the_question_open_and_says_why(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, NOW))
        take(stream, "counterparty_uncertain", "found", "e6")
        first = self._read(stream, "", "other_kpp")
        stream.ran(first)
        assert (answers(stream), open_cards(stream)) == ([], ["counterparty_uncertain"])
        asked = stream.said(operations.DecisionNeeded)[-1]
        assert {name: asked.values[name] for name in ("named", "why", "sent_at")} == {
            "named": "e6", "why": "other_kpp", "sent_at": NOW.isoformat(),
        }  # fmt: skip
        assert stream.ran(replace(first, remote_id="e6")) == []
        take(stream, "counterparty_uncertain", "found", "e5")
        assert stream.ran(replace(first, remote_id="e6")) == []
        stream.ran(self._read(stream, "e5"))
        assert answers(stream) == [("r1", "e5")]

    def test_late_proof_stands_before_the_record_that_is_being_read(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, None))
        take(stream, "counterparty_uncertain", "found", "e5")
        stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
        assert stream.ran(self._read(stream, "e5")) == []
        assert answers(stream) == [("r1", "e1")]

    def test_late_proof_settles_the_doubt_and_takes_the_question_back(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, None))
        stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
        assert (answers(stream), open_cards(stream)) == ([("r1", "e1")], [])

    def test_stale_answer_of_an_earlier_attempt_is_nothing(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(self._creating())
        stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, None))
        take(stream, "counterparty_uncertain", "create_again")
        assert stream.ran(party.SeeCreated(ACCOUNT, 1, "e1")) == []
        assert stream.ran(party.SeeRefused(ACCOUNT, 1, NO)) == []

    def test_many_who_wait_are_answered_in_pieces(self) -> None:
        stream = a_party()
        names = [f"r{number}" for number in range(party_plans.ANSWERS_PER_TASK_MAX + 1)]
        for name in names:
            stream.ran(want(name))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
        assert answers(stream) == [(name, "e1") for name in names]
        assert len([kind for kind, _ in stream.tasks if kind == party.ANSWER]) == 2

    def test_accounts_do_not_know_each_others_records(self) -> None:
        stream = a_party()
        stream.ran(want("r1", "elba:a"))
        stream.ran(want("r2", "elba:b"))
        stream.ran(party.SeeRecords("elba:a", ("e1",)))
        assert answers(stream) == [("r1", "e1")]
        stream.ran(party.SeeRecords("elba:b", ("e9",)))
        assert answers(stream) == [("r1", "e1"), ("r2", "e9")]
