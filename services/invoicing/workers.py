"""Calls to the accounting service: create, look up, cancel, fetch the PDF; each says what its deal is told."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from chassis.blobs import Blobs
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks
from chassis.values.units import Unit
from chassis.work.handlers import (
    Confirmed,
    Done,
    EffectCall,
    EffectHandler,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    Probe,
    ProbeResult,
    RejectedFinally,
    Settled,
    StreamCommand,
    Task,
    TaskHandler,
    TaskResult,
    Undecidable,
)
from connectors.ports.accounting import Accounting, ActCard, ActDraft, InvoiceCard, InvoiceDraft, InvoiceStatus
from connectors.ports.refusing import CAPABILITY_MISSING
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.domain.values import Issued, Reason

LOOK_BACK = timedelta(minutes=10)
"""How far before the planned moment a changes list is searched for a lost invoice, against clocks that differ."""


PDF_REFUSALS_MAX = 4
"""How often a PDF may be refused before a person is asked: a document that was just made is not visible at once."""


class CreateInvoice:
    """Creates an invoice; a lost answer is proven by number and date, then by the marker in the comment."""

    kind = plans.CREATE_INVOICE
    batch_max = 1

    def __init__(self, accounting: Accounting, vendor_of: VendorOf) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CREATE_INVOICE)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: number, date and marker are in the request."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST."""
        (call,) = calls
        request = call.request
        draft = InvoiceDraft(
            issued_on=date.fromisoformat(request["date"]),
            due_on=date.fromisoformat(request["due_date"]) if request.get("due_date") else None,
            counterparty_id=request["counterparty_remote_id"],
            lines=_lines(request["lines"]),
            comment=_without_marker(request["comment"], call.marker),
            marker=call.marker,
            number=request["number"] or None,
        )
        created = await self._accounting.create_invoice(call.permit, draft, key=call.effect_id)
        if isinstance(created, Rejected) and created.problem.code == "already_exists":
            # It may well be ours, sent before and thought to be lost: a look-up tells.
            return (Uncertain(created.problem),)
        return (Ok(_invoice(created.value)) if isinstance(created, Ok) else created,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By number and date, then by marker among what changed since the intent."""
        since = call.planned_at - LOOK_BACK if call.planned_at is not None else None
        found = await self._accounting.find_invoice(
            call.permit,
            number=call.request["number"],
            issued_on=date.fromisoformat(call.request["date"]),
            marker=call.marker,
            since=since,
            counterparty_id=call.request["counterparty_remote_id"],
        )
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        if len(found.value.matches) == 1:
            return Found(_invoice(found.value.matches[0]))
        if found.value.matches:
            return Inconclusive(Problem("document_doubled", {"count": len(found.value.matches)}))
        if found.value.others:
            return Inconclusive(Problem("number_taken", {"number": call.request["number"]}))
        return NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal is told what the vendor has, refused, or that nobody knows."""
        # Where the vendor itself refuses a second one of our key, no copy can come.
        return _told(call, settled, doubted=call.doubted and self.policy_for(call.account).probe is not Probe.EXACT)


class CreateAct:
    """Creates an act; a lost answer is proven by the marker where the vendor lists acts, else a person is asked."""

    kind = plans.CREATE_ACT
    batch_max = 1

    def __init__(self, accounting: WholeAccounting, vendor_of: VendorOf) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CREATE_ACT)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing can be saved that would prove an act."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST."""
        (call,) = calls
        request = call.request
        draft = ActDraft(
            issued_on=date.fromisoformat(request["date"]),
            counterparty_id=request["counterparty_remote_id"],
            lines=_lines(request["lines"]),
            comment=_without_marker(request["comment"], call.marker),
            marker=call.marker,
            invoice_id=request.get("invoice_remote_id") or None,
        )
        created = await self._accounting.create_act(call.permit, draft, key=call.effect_id)
        return (Ok(_act(created.value, request)) if isinstance(created, Ok) else created,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By the marker among the vendor's acts; never conclusive where it does not list them."""
        if not self._vendor_of(call.account).can(Capability.FIND_ACT):
            return Inconclusive(Problem("act_lookup_missing", {}))
        dated = datetime.combine(date.fromisoformat(call.request["date"]), time(), UTC)
        found = await self._accounting.find_act(
            call.permit,
            marker=call.marker,
            invoice_id=call.request.get("invoice_remote_id") or None,
            since=(call.planned_at or dated) - LOOK_BACK,
        )
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        if len(found.value) > 1:
            return Inconclusive(Problem("document_doubled", {"count": len(found.value)}))
        return Found(_act(found.value[0], call.request)) if found.value else NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal is told what the vendor has, refused, or that nobody knows."""
        return _told(call, settled)


class CancelInvoice:
    """Voids an invoice; voiding it twice is the same as once, so a lost answer is repeated."""

    kind = plans.CANCEL_INVOICE
    batch_max = 1

    def __init__(self, accounting: Accounting, vendor_of: VendorOf) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CANCEL_INVOICE)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the invoice itself tells."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST."""
        (call,) = calls
        cancelled = await self._accounting.cancel_invoice(call.permit, call.request["remote_id"], key=call.effect_id)
        if _gone(cancelled):
            return (Ok({}),)
        return (Ok(_invoice(cancelled.value)) if isinstance(cancelled, Ok) else cancelled,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """The invoice's own status tells."""
        found = await self._accounting.read_invoice(call.permit, call.request["remote_id"])
        if _gone(found):
            return Found({})
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        return Found(_invoice(found.value)) if found.value.status is InvoiceStatus.CANCELLED else NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal is told that the invoice is void, or why not."""
        document_id, cancel = call.request["document_id"], call.request["cancel"]
        match settled:
            case Confirmed():
                return c.ConfirmCancel(document_id, cancel)
            case RejectedFinally() | Undecidable():
                return c.ConfirmCancel(document_id, cancel, Reason.of(settled.problem))


class FetchPdf:
    """Fetches a document's PDF into the blobs; the deal does not wait for it."""

    kind = plans.FETCH_PDF
    recurring = False
    permits = 1

    def __init__(self, accounting: Accounting, blobs: Blobs) -> None:
        self._accounting = accounting
        self._blobs = blobs

    async def run(self, task: Task) -> TaskResult:
        """Deferred while the vendor renders; the bytes are written before the command that names them."""
        assert task.permit is not None, "the plan names an account"
        read = self._accounting.invoice_pdf if task.payload["kind"] == "invoice" else self._accounting.act_pdf
        fetched = await read(task.permit, task.payload["remote_id"])
        if isinstance(fetched, Rejected) and task.attempt >= PDF_REFUSALS_MAX:
            missed = c.MissPdf(task.payload["document_id"], Reason.of(fetched.problem))
            return Done((StreamCommand(task.stream, missed, f"no-pdf:{task.work_id}:{task.due_at.isoformat()}"),))
        if not isinstance(fetched, Ok):
            return _again(fetched)
        blob = str(await self._blobs.put(task.tenant, fetched.value.content))
        command = c.Render(task.payload["document_id"], blob, len(fetched.value.content))
        return Done((StreamCommand(task.stream, command, f"pdf:{task.payload['document_id']}:{blob}"),))


class AdoptDocument:
    """Takes the document that a person found by its number, after reading that it is really there."""

    kind = plans.ADOPT
    recurring = False
    permits = 1

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

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
            return Done((StreamCommand(task.stream, _as_told(payload), command_id),))
        if not isinstance(found, Ok):
            return _again(found)
        cards = (*found.value.matches, *found.value.others)
        issued_card = _issued(_invoice(cards[0])) if len(cards) == 1 else None
        reason = None if issued_card else Reason(code="document_not_found", values={"number": payload["number"]})
        adopt = c.Adopt(payload["document_id"], payload["card_id"], issued_card, reason)
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
    """Looks for a second invoice with one marker, made by a call whose answer was lost; it is never removed by us."""

    kind = plans.WATCH
    recurring = True
    permits = 1
    polls = False

    def __init__(self, accounting: Accounting, clock: Clock) -> None:
        self._accounting = accounting
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """One look-up by number and date; the stream knows which invoice is its own."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        number, issued_on = payload["number"], date.fromisoformat(payload["date"])
        found = await self._accounting.find_invoice(
            task.permit,
            number=number,
            issued_on=issued_on,
            marker=payload["marker"],
            counterparty_id=payload.get("counterparty_id", ""),
        )
        if isinstance(found, Rejected) and found.problem.code == CAPABILITY_MISSING:
            return Done(found_something=False)  # nobody can look; the card that asked the person said so
        if not isinstance(found, Ok):
            return _again(found)
        standing = [card for card in found.value.matches if card.status is not InvoiceStatus.CANCELLED]
        copies = tuple(_issued(_invoice(card)) for card in standing)
        seen = c.SeeCopies(payload["document_id"], payload["attempt"], number, issued_on, copies)
        command_id = f"copies:{task.work_id}:{self._clock.now().isoformat()}"
        return Done((StreamCommand(task.stream, seen, command_id),) if copies else (), again_at=self._next(payload))

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


def _gone(outcome: Outcome[Any]) -> bool:
    """Whether the document is not there any more, which is as void as can be."""
    return isinstance(outcome, Rejected) and outcome.problem.code == "document_not_found"


def _told(call: EffectCall, settled: Settled, *, doubted: bool = False) -> c.Command:
    document_id, attempt = call.request["document_id"], call.request["attempt"]
    match settled:
        case Confirmed():
            return c.Confirm(document_id, attempt, _issued(settled.result), doubted)
        case RejectedFinally():
            return c.Reject(document_id, attempt, Reason.of(settled.problem), doubted)
        case Undecidable():
            return c.Doubt(document_id, attempt, Reason.of(settled.problem), settled.sent_at)


def _lines(lines: Sequence[Mapping[str, Any]]) -> tuple[DocumentLine, ...]:
    return tuple(
        DocumentLine(
            name=line["name"],
            quantity=Decimal(line["quantity"]),
            unit=Unit(line["unit_code"], line["unit_name"]),
            price=decimal_from_kopecks(line["price_kopecks"]),
            vat_rate=line["vat"],
            vat_included=True,
            amount_kopecks=line["amount_kopecks"],
            vat_kopecks=line["vat_kopecks"],
        )
        for line in lines
    )


def _without_marker(comment: str, marker: str) -> str:
    return comment.replace(marker, "").strip()


def _invoice(card: InvoiceCard) -> Mapping[str, Any]:
    return {
        "remote_id": card.invoice_id,
        "number": card.number,
        "date": card.issued_on.isoformat(),
        "url": card.url,
        "total_kopecks": card.total_kopecks,
        "vat_kopecks": card.vat_kopecks or 0,
        "counterparty_remote_id": card.counterparty_id,
    }


def _act(act: ActCard, request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "remote_id": act.act_id,
        "number": act.number,
        "date": act.issued_on.isoformat(),
        "total_kopecks": act.total_kopecks,
        "vat_kopecks": request["vat_kopecks"],
        "counterparty_remote_id": act.counterparty_id,
    }


def _issued(result: Mapping[str, Any]) -> Issued:
    return Issued.model_validate(result)


def handlers(
    vendor_of: VendorOf, accounting: WholeAccounting, blobs: Blobs, clock: Clock
) -> tuple[tuple[EffectHandler, ...], tuple[TaskHandler, ...]]:
    """All effect handlers and task handlers of the service, with the policies of each account's vendor."""
    return (
        (
            CreateInvoice(accounting, vendor_of),
            CreateAct(accounting, vendor_of),
            CancelInvoice(accounting, vendor_of),
        ),
        (
            FetchPdf(accounting, blobs),
            AdoptDocument(accounting),
            RequestDeadline(),
            WatchDuplicates(accounting, clock),
        ),
    )
