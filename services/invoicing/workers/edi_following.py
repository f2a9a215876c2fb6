"""Follows what people do at an operator of electronic documents: the feed of a box, a document's state, a partner."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.clock import Clock
from chassis.outcomes import Ok, Rejected
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.edi import DocumentRef, Edi, EdiState, Relation
from services.invoicing.domain import edi_commands as c
from services.invoicing.domain import edi_plans
from services.invoicing.domain.edi_events import Obstacle
from services.invoicing.store import DocumentStore
from services.invoicing.workers.edi import again_of

ENDED: Final = frozenset({EdiState.SIGNED, EdiState.REJECTED, EdiState.REVOKED, EdiState.DELETED})
"""States after which only the feed is listened to."""
BRISK_SECONDS: Final = 10.0
"""The wait between polls while people are at work on documents of ours; the operator asks for under 100 calls a second
of all boxes together."""
BRISK_FOR: Final = timedelta(minutes=10)


class PollEdi:
    """One page of a box's feed; the cursor moves with the commands, in one transaction."""

    kind = edi_plans.POLL
    recurring = True
    permits = 1

    def __init__(self, operator: Edi, store: DocumentStore, clock: Clock) -> None:
        self._operator = operator
        self._store = store
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The first run takes the place where the feed is now; a full page is followed by the next one at once."""
        assert task.permit is not None, "the plan names an account"
        payload = dict(task.payload)
        if "cursor" not in payload:
            last = await self._operator.last_event(task.permit)
            if not isinstance(last, Ok):
                return again_of(last)
            kept = {**payload, "cursor": last.value}
            return Done(again_at=self._again(kept), payload=kept, found_something=False)
        page = await self._operator.news(task.permit, payload["cursor"])
        if not isinstance(page, Ok):
            return again_of(page)
        streams = await self._store.edi_streams(task.tenant, task.account, page.value.message_ids)
        commands = tuple(
            StreamCommand(stream, c.HearNews(message_id), f"edi-news:{message_id}:{page.value.cursor}")
            for message_id, stream in streams.items()
        )
        payload["cursor"] = page.value.cursor
        if commands:
            payload["brisk_until"] = (self._clock.now() + BRISK_FOR).isoformat()
        due = self._clock.now() if page.value.more else self._again(payload)
        return Done(commands, again_at=due, payload=payload, found_something=bool(commands))

    def _again(self, payload: Mapping[str, Any]) -> datetime:
        """When the feed is asked next: sooner for a while after news of our documents, of which more may follow."""
        now, seconds = self._clock.now(), payload.get("poll_seconds", 60.0)
        if (until := payload.get("brisk_until")) and now < datetime.fromisoformat(until):
            seconds = min(seconds, BRISK_SECONDS)
        return now + timedelta(seconds=seconds)


class LookAtEdi:
    """Reads a document's state: at once when the feed has news of it, else rarer the longer it is there."""

    kind = edi_plans.LOOK
    recurring = True
    of_one_object = True
    permits = 2
    polls = False

    def __init__(self, operator: Edi, clock: Clock) -> None:
        self._operator = operator
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """A document that is gone at the operator was deleted there."""
        assert task.permit is not None, "the plan names an account"
        payload, now = task.payload, self._clock.now()
        found = await self._operator.document(task.permit, DocumentRef(payload["message_id"], payload["entity_id"]))
        if isinstance(found, Ok):
            state, reason = found.value.state, found.value.reason
        elif isinstance(found, Rejected) and found.problem.code == "edi_not_found":
            state, reason = EdiState.DELETED, ""
        else:
            return again_of(found)
        seen = c.SeeStatus(payload["document_id"], state.value, reason)
        commands: tuple[StreamCommand, ...] = ()
        if state is not EdiState.UNKNOWN:
            commands = (StreamCommand(task.stream, seen, f"edi-look:{task.work_id}:{now.isoformat()}"),)
        since = datetime.fromisoformat(payload["since"]) if payload.get("since") else now
        over = state in ENDED or now - since > edi_plans.LOOKED_FOR
        again = None if over else now + edi_plans.look_wait(now - since)
        return Done(commands, again_at=again, found_something=False)


class FollowPartner:
    """Waits for an invited partner to answer."""

    kind = edi_plans.PARTNER
    recurring = True
    of_one_object = True
    permits = 2
    polls = False

    def __init__(self, operator: Edi, clock: Clock) -> None:
        self._operator = operator
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """First whether the invitation went out, then how the partner stands to us."""
        assert task.permit is not None, "the plan names an account"
        payload, now = task.payload, self._clock.now()
        if payload.get("task"):
            sent = await self._operator.invited(task.permit, payload["task"])
            if not isinstance(sent, Ok | Rejected):
                return again_of(sent)
        found = await self._operator.relation(task.permit, payload["box_id"])
        if not isinstance(found, Ok):
            return again_of(found)
        obstacle: Obstacle | None = None
        if found.value in (Relation.REJECTS_US, Relation.REJECTED):
            obstacle = Obstacle(question="edi_partner_refuses")
        elif found.value is not Relation.PARTNER:
            if now - datetime.fromisoformat(payload["since"]) < edi_plans.PARTNER_WAIT:
                return Done(again_at=now + edi_plans.PARTNER_EVERY, payload={**payload, "task": ""},
                            found_something=False)  # fmt: skip
            obstacle = Obstacle(question="edi_not_acquainted")
        seen = c.SeePartner(payload["document_id"], obstacle)
        return Done((StreamCommand(task.stream, seen, f"edi-partner:{task.work_id}:{now.isoformat()}"),))
