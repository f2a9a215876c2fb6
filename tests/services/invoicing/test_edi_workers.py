"""An act through the simulated Diadoc over HTTP: each task and effect is carried out, and its stream is told."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.aggregate import EffectPlan, TaskPlan
from chassis.blobs import BlobMissing, BlobRef
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from chassis.work.handlers import Confirmed, Done, EffectCall, Found, NotFound, Task
from services.invoicing.domain import edi, edi_plans
from services.invoicing.domain import edi_commands as ec
from services.invoicing.domain.values import Reason
from services.invoicing.workers import edi_handlers
from tests.connectors.diadoc.desk import Desk
from tests.connectors.kit_sandbox import sandboxed
from tests.services.invoicing.edi_parts import Exchanges, answered, begun, key, only, questions
from tests.services.streams import TENANT

PARTNER = {"inn": "7736207543", "kpp": "773601001", "name": "ООО «Ромашка»"}


class Blobs:
    """Bytes by the name they were given."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, tenant: TenantId, data: bytes) -> str:
        name = f"{tenant}/{len(self.kept):064x}"
        self.kept[name] = data
        return name

    async def get(self, reference: BlobRef) -> bytes:
        if str(reference) not in self.kept:
            raise BlobMissing(str(reference))
        return self.kept[str(reference)]


@dataclass
class Office:
    """One deal's exchanges with the workers of its box; ``cursor`` is the feed's payload between polls."""

    desk: Desk
    stream: Exchanges
    blobs: Blobs = field(default_factory=Blobs)
    poll: dict[str, Any] = field(default_factory=lambda: {"poll_seconds": 60.0})

    def __post_init__(self) -> None:
        effects, tasks = edi_handlers(self.desk.diadoc, self.blobs, self, self.desk.clock)  # type: ignore[arg-type]
        every: list[Any] = [*effects, *tasks]
        self.handlers: dict[str, Any] = {one.kind: one for one in every}

    async def edi_streams(self, tenant: TenantId, account: str, message_ids: Collection[str]) -> dict[str, str]:
        ours = {one.message_id for one in self.stream.state.exchanges.values()}
        return {one: self.stream.name for one in message_ids if one in ours}

    async def task(self, kind: str) -> Any:
        """Runs a task that is planned, and tells the stream what it says."""
        plan = self.stream.tasks[kind, key(self.stream)]
        return await self.run(plan)

    async def hear(self) -> Any:
        """One poll of the feed."""
        done = await self.run(TaskPlan(edi_plans.POLL, "box", self.poll, account="diadoc:vektor:main"))
        self.poll = dict(done.payload)
        return done

    async def run(self, plan: TaskPlan) -> Any:
        now = self.desk.clock.now()
        task = Task(
            TENANT, "w1", plan.kind, plan.key, plan.payload, self.stream.name, plan.account, 1, self.desk.permit, now
        )
        done = await self.handlers[plan.kind].run(task)
        if isinstance(done, Done):
            for command in done.commands:
                self.stream.ran(command.body)
        return done

    def call(self, plan: EffectPlan, send: int = 1) -> EffectCall:
        return EffectCall(
            TENANT, f"effect-{'/'.join(plan.key)}", plan.kind, self.stream.name, plan.account, plan.request,
            plan.marker, send, self.desk.permit, planned_at=self.desk.clock.now(),
        )  # fmt: skip

    async def send(self, kind: str) -> Any:
        """Sends the newest effect of a kind; a success is told."""
        plan = self.stream.effects_of(kind)[-1]
        handler, call = self.handlers[kind], self.call(plan)
        (outcome,) = await handler.send([call])
        if isinstance(outcome, Ok):
            self.stream.ran(handler.told(call, Confirmed(outcome.value)))
        return outcome

    async def probe(self, kind: str) -> Any:
        """Looks for the newest effect of a kind; what was found is told."""
        plan = self.stream.effects_of(kind)[-1]
        handler, call = self.handlers[kind], self.call(plan)
        found = await handler.probe(call)
        if isinstance(found, Found):
            self.stream.ran(handler.told(call, Confirmed(found.result)))
        return found

    async def prepared(self) -> None:
        await self.task(edi_plans.PREPARE)
        assert only(self.stream).phase == "posting", questions(self.stream)

    async def posted(self) -> None:
        await self.prepared()
        assert isinstance(await self.send(edi_plans.POST), Ok)


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with sandboxed(tmp_path) as (sandbox, http):
        seller = {"title": "ООО «Вектор»", "inn": "7709123453", "kpp": "770901001"}
        desk = Desk(sandbox, http, await sandbox.control("/diadoc/accounts", seller))
        await desk.enter()
        stream = begun()
        stream.now = desk.clock.now()
        yield Office(desk, stream)


