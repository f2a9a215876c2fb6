"""One run: the database of a service, rows of three tenants in every table, and some who look and try to write as one
or two of them over few connections, while connections are cut and transactions given up."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import asyncpg

from chassis.ids import TenantId, tenant_id
from chassis.migrate import Names, migrate
from chassis.postgres import INFRASTRUCTURE_ERRORS, Connection, Database, savepoint
from deploy.local.postgres import Postgres
from tests.chaos.event_store.run import cut
from tests.chaos.tenants.catalogue import Table, insert, planted, tables
from tests.chaos.tenants.checks import anomalies
from tests.chaos.tenants.history import History, Look, Place, Try, What
from tests.kit.database import PASSWORDS
from tests.kit.mortal import Mortal

SERVICES: Final = Path(__file__).parents[3] / "services"
TENANTS: Final = tuple(map(tenant_id, ("one", "two", "three")))
WHATS: Final[tuple[What, ...]] = ("insert", "update", "delete")
TURNS: Final = 12
LOOKS: Final = 8
ROWS_MAX: Final = 4
LOOKERS: Final = 4
POOL: Final = 2
"""Fewer connections than lookers: each serves all tenants in turn."""
TRIES: Final = 4
GIVEN_UP: Final = 0.2
CUT_SHORT: Final = 0.2
CUT_SHORT_SECONDS_MAX: Final = 0.05
CUT_EVERY_SECONDS: Final = 0.1
CUT_AT_ONCE_MAX: Final = 1
PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``tables`` are those of the service, ``looks`` and ``tries`` by what they came to;
    ``unfinished`` counts transactions that were cut, or cut short."""

    anomalies: list[str]
    service: str
    tables: int
    looks: dict[str, int]
    tries: dict[str, int]
    unfinished: int
    cuts: int
    seconds: float


@dataclass(slots=True)
class Service:
    """A service's database as its application reaches it."""

    name: str
    url: str
    database: Database
    tables: list[Table]
    unfinished: int = 0


async def run(server: Mortal[Postgres], turns: int, seed: int) -> Outcome:
    """The service is drawn: tables of the chassis are in each. A looker has ``turns`` transactions."""
    await server.ready()
    history = History()
    began = time.monotonic()
    chance = random.Random(f"{seed}/service")  # noqa: S311 - a seed makes it repeatable
    name = chance.choice(sorted(folder.parent.name for folder in SERVICES.glob("*/migrations")))
    service = await _opened(server.part.url, name, history, chance)
    for named in ([], [chance.choice(TENANTS)]):
        await _look_at_all(service, history, frozenset(named))
    over = asyncio.Event()
    async with asyncio.TaskGroup() as others:
        cuts = others.create_task(_cut_now_and_then(server, over))
        async with asyncio.TaskGroup() as lookers:
            for number in range(LOOKERS):
                own = random.Random(f"{seed}/{number}")  # noqa: S311 - as above
                lookers.create_task(_look_and_try(service, history, turns, own))
        over.set()
    await service.database.close()
    return Outcome(
        anomalies=anomalies(history),
        service=name,
        tables=len(service.tables),
        looks=dict(Counter("refused" if one.refused else "shown" for one in history.looks)),
        tries=dict(Counter("refused" if one.refused else one.what if one.rows else "no row" for one in history.tries)),
        unfinished=service.unfinished,
        cuts=cuts.result(),
        seconds=time.monotonic() - began,
    )


async def _opened(admin_url: str, name: str, history: History, chance: random.Random) -> Service:
    """A service's database as its migrations make it, with some rows of each tenant in every table."""
    urls = await migrate(admin_url, name, [SERVICES / name / "migrations"], PASSWORDS)
    admin = await asyncpg.connect(f"{admin_url.rpartition('/')[0]}/{Names.of(name).database}")
    try:
        found = await tables(admin)
        for table in planted(found):
            for tenant in TENANTS:
                for _ in range(chance.randint(1, ROWS_MAX)):
                    await admin.execute(insert(table, tenant, chance))
        for table in found:
            rows = await admin.fetch(_COUNT.format(table.name))
            history.planted[name, table.name] = dict.fromkeys(TENANTS, 0) | {row[0]: row[1] for row in rows}
    finally:
        await admin.close()
    database = await Database.open(urls.app, urls.delivery, app_pool_size_max=POOL, delivery_pool_size_max=1)
    return Service(name, urls.app, database, found)


