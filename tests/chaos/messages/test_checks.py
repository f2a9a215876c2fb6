"""Each rule finds the anomaly that it is there for, and a sound history has none."""

from collections.abc import Callable

import pytest

from tests.chaos.messages.checks import anomalies
from tests.chaos.messages.history import Acknowledged, History, Sent


def sound() -> History:
    """Two keys of one partition; a look in the middle, when the third message was decided and not acknowledged yet."""
    return History(
        sent=[Sent("a", 1, 0, 0), Sent("b", 1, 0, 1), Sent("a", 2, 0, 2)],
        acknowledged=[Acknowledged({0: 2}, {"a": frozenset({1, 2}), "b": frozenset({1})})],
        decided={"a": [1, 2], "b": [1]},
    )


def test_a_sound_history_has_no_anomaly() -> None:
    assert anomalies(sound()) == []


def _forgotten(history: History) -> None:
    history.decided["a"] = [1]


def _twice(history: History) -> None:
    history.decided["b"] = [1, 1]


def _invented(history: History) -> None:
    history.decided["b"] = [1, 2]


def _overtaken(history: History) -> None:
    history.decided["a"] = [2, 1]


def _acknowledged(history: History) -> None:
    history.acknowledged.insert(0, Acknowledged({0: 2}, {"a": frozenset({1})}))


@pytest.mark.parametrize(
    ("planting", "words"),
    [
        (_forgotten, "every_message_is_decided: message 2 of a was never decided"),
        (_twice, "each_message_is_decided_once: message 1 of b was decided 2 times"),
        (_invented, "each_message_is_decided_once: message 2 of b was decided and never sent"),
        (_overtaken, "messages_are_decided_in_order: message 1 of a was decided behind 2"),
        (_acknowledged, "nothing_is_acknowledged_undecided: message 1 of b was acknowledged before it was decided"),
    ],
)
def test_a_planted_anomaly_is_found(planting: Callable[[History], None], words: str) -> None:
    history = sound()
    planting(history)
    assert anomalies(history) == [words]
