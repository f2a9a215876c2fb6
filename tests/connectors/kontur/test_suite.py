"""What every accounting service must do, done by Kontur.Accounting."""

from chassis.outcomes import Ok, Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import KONTUR
from tests.connectors.accounting.suite import AccountingSuite


class TestSuite(AccountingSuite):
    """By its contract."""

    vendor = KONTUR
    signs_in = True
    refuses_other_content = True
    page_rows = 200
    shapes = (
        ("field_missing", {"field": "id"}, Uncertain),
        ("field_missing", {"field": "sum"}, Uncertain),
        ("field_missing", {"field": "externalId"}, Uncertain),
        ("field_missing", {"field": "viewUrl"}, Ok),
        ("field_retyped", {"field": "sum"}, Ok),
        ("field_retyped", {"field": "sum", "value": {"amount": 1}}, Uncertain),
        ("field_retyped", {"field": "status", "value": "frozen"}, Ok),
        ("field_retyped", {"field": "counterpartyId", "value": "another"}, Uncertain),
    )
    status_words = (("status", "frozen", InvoiceStatus.UNKNOWN), ("status", "overdue", InvoiceStatus.ISSUED))

    def as_stored(self, text: str) -> str:
        return text.strip()
