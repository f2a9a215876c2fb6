"""The wire of a 1C base as it is: names of its objects, words of its enumerations, the two shapes of its errors.

Sources: "1С:Предприятие 8.3. Руководство разработчика", chapter "Стандартный интерфейс OData"; the article
"Работа с данными приложения через OData" of 1cfresh.com; configuration "1С:Бухгалтерия предприятия 3.0".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any, Final

from chassis.values.vat import VatRate
from connectors.wire import ShapeError

VENDOR: Final = "onec"
PDF_MAGIC: Final = b"%PDF-"

ORGANIZATIONS: Final = "Catalog_Организации"
COUNTERPARTIES: Final = "Catalog_Контрагенты"
CONTRACTS: Final = "Catalog_ДоговорыКонтрагентов"
ITEMS: Final = "Catalog_Номенклатура"
UNITS: Final = "Catalog_КлассификаторЕдиницИзмерения"
BANK_ACCOUNTS: Final = "Catalog_БанковскиеСчета"
CURRENCIES: Final = "Catalog_Валюты"
CONTACT_KINDS: Final = "Catalog_ВидыКонтактнойИнформации"
ACCOUNTS: Final = "ChartOfAccounts_Хозрасчетный"
INVOICES: Final = "Document_СчетНаОплатуПокупателю"
SALES: Final = "Document_РеализацияТоваровУслуг"
RECEIPTS: Final = "Document_ПоступлениеНаРасчетныйСчет"
WRITE_OFFS: Final = "Document_СписаниеСРасчетногоСчета"
DUE_DATES: Final = "InformationRegister_СрокиОплатыДокументов"

REQUIRED: Final = (ORGANIZATIONS, COUNTERPARTIES, CONTRACTS, ITEMS, BANK_ACCOUNTS, CURRENCIES, INVOICES)
"""What the administrator must have ticked in the composition of the interface for the least that is done here."""
WANTED: Final = (SALES, RECEIPTS, WRITE_OFFS, UNITS, CONTACT_KINDS, ACCOUNTS, DUE_DATES)
"""What acts, payments, units, e-mails, accounts and due dates need besides."""

TYPE_PREFIX: Final = "StandardODATA."
EMPTY_GUID: Final = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE: Final = "0001-01-01"
ROUBLE_CODE: Final = "643"
SALE_CONTRACT: Final = "СПокупателем"
CONTRACT_NAME: Final = "Основной договор"
LEGAL_ENTITY: Final = "ЮридическоеЛицо"
NATURAL_PERSON: Final = "ФизическоеЛицо"
INVOICE_OPERATION: Final = "ТоварыИУслуги"
SERVICES_OPERATION: Final = "Услуги"
GOODS_OPERATION: Final = "Товары"
MIXED_OPERATION: Final = "ПродажаКомиссия"
REFUND_OPERATION: Final = "ВозвратПокупателю"
ADDRESS: Final = "Адрес"
PHONE: Final = "Телефон"
EMAIL: Final = "АдресЭлектроннойПочты"

VAT_WORDS: Final[dict[VatRate, str]] = {
    "none": "БезНДС",
    "0": "НДС0",
    "5": "НДС5",
    "7": "НДС7",
    "10": "НДС10",
    "18": "НДС18",
    "20": "НДС20",
    "22": "НДС22",
}
VAT_RATES: Final[dict[str, VatRate]] = {word: rate for rate, word in VAT_WORDS.items()} | {
    f"{VAT_WORDS[rate]}_1{int(rate):02d}": rate for rate in VAT_WORDS if rate not in ("none", "0")
}
"""Words of the enumeration СтавкиНДС, the calculated rates of advances (НДС22_122) among them."""

_XML_ERROR: Final = re.compile(
    r"<(?:\w+:)?error\b[^>]*>\s*<(?:\w+:)?code>(?P<code>[^<]*)</(?:\w+:)?code>"
    r"\s*<(?:\w+:)?message[^>]*>(?P<text>[^<]*)</",
)
_TAG: Final = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error says: ``code`` as the platform numbers it ("-1" is an exception in the configuration's code), ""
    without one; ``in_json``: whether it came in the shape that was asked for."""

    code: str
    text: str
    in_json: bool = False


def rows_of(document: Any) -> list[Mapping[str, Any]]:
    """The rows of a collection, without the keys that only describe. Raises ShapeError."""
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ShapeError("value")
    return [entity(row) for row in rows]


def entity(row: Mapping[str, Any]) -> dict[str, Any]:
    """An object without links and annotations, which must not come back to the base."""
    return {name: value for name, value in row.items() if "@" not in name and not name.startswith("odata.")}


def error_of(document: Any) -> ErrorText | None:
    """The error in a JSON body; None without one."""
    error = document.get("odata.error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return None
    message = error.get("message")
    text = message.get("value") if isinstance(message, dict) else message
    code = error.get("code")
    return ErrorText(_line(str(code)) if isinstance(code, str | int) else "", _line(text), in_json=True)


def xml_error_of(body: bytes) -> ErrorText | None:
    """The error in an XML body, which comes where JSON was not understood as asked for; None for anything else."""
    found = _XML_ERROR.search(body[:20_000].decode("utf-8", "replace"))
    return ErrorText(_line(unescape(found["code"])), _line(unescape(found["text"]))) if found else None


def page_text(body: bytes) -> str:
    """The words of a web page that stands in place of an answer."""
    return _line(_TAG.sub(" ", body[:20_000].decode("utf-8", "replace")))


def _line(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
