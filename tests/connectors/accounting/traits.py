"""Where accounting services differ while they do the same: what the behaviour suite must know of each."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from chassis.outcomes import Ok, Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import AccountingVendor, Capability
from tests.connectors.kit import FailureType

Expected = FailureType | type[Ok[Any]]
Shape = tuple[str, dict[str, Any], type[Uncertain] | type[Ok[Any]]]


class Traits:
    """The sandbox's words for a vendor, and what it promises more or less than the others."""

    vendor: ClassVar[AccountingVendor]

    operations: ClassVar[Mapping[Capability, str]] = {}
    """The sandbox's operations, where they are not those that most have."""
    rows: ClassVar[str] = "items"
    """The field that a list's rows stand in."""
    shapes: ClassVar[Sequence[Shape]]
    """Answers to a creation that changed their shape: kind, params, and what the outcome is."""
    status_words: ClassVar[Sequence[tuple[str, Any, InvoiceStatus]]]
    """A field of a card that tells its state, a word that nobody knows, and what is made of it."""

    renders_at_once: ClassVar[bool] = False
    """Whether a file is there as soon as its document is."""
    reads_back: ClassVar[bool] = False
    """Whether a creation reads back what it made, so that what is seen late leaves it uncertain."""
    repeats_make_one: ClassVar[bool] = True
    """Whether a second creation under one key makes no second document."""
    refuses_other_content: ClassVar[bool] = False
    """Whether one key under other content is refused."""
    knows_buyers: ClassVar[bool] = True
    """Whether a second card of one INN and KPP is refused."""
    checks_inn: ClassVar[bool] = True
    """Whether a wrong INN is refused."""
    tells_paid: ClassVar[bool] = True
    """Whether an invoice's card tells how much of it is paid."""
    closing_statuses: ClassVar[Mapping[int, str]] = {402: "accounting_tariff", 403: "accounting_forbidden"}
    """Refusals of a whole account, and what they are called."""
    key_refused: ClassVar[str] = "token_refused"
    """What access that is no longer taken is called."""
    signs_in: ClassVar[bool] = False
    """Whether tokens are fetched with the account's credentials, and end."""
    rates_refused: ClassVar[frozenset[str]] = frozenset({"18"})
    """VAT rates that it has no word for."""
    vat_slack_kopecks: ClassVar[int] = 0
    """By how much the VAT of a line may differ from ours, where the vendor computes it."""
    page_rows: ClassVar[int] = 100
    """Rows on a page of its lists."""

    def can(self, *capabilities: Capability) -> bool:
        """Whether the vendor can do all of it."""
        return all(self.vendor.can(one) for one in capabilities)

    def needs(self, *capabilities: Capability) -> None:
        """Ends the test where the vendor cannot do it; that it is refused is another test."""
        if not self.can(*capabilities):
            pytest.skip("the vendor cannot do it")

    def operation(self, capability: Capability) -> str:
        """The sandbox's name of it."""
        return self.operations.get(capability, OPERATIONS[capability])

    def as_stored(self, text: str) -> str:
        """A text as it comes back."""
        return text

    def as_stored_buyer(self, name: str) -> str:
        """A buyer's name as it comes back."""
        return name


OPERATIONS: Mapping[Capability, str] = {
    Capability.FIND_COUNTERPARTY: "counterparty.find",
    Capability.READ_COUNTERPARTY: "counterparty.get",
    Capability.COUNTERPARTY_CHANGES: "counterparty.find",
    Capability.FIND_PERSON: "counterparty.find",
    Capability.CREATE_COUNTERPARTY: "counterparty.create",
    Capability.CREATE_INVOICE: "invoice.create",
    Capability.FIND_INVOICE: "invoice.find",
    Capability.INVOICE_CHANGES: "invoice.find",
    Capability.READ_INVOICE: "invoice.get",
    Capability.INVOICE_PDF: "invoice.pdf",
    Capability.CANCEL_INVOICE: "invoice.cancel",
    Capability.PAYMENTS: "payment.list",
    Capability.PAYMENTS_OF_INVOICE: "payment.list",
    Capability.CREATE_ACT: "act.create",
    Capability.FIND_ACT: "act.find",
    Capability.READ_ACT: "act.get",
    Capability.ACT_PDF: "act.pdf",
    Capability.BALANCES: "balance.list",
    Capability.FIND_PRODUCT: "product.find",
    Capability.CREATE_PRODUCT: "product.create",
}
