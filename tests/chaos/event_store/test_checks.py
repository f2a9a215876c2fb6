"""Each rule finds the anomaly that it is there for, and a sound history has none."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.chaos.event_store.checks import anomalies
from tests.chaos.event_store.history import Attempt, Final, History, Read, Sent


def sound() -> tuple[History, Final]:
    """Two streams: two appends, one in both streams, a conflict, a lost answer, a repetition, reads and messages."""
    attempts = [
        Attempt("a", ("s",), 1.0, 2.0, "ok", (0,), (1,)),
        Attempt("b", ("s", "t"), 3.0, 4.0, "ok", (), (2, 1)),
        Attempt("c", ("s",), 3.5, 4.5, "conflict", (1,)),
        Attempt("d", ("s",), 5.0, 6.0, "unknown"),
        Attempt("d", ("s",), 6.5, 7.0, "repeated", (), (3,)),
        Attempt("e", ("t",), 8.0, 9.0, "unknown", (1,)),
    ]
    sent = {
        "k": [Sent("m1", "s", 1, "a"), Sent("m2", "s", 2, "b"), Sent("m2", "s", 2, "b"), Sent("m3", "s", 3, "d")],
        "l": [Sent("m4", "t", 1, "b")],
    }
    reads = [Read("s", 2.5, ("a",)), Read("s", 4.6, ("a", "b")), Read("s", 4.7, ("a", "b", "d")), Read("t", 0.5, ())]
    final: Final = {"s": [(1, "a"), (2, "b"), (3, "d")], "t": [(1, "b")]}
    return History(attempts, reads, sent, {"a", "b", "d"}, {"m1": 1, "m2": 2, "m3": 5, "m4": 3}), final


def test_a_sound_history_has_no_anomaly() -> None:
    assert anomalies(*sound()) == []


def test_a_lost_answer_may_have_been_an_append_or_not() -> None:
    history, final = sound()
    final["t"].append((2, "e"))
    assert anomalies(history, final) == []


Planting = Callable[[History, Final], None]


def _gap(history: History, final: Final) -> None:
    final["s"][2] = (4, "d")


def _twice(history: History, final: Final) -> None:
    final["t"].append((2, "a"))
    final["s"].append((4, "d"))


def _lost(history: History, final: Final) -> None:
    del final["s"][2]


def _refused_and_there(history: History, final: Final) -> None:
    final["s"].append((4, "c"))


def _torn(history: History, final: Final) -> None:
    del final["t"][0]


def _elsewhere(history: History, final: Final) -> None:
    final["s"][1], final["s"][2] = (2, "d"), (3, "b")


def _unexpected(history: History, final: Final) -> None:
    history.attempts[0].expected = (1,)


def _invented(history: History, final: Final) -> None:
    final["t"].append((2, "nobody's"))


def _back_in_time(history: History, final: Final) -> None:
    history.attempts[0].began, history.attempts[0].ended = 10.0, 11.0


def _new_twice(history: History, final: Final) -> None:
    history.attempts[3].result = history.attempts[4].result = "ok"


def _no_beginning(history: History, final: Final) -> None:
    history.reads.append(Read("s", 9.0, ("a", "d", "b")))


def _stale(history: History, final: Final) -> None:
    history.reads.append(Read("s", 9.5, ("a",)))


def _skipped(history: History, final: Final) -> None:
    history.sent["k"] = [one for one in history.sent["k"] if one.message_id != "m2"]


def _overtaken(history: History, final: Final) -> None:
    history.sent["k"].insert(0, history.sent["k"].pop())


def _sent_before_committed(history: History, final: Final) -> None:
    history.sent["l"].append(Sent("m5", "t", 2, "e"))


def _behind_a_later_row(history: History, final: Final) -> None:
    history.outbox["m2"] = 6


@pytest.mark.parametrize(
    ("planting", "words"),
    [
        (_gap, "stands in place 3"),
        (_twice, "stands at"),
        (_lost, "was acknowledged and is lost"),
        (_refused_and_there, "was refused and stands"),
        (_torn, "stands in 1 of its 2 streams"),
        (_elsewhere, "was told to stand at"),
        (_unexpected, "was appended after"),
        (_invented, "was written by nobody"),
        (_back_in_time, "stands behind it"),
        (_new_twice, "as new more than once"),
        (_no_beginning, "is not how the stream begins"),
        (_stale, "were acknowledged before it"),
        (_skipped, "was never sent"),
        (_overtaken, "was sent behind"),
        (_sent_before_committed, "which it is not"),
        (_behind_a_later_row, "row 5, was sent behind m2, row 6"),
    ],
)
def test_a_planted_anomaly_is_found(planting: Planting, words: str) -> None:
    history, final = deepcopy(sound())
    planting(history, final)
    assert any(words in found for found in anomalies(history, final))
