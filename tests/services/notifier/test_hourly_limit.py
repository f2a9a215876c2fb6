"""How the writes of one deal keep within their hour, and what is counted of it meanwhile."""

import datetime as dt

import pytest

from services.notifier.domain import deal
from services.notifier.domain import facts as f
from services.notifier.domain import writes as w
from tests.services.notifier.parts import Told, told
from tests.services.notifier.test_ordered_writes import ACT, CONFLICT, ISSUED, balance, tell
from tests.services.streams import NOW

HOUR = dt.timedelta(hours=1)


def busy(writes: int = deal.WRITES_PER_HOUR_MAX) -> Told:
    """A deal that has been written to so often just now; an act gives two writes, doubled buyers give one."""
    stream = told()
    for number in range(writes // 2):
        tell(stream, ACT, fact_id=f"m{number}")
    for number in range(writes % 2):
        tell(stream, doubled(f"odd {number}"))
    return stream


def doubled(crm_id: str) -> f.BuyerConflict:
    """News of one write."""
    return CONFLICT.model_copy(update={"crm_ids": (crm_id,)})


def leaves(stream: Told) -> dt.datetime:
    """When the newest fact's writes leave."""
    newest = stream.events[-1]
    assert isinstance(newest, deal.Told)
    return newest.leaves_at


@pytest.mark.parametrize(("before", "after"), [(58, dt.timedelta()), (59, dt.timedelta()), (60, HOUR)])
def test_sixtieth_write_leaves_at_once_and_the_next_an_hour_after_the_first(before: int, after: dt.timedelta) -> None:
    stream = busy(before)
    tell(stream, doubled("600"))
    assert leaves(stream) == NOW + after


def test_group_leaves_together_once_all_of_it_is_within_the_hour() -> None:
    stream = busy(59)
    stream.now = NOW + dt.timedelta(minutes=5)
    tell(stream, ACT)
    assert leaves(stream) == NOW + HOUR


def test_hour_is_counted_from_the_write_that_makes_room() -> None:
    stream = busy(2)
    stream.now = NOW + dt.timedelta(minutes=5)
    for number in range(29):
        tell(stream, ACT, fact_id=f"later {number}")
    tell(stream, ACT, fact_id="third")
    tell(stream, ACT, fact_id="fourth")
    assert [leaves(stream), stream.state.late] == [NOW + dt.timedelta(minutes=65), True]


def test_deal_that_waited_is_written_to_at_once_when_its_hour_is_over() -> None:
    stream = busy()
    tell(stream, ACT)
    stream.now = NOW + 2 * HOUR
    tell(stream, ACT)
    assert (leaves(stream), stream.state.late) == (stream.now, False)


def test_news_without_a_write_does_not_end_the_wait() -> None:
    stream = busy()
    tell(stream, CONFLICT)
    tell(stream, CONFLICT)
    assert (leaves(stream), stream.state.late) == (NOW + HOUR, True)
    assert not any(isinstance(one, w.SayInChat) for one in tell(stream, ACT))


def test_chat_hears_of_each_wait_anew() -> None:
    stream = busy()
    tell(stream, ACT)
    stream.now = NOW + 2 * HOUR
    for number in range(deal.WRITES_PER_HOUR_MAX // 2):
        assert not any(isinstance(one, w.SayInChat) for one in tell(stream, ACT, fact_id=f"again {number}"))
    assert [one for one in tell(stream, ACT) if isinstance(one, w.SayInChat)] == [
        w.SayInChat(text="writes_delayed", values={"deal": "15"})
    ]


def test_deal_awaits_a_decision_until_the_last_of_its_questions_is_answered() -> None:
    stream = told()
    asked = {
        name: f.CardOpened(card_id=name, kind="overpaid", choices=("a",), values={}) for name in ("c1", "c2", "c3")
    }
    shown = []
    for fact in (
        asked["c1"],
        asked["c2"],
        f.CardTaken(card_id="c1", kind="overpaid", choice="a", by="Анна"),
        f.CardTaken(card_id="c2", kind="overpaid", choice="a", by="Анна"),
        asked["c3"],
    ):
        tell(stream, fact)
        shown.append(stream.state.shown_status())
    assert shown == ["needs_decision", "needs_decision", "needs_decision", "", "needs_decision"]


def test_what_the_admin_chat_hears_is_no_write_to_the_deal() -> None:
    stream = told()
    found = tell(stream, f.DocumentRefused(kind="invoice", request_id="r1", reasons=()))
    assert [one.write for one in found] == ["fields", "comment", "chat"]
    assert stream.state.leaving == (NOW, NOW)


def test_money_that_was_told_before_its_invoice_is_shown_with_it() -> None:
    stream = told()
    tell(stream, balance(2, 100_00, settled=True))
    tell(stream, ISSUED)
    assert stream.state.invoices == {"i1": (2, "paid")}


@pytest.mark.parametrize(("sequence", "is_called"), [(4, False), (6, True), (0, True)])
def test_nobody_is_called_by_what_an_act_lacked_before_it_was_made(sequence: int, is_called: bool) -> None:
    stream = told()
    tell(stream, ACT, 5)
    lacks = f.DocumentRefused(kind="act", request_id="r1", reasons=(), responsible_id="7")
    assert ("notification" in [one.write for one in tell(stream, lacks, sequence)]) is is_called


def test_balance_from_before_an_invoice_was_cancelled_does_not_bring_it_back() -> None:
    stream = told()
    tell(stream, ISSUED)
    tell(stream, balance(5, 40_00))
    tell(stream, f.InvoiceCancelled(invoice_id="i1", number="127"))
    assert tell(stream, balance(4, 100_00, settled=True)) == []
    assert stream.state.invoices == {"i1": (5, "cancelled")}
