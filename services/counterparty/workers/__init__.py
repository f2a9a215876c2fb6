"""Calls to the accounting service about buyers: look up by INN, create once; and the answers that follow."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.subjects import SubjectErased, SubjectRef, Subjects
from chassis.work.handlers import (
    Confirmed,
    Done,
    EffectCall,
    EffectHandler,
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
    StreamCommand,
    Task,
    TaskHandler,
    TaskResult,
    Undecidable,
)
from chassis.work.permits import in_line
from connectors.ports.accounting import Accounting, Counterparty, CounterpartyDraft, FeedCursor
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.counterparty.domain import deal, party
from services.counterparty.domain.matching import split
from services.counterparty.domain.records import COMPANY_INN_LENGTH
from services.counterparty.domain.values import Party, Reason, Register
from services.counterparty.store import PartyStore

CHANGES_PAGES_MAX = 10
NAMED_PAGES_MAX = 3
NAMED_LOOK_BACK = timedelta(hours=1)
"""How far before the creation was sent the changes are read for the record that a person named."""
LOOKED_UP_FOR = timedelta(minutes=5)
"""After so long a look-up that found no record says nothing any more: accountants do not wait for an outage's end."""
GONE = "document_not_found"
"""What an accounting service says of an object that it does not have."""


class LinkBuyer:
    """Asks a request's party for its record; an old link answers at once."""

    kind = deal.LINK
    recurring = False
    permits = 0

    def __init__(self, store: PartyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Answers the deal, or leaves its request with the party."""
        payload = task.payload
        buyer = Party.model_validate(payload["party"])
        stream = f"{party.PREFIX}-{buyer.party}"
        state = await self._store.party(task.tenant, stream)
        record = state.records.get(payload["account"])
        unwatched = not (payload.get("registers") and buyer.inn)
        if record is not None and record.phase == "linked" and (unwatched or party.stands(record, self._clock.now())):
            ours = party.counterparty_id(task.tenant, stream)
            answer = deal.Answer(payload["request_id"], buyer.party, ours, record.remote_id)
            return Done((StreamCommand(task.stream, answer, f"answer:{task.key}"),))
        return Done((StreamCommand(stream, _want(task, buyer), f"want:{task.key}"),))


def _want(task: Task, buyer: Party, gone: str = "") -> party.WantRecord:
    payload = task.payload
    return party.WantRecord(
        tenant=task.tenant,
        account=payload["account"],
        request_id=payload["request_id"],
        deal_id=payload["deal_id"],
        party=buyer,
        responsible_id=payload["responsible_id"],
        registers=tuple(Register.model_validate(one) for one in payload.get("registers", ())),
        turn=payload.get("turn", 0),
        gone=gone,
    )


class RelinkBuyer:
    """Reads the record that a document was refused for. Only one that is really gone is looked for, or made, again; one
    that is there is the answer once more."""

    kind = deal.RELINK
    recurring = False
    permits = 1

    def __init__(self, accounting: Accounting, store: PartyStore) -> None:
        self._accounting = accounting
        self._store = store

    async def run(self, task: Task) -> TaskResult:
        """Asks the party for its record, and says whether the account has the one it is linked to."""
        assert task.permit is not None, "the plan names an account"
        buyer, gone = Party.model_validate(task.payload["party"]), task.payload["gone"]
        stream = f"{party.PREFIX}-{buyer.party}"
        record = (await self._store.party(task.tenant, stream)).records.get(task.account)
        if record is not None and (record.phase, record.remote_id) == ("linked", gone):
            read = await self._accounting.read_counterparty(task.permit, gone)
            if isinstance(read, Deferred | Retryable | Uncertain):
                return read if not isinstance(read, Uncertain) else Retryable(read.problem, outage=False)
            if isinstance(read, Ok) or read.problem.code != GONE:
                gone = ""
        return Done((StreamCommand(stream, _want(task, buyer, gone), f"want:{task.key}"),))


class LeaveBuyer:
    """Tells the party that a request waited for that it waits for another buyer by now, or for none."""

    kind = deal.LEAVE
    recurring = False
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """One command to the party's stream."""
        payload = task.payload
        leave = party.LeaveRecord(payload["account"], payload["request_id"], payload["turn"])
        return Done((StreamCommand(f"{party.PREFIX}-{payload['party']}", leave, f"leave:{task.key}"),))


class FindCounterparty:
    """Looks a party up by INN; a person without INN has no look-up and is known by its link alone (R11)."""

    kind = party.FIND
    recurring = False
    permits = 1

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

    async def run(self, task: Task) -> TaskResult:
        """Tells the party which records are it, and which only share its INN."""
        assert task.permit is not None, "the plan names an account"
        account, inn, kpp = task.payload["account"], task.payload["inn"], task.payload["kpp"]
        command_id = f"found:{uuid.uuid4()}"
        if not inn:
            return Done((StreamCommand(task.stream, party.SeeRecords(account, ()), command_id),))
        found = await self._accounting.find_counterparty(task.permit, inn)
        if not isinstance(found, Ok):
            return found if isinstance(found, Deferred | Retryable) else Retryable(found.problem, outage=False)
        same, near = split(found.value, kpp)
        see = party.SeeRecords(account, tuple(r.counterparty_id for r in same), tuple(r.counterparty_id for r in near))
        return Done((StreamCommand(task.stream, see, command_id),))


class CreateCounterparty:
    """Creates a party's record; a lost answer is proven by INN, or by the list of changes where there is none."""

    kind = party.CREATE
    batch_max = 1

    def __init__(
        self, accounting: WholeAccounting, vendor_of: VendorOf, subjects: Subjects, permits: Permits, clock: Clock
    ) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of
        self._subjects = subjects
        self._permits = permits
        self._clock = clock

    def policy_for(self, account: str) -> EffectPolicy:
        """As the account's vendor has it."""
        return self._vendor_of(account).policy(Capability.CREATE_COUNTERPARTY)

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Where the list of changes begins for a buyer without INN."""
        return None if call.request["inn"] else {"since": self._clock.now().isoformat()}

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST; where the vendor says that the record exists, or the look-up before is too old, another look-up,
        with a permit of its own: asked for with each creation it would be half of what the account's limit gives."""
        (call,) = calls
        try:
            draft = await _draft(Party.model_validate(call.request), self._subjects)
        except SubjectErased:
            return (Rejected(Problem("subject_erased", {})),)  # nobody is made of what was asked to be forgotten
        if draft.inn and self._is_old(call) and (there := await self._there(call, draft)) is not None:
            return (there,)
        created = await self._accounting.create_counterparty(call.permit, draft, key=call.effect_id)
        if isinstance(created, Ok):
            return (Ok({"remote_id": created.value.counterparty_id}),)
        if isinstance(created, Rejected) and created.problem.code == "already_exists" and draft.inn:
            permit = await self._permits.acquire(call.account, 1, PermitClass.INTERACTIVE)
            if not isinstance(permit, Permit):
                return (Uncertain(created.problem),)  # looked up like any lost answer
            found = await self._accounting.find_counterparty(permit, draft.inn)
            same, _ = split(found.value, draft.kpp or "") if isinstance(found, Ok) else ((), ())
            if len(same) == 1:
                return (Ok({"remote_id": same[0].counterparty_id}),)
            return (Uncertain(created.problem),)
        return (created,)

    def _is_old(self, call: EffectCall) -> bool:
        """Whether a person was asked, or much time has passed, since the record was looked for."""
        waited = call.planned_at is not None and self._clock.now() - call.planned_at > LOOKED_UP_FOR
        return waited or bool(call.request.get("look_up"))

    async def _there(self, call: EffectCall, draft: CounterpartyDraft) -> Outcome[Mapping[str, Any]] | None:
        """The record that somebody has entered meanwhile, None without one: some services take a second one. What has
        waited already takes nobody's turn."""
        permit = await in_line(self._permits, self._clock, call.account, 1, PermitClass.BULK)
        if not isinstance(permit, Permit):
            return permit
        found = await self._accounting.find_counterparty(permit, draft.inn or "")
        if not isinstance(found, Ok):
            return found if isinstance(found, Deferred | Retryable) else Retryable(found.problem, outage=False)
        same, _ = split(found.value, draft.kpp or "")
        if len(same) > 1:
            return Uncertain(Problem("counterparty_double", {"count": len(same)}))
        return Ok({"remote_id": same[0].counterparty_id}) if same else None

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By INN and KPP; without INN by name and e-mail, both equal, among what changed since."""
        draft = await _draft(Party.model_validate(call.request), self._subjects)
        if draft.inn:
            found = await self._accounting.find_counterparty(call.permit, draft.inn)
            if not isinstance(found, Ok):
                return Inconclusive(found.problem)
            same, _ = split(found.value, draft.kpp or "")
            return _one(same)
        look_up = self._vendor_of(call.account).policy(Capability.CREATE_COUNTERPARTY_WITHOUT_INN).probe
        if look_up is Probe.NONE:
            return Inconclusive(Problem("person_lookup_missing", {}))
        if look_up is Probe.LIST:
            people = await self._accounting.find_person(call.permit, draft.name, draft.email)
            return _person(draft, people.value) if isinstance(people, Ok) else Inconclusive(people.problem)
        since = (call.cursor_before or {}).get("since")
        cursor: FeedCursor | None = FeedCursor(datetime.fromisoformat(since)) if since else None
        seen: dict[str, Counterparty] = {}
        for _ in range(CHANGES_PAGES_MAX):
            if cursor is None:
                return _person(draft, tuple(seen.values()))
            page = await self._accounting.counterparty_changes(call.permit, cursor)
            if not isinstance(page, Ok):
                return Inconclusive(page.problem)
            equal = (one for one in page.value.counterparties if (one.name, one.email) == (draft.name, draft.email))
            seen |= {one.counterparty_id: one for one in equal}
            cursor = page.value.next
        return Inconclusive(Problem("lookup_incomplete", {}))

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The party is told of its record, or why there is none."""
        attempt = call.request["attempt"]
        match settled:
            case Confirmed():
                return party.SeeCreated(call.account, attempt, settled.result["remote_id"])
            case RejectedFinally():
                return party.SeeRefused(call.account, attempt, Reason.of(settled.problem))
            case Undecidable():
                return party.SeeDoubt(call.account, attempt, Reason.of(settled.problem), settled.sent_at)


class AnswerLink:
    """Answers every request that waited for a party."""

    kind = party.ANSWER
    recurring = False
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """One command per waiting deal."""
        payload = task.payload
        commands = []
        for request_id, deal_id in payload["waiting"].items():
            answer: deal.Command
            if payload["refused"] is not None:
                answer = deal.AnswerNo(request_id, payload["party"], Reason.model_validate(payload["refused"]))
            else:
                ours, theirs = payload["counterparty_id"], payload["remote_id"]
                answer = deal.Answer(request_id, payload["party"], ours, theirs, payload["created"])
            stream = f"{deal.PREFIX}-{deal_id}"
            commands.append(StreamCommand(stream, answer, f"answer:{task.key}:{request_id}"))
        return Done(tuple(commands))


@dataclass(frozen=True, slots=True)
class _Alike:
    """Records that may be the buyer, and those of which one thing tells that they are not."""

    same: tuple[Counterparty, ...]
    near: tuple[Counterparty, ...]


class CheckNamed:
    """Reads the record that a person named by its id: a wrong one would be the buyer's for good. By INN where there is
    one; of people without, as the vendor can look for them (R11), and where it cannot the person's word is taken."""

    kind = party.CHECK
    recurring = False
    permits = NAMED_PAGES_MAX

    def __init__(self, accounting: WholeAccounting, vendor_of: VendorOf, store: PartyStore, subjects: Subjects) -> None:
        self._accounting = accounting
        self._vendor_of = vendor_of
        self._store = store
        self._subjects = subjects

    async def run(self, task: Task) -> TaskResult:
        """Tells the party that the record is its own, or why not."""
        assert task.permit is not None, "the plan names an account"
        named, buyer = task.payload["named"], Party.model_validate(task.payload["party"])
        looked = await (self._of_company(task.permit, buyer) if buyer.inn else self._of_people(task, buyer))
        if not isinstance(looked, Ok):
            return looked if isinstance(looked, Deferred | Retryable) else Retryable(looked.problem, outage=False)
        found = looked.value
        listed = () if found is None else (*found.same, *found.near)
        record = next((one.counterparty_id for one in listed if _is_named(one.counterparty_id, named)), "")
        if found is None:
            record, why = named, ""
        elif not record:
            why = "absent"
        else:
            theirs = next((one for one in found.near if one.counterparty_id == record), None)
            why = "" if theirs is None else "other_kpp" if buyer.inn else "other_email"
        if not why and await self._store.holder(task.tenant, task.account, record) not in ("", task.stream):
            why = "taken"
        see = party.SeeNamed(task.payload["account"], task.payload["card_id"], "" if why else record, why)
        return Done((StreamCommand(task.stream, see, f"named:{task.payload['card_id']}"),))

    async def _of_company(self, permit: Permit, buyer: Party) -> Outcome[_Alike | None]:
        found = await self._accounting.find_counterparty(permit, buyer.inn)
        if not isinstance(found, Ok):
            return found
        same, _ = split(found.value, buyer.kpp)
        return Ok(_Alike(same, tuple(one for one in found.value if one not in same)))

    async def _of_people(self, task: Task, buyer: Party) -> Outcome[_Alike | None]:
        """Those of the name and e-mail, or those that changed since the creation; None where nobody can look."""
        assert task.permit is not None, "the plan names an account"
        look_up = self._vendor_of(task.account).policy(Capability.CREATE_COUNTERPARTY_WITHOUT_INN).probe
        try:
            draft = await _draft(buyer, self._subjects)
        except SubjectErased:
            return Ok(_Alike((), ()))
        if look_up is Probe.LIST:
            people = await self._accounting.find_person(task.permit, draft.name, draft.email)
            return Ok(_Alike(people.value, ())) if isinstance(people, Ok) else people
        if look_up is not Probe.FEED:
            return Ok(None)
        cursor: FeedCursor | None = FeedCursor(datetime.fromisoformat(task.payload["since"]) - NAMED_LOOK_BACK)
        seen: list[Counterparty] = []
        for _ in range(NAMED_PAGES_MAX):
            if cursor is None:
                break
            page = await self._accounting.counterparty_changes(task.permit, cursor)
            if not isinstance(page, Ok):
                return page
            seen += [one for one in page.value.counterparties if len(one.inn) != COMPANY_INN_LENGTH]
            cursor = page.value.next
        else:
            return Ok(None)  # too much has changed since to be read
        alike = {one.counterparty_id: not (draft.email and one.email) or one.email == draft.email for one in seen}
        return Ok(
            _Alike(
                tuple(one for one in seen if alike[one.counterparty_id]),
                tuple(one for one in seen if not alike[one.counterparty_id]),
            )
        )


def _is_named(counterparty_id: str, named: str) -> bool:
    """Whether a person means the record: by its id, or by an address that ends with it."""
    return named.lower().rstrip("/").rpartition("/")[2] == counterparty_id.lower()


async def _draft(buyer: Party, subjects: Subjects) -> CounterpartyDraft:
    name, email = buyer.full_name or buyer.name, buyer.email
    if buyer.subject_ref:
        person = await subjects.read(SubjectRef.parse(buyer.subject_ref))
        name, email = name or person.get("name", ""), email or person.get("email", "")
    return CounterpartyDraft(
        kind=buyer.kind,
        name=name,
        short_name=buyer.name,
        inn=buyer.inn or None,
        kpp=buyer.kpp or None,
        ogrn=buyer.ogrn or None,
        address=buyer.address,
        email=email,
    )


def _person(draft: CounterpartyDraft, same: Sequence[Counterparty]) -> ProbeResult:
    """A record of the same name proves nothing of somebody without an address (R11); that there is none, does."""
    if same and not draft.email:
        return Inconclusive(Problem("person_lookup_missing", {}))
    return _one(same)


def _one(same: Sequence[Counterparty]) -> ProbeResult:
    if len(same) == 1:
        return Found({"remote_id": same[0].counterparty_id})
    if same:
        return Inconclusive(Problem("counterparty_double", {"count": len(same)}))
    return NotFound()


def handlers(
    vendor_of: VendorOf,
    accounting: WholeAccounting,
    store: PartyStore,
    subjects: Subjects,
    permits: Permits,
    clock: Clock,
) -> tuple[tuple[EffectHandler, ...], tuple[TaskHandler, ...]]:
    """All effect handlers and task handlers of the service, with the policies of each account's vendor."""
    return (
        (CreateCounterparty(accounting, vendor_of, subjects, permits, clock),),
        (
            LinkBuyer(store, clock),
            LeaveBuyer(),
            RelinkBuyer(accounting, store),
            FindCounterparty(accounting),
            AnswerLink(),
            CheckNamed(accounting, vendor_of, store, subjects),
        ),
    )
