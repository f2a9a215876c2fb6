"""``python -m tests.chaos.mutants.attempt RIG SEED …``: plays seeds against the tree that it stands in, one after
another until an invariant is broken, and says what came of each as a line of JSON.

A rig may have words of its own after its name, by blanks.
"""

import asyncio
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

APPENDS: Final = 1_500
KILLS: Final = 3
WEBHOOKS: Final = 1_500
KILLS_SECONDS_MAX: Final = 90.0
SMALL: Final = ("--deals", "42", "--tenants", "3", "--seconds", "10", "--injections", "6")
CAMPAIGN_SECONDS_MAX: Final = 240.0
INVARIANT: Final = re.compile(r"I\d+")


def simulation(seed: int, *_: str) -> list[str]:
    """Twenty deals over memory. What a domain raises is no invariant."""
    from tests.simulation.checks import CHECKS
    from tests.simulation.runs import AGREE, simulate

    names = {AGREE, *(check.__name__ for check in CHECKS)}
    said = (one.removeprefix("in order: ").partition(":")[0] for one in simulate(seed).violations)
    return [name for name in said if name in names]


def event_store(seed: int, *_: str) -> list[str]:
    """Sixteen writers, kills of their server, and the relay."""
    from tests.chaos.event_store.run import Size, run
    from tests.kit.mortal import own_postgres

    with tempfile.TemporaryDirectory(prefix="sverka-event-store-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, Size(APPENDS, KILLS), seed))
    return [one.partition(":")[0] for one in outcome.anomalies]


def webhooks(seed: int, *_: str) -> list[str]:
    """Two portals that post while ingest and its server are killed and commits are cut off."""
    from tests.chaos.webhooks.run import run
    from tests.kit.mortal import own_postgres

    with tempfile.TemporaryDirectory(prefix="sverka-webhooks-") as folder, own_postgres(Path(folder)) as server:

        async def whole() -> list[str]:
            await server.ready()
            outcome = await run(server, Path(folder), webhooks=WEBHOOKS, kills_min=KILLS, seed=seed)
            found = {
                "acknowledged_webhooks_are_stored": outcome.lost,
                "acknowledged_webhooks_are_listed": outcome.unlisted,
                "each_webhook_has_its_own_id": outcome.doubled,
            }
            return [name for name, wrong in found.items() if wrong]

        return asyncio.run(whole())


def crash_points(seed: int, *points: str) -> list[str]:
    """Kills at ``service/point``, each several times, and people who work on."""
    from tests.chaos.crash_points.stage import opened

    with tempfile.TemporaryDirectory(prefix="sverka-crash-points-") as folder, opened(Path(folder), seed) as stage:
        services = sorted({point.partition("/")[0] for point in points})
        for service in services:
            here = (point.partition("/")[2] for point in points if point.startswith(f"{service}/"))
            stage.plans.write(service, [[">".join([point] * KILLS) for point in here]])
        stage.work_until(lambda: not any(map(stage.plans.open, services)), KILLS_SECONDS_MAX)
        return [one.partition(":")[0] for one in stage.to_the_end()]


def work(seed: int, *_: str) -> list[str]:
    """Work runners that are killed and stand still beyond their leases, and a vendor that notes every call."""
    from tests.chaos.work.run import Size, run
    from tests.kit.mortal import own_postgres

    with tempfile.TemporaryDirectory(prefix="sverka-work-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, Path(folder), Size(), seed))
    return [one.partition(":")[0] for one in outcome.anomalies]


def messages(seed: int, *_: str) -> list[str]:
    """A consumer on a real broker whose database fails at drawn moments."""
    from tests.chaos.messages.run import run
    from tests.kit.mortal import own_kafka, own_postgres

    with (
        tempfile.TemporaryDirectory(prefix="sverka-messages-") as folder,
        own_postgres(Path(folder)) as server,
        own_kafka(Path(folder)) as broker,
    ):
        outcome = asyncio.run(run(server, broker, seed))
    return [one.partition(":")[0] for one in outcome.anomalies]


def tokens(seed: int, *_: str) -> list[str]:
    """Processes that find the token of one account refused at about the same time, and stand still now and then."""
    from tests.chaos.tokens.run import run
    from tests.kit.mortal import own_postgres

    with tempfile.TemporaryDirectory(prefix="sverka-tokens-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, Path(folder), seed))
    return [one.partition(":")[0] for one in outcome.anomalies]


def tenants(seed: int, *_: str) -> list[str]:
    """Every table of a service with rows of three tenants, and some who look and write as one or two of them."""
    from tests.chaos.tenants.run import TURNS, run
    from tests.kit.mortal import own_postgres

    with tempfile.TemporaryDirectory(prefix="sverka-tenants-") as folder, own_postgres(Path(folder)) as server:
        outcome = asyncio.run(run(server, TURNS, seed))
    return [one.partition(":")[0] for one in outcome.anomalies]


def campaign(seed: int, *options: str) -> list[str]:
    """A small campaign; the words are options of ``python -m tests.chaos.campaign``. What it could not prove (its
    guards against vacuity) is no invariant."""
    with tempfile.TemporaryDirectory(prefix="sverka-campaign-") as folder:
        command = [sys.executable, "-m", "tests.chaos.campaign", "--seed", str(seed), *SMALL, *options]
        done = subprocess.run(
            [*command, "--folder", folder], capture_output=True, text=True, timeout=CAMPAIGN_SECONDS_MAX, check=False
        )
        verdict = Path(folder) / "verdict.json"
        if not verdict.exists():
            raise RuntimeError(f"the campaign did not come to an end: {done.stderr[-2_000:]}")
        violations = json.loads(verdict.read_text())["violations"]
    return [name for name in violations if INVARIANT.fullmatch(name)]


RIGS: Final[Mapping[str, Callable[..., list[str]]]] = {
    "simulation": simulation,
    "event_store": event_store,
    "webhooks": webhooks,
    "crash_points": crash_points,
    "work": work,
    "messages": messages,
    "tokens": tokens,
    "tenants": tenants,
    "campaign": campaign,
}


def main(arguments: list[str]) -> int:
    """Exit code 0 whatever is broken: that is for the caller to judge."""
    asked, *seeds = arguments
    rig, *words = asked.split()
    logging.disable(logging.CRITICAL)
    for seed in map(int, seeds):
        began = time.monotonic()
        broken = sorted(set(RIGS[rig](seed, *words)))
        print(json.dumps({"seed": seed, "broken": broken, "seconds": round(time.monotonic() - began, 1)}), flush=True)
        if broken:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
