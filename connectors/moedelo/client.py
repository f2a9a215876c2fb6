"""Calls to MoeDelo accounts: what is asked, in which order, and whether the answer is about what was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import orjson

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors.moedelo import mapping
from connectors.moedelo.calls import Calls
from connectors.moedelo.closing import ClosingDocuments
from connectors.moedelo.outcomes import BUYER_TABLE, DELETE_TABLE
from connectors.moedelo.paging import page_after
from connectors.moedelo.schema import BILLS, BUYERS, PAGE_ROWS, VENDOR
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
    InvoiceStatus,
    PaymentRow,
    PdfFile,
    TokenRequest,
)
from connectors.ports.refusing import Refusing
from connectors.transport import Transport
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError


class Moedelo(Refusing):
    """A client of all MoeDelo accounts; it keeps nothing between calls."""

    vendor = VENDOR

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._calls = Calls(http, clock)
        self._closing = ClosingDocuments(self._calls)

    # Buyers

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """All records of exactly this INN that are not put away."""
        found = await self._calls.all_rows(permit, "find_counterparty", BUYERS, {"inn": inn})
        if not isinstance(found, Ok):
            return found
        try:
            cards = [mapping.read_counterparty(row) for row in found.value if not mapping.archived(row)]
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(tuple(one for one in cards if one.inn == inn))

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        """The card of one buyer."""
        path = _path(BUYERS, counterparty_id)
        return await self._calls.card(permit, "read_counterparty", path, mapping.read_counterparty)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """A buyer. The service takes a second one of an INN; nothing but a look-up before protects."""
        body = mapping.counterparty_body(draft)
        created = await self._calls.card(
            permit, "create_counterparty", BUYERS, mapping.read_counterparty, body, BUYER_TABLE
        )
        if isinstance(created, Ok) and created.value.inn != (draft.inn or ""):
            return mismatch(VENDOR, "Inn", write=True)
        return created

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Buyers changed since a moment, without those put away; a card tells neither when nor an e-mail address."""
        found = await self._page(permit, "counterparty_changes", BUYERS, cursor)
        if not isinstance(found, Ok):
            return found
        rows, further = found.value
        try:
            cards = tuple(mapping.read_counterparty(row) for row in rows if not mapping.archived(row))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(CounterpartiesPage(cards, further))

    # Invoices

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """A bill, numbered by the service. The answer must carry our marker, since nothing else finds it again."""
        body = mapping.invoice_body(draft, permit.options.get("bank_account_id"))
        created = await self._calls.card(permit, "create_invoice", BILLS, self._reader(permit), body)
        if isinstance(created, Ok):
            card = created.value
            for field, equal in (
                ("KontragentId", card.counterparty_id == draft.counterparty_id),
                ("DocDate", card.issued_on == draft.issued_on),
                ("AdditionalInfo", draft.marker in card.comment),
            ):
                if not equal:
                    return mismatch(VENDOR, field, write=True)
        return created

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
        """Among the bills of that number, or of that date and buyer; with ``since`` and nothing found, among the
        buyer's bills changed from then on. Lists have no comments, so that the bills themselves are read."""
        day = issued_on.isoformat()
        of_buyer = {"kontragentId": counterparty_id} if counterparty_id else {}
        query = {"docAfterDate": day, "docBeforeDate": day, **({"number": number} if number else of_buyer)}
        found = await self._bills(permit, "find_invoice", query)
        if not isinstance(found, Ok):
            return found
        same = [one for one in found.value if one.issued_on == issued_on and number in ("", one.number)]
        matches = tuple(one for one in same if marker in one.comment)
        others = tuple(one for one in same if number and marker not in one.comment)
        if matches or since is None or not marker:
            return Ok(InvoiceLookup(matches, others))
        changed = await self._bills(permit, "find_invoice", {"afterDate": mapping.timestamp(since), **of_buyer})
        if not isinstance(changed, Ok):
            return changed
        return Ok(InvoiceLookup(tuple(one for one in changed.value if marker in one.comment), others))

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """The card of one bill."""
        found = await self._calls.card(permit, "read_invoice", _path(BILLS, invoice_id), self._reader(permit))
        if isinstance(found, Ok) and found.value.invoice_id != invoice_id:
            return mismatch(VENDOR, "Id", write=False)
        return found

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        """Bills changed since a moment, a payment tied to one included; as lists show them, with their sums and without
        lines and comment."""
        found = await self._page(permit, "invoice_changes", BILLS, cursor)
        if not isinstance(found, Ok):
            return found
        rows, further = found.value
        read = self._reader(permit)
        try:
            cards = tuple(read(row) for row in rows)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(InvoicesPage(cards, further))

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        """The bill's file with stamp and signature."""
        return await self._calls.pdf(permit, "invoice_pdf", f"{_path(BILLS, invoice_id)}/pdf?addStampAndSign=true")

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        """Deletes: the service has no other way to void a bill. One with money on it is left alone; one that is gone is
        refused as not found, which is what was wanted."""
        card = await self.read_invoice(permit, invoice_id)
        if not isinstance(card, Ok):
            return card
        if card.value.paid_kopecks:
            return Rejected(Problem("invoice_already_paid", {"vendor": VENDOR}))
        deleted = await self._calls.delete(permit, "cancel_invoice", _path(BILLS, invoice_id), DELETE_TABLE)
        if not isinstance(deleted, Ok):
            return deleted
        return Ok(replace(card.value, status=InvoiceStatus.CANCELLED))

    # Payments

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        """The payments in a bill's card."""
        found = await self._calls.card(permit, "invoice_payments", _path(BILLS, invoice_id), mapping.read_payments)
        if isinstance(found, Ok) and any(one.invoice_id != invoice_id for one in found.value):
            return mismatch(VENDOR, "Id", write=False)
        return found

    # Acts

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """A closing document of the account's form. It carries no marker; its bill tells it."""
        return await self._closing.create(permit, draft)

    async def find_act(
        self, permit: Permit, *, marker: str, invoice_id: str | None, since: datetime
    ) -> Outcome[tuple[ActCard, ...]]:
        """Closing documents of the bill that changed since a moment; refused without a bill, since they carry no
        marker."""
        return await self._closing.find(permit, invoice_id, since) if invoice_id else self._refused("find_act")

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """The card of one closing document."""
        return await self._closing.read(permit, act_id)

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """The closing document's file."""
        return await self._closing.pdf(permit, act_id)

    # The account

    async def ping(self, permit: Permit) -> Outcome[None]:
        """One row at most."""
        found = await self._calls.rows(permit, "ping", BILLS, {"pageNo": "1", "pageSize": "1"})
        return Ok(None) if isinstance(found, Ok) else found

    async def obtain_token(self, request: TokenRequest) -> Outcome[AccessToken]:
        """A refresh token → a bearer token and the next refresh token (RFC 6749 §6)."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": request.refresh_token,
            "client_id": request.client_id,
            "client_secret": request.client_secret,
        }
        answer = await self._calls.token(request.token_url, form)
        if not isinstance(answer, Ok):
            return answer
        try:
            return Ok(mapping.read_token(answer.value))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    # Lists

    async def _bills(self, permit: Permit, operation: str, query: Mapping[str, str]) -> Outcome[list[InvoiceCard]]:
        rows = await self._calls.all_rows(permit, operation, BILLS, query)
        return await self._whole(permit, rows.value) if isinstance(rows, Ok) else rows

    async def _page(
        self, permit: Permit, operation: str, path: str, cursor: FeedCursor
    ) -> Outcome[tuple[list[Mapping[str, Any]], FeedCursor | None]]:
        """A page of what changed, and where the next one begins."""
        page = page_after(cursor.offset)
        query = {"afterDate": mapping.timestamp(cursor.since), **page.query}
        found = await self._calls.rows(permit, operation, path, query)
        if not isinstance(found, Ok):
            return found
        further = FeedCursor(cursor.since, page.end) if len(found.value) == page.rows else None
        return Ok((found.value, further))

    async def _whole(self, permit: Permit, rows: Sequence[Mapping[str, Any]]) -> Outcome[list[InvoiceCard]]:
        """The bills of rows, with their lines and comments, a page at a time."""
        read, cards = self._reader(permit), []
        try:
            ids = [int(mapping.bill_id(row)) for row in rows]
            for start in range(0, len(ids), PAGE_ROWS):
                body = orjson.dumps(ids[start : start + PAGE_ROWS])
                found = await self._calls.several(permit, "read_invoices", f"{BILLS}/byIds", body)
                if not isinstance(found, Ok):
                    return found
                cards += [read(row) for row in found.value]
        except (ShapeError, ValueError) as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(cards)

    @staticmethod
    def _reader(permit: Permit) -> "_ReadInvoice":
        return _ReadInvoice(permit.endpoint)


class _ReadInvoice:
    """Reads a bill's card; its public address depends on where the API is."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def __call__(self, card: Mapping[str, Any]) -> InvoiceCard:
        return mapping.read_invoice(card, self._endpoint)


def _path(resource: str, identity: str) -> str:
    return f"{resource}/{quote(identity, safe='')}"
