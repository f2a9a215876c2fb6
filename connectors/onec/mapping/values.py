"""Single values on a base's wire: decimal commas, doubles, dates without a zone, empty references."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from connectors import wire
from connectors.onec.schema import EMPTY_DATE, EMPTY_GUID
from connectors.wire import ShapeError

_SPACES: Final = str.maketrans("", "", " \u00a0\u202f")


def number(value: Any, name: str) -> Decimal:
    """A number. As text it may have a decimal comma and spaces between thousands; with both comma and point nobody can
    tell which of them is which. Raises ShapeError."""
    if isinstance(value, str):
        value = value.translate(_SPACES)
        if "," in value:
            if "." in value or value.count(",") > 1:
                raise ShapeError(name)
            value = value.replace(",", ".")
    return wire.decimal(value, name)


def kopecks(record: Mapping[str, Any], name: str) -> int:
    """A sum in roubles, half-up: the wire's numbers are binary fractions. Raises ShapeError."""
    return wire.rounded_kopecks(number(wire.required(record, name), name), name)


def optional_kopecks(record: Mapping[str, Any], name: str) -> int | None:
    """A sum, or None where the base gives none."""
    return None if record.get(name) in (None, "") else kopecks(record, name)


def flag(record: Mapping[str, Any], name: str) -> bool:
    """A yes or no; absent is no. Raises ShapeError."""
    return required_flag({name: record.get(name, False)}, name)


def required_flag(record: Mapping[str, Any], name: str) -> bool:
    """A yes or no that must be there: what does not say whether it counts says nothing. Raises ShapeError."""
    value = record.get(name)
    if not isinstance(value, bool):
        raise ShapeError(name)
    return value


def key(record: Mapping[str, Any], name: str) -> str:
    """A reference, "" for an empty one. Raises ShapeError for what is none."""
    found = wire.text(record.get(name)).strip().lower()
    if found in ("", EMPTY_GUID):
        return ""
    try:
        return str(UUID(found))
    except ValueError as error:
        raise ShapeError(name) from error


def required_key(record: Mapping[str, Any], name: str) -> str:
    """A reference that must be there. Raises ShapeError."""
    found = key(record, name)
    if not found:
        raise ShapeError(name)
    return found


def reference(record: Mapping[str, Any], name: str, kind: str) -> str:
    """A reference of a given kind: its own attribute, or one of several types that holds this kind; else ""."""
    own = key(record, f"{name}_Key")
    if own:
        return own
    return key(record, name) if wire.text(record.get(f"{name}_Type")).endswith(f".{kind}") else ""


def moment(record: Mapping[str, Any], name: str, zone: tzinfo) -> datetime:
    """A moment on the base's own clock, as a moment in UTC. Raises ShapeError."""
    value = record.get(name)
    try:
        found = datetime.fromisoformat(value)  # type: ignore[arg-type]  # whatever is no text is refused
    except (TypeError, ValueError) as error:
        raise ShapeError(name) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    return found.astimezone(UTC)


def dated(value: Any) -> bool:
    """Whether a date is filled."""
    return isinstance(value, str) and bool(value) and not value.startswith(EMPTY_DATE)
