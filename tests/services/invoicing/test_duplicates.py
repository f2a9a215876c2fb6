"""A creation whose answer was lost is watched for a second invoice; a person is asked about it, nobody removes it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.cards import TakeCard
from chassis.clock import Clock, ManualClock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.postgres import Database
from chassis.work.handlers import Confirmed, Done, EffectCall, Permit, PermitClass, RejectedFinally, Task
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.elba.client import ElbaSeed
from connectors.ports.accounting import ActCard, InvoiceCard, InvoiceLookup, InvoiceStatus, TokenRequest
from connectors.ports.refusing import CAPABILITY_MISSING
from connectors.registry import ELBA_SEED, KONTUR, MOEDELO, AccountingVendor
from contracts.messages import operations
from services.invoicing.app import SPEC
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain import plans
from services.invoicing.domain.state import State
from services.invoicing.domain.values import Issued, Reason
from services.invoicing.workers import CreateInvoice, WatchDuplicates, handlers
from tests.connectors.elba.samples import buyer_draft
from tests.connectors.kit_sandbox import sandboxed
from tests.kit.database import Databases
from tests.sandbox.running import Sandbox
from tests.services.invoicing.parts import (
    Documents,
    Items,
    answer,
    deal,
    documents,
    issued,
    last,
    linked,
    open_cards,
    phases,
    request,
    take,
)
from tests.services.invoicing.test_workers import CARD
from tests.services.streams import NOW, TENANT

NO = Reason(code="vendor_fault")
P = Problem("vendor_fault")


def ordered() -> Documents:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    return stream


def lost() -> Documents:
    """An invoice that was made, after a doubt."""
    stream = ordered()
    stream.ran(replace(answer(last(stream)), doubted=True))
    return stream


def watches(stream: Documents) -> list[str]:
    return [key.partition("/")[2] for kind, key in stream.tasks if kind == plans.WATCH]


def copy(name: str) -> Issued:
    return Issued(
        remote_id=name,
        number="B24-15",
        date=NOW.date(),
        url=f"https://elba.example/{name}",
        total_kopecks=1,
        vat_kopecks=0,
    )


def seen(stream: Documents, *names: str) -> list[Any]:
    """What follows of a look that found these invoices; ``ours`` is the one that the deal knows of."""
    (document, *_) = stream.state.documents.values()
    ours = document.issued.remote_id if document.issued else ""
    found = tuple(copy(ours if name == "ours" else name) for name in names)
    return stream.ran(c.SeeCopies(document.document_id, 1, "B24-15", NOW.date(), found))


class TestTheWatch:
    def test_doubt_that_was_proven_is_watched_three_times(self) -> None:
        stream = lost()
        assert stream.happened(e.AnswerLost)
        (task,) = (plan for (kind, _), plan in stream.tasks.items() if kind == plans.WATCH)
        assert task.due_at == stream.now + timedelta(minutes=10)
        assert task.payload["marker"] == last(stream).marker

    def test_answer_that_came_at_once_is_not(self) -> None:
        assert watches(issued()) == []

    def test_refusal_after_a_doubt_and_a_doubt_before_a_person_are_watched(self) -> None:
        stream = ordered()
        stream.ran(c.Reject(last(stream).request["document_id"], 1, NO, doubted=True))
        assert watches(stream) == ["1"]
        stream = ordered()
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, stream.now))
        assert watches(stream) == ["1"]
        take(stream, "document_uncertain", "resend")
        assert watches(stream) == ["1", "2"], "what a person sends again is watched from then on"

    def test_act_is_watched_among_those_of_its_invoice(self) -> None:
        stream = issued()
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        sent = last(stream, "create-act")
        stream.ran(replace(answer(sent), doubted=True))
        assert watches(stream) == ["1"]
        (task,) = (plan for (kind, _), plan in stream.tasks.items() if kind == plans.WATCH)
        assert (task.payload["kind"], task.payload["invoice_remote_id"]) == (
            "act",
            f"remote-{last(stream).request['document_id']}",
        )
        stream.ran(c.SeeCopies(sent.request["document_id"], 1, "", NOW.date(), (copy("late"),)))
        assert open_cards(stream) == ["document_doubled"]
        assert stream.said(operations.DecisionNeeded)[-1].values["number"] == "17"

    @pytest.mark.parametrize("settled", [Confirmed({**copy("e1").model_dump(mode="json")}), RejectedFinally(P)])
    def test_deal_is_told_that_there_was_a_doubt(self, settled: Confirmed | RejectedFinally) -> None:
        accounting: Any = None
        create = CreateInvoice(accounting, lambda account: ELBA_SEED, Items())
        sent = {"document_id": "d1", "attempt": 1}
        permit = Permit("elba:main", "", "", 1, NOW)
        call = EffectCall(TENANT, "e", create.kind, "deal-15", "elba:main", sent, "m", 1, permit)
        assert not create.told(call, settled).doubted  # type: ignore[union-attr]
        assert create.told(replace(call, doubted=True), settled).doubted  # type: ignore[union-attr]


class TestTheCard:
    def test_second_invoice_is_asked_about_and_the_deal_stands_still(self) -> None:
        stream = lost()
        assert seen(stream, "ours") == []
        seen(stream, "ours", "late")
        (asked,) = stream.said(operations.DecisionNeeded)
        assert (asked.kind, asked.choices) == ("document_doubled", ("cleared", "keep_both"))
        assert (asked.values["count"], asked.values["urls"]) == (2, "https://elba.example/late")
        assert seen(stream, "ours", "late") == [], "it is asked once"
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        assert stream.effects_of("create-act") == []
        take(stream, "document_doubled", "cleared")
        assert len(stream.effects_of("create-act")) == 1, "the deal goes on"
        assert stream.effects_of("cancel-invoice") == [], "and nothing is removed by us"

    def test_what_was_said_to_be_cleared_is_looked_at(self) -> None:
        stream = lost()
        seen(stream, "ours", "late")
        stream.tasks.clear()
        take(stream, "document_doubled", "cleared")
        (task,) = stream.tasks.values()
        assert (task.kind, task.due_at) == (plans.WATCH, None)
        assert "since" not in task.payload, "looks that are still to come stay as they are"
        seen(stream, "ours", "late")
        assert open_cards(stream) == ["document_doubled"]

    def test_both_may_be_kept_and_are_not_asked_about_again(self) -> None:
        stream = lost()
        seen(stream, "ours", "late")
        take(stream, "document_doubled", "keep_both")
        assert seen(stream, "ours", "late") == []
        assert open_cards(stream) == []

    def test_one_that_came_of_a_refused_or_given_up_creation_is_asked_about_too(self) -> None:
        stream = ordered()
        stream.ran(c.Reject(last(stream).request["document_id"], 1, NO, doubted=True))
        seen(stream, "late")
        assert open_cards(stream) == ["document_doubled"]
        stream.ran(c.SeeDeal(deal("b")))
        assert phases(stream) == {("invoice", 1): "blocked"}, "nothing is sent beside it"

    def test_nobody_is_asked_while_it_is_not_clear_which_is_ours(self) -> None:
        stream = ordered()
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, stream.now))
        assert seen(stream, "one", "other") == []


class Listing:
    """An account that lists what it is given."""

    def __init__(self, answer: Outcome[InvoiceLookup]) -> None:
        self.answer = answer

    async def find_invoice(self, permit: Permit, **query: Any) -> Outcome[InvoiceLookup]:
        assert query == {"number": "B24-15", "issued_on": NOW.date(), "marker": "[m]", "counterparty_id": "b1"}
        return self.answer


class Acts:
    """An account that lists acts."""

    async def find_act(self, permit: Permit, **query: Any) -> Outcome[tuple[ActCard, ...]]:
        assert query == {"marker": "[m]", "invoice_id": "e1", "since": datetime(2026, 3, 11, tzinfo=UTC)}
        return Ok((ActCard("a1", "9", date(2026, 3, 12), "cp", "e1", "", 100, ""),))


@pytest.mark.parametrize(("vendor", "found"), [(KONTUR, ["a1"]), (MOEDELO, ["a1"]), (ELBA_SEED, [])])
async def test_acts_are_looked_for_where_the_vendor_lists_them(vendor: AccountingVendor, found: list[str]) -> None:
    acts: Any = Acts()
    given = {"document_id": "d1", "attempt": 1, "number": "", "date": "2026-03-12", "marker": "[m]"}
    given |= {"kind": "act", "invoice_remote_id": "e1", "since": NOW.isoformat()}
    permit = Permit("kontur:main", "", "", 1, NOW)
    task = Task(TENANT, "w", plans.WATCH, "d1/1", given, "deal-15", "kontur:main", 1, permit, NOW)
    done = await WatchDuplicates(lambda account: vendor, acts, ManualClock(NOW)).run(task)
    assert isinstance(done, Done)
    assert [one.remote_id for told in done.commands for one in told.body.copies] == found
    assert bool(done.again_at) is bool(found)


def look(*cards: InvoiceCard, after: timedelta = timedelta(), answer: Outcome[InvoiceLookup] | None = None) -> Any:
    accounting: Any = Listing(answer or Ok(InvoiceLookup(cards, ())))
    payload = {"document_id": "d1", "attempt": 1, "number": "B24-15", "date": NOW.date().isoformat(), "marker": "[m]"}
    given = {**payload, "counterparty_id": "b1", "since": NOW.isoformat()}
    permit = Permit("elba:main", "", "", 1, NOW)
    task = Task(TENANT, "w", plans.WATCH, "d1/1", given, "deal-15", "elba:main", 1, permit, NOW)
    return WatchDuplicates(lambda account: ELBA_SEED, accounting, ManualClock(NOW + after)).run(task)


class TestTheLook:
    @pytest.mark.parametrize(
        ("after", "next_after"),
        [
            (timedelta(minutes=10), timedelta(hours=1)),
            (timedelta(minutes=61), timedelta(hours=24)),
            (timedelta(hours=25), None),
        ],
    )
    async def test_ten_minutes_an_hour_and_a_day_later(self, after: timedelta, next_after: timedelta | None) -> None:
        done = await look(after=after)
        assert done == Done((), again_at=None if next_after is None else NOW + next_after)

    async def test_cancelled_ones_do_not_count(self) -> None:
        done = await look(CARD, replace(CARD, invoice_id="e2", status=InvoiceStatus.CANCELLED))
        (command,) = done.commands
        assert [one.remote_id for one in command.body.copies] == ["e1"]

    async def test_where_nothing_can_be_looked_up_nobody_looks_again(self) -> None:
        done = await look(answer=Rejected(Problem(CAPABILITY_MISSING, {"vendor": "v", "capability": "find_invoice"})))
        assert done == Done(found_something=False)

    async def test_account_that_does_not_answer_is_asked_again(self) -> None:
        assert await look(answer=Retryable(P)) == Retryable(P)


class Hand:
    """Gives every permit, with the account's token."""

    def __init__(self, permit: Permit) -> None:
        self.permit = permit

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit:
        return replace(self.permit, account=account, count=count)

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        raise AssertionError(problem)


