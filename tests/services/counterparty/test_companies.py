"""The state register: what it fills, what it makes a question, and who is asked when on a real database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from chassis.postgres import Database
from chassis.work.handlers import Done, Permit, PermitClass, Task, TaskResult
from chassis.work.operations import AccountDown, AccountUp
from connectors.ports.companies import CompanyCard, CompanyStatus
from connectors.registers import QUOTA
from contracts.messages import counterparty as messages
from services.counterparty.app import SPEC
from services.counterparty.domain import company as register
from services.counterparty.domain import deal, party
from services.counterparty.domain.values import Buyer, Party, Register, Rules
from services.counterparty.store.companies import CompanyStore
from services.counterparty.workers.companies import ATTEMPTS_MAX, LookUpCompany
from tests.kit.database import Databases
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    FOCUS,
    ROMASHKA,
    a_party,
    ask,
    company,
    facts,
    open_cards,
    requests,
    take,
    want,
)
from tests.services.streams import NOW, TENANT, Stream

INN = "7736207543"
MIDNIGHT = datetime(2026, 3, 12, 21, 0, tzinfo=UTC)
CARD = CompanyCard(INN, "company", "ООО «РОМАШКА»", "ООО «Ромашка»", CompanyStatus.ACTIVE, "dadata", "773601001")


# What the register fills


def test_what_a_company_lacks_comes_from_the_register() -> None:
    stream = requests()
    stream.ran(ask(buyer=company(INN, name=""), registers=(DADATA,)))
    assert stream.said(messages.CounterpartyRejected) == []
    (plan,) = [plan for (kind, _), plan in stream.tasks.items() if kind == register.LOOK_UP]
    assert plan.payload["inn"] == INN
    stream.ran(deal.SeeCompany("r1", INN, facts()))
    (wanted,) = stream.happened(deal.LinkWanted)
    assert (wanted.party.party, wanted.party.name) == (ROMASHKA, "ООО «Ромашка»")
    assert stream.ran(deal.SeeCompany("r1", INN, facts())) == []


def test_what_the_register_does_not_know_is_named_as_missing() -> None:
    stream = requests()
    stream.ran(ask(buyer=company(INN), registers=(DADATA,)))
    stream.ran(deal.SeeCompany("r1", INN, None))
    (said,) = stream.said(messages.CounterpartyRejected)
    assert [one.code for one in said.reasons] == ["kpp_missing"]


@pytest.mark.parametrize("buyer", [company("7736207544"), company(INN, kpp="1"), None])
def test_what_no_register_can_mend_is_named_at_once(buyer: Buyer | None) -> None:
    stream = requests()
    stream.ran(deal.AskLink("vektor", "r1", "15", ACCOUNT, buyer, Rules(registers=(DADATA,)), "a", "7"))
    assert len(stream.said(messages.CounterpartyRejected)) == 1


def test_a_buyer_that_changed_meanwhile_is_asked_about_anew() -> None:
    stream = requests()
    stream.ran(ask(buyer=company(INN), registers=(DADATA,)))
    stream.ran(deal.SeeBuyer("15", company("7707083893"), "b"))
    assert stream.ran(deal.SeeCompany("r1", INN, facts())) == []
    assert len([kind for kind, _ in stream.tasks if kind == register.LOOK_UP]) == 2


def test_a_record_is_created_as_the_register_has_the_company() -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    assert stream.effects_of(party.CREATE) == []
    stream.ran(party.SeeRegister(ACCOUNT, facts()))
    (effect,) = stream.effects_of(party.CREATE)
    assert (effect.request["full_name"], effect.request["ogrn"]) == ("ООО «РОМАШКА»", "1027700229193")
    assert effect.request["address"].startswith("119021")


def test_of_a_person_nothing_but_the_number_is_taken() -> None:
    orlov = company("500100732259", kind="entrepreneur", name="ИП Орлов", address="г Тула")
    told = facts(inn="500100732259", ogrn="304500116000157", full_name="Орлов Пётр", address="г Москва, ул Новая")
    filled = register.filled_party(Party(party="x", kind="entrepreneur", inn=orlov.inn, name="ИП"), told)
    assert (filled.ogrn, filled.full_name, filled.address) == ("304500116000157", "", "")
    assert register.filled_buyer(orlov, told).address == "г Тула"


def test_an_inn_that_the_register_does_not_have_is_created_as_it_is() -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeRegister(ACCOUNT, None))
    assert len(stream.effects_of(party.CREATE)) == 1
    assert stream.ran(party.SeeRegister(ACCOUNT, None)) == []


@pytest.mark.parametrize("status", ["liquidating", "bankrupt"])
def test_a_company_that_is_about_to_be_no_more_is_a_question(status: str) -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status=status)))
    assert (open_cards(stream), stream.effects_of(party.CREATE)) == (["buyer_ending"], [])
    take(stream, "buyer_ending", "create_anyway")
    (effect,) = stream.effects_of(party.CREATE)
    assert (effect.request["full_name"], effect.request["look_up"]) == ("ООО «РОМАШКА»", True)
    stream.ran(party.SeeCreated(ACCOUNT, 1, "e1"))
    stream.ran(want("r2", registers=(DADATA,)))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status=status)))
    assert (open_cards(stream), answered(stream)) == ([], {"r1": "", "r2": ""})


def test_a_company_that_is_no_more_gets_no_record_and_no_document() -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidated")))
    assert (open_cards(stream), stream.effects_of(party.CREATE)) == ([], [])
    assert answered(stream) == {"r1": "buyer_liquidated"}


def test_a_buyer_with_a_record_that_is_no_more_by_now_gets_no_further_document() -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
    stream.ran(party.SeeRegister(ACCOUNT, facts()))
    assert answered(stream) == {"r1": ""}
    stream.ran(want("r2", registers=(DADATA,)))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidated")))
    assert answered(stream) == {"r1": "", "r2": "buyer_liquidated"}
    stream.ran(want("r3", registers=(DADATA,)))
    stream.ran(party.SeeRegister(ACCOUNT, None))
    assert answered(stream)["r3"] == "", "who is not to be reached says nothing of a company"


def test_a_buyer_that_was_in_order_is_not_asked_about_again_for_a_day() -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
    stream.ran(party.SeeRegister(ACCOUNT, facts()))
    assert party.stands(stream.state.records[ACCOUNT], NOW + timedelta(hours=23))
    assert not party.stands(stream.state.records[ACCOUNT], NOW + timedelta(hours=24))
    stream.ran(want("r2", registers=(DADATA,)))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidated")))
    assert not party.stands(stream.state.records[ACCOUNT], NOW)


@pytest.mark.parametrize(("choice", "code"), [("go_on", ""), ("give_up", "buyer_given_up")])
def test_all_who_wait_for_a_buyer_in_liquidation_hear_what_was_decided(choice: str, code: str) -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt")))
    stream.ran(want("r2", registers=(DADATA,)))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt")))
    assert (open_cards(stream), answered(stream)) == (["buyer_ending"], {})
    take(stream, "buyer_ending", choice)
    assert answered(stream) == {"r1": code, "r2": code}


def test_a_person_who_gives_such_a_company_up_refuses_its_documents() -> None:
    stream = a_party()
    stream.ran(want(registers=(DADATA,)))
    stream.ran(party.SeeRecords(ACCOUNT, ()))
    stream.ran(party.SeeRegister(ACCOUNT, facts(status="bankrupt")))
    take(stream, "buyer_ending", "give_up")
    assert stream.effects_of(party.CREATE) == []
    assert [event.reason.code for event in stream.happened(party.RecordRefused)] == ["buyer_given_up"]


def answered(stream: Stream[party.State, party.Command]) -> dict[str, str]:
    """By request: "" where it was given the record, else why not."""
    given: dict[str, str] = {}
    for (kind, _), plan in stream.tasks.items():
        if kind == party.ANSWER:
            code = (plan.payload["refused"] or {"code": ""})["code"]
            given |= dict.fromkeys(plan.payload["waiting"], code)
    return given


# Who is asked


@dataclass
class Provider:
    """A provider that gives its answers in order, the last one for ever."""

    answers: list[Outcome[CompanyCard | None]]
    asked: list[bool] = field(default_factory=list)

    async def by_inn(
        self, permit: Permit, inn: str, kpp: str = "", *, answered_today: bool = False
    ) -> Outcome[CompanyCard | None]:
        self.asked.append(answered_today)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Desk:
    """Gives every permit but those of ``unknown`` accounts."""

    def __init__(self) -> None:
        self.reported: list[str] = []
        self.unknown: set[str] = set()

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        if account in self.unknown:
            return Retryable(Problem("account_unknown", {"account": account}), outage=False)
        return Permit(account, "https://register.example", "key", count, NOW)

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        self.reported.append(account)


@dataclass
class Asking:
    """The look-up with two providers on a real database."""

    clock: ManualClock
    store: CompanyStore
    desk: Desk
    dadata: Provider
    focus: Provider

    async def look(self, *registers: Register, attempt: int = 1, inn: str = INN) -> TaskResult:
        """One run for a party's stream."""
        handler = LookUpCompany(self.store, self.desk, {"dadata": self.dadata, "focus": self.focus}, self.clock)
        listed = [one.model_dump(mode="json") for one in registers or (DADATA, FOCUS)]
        payload = {"account": ACCOUNT, "inn": inn, "kpp": "773601001", "registers": listed}
        stream = f"party-{ROMASHKA}"
        task = Task(TENANT, "w1", register.LOOK_UP, "k", payload, stream, "", attempt, None, self.clock.now())
        return await handler.run(task)

    async def told(self, *registers: Register, attempt: int = 1, inn: str = INN) -> register.Facts | None:
        """What the stream is told."""
        done = await self.look(*registers, attempt=attempt, inn=inn)
        assert isinstance(done, Done), done
        (seen,) = [one.body for one in done.commands if isinstance(one.body, party.SeeRegister)]
        return seen.facts


