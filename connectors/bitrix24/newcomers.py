"""Companies by INN, and the making of one that the portal does not have, with its requisites and legal address.

Source: the vendor's documentation, pages "Batch" (references to earlier results), crm.item.add, crm.requisite.add,
crm.requisite.list, crm.requisite.preset.list, crm.address.add.
"""

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.companies import Companies
from connectors.bitrix24.mapping import newcomers
from connectors.bitrix24.schema import PAGE_ROWS, VENDOR, BatchAnswer, Success
from connectors.ports.crm.companies import CompanyDetails, CrmNewcomer, NewCompany, SameInn
from connectors.verdicts import unexpected
from connectors.wire import ShapeError


class Newcomers:
    """The part of the client that finds and makes companies."""

    _calls: PortalCalls
    _companies: Companies

    async def companies_by_inn(self, permit: Permit, inn: str, marker: str = "") -> Outcome[SameInn]:
        """One request, and one more where there are any."""
        commands = newcomers.search_commands(inn, marker)
        batch = await self._calls.batch(permit, "companies_by_inn", commands, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        present = self._calls.present(batch, commands)
        if not isinstance(present, dict):
            return present
        try:
            found = newcomers.read_search({name: part for name, part in present.items() if part is not None})
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        if len(found.requisites) >= PAGE_ROWS:
            return Rejected(Problem("lookup_incomplete", {}))
        details: tuple[CompanyDetails, ...] = ()
        if found.companies:
            read = await self._companies.details(permit, found.companies)
            if not isinstance(read, Ok):
                return read
            details = read.value
        return Ok(SameInn(details, found.contacts, found.marked, found.presets))

    async def make_company(self, permit: Permit, company: NewCompany) -> Outcome[CrmNewcomer]:
        """One request. Where a part was refused the others stand: who asks again finds them by marker."""
        commands = newcomers.make_commands(company)
        batch = await self._calls.batch(permit, "make_company", commands, write=True)
        if not isinstance(batch, BatchAnswer):
            return batch
        parts: dict[str, Success] = {}
        for name in commands:
            part = self._calls.part(batch, name, write=True)
            if not isinstance(part, Success):
                return part
            parts[name] = part
        try:
            return Ok(newcomers.made(company, parts))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=True)
