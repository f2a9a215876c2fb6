"""Kill -9 at every crash point of a deal's way, from the webhook to the act, then at pairs of them: all end as planned."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from contracts.topics import SERVICES
from deploy.local.child import leashed
from deploy.local.folder import Run
from deploy.local.launch import running, stop_running
from sverka.api import connect
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

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(3_000)]

SEED: Final = int(os.environ.get("SVERKA_SEED", "7"))
PAIRS: Final = int(os.environ.get("SVERKA_CRASH_PAIRS", "10"))
TENANTS: Final = 60
DEALS_OPEN_MAX: Final = 10
CLOCK_RATE: Final = 30.0
START_SECONDS_MAX: Final = 120.0
KILLS_SECONDS_MAX: Final = 400.0
END_SECONDS_MAX: Final = 240.0
LOOK_SECONDS: Final = 0.2
POLLED: Final = ("claims.claim", "sweep", "modified", "stage_history", "poll-payments", "elba.payments", "PermitDesk")


@dataclass(frozen=True, slots=True)
class Stage:
    """One installation with its sandbox, its people, and the plans of its deaths."""

    run: Run
    world: World
    people: People
    plans: Plans
    question: StatusQuestion

    def until_killed(self, seconds_max: float) -> None:
        """Has people work until no plan is left, or the time is over."""
        deadline = time.monotonic() + seconds_max
        while any(self.plans.open(service) for service in SERVICES) and time.monotonic() < deadline:
            self.people.work(DEALS_OPEN_MAX)
            time.sleep(LOOK_SECONDS)

    def to_the_end(self) -> list[str]:
        """Has people end what they began; what did not come to its planned end, in sentences."""
        deadline = time.monotonic() + END_SECONDS_MAX
        while self.people.open() and time.monotonic() < deadline:
            self.people.work(0)
            time.sleep(LOOK_SECONDS)
        settle(self.question, self.world, seconds_max=max(1.0, deadline - time.monotonic()))
        verdict = self.people.verdict()
        found = [f"{one.tenant}/{one.deal_id}: {miss}" for one in verdict.deals for miss in one.misses]
        return [*found, *verdict.accounts]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    data = tmp_path_factory.mktemp("installation")
    plans = Plans(tmp_path_factory.mktemp("crash") / "plans", SERVICES)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SVERKA_")},
        "SVERKA_ENV": "test", "SVERKA_CRASH_PLANS": str(plans.folder), "SVERKA_LANGUAGE": "en",
        "SVERKA_LEASE_SECONDS": "5", "SVERKA_CALL_SECONDS_MAX": "2", "SVERKA_KAFKA_SESSION_SECONDS": "2",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.chaos.crash_points.launcher", "up", "--sandbox", "--data", str(data)]
    log = data / "up.log"
    with log.open("wb") as output:
        launcher = subprocess.Popen(leashed(command), stdout=output, stderr=output, cwd=CODE, env=env)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while (run := running(data)) is None:
            assert launcher.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(LOOK_SECONDS)
        assert run.sandbox is not None, "it was started with one"
        reach = Reach(data)
        with Json(run.sandbox.control_url, what="the sandbox") as control, question(reach) as status:
            with connect(reach) as api:
                world = World(control, run.sandbox.url)
                world.start_clock(START, CLOCK_RATE)
                pairs = world.seed(TENANTS, SEED)
                people = People(world, api, pairs, START, data / "files", SEED)
                yield Stage(run, world, people, plans, status)
    finally:
        stop_running(data)
        launcher.wait(START_SECONDS_MAX)


def _timed(point: str, chance: random.Random) -> str:
    """Polls pass their points all the time: one of them is in the middle of something only by and by."""
    polled = any(what in point for what in POLLED)
    return f"{point}:{chance.randint(2, 6)}" if polled else point


def test_a_kill_at_every_point_changes_nothing(stage: Stage) -> None:
    points = derived()
    chance = random.Random(SEED)
    for service in SERVICES:
        stage.plans.write(service, [[_timed(point, chance) for point in sorted(points[service] | points[""])]])
    began = time.monotonic()
    stage.until_killed(KILLS_SECONDS_MAX)
    took = time.monotonic() - began
    killed = stage.plans.killed()
    anywhere = {point for at in killed.values() for point in at}
    missing = [f"{service}: {point}" for service in SERVICES for point in sorted(points[service] - set(killed[service]))]
    missing += [point for point in sorted(points[""]) if point not in anywhere]
    print(f"{sum(map(len, killed.values()))} kills in {took:.0f} s, {len(stage.people.deals)} deals")
    print("\n".join(missing))
    print({s: len(k) for s, k in killed.items()})
    for service in SERVICES:
        stage.plans.write(service, [])
    assert stage.to_the_end() == []
    assert missing == []
