"""Topics that were lost are sent again, with what was written meanwhile first: a newer message before an older one."""

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.messages import invoicing, operations
from contracts.messages.values import Reason
from services.notifier.domain import deal
from tests.services.notifier.parts import (
    asked,
    balance,
    decided,
    delayed,
    issued,
    lost,
    outages,
    overdue,
    rejected,
    resumed,
    shown,
    tell,
    told,
    writes,
)
from tests.services.notifier.test_rules import ACT, CANCELLED, OVERDUE_ENDED
from tests.services.streams import NOW

OUTAGE_BEGAN = operations.OutageBegan(
    vendor="elba", accounts=("elba:main",), since=NOW, reason=Reason(code="vendor_fault")
)
OUTAGE_ENDED = operations.OutageEnded(
    vendor="elba", accounts=("elba:main",), since=NOW, ended_at=NOW + dt.timedelta(minutes=9)
)


def outages_of(seconds: int) -> list[operations.OutageBegan | operations.OutageEnded]:
    """Three outages of a vendor, as a service tells of them that sees them so much later."""
    found: list[operations.OutageBegan | operations.OutageEnded] = []
    for number in range(3):
        since = NOW + dt.timedelta(hours=number, seconds=seconds)
        ended_at = since + dt.timedelta(minutes=9)
        found.append(OUTAGE_BEGAN.model_copy(update={"since": since}))
        found.append(OUTAGE_ENDED.model_copy(update={"since": since, "ended_at": ended_at}))
    return found


