"""Bank requisites: BIC, keys of settlement and correspondent accounts, and account masking for logs (R26).

Source: Bank of Russia procedure of 08.09.1997 No. 515 on calculating the key of an account.
"""

import re
from typing import Final

_KEY_WEIGHTS: Final = (7, 1, 3)
_UNIT_ENDINGS: Final = ("000", "001", "002")
_PERSONAL_PREFIXES: Final = ("40802", "40817", "40820", "423")


def bic_ok(bic: str) -> bool:
    """Whether the text looks like a BIC: 9 digits beginning 00–04. Only the bank directory knows whether it exists."""
    return re.fullmatch(r"0[0-4][0-9]{7}", bic) is not None


def account_ok(bic: str, account: str) -> bool:
    """Whether a client's account has the right key for its bank. Treasury accounts (03…) carry no key and pass."""
    if not _shaped(bic, account):
        return False
    if account.startswith("03"):
        return True
    in_bank_of_russia = bic.endswith(_UNIT_ENDINGS) or account.startswith("40102")
    return _weighted_sum(_unit_prefix(bic) if in_bank_of_russia else bic[-3:], account) == 0


def correspondent_ok(bic: str, account: str) -> bool:
    """Whether a bank's correspondent account, or a treasury single account in its place, has the right key."""
    return _shaped(bic, account) and _weighted_sum(_unit_prefix(bic), account) == 0


def with_key(bic: str, account: str) -> str:
    """The client's account at an ordinary bank with its 9th digit replaced by the right key.

    Raises ValueError when BIC or account are not 9 and 20 digits.
    """
    if not _shaped(bic, account):
        raise ValueError("a BIC is 9 digits and an account 20")
    unkeyed = account[:8] + "0" + account[9:]
    return account[:8] + str(_weighted_sum(bic[-3:], unkeyed) * 3 % 10) + account[9:]


def mask_account(account: str) -> str:
    """An account for logs: a company's is shown, a person's keeps its last 4 digits, anything else is hidden."""
    if not re.fullmatch(r"[0-9]{20}", account):
        return "*" * min(len(account), 20)
    return "*" * 16 + account[-4:] if account.startswith(_PERSONAL_PREFIXES) else account


def _shaped(bic: str, account: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{9}", bic) and re.fullmatch(r"[0-9]{20}", account))


def _unit_prefix(bic: str) -> str:
    return "0" + bic[4:6]


def _weighted_sum(prefix: str, account: str) -> int:
    digits = prefix + account
    return sum(int(digit) * _KEY_WEIGHTS[place % 3] % 10 for place, digit in enumerate(digits)) % 10
