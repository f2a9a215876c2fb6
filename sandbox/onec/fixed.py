"""What every base has from the beginning: its organisation, account, currency, units, accounts, kinds of contacts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sandbox.accounting.records import Account
from sandbox.onec.model import TYPES, defaults

UNITS = (
    ("796", "шт", "Штука"), ("876", "усл. ед", "Условная единица"), ("356", "ч", "Час"), ("006", "м", "Метр"),
    ("166", "кг", "Килограмм"), ("778", "упак", "Упаковка"), ("839", "компл", "Комплект"), ("112", "л", "Литр"),
    ("362", "мес", "Месяц"), ("359", "сут", "Сутки"),
)  # fmt: skip
ACCOUNTS = ("41.01", "51", "62", "62.01", "62.02", "90.01.1", "90.02.1", "90.03")
CONTACTS = ("Адрес", "АдресЭлектроннойПочты", "Телефон")
BANK = ("044525225", "ПАО СБЕРБАНК", "30101810400000000225", "г. Москва")
FOLDER = "СправочникКонтрагенты"


def key_of(account: Account, kind: str, name: str) -> str:
    """The reference of something that is there from the beginning."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account.id_key}|{kind}|{name}"))


def _card(account: Account, kind: str, name: str, **values: Any) -> dict[str, Any]:
    known = {"Ref_Key": key_of(account, kind, name), "DataVersion": "AAAAAAAAAAA="}
    return {**defaults(TYPES[kind].properties), **known, **values}


def organization(account: Account) -> dict[str, Any]:
    """The only organisation of the base."""
    legal = len(account.inn) == 10
    return _card(
        account,
        "Catalog_Организации",
        "main",
        Code="0000-00001",
        Description=account.title,
        НаименованиеПолное=account.title,
        НаименованиеСокращенное=account.title,
        ИНН=account.inn,
        КПП=f"{account.inn[:4]}01001" if legal else "",
        ЮридическоеФизическоеЛицо="ЮридическоеЛицо" if legal else "ФизическоеЛицо",
        ОсновнойБанковскийСчет_Key=key_of(account, "Catalog_БанковскиеСчета", "main"),
        Префикс="0000",
    )


def rows(account: Account, kind: str) -> Iterable[dict[str, Any]]:
    """The objects of a set that nobody writes."""
    match kind:
        case "Catalog_Организации":
            yield organization(account)
        case "Catalog_БанковскиеСчета":
            yield _card(
                account, kind, "main", Description=f"{account.own_account}, ПАО СБЕРБАНК", Code="000000001",
                Owner=key_of(account, "Catalog_Организации", "main"), Owner_Type="StandardODATA.Catalog_Организации",
                НомерСчета=account.own_account, Банк_Key=key_of(account, "Catalog_Банки", BANK[0]),
                ВалютаДенежныхСредств_Key=key_of(account, "Catalog_Валюты", "643"),
            )  # fmt: skip
        case "Catalog_Банки":
            region = key_of(account, kind, "region")
            yield _card(account, kind, "region", Description="г. Москва", IsFolder=True)
            code, name, corr, city = BANK
            yield _card(
                account, kind, code, Code=code, Description=name, Parent_Key=region, КоррСчет=corr, Город=city
            )  # fmt: skip
        case "Catalog_Валюты":
            for code, name, full in (("643", "руб.", "Российский рубль"), ("840", "USD", "Доллар США")):
                yield _card(account, kind, code, Code=code, Description=name, НаименованиеПолное=full)
        case "Catalog_КлассификаторЕдиницИзмерения":
            for code, name, full in UNITS:
                yield _card(account, kind, code, Code=code, Description=name, НаименованиеПолное=full)
        case "ChartOfAccounts_Хозрасчетный":
            for code in ACCOUNTS:
                over = code.rpartition(".")[0]
                parent = {"Parent_Key": key_of(account, kind, over)} if over in ACCOUNTS else {}
                yield _card(account, kind, code, Code=code, Description=f"Счет {code}", Predefined=True, **parent)
        case "Catalog_НоменклатурныеГруппы":
            yield _card(account, kind, "main", Code="00-000001", Description="Основная номенклатурная группа")
        case "Catalog_ВидыКонтактнойИнформации":
            folder = key_of(account, kind, FOLDER)
            yield _card(
                account, kind, FOLDER, Description='Контактная информация справочника "Контрагенты"', IsFolder=True,
                Predefined=True, PredefinedDataName=FOLDER,
            )  # fmt: skip
            for name in CONTACTS:
                yield _card(account, kind, name, Description=name, Parent_Key=folder, Тип=name)
        case _:
            return
