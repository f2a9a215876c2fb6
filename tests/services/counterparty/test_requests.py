"""A deal's requests of buyers: what is refused, what is asked of the register, and what comes late or twice."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.messages import counterparty as messages
from services.counterparty.domain import company as register
from services.counterparty.domain import deal
from services.counterparty.domain.fields import Field, changes, merged, spelled, told
from services.counterparty.domain.values import Rules
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    NO,
    ROMASHKA,
    VASILEK,
    Requests,
    ask,
    checked,
    company,
    facts,
    person,
    requests,
)  # fmt: skip


def wanted(sequence: int = 0, **fields: Any) -> Requests:
    """A request whose party is asked for its record."""
    stream = requests()
    stream.ran(replace(ask(buyer=company(), **fields), sequence=sequence))
    return stream


def parties(stream: Requests) -> list[str]:
    """The parties that were asked for a record, in order."""
    return [event.party.party for event in stream.happened(deal.LinkWanted)]


class TestRefused:
    def test_refusal_of_the_record_is_told_with_all_of_the_request(self) -> None:
        stream = wanted(4)
        assert stream.ran(deal.AnswerNo("r1", ROMASHKA, NO)) == [
            deal.LinkRefused(
                tenant="vektor",
                request_id="r1",
                deal_id="15",
                account=ACCOUNT,
                rules=Rules(),
                content_hash="a",
                responsible_id="7",
                sequence=4,
                reasons=(NO,),
            )
        ]
        (said,) = stream.said(messages.CounterpartyRejected)
        assert [one.code for one in said.reasons] == ["accounting_refused"]
        assert stream.ran(deal.AnswerNo("r1", ROMASHKA, NO)) == []

    def test_answer_about_another_party_or_request_is_not_ours(self) -> None:
        stream = wanted()
        assert stream.ran(deal.AnswerNo("r1", VASILEK, NO)) == []
        assert stream.ran(deal.AnswerNo("r9", ROMASHKA, NO)) == []
        assert stream.ran(deal.Answer("r1", VASILEK, "cp", "e1", False)) == []

    def test_missing_buyer_is_refused_with_all_of_the_request(self) -> None:
        stream = requests()
        (event,) = stream.ran(replace(ask(), sequence=3))
        assert isinstance(event, deal.LinkRefused)
        assert (event.sequence, event.account, event.content_hash, event.responsible_id) == (3, ACCOUNT, "a", "7")
        assert stream.tasks == {}

    def test_person_is_refused_where_the_tenant_sells_to_companies_alone(self) -> None:
        stream = requests()
        rules = Rules(people_without_inn=False)
        (event,) = stream.ran(replace(ask(buyer=person()), rules=rules))
        assert isinstance(event, deal.LinkRefused)
        (event,) = requests().ran(ask(buyer=person()))
        assert isinstance(event, deal.LinkWanted)


class TestChanged:
    def test_buyer_of_a_newer_deal_is_asked_for_in_place_of_the_requests(self) -> None:
        stream = requests()
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 5))
        (event,) = stream.ran(replace(ask(buyer=company()), sequence=4))
        assert isinstance(event, deal.LinkWanted)
        assert (event.party.party, event.content_hash, event.sequence) == (VASILEK, "b", 5)

    @pytest.mark.parametrize("sequence", [0, 5, 6])
    def test_request_that_is_no_older_keeps_its_buyer(self, sequence: int) -> None:
        stream = requests()
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 5))
        (event,) = stream.ran(replace(ask(buyer=company()), sequence=sequence))
        assert isinstance(event, deal.LinkWanted)
        assert (event.party.party, event.content_hash, event.sequence) == (ROMASHKA, "a", sequence)

    @pytest.mark.parametrize("first", [1, 5])
    def test_change_is_seen_once_and_an_older_one_never(self, first: int) -> None:
        stream = requests()
        (seen,) = stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", first))
        assert seen == deal.BuyerSeen(buyer=company(VASILEK), content_hash="b", sequence=first)
        assert stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", first)) == []
        assert stream.ran(deal.SeeBuyer("15", company(), "c", 1)) == []
        assert stream.state.seen == seen

    def test_change_without_a_number_counts_as_it_comes(self) -> None:
        stream = wanted(3)
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b"))
        assert parties(stream) == [ROMASHKA, VASILEK]
        assert stream.happened(deal.LinkWanted)[-1].sequence == 3
        assert stream.state.seen is None

    def test_changed_request_goes_on_under_the_newest_number(self) -> None:
        stream = wanted(3)
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 7))
        assert [(event.party.party, event.sequence) for event in stream.happened(deal.LinkWanted)] == [
            (ROMASHKA, 3),
            (VASILEK, 7),
        ]

    @pytest.mark.parametrize("late", [1, 2])
    def test_change_that_is_older_than_the_request_changes_nothing_of_it(self, late: int) -> None:
        stream = wanted(3)
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", late))
        assert parties(stream) == [ROMASHKA]

    def test_change_of_the_same_number_is_the_requests_own_deal(self) -> None:
        stream = wanted(3)
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 3))
        assert parties(stream) == [ROMASHKA, VASILEK]


class TestRegister:
    def test_look_up_names_what_is_asked_of_whom(self) -> None:
        stream = requests()
        (event,) = stream.ran(replace(ask(buyer=company("7736207543"), registers=(DADATA,)), sequence=2))
        assert isinstance(event, deal.CompanyAsked)
        assert (event.sequence, event.inn) == (2, "7736207543")
        (plan,) = [plan for (kind, _), plan in stream.tasks.items() if kind == register.LOOK_UP]
        assert plan.payload == {
            "request_id": "r1",
            "account": ACCOUNT,
            "inn": "7736207543",
            "kpp": "",
            "registers": [{"account": DADATA.account, "vendor": "dadata", "per_day": 100}],
        }
        stream.ran(deal.SeeCompany("r1", "7736207543", facts()))
        (found,) = stream.happened(deal.LinkWanted)
        assert (found.sequence, found.content_hash, found.responsible_id) == (2, "a", "7")

    def test_kpp_that_the_deal_shows_stands(self) -> None:
        branch = company("7736207543-781343001", name="")
        assert register.filled_buyer(branch, facts()).kpp == "781343001"
        assert register.filled_buyer(company("7736207543", kpp=" "), facts()).kpp == "773601001"

    def test_what_nobody_asked_for_is_not_told(self) -> None:
        stream = wanted()
        assert stream.ran(deal.SeeCompany("r1", "7736207543", facts())) == []
        assert stream.ran(deal.SeeCompany("r9", "7736207543", facts())) == []


class TestFields:
    def test_malformed_numbers_are_not_said(self) -> None:
        said = told({"kpp": "12", "ogrn": "12", "name": "  ", "phone": " 8 800 ", "email": "a@b.ru"}, "accounting")
        assert {name: field.value for name, field in said.items()} == {"phone": "8 800", "email": "a@b.ru"}
        right = told({"kpp": " 7736 01001 ", "ogrn": "1027700229193"}, "crm")
        assert {name: field.value for name, field in right.items()} == {"kpp": "773601001", "ogrn": "1027700229193"}

    def test_what_the_card_itself_says_is_not_written_into_it(self) -> None:
        assert changes({"name": "Б"}, {"name": Field(value="А", origin="crm")}) == {}

    def test_empty_fields_are_filled_and_contacts_only_of_a_card_that_was_looked_at(self) -> None:
        best = merged([told({"name": "А", "address": "XXXX", "phone": "1"}, "accounting")])
        assert set(changes({}, best)) == {"name", "address"}
        assert set(changes({"phone": ""}, best)) == {"name", "address", "phone"}

    def test_numbers_are_the_same_only_to_the_letter(self) -> None:
        assert spelled("kpp", " 7725ab001 ") == "7725ab001"
        assert spelled("name", " ооо «Ёж» ") == 'ООО "ЕЖ"'
        best = {"ogrn": Field(value="1027700229193", origin="register")}
        assert changes({"ogrn": "1027700229193 "}, best) == {}  # type: ignore[arg-type] # one name of many


def test_party_of_a_buyer_is_the_one_that_is_asked() -> None:
    assert parties(wanted()) == [checked().party]
