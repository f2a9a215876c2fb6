"""Companies that come from accounting: made once, one call at a time, and filled where they are there already."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from chassis.aggregate import EffectPlan, Lane
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Confirmed, EffectCall, Found, NotFound, Permit, RejectedFinally
from connectors.ports import crm as ports
from contracts.envelope import Envelope
from contracts.messages import counterparty as messages
from services.notifier.app import NEWCOMERS
from services.notifier.domain import newcomer
from services.notifier.domain.deal import CRM_CHAT
from services.notifier.domain.facts import Reason
from services.notifier.handlers import route
from services.notifier.workers.newcomers import CrmNewcomer
from tests.services.streams import NOW, TENANT, Stream

INN, KPP, KEY = "7736207543", "773601001", "elba:vektor:main/e1"
VALUES: Any = {"name": "ООО «Лотос»", "kpp": KPP, "phone": "+7 495 000-00-00", "address": "Москва"}
PRESETS = {"company": ports.Preset("1", "Организация")}


def details(company_id: str = "512", kpp: str = KPP, name: str = "ООО «Лотос»") -> ports.CompanyDetails:
    """A company that the portal has."""
    requisite = ports.CrmRequisite(
        f"r{company_id}", "company", company_id, True, 500, "Организация", name, "", INN, kpp, ""
    )
    return ports.CompanyDetails(requisite, ports.CrmCompany(company_id, name), None)


@dataclass
class Portal:
    """A portal that remembers what it was told."""

    companies: tuple[ports.CompanyDetails, ...] = ()
    marked: str = ""
    presets: Any = field(default_factory=lambda: dict(PRESETS))
    made: list[ports.NewCompany] = field(default_factory=list)
    commands: list[ports.CrmCommand] = field(default_factory=list)
    away: Outcome[Any] | None = None

    async def companies_by_inn(self, permit: Permit, inn: str, marker: str = "") -> Outcome[ports.SameInn]:
        return self.away or Ok(ports.SameInn(self.companies, False, self.marked, self.presets))

    async def make_company(self, permit: Permit, company: ports.NewCompany) -> Outcome[ports.CrmNewcomer]:
        self.made.append(company)
        return Ok(ports.CrmNewcomer("600", "700"))

    async def write(self, permit: Permit, commands: Any) -> list[Outcome[ports.CrmWritten]]:
        self.commands += commands
        return [Ok(ports.CrmWritten()) for _ in commands]


def tell(stream: Stream[Any, Any], name: str, sequence: int, **values: Any) -> None:
    """A message about the company."""
    appeared = messages.CompanyAppeared(key=KEY, kind="company", inn=INN, kpp=KPP, values=VALUES | values)
    envelope = Envelope(
        id=name, type=appeared.NAME, type_version=1, source="counterparty", subject="", time=NOW, tenant_id=TENANT,
        sequence=sequence,
    )  # fmt: skip
    (routed,) = route(appeared, envelope)
    assert routed.stream == stream.name
    stream.ran(routed.command)


def told() -> Stream[Any, Any]:
    """The stream after one message."""
    stream: Stream[Any, Any] = Stream(NEWCOMERS, f"newcomer-{INN}-{KPP}")
    tell(stream, "m1", 1)
    return stream


def call_of(stream: Stream[Any, Any], place: int = 0) -> EffectCall:
    """The call of the effect."""
    plan = list(stream.effects_of(newcomer.CRM_NEWCOMER))[place]
    permit = Permit("bitrix24:vektor", "https://portal.example", "", 5, NOW)
    return EffectCall(TENANT, "w", plan.kind, stream.name, plan.account, plan.request, "", 1, permit, None, NOW)


async def sent(portal: Portal) -> Outcome[Any]:
    """The outcome of the one effect."""
    (outcome,) = await CrmNewcomer(portal).send([call_of(told())])
    return outcome


async def test_what_the_portal_lacks_is_made_with_all_its_values() -> None:
    portal = Portal()
    assert await sent(portal) == Ok({"company_id": "600"})
    assert portal.made == [ports.NewCompany(KEY, "company", INN, VALUES, PRESETS["company"])]


async def test_what_an_earlier_call_left_unfinished_is_gone_on_with() -> None:
    portal = Portal(marked="600")
    await sent(portal)
    assert [one.company_id for one in portal.made] == ["600"]


async def test_what_is_there_by_now_is_filled_and_not_made() -> None:
    portal = Portal(companies=(details(name="Лотос"),))
    assert await sent(portal) == Ok({"company_id": "512"})
    assert portal.made == []
    assert portal.commands == [
        ports.PutRequisite("r512", {"name": "ООО «Лотос»", "phone": "+7 495 000-00-00"}),
        ports.PutAddress("r512", "Москва", known=False),
    ]


async def test_of_two_with_the_same_inn_and_kpp_none_is_touched() -> None:
    portal = Portal(companies=(details(), details("513")))
    assert isinstance(await sent(portal), Ok)
    assert portal.made == []
    assert portal.commands == []


async def test_a_branch_is_another_company() -> None:
    portal = Portal(companies=(details(kpp="781343001"),))
    await sent(portal)
    assert len(portal.made) == 1


@pytest.mark.parametrize(("companies", "found"), [((), NotFound()), ((details(),), Found({"company_id": "512"}))])
async def test_a_lost_answer_is_looked_up(companies: Any, found: Any) -> None:
    portal = Portal(companies=companies, marked="600")
    assert await CrmNewcomer(portal).probe(call_of(told())) == found


async def test_what_cannot_be_made_is_said_in_the_admin_chat() -> None:
    assert await sent(Portal(presets={})) == Rejected(Problem("crm_preset_missing", {}))
    assert isinstance(await sent(Portal(away=Retryable(Problem("vendor_fault")))), Retryable)
    stream = told()
    handler = CrmNewcomer(Portal())
    stream.ran(handler.told(call_of(stream), RejectedFinally(Problem("crm_preset_missing", {}))))
    (said,) = stream.effects_of(CRM_CHAT)
    assert (said.request["text"], said.request["values"]["inn"]) == ("company_not_made", INN)


def test_what_comes_meanwhile_waits_and_the_newest_goes_next() -> None:
    stream = told()
    tell(stream, "m2", 2, phone="2")
    tell(stream, "m3", 3, phone="3")
    tell(stream, "m2", 2, phone="2")
    assert len(list(stream.effects_of(newcomer.CRM_NEWCOMER))) == 1
    stream.ran(CrmNewcomer(Portal()).told(call_of(stream), Confirmed({"company_id": "600"})))
    (_, second) = stream.effects_of(newcomer.CRM_NEWCOMER)
    assert (second.request["fact_id"], second.request["values"]["phone"]) == ("m3", "3")
    assert stream.ran(newcomer.SeeNewcomer("m1", "600")) == []


REASON = Reason(code="crm_preset_missing", values={"preset": "Организация"})


def fact(name: str = "m1", sequence: int = 1, inn: str = INN) -> newcomer.TellNewcomer:
    """What accounting has."""
    return newcomer.TellNewcomer("bitrix24:vektor", name, KEY, "company", inn, KPP, {"name": "ООО «Лотос»"}, sequence)


def kept(name: str = "m1", sequence: int = 1, inn: str = INN) -> newcomer.NewcomerTold:
    """The same as an event."""
    return newcomer.NewcomerTold(
        account="bitrix24:vektor", fact_id=name, marker=KEY, kind="company", inn=inn, kpp=KPP,
        values={"name": "ООО «Лотос»"}, sequence=sequence,
    )  # fmt: skip


def newcomers() -> Stream[newcomer.State, newcomer.Command]:
    """A company that nobody spoke of."""
    return Stream(NEWCOMERS, f"newcomer-{INN}-{KPP}")


def put(name: str, sequence: int) -> EffectPlan:
    """The call that makes it."""
    request = {
        "fact_id": name, "marker": KEY, "kind": "company", "inn": INN, "kpp": KPP, "values": {"name": "ООО «Лотос»"},
        "sequence": sequence,
    }  # fmt: skip
    return EffectPlan("crm-newcomer", (name,), "bitrix24:vektor", request, lane=Lane.BULK)


def test_what_accounting_has_is_kept_whole_and_made_behind_what_people_wait_for() -> None:
    stream = newcomers()
    assert stream.ran(fact()) == [kept()]
    assert stream.state == newcomer.State(stream.name, under_way=kept(), waiting=None, newest=1)
    assert list(stream.effects.values()) == [put("m1", 1)]


def test_of_what_came_meanwhile_the_newest_is_made_once_the_first_is_there() -> None:
    stream = newcomers()
    stream.ran(fact())
    stream.ran(fact("m2", 2))
    stream.ran(fact("m3", 3))
    assert stream.state == newcomer.State(stream.name, under_way=kept(), waiting=kept("m3", 3), newest=3)
    assert stream.ran(newcomer.SeeNewcomer("m1", "600")) == [
        newcomer.NewcomerSettled(
            account="bitrix24:vektor", fact_id="m1", inn=INN, company_id="600", next_fact=kept("m3", 3)
        )
    ]
    assert stream.state == newcomer.State(stream.name, under_way=kept("m3", 3), waiting=None, newest=3)
    assert list(stream.effects.values()) == [put("m1", 1), put("m3", 3)]


@pytest.mark.parametrize(("sequence", "is_news"), [(1, False), (4, False), (5, False), (6, True), (0, True)])
def test_what_was_said_earlier_and_comes_later_is_nothing(sequence: int, is_news: bool) -> None:
    stream = newcomers()
    stream.ran(fact(sequence=5))
    stream.ran(newcomer.SeeNewcomer("m1", "600"))
    assert bool(stream.ran(fact("m2", sequence))) is is_news


def test_what_has_no_place_leaves_the_newest_as_it_was() -> None:
    stream = newcomers()
    stream.ran(fact(sequence=5))
    stream.ran(fact("m2", 0))
    assert stream.ran(fact("m3", 4)) == []
    assert stream.state.waiting == kept("m2", 0)


def test_outcome_of_what_is_not_under_way_is_nothing() -> None:
    stream = newcomers()
    assert stream.ran(newcomer.SeeNewcomer("m1", "600")) == []
    stream.ran(fact())
    assert stream.ran(newcomer.SeeNewcomer("m2", "600")) == []
    assert stream.state.under_way == kept()


@pytest.mark.parametrize(("inn", "shown"), [(INN, INN), ("500100732259", "")])
def test_refusal_is_said_with_its_reason_and_with_a_companys_inn_only(inn: str, shown: str) -> None:
    stream = newcomers()
    stream.ran(fact(inn=inn))
    assert stream.ran(newcomer.SeeNewcomer("m1", refused=REASON)) == [
        newcomer.NewcomerSettled(account="bitrix24:vektor", fact_id="m1", inn=inn, refused=REASON)
    ]
    values = {"inn": shown, "reason": {"code": "crm_preset_missing", "values": {"preset": "Организация"}}}
    request = {"write": "chat", "text": "company_not_made", "values": values}
    assert stream.effects_of(CRM_CHAT) == [
        EffectPlan(
            "crm-chat", ("m1", "refused"), "bitrix24:vektor", {**request, "fact_id": "m1", "index": 0, "deal_id": ""}
        )
    ]


def test_what_comes_after_a_refusal_is_made_beside_what_is_said_of_it() -> None:
    stream = newcomers()
    stream.ran(fact())
    stream.ran(fact("m2", 2))
    stream.ran(newcomer.SeeNewcomer("m1", refused=REASON))
    assert [one.key for one in stream.effects.values()] == [("m1",), ("m2",), ("m1", "refused")]
