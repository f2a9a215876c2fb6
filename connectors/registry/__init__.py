"""Vendors as data: how each is made, what it can do, how many requests that takes, and how a lost answer is proven."""

from connectors.registry.accounting import (
    ACCOUNTING,
    ELBA_SEED,
    ELBA_VENDOR,
    KONTUR,
    MOEDELO,
    ONEC,
    VendorOf,
    accounting_of,
)
from connectors.registry.crm import BITRIX24, CRM
from connectors.registry.edi import DIADOC, EDI, edi_of
from connectors.registry.kinds import (
    USUAL_PROFILES,
    AccountingVendor,
    Capability,
    CrmVendor,
    EdiVendor,
    RateLimit,
    RegisterVendor,
    VendorUnknown,
)
from connectors.registry.registers import REGISTERS

__all__ = [
    "ACCOUNTING",
    "BITRIX24",
    "CRM",
    "DIADOC",
    "EDI",
    "ELBA_SEED",
    "ELBA_VENDOR",
    "KONTUR",
    "MOEDELO",
    "ONEC",
    "REGISTERS",
    "USUAL_PROFILES",
    "AccountingVendor",
    "Capability",
    "CrmVendor",
    "EdiVendor",
    "RateLimit",
    "RegisterVendor",
    "VendorOf",
    "VendorUnknown",
    "accounting_of",
    "edi_of",
]
