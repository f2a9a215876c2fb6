"""A responsible who cannot be told: the head of the department is, else the admin chat; nothing is lost or doubled."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import Confirmed, EffectCall, Permit, RejectedFinally, Settled
from connectors.ports import crm as ports
from contracts.envelope import Message
from services.notifier.domain import deal
from services.notifier.domain.facts import Reason
from services.notifier.domain.writes import NotifyPerson
from services.notifier.workers.texts import load_texts
from services.notifier.workers.writes import CrmChat
from tests.services.notifier.parts import Told, asked, received, rejected, tell, told
from tests.services.notifier.test_workers import SETTINGS, Directory
from tests.services.streams import NOW, TENANT

ACCOUNT = "bitrix24:vektor"
PERMIT = Permit(ACCOUNT, "https://portal.example", "", 5, NOW)
TEXTS = load_texts()
GONE = Problem(ports.RECIPIENT_REFUSED, {"text": ""})


class People:
    """A portal whose user 7 is gone; ``heads`` are those who can be told."""

    def __init__(self, found: Outcome[ports.StandIn], head: Outcome[Any] | None = None) -> None:
        self.found, self.head = found, head
        self.said: list[ports.CrmCommand] = []

    async def find_stand_in(self, permit: Permit, user_id: str) -> Outcome[ports.StandIn]:
        assert user_id == "7"
        return self.found

    async def write(self, permit: Permit, commands: Sequence[ports.CrmCommand]) -> Sequence[Outcome[ports.CrmWritten]]:
        (command,) = commands
        self.said.append(command)
        if isinstance(command, ports.NotifyUser) and self.head is not None:
            return (self.head,)
        return (Ok(ports.CrmWritten("55")),)


def handler(people: People, settings: Mapping[str, Any] = SETTINGS) -> CrmChat:
    directory: Any = Directory(dict(settings))
    return CrmChat(people, directory, TEXTS)


def become(call: EffectCall, done: Settled) -> deal.Command:
    """What the deal is told of a settled write."""
    command = handler(People(Ok(ports.StandIn("", "")))).told(call, done)
    assert isinstance(command, deal.SeeWritten)
    return command


def settled(stream: Told, fact_id: str, problem: Problem = GONE) -> None:
    """Every write of a fact is taken, but for its notification."""
    for sent in [*stream.effects_of(deal.CRM_WRITE)]:
        if sent.request["fact_id"] != fact_id:
            continue
        call = called(sent)
        done = RejectedFinally(problem) if sent.request["write"] == "notification" else Confirmed({})
        stream.ran(become(call, done))


def called(sent: Any, send_number: int = 1) -> EffectCall:
    return EffectCall(
        TENANT, "w", sent.kind, "deal-15", sent.account or ACCOUNT, sent.request, sent.marker, send_number, PERMIT,
        None, NOW,
    )  # fmt: skip


def left(message: Message) -> tuple[Told, EffectCall]:
    """The one message to others that an untold responsible leads to."""
    stream = told()
    tell(stream, message, "m1")
    before = [*stream.effects_of(deal.CRM_CHAT)]
    settled(stream, "m1")
    (sent,) = (one for one in stream.effects_of(deal.CRM_CHAT) if one not in before)
    assert stream.replayed() == stream.state
    return stream, called(sent)


def test_each_notification_that_could_not_be_told_is_left_to_others() -> None:
    """The admin chat heard once that a notification was refused, and never what it said."""
    stream = told()
    for place, message in enumerate((rejected(), received(payment_id="p1"), received(payment_id="p2"))):
        tell(stream, message, f"m{place}")
        settled(stream, f"m{place}")
    said = [(one.request["text"], one.request["instead_of"]) for one in stream.effects_of(deal.CRM_CHAT)]
    assert said == [("document_refused", "7"), ("payment_received", "7"), ("payment_received", "7")]


def test_what_is_refused_for_another_reason_is_told_of_as_ever() -> None:
    stream = told()
    tell(stream, rejected(), "m1")
    settled(stream, "m1", Problem("crm_access_denied"))
    assert [one.request["text"] for one in stream.effects_of(deal.CRM_CHAT)] == ["write_refused"]


def test_a_refused_write_is_still_told_of_after_an_untold_responsible() -> None:
    stream = told()
    tell(stream, rejected(), "m1")
    settled(stream, "m1")
    tell(stream, rejected(), "m2")
    stream.ran(deal.SeeWritten("m2", 0, Reason(code=ports.RECIPIENT_REFUSED), ACCOUNT))
    assert [one.request["text"] for one in stream.effects_of(deal.CRM_CHAT)] == ["document_refused", "write_refused"]


def test_a_deal_that_complained_of_it_before_leaves_its_notifications_to_others_too() -> None:
    """As older builds did: they told the chat once that a notification was refused."""
    stream = told()
    tell(stream, rejected(), "m1")
    stream.ran(deal.SeeWritten("m1", 2, Reason(code=ports.RECIPIENT_REFUSED), ACCOUNT))
    tell(stream, received(), "m2")
    settled(stream, "m2")
    assert [one.request["text"] for one in stream.effects_of(deal.CRM_CHAT)] == ["write_refused", "payment_received"]


def test_the_same_answer_heard_twice_leaves_one_message() -> None:
    stream, _ = left(rejected())
    events = len(stream.events)
    again = deal.SeeWritten("m1", 2, Reason(code=GONE.code), ACCOUNT, NotifyPerson(user_id="7", text="x", tag="t"))
    stream.ran(again)
    assert len(stream.events) == events


async def test_the_head_is_told_whom_it_was_meant_for() -> None:
    _, call = left(rejected())
    people = People(Ok(ports.StandIn("Пётр [Лапин]", "9")))
    assert await handler(people).send([call]) == (Ok({"object_id": "55"}),)
    (said,) = people.said
    assert isinstance(said, ports.NotifyUser)
    assert (said.user_id, said.tag, said.client_id) == ("9", "sverka|document_refused|r1", TENANT)
    assert said.text.startswith("Сделка № 15. Счёт не выставлен.")
    assert said.text.endswith("Предназначалось ответственному, которого портал не извещает: Пётр [\u200bЛапин].")


@pytest.mark.parametrize(
    "people",
    [People(Ok(ports.StandIn("", ""))), People(Ok(ports.StandIn("", "9")), Rejected(GONE))],
    ids=["no head", "a head who is gone"],
)
async def test_without_a_head_the_chat_is_told(people: People) -> None:
    _, call = left(received())
    await handler(people).send([call])
    said = people.said[-1]
    assert isinstance(said, ports.ChatMessage)
    assert said.dialog_id == "chat42"
    assert said.text.startswith("Сделка № 15. ")
    assert said.text.endswith("которого портал не извещает: № 7.")


@pytest.mark.parametrize("lost", [Retryable(Problem("x")), Uncertain(Problem("x"))])
async def test_an_answer_that_is_lost_is_asked_for_again_and_nobody_else_told(lost: Outcome[Any]) -> None:
    _, call = left(rejected())
    for people in (People(lost), People(Ok(ports.StandIn("", "9")), lost)):
        assert await handler(people).send([call]) == (lost,)
        assert not any(isinstance(one, ports.ChatMessage) for one in people.said)


async def test_a_chat_that_heard_it_beside_the_responsible_hears_it_once() -> None:
    _, call = left(asked(kind="document_doubled"))
    alone, headed = People(Ok(ports.StandIn("", ""))), People(Ok(ports.StandIn("", "9")))
    await handler(alone).send([call])
    await handler(headed).send([call])
    assert (alone.said, [type(one) for one in headed.said]) == ([], [ports.NotifyUser])


async def test_a_tenant_without_a_chat_has_its_heads_told_all_the_same() -> None:
    _, call = left(rejected())
    settings = {**SETTINGS, "admin_chat": ""}
    alone, headed = People(Ok(ports.StandIn("", ""))), People(Ok(ports.StandIn("", "9")))
    await handler(alone, settings).send([call])
    await handler(headed, settings).send([call])
    assert (len(alone.said), len(headed.said)) == (0, 1)


def test_what_became_of_it_changes_nothing_more() -> None:
    stream, call = left(rejected())
    events = len(stream.events)
    for done in (Confirmed({}), RejectedFinally(GONE)):
        stream.ran(become(call, done))
    assert len(stream.events) == events
