"""The CRM in memory: deals, their stage history, companies and people of every portal as plain dictionaries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.values.lines import SourceRow
from chassis.work.handlers import Permit
from connectors.ports.crm import (
    AddComment,
    CardEntity,
    ChatMessage,
    CompaniesPage,
    CompanyDetails,
    CrmCard,
    CrmCommand,
    CrmCompany,
    CrmContact,
    CrmDeal,
    CrmEvent,
    CrmRequisite,
    CrmWritten,
    DealRecheck,
    DealSnapshot,
    DealStage,
    ModifiedBuyer,
    ModifiedBuyersPage,
    ModifiedDeal,
    ModifiedDealsPage,
    MoveStage,
    NotifyUser,
    PortalReport,
    PortalWanted,
    PutAddress,
    PutRequisite,
    Semantics,
    SetFields,
    StageEntry,
    StageHistoryPage,
    StandIn,
    UploadFile,
)
from tests.simulation.vendor import Vendor

HISTORY_PAGE = 7
MODIFIED_PAGE = 7


class Changed(Protocol):
    """Hears of changes."""

    def __call__(self, account: str, entity: str, object_id: str, *, echo: bool) -> None: ...


def _nobody(account: str, entity: str, object_id: str, *, echo: bool) -> None:
    """Hears nothing."""


@dataclass(slots=True)
class Buyer:
    """Who buys: a company with requisites, or a person. ``broken`` requisites are to be put right later."""

    buyer_id: str
    name: str
    inn: str = ""
    kpp: str = ""
    email: str = ""
    is_person: bool = False
    updated_at: datetime | None = None


@dataclass(slots=True)
class Deal:
    """One deal and what was written into it."""

    deal_id: str
    buyer_id: str
    rows: tuple[SourceRow, ...]
    updated_at: datetime
    stage_id: str = "NEW"
    closed: bool = False
    deleted: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    comments: list[tuple[str, str]] = field(default_factory=list)
    notices: dict[str, str] = field(default_factory=dict)

    @property
    def amount_kopecks(self) -> int:
        """The sum of its rows, as the CRM computes it."""
        return sum(int((row.price * row.quantity * 100).quantize(Decimal(1))) for row in self.rows)


@dataclass(slots=True)
class Portal:
    """One portal. ``seen`` is from when on the list of the stage history shows an entry."""

    deals: dict[str, Deal] = field(default_factory=dict)
    buyers: dict[str, Buyer] = field(default_factory=dict)
    history: list[StageEntry] = field(default_factory=list)
    seen: dict[int, datetime] = field(default_factory=dict)
    chat: list[tuple[datetime, str]] = field(default_factory=list)


class MemoryCrm(Vendor):
    """The port over all portals. ``changed`` is told of each change, as a webhook would; an ``echo`` is of our own."""

    name = "bitrix24"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.portals: dict[str, Portal] = {}
        self.changed: Changed = _nobody

    def portal(self, account: str) -> Portal:
        """A portal by its account."""
        found = self.portals.get(account)
        if found is None:
            found = self.portals[account] = Portal()
        return found

    # What people do

    def enter_stage(self, account: str, deal_id: str, stage_id: str) -> None:
        """Somebody, or a robot, moves a deal."""
        portal = self.portal(account)
        deal = portal.deals[deal_id]
        deal.stage_id, deal.closed = stage_id, stage_id == "WON"
        deal.updated_at = self.moment()
        semantics: Semantics = "success" if stage_id == "WON" else "process"
        entry = StageEntry(len(portal.history) + 1, deal_id, 2, 0, stage_id, semantics, deal.updated_at)
        portal.history.append(entry)
        portal.seen[entry.history_id] = self.seen_from()
        self._touched(account, deal_id, f"enters {stage_id}")

    def set_rows(self, account: str, deal_id: str, rows: tuple[SourceRow, ...]) -> None:
        """Somebody changes what is sold."""
        deal = self.portal(account).deals[deal_id]
        deal.rows, deal.updated_at = rows, self.moment()
        self._touched(account, deal_id, f"now comes to {deal.amount_kopecks}")

    def set_deleted(self, account: str, deal_id: str, *, deleted: bool) -> None:
        """Somebody deletes a deal, or takes it out of the bin again."""
        deal = self.portal(account).deals[deal_id]
        deal.deleted, deal.updated_at = deleted, self.moment()
        self._touched(account, deal_id, "is deleted" if deleted else "is back")

    def set_requisites(self, account: str, buyer_id: str, inn: str, kpp: str) -> None:
        """Somebody puts a buyer's requisites right."""
        buyer = self.portal(account).buyers[buyer_id]
        buyer.inn, buyer.kpp, buyer.updated_at = inn, kpp, self.moment()
        self._trace.add(f"bitrix24 {account} requisites of {buyer_id}: {inn} {kpp}")
        self.changed(account, "company", buyer_id, echo=False)

    def _touched(self, account: str, deal_id: str, what: str) -> None:
        self._trace.add(f"bitrix24 {account} deal {deal_id} {what}")
        self.changed(account, "deal", deal_id, echo=False)

    # Reads

    async def read_deal(self, permit: Permit, deal_id: str, *, history_after: int = 0) -> Outcome[DealSnapshot]:
        failure = self.read(permit.account, "read_deal")
        if failure is not None:
            return failure
        portal = self.portal(permit.account)
        deal = portal.deals[deal_id]
        if deal.deleted:
            return Rejected(Problem("deal_not_visible", {"deal": deal_id}))
        now = self._clock.now()
        history = tuple(
            one
            for one in portal.history
            if one.deal_id == deal_id and one.history_id > history_after and portal.seen[one.history_id] <= now
        )
        return Ok(_snapshot(deal, portal.buyers.get(deal.buyer_id), history))

    async def recheck_deal(
        self, permit: Permit, deal_id: str, inn: str, products: Sequence[str] = ()
    ) -> Outcome[DealRecheck]:
        failure = self.read(permit.account, "recheck_deal")
        if failure is not None:
            return failure
        deal = self.portal(permit.account).deals[deal_id]
        return Ok(DealRecheck(None if deal.deleted else deal.updated_at, ()))

    async def stage_history_since(self, permit: Permit, after: int) -> Outcome[StageHistoryPage]:
        failure = self.read(permit.account, "stage_history")
        if failure is not None:
            return failure
        portal, now = self.portal(permit.account), self._clock.now()
        found = [one for one in portal.history[after:] if portal.seen[one.history_id] <= now][:HISTORY_PAGE]
        return Ok(StageHistoryPage(tuple(found), found[-1].history_id if len(found) == HISTORY_PAGE else None))

    async def deals_modified_since(
        self, permit: Permit, since: datetime, *, after: str = "0"
    ) -> Outcome[ModifiedDealsPage]:
        failure = self.read(permit.account, "deals_modified")
        if failure is not None:
            return failure
        found = [
            ModifiedDeal(deal.deal_id, deal.updated_at, 0, deal.stage_id)
            for deal in self.portal(permit.account).deals.values()
            if not deal.deleted and deal.updated_at >= since and int(deal.deal_id) > int(after)
        ][:MODIFIED_PAGE]
        return Ok(ModifiedDealsPage(tuple(found), found[-1].deal_id if len(found) == MODIFIED_PAGE else None))

    async def buyers_modified_since(
        self, permit: Permit, since: datetime, *, after: Mapping[str, str] | None = None
    ) -> Outcome[ModifiedBuyersPage]:
        failure = self.read(permit.account, "buyers_modified")
        if failure is not None:
            return failure
        found = tuple(
            ModifiedBuyer("contact" if one.is_person else "company", one.buyer_id, one.updated_at)
            for one in self.portal(permit.account).buyers.values()
            if one.updated_at is not None and one.updated_at >= since
        )
        return Ok(ModifiedBuyersPage(found, None))

    async def find_comment(self, permit: Permit, deal_id: str, marker: str) -> Outcome[str | None]:
        return Ok(self._comment(permit.account, deal_id, marker))

    async def read_deal_stages(
        self, permit: Permit, categories: Sequence[int] | None = None
    ) -> Outcome[tuple[DealStage, ...]]:
        raise NotImplementedError("no worker asks")

    async def check_portal(self, permit: Permit, wanted: PortalWanted) -> Outcome[PortalReport]:
        raise NotImplementedError("no worker asks")

    async def ping(self, permit: Permit) -> Outcome[None]:
        return self.read(permit.account, "ping") or Ok(None)

    def parse_webhook(self, body: bytes, content_type: str) -> CrmEvent | Problem:
        raise NotImplementedError("webhooks come as hints")

    async def read_card(self, permit: Permit, entity: CardEntity, object_id: str) -> Outcome[CrmCard | None]:
        """No tenant of these runs has cards filled."""
        return Ok(None)

    async def companies_after(self, permit: Permit, after: Mapping[str, str] | None = None) -> Outcome[CompaniesPage]:
        """No tenant of these runs is synced."""
        return Ok(CompaniesPage((), (), None))

    async def read_companies(self, permit: Permit, companies: Mapping[str, str]) -> Outcome[tuple[CompanyDetails, ...]]:
        """No tenant of these runs is synced."""
        return Ok(())

    async def find_stand_in(self, permit: Permit, user_id: str) -> Outcome[StandIn]:
        """Nobody of these runs is dismissed."""
        return Ok(StandIn("", ""))

    # Writes

    async def write(self, permit: Permit, commands: Sequence[CrmCommand]) -> Sequence[Outcome[CrmWritten]]:
        """One batch: lost or answered as a whole; what is answered may hold refusals."""
        account = permit.account
        searched = any(isinstance(one, AddComment) and one.search_first for one in commands)
        repeated = any(isinstance(one, ChatMessage) and one.said_after is not None for one in commands)
        for look, wanted in (("find_comments", searched), ("find_messages", repeated)):
            if wanted and (failure := self.read(account, look)) is not None:
                return [failure] * len(commands)
        batch = self.change(account, "write", "", lambda: [self._apply(account, one) for one in commands])
        return batch.value if isinstance(batch, Ok) else [batch] * len(commands)

    def _apply(self, account: str, command: CrmCommand) -> Outcome[CrmWritten]:
        if self._chance.happens(self.rates.at_limit):
            return Retryable(Problem("crm_busy", {}), outage=False)
        if isinstance(command, ChatMessage):
            return self._say(account, command)
        assert not isinstance(command, PutRequisite | PutAddress), "no tenant of these runs has cards filled"
        deal_id = "" if isinstance(command, NotifyUser) else _deal_of(command)
        deal = self.portal(account).deals.get(deal_id)
        if not isinstance(command, NotifyUser) and (deal is None or deal.deleted):
            return Rejected(Problem("crm_refused", {"text": "not found"}))
        match command:
            case SetFields():
                assert deal is not None
                deal.fields.update(command.fields)
            case UploadFile():
                assert deal is not None
                deal.fields[command.field] = command.content
            case MoveStage():
                self.enter_stage(account, command.deal_id, command.stage_id)
                return Ok(CrmWritten(stage_id=command.stage_id))
            case AddComment():
                assert deal is not None
                known = self._comment(account, deal_id, command.marker) if command.search_first else None
                if known is not None:
                    return Ok(CrmWritten(object_id=known, found=True))
                deal.comments.append((command.marker, command.text))
            case NotifyUser():
                return Ok(CrmWritten(command.tag))
        assert deal is not None
        deal.updated_at = self.moment()
        self.changed(account, "deal", deal_id, echo=True)
        return Ok(CrmWritten(str(len(deal.comments))))

    def _say(self, account: str, message: ChatMessage) -> Outcome[CrmWritten]:
        chat = self.portal(account).chat
        if message.said_after is not None:
            for place, (said_at, text) in enumerate(chat):
                if text == message.text and said_at >= message.said_after:
                    return Ok(CrmWritten(str(place), found=True))
        chat.append((self.moment(), message.text))
        return Ok(CrmWritten(str(len(chat))))

    def _comment(self, account: str, deal_id: str, marker: str) -> str | None:
        comments = self.portal(account).deals[deal_id].comments
        return next((str(place) for place, (known, _) in enumerate(comments) if known == marker), None)


