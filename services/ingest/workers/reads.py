"""Reads a deal that a hint was about, and tells its stream of every stage it entered and of its content."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.subjects import Subjects
from chassis.values.inn import InnFound, clean_inn, clean_kpp
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.crm import CrmRequisite, ReadDeal, RecheckDeal
from connectors.ports.crm import DealSnapshot as CrmSnapshot
from services.ingest.domain import deal, hints, portal, requisite
from services.ingest.domain.deal import Entry
from services.ingest.domain.values import Config, Snapshot
from services.ingest.store.cards import CardStore
from services.ingest.store.deals import DealStore, KnownDeal, Reading, Tenant
from services.ingest.workers.snapshot import ReadDeal as Read
from services.ingest.workers.snapshot import bounded, read_deal, read_entry

ECHO_SECONDS: Final = 2.0
"""A deal that was asked for a document is written to, and the portal tells of each of these writes."""
MOVES_MAX: Final = 5
"""So often a deal that moved while it was read is read again at once."""


class DealCrm(ReadDeal, RecheckDeal, Protocol):
    """What reading a deal needs of a CRM."""


class ReadDealTask:
    """One deal with its stage history, in one request of the portal or two."""

    kind = deal.READ_DEAL
    recurring = False
    permits = 2

    def __init__(self, crm: DealCrm, store: DealStore, subjects: Subjects, clock: Clock) -> None:
        self._crm = crm
        self._store = store
        self._subjects = subjects
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """A command for each entry that was not decided upon, and one for the content; the engine knows repeats."""
        assert task.permit is not None, "the plan names an account"
        deal_id, work_id = str(task.payload["deal_id"]), UUID(task.work_id)
        known = await self._store.known(task.tenant, deal_id, work_id)
        if _config_of(known.tenant) is None:
            return Done()
        outcome = await self._crm.read_deal(task.permit, deal_id)
        if isinstance(outcome, Ok):
            # As they are after the answer: an entry that it lists may be of a trigger that was added while it came, and
            # what was decided upon once is not looked at again.
            config = _config_of(await self._store.tenant(task.tenant))
            return Done() if config is None else await self._seen(task, known, config, outcome.value)
        if isinstance(outcome, Rejected) and outcome.problem.code == "deal_not_visible":
            gone = StreamCommand(task.stream, deal.ObserveGone(deal_id), f"gone:{uuid.uuid4()}")
            await self._store.mark_read(task.tenant, work_id, known.unread_upto, self._clock.now())
            return Done((gone,) if known.requested else ())
        return failed(outcome)

    async def _seen(self, task: Task, known: KnownDeal, config: Config, found: CrmSnapshot) -> TaskResult:
        assert task.permit is not None, "the plan names an account"
        read = _as_configured(read_deal(found), config)
        entries = _undecided(known, config, found)
        commands: list[StreamCommand] = []
        if entries or (known.requested and (known.gone or read.snapshot.content_hash != known.content_hash)):
            same_inn: tuple[CrmRequisite, ...] = ()
            products = _products(read.snapshot) if config.settings.maps_goods else ()
            if entries or products:
                inn = _inn(read.snapshot) if entries else ""
                checked = await self._crm.recheck_deal(task.permit, found.deal.deal_id, inn, products)
                if not isinstance(checked, Ok):
                    return failed(checked)
                if checked.value.updated_at is None or checked.value.updated_at > found.deal.updated_at:
                    return self._moved(task)
                same_inn, read = checked.value.same_inn, _with_codes(read, checked.value.codes)
            commands = self._commands(
                task, config, await self._whole(task.tenant, known, read, same_inn), entries, found
            )
        reading = Reading(read.snapshot.deal_id, found.deal.updated_at, found.buyer_updated_at)
        await self._store.mark_read(task.tenant, UUID(task.work_id), known.unread_upto, self._clock.now(), reading)
        echoes = known.requested or any(_asks(entry, config) for entry in entries)
        return Done(tuple(commands), debounce_seconds=ECHO_SECONDS if echoes else 0.0)

    def _moved(self, task: Task) -> TaskResult:
        """Read again at once, a few times: a portal whose two answers never agree would be asked without end, and
        nobody would hear of it."""
        moves = task.payload.get("moves", 0) + 1
        if moves > MOVES_MAX:
            values = {"vendor": portal.CRM_VENDOR, "field": "updatedTime"}
            return Retryable(Problem("vendor_answer_unexpected", values), outage=False)
        return Done(again_at=self._clock.now(), payload={**task.payload, "moves": moves})

    def _commands(
        self, task: Task, config: Config, snapshot: Snapshot, entries: Sequence[Entry], found: CrmSnapshot
    ) -> list[StreamCommand]:
        snapshot, oversized = bounded(snapshot)
        oversized = oversized or found.oversized
        content = deal.ObserveContent(snapshot, config.settings, config.version, oversized=oversized)
        # The content first: a document that exists hears of a change before another one is asked for. Each read has an
        # id of its own: requisites go to and fro without moving the deal's time, and the stream knows what it saw last.
        commands = [StreamCommand(task.stream, content, f"content:{uuid.uuid4()}")]
        for entry in entries:
            observed = deal.ObserveStage(snapshot, entry, config, oversized=oversized)
            commands.append(StreamCommand(task.stream, observed, f"stage:{task.account}:{entry.history_id}"))
        return commands

    async def _whole(
        self, tenant: TenantId, known: KnownDeal, read: Read, same_inn: Sequence[CrmRequisite]
    ) -> Snapshot:
        """The snapshot with its buyer's reference to personal data and with companies of the same INN."""
        snapshot, buyer = read.snapshot, read.snapshot.buyer
        if buyer is None:
            return snapshot
        changes: dict[str, object] = {}
        if read.person:
            kept = known.subject_ref if snapshot.content_hash == known.content_hash else ""
            changes["subject_ref"] = kept or str(await self._subjects.keep(tenant, read.person))
        if buyer.crm_kind == "company" and buyer.inn:
            kpp = clean_kpp(buyer.kpp)
            others = {one.owner_id for one in same_inn if one.active and clean_kpp(one.kpp) == kpp}
            changes["same_inn_crm_ids"] = tuple(sorted(others - {buyer.crm_id}, key=int))
        return snapshot.model_copy(update={"buyer": buyer.model_copy(update=changes)})


