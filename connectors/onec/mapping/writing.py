"""From canonical drafts to the bodies that a base writes.

Nothing is filled in by the base when an object comes this way: what is left out stays empty, and names that it does not
know are dropped in silence. So both spellings of an attribute that differs between releases are sent, and the answer is
compared with what was asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks, exact_fraction, round_half_up
from connectors.onec.schema import (
    ADDRESS,
    EMAIL,
    GOODS_OPERATION,
    INVOICE_OPERATION,
    INVOICES,
    ITEMS,
    LEGAL_ENTITY,
    MIXED_OPERATION,
    NATURAL_PERSON,
    PHONE,
    SERVICES_OPERATION,
    TYPE_PREFIX,
    VAT_WORDS,
)
from connectors.ports.accounting import ActDraft, CounterpartyDraft, InvoiceDraft

DESCRIPTION_LENGTH_MAX: Final = 100
_OUR_KEYS: Final = UUID("5f0f3f0a-6f3c-5f0e-9f59-0f1c0c1d7a11")
_SERVICE_UNITS: Final = frozenset({"876", "356", "355", "354", "359", "360", "362", "364", "366", "539", "540"})
"""Units that only work is measured in; whatever else is made here counts as goods."""


@dataclass(frozen=True, slots=True)
class Seller:
    """What documents name of our side: references, "" where the base has none.

    ``accounts`` are references of the chart of accounts by code.
    """

    organization: str
    bank_account: str
    currency: str
    accounts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the nomenclature."""

    key: str
    service: bool
    group: str = ""


def own_key(*parts: str) -> str:
    """The reference that we ask for, the same for the same parts; a base may give its own instead."""
    return str(uuid5(_OUR_KEYS, "\x1f".join(parts)))


