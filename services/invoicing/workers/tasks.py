"""Reads of the accounting service for a document, and deadlines that are kept."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Protocol

from chassis.blobs import Blobs
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable
from chassis.subjects import SubjectErased, SubjectRef, Subjects
from chassis.tenants import TenantDirectory
from chassis.work.handlers import (
    Done,
    Permit,
    StreamCommand,
    Task,
    TaskResult,
)
from connectors.ports.accounting import Accounting, InvoiceCard, InvoiceStatus, PdfFile
from connectors.ports.refusing import CAPABILITY_MISSING
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.domain.values import Issued, Reason
from services.invoicing.store import DocumentStore
from services.invoicing.workers.payloads import act_result, invoice_result, issued_of
from services.invoicing.workers.rendering import Renderer, Seller

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

PDF_REFUSALS_MAX = 4
"""How often a PDF may be refused before a person is asked: a document that was just made is not visible at once."""

LINK_TRIES_MAX = 4
"""How often the page of a document that a person found is asked for before it is taken without one."""


class Papers:
    """Files of our own making, out of a document as its stream has it and the seller as the settings have it."""

    def __init__(
        self, store: DocumentStore, directory: TenantDirectory, subjects: Subjects, renderer: Renderer
    ) -> None:
        self._store = store
        self._directory = directory
        self._subjects = subjects
        self._renderer = renderer

    async def pdf(self, task: Task, *, draft: bool = False) -> Outcome[PdfFile]:
        """The file of the task's document; Rejected when the document or its seller is not there any more, or when
        accounting has it with other sums than were ordered. ``draft``: of one that has yet to be posted alone."""
        document = await self._store.document(task.tenant, task.stream, task.payload["document_id"])
        if document is None or document.issued is None or document.draft is None:
            return Rejected(Problem("document_not_found", {"document_id": task.payload["document_id"]}))
        issued, ordered = document.issued, document.draft
        if draft and document.phase != "review":
            return Rejected(Problem("document_not_found", {"document_id": document.document_id}))
        if issued.total_kopecks != ordered.total_kopecks or not issued.has_vat_of(ordered):
            # Its lines are in accounting alone, and nobody is to pay by a paper, or a code, with another sum.
            return Rejected(Problem("document_differs", {"number": issued.number}))
        seller = Seller.of((await self._directory.view(task.tenant)).settings, document.terms.seller_id)
        if seller is None:
            return Rejected(Problem("seller_missing", {}))
        buyer = document.link.name if document.link is not None else ""
        if document.link is not None and document.link.subject_ref and not buyer:
            try:
                buyer = str((await self._subjects.read(SubjectRef.parse(document.link.subject_ref))).get("name", ""))
            except SubjectErased:
                return Rejected(Problem("subject_erased", {}))
        return Ok(PdfFile(await self._renderer.pdf(document, seller, buyer)))


class FetchPdf:
    """Fetches a document's PDF into the blobs, or makes it where the vendor gives none; the deal does not wait."""

    kind = plans.FETCH_PDF
    recurring = False
    permits = 1

    def __init__(self, vendor_of: VendorOf, accounting: Accounting, blobs: Blobs, papers: Papers) -> None:
        self._vendor_of = vendor_of
        self._accounting = accounting
        self._blobs = blobs
        self._papers = papers

    async def run(self, task: Task) -> TaskResult:
        """Deferred while the vendor renders; the bytes are written before the command that names them."""
        assert task.permit is not None, "the plan names an account"
        if task.payload.get("form") == "upd" and not self._vendor_of(task.account).can(Capability.ACT_PDF):
            return Done(found_something=False)  # its printed form is prescribed; the vendor's own page shows it
        fetched = await self._fetched(task, task.permit)
        if isinstance(fetched, Rejected) and task.attempt >= PDF_REFUSALS_MAX:
            missed = c.MissPdf(task.payload["document_id"], Reason.of(fetched.problem))
            return Done((StreamCommand(task.stream, missed, f"no-pdf:{task.work_id}:{task.due_at.isoformat()}"),))
        if not isinstance(fetched, Ok):
            return _again(fetched)
        blob = str(await self._blobs.put(task.tenant, fetched.value.content))
        command = c.Render(task.payload["document_id"], blob, len(fetched.value.content))
        return Done((StreamCommand(task.stream, command, f"pdf:{task.payload['document_id']}:{blob}"),))

    async def _fetched(self, task: Task, permit: Permit) -> Outcome[PdfFile]:
        vendor, remote_id = self._vendor_of(task.account), task.payload["remote_id"]
        if task.payload["kind"] == "invoice":
            if vendor.can(Capability.INVOICE_PDF):
                return await self._accounting.invoice_pdf(permit, remote_id)
        elif vendor.can(Capability.ACT_PDF):
            return await self._accounting.act_pdf(permit, remote_id)
        return await self._papers.pdf(task)


