"""Objects of an invented base, as its OData interface writes them."""

from datetime import date
from decimal import Decimal
from typing import Any

from chassis.values.lines import DocumentLine, LinesReady, SourceRow, document_lines
from chassis.values.vat import VatMode
from connectors.onec.mapping.writing import Item, Seller
from connectors.ports.accounting import ActDraft, CounterpartyDraft, InvoiceDraft

ENDPOINT = "https://srv.example/buh"
ROOT = f"{ENDPOINT}/odata/standard.odata/"
MARKER = "[b24:1042:invoice:1:7c1f09aa]"
ORGANIZATION = "aaaaaaaa-0000-4000-8000-000000000001"
BUYER_ID = "bbbbbbbb-0000-4000-8000-000000000001"
CONTRACT = "cccccccc-0000-4000-8000-000000000001"
BANK_ACCOUNT = "dddddddd-0000-4000-8000-000000000001"
CURRENCY = "eeeeeeee-0000-4000-8000-000000000001"
ITEM = "ffffffff-0000-4000-8000-000000000001"
INVOICE_ID = "12345678-9abc-4def-8123-456789abcdef"
PAYMENT_ID = "77777777-0000-4000-8000-000000000001"
ACT_ID = "99999999-0000-4000-8000-000000000001"
EMPTY = "00000000-0000-0000-0000-000000000000"
SELLER = Seller(ORGANIZATION, BANK_ACCOUNT, CURRENCY, {"62.01": "a62", "90.01.1": "a90"})
SERVICE, GOODS = Item(ITEM, service=True), Item("ffffffff-0000-4000-8000-000000000002", service=False)

BUYER: dict[str, Any] = {
    "odata.metadata": f"{ROOT}$metadata#Catalog_Контрагенты/@Element", "Ref_Key": BUYER_ID,
    "DataVersion": "AAAAAQAAAAA=", "DeletionMark": False, "IsFolder": False, "Description": "Вектор ООО",
    "НаименованиеПолное": "ООО \"Вектор\"", "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо", "ИНН": "7709123453",
    "КПП": "770901001", "РегистрационныйНомер": "1237700012340", "Комментарий": "",
    "КонтактнаяИнформация": [
        {"LineNumber": "1", "Тип": "Адрес", "Вид_Key": EMPTY, "Представление": "105062, г. Москва"},
        {"LineNumber": "2", "Тип": "АдресЭлектроннойПочты", "Вид_Key": EMPTY, "Представление": "buh@vector.example"},
    ],
    "Parent@navigationLinkUrl": "Catalog_Контрагенты(guid'…')/Parent",
}  # fmt: skip

INVOICE: dict[str, Any] = {
    "odata.metadata": f"{ROOT}$metadata#Document_СчетНаОплатуПокупателю/@Element", "Ref_Key": INVOICE_ID,
    "DataVersion": "AAAAAgAAAAA=", "DeletionMark": False, "Number": "0000-000127", "Date": "2026-03-10T12:00:00",
    "Posted": False, "ВидОперации": "ТоварыИУслуги", "Организация_Key": ORGANIZATION, "Контрагент_Key": BUYER_ID,
    "ДоговорКонтрагента_Key": CONTRACT, "СуммаВключаетНДС": True, "ДокументБезНДС": True, "СуммаДокумента": 85000,
    "Комментарий": f"Сделка №1042 {MARKER}", "КратностьВзаиморасчетов": "1",
    "Товары": [{"Ref_Key": INVOICE_ID, "LineNumber": "1", "Номенклатура": ITEM,
                "Номенклатура_Type": "StandardODATA.Catalog_Номенклатура", "Содержание": "Настройка CRM, час",
                "Количество": 17, "Цена": 5000, "Сумма": 85000, "СтавкаНДС": "БезНДС", "СуммаНДС": 0}],
    "Контрагент@navigationLinkUrl": "Document_СчетНаОплатуПокупателю(guid'…')/Контрагент",
}  # fmt: skip

PAYMENT: dict[str, Any] = {
    "Ref_Key": PAYMENT_ID, "DeletionMark": False, "Number": "0000-000009", "Date": "2026-03-12T00:00:00",
    "Posted": True, "ВидОперации": "ОплатаПокупателя", "СчетОрганизации_Key": BANK_ACCOUNT, "Контрагент": BUYER_ID,
    "Контрагент_Type": "StandardODATA.Catalog_Контрагенты", "СуммаДокумента": 85000,
    "НомерВходящегоДокумента": "451", "ДатаВходящегоДокумента": "2026-03-11T00:00:00",
    "НазначениеПлатежа": "Оплата по счету 127", "ДокументОснование": "",
    "ДокументОснование_Type": "StandardODATA.Undefined",
    "РасшифровкаПлатежа": [{"LineNumber": "1", "СуммаПлатежа": 85000, "СчетНаОплату_Key": INVOICE_ID}],
}  # fmt: skip

ACT: dict[str, Any] = {
    "Ref_Key": ACT_ID, "DeletionMark": False, "Number": "0000-000009", "Date": "2026-03-20T12:00:00", "Posted": False,
    "ВидОперации": "Услуги", "Контрагент_Key": BUYER_ID, "СчетНаОплатуПокупателю_Key": INVOICE_ID,
    "СуммаДокумента": 85000, "Комментарий": f"Акт по сделке №1042 {MARKER}", "Услуги": [], "Товары": [],
}  # fmt: skip


def collection(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"odata.metadata": f"{ROOT}$metadata#Some", "value": list(rows)}


def error(code: str, text: str) -> dict[str, Any]:
    return {"odata.error": {"code": code, "message": {"lang": "ru", "value": text}}}


def lines(*rows: SourceRow, vat_mode: VatMode = "exempt", on: date = date(2026, 3, 10)) -> tuple[DocumentLine, ...]:
    ready = document_lines(rows or (row(),), vat_mode=vat_mode, on=on)
    assert isinstance(ready, LinesReady), ready
    return ready.lines


def row(
    price: str = "5000.00", quantity: str = "17", *, rate: str = "none", included: bool = True, unit: str = "ч",
    name: str = "Настройка CRM, час",
) -> SourceRow:  # fmt: skip
    return SourceRow(name, Decimal(quantity), Decimal(price), Decimal(price), rate, included, unit_name=unit)


def invoice_draft(buyer: str = BUYER_ID, *, due_on: date | None = None) -> InvoiceDraft:
    return InvoiceDraft(date(2026, 3, 10), due_on, buyer, lines(), "Сделка №1042", MARKER)


def act_draft(buyer: str = BUYER_ID, invoice: str | None = INVOICE_ID) -> ActDraft:
    return ActDraft(date(2026, 3, 20), buyer, lines(), "Акт по сделке №1042", MARKER, invoice)


def buyer_draft() -> CounterpartyDraft:
    return CounterpartyDraft("company", "ООО «Вектор»", inn="7709123453", kpp="770901001", email="buh@vector.example")
