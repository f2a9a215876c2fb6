"""Calls to 1C bases: what is asked, in which order, and what the answers must be about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis import log
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Uncertain, is_outage
from chassis.work.handlers import Permit
from connectors import wire
from connectors.closing import CLOSING
from connectors.onec import address
from connectors.onec.calls import PAGE_OVERLAP_ROWS, PAGE_ROWS, Bases
from connectors.onec.goods import Goods
from connectors.onec.mapping import reading, writing
from connectors.onec.parties import Parties
from connectors.onec.payments import BankDocuments
from connectors.onec.printing import Printing
from connectors.onec.publication import Publication
from connectors.onec.schema import DUE_DATES, INVOICES, SALES, VENDOR
from connectors.onec.seller import Sellers
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
    InvoiceStatus,
    PaymentRow,
    PaymentsPage,
    PdfFile,
)
from connectors.ports.products import UsedItem
from connectors.ports.refusing import Refusing
from connectors.transport import Transport
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

DATED_OTHERWISE: Final = timedelta(days=60)
"""How far an accountant may have moved a document's date before a look-up by its comment loses it."""
MODE: Final = "mode"
"""The connection's setting: ``draft`` waits for the accountant to post an invoice, ``posted`` counts it at once."""
_NUMBER_PADDING: Final = "0"

_log = log.get(__name__)


