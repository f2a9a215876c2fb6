"""A record that accounting has no more: it is read, lost, found or made again once, and every request is answered."""

from dataclasses import replace

import pytest

from chassis.cards import CardTaken
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Done, Permit, Task
from connectors.ports.accounting import Counterparty
from contracts.messages import counterparty as messages
from contracts.messages import operations
from services.counterparty.domain import deal, party
from services.counterparty.workers import RelinkBuyer
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    ROMASHKA,
    VASILEK,
    PartyStream,
    Requests,
    a_party,
    answers,
    ask,
    company,
    facts,
    open_cards,
    requests,
    want,
)
from tests.services.streams import NOW, TENANT

GONE = deal.SeeRecordGone("r1", ACCOUNT, "e1")


def linked() -> Requests:
    """A request that was answered with the record e1."""
    stream = requests()
    stream.ran(ask(buyer=company()))
    stream.ran(deal.Answer("r1", ROMASHKA, "cp", "e1"))
    return stream


def linked_party(registers: bool = False) -> PartyStream:
    """A party with the record e1."""
    stream = a_party()
    stream.ran(want("r0"))
    stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
    stream.tasks.clear()
    if registers:
        stream.ran(want("r9", registers=(DADATA,)))
    return stream


class TestTheRequest:
    def test_waits_again_and_has_the_record_read(self) -> None:
        stream = linked()
        stream.ran(GONE)
        task = stream.tasks[deal.RELINK, "r1:3"]
        assert (task.account, task.payload["gone"], task.payload["turn"]) == (ACCOUNT, "e1", 3)
        stream.ran(deal.Answer("r1", ROMASHKA, "cp", "e2"))
        assert [one.remote_id for one in stream.said(messages.CounterpartyLinked)] == ["e1", "e2"]

    def test_is_not_asked_again_by_a_message_that_comes_twice_or_late(self) -> None:
        stream = linked()
        stream.ran(GONE)
        assert stream.ran(GONE) == []
        stream.ran(deal.Answer("r1", ROMASHKA, "cp", "e2"))
        assert stream.ran(GONE) == []
        assert requests().ran(GONE) == []

    def test_asks_for_the_buyer_that_the_deal_shows_by_now(self) -> None:
        stream = linked()
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 4))
        stream.tasks.clear()
        stream.ran(GONE)
        assert [
            (kind, task.payload["party"]["party"]) for (kind, _), task in stream.tasks.items() if kind == deal.LINK
        ] == [(deal.LINK, VASILEK)]
        stream.ran(deal.Answer("r1", VASILEK, "cp", "e7"))
        assert stream.said(messages.CounterpartyLinked)[-1].remote_id == "e7"

    def test_follows_the_deal_again_while_it_waits(self) -> None:
        stream = linked()
        stream.ran(GONE)
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b", 4))
        assert stream.happened(deal.LinkWanted)[-1].party.party == VASILEK


