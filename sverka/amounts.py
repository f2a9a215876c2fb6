"""Values that people type: sums in roubles, durations, NAME=VALUE pairs and goods."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from sverka.endings import WrongUse
from sverka.language import tr

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw]?)")
_ROUBLES: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
KOPECKS_MAX: Final = 10**14


def kopecks(text: str) -> int:
    """`1500`, `1500.50` or `1 500,50` roubles as kopecks. WrongUse for anything else."""
    plain = re.sub(r"\s", "", text).replace(",", ".")
    if _ROUBLES.fullmatch(plain) and 0 < (found := int(Decimal(plain) * 100)) <= KOPECKS_MAX:
        return found
    raise WrongUse(
        tr(
            f"{text!r} is not a sum of money; write roubles and kopecks such as 1500.50.",
            f"{text!r} не сумма; напишите рубли и копейки, например 1500.50.",
        )
    )


def seconds(text: str) -> float:
    """`90`, `90s`, `5m`, `3h`, `7d` or `1w` in seconds. WrongUse for anything else."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise WrongUse(
            tr(
                f"{text!r} is not a duration; write a number with s, m, h, d or w, such as 7d.",
                f"{text!r} не длительность; напишите число и s, m, h, d или w, например 7d.",
            )
        )
    return float(found[1]) * _UNITS[found[2] or "s"]


def pairs(given: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE arguments; true, false, null and numbers are what they look like. WrongUse without a `=`."""
    found: dict[str, Any] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise WrongUse(
                tr(
                    f"{one!r} is not NAME=VALUE; write for example TITLE=Delivery.",
                    f"{one!r} не ИМЯ=ЗНАЧЕНИЕ; напишите, например, TITLE=Поставка.",
                )
            )
        found[name] = _plain(value)
    return found


def goods(rows: Sequence[str]) -> list[dict[str, Any]]:
    """`NAME;PRICE;QUANTITY[;VAT[;on-top]]` arguments as the sandbox takes them. WrongUse for anything else."""
    found = []
    for row in rows:
        parts = [part.strip() for part in row.split(";")]
        if not 2 <= len(parts) <= 5 or not parts[0] or (len(parts) == 5 and parts[4] != "on-top"):
            raise WrongUse(
                tr(
                    f"{row!r} is no line of goods; write NAME;PRICE;QUANTITY;VAT, such as 'Rack;12500.00;2;20', "
                    "and ;on-top where the VAT comes on top of the price.",
                    f"{row!r} не строка товара; напишите НАЗВАНИЕ;ЦЕНА;КОЛИЧЕСТВО;НДС, например "
                    "'Стеллаж;12500.00;2;20', и ;on-top, если НДС сверху.",
                )
            )
        line: dict[str, Any] = {"name": parts[0], "price": parts[1], "quantity": parts[2] if len(parts) > 2 else "1"}
        if len(parts) > 3 and parts[3] not in ("", "none"):
            line["vat"] = parts[3]
        if len(parts) == 5:
            line["vat_included"] = False
        found.append(line)
    return found


def _plain(value: str) -> Any:
    words: dict[str, Any] = {"true": True, "false": False, "null": None}
    if value in words:
        return words[value]
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return int(value)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", value):
        return float(value)
    return value