class OneC(Refusing):
    """A client of all 1C bases. Between calls it keeps only what documents name of our side."""

    vendor = VENDOR

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._bases = Bases(http, clock)
        self._sellers = Sellers(self._bases, clock)
        self._parties = Parties(self._bases, self._sellers, clock)
        self._goods = Goods(self._bases, clock)
        self._money = BankDocuments(self._bases, self._sellers, clock)
        self._printing = Printing(self._bases)
        self._publication = Publication(self._bases, self._sellers)

    # Buyers

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """All live records of exactly this INN."""
        return await self._parties.find(permit, inn)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """A buyer. A base takes two of one INN, so the look-up comes first, and our own reference stands in the way."""
        return await self._parties.create(permit, draft, key)

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        """Buyers that we made since a moment; from long ago on, all buyers."""
        return await self._parties.changes(permit, cursor)

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]:
        """Live records without INN of exactly this name and e-mail."""
        return await self._parties.find_person(permit, name, email)

    # Invoices

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """An invoice, written and not posted. What it refers to is found or made before; then alone it is sent."""
        written = await self._invoice_body(permit, draft)
        if not isinstance(written, Ok):
            return written
        body, goods = written.value
        made = await self._created(permit, "create_invoice", INVOICES, body, key)
        if not isinstance(made, Ok):
            return made
        try:
            card = _read(made.value, permit)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=True)
        for field, equal in (
            ("Контрагент_Key", card.counterparty_id == draft.counterparty_id.lower()),
            ("Date", card.issued_on == draft.issued_on),
            ("Комментарий", draft.marker in card.comment),
            ("Товары", len(card.lines) == len(draft.lines)),
        ):
            if not equal:
                return mismatch(VENDOR, field, write=True)
        return Ok(await self._with_term(permit, replace(card, goods=goods), draft.due_on))

    async def _created(
        self, permit: Permit, operation: str, resource: str, body: dict[str, Any], key: str
    ) -> Outcome[dict[str, Any]]:
        """A new document, or the one that a lost call made under our own reference. Where a person has deleted that
        one, another is what is asked for, under a reference of this call's key."""
        for own in (body["Ref_Key"], writing.own_key("document-again", body["Ref_Key"], key)):
            made = await self._bases.create(permit, operation, resource, body | {"Ref_Key": own})
            if not isinstance(made, Rejected):
                return made
            if made.problem.code != "already_exists":
                self._sellers.forget(permit)
                self._goods.forget(permit)
                return made
            there = await self._bases.one(permit, operation, f"{resource}({address.guid(own)})")
            if not isinstance(there, Ok):
                return Uncertain(made.problem, outage=is_outage(there))
            if not reading.marked(there.value):
                return there
        return Uncertain(Problem("already_exists"), outage=False)

    async def _with_term(self, permit: Permit, card: InvoiceCard, due_on: date | None) -> InvoiceCard:
        """The invoice after its term was put into the base's register. The invoice stands whatever becomes of the term,
        which its comment names too."""
        if due_on is None:
            return card
        seller = await self._sellers.seller(permit)
        if not isinstance(seller, Ok):
            return card
        body = writing.due_date_body(seller.value, card.invoice_id, due_on)
        put = await self._bases.create(permit, "set_term", DUE_DATES, body)
        if isinstance(put, Ok):
            return replace(card, due_on=due_on)
        _log.warning("the term of an invoice was not put into its register", vendor=VENDOR, reason=put.problem.code)
        return card

    async def _invoice_body(
        self, permit: Permit, draft: InvoiceDraft
    ) -> Outcome[tuple[dict[str, Any], tuple[UsedItem, ...]]]:
        if not _is_key(draft.counterparty_id):
            return _not_found()
        seller = await self._sellers.seller(permit)
        if not isinstance(seller, Ok):
            return seller
        contract = await self._goods.contract(permit, draft.counterparty_id, seller.value)
        if not isinstance(contract, Ok):
            return contract
        items = await self._goods.items(permit, draft.lines)
        if not isinstance(items, Ok):
            return items
        own = writing.own_key("document", permit.account, draft.marker)
        each, used = items.value.each, items.value.used
        body = writing.invoice_body(draft, seller=seller.value, contract=contract.value, items=each, key=own)
        return Ok((body, used))

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
        """By the marker in the comment, within 60 days of the date, or by the reference that we asked for. Neither the
        buyer nor the number narrows it, since an accountant may change both. Without a marker by the number alone, as
        it is stored or as it is printed."""
        condition = _by_marker(permit, marker, issued_on) if marker else _by_number(number, issued_on)
        found = await self._bases.rows(permit, "find_invoice", INVOICES, filter=condition, orderby="Date,Ref_Key")
        if not isinstance(found, Ok):
            return found
        try:
            cards = [_read(row, permit) for row in found.value]
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        if not marker:
            return Ok(InvoiceLookup(tuple(one for one in cards if _printed(one.number) == _printed(number)), ()))
        # A draft that was marked for deletion is an answer too, unless another one stands.
        standing = tuple(one for one in cards if one.status is not InvoiceStatus.CANCELLED)
        return Ok(InvoiceLookup(standing or tuple(cards), ()))

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """The card of one invoice."""
        found = await self._document(permit, "read_invoice", INVOICES, invoice_id)
        return _invoice_of(found.value, permit, invoice_id) if isinstance(found, Ok) else found

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        """Invoices dated from a moment on, and 60 days before it: a base keeps no moment of a change."""
        begins = address.moment((cursor.since - DATED_OTHERWISE).date())
        found = await self._bases.rows(
            permit,
            "invoice_changes",
            INVOICES,
            filter=f"Date ge {begins}",
            orderby="Date,Ref_Key",
            top=str(PAGE_ROWS),
            skip=str(cursor.offset),
        )
        if not isinstance(found, Ok):
            return found
        try:
            cards = tuple(_read(row, permit) for row in found.value)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        further = FeedCursor(cursor.since, cursor.offset + PAGE_ROWS - PAGE_OVERLAP_ROWS)
        return Ok(InvoicesPage(cards, further if len(cards) == PAGE_ROWS else None))

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        """Marks an invoice for deletion, after taking its posting back; doing so twice is the same as once."""
        found = await self._document(permit, "read_invoice", INVOICES, invoice_id)
        card = _invoice_of(found.value, permit, invoice_id) if isinstance(found, Ok) else found
        if not isinstance(found, Ok) or not isinstance(card, Ok) or card.value.status is InvoiceStatus.CANCELLED:
            return card
        paid = await self._money.of_invoice(permit, invoice_id)
        if not isinstance(paid, Ok):
            return paid
        if sum(row.amount_kopecks for row in paid.value if not row.removed) > 0:
            return Rejected(Problem("invoice_already_paid", {"vendor": VENDOR}))
        place, version = f"{INVOICES}({address.guid(invoice_id)})", wire.text(found.value.get("DataVersion"))
        if card.value.status is InvoiceStatus.ISSUED:
            unposted = await self._bases.act(permit, "unpost_invoice", f"{place}/Unpost")
            if not isinstance(unposted, Ok):
                return unposted
            version = ""  # taking the posting back made another one
        marked = await self._bases.patch(permit, "cancel_invoice", place, {"DeletionMark": True}, version)
        if isinstance(marked, Uncertain) and marked.problem.code == "vendor_answer_unreadable":
            # Some releases answer a change by nothing at all; a page of a proxy says no more.
            now = await self.read_invoice(permit, invoice_id)
            return now if isinstance(now, Ok) and now.value.status is InvoiceStatus.CANCELLED else marked
        return _invoice_of(marked.value, permit, invoice_id, write=True) if isinstance(marked, Ok) else marked

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        """The invoice's printed form, where the base has our extension."""
        return await self._printing.pdf(permit, "invoice_pdf", INVOICES, invoice_id, "invoice")

    # Payments

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        """A page of bank documents dated from a moment on."""
        return await self._money.changed(permit, cursor)

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        """All payments of an invoice as they stand now."""
        return await self._money.of_invoice(permit, invoice_id) if _is_key(invoice_id) else _not_found()

    # Acts

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """A closing document, written and not posted: services, goods, or both; a УПД where the connection says so."""
        if not _is_key(draft.counterparty_id):
            return _not_found()
        seller = await self._sellers.seller(permit, accounts=True)
        if not isinstance(seller, Ok):
            return seller
        contract = await self._goods.contract(permit, draft.counterparty_id, seller.value)
        if not isinstance(contract, Ok):
            return contract
        items = await self._goods.items(permit, draft.lines)
        if not isinstance(items, Ok):
            return items
        body = writing.sale_body(
            draft,
            seller=seller.value,
            contract=contract.value,
            items=items.value.each,
            key=writing.own_key("document", permit.account, draft.marker),
            universal=permit.options.get(CLOSING) == "upd",
        )
        made = await self._created(permit, "create_act", SALES, body, key)
        if not isinstance(made, Ok):
            return made
        try:
            card = reading.read_act(made.value, permit.options.get(CLOSING, ""))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=True)
        for field, equal in (
            ("Контрагент_Key", card.counterparty_id == draft.counterparty_id.lower()),
            ("Комментарий", draft.marker in card.comment),
        ):
            if not equal:
                return mismatch(VENDOR, field, write=True)
        return Ok(replace(card, goods=items.value.used))

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        """The card of one closing document."""
        found = await self._document(permit, "read_act", SALES, act_id)
        if not isinstance(found, Ok):
            return found
        try:
            card = reading.read_act(found.value, permit.options.get(CLOSING, ""))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(card) if card.act_id == act_id.lower() else mismatch(VENDOR, "Ref_Key", write=False)

    async def find_act(
        self, permit: Permit, *, marker: str, invoice_id: str | None, since: datetime
    ) -> Outcome[tuple[ActCard, ...]]:
        """As invoices: by the marker in the comment, within 60 days of a moment, or by the reference that we asked
        for; a marked one only where none stands."""
        condition = _by_marker(permit, marker, since.date())
        found = await self._bases.rows(permit, "find_act", SALES, filter=condition, orderby="Date,Ref_Key")
        if not isinstance(found, Ok):
            return found
        try:
            cards = [
                (reading.read_act(row, permit.options.get(CLOSING, "")), reading.marked(row)) for row in found.value
            ]
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        standing = tuple(card for card, marked in cards if not marked)
        return Ok(standing or tuple(card for card, _ in cards))

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        """The act's printed form, where the base has our extension."""
        form = "upd" if permit.options.get(CLOSING) == "upd" else "act"
        return await self._printing.pdf(permit, "act_pdf", SALES, act_id, form)

    # The base

    async def ping(self, permit: Permit) -> Outcome[None]:
        """The list of published objects, and whether the least that is needed is among them."""
        return await self._publication.ping(permit)

    async def check_account(self, permit: Permit) -> Outcome[tuple[Problem, ...]]:
        """What an administrator must mend before documents go to this base."""
        return await self._publication.check(permit)

    async def _document(self, permit: Permit, operation: str, resource: str, key: str) -> Outcome[dict[str, Any]]:
        if not _is_key(key):
            return _not_found()
        return await self._bases.one(permit, operation, f"{resource}({address.guid(key)})")


