"""Deals as they are seen: what their sum covers, which settings their requests carry, and where looks begin again."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chassis.aggregate import Lane
from chassis.values.orders import OrderId
from services.ingest.app import DEALS
from services.ingest.domain import callback, deal
from services.ingest.domain.cursor import OVERLAP, Cursor, Search
from services.ingest.domain.values import (
    Bank,
    Buyer,
    Config,
    Edi,
    Line,
    Reason,
    Register,
    Snapshot,
    Steps,
    content_hash,
    effective,
)
from tests.services.ingest.test_domain import ACTIVATED, CONFIG, ENTRIES, NOW, SELLER, SETTINGS, entry, snapshot
from tests.services.streams import Stream

Deals = Stream[deal.State, deal.Command]
DADATA = Register(account="dadata:vektor", vendor="dadata", per_day=100)
LINE = Line(
    name="Стол", quantity=Decimal(1), price=Decimal(5), price_exclusive=Decimal(5), vat="none", tax_included=True
)


def deals() -> Deals:
    """A deal of which nothing is known."""
    return Stream(DEALS, "deal-1734")


def settings(**changes: Any) -> Config:
    """The tenant's settings, otherwise."""
    return CONFIG.model_copy(update={"settings": SETTINGS.model_copy(update=changes)})


def names(stream: Deals) -> list[str]:
    """All that happened, by name."""
    return [type(event).__name__ for event in stream.events]


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "USD"},
        {"opportunity_kopecks": 1},
        {"lines": ()},
        {"lines": (LINE,)},
        {"buyer": None},
        {"buyer": snapshot().buyer.model_copy(update={"bank": Bank(bic="044525225")})},  # type: ignore[union-attr] # it has one
        *({"buyer": snapshot().buyer.model_copy(update={name: "other"})}  # type: ignore[union-attr] # it has one
          for name in ("crm_id", "name", "full_name", "inn", "kpp", "ogrn", "address", "email")),
    ],
)  # fmt: skip
def test_whatever_a_document_shows_moves_the_sum(changes: dict[str, Any]) -> None:
    assert content_hash(snapshot().model_copy(update=changes)) != content_hash(snapshot())


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x"},
        {"stage_id": "WON"},
        {"responsible_id": "9"},
        {"closed": True},
        {"lines": tuple(one.model_copy(update={"external_code": "TBL-1"}) for one in snapshot().lines)},
        {"buyer": snapshot().buyer.model_copy(update={"requisite_id": "4", "same_inn_crm_ids": ("8",)})},  # type: ignore[union-attr] # it has one
    ],
)
def test_what_no_document_shows_leaves_the_sum(changes: dict[str, Any]) -> None:
    assert content_hash(snapshot().model_copy(update=changes)) == content_hash(snapshot())


def test_the_sum_is_the_same_in_every_build() -> None:
    """Another one would ask a person about each open invoice after an upgrade."""
    plain = Snapshot(
        deal_id="1", category_id="0", stage_id="NEW", currency="RUB", opportunity_kopecks=500, lines=(LINE,)
    )
    assert content_hash(plain) == "871905b4afca3b3971eb687ba137d367"
    buyer = Buyer(crm_kind="company", crm_id="7", kind="company", name="ООО «Лотос»", inn="7709123453")
    assert content_hash(plain.model_copy(update={"buyer": buyer})) == "737bcd40d9f27a78ad6eae90a451ecd7"


def test_ids_are_the_same_in_every_build() -> None:
    """Another one would make a second request of what was asked for before the upgrade."""
    assert deal.request_id("bitrix24:vektor", "1734", "3", "invoice") == "95623df2-a336-56df-985e-1e99a7b5d2de"
    assert callback.stream_of("kontur:vektor:main", "o1") == "callback-dac5c07a-bd37-5cf4-9964-5099371dcfac"


def test_a_request_carries_the_sellers_settings() -> None:
    edi = Edi(account="diadoc:vektor:main", vendor="diadoc")
    seller = SELLER.model_copy(update={"edi": edi})
    stream = deals()
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[2], settings(sellers=(seller,), registers=(DADATA,))))
    (made,) = stream.happened(deal.RequestMade)
    assert (made.settings.edi, made.settings.registers, made.settings.seller_id) == (edi, (DADATA,), "main")
    assert (made.settings.number_template, made.triggered_at) == ("B24-{deal}", ENTRIES[2].entered_at)


def test_all_who_could_sell_are_named() -> None:
    two = (SELLER, SELLER.model_copy(update={"seller_id": "other"}))
    unclear = effective(SETTINGS.model_copy(update={"sellers": two}))
    assert unclear == Reason(code="seller_unclear", values={"sellers": "main, other"})
    assert effective(SETTINGS.model_copy(update={"sellers": ()})) == Reason(code="seller_missing")


