"""What every accounting service must do, done by a 1C base."""

from typing import ClassVar

from chassis.outcomes import Ok, Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import ONEC, Capability
from tests.connectors.accounting.suite import AccountingSuite


class TestSuite(AccountingSuite):
    """Where documents are written under references of ours, and the accountant posts them."""

    vendor = ONEC
    operations: ClassVar = {Capability.CANCEL_INVOICE: "invoice.update"}
    rows = "value"
    checks_inn = False
    knows_buyers = False
    tells_paid = False
    key_refused = "credentials_refused"
    closing_statuses: ClassVar = {403: "accounting_forbidden"}
    shapes = (
        ("field_missing", {"field": "Ref_Key"}, Uncertain),
        ("field_missing", {"field": "СуммаДокумента"}, Uncertain),
        ("field_missing", {"field": "Комментарий"}, Uncertain),
        ("field_missing", {"field": "DataVersion"}, Ok),
        ("field_retyped", {"field": "СуммаДокумента"}, Ok),
        ("field_retyped", {"field": "СуммаДокумента", "value": "85 000,00"}, Ok),
        ("field_retyped", {"field": "СуммаДокумента", "value": {"amount": 1}}, Uncertain),
        ("field_retyped", {"field": "Контрагент_Key", "value": "another"}, Uncertain),
    )
    status_words = (("Вид", "Особый", InvoiceStatus.ISSUED),)
