"""`help`: settings of the services, and schemas of the JSON documents."""

import importlib
import json
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.topics import SERVICES
from sverka.endings import WrongUse
from sverka.language import tr
from sverka.models import DOCUMENTS
from sverka.screen import show

if TYPE_CHECKING:
    from chassis.settings import ServiceSettings


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help=tr("Settings and the forms of JSON answers.", "Настройки и формы ответов JSON."),
    )
    app.add_typer(group, name="help")
    group.command(
        help=tr(
            "All settings from the environment. Example: sverka help settings",
            "Все настройки из окружения. Пример: sverka help settings",
        )
    )(settings)
    group.command(
        help=tr(
            "The JSON Schema of a command's --json. Example: sverka help schema status",
            "JSON Schema ответа команды с --json. Пример: sverka help schema status",
        )
    )(schema)


def settings() -> None:
    """Generated from the settings models of the services."""
    from chassis.settings import ServiceSettings, help_text  # brings aiohttp along

    show(help_text([ServiceSettings, *(_settings_of(service) for service in SERVICES)]))


def schema(
    name: Annotated[
        str | None, typer.Argument(help=tr("One document; the list by default.", "Документ; иначе список."))
    ] = None,
) -> None:
    """Generated from the models."""
    if name is None:
        for known in DOCUMENTS:
            show(known)
        return
    if name not in DOCUMENTS:
        known_names = ", ".join(DOCUMENTS)
        raise WrongUse(
            tr(f"There is no document {name}; there are {known_names}.", f"Нет документа {name}; есть {known_names}.")
        )
    show(json.dumps(DOCUMENTS[name].model_json_schema(), indent=2, ensure_ascii=False))


def _settings_of(service: str) -> "type[ServiceSettings]":
    from chassis.settings import ServiceSettings

    module = importlib.import_module(f"services.{service}.settings")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ServiceSettings)
        and value is not ServiceSettings
        and value.__module__ == module.__name__
    ]
    return found[0] if found else ServiceSettings
