"""What every accounting service must do, done by Elba's published API."""

from chassis.outcomes import Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import ELBA_VENDOR
from tests.connectors.accounting.suite import AccountingSuite


class TestSuite(AccountingSuite):
    """Where bills cannot be looked up, and have no files."""

    vendor = ELBA_VENDOR
    reads_back = True
    repeats_make_one = False
    tells_paid = False
    key_refused = "credentials_refused"
    rows = "contractors"
    rates_refused = frozenset({"7", "18"})
    vat_slack_kopecks = 1
    shapes = (
        ("field_missing", {"field": "id"}, Uncertain),
        ("field_retyped", {"field": "id", "value": {"a": 1}}, Uncertain),
    )
    status_words = (("status", "frozen", InvoiceStatus.UNKNOWN), ("status", "overdue", InvoiceStatus.ISSUED))

    def as_stored(self, text: str) -> str:
        return text.strip()
