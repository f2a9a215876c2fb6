"""Which installation a command works on, and the options by which every command takes it."""

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.local.folder import Run
from deploy.local.launch import running
from sverka.endings import NotAsWished
from sverka.language import tr

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="SVERKA_DATA",
        metavar="DIR",
        help=tr("The installation's data folder.", "Папка данных установки."),
    ),
]
Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="SVERKA_URL",
        metavar="URL",
        help=tr("Work on another installation: the address of its ingest.", "Другая установка: адрес её ingest."),
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=tr(
            "A file with its token (or the variable SVERKA_TOKEN).", "Файл с её токеном (или переменная SVERKA_TOKEN)."
        ),
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document.", "Напечатать один документ JSON."))]
DEFAULT_DATA = Path(".sverka")


@dataclass(frozen=True, slots=True)
class Reach:
    """What the options said; the running installation is looked up when it is first needed."""

    data: Path = DEFAULT_DATA
    url: str = ""
    token_file: Path | None = None

    def find(self) -> Run | None:
        """What runs in the data folder; None if nothing does or another installation is named."""
        return None if self.url else running(self.data)

    def run(self) -> Run:
        """What runs in the data folder. NotAsWished if nothing does."""
        found = self.find()
        if found is None:
            raise NotAsWished(
                tr(
                    f"No installation runs in {self.data}. Start one with: sverka up --data {self.data}",
                    f"В папке {self.data} установка не запущена. Запустите: sverka up --data {self.data}",
                )
            )
        return found

    def ingest_url(self) -> str:
        """The address of ingest. NotAsWished if it is not known."""
        if self.url:
            return self.url.rstrip("/")
        services = self.run().services
        if "ingest" not in services:
            raise NotAsWished(
                tr(
                    f"ingest does not run in {self.data}; see {self.data}/logs/ingest.log.",
                    f"ingest не запущен в {self.data}; смотрите {self.data}/logs/ingest.log.",
                )
            )
        return services["ingest"].url

    def token(self) -> str:
        """The token of /api/v1. NotAsWished if there is none."""
        if self.token_file is not None:
            return read_secret(self.token_file)
        if token := os.environ.get("SVERKA_TOKEN", ""):
            return token
        if self.url:
            raise NotAsWished(
                tr(
                    "Another installation needs its token: --token-file FILE, or the variable SVERKA_TOKEN.",
                    "Для другой установки нужен её токен: --token-file FILE или переменная SVERKA_TOKEN.",
                )
            )
        return read_secret(Path(self.run().token_file))

    def sandbox_control_url(self) -> str:
        """The control address of the sandbox. NotAsWished if none runs."""
        if url := os.environ.get("SVERKA_SANDBOX_CONTROL_URL", ""):
            return url.rstrip("/")
        sandbox = self.run().sandbox
        if sandbox is None:
            raise NotAsWished(
                tr(
                    f"The installation in {self.data} runs without a sandbox. Start it with: sverka up --sandbox",
                    f"Установка в {self.data} запущена без песочницы. Запустите: sverka up --sandbox",
                )
            )
        return sandbox.control_url


def read_secret(file: Path) -> str:
    """The one line of a secret's file. NotAsWished if it cannot be read."""
    try:
        return file.read_text().strip()
    except OSError as error:
        raise NotAsWished(
            tr(f"{file} cannot be read: {error.strerror}.", f"Не читается {file}: {error.strerror}.")
        ) from error


def with_reach(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options --data, --url and --token-file, and hands them over as its first argument."""
    own = list(inspect.signature(function).parameters.values())[1:]
    options = [
        inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=DEFAULT_DATA, annotation=Data),
        inspect.Parameter("url", inspect.Parameter.KEYWORD_ONLY, default="", annotation=Url),
        inspect.Parameter("token_file", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=TokenFile),
    ]
    parameters = [*(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own), *options]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        reach = Reach(values.pop("data"), values.pop("url"), values.pop("token_file"))
        function(reach, **values)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
