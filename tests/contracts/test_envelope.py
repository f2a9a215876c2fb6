"""An envelope comes back from its headers as it was; anything less is refused in words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import HEADER_BYTES_MAX, Envelope, EnvelopeError

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@given(
    id=_TEXT,
    kind=_TEXT,
    version=st.integers(1, 9),
    subject=st.text(max_size=20),
    sequence=st.integers(0, 2**40),
    time=st.datetimes(timezones=st.just(UTC)),
    tenant=_TEXT,
)
def test_an_envelope_survives_its_headers(
    id: str,  # noqa: A002 - the attribute's own name
    kind: str,
    version: int,
    subject: str,
    sequence: int,
    time: datetime,
    tenant: str,
) -> None:
    envelope = Envelope(id, kind, version, "invoicing", subject, time, tenant, "00-ab", "x=1", sequence=sequence)
    assert Envelope.from_headers(envelope.headers()) == envelope


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ce_id", b"", "ce_id is missing"),
        ("ce_typeversion", b"one", "not a number"),
        ("ce_sequence", b"first", "ce_sequence is not a number"),
        ("ce_time", b"yesterday", "RFC 3339"),
        ("ce_time", b"2026-03-10T11:20:04", "no zone"),
        ("ce_tenantid", b"\xff", "not UTF-8"),
        ("ce_source", b"x" * (HEADER_BYTES_MAX + 1), "at most"),
    ],
)
def test_a_broken_attribute_is_named(name: str, value: bytes, said: str) -> None:
    whole = dict(Envelope("1", "T", 1, "s", "", datetime(2026, 3, 10, tzinfo=UTC), "vektor").headers())
    with pytest.raises(EnvelopeError, match=said):
        Envelope.from_headers({**whole, name: value}.items())
