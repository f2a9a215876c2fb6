"""The effect machine as a pure function: (state, input, now) → (state, what the stream is told).

PLANNED → INTENT → SENT → CONFIRMED | REJECTED | UNCERTAIN → PROBING → CONFIRMED | ABSENT | HUMAN.

Everything here is a decision; the runner only carries it out. An effect leaves at most ``sends_max`` times, and a
second time only after its absence is proven (or where the policy says that a repeat does no harm).
"""

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import (
    TOKEN_REFUSED,
    Confirmed,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    Probe,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)


class State(enum.StrEnum):
    """Where an effect stands. ABSENT with a due time is about to be sent again; without one it was given up."""

    PLANNED = "PLANNED"
    INTENT = "INTENT"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    UNCERTAIN = "UNCERTAIN"
    PROBING = "PROBING"
    ABSENT = "ABSENT"
    HUMAN = "HUMAN"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to try again, in business seconds: ``seconds`` one after another, then every ``delayed_seconds`` as
    delayed work.

    It serves reads, calls that were not sent, and the first probes; never a blind repeat. ``jitter`` is a share: 0.2
    is ±20 %.
    """

    seconds: tuple[float, ...] = (5.0, 15.0, 45.0)
    jitter: float = 0.2
    delayed_seconds: float = 60.0
    deferred_seconds: float = 2.0

    def delay(self, failures: int, roll: float) -> timedelta:
        """The wait after the n-th failure in a row (from 1); ``roll`` is random from -1 to 1."""
        base = self.seconds[failures - 1] if failures <= len(self.seconds) else self.delayed_seconds
        return timedelta(seconds=base * (1 + self.jitter * roll))

    def delayed(self, failures: int) -> bool:
        """Whether the quick attempts are used up."""
        return failures > len(self.seconds)


@dataclass(frozen=True, slots=True)
class Effect:
    """What the machine knows of one effect; times are business time.

    ``sends`` counts the calls that may have left, ``failures`` those in a row that surely did not; ``absences`` the
    negative probes that count as proof, ``probes`` all of the present doubt.
    """

    state: State = State.PLANNED
    due_at: datetime | None = None
    sends: int = 0
    failures: int = 0
    probes: int = 0
    absences: int = 0
    last_absence_at: datetime | None = None
    uncertain_at: datetime | None = None
    decide_by: datetime | None = None
    sent_at: datetime | None = None
    delayed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendBegins:
    """An INTENT is about to be committed; no byte has left."""


@dataclass(frozen=True, slots=True)
class FirstByte:
    """The guard let the first byte pass."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The call came to an outcome."""

    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True)
class LeaseEnded:
    """The lease of whoever worked on the effect ended without a word: a crash, or a zombie."""


@dataclass(frozen=True, slots=True)
class ProbeBegins:
    """A look-up is about to be made."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A look-up came to a result; it began at ``began_at``, None for this moment."""

    result: ProbeResult
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The time for an answer is over and no look-up can be made now."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A restored database may have forgotten that the effect was sent: it is looked up before it is sent."""


@dataclass(frozen=True, slots=True)
class ProbeAgain:
    """An operator wants an undecided effect looked up once more."""


Input = SendBegins | FirstByte | Answered | LeaseEnded | ProbeBegins | Probed | DeadlinePassed | Forgotten | ProbeAgain


class IllegalInput(Exception):  # noqa: N818 - named after what came
    """An input that cannot come in this state: the runner has a defect, and nothing is done."""


@dataclass(frozen=True, slots=True)
class Step:
    """The effect after an input; ``settled`` is set when nothing is left to do and the stream is to be told."""

    effect: Effect
    settled: Settled | None = None


_MAY_SEND = (State.PLANNED, State.ABSENT)
_UNDER_WAY = (State.INTENT, State.SENT)
_IN_DOUBT = (State.UNCERTAIN, State.PROBING)
_NO_WORD = Problem("no_word_from_the_sender")
_FORGOTTEN = Problem("perhaps_sent_before_a_restore")


