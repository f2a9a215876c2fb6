"""What accountants enter: news of it reaches the CRM once, and what is our own comes to nothing."""

from typing import Any

import pytest

from chassis.aggregate import Lane
from chassis.cards import TakeCard
from contracts.messages import counterparty as messages
from contracts.messages import operations
from services.counterparty.app import CARDS
from services.counterparty.domain import card, records
from services.counterparty.domain import company as register
from services.counterparty.domain.fields import Field
from services.counterparty.domain.records import AccountingRecord, Requisite, SeeCards, SeeRecord
from tests.services.counterparty.parts import ACCOUNT, DADATA, facts
from tests.services.streams import NOW, Stream

INN, KPP = "7736207543", "773601001"
CRM = "bitrix24:vektor"
Cards = Stream[card.State, card.Command]
VALUES: dict[Any, str] = {"name": "ООО «Лотос»", "full_name": "ООО «Лотос»", "kpp": KPP, "phone": "+7 495 000-00-00"}


def cards(inn: str = INN) -> Cards:
    """The cards of an INN."""
    return Stream(CARDS, f"card-{inn}")


def record(**values: str) -> AccountingRecord:
    """A record of the account; ``values`` in place of the usual ones."""
    told: dict[Any, str] = {**VALUES, **values}
    return AccountingRecord(account=ACCOUNT, remote_id="e1", kind="company", values=told)


def entered(sent: Any = None, registers: Any = (), **values: str) -> SeeRecord:
    """The record comes by in the list of changes."""
    return SeeRecord(record(**values), sent, CRM, registers)


def requisite(**values: Any) -> Requisite:
    """Requisites that show what the record says, unless a test says otherwise."""
    given = {"company_id": "512", "requisite_id": "77", "responsible_id": "7", **VALUES, "email": "", **values}
    return Requisite(**given)


def looks(stream: Cards) -> int:
    """How often the CRM is looked at."""
    return len([kind for kind, _ in stream.tasks if kind == records.FIND_CARDS])


def test_a_company_that_the_crm_lacks_is_made_there_with_all_that_accounting_says() -> None:
    stream = cards()
    stream.ran(entered())
    assert looks(stream) == 1
    stream.ran(SeeCards(()))
    (said,) = stream.said(messages.CompanyAppeared)
    assert (said.inn, said.kpp, said.kind, said.values) == (INN, KPP, "company", VALUES)
    assert set(said.origins.values()) == {"accounting"}
    assert stream.ran(SeeCards(())) == [], "nothing waits any more"


def test_the_same_row_again_is_no_news() -> None:
    stream = cards()
    stream.ran(entered())
    assert stream.ran(entered()) == []
    assert stream.ran(entered(name='ооо  "Лотос"')) == [], "other spelling is no difference"


def test_a_record_that_we_made_is_an_echo_until_somebody_changes_it() -> None:
    stream = cards()
    sent: Any = {"name": "Лотос", "full_name": "ООО «Лотос»", "kpp": KPP}
    made = {"phone": "", "full_name": "ООО «Лотос»"}
    assert stream.ran(SeeRecord(_without("phone", **made), sent, CRM)) == []
    stream.ran(SeeRecord(record(), sent, CRM))
    stream.ran(SeeCards((requisite(name="Лотос и сыновья", phone=""),)))
    (said,) = stream.said(messages.CompanyFilled)
    assert said.values == {"phone": VALUES["phone"]}, "the name is ours, and the CRM has a newer one"
    assert said.origins == {"phone": "accounting"}


def _without(name: Any, **values: str) -> AccountingRecord:
    told = record(**values)
    return told.model_copy(update={"values": {key: value for key, value in told.values.items() if key != name}})


def test_a_change_follows_into_the_card_that_the_crm_has_and_is_written_once() -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards((requisite(),)))
    assert stream.said(messages.CompanyFilled) == []
    stream.ran(entered(name="ООО «Лотос Плюс»", phone="+7 495 111-11-11"))
    stream.ran(SeeCards((requisite(),)))
    (said,) = stream.said(messages.CompanyFilled)
    assert (said.company_id, said.requisite_id) == ("512", "77")
    assert said.values == {"name": "ООО «Лотос Плюс»", "phone": "+7 495 111-11-11"}
    stream.ran(entered(name="ООО «Лотос»"))
    stream.ran(SeeCards((requisite(name="ООО «Лотос Плюс»", phone="+7 495 000-00-00"),)))
    assert stream.said(messages.CompanyFilled)[-1].values == {"name": "ООО «Лотос»"}


