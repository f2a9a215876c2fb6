"""What a CRM has: deals with their buyers, stages and fields, as they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from chassis.domain import Problem
from chassis.values.lines import SourceRow

Semantics = Literal["process", "success", "failure"]
RequisiteSource = Literal["link", "company", "contact", "none"]
Entity = Literal["deal", "company", "contact"]


@dataclass(frozen=True, slots=True)
class CrmDeal:
    """A deal. ``contact_id`` is the first of ``contact_ids``. ``user_fields`` are the custom fields under their
    original names, values as the portal gives them."""

    deal_id: str
    title: str
    category_id: int
    stage_id: str
    semantics: Semantics
    closed: bool
    company_id: str | None
    contact_id: str | None
    contact_ids: tuple[str, ...]
    my_company_id: str | None
    amount_kopecks: int
    amount_is_manual: bool
    currency: str
    assigned_by_id: str | None
    created_at: datetime
    updated_at: datetime
    user_fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CrmCompany:
    """A company; ``emails`` and ``phones`` in the portal's order."""

    company_id: str
    title: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    assigned_by_id: str | None = None


@dataclass(frozen=True, slots=True)
class CrmContact:
    """A person."""

    contact_id: str
    first_name: str
    second_name: str
    last_name: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Last, first and second name, as documents print them."""
        return " ".join(part for part in (self.last_name, self.first_name, self.second_name) if part)


@dataclass(frozen=True, slots=True)
class CrmRequisite:
    """Requisites as typed by people: ``inn``, ``kpp`` and ``ogrn`` are raw, the domain cleans them."""

    requisite_id: str
    owner: Entity
    owner_id: str
    active: bool
    sort: int
    title: str
    name: str
    full_name: str
    inn: str
    kpp: str
    ogrn: str
    first_name: str = ""
    second_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CrmBankDetail:
    """A bank account of a requisite, raw; ``currency`` may say RUR for RUB."""

    bank_detail_id: str
    requisite_id: str
    account: str
    bic: str
    bank_name: str
    correspondent_account: str
    currency: str


@dataclass(frozen=True, slots=True)
class CrmAddress:
    """An address of a requisite; ``type_id`` 6 is the legal one."""

    type_id: int
    postal_code: str
    country: str
    province: str
    region: str
    city: str
    line_1: str
    line_2: str

    @property
    def text(self) -> str:
        """The address in one line, as documents print it."""
        parts = (self.postal_code, self.country, self.province, self.region, self.city, self.line_1, self.line_2)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class StageEntry:
    """A record of the stage history; ``history_id`` grows over the portal, ``created_at`` is when the stage was
    entered."""

    history_id: int
    deal_id: str
    type_id: int
    category_id: int
    stage_id: str
    semantics: Semantics
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DealSnapshot:
    """Everything of a deal that an invoice needs, read in one or two requests.

    ``requisite`` is the buyer's by the portal's order: the one linked to the deal, else the company's first active one
    by SORT, else the contact's; ``requisites`` are all active ones of company and contact. ``product_ids`` of rows are
    None for rows typed by hand. ``history`` is ascending and begins after the id that was asked for; of a
    long one it has the newest entries alone.
    ``buyer_updated_at`` is when company, contact, requisites or bank accounts were created or changed last.
    ``company`` is None also where the deal names one that the CRM has no more, and so is ``contact``.
    ``oversized``: the deal has more rows than can be read, and ``rows`` has none of them.
    """

    deal: CrmDeal
    company: CrmCompany | None
    contact: CrmContact | None
    requisite: CrmRequisite | None
    requisite_source: RequisiteSource
    requisites: tuple[CrmRequisite, ...]
    bank_detail: CrmBankDetail | None
    address: CrmAddress | None
    my_requisite_id: str | None
    rows: tuple[SourceRow, ...]
    history: tuple[StageEntry, ...]
    buyer_updated_at: datetime | None = None
    oversized: bool = False


@dataclass(frozen=True, slots=True)
class StageHistoryPage:
    """Stage entries after a cursor, ascending by id. ``next_after`` is None when nothing more is there now."""

    entries: tuple[StageEntry, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class ModifiedDeal:
    """A deal that changed, and when."""

    deal_id: str
    updated_at: datetime
    category_id: int
    stage_id: str


@dataclass(frozen=True, slots=True)
class ModifiedDealsPage:
    """Deals changed since a moment, ascending by id, since offsets move while people work. ``next_after`` as above."""

    deals: tuple[ModifiedDeal, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class ModifiedBuyer:
    """Something of a buyer that was created or changed, and when. ``entity`` is what ``object_id`` names: a company or
    a contact for its card and its requisites, a requisite for its bank accounts."""

    entity: Literal["company", "contact", "requisite"]
    object_id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ModifiedBuyersPage:
    """What changed of buyers since a moment. ``next_after`` continues the pass: ids by the names of the lists that go
    on; None when all of them are at their end."""

    buyers: tuple[ModifiedBuyer, ...]
    next_after: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class DealStage:
    """A stage of a funnel."""

    category_id: int
    stage_id: str
    name: str
    semantics: Semantics
    sort: int


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field of a deal as the portal describes it; ``type`` is the portal's word (string, date, file, money, …)."""

    name: str
    type: str
    is_multiple: bool
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class PortalWanted:
    """What a tenant's file expects of a portal. ``fields``: name → types that will do; ``stages``: funnel → stage
    ids."""

    scopes: frozenset[str]
    fields: Mapping[str, frozenset[str]]
    stages: Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class PortalReport:
    """What a portal has, and what is missing: ``scope_missing``, ``crm_field_missing``, ``crm_field_wrong_type``,
    ``crm_field_read_only``, ``crm_field_multiple``, ``crm_funnel_missing``, ``crm_stage_missing``; no problems
    means that all is there."""

    scopes: frozenset[str]
    fields: Mapping[str, FieldInfo]
    stages: tuple[DealStage, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class DealRecheck:
    """What is asked once more before a document comes of a deal: when it was changed last, and which companies of the
    portal have requisites with the buyer's INN. ``codes`` are the products' codes in other systems, by their ids; one
    that is deleted, not visible, or has no code of its own is absent."""

    updated_at: datetime | None
    same_inn: tuple[CrmRequisite, ...]
    codes: Mapping[str, str] = field(default_factory=dict)
