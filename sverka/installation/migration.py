"""Brings the databases of services to the present schema, and their roles and passwords with them."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import asyncpg

import services
from chassis.migrate import MigrationRefused, Urls, migrate
from contracts.topics import SERVICES
from sverka.endings import NotAsWished
from sverka.installation.secrets import SecretsFolder
from sverka.language import tr

FOLDER: Final = Path(services.__file__).parent


def migration_folders(service: str) -> tuple[Path, ...]:
    """Where a service's own SQL files lie; the chassis' come before them by themselves."""
    return (FOLDER / service / "migrations",)


def migrate_all(
    admin_url: str, secrets: SecretsFolder, say: Callable[[str], None], only: Sequence[str] = SERVICES
) -> dict[str, Urls]:
    """Migrates each service and gives its addresses. NotAsWished when a database cannot be reached or refuses."""
    return asyncio.run(_migrate_all(admin_url, secrets, say, only))


async def _migrate_all(
    admin_url: str, secrets: SecretsFolder, say: Callable[[str], None], only: Sequence[str]
) -> dict[str, Urls]:
    async def one(service: str) -> tuple[str, Urls]:
        try:
            return service, await migrate(admin_url, service, migration_folders(service), secrets.passwords(service))
        except MigrationRefused as refusal:
            raise NotAsWished(f"{service}: {refusal}") from refusal
        except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError) as error:
            raise NotAsWished(
                tr(
                    f"The database of {service} cannot be migrated: {error}. DATABASE_URL must name a role that may "
                    "create databases and roles.",
                    f"База {service} не обновлена: {error}. В DATABASE_URL нужна роль с правом создавать базы и роли.",
                )
            ) from error

    found = dict(await asyncio.gather(*(one(service) for service in only)))
    say(tr(f"Databases are up to date: {', '.join(found)}", f"Базы обновлены: {', '.join(found)}"))
    return found
