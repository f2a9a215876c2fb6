"""The log of work: an operator reads what had no success, and nothing of what went well."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chassis import log
from chassis.domain import Problem
from chassis.outcomes import Ok, Retryable, Uncertain
from chassis.work.handlers import EffectPolicy, Probe
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.probes import waiting
from tests.chassis.work.toy import ACCOUNT, Vendor, begin

Said = Callable[[], list[dict[str, Any]]]
AWAY = Retryable(Problem("no_connection"))


@pytest.fixture
def said() -> Iterator[Said]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    out = io.StringIO()
    log.setup("toy", stream=out)

    def lines() -> list[dict[str, Any]]:
        every = [json.loads(line) for line in out.getvalue().splitlines()]
        return [line for line in every if line["logger"] == "chassis.work.journal"]

    yield lines
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)


async def test_what_goes_well_is_not_said(world: World, said: Said) -> None:
    await world.execute(begin("aa", "1"))
    await world.start(Vendor())
    await world.settled("aa", "1", "CONFIRMED")
    assert said() == []


async def test_a_lost_answer_is_a_line_with_its_trace_and_what_comes_next(world: World, said: Said) -> None:
    vendor = Vendor()

    def lost(call: Any) -> Any:
        vendor.create(call)
        vendor.answer = vendor.create
        return Uncertain(Problem("connection_lost"))

    vendor.answer = lost
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    line = await eventually(lambda: _among(said, "a call had no success"))
    row = await waiting(world)
    assert (line["tenant"], line["account"], line["work_id"]) == ("aa", ACCOUNT, str(row["work_id"]))
    assert (line["operation"], line["status"], line["reason"]) == ("send", "uncertain", "connection_lost")
    assert (line["attempt"], line["state"], line["due_at"]) == (1, "UNCERTAIN", row["due_at"].isoformat())
    assert len(line["trace_id"]) == 32


async def test_an_outage_begins_and_ends_with_a_line_of_its_account(world: World, said: Said) -> None:
    vendor = Vendor()
    vendor.answer = lambda call: AWAY
    world.check.outcome = AWAY
    await world.execute(*(begin("aa", str(n)) for n in range(6)))
    await world.start(vendor)
    await eventually(lambda: _among(said, "an account does not answer; its work waits"))
    vendor.answer, world.check.outcome = vendor.create, Ok(None)
    world.clock.advance(75)
    line = await eventually(lambda: _among(said, "an account answers again"))
    assert (line["level"], line["account"]) == ("info", ACCOUNT)
    assert [line["level"] for line in said() if line["event"].startswith("an account does not")] == ["warning"]


async def test_a_call_that_is_given_up_is_said_where_nobody_is_asked(world: World, said: Said) -> None:
    vendor = Vendor(EffectPolicy(Probe.REPEAT, sends_max=1, human_when_exhausted=False))
    vendor.answer = lambda call: Uncertain(Problem("connection_lost"))
    await world.execute(begin("aa", "1"))
    await world.start(vendor)
    line = await eventually(lambda: _among(said, "a call was given up, and nobody is asked"))
    assert (line["level"], line["reason"], line["attempt"]) == ("warning", "connection_lost", 1)


async def _among(said: Said, event: str) -> dict[str, Any] | None:
    return next((line for line in said() if line["event"] == event), None)
