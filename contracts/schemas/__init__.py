"""The JSON Schemas of all public messages, generated: ``python -m contracts.schemas`` writes them.

A released schema changes by addition only; anything else needs a new version of the message, which is a new file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.envelope import Message

FOLDER = Path(__file__).resolve().parent


def schema_path(message: type[Message]) -> Path:
    """Where a message's schema lies."""
    return FOLDER / f"{message.NAME}.v{message.VERSION}.json"


def schema_text(message: type[Message]) -> str:
    """The schema as it is written, in a stable order."""
    return json.dumps(message.model_json_schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def breaks(released: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """Every change from the released schema that is not an addition, in words; empty when readers of either side can
    read messages of the other."""
    return list(_breaks(released, present, released, present, "", frozenset()))


def _breaks(
    old: dict[str, Any],
    new: dict[str, Any],
    old_root: dict[str, Any],
    new_root: dict[str, Any],
    place: str,
    seen: frozenset[tuple[str, str]],
) -> Iterator[str]:
    pair = (old.get("$ref", ""), new.get("$ref", ""))
    if pair[0]:
        if pair in seen:
            return
        seen = seen | {pair}
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    where = place or "the message"
    if old.get("type") != new.get("type"):
        yield f"{where}: type {old.get('type')} became {new.get('type')}"
    if old.get("format") != new.get("format"):
        yield f"{where}: format {old.get('format')} became {new.get('format')}"
    lost = [str(value) for value in old.get("enum", []) if value not in new.get("enum", [])]
    if lost:
        yield f"{where}: values {', '.join(lost)} were taken away"
    if "enum" in new and "enum" not in old:
        yield f"{where}: only certain values are taken now"
    if old.get("anyOf") != new.get("anyOf"):
        missing = [part for part in old.get("anyOf", []) if part not in new.get("anyOf", [])]
        if missing or not old.get("anyOf"):
            yield f"{where}: its alternatives changed"
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name in old_fields:
        if name not in new_fields:
            yield f"{place}.{name}: was taken away"
        else:
            yield from _breaks(old_fields[name], new_fields[name], old_root, new_root, f"{place}.{name}", seen)
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{place}.{name}: is required now"
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
            yield from _breaks(old[part], new[part], old_root, new_root, f"{place}[]", seen)


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    found: dict[str, Any] = root["$defs"][reference.rpartition("/")[2]]
    return found
