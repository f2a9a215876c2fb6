"""What is kept of a buyer, asked of people and set in motion, each with all that its readers take from it."""

import datetime as dt
from typing import Any

import pytest

from chassis.aggregate import EffectPlan, Lane, TaskPlan
from chassis.cards import CardOpened, CardTaken
from chassis.ids import deterministic_id
from services.counterparty.domain import company, party
from services.counterparty.domain.matching import Link, Listed, Remote, compare
from services.counterparty.domain.values import Buyer, Party, Reason, Rules, check
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    NO,
    ROMASHKA,
    PartyStream,
    a_party,
    checked,
    facts,
    open_cards,
    take,
    want,
)
from tests.services.counterparty.parts import company as a_company
from tests.services.streams import NOW

NAME = f"party-{ROMASHKA}"
WAITING = {"r1": "deal of r1"}
INN, KPP = "7736207543", "773601001"
OGRN = "1027700229193"


def plans(stream: PartyStream) -> list[TaskPlan]:
    """What is set in motion, and then forgotten."""
    found = list(stream.tasks.values())
    stream.tasks.clear()
    return found


def answer(place: str, remote_id: str, *, created: bool = False, refused: Any = None) -> TaskPlan:
    """What the request that waits is answered."""
    payload = {
        "waiting": WAITING,
        "party": ROMASHKA,
        "counterparty_id": str(deterministic_id("counterparty", "vektor", NAME)),
        "remote_id": remote_id,
        "created": created,
        "refused": refused,
    }
    return TaskPlan("answer-link", f"{ACCOUNT}:{NAME}:{place}:0", payload)


class TestBuyers:
    def test_a_buyer_in_order_is_a_party_with_all_that_the_crm_has(self) -> None:
        buyer = Buyer(
            crm_kind="company", crm_id="512", kind="company", name="Ромашка", full_name="ООО «Ромашка»", inn=INN,
            kpp=KPP, ogrn=f" {OGRN} ", address="Москва", email="a@b.ru", subject_ref="blob", same_inn_crm_ids=("513",),
        )  # fmt: skip
        assert check(buyer, Rules()) == (
            Party(
                party=ROMASHKA, kind="company", inn=INN, kpp=KPP, ogrn=OGRN, name="Ромашка",
                full_name="ООО «Ромашка»", address="Москва", email="a@b.ru", subject_ref="blob", crm_kind="company",
                crm_id="512", same_inn_crm_ids=("513",),
            ),
            (),
            (),
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"kpp": ""}, Reason(code="kpp_missing", values={"inn": INN})),
            ({"kpp": "77"}, Reason(code="kpp_malformed", values={"inn": INN})),
            ({"inn": "7736207544"}, Reason(code="inn_checksum", values={"inn": "7736207544"})),
            ({"name": ""}, Reason(code="buyer_name_missing")),
        ],
    )
    def test_what_is_wrong_is_named_with_the_inn(self, fields: dict[str, Any], reason: Reason) -> None:
        assert check(a_company(**fields), Rules())[:2] == (None, (reason,))

    @pytest.mark.parametrize("named", ["full_name", "subject_ref"])
    def test_either_name_is_a_name(self, named: str) -> None:
        assert check(a_company(name="", **{named: "x"}), Rules())[1] == ()

    @pytest.mark.parametrize(
        ("kind", "expected"), [("person", "person"), ("entrepreneur", "entrepreneur"), ("company", "entrepreneur")]
    )
    def test_an_inn_of_a_person_is_of_a_person_or_an_entrepreneur(self, kind: str, expected: str) -> None:
        found, reasons, warnings = check(a_company("500100732259", kind=kind), Rules())
        assert found is not None
        assert (found.kind, found.inn, found.kpp, reasons, warnings) == (expected, "500100732259", "", (), ())

    @pytest.mark.parametrize("fields", [{"kind": "company"}, {"crm_kind": "company"}])
    def test_only_a_contact_who_is_a_person_may_have_no_inn(self, fields: dict[str, Any]) -> None:
        given = {"crm_kind": "contact", "crm_id": "77", "kind": "person", "subject_ref": "blob-77", **fields}
        assert check(Buyer.model_validate(given), Rules()) == (None, (Reason(code="inn_missing"),), ())

    def test_an_entrepreneur_with_a_kpp_of_his_own_field_is_warned_about(self) -> None:
        _, _, warnings = check(a_company("500100732259", kpp=KPP, ogrn="1"), Rules())
        assert [one.code for one in warnings] == ["ogrn_invalid", "kpp_dropped"]


