"""The tenant's file: its model, references to secrets, and refusals that say what to write."""

from contracts.tenant_file.accounting import AccountingPart
from contracts.tenant_file.checking import SECRET_KEYS, check, from_document, load
from contracts.tenant_file.edi import EdiPart
from contracts.tenant_file.model import Bitrix24Part, FunnelPart, SellerPart, TenantFile
from contracts.tenant_file.parts import Limit
from contracts.tenant_file.reading import Tree, read, resolve
from contracts.tenant_file.refusal import Fault, TenantFileRefused
from contracts.tenant_file.registers import RegisterPart
from contracts.tenant_file.shops import ShopPart

__all__ = [
    "SECRET_KEYS",
    "AccountingPart",
    "Bitrix24Part",
    "EdiPart",
    "Fault",
    "FunnelPart",
    "Limit",
    "RegisterPart",
    "SellerPart",
    "ShopPart",
    "TenantFile",
    "TenantFileRefused",
    "Tree",
    "check",
    "from_document",
    "load",
    "read",
    "resolve",
]
