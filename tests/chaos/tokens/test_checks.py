"""Each rule finds the anomaly that it is there for, and a sound history has none."""

from collections.abc import Callable

import pytest

from tests.chaos.tokens.checks import anomalies
from tests.chaos.tokens.history import Asked, Given, History


def sound() -> History:
    """Two rounds, in each of which one asks and both are given what it was granted."""
    return History(
        ended=["a", "b"],
        asked=[
            Asked(0, "first", 1.0, 2.0),
            Asked(1, "second", 3.0, 4.0),
        ],
        given=[Given(0, 0, "b"), Given(1, 0, "b"), Given(0, 1, "c"), Given(1, 1, "c")],
        state="connected",
        last_works=True,
    )


def test_a_sound_history_has_no_anomaly() -> None:
    assert anomalies(sound()) == []


def _spent_twice(history: History) -> None:
    history.asked.append(Asked(1, "first", 2.5, 2.6))


def _at_once(history: History) -> None:
    history.asked.append(Asked(1, "first", 1.5, 1.6))


def _two(history: History) -> None:
    history.given.append(Given(2, 0, "bb"))


def _old(history: History) -> None:
    history.given = [Given(0, 0, "a"), Given(0, 1, "c")]


def _none(history: History) -> None:
    history.given.append(Given(2, 1, why="token_is_being_fetched"))


def _lost(history: History) -> None:
    history.state = "lost"


def _overwritten(history: History) -> None:
    history.last_works = False


@pytest.mark.parametrize(
    ("planting", "words"),
    [
        (_spent_twice, "each_refresh_token_is_spent_once: first was spent 2 times"),
        (_at_once, "nobody_asks_while_another_does: process 1 asked with first while process 0 did"),
        (_two, "a_round_has_one_new_token: round 0: b, bb were given"),
        (_old, "a_round_has_one_new_token: round 0: a was given, which has ended"),
        (_none, "everybody_is_given_a_token: round 1: process 2 was given none: token_is_being_fetched"),
        (_lost, "the_account_stays_connected: it is lost"),
        (_overwritten, "the_account_stays_connected: the authorisation server does not know the last token"),
    ],
)
def test_a_planted_anomaly_is_found(planting: Callable[[History], None], words: str) -> None:
    history = sound()
    planting(history)
    assert words in anomalies(history)
