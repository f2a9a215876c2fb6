"""What people do in a portal by hand: companies with requisites, contacts, deals with goods, moves and edits."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sandbox.bitrix24 import items, legal, multifields, rows
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.writing import typed_values
from sandbox.core.roster import Party
from sandbox.core.wire import BadRequestError

T = TypeVar("T")

COMPANY_KEYS = {
    "title", "inn", "kpp", "ogrn", "full_name", "director", "address", "city", "postal_code", "bank", "email", "phone",
    "mine", "requisites", "preset", "assigned_by", "fields",
}  # fmt: skip
CONTACT_KEYS = {"name", "last_name", "second_name", "company", "email", "phone", "assigned_by", "fields"}
DEAL_KEYS = {
    "title", "company", "contact", "category", "stage", "rows", "assigned_by", "opportunity", "currency", "fields",
    "requisite", "bank_detail",
}  # fmt: skip
ROW_KEYS = {
    "name", "product", "price", "quantity", "vat", "vat_included", "discount_percent", "discount_sum", "measure",
    "measure_code",
}  # fmt: skip
INDIVIDUAL_PRESET, ORGANISATION_PRESET = 2, 1
MEASURE_CODES = {"шт": 796, "м": 6, "кг": 166, "ч": 356, "л": 112, "усл. ед": 876, "г": 163}
LEGAL_ADDRESS = 6


def checked(body: dict[str, Any], known: set[str]) -> dict[str, Any]:
    if unknown := set(body) - known:
        raise BadRequestError(f"unknown keys {sorted(unknown)}; known are {sorted(known)}")
    return body


def refusing(action: Callable[[], T]) -> T:
    """A portal's refusal as a sentence for whoever asked for the hand edit."""
    try:
        return action()
    except (RestError, items.FieldError) as error:
        raise BadRequestError(str(error)) from error


def card(party: Party) -> dict[str, Any]:
    """A party of the roster as a company's keys."""
    return {
        "title": party.name, "full_name": party.full_name, "inn": party.inn, "kpp": party.kpp or None,
        "ogrn": party.ogrn, "address": party.address, "email": party.email, "phone": party.phone,
    }  # fmt: skip


def add_company(portal: Portal, body: dict[str, Any], user_id: int) -> int:
    """A company; with an INN (or with `requisites: true`) a requisite, an address and, where given, bank details."""
    checked(body, COMPANY_KEYS)
    family = BY_NAME["company"]
    values: Record = {"TITLE": str(body.get("title") or "Компания"), "TYPE_ID": "CUSTOMER"}
    if body.get("mine"):
        values["IS_MY_COMPANY"] = "Y"
    number = _create(portal, family, values, body, user_id)
    if body.get("requisites", bool(body.get("inn"))):
        requisite = add_requisite(portal, 4, number, body, user_id)
        if body.get("bank"):
            add_bank(portal, requisite, body["bank"], user_id)
    return number


def add_requisite(portal: Portal, entity_type: int, entity: int, body: dict[str, Any], user_id: int) -> int:
    """A requisite as a manager fills it in: nothing is checked, RQ_INN is free text."""
    inn = str(body.get("inn") or "")
    person = len(inn) == 12
    values: Record = {
        "ENTITY_TYPE_ID": entity_type, "ENTITY_ID": entity,
        "PRESET_ID": int(body.get("preset") or (INDIVIDUAL_PRESET if person else ORGANISATION_PRESET)),
        "NAME": "ИП" if person else "Организация", "RQ_INN": inn or None, "RQ_KPP": body.get("kpp"),
        "RQ_COMPANY_NAME": body.get("title"), "RQ_COMPANY_FULL_NAME": body.get("full_name"),
        "RQ_DIRECTOR": body.get("director"), ("RQ_OGRNIP" if person else "RQ_OGRN"): body.get("ogrn"),
    }  # fmt: skip
    if person:
        words = str(body.get("title") or "").removeprefix("ИП").split()
        values |= dict(zip(("RQ_LAST_NAME", "RQ_FIRST_NAME", "RQ_SECOND_NAME"), words, strict=False))
    number: int = refusing(lambda: legal.add_requisite(portal, values, user_id))
    if body.get("address"):
        address: Record = {
            "TYPE_ID": LEGAL_ADDRESS, "ENTITY_TYPE_ID": 8, "ENTITY_ID": number, "ADDRESS_1": str(body["address"]),
            "CITY": str(body.get("city") or "Москва"), "POSTAL_CODE": str(body.get("postal_code") or ""),
            "COUNTRY": "Россия",
        }  # fmt: skip
        refusing(lambda: legal.add_address(portal, address))
    return number


def add_bank(portal: Portal, requisite: int, bank: dict[str, Any], user_id: int) -> int:
    values: Record = {
        "ENTITY_ID": requisite, "NAME": bank.get("name", "Расчётный счёт"), "RQ_BANK_NAME": bank.get("bank"),
        "RQ_BIK": bank.get("bik"), "RQ_ACC_NUM": bank.get("account"), "RQ_COR_ACC_NUM": bank.get("correspondent"),
        "RQ_ACC_CURRENCY": bank.get("currency", "RUR"),
    }  # fmt: skip
    return refusing(lambda: legal.add_bank_detail(portal, values, user_id))


def add_contact(portal: Portal, body: dict[str, Any], user_id: int) -> int:
    checked(body, CONTACT_KEYS)
    values: Record = {
        "NAME": body.get("name", "Контакт"), "LAST_NAME": body.get("last_name"),
        "SECOND_NAME": body.get("second_name"), "COMPANY_ID": body.get("company"),
    }  # fmt: skip
    return _create(portal, BY_NAME["contact"], values, body, user_id)


