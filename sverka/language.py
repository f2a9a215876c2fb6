"""The language of what people read: Russian or English, by SVERKA_LANGUAGE or else by the locale."""

import os
from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("ru", "en")


def language(environ: Mapping[str, str] = os.environ) -> str:
    """ "ru" or "en"."""
    asked = environ.get("SVERKA_LANGUAGE", "").lower()
    if asked in LANGUAGES:
        return asked
    locale = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environ.get(name))), "")
    return "ru" if locale.lower().startswith("ru") else "en"


def tr(english: str, russian: str) -> str:
    """The text in the language of this process; both stand side by side so that neither is forgotten."""
    return russian if language() == "ru" else english


def example(english: str, russian: str, command: str) -> str:
    """A command's help with its example."""
    return tr(f"{english} Example: sverka {command}", f"{russian} Пример: sverka {command}")
