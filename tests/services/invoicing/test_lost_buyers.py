"""A record of the buyer that accounting has no more: the document waits for another link, and goes on with it."""

from dataclasses import replace

import pytest

from contracts.messages import invoicing as messages
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.plans import DEADLINE
from services.invoicing.domain.values import Reason
from tests.services.invoicing.parts import (
    ROMASHKA,
    VASILEK,
    Documents,
    answer,
    deal,
    documents,
    issued,
    last,
    link,
    linked,
    open_cards,
    phases,
    request,
)

GONE = Reason(code="counterparty_gone", values={"vendor": "elba", "text": "Указанный контрагент не найден"})
OLD = link().remote_id


def reject(stream: Documents, kind: str = "create-invoice", reason: Reason = GONE) -> c.Reject:
    """The newest document is refused."""
    sent = last(stream, kind).request
    return c.Reject(sent["document_id"], sent["attempt"], reason)


def lost() -> Documents:
    """An invoice that was refused since its buyer's record is gone."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(reject(stream))
    return stream


def again(remote_id: str = "elba-new") -> c.KnowBuyer:
    """The buyer was linked again."""
    return linked(remote_id=remote_id)


def test_counterparty_is_told_and_no_person() -> None:
    stream = lost()
    (said,) = stream.said(messages.BuyerRecordGone)
    document_id = last(stream).request["document_id"]
    assert (said.request_id, said.account, said.remote_id) == ("r1", "elba:main", OLD)
    assert (said.deal_id, said.document_id) == ("15", document_id)
    assert stream.said(messages.InvoiceRejected) == []
    assert phases(stream) == {("invoice", 1): "waiting"}
    assert (DEADLINE, "r1") in stream.tasks
    assert open_cards(stream) == []


def test_document_goes_on_with_the_new_record_and_is_made_once() -> None:
    stream = lost()
    stream.ran(again())
    sent = last(stream)
    assert (sent.request["counterparty_remote_id"], sent.request["attempt"]) == ("elba-new", 2)
    stream.ran(answer(sent))
    assert stream.ran(again("elba-third")) != []
    assert phases(stream) == {("invoice", 1): "made"}
    assert len(stream.said(messages.InvoiceIssued)) == 1
    assert len(stream.effects_of("create-invoice")) == 2


def test_answer_about_the_first_sending_that_comes_late_says_nothing() -> None:
    stream = lost()
    first = last(stream)
    stream.ran(again())
    assert stream.ran(answer(first)) == []
    assert stream.ran(c.Reject(first.request["document_id"], 1, GONE)) == []


def test_record_that_is_there_after_all_is_tried_once_more_and_then_a_person_is_told() -> None:
    stream = lost()
    stream.ran(again(OLD))
    assert last(stream).request["attempt"] == 2
    stream.ran(reject(stream))
    assert phases(stream) == {("invoice", 1): "blocked"}
    assert [one.code for one in stream.said(messages.InvoiceRejected)[0].reasons] == ["counterparty_gone"]
    assert len(stream.said(messages.BuyerRecordGone)) == 1


def test_change_of_the_deal_begins_anew_where_a_person_was_told() -> None:
    stream = lost()
    stream.ran(again(OLD))
    stream.ran(reject(stream))
    stream.ran(c.SeeDeal(deal("b")))
    stream.ran(reject(stream))
    stream.ran(again())
    stream.ran(answer(last(stream)))
    assert phases(stream) == {("invoice", 1): "made"}


def test_new_records_are_not_asked_for_without_end() -> None:
    stream = lost()
    for number in range(5):
        if len(stream.said(messages.BuyerRecordGone)) > number:
            stream.ran(again(f"new-{number}"))
            stream.ran(reject(stream))
    assert len(stream.said(messages.BuyerRecordGone)) == 2
    assert phases(stream) == {("invoice", 1): "blocked"}


def test_buyer_linked_anew_meanwhile_is_sent_at_once() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(again())
    stream.ran(reject(stream))
    assert last(stream).request["counterparty_remote_id"] == "elba-new"


def test_buyer_that_was_changed_meanwhile_is_waited_for() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(c.SeeDeal(deal("b", VASILEK)))
    stream.ran(reject(stream))
    assert phases(stream) == {("invoice", 1): "waiting"}
    stream.ran(linked(buyer=VASILEK))
    sent = last(stream).request
    assert (sent["counterparty_remote_id"], sent["attempt"]) == (link(VASILEK).remote_id, 2)


def test_older_link_that_comes_again_does_not_bring_the_lost_record_back() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(replace(linked(), sequence=3))
    stream.ran(reject(stream))
    assert stream.ran(replace(linked(), sequence=3)) == []
    stream.ran(replace(again(), sequence=5))
    assert last(stream).request["counterparty_remote_id"] == "elba-new"


def test_refusal_of_the_buyer_is_told_as_any() -> None:
    stream = lost()
    stream.ran(c.RefuseBuyer("r1", (Reason(code="buyer_given_up"),)))
    assert phases(stream) == {("invoice", 1): "blocked"}


def test_act_is_linked_again_as_well_and_its_invoice_stays() -> None:
    stream = issued()
    stream.ran(request("act", "act"))
    stream.ran(linked("act"))
    stream.ran(reject(stream, "create-act"))
    (said,) = stream.said(messages.BuyerRecordGone)
    assert (said.request_id, said.remote_id) == ("act", OLD)
    stream.ran(linked("act", ROMASHKA, remote_id="elba-new"))
    stream.ran(answer(last(stream, "create-act")))
    assert phases(stream) == {("invoice", 1): "made", ("act", 1): "made"}


@pytest.mark.parametrize("code", ["accounting_refused", "document_not_found"])
def test_other_refusals_ask_for_no_link(code: str) -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(reject(stream, reason=Reason(code=code)))
    assert stream.happened(e.BuyerGone) == []
    assert phases(stream) == {("invoice", 1): "blocked"}