def _create(portal: Portal, family: Family, values: Record, body: dict[str, Any], user_id: int) -> int:
    values = {
        **values,
        "ASSIGNED_BY_ID": int(body.get("assigned_by") or user_id),
        **_extra(portal, family, body, user_id),
    }
    entries = [
        {"ID": None, "TYPE_ID": kind, "VALUE_TYPE": "WORK", "VALUE": str(body[key])}
        for key, kind in (("phone", "PHONE"), ("email", "EMAIL"))
        if body.get(key)
    ]

    def contacts(number: int) -> None:
        if entries:
            multifields.write(portal, family, number, entries)

    return refusing(
        lambda: items.create(
            portal, family, values, user_id, product_rows=row_values(body.get("rows")), before_event=contacts
        )
    )


def _extra(portal: Portal, family: Family, body: dict[str, Any], user_id: int) -> Record:
    fields = body.get("fields") or {}
    return refusing(lambda: typed_values(portal, portal.schema(family), fields, None, user_id)[0])


def add_deal(portal: Portal, body: dict[str, Any], user_id: int) -> int:
    """A deal with its goods; `stage` as in crm.status.list, the funnel's first stage by default."""
    checked(body, DEAL_KEYS)
    values: Record = {
        "TITLE": body.get("title"), "COMPANY_ID": body.get("company"), "CONTACT_ID": body.get("contact"),
        "CATEGORY_ID": body.get("category"), "STAGE_ID": body.get("stage"), "CURRENCY_ID": body.get("currency"),
    }  # fmt: skip
    if body.get("opportunity") is not None:
        values["OPPORTUNITY"] = f"{float(body['opportunity']):.2f}"
        values["IS_MANUAL_OPPORTUNITY"] = "Y" if body.get("rows") else "N"
    number = _create(portal, BY_NAME["deal"], values, body, user_id)
    if body.get("requisite"):
        link = {"ENTITY_TYPE_ID": 2, "ENTITY_ID": number, "REQUISITE_ID": int(body["requisite"]),
                "BANK_DETAIL_ID": int(body.get("bank_detail") or 0), "MC_REQUISITE_ID": 0,
                "MC_BANK_DETAIL_ID": 0}  # fmt: skip
        refusing(lambda: legal.register_link(portal, link))
    return number


def row_values(given: Any) -> list[dict[str, Any]]:
    """Goods in the words of the control API to those of a product row; `vat` null or absent means without VAT."""
    made = []
    for row in given or []:
        checked(row, ROW_KEYS)
        measure = str(row.get("measure") or "шт")
        values: dict[str, Any] = {
            "PRODUCT_NAME": row.get("name"), "PRODUCT_ID": row.get("product") or 0, "QUANTITY": row.get("quantity", 1),
            "TAX_RATE": row.get("vat"), "TAX_INCLUDED": "Y" if row.get("vat_included", True) else "N",
            "MEASURE_NAME": measure, "MEASURE_CODE": row.get("measure_code") or MEASURE_CODES.get(measure, 796),
        }  # fmt: skip
        # People type the price before the discount: with tax where tax is included, without it otherwise.
        values["PRICE_BRUTTO" if values["TAX_INCLUDED"] == "Y" else "PRICE_NETTO"] = row.get("price", 0)
        if row.get("discount_percent"):
            values |= {"DISCOUNT_TYPE_ID": rows.PERCENT, "DISCOUNT_RATE": row["discount_percent"]}
        elif row.get("discount_sum"):
            values |= {"DISCOUNT_TYPE_ID": rows.MONETARY, "DISCOUNT_SUM": row["discount_sum"]}
        made.append(values)
    return made


def edit(portal: Portal, family: Family, number: int, fields: dict[str, Any], user_id: int) -> bool:
    """Fields by their universal or original names; True when something changed."""
    record = portal.table(family.name).records[number]
    values, entries = refusing(lambda: typed_values(portal, portal.schema(family), fields, record, user_id))
    changed = multifields.write(portal, family, number, entries) if entries else False
    return refusing(lambda: items.update(portal, family, number, values, user_id, skip_unchanged=not changed))


def move(portal: Portal, number: int, stage: str | None, category: int | None, user_id: int) -> bool:
    """A deal to another stage, or to another funnel (there to the given stage or the first one)."""
    values: Record = {}
    if category is not None:
        values["CATEGORY_ID"] = int(category)
    if stage is not None:
        values["STAGE_ID"] = stage
    return refusing(lambda: items.update(portal, BY_NAME["deal"], number, values, user_id, skip_unchanged=True))


def replace_rows(portal: Portal, number: int, given: list[dict[str, Any]], user_id: int) -> None:
    family = BY_NAME["deal"]
    refusing(lambda: rows.replace_all(portal, family, number, row_values(given), strict=False))
    items.rows_changed(portal, family, number, user_id)


def made_up_deal(
    chance: random.Random, companies: Sequence[int], goods: Sequence[tuple[str, str, int, str]]
) -> dict[str, Any]:
    """A deal of one to three goods for one of the companies, the same for the same random state."""
    chosen = chance.sample(list(goods), chance.randint(1, 3))
    return {
        "title": f"Поставка: {chosen[0][0]}",
        "company": chance.choice(list(companies)),
        "rows": [
            {"name": name, "price": price, "quantity": chance.randint(1, 12), "measure": symbol, "measure_code": code}
            for name, price, code, symbol in chosen
        ],
    }
