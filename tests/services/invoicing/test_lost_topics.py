"""Topics that were lost are sent again, with what was written meanwhile first: a newer message before an older one."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.invoicing.domain import commands as c
from services.invoicing.domain.state import Document
from tests.services.invoicing.parts import NO, VASILEK, Documents, deal, documents, link, request

CONTENTS = ["a", "b", None, "c", "b", "a", "d"]


def only(stream: Documents) -> Document:
    """The deal's one document."""
    (document,) = stream.state.documents.values()
    return document


class TestDeals:
    def test_invoice_shows_the_deal_as_it_is_now_though_its_request_comes_last(self) -> None:
        stream = documents()
        stream.ran(c.SeeDeal(deal("c"), 5))
        stream.ran(replace(request(), sequence=2))
        stream.ran(c.SeeDeal(deal("b"), 3))
        stream.ran(c.KnowBuyer("r1", link()))
        assert only(stream).deal.content_hash == deal("c").content_hash
        assert only(stream).phase == "ordered"

    def test_deleted_deal_gets_no_invoice_by_a_request_that_is_older(self) -> None:
        stream = documents()
        stream.ran(c.SeeDeal(None, 5))
        stream.ran(replace(request(), sequence=2))
        stream.ran(c.KnowBuyer("r1", link()))
        assert only(stream).phase == "waiting"
        stream.ran(c.SeeDeal(deal(), 6))
        assert only(stream).phase == "ordered"

    def test_issued_invoice_is_not_asked_about_by_a_change_that_was_taken_back(self) -> None:
        stream = documents()
        stream.ran(replace(request(), sequence=1))
        stream.ran(c.SeeDeal(deal("a"), 3))
        assert stream.ran(c.SeeDeal(deal("b"), 2)) == []
        assert only(stream).deal.content_hash == deal("a").content_hash

    def test_link_to_the_buyer_of_an_older_request_is_refused_in_words(self) -> None:
        stream = documents()
        stream.ran(c.SeeDeal(deal("b", VASILEK), 5))
        stream.ran(replace(request(), sequence=2))
        stream.ran(c.KnowBuyer("r1", link()))
        assert (only(stream).phase, [one.code for one in only(stream).reasons]) == ("blocked", ["buyer_changed"])

    @settings(max_examples=120, deadline=None)
    @given(taken=st.integers(0, 8), newer=st.integers(0, 8), linked_at=st.integers(0, 8))
    def test_lost_topic_ends_in_the_deal_as_it_is(self, taken: int, newer: int, linked_at: int) -> None:
        commands: list[c.Command] = [replace(request(), sequence=1)]
        for number, content in enumerate(CONTENTS, 2):
            commands.append(c.SeeDeal(None if content is None else deal(content), number))
        newer, stream = max(taken, newer), documents()
        for place, number in enumerate((*range(taken), *range(newer, 8), *range(taken, newer))):
            if place == linked_at:
                stream.ran(c.KnowBuyer("r1", link(), 1))
            stream.ran(commands[number], str(number))
        stream.ran(c.KnowBuyer("r1", link(), 1))
        document = only(stream)
        assert (document.changed_deal or document.deal).content_hash == deal("d").content_hash
        assert document.phase == "ordered"
        assert not stream.state.gone
        assert stream.replayed() == stream.state


class TestAnswers:
    def test_refusal_that_is_older_than_the_link_blocks_nothing(self) -> None:
        stream = documents()
        stream.ran(c.KnowBuyer("r1", link(), 4))
        assert stream.ran(c.RefuseBuyer("r1", (NO,), 2)) == []
        stream.ran(request())
        assert only(stream).phase == "ordered"

    def test_newest_refusal_is_the_one_that_is_told(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.RefuseBuyer("r1", (NO,), 1))
        other = NO.model_copy(update={"code": "inn_missing"})
        stream.ran(c.RefuseBuyer("r1", (NO,), 3))
        assert stream.ran(c.RefuseBuyer("r1", (other,), 2)) == []
        assert only(stream).reasons == (NO,)
