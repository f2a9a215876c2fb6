"""Judges how an account's tokens were renewed, each rule in one pass."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.tokens.history import Asked, History


def each_refresh_token_is_spent_once(history: History) -> Iterator[str]:
    """Nobody asks with a refresh token that another has asked with: of two pairs one would be lost, and a vendor may
    take a spent token for a stolen one."""
    for mark, times in Counter(one.mark for one in history.asked).items():
        if times > 1:
            yield f"{mark} was spent {times} times"


def nobody_asks_while_another_does(history: History) -> Iterator[str]:
    """Two never ask with one refresh token at the same time: one of them comes with a spent one, and the account would
    pass for lost before the other has stored what it was given."""
    last: dict[str, Asked] = {}
    for one in sorted(history.asked, key=lambda asked: asked.began):
        before = last.get(one.mark)
        if before is not None and one.began < before.ended:
            yield f"process {one.process} asked with {one.mark} while process {before.process} did"
        if before is None or one.ended > before.ended:
            last[one.mark] = one


def a_round_has_one_new_token(history: History) -> Iterator[str]:
    """Of those who ask at once all that are given a token are given the same, and not the one that has ended."""
    for number, ended in enumerate(history.ended):
        tokens = {one.token for one in history.given if one.round == number and one.token}
        if len(tokens) > 1:
            yield f"round {number}: {', '.join(sorted(tokens))} were given"
        if ended in tokens:
            yield f"round {number}: {ended} was given, which has ended"


def everybody_is_given_a_token(history: History) -> Iterator[str]:
    """Nobody who waits for another's renewal goes away without a token."""
    for one in history.given:
        if not one.token:
            yield f"round {one.round}: process {one.process} was given none: {one.why}"


def the_account_stays_connected(history: History) -> Iterator[str]:
    """At the end the account is connected by a token that the authorisation server knows."""
    if history.state != "connected":
        yield f"it is {history.state}"
    if not history.last_works:
        yield "the authorisation server does not know the last token"


CHECKS = (
    each_refresh_token_is_spent_once,
    nobody_asks_while_another_does,
    a_round_has_one_new_token,
    everybody_is_given_a_token,
    the_account_stays_connected,
)


def anomalies(history: History) -> list[str]:
    """Everything that one process alone could not have shown, each with the check that found it."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(history)]