async def test_an_act_goes_its_whole_way_and_its_signed_files_are_kept(office: Office) -> None:
    await office.desk.act("/partners", PARTNER)
    first = await office.hear()
    assert first.found_something is False
    await office.posted()
    exchange = only(office.stream)
    assert (exchange.phase, exchange.status) == ("following", edi.AWAITING_OWN)
    for by, expected in (("us", "awaiting_counterparty"), ("partner", "signed")):
        await office.desk.act("/documents/88/sign", {"by": by})
        assert (await office.hear()).found_something
        looked = await office.task(edi_plans.LOOK)
        assert only(office.stream).status == expected
        assert (looked.again_at is None) == (expected == "signed")
    assert isinstance(await office.task(edi_plans.FILES), Deferred)
    assert isinstance(await office.task(edi_plans.FILES), Done)
    assert office.blobs.kept[only(office.stream).archive].startswith(b"PK")
    assert (await office.hear()).found_something is False


async def test_the_feed_is_asked_more_often_for_a_while_after_news_of_ours(office: Office) -> None:
    async def wait() -> float:
        done = await office.hear()
        return float((done.again_at - office.desk.clock.now()).total_seconds())

    await office.desk.act("/partners", PARTNER)
    assert [await wait(), await wait()] == [60.0, 60.0]
    await office.posted()
    assert [await wait(), await wait()] == [10.0, 10.0], "the second poll found nothing and is still soon after"
    office.desk.clock.advance(601)
    assert await wait() == 60.0


@pytest.mark.parametrize(
    ("about", "question"),
    [
        (None, "edi_no_box"),
        ({"active": False}, "edi_no_box"),
        ({"roaming": True}, "edi_other_operator"),
        ({"sociability": "CounteragentsOnly"}, "edi_not_acquainted"),
        ({"sociability": "CounteragentsOnly", "relation": "RejectsMe"}, "edi_partner_refuses"),
    ],
)
async def test_what_stands_in_the_way_is_asked_about_and_nothing_is_posted(
    office: Office, about: dict[str, Any] | None, question: str
) -> None:
    if about is not None:
        await office.desk.act("/partners", {**PARTNER, **about})
    await office.task(edi_plans.PREPARE)
    assert questions(office.stream) == [question]
    assert await office.desk.documents() == 0
    await office.desk.act("/partners", {**PARTNER, **(about or {}), "active": True, "relation": "IsMyCounteragent"})
    answered(office.stream, question, "look_again")
    await office.posted()
    assert await office.desk.documents() == 1


async def test_a_partner_is_invited_when_a_person_says_so_and_waited_for(office: Office) -> None:
    await office.desk.act("/partners", {**PARTNER, "sociability": "CounteragentsOnly"})
    await office.task(edi_plans.PREPARE)
    answered(office.stream, "edi_not_acquainted", "invite")
    assert isinstance(await office.send(edi_plans.INVITE), Ok)
    waits = await office.task(edi_plans.PARTNER)
    assert (waits.again_at is not None, only(office.stream).phase) == (True, "invited")
    await office.desk.act("/partners/7736207543/relation", {"relation": "IsMyCounteragent"})
    await office.task(edi_plans.PARTNER)
    await office.posted()


