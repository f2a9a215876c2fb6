"""Reading of vendors' JSON: exact numbers, refusals, dates."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import wire
from connectors.wire import ShapeError
from tests.connectors.kit import NOW, clock


def test_numbers_with_a_point_are_exact() -> None:
    assert wire.read_json(b'{"price": 0.1, "sum": 5000.00}') == {"price": Decimal("0.1"), "sum": Decimal("5000.00")}


@pytest.mark.parametrize(
    "body",
    [b"", b"   ", b"<html></html>", b'{"id": 1', b'{"sum": NaN}', b'{"sum": Infinity}', b"\xff\xfe", b"[" * 100_000],
)
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence will do
        wire.read_json(body)


def test_what_is_no_character_becomes_text_that_can_be_written_down() -> None:
    found = wire.read_json(b'{"a\\uDC00": ["cut \\ud83d", "whole \\ud83d\\ude00", "\\\\ud83d", "nul\\u0000", 1]}')
    assert found == {"a\ufffd": ["cut \ufffd", "whole \U0001f600", "\\ud83d", "nul\ufffd", 1]}
    assert wire.read_json(b'"\\u0000"') == "\ufffd"


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    try:
        wire.read_json(body)
    except ValueError:
        return


@pytest.mark.parametrize(("told", "seconds"), [({"expires_in": "3600"}, 3_600), ({}, 600), ({"expires_in": None}, 600)])
def test_a_token_lives_as_long_as_told_or_a_short_while(told: dict[str, Any], seconds: int) -> None:
    assert wire.bearer({"access_token": "a", **told}) == ("a", seconds, "")


@pytest.mark.parametrize(
    "told", [{"expires_in": 0}, {"expires_in": "soon"}, {"token_type": "mac"}, {"access_token": ""}]
)
def test_a_token_that_cannot_be_used_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        wire.bearer({"access_token": "a", **told})


@pytest.mark.parametrize("value", [None, "", "0", 0, False, [], " "])
def test_all_spellings_of_no_reference(value: Any) -> None:
    assert wire.identity(value) is None


@pytest.mark.parametrize(("value", "expected"), [(512, "512"), ("512", "512"), (" 512 ", "512")])
def test_a_reference_is_text(value: Any, expected: str) -> None:
    assert wire.identity(value) == expected


@pytest.mark.parametrize("value", [True, None, "", "abc", [], {}, "1e400", "NaN", Decimal("NaN"), 1.5])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ShapeError):
        wire.decimal(value, "price")


def test_kopecks_are_exact_or_refused() -> None:
    assert wire.kopecks("12500.00", "sum") == 1_250_000
    assert wire.kopecks(Decimal("85000.5"), "sum") == 8_500_050
    with pytest.raises(ShapeError):
        wire.kopecks("0.001", "sum")
    assert wire.rounded_kopecks("0.005", "opportunity") == 1


def test_a_pure_date_keeps_its_day_whatever_its_offset() -> None:
    assert wire.day("2026-09-10T03:00:00+03:00", "begindate") == date(2026, 9, 10)
    assert wire.day("2026-09-10T00:00:00+10:00", "begindate") == date(2026, 9, 10)
    assert wire.day("2026-09-10", "date") == date(2026, 9, 10)
    assert wire.optional_day("", "date") is None


@pytest.mark.parametrize("value", ["2026-09-10T03:00:00", "yesterday", None, 5])
def test_a_moment_needs_its_zone(value: Any) -> None:
    with pytest.raises(ShapeError):
        wire.moment(value, "updatedTime")


def test_php_writes_empty_maps_as_lists_and_lists_with_gaps_as_maps() -> None:
    assert wire.mapping([], "data") == {}
    assert wire.records({"1": {"id": 7}, "3": {"id": 8}}, "files") == [{"id": 7}, {"id": 8}]
    assert wire.records(False, "files") == []
    with pytest.raises(ShapeError):
        wire.records([1], "files")


@pytest.mark.parametrize(("value", "seconds"), [("5", 5), (" 7 ", 7), ("999999", 3600)])
def test_retry_after_is_business_time(value: str, seconds: int) -> None:
    assert wire.retry_after(value, clock()) == NOW + timedelta(seconds=seconds)


def test_retry_after_as_a_date() -> None:
    assert wire.retry_after("Fri, 20 Nov 2026 09:00:30 GMT", clock()) == NOW + timedelta(seconds=30)
    assert wire.retry_after("Sat, 21 Nov 2026 09:00:00 GMT", clock()) == NOW + timedelta(hours=1)


@given(st.text(max_size=45))
def test_no_retry_after_breaks_its_reader(value: str) -> None:
    found = wire.retry_after(value, clock())
    assert found is None or NOW <= found <= NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-1", "1.5", "9" * 30, "Fri, 20 Nov 2026 08:59:59 GMT", "Fri, 20 Nov 2026 09:00:30"]
)
def test_retry_after_that_says_nothing(value: str | None) -> None:
    assert wire.retry_after(value, clock()) is None