class KnownDocuments(Protocol):
    """Which of our documents has a record of an account: its deal, "" for a record that is nobody's."""

    async def deal_of_record(self, tenant: TenantId, account: str, issued: Issued, *, but_for: str) -> str: ...


class AdoptDocument:
    """Takes the document that a person found by its number, after reading that it is there, in force, and that none of
    our other documents is it."""

    kind = plans.ADOPT
    recurring = False
    permits = 4  # the card, and its link

    def __init__(self, accounting: Accounting, known: KnownDocuments) -> None:
        self._accounting = accounting
        self._known = known

    async def run(self, task: Task) -> TaskResult:
        """Looks the number up; a document that is not there, or several, ask again."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        command_id = f"adopt:{payload['card_id']}"
        if payload.get("kind") != "invoice":
            # No look-up of acts exists.
            return Done((StreamCommand(task.stream, _as_told(payload), command_id),))
        found = await self._accounting.find_invoice(
            task.permit, number=payload["number"], issued_on=date.fromisoformat(payload["date"]), marker=""
        )
        if isinstance(found, Rejected) and found.problem.code == CAPABILITY_MISSING:
            return await self._by_id(task, command_id)
        if not isinstance(found, Ok):
            return _again(found)
        cards = (*found.value.matches, *found.value.others)
        if len(cards) != 1:
            reason = Reason(code="document_not_found", values={"number": payload["number"]})
            adopt = c.Adopt(payload["document_id"], payload["card_id"], None, reason)
        else:
            adopt = await self._taken(task, cards[0])
        return Done((StreamCommand(task.stream, adopt, command_id),))

    async def _taken(self, task: Task, card: InvoiceCard) -> c.Adopt:
        """The invoice, unless it is void or another document of ours: nobody would ever pay what it is taken for."""
        document_id, card_id = task.payload["document_id"], task.payload["card_id"]
        if card.status is InvoiceStatus.CANCELLED:
            return c.Adopt(document_id, card_id, None, Reason(code="document_void", values={"number": card.number}))
        issued = issued_of(invoice_result(card, task.payload["vat_kopecks"]))
        deal_id = await self._known.deal_of_record(task.tenant, task.account, issued, but_for=document_id)
        if deal_id:
            values = {"number": card.number, "deal": deal_id}
            return c.Adopt(document_id, card_id, None, Reason(code="document_of_other_deal", values=values))
        return c.Adopt(document_id, card_id, issued)

    async def _by_id(self, task: Task, command_id: str) -> TaskResult:
        """Where invoices are not listed, the person names one by its id, or by its address, which ends with it. A mere
        number would leave nobody to ask what is paid."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        named = _ID.findall(payload["number"])
        reason = Reason(code="document_id_needed", values={"number": payload["number"]})
        if named:
            found = await self._accounting.read_invoice(task.permit, named[-1])
            if isinstance(found, Rejected) and found.problem.code == CAPABILITY_MISSING:
                return Done((StreamCommand(task.stream, _as_told(payload), command_id),))
            if isinstance(found, Ok):
                link = await self._accounting.invoice_link(task.permit, found.value.invoice_id)
                if isinstance(link, Deferred) or (isinstance(link, Retryable) and task.attempt < LINK_TRIES_MAX):
                    return link
                card = replace(found.value, url=link.value) if isinstance(link, Ok) else found.value
                return Done((StreamCommand(task.stream, await self._taken(task, card), command_id),))
            if isinstance(found, Rejected):
                reason = Reason(code="document_not_found", values={"number": payload["number"]})
            else:
                return _again(found)
        adopt = c.Adopt(payload["document_id"], payload["card_id"], None, reason)
        return Done((StreamCommand(task.stream, adopt, command_id),))


