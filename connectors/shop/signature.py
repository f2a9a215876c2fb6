"""Whether a request of a shop is its own and fresh: HMAC-SHA256 over time, delivery id and the body's bytes."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from chassis.domain import Problem
from connectors.ports.shop import SignedPush

SKEW_SECONDS_MAX: Final = 300
VERSION: Final = "v1"
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")
_SIGNATURE: Final = re.compile(r"v1=[0-9a-f]{64}")


def sign(secret: str, timestamp: int, delivery: str, body: bytes) -> str:
    """The value of ``X-Shop-Signature``."""
    signed = b"%d.%s." % (timestamp, delivery.encode()) + body
    return f"{VERSION}={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify(headers: Mapping[str, str], body: bytes, keys: Mapping[str, str], now_unix: float) -> SignedPush | Problem:
    """``headers`` with lower-case names; ``keys`` are the shop's secrets by their ids, two while one is exchanged.

    Problems: ``push_delivery`` (no UUID), ``push_key`` (no such secret), ``push_timestamp`` (none, or more than 300
    seconds away), ``push_signature``.
    """
    delivery = headers.get("x-shop-delivery", "")
    try:
        identity = UUID(delivery)
    except ValueError:
        return Problem("push_delivery")
    secret = keys.get(headers.get("x-shop-key-id", ""))
    if secret is None:
        return Problem("push_key")
    timestamp = headers.get("x-shop-timestamp", "")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now_unix - int(timestamp)) > SKEW_SECONDS_MAX:
        return Problem("push_timestamp")
    given = headers.get("x-shop-signature", "")
    expected = sign(secret, int(timestamp), delivery, body)
    if not _SIGNATURE.fullmatch(given) or not hmac.compare_digest(given, expected):
        return Problem("push_signature")
    return SignedPush(identity)
