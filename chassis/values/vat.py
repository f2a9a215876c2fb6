"""VAT: rates in force, who charges them, the arithmetic of a line, and the verdict on a line's rate (R9).

Sources: Tax Code of Russia, chapter 21 (art. 145, 164, 168); laws 176-FZ of 12.07.2024 and 425-FZ of 28.11.2025.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal, TypeGuard, get_args

from chassis.domain import Problem
from chassis.values.money import Language, divide_half_up, exact_fraction

VatRate = Literal["none", "0", "5", "7", "10", "18", "20", "22"]
"""``"none"`` is no VAT at all; ``"0"`` is a taxed operation at zero percent. They are never interchangeable."""

VatMode = Literal["exempt", "usn5", "usn7", "standard"]
"""Whether and how a seller charges VAT; independent of the tax regime since 2025."""

Regime = Literal["usn_income", "usn_income_expense", "patent", "ausn", "osno", "npd"]

VAT_RATES: Final[tuple[VatRate, ...]] = get_args(VatRate)

_IN_FORCE: Final[dict[VatRate, tuple[date, date]]] = {
    "18": (date(2004, 1, 1), date(2018, 12, 31)),
    "20": (date(2019, 1, 1), date(2025, 12, 31)),
    "22": (date(2026, 1, 1), date.max),
    "5": (date(2025, 1, 1), date.max),
    "7": (date(2025, 1, 1), date.max),
}

_STANDARD: Final[tuple[VatRate, ...]] = ("18", "20", "22")
"""The rate of article 164 §3, as the years went."""

_RATES_OF_MODE: Final[dict[VatMode, frozenset[VatRate]]] = {
    "exempt": frozenset({"none"}),
    "usn5": frozenset({"none", "0", "5"}),
    "usn7": frozenset({"none", "0", "7"}),
    "standard": frozenset({"none", "0", "10", "18", "20", "22"}),
}

_MODES_OF_REGIME: Final[dict[Regime, frozenset[VatMode]]] = {
    "usn_income": frozenset(get_args(VatMode)),
    "usn_income_expense": frozenset(get_args(VatMode)),
    "patent": frozenset({"exempt"}),
    "ausn": frozenset({"exempt"}),
    "osno": frozenset({"exempt", "standard"}),
    "npd": frozenset({"exempt"}),
}


@dataclass(frozen=True, slots=True)
class TaxPeriod:
    """A seller's regime and VAT mode from a day on, until the next period begins.

    Raises ValueError when the regime never goes with the VAT mode, e.g. Patent with ``standard``.
    """

    valid_from: date
    regime: Regime
    vat: VatMode

    def __post_init__(self) -> None:
        allowed = _MODES_OF_REGIME[self.regime]
        if self.vat not in allowed:
            raise ValueError(f"regime {self.regime} goes with vat {' or '.join(sorted(allowed))}, not {self.vat}")


@dataclass(frozen=True, slots=True)
class RateTaken:
    """The rate that goes on the document; ``warning`` says what was changed about the line."""

    rate: VatRate
    warning: Problem | None = None


@dataclass(frozen=True, slots=True)
class RateBlocked:
    """The line cannot be invoiced as it is.

    Codes: ``vat_rate_unknown``, ``vat_on_top``, ``vat_rate_not_in_force``, ``vat_mode_conflict``.
    """

    problem: Problem


def is_vat_rate(text: str) -> TypeGuard[VatRate]:
    """Whether the text is one of the canonical rates."""
    return text in VAT_RATES


def rate_text(percent: Decimal | int | None) -> str:
    """A percent as our messages write it, known or not: ``None`` → ``none``, ``20.00`` → ``20``, ``16.5`` → ``16.5``.

    Raises ValueError when the percent is not a finite number of a sane size.
    """
    if percent is None:
        return "none"
    value = Decimal(percent)
    return f"{value.normalize():f}" if exact_fraction(value) else "0"


def vat_kopecks(amount_kopecks: int, rate: VatRate, *, included: bool) -> int:
    """VAT of one line, half-up: contained in the amount when ``included``, else to be added on top of it.

    Always from the line's amount; a document's VAT is the sum over its lines.
    """
    if rate == "none":
        return 0
    percent = int(rate)
    return divide_half_up(amount_kopecks * percent, 100 + percent if included else 100)


def in_force(rate: VatRate, on: date) -> bool:
    """Whether a shipment of that day may carry the rate. 18 is for corrections of shipments up to 2018 only."""
    first, last = _IN_FORCE.get(rate, (date.min, date.max))
    return first <= on <= last


def rate_anew(rate: str, on: date) -> str:
    """The rate that stands on a document of that day where an older one had ``rate``: 20 of 2025 is 22 from 2026 on; a
    rate that never changed, or that nobody knows, stays."""
    if rate not in _STANDARD or in_force(rate, on):
        return rate
    return next((one for one in _STANDARD if in_force(one, on)), rate)


def allowed_rates(mode: VatMode, on: date) -> frozenset[VatRate]:
    """The rates that a seller of the mode may put on a document dated ``on``."""
    return frozenset(rate for rate in _RATES_OF_MODE[mode] if in_force(rate, on))


def tax_on(periods: Iterable[TaxPeriod], on: date) -> TaxPeriod | None:
    """The period in force on a day, in whatever order they are listed; None before the first.

    Raises ValueError when two periods begin on one day.
    """
    by_start: dict[date, TaxPeriod] = {}
    for period in periods:
        if by_start.setdefault(period.valid_from, period) is not period:
            raise ValueError(f"two tax periods begin on {period.valid_from.isoformat()}; keep one of them")
    begun = [start for start in by_start if start <= on]
    return by_start[max(begun)] if begun else None


def judge_rate(
    rate: str, *, mode: VatMode, on: date, included: bool, overridden: bool = False
) -> RateTaken | RateBlocked:
    """The verdict on a line's rate for a seller of ``mode``; ``on`` is the day of shipment, or of the document.

    An exempt seller's included VAT becomes no VAT with the same total and a warning, VAT on top is blocked (R9).
    ``overridden`` is the accountant's recorded decision; it lifts ``vat_rate_not_in_force`` and nothing else.
    """
    if not is_vat_rate(rate):
        return RateBlocked(Problem("vat_rate_unknown", {"rate": rate}))
    if mode == "exempt":
        return _judge_exempt(rate, included=included)
    if not in_force(rate, on) and not overridden:
        return RateBlocked(Problem("vat_rate_not_in_force", {"rate": rate, "date": on.isoformat()}))
    if rate not in _RATES_OF_MODE[mode]:
        return RateBlocked(Problem("vat_mode_conflict", {"rate": rate, "mode": mode}))
    return RateTaken(rate)


def vat_words(rate: VatRate, language: Language) -> str:
    """How a document names the VAT contained in its total."""
    if rate == "none":
        return "Без налога (НДС)" if language == "ru" else "No VAT"
    return f"В том числе НДС ({rate}%)" if language == "ru" else f"Including VAT ({rate}%)"


def _judge_exempt(rate: VatRate, *, included: bool) -> RateTaken | RateBlocked:
    if rate == "none":
        return RateTaken("none")
    # Zero percent adds nothing wherever it stands, so the total is the same and there is nothing to ask about.
    if included or rate == "0":
        return RateTaken("none", Problem("vat_dropped_for_exempt_seller", {"rate": rate}))
    return RateBlocked(Problem("vat_on_top", {"rate": rate}))