def test_a_change_is_told_with_the_settings_of_now_if_anybody_sells() -> None:
    stream = deals()
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    stream.ran(deal.ObserveContent(snapshot("200.00"), SETTINGS))
    stream.ran(deal.ObserveContent(snapshot("300.00"), SETTINGS.model_copy(update={"sellers": ()})))
    first, second = stream.happened(deal.ContentChanged)
    assert first.settings is not None
    assert (first.settings.seller_id, second.settings) == ("main", None)


def test_a_deal_that_came_back_is_there_however_it_came() -> None:
    stream = deals()
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    stream.ran(deal.ObserveGone("1734"))
    assert stream.state.gone is True
    stream.ran(deal.ObserveContent(snapshot(), SETTINGS))
    assert stream.state.gone is False
    stream.ran(deal.ObserveGone("1734"))
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[5], CONFIG))
    assert stream.state.gone is False
    assert stream.ran(deal.ObserveContent(snapshot(), SETTINGS)) == []


def test_what_was_asked_for_is_remembered_by_its_request() -> None:
    stream = deals()
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[4], settings(sellers=())))
    made, failed = stream.happened(deal.RequestMade)[0], stream.happened(deal.RequestFailed)[0]
    state = stream.state
    assert state.requests == {made.request_id: made, failed.request_id: failed}
    assert state.entries == {"3": ENTRIES[2], "5": ENTRIES[4]}
    assert (state.stream, set(state.entered)) == ("deal-1734", {"3", "5"})


@pytest.mark.parametrize(("steps", "made"), [(Steps(act=False), 0), (Steps(invoice=False), 1)])
def test_an_act_is_asked_for_by_its_own_step(steps: Steps, made: int) -> None:
    stream = deals()
    stream.ran(deal.ObserveStage(snapshot(), ENTRIES[4], settings(steps=steps)))
    assert len(stream.happened(deal.RequestMade)) == made


def test_an_entry_of_the_first_moment_counts() -> None:
    stream = deals()
    first = deal.Entry(history_id="9", category_id="0", stage_id="WON", entered_at=ACTIVATED)
    stream.ran(deal.ObserveStage(snapshot(), first, CONFIG))
    assert names(stream) == ["StageEntered", "RequestMade"]


def test_an_entry_that_was_only_noticed_has_its_deal_read_behind_peoples_work() -> None:
    stream = deals()
    stream.ran(deal.NoticeStages("1734", (entry(3, "WON"),), CONFIG))
    (plan,) = stream.tasks.values()
    assert (plan.kind, plan.key, plan.account) == ("read-deal", "bitrix24:vektor:1734", "bitrix24:vektor")
    assert (plan.lane, plan.payload) == (Lane.BULK, {"deal_id": "1734"})
    stream.tasks.clear()
    stream.ran(deal.ObserveStage(snapshot(), entry(3, "WON"), CONFIG))
    assert stream.tasks == {}
    assert OrderId.parse("1734") is None


def test_a_search_leaps_and_then_halves() -> None:
    late = NOW + timedelta(days=1)
    search = Search().seen([(1, NOW), (50, NOW)], late)
    assert (search.low, search.high, search.step, search.ask_after) == (50, None, 1_024, 1_074)
    search = search.seen([(1_075, NOW), (1_124, NOW)], late)
    assert (search.low, search.step, search.ask_after) == (1_124, 2_048, 3_172)
    search = search.seen([(3_173, late), (3_222, late)], late)
    assert (search.low, search.high, search.found) == (1_124, 3_172, False)
    assert search.ask_after == 2_148
    search = search.seen([(2_149, NOW), (2_198, NOW)], late)
    assert (search.low, search.high, search.ask_after) == (2_198, 3_172, 2_685)


def test_an_empty_page_ends_the_leaps() -> None:
    search = Search(low=100, step=1_024).seen([], NOW)
    assert (search.low, search.high) == (100, 1_124)
    nothing = Search().seen([], NOW)
    assert (nothing.low, nothing.high, nothing.found) == (0, 0, True)


def test_a_cursor_keeps_the_last_mark_behind_the_overlap_and_all_within() -> None:
    cursor = Cursor(0)
    for minute in range(40):
        cursor = cursor.passed(minute, NOW + timedelta(minutes=minute))
    marks = [mark for mark, _ in cursor.marks]
    assert marks == list(range(24, 40)), "24 is of exactly fifteen minutes before"
    assert cursor.newest == 39
    assert cursor.passed(3, NOW + timedelta(minutes=40)).newest == 39


def test_a_cursor_keeps_two_hundred_marks_at_most() -> None:
    cursor = Cursor(0)
    for number in range(260):
        cursor = cursor.passed(number, NOW + timedelta(seconds=number))
    assert len(cursor.marks) == 200
    assert cursor.marks[-1] == (259, NOW + timedelta(seconds=259))
    assert timedelta(seconds=260) < OVERLAP