class TestRegister:
    def test_a_buyer_gets_what_it_lacks(self) -> None:
        bare = a_company(name="", kpp=" ")
        filled = company.filled_buyer(bare, facts())
        assert filled == bare.model_copy(
            update={
                "ogrn": OGRN,
                "name": facts().short_name,
                "full_name": facts().full_name,
                "kpp": KPP,
                "address": facts().address,
            }
        )
        own = a_company(ogrn="1", full_name="Полное", address="Тверь")
        assert company.filled_buyer(own, facts()) == own
        assert company.filled_buyer(bare, facts(kpp="77")).kpp == ""

    def test_of_a_person_the_ogrn_alone_is_taken(self) -> None:
        bare = a_company("500100732259", name="")
        found = facts(inn="500100732259")
        assert company.filled_buyer(bare, found) == bare.model_copy(update={"ogrn": OGRN})
        known = checked(a_company("500100732259"))
        assert company.filled_party(known, found) == known.model_copy(update={"ogrn": OGRN})

    def test_a_party_is_created_as_the_register_has_it(self) -> None:
        known = checked(a_company(full_name="Полное", address="Тверь"))
        assert company.filled_party(known, facts()) == known.model_copy(
            update={"ogrn": OGRN, "full_name": facts().full_name, "address": facts().address}
        )
        bare = facts(ogrn="1", full_name="", address="")
        assert company.filled_party(known, bare) == known
        nameless = known.model_copy(update={"name": ""})
        assert company.filled_party(nameless, bare).name == facts().short_name


class TestMatching:
    def listed(self, requisite: str = "77", owner: str = "512") -> Listed:
        return Listed(requisite, owner, f"Ромашка {owner}", INN, KPP, ROMASHKA)

    def test_a_doubled_company_is_told_with_the_one_that_leads(self) -> None:
        lead, other = compare([self.listed("9", "1000"), self.listed("80", "99")], [], {}, whole=True)
        assert (lead.listed.company_id, other.verdict) == ("99", "conflict")
        assert other.values == {"company": "99", "name": "Ромашка 99"}

    def test_an_id_that_is_no_number_is_the_oldest(self) -> None:
        lead, _ = compare([self.listed("9", "1"), self.listed("8", "x")], [], {}, whole=True)
        assert lead.listed.company_id == "x"

    def test_records_to_choose_from_are_named_in_order_ten_at_most(self) -> None:
        several = [Remote(f"e{number:02}", INN, KPP) for number in range(12, 0, -1)]
        (found,) = compare([self.listed()], several, {}, whole=True)
        named = ", ".join(f"e{number:02}" for number in range(1, 11))
        assert (found.reason, found.values) == ("records_double", {"records": named})
        branch = [Remote("e2", INN, "781001001"), Remote("e1", INN, "781001002")]
        (found,) = compare([self.listed()], branch, {}, whole=True)
        assert (found.reason, found.values) == ("branch_unknown", {"records": "e1, e2"})

    def test_a_linked_record_that_is_gone_is_named(self) -> None:
        (found,) = compare([self.listed()], [], {ROMASHKA: Link("linked", "e9")}, whole=True)
        assert (found.reason, found.values, found.remote_id) == ("linked_record_gone", {"record": "e9"}, "e9")