class Blobs:
    """A store that names what it is given."""

    async def put(self, tenant: str, content: bytes) -> str:
        return "blob-1"


class Office:
    """Invoicing's work on an account of the sandbox, with both clocks in one hand."""

    def __init__(self, sandbox: Sandbox, account: dict[str, Any], database: Database, elba: ElbaSeed) -> None:
        self.sandbox, self.account, self.database, self.elba = sandbox, account, database, elba
        self.clock = ManualClock(sandbox.world.clock.now())
        self.engine = Engine("invoicing", SPEC.stream_kinds())

    async def sign_in(self) -> Permit:
        account = self.account
        asked = TokenRequest(account["token_url"], account["client_id"], account["client_secret"])
        token = await self.elba.obtain_token(asked)
        assert isinstance(token, Ok)
        return Permit("", account["api_url"], token.value.access_token, 1, self.clock.now() + timedelta(days=9))

    def runner(self, permit: Permit) -> WorkRunner:
        blobs: Any = Blobs()
        papers: Any = None  # this vendor gives its own
        effects, tasks = handlers(lambda account: ELBA_SEED, self.elba, blobs, papers, Items(), self.clock)
        return WorkRunner(
            self.database,
            self.engine,
            self.clock,
            Hand(permit),
            effects=effects,
            tasks=tasks,
            probe_account=nobody_asks,
            settings=WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600),
        )

    async def run(self, *bodies: c.Command) -> None:
        commands = [Command(TENANT, "deal-15", body, f"test:{time.monotonic_ns()}") for body in bodies]
        async with self.database.transaction([TENANT]) as connection:
            await self.engine.execute(connection, commands, self.clock.now())

    async def state(self) -> State:
        async with self.database.transaction([TENANT]) as connection:
            found: State = (await self.engine.state(connection, TENANT, "deal-15"))[1]
        return found

    async def work(self, kind: str) -> Any:
        """The newest piece of work of a kind."""
        async with self.database.delivery_connection() as connection:
            return await connection.fetchrow("SELECT * FROM work WHERE kind = $1 ORDER BY seq DESC LIMIT 1", kind)

    async def standing(self) -> list[dict[str, Any]]:
        """The account's invoices that nobody cancelled."""
        state = await self.sandbox.state("elba", self.account["account"])
        return [one for one in state["invoices"].values() if not one["cancelled"]]

    async def pass_time(self, until: datetime) -> None:
        """The clocks of the sandbox and of the service go on together."""
        left = (until - self.sandbox.world.clock.now()).total_seconds()
        if left > 0:
            await self.sandbox.advance(left)
        self.clock.set(max(self.clock.now(), until))

    async def worked(self, kind: str, state: str) -> Any:
        """Goes from one due moment of a piece of work to the next, until it has come to a state."""

        async def there() -> Any:
            row = await self.work(kind)
            if row is None or row["queue"] in ("taken", "ready"):
                return None
            if row["state"] == state:
                return row
            await self.pass_time(row["due_at"])
            return None

        return await eventually(there)

    async def looked(self, again: bool = True) -> None:
        """The next look for duplicates is made."""
        before = await self.work(plans.WATCH)
        if before["queue"] == "waiting":
            await self.pass_time(before["due_at"])

        async def made() -> bool:
            row = await self.work(plans.WATCH)
            return bool(row["sends"] > before["sends"] and row["queue"] == ("waiting" if again else "closed"))

        await eventually(made)


