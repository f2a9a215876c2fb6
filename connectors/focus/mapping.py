"""Focus' rows → one card; its flags and toponyms as they are."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from connectors import wire
from connectors.ports.companies import CompanyCard, CompanyStatus
from connectors.wire import ShapeError

VENDOR: Final = "focus"

_FLAGS: Final = (
    ("dissolved", CompanyStatus.LIQUIDATED),
    ("dissolving", CompanyStatus.LIQUIDATING),
    ("bankrupting", CompanyStatus.BANKRUPT),
    ("reorganizing", CompanyStatus.REORGANIZING),
)
_TOPONYMS: Final = ("regionName", "district", "city", "settlement", "street", "house", "bulk", "flat")


def card_of(document: Any, inn: str, kpp: str) -> CompanyCard | None:
    """The card of an INN; an unknown one is simply missing from the list. Raises ShapeError."""
    if not isinstance(document, list):
        raise ShapeError("req")
    for row in document:
        found = wire.filled_mapping(row, "company")
        if wire.text(found.get("inn")) == inn:
            return _card(found, inn, kpp)
    return None


def used_up(document: Any, method: str) -> bool | None:
    """Whether a method's limit is spent; None where the statistics do not name it."""
    for row in document if isinstance(document, list) else ():
        if isinstance(row, Mapping) and row.get("methodName") == method:
            spent, limit = row.get("spent"), row.get("limit")
            if isinstance(spent, int) and isinstance(limit, int):
                return spent >= limit
    return None


def _card(row: Mapping[str, Any], inn: str, kpp: str) -> CompanyCard | None:
    if isinstance(row.get("UL"), Mapping):
        return _company(row, row["UL"], inn, kpp)
    if isinstance(row.get("IP"), Mapping):
        return _entrepreneur(row, row["IP"], inn)
    raise ShapeError("UL")


def _company(row: Mapping[str, Any], company: Mapping[str, Any], inn: str, kpp: str) -> CompanyCard | None:
    name = wire.mapping(company.get("legalName"), "legalName")
    status = wire.mapping(company.get("status"), "status")
    own_kpp = wire.text(company.get("kpp"))
    place: Mapping[str, Any] = wire.mapping(company.get("legalAddress"), "legalAddress")
    branch = None
    if kpp and kpp != own_kpp:
        branches = wire.records(company.get("branches"), "branches")
        branch = next((one for one in branches if wire.text(one.get("kpp")) == kpp), None)
        if branch is None:
            return None
        place = branch
    full = wire.text(name.get("full")) or wire.text(name.get("short"))
    how = _status(status)
    return CompanyCard(
        inn=inn,
        kind="company",
        full_name=full,
        short_name=wire.text(name.get("short")) or full,
        status=how,
        provider=VENDOR,
        kpp=kpp if branch is not None else own_kpp,
        ogrn=wire.text(row.get("ogrn")),
        address=_address(place),
        registered_on=_day(company.get("registrationDate")),
        liquidated_on=_ended(company, status, how),
        branch=branch is not None,
        address_doubted=bool(wire.mapping(place.get("parsedAddressRF"), "parsedAddressRF").get("isInaccuracy")),
    )


def _entrepreneur(row: Mapping[str, Any], person: Mapping[str, Any], inn: str) -> CompanyCard:
    status = wire.mapping(person.get("status"), "status")
    name = wire.text(person.get("fio"))
    how = _status(status)
    if wire.text(person.get("dissolutionDate")):
        how = CompanyStatus.LIQUIDATED
    return CompanyCard(
        inn=inn,
        kind="entrepreneur",
        full_name=f"Индивидуальный предприниматель {name}".strip(),
        short_name=f"ИП {name}".strip(),
        status=how,
        provider=VENDOR,
        ogrn=wire.text(row.get("ogrn")),
        registered_on=_day(person.get("registrationDate")),
        liquidated_on=_ended(person, status, how),
    )


def _status(status: Mapping[str, Any]) -> CompanyStatus:
    """By flags, which are there only when they are true; the words beside them are free text."""
    return next((found for flag, found in _FLAGS if status.get(flag) is True), CompanyStatus.ACTIVE)


def _ended(record: Mapping[str, Any], status: Mapping[str, Any], how: CompanyStatus) -> date | None:
    if how is not CompanyStatus.LIQUIDATED:
        return None
    return _day(record.get("dissolutionDate")) or _day(status.get("date"))


def _address(place: Mapping[str, Any]) -> str:
    """One line, or the parts joined from the largest to the smallest; a foreign address as it is."""
    russian = wire.mapping(place.get("parsedAddressRF"), "parsedAddressRF")
    if line := wire.text(russian.get("oneLineFormatOfAddress")):
        return line
    if russian:
        parts = [wire.text(russian.get("zipCode")), *(_toponym(russian.get(name)) for name in _TOPONYMS)]
        return ", ".join(part for part in parts if part)
    foreign = wire.mapping(place.get("foreignAddress"), "foreignAddress")
    parts = [wire.text(foreign.get("countryName")), wire.text(foreign.get("addressString"))]
    return ", ".join(part for part in parts if part)


def _toponym(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    return f"{wire.text(value.get('topoShortName'))} {wire.text(value.get('topoValue'))}".strip()


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and value else None
    except ValueError:
        return None
