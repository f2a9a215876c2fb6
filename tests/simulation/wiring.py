"""The five services of a run, wired as their own app.py does, over memory."""

from functools import cache
from typing import Any

from connectors.registry import ELBA_SEED, AccountingVendor
from contracts.topics import TOPICS
from services.counterparty import app as counterparty
from services.counterparty.workers import handlers as counterparty_handlers
from services.ingest import app as ingest
from services.ingest.workers.reads import ReadBuyerTask, ReadDealTask
from services.ingest.workers.sweeps import NightlyCheckTask, SweepBuyersTask, SweepModifiedTask, SweepTask
from services.invoicing import app as invoicing
from services.invoicing.workers import handlers as invoicing_handlers
from services.notifier import app as notifier
from services.notifier.workers import task_handlers as told_tasks
from services.notifier.workers.texts import Texts, load_texts
from services.notifier.workers.writes import CrmChat, CrmWrites
from services.payments import app as payments
from services.payments.workers import handlers as payments_handlers
from tests.services.invoicing.parts import Items
from tests.simulation.accounting import MemoryAccounting
from tests.simulation.bus import Bus
from tests.simulation.crm import MemoryCrm
from tests.simulation.service import Service, Shared
from tests.simulation.stores import (
    MemoryBlobs,
    MemoryDeals,
    MemoryDirectory,
    MemoryDocuments,
    MemoryParties,
    MemoryPayments,
    MemorySubjects,
    MemoryTold,
)


def elba(account: str) -> AccountingVendor:
    """Whose every account is."""
    return ELBA_SEED


def topics() -> Bus:
    """The product's topics."""
    return Bus({topic.name: topic.readers for topic in TOPICS})


def services(shared: Shared, accounting: MemoryAccounting, crm: MemoryCrm) -> dict[str, Service]:
    """All services by name, in the order in which a deal comes by."""
    blobs, subjects = MemoryBlobs(), MemorySubjects()
    made = {app.NAME: Service(app.SPEC, shared) for app in (ingest, counterparty, invoicing, payments, notifier)}
    _ingest(made["ingest"], shared, crm, subjects)
    parties = MemoryParties(made["counterparty"].memory)
    made["counterparty"].add_handlers(
        *counterparty_handlers(elba, accounting, parties, subjects, made["counterparty"].permits, shared.clock),
        accounting,
    )
    papers: Any = None  # this vendor gives its own
    documents = invoicing_handlers(
        elba,
        accounting,
        blobs,
        papers,
        Items(),
        MemoryDocuments(made["invoicing"].memory),
        made["invoicing"].permits,
        shared.clock,
    )
    made["invoicing"].add_handlers(*documents, accounting)
    memory = made["payments"].memory
    finder: Any = None  # these tenants send no statements
    store, tenants = MemoryPayments(memory), MemoryDirectory(memory)
    tasks = payments_handlers(elba, accounting, store, tenants, shared.clock, finder)
    made["payments"].add_handlers((), tasks, accounting)
    memory = made["notifier"].memory
    directory, told = MemoryDirectory(memory), MemoryTold(memory)
    writes = (CrmWrites(crm, blobs, directory, told, _texts()), CrmChat(crm, directory, _texts()))
    made["notifier"].add_handlers(writes, told_tasks(), crm)
    return made


def _ingest(service: Service, shared: Shared, crm: MemoryCrm, subjects: MemorySubjects) -> None:
    store = MemoryDeals(service.memory, service.desk.plan, shared.clock)
    cards: Any = None  # these tenants ask no register
    tasks: tuple[Any, ...] = (
        ReadDealTask(crm, store, subjects, shared.clock),
        ReadBuyerTask(store, cards, shared.clock),
        SweepTask(crm, store, shared.clock),
        SweepModifiedTask(crm, store, cards, shared.clock),
        SweepBuyersTask(crm, store, cards, shared.clock),
        NightlyCheckTask(crm, store, shared.clock),
    )
    service.add_handlers((), tasks, crm)


@cache
def _texts() -> dict[str, Texts]:
    return load_texts()


def texts_of(language: str) -> Texts:
    """The sentences of a language."""
    return _texts()[language]
