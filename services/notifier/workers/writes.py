"""From abstract writes to commands of the CRM, with the tenant's fields, stages and words; and what became of them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Protocol, cast
from zoneinfo import ZoneInfo

from chassis.blobs import BlobBroken, BlobMissing, BlobRef, Blobs, BlobTooLarge
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.tenants import TenantDirectory
from chassis.values.orders import OrderId
from chassis.work.handlers import (
    Confirmed,
    EffectCall,
    EffectPolicy,
    Inconclusive,
    Probe,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)
from connectors.ports import crm as ports
from services.notifier.domain import deal
from services.notifier.domain.facts import Reason
from services.notifier.domain.spoken import RIGHTS_MISSING, is_of_rights
from services.notifier.domain.writes import NotifyPerson, marker
from services.notifier.store import DealStore
from services.notifier.workers.texts import Texts

WRITES_PER_BATCH_MAX: Final = 20
CALLS_PER_BATCH: Final = 4
"""The batch itself, the deal's stage before a move, and the look through comments before a repeat."""

ABSOLUTE: Final = EffectPolicy(probe=Probe.REPEAT, sends_max=1_000, human_when_exhausted=False, calls=CALLS_PER_BATCH)
"""Writes are absolute or found by their marker, so repeating one changes nothing; the CRM is owed every one of them."""

NOTIFICATION_SENDS_MAX: Final = 10
"""So often a notification whose answer nobody understands is sent: what is behind it, the sum and the stage, waits."""

LOOKED_FOR: Final = EffectPolicy(probe=Probe.REPEAT, sends_max=5, human_when_exhausted=False, calls=8)
"""A chat message is looked for before each repeat: only a portal that shows it late can have it twice. Never a card.
What a responsible cannot be told asks for a head first, in two calls, and is told to the head in one; a comment in the
place of the message is looked for in two, and added in one."""

CLOCKS_APART_MAX: Final = timedelta(minutes=1)
"""So far the portal's clock may be behind ours."""

SKIPPED: Final[Mapping[str, Any]] = {"skipped": True}


class DealCrm(ports.ReadDeal, ports.WriteDeal, Protocol):
    """What writes to a deal need of a CRM."""


