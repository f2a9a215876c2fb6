"""Whole stories of requests and parties; together they say every event, message and question that there is."""

from dataclasses import replace
from typing import Any

from chassis.cards import TakeCard
from services.counterparty.app import CARDS, SYNCS
from services.counterparty.domain import card, deal, party, records, sync
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    NO,
    ROMASHKA,
    VASILEK,
    Requests,
    a_party,
    ask,
    checked,
    company,
    facts,
    requests,
    take,
    want,
)
from tests.services.streams import Stream


def asked() -> Requests:
    """Refused, corrected, linked."""
    stream = requests()
    stream.ran(ask(buyer=company("7736207543")))
    stream.ran(deal.SeeBuyer("15", company(ogrn="1", same_inn_crm_ids=("513",)), "b"))
    stream.ran(deal.Answer("r1", ROMASHKA, "cp", "elba-1", created=True))
    return stream


def told_backwards() -> Requests:
    """A change of the deal comes before the request that is older."""
    stream = requests()
    stream.ran(deal.SeeBuyer("15", company(), "b", 4))
    stream.ran(replace(ask(buyer=None), sequence=2))
    return stream


def looked_up() -> list[Stream[Any, Any]]:
    """Doubles, a branch, a creation that is refused, then doubted, then found."""
    doubles, branch, created = a_party(), a_party(), a_party()
    for stream in (doubles, branch, created):
        stream.ran(want())
    doubles.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
    take(doubles, "counterparty_double", "use_e2")
    branch.ran(party.SeeRecords(ACCOUNT, (), ("e7",)))
    take(branch, "branch_unknown", "create_again")
    created.ran(party.SeeRecords(ACCOUNT, ()))
    created.ran(party.SeeRefused(ACCOUNT, 1, NO))
    created.ran(want("r2"))
    created.ran(party.SeeRecords(ACCOUNT, ()))
    created.ran(party.SeeDoubt(ACCOUNT, 2, NO, created.now))
    created.ran(party.SeeCreated(ACCOUNT, 2, "e9"))
    return [doubles, branch, created]


def left_behind() -> list[Stream[Any, Any]]:
    """A deal's buyer changes while a person is asked about the former one, for whom another deal still waits."""
    moved, former = requests(), a_party()
    moved.ran(ask(buyer=company()))
    moved.ran(deal.SeeBuyer("15", company(VASILEK), "b"))
    for request_id in ("r1", "r2"):
        former.ran(replace(want(request_id), turn=1))
    former.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
    former.ran(party.LeaveRecord(ACCOUNT, "r1", 2))
    take(former, "counterparty_double", "use_e2")
    return [moved, former]


def lost() -> list[Stream[Any, Any]]:
    """A document is refused since accounting has the buyer's record no more; another one is made."""
    moved, made = asked(), a_party()
    moved.ran(deal.SeeRecordGone("r1", ACCOUNT, "elba-1"))
    moved.ran(deal.Answer("r1", ROMASHKA, "cp", "elba-2"))
    made.ran(want())
    made.ran(party.SeeRecords(ACCOUNT, ("elba-1",)))
    made.ran(replace(want("r2"), gone="elba-1"))
    made.ran(party.SeeRecords(ACCOUNT, ()))
    made.ran(party.SeeCreated(ACCOUNT, 1, "elba-2"))
    return [moved, made]


def registered() -> list[Stream[Any, Any]]:
    """What a buyer lacks comes from the state register; one about to be no more is a question, then is no more."""
    lacking, ending = requests(), a_party()
    lacking.ran(ask(buyer=company("7736207543"), registers=(DADATA,)))
    lacking.ran(deal.SeeCompany("r1", "7736207543", facts()))
    ending.ran(want(registers=(DADATA,)))
    ending.ran(party.SeeRecords(ACCOUNT, ()))
    ending.ran(party.SeeRegister(ACCOUNT, facts(status="liquidating")))
    take(ending, "buyer_ending", "create_anyway")
    ending.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
    ending.ran(want("r2", registers=(DADATA,)))
    ending.ran(party.SeeRegister(ACCOUNT, facts(status="liquidating")))
    ending.ran(want("r3", registers=(DADATA,)))
    ending.ran(party.SeeRegister(ACCOUNT, facts(status="liquidated")))
    return [lacking, ending]


