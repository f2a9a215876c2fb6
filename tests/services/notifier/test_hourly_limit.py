"""How the writes of one deal keep within their hour, and how its open questions are counted."""

import datetime as dt

import pytest

from services.notifier.domain import deal
from services.notifier.domain import facts as f
from services.notifier.domain import writes as w
from tests.services.notifier.parts import Told, told
from tests.services.notifier.test_ordered_writes import ACT, CONFLICT, tell
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
