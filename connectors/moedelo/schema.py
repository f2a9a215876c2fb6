"""MoeDelo's wire as it is: paths, codes of VAT and of states, the envelope of errors and the shapes of lists.

The vendor's own description opens only in an account; the shapes are those on which several public clients of the API
agree, and what none of them shows is named in the README.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chassis.values.vat import VatRate
from connectors.wire import ShapeError

VENDOR: Final = "moedelo"
BILLS: Final = "accounting/api/v1/sales/bill"
ACTS: Final = "accounting/api/v1/sales/act"
WAYBILLS: Final = "accounting/api/v1/sales/waybill"
UPDS: Final = "docs/api/v1/Sales/Upd"
STOCKS: Final = "stock/api/v1/stock"
BUYERS: Final = "kontragents/api/v1/kontragent"
API_HOST: Final = "restapi.moedelo.org"
SITE: Final = "https://moedelo.org"
PAGE_ROWS: Final = 50
"""What a list gives unasked. A longer page may be cut without a word, and would look like the last one."""
PDF_MAGIC: Final = b"%PDF-"

NDS_TYPES: Final[dict[VatRate, int]] = {
    "none": -1,
    "0": 0,
    "5": 5,
    "7": 7,
    "10": 10,
    "18": 18,
    "20": 20,
    "22": 22,
}
VAT_RATES: Final[dict[int, VatRate]] = {number: rate for rate, number in NDS_TYPES.items()}
UPD_NDS_TYPES: Final[dict[VatRate, int]] = {"none": 1, "20": 5}
"""A УПД has ordinals of its own for rates; no client shows more of them."""
WITHOUT_NDS: Final = 1
NDS_INCLUDED: Final = 3
NOT_PAID: Final = 4
CUSTOMER: Final = 2
ORDINARY_BILL: Final = 1
GOODS: Final = 1
SERVICE: Final = 2
SALES_WAYBILL: Final = 1
UPD_WITH_VAT_INVOICE: Final = 1
UPD_WITHOUT_VAT_INVOICE: Final = 2
GENERAL_TAX_SYSTEM: Final = 2
"""Of a seller that pays VAT; what others have is not known, and left out."""
NOT_ON_HANDS: Final = "Нет"

_WORDS: Final = {
    "kpp": "КПП",
    "inn": "ИНН",
    "ogrn": "ОГРН",
    "name": "название",
    "type": "вид",
    "form": "форма",
    "kontragentid": "контрагент",
    "items": "позиции",
    "ndstype": "ставка НДС",
    "ndspositiontype": "НДС в цене",
    "count": "количество",
    "price": "цена",
    "unit": "единица",
    "sum": "сумма",
    "sumwithnds": "сумма с НДС",
    "sumwithoutnds": "сумма без НДС",
    "ndssum": "сумма НДС",
    "docdate": "дата",
    "deadline": "срок оплаты",
    "number": "номер",
    "billid": "счёт",
    "stockid": "склад",
    "stockproductid": "товар на складе",
    "status": "статус",
    "taxsystem": "система налогообложения",
    "date": "дата",
    "settlementaccountid": "расчётный счёт",
    "additionalinfo": "дополнительная информация",
}
BUYER: Final = "kontragentid"
"""The member of a document that names its buyer, in lower case."""
_NOT_THERE: Final = re.compile(r"не найден|не существует|удал[её]н", re.IGNORECASE)
_PLACE: Final = re.compile(r"items\[(\d{1,4})\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error says: for a person, and whether it names what is wrong with the request; ``buyer_gone``: that there
    is no such buyer is among it."""

    text: str
    about_request: bool
    buyer_gone: bool = False


def rows_of(document: Any) -> list[Mapping[str, Any]]:
    """A list in any of its shapes: ``ResourceList`` in an object, or a bare array. Raises ShapeError."""
    rows = document.get("ResourceList") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ShapeError("ResourceList")
    return rows


def error_of(document: Any) -> ErrorText | None:
    """The error in a body: ``ValidationErrors``, ``Message``, or OAuth's; None without one."""
    if not isinstance(document, dict) or "Id" in document or "ResourceList" in document:
        return None
    wrong, message = document.get("ValidationErrors"), document.get("Message")
    if isinstance(wrong, dict) and wrong:
        said = [f"{_named(field)}: {text}" for field, texts in wrong.items() for text in _texts(texts)]
        texts = [text for field, texts in wrong.items() if field.lower() == BUYER for text in _texts(texts)]
        gone = any(_NOT_THERE.search(text) for text in texts)
        return ErrorText("; ".join(said) or str(message or ""), about_request=True, buyer_gone=gone)
    if isinstance(message, str) and message:
        return ErrorText(message, about_request=False)
    error = document.get("error")
    if isinstance(error, str) and error:
        return ErrorText(str(document.get("error_description") or error), about_request=False)
    return None


def oauth_error(document: Any) -> str | None:
    """The code of an OAuth error (RFC 6749 §5.2), in lower case; None without one."""
    error = document.get("error") if isinstance(document, dict) else None
    return error.lower() if isinstance(error, str) and error else None


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        value = [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _named(field: str) -> str:
    """A member's name in a person's words."""
    found = _PLACE.fullmatch(field.lower())
    if found is not None:
        place, rest = int(found[1]) + 1, found[2]
        return f"позиция {place}, {_WORDS.get(rest, rest)}" if rest else f"позиция {place}"
    return _WORDS.get(field.lower(), field)
