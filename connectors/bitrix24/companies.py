"""All companies of a portal and their requisites, in pages by id that go on from one another inside a batch.

Source: the vendor's documentation, pages "Batch" (references to earlier results), "Big data" (order by id, filter past
the last one, ``start=-1``), crm.item.list, crm.requisite.list, crm.address.list.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors import wire
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.mapping import records
from connectors.bitrix24.mapping.deal import ADDRESS_ORDER, REQUISITE_COLUMNS
from connectors.bitrix24.schema import COMPANY, PAGE_ROWS, REQUISITE, VENDOR, BatchAnswer, Command, Ref, Success
from connectors.ports.crm import (
    CompaniesPage,
    CompanyDetails,
    CrmAddress,
    CrmCompany,
    CrmRequisite,
    ListedCompany,
)
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

COMPANIES: Final = "companies"
REQUISITES: Final = "requisites"
PAGES_PER_LIST: Final = 25
READ_TOGETHER_MAX: Final = 100
_SHORT: Final = (
    "ID", "ENTITY_TYPE_ID", "ENTITY_ID", "NAME", "ACTIVE", "ADDRESS_ONLY", "SORT", "RQ_INN", "RQ_KPP", "RQ_OGRN",
    "RQ_COMPANY_NAME", "RQ_NAME",
)  # fmt: skip
_BEGINNING: Final = "0"

_T = TypeVar("_T")


class Companies:
    """Reads of the companies of any portal."""

    def __init__(self, calls: PortalCalls) -> None:
        self._calls = calls

    async def page(self, permit: Permit, after: Mapping[str, str] | None) -> Outcome[CompaniesPage]:
        """Up to 25 pages of each list. What follows a page that was not full is not looked at: it was asked for past an
        id that is not there."""
        going_on = {COMPANIES: _BEGINNING, REQUISITES: _BEGINNING} if after is None else after
        commands = {name: one for listed, last in going_on.items() for name, one in _pages(listed, last).items()}
        batch = await self._calls.batch(permit, "list_companies", commands, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        found: dict[str, list[Mapping[str, Any]]] = {COMPANIES: [], REQUISITES: []}
        next_after: dict[str, str] = {}
        try:
            for listed, last in going_on.items():
                for name in _pages(listed, last):
                    part = self._calls.part(batch, name, write=False)
                    if not isinstance(part, Success):
                        return part
                    rows = _rows(listed, part, int(last))
                    found[listed] += [row for _, row in rows]
                    if len(rows) < PAGE_ROWS:
                        break
                    last = str(rows[-1][0])
                else:
                    next_after[listed] = last
            return Ok(
                CompaniesPage(
                    companies=tuple(map(_listed, found[COMPANIES])),
                    requisites=tuple(_requisites(found[REQUISITES])),
                    next_after=next_after or None,
                )
            )
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def details(self, permit: Permit, companies: Mapping[str, str]) -> Outcome[tuple[CompanyDetails, ...]]:
        """Requisites by id, the companies that they were of, legal addresses. Raises ValueError over 100."""
        if not 0 < len(companies) <= READ_TOGETHER_MAX:
            raise ValueError(f"1 to {READ_TOGETHER_MAX} requisites are read together, not {len(companies)}")
        commands = _detail_commands(sorted(companies, key=int), sorted(set(companies.values()), key=int))
        batch = await self._calls.batch(permit, "read_companies", commands, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        present = self._calls.present(batch, commands)
        if not isinstance(present, dict):
            return present
        parts = {name: part for name, part in present.items() if part is not None}
        try:
            return Ok(_joined(parts, companies))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)


def _pages(listed: str, last: str) -> dict[str, Command]:
    """Pages of a list past an id, each but the first past the last row of the one before it."""
    commands: dict[str, Command] = {}
    for number in range(PAGES_PER_LIST):
        before = f"{listed}{number - 1}"
        if listed == COMPANIES:
            past: int | Ref = int(last) if number == 0 else Ref(before, "items", str(PAGE_ROWS - 1), "id")
            params: dict[str, Any] = {
                "entityTypeId": COMPANY,
                "select": ("id", "title", "isMyCompany"),
                "filter": {">id": past},
                "order": {"id": "ASC"},
                "start": -1,
            }
            commands[f"{listed}{number}"] = Command("crm.item.list", params)
        else:
            past = int(last) if number == 0 else Ref(before, str(PAGE_ROWS - 1), "ID")
            filtered = {"ENTITY_TYPE_ID": COMPANY, ">ID": past}
            params = {"select": _SHORT, "filter": filtered, "order": {"ID": "ASC"}, "start": -1}
            commands[f"{listed}{number}"] = Command("crm.requisite.list", params)
    return commands


def _rows(listed: str, part: Success, after: int) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows of one page with their ids, ascending. Raises ShapeError for one that does not go on past ``after``."""
    result, key = (wire.mapping(part.result, listed).get("items"), "id") if listed == COMPANIES else (part.result, "ID")
    rows = sorted(
        ((int(records.own_id(row, key)), row) for row in wire.records(result, listed)), key=lambda one: one[0]
    )
    if rows and rows[0][0] <= after:
        raise ShapeError(key)
    return rows