class CrmWrites:
    """The writes of one fact in one batch: fields, files, comments, notifications, and the move to "paid"."""

    kind = deal.CRM_WRITE
    batch_max = WRITES_PER_BATCH_MAX

    def __init__(
        self, crm: DealCrm, blobs: Blobs, directory: TenantDirectory, deals: DealStore, texts: Mapping[str, Texts]
    ) -> None:
        self._crm = crm
        self._blobs = blobs
        self._deals = deals
        self._directory = directory
        self._texts = texts

    def policy_for(self, account: str) -> EffectPolicy:
        """The same for every portal."""
        return ABSOLUTE

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the writes carry their whole content."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One batch; a write that the tenant's settings do not want is settled without a call."""
        view = await self._directory.view(calls[0].tenant)
        if not view.version:
            late = Retryable(Problem("tenant_unknown", {}), outage=False)
            return [late for _ in calls]
        settings = view.settings
        commands: dict[int, ports.CrmCommand] = {}
        outcomes: dict[int, Outcome[Mapping[str, Any]]] = {}
        for index, call in enumerate(calls):
            try:
                made = await self._command(call, settings)
            except (BlobMissing, BlobBroken, BlobTooLarge):
                # For good, and of this write alone: the sum and the stage beside it are still owed.
                made = Rejected(Problem("document_bytes_lost", {}))
            if isinstance(made, Ok | Rejected | Retryable | Deferred | Uncertain):
                outcomes[index] = made
            elif made is None:
                outcomes[index] = Ok(SKIPPED)
            else:
                commands[index] = made
        if commands:
            written = await self._crm.write(calls[0].permit, list(commands.values()))
            for index, outcome in zip(commands, written, strict=True):
                outcomes[index] = _of_write(calls[index], outcome)
        return [outcomes[index] for index in range(len(calls))]

    async def _command(
        self, call: EffectCall, settings: Mapping[str, Any]
    ) -> ports.CrmCommand | Outcome[Mapping[str, Any]] | None:
        request, deal_id = call.request, call.request["deal_id"]
        fields: Mapping[str, str] = settings.get("fields", {})
        texts, zone = self._words(settings)
        match request["write"]:
            case "fields":
                values = _field_values(request["values"], fields, texts)
                return ports.SetFields("deal", deal_id, values) if values else None
            case "file":
                name = fields.get(request["field"])
                if not name:
                    return None
                content = await self._blobs.get(BlobRef.parse(request["blob"]))
                return ports.UploadFile("deal", deal_id, name, request["file_name"], content)
            case "stage":
                return await self._move(call, settings)
            case "comment":
                content = await self._blobs.get(BlobRef.parse(request["blob"])) if request["blob"] else b""
                return ports.AddComment(
                    deal_id,
                    texts.fact(request["text"], request["values"], zone),
                    call.marker,
                    file_name=request["file_name"],
                    content=content,
                    search_first=call.send_number > 1,
                )
            case "notification":
                text = texts.about_deal(deal_id, texts.fact(request["text"], request["values"], zone))
                return ports.NotifyUser(request["user_id"], text, request["tag"], call.tenant)
            case other:
                return Rejected(Problem("write_unknown", {"write": other}))

    def _words(self, settings: Mapping[str, Any]) -> tuple[Texts, ZoneInfo]:
        return self._texts[settings.get("language", "ru")], ZoneInfo(settings.get("timezone", "Europe/Moscow"))

    async def _move(
        self, call: EffectCall, settings: Mapping[str, Any]
    ) -> ports.CrmCommand | Outcome[Mapping[str, Any]] | None:
        """The move, if the deal, read again now, still waits for payment in that very funnel, and is still settled: the
        portal may have been away while money went back, and no later write moves a deal back (R5)."""
        if not await self._deals.settled(call.tenant, call.request["deal_id"]):
            return None
        read = await self._crm.read_deal(call.permit, call.request["deal_id"])
        if not isinstance(read, Ok):
            return read
        found = read.value.deal
        funnel = next(
            (f for f in settings.get("funnels", ()) if f["category_id"] == str(found.category_id)),
            None,
        )
        if funnel is None or not funnel.get("paid") or found.closed or found.semantics == "failure":
            return None
        if found.stage_id == funnel["paid"] or found.stage_id not in funnel.get("waiting_for_payment", ()):
            return None
        return ports.MoveStage(call.request["deal_id"], funnel["paid"])

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Not asked: these writes are repeated."""
        return Inconclusive(Problem("repeat_instead", {}))

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The deal's stream is told that the write is settled, or why the portal refused it."""
        return _told(call, settled)


class ChatCrm(ports.FindStandIn, ports.WriteDeal, Protocol):
    """What messages to the chat need of a CRM."""