async def test_an_invited_partner_that_never_answers_is_asked_about(office: Office) -> None:
    await office.desk.act("/partners", {**PARTNER, "sociability": "CounteragentsOnly", "relation": "IsInvitedByMe"})
    await office.task(edi_plans.PREPARE)
    assert only(office.stream).phase == "invited"
    plan = office.stream.tasks[edi_plans.PARTNER, key(office.stream)]
    long_ago = (office.desk.clock.now() - edi_plans.PARTNER_WAIT).isoformat()
    office.stream.tasks[edi_plans.PARTNER, key(office.stream)] = replace(
        plan, payload={**plan.payload, "since": long_ago}
    )
    await office.task(edi_plans.PARTNER)
    assert questions(office.stream) == ["edi_not_acquainted"]


@pytest.mark.parametrize("kind", ["timeout_after", "error_after", "late_commit", "reset"])
async def test_a_lost_post_is_found_by_its_look_up_and_never_made_twice(office: Office, kind: str) -> None:
    await office.desk.act("/partners", PARTNER)
    await office.prepared()
    await office.desk.fault("post", kind, hang_seconds=2)
    assert isinstance(await office.send(edi_plans.POST), Uncertain)
    if kind == "late_commit":
        assert isinstance(await office.probe(edi_plans.POST), NotFound)
        await office.desk.sandbox.advance(31)
    assert isinstance(await office.probe(edi_plans.POST), Found)
    assert (only(office.stream).phase, await office.desk.documents()) == ("following", 1)
    assert isinstance(await office.send(edi_plans.POST), Ok)
    assert await office.desk.documents() == 1


async def test_a_title_whose_bytes_are_lost_is_refused_and_no_doubt(office: Office) -> None:
    """It was looked up for a quarter of an hour, and then a person was asked what nobody had sent."""
    await office.desk.act("/partners", PARTNER)
    await office.prepared()
    office.blobs.kept.clear()
    outcome = await office.send(edi_plans.POST)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "document_bytes_lost"
    assert await office.desk.documents() == 0


async def test_sent_again_by_a_person_it_is_the_document_that_is_there(office: Office) -> None:
    await office.desk.act("/partners", PARTNER)
    await office.prepared()
    await office.desk.fault("post", "error_after")
    assert isinstance(await office.send(edi_plans.POST), Uncertain)
    document_id = key(office.stream)
    office.stream.ran(ec.RefusePost(document_id, 1, Reason(code="vendor_fault"), doubtful=True))
    answered(office.stream, "edi_uncertain", "resend")
    assert isinstance(await office.send(edi_plans.POST), Ok)
    assert (only(office.stream).attempt, await office.desk.documents()) == (2, 1)


async def test_a_refusal_comes_with_its_words_and_a_deleted_document_is_told(office: Office) -> None:
    await office.desk.act("/partners", PARTNER)
    await office.posted()
    await office.desk.act("/documents/88/sign", {"by": "us"})
    await office.desk.act("/documents/88/refuse", {"text": "Неверная сумма"})
    await office.task(edi_plans.LOOK)
    assert (only(office.stream).status, only(office.stream).reason) == ("rejected", "Неверная сумма")
    await office.desk.act("/documents/88/delete")
    await office.task(edi_plans.LOOK)
    assert only(office.stream).status == "deleted"


async def test_the_cursor_stays_where_it_was_while_the_feed_fails(office: Office) -> None:
    await office.desk.act("/partners", PARTNER)
    await office.hear()
    await office.posted()
    await office.desk.fault("events", "error_before")
    plan = TaskPlan(edi_plans.POLL, "box", office.poll, account="diadoc:vektor:main")
    assert isinstance(await office.run(plan), Retryable)
    assert (await office.hear()).found_something


async def test_news_of_what_people_sent_themselves_are_nothing(office: Office) -> None:
    office.poll["cursor"] = ""
    await office.desk.meet()
    await office.desk.posted("their own", "k9", "9")
    heard = await office.hear()
    assert (heard.commands, heard.found_something) == ((), False)
    assert office.poll["cursor"] != ""
