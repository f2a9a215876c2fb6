"""Turns stored codes and events into sentences, with the notifier's texts for what people read in the CRM."""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from sverka.language import language
from sverka.screen import money
from sverka.story import labels, sentences

ZONE: Final = ZoneInfo("Europe/Moscow")
TEXT_LENGTH_MAX: Final = 600
LINK: Final = re.compile(r"\[url=(?P<address>[^\]]+)\](?P<words>.*?)\[/url\]")
"""A link as the CRM writes it."""


class Words:
    """The words of one language."""

    def __init__(self, chosen: str) -> None:
        # The notifier brings connectors along, which most commands can do without.
        from services.notifier.workers.texts import Texts

        self._index = 1 if chosen == "ru" else 0
        self._texts = Texts("ru" if chosen == "ru" else "en")
        self._environment = SandboxedEnvironment(undefined=ChainableUndefined, autoescape=False)
        self._environment.filters |= {
            "rub": money, "day": _day, "why": self.why, "state": self._texts.status, "fact": self._fact,
            "write": lambda code: self.of(labels.WRITES, code), "card": self.card, "choice": self.choice,
        }  # fmt: skip
        self._templates = {
            key: self._environment.from_string(pair[self._index]) for key, pair in sentences.EVENTS.items()
        }

    def event(self, service: str, kind: str, data: Mapping[str, Any]) -> str:
        """The sentence of a stored event; the name of one that a newer service wrote."""
        template = self._templates.get(f"{service}.{kind}") or self._templates.get(f"*.{kind}")
        if template is None:
            return kind
        try:
            return " ".join(template.render(**{"reason": {}, "reasons": [], **data}).split())[:TEXT_LENGTH_MAX]
        except (TemplateError, TypeError, ValueError):  # an event of another build has other fields
            return kind

    def of(self, words: Mapping[str, tuple[str, str]], code: str) -> str:
        """The word for a code, or the code."""
        return words[code][self._index] if code in words else code

    def why(self, problems: Any) -> str:
        """The sentence of a problem, or of several."""
        given = problems if isinstance(problems, list | tuple) else [problems]
        return " ".join(self._texts.reason(one, ZONE) for one in given if isinstance(one, Mapping) and one.get("code"))

    def card(self, kind: str, values: Mapping[str, Any]) -> str:
        """The question of a decision card."""
        try:
            told = self._texts.fact("card_opened", {"kind": kind, **values}, ZONE)
        except (TemplateError, KeyError, TypeError, ValueError):
            return kind
        _, _, question = told.partition(": ")
        return question or told

    def choice(self, kind: str, code: str) -> str:
        """The words of a card's choice."""
        try:
            return self._texts.choice(kind, code)
        except KeyError:
            return code

    def told(self, fact: Mapping[str, Any]) -> str:
        """The sentence that people read of a fact; "" for one that changes fields alone."""
        try:
            named = {key: value for key, value in fact.items() if key not in ("fact", "values")}
            said = self._texts.fact(str(fact["fact"]), {**named, **(fact.get("values") or {})}, ZONE)
        except (TemplateError, KeyError, TypeError, ValueError):
            return ""
        return LINK.sub(r"\g<words>: \g<address>", said)

    def _fact(self, fact: Mapping[str, Any]) -> str:
        return self.told(fact) or str(fact.get("fact", "")).replace("_", " ")


@cache
def words() -> Words:
    """The words of this process' language."""
    return Words(language())


def _day(value: str | date) -> str:
    return date.fromisoformat(str(value)[:10]).strftime("%d.%m.%Y") if value else ""
