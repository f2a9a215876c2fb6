"""Which record a company is, among all companies and records of one INN; and how a first sync goes on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.domain import Refused
from connectors.ports.crm import CrmRequisite
from services.counterparty.app import SYNCS
from services.counterparty.domain import party, sync
from services.counterparty.domain.matching import Compared, Link, Listed, Remote, compare, lone
from services.counterparty.workers.sync.reading import requisite_row
from tests.services.counterparty.parts import ACCOUNT, ROMASHKA, a_party, checked, open_cards, want
from tests.services.streams import NOW, Stream

INN, KPP, OTHER_KPP = "7736207543", "773601001", "781001001"


def listed(requisite: str = "77", company: str = "512", kpp: str = KPP) -> Listed:
    return Listed(requisite, company, "Ромашка", INN, kpp, f"{INN}-{kpp}")


def record(remote_id: str, kpp: str = KPP) -> Remote:
    return Remote(remote_id, INN, kpp)


def told(found: list[Compared]) -> list[tuple[str, str, str, str]]:
    return [(one.listed.requisite_id, one.verdict, one.reason, one.remote_id) for one in found]


def one(*records: Remote, whole: bool = True, **links: Link) -> tuple[str, str, str]:
    known = {f"{INN}-{KPP}": link for link in links.values()}
    ((_, verdict, reason, remote_id),) = told(compare([listed()], records, known, whole=whole))
    return verdict, reason, remote_id


def test_one_record_is_the_pair_and_none_is_created() -> None:
    assert one(record("e1"), record("e2", OTHER_KPP)) == ("link", "", "e1")
    assert one(record("e1", "")) == ("link", "", "e1")
    assert one() == ("create", "", "")


def test_what_a_person_has_to_tell_apart_is_a_conflict() -> None:
    assert one(record("e1"), record("e2")) == ("conflict", "records_double", "")
    assert one(record("e1", OTHER_KPP)) == ("conflict", "branch_unknown", "")
    assert one(record("e1"), was=Link("doubtful")) == ("conflict", "waits_for_person", "")


def test_a_link_stands_unless_its_record_is_gone() -> None:
    """A person's choice between two records is not asked about again."""
    assert one(record("e1"), record("e2"), was=Link("linked", "e2")) == ("link", "", "e2")
    assert one(record("e1"), was=Link("linked", "e9")) == ("conflict", "linked_record_gone", "e9")
    assert one(was=Link("linked", "e9"), whole=False) == ("link", "", "e9")


def test_two_companies_of_one_inn_and_kpp_are_one_record_which_the_first_leads() -> None:
    found = compare([listed("9", "1000"), listed("80", "99"), listed("81", "99")], [], {}, whole=True)
    assert told(found) == [
        ("80", "create", "", ""),
        ("81", "skip", "requisite_repeated", ""),
        ("9", "conflict", "companies_double", ""),
    ]


def test_branches_are_no_conflict() -> None:
    found = compare([listed(), listed("78", "513", OTHER_KPP)], [record("e1"), record("e2", OTHER_KPP)], {}, whole=True)
    assert [(one.verdict, one.remote_id) for one in found] == [("link", "e1"), ("link", "e2")]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"inn": "7736207544"}, "inn_checksum"),
        ({"inn": ""}, "inn_missing"),
        ({"kpp": ""}, "kpp_missing"),
        ({"kpp": "77"}, "kpp_malformed"),
        ({"active": False}, "requisite_off"),
        ({}, ""),
        ({"inn": "500100732259", "kpp": ""}, ""),
    ],
)
def test_requisites_that_are_out_of_order_are_no_party(fields: dict[str, Any], fault: str) -> None:
    given: dict[str, Any] = {
        "requisite_id": "77", "owner": "company", "owner_id": "512", "active": True, "sort": 500, "title": "–",
        "name": "ООО «Ромашка»", "full_name": "", "inn": INN, "kpp": KPP, "ogrn": "",
    }  # fmt: skip
    row = requisite_row(CrmRequisite(**(given | fields)))
    assert (row.fault, bool(row.party)) == (fault, not fault or fault == "requisite_off")


# What a party makes of it


def test_a_found_record_is_adopted_once_and_asks_for_nothing() -> None:
    stream = a_party()
    stream.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e1"))
    assert stream.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e2")) == []
    assert (stream.state.records[ACCOUNT].remote_id, dict(stream.tasks), dict(stream.effects)) == ("e1", {}, {})


def test_what_a_deal_is_looking_for_is_answered_by_the_sync() -> None:
    stream = a_party()
    stream.ran(want())
    stream.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e1"))
    assert [event.waiting for event in stream.happened(party.RecordFound)] == [{"r1": "deal of r1"}]
    assert stream.ran(party.SeeRecords(ACCOUNT, ())) == []


@pytest.mark.parametrize("first", ["deal", "sync"])
def test_deal_and_sync_create_one_record_between_them(first: str) -> None:
    stream = a_party()
    make = party.MakeRecord("vektor", ACCOUNT, checked())
    for command in (want(), make) if first == "deal" else (make, want()):
        stream.ran(command)
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    assert len(stream.effects_of(party.CREATE)) == 1


def test_who_is_asked_about_is_left_to_the_person() -> None:
    stream = a_party()
    stream.ran(want())
    stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
    assert stream.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e1")) == []
    assert stream.ran(party.MakeRecord("vektor", ACCOUNT, checked())) == []
    assert open_cards(stream) == ["counterparty_double"]


