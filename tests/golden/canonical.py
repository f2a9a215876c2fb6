"""A state as plain JSON: the same knowledge has the same text, whatever its classes are called or have added since."""

import dataclasses
import enum
import hashlib
import json
from collections.abc import Mapping, Set
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from chassis.domain import Event


def canonical(value: Any) -> Any:
    """Plain JSON values. A field that has its default is left out, so that a new one changes nothing of old states."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {_key(key): canonical(one) for key, one in value.items()}
    if isinstance(value, Set):
        return sorted((canonical(one) for one in value), key=text_of)
    if isinstance(value, tuple | list):
        return [canonical(one) for one in value]
    if isinstance(value, BaseModel):
        kind = {"event": value.NAME} if isinstance(value, Event) else {}
        return kind | _told((name, getattr(value, name), info) for name, info in type(value).model_fields.items())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _told((one.name, getattr(value, one.name), one) for one in dataclasses.fields(value))
    raise TypeError(f"a state holds {type(value).__name__}, which has no canonical form; give it one here")


def text_of(value: Any) -> str:
    """Canonical JSON as text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hash_of(value: Any) -> str:
    """SHA-256 over the text of canonical JSON."""
    return hashlib.sha256(text_of(value).encode()).hexdigest()


def _told(fields: Any) -> dict[str, Any]:
    return {name: canonical(value) for name, value, info in fields if not _is_default(value, info)}


def _is_default(value: Any, info: Any) -> bool:
    if info.default_factory not in (None, dataclasses.MISSING):
        return bool(value == info.default_factory())
    return bool(type(value) is type(info.default) and value == info.default)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else text_of(canonical(key))
