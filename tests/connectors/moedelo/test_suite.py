"""What every accounting service must do, done by MoeDelo."""

from typing import ClassVar

from chassis.outcomes import Ok, Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import MOEDELO, Capability
from tests.connectors.accounting.suite import AccountingSuite


class TestSuite(AccountingSuite):
    """Where nothing protects from a second document but the look-up before a repeat."""

    vendor = MOEDELO
    operations: ClassVar = {Capability.CANCEL_INVOICE: "invoice.delete", Capability.PAYMENTS_OF_INVOICE: "invoice.get"}
    rows = "ResourceList"
    page_rows = 50
    renders_at_once = True
    repeats_make_one = False
    shapes = (
        ("field_missing", {"field": "Id"}, Uncertain),
        ("field_missing", {"field": "Sum"}, Uncertain),
        ("field_missing", {"field": "AdditionalInfo"}, Uncertain),
        ("field_missing", {"field": "Online"}, Ok),
        ("field_retyped", {"field": "Sum"}, Ok),
        ("field_retyped", {"field": "KontragentId", "value": 7}, Uncertain),
    )
    status_words = (("Status", 99, InvoiceStatus.ISSUED),)

    def as_stored(self, text: str) -> str:
        return " ".join(text.split())

    def as_stored_buyer(self, name: str) -> str:
        return " ".join(name.split())
