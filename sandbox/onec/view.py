"""A book's records as objects of the base, and the sets that they stand in.

A record keeps what the book itself does not know of an object under `onec`: attributes of the head, rows of sections.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from sandbox.accounting.book import Book
from sandbox.accounting.records import Account, Item, Record, invoice_status, vat_inside
from sandbox.onec import fixed
from sandbox.onec.model import EMPTY_GUID, TYPES, VAT_WORDS, Release, defaults

STORED = {
    "Catalog_Контрагенты": "counterparties",
    "Catalog_Номенклатура": "products",
    "Catalog_ДоговорыКонтрагентов": "contracts",
    "Document_СчетНаОплатуПокупателю": "invoices",
    "Document_РеализацияТоваровУслуг": "acts",
    "Document_ПоступлениеНаРасчетныйСчет": "payments",
    "Document_СписаниеСРасчетногоСчета": "payments",
}
"""Sets that people and clients write, and the book's kinds of records."""
BOOK_WORDS = {ours: word for word, ours in VAT_WORDS.items()}
INVOICES = "Document_СчетНаОплатуПокупателю"
BUYER_TYPE = "StandardODATA.Catalog_Контрагенты"
INVOICE_TYPE = f"StandardODATA.{INVOICES}"
NO_TYPE = "StandardODATA.Undefined"
Entity = dict[str, Any]


class View:
    """One base as its interface shows it."""

    def __init__(self, book: Book, account: Account, release: Release) -> None:
        self._book, self._account, self.release = book, account, release

    def rows(self, kind: str) -> list[Entity]:
        """All objects of a set, in the order in which they were last written."""
        return list(self._rows(kind))

    def one(self, kind: str, key: str) -> Entity | None:
        """An object by its reference."""
        stored = STORED.get(kind)
        if stored is None:
            return next((row for row in self._rows(kind) if row.get("Ref_Key") == key), None)
        record = self._book.get(self._account, stored, key)
        return self.entity(kind, record) if record is not None and belongs(kind, record) else None

    def _rows(self, kind: str) -> Iterator[Entity]:
        if kind == "InformationRegister_СрокиОплатыДокументов":
            yield from self._terms()
        elif kind == "InformationRegister_СтатусыДокументов":
            yield from self._statuses()
        elif kind not in STORED:
            yield from fixed.rows(self._account, kind)
        else:
            for record in self._book.select(self._account, STORED[kind]):
                if belongs(kind, record):
                    found = self.entity(kind, record)
                    yield from [found] * (2 if record.get("listed_twice") else 1)

    def _register(self, record: Record) -> Entity:
        return {
            "Организация_Key": fixed.key_of(self._account, "Catalog_Организации", "main"),
            "Документ": record["id"],
            "Документ_Type": INVOICE_TYPE,
        }

    def _terms(self) -> Iterator[Entity]:
        for record in self._book.select(self._account, "invoices"):
            if record["due_date"]:
                yield {**self._register(record), "СрокОплаты": f"{record['due_date']}T00:00:00"}

    def _statuses(self) -> Iterator[Entity]:
        for record in self._book.select(self._account, "invoices"):
            paid = self._book.paid_kopecks(self._account, record["id"])
            if invoice_status(record, paid, self._book.today) == "Paid":
                type_ = "UnavailableEnums.СтатусОплатыСчета"
                yield {**self._register(record), "Статус": "Оплачен", "Статус_Type": type_}

    def entity(self, kind: str, record: Record) -> Entity:
        """A record as an object of its set."""
        known = record.get("onec", {})
        made = {
            **defaults(TYPES[kind].properties),
            **known,
            "Ref_Key": record["id"],
            "DataVersion": version(record),
            **self._shown(kind, record, known),
        }
        for section in TYPES[kind].sections:
            columns = self.release.section(kind, section)
            made[section] = [
                {name: value for name, value in {**defaults(columns), **row}.items() if name in columns}
                for row in made.get(section, ())
            ]
        return made

    def _shown(self, kind: str, record: Record, known: Entity) -> Entity:
        match kind:
            case "Catalog_Контрагенты":
                return self._counterparty(record, known)
            case "Catalog_Номенклатура":
                code = known.get("Code") or f"00-{stable_number(record)}"
                return {"Code": code, "Description": record["name"], "Артикул": record["article"] or ""}
            case "Document_СчетНаОплатуПокупателю":
                rows = _rows_of(record["items"], known.get("Товары", ()))
                return {**_document(record), "DeletionMark": record["cancelled"], "Товары": rows}
            case "Document_РеализацияТоваровУслуг":
                services = len(known.get("Услуги", ()))
                parts = {"Услуги": record["items"][:services], "Товары": record["items"][services:]}
                return {
                    **_document(record),
                    "СчетНаОплатуПокупателю_Key": record["invoice_id"] or EMPTY_GUID,
                    **{name: _rows_of(items, known.get(name, ())) for name, items in parts.items()},
                }
            case "Catalog_ДоговорыКонтрагентов":
                return {}
            case _:
                return self._money(record)

    def _counterparty(self, record: Record, known: Entity) -> Entity:
        contacts = (("Адрес", "address"), ("АдресЭлектроннойПочты", "email"), ("Телефон", "phone"))
        rows = [
            {
                "Тип": kind,
                "Вид_Key": fixed.key_of(self._account, "Catalog_ВидыКонтактнойИнформации", kind),
                "Представление": record[name],
                "АдресЭП": record[name] if name == "email" else "",
            }
            for kind, name in contacts
            if record[name]
        ]
        return {
            "Code": known.get("Code") or f"00-{stable_number(record)}",
            "Description": record["short_name"] or record["full_name"],
            "НаименованиеПолное": record["full_name"],
            "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо" if record["type"] == "legal" else "ФизическоеЛицо",
            "ИндивидуальныйПредприниматель": record["type"] == "entrepreneur",
            "ИНН": record["inn"] or "",
            "КПП": record["kpp"] or "",
            "РегистрационныйНомер": record["ogrn"] or "",
            "DeletionMark": known.get("DeletionMark", False),
            "КонтактнаяИнформация": _numbered(rows),
        }

    def _money(self, record: Record) -> Entity:
        invoice = self._book.get(self._account, "invoices", record["invoice_id"])
        buyer = invoice["counterparty_id"] if invoice is not None else ""
        amount = roubles(abs(record["amount_kopecks"]))
        contract = invoice.get("onec", {}).get("ДоговорКонтрагента_Key", EMPTY_GUID) if invoice else EMPTY_GUID
        back = record["amount_kopecks"] < 0
        row = {
            "ДоговорКонтрагента_Key": contract,
            "СпособПогашенияЗадолженности": "Автоматически",
            "Сделка_Type": NO_TYPE,
            "СуммаПлатежа": amount,
            "СуммаВзаиморасчетов": amount,
            "СтавкаНДС": "БезНДС",
            "СчетНаОплату_Key": record["invoice_id"],
        }
        return {
            "Number": f"0000-{stable_number(record)}",
            "Date": f"{record['date']}T00:00:00",
            "Posted": not record["removed"],
            "ВидОперации": "ВозвратПокупателю" if back else "ОплатаПокупателя",
            "Организация_Key": fixed.key_of(self._account, "Catalog_Организации", "main"),
            "СчетОрганизации_Key": fixed.key_of(self._account, "Catalog_БанковскиеСчета", "main"),
            "Контрагент": buyer,
            "Контрагент_Type": BUYER_TYPE if buyer else NO_TYPE,
            "ДоговорКонтрагента_Key": contract,
            "СуммаДокумента": amount,
            "НомерВходящегоДокумента": record["payment_order_number"] or "",
            "ДатаВходящегоДокумента": f"{record['date']}T00:00:00",
            "НазначениеПлатежа": record["purpose"] or "",
            "ДокументОснование": record["invoice_id"] if back else "",
            "ДокументОснование_Type": INVOICE_TYPE if back else NO_TYPE,
            "РасшифровкаПлатежа": _numbered([row]),
        }