_COUNT: Final = "SELECT tenant_id, count(*) FROM {} GROUP BY tenant_id"


async def _look_and_try(service: Service, history: History, turns: int, chance: random.Random) -> None:
    done = 0
    while done < turns:
        named = frozenset(chance.sample(TENANTS, chance.choice((1, 1, 2))))
        short = chance.uniform(0, CUT_SHORT_SECONDS_MAX) if chance.random() < CUT_SHORT else None
        gives_up = chance.random() < GIVEN_UP
        try:
            async with service.database.transaction(named) as connection, asyncio.timeout(short):
                await _turn(connection, service, history, named, chance)
                if gives_up:
                    _give_up()
        except _GivenUp:
            done += 1
        except INFRASTRUCTURE_ERRORS:
            service.unfinished += 1
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            done += 1


async def _turn(
    connection: Connection, service: Service, history: History, named: frozenset[TenantId], chance: random.Random
) -> None:
    """Looks at some tables, then tries to write to some; nothing of it is kept."""
    for table in chance.sample(service.tables, LOOKS):
        place = (service.name, table.name)
        try:
            async with savepoint(connection):
                rows = await connection.fetch(_COUNT.format(table.name))
            history.looks.append(Look(place, named, {row[0]: row[1] for row in rows}))
        except asyncpg.InsufficientPrivilegeError:
            history.looks.append(Look(place, named, refused=True))
    for table in chance.choices(planted(service.tables), k=TRIES):
        place, what, owner = (service.name, table.name), chance.choice(WHATS), chance.choice(TENANTS)
        try:
            async with savepoint(connection):
                said = await connection.execute(_statement(table, what, owner, chance))
                history.tries.append(Try(place, named, what, owner, int(said.rpartition(" ")[2])))
                _give_up()  # what stands in the tables stays as it was
        except _GivenUp:
            pass
        except asyncpg.InsufficientPrivilegeError:
            history.tries.append(Try(place, named, what, owner, refused=True))


async def _look_at_all(service: Service, history: History, named: frozenset[TenantId]) -> None:
    """Every table once over a connection of the application's; of none named, as who forgets to would."""
    connection = await asyncpg.connect(service.url)
    try:
        if named:
            await connection.execute("SELECT set_config('app.tenants', $1, false)", f"{{{','.join(named)}}}")
        for table in service.tables:
            place: Place = (service.name, table.name)
            try:
                rows = await connection.fetch(_COUNT.format(table.name))
                history.looks.append(Look(place, named, {row[0]: row[1] for row in rows}))
            except asyncpg.InsufficientPrivilegeError:
                history.looks.append(Look(place, named, refused=True))
    finally:
        await connection.close()


def _statement(table: Table, what: What, owner: TenantId, chance: random.Random) -> str:
    match what:
        case "insert":
            return insert(table, owner, chance)
        case "update":
            return f"UPDATE {table.name} SET tenant_id = tenant_id WHERE tenant_id = '{owner}'"  # noqa: S608 - ours
        case "delete":
            return f"DELETE FROM {table.name} WHERE tenant_id = '{owner}'"  # noqa: S608 - ours


async def _cut_now_and_then(server: Mortal[Postgres], over: asyncio.Event) -> int:
    """Ends sessions that are in the middle of something, all the while."""
    cuts = 0
    while not over.is_set():
        cuts += await cut(server.part.url, CUT_AT_ONCE_MAX)
        await asyncio.sleep(CUT_EVERY_SECONDS)
    return cuts


def _give_up() -> NoReturn:
    raise _GivenUp


class _GivenUp(Exception):  # noqa: N818 - what happens
    """A transaction is rolled back."""