def step(effect: Effect, event: Input, policy: EffectPolicy, schedule: Schedule, now: datetime, roll: float) -> Step:
    """One transition; ``roll`` is random from -1 to 1 and jitters what is due. Raises IllegalInput."""
    match event:
        case SendBegins():
            _need(effect, event, *_MAY_SEND)
            return Step(replace(effect, state=State.INTENT, sends=effect.sends + 1, sent_at=now, due_at=None))
        case FirstByte():
            _need(effect, event, *_UNDER_WAY)
            return Step(replace(effect, state=State.SENT))
        case Answered():
            _need(effect, event, *_UNDER_WAY)
            return _answered(effect, event.outcome, policy, schedule, now, roll)
        case LeaseEnded():
            _need(effect, event, *_MAY_SEND, *_UNDER_WAY, *_IN_DOUBT)
            return _abandoned(effect, policy, schedule, now, roll)
        case ProbeBegins():
            _need(effect, event, State.UNCERTAIN)
            return Step(replace(effect, state=State.PROBING, probes=effect.probes + 1, due_at=None))
        case Probed():
            _need(effect, event, State.PROBING)
            return _probed(effect, event, policy, schedule, now, roll)
        case DeadlinePassed():
            _need(effect, event, *_IN_DOUBT)
            return _exhausted(effect, policy, Problem("no_look_up_in_time"))
        case Forgotten():
            _need(effect, event, *_MAY_SEND)
            if policy.probe is Probe.FEED:  # looked through from where it stood before the send, which is forgotten too
                return _exhausted(effect, policy, _FORGOTTEN)
            return _in_doubt(effect, _FORGOTTEN, policy, schedule, now, roll)
        case ProbeAgain():
            _need(effect, event, State.HUMAN)
            if policy.probe in (Probe.NONE, Probe.REPEAT):
                raise IllegalInput("this effect has no look-up; its decision card is the way on")
            return _doubt(effect, policy, now, now)
        case _:
            assert_never(event)


def looked_up_first(
    effect: Effect, policy: EffectPolicy, planned_at: datetime, until: datetime | None, running_since: datetime
) -> bool:
    """Whether what was planned before ``until`` is looked up before it is sent: once, and not where a repeat does no
    harm. A look-up from before ``running_since``, when this process began, says nothing of what was forgotten."""
    unsent = effect.state in _MAY_SEND and (effect.uncertain_at is None or effect.uncertain_at < running_since)
    harmful = policy.probe is not Probe.REPEAT and policy.human_when_exhausted
    return until is not None and unsent and harmful and planned_at < until


def measured_anew(
    effect: Effect, policy: EffectPolicy, set_forward_at: datetime | None, known_since: datetime | None
) -> Effect:
    """A doubt whose age the clock may show too great, as if it had begun when the clock could be trusted again: the
    quiet time that a late call of ours needs would seem to be over at once.

    That is when the clock was set forward, or since when this process has known it. By the latter a person is asked no
    later, however often processes begin anew.
    """
    began = effect.uncertain_at
    if began is not None and set_forward_at is not None and began < set_forward_at:
        decide_by = set_forward_at + timedelta(seconds=policy.undecided_seconds_max)
        return replace(effect, uncertain_at=set_forward_at, decide_by=decide_by, absences=0, last_absence_at=None)
    if began is not None and known_since is not None and began < known_since:
        return replace(effect, uncertain_at=known_since, absences=0, last_absence_at=None)
    return effect


def _need(effect: Effect, event: Input, *states: State) -> None:
    if effect.state not in states:
        raise IllegalInput(f"{type(event).__name__} cannot come in {effect.state}")


def _answered(
    effect: Effect, outcome: Outcome[Any], policy: EffectPolicy, schedule: Schedule, now: datetime, roll: float
) -> Step:
    match outcome:
        case Ok():
            return _settled(effect, State.CONFIRMED, Confirmed(outcome.value))
        case Rejected():
            return _settled(effect, State.REJECTED, RejectedFinally(outcome.problem))
        case Deferred():
            due = outcome.until or now + timedelta(seconds=schedule.deferred_seconds)
            return Step(replace(effect, state=State.PLANNED, sends=effect.sends - 1, due_at=max(due, now)))
        case Retryable():
            later = _later(replace(effect, sends=effect.sends - 1), schedule, now, roll)
            fresh = outcome.problem.code == TOKEN_REFUSED and effect.failures == 0
            return Step(replace(later.effect, due_at=now)) if fresh else later
        case Uncertain():
            return _in_doubt(effect, outcome.problem, policy, schedule, now, roll)
        case _:
            assert_never(outcome)


def _abandoned(effect: Effect, policy: EffectPolicy, schedule: Schedule, now: datetime, roll: float) -> Step:
    if effect.state in _UNDER_WAY:
        return _in_doubt(effect, _NO_WORD, policy, schedule, now, roll)
    if effect.state in _IN_DOUBT:
        return Step(replace(effect, state=State.UNCERTAIN, due_at=now))
    return Step(replace(effect, due_at=now))


