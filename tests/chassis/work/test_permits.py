"""Permits: over HTTP from ingest and back, and shared in small blocks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from chassis.clock import Clock, ManualClock
from chassis.domain import Problem
from chassis.outcomes import Deferred, Retryable
from chassis.work.handlers import Permit, PermitClass
from chassis.work.permits import PermitBlocks, PermitClient, answer_from_json, answer_to_json
from chassis.work.runner import vendor_before_colon
from tests.chassis.work.toy import ACCOUNT, START, OpenHand

PERMIT = Permit(ACCOUNT, "https://api", "secret", 7, START, {"vendor": "toy"})


@pytest.mark.parametrize(
    "answer",
    [
        PERMIT,
        Deferred(Problem("empty", {"n": 1}), START),
        Deferred(Problem("empty")),
        Retryable(Problem("token_endpoint_away"), outage=True),
    ],
)
def test_answers_come_back_as_they_were(answer: Any) -> None:
    assert answer_from_json(orjson.loads(orjson.dumps(answer_to_json(answer)))) == answer


def test_an_answer_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="permits"):
        answer_from_json({"permit": {"account": "a"}})


def test_a_token_is_in_no_text() -> None:
    assert "secret" not in repr(PERMIT)


class Ingest:
    """The two addresses of ingest, on a socket."""

    def __init__(self) -> None:
        self.body = orjson.dumps(answer_to_json(PERMIT))
        self.status = 200
        self.asked: list[tuple[str, str, Any]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.asked.append((head.split()[1], headers["authorization"], orjson.loads(body)))
        writer.write(
            f"HTTP/1.1 {self.status} X\r\nconnection: close\r\ncontent-length: {len(self.body)}\r\n\r\n".encode()
        )
        writer.write(self.body)
        writer.close()


@pytest.fixture
async def ingest() -> AsyncIterator[Ingest]:
    made = Ingest()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


async def test_the_client_asks_with_its_token(ingest: Ingest) -> None:
    async with PermitClient(ingest.url, "service-token") as client:
        assert await client.acquire(ACCOUNT, 7, PermitClass.BULK, least=2, unused=3) == PERMIT
        await client.report(ACCOUNT, Problem("query_limit"), START)
    assert ingest.asked == [
        (
            "/internal/permits",
            "bearer service-token",
            {"account": ACCOUNT, "count": 7, "class": "bulk", "least": 2, "unused": 3},
        ),
        (
            "/internal/permits/report",
            "bearer service-token",
            {"account": ACCOUNT, "problem": {"code": "query_limit", "values": {}}, "until": START.isoformat()},
        ),
    ]


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("sverka_permits_refused_total", {"reason": reason}) or 0.0


async def test_while_ingest_starts_or_misses_its_database_work_waits(ingest: Ingest) -> None:
    ingest.status, ingest.body, before = 503, b"{}", refused("away")
    async with PermitClient(ingest.url, "t") as client:
        answer = await client.acquire(ACCOUNT, 1, PermitClass.SWEEP)
    assert isinstance(answer, Retryable)
    assert (answer.problem.code, answer.outage) == ("permits_away", False)
    assert refused("away") == before + 1


@pytest.mark.expects_errors("ingest answers, but gives no permits")
@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b"{}"), (200, b"[]"), (401, b"{}"), (404, b"{}"), (500, b"{}")]
)
async def test_a_wrong_answer_is_no_outage_and_said_once(
    ingest: Ingest, status: int, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    good, before = ingest.body, (refused("away"), refused("wrong_answer"))
    async with PermitClient(ingest.url, "t") as client:
        for shown in (1, 2):
            ingest.status, ingest.body = status, body
            for _ in range(3):
                answer = await client.acquire(ACCOUNT, 1, PermitClass.SWEEP)
                assert isinstance(answer, Retryable)
                assert (answer.problem.code, answer.outage) == ("permits_away", False)
            assert len([record for record in caplog.records if record.levelname == "ERROR"]) == shown
            ingest.status, ingest.body = 200, good
            assert await client.acquire(ACCOUNT, 1, PermitClass.SWEEP) == PERMIT
    assert (refused("away"), refused("wrong_answer")) == (before[0], before[1] + 6)


async def test_without_ingest_work_waits() -> None:
    async with PermitClient("http://127.0.0.1:1", "t") as client:
        answer = await client.acquire(ACCOUNT, 1, PermitClass.SWEEP)
        await client.report(ACCOUNT, Problem("query_limit"), None)
    assert isinstance(answer, Retryable)
    assert (answer.problem.code, answer.outage) == ("permits_away", False)


def blocks_of(hand: OpenHand, clock: ManualClock) -> PermitBlocks:
    return PermitBlocks(hand, clock, block_max=10, vendor_of=vendor_before_colon)


async def test_a_lone_call_asks_for_no_more_than_it_needs() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    await blocks_of(hand, clock).take(ACCOUNT, 1, PermitClass.INTERACTIVE)
    assert [count for _, count, _ in hand.asked] == [1]


async def test_concurrent_calls_share_blocks_of_ten() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)
    given = await asyncio.gather(*(blocks.take(ACCOUNT, 1, PermitClass.INTERACTIVE) for _ in range(25)))
    assert all(isinstance(permit, Permit) and permit.count == 1 for permit in given)
    assert 25 <= sum(count for _, count, _ in hand.asked) < 25 + 10
    assert len(hand.asked) <= 4


async def test_calls_that_follow_one_another_quickly_get_larger_and_larger_blocks() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)
    for _ in range(30):
        assert isinstance(await blocks.take(ACCOUNT, 1, PermitClass.INTERACTIVE), Permit)
        clock.advance(0.05)
    assert [count for _, count, _ in hand.asked] == [1, 2, 4, 8, 10, 10]


async def test_calls_with_pauses_between_them_leave_no_permit_unused() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)
    for _ in range(10):
        await blocks.take(ACCOUNT, 1, PermitClass.INTERACTIVE)
        clock.advance(1.5)
    assert [count for _, count, _ in hand.asked] == [1] * 10


async def test_what_a_piece_of_work_did_not_call_is_there_for_the_next() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)
    permit = await blocks.take(ACCOUNT, 4, PermitClass.INTERACTIVE)
    assert isinstance(permit, Permit)
    blocks.give_back(ACCOUNT, 3, PermitClass.INTERACTIVE)
    await blocks.take(ACCOUNT, 3, PermitClass.INTERACTIVE)
    assert [count for _, count, _ in hand.asked] == [4]


async def test_what_nobody_called_goes_back_with_the_next_question() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)
    first = await blocks.take(ACCOUNT, 4, PermitClass.INTERACTIVE)
    assert isinstance(first, Permit)
    blocks.give_back(ACCOUNT, 2, PermitClass.INTERACTIVE)  # while it is in force
    clock.advance(10)
    blocks.give_back(ACCOUNT, 1, PermitClass.INTERACTIVE)  # and when it no longer is
    await blocks.take(ACCOUNT, 1, PermitClass.INTERACTIVE)
    assert hand.unused == 3
    clock.advance(10)
    await blocks.take(ACCOUNT, 1, PermitClass.INTERACTIVE)
    assert hand.unused == 3, "given back once"


async def test_classes_and_accounts_do_not_share() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)
    for account, permit_class in ((ACCOUNT, PermitClass.INTERACTIVE), (ACCOUNT, PermitClass.SWEEP), ("b", "sweep")):
        await blocks.take(account, 1, PermitClass(permit_class))
    assert len(hand.asked) == 3


async def test_a_block_ends_with_its_time_and_with_a_report() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    blocks = blocks_of(hand, clock)

    async def burst() -> int:
        before = len(hand.asked)
        await asyncio.gather(*(blocks.take(ACCOUNT, 1, PermitClass.BULK) for _ in range(5)))
        return len(hand.asked) - before

    assert await burst() <= 2
    clock.advance(timedelta(seconds=5).total_seconds())
    assert await burst() >= 1
    await blocks.report(ACCOUNT, Problem("token_refused"), None)
    assert hand.reported == [(ACCOUNT, "token_refused")]
    assert await burst() >= 1


async def test_an_empty_bucket_is_said_as_it_is() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    hand.answer = Deferred(Problem("empty"), START)
    assert await blocks_of(hand, clock).take(ACCOUNT, 1, PermitClass.BULK) == hand.answer


async def test_of_those_who_ask_at_the_limit_one_is_refused_for_all() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    hand.answer = Deferred(Problem("empty"), START + timedelta(seconds=5))
    blocks = blocks_of(hand, clock)
    answers = await asyncio.gather(*(blocks.take(ACCOUNT, 2, PermitClass.BULK) for _ in range(5)))
    assert answers == [hand.answer] * 5
    assert len(hand.asked) == 1


@pytest.mark.parametrize(
    ("count", "later_seconds", "returned"),
    [(1, 0.0, 0), (2, 0.4, 0), (2, 0.0, 1)],
    ids=["less is wanted", "its time has come", "something came back"],
)
async def test_a_refusal_is_asked_about_again_once_it_may_have_changed(
    count: int, later_seconds: float, returned: int
) -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    hand.answer = Deferred(Problem("empty"), START + timedelta(seconds=0.4))
    blocks = blocks_of(hand, clock)
    await blocks.take(ACCOUNT, 2, PermitClass.BULK)
    clock.advance(later_seconds)
    blocks.give_back(ACCOUNT, returned, PermitClass.BULK)
    hand.answer = None
    assert isinstance(await blocks.take(ACCOUNT, count, PermitClass.BULK), Permit)


async def test_a_long_refusal_is_asked_about_again_after_a_second() -> None:
    clock = ManualClock(START)
    hand = OpenHand(clock.now)
    hand.answer = Deferred(Problem("empty"), START + timedelta(hours=1))
    blocks = blocks_of(hand, clock)
    await blocks.take(ACCOUNT, 1, PermitClass.BULK)
    clock.advance(1.1)
    hand.answer = None
    assert isinstance(await blocks.take(ACCOUNT, 1, PermitClass.BULK), Permit)


class Filling(OpenHand):
    """A bucket that is full again after so many questions, and says each time that it will be in a moment."""

    def __init__(self, clock: Clock, *, refusals: int, moment_seconds: float) -> None:
        super().__init__(clock.now)
        self._refusals = refusals
        self._moment = timedelta(seconds=moment_seconds)

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        refused = len(self.asked) < self._refusals
        self.answer = Deferred(Problem("empty"), self.now() + self._moment) if refused else None
        return await super().acquire(account, count, permit_class, least=least, unused=unused)


async def test_a_bucket_that_fills_again_at_once_is_waited_for() -> None:
    clock = Clock(rate=60)
    hand = Filling(clock, refusals=2, moment_seconds=0.6)
    blocks = PermitBlocks(hand, clock, block_max=10, vendor_of=vendor_before_colon)
    answers = await asyncio.gather(*(blocks.take(ACCOUNT, 1, PermitClass.BULK) for _ in range(5)))
    assert all(isinstance(answer, Permit) for answer in answers)
    assert len(hand.asked) == 3


@pytest.mark.parametrize(
    ("rate", "moment_seconds"), [(1, 0.6), (60, 0.6)], ids=["not for longer than a moment", "not without end"]
)
async def test_work_at_its_limit_keeps_its_place_for_a_moment_alone(rate: float, moment_seconds: float) -> None:
    clock = Clock(rate=rate)
    hand = Filling(clock, refusals=1_000, moment_seconds=moment_seconds)
    blocks = PermitBlocks(hand, clock, block_max=10, vendor_of=vendor_before_colon)
    async with asyncio.timeout(5):
        assert isinstance(await blocks.take(ACCOUNT, 1, PermitClass.BULK), Deferred)
    assert len(hand.asked) == 1 if rate == 1 else len(hand.asked) > 1


class Scarce(OpenHand):
    """A bucket that is empty at first, and never has more than two calls after that; it notes when it was asked."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock.now)
        self.asked_at: list[float] = []

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        self.asked_at.append(asyncio.get_running_loop().time())
        self.answer = Deferred(Problem("empty"), self.now() + timedelta(seconds=0.6)) if not self.asked else None
        return await super().acquire(account, min(count, 2) if self.asked else count, permit_class)


async def test_a_quick_bucket_that_was_just_emptied_is_not_asked_at_once() -> None:
    clock = Clock(rate=60)
    hand = Scarce(clock)
    blocks = PermitBlocks(hand, clock, block_max=10, vendor_of=vendor_before_colon)
    answers = await asyncio.gather(*(blocks.take(ACCOUNT, 1, PermitClass.BULK) for _ in range(6)))
    assert all(isinstance(answer, Permit) for answer in answers)
    _, *given_at = hand.asked_at
    assert min(after - before for before, after in pairwise(given_at)) >= 0.009
