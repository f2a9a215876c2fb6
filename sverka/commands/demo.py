"""`demo`: a working day on the sandbox."""

from pathlib import Path
from typing import Annotated

import typer

from sverka.demo.accounting import SERVICES
from sverka.demo.faults import Level
from sverka.demo.plan import Portals
from sverka.endings import NotAsWished
from sverka.language import example, tr


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        help=example(
            "Play a working day of sandbox portals on the real parts; exit code 1 if a deal misses its planned end.",
            "Проиграть рабочий день порталов песочницы на настоящих частях; код 1, если сделка завершилась не так.",
            "demo --deals 60 --tenants 3 --faults mild --keep",
        )
    )(demo)


def demo(
    *,
    deals: Annotated[int, typer.Option(min=1, max=5000, help=tr("How many deals.", "Сколько сделок."))] = 60,
    tenants: Annotated[int, typer.Option(min=1, max=50, help=tr("How many portals.", "Сколько порталов."))] = 3,
    portals: Annotated[
        Portals,
        typer.Option(
            help=tr(
                "How portals are connected; mixed: every third as an application.",
                "Как подключены порталы; mixed: каждый третий как приложение.",
            )
        ),
    ] = "webhook",
    accounting: Annotated[str, typer.Option(metavar="VENDOR", help=" | ".join(SERVICES))] = "elba",
    seed: Annotated[int, typer.Option(help=tr("The same seed, the same plan.", "Зерно плана."))] = 7,
    faults: Annotated[Level, typer.Option(help=tr("What goes wrong.", "Что ломается."))] = "none",
    keep: Annotated[bool, typer.Option("--keep", help=tr("Leave it running.", "Не останавливать после."))] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help=tr("An empty folder; a temporary one by default.", "Пустая папка; иначе временная.")
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help=tr("Write the outcome.", "Записать итог."))
    ] = None,
) -> None:
    """The plan is fixed before the start; the verdict reads the sandbox alone."""
    if accounting not in SERVICES:
        known = ", ".join(SERVICES)
        raise typer.BadParameter(
            tr(f"{accounting} is not available; choose one of {known}.", f"{accounting} недоступна; есть {known}."),
            param_hint="--accounting",
        )
    from sverka.demo.running import Wish, run_demo  # after the options are checked: it brings the whole product along

    outcome = run_demo(Wish(deals, tenants, portals, accounting, seed, faults, keep, data))
    if json_file is not None:
        json_file.write_text(outcome.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if not outcome.ok:
        raise NotAsWished(tr("Not every deal ended as planned.", "Не все сделки завершились как задумано."))