class TestOutages:
    def test_end_of_an_outage_that_comes_before_its_beginning_is_told_with_it(self) -> None:
        stream = outages()
        tell(stream, OUTAGE_ENDED, "2")
        assert not stream.effects
        tell(stream, OUTAGE_BEGAN, "1")
        tell(stream, OUTAGE_BEGAN, "1")
        tell(stream, OUTAGE_ENDED, "2")
        assert [sent.request["text"] for sent in stream.effects.values()] == ["outage_began", "outage_ended"]
        assert stream.state.kept == ()

    def test_end_of_an_older_outage_does_not_end_the_one_that_lasts(self) -> None:
        stream = outages()
        hours = dt.timedelta(hours=3)
        again = OUTAGE_BEGAN.model_copy(update={"since": NOW + hours})
        ended_again = OUTAGE_ENDED.model_copy(update={"since": NOW + hours, "ended_at": NOW + 2 * hours})
        for number, message in enumerate((again, OUTAGE_BEGAN, OUTAGE_ENDED)):
            tell(stream, message, str(number))
        assert [sent.request["text"] for sent in stream.effects.values()] == ["outage_began"]
        tell(stream, ended_again, "3")
        assert [sent.request["text"] for sent in stream.effects.values()] == ["outage_began", "outage_ended"]

    @settings(max_examples=150, deadline=None)
    @given(
        taken=st.integers(0, 6),
        newer=st.integers(0, 6),
        others=st.lists(st.booleans(), max_size=12),
    )
    def test_no_loss_of_a_topic_leaves_an_outage_without_its_end(
        self, taken: int, newer: int, others: list[bool]
    ) -> None:
        stream = outages()
        one = [(message, "invoicing") for message in outages_of(0)]
        other = [(message, "payments") for message in outages_of(1)]
        queues = [lost(one, taken, newer), lost(other, newer, taken)]
        turns = iter(others)
        while any(queues):
            queue = queues[next(turns, False)] or queues[0] or queues[1]
            message, source = queue.pop(0)
            name = f"{source} {message.NAME} {message.since}"
            tell(stream, message, name, source)
            tell(stream, message, name, source)
        said = [sent.request["text"] for sent in stream.effects.values()]
        assert said == ["outage_began", "outage_ended"] * (len(said) // 2)
        assert said
        assert stream.state.sources == {}
        assert stream.replayed() == stream.state


class TestDeals:
    def test_question_that_is_answered_is_not_asked(self) -> None:
        stream = told()
        tell(stream, issued())
        assert writes(tell(stream, decided())) == ["comment"]
        assert writes(tell(stream, asked(responsible_id="7"))) == ["comment"]
        assert shown(stream)["invoice_status"] == "issued"
        assert stream.state.early == ()
        tell(stream, asked("c2"))
        assert shown(stream)["invoice_status"] == "needs_decision"

    def test_question_to_the_accountant_that_is_answered_is_not_asked(self) -> None:
        stream = told()
        tell(stream, decided())
        assert writes(tell(stream, asked(kind="document_doubled", responsible_id=""))) == ["comment"]

    def test_work_that_went_on_does_not_wait(self) -> None:
        stream = told()
        tell(stream, resumed())
        tell(stream, delayed())
        assert shown(stream).get("invoice_status", "") == ""
        tell(stream, delayed(), "again")
        assert shown(stream)["invoice_status"] == "sending"

    def test_work_that_waits_again_still_waits_when_the_first_time_is_told(self) -> None:
        stream = told()
        for number, message in enumerate((delayed(), delayed(), resumed())):
            tell(stream, message, f"m{number}")
        assert shown(stream)["invoice_status"] == "sending"
        tell(stream, resumed(), "m3")
        assert shown(stream)["invoice_status"] == ""

    def test_endings_without_a_beginning_are_kept_within_bounds(self) -> None:
        stream = told()
        for number in range(deal.EARLY_MAX + 5):
            tell(stream, resumed(f"w{number}"), f"m{number}")
        assert len(stream.state.early) == deal.EARLY_MAX

    def test_delay_that_ended_is_no_delay(self) -> None:
        stream = told()
        tell(stream, OVERDUE_ENDED, sequence=9)
        for days, sequence in ((3, 5), (4, 6), (7, 7)):
            assert set(writes(tell(stream, overdue(days, remind=True), sequence=sequence))) == {"comment"}
        assert shown(stream).get("overdue_days", 0) == 0
        tell(stream, overdue(8), sequence=11)
        assert shown(stream)["overdue_days"] == 8

    def test_reminder_that_comes_late_is_heard_while_the_delay_lasts(self) -> None:
        stream = told()
        tell(stream, overdue(4), sequence=6)
        assert "notification" in writes(tell(stream, overdue(3, remind=True), sequence=5))
        assert shown(stream)["overdue_days"] == 4

    def test_number_is_that_of_the_newest_invoice(self) -> None:
        stream = told()
        tell(stream, issued("i2"), sequence=9)
        tell(stream, issued("i1"), sequence=3)
        tell(stream, CANCELLED, sequence=5)
        assert (shown(stream)["invoice_number"], shown(stream)["invoice_status"]) == ("B24-i2", "issued")

    def test_cancelled_invoice_stays_cancelled(self) -> None:
        stream = told()
        tell(stream, CANCELLED, sequence=9)
        pending = invoicing.InvoicePendingReview(deal_id="15", invoice_id="i1", number="127", total_kopecks=100_00)
        tell(stream, pending, sequence=3)
        tell(stream, issued(), sequence=4)
        assert shown(stream)["invoice_status"] == "cancelled"

    def test_refusal_before_the_invoice_calls_nobody(self) -> None:
        stream = told()
        tell(stream, issued(), sequence=4)
        assert writes(tell(stream, rejected(), sequence=2)) == ["comment"]
        tell(stream, CANCELLED, sequence=5)
        assert shown(stream)["invoice_status"] == "cancelled"

    def test_refusal_of_an_act_that_stands_calls_nobody(self) -> None:
        stream = told()
        tell(stream, ACT, sequence=4)
        late = invoicing.ActRejected(deal_id="15", request_id="r2", reasons=())
        assert writes(tell(stream, late, sequence=2)) == ["comment"]

    def test_sum_is_that_of_the_newest_balance_of_any_invoice(self) -> None:
        stream = told()
        tell(stream, balance(3, 100_00, deal_paid_kopecks=140_00, deal_settled=False))
        assert "stage" not in writes(tell(stream, balance(2, 100_00, "i2", deal_paid_kopecks=100_00)))
        assert shown(stream)["paid_kopecks"] == 140_00
