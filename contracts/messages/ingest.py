"""What `ingest` says: facts about deals, requests that triggers made of them, statement files, and the state of each
tenant."""

from datetime import datetime
from typing import Literal

from contracts.envelope import Message
from contracts.messages.values import DealSnapshot, EffectiveSettings, Reason, Register, TenantSettings


class DealStageChanged(Message, name="DealStageChanged"):
    """A tracked deal entered a stage. ``history_id`` is the portal's stage-history id, ``entered_at`` its
    CREATED_TIME."""

    deal_id: str
    history_id: str
    category_id: str
    stage_id: str
    entered_at: datetime


class InvoiceRequested(Message, name="InvoiceRequested"):
    """A trigger asks for an invoice. ``triggered_at`` is the time of the stage entry or of the order,
    whatever the clock says now."""

    request_id: str
    source: Literal["stage", "field", "button", "shop"]
    deal: DealSnapshot
    settings: EffectiveSettings
    triggered_at: datetime
    config_version: int


class ActRequested(Message, name="ActRequested"):
    """A trigger asks for a closing document."""

    request_id: str
    source: Literal["stage", "field", "button", "shop"]
    deal: DealSnapshot
    settings: EffectiveSettings
    triggered_at: datetime
    config_version: int


class DealChanged(Message, name="DealChanged"):
    """The content of a deal that was requested has changed since, or the deal is gone (``deleted``)."""

    deal_id: str
    deal: DealSnapshot | None = None
    settings: EffectiveSettings | None = None
    deleted: bool = False


class RequestImpossible(Message, name="RequestImpossible"):
    """A trigger fired, and no request can be made of it (no seller, an unreadable deal): a person reads why. ``kind``
    is the document that was asked for."""

    deal_id: str
    request_id: str
    reasons: tuple[Reason, ...]
    responsible_id: str = ""
    kind: Literal["invoice", "act"] = "invoice"


class CompanyChanged(Message, name="CompanyChanged"):
    """Requisites of a company in the CRM as they stand now, raw, after they were created or changed.

    ``previous_inn`` is the INN that they had before, where it is another one. ``fill``: the card is to be filled from
    the state register, which is asked at ``registers``, in this order.
    """

    company_id: str
    requisite_id: str
    inn: str
    kpp: str = ""
    ogrn: str = ""
    name: str = ""
    full_name: str = ""
    address: str = ""
    responsible_id: str = ""
    previous_inn: str = ""
    fill: bool = False
    registers: tuple[Register, ...] = ()


class StatementReceived(Message, name="StatementReceived"):
    """A bank statement file was taken; its bytes lie in the blobs. ``statement_id`` is made of them: the same file
    again is the same statement."""

    statement_id: str
    blob: str
    file_name: str
    size_bytes: int
    received_at: datetime
    source: Literal["upload", "folder"] = "upload"


class AccountingCalled(Message, name="AccountingCalled"):
    """An accounting service told by itself that there is news of money: a hint, whose truth is read from it."""

    account: str
    event: str
    kind: str
    object_id: str


class TenantState(Message, name="TenantState"):
    """The whole state of a tenant, without secrets; the last one per tenant stands."""

    status: Literal["active", "suspended", "removed"]
    version: int
    settings: TenantSettings


MESSAGES = (
    DealStageChanged,
    InvoiceRequested,
    ActRequested,
    DealChanged,
    RequestImpossible,
    CompanyChanged,
    StatementReceived,
    AccountingCalled,
    TenantState,
)
