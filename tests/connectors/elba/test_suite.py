"""What every accounting service must do, done by Elba, profile ``seed``."""

from typing import ClassVar

from chassis.outcomes import Ok, Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import ELBA_SEED, Capability
from tests.connectors.accounting.suite import AccountingSuite


class TestSuite(AccountingSuite):
    """Where we number, and acts are not listed."""

    vendor = ELBA_SEED
    operations: ClassVar = {Capability.PAYMENTS_OF_INVOICE: "invoice.payments"}
    signs_in = True
    refuses_other_content = True
    shapes = (
        ("field_missing", {"field": "id"}, Uncertain),
        ("field_missing", {"field": "number"}, Uncertain),
        ("field_missing", {"field": "sum"}, Uncertain),
        ("field_missing", {"field": "url"}, Ok),
        ("field_retyped", {"field": "sum"}, Ok),
        ("field_retyped", {"field": "sum", "value": {"amount": 1}}, Uncertain),
        ("field_retyped", {"field": "counterpartyId", "value": "another"}, Uncertain),
    )
    status_words = (("status", "Frozen", InvoiceStatus.UNKNOWN), ("status", "Overdue", InvoiceStatus.ISSUED))
