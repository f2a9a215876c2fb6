"""Reading vendors' JSON: exact numbers, and lenient converters that refuse what would change a document's meaning."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

from chassis.clock import Clock
from chassis.values.money import KOPECKS_MAX, exact_kopecks_from_decimal, in_range, kopecks_from_decimal

RETRY_AFTER_SECONDS_MAX: Final = 3_600
TOKEN_SECONDS_UNTOLD: Final = 600
"""A token whose life its vendor does not tell; a token that ends sooner is renewed when it is refused."""
_RETRY_AFTER_LENGTH_MAX: Final = 40
_MISSING: Final = object()


class ShapeError(ValueError):
    """A field that is not what its name promises; the text is the field's name."""


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


_UNWRITABLE: Final = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def read_json(body: bytes) -> Any:
    """The JSON of a body with exact decimals. Raises ValueError for anything else, half a document included.

    NUL and halves of characters (a text that its vendor cut in the middle of an emoji) become U+FFFD: escaped they are
    JSON, but no text that Postgres or another JSON takes, and one row of a list would keep all behind it waiting.
    """
    try:
        document = _decoder.decode(body.decode("utf-8-sig"))
        return _writable(document) if _UNWRITABLE.search(body) else document
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {_writable(name): _writable(item) for name, item in value.items()}
    return value


def required(record: Mapping[str, Any], name: str) -> Any:
    """The value of a field that must be there, be it null. Raises ShapeError."""
    value = record.get(name, _MISSING)
    if value is _MISSING:
        raise ShapeError(name)
    return value


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """An object. PHP writes an empty one as ``[]``. Raises ShapeError."""
    if isinstance(value, dict):
        return value
    if value is None or value == [] or value is False:
        return {}
    raise ShapeError(name)


def filled_mapping(value: Any, name: str) -> Mapping[str, Any]:
    """An object that is not empty. Raises ShapeError."""
    if isinstance(value, dict) and value:
        return value
    raise ShapeError(name)


def records(value: Any, name: str) -> list[Mapping[str, Any]]:
    """A list of objects. PHP writes a list with gaps as an object, an empty one as ``false`` at times. Raises
    ShapeError."""
    if isinstance(value, dict):
        value = list(value.values())
    if value is None or value is False:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ShapeError(name)
    return value


def text(value: Any) -> str:
    """Text; null, false and empty lists are ``""``. Numbers are written out. Raises ShapeError for objects."""
    if isinstance(value, str):
        return value
    if value is None or value is False or value == []:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise ShapeError("text")


def identity(value: Any) -> str | None:
    """A reference; null, ``""``, ``0``, ``"0"``, false and ``[]`` mean none. Raises ShapeError."""
    found = text(value).strip()
    return None if found in ("", "0") else found


def decimal(value: Any, name: str) -> Decimal:
    """An exact number out of a number or its text. Raises ShapeError for anything else and for absurd sizes."""
    if type(value) is int and -KOPECKS_MAX < value < KOPECKS_MAX:
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ShapeError(name)
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
        return in_range(number)
    except (InvalidOperation, ValueError) as error:
        raise ShapeError(name) from error


def whole(value: Any, name: str) -> int:
    """A whole number out of a number or its text. Raises ShapeError."""
    number = decimal(value, name)
    if number != number.to_integral_value():
        raise ShapeError(name)
    return int(number)


def bearer(answer: Mapping[str, Any]) -> tuple[str, int, str]:
    """A bearer token, its life in seconds and the refresh token, "" without one (RFC 6749 §5.1, which lets a vendor
    leave the life out). Raises ShapeError for no token, one of another type, or one that lives no time."""
    token, told = text(answer.get("access_token")), answer.get("expires_in")
    seconds = TOKEN_SECONDS_UNTOLD if told is None else whole(told, "expires_in")
    if not token or text(answer.get("token_type")).lower() not in ("", "bearer") or seconds <= 0:
        raise ShapeError("access_token")
    return token, seconds, text(answer.get("refresh_token"))


def kopecks(value: Any, name: str) -> int:
    """A sum in roubles with at most two decimals → kopecks. Raises ShapeError."""
    try:
        return exact_kopecks_from_decimal(decimal(value, name))
    except ValueError as error:
        raise ShapeError(name) from error


def rounded_kopecks(value: Any, name: str) -> int:
    """A sum in roubles → kopecks, half-up. Raises ShapeError."""
    try:
        return kopecks_from_decimal(decimal(value, name))
    except ValueError as error:
        raise ShapeError(name) from error


def moment(value: Any, name: str) -> datetime:
    """A moment with zone. Raises ShapeError."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ShapeError(name) from error
    if found.tzinfo is None:
        raise ShapeError(name)
    return found


def optional_moment(value: Any, name: str) -> datetime | None:
    """A moment with zone, or None for an empty value."""
    return None if value in (None, "", False) else moment(value, name)


def day(value: Any, name: str) -> date:
    """A date out of a date or of a moment, whose date part stands as the vendor wrote it: converting it to UTC would
    move the day. Raises ShapeError."""
    try:
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError) as error:
        raise ShapeError(name) from error


def optional_day(value: Any, name: str) -> date | None:
    """A date, or None for an empty value."""
    return None if value in (None, "", False) else day(value, name)


def required_identity(record: Mapping[str, Any], name: str) -> str:
    """The id in a field that must hold one. Raises ShapeError."""
    found = identity(record.get(name))
    if found is None:
        raise ShapeError(name)
    return found


def optional_kopecks(record: Mapping[str, Any], name: str) -> int | None:
    """A sum in roubles → kopecks, or None for an empty field. Raises ShapeError."""
    value = record.get(name)
    return None if value is None else kopecks(value, name)


def retry_after(value: str | None, clock: Clock) -> datetime | None:
    """``Retry-After``, in seconds or as a date (RFC 9110 §10.2.3) → business time; None without one that can be read,
    and for a date that is over."""
    if value is None or len(value) > _RETRY_AFTER_LENGTH_MAX:
        return None
    now, text = clock.now(), value.strip()
    if text.isdecimal():
        return now + timedelta(seconds=min(int(text), RETRY_AFTER_SECONDS_MAX)) if len(text) < 10 else None
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    latest = now + timedelta(seconds=RETRY_AFTER_SECONDS_MAX)
    return min(at, latest) if at.tzinfo is not None and at > now else None


def unix_moment(value: Any) -> datetime | None:
    """Unix seconds → a moment; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value < 10**11:
        return None
    return datetime.fromtimestamp(int(value), UTC)
