"""Sentences for people from templates that a translator can edit: one YAML per language beside this service."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from jinja2 import StrictUndefined, Template, UndefinedError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from chassis.values.money import Language, rubles_text
from chassis.values.words import plural
from services.notifier.metrics import UNKNOWN_REASONS

LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")
TEXT_LENGTH_MAX: Final = 4_000
USE_CHOICE: Final = "use_"
BEYOND_DEAL: Final = frozenset({"seller_missing", "seller_unclear", "tax_profile_missing", "accounting_period_closed"})
"""Problems that no change of the deal mends: once others have, the document is asked for by the stage entered again."""
_FOLDER: Final = Path(__file__).resolve().parent.parent / "texts"
_TAG: Final = re.compile(r"\[(?!b24:)")
_DAYS: Final[dict[Language, tuple[str, str, str]]] = {
    "ru": ("день", "дня", "дней"),
    "en": ("day", "days", "days"),
}


class Texts:
    """The sentences of one language. Values that people typed cannot break the markup of the CRM."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.sections: dict[str, dict[str, str]] = yaml.safe_load(
            (_FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
        )
        self._environment = SandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, finalize=_plain, autoescape=False
        )
        self._environment.filters |= {"rubles": self._rubles, "date": _date, "days": self._days, "moment": _moment}
        self._templates: dict[tuple[str, str], Template] = {
            (section, key): self._environment.from_string(text)
            for section, texts in self.sections.items()
            for key, text in texts.items()
        }

    def fact(self, key: str, values: Mapping[str, Any], zone: ZoneInfo) -> str:
        """The sentence of a fact; ``values`` as the fact carries them, times shown in ``zone``."""
        return self._render("facts", key, values, zone)

    def reason(self, reason: Mapping[str, Any], zone: ZoneInfo) -> str:
        """The sentence of a problem; an unknown code gives the general sentence and is counted, never shown."""
        return self._rendered_or_general("reasons", reason["code"], reason.get("values", {}), zone)

    def status(self, status: str) -> str:
        """The word of a status field's value (R6)."""
        return self.sections["statuses"].get(status, status)

    def company_state(self, status: str) -> str:
        """The word of a company's state in the register; a state of a later build stands as it came."""
        return self.sections["company_states"].get(status, status)

    def choice(self, kind: str, choice: str) -> str:
        """The words of a card's choice; a choice of a later build gives the general words."""
        if choice.startswith(USE_CHOICE):
            use = self._templates.get(("choices", f"{kind}.use"), self._templates["choices", "use"])
            return use.render(record=_unmarked(choice.removeprefix(USE_CHOICE)))
        particular = f"{kind}.{choice}"
        if particular in self.sections["choices"]:
            return self.sections["choices"][particular]
        return self.sections["choices"][self._known("choices", choice)]

    def card(self, kind: str, values: Mapping[str, Any], zone: ZoneInfo) -> str:
        """The question of a card; a kind of a later build gives the general question."""
        return self._rendered_or_general("cards", kind, values, zone)

    def _rendered_or_general(self, section: str, key: str, values: Mapping[str, Any], zone: ZoneInfo) -> str:
        # Values of problems and cards come from other builds and vendors; a message to people must not fail on them.
        try:
            return self._render(section, self._known(section, key), values, zone)
        except (UndefinedError, TypeError, ValueError):
            UNKNOWN_REASONS.inc()
            return self._render(section, "unknown", {}, zone)

    def about_deal(self, deal_id: str, sentence: str) -> str:
        """A sentence for those who do not read it in the deal itself."""
        return f"{self.sections['kinds']['deal']} № {deal_id}. {sentence}"

    def about_order(self, number: str, sentence: str) -> str:
        """A sentence about an order of a shop, which is no deal of the CRM."""
        return f"{self.sections['kinds']['order']} № {_unmarked(number)}. {sentence}"

    def meant_for(self, who: str, sentence: str) -> str:
        """A sentence for others than the responsible, whom the portal does not notify."""
        return f"{sentence} {self.sections['kinds']['meant_for']}: {_unmarked(who)}."

    def _known(self, section: str, key: str) -> str:
        if key in self.sections[section]:
            return key
        UNKNOWN_REASONS.inc()
        return "unknown"

    def _render(self, section: str, key: str, values: Mapping[str, Any], zone: ZoneInfo) -> str:
        given = {name: _unmarked(value) for name, value in values.items()}
        given.setdefault("text", "")
        for optional in ("inn", "field", "by", "number", "sent_at"):
            given.setdefault(optional, "")
        text = self._templates[section, key].render(
            {
                **given,
                "zone": zone,
                "kinds": self.sections["kinds"],
                "beyond_deal": BEYOND_DEAL,
                "reason_of": values.get("reason"),
                "reason": lambda one: self.reason(one, zone),
                "card": lambda kind: self.card(kind, values, zone),
                "choice_text": self.choice,
                "part_name": lambda service: self.sections["parts"][self._known("parts", service)],
                "work_name": lambda kind: self.sections["works"][self._known("works", kind)],
                "vendor_name": lambda vendor: self.sections["vendors"].get(vendor, vendor),
            }
        )
        return " ".join(text.split())[:TEXT_LENGTH_MAX]

    def _rubles(self, kopecks: int) -> str:
        return rubles_text(int(kopecks), self.language)

    def _days(self, days: int) -> str:
        return f"{days} {plural(int(days), _DAYS[self.language])}"


def load_texts() -> dict[str, Texts]:
    """All languages. Raises the template's own error at start, never at the first message."""
    return {language: Texts(language) for language in LANGUAGES}


def _date(text: str | date) -> str:
    return date.fromisoformat(text[:10]).strftime("%d.%m.%Y") if isinstance(text, str) else text.strftime("%d.%m.%Y")


@pass_context
def _moment(context: Context, text: str) -> str:
    return datetime.fromisoformat(text).astimezone(context["zone"]).strftime("%d.%m.%Y %H:%M")


def _unmarked(value: Any) -> Any:
    # A bracket that a person typed into a name must not open a tag of the CRM's markup. Our own marker opens none, and
    # people search for it as it stands.
    if isinstance(value, str):
        return _TAG.sub("[\u200b", value)
    return [_unmarked(one) for one in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    return "" if value is None else value
