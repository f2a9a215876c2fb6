"""Work of no deal that waits: the admin chat hears of it once when it lasts, once when it ends, and of no short one."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.messages import operations
from contracts.messages.values import Reason
from services.notifier.workers.texts import LANGUAGES, Texts
from tests.chaos.checker.invariants.work import BEGAN, ENDED
from tests.services.notifier.parts import MOSCOW, Alerts, look_at_delays, lost, outages, tell, waited, waits
from tests.services.streams import NOW

TEXTS = {language: Texts(language) for language in LANGUAGES}
MINUTES = [NOW + dt.timedelta(minutes=number) for number in range(200)]
OUTAGE = operations.OutageBegan(vendor="elba", accounts=("elba:main",), since=NOW, reason=Reason(code="vendor_fault"))
OVER = operations.OutageEnded(vendor="elba", accounts=("elba:main",), since=NOW, ended_at=MINUTES[20])


def heard(stream: Alerts) -> list[str]:
    """The texts that the chat was told, in order."""
    return [sent.request["text"] for sent in stream.effects.values()]


def at(stream: Alerts, minute: int, *messages: Any) -> None:
    """Time comes to that minute, what is due is looked at, then messages come."""
    stream.now = MINUTES[minute]
    look_at_delays(stream)
    for message in messages:
        tell(stream, message, source="payments")


def test_delay_that_lasts_is_told_once_however_much_waits_and_its_end_once() -> None:
    stream = outages()
    at(stream, 0, *(waits(f"w{number}") for number in range(50)))
    at(stream, 14)
    assert heard(stream) == []
    at(stream, 15)
    at(stream, 90, waits("w99", since=MINUTES[89]))
    assert heard(stream) == ["delay_lasts"]
    at(stream, 100, *(waited(f"w{number}") for number in range(50)))
    assert heard(stream) == ["delay_lasts"]
    at(stream, 101, waited("w99"))
    at(stream, 199)
    assert heard(stream) == ["delay_lasts", "delay_ended"]
    assert stream.replayed() == stream.state


@pytest.mark.parametrize(("source", "told"), [("ingest", ["delay_lasts"]), ("notifier", [])])
def test_chat_hears_of_a_deal_that_cannot_be_read_and_of_no_write_to_the_crm(source: str, told: list[str]) -> None:
    stream = outages("bitrix24")
    waiting = waits(kind="read-deal", account="bitrix24:vektor", vendor="bitrix24")
    tell(stream, waiting.model_copy(update={"deal_id": "15"}), source=source)
    at(stream, 15)
    assert heard(stream) == told


def test_delays_that_come_and_go_are_told_to_nobody() -> None:
    stream = outages()
    for minute in range(0, 180, 15):
        at(stream, minute, waits(since=MINUTES[minute]))
        at(stream, minute + 14, waited())
    at(stream, 199)
    assert heard(stream) == []


def test_each_kind_of_work_is_told_of() -> None:
    stream = outages()
    at(stream, 0, waits("w1"), waits("w2", kind="find-counterparty"))
    at(stream, 15, waited("w1"))
    assert [(sent.request["text"], sent.request["values"]["work"]) for sent in stream.effects.values()] == [
        ("delay_lasts", "poll-payments"), ("delay_lasts", "find-counterparty"), ("delay_ended", "poll-payments"),
    ]  # fmt: skip


def test_what_an_outage_tells_of_is_not_told_again() -> None:
    stream = outages()
    at(stream, 0, waits(), OUTAGE)
    at(stream, 20, OVER)
    at(stream, 34, waited())
    at(stream, 199)
    assert heard(stream) == ["outage_began", "outage_ended"]


def test_what_still_waits_after_an_outage_is_told() -> None:
    stream = outages()
    at(stream, 0, waits(), OUTAGE)
    at(stream, 20, OVER)
    at(stream, 34)
    assert heard(stream) == ["outage_began", "outage_ended"]
    at(stream, 35)
    assert heard(stream) == ["outage_began", "outage_ended", "delay_lasts"]


def test_work_without_a_vendor_is_told_of() -> None:
    stream = outages("own")
    at(stream, 0, waits(kind="load-statement", account="", vendor=""))
    at(stream, 15)
    assert heard(stream) == ["delay_lasts"]


def test_chat_is_not_told_that_it_cannot_be_told() -> None:
    assert tell(outages(), waits(kind="crm-chat", account="bitrix24:vektor", vendor="bitrix24")) == []


@settings(max_examples=100, deadline=None)
@given(taken=st.integers(0, 6), newer=st.integers(0, 6))
def test_no_loss_of_a_topic_leaves_work_that_waits_for_ever_or_hides_work_that_waits(taken: int, newer: int) -> None:
    said: list[tuple[int, Any]] = []
    for minute in (0, 20, 40):
        said += [(minute, waits(since=MINUTES[minute])), (minute + 5, waited())]
    stream = outages()
    for minute, message in lost([*said, (60, waits(since=MINUTES[60]))], taken, newer):
        tell(stream, message, f"{message.NAME} {minute}", "payments", at=MINUTES[minute])
    assert set(stream.state.waiting["poll-payments"].works) == {"w1"}
    tell(stream, waited(), "last", "payments", at=MINUTES[65])
    assert not stream.state.waiting["poll-payments"].works
    assert stream.replayed() == stream.state


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_none_that_tell_of_an_outage(language: str) -> None:
    stream = outages()
    at(stream, 0, waits(kind="of-a-later-build"))
    at(stream, 15, waited())
    for sent in stream.effects.values():
        sentence = TEXTS[language].fact(sent.request["text"], sent.request["values"], MOSCOW)  # type: ignore[index]
        assert BEGAN not in sentence
        assert ENDED not in sentence
