"""The text of a payment's QR code by ГОСТ Р 56042-2014, which bank applications fill a payment order in from."""

from dataclasses import dataclass
from typing import Final

NAME_LENGTH_MAX: Final = 160
BANK_LENGTH_MAX: Final = 45
PURPOSE_LENGTH_MAX: Final = 210
NO_ACCOUNT: Final = "0"
"""Stands for the correspondent account of a bank that has none."""


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid, and where: INN of 10 or 12 digits, an account of 20, a BIC of 9; ``kpp`` and
    ``correspondent_account`` may be empty."""

    name: str
    inn: str
    kpp: str
    account: str
    bank: str
    bic: str
    correspondent_account: str


def payment_qr(payee: Payee, *, sum_kopecks: int, purpose: str) -> str:
    """The text in UTF-8 with its members divided by ``|``, which no value contains."""
    members = {
        "Name": payee.name[:NAME_LENGTH_MAX],
        "PersonalAcc": payee.account,
        "BankName": payee.bank[:BANK_LENGTH_MAX],
        "BIC": payee.bic,
        "CorrespAcc": payee.correspondent_account or NO_ACCOUNT,
        "Sum": str(sum_kopecks),
        "Purpose": purpose[:PURPOSE_LENGTH_MAX],
        "PayeeINN": payee.inn,
        **({"KPP": payee.kpp} if payee.kpp else {}),
    }
    return "ST00012|" + "|".join(f"{name}={_plain(value)}" for name, value in members.items())


def _plain(value: str) -> str:
    return " ".join(value.split()).replace("|", "/")