def belongs(kind: str, record: Record) -> bool:
    """Whether a record is of a set: money in and money out are two."""
    if kind == "Document_ПоступлениеНаРасчетныйСчет":
        return bool(record["amount_kopecks"] >= 0)
    return kind != "Document_СписаниеСРасчетногоСчета" or bool(record["amount_kopecks"] < 0)


def _document(record: Record) -> Entity:
    at = record.get("onec", {}).get("Date", "")
    return {
        "Number": record["number"],
        "Date": at if at.startswith(record["date"]) else f"{record['date']}T00:00:00",
        "Контрагент_Key": record["counterparty_id"],
        "СуммаДокумента": roubles(record["sum_kopecks"]),
        "Комментарий": record["comment"] or "",
    }


def _rows_of(items: Sequence[Item], known: Sequence[Entity]) -> list[Entity]:
    """Rows of a section; what was written to a row stays with it as long as its sum does."""
    made = []
    for place, item in enumerate(items):
        kept = known[place] if place < len(known) else {}
        same = kept.get("Сумма") == roubles(item["sum_kopecks"])
        vat = kept.get("СуммаНДС", 0) if same else roubles(vat_inside(item["sum_kopecks"], item["vat"]))
        made.append(
            {
                **kept,
                "Содержание": item["name"],
                "Количество": plain(item["count"]),
                "Цена": roubles(item["price_kopecks"]),
                "Сумма": roubles(item["sum_kopecks"]),
                "СтавкаНДС": BOOK_WORDS[item["vat"]],
                "СуммаНДС": vat,
            }
        )
    return _numbered(made)


def _numbered(rows: list[Entity]) -> list[Entity]:
    return [{**row, "LineNumber": str(place)} for place, row in enumerate(rows, 1)]


def stable_number(record: Record) -> str:
    """Six digits for what nobody gave a number."""
    return f"{int(record['id'][:8], 16) % 1_000_000:06d}"


def version(record: Record) -> str:
    """The version of a record: another one after every write."""
    return base64.b64encode(int(record["order"]).to_bytes(8, "little")).decode()


def roubles(kopecks: int) -> int | float:
    """Kopecks as a number of roubles; the shortest form of the float is exact to the kopeck."""
    return kopecks // 100 if kopecks % 100 == 0 else kopecks / 100


def plain(count: str) -> int | float:
    """A count as a number."""
    number = Decimal(count)
    return int(number) if number == number.to_integral_value() else float(number)
