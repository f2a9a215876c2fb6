"""Calls to Elba accounts, profile ``seed``: what is asked, and the way from an answer to an outcome."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from itertools import pairwise
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Call
from chassis.outcomes import Ok, Outcome, Retryable
from chassis.work.handlers import Permit
from connectors.elba import mapping
from connectors.elba.outcomes import KNOWN_CODES, TABLE, TOKEN_TABLE
from connectors.elba.schema import PAGE_ROWS, VENDOR, rows_of
from connectors.kontur_family import Answers
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
from connectors.ports.refusing import Refusing
from connectors.transport import Transport
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

PDF_BYTES_MAX: Final = 20 * 1024 * 1024
LOOKUP_PAGES_MAX: Final = 10
SCOPE: Final = "elba.api"
PAGE_OVERLAP_ROWS: Final = 10

_T = TypeVar("_T")
_Read = Callable[[Mapping[str, Any]], _T]


class ElbaSeed(Refusing):
    """A client of all Elba accounts of the profile; it keeps nothing between calls."""

    vendor = VENDOR

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._clock = clock
        self._answers = Answers(http, clock, VENDOR, KNOWN_CODES, (TOKEN_TABLE,))

    # Buyers

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """All records of exactly this INN; how the vendor's own search matches is not stated."""
        found = await self._rows(permit, "find_counterparty", "counterparties", {"inn": inn}, mapping.read_counterparty)
        if not isinstance(found, Ok):
            return found
        return Ok(tuple(one for one in found.value if one.inn == inn))

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        """The card of one buyer."""
        path = f"counterparties/{quote(counterparty_id, safe='')}"
        return await self._card(permit, "read_counterparty", path, mapping.read_counterparty)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """A buyer. A 409 means that one of this INN and KPP is there: search, don't create."""
        body = mapping.counterparty_body(draft)
        made = partial(mapping.read_created_counterparty, draft)
        created = await self._card(permit, "create_counterparty", "counterparties", made, body, key)
        if isinstance(created, Ok) and created.value.inn != (draft.inn or ""):
            return mismatch(VENDOR, "inn", write=True)
        return created

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Buyers changed since a moment."""
        operation = "counterparty_changes"
        found = await self._rows(permit, operation, "counterparties", _since(cursor), mapping.read_counterparty)
        if not isinstance(found, Ok):
            return found
        return Ok(CounterpartiesPage(found.value, _next(cursor, [one.updated_at for one in found.value])))

    # Invoices

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """An invoice; whether the answer is about the one we asked for is checked here, its sums by who asked."""
        body = mapping.invoice_body(draft)
        created = await self._card(permit, "create_invoice", "invoices", mapping.read_invoice, body, key)
        if isinstance(created, Ok):
            card = created.value
            for field, equal in (
                ("counterpartyId", card.counterparty_id == draft.counterparty_id),
                ("number", card.number == draft.number),
                ("date", card.issued_on == draft.issued_on),
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
        """By number and date; with ``since`` and nothing found, also through at most 10 pages of changes."""
        query = {"number": number, "date": issued_on.isoformat()}
        found = await self._rows(permit, "find_invoice", "invoices", query, mapping.read_invoice)
        if not isinstance(found, Ok):
            return found
        same = [one for one in found.value if one.number == number and one.issued_on == issued_on]
        matches = tuple(one for one in same if marker in one.comment)
        others = tuple(one for one in same if marker not in one.comment)
        if matches or since is None:
            return Ok(InvoiceLookup(matches, others))
        cursor = FeedCursor(since)
        seen: dict[str, InvoiceCard] = {}
        for _ in range(LOOKUP_PAGES_MAX):
            page = await self.invoice_changes(permit, cursor)
            if not isinstance(page, Ok):
                return page
            seen |= {one.invoice_id: one for one in page.value.invoices if marker in one.comment}
            if page.value.next is None:
                return Ok(InvoiceLookup(tuple(seen.values()), others))
            cursor = page.value.next
        return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """The card of one invoice."""
        path = f"invoices/{quote(invoice_id, safe='')}"
        found = await self._card(permit, "read_invoice", path, mapping.read_invoice)
        if isinstance(found, Ok) and found.value.invoice_id != invoice_id:
            return mismatch(VENDOR, "id", write=False)
        return found

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        """Invoices changed since a moment."""
        found = await self._rows(permit, "invoice_changes", "invoices", _since(cursor), mapping.read_invoice)
        if not isinstance(found, Ok):
            return found
        return Ok(InvoicesPage(found.value, _next(cursor, [one.updated_at for one in found.value])))

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        """The invoice's file."""
        return await self._pdf(permit, "invoice_pdf", f"invoices/{quote(invoice_id, safe='')}/pdf")

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        """Cancels; cancelling twice is the same as once."""
        path = f"invoices/{quote(invoice_id, safe='')}/cancel"
        cancelled = await self._card(permit, "cancel_invoice", path, mapping.read_invoice, b"{}", key)
        if isinstance(cancelled, Ok) and cancelled.value.invoice_id != invoice_id:
            return mismatch(VENDOR, "id", write=True)
        return cancelled

    # Payments

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        """A page of payments changed since a moment. The next page begins at the last row's moment, not at an offset:
        what changes meanwhile moves to the end and would pull rows over an offset."""
        found = await self._rows(permit, "payments", "payments", _since(cursor), mapping.read_payment)
        if not isinstance(found, Ok):
            return found
        return Ok(PaymentsPage(found.value, _next(cursor, [one.updated_at for one in found.value])))

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        """All payments of an invoice as they stand now."""
        path = f"invoices/{quote(invoice_id, safe='')}/payments"
        found = await self._rows(permit, "invoice_payments", path, {}, mapping.read_payment)
        if isinstance(found, Ok) and any(one.invoice_id != invoice_id for one in found.value):
            return mismatch(VENDOR, "invoiceId", write=False)
        return found

    # Acts

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """An act. There is no list of acts: a lost answer cannot be looked up."""
        body = mapping.act_body(draft)
        created = await self._card(permit, "create_act", "acts", mapping.read_act, body, key)
        if isinstance(created, Ok) and created.value.counterparty_id != draft.counterparty_id:
            return mismatch(VENDOR, "counterpartyId", write=True)
        return created

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """The card of one act."""
        found = await self._card(permit, "read_act", f"acts/{quote(act_id, safe='')}", mapping.read_act)
        if isinstance(found, Ok) and found.value.act_id != act_id:
            return mismatch(VENDOR, "id", write=False)
        return found

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """The act's file."""
        return await self._pdf(permit, "act_pdf", f"acts/{quote(act_id, safe='')}/pdf")

    # The account

    async def ping(self, permit: Permit) -> Outcome[None]:
        """One row at most of what changed just now."""
        query = {"updatedSince": mapping.timestamp(self._clock.now()), "offset": "0", "limit": "1"}
        found = await self._rows(permit, "ping", "invoices", query, mapping.read_invoice)
        return Ok(None) if isinstance(found, Ok) else found

    async def obtain_token(self, request: TokenRequest) -> Outcome[AccessToken]:
        """Client credentials → a bearer token (RFC 6749 §4.4)."""
        return await self._answers.token(request, request.scope or SCOPE, TOKEN_TABLE)

    # From an answer to an outcome

    async def _rows(
        self, permit: Permit, operation: str, path: str, query: Mapping[str, str], read: _Read[_T]
    ) -> Outcome[tuple[_T, ...]]:
        suffix = f"?{urlencode(query)}" if query else ""
        document = await self._answers.document(self._call(permit, operation, "GET", path + suffix), TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            return Ok(tuple(read(row) for row in rows_of(document.value)))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def _card(
        self, permit: Permit, operation: str, path: str, read: _Read[_T], body: bytes | None = None, key: str = ""
    ) -> Outcome[_T]:
        """One object: a GET, or a POST with a body under an idempotency key."""
        call = self._call(permit, operation, "GET" if body is None else "POST", path, body, key)
        return await self._answers.card(call, TABLE, read)

    async def _pdf(self, permit: Permit, operation: str, path: str) -> Outcome[PdfFile]:
        return await self._answers.pdf(self._call(permit, operation, "GET", path, accept="application/pdf"), TABLE)

    def _call(
        self,
        permit: Permit,
        operation: str,
        method: str,
        path: str,
        body: bytes | None = None,
        key: str = "",
        accept: str = "application/json",
    ) -> Call:
        headers = {"authorization": f"Bearer {permit.access_token}", "accept": accept}
        if body is not None:
            headers |= {"content-type": "application/json", "idempotency-key": key}
        return Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.{operation}",
            method=method,
            url=f"{permit.endpoint.rstrip('/')}/{path}",
            changes=body is not None,
            headers=headers,
            content=body,
            answer_bytes_max=PDF_BYTES_MAX,
        )


def _since(cursor: FeedCursor) -> dict[str, str]:
    return {
        "updatedSince": mapping.timestamp(cursor.since),
        "offset": str(cursor.offset),
        "limit": str(PAGE_ROWS),
    }


def _next(cursor: FeedCursor, moments: Sequence[datetime | None]) -> FeedCursor | None:
    """Where the page after one of rows of these moments begins. Rows of one second may fill more than a page; only then
    the offset moves, and pages overlap, since rows that change meanwhile leave their places to the next ones. It moves
    too where rows do not ascend, which is promised of invoices alone: past the last one there would be others."""
    if len(moments) < PAGE_ROWS:
        return None
    last = moments[-1]
    ascending = all(one is not None and other is not None and one <= other for one, other in pairwise(moments))
    if ascending and last is not None and mapping.timestamp(last) > mapping.timestamp(cursor.since):
        return FeedCursor(last)
    return FeedCursor(cursor.since, cursor.offset + len(moments) - PAGE_OVERLAP_ROWS)
