"""Where a look over the stage history begins: found in few reads, and never past a row that becomes visible late."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.cursor import OVERLAP, OVERLAP_IDS, Cursor, Search

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PAGE = 50


def page(rows: list[tuple[int, datetime]], after: int) -> list[tuple[int, datetime]]:
    return [row for row in rows if row[0] > after][:PAGE]


@given(st.lists(st.integers(1, 40), max_size=400), st.integers(0, 400))
def test_the_border_is_found_and_no_row_behind_it_is_left_out(gaps: list[int], place: int) -> None:
    rows, last = [], 0
    for minute, gap in enumerate(gaps):
        last += gap
        rows.append((last, NOW + timedelta(minutes=minute)))
    moment = NOW + timedelta(minutes=place)
    search, reads = Search(), 0
    while not search.found:
        search = search.seen(page(rows, search.ask_after), moment)
        reads += 1
        assert reads < 60
    older = [row_id for row_id, at in rows if at < moment]
    assert all(row_id > search.low for row_id, at in rows if at >= moment)
    assert search.low <= max(older, default=0) or search.low == max(older, default=0)


def test_a_million_rows_take_some_thirty_reads() -> None:
    moment = NOW + timedelta(seconds=700_000)
    search, reads = Search(), 0
    while not search.found:
        after = search.ask_after
        found = [(one, NOW + timedelta(seconds=one)) for one in range(after + 1, min(after + PAGE, 1_000_000) + 1)]
        search = search.seen(found, moment)
        reads += 1
    assert search.low == 699_999
    assert reads < 45


def test_a_search_goes_on_where_it_was_interrupted() -> None:
    search = Search().seen([(one, NOW) for one in range(1, 51)], NOW + timedelta(days=1))
    assert Search.from_json(search.to_json()) == search


def test_a_pass_begins_500_ids_or_15_minutes_back() -> None:
    cursor = Cursor(10_000)
    assert cursor.start(NOW) == 10_000 - OVERLAP_IDS
    for minute in range(30):
        cursor = cursor.passed(10_000 + 1_000 * minute, NOW + timedelta(minutes=minute))
    at = NOW + timedelta(minutes=30)
    start = cursor.start(at)
    assert start == 10_000 + 1_000 * 15, "the newest id of 15 minutes ago"
    assert Cursor.from_json(cursor.to_json()).start(at) == start


@given(st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 1_800)), max_size=50))
def test_what_was_new_within_15_minutes_is_looked_at_again(steps: list[tuple[int, float]]) -> None:
    cursor, now, seen = Cursor(0), NOW, [(0, NOW - OVERLAP)]
    for growth, seconds in steps:
        now += timedelta(seconds=seconds)
        newest = cursor.newest + growth
        recent = [before for before, at in seen if at > now - OVERLAP]
        if recent:
            assert cursor.start(now) <= min(recent)
        cursor = cursor.passed(newest, now)
        seen.append((newest, now))
