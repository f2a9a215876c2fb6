"""Writes to the CRM: the tenant's fields and words, and the one move that may be made (R5)."""

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.blobs import BlobBroken, BlobMissing
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.tenants import TenantView
from chassis.work.handlers import Confirmed, EffectCall, Permit, Undecidable
from connectors.ports import crm as ports
from services.notifier.domain import deal
from services.notifier.workers.texts import load_texts
from services.notifier.workers.writes import CrmChat, CrmWrites
from tests.services.notifier.parts import asked, balance, issued, received, rejected, rendered, tell, told
from tests.services.streams import NOW, TENANT

TEXTS = load_texts()
SETTINGS: dict[str, Any] = {
    "language": "ru",
    "timezone": "Europe/Moscow",
    "admin_chat": "chat42",
    "fields": {
        "invoice_number": "UF_NUMBER",
        "invoice_date": "UF_DATE",
        "invoice_status": "UF_STATUS",
        "invoice_pdf": "UF_PDF",
        "paid": "UF_PAID",
    },
    "funnels": [
        {"category_id": "0", "waiting_for_payment": ["PREPAYMENT_INVOICE", "EXECUTING"], "paid": "FINAL_INVOICE"},
        {"category_id": "3", "waiting_for_payment": ["C3:WAIT"], "paid": ""},
    ],
}


class Portal:
    """A portal that remembers what it was asked, and a deal that stands in a stage."""

    def __init__(self, stage: str = "EXECUTING", category: int = 0, **fields: Any) -> None:
        self.deal = SimpleNamespace(
            **{"stage_id": stage, "category_id": category, "closed": False, "semantics": "process", **fields}
        )
        self.commands: list[ports.CrmCommand] = []
        self.away: Outcome[Any] | None = None

    async def read_deal(self, permit: Permit, deal_id: str) -> Outcome[Any]:
        return self.away or Ok(SimpleNamespace(deal=self.deal))

    async def write(self, permit: Permit, commands: list[ports.CrmCommand]) -> list[Outcome[Any]]:
        self.commands += commands
        return [Ok(SimpleNamespace(object_id="1")) for _ in commands]


