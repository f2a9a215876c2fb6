"""A document that is there although nobody could see it: made long after its call was given up, or asked for again by
a person who looked elsewhere; over a real database."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.cards import TakeCard
from chassis.clock import Clock, ManualClock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Ok, Outcome
from chassis.postgres import Database
from chassis.work.handlers import Permit, PermitClass
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.elba.client import ElbaSeed
from connectors.ports.accounting import TokenRequest
from connectors.registry import ELBA_SEED
from services.invoicing.app import SPEC
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.domain.state import State
from services.invoicing.workers import handlers
from tests.connectors.elba.samples import buyer_draft
from tests.connectors.kit_sandbox import sandboxed
from tests.kit.database import Databases
from tests.sandbox.running import Sandbox
from tests.services.invoicing.parts import (
    Items,
    Known,
    linked,
    request,
)
from tests.services.streams import TENANT


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
        hand = Hand(permit)
        effects, tasks = handlers(
            lambda account: ELBA_SEED, self.elba, blobs, papers, Items(), Known(), hand, self.clock
        )
        return WorkRunner(
            self.database,
            self.engine,
            self.clock,
            hand,
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


@asynccontextmanager
async def asked_about(office: Office) -> AsyncIterator[str]:
    """The card of an invoice that was made, whose answer was lost, and that no search finds; work goes on meanwhile."""
    permit = await office.sign_in()
    buyer = await office.elba.create_counterparty(permit, buyer_draft(), key="buyer")
    assert isinstance(buyer, Ok)
    made = {"vendor": "elba", "operation": "invoice.create", "kind": "error_after", "calls": [1]}
    away = {"vendor": "elba", "operation": "invoice.find", "kind": "error_before", "rate": 1.0}
    await office.sandbox.control("/faults", [made, away])
    runner = office.runner(permit)
    await runner.start()
    try:
        await office.run(request(), linked(remote_id=buyer.value.counterparty_id))
        await office.worked(plans.CREATE_INVOICE, "HUMAN")
        (card,) = (await office.state()).cards.by_id
        yield card
    finally:
        await runner.abort()


@pytest.mark.parts
async def test_document_that_is_there_is_not_made_again_when_a_person_says_it_is_not(office: Office) -> None:
    async with asked_about(office) as card:
        await office.run(TakeCard(card, "resend", "Анна"))

        async def looked() -> bool:
            row = await office.work(plans.CREATE_INVOICE)
            return bool(row["state"] == "PLANNED" and row["queue"] == "waiting" and row["attempts"])

        await eventually(looked)
        assert len(await office.standing()) == 1, "while nobody can look it is not sent"
        await office.sandbox.control("/faults", {}, "DELETE")
        await office.worked(plans.CREATE_INVOICE, "CONFIRMED")
        assert len(await office.standing()) == 1


@pytest.mark.parts
async def test_document_that_a_person_voided_is_made_anew_when_they_ask_for_it(office: Office) -> None:
    address = f"/elba/{office.account['account']}"
    await office.sandbox.control(f"{address}/dials", {"idempotency_honoured": True})
    async with asked_about(office) as card:
        (first,) = await office.standing()
        await office.sandbox.control(f"{address}/invoices/{first['id']}/cancel", {})
        await office.sandbox.control("/faults", {}, "DELETE")
        await office.run(TakeCard(card, "resend", "Анна"))
        await office.worked(plans.CREATE_INVOICE, "CONFIRMED")
        (second,) = await office.standing()
        (document,) = (await office.state()).documents.values()
        assert document.issued is not None
        assert document.issued.remote_id == second["id"] != first["id"]


@pytest.mark.parts
async def test_invoice_that_readers_do_not_see_yet_does_not_stand_beside_its_replacement(office: Office) -> None:
    permit = await office.sign_in()
    buyer = await office.elba.create_counterparty(permit, buyer_draft(), key="buyer")
    assert isinstance(buyer, Ok)
    rule = {"vendor": "elba", "operation": "invoice.create", "kind": "read_lag", "calls": [1]}
    await office.sandbox.control("/faults", {**rule, "params": {"lag_seconds": 45}})
    runner = office.runner(permit)
    await runner.start()
    try:
        await office.run(request(), linked(remote_id=buyer.value.counterparty_id))
        await office.worked(plans.CREATE_INVOICE, "CONFIRMED")
        await office.run(c.CancelInvoice("Анна", replace=True))
        await office.worked(plans.CANCEL_INVOICE, "CONFIRMED")
        await office.worked(plans.CREATE_INVOICE, "CONFIRMED")
        await office.pass_time(office.clock.now() + timedelta(minutes=1))
        assert [one["number"] for one in await office.standing()] == ["B24-15-2"]
    finally:
        await runner.abort()


@pytest.mark.parts
async def test_invoice_that_a_person_deleted_is_void_after_the_quiet_time(office: Office) -> None:
    permit = await office.sign_in()
    buyer = await office.elba.create_counterparty(permit, buyer_draft(), key="buyer")
    assert isinstance(buyer, Ok)
    runner = office.runner(permit)
    await runner.start()
    try:
        await office.run(request(), linked(remote_id=buyer.value.counterparty_id))
        await office.worked(plans.CREATE_INVOICE, "CONFIRMED")
        (there,) = await office.standing()
        await office.sandbox.control(f"/elba/{office.account['account']}/invoices/{there['id']}", {}, "DELETE")
        ordered = office.clock.now()
        await office.run(c.CancelInvoice("Анна"))
        await office.worked(plans.CANCEL_INVOICE, "CONFIRMED")
        assert timedelta(minutes=3) <= office.clock.now() - ordered < timedelta(minutes=5)
        state = await office.state()
        assert [one.phase for one in state.documents.values()] == ["cancelled"]
        asked = {card.opened.kind for card in state.cards.by_id.values()} - {"pdf_refused"}  # fetched too late or not
        assert not asked, "nobody is asked"
    finally:
        await runner.abort()
