"""Accounting services as data: ``ACCOUNTING`` by vendor and profile."""

from collections.abc import Callable, Mapping
from typing import Final

from chassis.work.handlers import EffectPolicy, Probe
from connectors.elba.client import ElbaSeed
from connectors.elba_vendor.client import ElbaVendor
from connectors.kontur.client import Kontur
from connectors.moedelo.client import Moedelo
from connectors.onec.client import OneC
from connectors.ports.accounting import ClosingForm
from connectors.registry.kinds import AccountingVendor, Capability, RateLimit, VendorUnknown

_DAY_SECONDS: Final = 86_400.0
_ALL_FORMS: Final[tuple[ClosingForm, ...]] = ("act", "waybill", "upd")

ELBA_SEED: Final = AccountingVendor(
    vendor="elba",
    profile="seed",
    connect=ElbaSeed,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.READ_COUNTERPARTY,
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
            Capability.READ_COUNTERPARTY,
            Capability.FIND_PERSON,
            Capability.CREATE_COUNTERPARTY,
            Capability.CREATE_COUNTERPARTY_WITHOUT_INN,
            Capability.CREATE_INVOICE,
            Capability.READ_INVOICE,
            Capability.HIDE_INVOICE,
            Capability.BALANCES,
            Capability.CREATE_ACT,
        }
    ),
    policies={
        Capability.CREATE_COUNTERPARTY: EffectPolicy(probe=Probe.EXACT),  # by INN and KPP
        Capability.CREATE_COUNTERPARTY_WITHOUT_INN: EffectPolicy(probe=Probe.LIST),  # by name and e-mail (R11)
        # Bills and acts are not listed: a person looks for the marker. A bill is read back and linked.
        Capability.CREATE_INVOICE: EffectPolicy(probe=Probe.NONE, calls=5),
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.NONE, calls=3),  # and its link, twice at most
    },
    limit=RateLimit(burst=10, per_second=5.0),
    numbers_itself=True,
    feed_overlap_seconds=0.0,  # its feed is numbered
    closing_forms=_ALL_FORMS,
)

KONTUR: Final = AccountingVendor(
    vendor="kontur",
    profile="standard",
    connect=Kontur,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.READ_COUNTERPARTY,
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
    closing_forms=_ALL_FORMS,
    line_items="text or items",
)

ONEC: Final = AccountingVendor(
    vendor="onec",
    profile="standard",
    connect=OneC,
    # Files only where the base has our extension. A document is taken whatever its buyer's reference points to.
    capabilities=(ELBA_SEED.capabilities - {Capability.READ_COUNTERPARTY})
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
    tells_others_buyers=False,
    closing_forms=("sale", "upd"),
    line_items="items",
)

MOEDELO: Final = AccountingVendor(
    vendor="moedelo",
    profile="standard",
    connect=Moedelo,
    capabilities=frozenset(
        {
            Capability.FIND_COUNTERPARTY,
            Capability.READ_COUNTERPARTY,
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
        # Acts, waybills and УПД of its bill, since they carry no marker; goods leave a stock, which is read first.
        Capability.CREATE_ACT: EffectPolicy(probe=Probe.LIST, calls=2),
    },
    limit=RateLimit(burst=5, per_second=3.0),
    numbers_itself=True,
    feed_overlap_seconds=7 * _DAY_SECONDS,
    closing_forms=_ALL_FORMS,
    upd_rates=frozenset({"none", "20"}),  # ordinals, of which no more are known
    # Services need no card. Goods have cards, which nothing finds by a code and a bill need not name.
    line_items="text",
)

ACCOUNTING: Final[Mapping[tuple[str, str], AccountingVendor]] = {
    (one.vendor, one.profile): one for one in (ELBA_SEED, ELBA_VENDOR, MOEDELO, KONTUR, ONEC)
}
_BY_API: Final[Mapping[str, AccountingVendor]] = {one.api: one for one in ACCOUNTING.values()}

VendorOf = Callable[[str], AccountingVendor]
"""Whose account it is, by its name."""


def accounting_of(account: str) -> AccountingVendor:
    """The accounting service of an account by its name, ``API:TENANT:SELLER``. Raises VendorUnknown."""
    found = _BY_API.get(account.partition(":")[0])
    if found is None:
        raise VendorUnknown(f"{account[:80]!r} is an account of none of {', '.join(_BY_API)}")
    return found
