"""Titles: user data are checked as the vendor's contract asks and written in the tax service's encoding.

Source: developer.kontur.ru/doc/diadoc-api, page GenerateTitleXml, and the user contract 05_03_01 of the vendor's SDK.
The title is a small one: what a receiver would need of it is there, the format's other members are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

VERSION = "utd970_05_03_01"
FUNCTIONS = ("СЧФ", "ДОП", "СЧФДОП")
RATES = {
    "NoVat": None, "ZeroPercent": 0, "FivePercent": 5, "SevenPercent": 7, "TenPercent": 10, "EighteenPercent": 18,
    "TwentyPercent": 20, "TwentyTwoPercent": 22,
}  # fmt: skip
KOPECK = Decimal("0.01")
SIGNERS_BY = frozenset("123456")
BYTES_MAX = 3 * 1024 * 1024


class TitleError(ValueError):
    """What a title does not allow, for a person."""


@dataclass(frozen=True, slots=True)
class Title:
    """The file of a title."""

    file_name: str
    content: bytes


def generate(body: bytes, function: str, own_box: str, boxes: set[str], names: dict[str, str], guid: str) -> Title:
    """The title of user data; raises TitleError with all that is wrong, one a line."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or len(body) > BYTES_MAX:
        raise TitleError("Тело запроса не является допустимым XML")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - without declarations of entities
    except ElementTree.ParseError as error:
        raise TitleError(f"Тело запроса не является XML: {error}") from error
    faults = list(_faults(root, function, own_box, boxes))
    if faults:
        raise TitleError("\n".join(faults))
    number, day = root.attrib["DocumentNumber"], root.attrib["DocumentDate"]
    buyer = _party(root, "Buyers/Buyer")
    date = datetime.strptime(day, "%d.%m.%Y").strftime("%Y%m%d")  # noqa: DTZ007 - a day
    name = f"ON_NSCHFDOPPR_{names[buyer]}_{names[own_box]}_{date}_{guid}.xml"
    lines = "".join(
        f"<СведТов НаимТов={quoteattr(item.get('Product', ''))} КолТов={quoteattr(item.get('Quantity', ''))} "
        f"ЦенаТов={quoteattr(item.get('Price', ''))} СтТовУчНал={quoteattr(item.get('Subtotal', ''))}/>"
        for item in root.iterfind("Table/Item")
    )
    text = (
        f'<?xml version="1.0" encoding="windows-1251"?>\n<Файл ИдФайл={quoteattr(name[:-4])} ВерсФорм="5.03">'
        f"<Документ Функция={quoteattr(function)}><СвСчФакт НомерДок={quoteattr(number)} ДатаДок={quoteattr(day)}>"
        f"<СвПрод ИдЯщ={quoteattr(own_box)}/><СвПокуп ИдЯщ={quoteattr(buyer)}/></СвСчФакт>"
        f"<ТаблСчФакт>{lines}</ТаблСчФакт></Документ></Файл>"
    )
    return Title(name, text.encode("cp1251", "xmlcharrefreplace"))


def read(content: bytes) -> dict[str, str]:
    """Number, day, buyer's box and function of a title that was generated; raises TitleError."""
    text = content.decode("cp1251", "replace")
    found = re.search(
        r'<Файл ИдФайл="(?P<name>[^"]+)".*Функция="(?P<function>[^"]+)".*НомерДок="(?P<number>[^"]+)" '
        r'ДатаДок="(?P<date>[^"]+)".*<СвПокуп ИдЯщ="(?P<buyer>[^"]+)"',
        text,
        re.DOTALL,
    )
    if found is None:
        raise TitleError("Содержимое документа не соответствует формату титула")
    return {**found.groupdict(), "name": found["name"] + ".xml"}


def _faults(root: ElementTree.Element, function: str, own_box: str, boxes: set[str]) -> list[str]:
    faults: list[str] = []
    if root.tag != "UniversalTransferDocument":
        return [f"Ожидался элемент UniversalTransferDocument, получен {root.tag}"]
    needed = ("Function", "DocumentDate", "DocumentNumber", "Currency")
    faults += [f"Отсутствует обязательный атрибут '{name}'" for name in needed if not root.get(name)]
    if root.get("Function") not in (None, function):
        faults.append("Атрибут 'Function' не совпадает с параметром documentFunction")
    if root.get("DocumentDate") and not re.fullmatch(r"\d\d\.\d\d\.\d{4}", root.attrib["DocumentDate"]):
        faults.append("Атрибут 'DocumentDate' должен иметь вид дд.мм.гггг")
    if len(root.get("DocumentNumber") or "") > 1000 or root.get("Currency") not in (None, "643"):
        faults.append("Недопустимое значение 'DocumentNumber' или 'Currency'")
    if _party(root, "Sellers/Seller") != own_box:
        faults.append("Продавец не является организацией ящика")
    if _party(root, "Buyers/Buyer") not in boxes:
        faults.append("Ящик покупателя не найден")
    signers = root.find("Signers")
    signer = root.find("Signers/Signer")
    if signers is None or signer is None or signer.get("SignerPowersConfirmationMethod") not in SIGNERS_BY:
        faults.append("Отсутствует подписант")
    info = root.find("TransferInfo")
    if info is None or not 1 <= len(info.get("OperationInfo") or "") <= 255:
        faults.append("Отсутствует обязательный атрибут 'OperationInfo'")
    return faults + _sums(root)


def _party(root: ElementTree.Element, path: str) -> str:
    found = root.find(f"{path}/OrganizationReference")
    return "" if found is None else found.get("BoxId", "")


def _sums(root: ElementTree.Element) -> list[str]:
    table = root.find("Table")
    items = [] if table is None else list(table.iterfind("Item"))
    if table is None or not items:
        return ["Отсутствует таблица товаров"]
    faults, net, vat, total = [], Decimal(0), Decimal(0), Decimal(0)
    try:
        for place, item in enumerate(items, 1):
            rate = item.get("TaxRate", "")
            if rate not in RATES or not item.get("Product") or not item.get("Unit"):
                faults.append(f"Строка {place}: не заполнены наименование, единица или ставка")
                continue
            own, tax = Decimal(item.attrib["SubtotalWithVatExcluded"]), _vat(item)
            price = Decimal(item.attrib["Price"]) * Decimal(item.attrib["Quantity"])
            if abs(price - own) > KOPECK or abs(own + tax - Decimal(item.attrib["Subtotal"])) > 0:
                faults.append(f"Строка {place}: суммы не сходятся")
            percent = RATES[rate]
            if (percent is None) != (item.get("WithoutVat") == "true"):
                faults.append(f"Строка {place}: ставка «без НДС» указывается вместе с WithoutVat")
            if percent is not None and abs(own * percent / 100 - tax) > KOPECK:
                faults.append(f"Строка {place}: сумма НДС не соответствует ставке")
            net, vat, total = net + own, vat + tax, total + Decimal(item.attrib["Subtotal"])
        said = (Decimal(table.attrib["TotalWithVatExcluded"]), _vat(table), Decimal(table.attrib["Total"]))
        if said != (net, vat, total):
            faults.append("Итоги таблицы не равны суммам строк")
    except (KeyError, InvalidOperation) as error:
        faults.append(f"Таблица товаров заполнена неверно: {error}")
    return faults


def _vat(element: ElementTree.Element) -> Decimal:
    return Decimal(0) if element.get("WithoutVat") == "true" else Decimal(element.attrib["Vat"])
