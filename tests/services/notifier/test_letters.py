"""Dead letters: the admin chat hears of an outbreak in one line, of more at most each hour, and that it is over."""

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain.letters import TOLD_AGAIN_AFTER
from services.notifier.workers.texts import Texts
from tests.services.notifier.parts import (
    MOSCOW,
    Alerts,
    letters_began,
    letters_ended,
    look_at_delays,
    lost,
    outages,
    tell,
)
from tests.services.streams import NOW

HOUR = int(TOLD_AGAIN_AFTER / dt.timedelta(minutes=1))


def at(stream: Alerts, minute: float, *messages: Any, source: str = "invoicing", sequence: int = 1) -> None:
    """Time comes to that minute, what is due is looked at, then messages come."""
    stream.now = NOW + dt.timedelta(minutes=minute)
    look_at_delays(stream)
    for message in messages:
        tell(stream, message, source=source, sequence=sequence)


def heard(stream: Alerts) -> list[tuple[str, Any]]:
    """The texts that the chat was told, in order, with how many keys wait where."""
    return [(sent.request["text"], sent.request["values"].get("waiting")) for sent in stream.effects.values()]


def test_hundred_letters_of_an_outbreak_are_one_line_with_their_count_and_the_first_deals() -> None:
    stream = outages("letters")
    for number in range(100):
        at(stream, number / 100, letters_began(str(number)))
    at(stream, 0.99, letters_began("7"), source="notifier")
    assert heard(stream) == []
    at(stream, 3)
    assert heard(stream) == [("letters_wait", [["invoicing", 100], ["notifier", 1]])]
    (sent,) = stream.effects.values()
    assert sent.request["values"]["deals"] == [str(number) for number in range(10)]
    assert sent.request["values"]["more"] == 90
    assert sent.request["values"]["since"] == NOW.isoformat()
    assert stream.replayed() == stream.state


def test_what_comes_later_is_told_once_an_hour_with_all_that_waits_and_only_if_there_is_more() -> None:
    stream = outages("letters")
    at(stream, 0, letters_began("1"))
    for minute in range(3, 50):
        at(stream, minute, letters_began(str(minute)))
    assert heard(stream) == [("letters_wait", [["invoicing", 1]])]
    at(stream, 4 + HOUR)
    assert heard(stream)[1:] == [("letters_wait", [["invoicing", 48]])]
    at(stream, 10 * HOUR)
    assert len(heard(stream)) == 2


def test_end_is_told_once_when_nothing_waits_any_more() -> None:
    stream = outages("letters")
    at(stream, 0, letters_began("15"), letters_began("16"))
    at(stream, 5, letters_ended("15"), sequence=2)
    assert len(heard(stream)) == 1
    at(stream, 6, letters_ended("16"), sequence=2)
    at(stream, 10 * HOUR)
    assert [text for text, _ in heard(stream)] == ["letters_wait", "letters_ended"]


def test_letters_that_are_settled_at_once_are_told_to_nobody() -> None:
    stream = outages("letters")
    at(stream, 0, letters_began())
    at(stream, 0.5, letters_ended(), sequence=2)
    at(stream, 10 * HOUR)
    assert heard(stream) == []


