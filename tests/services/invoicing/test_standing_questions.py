"""How long each question stands before a person, and what is told of documents that accounting has twice."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from chassis.cards import CardOpened
from services.invoicing.domain import commands as c
from services.invoicing.domain.questions import CARDS, stands
from services.invoicing.domain.state import OVER, Document, Phase, State
from services.invoicing.domain.values import Issued, Reason
from tests.services.invoicing.parts import (
    NO,
    Documents,
    answer,
    deal,
    documents,
    issued,
    last,
    linked,
    request,
    take,
)
from tests.services.streams import NOW

STANDING = {"review", "made"}
A_TOTAL = 2 * (1000 + ord("a")) * 100
OLD_RATE, UNKNOWN = Reason(code="vat_rate_not_in_force"), Reason(code="goods_unknown")
PHASES: tuple[Phase, ...] = get_args(Phase)


def stands_in(kind: str, content: str = "", *, of: Documents | None = None, **fields: Any) -> set[str]:
    """The phases of a document in which a question about it still matters; ``fields`` are those of the document."""
    stream = of or issued()
    (document,) = stream.state.documents.values()

    def state(phase: Phase) -> State:
        changed: Document = replace(document, **{"phase": phase, **fields})
        return replace(stream.state, documents={document.document_id: changed})

    asked = CardOpened(
        card_id="1", kind=kind, choices=CARDS[kind], subject=document.document_id, opened_at=NOW,
        values={"content": content},
    )  # fmt: skip
    return {phase for phase in PHASES if stands(asked, state(phase))}


def settled() -> Documents:
    """A paid invoice."""
    stream = issued()
    stream.ran(c.SeeBalance(last(stream).request["document_id"], 1, True, "paid"))
    return stream


def gone() -> Documents:
    """A deal that was deleted after its invoice was issued."""
    stream = issued()
    stream.ran(c.SeeDeal(None))
    return stream


def lost(stream: Documents) -> Documents:
    """The deal went to a lost stage."""
    stream.ran(c.SeeDeal(deal(lost=True)))
    return stream


def ordered(**fields: Any) -> Documents:
    """An invoice on its way."""
    stream = documents()
    stream.ran(request(**fields))
    stream.ran(linked())
    return stream


def given_up() -> Documents:
    """An invoice of which nobody could tell whether it exists, and that a person gave up."""
    stream = ordered()
    stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, None))
    take(stream, "document_uncertain", "give_up")
    return stream


def copies(stream: Documents, *remote_ids: str, number: str = "B24-15", url: str = "") -> c.SeeCopies:
    """Invoices that accounting has under the marker of the newest one."""
    sent = answer(last(stream))
    found = tuple(sent.issued.model_copy(update={"remote_id": one, "url": url}) for one in remote_ids)
    return c.SeeCopies(sent.document_id, sent.attempt, number, sent.issued.date, found)


def ours(stream: Documents) -> str:
    """The vendor's id of the newest invoice."""
    return answer(last(stream)).issued.remote_id


def told(stream: Documents) -> dict[str, Any]:
    """What a person is told of the copies."""
    (asked,) = stream.happened(CardOpened)[-1:]
    assert asked.kind == "document_doubled"
    return dict(asked.values)


class TestHowLong:
    def test_whether_it_was_sent_is_asked_while_nobody_knows(self) -> None:
        assert stands_in("document_uncertain", issued=None) == {"doubtful"}
        assert stands_in("document_uncertain") == set()

    def test_what_is_another_document_is_asked_about_while_it_is_in_doubt(self) -> None:
        assert stands_in("document_differs") == {"doubtful"}
        assert stands_in("document_differs", issued=None) == set()

    def test_change_is_asked_about_while_the_invoice_stands_and_the_deal_shows_it(self) -> None:
        changed = deal("b")
        assert stands_in("content_changed", changed.content_hash, changed_deal=changed) == {"made"}
        assert stands_in("content_changed", changed.content_hash, changed_deal=deal("c")) == set()
        assert stands_in("content_changed", changed.content_hash) == set()

    def test_cancelled_order_is_asked_about_while_its_invoice_stands_and_it_is_gone(self) -> None:
        assert stands_in("order_cancelled", of=gone()) == {"made"}
        assert stands_in("order_cancelled") == set()
        assert stands_in("order_cancelled", of=lost(issued())) == set()

    def test_lost_deal_is_asked_about_while_its_invoice_stands_unpaid(self) -> None:
        assert stands_in("deal_lost", of=lost(issued())) == STANDING
        assert stands_in("deal_lost", of=lost(settled())) == set()
        assert stands_in("deal_lost") == set()

    @pytest.mark.parametrize(("kind", "reason"), [("vat_rate_not_in_force", OLD_RATE), ("goods_unknown", UNKNOWN)])
    def test_what_stops_a_document_is_asked_about_while_nothing_else_does(self, kind: str, reason: Reason) -> None:
        assert stands_in(kind, reasons=(reason,)) == {"blocked"}
        assert stands_in(kind, reasons=(reason, reason)) == {"blocked"}
        assert stands_in(kind, reasons=(reason, NO)) == set()
        assert stands_in(kind, reasons=(NO,)) == set()
        assert stands_in(kind) == set()

    def test_late_buyer_is_asked_about_while_the_document_waits_and_the_deal_goes_on(self) -> None:
        assert stands_in("buyer_late") == {"waiting"}
        assert stands_in("buyer_late", of=gone()) == set()
        assert stands_in("buyer_late", of=lost(issued())) == set()

    def test_late_review_is_asked_about_while_the_draft_awaits_it(self) -> None:
        assert stands_in("review_late") == {"review"}

    @pytest.mark.parametrize("kind", ["cancel_refused", "cancel_by_hand"])
    def test_cancel_is_asked_about_while_the_invoice_stands(self, kind: str) -> None:
        assert stands_in(kind) == STANDING

    def test_file_is_asked_about_while_a_document_that_is_not_over_lacks_it(self) -> None:
        assert stands_in("pdf_refused") == set(PHASES) - OVER
        assert stands_in("pdf_refused", blob="blob-1") == set()

    def test_copies_are_asked_about_until_a_person_answers(self) -> None:
        assert stands_in("document_doubled") == set(PHASES)


