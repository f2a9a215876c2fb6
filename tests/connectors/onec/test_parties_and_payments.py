"""Buyers and money in a base: what is asked, page after page, and what is made of it."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.outcomes import Ok
from connectors.ports.accounting import FeedCursor
from tests.connectors.kit import NOW, answer
from tests.connectors.onec.samples import (
    ACT_ID,
    BANK_ACCOUNT,
    BUYER,
    BUYER_ID,
    CONTRACT,
    INVOICE_ID,
    PAYMENT,
    buyer_draft,
    collection,
    error,
)
from tests.connectors.onec.scripted import NOTHING, PERMIT, UNPUBLISHED, asked, scripted

SINCE = datetime(2026, 3, 12, tzinfo=UTC)


async def test_a_buyer_is_searched_by_exactly_this_inn() -> None:
    client, script = scripted(answer(collection(BUYER, BUYER | {"ИНН": "77091234530"})))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == [BUYER_ID]
    assert "ИНН eq '7709123453' and DeletionMark eq false and IsFolder eq false" in asked(script)[0]


async def test_a_base_that_forbids_the_filter_is_read_through() -> None:
    forbidden = answer(error("20", "Недостаточно прав"), 401)
    rows = collection({"Ref_Key": BUYER_ID, "ИНН": "7709123453"}, {"Ref_Key": CONTRACT, "ИНН": "1"})
    client, script = scripted(forbidden, answer(rows), answer(collection(BUYER)))
    outcome = await client.find_counterparty(PERMIT, "7709123453")
    assert isinstance(outcome, Ok)
    assert [one.counterparty_id for one in outcome.value] == [BUYER_ID]
    assert BUYER_ID in asked(script)[2]
    assert CONTRACT not in asked(script)[2]


async def test_a_buyer_is_made_with_our_comment_and_found_again_by_it() -> None:
    client, script = scripted(NOTHING, answer(BUYER | {"ИНН": "7709123453"}, 201))
    assert isinstance(await client.create_counterparty(PERMIT, buyer_draft(), key="e1"), Ok)
    comment = script.sent(-1)["Комментарий"]
    assert comment == "sverka 2026-11-20T09:00:00Z e1"
    listed = BUYER | {"Комментарий": comment, "ИНН": ""}
    client, script = scripted(answer(collection(listed)))
    page = await client.counterparty_changes(PERMIT, FeedCursor(NOW - timedelta(days=1)))
    assert isinstance(page, Ok)
    assert [one.counterparty_id for one in page.value.counterparties] == [BUYER_ID]
    assert "startswith(Комментарий, 'sverka 2026-11-19')" in asked(script)[0]
    older = await scripted(answer(collection(listed)))[0].counterparty_changes(
        PERMIT, FeedCursor(NOW + timedelta(seconds=5))
    )
    assert isinstance(older, Ok)
    assert older.value.counterparties == ()


@pytest.mark.parametrize(("days", "beginning"), [(0, "2026-11-20"), (19, "2026-11-01"), (30, "'sverka 2026-10'")])
async def test_the_further_back_the_shorter_the_beginnings(days: int, beginning: str) -> None:
    client, script = scripted(*[NOTHING] * 5)
    assert isinstance(await client.counterparty_changes(PERMIT, FeedCursor(NOW - timedelta(days=days))), Ok)
    assert beginning in " ".join(asked(script))


async def test_from_long_ago_on_all_buyers_are_listed_page_after_page() -> None:
    full = [BUYER | {"Ref_Key": f"77777777-0000-4000-8000-{number:012}"} for number in range(100)]
    client, script = scripted(answer(collection(*full)), answer(collection(BUYER)))
    since = NOW - timedelta(days=2000)
    first = await client.counterparty_changes(PERMIT, FeedCursor(since))
    assert isinstance(first, Ok)
    assert (len(first.value.counterparties), first.value.next) == (100, FeedCursor(since, 90))
    last = await client.counterparty_changes(PERMIT, FeedCursor(since, 90))
    assert isinstance(last, Ok)
    assert ([one.counterparty_id for one in last.value.counterparties], last.value.next) == ([BUYER_ID], None)
    queries = asked(script)
    assert "$filter=DeletionMark eq false and IsFolder eq false&" in queries[0]
    assert ["$orderby=Ref_Key&$top=100&$skip=0" in queries[0], "$skip=90" in queries[1]] == [True, True]


OWN = answer(collection({"Ref_Key": BANK_ACCOUNT, "НомерСчета": "40702810200000000001"}))
PAYERS = answer(collection({"Ref_Key": BUYER_ID, "НаименованиеПолное": "ООО Вектор", "ИНН": "7709123453"}))


async def test_payments_of_a_window_of_dates_with_the_refunds_at_its_end() -> None:
    refund = PAYMENT | {"Ref_Key": ACT_ID}
    client, script = scripted(answer(collection(PAYMENT)), OWN, PAYERS, answer(collection(refund)))
    page = await client.payments_changed(PERMIT, FeedCursor(SINCE))
    assert isinstance(page, Ok)
    assert [one.amount_kopecks for one in page.value.payments] == [8_500_000, -8_500_000]
    assert page.value.payments[0].payer_inn == "7709123453"
    assert page.value.next is None
    queries = asked(script)
    assert "$filter=Date ge datetime'2026-03-12T03:00:00'&" in queries[0]
    assert "$orderby=Date,Ref_Key&$top=100&$skip=0" in queries[0]
    assert "ВидОперации eq 'ВозвратПокупателю'" in queries[3]


async def test_a_full_page_of_payments_goes_on_where_it_ended() -> None:
    rows = [PAYMENT | {"Ref_Key": f"77777777-0000-4000-8000-{number:012}"} for number in range(100)]
    client, script = scripted(answer(collection(*rows)), OWN, PAYERS, answer(collection(PAYMENT)), UNPUBLISHED)
    page = await client.payments_changed(PERMIT, FeedCursor(SINCE))
    assert isinstance(page, Ok)
    assert page.value.next == FeedCursor(SINCE, 90)
    page = await client.payments_changed(PERMIT, FeedCursor(SINCE, 90))
    assert isinstance(page, Ok)
    assert page.value.next is None
    assert "$skip=90" in asked(script)[3]


async def test_payments_of_an_invoice_are_only_its_own() -> None:
    rows = [
        {"LineNumber": "1", "СуммаПлатежа": 100, "СчетНаОплату_Key": INVOICE_ID},
        {"LineNumber": "2", "СуммаПлатежа": 200, "СчетНаОплату_Key": CONTRACT},
    ]
    client, script = scripted(answer(collection(PAYMENT | {"РасшифровкаПлатежа": rows})), OWN, PAYERS, UNPUBLISHED)
    outcome = await client.payments_of_invoice(PERMIT, INVOICE_ID)
    assert isinstance(outcome, Ok)
    assert [one.amount_kopecks for one in outcome.value] == [10_000]
    assert f"РасшифровкаПлатежа/any(d: d/СчетНаОплату_Key eq guid'{INVOICE_ID}')" in asked(script)[0]
