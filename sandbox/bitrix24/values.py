"""How a value looks inside the store, in classic answers (strings) and in universal answers (typed JSON)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

# Stored forms: ids and numbers of things int; amounts str with two decimals; fractions Decimal as str; datetime unix
# seconds as int; date "YYYY-MM-DD"; char "Y"/"N"; boolean user fields 1/0; file its id. None means empty.

INTEGER_KINDS = frozenset(
    {"integer", "user", "crm_company", "crm_contact", "crm_lead", "crm_deal", "crm_quote", "crm_category", "crm_entity",
     "employee", "enumeration", "file", "location", "iblock_element", "iblock_section"}
)  # fmt: skip
AMOUNT_KINDS = frozenset({"double"})
DOTTED_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$")


NUMBER_MAX = Decimal(10) ** 18
"""What the columns of the portal's database hold."""
FIRST_MOMENT, LAST_MOMENT = -62_135_510_400, 253_402_214_400  # of the years 1 and 9999, a day from the edge


class BadValueError(ValueError):
    """The value does not fit the field's type."""


def is_empty(value: Any) -> bool:
    return value is None or value == "" or value is False or value == [] or value == {}


def parse(kind: str, value: Any, zone: tzinfo) -> Any:
    """A value from the wire in its stored form, None when empty. Raises BadValueError."""
    if kind == "char":
        return "Y" if value == "Y" else "N"
    if kind == "boolean":
        return _boolean(value)
    if is_empty(value):
        return None
    if isinstance(value, dict | list):
        raise BadValueError(f"one value expected, not {type(value).__name__}")
    if kind in INTEGER_KINDS:
        return _integer(value)
    if kind in AMOUNT_KINDS:
        return amount_text(value)
    if kind == "uf_double":
        return plain(decimal(value))
    if kind == "datetime":
        return parse_moment(value, zone)
    if kind == "date":
        return parse_day(value, zone)
    if value is True:
        return "1"
    return str(value)


def _boolean(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if value in (True, 1, "1", "Y", "y", "true"):
        return 1
    return 0


def _integer(value: Any) -> int:
    match = re.match(r"\s*-?\d+", str(int(value) if isinstance(value, bool | float) else value))
    number = None if match is None else int(match.group())
    if number is None or abs(number) >= NUMBER_MAX:
        raise BadValueError(f"{value!r} is not a number")
    return number


def decimal(value: Any) -> Decimal:
    """A number in any spelling, commas and spaces too. Raises BadValueError."""
    text = str(value).replace("\u00a0", "").replace(" ", "").replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise BadValueError(f"{value!r} is not a number") from error
    if not number.is_finite() or abs(number) >= NUMBER_MAX:
        raise BadValueError(f"{value!r} is not a number")
    return number


def amount_text(value: Any) -> str:
    """Two decimals, half away from zero, as PHP's round does."""
    return str(round2(decimal(value)))


def round2(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def plain(number: Decimal) -> str:
    """The shortest spelling without an exponent."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(text: str | None) -> int | float | None:
    """A stored amount as a JSON number: an integer where nothing follows the point."""
    if text is None:
        return None
    value = float(text)
    return int(value) if value.is_integer() else value


def parse_moment(value: Any, zone: tzinfo) -> int:
    """A date or time in ISO or Russian spelling to unix seconds; without an offset it is in the portal's zone."""
    if isinstance(value, int | float):
        if not FIRST_MOMENT <= value <= LAST_MOMENT:
            raise BadValueError(f"{value!r} is not a date")
        return int(value)
    text = str(value).strip()
    if match := DOTTED_DATE.match(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            return int(datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp())
        except ValueError as error:
            raise BadValueError(f"{value!r} is not a date") from error
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadValueError(f"{value!r} is not a date") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return int(moment.timestamp())


def parse_day(value: Any, zone: tzinfo) -> str:
    """A day: of a time with an offset the part that is written, no conversion."""
    text = str(value).strip()
    if match := DOTTED_DATE.match(text):
        text = f"{match[3]}-{int(match[2]):02d}-{int(match[1]):02d}"
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError as error:
        raise BadValueError(f"{value!r} is not a date") from error


@lru_cache(maxsize=256)
def moment_text(unix: int, zone: tzinfo) -> str:
    """`2026-09-10T11:20:01+03:00` in the portal's zone."""
    return datetime.fromtimestamp(unix, zone).isoformat()


def day_text(day: str, zone: tzinfo) -> str:
    """A pure date as the portal prints it: `2026-09-10T03:00:00+03:00`, the hour being the server's offset."""
    offset = datetime.fromisoformat(day).replace(tzinfo=zone).utcoffset() or timedelta()
    hour = offset if offset >= timedelta() else timedelta()
    clock = datetime.fromisoformat(day) + hour
    return clock.replace(tzinfo=timezone(offset)).isoformat()


def classic_encoder(kind: str, zone: tzinfo) -> Callable[[Any], Any]:
    """Stored form to the classic string; None stays null except for dates, which are printed as ""."""
    if kind == "datetime":
        return lambda value: "" if value is None else moment_text(value, zone)
    if kind == "date":
        return lambda value: "" if value is None else day_text(value, zone)
    if kind == "boolean":
        return lambda value: "" if value is None else str(value)
    return lambda value: None if value is None else str(value)


def typed_encoder(kind: str, zone: tzinfo, boolean_json: bool) -> Callable[[Any], Any]:
    """Stored form to typed JSON."""
    if kind == "datetime":
        return lambda value: None if value is None else moment_text(value, zone)
    if kind == "date":
        return lambda value: None if value is None else day_text(value, zone)
    if kind == "boolean":
        if boolean_json:
            return lambda value: None if value is None else bool(value)
        return lambda value: None if value is None else ("Y" if value else "N")
    if kind in AMOUNT_KINDS or kind == "uf_double":
        return number
    return lambda value: value


def comparable(kind: str, value: Any) -> Any:
    """A stored value as filters and orders compare it."""
    if value is None:
        return None
    if kind in AMOUNT_KINDS or kind == "uf_double":
        return float(value)
    if isinstance(value, str):
        return value.casefold()
    return value


def camel_user_field(name: str) -> str:
    """`UF_CRM_ACC_NO` -> `ufCrmAccNo`, `UF_CRM_1721244482` -> `ufCrm_1721244482`, `UF_CRM_2_17` -> `ufCrm2_17`."""
    parts = name.lower().split("_")
    text = parts[0]
    for position, part in enumerate(parts[1:], 1):
        if part[:1].isdigit():
            text += ("_" if position == len(parts) - 1 else "") + part
        else:
            text += part[:1].upper() + part[1:]
    return text


def folded(name: str) -> str:
    """The letters and digits of a name alone: all spellings of one field's name fold to the same."""
    return name.replace("_", "").lower()
