"""Vendors as data: how each is made, what it can do, how many requests that takes, and how a lost answer is proven."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from chassis.clock import Clock
from chassis.work.handlers import EffectPolicy, Probe
from connectors.bitrix24.client import Bitrix24
from connectors.dadata.client import Dadata
from connectors.diadoc.client import Diadoc
from connectors.elba.client import ElbaSeed
from connectors.elba_vendor.client import ElbaVendor
from connectors.focus.client import Focus
from connectors.kontur.client import Kontur
from connectors.moedelo.client import Moedelo
from connectors.onec.client import OneC
from connectors.ports.companies import CompanyByInn
from connectors.ports.crm import Crm, PortalMoved
from connectors.ports.edi import Edi
from connectors.ports.whole import AccountingClient
from connectors.transport import Transport


class Capability(enum.StrEnum):
    """What a vendor may be able to do; one Protocol in the ports each."""

    FIND_COUNTERPARTY = "find_counterparty"
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
    the newest row seen a poll begins again, since rows become visible late, and change.
    """

    vendor: str
    profile: str
    connect: Callable[[Transport, Clock], AccountingClient]
    capabilities: frozenset[Capability]
    policies: Mapping[Capability, EffectPolicy]
    limit: RateLimit
    numbers_itself: bool
    feed_overlap_seconds: float

    @property
    def api(self) -> str:
        """The vendor's name, with the profile where that is not the vendor's usual one."""
        return self.vendor if self.profile in USUAL_PROFILES else f"{self.vendor}-{self.profile}"

    def can(self, capability: Capability) -> bool:
        """Whether it can do that."""
        return capability in self.capabilities

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


USUAL_PROFILES: Final = frozenset({"seed", "standard"})
"""Profiles that an account's name does not tell."""

_ABSOLUTE: Final = EffectPolicy(probe=Probe.REPEAT)
_NEVER_SENT: Final = EffectPolicy(probe=Probe.NONE, sends_max=1)
_DAY_SECONDS: Final = 86_400.0

ELBA_SEED: Final = AccountingVendor(
    vendor="elba",
    profile="seed",
    connect=ElbaSeed,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY_WITHOUT_INN,
            Capability.COUNTERPARTY_CHANGES,
            Capability.LIST_COUNTERPARTIES,
            Capability.CREATE_INVOICE,
            Capability.FIND_INVOICE,
            Capability.READ_INVOICE,
            Capability.INVOICE_CHANGES,
            Capability.INVOICE_PDF,
            Capability.CANCEL_INVOICE,
            Capability.PAYMENTS,
            Capability.PAYMENTS_OF_INVOICE,
            Capability.CREATE_ACT,
            Capability.READ_ACT,
            Capability.ACT_PDF,
        }
    ),
    policies={
        Capability.CREATE_COUNTERPARTY: EffectPolicy(probe=Probe.EXACT),  # by INN and KPP
        Capability.CREATE_COUNTERPARTY_WITHOUT_INN: EffectPolicy(probe=Probe.FEED),  # changes: e-mail and name (R11)
        Capability.CREATE_INVOICE: EffectPolicy(probe=Probe.LIST),  # number and date, then the marker
        Capability.CANCEL_INVOICE: EffectPolicy(probe=Probe.EXACT),  # the card's own state
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.NONE),  # acts are not listed
    },
    limit=RateLimit(burst=10, per_second=5.0),
    numbers_itself=False,
    feed_overlap_seconds=7 * _DAY_SECONDS,
)

ELBA_VENDOR: Final = AccountingVendor(
    vendor="elba",
    profile="vendor",
    connect=ElbaVendor,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.FIND_PERSON,
            Capability.CREATE_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY_WITHOUT_INN,
            Capability.CREATE_INVOICE,
            Capability.READ_INVOICE,
            Capability.BALANCES,
            Capability.CREATE_ACT,
        }
    ),
    policies={
        Capability.CREATE_COUNTERPARTY: EffectPolicy(probe=Probe.EXACT),  # by INN and KPP
        Capability.CREATE_COUNTERPARTY_WITHOUT_INN: EffectPolicy(probe=Probe.LIST),  # by name and e-mail (R11)
        # Bills and acts are not listed: a person looks for the marker. A bill is read back and linked.
        Capability.CREATE_INVOICE: EffectPolicy(probe=Probe.NONE, calls=3),
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.NONE, calls=3),  # and its link, twice at most
    },
    limit=RateLimit(burst=10, per_second=5.0),
    numbers_itself=True,
    feed_overlap_seconds=0.0,  # its feed is numbered
)

