"""One run: chains of calls on a database of its own, runners that are killed or stand still beyond their leases and
wake again, a database that is killed; then all must come to rest, and what was seen is judged."""

import asyncio
import contextlib
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from chassis.engine import Engine
from chassis.ids import tenant_id
from chassis.migrate import Names, Urls, migrate
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from chassis.work.plans import effect_id
from deploy.local.postgres import Postgres
from tests.chaos.campaign.children import Forked, Nursery
from tests.chaos.work.checks import anomalies
from tests.chaos.work.history import Called, Change, History, Stand, Told
from tests.chaos.work.runner import LEASE_SECONDS
from tests.chaos.work.vendor import Vendor
from tests.chassis.work.toy import StepEnded, begin, toy_engine
from tests.kit.database import PASSWORDS
from tests.kit.mortal import Mortal

SERVICE: Final = "toy"
TENANTS: Final = tuple(map(tenant_id, ("one", "two")))
RUNNER: Final = "tests.chaos.work.runner"
STEPS: Final = 3
OPEN_MIN: Final = 40
"""So many effects are open at any time that every runner is always in the middle of several."""
STILL_SECONDS: Final = (0.3, 2.0)
"""How long at most a runner stands still after its leases have ended."""
PAUSE_SECONDS: Final = (0.2, 0.8)
LOOK_SECONDS: Final = 0.1
WATCH_SECONDS: Final = 0.02
REST_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many runners there are and how often they are frozen and killed; ``outages`` are kills of the database."""

    runners: int = 3
    freezes: int = 5
    kills: int = 2
    outages: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``looked_up`` counts look-ups, ``lost`` answers that never left, ``seconds`` are those of
    all of it."""

    anomalies: list[str]
    effects: int
    calls: int
    looked_up: int
    sent_again: int
    lost: int
    strikes: dict[str, int]
    seconds: float