def alerts(done: TaskResult) -> list[type]:
    """What the outage streams are told."""
    assert isinstance(done, Done), done
    return [type(one.body) for one in done.commands if one.stream.startswith("outage-")]


@pytest.fixture
async def asking(databases: Databases) -> AsyncIterator[Asking]:
    own = await databases("counterparty", *SPEC.migration_folders()[1:])
    database: Database = await own.open()
    clock = ManualClock(NOW)
    yield Asking(clock, CompanyStore(database), Desk(), Provider([Ok(CARD)]), Provider([Ok(CARD)]))
    await database.close()


@pytest.mark.parts
async def test_an_answer_is_kept_for_a_day(asking: Asking) -> None:
    first = await asking.told()
    asking.clock.advance(23 * 3600)
    again = await asking.told()
    assert first == again
    assert again is not None
    assert (len(asking.dadata.asked), again.fetched_at) == (1, NOW)
    asking.clock.advance(2 * 3600)
    await asking.told()
    assert len(asking.dadata.asked) == 2


@pytest.mark.parts
async def test_an_inn_that_is_not_there_is_asked_for_again_after_an_hour(asking: Asking) -> None:
    asking.dadata.answers = [Ok(None), Ok(CARD)]
    assert await asking.told() is None
    assert await asking.told() is None
    assert asking.focus.asked == [], "that there is none is an answer"
    asking.clock.advance(3700)
    assert await asking.told() is not None


