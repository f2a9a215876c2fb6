"""Callbacks: nothing is read that is not signed and fresh."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import Problem
from connectors.kontur.callback import parse_callback, signature
from connectors.ports.callbacks import AccountingEvent

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECRET = "a-secret-of-the-account"
BODY = {
    "id": "d-1", "type": "invoice.paid", "occurredAt": "2026-11-20T09:00:00.000Z", "organizationId": "o-1",
    "object": {"kind": "invoice", "id": "i-1", "version": 4},
}  # fmt: skip


def _sent(body: Any = None, at: datetime = NOW, secret: str = SECRET, **changed: str) -> tuple[bytes, dict[str, str]]:
    raw = body if isinstance(body, bytes) else orjson.dumps(BODY if body is None else body)
    timestamp = str(int(at.timestamp()))
    headers = {
        "x-kontur-event": "invoice.paid",
        "x-kontur-delivery": "5a7c",
        "x-kontur-timestamp": timestamp,
        "x-kontur-signature": signature(secret, timestamp, raw),
    }
    return raw, headers | {name.replace("_", "-"): value for name, value in changed.items()}


def test_a_callback_says_what_to_read_again() -> None:
    assert parse_callback(*_sent(), SECRET, NOW) == AccountingEvent("5a7c", "invoice.paid", "invoice", "i-1", True)
    about_buyer = BODY | {"type": "counterparty.updated", "object": {"kind": "counterparty", "id": "b-1"}}
    found = parse_callback(*_sent(about_buyer), SECRET, NOW)
    assert isinstance(found, AccountingEvent)
    assert not found.money


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_callback_may_be_five_minutes_early_or_late(seconds: int) -> None:
    sent = _sent(at=NOW + timedelta(seconds=seconds))
    assert isinstance(parse_callback(*sent, SECRET, NOW), AccountingEvent)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_callback_is_not_taken_again(seconds: int) -> None:
    assert parse_callback(*_sent(at=NOW + timedelta(seconds=seconds)), SECRET, NOW) == Problem("callback_stale")


def test_what_is_signed_with_another_secret_is_refused() -> None:
    assert parse_callback(*_sent(secret="another"), SECRET, NOW) == Problem("callback_signature")
    raw, headers = _sent()
    assert parse_callback(raw + b" ", headers, SECRET, NOW) == Problem("callback_signature")
    later = {**headers, "x-kontur-timestamp": str(int(NOW.timestamp()) + 1)}
    assert parse_callback(raw, later, SECRET, NOW) == Problem("callback_signature")


@pytest.mark.parametrize("missing", ["x-kontur-signature", "x-kontur-timestamp"])
def test_what_is_not_signed_is_refused(missing: str) -> None:
    raw, headers = _sent()
    del headers[missing]
    assert parse_callback(raw, headers, SECRET, NOW) == Problem("callback_unsigned")
    assert parse_callback(*_sent(secret=""), "", NOW) == Problem("callback_unsigned")


@pytest.mark.parametrize("timestamp", ["now", "-5", "1e9", "9" * 30, "²"])
def test_a_moment_that_is_none_is_refused(timestamp: str) -> None:
    raw, headers = _sent()
    headers |= {"x-kontur-timestamp": timestamp, "x-kontur-signature": signature(SECRET, timestamp, raw)}
    assert parse_callback(raw, headers, SECRET, NOW) == Problem("callback_stale")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"<html>", b'{"type": "x"', {**BODY, "object": {}}, {**BODY, "object": "x"},
     {**BODY, "object": {"kind": "invoice", "id": {"a": 1}}}, {**BODY, "type": {"a": 1}}],
)  # fmt: skip
def test_a_signed_body_of_another_shape_is_refused(body: Any) -> None:
    assert parse_callback(*_sent(body), SECRET, NOW) == Problem("callback_unreadable")


@given(body=st.binary(max_size=60), given_signature=st.text(max_size=70), timestamp=st.text(max_size=12))
def test_no_body_and_no_header_breaks_the_reader(body: bytes, given_signature: str, timestamp: str) -> None:
    headers = {"x-kontur-signature": given_signature, "x-kontur-timestamp": timestamp}
    assert isinstance(parse_callback(body, headers, SECRET, NOW), Problem)
    signed = headers | {"x-kontur-signature": signature(SECRET, timestamp, body)}
    parse_callback(body, signed, SECRET, NOW)
