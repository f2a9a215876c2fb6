"""Deals whose settings or contents change while the portal answers, or go back to what they were."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.clock import ManualClock
from chassis.ids import TenantId
from chassis.outcomes import Ok
from chassis.work.handlers import Done, Permit, Task
from connectors.ports.crm import DealRecheck, DealSnapshot
from services.ingest.app import DEALS
from services.ingest.domain import deal
from services.ingest.domain.values import Config, Funnel
from services.ingest.store.deals import KnownDeal, Tenant
from services.ingest.workers.reads import ReadDealTask
from tests.services.ingest.test_domain import CONFIG
from tests.services.ingest.test_snapshot import REQUISITE, WHOLE
from tests.services.streams import Stream

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
UNTRIGGERED = CONFIG.model_copy(
    update={"settings": CONFIG.settings.model_copy(update={"funnels": (Funnel(category_id="0"),)})}
)


class Office:
    """A tenant whose file is applied, and a portal that answers, as a test has them; and what is known of the deal."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.tenant = Tenant("active", 1, config)
        self.then: Tenant | None = None
        self.shown = WHOLE
        self.deal: Stream[deal.State, deal.Command] = Stream(DEALS, "deal-1734", NOW)

    async def read_deal(self, permit: Permit, deal_id: str, *, history_after: int = 0) -> Ok[DealSnapshot]:
        self.tenant = self.then or self.tenant
        return Ok(self.shown)

    async def recheck_deal(
        self, permit: Permit, deal_id: str, inn: str, products: Sequence[str] = ()
    ) -> Ok[DealRecheck]:
        return Ok(DealRecheck(NOW, (), {}))

    async def known(self, *_: Any) -> KnownDeal:
        state = self.deal.state
        shown = state.deal.content_hash if state.deal is not None else ""
        return KnownDeal(self.tenant, state.requested, state.gone, shown, "", state.entered, (), 17)

    async def mark_read(self, *_: Any) -> None:
        return None

    async def read(self) -> Done:
        """One read; what it comes to is told to the deal."""
        store: Any = Store(self)
        crm: Any = self
        subjects: Any = None
        permit = Permit("bitrix24:vektor", "https://p.example/rest/1/x/", "", 2, NOW)
        done = await ReadDealTask(crm, store, subjects, ManualClock(NOW)).run(
            Task(TenantId("vektor"), "3fa85f64-5717-4562-b3fc-2c963f66afa6", deal.READ_DEAL, "bitrix24:vektor:1734",
                 {"deal_id": "1734"}, "deal-1734", "bitrix24:vektor", 1, permit, NOW)
        )  # fmt: skip
        assert isinstance(done, Done)
        for command in done.commands:
            self.deal.ran(command.body, command.command_id)
        return done


class Store:
    """The office as the reads of the service's own tables see it."""

    def __init__(self, office: Office) -> None:
        self.known, self.mark_read = office.known, office.mark_read
        self._office = office

    async def tenant(self, tenant: TenantId) -> Tenant:
        return self._office.tenant


def made(office: Office) -> list[str]:
    return [one.kind for one in office.deal.happened(deal.RequestMade)]


async def test_a_trigger_that_is_added_while_the_portal_answers_is_not_lost() -> None:
    office = Office(UNTRIGGERED)
    office.then = Tenant("active", 2, CONFIG.model_copy(update={"version": 2}))
    await office.read()
    await office.read()
    assert made(office) == ["invoice"]
    (request,) = office.deal.happened(deal.RequestMade)
    assert request.config_version == 2


@pytest.mark.parametrize(("status", "config"), [("removed", CONFIG), ("active", None)])
async def test_nothing_is_asked_for_a_tenant_that_is_gone_when_the_portal_answers(
    status: Any, config: Config | None
) -> None:
    office = Office()
    office.then = Tenant(status, 2, config)
    assert (await office.read()).commands == ()
    assert made(office) == []


async def test_each_change_to_and_fro_is_told_though_the_portal_tells_one_time_of_them() -> None:
    """Requisites change without moving the deal's time."""
    office, other = Office(), replace(WHOLE, requisite=replace(REQUISITE, kpp="770901002"))
    await office.read()
    for shown in (other, WHOLE, other, WHOLE):
        office.shown = shown
        done = await office.read()
        for command in done.commands:  # a commit whose answer was lost
            office.deal.ran(command.body, command.command_id)
        await office.read()
    told = [one.deal.buyer.kpp for one in office.deal.happened(deal.ContentChanged)]
    assert told == ["770901002", "770901001", "770901002", "770901001"]