class TestRecords:
    def test_a_request_is_kept_whole_and_looked_up(self) -> None:
        stream = a_party()
        wanted = party.RecordWanted(
            tenant="vektor", account=ACCOUNT, request_id="r1", deal_id="deal of r1", party=checked(),
            responsible_id="7", registers=(DADATA,),
        )  # fmt: skip
        assert stream.ran(want(registers=(DADATA,))) == [wanted]
        assert stream.ran(want(registers=(DADATA,))) == []
        payload = {"account": ACCOUNT, "inn": INN, "kpp": KPP}
        assert plans(stream) == [TaskPlan("find-counterparty", f"{ACCOUNT}:{NAME}", payload, account=ACCOUNT)]

    def test_an_absent_record_is_created_with_all_that_is_known(self) -> None:
        stream = a_party()
        stream.ran(want())
        plans(stream)
        absent = party.RecordAbsent(account=ACCOUNT, attempt=1, party=checked())
        assert stream.ran(party.SeeRecords(ACCOUNT, ())) == [absent]
        assert stream.effects_of(party.CREATE) == [
            EffectPlan(
                kind="create-counterparty",
                key=(ACCOUNT, NAME, "1"),
                account=ACCOUNT,
                request={**checked().model_dump(mode="json"), "attempt": 1},
                lane=Lane.INTERACTIVE,
            )
        ]
        found = party.RecordFound(account=ACCOUNT, remote_id="e1", waiting=WAITING, created=True)
        assert stream.ran(party.SeeCreated(ACCOUNT, 1, "e1")) == [found]
        assert plans(stream) == [answer("3", "e1", created=True)]

    def test_a_record_that_is_refused_answers_with_the_reason(self) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, ()))
        plans(stream)
        refused = party.RecordRefused(account=ACCOUNT, reason=NO, waiting=WAITING)
        assert stream.ran(party.SeeRefused(ACCOUNT, 1, NO)) == [refused]
        assert plans(stream) == [answer("3", "", refused={"code": "accounting_refused", "values": {}})]

    def test_a_sync_makes_records_behind_what_people_wait_for(self) -> None:
        stream = a_party()
        made = stream.ran(party.MakeRecord("vektor", ACCOUNT, checked()))
        introduced = party.RecordIntroduced(tenant="vektor", account=ACCOUNT, party=checked())
        assert made == [introduced, party.RecordAbsent(account=ACCOUNT, attempt=1, party=checked())]
        assert [one.lane for one in stream.effects_of(party.CREATE)] == [Lane.BULK]
        assert stream.ran(party.MakeRecord("vektor", ACCOUNT, checked())) == []

    def test_a_sync_that_does_not_know_the_record_looks_it_up_first(self) -> None:
        stream = a_party()
        look = party.MakeRecord("vektor", ACCOUNT, checked(), look_up=True)
        introduced = party.RecordIntroduced(tenant="vektor", account=ACCOUNT, party=checked(), look_up=True)
        assert stream.ran(look) == [introduced]
        payload = {"account": ACCOUNT, "inn": INN, "kpp": KPP}
        plan = TaskPlan("find-counterparty", f"{ACCOUNT}:{NAME}", payload, account=ACCOUNT, lane=Lane.BULK)
        assert plans(stream) == [plan]

    def test_a_refused_record_is_made_again_by_the_next_attempt(self) -> None:
        stream = a_party()
        stream.ran(party.MakeRecord("vektor", ACCOUNT, checked()))
        stream.ran(party.SeeRefused(ACCOUNT, 1, NO))
        _, absent = stream.ran(party.MakeRecord("vektor", ACCOUNT, checked()))
        assert absent == party.RecordAbsent(account=ACCOUNT, attempt=2, party=checked())

    def test_an_absent_record_with_a_register_is_asked_of_it_first(self) -> None:
        stream = a_party()
        stream.ran(want(registers=(DADATA,)))
        plans(stream)
        assert stream.ran(party.SeeRecords(ACCOUNT, ())) == [party.CompanyWanted(account=ACCOUNT)]
        asked = {"account": ACCOUNT, "inn": INN, "kpp": KPP, "registers": [DADATA.model_dump(mode="json")]}
        assert plans(stream) == [TaskPlan("look-up-company", f"{ACCOUNT}:{NAME}:2", asked)]
        filled = company.filled_party(checked(), facts())
        told = party.CompanyTold(account=ACCOUNT, party=filled, status="active", provider="dadata")
        absent = party.RecordAbsent(account=ACCOUNT, attempt=1, party=filled)
        assert stream.ran(party.SeeRegister(ACCOUNT, facts())) == [told, absent]


class TestQuestions:
    def _doubled(self) -> PartyStream:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        return stream

    def test_a_question_is_asked_with_the_buyer_the_deal_and_the_responsible(self) -> None:
        assert self._doubled().happened(CardOpened) == [
            CardOpened(
                card_id=str(deterministic_id("card", "vektor", NAME, "0")),
                kind="counterparty_double",
                choices=("use_e1", "use_e2", "give_up"),
                subject=ACCOUNT,
                opened_at=NOW,
                values={"name": "Ромашка", "inn": INN, "kpp": KPP, "records": "e1, e2"},
                deal_id="deal of r1",
                responsible_id="7",
            )
        ]

    def test_a_branch_may_be_taken_or_created(self) -> None:
        stream = a_party()
        stream.ran(want())
        listed = tuple(f"e{number}" for number in range(12))
        stream.ran(party.SeeRecords(ACCOUNT, (), listed))
        (card,) = stream.happened(CardOpened)
        assert card.choices == (*(f"use_e{number}" for number in range(10)), "create_again", "give_up")
        assert card.values["records"] == ", ".join(listed[:10])

    def test_who_gave_a_buyer_up_is_told(self) -> None:
        stream = self._doubled()
        plans(stream)
        take(stream, "counterparty_double", "give_up")
        reason = Reason(code="buyer_given_up", values={"by": "Анна"})
        assert stream.happened(party.RecordRefused) == [
            party.RecordRefused(account=ACCOUNT, reason=reason, waiting=WAITING)
        ]

    @pytest.mark.parametrize(("sent_at", "shown"), [(NOW, NOW.isoformat()), (None, "")])
    def test_a_doubt_says_when_it_was_sent_and_is_withdrawn_by_the_answer(
        self, sent_at: dt.datetime | None, shown: str
    ) -> None:
        stream = a_party()
        stream.ran(want())
        stream.ran(party.SeeRecords(ACCOUNT, ()))
        doubted, card = stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, sent_at))
        assert doubted == party.RecordDoubted(account=ACCOUNT)
        assert isinstance(card, CardOpened)
        assert (card.choices, card.values["sent_at"]) == (("found", "create_again", "give_up"), shown)
        assert stream.ran(party.SeeDoubt(ACCOUNT, 1, NO, sent_at)) == []
        stream.now = NOW + dt.timedelta(hours=1)
        (_, withdrawn) = stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
        assert withdrawn == CardTaken(
            card_id=card.card_id,
            kind="counterparty_uncertain",
            subject=ACCOUNT,
            choice="withdrawn",
            by="",
            taken_at=stream.now,
            deal_id="deal of r1",
        )