def test_creations_of_a_sync_go_behind_those_that_people_wait_for() -> None:
    by_sync, by_deal = a_party(), a_party(ROMASHKA)
    by_sync.ran(party.MakeRecord("vektor", ACCOUNT, checked()))
    by_deal.ran(want())
    by_deal.ran(party.SeeRecords(ACCOUNT, ()))
    lanes = [stream.effects_of(party.CREATE)[0].lane.name for stream in (by_sync, by_deal)]
    assert lanes == ["BULK", "INTERACTIVE"]


# How a sync goes on


def a_sync() -> Stream[Any, Any]:
    return Stream(SYNCS, sync.stream_of(ACCOUNT))


def begin(apply: bool, *, is_listed: bool = True) -> sync.BeginSync:
    return sync.BeginSync("vektor", ACCOUNT, "bitrix24:vektor", apply=apply, listed=is_listed)


def compared(stream: Stream[Any, Any]) -> None:
    stream.ran(sync.SeeAccountingRead(stream.state.run))
    stream.ran(sync.SeeCrmRead(stream.state.run))
    stream.ran(sync.SeeCompared(stream.state.run, {}))


def kinds(stream: Stream[Any, Any]) -> list[str]:
    return [kind for kind, _ in stream.tasks]


def test_a_comparison_alone_sets_nothing_in_motion_that_changes_anything() -> None:
    stream = a_sync()
    stream.ran(begin(False))
    compared(stream)
    assert stream.state.phase == "compared"
    assert set(kinds(stream)) == {sync.READ_CRM, sync.READ_ACCOUNTING, sync.COMPARE_ALL}


def test_what_is_under_way_goes_on_and_is_not_begun_twice() -> None:
    stream = a_sync()
    stream.ran(begin(False))
    assert stream.ran(begin(False)) == []
    stream.ran(begin(True))
    compared(stream)
    assert (stream.state.run, stream.state.phase) == (1, "linking")
    assert stream.ran(begin(True)) == []
    assert isinstance(stream.run(begin(False)), Refused)


def test_what_was_compared_is_carried_out_unless_it_is_old() -> None:
    stream = a_sync()
    stream.ran(begin(False))
    compared(stream)
    stream.now = NOW + sync.FRESH - timedelta(seconds=1)
    stream.ran(begin(True))
    assert (stream.state.run, stream.state.phase) == (1, "linking")
    stale = a_sync()
    stale.ran(begin(False))
    compared(stale)
    stale.now = NOW + sync.FRESH
    stale.ran(begin(True))
    assert (stale.state.run, stale.state.phase) == (2, "reading")


def test_words_of_an_earlier_run_are_nothing() -> None:
    stream = a_sync()
    stream.ran(begin(False))
    compared(stream)
    stream.ran(begin(False))
    assert stream.state.run == 2
    assert stream.ran(sync.SeeCrmRead(1)) == []


def test_a_service_without_a_list_is_asked_once_the_companies_are_known() -> None:
    stream = a_sync()
    stream.ran(begin(False, is_listed=False))
    assert kinds(stream) == [sync.READ_CRM]
    stream.ran(sync.SeeCrmRead(1))
    assert kinds(stream) == [sync.READ_CRM, sync.LOOK_UP_ALL]


def test_what_the_crm_lacks_is_entered_last_and_only_where_that_was_wanted() -> None:
    both, one_way = a_sync(), a_sync()
    both.ran(replace(begin(True), enter=True))
    one_way.ran(begin(True))
    for stream in (both, one_way):
        compared(stream)
        stream.ran(sync.SeeLinked(1))
        stream.ran(sync.SeeCreated(1, {}))
    assert (both.state.phase, one_way.state.phase) == ("entering", "done")
    assert both.state.under_way
    assert (kinds(both)[-1], sync.ENTER_ALL in kinds(one_way)) == (sync.ENTER_ALL, False)
    both.ran(sync.SeeEntered(1, {"entered": 2}))
    assert (both.state.phase, both.state.counts) == ("done", {"entered": 2})


# Records that no company of the CRM has


def alone(*records: Remote, own: str = "") -> list[tuple[str, str, str]]:
    return [(one.record.remote_id, one.verdict, one.reason) for one in lone(records, {own})]


def test_each_branch_that_the_crm_lacks_is_entered() -> None:
    assert alone(record("e1"), record("e2", OTHER_KPP)) == [("e1", "enter", ""), ("e2", "enter", "")]
    assert alone(record("e1", "")) == [("e1", "enter", "")]


def test_records_that_may_be_each_other_are_a_persons_to_choose_from() -> None:
    double = [("e1", "conflict", "records_double"), ("e2", "conflict", "records_double")]
    assert alone(record("e1"), record("e2")) == double
    assert alone(record("e1"), record("e2", "")) == double
    assert alone(record("e1"), record("e2"), record("e3", OTHER_KPP))[2] == ("e3", "enter", "")


def test_a_person_has_no_branches() -> None:
    people = [Remote(remote_id, "500100732259", kpp) for remote_id, kpp in (("e1", ""), ("e2", KPP))]
    assert [one.verdict for one in lone(people, ())] == ["conflict", "conflict"]


def test_a_wrong_inn_and_ones_own_are_no_company_of_anybody() -> None:
    assert [(one.verdict, one.reason) for one in lone([Remote("e1", "7736207540", KPP)], ())] == [
        ("skip", "inn_checksum")
    ]
    assert alone(record("e1"), own=INN) == [("e1", "skip", "own_company")]
