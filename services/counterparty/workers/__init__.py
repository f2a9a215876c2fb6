"""Look-ups of buyers in the accounting service, and the answers that follow."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.clock import Clock
from chassis.outcomes import Deferred, Ok, Outcome, Retryable, Uncertain
from chassis.subjects import SubjectErased, Subjects
from chassis.work.handlers import (
    Done,
    EffectHandler,
    Permit,
    Permits,
    Probe,
    StreamCommand,
    Task,
    TaskHandler,
    TaskResult,
)
from connectors.ports.accounting import Accounting, Counterparty, FeedCursor
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.counterparty.domain import deal, party
from services.counterparty.domain.matching import split
from services.counterparty.domain.records import COMPANY_INN_LENGTH
from services.counterparty.domain.values import Party, Reason, Register
from services.counterparty.store import PartyStore
from services.counterparty.workers.creating import CreateCounterparty, draft_of

NAMED_PAGES_MAX = 3
NAMED_LOOK_BACK = timedelta(hours=1)
"""How far before the creation was sent the changes are read for the record that a person named."""
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
            draft = await draft_of(buyer, self._subjects)
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
