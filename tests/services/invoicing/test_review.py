"""R16: an invoice that its accountant has yet to post is not issued, is followed, and is issued once posted."""

import datetime as dt

from contracts.messages import invoicing as messages
from contracts.messages import operations
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from tests.services.invoicing.parts import (
    NO,
    STANDARD,
    Documents,
    answer,
    deal,
    documents,
    last,
    linked,
    open_cards,
    phases,
    request,
    row,
    take,
)  # fmt: skip


def drafted(**fields: object) -> Documents:
    """A deal whose invoice stands in accounting as a draft."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(answer(last(stream), unposted=True, **fields))
    return stream


def seen(stream: Documents, **fields: object) -> c.SeeReview:
    """The accountant posted the draft."""
    sent = answer(last(stream), **fields)
    return c.SeeReview(sent.document_id, sent.attempt, sent.issued)


def test_a_draft_is_told_as_such_and_followed() -> None:
    stream = drafted()
    assert phases(stream) == {("invoice", 1): "review"}
    (told,) = stream.said(messages.InvoicePendingReview)
    assert (told.number, told.responsible_id) == ("B24-15", "7")
    assert stream.said(messages.InvoiceIssued) == []
    (task,) = [one for one in stream.tasks.values() if one.kind == plans.REVIEW]
    assert task.payload["remote_id"].startswith("remote-")
    assert [one for one in stream.tasks.values() if one.kind == plans.FETCH_PDF] == []


def test_a_posted_draft_is_issued_with_its_file() -> None:
    stream = drafted()
    posted_on = dt.date(2026, 3, 16)
    stream.ran(seen(stream, date=posted_on))
    assert phases(stream) == {("invoice", 1): "made"}
    assert [(one.number, one.date) for one in stream.said(messages.InvoiceIssued)] == [("B24-15", posted_on)]
    assert len([one for one in stream.tasks.values() if one.kind == plans.FETCH_PDF]) == 1
    stream.ran(seen(stream))
    assert len(stream.said(messages.InvoiceIssued)) == 1


def test_r16_a_draft_has_a_paper_of_its_own_that_is_not_the_clients() -> None:
    stream = drafted()
    (task,) = [one for one in stream.tasks.values() if one.kind == plans.DRAW_DRAFT]
    stream.ran(c.Render(task.payload["document_id"], "blob-draft", 60_000, draft=True))
    (told,) = stream.said(messages.DocumentRendered)
    assert (told.blob, told.draft, told.file_name) == ("blob-draft", True, "Счёт B24-15 (проект).pdf")
    stream.ran(seen(stream))
    stream.ran(c.Render(task.payload["document_id"], "blob-1", 60_000))
    told = stream.said(messages.DocumentRendered)[-1]
    assert (told.blob, told.draft, told.file_name) == ("blob-1", False, "Счёт B24-15.pdf")


def test_the_paper_of_a_draft_that_was_posted_or_thrown_away_meanwhile_is_not_shown() -> None:
    for what in (seen(drafted()).issued, None):
        stream = drafted()
        sent = answer(last(stream))
        stream.ran(c.SeeReview(sent.document_id, sent.attempt, what))
        assert stream.ran(c.Render(sent.document_id, "blob-draft", 60_000, draft=True)) == []


def test_the_paper_of_a_draft_leaves_the_question_about_the_files_refusal() -> None:
    stream = drafted()
    document_id = answer(last(stream)).document_id
    stream.ran(c.Render(document_id, "blob-draft", 60_000, draft=True))
    stream.ran(seen(stream))
    stream.ran(c.MissPdf(document_id, NO))
    assert open_cards(stream) == ["pdf_refused"]


def test_a_look_that_finds_it_unposted_changes_nothing() -> None:
    stream = drafted()
    stream.ran(seen(stream, unposted=True))
    assert phases(stream) == {("invoice", 1): "review"}


def test_a_draft_that_the_accountant_threw_away_is_void_and_may_be_made_anew() -> None:
    stream = drafted()
    sent = answer(last(stream))
    stream.ran(c.SeeReview(sent.document_id, sent.attempt, None))
    assert phases(stream) == {("invoice", 1): "cancelled"}
    assert [one.number for one in stream.said(messages.InvoiceCancelled)] == ["B24-15"]
    stream.ran(request("r2"))
    stream.ran(linked("r2"))
    assert phases(stream)[("invoice", 2)] == "ordered"


def test_another_sum_under_the_accountants_hand_is_asked_about() -> None:
    stream = drafted()
    stream.ran(seen(stream, total_kopecks=1))
    assert open_cards(stream) == ["document_differs"]
    take(stream, "document_differs", "accept")
    assert [one.total_kopecks for one in stream.said(messages.InvoiceIssued)] == [1]


def test_a_draft_that_differs_from_the_beginning_is_reviewed_after_it_is_accepted() -> None:
    stream = drafted(total_kopecks=1)
    assert open_cards(stream) == ["document_differs"]
    take(stream, "document_differs", "accept")
    assert phases(stream) == {("invoice", 1): "review"}
    stream.ran(seen(stream, total_kopecks=1))
    assert stream.said(messages.InvoiceIssued) == []
    assert open_cards(stream) == ["document_differs"]


def test_the_stage_entered_again_waits_and_a_change_is_asked_about_once_it_is_issued() -> None:
    stream = drafted()
    stream.ran(request("r2"))
    assert len(stream.effects) == 1
    stream.ran(c.SeeDeal(deal("b")))
    assert open_cards(stream) == []
    stream.ran(seen(stream))
    assert open_cards(stream) == ["content_changed"]


def test_a_look_knows_what_vat_was_ordered() -> None:
    stream = documents()
    stream.ran(request(what=deal(rows=(row("1000", "1", "22"),)), tax=STANDARD))
    stream.ran(linked())
    stream.ran(answer(last(stream), unposted=True))
    (task,) = [one for one in stream.tasks.values() if one.kind == plans.REVIEW]
    assert task.payload["vat_kopecks"] == last(stream).request["vat_kopecks"] > 0


def test_a_draft_that_waits_long_is_asked_about_until_it_is_posted() -> None:
    stream = drafted()
    sent = answer(last(stream))
    late = c.MissReview(sent.document_id, sent.attempt)
    stream.ran(late)
    (asked,) = stream.said(operations.DecisionNeeded)
    assert (asked.kind, asked.values["number"], asked.responsible_id) == ("review_late", "B24-15", "7")
    assert stream.ran(late) == []
    take(stream, "review_late", "wait")
    stream.ran(late)
    assert open_cards(stream) == ["review_late"]
    stream.ran(seen(stream))
    assert open_cards(stream) == []
    assert stream.ran(late) == []


def test_a_draft_that_waits_long_may_be_cancelled() -> None:
    stream = drafted()
    sent = answer(last(stream))
    stream.ran(c.MissReview(sent.document_id, sent.attempt))
    take(stream, "review_late", "cancel")
    assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "cancelling"}, [])


def test_looks_become_rarer_the_longer_it_waits() -> None:
    waits = [plans.review_wait(dt.timedelta(minutes=age)) for age in (0, 5, 60, 600)]
    assert waits == [plans.REVIEW_EVERY, dt.timedelta(seconds=30), dt.timedelta(minutes=6), plans.REVIEW_EVERY_MAX]
