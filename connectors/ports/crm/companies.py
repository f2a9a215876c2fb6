"""All companies of a CRM with their requisites: read in pages for a first sync, and again one by one before use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

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


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of requisites as the portal has it."""

    preset_id: str
    name: str


@dataclass(frozen=True, slots=True)
class SameInn:
    """Who has an INN. ``companies``: active requisites of companies; ``contact``: a contact has it; ``marked``: the
    company that carries our marker, "" where none does; ``presets``: the kinds of requisites by kind of buyer."""

    companies: tuple[CompanyDetails, ...]
    contact: bool = False
    marked: str = ""
    presets: Mapping[str, Preset] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewCompany:
    """A company to be made; ``values`` by our names (name, full_name, kpp, ogrn, address, email, phone). ``company_id``
    names one that was made and has no requisites yet. ``marker`` is our key, by which it is found again."""

    marker: str
    kind: Literal["company", "entrepreneur"]
    inn: str
    values: Mapping[str, str]
    preset: Preset
    company_id: str = ""


@dataclass(frozen=True, slots=True)
class CrmNewcomer:
    """A company that was made."""

    company_id: str
    requisite_id: str


class CompaniesByInn(Protocol):
    """Whose requisites have the INN, as typed without spaces, in two requests at most; with ``marker`` also what is
    needed to make a company. Rejected ``lookup_incomplete`` where fifty or more have it."""

    async def companies_by_inn(self, permit: Permit, inn: str, marker: str = "") -> Outcome[SameInn]: ...


class MakeCompany(Protocol):
    """Makes a company with requisites and address in one request; nothing keeps it from being made twice but a look-up
    by INN and marker."""

    async def make_company(self, permit: Permit, company: NewCompany) -> Outcome[CrmNewcomer]: ...


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