def _listed(row: Mapping[str, Any]) -> ListedCompany:
    return ListedCompany(
        company_id=records.own_id(row, "id"),
        title=wire.text(row.get("title")),
        own=records.flag(wire.required(row, "isMyCompany"), "isMyCompany"),
    )


def _requisites(rows: Sequence[Mapping[str, Any]]) -> list[CrmRequisite]:
    return [records.read_requisite(row) for row in rows if not records.flag(row.get("ADDRESS_ONLY"), "ADDRESS_ONLY")]


def _detail_commands(requisites: Sequence[str], companies: Sequence[str]) -> dict[str, Command]:
    commands: dict[str, Command] = {}
    for start in range(0, len(requisites), PAGE_ROWS):
        ids = tuple(requisites[start : start + PAGE_ROWS])
        params: dict[str, Any] = {"filter": {"@ID": ids}, "order": {"ID": "ASC"}, "select": REQUISITE_COLUMNS}
        commands[f"requisites{start}"] = Command("crm.requisite.list", params)
        # One type of address a list, so that a page of 50 holds all.
        for type_id in ADDRESS_ORDER:
            owned = {"ENTITY_TYPE_ID": REQUISITE, "ENTITY_ID": ids, "TYPE_ID": type_id}
            commands[f"addresses{type_id}_{start}"] = Command("crm.address.list", {"filter": owned})
    for start in range(0, len(companies), PAGE_ROWS):
        wanted = {"@id": tuple(companies[start : start + PAGE_ROWS])}
        params = {"entityTypeId": COMPANY, "select": ("*",), "filter": wanted, "order": {"id": "ASC"}}
        commands[f"companies{start}"] = Command("crm.item.list", params)
    return commands


def _joined(parts: Mapping[str, Success], companies: Mapping[str, str]) -> tuple[CompanyDetails, ...]:
    def listed(prefix: str, read: Callable[[Mapping[str, Any]], _T]) -> list[_T]:
        found = [part.result for name, part in parts.items() if name.startswith(prefix)]
        return [read(row) for result in found for row in wire.records(result, prefix)]

    found_companies: dict[str, CrmCompany] = {}
    for name, part in parts.items():
        if name.startswith(COMPANIES):
            for row in wire.records(wire.mapping(part.result, name).get("items"), name):
                company = records.read_company(row)
                found_companies[company.company_id] = company
    addresses: dict[str, CrmAddress] = {}
    for owner, address in listed(
        "addresses", lambda row: (wire.identity(row.get("ENTITY_ID")), records.read_address(row))
    ):
        known = None if owner is None else addresses.get(owner)
        if owner is not None and (known is None or ADDRESS_ORDER[address.type_id] < ADDRESS_ORDER[known.type_id]):
            addresses[owner] = address
    details = []
    for requisite in listed(REQUISITES, records.read_requisite):
        owner = companies.get(requisite.requisite_id)
        if requisite.active and owner == requisite.owner_id and owner in found_companies:
            details.append(CompanyDetails(requisite, found_companies[owner], addresses.get(requisite.requisite_id)))
    return tuple(details)
