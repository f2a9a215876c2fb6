"""Each rule finds the anomaly that it is there for, and a sound history has none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.work.checks import anomalies
from tests.chaos.work.history import Called, Change, Granted, History, Stand, Told

BEGAN = datetime(2026, 11, 22, tzinfo=UTC)
READY = Stand(0, "ready", "PLANNED", 0)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def sound() -> History:
    """A sends and stands still; when its lease is over, B puts the row back, takes it, finds the document and
    settles."""
    held = Stand(1, "taken", "PLANNED", 0, at(2))
    sent = Stand(1, "taken", "INTENT", 1, at(3))
    back = Stand(1, "ready", "INTENT", 1)
    again = Stand(2, "taken", "INTENT", 1, at(6))
    done = Stand(2, "closed", "CONFIRMED", 1)
    return History(
        ledger=[Granted("A", 2), Called("A", "e", 1, at(1.5)), Granted("B", 1, 0), Called("B", "e", 0, at(4.5))],
        changes=[
            Change("A", "e", at(0), READY, held),
            Change("A", "e", at(1), held, sent),
            Change("B", "e", at(4), sent, back),
            Change("B", "e", at(4), back, again),
            Change("B", "e", at(5), again, done),
        ],
        documents={"e": ["e-1"]},
        rows={"e": done},
        told=[Told("e", "confirmed", "e-1")],
    )


def test_a_sound_history_has_no_anomaly() -> None:
    assert anomalies(sound()) == []


def _early(history: History) -> None:
    history.ledger[1] = Called("A", "e", 1, at(0.5))


def _unannounced(history: History) -> None:
    history.ledger.insert(2, Called("A", "e", 2, at(1.6)))


def _zombie(history: History) -> None:
    again = history.changes[3].after
    history.changes.insert(4, Change("A", "e", at(4.5), again, replace(again, queue="closed", state="CONFIRMED")))


def _put_back_too_early(history: History) -> None:
    history.changes[2] = replace(history.changes[2], at=at(2))


def _without_leave(history: History) -> None:
    history.ledger += [Granted("B", 1, 1), Called("B", "e", 0, at(5))]


def _second(history: History) -> None:
    history.documents["e"].append("e-2")


def _left_open(history: History) -> None:
    history.rows["f"] = READY


def _untold(history: History) -> None:
    history.told.clear()


def _told_of_another(history: History) -> None:
    history.told[0] = Told("e", "confirmed", "e-7")


@pytest.mark.parametrize(
    ("planting", "words"),
    [
        (_early, "calls_leave_after_their_intent: e: send 1 left A without an intent; it has one of 0.500 s later"),
        (_unannounced, "calls_leave_after_their_intent: e: send 2 left A without an intent; it has none"),
        (_zombie, "rows_are_changed_by_who_holds_them: e: A made CONFIRMED of INTENT in the hands of B"),
        (_put_back_too_early, "rows_are_changed_by_who_holds_them: e: B made INTENT of INTENT in the hands of A"),
        (_without_leave, "calls_keep_within_permits: B made call 2 with leave for 1"),
        (_second, "no_effect_is_carried_out_twice: e made e-1, e-2"),
        (_left_open, "all_work_comes_to_its_end: f is ready and PLANNED"),
        (_untold, "outcomes_are_told_once: e is confirmed, and its stream heard of it 0 times"),
        (_told_of_another, "outcomes_are_told_once: e: the stream heard of e-7, confirmed"),
    ],
)
def test_a_planted_anomaly_is_found(planting: Callable[[History], None], words: str) -> None:
    history = sound()
    planting(history)
    assert anomalies(history) == [words]