def test_a_companys_right_kpp_stays_and_an_empty_one_is_filled() -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards((requisite(kpp=""),)))
    (said,) = stream.said(messages.CompanyFilled)
    assert said.values == {"kpp": KPP}


def test_the_registers_word_stands_before_accountings() -> None:
    stream = cards()
    stream.ran(entered(registers=(DADATA,)))
    (plan,) = [plan for (kind, _), plan in stream.tasks.items() if kind == register.LOOK_UP]
    assert (plan.payload["kpp"], plan.payload["patient"]) == (KPP, True)
    stream.ran(SeeCards(()))
    stream.ran(card.SeeCompany(KPP, facts()))
    stream.ran(SeeCards((requisite(),)))
    (said,) = stream.said(messages.CompanyFilled)
    assert said.values["full_name"] == "ООО «РОМАШКА»"
    assert said.origins["full_name"] == "register"
    assert "phone" not in said.values


def test_what_accounting_says_stands_when_the_crm_changes_its_card() -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards((requisite(),)))
    typed = {"company_id": "512", "requisite_id": "77", "kpp": KPP, "name": "Лотосик", "full_name": "ООО «Лотос»"}
    stream.ran(card.SeeCard(Requisite(**typed), True, (DADATA,)))
    (said,) = stream.said(messages.CompanyFilled)
    assert (said.values, said.origins) == ({"name": "ООО «Лотос»"}, {"name": "accounting"})


def test_two_companies_of_one_inn_and_kpp_are_a_question() -> None:
    stream = cards()
    stream.ran(entered())
    both = (requisite(), requisite(company_id="513", requisite_id="78"))
    stream.ran(SeeCards(both))
    (asked,) = stream.said(operations.DecisionNeeded)
    assert (asked.kind, asked.choices) == ("company_double", ("use_512", "use_513", "give_up"))
    assert stream.said(messages.CompanyAppeared) == stream.said(messages.CompanyFilled) == []
    stream.ran(TakeCard(asked.card_id, "use_513", "Анна"))
    stream.ran(SeeCards(tuple(one.model_copy(update={"phone": ""}) for one in both)))
    (said,) = stream.said(messages.CompanyFilled)
    assert (said.company_id, said.values) == ("513", {"phone": VALUES["phone"]})
    stream.ran(entered(phone="+7 495 222-22-22"))
    stream.ran(SeeCards(both))
    assert stream.said(messages.CompanyFilled)[-1].company_id == "513", "a person is asked once"
    assert len(stream.said(operations.DecisionNeeded)) == 1


def test_an_inn_under_another_kpp_alone_is_a_question_and_may_be_a_new_branch() -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards((requisite(kpp="781343001"),)))
    (asked,) = stream.said(operations.DecisionNeeded)
    assert asked.choices == ("use_512", "create_again", "give_up")
    stream.ran(TakeCard(asked.card_id, "create_again", "Анна"))
    (said,) = stream.said(messages.CompanyAppeared)
    assert said.kpp == KPP


def test_what_a_person_leaves_out_waits_for_the_next_change() -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards((requisite(kpp="781343001"),)))
    (asked,) = stream.said(operations.DecisionNeeded)
    stream.ran(TakeCard(asked.card_id, "give_up", "Анна"))
    assert stream.ran(SeeCards((requisite(kpp="781343001"),))) == []
    assert stream.said(messages.CompanyAppeared) == []


def test_an_entrepreneur_that_the_crm_has_as_a_contact_is_not_made_a_company() -> None:
    stream = cards("500100732259")
    sole = AccountingRecord(account=ACCOUNT, remote_id="e2", kind="entrepreneur", values={"name": "ИП Орлов"})
    stream.ran(SeeRecord(sole, None, CRM))
    stream.ran(SeeCards((), contact=True))
    assert stream.said(messages.CompanyAppeared) == []


def test_two_records_of_one_company_are_both_placed() -> None:
    stream = cards()
    stream.ran(entered())
    other = record().model_copy(update={"remote_id": "e2"})
    stream.ran(SeeRecord(other, None, CRM))
    stream.ran(SeeCards((requisite(),)))
    assert stream.state.places.placed == {record().key: "77", other.key: "77"}
    assert stream.state.places.waiting == frozenset()


