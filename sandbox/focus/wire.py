"""Entries of the register as Kontur.Focus writes them; flags are there only when they are true."""

from __future__ import annotations

from typing import Any

from sandbox.register.book import Company

FLAGS = {
    "REORGANIZING": ("reorganizing", "В процессе реорганизации"),
    "BANKRUPT": ("bankrupting", "Банкротство"),
    "LIQUIDATING": ("dissolving", "В стадии ликвидации"),
    "LIQUIDATED": ("dissolved", "Ликвидировано"),
}


def requisites(company: Company) -> dict[str, Any]:
    """`req`: an entrepreneur has no address here."""
    head = {
        "inn": company.inn,
        "ogrn": company.ogrn,
        "focusHref": f"https://focus.kontur.ru/entity?query={company.ogrn}",
        "briefReport": {"summary": {"greenStatements": company.status == "ACTIVE"}},
        "contactPhones": {"count": 0},
    }
    if company.is_entrepreneur:
        person = {
            "fio": company.full_name.removeprefix("Индивидуальный предприниматель "),
            "opf": "Индивидуальный предприниматель",
            "registrationDate": company.registered_on,
            "status": _status(company, "Действующий"),
        }
        return {**head, "IP": person | ({"dissolutionDate": company.liquidated_on} if company.liquidated_on else {})}
    return {**head, "UL": _legal(company)}


def details(company: Company) -> dict[str, Any]:
    """`egrDetails`: activities alone are simulated."""
    activity = {"principalActivity": {"code": "62.01", "text": "Разработка программ", "date": company.registered_on}}
    kind = "IP" if company.is_entrepreneur else "UL"
    return {"inn": company.inn, "ogrn": company.ogrn, kind: {"activities": activity}}


def brief(company: Company) -> dict[str, Any]:
    """`briefReport`: the traffic lights."""
    good = company.status == "ACTIVE"
    summary = {"greenStatements": good, "yellowStatements": False, "redStatements": not good}
    return {"inn": company.inn, "ogrn": company.ogrn, "briefReport": {"summary": summary}}


def _legal(company: Company) -> dict[str, Any]:
    return {
        "kpp": company.kpp,
        "opf": "Общество с ограниченной ответственностью",
        "legalName": {
            "short": company.name,
            "full": company.full_name,
            "readable": company.name,
            "date": company.registered_on,
        },
        "legalAddress": {**_address(company.address, company.address_invalid), "date": company.registered_on},
        "branches": [
            {"name": one.name, "kpp": one.kpp, **_address(one.address, False), "date": company.registered_on}
            for one in company.branches
        ],
        "status": _status(company, "Действующее"),
        "registrationDate": company.registered_on,
        **({"dissolutionDate": company.liquidated_on} if company.liquidated_on else {}),
        "heads": [],
        "managementCompanies": [],
        "history": {"kpps": [], "legalNames": [], "legalAddresses": [], "heads": []},
    }


def _status(company: Company, active: str) -> dict[str, Any]:
    flag, text = FLAGS.get(company.status, ("", active))
    found: dict[str, Any] = {"statusString": text, "date": company.liquidated_on or company.registered_on}
    return found | ({flag: True} if flag else {})


def _address(address: str, inaccurate: bool) -> dict[str, Any]:
    zip_code, _, rest = address.partition(", ")
    parsed: dict[str, Any] = {"zipCode": zip_code, "regionCode": "77"}
    for part in rest.split(", "):
        short, _, value = part.partition(" ")
        place = {"г.": "regionName", "ул.": "street", "д.": "house"}.get(short)
        if place:
            parsed[place] = {"topoShortName": short.rstrip("."), "topoFullName": short, "topoValue": value}
    return {"parsedAddressRF": parsed | ({"isInaccuracy": True} if inaccurate else {})}