KONTUR: Final = AccountingVendor(
    vendor="kontur",
    profile="standard",
    connect=Kontur,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY_WITHOUT_INN,
            Capability.COUNTERPARTY_CHANGES,
            Capability.LIST_COUNTERPARTIES,
            Capability.CREATE_INVOICE,
            Capability.FIND_INVOICE,
            Capability.READ_INVOICE,
            Capability.INVOICE_CHANGES,
            Capability.INVOICE_PDF,
            Capability.CANCEL_INVOICE,
            Capability.PAYMENTS,
            Capability.PAYMENTS_OF_INVOICE,
            Capability.CREATE_ACT,
            Capability.FIND_ACT,
            Capability.READ_ACT,
            Capability.ACT_PDF,
            Capability.FIND_PRODUCT,
            Capability.CREATE_PRODUCT,
        }
    ),
    policies={
        Capability.CREATE_COUNTERPARTY: EffectPolicy(probe=Probe.EXACT),  # by INN and KPP
        Capability.CREATE_COUNTERPARTY_WITHOUT_INN: EffectPolicy(probe=Probe.FEED),  # changes: e-mail and name (R11)
        Capability.CREATE_INVOICE: EffectPolicy(probe=Probe.LIST),  # the external id
        Capability.CANCEL_INVOICE: EffectPolicy(probe=Probe.EXACT),  # the card's own state
        # The external id, among the invoice's acts, waybills and УПД.
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.LIST),
        Capability.CREATE_PRODUCT: EffectPolicy(probe=Probe.EXACT),  # the external code
    },
    limit=RateLimit(burst=20, per_second=10.0),
    numbers_itself=True,
    feed_overlap_seconds=7 * _DAY_SECONDS,
)

ONEC: Final = AccountingVendor(
    vendor="onec",
    profile="standard",
    connect=OneC,
    # Files only where the base has our extension.
    capabilities=ELBA_SEED.capabilities - {Capability.LIST_COUNTERPARTIES}
    | {Capability.FIND_ACT, Capability.FIND_PERSON},
    policies={
        Capability.CREATE_COUNTERPARTY: EffectPolicy(probe=Probe.EXACT, calls=2),
        Capability.CREATE_COUNTERPARTY_WITHOUT_INN: EffectPolicy(probe=Probe.FEED, calls=2),
        # Contract, items, the document and its term; our side is read once an hour.
        Capability.CREATE_INVOICE: EffectPolicy(probe=Probe.LIST, calls=5),
        Capability.CANCEL_INVOICE: EffectPolicy(probe=Probe.EXACT, calls=5),
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.LIST, calls=4),
    },
    limit=RateLimit(burst=10, per_second=5.0),
    numbers_itself=True,
    feed_overlap_seconds=30 * _DAY_SECONDS,  # bank documents are entered with old dates
)

MOEDELO: Final = AccountingVendor(
    vendor="moedelo",
    profile="standard",
    connect=Moedelo,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY_WITHOUT_INN,
            Capability.COUNTERPARTY_CHANGES,
            Capability.LIST_COUNTERPARTIES,
            Capability.CREATE_INVOICE,
            Capability.FIND_INVOICE,
            Capability.READ_INVOICE,
            Capability.INVOICE_CHANGES,
            Capability.INVOICE_PDF,
            Capability.CANCEL_INVOICE,
            Capability.PAYMENTS_OF_INVOICE,
            Capability.CREATE_ACT,
            Capability.FIND_ACT,
            Capability.READ_ACT,
            Capability.ACT_PDF,
        }
    ),
    policies={
        Capability.CREATE_COUNTERPARTY: EffectPolicy(probe=Probe.EXACT),  # by INN and KPP
        Capability.CREATE_COUNTERPARTY_WITHOUT_INN: EffectPolicy(probe=Probe.NONE),  # cards have no e-mail (R11)
        Capability.CREATE_INVOICE: EffectPolicy(probe=Probe.LIST),  # date and buyer, then the marker
        Capability.CANCEL_INVOICE: EffectPolicy(probe=Probe.EXACT, calls=2),  # the card is read first, then gone
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.LIST),  # acts of its bill, since they carry no marker
    },
    limit=RateLimit(burst=5, per_second=3.0),
    numbers_itself=True,
    feed_overlap_seconds=7 * _DAY_SECONDS,
)

