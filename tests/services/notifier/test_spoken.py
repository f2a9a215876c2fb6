"""What people are told of each fact, word for word: the deal's timeline, the responsible, the admin chat."""

import datetime as dt
from typing import Any

import pytest

from services.notifier.domain import facts as f
from services.notifier.domain import writes as w
from services.notifier.domain.spoken import comments, notifications

DAY = dt.date(2026, 3, 14)
RECEIVED = f.PaymentReceived(
    payment_id="p1", invoice_number="127", amount_kopecks=5, date=DAY, order_number="318", responsible_id="7"
)
REVERSED = f.PaymentReversed(
    payment_id="p2", kind="refunded", invoice_number="127", amount_kopecks=5, date=DAY, responsible_id="7"
)
REFUSED = f.DocumentRefused(
    kind="invoice", request_id="r1", reasons=(f.Reason(code="inn_missing"),), responsible_id="7"
)
ISSUED = f.InvoiceIssued(
    invoice_id="i1", number="127", date=DAY, due_date=DAY, url="https://elba.example/1", total_kopecks=5
)
SIGNED = f.EdiSigned(
    document_id="d1",
    number="88",
    vendor="diadoc",
    buyer="ООО «Север»",
    archive="vektor/zip",
    archive_name="УПД.zip",
    print_form="vektor/pdf",
    print_name="УПД.pdf",
)


def overdue(*, remind: bool = True) -> f.InvoiceOverdue:
    return f.InvoiceOverdue(
        invoice_id="i1", invoice_number="127", due_date=DAY, days=3, rest_kopecks=5, remind=remind, responsible_id="7"
    )


def card(kind: str = "overpaid", responsible_id: str = "7") -> f.CardOpened:
    return f.CardOpened(
        card_id="c1", kind=kind, choices=("a",), values={"number": "127"}, responsible_id=responsible_id
    )


def moved(status: str) -> f.EdiMoved:
    return f.EdiMoved(document_id="d1", number="88", status=status, vendor="diadoc", responsible_id="7")


def rendered(kind: str) -> f.DocumentRendered:
    given = {"kind": kind, "blob": "vektor/b1", "file_name": "Счёт.pdf", "revision": 2, "form": "upd"}
    return f.DocumentRendered.model_validate({"document_id": "d1", "number": "127", **given})


def values_of(fact: f.AnyFact) -> dict[str, Any]:
    """All of a fact but whom it is for."""
    return {
        name: value for name, value in fact.model_dump(mode="json").items() if name not in ("fact", "responsible_id")
    }


@pytest.mark.parametrize("fact", [ISSUED, RECEIVED, REVERSED, REFUSED, overdue(), moved("rejected"), moved("roaming")])
def test_the_timeline_keeps_all_of_a_fact(fact: f.AnyFact) -> None:
    assert comments(fact) == (w.AddComment(text=fact.fact, values=values_of(fact)),)


@pytest.mark.parametrize("kind", ["invoice", "act"])
def test_the_timeline_keeps_a_document_with_its_file(kind: str) -> None:
    values = {"number": "127", "revision": 2, "form": "upd"}
    assert comments(rendered(kind)) == (
        w.AddComment(text=f"{kind}_pdf", values=values, blob="vektor/b1", file_name="Счёт.pdf"),
    )


def test_the_timeline_says_of_a_drafts_file_that_it_is_one() -> None:
    (told,) = comments(rendered("invoice").model_copy(update={"draft": True}))
    assert (told.text, told.blob) == ("invoice_draft_pdf", "vektor/b1")


def test_the_timeline_keeps_the_files_that_both_have_signed() -> None:
    values = {"number": "88", "vendor": "diadoc", "buyer": "ООО «Север»"}
    assert comments(SIGNED) == (
        w.AddComment(text="edi_signed", values=values, blob="vektor/zip", file_name="УПД.zip"),
        w.AddComment(text="edi_print", values=values, blob="vektor/pdf", file_name="УПД.pdf"),
    )


def test_the_timeline_keeps_a_question_with_its_kind() -> None:
    assert comments(card()) == (w.AddComment(text="card_opened", values={"kind": "overpaid", "number": "127"}),)


@pytest.mark.parametrize(
    "fact",
    [
        moved("sending"),
        moved("signed"),
        overdue(remind=False),
        f.OverdueEnded(invoice_id="i1"),
        f.WorkResumed(work_id="w1"),
        f.OrderPlaced(number="392"),
        f.BalanceChanged(
            invoice_id="i1",
            invoice_number="127",
            total_kopecks=5,
            status="paid",
            version=1,
            deal_paid_kopecks=5,
            deal_settled=True,
        ),
    ],
)
def test_what_is_shown_elsewhere_is_not_said(fact: f.AnyFact) -> None:
    assert (comments(fact), notifications(fact)) == ((), ())


@pytest.mark.parametrize(
    ("fact", "about"),
    [
        (RECEIVED, "payment_received|p1"),
        (REVERSED, "payment_reversed|p2"),
        (REFUSED, "document_refused|r1"),
        (overdue(), "invoice_overdue|i1"),
        (moved("rejected"), "edi_moved|d1"),
    ],
)
def test_the_responsible_is_told_all_of_it_and_the_next_news_of_it_replaces_it(fact: f.AnyFact, about: str) -> None:
    said = w.NotifyPerson(user_id="7", text=fact.fact, tag=f"sverka|{about}", values=values_of(fact))
    assert notifications(fact) == (said,)
    nobody = fact.model_copy(update={"responsible_id": ""})
    assert notifications(nobody) == (w.SayInChat(text=fact.fact, values=values_of(fact)),)


@pytest.mark.parametrize("fact", [ISSUED, moved("roaming"), moved("sending"), SIGNED])
def test_nobody_is_called_for_what_needs_nobody(fact: f.AnyFact) -> None:
    assert notifications(fact) == ()


@pytest.mark.parametrize(
    ("kind", "accountant_too"),
    [("overpaid", False), ("document_doubled", True), ("cancel_by_hand", True), ("goods_unknown", True)],
)
def test_a_question_goes_to_the_responsible_and_to_who_can_answer_it(kind: str, accountant_too: bool) -> None:
    values = {"kind": kind, "number": "127"}
    person = w.NotifyPerson(user_id="7", text="card_opened", tag="sverka|card_opened|c1", values=values)
    chat = w.SayInChat(text="card_opened", values=values)
    assert notifications(card(kind)) == ((person, chat) if accountant_too else (person,))
    assert notifications(card(kind, "")) == (chat,)
