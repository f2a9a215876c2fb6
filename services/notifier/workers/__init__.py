"""Writes to the CRM and messages to people: the writes of one fact travel in one batch, each with its own outcome."""

from typing import Protocol

from chassis.blobs import Blobs
from chassis.tenants import TenantDirectory
from chassis.work.handlers import EffectHandler
from connectors.ports.crm import Crm, ReadCard
from services.notifier.workers.companies import CrmCompany
from services.notifier.workers.texts import load_texts
from services.notifier.workers.writes import CrmChat, CrmWrites


class NotifierCrm(Crm, ReadCard, Protocol):
    """What writes to deals and to companies' cards need of a CRM."""


def handlers(crm: NotifierCrm, blobs: Blobs, directory: TenantDirectory) -> tuple[EffectHandler, ...]:
    """All effect handlers of the service."""
    texts = load_texts()
    return (
        CrmWrites(crm, blobs, directory, texts),
        CrmChat(crm, directory, texts),
        CrmCompany(crm, directory, texts),
    )
