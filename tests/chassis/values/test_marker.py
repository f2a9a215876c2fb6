"""Markers and effect keys: round trips, and no two effects under one key."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.marker import Marker, effect_key, find_markers, make_marker

KEY = effect_key(tenant="vektor", provider="elba", organisation="main", deal="1734", kind="invoice", revision=1)
DEALS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
KINDS = st.from_regex(r"[a-z][a-z0-9_]{0,19}", fullmatch=True)
REVISIONS = st.integers(1, 999_999)
MARKERS = st.builds(
    lambda deal, kind, revision, key: make_marker(deal=deal, kind=kind, revision=revision, key=key),
    DEALS,
    KINDS,
    REVISIONS,
    st.uuids(),
)
PARTS = st.text("ab:|,-\x1e", min_size=1, max_size=4)


def test_marker_is_written_as_agreed() -> None:
    marker = make_marker(deal="1734", kind="invoice", revision=2, key=UUID("0123abcd-0000-4000-8000-000000000000"))
    assert str(marker) == "[b24:1734:invoice:2:0123abcd]"


def test_effect_key_stays_the_same_for_ever() -> None:
    assert str(KEY) == "f8abaeab-b00e-5695-a3e8-66ac7261f6cf"
    assert KEY.version == 5


@pytest.mark.parametrize(
    ("deal", "kind", "revision", "check"),
    [
        ("", "invoice", 1, "0123abcd"),
        ("17:34", "invoice", 1, "0123abcd"),
        ("17]34", "invoice", 1, "0123abcd"),
        ("1734", "Счёт", 1, "0123abcd"),
        ("1734", "invoice", 0, "0123abcd"),
        ("1734", "invoice", -1, "0123abcd"),
        ("1734", "invoice", 1, "0123abc"),
        ("1734", "invoice", 1, "0123ABCD"),
    ],
)
def test_marker_that_could_not_be_read_back_is_refused(deal: str, kind: str, revision: int, check: str) -> None:
    with pytest.raises(ValueError, match="not a marker"):
        Marker(deal, kind, revision, check)


@pytest.mark.parametrize(
    "text", ["", "[b24:1:invoice:1:0123abcd", "b24:1:invoice:1:0123abcd", "[b24:1:invoice:01:0123abcd]"]
)
def test_no_marker_is_found_in_other_text(text: str) -> None:
    assert find_markers(text) == ()


@pytest.mark.parametrize("empty", ["tenant", "provider", "organisation", "deal", "kind"])
def test_effect_key_needs_every_part(empty: str) -> None:
    parts = {"tenant": "t", "provider": "p", "organisation": "o", "deal": "d", "kind": "k", empty: ""}
    with pytest.raises(ValueError, match="every part"):
        effect_key(**parts, revision=1)


@given(st.lists(MARKERS, max_size=4), st.text(max_size=20))
def test_markers_are_found_in_any_comment(markers: list[Marker], noise: str) -> None:
    text = noise + "".join(f"{marker}{noise}" for marker in markers)
    found = find_markers(text)
    assert [marker for marker in found if marker in markers] == markers


@given(*[st.tuples(PARTS, PARTS, PARTS, PARTS, PARTS, REVISIONS)] * 2)
def test_different_parts_give_different_keys(
    first: tuple[str, str, str, str, str, int], second: tuple[str, str, str, str, str, int]
) -> None:
    keys = [
        effect_key(tenant=tenant, provider=provider, organisation=organisation, deal=deal, kind=kind, revision=revision)
        for tenant, provider, organisation, deal, kind, revision in (first, second)
    ]
    assert (keys[0] == keys[1]) is (first == second)