async def nobody_asks(tenant: TenantId, account: str, permit: Permit) -> Outcome[None]:
    raise AssertionError("no breaker opens here")


async def eventually(probe: Callable[[], Awaitable[Any]], seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await probe()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.01)
    return found


@pytest.fixture
async def office(tmp_path: Path, databases: Databases) -> AsyncIterator[Office]:
    assert SPEC.migrations is not None
    own = await databases("invoicing", SPEC.migrations)
    database = await own.open()
    async with sandboxed(tmp_path) as (sandbox, http):
        dials = {"pdf_render_seconds": 0, "token_seconds": 10 * 86_400, "idempotency_honoured": False}
        account = await sandbox.control("/elba/accounts", {"title": "ООО", "inn": "500123456750", "dials": dials})
        yield Office(sandbox, account, database, ElbaSeed(http, Clock()))
    await database.close()


@pytest.mark.parts
async def test_call_that_the_vendor_carries_out_half_an_hour_late(office: Office) -> None:
    permit = await office.sign_in()
    buyer = await office.elba.create_counterparty(permit, buyer_draft(), key="buyer")
    assert isinstance(buyer, Ok)
    remote_id = buyer.value.counterparty_id
    rule = {"vendor": "elba", "operation": "invoice.create", "kind": "late_commit", "calls": [1]}
    await office.sandbox.control("/faults", {**rule, "params": {"commit_seconds": 1_800}})
    runner = office.runner(permit)
    await runner.start()
    try:
        await office.run(request(), linked(remote_id=remote_id))
        sent = await office.worked(plans.CREATE_INVOICE, "CONFIRMED")
        assert sent["sends"] == 2, "its absence was proven, and it was sent again"
        assert len(await office.standing()) == 1
        await office.looked()
        assert not (await office.state()).frozen(), "after ten minutes there was one"

        await office.looked()
        assert (await office.state()).frozen(), "after an hour there are two"
        assert len(await office.standing()) == 2, "and nothing was removed"
        await office.run(request("act", "act"), linked("act", remote_id=remote_id))
        assert await office.work(plans.CREATE_ACT) is None, "nothing more is made for the deal"

        (document, *_) = (await office.state()).documents.values()
        assert document.issued is not None
        (late,) = [one for one in await office.standing() if one["id"] != document.issued.remote_id]
        await office.sandbox.control(f"/elba/{office.account['account']}/invoices/{late['id']}/cancel", {})
        (card,) = (await office.state()).cards.by_id
        watched = await office.work(plans.WATCH)
        await office.run(TakeCard(card, "cleared", "Анна"))
        await office.worked(plans.CREATE_ACT, "CONFIRMED")

        async def looked_at_once() -> bool:
            row = await office.work(plans.WATCH)
            return bool(row["sends"] > watched["sends"] and row["queue"] == "waiting")

        await eventually(looked_at_once)
        assert not (await office.state()).frozen(), "it is as the person said"
        await office.looked(again=False)
        assert not (await office.state()).frozen()
    finally:
        await runner.abort()
