"""`up`, `down` and `migrate`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from contracts.topics import SERVICES
from deploy.local.folder import Run
from deploy.local.launch import running, stop_running
from sverka.endings import NotAsWished, WrongUse
from sverka.language import tr
from sverka.reach import DEFAULT_DATA, Data
from sverka.screen import say, show

PORT_BASE_MAX = 65_500


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(
        help=tr(
            "Start Postgres, Kafka and every service. Example: sverka up --sandbox --detach",
            "Запустить Postgres, Kafka и все сервисы. Пример: sverka up --sandbox --detach",
        )
    )(up)
    app.command(
        help=tr(
            "Stop all that `up` started, in order. Example: sverka down --data .sverka",
            "Остановить по порядку всё, что запустил `up`. Пример: sverka down --data .sverka",
        )
    )(down)
    app.command(
        help=tr(
            "Create and migrate the databases of the services. Example: "
            "DATABASE_URL=postgresql://admin@db/postgres sverka migrate ingest",
            "Создать и обновить базы сервисов. Пример: "
            "DATABASE_URL=postgresql://admin@db/postgres sverka migrate ingest",
        )
    )(migrate)


def up(
    *,
    data: Data = DEFAULT_DATA,
    port_base: Annotated[
        int | None,
        typer.Option(
            min=1024,
            max=PORT_BASE_MAX,
            help=tr(
                "Take ports from this number on; free ones by default.", "Занимать порты с этого; иначе свободные."
            ),
        ),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help=tr("Run simulated vendors too.", "Запустить и песочницу."))
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help=tr("Return when all is ready.", "Вернуться, когда всё готово."))
    ] = False,
    launched: Annotated[bool, typer.Option("--launched", hidden=True)] = False,
) -> None:
    """Runs in front until it is ended, or starts a process that does."""
    from sverka.installation.starting import run_in_front, show_addresses, start_in_background  # brings Kafka along

    if detach:
        run = start_in_background(data, sandbox=sandbox, port_base=port_base, say=say)
        show_addresses(data, run)
        return

    def on_ready(run: Run) -> None:
        if not launched:
            show_addresses(data, run)

    run_in_front(data, sandbox=sandbox, port_base=port_base, say=say, on_ready=on_ready)


def down(*, data: Data = DEFAULT_DATA) -> None:
    """Says whether there was something to stop."""
    if stop_running(data):
        show(tr(f"Stopped the installation in {data}.", f"Установка в {data} остановлена."))
    else:
        show(tr(f"Nothing runs in {data}.", f"В {data} ничего не запущено."))


def migrate(
    service: Annotated[
        str | None, typer.Argument(help=tr("One service; all by default.", "Один сервис; без него все."))
    ] = None,
    *,
    data: Data = DEFAULT_DATA,
) -> None:
    """Works on DATABASE_URL, or on the Postgres that runs in the data folder."""
    if service is not None and service not in SERVICES:
        known = ", ".join(SERVICES)
        raise WrongUse(
            tr(f"There is no service {service}; choose one of {known}.", f"Нет сервиса {service}; есть {known}.")
        )
    from sverka.installation.migration import migrate_all  # brings the chassis along
    from sverka.installation.secrets import SecretsFolder

    secrets = SecretsFolder(Path(data) / "secrets")
    migrate_all(_admin_url(data), secrets, show, (service,) if service else SERVICES)
    show(tr(f"The roles' passwords are in {secrets.folder}.", f"Пароли ролей в {secrets.folder}."))


def _admin_url(data: Path) -> str:
    if given := os.environ.get("DATABASE_URL", ""):
        return given
    run = running(data)
    if run is None:
        raise NotAsWished(
            tr(
                f"Set DATABASE_URL to an administrator's address, or start the installation in {data}: sverka up.",
                f"Задайте DATABASE_URL (адрес администратора) или запустите установку в {data}: sverka up.",
            )
        )
    return run.postgres.url
