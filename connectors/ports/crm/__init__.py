"""What a CRM can do for us, in our own words: one Protocol per capability over DTOs of our own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chassis.domain import Problem
from chassis.outcomes import Outcome
from chassis.work.handlers import Permit
from connectors.ports.crm.cards import (
    CardEntity,
    CrmCard,
    PutAddress,
    PutRequisite,
    ReadCard,
)
from connectors.ports.crm.commands import (
    RECIPIENT_REFUSED,
    AddComment,
    ChatMessage,
    CrmCommand,
    CrmWritten,
    FieldValue,
    MoneyValue,
    MoveStage,
    NotifyUser,
    SetFields,
    UploadFile,
)
from connectors.ports.crm.companies import (
    CompaniesByInn,
    CompaniesPage,
    CompanyDetails,
    CrmNewcomer,
    ListCompanies,
    ListedCompany,
    MakeCompany,
    NewCompany,
    Preset,
    ReadCompanies,
    SameInn,
)
from connectors.ports.crm.events import (
    CrmEvent,
    PortalMoved,
)
from connectors.ports.crm.people import FindStandIn, StandIn
from connectors.ports.crm.records import (
    CrmAddress,
    CrmBankDetail,
    CrmCompany,
    CrmContact,
    CrmDeal,
    CrmRequisite,
    DealRecheck,
    DealSnapshot,
    DealStage,
    Entity,
    FieldInfo,
    ModifiedBuyer,
    ModifiedBuyersPage,
    ModifiedDeal,
    ModifiedDealsPage,
    PortalReport,
    PortalWanted,
    RequisiteSource,
    Semantics,
    StageEntry,
    StageHistoryPage,
)

__all__ = [
    "RECIPIENT_REFUSED",
    "AddComment",
    "BuyersModifiedSince",
    "CardEntity",
    "ChatMessage",
    "CheckPortal",
    "CompaniesByInn",
    "CompaniesPage",
    "CompanyDetails",
    "Crm",
    "CrmAddress",
    "CrmBankDetail",
    "CrmCard",
    "CrmCommand",
    "CrmCompany",
    "CrmContact",
    "CrmDeal",
    "CrmEvent",
    "CrmNewcomer",
    "CrmRequisite",
    "CrmWritten",
    "DealRecheck",
    "DealSnapshot",
    "DealStage",
    "DealsModifiedSince",
    "Entity",
    "FieldInfo",
    "FieldValue",
    "FindComment",
    "FindStandIn",
    "ListCompanies",
    "ListedCompany",
    "MakeCompany",
    "ModifiedBuyer",
    "ModifiedBuyersPage",
    "ModifiedDeal",
    "ModifiedDealsPage",
    "MoneyValue",
    "MoveStage",
    "NewCompany",
    "NotifyUser",
    "ParseWebhook",
    "PingCrm",
    "PortalMoved",
    "PortalReport",
    "PortalWanted",
    "Preset",
    "PutAddress",
    "PutRequisite",
    "ReadCard",
    "ReadCompanies",
    "ReadDeal",
    "ReadDealStages",
    "RecheckDeal",
    "RequisiteSource",
    "SameInn",
    "Semantics",
    "SetFields",
    "StageEntry",
    "StageHistoryPage",
    "StageHistorySince",
    "StandIn",
    "UploadFile",
    "WriteDeal",
]


class ReadDeal(Protocol):
    """A deal with all that belongs to it. Rejected ``deal_not_visible`` when it is deleted or the rights do not
    reach; of more rows than can be read it has none (``oversized``), of a long history the newest entries."""

    async def read_deal(self, permit: Permit, deal_id: str, *, history_after: int = 0) -> Outcome[DealSnapshot]: ...


class StageHistorySince(Protocol):
    """The feed of stage entries of the whole portal, by id."""

    async def stage_history_since(self, permit: Permit, after: int) -> Outcome[StageHistoryPage]: ...


class RecheckDeal(Protocol):
    """One request after a deal was read: did it move meanwhile, and who else has the buyer's INN. An empty INN asks the
    first alone. ``products`` are asked for their codes in other systems, in as many requests as batches they fill."""

    async def recheck_deal(
        self, permit: Permit, deal_id: str, inn: str, products: Sequence[str] = ()
    ) -> Outcome[DealRecheck]: ...


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
    ReadDealStages, CheckPortal, ListCompanies, ReadCompanies, PingCrm, ParseWebhook, ReadCard, CompaniesByInn,
    MakeCompany, FindStandIn, Protocol,
):  # fmt: skip
    """A CRM that can do all of it."""
