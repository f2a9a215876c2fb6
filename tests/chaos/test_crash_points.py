"""Kill -9 at every crash point of a deal's way, from webhook to act, then at sampled pairs of them: all end as planned.

``SVERKA_CRASH_PAIRS`` says how many pairs (none), ``SVERKA_SEED`` which ones (others every day), and
``SVERKA_CRASH_EVIDENCE`` that a run of PAIRS_WHOLE pairs is kept. All points of a
service are armed at once, and it dies at whichever it comes to first; so are all pairs, each of which is a point, and
one for the process that puts right what the first left behind.
"""

import datetime as dt
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from contracts.topics import SERVICES
from tests.architecture.crash_points import derived
from tests.chaos.campaign.evidence import CRASH_POINTS, keep_run
from tests.chaos.crash_points.stage import Stage, opened

pytestmark = [pytest.mark.parts, pytest.mark.timeout(3_600)]

SEED: Final = int(os.environ.get("SVERKA_SEED") or dt.datetime.now(dt.UTC).date().toordinal())
PAIRS: Final = int(os.environ.get("SVERKA_CRASH_PAIRS", "0"))
EVIDENCE: Final = bool(os.environ.get("SVERKA_CRASH_EVIDENCE"))
PAIRS_WHOLE: Final = 200
DEALS_MIN: Final = 10
KILLS_SECONDS_MAX: Final = 600.0
PAIR_SECONDS_MAX: Final = 5.0
POLLED: Final = ("claims.claim", "sweep", "modified", "stage_history", "poll-payments", "elba.payments", "PermitDesk")
"""Passed all the time, so that the first time says nothing: a deal is in the middle of them only by and by."""
RECOVERY: Final[Mapping[str, tuple[str, ...]]] = {
    "elba.find_invoice": ("answer.before[elba.create_invoice]", "commit.before[settle/create-invoice]"),
    "elba.invoice_changes": ("answer.before[elba.create_invoice]", "commit.before[settle/create-invoice]"),
    "watch-duplicates": ("answer.before[elba.create_invoice]", "commit.before[settle/create-invoice]"),
    "bitrix24.find_comments": ("answer.before[bitrix24.write]", "commit.before[settle/crm-write]"),
    "adopt-document": ("answer.before[elba.create_act]", "commit.before[settle/create-act]"),
    "DecisionsApi": ("answer.before[elba.create_act]", "commit.before[settle/create-act]"),
    "invoicing.operations": ("answer.before[elba.create_act]", "commit.before[settle/create-act]"),
}
"""Passed only after a first death, at one of these points."""
FIRST_AGAIN: Final = 2
"""So often more do services die there: a death at another topic's offsets takes a recovery's own past them."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with opened(tmp_path_factory.mktemp("crash"), SEED) as stage:
        yield stage


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What the first test came to, for the evidence that the second one keeps."""
    return {}


def test_a_kill_at_every_point_changes_nothing(stage: Stage, said: dict[str, Any]) -> None:
    points = derived()
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats it
    for service in SERVICES:
        armed = points[service] | points[""]
        first = {cause for causes in RECOVERY.values() for cause in causes} & armed
        dies_at = [*sorted(armed), *sorted(first) * FIRST_AGAIN]
        stage.plans.write(service, [[_timed(point, chance) for point in dies_at]])
    began = time.monotonic()
    stage.work_until(lambda: not stage.missing(points), KILLS_SECONDS_MAX)
    killed = stage.plans.killed()
    seconds = time.monotonic() - began
    print(f"seed {SEED}: {_count(killed)} kills in {seconds:.0f} s, {len(stage.people.deals)} deals")
    assert stage.to_the_end() == []
    assert stage.missing(points) == []
    assert len(stage.people.deals) >= DEALS_MIN
    said.update(seed=SEED, points=sum(map(len, points.values())), kills=_count(killed), seconds=round(seconds))


@pytest.mark.skipif(not PAIRS, reason="pairs take minutes; `make crash-points` and every night kill at them")
def test_a_second_kill_in_the_middle_of_recovery_changes_nothing(stage: Stage, said: dict[str, Any]) -> None:
    plans = _sampled({service: sorted(set(at)) for service, at in stage.plans.killed().items()}, PAIRS)
    before, deals = stage.plans.killed(), len(stage.people.deals)
    began = time.monotonic()
    for service in SERVICES:
        stage.plans.write(service, [plans[service]])
    stage.work_until(lambda: not any(map(stage.plans.open, SERVICES)), KILLS_SECONDS_MAX + PAIR_SECONDS_MAX * PAIRS)
    killed = stage.plans.killed()
    kills, begun = _count(killed) - _count(before), len(stage.people.deals) - deals
    print(f"{PAIRS} pairs of seed {SEED}: {kills} kills in {time.monotonic() - began:.0f} s, {begun} deals")
    unmet = {service: stage.plans.open(service) for service in SERVICES}
    assert stage.to_the_end() == []
    assert not any(unmet.values()), unmet
    for service in SERVICES:
        here = Counter(killed[service]) - Counter(before[service])
        assert here == Counter(point.partition(":")[0] for one in plans[service] for point in one.split(">"))
    if EVIDENCE and said and PAIRS >= PAIRS_WHOLE:
        keep_run(CRASH_POINTS, {**said, "pairs": PAIRS, "pair_kills": kills, "deals": len(stage.people.deals)})


def _sampled(points: Mapping[str, Sequence[str]], count: int) -> Mapping[str, list[str]]:
    """A plan for each service, in which so many pairs are armed; a point of recovery comes second, after what it
    recovers from. What another service recovers from is armed there."""
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats it
    plans: dict[str, list[str]] = {service: [] for service in SERVICES}
    for number in range(count):
        service = SERVICES[number % len(SERVICES)]
        second = chance.choice(points[service])
        causes = next((causes for what, causes in RECOVERY.items() if what in second), None)
        first = chance.choice(causes or [one for one in points[service] if not any(what in one for what in RECOVERY)])
        if first in points[service]:
            plans[service].append(f"{_timed(first, chance)}>{_timed(second, chance)}")
        else:
            plans[service].append(_timed(second, chance))
            plans[next(one for one in SERVICES if first in points[one])].append(_timed(first, chance))
    return plans


def _timed(point: str, chance: random.Random) -> str:
    """Polls die at one of their first few times."""
    return f"{point}:{chance.randint(2, 6)}" if any(what in point for what in POLLED) else point


def _count(killed: Mapping[str, Sequence[str]]) -> int:
    return sum(map(len, killed.values()))
