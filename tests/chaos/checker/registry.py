"""Which function holds which invariant; each gets from the history the parts that its parameters name."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tests.chaos.checker.history import History, Violation
from tests.chaos.checker.invariants import documents, money

Invariant = Callable[..., Iterable[Violation]]

INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "I1": (documents.one_live_invoice,),
    "I2": (documents.effects_and_documents_match,),
    "I3": (money.every_bank_row_once,),
    "I4": (money.sums_are_equal,),
    "I6": (documents.one_act,),
    "I9": (documents.no_second_send_without_proof,),
}


def check(history: History) -> dict[str, list[Violation]]:
    """The violations of every invariant, none for those that hold."""
    return {
        name: [violation for function in functions for violation in function(**given(function, history))]
        for name, functions in INVARIANTS.items()
    }


def given(function: Invariant, history: History) -> dict[str, Any]:
    """What a function asks for."""
    return {name: getattr(history, name) for name in inspect.signature(function).parameters}
