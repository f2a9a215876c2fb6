"""Calls to an operator of electronic documents: partners, titles, posts, files; each says what the act is told."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from chassis.blobs import BlobBroken, BlobMissing, BlobRef, Blobs, BlobTooLarge
from chassis.domain import Problem
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import (
    Confirmed,
    Done,
    EffectCall,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    ProbeResult,
    RejectedFinally,
    Settled,
    StreamCommand,
    Task,
    TaskResult,
    Undecidable,
)
from connectors.ports.edi import ClosingDraft, DocumentRef, Edi, EdiBox, Posting, Relation, Title
from connectors.registry import Capability, edi_of
from services.invoicing.domain import edi, edi_plans, plans
from services.invoicing.domain import edi_commands as c
from services.invoicing.domain.edi_events import EdiOrder, EdiTitle, Obstacle
from services.invoicing.domain.values import Reason
from services.invoicing.workers.effects import key_of
from services.invoicing.workers.payloads import lines_of

INVITATION: Final = "Прошу принять приглашение к обмену электронными документами."


class BeginEdi:
    """Tells the deal's exchanges of an act that was made."""

    kind = plans.EXCHANGE
    recurring = False
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """The act is begun once, however often it is told."""
        order = EdiOrder.model_validate(task.payload)
        begin = c.BeginEdi(order)
        return Done((StreamCommand(edi.stream_of(order.deal_id), begin, f"edi-begin:{order.document_id}"),))


class PrepareEdi:
    """Finds the partner's box, looks whether it takes documents from us, and has the title written."""

    kind = edi_plans.PREPARE
    recurring = False
    permits = 3

    def __init__(self, operator: Edi, blobs: Blobs) -> None:
        self._operator = operator
        self._blobs = blobs

    async def run(self, task: Task) -> TaskResult:
        """All of it changes nothing at the operator; what cannot go on says why."""
        assert task.permit is not None, "the plan names an account"
        order = EdiOrder.model_validate(task.payload)
        found = await self._operator.find_boxes(task.permit, order.inn, order.kpp)
        if isinstance(found, Rejected):
            return _told(task, _unfit(order, "edi_title_refused", found.problem))
        if not isinstance(found, Ok):
            return again_of(found)
        boxes = [box for box in found.value if box.active]
        if not boxes:
            return _told(task, _unfit(order, "edi_no_box"))
        box = boxes[0]
        if box.roaming or box.partners_only:
            relation = await self._operator.relation(task.permit, box.box_id)
            if not isinstance(relation, Ok):
                return again_of(relation)
            if relation.value is not Relation.PARTNER:
                return _told(task, _unacquainted(order, box, relation.value))
        return await self._written(task, order, box)

    async def _written(self, task: Task, order: EdiOrder, box: EdiBox) -> TaskResult:
        assert task.permit is not None, "the plan names an account"
        lines = lines_of([line.model_dump(mode="json") for line in order.lines])
        draft = ClosingDraft(order.number, order.date, lines, box.box_id, order.comment, order.function)
        written = await self._operator.write_title(task.permit, draft)
        if isinstance(written, Rejected):
            return _told(task, _unfit(order, "edi_title_refused", written.problem, box))
        if not isinstance(written, Ok):
            return again_of(written)
        title = written.value
        kept = EdiTitle(
            blob=str(await self._blobs.put(task.tenant, title.content)),
            file_name=title.file_name,
            document_type=title.document_type,
            function=title.function,
            version=title.version,
        )
        return _told(task, c.SeePrepared(order.document_id, box.box_id, kept))


def _unfit(
    order: EdiOrder, question: str, problem: Problem | None = None, box: EdiBox | None = None
) -> c.SeeUnprepared:
    text = "" if problem is None else str(problem.values.get("text") or "")
    return c.SeeUnprepared(order.document_id, Obstacle(question=question, text=text), box.box_id if box else "")


def _unacquainted(order: EdiOrder, box: EdiBox, relation: Relation) -> c.Command:
    if box.roaming:
        return _unfit(order, "edi_other_operator", box=box)
    match relation:
        case Relation.INVITED:
            return c.SeeInvitation(order.document_id, box.box_id)
        case Relation.REJECTS_US | Relation.REJECTED:
            return _unfit(order, "edi_partner_refuses", box=box)
        case _:
            return _unfit(order, "edi_not_acquainted", box=box)


