"""One call for each capability, so that what holds for all calls is said once."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from chassis.outcomes import Outcome
from connectors.ports.accounting import CounterpartyDraft, FeedCursor
from connectors.ports.balances import BalanceCursor
from connectors.ports.products import ProductDraft
from connectors.registry import MOEDELO, Capability
from tests.connectors.accounting.desk import INN, AccountingDesk
from tests.connectors.accounting.samples import MARKER

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
COMPANY = CounterpartyDraft("company", "ООО «Лотос»", inn="7707083893", kpp="770701001", email="buh@lotos.example")
PERSON = CounterpartyDraft("person", "Лапина Ирина", email="irina@lapina.example")
SOLE = CounterpartyDraft("entrepreneur", "ИП Лапин Пётр", inn="500100732259", email="p@lapin.example")
PRODUCT = ProductDraft("550", "Настройка CRM, час", "", "356", "ч", Decimal("5000.00"), "none", is_service=True)


def recently() -> datetime:
    """Before anything that a test did."""
    return datetime.now(UTC) - timedelta(hours=1)


CapabilityCall = Callable[[AccountingDesk, str], Awaitable[Outcome[Any]]]
"""On a desk; the text is the id of the document that it is about."""

READS: Mapping[Capability, CapabilityCall] = {
    Capability.FIND_COUNTERPARTY: lambda desk, _: desk.accounting.find_counterparty(desk.permit, INN),
    Capability.READ_COUNTERPARTY: lambda desk, at: desk.accounting.read_counterparty(
        desk.permit, desk.last_buyer or at
    ),
    Capability.FIND_PERSON: lambda desk, _: desk.accounting.find_person(desk.permit, PERSON.name, PERSON.email),
    Capability.COUNTERPARTY_CHANGES: lambda desk, _: desk.accounting.counterparty_changes(
        desk.permit, FeedCursor(recently())
    ),
    Capability.FIND_INVOICE: lambda desk, _: desk.find_invoice(),
    Capability.INVOICE_CHANGES: lambda desk, _: desk.accounting.invoice_changes(desk.permit, FeedCursor(LONG_AGO)),
    Capability.READ_INVOICE: lambda desk, at: desk.accounting.read_invoice(desk.permit, at),
    Capability.PAYMENTS: lambda desk, _: desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)),
    Capability.PAYMENTS_OF_INVOICE: lambda desk, at: desk.accounting.payments_of_invoice(desk.permit, at),
    Capability.BALANCES: lambda desk, _: desk.accounting.balances_changed(desk.permit, BalanceCursor()),
    Capability.FIND_ACT: lambda desk, _: desk.accounting.find_act(
        desk.permit, marker=MARKER, invoice_id="5123001" if desk.vendor is MOEDELO else None, since=LONG_AGO
    ),
    Capability.READ_ACT: lambda desk, at: desk.accounting.read_act(desk.permit, at),
    Capability.FIND_PRODUCT: lambda desk, _: desk.accounting.find_product(desk.permit, PRODUCT.external_code),
}
FILES: Mapping[Capability, CapabilityCall] = {
    Capability.INVOICE_PDF: lambda desk, at: desk.accounting.invoice_pdf(desk.permit, at),
    Capability.ACT_PDF: lambda desk, at: desk.accounting.act_pdf(desk.permit, at),
}
WRITES: Mapping[Capability, CapabilityCall] = {
    Capability.CREATE_COUNTERPARTY: lambda desk, _: desk.accounting.create_counterparty(
        desk.permit, COMPANY, key="lotos"
    ),
    Capability.CREATE_COUNTERPARTY_WITHOUT_INN: lambda desk, _: desk.accounting.create_counterparty(
        desk.permit, PERSON, key="person"
    ),
    Capability.CREATE_INVOICE: lambda desk, _: desk.create_invoice("1"),
    Capability.CANCEL_INVOICE: lambda desk, at: desk.accounting.cancel_invoice(desk.permit, at, key="cancel"),
    Capability.CREATE_ACT: lambda desk, at: desk.accounting.create_act(
        desk.permit, desk.act_draft(desk.last_buyer, at), key="act"
    ),
    Capability.CREATE_PRODUCT: lambda desk, _: desk.accounting.create_product(desk.permit, PRODUCT, key="product"),
}
PAGES: Mapping[Capability, CapabilityCall] = {
    Capability.HIDE_INVOICE: lambda desk, at: desk.accounting.hide_invoice(desk.permit, at),
}
CALLS: Mapping[Capability, CapabilityCall] = {**READS, **FILES, **WRITES, **PAGES}

WITHOUT_A_CALL = frozenset({Capability.LIST_COUNTERPARTIES})
"""What is a property of another capability's call: changes since long ago are all records."""
OF_ACTS = frozenset({Capability.READ_ACT, Capability.ACT_PDF})
"""Calls that are about an act and not an invoice."""
OF_MONEY = frozenset({Capability.PAYMENTS, Capability.PAYMENTS_OF_INVOICE})
"""Calls that tell the payments of an invoice."""
