"""A deal that is deleted, or hidden and seen again: what waits stops, and goes on."""

import pytest

from services.invoicing.domain import commands as c
from tests.services.invoicing.parts import (
    deal,
    documents,
    linked,
    open_cards,
    phases,
    request,
)


class TestDeletedDeal:
    def test_nothing_is_made_for_a_deal_that_is_gone(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.SeeDeal(None))
        stream.ran(linked())
        assert not stream.effects
        stream.ran(c.MeetDeadline("r1"))
        assert open_cards(stream) == []

    @pytest.mark.parametrize("back", [c.SeeDeal(deal()), request("r2")])
    def test_deal_that_can_be_seen_again_goes_on(self, back: c.Command) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.SeeDeal(None))
        stream.ran(linked())
        stream.ran(back)
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_waiting_begins_anew_with_the_deal(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.SeeDeal(None))
        stream.tasks.clear()
        stream.ran(c.SeeDeal(deal()))
        assert ("request-deadline", "r1") in stream.tasks
