"""What invoicing's work tells the deal: outcomes of effects, PDFs, documents that people found."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import (
    Confirmed,
    Done,
    EffectCall,
    Found,
    Inconclusive,
    NotFound,
    Permit,
    PermitClass,
    RejectedFinally,
    Settled,
    Task,
    Undecidable,
)
from connectors.ports.accounting import ActCard, InvoiceCard, InvoiceLookup, InvoiceStatus, PdfFile
from connectors.ports.refusing import CAPABILITY_MISSING
from connectors.registry import ELBA_SEED, ONEC, AccountingVendor
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.domain.values import Reason
from services.invoicing.workers import (
    LINK_TRIES_MAX,
    PDF_REFUSALS_MAX,
    AdoptDocument,
    CancelInvoice,
    CreateAct,
    CreateInvoice,
    FetchPdf,
    FollowReview,
    RequestDeadline,
)
from tests.services.invoicing.parts import Items, Known, issued, last
from tests.services.streams import NOW, TENANT

PERMIT = Permit("elba:main", "https://elba.example", "", 5, NOW)
NO = Problem("accounting_refused", {"text": "нет"})
GONE = Problem("document_not_found")
EXISTS = Uncertain(Problem("already_exists"), outage=False)
CARD = InvoiceCard(
    invoice_id="e1",
    number="B24-15",
    issued_on=dt.date(2026, 3, 12),
    due_on=None,
    counterparty_id="cp",
    comment="",
    lines=(),
    total_kopecks=1,
    vat_kopecks=None,
    paid_kopecks=None,
    status=InvoiceStatus.ISSUED,
    vendor_status="",
    url="",
    updated_at=None,
)


BILL_ID = "e1b2c6a1-58d6-4f4e-9b76-2f4f0c0f7d01"
LINK = "https://elba.example/public/e1"


class Accounting:
    """An account that gives one answer."""

    def __init__(self, answer: Outcome[Any]) -> None:
        self.answer = answer

    async def invoice_pdf(self, permit: Permit, remote_id: str) -> Outcome[Any]:
        return self.answer

    async def create_invoice(self, permit: Permit, draft: Any, *, key: str) -> Outcome[Any]:
        return self.answer

    async def create_act(self, permit: Permit, draft: Any, *, key: str) -> Outcome[Any]:
        return self.answer

    async def find_invoice(self, permit: Permit, **query: Any) -> Outcome[Any]:
        return self.answer

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[Any]:
        return self.answer

    async def find_act(self, permit: Permit, **query: Any) -> Outcome[Any]:
        self.asked = query
        return self.answer

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[Any]:
        return self.answer


class Leave:
    """Gives one answer to whoever asks for leave to call."""

    def __init__(self, answer: Permit | Deferred | Retryable | None = None) -> None:
        self.answer = answer or PERMIT

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        return self.answer

    async def report(self, account: str, problem: Problem, until: dt.datetime | None) -> None:
        raise AssertionError(problem)


class Blobs:
    """A store that names what it is given."""

    async def put(self, tenant: str, content: bytes) -> str:
        return "blob-1"


def fetch(answer: Outcome[Any]) -> FetchPdf:
    """The task over one answer."""
    accounting: Any = Accounting(answer)
    blobs: Any = Blobs()
    nothing: Any = None
    return FetchPdf(lambda account: ELBA_SEED, accounting, blobs, nothing)


def task(attempt: int = 1, **payload: Any) -> Task:
    """A claimed task of deal 15."""
    given = {"document_id": "d1", "kind": "invoice", "remote_id": "e1", "number": "B24-15", **payload}
    return Task(TENANT, "w1", "k", "d1", given, "deal-15", "elba:main", attempt, PERMIT, NOW)


class TestPdf:
    async def test_bytes_are_kept_before_they_are_named(self) -> None:
        done = await fetch(Ok(PdfFile(b"%PDF-1.4"))).run(task())
        assert isinstance(done, Done)
        assert [one.body for one in done.commands] == [c.Render("d1", "blob-1", 8)]

    async def test_document_that_is_not_visible_yet_is_asked_for_again(self) -> None:
        result = await fetch(Rejected(NO)).run(task(PDF_REFUSALS_MAX - 1))
        assert result == Retryable(NO, outage=False)

    async def test_refusal_that_stays_is_put_before_a_person(self) -> None:
        done = await fetch(Rejected(NO)).run(task(PDF_REFUSALS_MAX))
        assert isinstance(done, Done)
        assert [type(one.body) for one in done.commands] == [c.MissPdf]

    @pytest.mark.parametrize("answer", [Deferred(Problem("pdf_rendering")), Retryable(Problem("vendor_fault"))])
    async def test_rendering_and_outages_wait(self, answer: Outcome[Any]) -> None:
        assert await fetch(answer).run(task()) == answer


ACT = ActCard("a1", "9", dt.date(2026, 3, 12), "cp", "e1", "[m]", 100, "")


class TestReview:
    async def _followed(self, answer: Outcome[Any], age: dt.timedelta = dt.timedelta(), **payload: Any) -> Any:
        accounting: Any = Accounting(answer)
        given = task(since=(NOW - age).isoformat(), **payload)
        given = replace(given, payload={**given.payload, "attempt": 2})
        return await FollowReview(accounting, ManualClock(NOW)).run(given)

    async def test_a_draft_that_waits_is_looked_at_again(self) -> None:
        waiting = Ok(replace(CARD, status=InvoiceStatus.DRAFT))
        for age, wait in ((dt.timedelta(), plans.REVIEW_EVERY), (dt.timedelta(hours=1), dt.timedelta(minutes=6))):
            done = await self._followed(waiting, age)
            assert (done.commands, done.again_at, done.found_something) == ((), NOW + wait, False)

    async def test_a_draft_that_waits_for_another_day_is_told_once(self) -> None:
        waiting, day = Ok(replace(CARD, status=InvoiceStatus.DRAFT)), plans.REVIEW_WAIT
        late = await self._followed(waiting, day)
        assert [one.body for one in late.commands] == [c.MissReview("d1", 2)]
        assert (late.again_at, late.found_something) == (NOW + plans.REVIEW_EVERY_MAX, False)
        assert late.payload["told"] == NOW.isoformat()
        for told, commands in ((NOW, 0), (NOW - day + dt.timedelta(minutes=1), 0), (NOW - day, 1)):
            done = await self._followed(waiting, 3 * day, told=told.isoformat())
            assert len(done.commands) == commands

    @pytest.mark.parametrize(("told", "found"), [(None, 20), (0, 0)])
    async def test_vat_of_a_posted_draft_is_what_was_ordered_where_the_vendor_tells_none(
        self, told: int | None, found: int
    ) -> None:
        done = await self._followed(Ok(replace(CARD, vat_kopecks=told)), vat_kopecks=20)
        assert [one.body.issued.vat_kopecks for one in done.commands] == [found]

    @pytest.mark.parametrize(
        ("answer", "posted"),
        [
            (Ok(CARD), True),
            (Ok(replace(CARD, status=InvoiceStatus.CANCELLED)), False),
            (Rejected(GONE), False),
        ],
    )
    async def test_the_deal_is_told_when_it_is_posted_or_gone(self, answer: Outcome[Any], posted: bool) -> None:
        done = await self._followed(answer, dt.timedelta(minutes=3))
        (command,) = done.commands
        assert (command.body.document_id, command.body.attempt, done.again_at) == ("d1", 2, None)
        assert (command.body.issued is not None) is posted

    async def test_a_new_draft_that_readers_do_not_see_yet_is_not_gone(self) -> None:
        done = await self._followed(Rejected(GONE), dt.timedelta(seconds=179))
        assert (done.commands, done.again_at) == ((), NOW + plans.REVIEW_EVERY)

    @pytest.mark.parametrize("answer", [Deferred(NO), Retryable(NO), Rejected(NO)])
    async def test_a_look_that_failed_tells_nothing(self, answer: Outcome[Any]) -> None:
        assert isinstance(await self._followed(answer), Deferred | Retryable)


class TestLostAct:
    async def _probed(self, answer: Outcome[Any], vendor: AccountingVendor = ONEC) -> Any:
        accounting: Any = Accounting(answer)
        request = {"date": "2026-03-12", "vat_kopecks": 7, "invoice_remote_id": "e1"}
        call = EffectCall(TENANT, "w", plans.CREATE_ACT, "deal-15", "a", request, "[m]", 1, PERMIT, planned_at=NOW)
        return await CreateAct(accounting, lambda account: vendor, Items(), Leave(), ManualClock(NOW)).probe(call)

    async def test_one_with_the_marker_is_the_lost_one(self) -> None:
        found = await self._probed(Ok((ACT,)))
        assert isinstance(found, Found)
        assert (found.result["remote_id"], found.result["total_kopecks"], found.result["vat_kopecks"]) == ("a1", 100, 7)

    async def test_none_is_an_absence_and_two_are_for_a_person(self) -> None:
        assert isinstance(await self._probed(Ok(())), NotFound)
        assert isinstance(await self._probed(Ok((ACT, ACT))), Inconclusive)
        assert isinstance(await self._probed(Retryable(NO)), Inconclusive)

    async def test_a_vendor_that_lists_no_acts_tells_nothing(self) -> None:
        assert isinstance(await self._probed(Ok(()), ELBA_SEED), Inconclusive)


class TestAdopt:
    async def _adopted(self, *cards: InvoiceCard, **deals: str) -> c.Adopt:
        accounting: Any = Accounting(Ok(InvoiceLookup((), cards)))
        done = await AdoptDocument(accounting, Known(**deals)).run(task(card_id="c1", date="2026-03-12", vat_kopecks=7))
        assert isinstance(done, Done)
        (command,) = done.commands
        assert isinstance(command.body, c.Adopt)
        return command.body

    async def test_one_document_of_that_number_is_taken(self) -> None:
        adopted = await self._adopted(CARD)
        assert adopted.issued is not None
        assert (adopted.issued.remote_id, adopted.issued.vat_kopecks) == ("e1", 7), "the card tells no VAT"

    async def test_void_one_is_not_taken(self) -> None:
        adopted = await self._adopted(replace(CARD, status=InvoiceStatus.CANCELLED))
        assert (adopted.issued, adopted.reason) == (None, Reason(code="document_void", values={"number": "B24-15"}))

    async def test_one_that_another_deal_has_is_not_taken(self) -> None:
        adopted = await self._adopted(CARD, e1="16")
        told = Reason(code="document_of_other_deal", values={"number": "B24-15", "deal": "16"})
        assert (adopted.issued, adopted.reason) == (None, told)

    @pytest.mark.parametrize("cards", [(), (CARD, CARD)])
    async def test_none_or_several_ask_again(self, cards: tuple[InvoiceCard, ...]) -> None:
        adopted = await self._adopted(*cards)
        assert adopted.issued is None
        assert adopted.reason is not None
        assert adopted.reason.code == "document_not_found"

    async def _named(self, number: str, card: Outcome[InvoiceCard], link: str | None = LINK, attempt: int = 1) -> Any:
        class Unlisted(Accounting):
            async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[Any]:
                self.read = invoice_id
                return card

            async def invoice_link(self, permit: Permit, invoice_id: str) -> Outcome[str]:
                return Retryable(NO) if link is None else Ok(link)

        accounting: Any = Unlisted(Rejected(Problem(CAPABILITY_MISSING)))
        told = task(attempt, card_id="c1", number=number, date="2026-03-12", total_kopecks=100_00, vat_kopecks=0)
        done = await AdoptDocument(accounting, Known()).run(told)
        return done.commands[0].body if isinstance(done, Done) else done

    @pytest.mark.parametrize("number", [BILL_ID, f"https://elba.example/Bills/{BILL_ID}?tab=1"])
    async def test_where_invoices_are_not_listed_one_is_named_by_its_id_or_address(self, number: str) -> None:
        adopted = await self._named(number, Ok(CARD))
        assert (adopted.issued.remote_id, adopted.issued.url, adopted.reason) == ("e1", LINK, None)

    async def test_void_one_is_not_taken_by_its_id(self) -> None:
        adopted = await self._named(BILL_ID, Ok(replace(CARD, status=InvoiceStatus.CANCELLED)))
        assert (adopted.issued, adopted.reason.code) == (None, "document_void")

    async def test_the_page_of_a_document_is_asked_for_several_times_and_then_done_without(self) -> None:
        assert await self._named(BILL_ID, Ok(CARD), link=None, attempt=LINK_TRIES_MAX - 1) == Retryable(NO)
        adopted = await self._named(BILL_ID, Ok(CARD), link=None, attempt=LINK_TRIES_MAX)
        assert (adopted.issued.remote_id, adopted.issued.url) == ("e1", "")

    @pytest.mark.parametrize(
        ("number", "card", "reason"),
        [("77", Ok(CARD), "document_id_needed"), (BILL_ID, Rejected(NO), "document_not_found")],
    )
    async def test_a_number_alone_or_an_id_of_nothing_asks_again(
        self, number: str, card: Outcome[InvoiceCard], reason: str
    ) -> None:
        adopted = await self._named(number, card)
        assert (adopted.issued, adopted.reason.code) == (None, reason)

    async def test_where_nothing_can_be_read_the_persons_word_is_taken(self) -> None:
        adopted = await self._named(BILL_ID, Rejected(Problem(CAPABILITY_MISSING)))
        assert (adopted.issued.remote_id, adopted.issued.total_kopecks) == ("", 100_00)
        assert isinstance(await self._named(BILL_ID, Retryable(NO)), Retryable)

    async def test_refused_look_up_is_no_outage(self) -> None:
        accounting: Any = Accounting(Rejected(NO))
        result = await AdoptDocument(accounting, Known()).run(task(card_id="c1", date="2026-03-12"))
        assert result == Retryable(NO, outage=False)


async def test_each_deadline_is_a_command_of_its_own() -> None:
    one = await RequestDeadline().run(task(request_id="r1"))
    assert isinstance(one, Done)
    later = Task(TENANT, "w1", "k", "r1", {"request_id": "r1"}, "deal-15", "", 1, None, NOW + dt.timedelta(days=1))
    other = await RequestDeadline().run(later)
    assert isinstance(other, Done)
    assert one.commands[0].body == other.commands[0].body == c.MeetDeadline("r1")
    assert one.commands[0].command_id != other.commands[0].command_id


def call(request: dict[str, Any]) -> EffectCall:
    """An effect on its way."""
    return EffectCall(TENANT, "w1", "k", "deal-15", "elba:main", request, "", 1, PERMIT)


async def test_document_that_exists_already_is_looked_up_and_not_called_refused() -> None:
    accounting: Any = Accounting(Rejected(Problem("already_exists")))
    handler = CreateInvoice(accounting, lambda account: ELBA_SEED, Items(), Leave(), ManualClock(NOW))
    assert list(await handler.send([call(dict(last(issued()).request))])) == [EXISTS]
    act = CreateAct(accounting, lambda account: ELBA_SEED, Items(), Leave(), ManualClock(NOW))
    assert list(await act.send([call(dict(last(issued()).request))])) == [EXISTS]


class TestSentOnceMore:
    """What a person asks to have sent again, because they did not find it."""

    async def _sent(
        self, looked: Outcome[Any], *, key_attempt: bool = True, leave: Leave | None = None, minutes: int = 1
    ) -> tuple[Outcome[Any], bool]:
        accounting: Any = Accounting(Ok(CARD))
        searches: list[Any] = []

        async def find_invoice(permit: Permit, **query: Any) -> Outcome[Any]:
            searches.append(query["since"])
            return looked

        created: list[str] = []

        async def create_invoice(permit: Permit, draft: Any, *, key: str) -> Outcome[Any]:
            created.append(key)
            return Ok(replace(CARD, invoice_id="made"))

        accounting.find_invoice, accounting.create_invoice = find_invoice, create_invoice
        request = dict(last(issued()).request) | ({"key_attempt": 1} if key_attempt else {})
        handler = CreateInvoice(
            accounting,
            lambda account: ELBA_SEED,
            Items(),
            leave or Leave(),
            ManualClock(NOW + dt.timedelta(minutes=minutes)),
        )
        (outcome,) = await handler.send([replace(call(request), planned_at=NOW)])
        assert all(since < NOW - dt.timedelta(hours=1) for since in searches), "the first one may be from this morning"
        self.keys = created
        return outcome, bool(created)

    async def test_one_that_is_found_is_the_document(self) -> None:
        outcome, created = await self._sent(Ok(InvoiceLookup((CARD,), ())))
        assert isinstance(outcome, Ok)
        assert (outcome.value["remote_id"], created) == ("e1", False)

    @pytest.mark.parametrize("looked", [Ok(InvoiceLookup((), ())), Ok(InvoiceLookup((), (CARD,))), Rejected(NO)])
    async def test_the_persons_word_counts_where_it_is_not_there_or_nobody_can_look(self, looked: Outcome[Any]) -> None:
        outcome, created = await self._sent(looked)
        assert isinstance(outcome, Ok)
        assert (outcome.value["remote_id"], created) == ("made", True)

    async def test_one_that_was_voided_is_not_the_document_and_the_new_one_is_no_repeat_of_it(self) -> None:
        void = replace(CARD, status=InvoiceStatus.CANCELLED)
        outcome, _ = await self._sent(Ok(InvoiceLookup((void,), ())))
        assert isinstance(outcome, Ok)
        assert (outcome.value["remote_id"], self.keys) == ("made", [call(dict(last(issued()).request)).effect_id])

    async def test_a_lost_answer_to_it_is_no_void_one(self) -> None:
        accounting: Any = Accounting(Ok(CARD))

        async def find_invoice(permit: Permit, **query: Any) -> Outcome[Any]:
            return Ok(InvoiceLookup((replace(CARD, status=InvoiceStatus.CANCELLED),), ()))

        accounting.find_invoice = find_invoice
        handler = CreateInvoice(accounting, lambda account: ELBA_SEED, Items(), Leave(), ManualClock(NOW))
        found = await handler.probe(call({**last(issued()).request, "key_attempt": 1}))
        assert type(found) is NotFound

    async def test_one_that_stands_beside_a_void_one_is_the_document(self) -> None:
        void = replace(CARD, invoice_id="void", status=InvoiceStatus.CANCELLED)
        outcome, created = await self._sent(Ok(InvoiceLookup((void, CARD), ())))
        assert isinstance(outcome, Ok)
        assert (outcome.value["remote_id"], created) == ("e1", False)

    @pytest.mark.parametrize(
        ("looked", "waits"),
        [(Retryable(NO), Retryable(NO)), (Deferred(NO), Deferred(NO)), (Uncertain(NO), Retryable(NO))],
    )
    async def test_waits_while_a_search_fails(self, looked: Outcome[Any], waits: Outcome[Any]) -> None:
        assert await self._sent(looked) == (waits, False)

    @pytest.mark.parametrize(
        ("looked", "minutes"), [(Retryable(NO), 15), (Retryable(Problem("lookup_incomplete"), outage=False), 1)]
    )
    async def test_waits_for_no_search_that_may_never_tell(self, looked: Outcome[Any], minutes: int) -> None:
        outcome, created = await self._sent(looked, minutes=minutes)
        assert isinstance(outcome, Ok)
        assert created

    async def test_waits_for_leave_to_look(self) -> None:
        used_up = Deferred(Problem("permits_used_up"))
        assert await self._sent(Ok(InvoiceLookup((), ())), leave=Leave(used_up)) == (used_up, False)

    async def test_is_no_third_one_where_there_are_two(self) -> None:
        outcome, created = await self._sent(Ok(InvoiceLookup((CARD, CARD), ())))
        assert (outcome, created) == (Uncertain(Problem("document_doubled", {"count": 2}), outage=False), False)

    async def test_what_is_sent_for_the_first_time_is_not_looked_for(self) -> None:
        outcome, created = await self._sent(Ok(InvoiceLookup((CARD,), ())), key_attempt=False)
        assert isinstance(outcome, Ok)
        assert (outcome.value["remote_id"], created) == ("made", True)


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        (RejectedFinally(NO), c.Reject),
        (Undecidable(NO, NOW), c.Doubt),
        (
            Confirmed({"remote_id": "e", "number": "1", "date": "2026-03-12", "total_kopecks": 1, "vat_kopecks": 0}),
            c.Confirm,
        ),
    ],
)
def test_outcome_of_a_document_names_its_attempt(settled: Settled, expected: type[Any]) -> None:
    nobody: Any = None
    request = dict(last(issued()).request)
    for handler in (
        CreateInvoice(nobody, lambda account: ELBA_SEED, Items(), Leave(), ManualClock(NOW)),
        CreateAct(nobody, lambda account: ELBA_SEED, Items(), Leave(), ManualClock(NOW)),
    ):
        told = handler.told(call(request), settled)
        assert type(told) is expected
        assert isinstance(told, c.Reject | c.Doubt | c.Confirm)
        assert (told.document_id, told.attempt) == (request["document_id"], 1)


async def test_invoice_that_is_gone_is_void_once_it_cannot_be_hidden_any_more() -> None:
    accounting: Any = Accounting(Rejected(GONE))
    clock = ManualClock(NOW)
    handler = CancelInvoice(accounting, lambda account: ELBA_SEED, clock)
    sent = replace(call({"document_id": "d1", "remote_id": "e1", "cancel": 2}), planned_at=NOW)
    clock.advance(179)
    assert list(await handler.send([sent])) == [Uncertain(GONE, outage=False)]
    assert await handler.probe(sent) == Inconclusive(GONE)
    clock.advance(1)
    assert await handler.probe(sent) == Found({})
    clock.set_forward_at = NOW + dt.timedelta(seconds=60)
    assert await handler.probe(sent) == Inconclusive(GONE), "not so much time has passed"


async def test_invoice_that_is_seen_again_is_voided_again() -> None:
    accounting: Any = Accounting(Ok(CARD))
    handler = CancelInvoice(accounting, lambda account: ELBA_SEED, ManualClock(NOW))
    sent = replace(call({"document_id": "d1", "remote_id": "e1", "cancel": 2}), planned_at=NOW)
    assert isinstance(await handler.probe(sent), NotFound)


async def test_success_that_shows_the_invoice_standing_voids_nothing() -> None:
    accounting: Any = Accounting(Ok(CARD))
    handler = CancelInvoice(accounting, lambda account: ELBA_SEED, ManualClock(NOW))
    (answered,) = await handler.send([call({"document_id": "d1", "remote_id": "e1", "cancel": 2})])
    assert isinstance(answered, Uncertain)
    accounting.answer = Ok(replace(CARD, status=InvoiceStatus.CANCELLED))
    assert isinstance((await handler.send([call({"document_id": "d1", "remote_id": "e1", "cancel": 2})]))[0], Ok)


def test_outcome_of_a_cancel_names_its_order() -> None:
    nobody: Any = None
    handler = CancelInvoice(nobody, lambda account: ELBA_SEED, ManualClock(NOW))
    request = {"document_id": "d1", "remote_id": "e1", "cancel": 2}
    assert handler.told(call(request), Confirmed({})) == c.ConfirmCancel("d1", 2)
    for settled, undecided in ((RejectedFinally(NO), False), (Undecidable(NO, NOW), True)):
        assert handler.told(call(request), settled) == c.ConfirmCancel("d1", 2, Reason.of(NO), undecided)
    assert handler.kind == plans.CANCEL_INVOICE
