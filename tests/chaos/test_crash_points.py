"""Kill -9 at every crash point of a deal's way, from webhook to act, then at sampled pairs of them: all end as planned.

``SVERKA_CRASH_PAIRS`` says how many pairs (10), ``SVERKA_SEED`` which ones (7).
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from contracts.topics import SERVICES
from deploy.local.child import leashed
from deploy.local.launch import running, stop_running
from sverka.api import Api, connect
from sverka.demo.day import START
from sverka.demo.settling import settle
from sverka.demo.world import World
from sverka.http import Json
from sverka.installation.processes import CODE
from sverka.reach import Reach
from sverka.status import StatusQuestion, question
from tests.architecture.crash_points import derived
from tests.chaos.crash_points.people import People
from tests.chaos.crash_points.plans import Plans

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(3_600)]

SEED: Final = int(os.environ.get("SVERKA_SEED", "7"))
PAIRS: Final = int(os.environ.get("SVERKA_CRASH_PAIRS", "10"))
TENANTS: Final = 100
DEALS_OPEN_MAX: Final = 10
DEALS_MIN: Final = 10
CLOCK_RATE: Final = 30.0
START_SECONDS_MAX: Final = 240.0
KILLS_SECONDS_MAX: Final = 600.0
PAIR_SECONDS_MAX: Final = 60.0
END_SECONDS_MAX: Final = 240.0
LOOK_SECONDS: Final = 0.2
ENVIRONMENT: Final[Mapping[str, str]] = {
    "SVERKA_ENV": "test",
    "SVERKA_LANGUAGE": "en",
    "SVERKA_CALL_SECONDS_MAX": "2",
    "SVERKA_LEASE_SECONDS": "5",
    "SVERKA_KAFKA_SESSION_SECONDS": "2",
}
POLLED: Final = ("claims.claim", "sweep", "modified", "stage_history", "poll-payments", "elba.payments", "PermitDesk")
"""Passed all the time, so that the first time says nothing: a deal is in the middle of them only by and by."""
RECOVERY: Final[Mapping[str, tuple[str, ...]]] = {
    "elba.find_invoice": ("answer.before[elba.create_invoice]", "commit.before[settle/create-invoice]"),
    "bitrix24.find_comments": ("answer.before[bitrix24.write]", "commit.before[settle/crm-write]"),
    "adopt-document": ("answer.before[elba.create_act]", "commit.before[settle/create-act]"),
    "DecisionsApi": ("answer.before[elba.create_act]", "commit.before[settle/create-act]"),
    "invoicing.operations": ("answer.before[elba.create_act]", "commit.before[settle/create-act]"),
}
"""Passed only after a first death, at one of these points."""

Pair = tuple[str, str]


@dataclass(slots=True)
class Stage:
    """One installation with its sandbox, its people, and the plans of its deaths."""

    world: World
    api: Api
    people: People
    plans: Plans
    question: StatusQuestion

    def missing(self, points: Mapping[str, frozenset[str]]) -> list[str]:
        """The points at which no service has died that should; a call to a vendor is one of any service."""
        killed = {service: set(at) for service, at in self.plans.killed().items()}
        found = [f"{service}: {point}" for service in SERVICES for point in points[service] - killed[service]]
        return sorted([*found, *points[""].difference(*killed.values())])

    def work_until(self, done: Callable[[], bool], seconds_max: float) -> None:
        """Has people work until something is done, or the time is over."""
        deadline = time.monotonic() + seconds_max
        while not done() and time.monotonic() < deadline:
            self.people.work(DEALS_OPEN_MAX)
            time.sleep(LOOK_SECONDS)

    def next_pairs(self, waiting: Mapping[str, list[Pair]]) -> bool:
        """Gives each service that is through its next pair: the second point is for the process that puts right what
        the first left behind. True when all are through."""
        for service, pairs in waiting.items():
            if pairs and not self.plans.open(service):
                self.plans.write(service, [[point] for point in pairs.pop()])
        return not any(waiting.values()) and not any(self.plans.open(service) for service in SERVICES)

    def to_the_end(self) -> list[str]:
        """Has people end what they began; what did not come to its planned end, in sentences."""
        deadline = time.monotonic() + END_SECONDS_MAX
        while self.people.open() and time.monotonic() < deadline:
            for service in SERVICES:
                if self.plans.open(service):  # again, if the service struck one off at that very moment
                    self.plans.write(service, [])
            self.people.work(0)
            time.sleep(LOOK_SECONDS)
        rested = settle(self.question, self.world, seconds_max=max(1.0, deadline - time.monotonic()))
        verdict = self.people.verdict()
        found = [f"deal {one.deal_id} of {one.tenant}: {miss}" for one in verdict.deals for miss in one.misses]
        found += verdict.accounts
        found += [f"a dead letter of {one['service']}" for one in self.api.dead()]
        found += [f"an open question about {one['deal_id']} of {one['tenant']}" for one in self.api.decisions()]
        return found if rested else [*found, "work is still open"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    data = tmp_path_factory.mktemp("installation")
    plans = Plans(tmp_path_factory.mktemp("crash") / "plans", SERVICES)
    env = {name: value for name, value in os.environ.items() if not name.startswith("SVERKA_")}
    env |= {**ENVIRONMENT, "SVERKA_CRASH_PLANS": str(plans.folder)}
    command = [sys.executable, "-m", "tests.chaos.crash_points.launcher", "up", "--sandbox", "--data", str(data)]
    with (data / "up.log").open("wb") as log:
        launcher = subprocess.Popen(leashed(command), stdout=log, stderr=log, cwd=CODE, env=env)
    try:
        control_url, url = _ready(data, launcher)
        reach = Reach(data)
        with Json(control_url, what="the sandbox") as control, question(reach) as status, connect(reach) as api:
            world = World(control, url)
            world.start_clock(START, CLOCK_RATE)
            chance = random.Random(SEED)  # noqa: S311 - a seed repeats it
            people = People(world, api, world.seed(TENANTS, SEED), START, data / "files", chance)
            yield Stage(world, api, people, plans, status)
    finally:
        stop_running(data)
        launcher.wait(START_SECONDS_MAX)


def _ready(data: Path, launcher: "subprocess.Popen[bytes]") -> tuple[str, str]:
    deadline = time.monotonic() + START_SECONDS_MAX
    while (run := running(data)) is None:
        assert launcher.poll() is None, (data / "up.log").read_text()
        assert time.monotonic() < deadline, (data / "up.log").read_text()
        time.sleep(LOOK_SECONDS)
    assert run.sandbox is not None, "it was started with one"
    return run.sandbox.control_url, run.sandbox.url


def test_a_kill_at_every_point_changes_nothing(stage: Stage) -> None:
    points = derived()
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats it
    for service in SERVICES:
        armed = sorted(points[service] | points[""])
        stage.plans.write(service, [[_timed(point, chance) for point in armed]])
    began = time.monotonic()
    stage.work_until(lambda: not stage.missing(points), KILLS_SECONDS_MAX)
    killed = stage.plans.killed()
    print(f"{_count(killed)} kills in {time.monotonic() - began:.0f} s, {len(stage.people.deals)} deals")
    assert stage.to_the_end() == []
    assert stage.missing(points) == []
    assert len(stage.people.deals) >= DEALS_MIN


def test_a_second_kill_in_the_middle_of_recovery_changes_nothing(stage: Stage) -> None:
    pairs = _sampled({service: sorted(set(at)) for service, at in stage.plans.killed().items()}, PAIRS)
    before, deals = stage.plans.killed(), len(stage.people.deals)
    began = time.monotonic()
    waiting = {service: list(chosen) for service, chosen in pairs.items()}
    stage.work_until(lambda: stage.next_pairs(waiting), PAIR_SECONDS_MAX * max(map(len, pairs.values())))
    killed = stage.plans.killed()
    kills, begun = _count(killed) - _count(before), len(stage.people.deals) - deals
    print(f"{kills} kills in {time.monotonic() - began:.0f} s, {begun} deals")
    unmet = {service: stage.plans.open(service) for service in SERVICES}
    assert stage.to_the_end() == []
    assert not any(unmet.values()), unmet
    for service, chosen in pairs.items():
        here = Counter(killed[service]) - Counter(before[service])
        assert here == Counter(point.partition(":")[0] for pair in chosen for point in pair)


def _sampled(points: Mapping[str, Sequence[str]], count: int) -> Mapping[str, Sequence[Pair]]:
    """Pairs for each service in turn; a point of recovery comes second, after what it recovers from."""
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats it
    found: dict[str, list[Pair]] = {service: [] for service in SERVICES}
    for number in range(count):
        here = points[SERVICES[number % len(SERVICES)]]
        second = chance.choice(here)
        causes = next((causes for what, causes in RECOVERY.items() if what in second), None)
        first = chance.choice(causes or [point for point in here if not any(what in point for what in RECOVERY)])
        found[SERVICES[number % len(SERVICES)]].append((_timed(first, chance), _timed(second, chance)))
    return found


def _timed(point: str, chance: random.Random) -> str:
    """Polls die at one of their first few times."""
    return f"{point}:{chance.randint(2, 6)}" if any(what in point for what in POLLED) else point


def _count(killed: Mapping[str, Sequence[str]]) -> int:
    return sum(map(len, killed.values()))
