"""A state with some fields changed is what ``dataclasses.replace`` gives."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import replace
from services.invoicing.domain.state import State


@dataclasses.dataclass(frozen=True)
class Folded:
    """A state."""

    name: str
    count: int = 0
    seen: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    """A state that has no ``__dict__``."""

    count: int = 0


FIELDS = st.fixed_dictionaries(
    {}, optional={"name": st.text(), "count": st.integers(), "seen": st.frozensets(st.text())}
)


@given(st.builds(Folded), FIELDS)
def test_it_gives_what_dataclasses_give_and_leaves_the_state_alone(state: Folded, fields: dict[str, Any]) -> None:
    before = dataclasses.replace(state)
    made = replace(state, **fields)
    assert made == dataclasses.replace(state, **fields)
    assert hash(made) == hash(dataclasses.replace(state, **fields))
    assert repr(made) == repr(dataclasses.replace(state, **fields))
    assert state == before


def test_what_it_makes_is_frozen_too() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(Folded("a"), count=1).count = 2  # type: ignore[misc]


def test_a_field_that_the_state_lacks_is_refused() -> None:
    fields: dict[str, Any] = {"counted": 1}
    with pytest.raises(TypeError, match="Folded lacks counted"):
        replace(Folded("a"), **fields)


def test_slots_are_refused() -> None:
    with pytest.raises(AttributeError, match="__dict__"):
        replace(Slotted(), count=1)


def test_invoicing_folds_states_that_it_takes() -> None:
    assert replace(State("deal-1"), gone=True) == State("deal-1", gone=True)
