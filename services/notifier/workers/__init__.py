"""Writes to the CRM and messages to people: the writes of one fact travel in one batch, each with its own outcome."""

from chassis.blobs import Blobs
from chassis.tenants import TenantDirectory
from chassis.work.handlers import EffectHandler, TaskHandler
from connectors.ports.crm import Crm
from services.notifier.store import DealStore
from services.notifier.workers.companies import CrmCompany
from services.notifier.workers.delays import LookAtDelays
from services.notifier.workers.letters import LookAtLetters
from services.notifier.workers.newcomers import CrmNewcomer
from services.notifier.workers.texts import load_texts
from services.notifier.workers.writes import CrmChat, CrmWrites


def handlers(crm: Crm, blobs: Blobs, directory: TenantDirectory, deals: DealStore) -> tuple[EffectHandler, ...]:
    """All effect handlers of the service."""
    texts = load_texts()
    return (
        CrmWrites(crm, blobs, directory, deals, texts),
        CrmChat(crm, directory, texts),
        CrmCompany(crm, directory, texts),
        CrmNewcomer(crm),
    )


def task_handlers() -> tuple[TaskHandler, ...]:
    """All task handlers of the service."""
    return (LookAtDelays(), LookAtLetters())
