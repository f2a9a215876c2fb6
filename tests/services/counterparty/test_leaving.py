"""A deal that has another buyer by now leaves those who wait for the former one, in whatever order that is heard."""

from dataclasses import replace

from contracts.messages import operations
from services.counterparty.domain import deal, party
from tests.services.counterparty.parts import (
    ACCOUNT,
    DADATA,
    ROMASHKA,
    VASILEK,
    PartyStream,
    a_party,
    answers,
    ask,
    company,
    facts,
    open_cards,
    requests,
    take,
    want,
)

DEAL = "deal of r1"


def waits(stream: PartyStream) -> set[str]:
    """The requests that wait for the record."""
    return set(stream.state.records[ACCOUNT].waiting)


def told(stream: PartyStream) -> list[tuple[str, str]]:
    """What is said of questions, and to which deal, in order."""
    return [(type(one).__name__.removeprefix("Decision"), one.deal_id) for one in stream.messages]


def doubled(*request_ids: str) -> PartyStream:
    """Requests, each of its own deal, that wait for a person to choose between two records."""
    stream = a_party()
    for turn, request_id in enumerate(request_ids, 1):
        stream.ran(replace(want(request_id), turn=turn))
    stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
    return stream


class TestTheDeal:
    def test_tells_the_former_buyer_that_its_request_left(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company(ROMASHKA)))
        stream.tasks.clear()
        stream.ran(deal.SeeBuyer("15", company(VASILEK), "b"))
        asked, left = stream.tasks[deal.LINK, "r1:2"].payload, stream.tasks[deal.LEAVE, "r1:2"].payload
        assert (asked["party"]["party"], asked["turn"]) == (VASILEK, 2)
        assert left == {"account": ACCOUNT, "request_id": "r1", "party": ROMASHKA, "turn": 2}

    def test_tells_it_also_where_the_new_buyer_is_refused_or_asked_of_the_register(self) -> None:
        for buyer, registers in ((None, ()), (company("7707083893"), (DADATA,))):
            stream = requests()
            stream.ran(ask(buyer=company(ROMASHKA), registers=registers))
            stream.ran(deal.SeeBuyer("15", buyer, "b"))
            assert stream.tasks[deal.LEAVE, "r1:2"].payload["party"] == ROMASHKA

    def test_tells_nobody_where_it_waited_for_nobody_or_still_does(self) -> None:
        stream = requests()
        stream.ran(ask(buyer=company("7736207543")))
        stream.ran(deal.SeeBuyer("15", company(ROMASHKA), "b"))
        stream.ran(deal.SeeBuyer("15", company(ROMASHKA, name="Ромашка и К"), "c"))
        assert [kind for kind, _ in stream.tasks] == [deal.LINK]


class TestTheFormerBuyer:
    def test_is_not_waited_for_any_more_and_answers_others_alone(self) -> None:
        stream = a_party()
        stream.ran(replace(want("r1"), turn=1))
        stream.ran(replace(want("r2"), turn=1))
        stream.ran(party.LeaveRecord(ACCOUNT, "r1", 2))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
        assert answers(stream) == [("r2", "e1")]

    def test_withdraws_its_question_from_the_deal_that_left_and_from_no_other(self) -> None:
        stream = doubled("r1", "r2")
        stream.ran(party.LeaveRecord(ACCOUNT, "r1", 3))
        assert told(stream) == [("Needed", DEAL), ("Needed", "deal of r2"), ("Taken", DEAL)]
        taken = stream.said(operations.DecisionTaken)[0]
        assert (taken.choice, taken.by) == (party.WITHDRAWN, "")
        take(stream, "counterparty_double", "use_e2")
        assert told(stream)[3:] == [("Taken", "deal of r2")]

    def test_keeps_asking_a_deal_that_another_request_waits_in(self) -> None:
        stream = a_party()
        stream.ran(replace(want("r1"), deal_id="15", turn=1))
        stream.ran(replace(want("r2"), deal_id="15", turn=1))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1", "e2")))
        stream.ran(party.LeaveRecord(ACCOUNT, "r1", 2))
        assert told(stream) == [("Needed", "15")]

    def test_asks_a_deal_again_that_comes_back(self) -> None:
        stream = doubled("r1")
        stream.ran(party.LeaveRecord(ACCOUNT, "r1", 2))
        stream.ran(replace(want("r1"), turn=3))
        take(stream, "counterparty_double", "use_e2")
        assert told(stream) == [("Needed", DEAL), ("Taken", DEAL), ("Needed", DEAL), ("Taken", DEAL)]
        assert answers(stream) == [("r1", "e2")]

    def test_asks_nobody_whether_to_go_on_for_a_deal_that_left(self) -> None:
        stream = a_party()
        stream.ran(replace(want("r1", registers=(DADATA,)), turn=1))
        stream.ran(party.SeeRecords(ACCOUNT, ("e1",)))
        stream.ran(party.SeeRegister(ACCOUNT, facts(status="liquidating")))
        assert open_cards(stream) == ["buyer_ending"]
        stream.ran(party.LeaveRecord(ACCOUNT, "r1", 2))
        assert (open_cards(stream), waits(stream)) == ([], set())
        assert told(stream) == [("Needed", DEAL), ("Taken", DEAL)]


class TestOrder:
    def test_request_that_comes_after_its_leave_does_not_wait(self) -> None:
        stream = a_party()
        stream.ran(party.LeaveRecord(ACCOUNT, "r1", 2))
        assert stream.ran(replace(want("r1"), turn=1)) == []
        assert stream.tasks == {}

    def test_leave_that_is_older_than_the_return_changes_nothing(self) -> None:
        stream = a_party()
        stream.ran(replace(want("r1"), turn=1))
        stream.ran(replace(want("r1"), turn=3))
        assert stream.ran(party.LeaveRecord(ACCOUNT, "r1", 2)) == []
        assert waits(stream) == {"r1"}

    def test_all_orders_of_leaving_and_coming_back_end_alike(self) -> None:
        first, left, back = (
            replace(want("r1"), turn=1),
            party.LeaveRecord(ACCOUNT, "r1", 2),
            replace(want("r1"), turn=3),
        )
        for order in ((first, left, back), (first, back, left), (back, first, left), (left, back, first)):
            stream = a_party()
            for command in order:
                stream.ran(command)
            assert (waits(stream), stream.state.turns) == ({"r1"}, {"r1": 3})
