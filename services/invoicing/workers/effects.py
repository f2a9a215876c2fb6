"""Calls that change the accounting service: create, look up, cancel; each says what its deal is told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol, assert_never

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.values.lines import DocumentLine
from chassis.work.handlers import (
    Confirmed,
    EffectCall,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    Permit,
    PermitClass,
    Permits,
    Probe,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)
from chassis.work.plans import effect_id
from connectors.ports.accounting import Accounting, ActDraft, InvoiceDraft, InvoiceStatus
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.domain.values import Reason, Used
from services.invoicing.workers.gone import is_gone, may_be_hidden
from services.invoicing.workers.payloads import act_result, invoice_result, issued_of, lines_of, without_marker

LOOK_BACK = timedelta(minutes=10)
"""How far before the planned moment a changes list is searched for a lost invoice, against clocks that differ."""
DAY = timedelta(days=1)
"""A document's day begins before that of UTC wherever its seller lives."""
DOCUMENT_DOUBLED = "document_doubled"
LOOKUP_INCOMPLETE = "lookup_incomplete"
"""What a connector says of a list that is longer than it reads: looking again tells no more."""


@dataclass(frozen=True, slots=True)
class OnlyVoid(NotFound):
    """All that bears our marker is void: what is sent now is another document, not a repeat of that one."""


class MappedItems(Protocol):
    """The mapping list: the accounting's items by the products of the CRM that persons mapped to them."""

    async def mapped(self, tenant: TenantId, account: str, products: Collection[str]) -> Mapping[str, str]: ...