def counterparty_body(draft: CounterpartyDraft, *, key: str, comment: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The card of a buyer; ``kinds`` are the base's kinds of contact information by type."""
    contacts = [
        {
            "LineNumber": str(place),
            "Тип": kind,
            "Вид_Key": kinds[kind],
            "Представление": value,
            **({"АдресЭП": value} if kind == EMAIL else {}),
        }
        for place, (kind, value) in enumerate(
            [
                (kind, value)
                for kind, value in ((ADDRESS, draft.address), (EMAIL, draft.email), (PHONE, draft.phone))
                if value and kind in kinds
            ],
            start=1,
        )
    ]
    return {
        "Ref_Key": key,
        "Description": (draft.short_name or draft.name)[:DESCRIPTION_LENGTH_MAX],
        "НаименованиеПолное": draft.name,
        "ЮридическоеФизическоеЛицо": LEGAL_ENTITY if draft.kind == "company" else NATURAL_PERSON,
        "ИндивидуальныйПредприниматель": draft.kind == "entrepreneur",
        "ИНН": draft.inn or "",
        "КПП": draft.kpp or "",
        "РегистрационныйНомер": draft.ogrn or "",
        "Комментарий": comment,
        "КонтактнаяИнформация": contacts,
    }


def contract_body(seller: Seller, buyer: str, *, key: str, name: str, kind: str) -> dict[str, Any]:
    """The contract that documents of a buyer without one go under."""
    return {
        "Ref_Key": key,
        "Description": name,
        "Owner_Key": buyer,
        "Организация_Key": seller.organization,
        "ВидДоговора": kind,
        "ВалютаВзаиморасчетов_Key": seller.currency,
    }


def item_body(line: DocumentLine, *, key: str, unit: str) -> dict[str, Any]:
    """An item for a line that the nomenclature does not know; ``unit`` is the base's reference, "" for none."""
    return {
        "Ref_Key": key,
        "Description": line.name[:DESCRIPTION_LENGTH_MAX].strip(),
        "НаименованиеПолное": line.name,
        "Услуга": line.unit.code in _SERVICE_UNITS,
        **({"ЕдиницаИзмерения_Key": unit} if unit else {}),
    }


def invoice_body(
    draft: InvoiceDraft, *, seller: Seller, contract: str, items: Sequence[Item], key: str
) -> dict[str, Any]:
    """An invoice that the accountant has yet to post; the base gives it its number."""
    rows = [
        {
            "LineNumber": str(place),
            "Номенклатура": item.key,
            "Номенклатура_Type": TYPE_PREFIX + ITEMS,
            "Номенклатура_Key": item.key,
            **_amounts(line),
            "ПроцентСкидки": 0,
            "СуммаСкидки": 0,
        }
        for place, (line, item) in enumerate(zip(draft.lines, items, strict=True), start=1)
    ]
    return _header(draft.issued_on, draft.counterparty_id, draft.lines, seller=seller, contract=contract, key=key) | {
        "ВидОперации": INVOICE_OPERATION,
        "ОрганизацияПолучатель_Key": seller.organization,
        **({"СтруктурнаяЕдиница_Key": seller.bank_account} if seller.bank_account else {}),
        "Комментарий": with_marker(draft.comment, draft.marker),
        "Товары": rows,
    }


def sale_body(
    draft: ActDraft, *, seller: Seller, contract: str, items: Sequence[Item], key: str, universal: bool
) -> dict[str, Any]:
    """The closing document, an act of services, a waybill of goods, or both; ``universal`` makes it a УПД."""
    services: list[dict[str, Any]] = []
    goods: list[dict[str, Any]] = []
    for line, item in zip(draft.lines, items, strict=True):
        section = services if item.service else goods
        section.append(
            {
                "LineNumber": str(len(section) + 1),
                "Номенклатура_Key": item.key,
                **_amounts(line),
                **_row_accounts(item, seller),
                **({"СчетНаОплатуПокупателю_Key": draft.invoice_id} if draft.invoice_id else {}),
            }
        )
    operation = MIXED_OPERATION if services and goods else SERVICES_OPERATION if services else GOODS_OPERATION
    header = _header(draft.issued_on, draft.counterparty_id, draft.lines, seller=seller, contract=contract, key=key)
    settlements = {"СчетУчетаРасчетовСКонтрагентом_Key": "62.01", "СчетУчетаРасчетовПоАвансам_Key": "62.02"}
    return header | {
        "ВидОперации": operation,
        "ЭтоУниверсальныйДокумент": universal,
        **{name: seller.accounts[code] for name, code in settlements.items() if code in seller.accounts},
        **({"СчетНаОплатуПокупателю_Key": draft.invoice_id} if draft.invoice_id else {}),
        "Комментарий": with_marker(draft.comment, draft.marker),
        "Услуги": services,
        "Товары": goods,
    }


def due_date_body(seller: Seller, invoice: str, day: date) -> dict[str, Any]:
    """The term of an invoice, which stands in a register of its own."""
    return {
        "Организация_Key": seller.organization,
        "Документ": invoice,
        "Документ_Type": TYPE_PREFIX + INVOICES,
        "СрокОплаты": f"{day.isoformat()}T00:00:00",
    }


def with_marker(comment: str, marker: str) -> str:
    """The comment with our marker at its end."""
    return f"{comment} {marker}".strip()


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as it is sent; numbers have the digits they have, with a point."""
    return orjson.dumps(body)


def _header(
    day: date, buyer: str, lines: Sequence[DocumentLine], *, seller: Seller, contract: str, key: str
) -> dict[str, Any]:
    # Noon: whoever shifts the moment to another zone does not shift the day.
    return {
        "Ref_Key": key,
        "Date": f"{day.isoformat()}T12:00:00",
        "Posted": False,
        "Организация_Key": seller.organization,
        "Контрагент_Key": buyer,
        "ДоговорКонтрагента_Key": contract,
        "ВалютаДокумента_Key": seller.currency,
        "КурсВзаиморасчетов": 1,
        "КратностьВзаиморасчетов": "1",
        "СуммаВключаетНДС": True,
        "ДокументБезНДС": all(line.vat_rate == "none" for line in lines),
        "СуммаДокумента": _money(sum(line.amount_kopecks for line in lines)),
    }


def _amounts(line: DocumentLine) -> dict[str, Any]:
    # The sum is what counts and is written as it is; the price is its share with the two decimals that a base keeps.
    each = round_half_up(line.amount_kopecks / exact_fraction(line.quantity))
    return {
        "Содержание": line.name,
        "Количество": orjson.Fragment(f"{line.quantity:f}"),
        "Цена": _money(each),
        "Сумма": _money(line.amount_kopecks),
        "СтавкаНДС": VAT_WORDS[line.vat_rate],
        "СуммаНДС": _money(line.vat_kopecks),
    }


def _row_accounts(item: Item, seller: Seller) -> dict[str, str]:
    wanted = {
        "СчетДоходов_Key": "90.01.1",
        "СчетРасходов_Key": "90.02.1",
        "СчетУчетаНДСПоРеализации_Key": "90.03",
        **({} if item.service else {"СчетУчета_Key": "41.01"}),
    }
    found = {name: seller.accounts[code] for name, code in wanted.items() if code in seller.accounts}
    group = {"Субконто": item.group, "Субконто_Type": f"{TYPE_PREFIX}Catalog_НоменклатурныеГруппы"}
    return found | (group if item.group else {})


def _money(kopecks: int) -> orjson.Fragment:
    return orjson.Fragment(f"{decimal_from_kopecks(kopecks):.2f}")