class Directory:
    """The tenant's settings, once they have come."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.settings = settings

    async def view(self, tenant: str) -> TenantView:
        return TenantView() if self.settings is None else TenantView("active", 1, self.settings)


class Deals:
    """Deals that are paid."""

    async def settled(self, tenant: str, deal_id: str) -> bool:
        return True


class Blobs:
    """Any document, or none."""

    def __init__(self, lost: Exception | None = None) -> None:
        self.lost = lost

    async def get(self, reference: Any) -> bytes:
        if self.lost is not None:
            raise self.lost
        return b"%PDF-1.4"


def calls(message: Any, send_number: int = 1) -> list[EffectCall]:
    """The effects that a message leads to, on their way out."""
    stream = told()
    tell(stream, message)
    return [
        EffectCall(
            TENANT, "w", sent.kind, "deal-15", sent.account, sent.request, sent.marker, send_number, PERMIT, None, NOW
        )
        for sent in stream.effects.values()
    ]


PERMIT = Permit("bitrix24:vektor", "https://portal.example", "", 5, NOW)


async def sent(
    message: Any,
    portal: Portal | None = None,
    settings: dict[str, Any] | None = None,
    number: int = 1,
) -> list[ports.CrmCommand]:
    """The commands that reach the portal."""
    portal = portal or Portal()
    crm: Any = portal
    directory: Any = Directory(settings or SETTINGS)
    blobs: Any = Blobs()
    deals: Any = Deals()
    batch = [call for call in calls(message, number) if call.kind == deal.CRM_WRITE]
    await CrmWrites(crm, blobs, directory, deals, TEXTS).send(batch)
    return portal.commands


class TestWrites:
    async def test_fields_go_under_the_tenants_names_and_in_its_words(self) -> None:
        (fields, comment) = await sent(issued())
        assert isinstance(fields, ports.SetFields)
        assert fields.fields == {"UF_NUMBER": "B24-i1", "UF_DATE": dt.date(2026, 3, 12), "UF_STATUS": "Выставлен"}
        assert isinstance(comment, ports.AddComment)

    @pytest.mark.parametrize("lost", [BlobMissing("gone"), BlobBroken("other bytes")])
    async def test_a_file_that_is_lost_is_refused_and_what_is_beside_it_is_written(self, lost: Exception) -> None:
        """It was tried for ever, and neither sum nor stage of the deal came through."""
        portal = Portal()
        crm: Any = portal
        directory: Any = Directory(SETTINGS)
        blobs: Any = Blobs(lost)
        deals: Any = Deals()
        batch = [*calls(rendered(blob=f"vektor/{'a' * 64}")), *calls(balance(2, 40_00))]
        batch = [call for call in batch if call.kind == deal.CRM_WRITE]
        outcomes = await CrmWrites(crm, blobs, directory, deals, TEXTS).send(batch)
        refused = [
            call.request["write"] for call, one in zip(batch, outcomes, strict=True) if isinstance(one, Rejected)
        ]
        assert refused == [call.request["write"] for call in batch if call.request.get("blob")] != []
        assert len(portal.commands) == len(batch) - len(refused) > 0
        assert {one.problem.code for one in outcomes if isinstance(one, Rejected)} == {"document_bytes_lost"}

    async def test_sum_goes_as_money(self) -> None:
        (fields, *_) = await sent(balance(2, 40_00))
        assert isinstance(fields, ports.SetFields)
        assert fields.fields["UF_PAID"] == ports.MoneyValue(40_00)

    async def test_what_the_tenant_has_no_field_for_is_left_out(self) -> None:
        assert await sent(balance(2, 40_00), settings={**SETTINGS, "fields": {}}) == []

    async def test_comment_is_looked_for_before_it_is_repeated(self) -> None:
        first, again = await sent(issued()), await sent(issued(), number=2)
        assert [one.search_first for one in (first[1], again[1]) if isinstance(one, ports.AddComment)] == [False, True]

    async def test_notification_names_the_deal(self) -> None:
        found = [one for one in await sent(rejected()) if isinstance(one, ports.NotifyUser)]
        assert found[0].text.startswith("Сделка № 15. Счёт не выставлен.")

    async def test_file_goes_to_its_field_with_its_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("services.notifier.workers.writes.BlobRef.parse", lambda text: text)
        found = [one for one in await sent(rendered()) if isinstance(one, ports.UploadFile)]
        assert (found[0].field, found[0].content) == ("UF_PDF", b"%PDF-1.4")

    async def test_nothing_is_written_before_the_tenant_is_known(self) -> None:
        nobody: Any = Portal()
        directory: Any = Directory()
        outcomes = await CrmWrites(nobody, nobody, directory, nobody, TEXTS).send(calls(issued()))
        assert all(isinstance(one, Retryable) and not one.outage for one in outcomes)

    async def test_outcome_is_told_to_the_deal(self) -> None:
        crm: Any = Portal()
        directory: Any = Directory(SETTINGS)
        writes = CrmWrites(crm, crm, directory, crm, TEXTS)
        call = calls(issued())[1]
        fact_id = call.request["fact_id"]
        assert writes.told(call, Confirmed({})) == deal.SeeWritten(fact_id, 1)
        refused = writes.told(call, Undecidable(Problem("crm_refused"), None))
        assert isinstance(refused, deal.SeeWritten)
        assert refused.refused is not None


class TestR5Move:
    async def _moves(self, portal: Portal) -> list[str]:
        return [one.stage_id for one in await sent(balance(2, 100_00), portal) if isinstance(one, ports.MoveStage)]

    @pytest.mark.parametrize("stage", ["PREPAYMENT_INVOICE", "EXECUTING"])
    async def test_from_a_waiting_stage_to_paid(self, stage: str) -> None:
        assert await self._moves(Portal(stage)) == ["FINAL_INVOICE"]

    @pytest.mark.parametrize(
        "portal",
        [
            Portal("NEW"),
            Portal("FINAL_INVOICE"),
            Portal("WON", closed=True),
            Portal("EXECUTING", closed=True),
            Portal("EXECUTING", semantics="failure"),
            Portal("C3:WAIT", 3),
            Portal("EXECUTING", 9),
        ],
        ids=["before it", "there already", "won", "closed", "lost", "no stage mapped", "another funnel"],
    )
    async def test_from_no_other_place(self, portal: Portal) -> None:
        assert await self._moves(portal) == []

    async def test_deal_that_cannot_be_read_is_not_moved_and_nothing_is_forgotten(self) -> None:
        portal = Portal()
        portal.away = Rejected(Problem("crm_not_found"))
        crm: Any = portal
        directory: Any = Directory(SETTINGS)
        deals: Any = Deals()
        batch = [call for call in calls(balance(2, 100_00)) if call.request["write"] == "stage"]
        assert await CrmWrites(crm, crm, directory, deals, TEXTS).send(batch) == [portal.away]


class TestChat:
    async def _said(self, settings: dict[str, Any], number: int = 1) -> list[ports.CrmCommand]:
        portal = Portal()
        crm: Any = portal
        directory: Any = Directory(settings)
        (call,) = (call for call in calls(asked(responsible_id=""), number) if call.kind == deal.CRM_CHAT)
        await CrmChat(crm, directory, TEXTS).send([call])
        return portal.commands

    async def test_message_names_its_deal(self) -> None:
        (message,) = await self._said(SETTINGS)
        assert isinstance(message, ports.ChatMessage)
        assert message.text.startswith("Сделка № 15. Нужно решение:")

    @pytest.mark.parametrize(
        ("deal_id", "values", "names"),
        [
            ("15", {"order_number": "341"}, ("Сделка № 15.", "поручение № 341,")),
            (
                "shop-main-236",
                {"order_number": "341", "shop_order": "392"},
                ("Заказ с сайта № 392.", "поручение № 341,"),
            ),
            ("shop-main-236", {"order_number": "392"}, ("Заказ с сайта № 392.", "")),
        ],
        ids=["a deal", "an order", "an order, planned by an older build"],
    )
    async def test_banks_number_of_a_payment_is_no_order_of_a_shop(
        self, deal_id: str, values: dict[str, str], names: tuple[str, str]
    ) -> None:
        portal = Portal()
        crm: Any = portal
        directory: Any = Directory(SETTINGS)
        payment = received().model_copy(update={"responsible_id": ""})
        (call,) = (call for call in calls(payment) if call.kind == deal.CRM_CHAT)
        request = {**call.request, "deal_id": deal_id, "values": {**call.request["values"], **values}}
        await CrmChat(crm, directory, TEXTS).send([replace(call, request=request)])
        (message,) = portal.commands
        assert isinstance(message, ports.ChatMessage)
        assert message.text.startswith(names[0])
        assert names[1] in message.text

    async def test_message_is_looked_for_before_it_is_repeated(self) -> None:
        """Two answers of a portal were lost, and its chat heard of an outage's end without its beginning."""
        (first,), (again,) = await self._said(SETTINGS), await self._said(SETTINGS, number=2)
        assert isinstance(first, ports.ChatMessage)
        assert isinstance(again, ports.ChatMessage)
        assert first.said_after is None
        assert again.said_after == NOW - dt.timedelta(minutes=1)

    async def test_tenant_without_a_chat_gets_none(self) -> None:
        assert await self._said({**SETTINGS, "admin_chat": ""}) == []