class InvitePartner:
    """Invites a partner, since a person said so; an invitation that is there stays, so a repeat is harmless."""

    kind = edi_plans.INVITE
    batch_max = 1

    def __init__(self, operator: Edi) -> None:
        self._operator = operator

    def policy_for(self, account: str) -> EffectPolicy:
        """As the operator has it."""
        return edi_of(account).policies[Capability.INVITE_PARTNER]

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the relation itself tells."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST."""
        (call,) = calls
        asked = await self._operator.invite(call.permit, call.request["box_id"], INVITATION)
        return (Ok({"task": asked.value}) if isinstance(asked, Ok) else asked,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """The relation tells."""
        found = await self._operator.relation(call.permit, call.request["box_id"])
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        return Found({"task": ""}) if found.value in (Relation.INVITED, Relation.PARTNER) else NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The act waits for the partner, or a person reads why not."""
        request = call.request
        task, refused = "", None
        match settled:
            case Confirmed():
                task = settled.result["task"]
            case RejectedFinally() | Undecidable():
                refused = Reason.of(settled.problem)
        return c.SeeInvitation(request["document_id"], request["box_id"], request["invites"], task, refused)


class PostEdi:
    """Puts a title into our box for a person to sign; a lost answer is proven by our key among the documents there."""

    kind = edi_plans.POST
    batch_max = 1

    def __init__(self, operator: Edi, blobs: Blobs) -> None:
        self._operator = operator
        self._blobs = blobs

    def policy_for(self, account: str) -> EffectPolicy:
        """As the operator has it."""
        return edi_of(account).policies[Capability.POST_DOCUMENT]

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing: the title's bytes, the partner and our key are in the request."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST of the bytes that were written before; the same key makes the same document."""
        (call,) = calls
        try:
            content = await self._blobs.get(BlobRef.parse(call.request["blob"]))
        except (BlobMissing, BlobBroken, BlobTooLarge):
            return (Rejected(Problem("document_bytes_lost", {})),)  # nothing was posted, and nothing can be
        posted = await self._operator.post(call.permit, _posting(call, content), key=key_of(call))
        return (Ok(_result(posted.value)) if isinstance(posted, Ok) else posted,)

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Among the documents to the partner of that date."""
        found = await self._operator.find_posted(call.permit, _posting(call))
        if not isinstance(found, Ok):
            return Inconclusive(found.problem)
        if len(found.value) > 1:
            return Inconclusive(Problem("document_doubled", {"count": len(found.value)}))
        return Found(_result(found.value[0])) if found.value else NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The act is in the box, refused, or nobody knows."""
        document_id, attempt = call.request["document_id"], call.request["attempt"]
        match settled:
            case Confirmed():
                result = settled.result
                return c.SeePosted(document_id, attempt, result["message_id"], result["entity_id"])
            case RejectedFinally():
                return c.RefusePost(document_id, attempt, Reason.of(settled.problem))
            case Undecidable():
                return c.RefusePost(document_id, attempt, Reason.of(settled.problem), doubtful=True)


def _posting(call: EffectCall, content: bytes = b"") -> Posting:
    request = call.request
    title = Title(content, request["file_name"], request["document_type"], request["function"], request["version"])
    return Posting(
        partner_box_id=request["box_id"],
        title=title,
        marker=call.marker,
        comment=request["comment"],
        deal_id=request["deal_id"],
        issued_on=date.fromisoformat(request["date"]),
    )


def _result(ref: DocumentRef) -> Mapping[str, Any]:
    return {"message_id": ref.message_id, "entity_id": ref.document_id}


def _told(task: Task, command: c.Command) -> Done:
    return Done((StreamCommand(task.stream, command, f"{task.kind}:{task.work_id}:{task.due_at.isoformat()}"),))


def again_of(failure: Failure) -> Deferred | Retryable:
    """A read that failed is made again; an answer about one document says nothing of the account."""
    return failure if isinstance(failure, Deferred | Retryable) else Retryable(failure.problem, outage=False)


class FetchEdiFiles:
    """Fetches the signed document with its signatures, and its form on paper, into the blobs."""

    kind = edi_plans.FILES
    recurring = False
    permits = 3

    def __init__(self, operator: Edi, blobs: Blobs) -> None:
        self._operator = operator
        self._blobs = blobs

    async def run(self, task: Task) -> TaskResult:
        """Deferred while the operator makes them; the bytes are written before the command that names them."""
        assert task.permit is not None, "the plan names an account"
        ref = DocumentRef(task.payload["message_id"], task.payload["entity_id"])
        archive = await self._operator.archive(task.permit, ref)
        form = await self._operator.print_form(task.permit, ref)
        if not isinstance(archive, Ok):
            return again_of(archive)
        if not isinstance(form, Ok):
            return again_of(form)
        content = form.value.content
        command = c.SeeFiles(
            document_id=task.payload["document_id"],
            archive=str(await self._blobs.put(task.tenant, archive.value)),
            archive_bytes=len(archive.value),
            print_form=str(await self._blobs.put(task.tenant, content)),
            print_bytes=len(content),
        )
        return _told(task, command)


class EdiDeadline:
    """A document that waits too long in one state is put before a person."""

    kind = edi_plans.DEADLINE
    recurring = True
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """The stream knows whether it still waits."""
        return Done(
            _told(task, c.MeetEdiDeadline(task.payload["document_id"], task.payload["status"])).commands,
            found_something=False,
        )
