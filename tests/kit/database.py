"""A database of its own for every test: copied from a template that has the three roles as migrations create them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from chassis.migrate import Names, Passwords, Urls, migrate
from chassis.postgres import Database

PASSWORDS = Passwords(app="app-secret", delivery="delivery-secret")


@dataclass(frozen=True, slots=True)
class OwnDatabase:
    """One test's database: the addresses of its login roles, and the administrator's for a look past all policies."""

    names: Names
    urls: Urls
    admin_url: str

    async def open(self) -> Database:
        """Opens the pools of the two login roles; the caller closes them."""
        return await Database.open(self.urls.app, self.urls.delivery)


Databases = Callable[..., Awaitable[OwnDatabase]]


class Templates:
    """The templates of one run: one for each service and list of migration folders."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self.prefix = f"t{secrets.token_hex(3)}"
        self._made: dict[tuple[str, tuple[Path, ...]], tuple[Names, Urls]] = {}

    async def of(self, service: str, directories: tuple[Path, ...]) -> tuple[Names, Urls]:
        """The template's names and addresses, made when first asked for."""
        key = (service, directories)
        if key not in self._made:
            prefix = f"{self.prefix}_{len(self._made)}"
            urls = await migrate(self.admin_url, service, directories, PASSWORDS, prefix=prefix)
            self._made[key] = (Names.of(service, prefix), urls)
        return self._made[key]

    async def drop(self) -> None:
        """Removes templates, what was copied from them, and roles, so that a shared server stays as it was."""
        admin = await asyncpg.connect(self.admin_url)
        try:
            for names, _ in self._made.values():
                # A test that ended by itself, as one of a changed program does, leaves its copy behind.
                left = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)"
                for row in await admin.fetch(left, names.database):
                    await admin.execute(f"DROP DATABASE IF EXISTS {row['datname']} WITH (FORCE)")
                await admin.execute(f"DROP ROLE IF EXISTS {names.app}, {names.delivery}, {names.owner}")
        finally:
            await admin.close()


@pytest.fixture(scope="session")
def database_templates(postgres_url: str) -> Iterator[Templates]:
    """The run's templates."""
    templates = Templates(postgres_url)
    yield templates
    asyncio.run(templates.drop())


@pytest.fixture
async def databases(database_templates: Templates) -> AsyncIterator[Databases]:
    """``await databases(service, *migration_folders)`` gives a fresh database; all are dropped after the test."""
    made: list[str] = []
    admin = await asyncpg.connect(database_templates.admin_url)

    async def make(service: str = "test", *directories: Path) -> OwnDatabase:
        template, urls = await database_templates.of(service, directories)
        name = f"{template.database}_{secrets.token_hex(4)}"
        await admin.execute(f"CREATE DATABASE {name} OWNER {template.owner} TEMPLATE {template.database}")
        made.append(name)
        names = Names(name, template.owner, template.app, template.delivery)
        return OwnDatabase(
            names,
            Urls(_at(urls.app, name), _at(urls.delivery, name)),
            _at(database_templates.admin_url, name),
        )

    yield make
    for name in made:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def own_database(databases: Databases) -> OwnDatabase:
    """A database with the chassis' tables alone."""
    return await databases()


@pytest.fixture
async def database(own_database: OwnDatabase) -> AsyncIterator[Database]:
    """The pools of ``own_database``."""
    opened = await own_database.open()
    yield opened
    await opened.close()


def _at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