class TestTheParty:
    def test_looks_for_the_record_again_and_makes_one_where_there_is_none(self) -> None:
        stream = linked_party()
        stream.ran(want("r1"))
        assert answers(stream) == [("r1", "e1")]
        stream.ran(replace(want("r1"), gone="e1"))
        assert (party.FIND, f"{ACCOUNT}:{stream.name}") in stream.tasks
        stream.ran(party.SeeRecords(ACCOUNT, ()))
        (sent,) = stream.effects.values()
        stream.ran(party.SeeCreated(ACCOUNT, sent.request["attempt"], "e2"))
        assert answers(stream) == [("r1", "e1"), ("r1", "e2")]

    def test_takes_the_record_that_it_was_merged_into(self) -> None:
        stream = linked_party()
        stream.ran(replace(want("r1"), gone="e1"))
        stream.ran(party.SeeRecords(ACCOUNT, ("e5",)))
        assert (answers(stream), stream.effects) == ([("r1", "e5")], {})

    def test_makes_one_for_all_documents_that_were_refused(self) -> None:
        stream = linked_party()
        stream.ran(replace(want("r1"), gone="e1"))
        stream.ran(replace(want("r2"), gone="e1"))
        stream.ran(party.SeeRecords(ACCOUNT, ()))
        stream.ran(replace(want("r3"), gone="e1"))
        stream.ran(party.SeeCreated(ACCOUNT, 1, "e2"))
        stream.ran(replace(want("r4"), gone="e1"))
        assert len(stream.effects) == 1
        assert sorted(answers(stream)) == [(f"r{number}", "e2") for number in range(1, 5)]

    def test_answers_with_the_record_that_is_there(self) -> None:
        stream = linked_party()
        stream.ran(want("r1"))
        assert stream.happened(party.RecordLost) == []
        assert answers(stream) == [("r1", "e1")]

    def test_keeps_those_who_wait_for_the_register(self) -> None:
        stream = linked_party(registers=True)
        stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidating")))
        assert open_cards(stream) == ["buyer_ending"]
        stream.ran(replace(want("r1", registers=(DADATA,)), gone="e1"))
        assert open_cards(stream) == []
        stream.ran(party.SeeRecords(ACCOUNT, ("e5",)))
        stream.ran(party.SeeRegister(ACCOUNT, facts()))
        assert sorted(answers(stream)) == [("r1", "e5"), ("r9", "e5")]

    def test_withdraws_a_question_once_where_the_request_itself_waits_for_its_answer(self) -> None:
        stream = linked_party()
        stream.ran(replace(want("r1", registers=(DADATA,)), turn=2))
        stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidating")))
        stream.ran(replace(want("r1", registers=(DADATA,)), turn=4, gone="e1"))
        assert [one.choice for one in stream.happened(CardTaken)] == [party.WITHDRAWN]
        assert [one.choice for one in stream.said(operations.DecisionTaken)] == [party.WITHDRAWN]
        assert set(stream.state.records[ACCOUNT].waiting) == {"r1"}


class Reading:
    """An accounting service that says one thing of any record, and a party as it is."""

    def __init__(self, outcome: Outcome[Counterparty], stream: PartyStream) -> None:
        self.outcome = outcome
        self.stream = stream
        self.asked: list[str] = []

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        self.asked.append(counterparty_id)
        return self.outcome

    async def party(self, tenant: object, stream: str) -> party.State:
        return self.stream.state


NOT_FOUND = Rejected(Problem("document_not_found"))


async def relinked(outcome: Outcome[Counterparty], stream: PartyStream) -> tuple[object, Reading]:
    """What the reading of the record comes to."""
    asked, reading = linked(), Reading(outcome, stream)
    asked.ran(GONE)
    plan = asked.tasks[deal.RELINK, "r1:3"]
    task = Task(
        TENANT, "w1", plan.kind, plan.key, dict(plan.payload), "deal-15", ACCOUNT, 1, Permit("", "", "", 1, NOW), NOW
    )
    return await RelinkBuyer(reading, reading).run(task), reading  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "gone"),
    [
        (Ok(Counterparty("e1", "company", "Ромашка")), ""),
        (NOT_FOUND, "e1"),
        (Rejected(Problem("capability_missing")), ""),
    ],
)
async def test_record_is_lost_only_where_accounting_says_that_it_is_not_there(
    outcome: Outcome[Counterparty], gone: str
) -> None:
    done, reading = await relinked(outcome, linked_party())
    assert isinstance(done, Done)
    (command,) = done.commands
    assert (command.stream, command.body.gone, command.body.turn) == (f"party-{ROMASHKA}", gone, 3)
    assert reading.asked == ["e1"]


async def test_reading_that_fails_is_tried_again() -> None:
    failed = Retryable(Problem("vendor_fault"))
    assert (await relinked(failed, linked_party()))[0] == failed


async def test_record_that_was_linked_anew_is_not_read() -> None:
    stream = a_party()
    stream.ran(want("r0"))
    stream.ran(party.SeeRecords(ACCOUNT, ("e2",)))
    done, reading = await relinked(NOT_FOUND, stream)
    assert isinstance(done, Done)
    stream.ran(done.commands[0].body)
    assert (reading.asked, answers(stream)) == ([], [("r0", "e2"), ("r1", "e2")])
