"""A creation whose answer was lost is watched for a second invoice; a person is asked about it, nobody removes it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Confirmed, Done, EffectCall, Permit, RejectedFinally, Task
from connectors.ports.accounting import ActCard, InvoiceCard, InvoiceLookup, InvoiceStatus
from connectors.ports.refusing import CAPABILITY_MISSING
from connectors.registry import ELBA_SEED, KONTUR, MOEDELO, AccountingVendor
from contracts.messages import operations
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain import plans
from services.invoicing.domain.values import Issued, Reason
from services.invoicing.workers import CreateInvoice, WatchDuplicates
from tests.services.invoicing.parts import (
    Documents,
    Items,
    answer,
    deal,
    documents,
    issued,
    last,
    linked,
    open_cards,
    phases,
    request,
    take,
)
from tests.services.invoicing.test_workers import CARD
from tests.services.streams import NOW, TENANT

NO = Reason(code="vendor_fault")
P = Problem("vendor_fault")


def ordered() -> Documents:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    return stream


def lost() -> Documents:
    """An invoice that was made, after a doubt."""
    stream = ordered()
    stream.ran(replace(answer(last(stream)), doubted=True))
    return stream


def watches(stream: Documents) -> list[str]:
    return [key.partition("/")[2] for kind, key in stream.tasks if kind == plans.WATCH]


def copy(name: str) -> Issued:
    return Issued(
        remote_id=name,
        number="B24-15",
        date=NOW.date(),
        url=f"https://elba.example/{name}",
        total_kopecks=1,
        vat_kopecks=0,
    )


def seen(stream: Documents, *names: str) -> list[Any]:
    """What follows of a look that found these invoices; ``ours`` is the one that the deal knows of."""
    (document, *_) = stream.state.documents.values()
    ours = document.issued.remote_id if document.issued else ""
    found = tuple(copy(ours if name == "ours" else name) for name in names)
    return stream.ran(c.SeeCopies(document.document_id, 1, "B24-15", NOW.date(), found))


class TestTheWatch:
    def test_doubt_that_was_proven_is_watched_three_times(self) -> None:
        stream = lost()
        assert stream.happened(e.AnswerLost)
        (task,) = (plan for (kind, _), plan in stream.tasks.items() if kind == plans.WATCH)
        assert task.due_at == stream.now + timedelta(minutes=10)
        assert task.payload["marker"] == last(stream).marker

    def test_answer_that_came_at_once_is_not(self) -> None:
        assert watches(issued()) == []

    def test_refusal_after_a_doubt_and_a_doubt_before_a_person_are_watched(self) -> None:
        stream = ordered()
        stream.ran(c.Reject(last(stream).request["document_id"], 1, NO, doubted=True))
        assert watches(stream) == ["1"]
        stream = ordered()
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, stream.now))
        assert watches(stream) == ["1"]
        take(stream, "document_uncertain", "resend")
        assert watches(stream) == ["1", "2"], "what a person sends again is watched from then on"

    def test_act_is_watched_among_those_of_its_invoice(self) -> None:
        stream = issued()
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        sent = last(stream, "create-act")
        stream.ran(replace(answer(sent), doubted=True))
        assert watches(stream) == ["1"]
        (task,) = (plan for (kind, _), plan in stream.tasks.items() if kind == plans.WATCH)
        assert (task.payload["kind"], task.payload["invoice_remote_id"]) == (
            "act",
            f"remote-{last(stream).request['document_id']}",
        )
        stream.ran(c.SeeCopies(sent.request["document_id"], 1, "", NOW.date(), (copy("late"),)))
        assert open_cards(stream) == ["document_doubled"]
        assert stream.said(operations.DecisionNeeded)[-1].values["number"] == "17"

    @pytest.mark.parametrize("settled", [Confirmed({**copy("e1").model_dump(mode="json")}), RejectedFinally(P)])
    def test_deal_is_told_that_there_was_a_doubt(self, settled: Confirmed | RejectedFinally) -> None:
        accounting: Any = None
        nobody: Any = None
        create = CreateInvoice(accounting, lambda account: ELBA_SEED, Items(), nobody, nobody)
        sent = {"document_id": "d1", "attempt": 1}
        permit = Permit("elba:main", "", "", 1, NOW)
        call = EffectCall(TENANT, "e", create.kind, "deal-15", "elba:main", sent, "m", 1, permit)
        assert not create.told(call, settled).doubted  # type: ignore[union-attr]
        assert create.told(replace(call, doubted=True), settled).doubted  # type: ignore[union-attr]


class TestTheCard:
    def test_second_invoice_is_asked_about_and_the_deal_stands_still(self) -> None:
        stream = lost()
        assert seen(stream, "ours") == []
        seen(stream, "ours", "late")
        (asked,) = stream.said(operations.DecisionNeeded)
        assert (asked.kind, asked.choices) == ("document_doubled", ("cleared", "keep_both"))
        assert (asked.values["count"], asked.values["urls"]) == (2, "https://elba.example/late")
        assert seen(stream, "ours", "late") == [], "it is asked once"
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        assert stream.effects_of("create-act") == []
        take(stream, "document_doubled", "cleared")
        assert len(stream.effects_of("create-act")) == 1, "the deal goes on"
        assert stream.effects_of("cancel-invoice") == [], "and nothing is removed by us"

    def test_what_was_said_to_be_cleared_is_looked_at(self) -> None:
        stream = lost()
        seen(stream, "ours", "late")
        stream.tasks.clear()
        take(stream, "document_doubled", "cleared")
        (task,) = stream.tasks.values()
        assert (task.kind, task.due_at) == (plans.WATCH, None)
        assert "since" not in task.payload, "looks that are still to come stay as they are"
        seen(stream, "ours", "late")
        assert open_cards(stream) == ["document_doubled"]

    def test_both_may_be_kept_and_are_not_asked_about_again(self) -> None:
        stream = lost()
        seen(stream, "ours", "late")
        take(stream, "document_doubled", "keep_both")
        assert seen(stream, "ours", "late") == []
        assert open_cards(stream) == []

    def test_one_that_came_of_a_refused_or_given_up_creation_is_asked_about_too(self) -> None:
        stream = ordered()
        stream.ran(c.Reject(last(stream).request["document_id"], 1, NO, doubted=True))
        seen(stream, "late")
        assert open_cards(stream) == ["document_doubled"]
        stream.ran(c.SeeDeal(deal("b")))
        assert phases(stream) == {("invoice", 1): "blocked"}, "nothing is sent beside it"

    def test_nobody_is_asked_while_it_is_not_clear_which_is_ours(self) -> None:
        stream = ordered()
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, stream.now))
        assert seen(stream, "one", "other") == []


class Listing:
    """An account that lists what it is given."""

    def __init__(self, answer: Outcome[InvoiceLookup]) -> None:
        self.answer = answer

    async def find_invoice(self, permit: Permit, **query: Any) -> Outcome[InvoiceLookup]:
        assert query == {"number": "B24-15", "issued_on": NOW.date(), "marker": "[m]", "counterparty_id": "b1"}
        return self.answer


class Acts:
    """An account that lists acts."""

    async def find_act(self, permit: Permit, **query: Any) -> Outcome[tuple[ActCard, ...]]:
        assert query == {"marker": "[m]", "invoice_id": "e1", "since": datetime(2026, 3, 11, tzinfo=UTC)}
        return Ok((ActCard("a1", "9", date(2026, 3, 12), "cp", "e1", "", 100, ""),))


@pytest.mark.parametrize(("vendor", "found"), [(KONTUR, ["a1"]), (MOEDELO, ["a1"]), (ELBA_SEED, [])])
async def test_acts_are_looked_for_where_the_vendor_lists_them(vendor: AccountingVendor, found: list[str]) -> None:
    acts: Any = Acts()
    given = {"document_id": "d1", "attempt": 1, "number": "", "date": "2026-03-12", "marker": "[m]"}
    given |= {"kind": "act", "invoice_remote_id": "e1", "since": NOW.isoformat()}
    permit = Permit("kontur:main", "", "", 1, NOW)
    task = Task(TENANT, "w", plans.WATCH, "d1/1", given, "deal-15", "kontur:main", 1, permit, NOW)
    done = await WatchDuplicates(lambda account: vendor, acts, ManualClock(NOW)).run(task)
    assert isinstance(done, Done)
    assert [one.remote_id for told in done.commands for one in told.body.copies] == found
    assert bool(done.again_at) is bool(found)


def look(*cards: InvoiceCard, after: timedelta = timedelta(), answer: Outcome[InvoiceLookup] | None = None) -> Any:
    accounting: Any = Listing(answer or Ok(InvoiceLookup(cards, ())))
    payload = {"document_id": "d1", "attempt": 1, "number": "B24-15", "date": NOW.date().isoformat(), "marker": "[m]"}
    given = {**payload, "counterparty_id": "b1", "since": NOW.isoformat()}
    permit = Permit("elba:main", "", "", 1, NOW)
    task = Task(TENANT, "w", plans.WATCH, "d1/1", given, "deal-15", "elba:main", 1, permit, NOW)
    return WatchDuplicates(lambda account: ELBA_SEED, accounting, ManualClock(NOW + after)).run(task)


class TestTheLook:
    @pytest.mark.parametrize(
        ("after", "next_after"),
        [
            (timedelta(minutes=10), timedelta(hours=1)),
            (timedelta(minutes=61), timedelta(hours=24)),
            (timedelta(hours=25), None),
        ],
    )
    async def test_ten_minutes_an_hour_and_a_day_later(self, after: timedelta, next_after: timedelta | None) -> None:
        done = await look(after=after)
        assert done == Done((), again_at=None if next_after is None else NOW + next_after)

    async def test_cancelled_ones_do_not_count(self) -> None:
        done = await look(CARD, replace(CARD, invoice_id="e2", status=InvoiceStatus.CANCELLED))
        (command,) = done.commands
        assert [one.remote_id for one in command.body.copies] == ["e1"]

    async def test_where_nothing_can_be_looked_up_nobody_looks_again(self) -> None:
        done = await look(answer=Rejected(Problem(CAPABILITY_MISSING, {"vendor": "v", "capability": "find_invoice"})))
        assert done == Done(found_something=False)

    async def test_account_that_does_not_answer_is_asked_again(self) -> None:
        assert await look(answer=Retryable(P)) == Retryable(P)