@pytest.mark.parts
async def test_a_used_up_quota_is_told_once_and_the_next_provider_is_asked(asking: Asking) -> None:
    asking.dadata.answers = [Deferred(Problem(QUOTA), MIDNIGHT), Ok(CARD)]
    assert alerts(await asking.look()) == [AccountDown]
    await asking.look(inn="7707083893")
    assert (len(asking.dadata.asked), len(asking.focus.asked)) == (1, 2)
    asking.clock.advance((MIDNIGHT - NOW).total_seconds() + 1)
    assert alerts(await asking.look(inn="7709123453")) == [AccountUp]
    assert len(asking.dadata.asked) == 2


@pytest.mark.parts
async def test_the_quota_of_the_file_is_kept(asking: Asking) -> None:
    few = DADATA.model_copy(update={"per_day": 2})
    for number in range(4):
        await asking.look(few, FOCUS, inn=f"{number}")
    assert (len(asking.dadata.asked), len(asking.focus.asked)) == (2, 2)
    asking.clock.advance((MIDNIGHT - NOW).total_seconds() + 1)
    await asking.look(few, FOCUS, inn="9")
    assert len(asking.dadata.asked) == 3


@pytest.mark.parts
async def test_a_key_that_has_answered_today_is_said_to_have(asking: Asking) -> None:
    for number in range(2):
        await asking.look(inn=f"{number}")
    asking.clock.advance(86_400)
    await asking.look(inn="9")
    assert asking.dadata.asked == [False, True, False]


@pytest.mark.parts
async def test_one_provider_stands_in_for_another_that_does_not_answer(asking: Asking) -> None:
    asking.dadata.answers = [Retryable(Problem("vendor_fault"))]
    assert await asking.told() is not None
    asking.dadata.answers = [Deferred(Problem("vendor_limit"), None)]
    assert await asking.told(inn="1") is not None
    assert asking.desk.reported == [DADATA.account]


@pytest.mark.parts
async def test_registers_that_the_tenant_has_no_more_keep_nobody_waiting(asking: Asking) -> None:
    asking.desk.unknown = {DADATA.account}
    assert await asking.told() is not None
    asking.desk.unknown = {DADATA.account, FOCUS.account}
    assert await asking.told(inn="1") is None
    assert len(asking.focus.asked) == 1


@pytest.mark.parts
async def test_where_nobody_answers_what_was_told_before_stands_and_then_nothing(asking: Asking) -> None:
    await asking.told()
    asking.dadata.answers = asking.focus.answers = [Retryable(Problem("vendor_fault"))]
    asking.clock.advance(6 * 86_400)
    for attempt in range(1, ATTEMPTS_MAX):
        assert isinstance(await asking.look(attempt=attempt), Retryable)
    stale = await asking.told(attempt=ATTEMPTS_MAX)
    assert stale is not None
    assert asking.clock.now() - stale.fetched_at == timedelta(days=6)
    asking.clock.advance(2 * 86_400)
    assert await asking.told(attempt=ATTEMPTS_MAX) is None


@pytest.mark.parts
async def test_used_up_quotas_alone_keep_nobody_waiting(asking: Asking) -> None:
    asking.dadata.answers = asking.focus.answers = [Deferred(Problem(QUOTA), MIDNIGHT)]
    assert await asking.told() is None
