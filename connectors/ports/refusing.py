"""An accounting service that can do nothing: the base of connectors to vendors of less than the whole port."""

from datetime import date, datetime
from typing import ClassVar

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    AccessToken,
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
    TokenRequest,
)
from connectors.ports.balances import BalanceCursor, BalancesPage
from connectors.ports.products import Product, ProductDraft

CAPABILITY_MISSING = "capability_missing"


class Refusing:
    """Refuses every call by ``capability_missing``, with the vendor and the capability's name; a connector overrides
    what its vendor can do, and the registry lists the same."""

    vendor: ClassVar[str]

    def _refused(self, capability: str) -> Rejected:
        return Rejected(Problem(CAPABILITY_MISSING, {"vendor": self.vendor, "capability": capability}))

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """Refused."""
        return self._refused("find_counterparty")

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        """Refused."""
        return self._refused("read_counterparty")

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """Refused."""
        return self._refused("create_counterparty")

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Refused."""
        return self._refused("counterparty_changes")

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """Refused."""
        return self._refused("create_invoice")

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
        """Refused."""
        return self._refused("find_invoice")

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """Refused."""
        return self._refused("read_invoice")

    async def invoice_link(self, permit: Permit, invoice_id: str) -> Outcome[str]:
        """Refused: the card itself has the address, or there is none."""
        return self._refused("invoice_link")

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        """Refused."""
        return self._refused("invoice_changes")

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        """Refused."""
        return self._refused("invoice_pdf")

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        """Refused."""
        return self._refused("cancel_invoice")

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        """Refused."""
        return self._refused("payments_changed")

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        """Refused."""
        return self._refused("payments_of_invoice")

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """Refused."""
        return self._refused("create_act")

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """Refused."""
        return self._refused("read_act")

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """Refused."""
        return self._refused("act_pdf")

    async def ping(self, permit: Permit) -> Outcome[None]:
        """Refused."""
        return self._refused("ping")

    async def check_account(self, permit: Permit) -> Outcome[tuple[Problem, ...]]:
        """Whether the account answers is all that is asked."""
        answer = await self.ping(permit)
        return Ok(()) if isinstance(answer, Ok) else answer

    async def obtain_token(self, request: TokenRequest) -> Outcome[AccessToken]:
        """Refused."""
        return self._refused("obtain_token")

    # What only some vendors can do

    async def hide_invoice(self, permit: Permit, invoice_id: str) -> Outcome[None]:
        """Refused."""
        return self._refused("hide_invoice")

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]:
        """Refused."""
        return self._refused("find_person")

    async def subscribe_to_balances(self, permit: Permit) -> Outcome[None]:
        """Refused."""
        return self._refused("balances")

    async def balances_changed(self, permit: Permit, cursor: BalanceCursor) -> Outcome[BalancesPage]:
        """Refused."""
        return self._refused("balances")

    async def find_act(
        self, permit: Permit, *, marker: str, invoice_id: str | None, since: datetime
    ) -> Outcome[tuple[ActCard, ...]]:
        """Refused."""
        return self._refused("find_act")

    async def find_product(self, permit: Permit, external_code: str) -> Outcome[tuple[Product, ...]]:
        """Refused."""
        return self._refused("find_product")

    async def create_product(self, permit: Permit, draft: ProductDraft, *, key: str) -> Outcome[Product]:
        """Refused."""
        return self._refused("create_product")
