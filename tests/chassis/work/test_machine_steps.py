"""Every step of the effect machine, with all that it changes and all that it leaves as it was."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from chassis.work.handlers import (
    TOKEN_REFUSED,
    Confirmed,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    Probe,
    RejectedFinally,
    Settled,
    Undecidable,
)
from chassis.work.machine import (
    Answered,
    DeadlinePassed,
    Effect,
    FirstByte,
    Forgotten,
    IllegalInput,
    Input,
    LeaseEnded,
    ProbeAgain,
    ProbeBegins,
    Probed,
    Schedule,
    SendBegins,
    State,
    looked_up_first,
    step,
)
from tests.chassis.work.toy import START

P = Problem("because")
ROLL = 0.5
SCHEDULE = Schedule()
EXACT = EffectPolicy(Probe.EXACT)
ANSWER = {"remote_id": "1"}


def at(seconds: float) -> datetime:
    """A moment of the test, in seconds from its beginning."""
    return START + timedelta(seconds=seconds)


NOW = at(1_000)
FULL = Effect(
    due_at=at(1),
    sends=1,
    failures=2,
    probes=1,
    absences=1,
    last_absence_at=at(900),
    uncertain_at=at(700),
    decide_by=at(1_600),
    sent_at=at(5),
    delayed_since=at(6),
)
"""An effect of which everything is set, so that whatever a step changes is seen."""

OPEN = {"due_at": None, "sends": 2, "sent_at": NOW, "state": State.INTENT}
CLOSED = {"due_at": None, "delayed_since": None}
AGAIN = {"state": State.PLANNED, "failures": 3, "due_at": at(1_000 + 45 * 1.1)}
DOUBT = {
    "state": State.UNCERTAIN,
    "due_at": at(1_000 + 5 * 1.1),
    "probes": 0,
    "absences": 0,
    "last_absence_at": None,
    "uncertain_at": NOW,
    "decide_by": at(1_900),
}
LISTED = EffectPolicy(Probe.LIST)
REPEATED = EffectPolicy(Probe.REPEAT)
BLIND = EffectPolicy(Probe.NONE)
UNTOLD = EffectPolicy(Probe.NONE, human_when_exhausted=False)
MACHINE_STATES = {
    SendBegins: {State.PLANNED, State.ABSENT},
    FirstByte: {State.INTENT, State.SENT},
    Answered: {State.INTENT, State.SENT},
    LeaseEnded: {State.PLANNED, State.ABSENT, State.INTENT, State.SENT, State.UNCERTAIN, State.PROBING},
    ProbeBegins: {State.UNCERTAIN},
    Probed: {State.PROBING},
    DeadlinePassed: {State.UNCERTAIN, State.PROBING},
    Forgotten: {State.PLANNED, State.ABSENT},
    ProbeAgain: {State.HUMAN},
}
INPUTS: tuple[Input, ...] = (
    SendBegins(),
    FirstByte(),
    Answered(Ok(ANSWER)),
    LeaseEnded(),
    ProbeBegins(),
    Probed(NotFound()),
    DeadlinePassed(),
    Forgotten(),
    ProbeAgain(),
)


def check(
    effect: Effect, event: Input, policy: EffectPolicy, changed: dict[str, Any], settled: Settled | None = None
) -> None:
    """The step changes these fields and no other."""
    done = step(effect, event, policy, SCHEDULE, NOW, ROLL)
    assert done.effect == replace(effect, **changed)
    assert done.settled == settled


def in_state(state: State, **changed: Any) -> Effect:
    """The full effect in a state."""
    return replace(FULL, state=state, **changed)


@pytest.mark.parametrize("state", [State.PLANNED, State.ABSENT])
def test_a_send_is_counted_before_it_leaves(state: State) -> None:
    check(in_state(state), SendBegins(), EXACT, OPEN)


@pytest.mark.parametrize("state", [State.INTENT, State.SENT])
def test_the_first_byte_makes_it_sent_and_changes_nothing_else(state: State) -> None:
    check(in_state(state), FirstByte(), EXACT, {"state": State.SENT})


@pytest.mark.parametrize("state", [State.INTENT, State.SENT])
@pytest.mark.parametrize(
    ("answer", "policy", "changed", "settled"),
    [
        (Ok(ANSWER), EXACT, {"state": State.CONFIRMED, **CLOSED}, Confirmed(ANSWER)),
        (Rejected(P), EXACT, {"state": State.REJECTED, **CLOSED}, RejectedFinally(P)),
        (Deferred(P), EXACT, {"state": State.PLANNED, "sends": 0, "due_at": at(1_002)}, None),
        (Deferred(P, at(1_500)), EXACT, {"state": State.PLANNED, "sends": 0, "due_at": at(1_500)}, None),
        (Deferred(P, at(900)), EXACT, {"state": State.PLANNED, "sends": 0, "due_at": NOW}, None),
        (Retryable(P), EXACT, {**AGAIN, "sends": 0}, None),
        (Uncertain(P), EXACT, DOUBT, None),
        (Uncertain(P), LISTED, DOUBT, None),
        (Uncertain(P), EffectPolicy(Probe.FEED), DOUBT, None),
        (Uncertain(P), REPEATED, AGAIN, None),
        (Uncertain(P), BLIND, {"state": State.HUMAN, **CLOSED}, Undecidable(P, at(5))),
        (Uncertain(P), UNTOLD, AGAIN, None),
    ],
)
def test_what_an_answer_does(
    state: State, answer: Any, policy: EffectPolicy, changed: dict[str, Any], settled: Settled | None
) -> None:
    check(in_state(state), Answered(answer), policy, changed, settled)


def test_a_message_that_nobody_can_look_up_is_given_up_after_its_last_send() -> None:
    last = in_state(State.SENT, sends=2)
    check(last, Answered(Uncertain(P)), UNTOLD, {"state": State.ABSENT, **CLOSED}, Undecidable(P, at(5)))


def test_a_refused_token_is_tried_again_at_once_but_only_the_first_time() -> None:
    refused = Answered(Retryable(Problem(TOKEN_REFUSED)))
    first = in_state(State.SENT, failures=0)
    check(first, refused, EXACT, {"state": State.PLANNED, "sends": 0, "failures": 1, "due_at": NOW})
    check(in_state(State.SENT), refused, EXACT, {**AGAIN, "sends": 0})
    second = in_state(State.SENT, failures=1)
    check(second, refused, EXACT, {**AGAIN, "sends": 0, "failures": 2, "due_at": at(1_000 + 15 * 1.1)})
    other = {"state": State.PLANNED, "sends": 0, "failures": 1, "due_at": at(1_000 + 5 * 1.1)}
    check(first, Answered(Retryable(P)), EXACT, other)


def test_the_fourth_failure_makes_it_delayed_work_from_then_on() -> None:
    quick = in_state(State.SENT, failures=2, delayed_since=None)
    check(quick, Answered(Retryable(P)), EXACT, {**AGAIN, "sends": 0})
    slow = {"state": State.PLANNED, "sends": 0, "failures": 4, "due_at": at(1_000 + 60 * 1.1)}
    check(in_state(State.SENT, failures=3), Answered(Retryable(P)), EXACT, slow)
    begins = in_state(State.SENT, failures=3, delayed_since=None)
    check(begins, Answered(Retryable(P)), EXACT, {**slow, "delayed_since": NOW})


@pytest.mark.parametrize("state", [State.INTENT, State.SENT])
def test_a_sender_that_fell_silent_leaves_a_doubt(state: State) -> None:
    check(in_state(state), LeaseEnded(), EXACT, DOUBT)
    nobody = Undecidable(Problem("no_word_from_the_sender"), at(5))
    check(in_state(state), LeaseEnded(), BLIND, {"state": State.HUMAN, **CLOSED}, nobody)


def test_whoever_falls_silent_without_a_call_under_way_leaves_it_due_at_once() -> None:
    for state in (State.PLANNED, State.ABSENT):
        check(in_state(state), LeaseEnded(), EXACT, {"due_at": NOW})
    for state in (State.UNCERTAIN, State.PROBING):
        check(in_state(state), LeaseEnded(), EXACT, {"state": State.UNCERTAIN, "due_at": NOW})


def test_a_look_up_is_counted_when_it_begins() -> None:
    check(in_state(State.UNCERTAIN), ProbeBegins(), EXACT, {"state": State.PROBING, "probes": 2, "due_at": None})


def test_what_a_look_up_finds_is_confirmed() -> None:
    found = Probed(Found(ANSWER))
    check(in_state(State.PROBING), found, EXACT, {"state": State.CONFIRMED, **CLOSED}, Confirmed(ANSWER))


def test_a_look_up_that_cannot_tell_is_made_again_by_the_schedule() -> None:
    blind = Probed(Inconclusive(P))
    check(in_state(State.PROBING), blind, EXACT, {"state": State.UNCERTAIN, "due_at": at(1_000 + 15 * 1.1)})
    third = in_state(State.PROBING, probes=3)
    check(third, blind, EXACT, {"state": State.UNCERTAIN, "due_at": at(1_000 + 60 * 1.1)})
    soon = in_state(State.PROBING, decide_by=at(1_010))
    check(soon, blind, EXACT, {"state": State.UNCERTAIN, "due_at": at(1_010)})
    over = in_state(State.PROBING, decide_by=NOW)
    check(over, blind, EXACT, {"state": State.HUMAN, **CLOSED}, Undecidable(P, at(5)))


@pytest.mark.parametrize(
    ("before", "changed"),
    [
        # It counts with a minute from the one before, and proves absence when it is the second, after the quiet time.
        ({}, {"state": State.ABSENT, "due_at": NOW, "failures": 0, "absences": 2, "last_absence_at": NOW}),
        (
            {"last_absence_at": at(940), "uncertain_at": at(820)},
            {"state": State.ABSENT, "due_at": NOW, "failures": 0, "absences": 2, "last_absence_at": NOW},
        ),
        ({"last_absence_at": at(941)}, {"due_at": at(1_000 + 15 * 1.1)}),
        ({"uncertain_at": at(821)}, {"due_at": at(1_000 + 15 * 1.1), "absences": 2, "last_absence_at": NOW}),
        (
            {"absences": 0, "last_absence_at": None},
            {"due_at": at(1_000 + 15 * 1.1), "absences": 1, "last_absence_at": NOW},
        ),
        # After the quick look-ups the next comes when it counts: a minute on, the last one after the quiet time.
        ({"probes": 2, "last_absence_at": at(941)}, {"due_at": at(1_000 + 45 * 1.1)}),
        ({"probes": 3, "last_absence_at": at(950)}, {"due_at": at(1_010)}),
        ({"probes": 3, "last_absence_at": at(950), "uncertain_at": at(900)}, {"due_at": at(1_080)}),
        (
            {"probes": 3, "absences": 0, "last_absence_at": None, "uncertain_at": at(990)},
            {"due_at": at(1_170), "absences": 1, "last_absence_at": NOW},
        ),
        ({"probes": 3, "last_absence_at": at(950), "decide_by": at(1_005)}, {"due_at": at(1_005)}),
    ],
)
def test_what_a_look_up_that_found_nothing_does(before: dict[str, Any], changed: dict[str, Any]) -> None:
    check(in_state(State.PROBING, **before), Probed(NotFound()), EXACT, {"state": State.UNCERTAIN, **changed})


@pytest.mark.parametrize(
    ("before", "began_at", "changed"),
    [
        ({"last_absence_at": at(900)}, at(950), {}),
        ({"uncertain_at": at(815)}, at(990), {"absences": 2, "last_absence_at": NOW}),
    ],
    ids=["began too soon after the one before it", "began before it was quiet"],
)
def test_a_slow_look_up_proves_no_more_than_one_at_its_beginning(
    before: dict[str, Any], began_at: datetime, changed: dict[str, Any]
) -> None:
    again = {"state": State.UNCERTAIN, "due_at": NOW + SCHEDULE.delay(2, ROLL)}
    check(in_state(State.PROBING, **before), Probed(NotFound(), began_at), EXACT, {**again, **changed})


def test_where_absence_needs_more_look_ups_each_but_the_last_waits_for_the_gap_alone() -> None:
    policy = EffectPolicy(Probe.EXACT, negative_probes_min=3)
    before = in_state(State.PROBING, probes=3, absences=0, last_absence_at=None, uncertain_at=at(990))
    counted = {"state": State.UNCERTAIN, "absences": 1, "last_absence_at": NOW, "due_at": at(1_060)}
    check(before, Probed(NotFound()), policy, counted)


def test_absence_that_is_not_proven_in_time_is_for_a_person() -> None:
    over = in_state(State.PROBING, last_absence_at=at(950), decide_by=NOW)
    told = Undecidable(Problem("absence_not_proven_in_time"), at(5))
    check(over, Probed(NotFound()), EXACT, {"state": State.HUMAN, **CLOSED}, told)


def test_proven_absence_after_the_last_send_is_for_a_person() -> None:
    told = Undecidable(Problem("absent_after_last_send", {"sends": 2}), at(5))
    changed = {"state": State.HUMAN, "absences": 2, "last_absence_at": NOW, **CLOSED}
    check(in_state(State.PROBING, sends=2), Probed(NotFound()), EXACT, changed, told)


@pytest.mark.parametrize("state", [State.UNCERTAIN, State.PROBING])
def test_a_doubt_whose_time_is_over_is_for_a_person(state: State) -> None:
    told = Undecidable(Problem("no_look_up_in_time"), at(5))
    check(in_state(state), DeadlinePassed(), EXACT, {"state": State.HUMAN, **CLOSED}, told)


def test_another_look_that_a_person_wants_begins_the_doubt_anew_and_at_once() -> None:
    check(in_state(State.HUMAN), ProbeAgain(), EXACT, {**DOUBT, "due_at": NOW})
    for policy in (BLIND, REPEATED):
        with pytest.raises(IllegalInput, match="has no look-up"):
            step(in_state(State.HUMAN), ProbeAgain(), policy, SCHEDULE, NOW, ROLL)


def test_what_a_restore_may_have_forgotten_is_looked_up_before_it_is_sent() -> None:
    for policy in (EXACT, LISTED):
        for before in (in_state(State.PLANNED, sends=0), in_state(State.ABSENT)):
            after = step(before, Forgotten(), policy, SCHEDULE, NOW, ROLL).effect
            assert (after.state, after.sends, after.absences) == (State.UNCERTAIN, before.sends, 0)
    told = Undecidable(Problem("perhaps_sent_before_a_restore"), None)
    for policy in (BLIND, EffectPolicy(Probe.FEED)):
        nobody = step(Effect(), Forgotten(), policy, SCHEDULE, NOW, ROLL)
        assert (nobody.effect.state, nobody.settled) == (State.HUMAN, told)


@pytest.mark.parametrize(
    ("effect", "policy", "planned_at", "first"),
    [
        (Effect(), EXACT, at(-1), True),
        (Effect(), BLIND, at(-1), True),
        (Effect(), EXACT, NOW, False),
        (Effect(), REPEATED, at(-1), False),
        (Effect(), UNTOLD, at(-1), False),
        (Effect(sends=1), EXACT, at(-1), True),
        (Effect(uncertain_at=at(-1)), EXACT, at(-1), False),
        (Effect(uncertain_at=at(-3)), EXACT, at(-4), True),
        (Effect(state=State.ABSENT, sends=1, uncertain_at=at(-3)), EXACT, at(-4), True),
        (Effect(state=State.ABSENT, sends=1, uncertain_at=at(-1)), EXACT, at(-4), False),
        (Effect(state=State.UNCERTAIN, sends=1, uncertain_at=at(-3)), EXACT, at(-4), False),
    ],
)
def test_only_a_send_that_would_do_harm_is_looked_up_first(
    effect: Effect, policy: EffectPolicy, planned_at: datetime, first: bool
) -> None:
    running_since = at(-2)
    assert looked_up_first(effect, policy, planned_at, NOW, running_since) is first
    assert not looked_up_first(effect, policy, planned_at, None, running_since)


def test_the_first_look_up_is_not_later_than_the_end_of_the_doubt() -> None:
    short = EffectPolicy(Probe.EXACT, undecided_seconds_max=3)
    check(in_state(State.SENT), LeaseEnded(), short, {**DOUBT, "due_at": at(1_003), "decide_by": at(1_003)})


@pytest.mark.parametrize("event", INPUTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("state", State)
def test_an_input_is_taken_in_its_states_and_refused_by_name_in_all_others(state: State, event: Input) -> None:
    if state in MACHINE_STATES[type(event)]:
        step(in_state(state), event, EXACT, SCHEDULE, NOW, ROLL)
        return
    with pytest.raises(IllegalInput, match=f"{type(event).__name__} cannot come in {state}"):
        step(in_state(state), event, EXACT, SCHEDULE, NOW, ROLL)
