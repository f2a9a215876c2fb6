"""What a company's card should show where several sources know the company: the register's word stands before
accounting's, and that before the CRM's."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from chassis.values.inn import clean_kpp, ogrn_ok
from services.counterparty.domain.values import Value

Name = Literal["name", "full_name", "kpp", "ogrn", "address", "phone", "email"]
Origin = Literal["crm", "accounting", "register"]

NAMES: Final[tuple[Name, ...]] = ("name", "full_name", "kpp", "ogrn", "address")
CONTACTS: Final[tuple[Name, ...]] = ("phone", "email")
"""Said by accounting and the CRM alone; of a card they are known only after a look."""
ALL_NAMES: Final = (*NAMES, *CONTACTS)
RANKS: Final[Mapping[Origin, int]] = {"crm": 0, "accounting": 1, "register": 2}
_IDENTIFYING: Final = frozenset({"kpp", "ogrn"})
_ALIKE: Final = str.maketrans("Ёё«»„“”'’`", "Ее" + '"' * 8)
_SPACE: Final = re.compile(r"\s+")


class Field(Value):
    """A value, and who says so."""

    value: str
    origin: Origin


Fields = Mapping[Name, Field]


def told(values: Mapping[str, str] | Mapping[Name, str], origin: Origin) -> Fields:
    """What one source says; what it leaves empty, or has malformed, it does not say."""
    kept: dict[Name, Field] = {}
    for name in ALL_NAMES:
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
        if field.origin == "crm" or (name == "kpp" and "kpp" in own) or (name in CONTACTS and name not in shown):
            continue
        if spelled(name, shown.get(name, "")) != spelled(name, field.value):
            wanted[name] = field
    return wanted


def spelled(name: str, value: str) -> str:
    """A value so that the same words look the same: case, quotes, ё and spaces apart."""
    if name in _IDENTIFYING:
        return value.strip()
    return _SPACE.sub(" ", value).strip().translate(_ALIKE).upper()