def filled() -> Stream[Any, Any]:
    """A card is filled from the register, shows it, and leaves its INN."""
    stream: Stream[Any, Any] = Stream(CARDS, "card-7736207543")
    first = card.Requisite(company_id="512", requisite_id="77", responsible_id="7")
    stream.ran(card.SeeCard(first, True, (DADATA,)))
    stream.ran(card.SeeCompany("", facts(status="liquidating")))
    shown = {"kpp": "773601001", "ogrn": "1027700229193", "name": "ООО «Ромашка»", "full_name": "ООО «РОМАШКА»"}
    stream.ran(card.SeeCard(first.model_copy(update=shown), True, (DADATA,)))
    stream.ran(card.SeeCompany("773601001", None))
    stream.ran(card.LeaveCard("77"))
    return stream


def entered() -> list[Stream[Any, Any]]:
    """What accountants enter: a company that the CRM lacks, then has; one that several of its companies may be."""
    missing: Stream[Any, Any] = Stream(CARDS, "card-7736207543")
    values: Any = {"name": "ООО «Ромашка»", "kpp": "773601001", "phone": "+7 495 000-00-00"}
    record = records.AccountingRecord(account=ACCOUNT, remote_id="e1", kind="company", values=values)
    missing.ran(records.SeeRecord(record, None, "bitrix24:vektor", (DADATA,)))
    missing.ran(records.SeeCards(()))
    missing.ran(card.SeeCompany("773601001", facts()))
    made = card.Requisite(company_id="512", requisite_id="77", kpp="773601001", name="ООО «Ромашка»", phone="")
    missing.ran(records.SeeCards((made,)))
    several: Stream[Any, Any] = Stream(CARDS, "card-7736207543")
    several.ran(records.SeeRecord(record, None, "bitrix24:vektor"))
    others = [made.model_copy(update={"company_id": one, "requisite_id": one}) for one in ("513", "514")]
    several.ran(records.SeeCards(tuple(others)))
    (question,) = several.state.questions.by_id
    several.ran(TakeCard(question, "use_514", "Анна"))
    several.ran(records.SeeCards(tuple(others)))
    return [missing, several]


def brought_together() -> list[Stream[Any, Any]]:
    """A first sync: one buyer is found, one created; a comparison, then what follows from it."""
    paired, created = a_party(), a_party()
    paired.ran(party.AdoptRecord("vektor", ACCOUNT, checked(), "e3"))
    created.ran(party.MakeRecord("vektor", ACCOUNT, checked()))
    created.ran(party.SeeCreated(ACCOUNT, 1, "e4"))
    whole: Stream[Any, Any] = Stream(SYNCS, sync.stream_of(ACCOUNT))
    whole.ran(sync.BeginSync("vektor", ACCOUNT, "bitrix24:vektor", apply=False, listed=True, by="Анна"))
    whole.ran(sync.SeeCrmRead(1))
    whole.ran(sync.SeeAccountingRead(1))
    whole.ran(sync.SeeCompared(1, {"to_pair": 1, "to_create": 1}))
    whole.ran(sync.BeginSync("vektor", ACCOUNT, "bitrix24:vektor", apply=True, listed=True, by="Анна"))
    whole.ran(sync.SeeLinked(1))
    whole.ran(sync.SeeCreated(1, {"paired": 1, "created": 1}))
    both_ways: Stream[Any, Any] = Stream(SYNCS, sync.stream_of(ACCOUNT))
    both_ways.ran(sync.BeginSync("vektor", ACCOUNT, "bitrix24:vektor", apply=True, listed=True, by="Анна", enter=True))
    both_ways.ran(sync.SeeCrmRead(1))
    both_ways.ran(sync.SeeAccountingRead(1))
    both_ways.ran(sync.SeeCompared(1, {"to_enter": 1}))
    both_ways.ran(sync.SeeLinked(1))
    both_ways.ran(sync.SeeCreated(1, {"to_enter": 1}))
    both_ways.ran(sync.SeeEntered(1, {"entered": 1}))
    return [paired, created, whole, both_ways]


def all_stories() -> list[Stream[Any, Any]]:
    """Every story, told."""
    return [
        asked(),
        told_backwards(),
        *looked_up(),
        *left_behind(),
        *lost(),
        *registered(),
        filled(),
        *entered(),
        *brought_together(),
    ]
