"""Reads callbacks of Kontur.Accounting: signed, fresh, ids only. The format is this project's assumption."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from chassis.domain import Problem
from connectors import wire
from connectors.ports.callbacks import AccountingEvent
from connectors.wire import ShapeError

SKEW_MAX: Final = timedelta(minutes=5)
_MONEY: Final = frozenset({"invoice.updated", "invoice.paid", "payment.matched", "payment.reversed"})
_VERSION: Final = "v1="
_NAME_CHARS_MAX: Final = 100


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``X-Kontur-Signature`` of a body: HMAC-SHA256 of the moment, a point and the raw body."""
    signed = timestamp.encode() + b"." + body
    return _VERSION + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def parse_callback(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> AccountingEvent | Problem:
    """The event of a callback. The signature is compared first, in constant time, so that nothing unsigned is read."""
    given, timestamp = headers.get("x-kontur-signature", ""), headers.get("x-kontur-timestamp", "")
    if not given or not timestamp or not secret:
        return Problem("callback_unsigned")
    if not hmac.compare_digest(given.encode(), signature(secret, timestamp, body).encode()):
        return Problem("callback_signature")
    if not timestamp.isdecimal() or len(timestamp) > 11:
        return Problem("callback_stale")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > SKEW_MAX:
        return Problem("callback_stale")
    try:
        document = wire.filled_mapping(wire.read_json(body), "body")
        about = wire.mapping(document.get("object"), "object")
        name = wire.text(document.get("type")) or headers.get("x-kontur-event", "")
        delivery = headers.get("x-kontur-delivery", "") or wire.text(document.get("id"))
        object_id = wire.identity(about.get("id"))
        kind = wire.text(about.get("kind"))
    except (ShapeError, ValueError):
        return Problem("callback_unreadable")
    if not name or not delivery or object_id is None:
        return Problem("callback_unreadable")
    delivery, name, kind, object_id = (one[:_NAME_CHARS_MAX] for one in (delivery, name, kind, object_id))
    return AccountingEvent(delivery, name, kind, object_id, money=name in _MONEY)
