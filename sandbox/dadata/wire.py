"""Entries of the register as DaData writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sandbox.register.book import Branch, Company

BANK: dict[str, Any] = {
    "value": "АО Примербанк",
    "unrestricted_value": "АО Примербанк",
    "data": {
        "bic": "044525999",
        "swift": "PRIMRUMM",
        "inn": "7707000008",
        "kpp": "770701001",
        "registration_number": "9999",
        "treasury_accounts": None,
        "correspondent_account": "30101810845250000999",
        "payment_city": "г Москва",
        "name": {"payment": "АО Примербанк", "full": None, "short": "Примербанк"},
        "opf": {"type": "BANK", "full": None, "short": None},
        "state": {"status": "ACTIVE", "code": None, "liquidation_date": None},
    },
}


def party(company: Company, now: datetime) -> list[dict[str, Any]]:
    """The head office, then the branches; an entrepreneur is one row without a KPP."""
    if company.is_entrepreneur:
        return [_row(company, company.name, _entrepreneur(company, now))]
    rows = [_row(company, company.name, _legal(company, None, now))]
    return rows + [_row(company, branch.name, _legal(company, branch, now)) for branch in company.branches]


def _row(company: Company, value: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"value": value, "unrestricted_value": value, "data": data}


def _legal(company: Company, branch: Branch | None, now: datetime) -> dict[str, Any]:
    return {
        **_common(company, now, company.address if branch is None else branch.address),
        "kpp": company.kpp if branch is None else branch.kpp,
        "type": "LEGAL",
        "management": None,
        "branch_count": len(company.branches),
        "branch_type": "MAIN" if branch is None else "BRANCH",
        "name": {
            "full_with_opf": company.full_name.upper() if branch is None else branch.name,
            "short_with_opf": company.name if branch is None else branch.name,
            "full": None,
            "short": None,
            "latin": None,
        },
    }


def _entrepreneur(company: Company, now: datetime) -> dict[str, Any]:
    surname, _, rest = company.full_name.removeprefix("Индивидуальный предприниматель ").partition(" ")
    return {
        **_common(company, now, company.address.partition(",")[0]),
        "type": "INDIVIDUAL",
        "fio": {"surname": surname, "name": rest, "patronymic": None, "gender": None, "source": None, "qc": "0"},
        "name": {"full_with_opf": company.full_name, "short_with_opf": company.name, "full": None, "short": None},
    }


def _common(company: Company, now: datetime, address: str) -> dict[str, Any]:
    return {
        "inn": company.inn,
        "ogrn": company.ogrn or None,
        "ogrn_date": _milliseconds(company.registered_on),
        "hid": f"{company.inn}{company.ogrn}",
        "okpo": None,
        "okved": None,
        "address": _address(company, address) if address else None,
        "state": {
            "status": company.status,
            "code": None,
            "actuality_date": int(now.timestamp() * 1000),
            "registration_date": _milliseconds(company.registered_on),
            "liquidation_date": _milliseconds(company.liquidated_on),
        },
        "invalid": None,
        "finance": None,
        "phones": None,
        "emails": None,
    }


def _address(company: Company, address: str) -> dict[str, Any]:
    _, _, short = address.partition(", ")
    invalidity = {"code": "FNS", "decision": None} if company.address_invalid else None
    return {"value": short or address, "unrestricted_value": address, "invalidity": invalidity, "data": None}


def _milliseconds(day: str | None) -> int | None:
    if day is None:
        return None
    found = date.fromisoformat(day)
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp() * 1000)
