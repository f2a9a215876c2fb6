"""The batch's query encoding and the envelopes of answers."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bitrix24.schema import Base64, Command, Ref, Success, pages_after_first, read_batch, read_envelope
from tests.connectors.kit import answer, batch


def test_a_command_as_the_vendor_writes_it() -> None:
    rows = {"filter": {"=ownerType": "D", "=ownerId": "1734"}, "start": 0}
    assert str(Command("crm.item.productrow.list", rows)) == (
        "crm.item.productrow.list?filter[%3DownerType]=D&filter[%3DownerId]=1734&start=0"
    )
    assert str(Command("crm.requisite.get", {"id": Ref("link", "REQUISITE_ID")})) == (
        "crm.requisite.get?id=$result[link][REQUISITE_ID]"
    )


def test_values_that_have_a_spelling() -> None:
    params = {
        "text": "Счёт №1 + 5% & [b]=?#",
        "number": 7,
        "price": Decimal("10.50"),
        "day": date(2026, 9, 10),
        "at": datetime(2026, 9, 10, 8, 0, tzinfo=UTC),
        "file": ["a b.pdf", Base64("QUJD+/==")],
        "left_out": None,
        "empty": "",
    }
    assert dict(parse_qsl(str(Command("m", params)).partition("?")[2], keep_blank_values=True)) == {
        "text": "Счёт №1 + 5% & [b]=?#",
        "number": "7",
        "price": "10.50",
        "day": "2026-09-10",
        "at": "2026-09-10T08:00:00+00:00",
        "file[0]": "a b.pdf",
        "file[1]": "QUJD+/==",
        "empty": "",
    }


@pytest.mark.parametrize("value", [True, 1.5, b"x", object()])
def test_values_without_a_spelling_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        str(Command("m", {"a": value}))


def test_an_empty_list_is_refused_since_a_query_would_lose_it() -> None:
    with pytest.raises(ValueError, match="rows"):
        str(Command("m", {"rows": []}))


_leaf = st.one_of(st.text(max_size=20), st.integers(-1000, 1000))
_tree = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(st.text(min_size=1, max_size=8), inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def _flat(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(f"{name}[{key}]", inner)]
    if isinstance(value, list):
        return [pair for index, inner in enumerate(value) for pair in _flat(f"{name}[{index}]", inner)]
    return [(name, str(value))]


@given(_tree)
def test_nothing_is_lost_or_changed_on_the_way(value: Any) -> None:
    query = str(Command("m", {"fields": value})).partition("?")[2]
    assert parse_qsl(query, keep_blank_values=True, strict_parsing=True) == _flat("fields", value)


@pytest.mark.parametrize(
    ("error", "code"),
    [("NOT_FOUND", "not_found"), ("expired_token", "expired_token"), ("", ":text"), (100, "100"), (0, "0"), ("0", "0"),
     (200040300010, "200040300010")],
)  # fmt: skip
def test_errors_of_every_spelling(error: Any, code: str) -> None:
    envelope = read_envelope(answer({"error": error, "error_description": "что-то"}).body)
    assert envelope.success is None
    assert envelope.fault is not None
    assert envelope.fault.code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"result": {"a"', b"[]", b'"x"', b"{}", b'{"time": {}}'])
def test_what_is_no_envelope_is_neither_success_nor_error(body: bytes) -> None:
    envelope = read_envelope(body)
    assert envelope.success is None
    assert envelope.fault is None


def test_a_result_of_null_is_a_success() -> None:
    assert read_envelope(b'{"result": null}').success is not None


def test_lists_carry_their_paging_as_numbers_or_text() -> None:
    success = read_envelope(b'{"result": [], "total": "128", "next": 50}').success
    assert success is not None
    assert (success.total, success.next) == (128, 50)


def test_a_batch_with_empty_maps() -> None:
    found = read_batch(batch({})["result"])
    assert found is not None
    assert found.successes == {}
    assert found.faults == {}


@pytest.mark.parametrize("result", [None, [], True, {"items": []}, "x"])
def test_what_is_no_batch(result: Any) -> None:
    assert read_batch(result) is None


def test_a_command_with_an_error_is_no_success_even_where_both_maps_name_it() -> None:
    found = read_batch(batch({"a": None, "b": 1}, {"a": {"error": "X", "error_description": ""}})["result"])
    assert found is not None
    assert list(found.successes) == ["b"]
    assert found.faults["a"].code == "x"


def test_pages_that_follow() -> None:
    assert list(pages_after_first(Success([], total=50))) == []
    assert list(pages_after_first(Success([], total=51, next=50))) == [50]
    assert list(pages_after_first(Success([], total=128, next=50))) == [50, 100]
    assert list(pages_after_first(Success([]))) == []
    assert list(pages_after_first(Success([], next=50))) == list(range(50, 1_050, 50))
