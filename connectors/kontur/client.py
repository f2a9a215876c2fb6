"""Calls to Kontur.Accounting by this project's contract: what is asked, and the way from an answer to an outcome."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import orjson

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Permit
from connectors import wire
from connectors.closing import CLOSING, closing_form, form_of
from connectors.kontur import mapping, payments
from connectors.kontur.calls import Calls
from connectors.kontur.goods import goods_of, without_refused
from connectors.kontur.outcomes import TOKEN_TABLE
from connectors.kontur.schema import VENDOR
from connectors.ports.accounting import (
    AccessToken,
    ActCard,
    ActDraft,
    ClosingForm,
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
from connectors.ports.products import Product, ProductDraft
from connectors.ports.refusing import Refusing
from connectors.transport import Transport
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

PLACES: Final[Mapping[ClosingForm, str]] = {"act": "acts", "waybill": "waybills", "upd": "transfer-documents"}
"""Where closing documents of each form are."""
_T = TypeVar("_T")


class Kontur(Refusing):
    """A client of all Kontur.Accounting accounts; it keeps nothing between calls."""

    vendor = VENDOR

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._clock = clock
        self._calls = Calls(http, clock)

    # Buyers

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """All live records of exactly this INN."""
        query = {"inn": inn}
        found = await self._calls.all_rows(
            permit, "find_counterparty", "counterparties", query, mapping.read_live_counterparty
        )
        return Ok(tuple(one for one in found.value if one.inn == inn)) if isinstance(found, Ok) else found

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        """The card of one buyer; of one that was deleted the service may leave a card that says so."""
        path = f"counterparties/{quote(counterparty_id, safe='')}"
        read = await self._calls.card(permit, "read_counterparty", path, mapping.read_counterparty_unless_deleted)
        if not isinstance(read, Ok):
            return read
        return Rejected(Problem("document_not_found", {"vendor": VENDOR})) if read.value is None else Ok(read.value)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """A buyer. A 409 means that one of this INN and KPP is there: search, don't create."""
        body = mapping.counterparty_body(draft)
        created = await self._calls.card(
            permit, "create_counterparty", "counterparties", mapping.read_counterparty, body, key
        )
        if isinstance(created, Ok) and created.value.inn != (draft.inn or ""):
            return mismatch(VENDOR, "inn", write=True)
        return created

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Buyers changed since a moment; the fields that the state register refreshed come with them."""
        found = await self._calls.page(
            permit, "counterparty_changes", "counterparties", cursor, mapping.read_live_counterparty
        )
        return Ok(CounterpartiesPage(*found.value)) if isinstance(found, Ok) else found

    # Nomenclature

    async def find_product(self, permit: Permit, external_code: str) -> Outcome[tuple[Product, ...]]:
        """Items of exactly this external code."""
        query = {"externalId": external_code}
        found = await self._calls.all_rows(permit, "find_product", "products", query, mapping.read_live_product)
        if not isinstance(found, Ok):
            return found
        return Ok(tuple(one for one in found.value if one.external_code == external_code))

    async def create_product(self, permit: Permit, draft: ProductDraft, *, key: str) -> Outcome[Product]:
        """An item under its external code."""
        body = mapping.product_body(draft)
        made = await self._calls.card(permit, "create_product", "products", mapping.read_product, body, key)
        if isinstance(made, Ok) and made.value.external_code != draft.external_code:
            return mismatch(VENDOR, "externalId", write=True)
        return made

    # Invoices

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """An invoice under our marker as its external id; whether the answer is about it is checked here, its sums by
        who asked."""
        if (unsupported := mapping.unsupported_rate(draft.lines)) is not None:
            return Rejected(unsupported)
        goods = await goods_of(self._calls, self, permit, draft.lines)
        if not isinstance(goods, Ok):
            return goods
        body = mapping.invoice_body(draft, goods.value.ids, permit.options.get("bank_account_id"))
        created = await self._calls.card(permit, "create_invoice", "invoices", mapping.read_invoice, body, key)
        created = without_refused(created, body, draft.lines, goods.value)
        if isinstance(created, Ok):
            card = created.value
            for field, equal in (
                ("counterpartyId", card.counterparty_id == draft.counterparty_id),
                ("date", card.issued_on == draft.issued_on),
                ("externalId", card.comment.endswith(draft.marker)),
            ):
                if not equal:
                    return mismatch(VENDOR, field, write=True)
            return Ok(replace(card, goods=goods.value.used))
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
        """By our marker, which is the external id, whatever was edited by hand; without one by number and date. One
        look-up tells, so that ``since`` is not needed."""
        query = {"externalId": marker} if marker else {"number": number, "date": issued_on.isoformat()}
        found = await self._calls.all_rows(permit, "find_invoice", "invoices", query, mapping.read_live_invoice)
        if not isinstance(found, Ok):
            return found
        if marker:
            return Ok(InvoiceLookup(tuple(one for one in found.value if one.comment.endswith(marker)), ()))
        same = tuple(one for one in found.value if one.number == number and one.issued_on == issued_on)
        return Ok(InvoiceLookup(same, ()))

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """The card of one invoice."""
        found = await self._calls.card(permit, "read_invoice", f"invoices/{_segment(invoice_id)}", mapping.read_invoice)
        return _about(found, lambda card: card.invoice_id == invoice_id)

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        """Invoices changed since a moment."""
        found = await self._calls.page(permit, "invoice_changes", "invoices", cursor, mapping.read_live_invoice)
        return Ok(InvoicesPage(*found.value)) if isinstance(found, Ok) else found

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        """The invoice's file, with stamp and signature where the account has them."""
        return await self._calls.pdf(permit, "invoice_pdf", f"invoices/{_segment(invoice_id)}/pdf?stamp=true")

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        """Cancels; cancelling twice is the same as once."""
        path, body = f"invoices/{_segment(invoice_id)}/cancel", orjson.dumps({"reason": "Аннулирован по сделке"})
        cancelled = await self._calls.card(permit, "cancel_invoice", path, mapping.read_invoice, body, key)
        if isinstance(cancelled, Ok) and cancelled.value.invoice_id != invoice_id:
            return mismatch(VENDOR, "id", write=True)
        return cancelled

    # Payments

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        """A page of bank operations changed since a moment, as their shares."""
        found = await self._calls.page(permit, "payments", "bank-transactions", cursor, payments.rows_of_operation)
        if not isinstance(found, Ok):
            return found
        operations, following = found.value
        return Ok(PaymentsPage(tuple(row for shares in operations for row in shares), following))

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        """All payments of an invoice as they stand now: its card names their days, and the operations of those days
        their shares; both must come to the same sum."""
        whole: list[Mapping[str, Any]] = []
        path = f"invoices/{_segment(invoice_id)}"

        def kept(card: Mapping[str, Any]) -> InvoiceCard:
            whole.append(card)
            return mapping.read_invoice(card)

        found = _about(
            await self._calls.card(permit, "read_payments", path, kept), lambda card: card.invoice_id == invoice_id
        )
        if not isinstance(found, Ok):
            return found
        try:
            days = payments.days_of(whole[0])
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        rows: tuple[PaymentRow, ...] = ()
        if days is not None:
            query = {"dateFrom": days[0].isoformat(), "dateTo": days[1].isoformat()}
            operations = await self._calls.all_rows(
                permit, "operations_of_days", "bank-transactions", query, payments.rows_of_operation
            )
            if not isinstance(operations, Ok):
                return operations
            # One operation may be listed twice in one answer; it is one, as it stands last.
            each = {row.payment_id: row for shares in operations.value for row in shares}
            rows = payments.shares_for(tuple(each.values()), invoice_id)
        live = sum(row.amount_kopecks for row in rows if not row.removed)
        if live != (found.value.paid_kopecks or 0):
            differs = Problem("lookup_incomplete", {"vendor": VENDOR, "listed_kopecks": live})
            return Retryable(differs, outage=False)
        return Ok(rows)

    # Acts

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """A closing document of the account's form, under our marker as its external id."""
        if (unsupported := mapping.unsupported_rate(draft.lines)) is not None:
            return Rejected(unsupported)
        goods = await goods_of(self._calls, self, permit, draft.lines)
        if not isinstance(goods, Ok):
            return goods
        form = closing_form(permit.options.get(CLOSING, ""), draft.lines)
        body = mapping.act_body(draft, goods.value.ids, form)
        created = await self._calls.card(permit, "create_act", PLACES[form], _reads_act(form), body, key)
        if not isinstance(created, Ok):
            return without_refused(created, body, draft.lines, goods.value)
        if created.value.counterparty_id != draft.counterparty_id:
            return mismatch(VENDOR, "counterpartyId", write=True)
        return Ok(replace(created.value, goods=goods.value.used))

    async def find_act(
        self, permit: Permit, *, marker: str, invoice_id: str | None, since: datetime
    ) -> Outcome[tuple[ActCard, ...]]:
        """Closing documents of our marker, whatever their form: among those of the invoice, or changed since a
        moment."""
        query = {"invoiceId": invoice_id} if invoice_id else {"updatedSince": mapping.timestamp(since)}
        matches: list[ActCard] = []
        for form, place in PLACES.items():
            read = functools.partial(mapping.read_live_act, form=form)
            found = await self._calls.all_rows(permit, "find_act", place, query, read)
            if not isinstance(found, Ok):
                return found
            matches += [one for one in found.value if one.comment.endswith(marker)]
        return Ok(tuple(matches))

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """The card of one closing document."""
        form, vendor_id = form_of(act_id)
        path = f"{PLACES[form]}/{_segment(vendor_id)}"
        found = await self._calls.card(permit, "read_act", path, _reads_act(form))
        return _about(found, lambda card: card.act_id == act_id)

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """The closing document's file."""
        form, vendor_id = form_of(act_id)
        return await self._calls.pdf(permit, "act_pdf", f"{PLACES[form]}/{_segment(vendor_id)}/pdf")

    # The account

    async def ping(self, permit: Permit) -> Outcome[None]:
        """The organisations that the access opens; ours must be among them."""

        def read(card: Mapping[str, Any]) -> str:
            return wire.text(card.get("id")).lower()

        found = await self._calls.all_rows(permit, "ping", "organizations", {}, read)
        wanted = permit.options.get("organization_id", "").lower()
        if not isinstance(found, Ok):
            return found
        if wanted in found.value or (not wanted and len(found.value) == 1):
            return Ok(None)
        return Retryable(Problem("accounting_forbidden", {"vendor": VENDOR, "status": 200, "text": ""}), outage=True)

    async def obtain_token(self, request: TokenRequest) -> Outcome[AccessToken]:
        """Client credentials → a bearer token (RFC 6749 §4.4)."""
        return await self._calls.answers.token(request, request.scope, TOKEN_TABLE)


def _about(found: Outcome[_T], is_it: Callable[[_T], bool]) -> Outcome[_T]:
    """A card that was read, unless it is another object's."""
    return mismatch(VENDOR, "id", write=False) if isinstance(found, Ok) and not is_it(found.value) else found


def _reads_act(form: ClosingForm) -> Callable[[Mapping[str, Any]], ActCard]:
    return functools.partial(mapping.read_act, form=form)


def _segment(text: str) -> str:
    return quote(text, safe="")