class TestStanding:
    def _linked(self) -> PartyStream:
        """A buyer with a record, about whom the register is asked."""
        stream = a_party()
        stream.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e1"))
        stream.ran(want(registers=(DADATA,)))
        return stream

    def test_a_buyer_with_a_record_is_asked_of_the_register(self) -> None:
        stream = self._linked()
        assert stream.happened(party.StandingWanted) == [
            party.StandingWanted(
                tenant="vektor", account=ACCOUNT, waiting=WAITING, party=checked(), responsible_id="7",
                registers=(DADATA,),
            )
        ]  # fmt: skip
        asked = {"account": ACCOUNT, "inn": INN, "kpp": KPP, "registers": [DADATA.model_dump(mode="json")]}
        assert plans(stream) == [TaskPlan("look-up-company", f"{ACCOUNT}:{NAME}:3", asked)]

    @pytest.mark.parametrize(("known", "status", "told_at"), [(facts(), "active", NOW), (None, "", None)])
    def test_a_buyer_in_order_or_one_that_nobody_knows_is_answered(
        self, known: company.Facts | None, status: str, told_at: dt.datetime | None
    ) -> None:
        stream = self._linked()
        plans(stream)
        told = party.StandingTold(account=ACCOUNT, status=status, waiting=WAITING, told_at=told_at)
        assert stream.ran(party.SeeRegister(ACCOUNT, known)) == [told]
        assert plans(stream) == [answer("4", "e1")]

    def test_a_buyer_that_is_no_more_is_refused(self) -> None:
        stream = self._linked()
        plans(stream)
        reason = Reason(code="buyer_liquidated", values={"inn": INN})
        barred = party.BuyerBarred(account=ACCOUNT, reason=reason, waiting=WAITING)
        assert stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidated"))) == [barred]
        assert plans(stream) == [answer("4", "e1", refused=reason.model_dump(mode="json"))]

    @pytest.mark.parametrize("choice", ["go_on", "give_up"])
    def test_a_buyer_that_is_about_to_be_no_more_is_a_question_once(self, choice: str) -> None:
        stream = self._linked()
        (card,) = stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt")))
        assert isinstance(card, CardOpened)
        assert (card.kind, card.choices, card.values["status"]) == (
            "buyer_ending", ("go_on", "give_up"), "bankrupt",
        )  # fmt: skip
        assert stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt"))) == []
        take(stream, "buyer_ending", choice)
        by = Reason(code="buyer_given_up", values={"by": "Анна"})
        expected = {
            "go_on": party.StandingTold(account=ACCOUNT, status="bankrupt", waiting=WAITING, confirmed=True),
            "give_up": party.BuyerBarred(account=ACCOUNT, reason=by, waiting=WAITING),
        }
        assert stream.events[-1] == expected[choice]
        stream.ran(want("r2", registers=(DADATA,)))
        stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt")))
        assert open_cards(stream) == ([] if choice == "go_on" else ["buyer_ending"])

    @pytest.mark.parametrize(("hours", "stands"), [(0, True), (23.99, True), (24, False)])
    def test_a_buyer_in_order_stands_for_a_day(self, hours: float, stands: bool) -> None:
        record = party.Record(ACCOUNT, stood_at=NOW)
        assert party.stands(record, NOW + dt.timedelta(hours=hours)) is stands
        assert not party.stands(party.Record(ACCOUNT), NOW)
