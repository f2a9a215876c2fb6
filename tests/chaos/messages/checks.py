"""Judges what became of messages, each rule in one pass."""

import itertools
from collections import Counter
from collections.abc import Iterator

from tests.chaos.messages.history import History


def every_message_is_decided(history: History) -> Iterator[str]:
    """Of what was sent nothing is missing when failures are over."""
    for one in history.sent:
        if one.number not in history.decided.get(one.key, []):
            yield f"message {one.number} of {one.key} was never decided"


def each_message_is_decided_once(history: History) -> Iterator[str]:
    """However often a message comes, its stream has it once; and nothing that was not sent."""
    sent = {(one.key, one.number) for one in history.sent}
    for key, numbers in history.decided.items():
        for number, times in Counter(numbers).items():
            if times > 1:
                yield f"message {number} of {key} was decided {times} times"
            if (key, number) not in sent:
                yield f"message {number} of {key} was decided and never sent"


def messages_are_decided_in_order(history: History) -> Iterator[str]:
    """Messages of one key are decided in the order in which they were sent."""
    for key, numbers in history.decided.items():
        for before, after in itertools.pairwise(numbers):
            if after < before:
                yield f"message {after} of {key} was decided behind {before}"


def nothing_is_acknowledged_undecided(history: History) -> Iterator[str]:
    """What the broker takes for done is decided: it would not be handed out again."""
    for moment in history.acknowledged:
        for one in history.sent:
            if one.offset < moment.offsets.get(one.partition, 0) and one.number not in moment.decided.get(one.key, ()):
                yield f"message {one.number} of {one.key} was acknowledged before it was decided"


CHECKS = (
    every_message_is_decided,
    each_message_is_decided_once,
    messages_are_decided_in_order,
    nothing_is_acknowledged_undecided,
)


def anomalies(history: History) -> list[str]:
    """Everything that a consumer without faults could not have shown, each with the check that found it, said once."""
    return list(dict.fromkeys(f"{check.__name__}: {found}" for check in CHECKS for found in check(history)))