def _deal_of(command: SetFields | MoveStage | UploadFile | AddComment) -> str:
    return command.deal_id if isinstance(command, MoveStage | AddComment) else command.entity_id


def _snapshot(deal: Deal, buyer: Buyer | None, history: tuple[StageEntry, ...]) -> DealSnapshot:
    company, contact, requisite = None, None, None
    if buyer is not None and buyer.is_person:
        contact = CrmContact(buyer.buyer_id, buyer.name, "", "", (buyer.email,))
    elif buyer is not None:
        company = CrmCompany(buyer.buyer_id, buyer.name)
        requisite = CrmRequisite(
            requisite_id=f"9{buyer.buyer_id}",
            owner="company",
            owner_id=buyer.buyer_id,
            active=True,
            sort=500,
            title="",
            name=buyer.name,
            full_name="",
            inn=buyer.inn,
            kpp=buyer.kpp,
            ogrn="",
        )
    return DealSnapshot(
        deal=CrmDeal(
            deal_id=deal.deal_id,
            title="",
            category_id=0,
            stage_id=deal.stage_id,
            semantics="success" if deal.closed else "process",
            closed=deal.closed,
            company_id=company.company_id if company else None,
            contact_id=contact.contact_id if contact else None,
            contact_ids=(contact.contact_id,) if contact else (),
            my_company_id=None,
            amount_kopecks=deal.amount_kopecks,
            amount_is_manual=False,
            currency="RUB",
            assigned_by_id="7",
            created_at=deal.updated_at,
            updated_at=deal.updated_at,
        ),
        company=company,
        contact=contact,
        requisite=requisite,
        requisite_source="company" if requisite else "none",
        requisites=(requisite,) if requisite else (),
        bank_detail=None,
        address=None,
        my_requisite_id=None,
        rows=deal.rows,
        history=history,
        buyer_updated_at=buyer.updated_at if buyer else None,
    )
