"""What a vendor is to us: what it can do, how it is made, its limits, and how a lost answer is proven."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from chassis.clock import Clock
from chassis.values.vat import VatRate
from chassis.work.handlers import EffectPolicy, Probe
from connectors.ports.accounting import ClosingForm
from connectors.ports.companies import CompanyByInn
from connectors.ports.crm import Crm, PortalMoved
from connectors.ports.edi import Edi
from connectors.ports.whole import AccountingClient
from connectors.transport import Transport

LineItems = Literal["text", "text or items", "items"]
"""What a document's lines are at a vendor: texts alone, either as the connection says, or items alone."""


class Capability(enum.StrEnum):
    """What a vendor may be able to do; one Protocol in the ports each."""

    FIND_COUNTERPARTY = "find_counterparty"
    READ_COUNTERPARTY = "read_counterparty"  # where it says of a document that it lacks the buyer's record
    CREATE_COUNTERPARTY = "create_counterparty"
    CREATE_COUNTERPARTY_WITHOUT_INN = "create_counterparty_without_inn"
    COUNTERPARTY_CHANGES = "counterparty_changes"
    LIST_COUNTERPARTIES = "list_counterparties"  # changes from the beginning of time are all records
    CREATE_INVOICE = "create_invoice"
    FIND_INVOICE = "find_invoice"
    READ_INVOICE = "read_invoice"
    INVOICE_CHANGES = "invoice_changes"
    INVOICE_PDF = "invoice_pdf"
    CANCEL_INVOICE = "cancel_invoice"
    HIDE_INVOICE = "hide_invoice"  # its public page; where there is none of its own, a void one shows that it is void
    PAYMENTS = "payments"  # a feed of what changed, and the payments of one invoice
    PAYMENTS_OF_INVOICE = "payments_of_invoice"  # the payments of one invoice alone
    CREATE_ACT = "create_act"
    READ_ACT = "read_act"
    ACT_PDF = "act_pdf"
    BALANCES = "balances"  # a feed of how much of an invoice is paid, in place of payments
    FIND_PERSON = "find_person"
    FIND_ACT = "find_act"
    FIND_PRODUCT = "find_product"
    CREATE_PRODUCT = "create_product"

    FIND_BOX = "find_box"
    INVITE_PARTNER = "invite_partner"
    WRITE_TITLE = "write_title"
    POST_DOCUMENT = "post_document"
    READ_DOCUMENT = "read_document"
    DOCUMENT_NEWS = "document_news"
    PRINT_FORM = "print_form"
    SIGNED_ARCHIVE = "signed_archive"

    READ_DEAL = "read_deal"
    STAGE_HISTORY = "stage_history"
    DEALS_MODIFIED = "deals_modified"
    BUYERS_MODIFIED = "buyers_modified"
    LIST_COMPANIES = "list_companies"
    READ_COMPANIES = "read_companies"
    COMPANIES_BY_INN = "companies_by_inn"
    MAKE_COMPANY = "make_company"
    READ_STAGES = "read_stages"
    CHECK_PORTAL = "check_portal"
    FIND_COMMENT = "find_comment"
    SET_FIELDS = "set_fields"
    MOVE_STAGE = "move_stage"
    UPLOAD_FILE = "upload_file"
    ADD_COMMENT = "add_comment"
    NOTIFY_USER = "notify_user"
    CHAT_MESSAGE = "chat_message"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The bucket that a vendor's account is given by default: ``burst`` calls at once, refilled ``per_second``."""

    burst: int
    per_second: float


@dataclass(frozen=True, slots=True)
class AccountingVendor:
    """An accounting service. ``policies`` has a row for each capability that changes something.

    ``api`` is the first part of its accounts' names, so that an account's name alone tells whose it is.
    ``numbers_itself``: whether the vendor gives invoices their numbers (R7). ``feed_overlap_seconds``: how far before
    the newest row seen a poll begins again, since rows become visible late, and change. ``tells_others_buyers``:
    whether changed counterparties are told whoever made them; where not, only a look-up tells that somebody else did.
    ``closing_forms``: what closing documents it has; ``upd_rates``: the VAT rates that its УПД has words for, where
    these are not all. ``line_items``: whether lines of documents refer to items of its nomenclature.
    """

    vendor: str
    profile: str
    connect: Callable[[Transport, Clock], AccountingClient]
    capabilities: frozenset[Capability]
    policies: Mapping[Capability, EffectPolicy]
    limit: RateLimit
    numbers_itself: bool
    feed_overlap_seconds: float
    tells_others_buyers: bool = True
    closing_forms: tuple[ClosingForm, ...] = ("act",)
    upd_rates: frozenset[VatRate] | None = None
    line_items: LineItems = "text"

    @property
    def api(self) -> str:
        """The vendor's name, with the profile where that is not the vendor's usual one."""
        return self.vendor if self.profile in USUAL_PROFILES else f"{self.vendor}-{self.profile}"

    def can(self, capability: Capability) -> bool:
        """Whether it can do that."""
        return capability in self.capabilities

    @property
    def follows_buyers(self) -> bool:
        """Whether what its accountants enter can be followed into the CRM."""
        return self.can(Capability.LIST_COUNTERPARTIES) and self.tells_others_buyers

    def policy(self, capability: Capability) -> EffectPolicy:
        """How a lost answer is proven; of what it cannot do nothing is ever sent."""
        return self.policies.get(capability, _NEVER_SENT)


@dataclass(frozen=True, slots=True)
class CrmVendor:
    """A CRM. ``requests_max``: how many requests a capability may take, where that is more than one; ask for as many
    permits.

    ``commands_max``: how many commands travel in one request.
    """

    vendor: str
    connect: Callable[[Transport, Clock, Callable[[PortalMoved], None]], Crm]
    capabilities: frozenset[Capability]
    policies: Mapping[Capability, EffectPolicy]
    limit: RateLimit
    requests_max: Mapping[Capability, int]
    commands_max: int


@dataclass(frozen=True, slots=True)
class RegisterVendor:
    """A provider of the state register. One look-up makes at most ``requests_max`` requests; ``per_day`` is what its
    usual tariff allows."""

    vendor: str
    connect: Callable[[Transport, Clock], CompanyByInn]
    limit: RateLimit
    per_day: int
    requests_max: int = 2


@dataclass(frozen=True, slots=True)
class EdiVendor:
    """An operator of electronic document interchange. ``policies`` has a row for each capability that changes
    something."""

    vendor: str
    connect: Callable[[Transport, Clock], Edi]
    capabilities: frozenset[Capability]
    policies: Mapping[Capability, EffectPolicy]
    limit: RateLimit


class VendorUnknown(LookupError):  # noqa: N818 - what was looked for is not there
    """An account of a service that this release does not have."""


USUAL_PROFILES: Final = frozenset({"seed", "standard"})
"""Profiles that an account's name does not tell."""

_NEVER_SENT: Final = EffectPolicy(probe=Probe.NONE, sends_max=1)
