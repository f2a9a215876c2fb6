"""Each rule finds the anomaly that it is there for, and a sound history has none."""

from collections.abc import Callable

import pytest

from tests.chaos.tenants.checks import anomalies
from tests.chaos.tenants.history import History, Look, Try

AT = ("payments", "events")
ONE = frozenset({"one"})
NOBODY: frozenset[str] = frozenset()


def sound() -> History:
    """Looks as one, as both and as nobody; a partition that is refused; what may be written and what may not."""
    return History(
        planted={AT: {"one": 2, "two": 1}, ("payments", "outbox_rest"): {"one": 1, "two": 1}},
        looks=[
            Look(AT, ONE, {"one": 2}),
            Look(AT, frozenset({"one", "two"}), {"one": 2, "two": 1}),
            Look(AT, NOBODY),
            Look(("payments", "outbox_rest"), ONE, refused=True),
        ],
        tries=[
            Try(AT, ONE, "insert", "one", 1),
            Try(AT, ONE, "delete", "two", 0),
            Try(AT, ONE, "insert", "two", refused=True),
        ],
    )


def test_a_sound_history_has_no_anomaly() -> None:
    assert anomalies(sound()) == []


def _shown(history: History) -> None:
    history.looks.append(Look(AT, ONE, {"one": 2, "two": 1}))


def _shown_to_nobody(history: History) -> None:
    history.looks.append(Look(AT, NOBODY, {"two": 1}))


def _changed(history: History) -> None:
    history.tries.append(Try(AT, ONE, "update", "two", 1))


def _hidden(history: History) -> None:
    history.looks.append(Look(AT, ONE, {"one": 1}))


@pytest.mark.parametrize(
    ("planting", "words"),
    [
        (_shown, "no_table_shows_rows_of_another: payments/events shows one rows of two"),
        (_shown_to_nobody, "no_table_shows_rows_of_another: payments/events shows nobody rows of two"),
        (_changed, "nobody_writes_rows_of_another: payments/events lets one update 1 rows of two"),
        (_hidden, "tenants_see_all_rows_of_their_own: payments/events shows 1 of the 2 rows of one"),
    ],
)
def test_a_planted_anomaly_is_found(planting: Callable[[History], None], words: str) -> None:
    history = sound()
    planting(history)
    assert anomalies(history) == [words]
