"""An account of the sandbox with a connector to it, and the hand of its accountant."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chassis.clock import Clock
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    ActCard,
    ActDraft,
    CounterpartyDraft,
    InvoiceCard,
    InvoiceDraft,
    InvoiceLookup,
    TokenRequest,
)
from connectors.registry import AccountingVendor
from tests.connectors.accounting.samples import MARKER, lines
from tests.connectors.kit_sandbox import Impatient, add_fault
from tests.sandbox.running import Sandbox

SELLER: Mapping[str, Any] = {"title": "ООО «Вектор»", "inn": "500123456750"}
NUMBER = "B24-1042"
DAY = date(2026, 3, 10)
INN = "7709123453"
BUYER = CounterpartyDraft("company", "ООО «Вектор»", inn=INN, kpp="770901001", email="buh@vector.example")


def taken(outcome: Outcome[Any]) -> Any:
    assert isinstance(outcome, Ok), outcome
    return outcome.value


class AccountingDesk:
    """One account. ``name`` is the vendor's name in the sandbox; ``token`` the key among the account's credentials that
    opens it as it is, "" where a token is fetched."""

    def __init__(
        self,
        sandbox: Sandbox,
        http: Impatient,
        account: dict[str, Any],
        vendor: AccountingVendor,
        *,
        name: str,
        token: str = "",
        options: dict[str, str] | None = None,
    ) -> None:
        self.sandbox, self.http, self.account, self.vendor, self.name = sandbox, http, account, vendor, name
        self.accounting = vendor.connect(http, Clock())
        self.options = {"vendor": vendor.vendor, "profile": vendor.profile, **(options or {})}
        self.last_buyer = ""
        self.permit = self.permitted(account[token] if token else "")

    def permitted(self, token: str, **options: str) -> Permit:
        """A permit that has this token, and these settings besides the account's."""
        account = f"{self.vendor.api}:t:s"
        return Permit(account, self.address, token, 10, datetime.now(UTC), self.options | options)

    @property
    def address(self) -> str:
        """Where its API is."""
        return str(self.account["api_url"])

    async def sign_in(self, refresh_token: str = "") -> None:
        account = self.account
        request = TokenRequest(
            account["token_url"], account["client_id"], account["client_secret"], refresh_token=refresh_token
        )
        self.permit = self.permitted(taken(await self.accounting.obtain_token(request)).access_token)

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/{self.name}/{self.account['account']}{path}", body, method)

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        await add_fault(self.sandbox, self.http, self.name, operation, kind, **params)

    async def faults_fired(self) -> int:
        """How many calls have met a fault."""
        plan = await self.sandbox.control("/faults", method="GET")
        return sum(rule["fired"] for rule in plan["rules"])

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.sandbox.state(self.name, self.account["account"])
        return found

    async def documents(self) -> int:
        return len((await self.state())["invoices"])

    async def settled(self, kind: str, document_id: str) -> None:
        """What the accountant does to a document that we wrote before it counts; ``kind`` is invoices or acts."""

    # what the product does

    async def buyer(self) -> str:
        made = taken(await self.accounting.create_counterparty(self.permit, BUYER, key="buyer"))
        self.last_buyer = str(made.counterparty_id)
        return self.last_buyer

    def draft(self, buyer: str, **changes: Any) -> InvoiceDraft:
        """An invoice; ``changes`` are members of the draft."""
        number = None if self.vendor.numbers_itself else NUMBER
        plain = InvoiceDraft(DAY, DAY + timedelta(days=3), buyer, lines(), "Сделка №1042", MARKER, number)
        return replace(plain, **changes)

    def act_draft(self, buyer: str, invoice: str | None) -> ActDraft:
        return ActDraft(date(2026, 3, 20), buyer, lines(), "Акт по сделке №1042", MARKER, invoice)

    async def create_invoice(self, buyer: str, *, key: str = "one", **changes: Any) -> Outcome[InvoiceCard]:
        return await self.accounting.create_invoice(self.permit, self.draft(buyer, **changes), key=key)

    async def invoice(self) -> str:
        """An invoice that counts, of a buyer who was just made."""
        return await self.issued(await self.buyer())

    async def issued(self, buyer: str, **changes: Any) -> str:
        """An invoice that counts."""
        made = str(taken(await self.create_invoice(buyer, **changes)).invoice_id)
        await self.settled("invoices", made)
        return made

    async def make_act(self, invoice: str | None) -> ActCard:
        """An act that counts, for the last buyer."""
        draft = self.act_draft(self.last_buyer, invoice)
        made: ActCard = taken(await self.accounting.create_act(self.permit, draft, key="act"))
        await self.settled("acts", made.act_id)
        return made

    async def find_invoice(self, *, since: datetime | None = None, buyer: str = "") -> Outcome[InvoiceLookup]:
        number = "" if self.vendor.numbers_itself else NUMBER
        return await self.accounting.find_invoice(
            self.permit, number=number, issued_on=DAY, marker=MARKER, since=since, counterparty_id=buyer
        )
