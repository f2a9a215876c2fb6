"""Where an accountant's record stands in the CRM: which requisites it is, who is asked, and what is news of it."""

from typing import Any

import pytest

from services.counterparty.domain import records
from services.counterparty.domain.records import (
    CompanyMissing,
    Known,
    Places,
    RecordPlaced,
    RecordSeen,
    Requisite,
    SeeRecord,
    place,
    question,
    seen,
)
from tests.services.counterparty.test_records import CRM, INN, KPP, VALUES, entered, record, requisite
from tests.services.streams import NOW


def known(**values: str) -> Known:
    """The record as it was seen before, all of it accounting's own word."""
    return Known(record(**values), frozenset(VALUES), CRM)


def without(*names: str) -> SeeRecord:
    """The record comes by without some of its fields."""
    bare = record().model_copy(update={"values": {one: VALUES[one] for one in VALUES if one not in names}})
    return SeeRecord(bare, None, CRM)


def asked(stream: str = f"card-{INN}", among: Any = (), **values: str) -> dict[str, Any]:
    """The values of a question."""
    return dict(question(stream, 0, known(**values), among, NOW).values)


def test_a_new_record_waits_until_it_is_placed_or_made() -> None:
    news = seen(None, entered())
    assert news is not None
    key = news.record.key
    waits = records.evolve(Places(), news)
    assert (set(waits.waiting), set(waits.known[key].own)) == ({key}, set(VALUES))
    placed = records.evolve(waits, RecordPlaced(key=key, requisite_id="77"))
    assert (placed.waiting, placed.placed) == (frozenset(), {key: "77"})
    missing = records.evolve(waits, CompanyMissing(key=key, kind="company", inn=INN, kpp=KPP, values={}))
    assert (missing.waiting, missing.missing) == (frozenset(), {key: {}})


def test_an_emptied_field_is_news_and_an_unchanged_record_is_none() -> None:
    assert seen(known(), entered()) is None
    news = seen(known(), without("phone"))
    assert isinstance(news, RecordSeen)
    assert news.own == ("name", "full_name", "kpp", "phone")
    assert news.record.values == without("phone").record.values


def test_other_spelling_of_a_name_is_no_news_and_of_a_kpp_it_is() -> None:
    assert seen(known(), entered(name="ооо  «лотос»")) is None
    letters = known(kpp="7725AB001")
    assert seen(letters, entered(kpp="7725ab001")) is not None
    assert seen(known(kpp="7725ab001"), entered(kpp="7725ab001")) is None


def test_an_echo_of_what_we_wrote_is_no_news_even_where_one_name_stands_twice() -> None:
    sent: Any = {"name": "ООО «Лотос»", "kpp": KPP, "phone": VALUES["phone"]}
    assert seen(None, entered(sent)) is None
    assert seen(None, entered({"kpp": KPP, "phone": VALUES["phone"], "full_name": "ООО «Лотос»"})) is None
    news = seen(None, entered(sent, full_name="Общество «Лотос»"))
    assert isinstance(news, RecordSeen)
    assert news.own == ("full_name",)


def test_a_record_without_a_kpp_is_the_only_requisites_there_are() -> None:
    bare = record(kpp="")
    one, other = requisite(requisite_id="1"), requisite(requisite_id="2")
    assert place(Places(), bare, [one]) == one
    assert place(Places(), bare, [one, other]) == (one, other)
    nothing = without("kpp").record
    assert nothing.kpp == ""
    assert place(Places(), nothing, [one]) == one


def test_of_branches_the_one_with_the_kpp_is_taken_else_one_without_any() -> None:
    branch, blank = requisite(requisite_id="1", kpp="781343001"), requisite(requisite_id="2", kpp=" ")
    same = requisite(requisite_id="3")
    assert place(Places(), record(), [branch, blank, same]) == same
    assert place(Places(), record(), [branch, blank]) == blank
    assert place(Places(), record(), [branch]) == (branch,)
    assert place(Places(), record(), [same, same]) == (same, same)


def test_a_record_stays_with_the_requisites_that_it_was_placed_at() -> None:
    one, other = requisite(requisite_id="1"), requisite(requisite_id="2")
    before = Places(placed={record().key: "2", "elba:main/e9": "1"})
    assert place(before, record(), [one, other]) == other
    assert place(before, record(), [one]) == one, "they are gone"


def test_of_a_company_that_a_person_named_the_requisites_with_the_kpp_are_taken() -> None:
    named = Places(chosen={record().key: "512"})
    branch, blank = requisite(requisite_id="1", kpp="781343001"), requisite(requisite_id="2", kpp="")
    same = requisite(requisite_id="3")
    assert place(named, record(), [branch, blank, same]) == same
    assert place(named, record(), [branch, blank]) == branch, "without one the first are taken"


def test_requisites_show_what_a_record_may_say_and_nothing_else() -> None:
    shown = Requisite(company_id="512", requisite_id="77", name="Лотос", kpp=KPP, responsible_id="7", phone="1").shown()
    assert shown == {"name": "Лотос", "full_name": "", "kpp": KPP, "ogrn": "", "address": "", "phone": "1"}


def test_a_name_that_a_service_keeps_in_the_other_place_alone_is_an_echo() -> None:
    sent: Any = {"name": "ООО «Лотос»", "kpp": KPP, "phone": VALUES["phone"]}
    assert seen(None, entered(sent, name="")) is None


def test_a_company_that_a_person_named_goes_before_where_the_record_was_placed() -> None:
    one, other = requisite(company_id="512", requisite_id="1"), requisite(company_id="513", requisite_id="2")
    named = Places(placed={record().key: "1"}, chosen={record().key: "513"})
    assert place(named, record(), [one, other]) == other


def test_a_field_that_stays_empty_is_no_news() -> None:
    bare = Known(without("phone").record, frozenset(VALUES), CRM)
    assert seen(bare, entered(phone="")) is None
    assert seen(bare, entered(phone="1")) is not None


@pytest.mark.parametrize(
    ("values", "name"),
    [({}, "ООО «Лотос»"), ({"name": ""}, "Общество"), ({"name": "", "full_name": ""}, "")],
)
def test_a_question_names_the_company(values: dict[str, str], name: str) -> None:
    given = {"full_name": "Общество", **values} if values else values
    assert asked(**given)["name"] == name


def test_a_question_about_a_record_without_names_names_nobody() -> None:
    bare = Known(without("name", "full_name").record, frozenset(), CRM)
    assert question(f"card-{INN}", 0, bare, (), NOW).values["name"] == ""
    whole = Known(without("name").record, frozenset(), CRM)
    assert question(f"card-{INN}", 0, whole, (), NOW).values["name"] == VALUES["full_name"]


def test_a_question_shows_the_inn_of_a_company_and_none_of_a_persons() -> None:
    assert (asked()["inn"], asked()["kpp"]) == (INN, KPP)
    assert asked("card-500100732259")["inn"] == ""


def test_a_question_lists_companies_by_age_and_goes_to_the_first_who_answers_for_one() -> None:
    among = [
        requisite(company_id="1024", responsible_id=""),
        requisite(company_id="99", responsible_id="8"),
        requisite(company_id="99", responsible_id="9"),
    ]
    opened = question(f"card-{INN}", 0, known(), among, NOW)
    assert opened.values["companies"] == "99, 1024"
    assert opened.responsible_id == "8"
    assert (opened.subject, opened.opened_at) == (record().key, NOW)
    nobody = question(f"card-{INN}", 1, known(), among[:1], NOW)
    assert nobody.responsible_id == ""
    assert nobody.card_id != opened.card_id