class TestLostDealsAndOrders:
    def test_invoice_of_a_lost_deal_is_named_with_its_sum(self) -> None:
        (asked,) = lost(issued()).happened(CardOpened)
        assert (asked.kind, asked.choices) == ("deal_lost", ("keep", "cancel"))
        assert asked.values == {"document": "invoice", "deal": "15", "number": "B24-15", "total_kopecks": A_TOTAL}

    def test_invoice_of_a_cancelled_order_is_named_with_the_order_and_its_sum(self) -> None:
        stream = issued(what=deal(order_number="A-77"))
        (asked,) = (one for one in stream.ran(c.SeeDeal(None)) if isinstance(one, CardOpened))
        assert (asked.kind, asked.choices) == ("order_cancelled", ("keep", "cancel"))
        assert asked.values == {
            "document": "invoice",
            "deal": "15",
            "number": "B24-15",
            "order": "A-77",
            "total_kopecks": A_TOTAL,
        }

    def test_nothing_is_asked_about_a_paid_invoice_of_a_lost_deal(self) -> None:
        assert lost(settled()).happened(CardOpened) == []

    def test_nothing_is_asked_about_an_order_that_is_not_cancelled(self) -> None:
        assert issued(what=deal(order_number="A-77")).happened(CardOpened) == []


class TestCopies:
    def test_all_that_helps_to_find_the_copies_is_told(self) -> None:
        stream = issued()
        stream.ran(copies(stream, ours(stream), "late", "later"))
        assert told(stream) == {
            "document": "invoice",
            "deal": "15",
            "number": "B24-15",
            "date": "2026-03-12",
            "attempt": 1,
            "marker": last(stream).marker,
            "count": 3,
            "url": "https://elba.example/1",
            "urls": "late, later",
        }

    def test_copy_is_shown_by_its_page_where_it_has_one(self) -> None:
        stream = issued()
        stream.ran(copies(stream, "late", url="https://elba.example/2"))
        assert told(stream)["urls"] == "https://elba.example/2"

    def test_invoice_that_the_vendor_numbered_is_named_by_that_number(self) -> None:
        stream = issued(number_template="")
        stream.ran(copies(stream, "late", number=""))
        assert told(stream)["number"] == "17"

    def test_copy_of_an_invoice_that_was_given_up_is_told_without_a_page_of_ours(self) -> None:
        stream = given_up()
        stream.ran(copies(stream, "late", number=""))
        assert {name: told(stream)[name] for name in ("number", "url", "urls", "count")} == {
            "number": "",
            "url": "",
            "urls": "late",
            "count": 1,
        }

    def test_of_a_document_on_its_way_nobody_says_which_is_ours(self) -> None:
        stream = ordered()
        assert stream.ran(copies(stream, "one", "other")) == []

    def test_document_that_begins_anew_has_no_copies_yet(self) -> None:
        stream = ordered()
        stream.ran(c.Reject(last(stream).request["document_id"], 1, NO))
        stream.ran(request("r2"))
        assert stream.ran(copies(stream, "late")) == []

    def test_document_that_nobody_knows_has_no_copies(self) -> None:
        stream = issued()
        known: Issued = answer(last(stream)).issued
        assert stream.ran(c.SeeCopies("stranger", 1, known.number, known.date, (known,))) == []
