"""What a CRM can do for us, in our own words: DTOs and one Protocol per capability."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from chassis.domain import Problem
from chassis.outcomes import Outcome
from chassis.values.lines import SourceRow
from chassis.work.handlers import Permit

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
    None for rows typed by hand. ``history`` is ascending and begins after the id that was asked for.
    ``buyer_updated_at`` is when company, contact, requisites or bank accounts were created or changed last.
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
    ``crm_field_read_only``, ``crm_funnel_missing``, ``crm_stage_missing``; no problems means that all is there."""

    scopes: frozenset[str]
    fields: Mapping[str, FieldInfo]
    stages: tuple[DealStage, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class MoneyValue:
    """A value of a money field; written as ``1500.00|RUB``."""

    kopecks: int
    currency: str = "RUB"


FieldValue = str | int | Decimal | date | MoneyValue
"""What a field takes. ``""`` empties it. Decimal is written with its digits as they stand."""


@dataclass(frozen=True, slots=True)
class SetFields:
    """Absolute values of fields: repeating it changes nothing. Rejected ``crm_field_missing`` when the portal dropped
    one."""

    entity: Entity
    entity_id: str
    fields: Mapping[str, FieldValue]


@dataclass(frozen=True, slots=True)
class MoveStage:
    """Moves a deal inside its funnel; robots may carry it further at once, so the stage that came out is in the
    result."""

    deal_id: str
    stage_id: str


@dataclass(frozen=True, slots=True)
class UploadFile:
    """Puts a file into a single file field; the newest replaces the one before."""

    entity: Entity
    entity_id: str
    field: str
    file_name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class AddComment:
    """A comment in the timeline, once per ``marker``: with ``search_first`` the newest comments are looked through,
    and one that carries the marker is the result. Without it (a first send) the comment is added at once."""

    deal_id: str
    text: str
    marker: str
    file_name: str = ""
    content: bytes = b""
    search_first: bool = True


@dataclass(frozen=True, slots=True)
class NotifyUser:
    """A notification; a later one with the same ``tag`` replaces it, so it may be repeated."""

    user_id: str
    text: str
    tag: str
    client_id: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message to a chat (``chat42``) or a user (``7``). No look-up exists: a repeat is a second message."""

    dialog_id: str
    text: str


CrmCommand = SetFields | MoveStage | UploadFile | AddComment | NotifyUser | ChatMessage


@dataclass(frozen=True, slots=True)
class CrmWritten:
    """What a command left behind: the id of the comment, notification or message; ``found`` when the marker showed that
    the comment was there already; ``stage_id`` and ``semantics`` after a move."""

    object_id: str = ""
    found: bool = False
    stage_id: str = ""


@dataclass(frozen=True, slots=True)
class PortalMoved:
    """The portal was renamed: calls to the old host are redirected. ``new_endpoint`` is to be kept for the account."""

    account: str
    old_endpoint: str
    new_endpoint: str

    def __repr__(self) -> str:
        return f"PortalMoved(account={self.account!r})"


@dataclass(frozen=True, slots=True)
class CrmEvent:
    """A webhook as it came: a hint that an object changed, nothing more.

    ``name`` is upper-case (``ONCRMDEALUPDATE``; ``ROBOT`` for the stock robot), ``entity`` what ``object_id`` names:
    ``deal``, ``company``, ``contact``, ``requisite``, ``bank_detail``, ``item``, ``comment`` or ``other``. Tokens of
    people that come along are dropped.
    """

    name: str
    entity: str
    object_id: str
    entity_type_id: int | None
    application_token: str
    domain: str
    member_id: str
    handler_id: str
    sent_at_unix: int | None

    def token_matches(self, expected: str) -> bool:
        """Whether the event carries the portal's application token; takes the same time for any wrong one."""
        return bool(expected) and hmac.compare_digest(self.application_token.encode(), expected.encode())


class ReadDeal(Protocol):
    """A deal with all that belongs to it. Rejected ``deal_not_visible`` when it is deleted or the rights do not
    reach."""

    async def read_deal(self, permit: Permit, deal_id: str, *, history_after: int = 0) -> Outcome[DealSnapshot]: ...


class StageHistorySince(Protocol):
    """The feed of stage entries of the whole portal, by id."""

    async def stage_history_since(self, permit: Permit, after: int) -> Outcome[StageHistoryPage]: ...


@dataclass(frozen=True, slots=True)
class DealRecheck:
    """What is asked once more before a document comes of a deal: when it was changed last, and which companies of the
    portal have requisites with the buyer's INN."""

    updated_at: datetime | None
    same_inn: tuple[CrmRequisite, ...]


class RecheckDeal(Protocol):
    """One request after a deal was read: did it move meanwhile, and who else has the buyer's INN. An empty INN asks the
    first alone."""

    async def recheck_deal(self, permit: Permit, deal_id: str, inn: str) -> Outcome[DealRecheck]: ...


class DealsModifiedSince(Protocol):
    """Deals changed at or after a moment; ``after`` continues a pass."""

    async def deals_modified_since(
        self, permit: Permit, since: datetime, *, after: str = "0"
    ) -> Outcome[ModifiedDealsPage]: ...


class BuyersModifiedSince(Protocol):
    """Companies, contacts, their requisites and bank accounts that were created or changed at or after a moment, in one
    request; ``after`` continues a pass. Addresses have no time of change, and what was deleted is not listed."""

    async def buyers_modified_since(
        self, permit: Permit, since: datetime, *, after: Mapping[str, str] | None = None
    ) -> Outcome[ModifiedBuyersPage]: ...


class WriteDeal(Protocol):
    """Several commands in one request, each with its own outcome, in order; a failed one stops none of the others."""

    async def write(self, permit: Permit, commands: Sequence[CrmCommand]) -> Sequence[Outcome[CrmWritten]]: ...


class FindComment(Protocol):
    """The look-up of a lost comment by its marker: its id, or None when no comment carries it."""

    async def find_comment(self, permit: Permit, deal_id: str, marker: str) -> Outcome[str | None]: ...


class ReadDealStages(Protocol):
    """All stages of the given funnels, or of all funnels."""

    async def read_deal_stages(
        self, permit: Permit, categories: Sequence[int] | None = None
    ) -> Outcome[tuple[DealStage, ...]]: ...


class CheckPortal(Protocol):
    """Whether a portal has what a tenant's file expects."""

    async def check_portal(self, permit: Permit, wanted: PortalWanted) -> Outcome[PortalReport]: ...


class PingCrm(Protocol):
    """The cheapest call: tells a breaker whether the portal answers again."""

    async def ping(self, permit: Permit) -> Outcome[None]: ...


class ParseWebhook(Protocol):
    """Reads the body of a webhook within limits; a Problem says what is wrong with it, in no more words than that."""

    def parse_webhook(self, body: bytes, content_type: str) -> CrmEvent | Problem: ...


class Crm(
    ReadDeal, RecheckDeal, StageHistorySince, DealsModifiedSince, BuyersModifiedSince, WriteDeal, FindComment,
    ReadDealStages, CheckPortal, PingCrm, ParseWebhook, Protocol,
):  # fmt: skip
    """A CRM that can do all of it."""