def test_letters_that_come_and_go_are_told_once_an_hour() -> None:
    stream = outages("letters")
    for round_number in range(24):
        at(stream, round_number * 5, letters_began(), sequence=2 * round_number + 1)
        at(stream, round_number * 5 + 3, letters_ended(), sequence=2 * round_number + 2)
    told = [text for text, _ in heard(stream)]
    assert told == ["letters_wait", "letters_ended"] * (len(told) // 2)
    assert len(told) <= 2 * (24 * 5 // HOUR + 1)


def test_look_that_is_left_over_from_the_first_line_tells_of_nothing_newer() -> None:
    stream = outages("letters")
    at(stream, 0, letters_began("1"))
    at(stream, 1, letters_began("2"))
    at(stream, 2)
    at(stream, 2.5, letters_began("3"))
    at(stream, HOUR)
    assert heard(stream) == [("letters_wait", [["invoicing", 2]])]
    at(stream, 3 + HOUR)
    assert heard(stream)[1:] == [("letters_wait", [["invoicing", 3]])]


def test_look_that_was_late_is_followed_by_no_other_within_the_hour() -> None:
    stream = outages("letters")
    at(stream, 0, letters_began("1"))
    at(stream, 500, letters_began("2"))
    at(stream, 500 + HOUR - 1)
    assert len(heard(stream)) == 1
    at(stream, 500 + HOUR + 1)
    assert len(heard(stream)) == 2


@settings(max_examples=100, deadline=None)
@given(taken=st.integers(0, 5), newer=st.integers(0, 5))
def test_no_loss_of_a_topic_leaves_a_key_that_waits_for_ever_or_hides_one(taken: int, newer: int) -> None:
    said = [
        (number, message())
        for number, message in enumerate([letters_began, letters_ended, letters_began, letters_ended, letters_began], 1)
    ]
    stream = outages("letters")
    for sequence, message in lost(said, taken, newer):
        tell(stream, message, f"m{sequence}", "invoicing", sequence)
    assert set(stream.state.dead.waiting) == {"invoicing/deals/15"}
    tell(stream, letters_ended(), "m6", "invoicing", 6)
    assert not stream.state.dead.waiting
    assert stream.replayed() == stream.state


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["15", "16", "operation-p"]), st.integers(0, 45), st.booleans()), max_size=30
    )
)
def test_whoever_waits_is_told_of_and_never_twice_within_an_hour(steps: list[tuple[str, int, bool]]) -> None:
    stream = outages("letters")
    sequences: dict[str, int] = {}
    minute = 0.0
    told_at: list[float] = []

    def to(later: float) -> None:
        nonlocal minute
        while minute < later:
            minute = min(minute + 1, later)
            before = [text for text, _ in heard(stream)].count("letters_wait")
            at(stream, minute)
            if [text for text, _ in heard(stream)].count("letters_wait") > before:
                told_at.append(minute)

    for key, pause, ends in steps:
        to(minute + pause)
        waits = sequences.get(key, 0) % 2 == 1
        if waits == ends:
            sequences[key] = sequences.get(key, 0) + 1
            at(stream, minute, letters_ended(key) if waits else letters_began(key), sequence=sequences[key])
    to(minute + 2 * HOUR)
    assert all(one.told for one in stream.state.dead.waiting.values())
    assert all(later - earlier >= HOUR for earlier, later in pairwise(told_at))


SENTENCES = {
    "ru": (
        "Часть данных не удалось обработать, она ждёт человека: счета и акты (2), прочее (1); сделки № 15, 16. Ждёт с "
        "12.03.2026 13:00. Ничего не потеряно: что придёт следом, встанет за ней и пойдёт по порядку, остальное "
        "работает. Само это не пройдёт: передайте тому, кто сопровождает Sverka, он увидит всё командой sverka dead "
        "list. Когда это будет разобрано, сообщим.",
        "Данные, которые ждали человека с 12.03.2026 13:00, разобраны; работа по ним идёт дальше.",
    ),
    "en": (
        "Some data could not be handled and waits for a person: invoices and acts (2), other (1); deals 15, 16. It "
        "waits since 12.03.2026 13:00. Nothing is lost: what comes after it waits behind it and goes on in order, all "
        "else works. It does not go away by itself: tell whoever runs Sverka, who sees it all by sverka dead list. We "
        "say when it is settled.",
        "The data that waited for a person since 12.03.2026 13:00 is settled; work on it goes on.",
    ),
}


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_name_where_it_waits_how_much_and_what_to_do(language: Any) -> None:
    stream = outages("letters")
    at(stream, 0, letters_began("16"), letters_began("15"))
    at(stream, 0, letters_began("operation-5"), source="of-a-later-build")
    at(stream, 5, letters_ended("15"), letters_ended("16"), sequence=2)
    at(stream, 5, letters_ended("operation-5"), source="of-a-later-build", sequence=2)
    said = [Texts(language).fact(one.request["text"], one.request["values"], MOSCOW) for one in stream.effects.values()]
    assert said == list(SENTENCES[language])
