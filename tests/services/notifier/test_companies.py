"""Cards of companies: what is written is what is still wanted, under the tenant's names, as often as it must be."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Confirmed, EffectCall, Permit, RejectedFinally
from connectors.ports import crm as ports
from contracts.envelope import Envelope
from contracts.messages import counterparty as messages
from services.notifier.app import COMPANIES
from services.notifier.domain import company
from services.notifier.domain.deal import CRM_CHAT
from services.notifier.handlers import route
from services.notifier.workers.companies import CrmCompany
from services.notifier.workers.texts import load_texts
from tests.services.notifier.test_workers import Directory
from tests.services.streams import NOW, TENANT, Stream

TEXTS = load_texts()
SETTINGS: dict[str, Any] = {"language": "ru", "timezone": "Europe/Moscow", "company_fields": {"status": "UF_STATE"}}
INN = "7736207543"
VALUES: Any = {"full_name": "ООО «РОМАШКА»", "kpp": "773601001", "address": "119021, г Москва"}


def requisite(inn: str = INN) -> ports.CrmRequisite:
    """Requisites of company 512."""
    return ports.CrmRequisite("77", "company", "512", True, 500, "Организация", "Ромашка", "", inn, "", "")


@dataclass
class Portal:
    """A portal with one card that remembers what it was told."""

    requisites: tuple[ports.CrmRequisite, ...] = (requisite(),)
    addresses: dict[str, ports.CrmAddress] = field(default_factory=dict)
    commands: list[ports.CrmCommand] = field(default_factory=list)
    answers: dict[type, Outcome[ports.CrmWritten]] = field(default_factory=dict)
    away: Outcome[Any] | None = None

    async def read_card(self, permit: Permit, entity: str, object_id: str) -> Outcome[ports.CrmCard | None]:
        card = ports.CrmCard(ports.CrmCompany("512", "Ромашка"), self.requisites, self.addresses)
        return self.away or Ok(card if self.requisites else None)

    async def write(self, permit: Permit, commands: Any) -> list[Outcome[ports.CrmWritten]]:
        self.commands += commands
        return [self.answers.get(type(one), Ok(ports.CrmWritten())) for one in commands]


def told(status: str = "", values: Any = VALUES) -> Stream[Any, Any]:
    """The company's stream after a message."""
    filled = messages.CompanyFilled(
        company_id="512", requisite_id="77", inn=INN, values=values, status=status, responsible_id="7"
    )
    envelope = Envelope(
        id="m1", type=filled.NAME, type_version=1, source="counterparty", subject="", time=NOW, tenant_id=TENANT
    )
    (routed,) = route(filled, envelope)
    stream: Stream[Any, Any] = Stream(COMPANIES, routed.stream)
    stream.ran(routed.command)
    return stream


async def sent(portal: Portal, status: str = "", values: Any = VALUES) -> Outcome[Any]:
    """The outcome of the one effect."""
    (plan,) = told(status, values).effects_of(company.CRM_COMPANY)
    permit = Permit("bitrix24:vektor", "https://portal.example", "", 5, NOW)
    call = EffectCall(TENANT, "w", plan.kind, "company-512", plan.account, plan.request, "", 1, permit, None, NOW)
    directory: Any = Directory(SETTINGS)
    (outcome,) = await CrmCompany(portal, directory, TEXTS).send([call])
    return outcome


@pytest.mark.parametrize("known", [False, True])
async def test_requisites_and_address_are_written_whole(known: bool) -> None:
    address = {"77": ports.CrmAddress(6, "", "", "", "", "", "Москва", "")} if known else {}
    portal = Portal(addresses=address)
    assert isinstance(await sent(portal), Ok)
    assert portal.commands == [
        ports.PutRequisite("77", {"full_name": "ООО «РОМАШКА»", "kpp": "773601001"}),
        ports.PutAddress("77", "119021, г Москва", known),
    ]


@pytest.mark.parametrize("found", [(), (requisite("7707083893"),), (requisite("—"),)])
async def test_requisites_of_another_inn_by_now_are_left_alone(found: Any) -> None:
    portal = Portal(requisites=found)
    assert isinstance(await sent(portal), Ok)
    assert portal.commands == []


async def test_a_state_goes_to_its_field_and_a_bad_one_to_the_manager() -> None:
    portal = Portal()
    await sent(portal, "active", {})
    assert portal.commands == [ports.SetFields("company", "512", {"UF_STATE": "действует"})]
    await sent(portal, "liquidated", {})
    notified = portal.commands[-1]
    assert isinstance(notified, ports.NotifyUser)
    assert (notified.user_id, notified.tag) == ("7", "sverka|company_state|512")
    assert "ликвидирована. Новые счета ей не выставляются" in notified.text


async def test_what_the_portal_refuses_is_said_in_the_admin_chat() -> None:
    refused = Rejected(Problem("crm_access_denied", {"text": ""}))
    portal = Portal(answers={ports.PutAddress: refused})
    assert await sent(portal) == refused
    assert isinstance(await sent(Portal(away=Retryable(Problem("vendor_fault")))), Retryable)
    stream = told()
    (plan,) = stream.effects_of(company.CRM_COMPANY)
    handler = CrmCompany(portal, Directory(SETTINGS), TEXTS)  # type: ignore[arg-type]
    permit = Permit("bitrix24:vektor", "", "", 1, NOW)
    call = EffectCall(TENANT, "w", plan.kind, stream.name, plan.account, plan.request, "", 1, permit)
    stream.ran(handler.told(call, RejectedFinally(refused.problem)))
    (said,) = stream.effects_of(CRM_CHAT)
    assert said.request["text"] == "company_not_filled"
    assert stream.ran(handler.told(call, Confirmed({}))) == []
