"""A tenant's file from the disk to the installation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.tenant_file import TenantFile, TenantFileRefused, load
from sverka.endings import NotAsWished, WrongUse
from sverka.language import tr

FILE_BYTES_MAX: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file whose references are resolved."""

    path: Path
    file: TenantFile

    @property
    def tenant(self) -> str:
        """The id that it names."""
        return self.file.tenant

    def document(self) -> dict[str, Any]:
        """What is sent, once."""
        return self.file.document()


def read_tenant_file(path: Path, environ: Mapping[str, str]) -> ReadFile:
    """Reads, resolves and checks a file. WrongUse if it cannot be read, NotAsWished with all that is wrong in it."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise WrongUse(tr(f"{path} is too large for a tenant's file.", f"{path} слишком велик для файла клиента."))
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongUse(
            tr(f"{path} cannot be read: {error.strerror}.", f"Не читается {path}: {error.strerror}.")
        ) from error
    except UnicodeDecodeError as error:
        raise WrongUse(tr(f"{path} is no text in UTF-8.", f"{path} не текст в UTF-8.")) from error
    try:
        return ReadFile(path, load(text, environ, path.parent))
    except TenantFileRefused as refused:
        raise NotAsWished(
            tr(
                f"{path} is refused, nothing was changed:\n{refused}",
                f"{path} не принят, ничего не изменено:\n{refused}",
            )
        ) from refused
