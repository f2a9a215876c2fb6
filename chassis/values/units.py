"""Units of measure: OKEI (ОК 015-94) codes with their symbols and synonyms, and the choice of one for a line."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chassis.domain import Problem


@dataclass(frozen=True, slots=True)
class Unit:
    """An OKEI unit: ``code`` is three digits with leading zeros (``006``), ``symbol`` is what documents print."""

    code: str
    symbol: str


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """The unit of a line; ``warning`` is ``unit_defaulted`` when what was given is not in the directory."""

    unit: Unit
    warning: Problem | None = None


_DIRECTORY: Final = """
796 шт       | штука, штук, штуки, pc, pcs, piece
876 усл. ед  | услуга, услуги, усл, усл.ед
642 ед       | единица, единиц
839 компл    | комплект, к-т
704 набор    | наб
778 упак     | уп, упаковка
728 пач      | пачка
812 ящ       | ящик
868 бут      | бутылка
736 рул      | рулон
715 пар      | пара
006 м        | метр, m
018 пог. м   | п.м, погонный метр
055 м²       | м2, кв.м, m2
113 м³       | м3, куб.м, m3
008 км       | километр, km
625 лист     |
657 изд      | изделие
917 смен     | смена
383 руб      |
356 ч        | час, часа, часов, hour, hours, h
355 мин      | минута
354 с        | сек
359 сут      | дн, день, сутки
360 нед      | неделя
362 мес      | месяц, месяца, месяцев
364 кварт    | квартал
366 год      | лет, г., года
539 чел.ч    | человеко-час, н/ч
540 чел.дн   | человеко-день
792 чел      | человек
112 л        | литр
163 г        | грамм
166 кг       | килограмм, kg
168 т        | тонна
245 кВт·ч    | квтч
449 т·км     |
698 мест     | место
744 %        | процент
908 номер    |
"""

_SEPARATORS: Final = str.maketrans("", "", ". ·\u00a0\u202f")


def _casefolded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е").strip()


def _bare(text: str) -> str:
    return _casefolded(text).translate(_SEPARATORS)


def _read_directory() -> tuple[dict[str, Unit], dict[str, Unit]]:
    by_code: dict[str, Unit] = {}
    as_written: dict[str, Unit] = {}
    bare: dict[str, Unit] = {}
    for row in _DIRECTORY.strip().splitlines():
        head, _, synonyms = row.partition("|")
        unit = Unit(head[:3], head[4:].strip())
        by_code[unit.code] = unit
        for name in (unit.symbol, *(text.strip() for text in synonyms.split(",") if text.strip())):
            as_written[_casefolded(name)] = unit
            bare.setdefault(_bare(name), unit)
    # As written wins over bare: "г" is a gram and "г." a year, only the dot tells them apart.
    return by_code, bare | as_written


_BY_CODE, _BY_NAME = _read_directory()

PIECE: Final = _BY_CODE["796"]
SERVICE: Final = _BY_CODE["876"]


def unit_by_code(code: str | int) -> Unit | None:
    """The unit of an OKEI code given as text or number (``6``, ``"6"``, ``"006"``); None when it is not listed."""
    return _BY_CODE.get(str(code).strip().zfill(3))


def unit_by_name(name: str) -> Unit | None:
    """The unit of a symbol, name or synonym in any case, with or without dots and spaces; None when unknown."""
    return _BY_NAME.get(_casefolded(name)) or _BY_NAME.get(_bare(name))


def choose_unit(
    code: str | int | None,
    name: str | None,
    *,
    is_service: bool,
    overrides: Mapping[str, str] | None = None,
) -> UnitChoice:
    """The unit of a line: by the tenant's own map, by code, then by name; else a piece or, for services, a service.

    ``overrides`` maps a code or a name as the CRM writes it to an OKEI code. Raises ValueError when it names a code
    which is not in the directory.
    """
    for given in (code, name):
        if given is not None and overrides and (mapped := overrides.get(str(given))) is not None:
            unit = unit_by_code(mapped)
            if unit is None:
                raise ValueError(f"unit {given!r} is mapped to {mapped!r}, which is not an OKEI code known here")
            return UnitChoice(unit)
    found = (unit_by_code(code) if code is not None else None) or (unit_by_name(name) if name else None)
    if found is not None:
        return UnitChoice(found)
    default = SERVICE if is_service else PIECE
    return UnitChoice(default, Problem("unit_defaulted", {"code": code, "name": name, "unit": default.symbol}))