@dataclass(slots=True)
class Runners:
    """The processes by their names; a new one has a new name."""

    nursery: Nursery
    env: dict[str, str]
    folder: Path
    living: dict[str, Forked] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    begun: int = 0

    def begin(self) -> None:
        """One more."""
        self.begun += 1
        name = f"runner-{self.begun}"
        env = {**self.env, "RIG_RUNNER": name}
        self.living[name] = self.nursery.spawn(name, RUNNER, env, self.folder / f"{name}.log")

    def kill(self, name: str) -> None:
        """Ends one with -9; another takes its place."""
        self.living.pop(name).kill()
        self.begin()

    async def freeze(self, name: str, database: Database, seconds_max: float) -> None:
        """One stands still until its leases are over and another looks up what it left, or for so long; then it goes
        on as if no time had passed."""
        process = self.living[name]
        self.frozen.add(name)
        process.send(signal.SIGSTOP)
        held = await _held_by(database, process.pid)
        await asyncio.sleep(LEASE_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                while not await _looked_up(database, held):  # noqa: ASYNC110 - the other side is another process
                    await asyncio.sleep(WATCH_SECONDS)
        process.send(signal.SIGCONT)
        self.frozen.discard(name)

    def all_there(self) -> None:
        """Fails when one has ended by itself."""
        for name, process in self.living.items():
            assert process.exit_code() is None, f"{name} ended: {process.log.read_text()[-2_000:]}"


async def run(server: Mortal[Postgres], folder: Path, size: Size, seed: int) -> Outcome:
    """Works under strikes, waits until nothing is open, and judges."""
    began = time.monotonic()
    history = History()
    vendor = Vendor(history, seed)
    nursery = Nursery([RUNNER])
    try:
        await server.ready()
        urls = await migrate(server.part.url, SERVICE, (), PASSWORDS)
        admin_url = f"{server.part.url.rpartition('/')[0]}/{Names.of(SERVICE).database}"
        await _watch_changes(admin_url)
        await asyncio.to_thread(nursery.wait_ready)
        async with vendor.open(), _opened(urls) as database:
            env = {**os.environ, "RIG_VENDOR": vendor.url, "RIG_APP": urls.app, "RIG_DELIVERY": urls.delivery}
            runners = Runners(nursery, env, folder)
            for _ in range(size.runners):
                runners.begin()
            strikes = await _under_strikes(server, database, runners, size, seed)
            await _rest(database, runners)
            engine = toy_engine()
            await _read(admin_url, database, engine, history)
    finally:
        nursery.end()
    calls = [one for one in history.ledger if isinstance(one, Called)]
    return Outcome(
        anomalies=anomalies(history),
        effects=len(history.rows),
        calls=sum(one.send > 0 for one in calls),
        looked_up=sum(one.send == 0 for one in calls),
        sent_again=sum(one.send > 1 for one in calls),
        lost=vendor.lost,
        strikes=strikes,
        seconds=time.monotonic() - began,
    )


@contextlib.asynccontextmanager
async def _opened(urls: Urls) -> AsyncIterator[Database]:
    database = await Database.open(urls.app, urls.delivery)
    try:
        yield database
    finally:
        await database.close()


async def _under_strikes(
    server: Mortal[Postgres], database: Database, runners: Runners, size: Size, seed: int
) -> dict[str, int]:
    """One strike after another while chains are begun; a frozen runner is left alone."""
    chance = random.Random(f"{seed}/strikes")  # noqa: S311 - a seed makes it repeatable
    strikes = ["freeze"] * size.freezes + ["kill"] * size.kills + ["outage"] * size.outages
    chance.shuffle(strikes)
    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(_feed(database))
        await _all_at_work(database, runners)
        still: set[asyncio.Task[None]] = set()
        for strike in strikes:
            await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
            seconds = chance.uniform(*STILL_SECONDS)
            while len(still) >= size.runners - 1:
                _, still = await asyncio.wait(still, return_when=asyncio.FIRST_COMPLETED)
            name = chance.choice(sorted(runners.living.keys() - runners.frozen))
            if strike == "freeze":
                still.add(group.create_task(runners.freeze(name, database, seconds)))
                await asyncio.sleep(0)
            elif strike == "kill":
                runners.kill(name)
            else:
                server.kill()
                await server.start()
            runners.all_there()
        if still:
            await asyncio.wait(still)
        feeding.cancel()
    return dict(Counter(strikes))


async def _all_at_work(database: Database, runners: Runners) -> None:
    """Until each runner has taken something."""

    async def owners() -> int:
        async with database.delivery_connection() as connection:
            return int(await connection.fetchval("SELECT count(DISTINCT lease_owner) FROM work"))

    async with asyncio.timeout(REST_SECONDS_MAX):
        while await owners() < len(runners.living):
            runners.all_there()
            await asyncio.sleep(LOOK_SECONDS)


async def _held_by(database: Database, pid: int) -> list[uuid.UUID]:
    """What a process has in its hands; nothing where the database does not say."""
    with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
        async with database.delivery_connection() as connection:
            held = "SELECT work_id FROM work WHERE queue = 'taken' AND lease_owner LIKE $1"
            return [row["work_id"] for row in await connection.fetch(held, f"%:{pid}:%")]
    return []


async def _looked_up(database: Database, effects: Sequence[uuid.UUID]) -> bool:
    """Whether one of them is in the hands of who looks it up."""
    with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
        async with database.delivery_connection() as connection:
            found = (
                "SELECT EXISTS (SELECT FROM work WHERE work_id = ANY ($1) AND queue = 'taken' AND state = 'UNCERTAIN')"
            )
            return bool(await connection.fetchval(found, effects))
    return False


async def _feed(database: Database) -> None:
    """Begins chains whenever few effects are open."""
    number = 0
    engine = toy_engine()
    while True:
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
            missing = OPEN_MIN - await _open(database)
            for _ in range(max(0, missing)):
                tenant = TENANTS[number % len(TENANTS)]
                command = begin(tenant, f"{number}", steps=STEPS)
                number += 1  # also where the answer is lost: then nobody knows whether it has begun
                async with database.transaction([tenant]) as connection:
                    await engine.execute(connection, [command], _now())
        await asyncio.sleep(LOOK_SECONDS)


async def _rest(database: Database, runners: Runners) -> None:
    """Until nothing is open, or for so long that what still is counts as never done."""
    until = time.monotonic() + REST_SECONDS_MAX
    while time.monotonic() < until:
        runners.all_there()
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
            if not await _open(database):
                return
        await asyncio.sleep(LOOK_SECONDS)


async def _open(database: Database) -> int:
    async with database.delivery_connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM work WHERE queue NOT IN ('closed', 'person')"))


async def _watch_changes(admin_url: str) -> None:
    """Has the database write down every change of a row of work with whose connection made it, in the very
    transaction."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(_WATCH)
    finally:
        await admin.close()


_WATCH: Final = """
CREATE SCHEMA rig;
CREATE TABLE rig.changes (
  place bigint GENERATED ALWAYS AS IDENTITY (CACHE 1), runner text, at timestamptz, before jsonb, after jsonb
);
CREATE FUNCTION rig.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO rig.changes (runner, at, before, after)
  VALUES (current_setting('app.runner', true), clock_timestamp(), to_jsonb(OLD), to_jsonb(NEW));
  RETURN NULL;
END
$$;
CREATE TRIGGER note AFTER UPDATE ON work FOR EACH ROW EXECUTE FUNCTION rig.note();
"""


async def _read(admin_url: str, database: Database, engine: Engine, history: History) -> None:
    """What the database has at the end."""
    admin = await asyncpg.connect(admin_url)
    try:
        changes = await admin.fetch("SELECT runner, at, before, after FROM rig.changes ORDER BY place")
        rows = await admin.fetch("SELECT work_id, epoch, queue, state, sends, lease_until FROM work")
        streams = await admin.fetch("SELECT DISTINCT tenant_id, stream FROM work")
    finally:
        await admin.close()
    for one in changes:
        before, after = orjson.loads(one["before"]), orjson.loads(one["after"])
        history.changes.append(
            Change(one["runner"] or "nobody", before["work_id"], one["at"], _stand(before), _stand(after))
        )
    history.rows = {str(row["work_id"]): _stand(row) for row in rows}
    for tenant, name in streams:
        async with database.transaction([tenant]) as connection:
            _, state = await engine.state(connection, tenant, name)
        history.told += [_told(tenant, name, ended) for ended in state.ended]


def _told(tenant: str, stream: str, ended: StepEnded) -> Told:
    effect = effect_id(tenant_id(tenant), "call", (stream, str(ended.number), str(ended.copy_of)))
    return Told(str(effect), ended.how, ended.remote_id)


def _stand(row: Any) -> Stand:
    until = row["lease_until"]
    moment = datetime.fromisoformat(until) if isinstance(until, str) else until
    return Stand(row["epoch"], row["queue"], row["state"], row["sends"], moment)


def _now() -> datetime:
    return datetime.now(UTC)
