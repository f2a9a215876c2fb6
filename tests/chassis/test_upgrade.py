"""Expand, migrate, contract: two builds work on one database at each step, and nothing they were given is lost."""

import asyncio
import contextlib
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from chassis.engine import Command, Engine
from chassis.ids import tenant_id
from chassis.migrate import Names, Urls, migrate
from chassis.postgres import Database
from chassis.rebuild import rebuild
from tests.chassis.sample import upgrade
from tests.chassis.sample.domain import Add
from tests.chassis.sample.service import now
from tests.kit.database import PASSWORDS
from tests.kit.kafka import eventually

pytestmark = pytest.mark.parts

ONE = tenant_id("one")
ACCOUNTS = ("a", "b", "c")
COMMANDS_BEFORE_THE_STEP = 6


@dataclass(slots=True)
class Installation:
    """One database, and the builds that work on it. ``given``: what was committed, by account."""

    postgres_url: str
    prefix: str
    folder: Path
    given: Counter[str] = field(default_factory=Counter)
    commands: int = 0

    async def migrated(self, *files: Path) -> Urls:
        """``sverka migrate`` of a build that has these files more."""
        for file in files:
            shutil.copy(file, self.folder)
        return await migrate(self.postgres_url, "sample", [self.folder], PASSWORDS, prefix=self.prefix)

    async def add(self, database: Database, engine: Engine, amount: int) -> None:
        """One command, and the same once more as a redelivery would bring it."""
        self.commands += 1
        account, command_id = ACCOUNTS[self.commands % len(ACCOUNTS)], str(self.commands)
        for _ in range(2):
            async with database.transaction([ONE]) as connection:
                command = Command(ONE, f"account-{account}", Add(amount), command_id)
                (executed,) = await engine.execute(connection, [command], now())
        assert executed.repeated
        self.given[account] += amount

    @contextlib.asynccontextmanager
    async def at_work(self, *builds: Engine) -> AsyncIterator[Database]:
        """Each build writes in a process' manner, with pools of its own, until the block ends."""
        urls, stop = await self.migrated(), asyncio.Event()
        databases = [await Database.open(urls.app, urls.delivery) for _ in builds]
        done: Counter[int] = Counter()

        async def write(number: int) -> None:
            while not stop.is_set():
                await self.add(databases[number], builds[number], number + 1)
                done[number] += 1

        async def all_have_written(times: int) -> bool:
            for writer in writers:
                if writer.done():
                    writer.result()
            return all(done[number] >= times for number in range(len(builds)))

        writers = [asyncio.create_task(write(number)) for number in range(len(builds))]
        try:
            await eventually(lambda: all_have_written(COMMANDS_BEFORE_THE_STEP))
            yield databases[-1]
            more = max(done.values()) + COMMANDS_BEFORE_THE_STEP
            await eventually(lambda: all_have_written(more))
        finally:
            stop.set()
            await asyncio.gather(*writers)
            for database in databases:
                await database.close()

    async def shown(self, column: str) -> Counter[str]:
        """The sums in the read rows, as kopecks or roubles."""
        admin = await asyncpg.connect(f"{self.postgres_url.rpartition('/')[0]}/{self.names.database}")
        try:
            rows = await admin.fetch(f"SELECT account, {column} AS sum FROM total")  # noqa: S608 - a test's constant
        finally:
            await admin.close()
        return Counter({row["account"]: row["sum"] or 0 for row in rows})

    @property
    def names(self) -> Names:
        return Names.of("sample", self.prefix)


@pytest.fixture
async def installation(postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    folder = tmp_path / "sample" / "migrations"
    folder.mkdir(parents=True)
    made = Installation(postgres_url, f"u{secrets.token_hex(3)}", folder)
    await made.migrated(upgrade.FIRST)
    yield made
    admin = await asyncpg.connect(postgres_url)
    names = made.names
    await admin.execute(f"DROP DATABASE IF EXISTS {names.database} WITH (FORCE)")
    await admin.execute(f"DROP ROLE IF EXISTS {names.app}, {names.delivery}, {names.owner}")
    await admin.close()


def in_kopecks(given: Counter[str]) -> Counter[str]:
    return Counter({account: roubles * 100 for account, roubles in given.items()})


async def test_three_steps_with_both_builds_at_work_lose_nothing(installation: Installation) -> None:
    # Expand: the migration comes while the old build works; then the new one joins it.
    async with installation.at_work(upgrade.roubles()):
        await installation.migrated(upgrade.EXPAND)
    async with installation.at_work(upgrade.roubles(), upgrade.both()):
        pass
    assert await installation.shown("sum") == installation.given

    # Migrate: with the old build gone the rows it left are filled while the new one works; then kopecks are said.
    async with installation.at_work(upgrade.both()) as database:
        await rebuild(database, upgrade.both(), ["total"])
    assert await installation.shown("sum_kopecks") == in_kopecks(installation.given)
    async with installation.at_work(upgrade.both(), upgrade.kopecks()):
        pass

    # Contract: nobody writes roubles any more, so that their columns may go under the builds at work.
    async with installation.at_work(upgrade.kopecks()):
        await installation.migrated(upgrade.CONTRACT)
    async with installation.at_work(upgrade.kopecks(), upgrade.contracted()) as database:
        await rebuild(database, upgrade.contracted(), ["total"])
    assert await installation.shown("sum_kopecks") == in_kopecks(installation.given)


async def test_a_step_left_out_is_met_by_the_old_build(installation: Installation) -> None:
    """Why there are three: the old build understands neither the new event nor the table without its columns."""
    urls = await installation.migrated(upgrade.EXPAND)
    database = await Database.open(urls.app, urls.delivery)
    try:
        for _ in ACCOUNTS:
            await installation.add(database, upgrade.kopecks(), 1)
        with pytest.raises(LookupError, match="'KopecksAdded' is unknown to this build; roll forward"):
            await installation.add(database, upgrade.roubles(), 1)
        await installation.migrated(upgrade.CONTRACT)
        with pytest.raises(asyncpg.UndefinedColumnError):
            await installation.add(database, upgrade.both(), 1)
    finally:
        await database.close()
