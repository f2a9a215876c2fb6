"""`version`: what is in use."""

import asyncpg
import typer

from sverka.language import tr
from sverka.models import PostgresVersion, VersionDocument
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import outline, print_document, say
from sverka.status import ask_all
from sverka.versions import kafka_version, package_versions, postgres_version, product_version


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        help=tr(
            "Versions of everything in use and the durability settings in force. Example: sverka version --json",
            "Версии всего, что работает, и настройки сохранности. Пример: sverka version --json",
        )
    )(with_reach(version))


def version(reach: Reach, *, as_json: AsJson = False) -> None:
    """Works without an installation too."""
    document = _document(reach)
    if as_json:
        print_document(document)
    else:
        outline(document.model_dump(mode="json"))


def _document(reach: Reach) -> VersionDocument:
    run = reach.find()
    postgres: PostgresVersion | None = None
    services: dict[str, str] = {}
    if run is not None:
        try:
            postgres = postgres_version(run)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            say(tr(f"PostgreSQL cannot be asked: {error}.", f"PostgreSQL не отвечает: {error}."))
        services = {name: found.version for name, found in ask_all(reach).services.items()}
    return VersionDocument(
        version=product_version(),
        packages=package_versions(),
        postgres=postgres,
        kafka=None if run is None else kafka_version(run),
        services=services,
    )
