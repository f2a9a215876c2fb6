"""The creation of a buyer's record: one POST, and the look-ups before it and after a lost answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain, is_outage
from chassis.subjects import SubjectErased, SubjectRef, Subjects
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
from chassis.work.permits import in_line
from connectors.ports.accounting import Counterparty, CounterpartyDraft, FeedCursor
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.counterparty.domain import party
from services.counterparty.domain.matching import split
from services.counterparty.domain.values import Party, Reason

CHANGES_PAGES_MAX = 10
LOOK_BACK = timedelta(minutes=10)
"""How far before the creation is sent the list of changes is searched for it, against clocks that differ."""
LOOKED_UP_FOR = timedelta(minutes=5)
"""After so long a look-up that found no record says nothing any more: accountants do not wait for an outage's end."""


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
        return None if call.request["inn"] else {"since": (self._clock.now() - LOOK_BACK).isoformat()}

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One POST; where the vendor says that the record exists, or the look-up before is too old, another look-up,
        with a permit of its own: asked for with each creation it would be half of what the account's limit gives."""
        (call,) = calls
        try:
            draft = await draft_of(Party.model_validate(call.request), self._subjects)
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
                return (Uncertain(created.problem, outage=False),)  # looked up like any lost answer
            found = await self._accounting.find_counterparty(permit, draft.inn)
            same, _ = split(found.value, draft.kpp or "") if isinstance(found, Ok) else ((), ())
            if len(same) == 1:
                return (Ok({"remote_id": same[0].counterparty_id}),)
            return (Uncertain(created.problem, outage=is_outage(found)),)
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
            return Uncertain(Problem("counterparty_double", {"count": len(same)}), outage=False)
        return Ok({"remote_id": same[0].counterparty_id}) if same else None

    async def probe(self, call: EffectCall) -> ProbeResult:
        """By INN and KPP; without INN by name and e-mail, both equal, among what changed since."""
        draft = await draft_of(Party.model_validate(call.request), self._subjects)
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
        if call.cursor_before is None:
            # A restore forgot the send, and from when on to look with it: a list from now on would prove nothing.
            return Inconclusive(Problem("perhaps_sent_before_a_restore", {}))
        cursor: FeedCursor | None = FeedCursor(datetime.fromisoformat(call.cursor_before["since"]))
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


async def draft_of(buyer: Party, subjects: Subjects) -> CounterpartyDraft:
    """What is asked for: the party, with a person's own words put in."""
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
