"""Cards of the CRM: filled from the register when an INN is entered, once, and never in a circle."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.messages import counterparty as messages
from services.counterparty.app import CARDS
from services.counterparty.domain import card
from services.counterparty.domain import company as register
from services.counterparty.domain.card import FILLS_PER_DAY_MAX, LeaveCard, Requisite, SeeCard, SeeCompany
from tests.services.counterparty.parts import DADATA, facts
from tests.services.streams import NOW, Stream

INN, KPP = "7736207543", "773601001"
Cards = Stream[card.State, card.Command]


def cards(inn: str = INN) -> Cards:
    """The cards of an INN."""
    return Stream(CARDS, f"card-{inn}")


def seen(**values: Any) -> SeeCard:
    """Requisites of the CRM; their INN alone, unless a test says more."""
    given = {"company_id": "512", "requisite_id": "77", "responsible_id": "7", **values}
    return SeeCard(Requisite(**given), True, (DADATA,))


def shown(stream: Cards) -> dict[str, str]:
    """What the CRM shows after everything was written into it, and tells the stream so, as the portal does."""
    values: dict[str, str] = {}
    for filled in stream.happened(card.CardFilled):
        values |= {name: one.value for name, one in filled.values.items()}
    return values


def test_an_inn_is_enough_for_a_card() -> None:
    stream = cards()
    stream.ran(seen())
    (plan,) = [plan for (kind, _), plan in stream.tasks.items() if kind == register.LOOK_UP]
    assert (plan.payload["inn"], plan.payload["kpp"], plan.payload["patient"]) == (INN, "", True)
    stream.ran(SeeCompany("", facts()))
    (said,) = stream.said(messages.CompanyFilled)
    assert said.values == {
        "name": "ООО «Ромашка»", "full_name": "ООО «РОМАШКА»", "kpp": KPP, "ogrn": "1027700229193",
        "address": "119021, г Москва, ул Льва Толстого, д 16",
    }  # fmt: skip
    assert set(said.origins.values()) == {"register"}
    assert (said.company_id, said.requisite_id, said.status) == ("512", "77", "active")


def test_our_own_write_that_comes_back_writes_nothing() -> None:
    stream = cards()
    stream.ran(seen())
    stream.ran(SeeCompany("", facts()))
    stream.ran(seen(**shown(stream)))
    stream.ran(SeeCompany(KPP, facts()))
    assert len(stream.said(messages.CompanyFilled)) == 1
    assert stream.ran(seen(**shown(stream))) == []


def test_the_registers_word_stands_before_what_somebody_typed_but_for_a_branchs_kpp() -> None:
    stream = cards()
    stream.ran(seen(kpp="781343001", full_name="Ромашка и сыновья", ogrn="1"))
    stream.ran(SeeCompany("781343001", facts(kpp=KPP)))
    (said,) = stream.said(messages.CompanyFilled)
    assert said.values["full_name"] == "ООО «РОМАШКА»"
    assert "kpp" not in said.values


def test_what_the_register_does_not_know_stays() -> None:
    stream = cards()
    stream.ran(seen(name="Ромашка"))
    stream.ran(SeeCompany("", None))
    assert stream.said(messages.CompanyFilled) == []
    stream.ran(SeeCompany("", facts(full_name="", address="")))
    (said,) = stream.said(messages.CompanyFilled)
    assert {"full_name", "address"}.isdisjoint(said.values)


def test_of_a_person_the_number_alone_is_written() -> None:
    stream = cards("500100732259")
    stream.ran(seen(name="ИП Орлов"))
    told = facts(inn="500100732259", kpp="", ogrn="304500116000157", full_name="Орлов Пётр", short_name="ИП Орлов П.")
    stream.ran(SeeCompany("", told))
    (said,) = stream.said(messages.CompanyFilled)
    assert said.values == {"ogrn": "304500116000157"}


def test_another_state_is_told_though_the_card_is_right() -> None:
    stream = cards()
    stream.ran(seen())
    stream.ran(SeeCompany("", facts()))
    stream.ran(seen(**shown(stream)))
    stream.ran(SeeCompany(KPP, facts(status="liquidating")))
    stream.ran(SeeCompany(KPP, facts(status="liquidating")))
    assert [(bool(one.values), one.status) for one in stream.said(messages.CompanyFilled)] == [
        (True, "active"), (False, "liquidating"),
    ]  # fmt: skip


def test_another_inn_leaves_the_card_to_another_stream() -> None:
    stream = cards()
    stream.ran(seen())
    stream.ran(LeaveCard("77"))
    stream.ran(SeeCompany("", facts()))
    assert stream.said(messages.CompanyFilled) == []
    assert stream.ran(LeaveCard("77")) == []


def test_a_robot_that_keeps_changing_a_card_back_is_not_fought() -> None:
    stream = cards()
    stream.ran(seen(name="0"))
    stream.ran(SeeCompany("", facts()))
    right = shown(stream)
    for number in range(3 * FILLS_PER_DAY_MAX):
        stream.ran(seen(**{**right, "name": f"Ромашка {number}"}))
        stream.ran(SeeCompany(KPP, facts()))
    assert len([one for one in stream.said(messages.CompanyFilled) if one.values]) == FILLS_PER_DAY_MAX
    stream.now += timedelta(days=1)
    stream.ran(seen(**{**right, "name": "Ромашка"}))
    assert stream.said(messages.CompanyFilled)[-1].values == {"name": "ООО «Ромашка»"}


@pytest.mark.parametrize("registers", [(), (DADATA,)])
def test_a_tenant_that_does_not_want_it_has_nobody_asked(registers: tuple[Any, ...]) -> None:
    stream = cards()
    stream.ran(SeeCard(seen().requisite, False, registers))
    assert stream.tasks == {}
    stream.ran(SeeCompany("", facts()))
    assert stream.said(messages.CompanyFilled) == []


@pytest.mark.parametrize(("sequence", "is_news"), [(1, False), (4, False), (5, False), (6, True)])
def test_what_was_said_of_a_card_earlier_and_comes_later_is_nothing(sequence: int, is_news: bool) -> None:
    stream = cards()
    stream.ran(replace(seen(), sequence=5))
    stream.ran(replace(seen(company_id="513", requisite_id="78"), sequence=9))
    assert bool(stream.ran(replace(seen(name="Ромашка"), sequence=sequence))) is is_news


def test_first_that_was_said_of_a_card_is_taken_once() -> None:
    stream = cards()
    assert len(stream.ran(replace(seen(), sequence=1))) == 1
    assert stream.ran(replace(seen(name="Ромашка"), sequence=1)) == []


@pytest.mark.parametrize(("sequence", "leaves"), [(4, False), (5, False), (6, True), (0, True)])
def test_card_leaves_by_what_was_said_last(sequence: int, leaves: bool) -> None:
    stream = cards()
    stream.ran(replace(seen(), sequence=5))
    assert bool(stream.ran(LeaveCard("77", sequence))) is leaves
    assert ("77" not in stream.state.cards) is leaves


def test_card_that_left_before_it_was_seen_stays_away() -> None:
    stream = cards()
    stream.ran(LeaveCard("77", 5))
    assert stream.ran(replace(seen(), sequence=4)) == []
    assert stream.ran(LeaveCard("78")) == []


def test_same_word_of_the_register_on_another_day_or_of_another_provider_is_no_news() -> None:
    stream = cards()
    stream.ran(SeeCompany("", facts()))
    assert stream.ran(SeeCompany("", facts(provider="focus", fetched_at=NOW + timedelta(days=1)))) == []
    assert stream.ran(SeeCompany("", facts(address="Тверь"))) == [
        card.CompanyKnown(kpp="", facts=facts(address="Тверь"))
    ]
    assert stream.ran(SeeCompany("", None)) == [card.CompanyKnown(kpp="", facts=None)]
    assert stream.ran(SeeCompany("", None)) == []


def test_news_of_the_state_alone_do_not_count_as_writes() -> None:
    stream = cards()
    stream.ran(seen())
    stream.ran(SeeCompany("", facts()))
    right = shown(stream)
    stream.ran(seen(**right))
    for number in range(2 * FILLS_PER_DAY_MAX):
        stream.ran(SeeCompany(KPP, facts(status="liquidating" if number % 2 else "active")))
    stream.ran(seen(**{**right, "name": "Ромашка"}))
    assert stream.said(messages.CompanyFilled)[-1].values == {"name": "ООО «Ромашка»"}


def test_state_is_told_even_of_a_card_that_is_not_fought_for() -> None:
    stream = cards()
    stream.ran(seen(name="0"))
    stream.ran(SeeCompany("", facts()))
    right = shown(stream)
    for number in range(FILLS_PER_DAY_MAX):
        stream.ran(seen(**{**right, "name": f"Ромашка {number}"}))
        stream.ran(SeeCompany(KPP, facts()))
    stream.ran(SeeCompany(KPP, facts(status="liquidating")))
    said = stream.said(messages.CompanyFilled)[-1]
    assert (said.values, said.status) == ({}, "liquidating")


def test_card_that_left_as_the_first_that_was_said_of_it_is_kept_as_such() -> None:
    stream = cards()
    assert stream.ran(LeaveCard("77", 1)) == [card.CardLeft(requisite_id="77", sequence=1)]


@pytest.mark.parametrize(("inn", "asked"), [(INN, KPP), ("500100732259", "")])
def test_register_is_asked_for_a_companys_kpp_and_for_none_of_an_entrepreneurs(inn: str, asked: str) -> None:
    stream = cards(inn)
    stream.ran(seen(kpp=KPP))
    (plan,) = stream.tasks.values()
    assert plan.payload == {
        "inn": inn,
        "kpp": asked,
        "registers": [{"account": DADATA.account, "vendor": "dadata", "per_day": 100}],
        "patient": True,
    }