def _in_doubt(
    effect: Effect, problem: Problem, policy: EffectPolicy, schedule: Schedule, now: datetime, roll: float
) -> Step:
    match policy.probe:
        case Probe.NONE if policy.human_when_exhausted:
            return _exhausted(effect, policy, problem)
        case Probe.NONE | Probe.REPEAT if effect.sends >= policy.sends_max:
            return _exhausted(effect, policy, problem)
        case Probe.NONE | Probe.REPEAT:
            return _later(effect, schedule, now, roll)
        case Probe.EXACT | Probe.LIST | Probe.FEED:
            return _doubt(effect, policy, now, now + schedule.delay(1, roll))
        case _:
            assert_never(policy.probe)


def _doubt(effect: Effect, policy: EffectPolicy, now: datetime, first_probe_at: datetime) -> Step:
    decide_by = now + timedelta(seconds=policy.undecided_seconds_max)
    return Step(
        replace(
            effect,
            state=State.UNCERTAIN,
            due_at=min(first_probe_at, decide_by),
            probes=0,
            absences=0,
            last_absence_at=None,
            uncertain_at=now,
            decide_by=decide_by,
        )
    )


def _later(effect: Effect, schedule: Schedule, now: datetime, roll: float) -> Step:
    failures = effect.failures + 1
    delayed_since = effect.delayed_since or (now if schedule.delayed(failures) else None)
    due = now + schedule.delay(failures, roll)
    return Step(
        replace(effect, state=State.PLANNED, failures=failures, due_at=due, delayed_since=delayed_since),
    )


def _probed(
    effect: Effect, event: Probed, policy: EffectPolicy, schedule: Schedule, now: datetime, roll: float
) -> Step:
    result, looked_at = event.result, event.began_at or now
    began, decide_by = effect.uncertain_at, effect.decide_by
    assert began is not None, "a doubt knows when it began"
    assert decide_by is not None, "a doubt knows when it must end"
    match result:
        case Found():
            return _settled(effect, State.CONFIRMED, Confirmed(result.result))
        case NotFound():
            effect = _counted(effect, policy, looked_at, now)
            quiet_until = began + timedelta(seconds=policy.quiet_seconds)
            proves = effect.last_absence_at == now and looked_at >= quiet_until
            if proves and effect.absences >= policy.negative_probes_min:
                return _absent(effect, policy, now)
            problem = Problem("absence_not_proven_in_time")
            assert effect.last_absence_at is not None, "a negative probe was just counted or one before it"
            counts_again = effect.last_absence_at + timedelta(seconds=policy.probe_gap_seconds)
            if effect.probes < len(schedule.seconds):
                due = now + schedule.delay(effect.probes + 1, roll)
            elif effect.absences + 1 >= policy.negative_probes_min:
                due = max(counts_again, quiet_until)
            else:
                due = counts_again
        case Inconclusive():
            problem = result.problem
            due = now + schedule.delay(effect.probes + 1, roll)
        case _:
            assert_never(result)
    if now >= decide_by:
        return _exhausted(effect, policy, problem)
    return Step(replace(effect, state=State.UNCERTAIN, due_at=min(max(due, now), decide_by)))


def _counted(effect: Effect, policy: EffectPolicy, looked_at: datetime, now: datetime) -> Effect:
    """What a slow look-up found at its beginning may be as old as that; the next counts from where this one ended."""
    last = effect.last_absence_at
    if last is not None and looked_at - last < timedelta(seconds=policy.probe_gap_seconds):
        return effect
    return replace(effect, absences=effect.absences + 1, last_absence_at=now)


def _absent(effect: Effect, policy: EffectPolicy, now: datetime) -> Step:
    if effect.sends < policy.sends_max:
        return Step(replace(effect, state=State.ABSENT, due_at=now, failures=0))
    return _exhausted(effect, policy, Problem("absent_after_last_send", {"sends": effect.sends}))


def _exhausted(effect: Effect, policy: EffectPolicy, problem: Problem) -> Step:
    state = State.HUMAN if policy.human_when_exhausted else State.ABSENT
    return _settled(effect, state, Undecidable(problem, effect.sent_at))


def _settled(effect: Effect, state: State, settled: Settled) -> Step:
    return Step(replace(effect, state=state, due_at=None, delayed_since=None), settled)
