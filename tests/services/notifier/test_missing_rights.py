"""A connection that may not write messages any more: what a deal owes in money and stages goes on without them."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chassis.aggregate import EffectPlan
from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import Confirmed, EffectCall, Permit, RejectedFinally, Settled, Undecidable
from connectors.ports import crm as ports
from services.notifier.app import ALERTS, DEALS
from services.notifier.domain import alerts, deal
from services.notifier.domain.facts import Reason
from services.notifier.workers.writes import CrmChat, CrmWrites
from tests.connectors.bitrix24.office import Office, open_office
from tests.connectors.kit_sandbox import sandboxed
from tests.services.notifier.parts import Told, balance, received, rejected, tell
from tests.services.notifier.test_workers import SETTINGS, TEXTS, Blobs, Deals, Directory, Portal
from tests.services.streams import NOW, TENANT, Stream

TRIES_MAX = 30
FIELDS = {"invoice_status": "UF_CRM_INVOICE_STATUS", "paid": "UF_CRM_PAID"}
SCOPE_MISSING = Retryable(Problem("scope_missing", {}), outage=False)


class Writer:
    """The writes of one deal as claims give them out: in order, a group at once, none past one that is still open."""

    def __init__(self, crm: Any, permit: Permit, **settings: Any) -> None:
        directory: Any = Directory({**SETTINGS, **settings})
        blobs: Any = Blobs()
        deals: Any = Deals()
        self._handlers = {one.kind: one for one in (CrmWrites(crm, blobs, directory, deals, TEXTS),
                                                    CrmChat(crm, directory, TEXTS))}  # fmt: skip
        self._permit = permit
        self._sends: Counter[tuple[str, ...]] = Counter()
        self.settled: dict[tuple[str, ...], Settled] = {}

    async def write(self, stream: Stream[Any, Any]) -> list[str]:
        """What is still open when nothing more can leave."""
        tries = 0
        while tries < TRIES_MAX and (group := self._group(stream)):
            settled = len(self.settled)
            await self._send(stream, group)
            tries = 0 if len(self.settled) > settled else tries + 1
        return [plan.request["write"] for plan in self._open(stream)]

    def _open(self, stream: Stream[Any, Any]) -> list[EffectPlan]:
        return [plan for key, plan in stream.effects.items() if key not in self.settled]

    def _group(self, stream: Stream[Any, Any]) -> list[EffectPlan]:
        left = self._open(stream)
        head = left[:1]
        return head + [one for one in left[1:] if head[0].group and one.group == head[0].group]

    async def _send(self, stream: Stream[Any, Any], group: Sequence[EffectPlan]) -> None:
        handler = self._handlers[group[0].kind]
        calls = [
            EffectCall(TENANT, "-".join(one.key), one.kind, stream.name, one.account, one.request, one.marker,
                       self._sends[one.key] + 1, self._permit, None, NOW) for one in group
        ]  # fmt: skip
        outcomes: Sequence[Outcome[Any]] = await handler.send(calls)
        for plan, call, outcome in zip(group, calls, outcomes, strict=True):
            done: Settled | None = None
            self._sends[plan.key] += not isinstance(outcome, Retryable)
            match outcome:
                case Ok():
                    done = Confirmed(outcome.value)
                case Rejected():
                    done = RejectedFinally(outcome.problem)
                case Uncertain() if self._sends[plan.key] >= handler.policy_for(call.account).sends_max:
                    done = Undecidable(outcome.problem, NOW)
            if done is not None:
                self.settled[(plan.kind, *plan.key)] = done
                command = handler.told(call, done)
                if command is not None:
                    stream.ran(command)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """A portal whose webhook may not write messages."""
    async with sandboxed(tmp_path) as (sandbox, http):
        opened = await open_office(sandbox, http, scopes=["crm", "user_brief"])
        yield opened


def of_deal(deal_id: str) -> Told:
    """A deal that was told nothing."""
    return Stream(DEALS, f"deal-{deal_id}")


def paid(stream: Told, **fields: Any) -> None:
    """A payment comes, and settles the deal."""
    deal_id = stream.name.partition("-")[2]
    given = {"deal_id": deal_id, **fields}
    tell(stream, received().model_copy(update=given), "m1", "payments")
    tell(stream, balance(2, 100_00).model_copy(update={"deal_id": deal_id}), "m2", "payments")


@pytest.mark.parametrize("chat", ["chat42", ""], ids=["with a chat", "without one"])
@pytest.mark.parametrize("responsible", ["1", ""], ids=["a responsible", "nobody responsible"])
async def test_payment_is_shown_though_the_messenger_is_closed_to_us(
    office: Office, chat: str, responsible: str
) -> None:
    deal_id = await office.deal(stage="EXECUTING")
    stream = of_deal(deal_id)
    paid(stream, responsible_id=responsible)
    funnels = [{"category_id": "0", "waiting_for_payment": ["EXECUTING"], "paid": "FINAL_INVOICE"}]
    writer = Writer(office.crm, office.permit, fields=FIELDS, funnels=funnels, admin_chat=chat)
    assert await writer.write(stream) == []
    shown = await office.view(deal_id)
    assert str(shown["deal"]["UF_CRM_PAID"]) == "100.00|RUB"
    assert shown["deal"]["stageId"] == "FINAL_INVOICE"
    comments = [str(one["text"]) for one in shown["comments"]]
    assert sum("Оплата 100 ₽" in one for one in comments) == 1
    told = [one for one in comments if "не хватает прав" in one]
    assert len(told) == (1 if responsible or chat else 0)
    assert stream.replayed() == stream.state


async def test_missing_right_is_told_once_for_a_deal(office: Office) -> None:
    deal_id = await office.deal(stage="EXECUTING")
    stream, writer = of_deal(deal_id), Writer(office.crm, office.permit, fields=FIELDS)
    for place in range(3):
        payment = received(payment_id=f"p{place}")
        tell(stream, payment.model_copy(update={"deal_id": deal_id, "responsible_id": "1"}), f"m{place}")
        assert await writer.write(stream) == []
    comments = [str(one["text"]) for one in (await office.view(deal_id))["comments"]]
    assert sum("не хватает прав" in one for one in comments) == 1


class Closed(Portal):
    """A portal that answers messages with ``answer``."""

    def __init__(self, answer: Outcome[Any]) -> None:
        super().__init__()
        self.answer = answer

    async def write(self, permit: Permit, commands: list[ports.CrmCommand]) -> list[Outcome[Any]]:
        written = await super().write(permit, commands)
        messages = (ports.NotifyUser, ports.ChatMessage)
        return [
            self.answer if isinstance(one, messages) else outcome
            for one, outcome in zip(commands, written, strict=True)
        ]


async def test_message_whose_answers_nobody_understands_is_given_up() -> None:
    portal = Closed(Uncertain(Problem("vendor_answer_unknown", {"status": 0})))
    stream, writer = of_deal("15"), Writer(portal, Permit("bitrix24:vektor", "", "", 5, NOW))
    paid(stream)
    assert await writer.write(stream) == []
    assert [one.stage_id for one in portal.commands if isinstance(one, ports.MoveStage)] == ["FINAL_INVOICE"]
    notified = [one for one in portal.commands if isinstance(one, ports.NotifyUser)]
    assert 1 < len(notified) <= 10
    assert [one.request["text"] for one in stream.effects_of(deal.CRM_CHAT)] == ["write_refused"]


async def test_chat_that_may_not_be_written_to_holds_no_deal_back() -> None:
    portal = Closed(SCOPE_MISSING)
    stream, writer = of_deal("15"), Writer(portal, Permit("bitrix24:vektor", "", "", 5, NOW))
    tell(stream, rejected(responsible_id=""), "m0")
    stream.ran(deal.SeeWritten("m0", 0, Reason(code="crm_access_denied"), "bitrix24:vektor"))
    paid(stream)
    assert await writer.write(stream) == []
    said = [one.text for one in portal.commands if isinstance(one, ports.AddComment)]
    assert sum("Портал не принял запись" in one for one in said) == 2  # of the fields, and of messages
    assert any("Нет прав на сделку" in one for one in said)


async def test_alerts_wait_until_they_may_be_said() -> None:
    """Nothing but messages waits behind them, and no timeline would have them."""
    stream: Stream[alerts.State, alerts.Command] = Stream(ALERTS, "alerts-elba")
    portal = Closed(SCOPE_MISSING)
    directory: Any = Directory(SETTINGS)
    crm: Any = portal
    request = {"write": "chat", "text": "writes_delayed", "values": {"deal": "15"}, "deal_id": ""}
    call = EffectCall(TENANT, "w", deal.CRM_CHAT, stream.name, "bitrix24:vektor", request, "", 1,
                      Permit("bitrix24:vektor", "", "", 5, NOW), None, NOW)  # fmt: skip
    handler = CrmChat(crm, directory, TEXTS)
    assert await handler.send([call]) == (SCOPE_MISSING,)
    assert await handler.send([replace(call, stream="deal-shop-main-236")]) == (SCOPE_MISSING,)