def _as_told(payload: Mapping[str, Any]) -> c.Adopt:
    """The person's word is all that is known of the document."""
    issued = Issued(
        remote_id="",
        number=payload["number"],
        date=date.fromisoformat(payload["date"]),
        total_kopecks=payload["total_kopecks"],
        vat_kopecks=payload["vat_kopecks"],
    )
    return c.Adopt(payload["document_id"], payload["card_id"], issued)


class WatchDuplicates:
    """Looks for a second document with one marker, made by a call whose answer was lost; it is never removed by us."""

    kind = plans.WATCH
    recurring = True
    of_one_object = True
    permits = 1
    polls = False

    def __init__(self, vendor_of: VendorOf, accounting: WholeAccounting, clock: Clock) -> None:
        self._vendor_of = vendor_of
        self._accounting = accounting
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """One look-up; the stream knows which document is its own."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        act = payload.get("kind") == "act"
        if act and not self._vendor_of(task.account).can(Capability.FIND_ACT):
            return Done(found_something=False)  # nobody can look; the card that asked the person said so
        found = await (self._acts(task.permit, payload) if act else self._invoices(task.permit, payload))
        if isinstance(found, Rejected) and found.problem.code == CAPABILITY_MISSING:
            return Done(found_something=False)
        if not isinstance(found, Ok):
            return _again(found)
        issued_on = date.fromisoformat(payload["date"])
        seen = c.SeeCopies(payload["document_id"], payload["attempt"], payload["number"], issued_on, found.value)
        command_id = f"copies:{task.work_id}:{self._clock.now().isoformat()}"
        commands = (StreamCommand(task.stream, seen, command_id),) if found.value else ()
        return Done(commands, again_at=self._next(payload))

    async def _invoices(self, permit: Permit, payload: Mapping[str, Any]) -> Outcome[tuple[Issued, ...]]:
        """By number, date and marker."""
        found = await self._accounting.find_invoice(
            permit,
            number=payload["number"],
            issued_on=date.fromisoformat(payload["date"]),
            marker=payload["marker"],
            counterparty_id=payload.get("counterparty_id", ""),
        )
        if not isinstance(found, Ok):
            return found
        standing = [card for card in found.value.matches if card.status is not InvoiceStatus.CANCELLED]
        return Ok(tuple(issued_of(invoice_result(card)) for card in standing))

    async def _acts(self, permit: Permit, payload: Mapping[str, Any]) -> Outcome[tuple[Issued, ...]]:
        """Among the acts of the invoice, or those changed since the day before the act's own."""
        begun = datetime.combine(date.fromisoformat(payload["date"]), time(), UTC) - timedelta(days=1)
        found = await self._accounting.find_act(
            permit, marker=payload["marker"], invoice_id=payload.get("invoice_remote_id") or None, since=begun
        )
        if not isinstance(found, Ok):
            return found
        return Ok(tuple(issued_of(act_result(card, {"vat_kopecks": 0})) for card in found.value))

    def _next(self, payload: Mapping[str, Any]) -> datetime | None:
        if "since" not in payload:
            return None  # a person asked for this look after all others
        since = datetime.fromisoformat(payload["since"])
        return next((since + after for after in plans.WATCHED_AFTER if since + after > self._clock.now()), None)


class RequestDeadline:
    """A request that waits for its buyer too long is put before a person."""

    kind = plans.DEADLINE
    recurring = True
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """The stream knows whether it still waits."""
        request_id = task.payload["request_id"]
        command = c.MeetDeadline(request_id)
        command_id = f"deadline:{request_id}:{task.due_at.isoformat()}"
        return Done((StreamCommand(task.stream, command, command_id),), found_something=False)


def _again(failure: Failure) -> Deferred | Retryable:
    """A read that failed is made again; an answer about one document says nothing of the account."""
    return failure if isinstance(failure, Deferred | Retryable) else Retryable(failure.problem, outage=False)