def _config_of(tenant: Tenant) -> Config | None:
    """The settings in force; None of a tenant that has none yet, or was removed."""
    return None if tenant.status == "removed" else tenant.config


def _inn(snapshot: Snapshot) -> str:
    """The buyer's INN to look for among companies; "" for people and for what is no INN."""
    if snapshot.buyer is None or snapshot.buyer.crm_kind != "company":
        return ""
    found = clean_inn(snapshot.buyer.inn)
    return found.inn if isinstance(found, InnFound) else ""


def _products(snapshot: Snapshot) -> tuple[str, ...]:
    """The products of the CRM's catalogue among the deal's lines, each once."""
    return tuple(dict.fromkeys(line.product_id for line in snapshot.lines if line.product_id))


def _with_codes(read: Read, codes: Mapping[str, str]) -> Read:
    if not codes:
        return read
    lines = tuple(
        line.model_copy(update={"external_code": codes.get(line.product_id, "")}) for line in read.snapshot.lines
    )
    return replace(read, snapshot=read.snapshot.model_copy(update={"lines": lines}))


class ReadBuyerTask:
    """A buyer changed: deals that wait for its data, or that were invoiced to it, are read again, and so is its card
    where the tenant has cards filled."""

    kind = hints.READ_BUYER
    recurring = False
    permits = 0

    def __init__(self, store: DealStore, cards: CardStore, clock: Clock) -> None:
        self._store = store
        self._cards = cards
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """Plans a read for each deal concerned, and one of the card."""
        work_id = UUID(task.work_id)
        upto = await self._store.unread_upto(task.tenant, work_id)
        entity, object_id = task.payload["entity"], task.payload["object_id"]
        account, now = task.payload["account"], self._clock.now()
        deals = await self._store.deals_of_buyer(task.tenant, entity, object_id)
        config = (await self._store.tenant(task.tenant)).config
        if entity in ("company", "requisite") and config is not None and requisite.fills(config.settings):
            await self._cards.plan_read(task.tenant, account, entity, object_id, now, task.metadata)
        if deals:
            await self._store.plan_reads(task.tenant, account, deals, now, task.metadata)
        await self._store.mark_read(task.tenant, work_id, upto, self._clock.now())
        return Done()


def failed(outcome: Outcome[object]) -> Deferred | Retryable:
    """What a task says of a read that failed: refused reads are tried again, and stand in the list of delayed work."""
    assert not isinstance(outcome, Ok), "a failure"
    if isinstance(outcome, Deferred | Retryable):
        return outcome
    return Retryable(outcome.problem, outage=False)


def _as_configured(read: Read, config: Config) -> Read:
    """A lost stage that asks for a document is one like any other."""
    deal = read.snapshot
    funnel = config.settings.funnel(deal.category_id)
    if not deal.lost or funnel is None or not funnel.kinds_at(deal.stage_id):
        return read
    return replace(read, snapshot=deal.model_copy(update={"lost": False}))


def _undecided(known: KnownDeal, config: Config, found: CrmSnapshot) -> tuple[Entry, ...]:
    """Entries of configured funnels since activation that no command was given for, in the portal's order."""
    listed = {entry.history_id: entry for entry in (*known.noticed, *map(read_entry, found.history))}
    settings = config.settings
    return tuple(
        entry
        for entry in sorted(listed.values(), key=lambda entry: int(entry.history_id))
        if entry.history_id not in known.observed
        and settings.funnel(entry.category_id) is not None
        and entry.entered_at >= settings.activated_at
    )


def _asks(entry: Entry, config: Config) -> bool:
    funnel = config.settings.funnel(entry.category_id)
    return funnel is not None and bool(funnel.kinds_at(entry.stage_id))
