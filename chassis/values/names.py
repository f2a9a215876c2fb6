"""Company names brought to one form for comparing; a name alone never identifies anybody."""

import re
import unicodedata
from typing import Final

# Longer forms first: "публичное акционерное общество" contains "акционерное общество".
_FORMS: Final[tuple[tuple[str, str], ...]] = (
    ("общество с ограниченной ответственностью", "ооо"),
    ("непубличное акционерное общество", "нао"),
    ("публичное акционерное общество", "пао"),
    ("открытое акционерное общество", "оао"),
    ("закрытое акционерное общество", "зао"),
    ("акционерное общество", "ао"),
    ("индивидуальный предприниматель", "ип"),
    ("автономная некоммерческая организация", "ано"),
    ("федеральное государственное унитарное предприятие", "фгуп"),
    ("муниципальное унитарное предприятие", "муп"),
    ("производственный кооператив", "пк"),
    ("товарищество собственников жилья", "тсж"),
    ("некоммерческое партнерство", "нп"),
)
_SHORT_FORMS: Final = frozenset(short for _, short in _FORMS)
_LONG_FORM: Final = re.compile(r"\b(" + "|".join(long for long, _ in _FORMS) + r")\b")
_SHORT_OF: Final = dict(_FORMS)
_DOTTED_FORM: Final = re.compile(r"\W*((?:[а-я]\.\s?){2,4})")


def comparable_name(name: str) -> str:
    """The name without case, quotes, punctuation and ``ё``, its legal form short and in front.

    ``Общество с ограниченной ответственностью "Ромашка"``, ``ООО «РОМАШКА»`` and ``Ромашка, ООО`` → ``ооо ромашка``.
    """
    folded = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е")
    words = " ".join(re.findall(r"\w+", _join_dotted_form(folded)))
    short = _LONG_FORM.sub(lambda match: _SHORT_OF[match[1]], words).split()
    if short and short[0] not in _SHORT_FORMS and short[-1] in _SHORT_FORMS:
        short.insert(0, short.pop())
    return " ".join(short)


def same_name(first: str, second: str) -> bool:
    """Whether two names are equal in their comparable form, and not both empty."""
    comparable = comparable_name(first)
    return bool(comparable) and comparable == comparable_name(second)


def _join_dotted_form(name: str) -> str:
    # Only in front: after a surname the same letters are somebody's initials.
    found = _DOTTED_FORM.match(name)
    letters = re.sub(r"[\s.]", "", found[1]) if found else ""
    return f"{letters} {name[found.end() :]}" if found and letters in _SHORT_FORMS else name