class CreateInvoice:
    """Creates an invoice; a lost answer is proven by number and date, then by the marker in the comment."""

    kind = plans.CREATE_INVOICE
    batch_max = 1

    def __init__(
        self, accounting: Accounting, vendor_of: VendorOf, items: MappedItems, permits: Permits, clock: Clock
    ) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of
        self._items = items
        self._permits = permits
        self._clock = clock

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CREATE_INVOICE)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: number, date and marker are in the request."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST, and before one that a person asks for again a look."""
        (call,) = calls
        request = call.request
        key = await _key_unless_known(self, self._permits, call, self._clock.now())
        if not isinstance(key, str):
            return (key,)
        draft = InvoiceDraft(
            issued_on=date.fromisoformat(request["date"]),
            due_on=date.fromisoformat(request["due_date"]) if request.get("due_date") else None,
            counterparty_id=request["counterparty_remote_id"],
            lines=await _lines(call, self._items),
            comment=without_marker(request["comment"], call.marker),
            marker=call.marker,
            number=request["number"] or None,
        )
        created = await self._accounting.create_invoice(call.permit, draft, key=key)
        if isinstance(created, Rejected) and created.problem.code == "already_exists":
            # It may well be ours, sent before and thought to be lost: a look-up tells.
            return (Uncertain(created.problem, outage=False),)
        return (Ok(invoice_result(created.value, request["vat_kopecks"])) if isinstance(created, Ok) else created,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By number and date, then by marker among what changed since the intent."""
        return _told_by_look(await self.look(call))

    async def look(self, call: EffectCall) -> Outcome[ProbeResult]:
        """What a search says, or why none could be made. A void one is the answer to a first send, never to one that a
        person asks for again, who may have voided it."""
        found = await self._accounting.find_invoice(
            call.permit,
            number=call.request["number"],
            issued_on=date.fromisoformat(call.request["date"]),
            marker=call.marker,
            since=_changed_since(call),
            counterparty_id=call.request["counterparty_remote_id"],
        )
        if not isinstance(found, Ok):
            return found
        matches = found.value.matches
        if "key_attempt" in call.request:
            matches = tuple(one for one in matches if one.status is not InvoiceStatus.CANCELLED)
        if len(matches) == 1:
            return Ok(Found(invoice_result(matches[0], call.request["vat_kopecks"])))
        if matches:
            return Ok(Inconclusive(Problem(DOCUMENT_DOUBLED, {"count": len(matches)})))
        if found.value.matches:
            return Ok(OnlyVoid())
        if found.value.others:
            return Ok(Inconclusive(Problem("number_taken", {"number": call.request["number"]})))
        return Ok(NotFound())

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal is told what the vendor has, refused, or that nobody knows."""
        # Where the vendor itself refuses a second one of our key, no copy can come.
        return _told(call, settled, doubted=call.doubted and self.policy_for(call.account).probe is not Probe.EXACT)


class CreateAct:
    """Creates an act; a lost answer is proven by the marker where the vendor lists acts, else a person is asked."""

    kind = plans.CREATE_ACT
    batch_max = 1

    def __init__(
        self, accounting: WholeAccounting, vendor_of: VendorOf, items: MappedItems, permits: Permits, clock: Clock
    ) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of
        self._items = items
        self._permits = permits
        self._clock = clock

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CREATE_ACT)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing can be saved that would prove an act."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST, and before one that a person asks for again a look, where the vendor lists acts."""
        (call,) = calls
        request = call.request
        key = await _key_unless_known(self, self._permits, call, self._clock.now())
        if not isinstance(key, str):
            return (key,)
        draft = ActDraft(
            issued_on=date.fromisoformat(request["date"]),
            counterparty_id=request["counterparty_remote_id"],
            lines=await _lines(call, self._items),
            comment=without_marker(request["comment"], call.marker),
            marker=call.marker,
            invoice_id=request.get("invoice_remote_id") or None,
        )
        created = await self._accounting.create_act(call.permit, draft, key=key)
        return (Ok(act_result(created.value, request)) if isinstance(created, Ok) else _unless_there(created),)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By the marker among the vendor's acts; never conclusive where it does not list them."""
        return _told_by_look(await self.look(call))

    async def look(self, call: EffectCall) -> Outcome[ProbeResult]:
        """What a search says, or why none could be made."""
        if not self._vendor_of(call.account).can(Capability.FIND_ACT):
            return Ok(Inconclusive(Problem("act_lookup_missing", {})))
        found = await self._accounting.find_act(
            call.permit,
            marker=call.marker,
            invoice_id=call.request.get("invoice_remote_id") or None,
            since=_changed_since(call),
        )
        if not isinstance(found, Ok):
            return found
        if len(found.value) > 1:
            return Ok(Inconclusive(Problem(DOCUMENT_DOUBLED, {"count": len(found.value)})))
        return Ok(Found(act_result(found.value[0], call.request)) if found.value else NotFound())

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal is told what the vendor has, refused, or that nobody knows."""
        return _told(call, settled, doubted=call.doubted and self.policy_for(call.account).probe is not Probe.EXACT)


class CancelInvoice:
    """Voids an invoice; voiding it twice is the same as once, so a lost answer is repeated."""

    kind = plans.CANCEL_INVOICE
    batch_max = 1

    def __init__(self, accounting: Accounting, vendor_of: VendorOf, clock: Clock) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of
        self._clock = clock

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CANCEL_INVOICE)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the invoice itself tells."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST. An invoice that is not found may be deleted, or be new and not visible yet: a look-up tells."""
        (call,) = calls
        cancelled = await self._accounting.cancel_invoice(call.permit, call.request["remote_id"], key=call.effect_id)
        if is_gone(cancelled):
            return (Uncertain(cancelled.problem, outage=False),)
        if not isinstance(cancelled, Ok):
            return (cancelled,)
        if cancelled.value.status is not InvoiceStatus.CANCELLED:
            # A success that shows the invoice as it was: a replacement beside it would be a second one.
            values = {"vendor": self._vendor_of(call.account).vendor, "field": "status"}
            return (Uncertain(Problem("vendor_answer_unexpected", values), outage=False),)
        return (Ok(invoice_result(cancelled.value)),)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """The invoice's own status tells; one that is not there any more is as void as can be."""
        found = await self._accounting.read_invoice(call.permit, call.request["remote_id"])
        if is_gone(found) and not may_be_hidden(self._clock, call.planned_at):
            return Found({})
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        return Found(invoice_result(found.value)) if found.value.status is InvoiceStatus.CANCELLED else NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal is told that the invoice is void, why not, or that nobody knows."""
        document_id, cancel = call.request["document_id"], call.request["cancel"]
        match settled:
            case Confirmed():
                return c.ConfirmCancel(document_id, cancel)
            case RejectedFinally() | Undecidable():
                undecided = isinstance(settled, Undecidable)
                return c.ConfirmCancel(document_id, cancel, Reason.of(settled.problem), undecided)


def _unless_there(failure: Failure) -> Failure:
    """What is there already may well be ours, sent before and thought to be lost: a look-up, or a person, tells."""
    there = isinstance(failure, Rejected) and failure.problem.code == "already_exists"
    return Uncertain(failure.problem, outage=False) if there else failure


async def _key_unless_known(
    handler: CreateInvoice | CreateAct, permits: Permits, call: EffectCall, now: datetime
) -> str | Outcome[Mapping[str, Any]]:
    """The key to send with, or what is known of a document that a person asks to have sent again: they may have looked
    too early, or in another place. The key: it is not there, or nobody but the person can tell. While a search fails
    it waits, as long as a doubt may last."""
    policy = handler.policy_for(call.account)
    if "key_attempt" not in call.request or policy.probe in (Probe.NONE, Probe.REPEAT):
        return key_of(call)
    permit = await permits.acquire(call.account, 1, PermitClass.INTERACTIVE)
    if not isinstance(permit, Permit):
        return permit
    looked = await handler.look(replace(call, permit=permit))
    match looked:
        case Ok(Found(result)):
            return Ok(result)
        case Ok(OnlyVoid()):
            return call.effect_id
        case Ok(Inconclusive(problem)) if problem.code == DOCUMENT_DOUBLED:
            return Uncertain(problem, outage=False)
        case Ok() | Rejected():
            return key_of(call)
        case Deferred() | Retryable() | Uncertain():
            waits = call.planned_at is None or now < call.planned_at + timedelta(seconds=policy.undecided_seconds_max)
            if not waits or looked.problem.code == LOOKUP_INCOMPLETE:
                return key_of(call)
            return Retryable(looked.problem, outage=looked.outage) if isinstance(looked, Uncertain) else looked
        case _:
            assert_never(looked)


def _told_by_look(looked: Outcome[ProbeResult]) -> ProbeResult:
    match looked:
        case Ok(OnlyVoid()):
            return NotFound()
        case Ok(result):
            return result
        case _:
            return Inconclusive(looked.problem)


def _changed_since(call: EffectCall) -> datetime:
    """From when on a document of this call can have been made; one that is sent again, since the day that it bears."""
    dated = datetime.combine(date.fromisoformat(call.request["date"]), time(), UTC) - DAY
    if call.planned_at is None:
        return dated
    return min(dated, call.planned_at) if "key_attempt" in call.request else call.planned_at - LOOK_BACK


def key_of(call: EffectCall) -> str:
    """The key by which a vendor knows a repeat: what a person has sent once more is the call whose answer was lost."""
    attempt = call.request.get("key_attempt")
    if attempt is None:
        return call.effect_id
    return str(effect_id(call.tenant, call.kind, (call.request["document_id"], str(attempt))))


def _told(call: EffectCall, settled: Settled, *, doubted: bool = False) -> c.Command:
    document_id, attempt = call.request["document_id"], call.request["attempt"]
    match settled:
        case Confirmed():
            goods = tuple(Used.model_validate(one) for one in settled.result.get("goods", ()))
            return c.Confirm(document_id, attempt, issued_of(settled.result), doubted, goods)
        case RejectedFinally():
            return c.Reject(document_id, attempt, Reason.of(settled.problem), doubted)
        case Undecidable():
            return c.Doubt(document_id, attempt, Reason.of(settled.problem), settled.sent_at)


async def _lines(call: EffectCall, items: MappedItems) -> tuple[DocumentLine, ...]:
    """The lines, with what the mapping list says of their products, where the tenant keeps one."""
    lines = call.request["lines"]
    products = {line["product_id"] for line in lines if line.get("product_id")}
    if not products or call.request.get("goods") != "list":
        return lines_of(lines)
    return lines_of(lines, await items.mapped(call.tenant, call.account, products))
