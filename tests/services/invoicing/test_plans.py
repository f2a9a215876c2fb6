"""What a deal's documents set in motion, each with all that its worker takes from it, and when."""

import datetime as dt

import pytest

from chassis.aggregate import Lane, TaskPlan
from services.invoicing.domain import commands as c
from services.invoicing.domain.edi_events import EdiOrder
from services.invoicing.domain.values import EdiTerms
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

LATER = NOW + dt.timedelta(days=1)


def waiting() -> Documents:
    """An invoice that waits for its buyer, beside an act that is made."""
    stream = documents()
    stream.ran(request("act", "act"))
    stream.ran(linked("act"))
    stream.ran(answer(last(stream, "create-act")))
    stream.ran(request())
    return stream


def doubtful() -> Documents:
    """An invoice of which nobody can tell whether it exists."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, None))
    return stream


def drafted() -> Documents:
    """An invoice that its accountant has yet to post."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(answer(last(stream), unposted=True))
    return stream


@pytest.mark.parametrize("stopped", [None, deal(lost=True)])
def test_deal_that_comes_back_has_as_long_for_its_buyer_as_a_new_one(stopped: object) -> None:
    stream = waiting()
    stream.ran(c.SeeDeal(stopped))  # type: ignore[arg-type]
    stream.tasks.clear()
    stream.now = LATER
    stream.ran(c.SeeDeal(deal()))
    due = LATER + dt.timedelta(hours=24)
    assert list(stream.tasks.values()) == [
        TaskPlan("request-deadline", "r1", {"request_id": "r1"}, lane=Lane.BULK, due_at=due)
    ]


def test_lost_answer_is_watched_for_from_then_on() -> None:
    stream = doubtful()
    sent = last(stream)
    document_id = sent.request["document_id"]
    assert stream.tasks["watch-duplicates", f"{document_id}/1"] == TaskPlan(
        "watch-duplicates",
        f"{document_id}/1",
        {
            "document_id": document_id,
            "attempt": 1,
            "number": "B24-15",
            "date": "2026-03-12",
            "marker": sent.marker,
            "counterparty_id": sent.request["counterparty_remote_id"],
            "since": NOW.isoformat(),
            "kind": "invoice",
            "invoice_remote_id": "",
        },
        account="elba:main",
        lane=Lane.BULK,
        due_at=NOW + dt.timedelta(minutes=10),
    )


def test_what_a_person_sends_again_is_watched_from_that_day_on() -> None:
    stream = doubtful()
    stream.now = LATER
    take(stream, "document_uncertain", "resend")
    again = stream.tasks["watch-duplicates", f"{last(stream).request['document_id']}/2"]
    assert (again.payload["attempt"], again.payload["since"]) == (2, LATER.isoformat())


def test_refused_document_that_is_asked_for_anew_is_sent_as_the_next_attempt() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    stream.ran(c.Reject(last(stream).request["document_id"], 1, NO))
    stream.ran(request("r2"))
    stream.ran(linked("r2"))
    assert [(one.request["attempt"], one.key[1]) for one in stream.effects_of("create-invoice")] == [(1, "1"), (2, "2")]


def test_what_a_person_sends_again_goes_to_the_buyer_that_it_was_first_sent_to() -> None:
    stream = doubtful()
    stream.ran(linked(remote_id="elba-newer"))
    take(stream, "document_uncertain", "resend")
    first, again = stream.effects_of("create-invoice")
    assert again.request["counterparty_remote_id"] == first.request["counterparty_remote_id"] != "elba-newer"


def test_draft_is_followed_from_the_day_it_stands_there() -> None:
    stream = drafted()
    document_id = last(stream).request["document_id"]
    payload = {
        "document_id": document_id,
        "attempt": 1,
        "remote_id": f"remote-{document_id}",
        "since": NOW.isoformat(),
    }
    assert stream.tasks["follow-review", f"{document_id}/1"] == TaskPlan(
        "follow-review", f"{document_id}/1", payload, account="elba:main", lane=Lane.BULK,
        due_at=NOW + dt.timedelta(seconds=30),
    )  # fmt: skip


def test_draft_that_could_not_be_voided_is_followed_on() -> None:
    stream = drafted()
    document_id = last(stream).request["document_id"]
    stream.ran(c.CancelInvoice("Анна"))
    stream.tasks.clear()
    stream.now = LATER
    stream.ran(c.ConfirmCancel(document_id, 1, NO))
    followed = stream.tasks["follow-review", f"{document_id}/1"]
    assert followed.payload["since"] == LATER.isoformat()


def test_invoice_that_could_not_be_voided_is_not_reviewed() -> None:
    stream = issued()
    stream.ran(c.CancelInvoice("Анна"))
    stream.tasks.clear()
    stream.ran(c.ConfirmCancel(last(stream).request["document_id"], 1, NO))
    assert stream.tasks == {}


def test_exchange_of_an_act_is_told_all_that_its_title_says() -> None:
    stream = documents()
    box = EdiTerms(account="diadoc:vektor:main", function="СЧФДОП")
    stream.ran(request("act", "act", edi=box))
    stream.ran(linked("act"))
    sent = last(stream, "create-act")
    stream.ran(answer(sent, number="88"))
    payload = stream.tasks["edi-begin", sent.request["document_id"]].payload
    assert payload["date"] == "2026-03-12"
    told = EdiOrder.model_validate(payload)
    assert told.model_dump(mode="json", include={"lines"}) == {"lines": sent.request["lines"]}
    assert told == EdiOrder(
        tenant="vektor",
        deal_id="15",
        document_id=sent.request["document_id"],
        account="diadoc:vektor:main",
        function="СЧФДОП",
        number="88",
        date=dt.date(2026, 3, 12),
        lines=told.lines,
        inn="7736207543",
        kpp="773601001",
        buyer="Ромашка",
        comment=sent.request["comment"].replace(sent.marker, "").strip(),
        responsible_id="7",
    )
