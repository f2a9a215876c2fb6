"""One accounting service for all accounts: each call goes to the client of the account's own vendor."""

from collections.abc import Mapping
from datetime import date, datetime

from chassis.clock import Clock
from chassis.outcomes import Outcome
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    ActCard,
    ActDraft,
    CounterpartiesPage,
    Counterparty,
    CounterpartyDraft,
    FeedCursor,
    InvoiceCard,
    InvoiceDraft,
    InvoiceLookup,
    InvoicesPage,
    PaymentRow,
    PaymentsPage,
    PdfFile,
)
from connectors.ports.balances import BalanceCursor, BalancesPage
from connectors.ports.products import Product, ProductDraft
from connectors.ports.whole import AccountingClient, WholeAccounting
from connectors.registry import ACCOUNTING, AccountingVendor, VendorUnknown
from connectors.transport import Transport


class AccountingRouter:
    """The vendor is that of the permit: its options ``vendor`` and ``profile``. Tokens are no matter of a permit, so
    that they are asked of :meth:`client` by whoever owns the credentials. Every call raises VendorUnknown for a permit
    of a vendor that this release does not have."""

    def __init__(
        self,
        http: Transport,
        clock: Clock,
        vendors: Mapping[tuple[str, str], AccountingVendor] = ACCOUNTING,
    ) -> None:
        self._clients = {key: vendor.connect(http, clock) for key, vendor in vendors.items()}

    def client(self, vendor: str, profile: str) -> AccountingClient:
        """The client of all accounts of one vendor. Raises VendorUnknown."""
        found = self._clients.get((vendor, profile))
        if found is None:
            raise VendorUnknown(f"there is no accounting service {vendor!r} with the profile {profile!r}")
        return found

    def _of(self, permit: Permit) -> WholeAccounting:
        return self.client(permit.options.get("vendor", ""), permit.options.get("profile", ""))

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """As the vendor of the permit."""
        return await self._of(permit).find_counterparty(permit, inn)

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        """As the vendor of the permit."""
        return await self._of(permit).read_counterparty(permit, counterparty_id)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """As the vendor of the permit."""
        return await self._of(permit).create_counterparty(permit, draft, key=key)

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """As the vendor of the permit."""
        return await self._of(permit).counterparty_changes(permit, cursor)

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """As the vendor of the permit."""
        return await self._of(permit).create_invoice(permit, draft, key=key)

    async def find_invoice(
        self,
        permit: Permit,
        *,
        number: str,
        issued_on: date,
        marker: str,
        since: datetime | None = None,
        counterparty_id: str = "",
    ) -> Outcome[InvoiceLookup]:
        """As the vendor of the permit."""
        return await self._of(permit).find_invoice(
            permit, number=number, issued_on=issued_on, marker=marker, since=since, counterparty_id=counterparty_id
        )

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """As the vendor of the permit."""
        return await self._of(permit).read_invoice(permit, invoice_id)

    async def invoice_link(self, permit: Permit, invoice_id: str) -> Outcome[str]:
        """As the vendor of the permit."""
        return await self._of(permit).invoice_link(permit, invoice_id)

    async def hide_invoice(self, permit: Permit, invoice_id: str) -> Outcome[None]:
        """As the vendor of the permit."""
        return await self._of(permit).hide_invoice(permit, invoice_id)

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        """As the vendor of the permit."""
        return await self._of(permit).invoice_changes(permit, cursor)

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        """As the vendor of the permit."""
        return await self._of(permit).invoice_pdf(permit, invoice_id)

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        """As the vendor of the permit."""
        return await self._of(permit).cancel_invoice(permit, invoice_id, key=key)

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        """As the vendor of the permit."""
        return await self._of(permit).payments_changed(permit, cursor)

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        """As the vendor of the permit."""
        return await self._of(permit).payments_of_invoice(permit, invoice_id)

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """As the vendor of the permit."""
        return await self._of(permit).create_act(permit, draft, key=key)

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """As the vendor of the permit."""
        return await self._of(permit).read_act(permit, act_id)

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """As the vendor of the permit."""
        return await self._of(permit).act_pdf(permit, act_id)

    async def ping(self, permit: Permit) -> Outcome[None]:
        """As the vendor of the permit."""
        return await self._of(permit).ping(permit)

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]:
        """As the vendor of the permit."""
        return await self._of(permit).find_person(permit, name, email)

    async def subscribe_to_balances(self, permit: Permit) -> Outcome[None]:
        """As the vendor of the permit."""
        return await self._of(permit).subscribe_to_balances(permit)

    async def balances_changed(self, permit: Permit, cursor: BalanceCursor) -> Outcome[BalancesPage]:
        """As the vendor of the permit."""
        return await self._of(permit).balances_changed(permit, cursor)

    async def find_act(
        self, permit: Permit, *, marker: str, invoice_id: str | None, since: datetime
    ) -> Outcome[tuple[ActCard, ...]]:
        """As the vendor of the permit."""
        return await self._of(permit).find_act(permit, marker=marker, invoice_id=invoice_id, since=since)

    async def find_product(self, permit: Permit, external_code: str) -> Outcome[tuple[Product, ...]]:
        """As the vendor of the permit."""
        return await self._of(permit).find_product(permit, external_code)

    async def create_product(self, permit: Permit, draft: ProductDraft, *, key: str) -> Outcome[Product]:
        """As the vendor of the permit."""
        return await self._of(permit).create_product(permit, draft, key=key)
