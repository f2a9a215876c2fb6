"""All companies of a CRM with their requisites: read in pages for a first sync, and again one by one before use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit
from connectors.ports.crm.records import CrmAddress, CrmCompany, CrmRequisite


@dataclass(frozen=True, slots=True)
class ListedCompany:
    """A company in short; ``own`` is one of the portal's own legal entities."""

    company_id: str
    title: str
    own: bool


@dataclass(frozen=True, slots=True)
class CompaniesPage:
    """Companies and requisites of companies, each list ascending by id and at its own pace. ``next_after`` continues
    the pass: ids by the names of the lists that go on; None when both are at their end."""

    companies: tuple[ListedCompany, ...]
    requisites: tuple[CrmRequisite, ...]
    next_after: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class CompanyDetails:
    """A requisite as it is now, with its company and its address."""

    requisite: CrmRequisite
    company: CrmCompany
    address: CrmAddress | None


class ListCompanies(Protocol):
    """All companies, whatever their requisites hold, in one request a page; ``after`` continues a pass."""

    async def companies_after(
        self, permit: Permit, after: Mapping[str, str] | None = None
    ) -> Outcome[CompaniesPage]: ...


class ReadCompanies(Protocol):
    """Up to 100 requisites of companies (requisite id → company id) with all that a new accounting record takes, in one
    request. What was deleted, switched off or given to another company meanwhile is not among the answers."""

    async def read_companies(
        self, permit: Permit, companies: Mapping[str, str]
    ) -> Outcome[tuple[CompanyDetails, ...]]: ...
