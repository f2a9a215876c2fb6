"""The effect machine under any order of answers, crashes, probes and time, against a model of a vendor that forgets
nothing."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import (
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
    IllegalInput,
    Input,
    LeaseEnded,
    ProbeAgain,
    ProbeBegins,
    Probed,
    Schedule,
    SendBegins,
    State,
    step,
)
from tests.chassis.work.toy import START

P = Problem("because")
SCHEDULE = Schedule()
LATE_SECONDS_MAX = 170  # a vendor may commit this long after it hung up
MICROSECOND = 1e-6  # the clock's own step, by which differences of floats fall short
IN_DOUBT = (State.UNCERTAIN, State.PROBING)
CLOSED = (State.CONFIRMED, State.REJECTED, State.HUMAN)


class EffectLife(RuleBasedStateMachine):
    """One effect whose vendor answers, hangs up before or after the commit, or commits late; whose sender may die."""

    probe = Probe.EXACT

    @initialize(roll=st.floats(-1, 1))
    def plan(self, roll: float) -> None:
        self.policy = EffectPolicy(self.probe)
        self.effect = Effect(due_at=START)
        self.settled: Settled | None = None
        self.now = START
        self.roll = roll
        self.documents = 0
        self.late: list[float] = []
        self.evidence = False
        self.negatives: list[float] = []
        self.doubt_began: float | None = None
        self.lost_at: float | None = None

    def _seconds(self) -> float:
        return (self.now - START).total_seconds()

    def _feed(self, event: Input) -> None:
        before = self.effect.state
        done = step(self.effect, event, self.policy, SCHEDULE, self.now, self.roll)
        self.effect, self.settled = done.effect, done.settled
        if self.effect.state is State.UNCERTAIN and before not in IN_DOUBT:
            self.doubt_began, self.negatives = self._seconds(), []
        if self.effect.state not in IN_DOUBT and before in IN_DOUBT:
            assert self.doubt_began is not None
            assert self._seconds() - self.doubt_began <= self.policy.undecided_seconds_max
        assert (self.settled is not None) == (self.effect.state in CLOSED)

    def _due(self) -> bool:
        return self.effect.due_at is not None and self.effect.due_at <= self.now

    @precondition(lambda self: self.effect.state in (State.PLANNED, State.ABSENT) and self._due())
    @rule()
    def send(self) -> None:
        if self.effect.sends > 0:
            a_minute = 60 - MICROSECOND
            counted = [t for i, t in enumerate(self.negatives) if i == 0 or t - self.negatives[0] >= a_minute]
            assert len(counted) >= 2, "a second send needs two look-ups that found nothing, a minute apart"
            assert self.lost_at is not None
            assert self.negatives[-1] - self.lost_at >= 180 - MICROSECOND, "the last of them after the quiet time"
        self._feed(SendBegins())
        assert self.effect.sends <= 2

    @precondition(lambda self: self.effect.state is State.INTENT)
    @rule()
    def first_byte(self) -> None:
        self._feed(FirstByte())

    @precondition(lambda self: self.effect.state is State.SENT)
    @rule(answer=st.sampled_from(["ok", "rejected", "deferred", "refused"]), until=st.none() | st.integers(-5, 600))
    def definite_answer(self, answer: str, until: int | None) -> None:
        outcome: Outcome[dict[str, str]]
        if answer == "ok":
            self.documents += 1
            self.evidence = True
            outcome = Ok({"remote_id": "1"})
        elif answer == "rejected":
            outcome = Rejected(P)
        elif answer == "deferred":
            outcome = Deferred(P, None if until is None else self.now + timedelta(seconds=until))
        else:
            outcome = Retryable(P)
        self._feed(Answered(outcome))

    @precondition(lambda self: self.effect.state is State.INTENT)
    @rule(outage=st.booleans())
    def not_sent(self, outage: bool) -> None:
        self._feed(Answered(Retryable(P, outage=outage)))

    @precondition(lambda self: self.effect.state is State.SENT)
    @rule(
        fate=st.sampled_from(["nothing", "committed", "late"]),
        late_seconds=st.integers(1, LATE_SECONDS_MAX),
        crashed=st.booleans(),
    )
    def lost(self, fate: str, late_seconds: int, crashed: bool) -> None:
        self.lost_at = self._seconds()
        if fate == "committed":
            self.documents += 1
        if fate == "late":
            self.late.append(self.lost_at + late_seconds)
        self._feed(LeaseEnded() if crashed else Answered(Uncertain(P)))

    @precondition(lambda self: self.effect.state in (State.PLANNED, State.INTENT, State.PROBING))
    @rule()
    def crash(self) -> None:
        if self.effect.state is State.INTENT:
            self.lost_at = self._seconds()
        self._feed(LeaseEnded())

    @precondition(lambda self: self.effect.state is State.UNCERTAIN and self._due())
    @rule()
    def probe_begins(self) -> None:
        self._feed(ProbeBegins())

    @precondition(lambda self: self.effect.state is State.PROBING)
    @rule(sees=st.booleans())
    def probed(self, sees: bool) -> None:
        if not sees:
            self._feed(Probed(Inconclusive(P)))
        elif self.documents:
            self.evidence = True
            self._feed(Probed(Found({"remote_id": "1"})))
        else:
            self.negatives.append(self._seconds())
            self._feed(Probed(NotFound()))

    @precondition(lambda self: self.effect.state is State.UNCERTAIN and self.now >= self.effect.decide_by)
    @rule()
    def no_probe_in_time(self) -> None:
        self._feed(DeadlinePassed())
        assert self.effect.state is State.HUMAN

    @precondition(lambda self: self.effect.due_at is not None and self.effect.due_at > self.now)
    @rule(share=st.sampled_from([0.1, 0.5, 1.0]))
    def time_passes(self, share: float) -> None:
        assert self.effect.due_at is not None
        self._advance((self.effect.due_at - self.now).total_seconds() * share)

    @precondition(lambda self: self.effect.state in CLOSED)
    @rule(event=st.sampled_from([SendBegins(), FirstByte(), Answered(Ok({})), LeaseEnded(), ProbeBegins()]))
    def nothing_comes_after_the_end(self, event: Input) -> None:
        self._advance(LATE_SECONDS_MAX)
        with pytest.raises(IllegalInput):
            step(self.effect, event, self.policy, SCHEDULE, self.now, self.roll)

    def _advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        landed = [moment for moment in self.late if moment <= self._seconds()]
        self.late = [moment for moment in self.late if moment not in landed]
        self.documents += len(landed)

    @invariant()
    def never_two_documents(self) -> None:
        assert getattr(self, "documents", 0) <= 1

    @invariant()
    def confirmed_by_evidence(self) -> None:
        if getattr(self, "effect", Effect()).state is State.CONFIRMED:
            assert self.evidence
            assert isinstance(self.settled, Confirmed)

    @invariant()
    def somebody_will_look_at_it(self) -> None:
        effect = getattr(self, "effect", None)
        if effect is not None and effect.state in (State.PLANNED, State.ABSENT, State.UNCERTAIN):
            assert effect.due_at is not None


class ListedEffectLife(EffectLife):
    """The same proof with a list and a marker."""

    probe = Probe.LIST


TestEffectLife = EffectLife.TestCase
TestListedEffectLife = ListedEffectLife.TestCase
TestEffectLife.settings = TestListedEffectLife.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None
)


def run(policy: EffectPolicy, *events: Input, seconds: float = 0.0) -> tuple[Effect, Settled | None]:
    """Feeds events without jitter, each ``seconds`` after the one before."""
    effect, settled, now = Effect(due_at=START), None, START
    for event in events:
        done = step(effect, event, policy, SCHEDULE, now, 0.0)
        effect, settled = done.effect, done.settled
        now += timedelta(seconds=seconds)
    return effect, settled


def test_a_call_that_was_not_sent_is_tried_after_5_15_45_seconds_and_then_as_delayed_work() -> None:
    effect, waits, delayed = Effect(due_at=START), [], []
    for _ in range(6):
        effect = step(effect, SendBegins(), EffectPolicy(Probe.EXACT), SCHEDULE, START, 0.0).effect
        effect = step(effect, Answered(Retryable(P)), EffectPolicy(Probe.EXACT), SCHEDULE, START, 0.0).effect
        assert effect.due_at is not None
        waits.append((effect.due_at - START).total_seconds())
        delayed.append(effect.delayed_since is not None)
    assert waits == [5, 15, 45, 60, 60, 60]
    assert delayed == [False, False, False, True, True, True]
    assert effect.sends == 0


@pytest.mark.parametrize("roll", [-1.0, 1.0])
def test_jitter_is_a_fifth(roll: float) -> None:
    waits = [SCHEDULE.delay(n, roll).total_seconds() for n in (1, 2, 3, 4)]
    assert waits == pytest.approx([base * (1 + 0.2 * roll) for base in (5, 15, 45, 60)])


def test_limits_do_not_use_up_attempts() -> None:
    effect, _ = run(EffectPolicy(Probe.EXACT), SendBegins(), FirstByte(), Answered(Deferred(P)))
    assert (effect.state, effect.sends, effect.failures) == (State.PLANNED, 0, 0)


def test_without_any_look_up_a_lost_call_goes_to_a_person_at_once() -> None:
    effect, settled = run(EffectPolicy(Probe.NONE), SendBegins(), FirstByte(), Answered(Uncertain(P)))
    assert effect.state is State.HUMAN
    assert settled == Undecidable(P, START)


def test_a_message_without_look_up_is_repeated_once_and_never_becomes_a_card() -> None:
    policy = EffectPolicy(Probe.NONE, human_when_exhausted=False)
    lost = (SendBegins(), FirstByte(), Answered(Uncertain(P)))
    effect, settled = run(policy, *lost)
    assert (effect.state, settled) == (State.PLANNED, None)
    effect, settled = run(policy, *lost, *lost)
    assert effect.state is State.ABSENT
    assert effect.due_at is None
    assert isinstance(settled, Undecidable)


def test_absolute_writes_are_simply_repeated() -> None:
    lost = (SendBegins(), FirstByte(), Answered(Uncertain(P)))
    effect, settled = run(EffectPolicy(Probe.REPEAT, sends_max=1_000), *lost, *lost, *lost, *lost)
    assert (effect.state, settled) == (State.PLANNED, None)
    assert effect.delayed_since is not None


def test_what_may_be_repeated_once_is_not_sent_a_third_time() -> None:
    """A chat was told three times that a vendor answers again: two answers in a row were lost."""
    lost = (SendBegins(), FirstByte(), Answered(Uncertain(P)))
    policy = EffectPolicy(Probe.REPEAT, sends_max=2, human_when_exhausted=False)
    assert run(policy, *lost)[0].state is State.PLANNED
    effect, settled = run(policy, *lost, *lost)
    assert (effect.state, effect.due_at) == (State.ABSENT, None)
    assert isinstance(settled, Undecidable)


def test_absence_after_the_last_send_goes_to_a_person() -> None:
    lost = (SendBegins(), FirstByte(), Answered(Uncertain(P)))
    absent = (ProbeBegins(), Probed(NotFound())) * 4
    effect, settled = run(EffectPolicy(Probe.EXACT), *lost, *absent[:4], seconds=100)
    assert effect.state is State.ABSENT
    assert settled is None
    effect, settled = run(EffectPolicy(Probe.EXACT), *lost, *absent[:4], *lost, *absent[:4], seconds=100)
    assert effect.state is State.HUMAN
    assert isinstance(settled, Undecidable)


def test_a_refusal_ends_it() -> None:
    effect, settled = run(EffectPolicy(Probe.EXACT), SendBegins(), FirstByte(), Answered(Rejected(P)))
    assert effect.state is State.REJECTED
    assert settled == RejectedFinally(P)


def test_an_operator_may_have_a_card_looked_up_again_but_never_sent() -> None:
    events = (SendBegins(), FirstByte(), LeaseEnded(), DeadlinePassed())
    effect, _ = run(EffectPolicy(Probe.EXACT), *events, ProbeAgain())
    assert effect.state is State.UNCERTAIN
    with pytest.raises(IllegalInput):
        run(EffectPolicy(Probe.NONE), SendBegins(), LeaseEnded(), ProbeAgain())


@pytest.mark.parametrize("event", [FirstByte(), Answered(Ok({})), ProbeBegins(), Probed(NotFound()), DeadlinePassed()])
def test_inputs_that_cannot_come_are_refused(event: Input) -> None:
    with pytest.raises(IllegalInput):
        run(EffectPolicy(Probe.EXACT), event)
