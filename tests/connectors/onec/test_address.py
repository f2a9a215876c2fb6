"""Addresses of a base: Cyrillic names, quoting, and nothing that 1C reads otherwise than we mean it."""

from datetime import date
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from connectors.onec import address

KEY = "12345678-9abc-4def-8123-456789abcdef"


@pytest.mark.parametrize(
    "pasted",
    [
        "https://srv.example/buh",
        "https://srv.example/buh/",
        "https://srv.example/buh/ru/",
        "https://srv.example/buh/en",
        "https://srv.example/buh/odata/standard.odata/",
        "https://srv.example/buh/odata/standard.odata/Catalog_X?$format=json",
        "https://srv.example/buh/ru/#e1cib/navigationpoint/main",
    ],
)
def test_any_address_of_a_base_that_people_paste_is_taken(pasted: str) -> None:
    assert address.infobase_of(pasted) == "https://srv.example/buh"


def test_a_rented_base_keeps_its_path() -> None:
    assert address.infobase_of("https://1cfresh.com/a/ba/123456/ru/") == "https://1cfresh.com/a/ba/123456"


def test_a_query_has_no_plus_and_no_raw_cyrillic() -> None:
    url = address.collection_url(
        "https://srv.example/buh", "Catalog_Контрагенты", filter="ИНН eq '7725010016' and Имя eq 'А+Б & В'", top="1"
    )
    assert url.isascii()
    assert "+" not in url
    assert unquote(url) == (
        "https://srv.example/buh/odata/standard.odata/Catalog_Контрагенты"
        "?$format=json&$filter=ИНН eq '7725010016' and Имя eq 'А+Б & В'&$top=1&allowedOnly=true"
    )


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30))
def test_what_the_client_of_http_makes_of_an_address_means_the_same(name: str) -> None:
    url = address.resource_url("https://srv.example/buh", "Catalog_Контрагенты", filter=f"Имя eq {address.text(name)}")
    sent = str(URL(url))
    assert "+" not in sent.partition("?")[2]
    assert unquote(sent) == unquote(url)


def test_keys_and_navigation_keep_their_brackets() -> None:
    url = address.resource_url("https://srv.example/buh", f"Document_X({address.guid(KEY.upper())})/Товары")
    assert url.startswith(
        f"https://srv.example/buh/odata/standard.odata/Document_X(guid'{KEY}')/%D0%A2%D0%BE%D0%B2%D0%B0%D1%80%D1%8B?"
    )


@pytest.mark.parametrize("key", ["", "x", "12345678-9abc-4def-8123", "' or true or '"])
def test_what_is_no_reference_never_gets_into_a_query(key: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        address.guid(key)


def test_quotes_in_texts_are_doubled() -> None:
    assert address.text("О'Коннор' or 1 eq 1") == "'О''Коннор'' or 1 eq 1'"


def test_literals() -> None:
    assert address.moment(date(2026, 3, 12)) == "datetime'2026-03-12T00:00:00'"
    assert address.reference(KEY, "Document_X") == f"cast(guid'{KEY}', 'Document_X')"


@given(st.lists(st.integers(1, 400), max_size=60))
def test_long_lists_of_conditions_are_asked_in_parts(lengths: list[int]) -> None:
    conditions = [f"Description eq '{'я' * length}'" for length in lengths]
    parts = list(address.in_chunks(conditions))
    assert [one for start, end in parts for one in conditions[start:end]] == conditions
    for start, end in parts:
        assert end - start <= address.KEYS_PER_FILTER_MAX
        url = address.collection_url("https://s.example/b", "C", filter=address.any_of(conditions[start:end]))
        assert len(url) < 8_000
