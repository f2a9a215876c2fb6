"""What a company's card should show where several sources know the company: the register's word stands before
accounting's, and that before the CRM's."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from chassis.values.inn import clean_kpp, ogrn_ok
from services.counterparty.domain.values import Value

Name = Literal["name", "full_name", "kpp", "ogrn", "address"]
Origin = Literal["crm", "accounting", "register"]

NAMES: Final[tuple[Name, ...]] = ("name", "full_name", "kpp", "ogrn", "address")
RANKS: Final[Mapping[Origin, int]] = {"crm": 0, "accounting": 1, "register": 2}
_IDENTIFYING: Final = frozenset({"kpp", "ogrn"})
_ALIKE: Final = str.maketrans("Ёё«»„“”'’`", "Ее" + '"' * 8)
_SPACE: Final = re.compile(r"\s+")


class Field(Value):
    """A value, and who says so."""

    value: str
    origin: Origin


Fields = Mapping[Name, Field]


def told(values: Mapping[str, str], origin: Origin) -> Fields:
    """What one source says; what it leaves empty, or has malformed, it does not say."""
    kept: dict[Name, Field] = {}
    for name in NAMES:
        value = _SPACE.sub(" ", values.get(name, "")).strip()
        if name == "kpp":
            value = clean_kpp(value) or ""
        elif name == "ogrn" and not ogrn_ok(value):
            value = ""
        if value:
            kept[name] = Field(value=value, origin=origin)
    return kept


def merged(sources: Iterable[Fields]) -> dict[Name, Field]:
    """Each field from the best source that says anything; of equals the first. The order of sources of different
    origins does not matter."""
    best: dict[Name, Field] = {}
    for source in sources:
        for name, field in source.items():
            known = best.get(name)
            if known is None or RANKS[field.origin] > RANKS[known.origin]:
                best[name] = field
    return best


def changes(shown: Mapping[str, str], best: Fields) -> dict[Name, Field]:
    """What of a card is to be written. Other spelling is no difference; a KPP says which branch a card is, so a right
    one is never changed for another."""
    own = told(shown, "crm")
    wanted: dict[Name, Field] = {}
    for name, field in best.items():
        if field.origin == "crm" or (name == "kpp" and "kpp" in own):
            continue
        if spelled(name, shown.get(name, "")) != spelled(name, field.value):
            wanted[name] = field
    return wanted


def spelled(name: str, value: str) -> str:
    """A value so that the same words look the same: case, quotes, ё and spaces apart."""
    if name in _IDENTIFYING:
        return value.strip()
    return _SPACE.sub(" ", value).strip().translate(_ALIKE).upper()