def _by_marker(permit: Permit, marker: str, issued_on: date) -> str:
    own = writing.own_key("document", permit.account, marker)
    first, last = address.moment(issued_on - DATED_OTHERWISE), address.moment(issued_on + DATED_OTHERWISE)
    said = f"substringof({address.text(marker)}, Комментарий) eq true"
    return f"Ref_Key eq {address.guid(own)} or (Date ge {first} and Date lt {last} and {said})"


def _by_number(number: str, issued_on: date) -> str:
    ends = address.text(_printed(number))
    first, last = address.moment(issued_on - DATED_OTHERWISE), address.moment(issued_on + DATED_OTHERWISE)
    same = f"Number eq {address.text(number)} or endswith(Number, {ends}) eq true"
    return f"Date ge {first} and Date lt {last} and DeletionMark eq false and ({same})"


def _printed(number: str) -> str:
    """A number as documents show it: without the prefix of the base and leading zeros."""
    return number.strip().rpartition("-")[2].lstrip(_NUMBER_PADDING) or number.strip()


def _invoice_of(
    card: Mapping[str, Any], permit: Permit, invoice_id: str, *, write: bool = False
) -> Outcome[InvoiceCard]:
    try:
        found = _read(card, permit)
    except ShapeError as error:
        return unexpected(VENDOR, str(error), write=write)
    return Ok(found) if found.invoice_id == invoice_id.lower() else mismatch(VENDOR, "Ref_Key", write=write)


def _read(card: Mapping[str, Any], permit: Permit) -> InvoiceCard:
    return reading.read_invoice(card, permit.endpoint, drafts_count=permit.options.get(MODE) == "posted")


def _is_key(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def _not_found() -> Rejected:
    return Rejected(Problem("document_not_found", {"vendor": VENDOR}))