def test_what_the_register_said_before_is_how_a_company_is_made() -> None:
    stream = cards()
    stream.ran(card.SeeCompany(KPP, facts()))
    stream.ran(entered())
    stream.ran(SeeCards(()))
    (said,) = stream.said(messages.CompanyAppeared)
    assert (said.values["full_name"], said.origins["full_name"]) == ("ООО «РОМАШКА»", "register")
    assert (said.values["phone"], said.origins["phone"]) == (VALUES["phone"], "accounting")
    assert (said.kpp, said.origins["kpp"]) == (KPP, "accounting")


def test_register_that_answers_while_a_record_waits_has_the_crm_looked_at() -> None:
    stream = cards()
    stream.ran(entered())
    first = stream.tasks[records.FIND_CARDS, stream.name]
    stream.tasks.clear()
    stream.ran(card.SeeCompany(KPP, facts()))
    assert list(stream.tasks.values()) == [first]
    assert (first.payload, first.account, first.lane) == ({"inn": INN}, CRM, Lane.BULK)


def test_register_that_answers_when_no_record_waits_has_nothing_looked_at() -> None:
    stream = cards()
    stream.ran(card.SeeCompany(KPP, facts()))
    assert stream.tasks == {}


@pytest.mark.parametrize(("choice", "looked"), [("use_512", 1), ("create_again", 0), ("give_up", 0)])
def test_crm_is_looked_at_again_when_a_person_named_one_of_its_companies(choice: str, looked: int) -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards((requisite(kpp="781343001"),)))
    (asked,) = stream.said(operations.DecisionNeeded)
    stream.tasks.clear()
    stream.ran(TakeCard(asked.card_id, choice, "Анна"))
    assert looks(stream) == looked


def sole(**values: str) -> SeeRecord:
    """An entrepreneur of accounting."""
    told: dict[Any, str] = {"name": "ИП Орлов", **values}
    entrepreneur = AccountingRecord(account=ACCOUNT, remote_id="e2", kind="entrepreneur", values=told)
    return SeeRecord(entrepreneur, None, CRM)


def test_an_entrepreneur_that_the_crm_lacks_is_made_there_without_a_kpp() -> None:
    stream = cards("500100732259")
    stream.ran(sole())
    assert stream.ran(SeeCards(())) == [
        records.CompanyMissing(
            key=sole().record.key, kind="entrepreneur", inn="500100732259", kpp="",
            values={"name": Field(value="ИП Орлов", origin="accounting")},
        )
    ]  # fmt: skip


def test_two_records_that_the_crm_lacks_are_both_made_there() -> None:
    stream = cards()
    stream.ran(entered())
    branch = record(kpp="781343001").model_copy(update={"remote_id": "e2"})
    stream.ran(SeeRecord(branch, None, CRM))
    stream.ran(SeeCards(()))
    assert [one.kpp for one in stream.said(messages.CompanyAppeared)] == [KPP, "781343001"]


def test_what_the_crm_was_told_to_make_is_not_told_again_without_news() -> None:
    stream = cards()
    stream.ran(entered())
    stream.ran(SeeCards(()))
    stream.ran(card.SeeCompany(KPP, None))
    assert stream.ran(SeeCards(())) == [records.RecordPlaced(key=record().key)]
    assert len(stream.said(messages.CompanyAppeared)) == 1


def test_what_is_written_into_a_card_is_kept_with_who_answers_for_it() -> None:
    stream = cards()
    stream.ran(entered())
    assert stream.ran(SeeCards((requisite(phone=""),))) == [
        records.RecordPlaced(key=record().key, requisite_id="77"),
        card.CardFilled(
            company_id="512", requisite_id="77", inn=INN, responsible_id="7", filled_at=NOW,
            values={"phone": Field(value=VALUES["phone"], origin="accounting")},
        ),
    ]  # fmt: skip


def test_a_question_that_is_open_is_not_asked_twice_however_often_the_record_changes() -> None:
    stream = cards()
    both = (requisite(), requisite(company_id="513", requisite_id="78"))
    stream.ran(entered())
    stream.ran(SeeCards(both))
    stream.ran(entered(phone="+7 495 222-22-22"))
    assert stream.ran(SeeCards(both)) == []