class CrmChat:
    """A message to the tenant's admin chat, or to the head of a department in the place of a responsible who cannot be
    told; the chat hears it where there is none."""

    kind = deal.CRM_CHAT
    batch_max = 1

    def __init__(self, crm: ChatCrm, directory: TenantDirectory, texts: Mapping[str, Texts]) -> None:
        self._crm = crm
        self._directory = directory
        self._texts = texts

    def policy_for(self, account: str) -> EffectPolicy:
        """The same for every portal."""
        return LOOKED_FOR

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: it is known by its text and the time it was planned at."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One message; a tenant without an admin chat gets none there."""
        (call,) = calls
        view = await self._directory.view(call.tenant)
        if not view.version:
            return (Retryable(Problem("tenant_unknown", {}), outage=False),)
        chat, instead_of = view.settings.get("admin_chat", ""), call.request.get("instead_of", "")
        if not chat and not instead_of and not is_of_rights(call.request):
            return (Ok(SKIPPED),)
        texts = self._texts[view.settings.get("language", "ru")]
        zone = ZoneInfo(view.settings.get("timezone", "Europe/Moscow"))
        values, deal_id = _values_of(call.request), call.request["deal_id"]
        text = texts.fact(call.request["text"], values, zone)
        if deal_id:
            order = values.get("shop_order")
            text = texts.about_deal(deal_id, text) if order is None else texts.about_order(order, text)
        if instead_of:
            found = await self._crm.find_stand_in(call.permit, instead_of)
            if not isinstance(found, Ok):
                return (found,)
            text = texts.meant_for(found.value.name or f"№ {instead_of}", text)
            told = await self._tell_head(call, found.value.head_id, text) if found.value.head_id else None
            if told is not None:
                return (told,)
            if not chat or call.request["heard"]:
                return (Ok(SKIPPED),)
        if not chat:
            return (await self._comment(call, text),)
        repeated = call.send_number > 1 and call.planned_at is not None
        said_after = call.planned_at - CLOCKS_APART_MAX if repeated and call.planned_at else None
        said = await self._write(call, ports.ChatMessage(chat, text, said_after))
        if not isinstance(said, Retryable) or not _closed(said) or not _has_timeline(call.stream):
            return (said,)
        if deal_id and not instead_of:
            return (Rejected(said.problem),)  # the deal's stream hears of it, and has it said in the timeline
        return (await self._comment(call, text),)

    async def _tell_head(self, call: EffectCall, head_id: str, text: str) -> Outcome[Mapping[str, Any]] | None:
        """What became of it; None where the head cannot be told either."""
        told = await self._write(call, ports.NotifyUser(head_id, text, call.request["tag"], call.tenant))
        return None if isinstance(told, Rejected) or _closed(told) else told

    async def _comment(self, call: EffectCall, text: str) -> Outcome[Mapping[str, Any]]:
        """In the place of a message: a comment in the timeline of the deal that it came of."""
        known = marker(call.tenant, call.effect_id, 0)
        deal_id = call.stream.partition("-")[2]
        return await self._write(call, ports.AddComment(deal_id, text, known, search_first=call.send_number > 1))

    async def _write(self, call: EffectCall, command: ports.CrmCommand) -> Outcome[Mapping[str, Any]]:
        (written,) = await self._crm.write(call.permit, [command])
        return Ok({"object_id": written.value.object_id}) if isinstance(written, Ok) else written

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Not asked: the look is part of the repeat."""
        return Inconclusive(Problem("repeat_instead", {}))

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """A deal's stream is told; an alert's stream need not know."""
        return _told(call, settled) if call.request["deal_id"] else None


def _of_write(call: EffectCall, outcome: Outcome[ports.CrmWritten]) -> Outcome[Mapping[str, Any]]:
    """A notification that may not be sent, or whose answers stay unknown, is given up: it holds no money back."""
    if isinstance(outcome, Ok):
        return Ok({"object_id": outcome.value.object_id})
    if call.request["write"] != "notification":
        return outcome
    unknown = isinstance(outcome, Uncertain) and call.send_number >= NOTIFICATION_SENDS_MAX
    return Rejected(outcome.problem) if unknown or _closed(outcome) else outcome


def _closed(outcome: Outcome[Any]) -> bool:
    """Whether the connection may not write messages until somebody gives it the right."""
    return isinstance(outcome, Retryable) and outcome.problem.code in RIGHTS_MISSING


def _has_timeline(stream: str) -> bool:
    """Whether a stream is a deal's; behind messages of all others nothing waits but messages, and they wait too."""
    prefix, _, deal_id = stream.partition("-")
    return prefix == deal.PREFIX and OrderId.parse(deal_id) is None


def _values_of(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a sentence. An order's number has a name of its own: a payment's ``order_number`` is the bank's."""
    values: Mapping[str, Any] = request["values"]
    order = OrderId.parse(request["deal_id"])
    if order is None or "shop_order" in values:
        return values
    return {**values, "shop_order": values.get("order_number") or str(order.order)}  # as an older build has planned it


def _told(call: EffectCall, settled: Settled) -> deal.Command:
    fact_id, index = call.request["fact_id"], call.request["index"]
    match settled:
        case Confirmed():
            return deal.SeeWritten(fact_id, index)
        case RejectedFinally() | Undecidable():
            refused = Reason(code=settled.problem.code, values=settled.problem.values)
            gone = call.request["write"] == "notification" and refused.code == ports.RECIPIENT_REFUSED
            unheard = NotifyPerson.model_validate(call.request) if gone else None
            return deal.SeeWritten(fact_id, index, refused, call.account, unheard, _fields_of(call.request))


def _fields_of(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that a write is of, by our names."""
    match request["write"]:
        case "fields":
            return tuple(sorted(request["values"]))
        case "file":
            return (request["field"],)
        case _:
            return ()


def _field_values(
    values: Mapping[str, str | int], fields: Mapping[str, str], texts: Texts
) -> dict[str, ports.FieldValue]:
    found: dict[str, ports.FieldValue] = {}
    for name, value in values.items():
        portal_name = fields.get("paid" if name == "paid_kopecks" else name)
        if not portal_name:
            continue
        match name:
            case "paid_kopecks":
                found[portal_name] = ports.MoneyValue(cast(int, value))
            case "invoice_date":
                found[portal_name] = date.fromisoformat(str(value)) if value else ""
            case "invoice_status":
                found[portal_name] = texts.status(str(value))
            case _:
                found[portal_name] = value
    return found
