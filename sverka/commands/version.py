"""`version`: what is in use."""

import typer

from sverka.language import tr
from sverka.models import PostgresVersion, VersionDocument
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import outline, print_document, say
from sverka.status import ask_all


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
    from sverka.versions import ASK_ERRORS, kafka_version, package_versions, postgres_version, product_version

    run = reach.find()
    postgres: PostgresVersion | None = None
    services: dict[str, str] = {}
    if run is not None:
        try:
            postgres = postgres_version(run)
        except ASK_ERRORS as error:
            say(tr(f"PostgreSQL cannot be asked: {error}.", f"PostgreSQL не отвечает: {error}."))
        services = {name: found.version for name, found in ask_all(reach).services.items()}
    return VersionDocument(
        version=product_version(),
        packages=package_versions(),
        postgres=postgres,
        kafka=None if run is None else kafka_version(run),
        services=services,
    )
