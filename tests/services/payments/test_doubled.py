"""Which of two operations of one payment order counts, where both are allotted to an invoice."""

import datetime as dt
from typing import Any

import pytest

from services.payments.domain import bankday, listing
from services.payments.store.bank import AllottedRow
from services.payments.workers.matching import doubled_of
from tests.kit.statements import OURS, THEIR_INN
from tests.services.payments.bank_parts import DAY, bank_day, first, invoice, load, match, paid, row, states


def _allotted(name: str, days: int = 0, **fields: Any) -> AllottedRow:
    given: dict[str, Any] = {
        "payment_id": name,
        "stream": f"bankday-{OURS}/{DAY + dt.timedelta(days=days)}",
        "signed_kopecks": 85_000_00,
        "own_account": OURS,
        "operation_day": DAY + dt.timedelta(days=days),
        "order_number": "318",
        "order_date": DAY,
        "order_kopecks": 85_000_00,
        "their_inn": THEIR_INN,
        "their_name": "",
    }
    return AllottedRow(**(given | fields))


@pytest.mark.parametrize(
    ("rows", "counted", "doubled"),
    [
        ([_allotted("a"), _allotted("b", 1)], set(), ["b"]),
        ([_allotted("a"), _allotted("b", 1)], {"b"}, ["a"]),
        ([_allotted("a"), _allotted("b", 1)], {"a", "b"}, ["b"]),
        ([_allotted("a"), _allotted("b", 1, order_number="000318")], set(), ["b"]),
        ([_allotted("a"), _allotted("b"), _allotted("c", 1)], set(), ["c"]),
        ([_allotted("a"), _allotted("b", 14)], set(), ["b"]),
        ([_allotted("a"), _allotted("b", 15)], set(), []),
        ([_allotted("a", order_number=""), _allotted("b", 1, order_number="")], set(), []),
        ([_allotted("a"), _allotted("b", 1, own_account="40702810538050107202")], set(), []),
        ([_allotted("a"), _allotted("b", 1, order_kopecks=1)], set(), []),
        ([_allotted("a"), _allotted("b", 1, order_date=DAY + dt.timedelta(days=1))], set(), []),
    ],
)
def test_of_one_order_on_two_days_the_one_that_counts_stays_else_the_earlier(
    rows: list[AllottedRow], counted: set[str], doubled: list[str]
) -> None:
    assert [one.payment_id for one in doubled_of(rows, frozenset(counted))] == doubled


def test_what_counts_by_itself_is_matched_again_and_what_a_person_tied_stays() -> None:
    day = bank_day()
    day.ran(load(row(), row(number="319")))
    match(day, invoice(total_kopecks=170_000_00))
    mine, tied = day.state.operations.values()
    by = listing.tied(tied, invoice_id="id-127", number="127", deal_id="15", by="Анна")
    day.ran(bankday.SettleMatches((by,)))
    day.ran(bankday.LookAgain((mine.payment_id, tied.payment_id)))
    assert (states(day), paid(day)) == (["open", "allotted"], {"id-127": 85_000_00})
    assert {(listing.MATCH, day.state.stream), (listing.ALLOT, "id-127")} <= set(day.tasks)
    assert day.run(bankday.LookAgain((first(day).payment_id,))) == []
