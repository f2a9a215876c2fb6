"""The feed of balances of Elba's published API over a scripted transport."""

from typing import Any

import pytest

from chassis.outcomes import Deferred, Ok, Retryable
from connectors.ports.balances import BalanceCursor
from tests.connectors.elba_vendor.samples import (
    BASE,
    PERMIT,
    news,
)
from tests.connectors.elba_vendor.scripted import scripted
from tests.connectors.kit import answer


def _rows(*ids: int, paid: float = 40000.0) -> Any:
    return answer({"news": [news(number, paid) for number in ids]})


async def test_a_feed_whose_offset_is_an_id() -> None:
    client, script = scripted(_rows(13), _rows(13), _rows(13, 20), _rows(20, 21))
    page = await client.balances_changed(PERMIT, BalanceCursor())
    assert isinstance(page, Ok)
    assert [fact.fact_id for fact in page.value.facts] == [13, 20]
    assert (page.value.cursor, page.value.more) == (BalanceCursor("id", 20, 2), False)
    later = await client.balances_changed(PERMIT, page.value.cursor)
    assert isinstance(later, Ok)
    assert [fact.fact_id for fact in later.value.facts] == [21]
    assert [call.url.partition("?")[2] for call in script.calls] == [
        "offset=0&limit=1",
        "offset=13&limit=1",
        "offset=0&limit=1000",
        "offset=20&limit=1000",
    ]


async def test_a_feed_whose_offset_is_a_place() -> None:
    client, script = scripted(_rows(13), _rows(), _rows(13, 20), _rows(20, 21))
    page = await client.balances_changed(PERMIT, BalanceCursor())
    assert isinstance(page, Ok)
    assert page.value.cursor == BalanceCursor("place", 20, 2)
    later = await client.balances_changed(PERMIT, page.value.cursor)
    assert isinstance(later, Ok)
    assert ([fact.fact_id for fact in later.value.facts], later.value.cursor.rows) == ([21], 3)
    assert script.calls[3].url.endswith("offset=1&limit=1000")


async def test_an_empty_feed_tells_nothing_about_its_offset() -> None:
    page = await scripted(_rows())[0].balances_changed(PERMIT, BalanceCursor())
    assert isinstance(page, Ok)
    assert (page.value.facts, page.value.cursor, page.value.more) == ((), BalanceCursor(), False)


@pytest.mark.parametrize("answers", [[_rows(7)], [_rows()]])
async def test_a_feed_that_stands_elsewhere_is_read_from_its_beginning(answers: list[Any]) -> None:
    page = await scripted(*answers)[0].balances_changed(PERMIT, BalanceCursor("place", 20, 2))
    assert isinstance(page, Ok)
    assert (page.value.facts, page.value.cursor, page.value.more) == ((), BalanceCursor(), True)


async def test_a_full_page_has_more() -> None:
    page = await scripted(_rows(*range(20, 1020)))[0].balances_changed(PERMIT, BalanceCursor("id", 20, 1))
    assert isinstance(page, Ok)
    assert (len(page.value.facts), page.value.more, page.value.cursor.rows) == (999, True, 1000)


async def test_news_of_another_kind_are_passed_over() -> None:
    other = news(21) | {"newsType": "actSigned", "newsContent": {"actId": "x"}}
    page = await scripted(answer({"news": [news(20), other]}))[0].balances_changed(PERMIT, BalanceCursor("id", 20, 1))
    assert isinstance(page, Ok)
    assert (page.value.facts, page.value.cursor) == ((), BalanceCursor("id", 21, 2))


@pytest.mark.parametrize(
    "body",
    [{"news": [news(20), news(20)]}, {"news": [news(20), news(19)]}, {"news": None}, {}, [], {"news": [{"id": "x"}]},
     {"news": [news(20), news(21) | {"newsContent": None}]}],
)  # fmt: skip
async def test_a_feed_of_another_shape_moves_nothing(body: Any) -> None:
    outcome = await scripted(answer(body))[0].balances_changed(PERMIT, BalanceCursor("id", 20, 1))
    assert isinstance(outcome, Retryable)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(204, b"", Ok), (409, b"{}", Ok), (200, b"{}", Ok), (200, b"<html>", Retryable), (200, b"", Retryable),
     (401, b"", Retryable), (402, b"{}", Retryable), (500, b"", Retryable), (429, b"", Deferred)],
)  # fmt: skip
async def test_a_subscription(status: int, body: bytes, kind: Any) -> None:
    client, script = scripted(answer(body, status))
    assert isinstance(await client.subscribe_to_balances(PERMIT), kind)
    assert script.calls[0].url == f"{BASE}/document-news/subscription"
