"""Taxpayer identifiers: INN, KPP, OGRN and OGRNIP cleaned and checked, and INN masking for logs (R26).

Check digits are those of python-stdnum, except that OGRNIP takes the final ``mod 10`` as the register does.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, NewType

Inn = NewType("Inn", str)
"""10 digits (legal entity) or 12 (a person), checked; always text, since leading zeros are real."""

Kpp = NewType("Kpp", str)
"""9 characters ``NNNNPPXXX``, upper-case Latin; only legal entities have one."""

InnFault = Literal["inn_empty", "inn_not_digits", "inn_length", "inn_checksum", "kpp_malformed"]

_WEIGHTS: Final = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_LOOKALIKES: Final = str.maketrans("АВСЕНКМОРТХУ", "ABCEHKMOPTXY")
_KPP: Final = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")
_INN_LABEL: Final = re.compile(r"ИНН|INN", re.IGNORECASE)
_KPP_LABEL: Final = re.compile(r"КПП|KPP", re.IGNORECASE)
_NOISE: Final = re.compile(r"[\s:.№-]")
_TEXT_LENGTH_MAX: Final = 200
_PLAIN: Final = re.compile(r"[0-9]{10}|[0-9]{12}")
_SEPARATORS: Final = re.compile(r"[/\\|;,]+")


@dataclass(frozen=True, slots=True)
class InnFound:
    """A checked INN, with the KPP when one was written beside it.

    ``kpp_dropped`` tells that a KPP stood beside a person's INN and was left out, since people have none.
    """

    inn: Inn
    kpp: Kpp | None = None
    kpp_dropped: bool = False


@dataclass(frozen=True, slots=True)
class InnRefused:
    """What was written is no INN; ``cleaned`` is what remained of it, for the sentence that asks to correct it."""

    fault: InnFault
    cleaned: str


def inn_ok(text: str) -> bool:
    """Whether the text is exactly an INN with right check digits. All zeros satisfy the arithmetic and are refused."""
    if not _PLAIN.fullmatch(text) or not text.strip("0"):
        return False
    return all(_check_digit(text[:length]) == int(text[length]) for length in ((9,) if len(text) == 10 else (10, 11)))


def clean_inn(text: str) -> InnFound | InnRefused:
    """Reads an INN as people write it: with spaces, NBSP, zero-width characters, the word ИНН, or as ``INN/KPP``.

    Passing the check digits never proves that the taxpayer exists.
    """
    if _PLAIN.fullmatch(text):
        return InnFound(Inn(text)) if inn_ok(text) else InnRefused("inn_checksum", text)
    kpp_marked = _KPP_LABEL.sub("/", _INN_LABEL.sub(" ", _visible(text)))
    head, *rest = _SEPARATORS.split(_NOISE.sub("", kpp_marked).strip("/\\|;,"), maxsplit=1)
    inn, kpp_text = head, "".join(rest).strip("/\\|;,")
    fault = _inn_fault(inn)
    if fault is not None:
        return InnRefused(fault, inn)
    if not kpp_text:
        return InnFound(Inn(inn))
    if is_person_inn(inn):
        return InnFound(Inn(inn), kpp_dropped=True)
    kpp = clean_kpp(kpp_text)
    return InnRefused("kpp_malformed", kpp_text) if kpp is None else InnFound(Inn(inn), kpp)


def clean_kpp(text: str) -> Kpp | None:
    """A KPP without spaces, upper-case, with Cyrillic look-alikes turned into Latin; None when it is not one."""
    kpp = re.sub(r"\s", "", _KPP_LABEL.sub("", _visible(text))).upper().translate(_LOOKALIKES)
    return Kpp(kpp) if _KPP.fullmatch(kpp) and kpp.strip("0") else None


def is_person_inn(inn: str) -> bool:
    """Whether the INN belongs to a person (an individual or an entrepreneur): 12 digits, personal data."""
    return len(inn) == 12


def ogrn_ok(text: str) -> bool:
    """Whether the text is an OGRN (13 digits, a legal entity) or an OGRNIP (15 digits, an entrepreneur)."""
    if re.fullmatch(r"[15][0-9]{12}", text):
        return int(text[:12]) % 11 % 10 == int(text[12])
    if re.fullmatch(r"3[0-9]{14}", text):
        return int(text[:14]) % 13 % 10 == int(text[14])
    return False


def mask_inn(inn: str) -> str:
    """An INN for logs: 10 digits are public and shown, 12 are personal and keep the last 4, all else is hidden."""
    if re.fullmatch(r"[0-9]{10}", inn):
        return inn
    if re.fullmatch(r"[0-9]{12}", inn):
        return "*" * 8 + inn[-4:]
    return "*" * min(len(inn), 12)


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text[:_TEXT_LENGTH_MAX]  # most are; none of these characters is invisible
    return "".join(char for char in text[:_TEXT_LENGTH_MAX] if unicodedata.category(char) not in ("Cf", "Cc"))


def _check_digit(digits: str) -> int:
    weights = _WEIGHTS[-len(digits) :]
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 % 10


def _inn_fault(inn: str) -> InnFault | None:
    if not inn:
        return "inn_empty"
    if not re.fullmatch(r"[0-9]+", inn):
        return "inn_not_digits"
    if len(inn) not in (10, 12):
        return "inn_length"
    return None if inn_ok(inn) else "inn_checksum"