BITRIX24: Final = CrmVendor(
    vendor="bitrix24",
    connect=Bitrix24,
    capabilities=frozenset(
        {
            Capability.READ_DEAL,
            Capability.STAGE_HISTORY,
            Capability.DEALS_MODIFIED,
            Capability.BUYERS_MODIFIED,
            Capability.LIST_COMPANIES,
            Capability.READ_COMPANIES,
            Capability.READ_STAGES,
            Capability.CHECK_PORTAL,
            Capability.FIND_COMMENT,
            Capability.SET_FIELDS,
            Capability.MOVE_STAGE,
            Capability.UPLOAD_FILE,
            Capability.ADD_COMMENT,
            Capability.NOTIFY_USER,
            Capability.CHAT_MESSAGE,
        }
    ),
    policies={
        Capability.SET_FIELDS: _ABSOLUTE,
        Capability.MOVE_STAGE: _ABSOLUTE,  # whoever repeats it reads the deal again first
        Capability.UPLOAD_FILE: _ABSOLUTE,
        Capability.ADD_COMMENT: EffectPolicy(probe=Probe.LIST),
        Capability.NOTIFY_USER: _ABSOLUTE,  # a TAG replaces what it named before
        Capability.CHAT_MESSAGE: EffectPolicy(probe=Probe.REPEAT, sends_max=2, human_when_exhausted=False),
    },
    limit=RateLimit(burst=50, per_second=2.0),
    requests_max={
        Capability.READ_DEAL: 2,
        Capability.READ_STAGES: 2,
        Capability.FIND_COMMENT: 2,
        Capability.ADD_COMMENT: 3,
    },
    commands_max=50,
)

ACCOUNTING: Final[Mapping[tuple[str, str], AccountingVendor]] = {
    (one.vendor, one.profile): one for one in (ELBA_SEED, ELBA_VENDOR, MOEDELO, KONTUR, ONEC)
}
_BY_API: Final[Mapping[str, AccountingVendor]] = {one.api: one for one in ACCOUNTING.values()}
CRM: Final[Mapping[str, CrmVendor]] = {"bitrix24": BITRIX24}

VendorOf = Callable[[str], AccountingVendor]
"""Whose account it is, by its name."""


class VendorUnknown(LookupError):  # noqa: N818 - what was looked for is not there
    """An account of an accounting service that this release does not have."""


def accounting_of(account: str) -> AccountingVendor:
    """The accounting service of an account by its name, ``API:TENANT:SELLER``. Raises VendorUnknown."""
    found = _BY_API.get(account.partition(":")[0])
    if found is None:
        raise VendorUnknown(f"{account[:80]!r} is an account of none of {', '.join(_BY_API)}")
    return found


REGISTERS: Final[Mapping[str, RegisterVendor]] = {
    "dadata": RegisterVendor("dadata", Dadata, RateLimit(burst=30, per_second=30.0), per_day=10_000),
    "focus": RegisterVendor("focus", Focus, RateLimit(burst=5, per_second=5.0), per_day=5_000),
}

DIADOC: Final = EdiVendor(
    vendor="diadoc",
    connect=Diadoc,
    capabilities=frozenset(
        {
            Capability.FIND_BOX,
            Capability.INVITE_PARTNER,
            Capability.WRITE_TITLE,
            Capability.POST_DOCUMENT,
            Capability.READ_DOCUMENT,
            Capability.DOCUMENT_NEWS,
            Capability.PRINT_FORM,
            Capability.SIGNED_ARCHIVE,
        }
    ),
    policies={
        Capability.INVITE_PARTNER: EffectPolicy(probe=Probe.REPEAT),  # an invitation that is there stays as it is
        Capability.POST_DOCUMENT: EffectPolicy(probe=Probe.LIST, calls=2),  # our key, among the partner's documents
    },
    limit=RateLimit(burst=10, per_second=10.0),
)
EDI: Final[Mapping[str, EdiVendor]] = {DIADOC.vendor: DIADOC}


def edi_of(account: str) -> EdiVendor:
    """The operator of an account by its name, ``VENDOR:TENANT:SELLER``. Raises VendorUnknown."""
    found = EDI.get(account.partition(":")[0])
    if found is None:
        raise VendorUnknown(f"{account[:80]!r} is an account of none of {', '.join(EDI)}")
    return found
