"""Reads the card of a company that changed in the CRM, and tells the streams of its requisites."""

import uuid
from typing import Final

from chassis.outcomes import Ok
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.crm import CrmCard, CrmRequisite, ReadCard
from services.ingest.domain import requisite
from services.ingest.domain.requisite import Card, ObserveRequisite
from services.ingest.store.deals import DealStore
from services.ingest.workers.reads import failed

READS: Final = 2


class ReadCardTask:
    """One company with all its requisites."""

    kind = requisite.READ_CARD
    recurring = False
    permits = READS

    def __init__(self, crm: ReadCard, store: DealStore) -> None:
        self._crm = crm
        self._store = store

    async def run(self, task: Task) -> TaskResult:
        """A command for each active requisite; what is as it was changes nothing."""
        assert task.permit is not None, "the plan names an account"
        tenant = await self._store.tenant(task.tenant)
        if tenant.config is None or tenant.status == "removed":
            return Done()
        read = await self._crm.read_card(task.permit, task.payload["entity"], task.payload["object_id"])
        if not isinstance(read, Ok):
            return failed(read)
        if read.value is None:
            return Done()
        settings = tenant.config.settings
        commands = []
        for one in read.value.requisites:
            if one.active:
                seen = ObserveRequisite(_card(read.value, one), requisite.fills(settings), settings.registers)
                stream = f"{requisite.PREFIX}-{one.requisite_id}"
                commands.append(StreamCommand(stream, seen, f"card:{uuid.uuid4()}"))
        return Done(tuple(commands))


def _card(found: CrmCard, one: CrmRequisite) -> Card:
    address = found.addresses.get(one.requisite_id)
    return Card(
        company_id=found.company.company_id,
        requisite_id=one.requisite_id,
        inn=one.inn,
        kpp=one.kpp,
        ogrn=one.ogrn,
        name=one.name,
        full_name=one.full_name,
        address=address.text if address is not None else "",
        responsible_id=found.company.assigned_by_id or "",
    )
