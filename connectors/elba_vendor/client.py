"""Calls to Elba accounts, profile ``vendor``: what is asked, and the way from an answer to an outcome.

The permit's token is the account's API key; its options name the organisation (``organization_id``) and, where bills
shall show one, the bank account (``bank_account_id``).
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http import Answer, NotSent, SentUnknown, as_read
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors import wire
from connectors.closing import CLOSING, closing_form
from connectors.elba_vendor import mapping
from connectors.elba_vendor.calls import Calls, segment
from connectors.elba_vendor.outcomes import TABLE
from connectors.elba_vendor.schema import (
    NEWS_ROWS,
    SEARCH_ROWS,
    TASK_DONE,
    TASK_FAILED,
    TASK_RUNNING,
    VENDOR,
    rows_of,
    task_of,
)
from connectors.kontur_family import error_context
from connectors.ports.accounting import (
    ActCard,
    ActDraft,
    ClosingForm,
    Counterparty,
    CounterpartyDraft,
    InvoiceCard,
    InvoiceDraft,
)
from connectors.ports.balances import BalanceCursor, BalancesPage
from connectors.ports.refusing import Refusing
from connectors.transport import Transport
from connectors.verdicts import mismatch, unexpected
from connectors.wire import ShapeError

CREATE_SECONDS: Final = 12.0
READ_BACK_SECONDS: Final = 2.5
READ_BACKS: Final = 2
LINK_SECONDS: Final = 1.5
LINKS: Final = 2
"""A creation and what it reads back, its link last, share the 25 s of one effect."""
TASK_LOOKS_MAX: Final = 10
TASK_WAIT_SECONDS: Final = 1
TASK_SECONDS_MAX: Final = 30.0
PERSONS_MAX: Final = 10
PLACES: Final[Mapping[ClosingForm, str]] = {
    "act": "acts",
    "waybill": "delivery-notes",
    "upd": "universal-transfer-documents",
}
"""Where closing documents of each form are made."""


class ElbaVendor(Refusing):
    """A client of all Elba accounts of the profile; it keeps nothing between calls."""

    vendor = VENDOR

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._clock = clock
        self._calls = Calls(http, clock)

    # Buyers

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        """All records of exactly this INN; how the vendor's own search matches is not stated."""
        found = await self._search(permit, {"inn": inn, "kpp": None, "name": None})
        return Ok(tuple(one for one in found.value if one.inn == inn)) if isinstance(found, Ok) else found

    async def find_person(self, permit: Permit, name: str, email: str) -> Outcome[tuple[Counterparty, ...]]:
        """Records without INN of this name and e-mail; a search tells no e-mails, so each card is read."""
        found = await self._search(permit, {"inn": None, "kpp": None, "name": name})
        if not isinstance(found, Ok):
            return found
        named = mapping.named_like(found.value, name)
        if len(named) > PERSONS_MAX:
            return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)
        same: list[Counterparty] = []
        for one in named:
            card = await self.read_counterparty(permit, one.counterparty_id)
            if not isinstance(card, Ok):
                return card
            same += [card.value] if card.value.email == email else []
        return Ok(tuple(same))

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]:
        """The card of one contractor."""
        path = f"contractors/{segment(counterparty_id)}"
        return await self._calls.card(permit, "read_counterparty", path, mapping.read_contractor)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        """A contractor; it cannot be changed afterwards. A 409 means that one of this INN and KPP is there: search.
        ``key`` is not on the wire: the API has no idempotency."""
        made = await self._calls.created(
            permit, "create_counterparty", "contractors", mapping.contractor_body(draft), CREATE_SECONDS
        )
        return Ok(mapping.contractor_of_draft(made.value, draft)) if isinstance(made, Ok) else made

    # Invoices

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        """A bill, read back for the number that Elba gave it, with a public link. The answer names the id alone; a bill
        that cannot be read back exists, and the outcome names its id. A lost answer cannot be looked up."""
        if (unsupported := mapping.unsupported_rate(draft.lines)) is not None:
            return Rejected(unsupported)
        body = mapping.bill_body(draft, permit.options.get("bank_account_id"))
        made = await self._calls.created(permit, "create_invoice", "bills", body, CREATE_SECONDS)
        if not isinstance(made, Ok):
            return made
        card = await self._read_back(permit, made.value)
        if not isinstance(card, Ok):
            return Uncertain(Problem("invoice_number_unknown", {**card.problem.values, "invoice_id": made.value}))
        if card.value.counterparty_id != draft.counterparty_id:
            return mismatch(VENDOR, "contractorId", write=True)
        if card.value.issued_on != draft.issued_on:
            return mismatch(VENDOR, "date", write=True)
        return card

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        """The bill's card; its link is not in it."""
        return await self._bill(permit, invoice_id)

    async def invoice_link(self, permit: Permit, invoice_id: str, *, qr: bool = True) -> Outcome[str]:
        """The public page of a document: made with signatures and the payment QR where the account has them.
        Asking again gives the same link."""
        problem: Outcome[str] = Retryable(Problem("vendor_answer_unknown", {"vendor": VENDOR}), outage=False)
        for with_signatures in (True, False):
            asked = {"published": True, "withSignatures": with_signatures, "isQrCodeEnabled": with_signatures and qr}
            answer = await self._linked(permit, invoice_id, asked)
            if isinstance(answer, Answer) and answer.status == 409:
                return await self._known_link(permit, answer)
            if not isinstance(answer, Answer):
                return as_read(answer)
            document = self._calls.answers.read(answer, TABLE, write=False)
            if isinstance(document, Ok):
                return _text_of(document.value, "url")
            problem = document
            if answer.status != 400:
                break
        return problem

    async def hide_invoice(self, permit: Permit, invoice_id: str) -> Outcome[None]:
        """Unpublishes a document's link, whose id the refusal of a second link names. A document that had none has one
        then that nobody can open."""
        shown = {"withSignatures": False, "isQrCodeEnabled": False}
        answer = await self._linked(permit, invoice_id, {"published": False, **shown})
        if not isinstance(answer, Answer):
            return as_read(answer)
        if answer.status == 409:
            if (link_id := _link_id(answer)) is None:
                return unexpected(VENDOR, "id", write=False)
            path, body = f"document-links/{segment(link_id)}", orjson.dumps({"isPublished": False, **shown})
            changed = await self._calls.http.send(self._calls.call(permit, "hide_link", "PUT", path, body))
            if not isinstance(changed, Answer):
                return as_read(changed)
            if changed.status == 204:
                return Ok(None)
            answer = changed
        read = self._calls.answers.read(answer, TABLE, write=False)
        return Ok(None) if isinstance(read, Ok) else read

    # Money

    async def subscribe_to_balances(self, permit: Permit) -> Outcome[None]:
        """Has Elba write news of payments; a second subscription is the same as one."""
        answer = await self._calls.http.send(
            self._calls.call(permit, "subscribe", "POST", "document-news/subscription", b"{}")
        )
        if not isinstance(answer, Answer):
            return as_read(answer)
        if answer.status in (204, 409):
            return Ok(None)
        read = self._calls.answers.read(answer, TABLE, write=False)
        return Ok(None) if isinstance(read, Ok) else read

    async def balances_changed(self, permit: Permit, cursor: BalanceCursor) -> Outcome[BalancesPage]:
        """A page of the news from the newest row on, which is read again: when it is not the first of the answer, the
        feed does not stand where it stood, and is read from its beginning."""
        if not cursor.reading:
            found = await self._reading(permit)
            if not isinstance(found, Ok):
                return found
            cursor = found.value
            if not cursor.reading:
                return Ok(BalancesPage((), cursor, more=False))
        place = (cursor.last_id or 0) if cursor.reading == "id" else max(cursor.rows - 1, 0)
        news = await self._news(permit, place, NEWS_ROWS)
        if not isinstance(news, Ok):
            return news
        ids = [mapping.fact_id(row) for row in news.value]
        if cursor.last_id is not None and ids[:1] != [cursor.last_id]:
            return Ok(BalancesPage((), BalanceCursor(), more=True))
        fresh = news.value[0 if cursor.last_id is None else 1 :]
        try:
            facts = tuple(fact for row in fresh if (fact := mapping.read_fact(row)) is not None)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        moved = BalanceCursor(cursor.reading, ids[-1] if ids else cursor.last_id, cursor.rows + len(fresh))
        return Ok(BalancesPage(facts, moved, more=len(ids) == NEWS_ROWS))

    # Acts

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        """A closing document of the account's form. None can be read or listed: a lost answer cannot be looked up. A
        УПД is shown by its public page, since it has a printed form of its own."""
        if (unsupported := mapping.unsupported_rate(draft.lines)) is not None:
            return Rejected(unsupported)
        form = closing_form(permit.options.get(CLOSING, ""), draft.lines)
        body = mapping.act_body(draft, permit.options.get("bank_account_id"), form)
        made = await self._calls.created(permit, "create_act", PLACES[form], body, CREATE_SECONDS)
        if not isinstance(made, Ok):
            return made
        link = await self.invoice_link(permit, made.value, qr=False) if form == "upd" else None
        return Ok(mapping.act_of_draft(made.value, draft, form, link.value if isinstance(link, Ok) else ""))

    # The account

    async def ping(self, permit: Permit) -> Outcome[None]:
        """The organisations that the key opens; ours must be among them."""
        call = self._calls.call_at(permit, "ping", "GET", "organizations?offset=0&limit=100")
        document = await self._calls.answers.document(call, TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            known = {wire.text(one.get("id")).lower() for one in rows_of(document.value, "organizations")}
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        if permit.options.get("organization_id", "").lower() in known:
            return Ok(None)
        return Retryable(Problem("accounting_forbidden", {"vendor": VENDOR, "status": 200, "text": ""}), outage=True)

    # From an answer to an outcome

    async def _search(self, permit: Permit, wanted: Mapping[str, str | None]) -> Outcome[tuple[Counterparty, ...]]:
        """A whole search of contractors, page by page; a page may be a task that is waited for."""
        found: list[Counterparty] = []
        for _ in range(PERSONS_MAX):
            body = orjson.dumps({"offset": len(found), "limit": SEARCH_ROWS, "filter": wanted})
            page = await self._searched(permit, body)
            if not isinstance(page, Ok):
                return page
            try:
                rows = [mapping.read_contractor(row) for row in rows_of(page.value, "contractors")]
            except ShapeError as error:
                return unexpected(VENDOR, str(error), write=False)
            found += rows
            if len(rows) < SEARCH_ROWS:
                return Ok(tuple(found))
        return Retryable(Problem("lookup_incomplete", {"vendor": VENDOR}), outage=False)

    async def _searched(self, permit: Permit, body: bytes) -> Outcome[Any]:
        call = self._calls.call(permit, "find_counterparty", "POST", "contractors/search", body)
        answer = await self._calls.http.send(call)
        if not isinstance(answer, Answer):
            return as_read(answer)
        if answer.status != 202:
            return self._calls.answers.read(answer, TABLE, write=False)
        try:
            task_id, _ = task_of(wire.read_json(answer.body))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        except ValueError:
            return TABLE.judge(202, None, write=False, values={"vendor": VENDOR})
        return await self._result(permit, task_id, answer)

    async def _result(self, permit: Permit, task_id: str, answer: Answer) -> Outcome[Any]:
        """The result of a long-running task, asked for as often as the vendor says, 30 s of business time at most."""
        begun = self._clock.now()
        call = self._calls.call_at(permit, "read_task", "GET", f"long-running-tasks/{segment(task_id)}")
        for _ in range(TASK_LOOKS_MAX):
            until = self._calls.answers.until(answer, TASK_WAIT_SECONDS)
            if until is None or (until - begun).total_seconds() > TASK_SECONDS_MAX:
                break
            await self._clock.sleep_until(until)
            again = await self._calls.http.send(call)
            if not isinstance(again, Answer):
                return as_read(again)
            answer = again
            document = self._calls.answers.read(answer, TABLE, write=False)
            if not isinstance(document, Ok):
                return document
            try:
                found, status = task_of(document.value)
            except ShapeError as error:
                return unexpected(VENDOR, str(error), write=False)
            if found != task_id:
                return mismatch(VENDOR, "id", write=False)
            if status == TASK_DONE:
                return Ok(document.value.get("result"))
            if status == TASK_FAILED:
                return self._failed(document.value)
            if status != TASK_RUNNING:
                return unexpected(VENDOR, "status", write=False)
        until = self._calls.answers.until(answer, TASK_WAIT_SECONDS)
        return Deferred(Problem("search_running", {"vendor": VENDOR}), until, of_account=False)

    def _failed(self, task: Mapping[str, Any]) -> Retryable:
        said = task.get("errorDescription")
        text = said.get("message") if isinstance(said, dict) else ""
        values = {"vendor": VENDOR, "status": 200, "text": text[:300] if isinstance(text, str) else ""}
        return Retryable(Problem("vendor_fault", values), outage=False)

    async def _read_back(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        card = await self._bill(permit, invoice_id, READ_BACK_SECONDS)
        for _ in range(READ_BACKS - 1):
            if isinstance(card, Ok):
                break
            card = await self._bill(permit, invoice_id, READ_BACK_SECONDS)
        if not isinstance(card, Ok):
            return card
        for _ in range(LINKS):
            link = await self.invoice_link(permit, invoice_id)
            if isinstance(link, Ok):
                return Ok(replace(card.value, url=link.value))
        return card

    async def _bill(self, permit: Permit, invoice_id: str, seconds: float | None = None) -> Outcome[InvoiceCard]:
        path = f"bills/{segment(invoice_id)}"
        found = await self._calls.card(permit, "read_invoice", path, mapping.read_bill, seconds)
        if isinstance(found, Ok) and found.value.invoice_id.lower() != invoice_id.lower():
            return mismatch(VENDOR, "id", write=False)
        return found

    async def _linked(
        self, permit: Permit, document_id: str, asked: Mapping[str, bool]
    ) -> Answer | NotSent | SentUnknown:
        """Asks for a document's link. Not marked as a change: it may be asked for at will, and must not be stopped by a
        send's own deadline."""
        body = orjson.dumps({"documentId": document_id, **asked})
        call = self._calls.call(permit, "create_link", "POST", "document-links", body, LINK_SECONDS)
        return await self._calls.http.send(call)

    async def _known_link(self, permit: Permit, answer: Answer) -> Outcome[str]:
        """The link that a document has already: the refusal names its id."""
        link_id = _link_id(answer)
        if link_id is None:
            return self._calls.answers.failure(answer, TABLE, write=False)
        path = f"document-links/{segment(link_id)}"
        call = self._calls.call(permit, "read_link", "GET", path, None, LINK_SECONDS)
        found = await self._calls.answers.document(call, TABLE)
        return _text_of(found.value, "url") if isinstance(found, Ok) else found

    async def _reading(self, permit: Permit) -> Outcome[BalanceCursor]:
        """How this account's feed takes an offset: the row that stands at 0 has an id, and is asked for by it."""
        first = await self._news(permit, 0, 1)
        if not isinstance(first, Ok) or not first.value:
            return Ok(BalanceCursor()) if isinstance(first, Ok) else first
        first_id = mapping.fact_id(first.value[0])
        again = await self._news(permit, first_id, 1)
        if not isinstance(again, Ok):
            return again
        by_id = bool(again.value) and mapping.fact_id(again.value[0]) == first_id
        return Ok(BalanceCursor("id" if by_id else "place"))

    async def _news(self, permit: Permit, offset: int, limit: int) -> Outcome[list[Mapping[str, Any]]]:
        """Rows of the news; their ids ascend."""
        path = "document-news?" + urlencode({"offset": offset, "limit": limit})
        document = await self._calls.answers.document(self._calls.call(permit, "balances", "GET", path), TABLE)
        if not isinstance(document, Ok):
            return document
        try:
            rows = rows_of(document.value, "news")
            ids = [mapping.fact_id(row) for row in rows]
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        if any(later <= earlier for earlier, later in pairwise(ids)):
            return unexpected(VENDOR, "news", write=False)
        return Ok(rows)


def _link_id(answer: Answer) -> str | None:
    """The link that a refusal of a second one names."""
    try:
        document = wire.read_json(answer.body)
    except ValueError:
        return None
    named = document.get("id") if isinstance(document, dict) else None
    link_id = named or error_context(document).get("id")
    return link_id if isinstance(link_id, str) else None


def _text_of(document: Any, name: str) -> Outcome[str]:
    found = document.get(name) if isinstance(document, dict) else None
    return Ok(found) if isinstance(found, str) and found else unexpected(VENDOR, name, write=False)
