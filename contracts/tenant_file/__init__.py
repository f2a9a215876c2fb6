"""The tenant's file: its model, references to secrets, and refusals that say what to write."""

from contracts.tenant_file.checking import check, from_document, load
from contracts.tenant_file.model import AccountingPart, Bitrix24Part, FunnelPart, Limit, SellerPart, TenantFile
from contracts.tenant_file.reading import Tree, read, resolve
from contracts.tenant_file.refusal import Fault, TenantFileRefused

__all__ = [
    "AccountingPart",
    "Bitrix24Part",
    "Fault",
    "FunnelPart",
    "Limit",
    "SellerPart",
    "TenantFile",
    "TenantFileRefused",
    "Tree",
    "check",
    "from_document",
    "load",
    "read",
    "resolve",
]
