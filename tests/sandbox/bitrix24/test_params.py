"""PHP's view of parameters, without HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import orjson
import pytest

from sandbox.bitrix24.params import Params, TooManyParametersError, build_query, decode, parse_query, php_map


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("id=1&id=2", {"id": "2"}),
        ("fields[TITLE]=%D0%A1&fields[A][B]=1", {"fields": {"TITLE": "С", "A": {"B": "1"}}}),
        ("select[]=ID&select[]=TITLE", {"select": ["ID", "TITLE"]}),
        ("a[1]=x&a[0]=y", {"a": {"1": "x", "0": "y"}}),
        ("a[5]=x&a[]=y", {"a": {"5": "x", "6": "y"}}),
        ("filter[%3E%3DDATE_MODIFY]=2026-09-10T00:00:00%2B03:00",
         {"filter": {">=DATE_MODIFY": "2026-09-10T00:00:00+03:00"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a.b=1", {"a_b": "1"}),
        ("[x]=1&=2", {}),
        ("a[b=1", {"a_b": "1"}),
        ("empty=", {"empty": ""}),
    ],
)  # fmt: skip
def test_bracketed_names_nest_as_in_php(query: str, tree: dict[str, Any]) -> None:
    assert parse_query(query) == tree


@pytest.mark.parametrize("escaped", ["%2B%2F%3D", "%2b%252B", "%%2B%2", "a+b%20c", "%D0%A1%FF", "100%"])
def test_long_values_are_read_as_short_ones(escaped: str) -> None:
    many = escaped * 200
    assert parse_query(f"file={many}") == {"file": unquote_plus(many)}


def test_json_and_form_bodies_give_one_tree() -> None:
    tree = {"entityTypeId": "2", "filter": {"@stageId": ["NEW", "WON"]}, "order": {"id": "ASC"}}
    form = decode("", "application/x-www-form-urlencoded; charset=utf-8", build_query(tree).encode())
    json = decode("", "application/json", orjson.dumps(tree))
    assert form.tree == json.tree == tree


def test_body_wins_over_query_and_names_are_found_in_any_case() -> None:
    params = decode("id=1&START=50", "application/json", b'{"ID": 2, "none": null}')
    assert params.get("start") == "50"
    assert params.get("Id") == 2
    assert "none" not in params
    assert params.exact("start") is None


@pytest.mark.parametrize("body", [b"{not json", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_gives_no_parameters(body: bytes) -> None:
    assert decode("a=1", "application/json", body).tree == {"a": "1"}


def test_a_json_array_is_arguments_by_place() -> None:
    assert decode("a=1", "application/json", b'[7, {"ID": "desc"}]').tree == {"a": "1", "0": 7, "1": {"ID": "desc"}}


def test_a_file_of_a_form_is_its_name_and_content() -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    assert decode("", "multipart/form-data; boundary=x", head + b"\xff\r\n--x--\r\n").tree == {
        "file": ["a.txt", "/w=="]
    }


def test_multipart_parts_are_parameters() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="fields[TITLE]"\r\n\r\n\xd0\xa1\r\n--x--\r\n'
    assert decode("", "multipart/form-data; boundary=x", body).tree == {"fields": {"TITLE": "С"}}


def test_absurd_depth_is_refused() -> None:
    with pytest.raises(TooManyParametersError):
        parse_query("a" + "[b]" * 40 + "=1")


def test_build_query_drops_nulls_and_empty_arrays() -> None:
    assert build_query({"a": None, "b": [], "c": {"d": True, "e": False}, "f": "x y"}) == "c%5Bd%5D=1&c%5Be%5D=0&f=x+y"


def test_php_prints_empty_and_numbered_maps_as_arrays() -> None:
    assert php_map({}) == []
    assert php_map({"0": "a", "1": "b"}) == ["a", "b"]
    assert php_map({"1": "b"}) == {"1": "b"}


def test_params_keep_falsy_values() -> None:
    assert Params({"halt": 0}).get("halt") == 0
