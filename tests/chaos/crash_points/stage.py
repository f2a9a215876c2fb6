"""An installation whose services die by plan, and its people: started, worked with, and judged by what the portals and
the accounts show in the end."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
from tests.chaos.crash_points.people import People
from tests.chaos.crash_points.plans import Plans

TENANTS: Final = 100
DEALS_OPEN_MAX: Final = 10
CLOCK_RATE: Final = 30.0
START_SECONDS_MAX: Final = 240.0
END_SECONDS_MAX: Final = 240.0
LOOK_SECONDS: Final = 0.2
ENVIRONMENT: Final[Mapping[str, str]] = {
    "SVERKA_ENV": "test",
    "SVERKA_LANGUAGE": "en",
    "SVERKA_CALL_SECONDS_MAX": "2",
    "SVERKA_LEASE_SECONDS": "5",
    "SVERKA_KAFKA_SESSION_SECONDS": "2",
}


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

    def to_the_end(self) -> list[str]:
        """Has people end what they began; what did not come to its planned end, with the promise that is broken."""
        deadline = time.monotonic() + END_SECONDS_MAX
        while self.people.open() and time.monotonic() < deadline:
            for service in SERVICES:
                if self.plans.open(service):  # again, if the service struck one off at that very moment
                    self.plans.write(service, [])
            self.people.work(0)
            time.sleep(LOOK_SECONDS)
        rested = settle(self.question, self.world, seconds_max=max(1.0, deadline - time.monotonic()))
        verdict = self.people.verdict()
        found = [
            f"deals_end_as_planned: {one.deal_id} of {one.tenant}: {miss}"
            for one in verdict.deals
            for miss in one.misses
        ]
        found += [f"accounts_hold_nothing_else: {one}" for one in verdict.accounts]
        found += [f"no_message_is_dead: one of {one['service']}" for one in self.api.dead()]
        found += [f"no_question_is_open: about {one['deal_id']} of {one['tenant']}" for one in self.api.decisions()]
        return found if rested else [*found, "all_work_came_to_its_end: some is still open"]


@contextmanager
def opened(folder: Path, seed: int) -> Iterator[Stage]:
    """An installation in a folder of its own."""
    data = folder / "installation"
    data.mkdir()
    plans = Plans(folder / "plans", SERVICES)
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
            chance = random.Random(seed)  # noqa: S311 - a seed repeats it
            people = People(world, api, world.seed(TENANTS, seed), START, data / "files", chance)
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
