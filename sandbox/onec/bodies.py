"""Bodies of writes: what a base takes of them, what it drops in silence, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sandbox.onec.model import EMPTY_GUID, Property, Release, Type
from sandbox.onec.refusals import Refusal

BIND = "@odata.bind"
_ENUMS = {
    "СтавкаНДС": "СтавкиНДС",
    "ЮридическоеФизическоеЛицо": "ЮридическоеФизическоеЛицо",
    "ВидДоговора": "ВидыДоговоровКонтрагентов",
}
_BOUND = re.compile(r"(?P<target>\w+)\(guid'(?P<key>[0-9a-fA-F-]{36})'\)")


def taken(body: Any, kind: Type, release: Release) -> dict[str, Any]:
    """The properties and sections of a body that the object has, in their own types. Raises Refusal."""
    if not isinstance(body, dict):
        raise Refusal(400, "2", "Тело запроса не является объектом JSON")
    found = _values(body, kind.properties, release)
    for section in kind.sections:
        if section in body:
            found[section] = _rows(body[section], section, release.section(kind.name, section), release)
    return found


def _rows(value: Any, section: str, columns: dict[str, Property], release: Release) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Refusal(400, "4", f"Неверное значение свойства {section}: ожидался массив строк")
    if any("LineNumber" not in row for row in value):
        raise Refusal(
            500,
            "-1",
            "Произошла внутренняя ошибка OData сервиса. Дополнительные сведения можно найти в технологическом журнале.",
        )
    made = [_values(row, columns, release) for row in value]
    return sorted(made, key=lambda row: int(row["LineNumber"]))


def _values(body: Mapping[str, Any], properties: dict[str, Property], release: Release) -> dict[str, Any]:
    found = {}
    for name, value in body.items():
        if name.endswith(BIND):
            reference = properties.get(f"{name.removesuffix(BIND)}_Key")
            if reference is not None:
                found[reference.name] = _bound(name, value, reference)
        elif (one := properties.get(name)) is not None:
            found[name] = _value(one, value, release)
    return found


def _bound(name: str, value: Any, reference: Property) -> str:
    match = _BOUND.fullmatch(value) if isinstance(value, str) else None
    if match is None or match["target"] != reference.target:
        raise Refusal(400, "4", f"Неверное значение свойства {name}")
    return match["key"].lower()


def _value(one: Property, value: Any, release: Release) -> Any:
    wrong = Refusal(400, "4", f"Неверное значение свойства {one.name}: {str(value)[:60]!r}")
    match one.kind:
        case "b" if isinstance(value, bool):
            return value
        case "n" if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case "i" if isinstance(value, int | str) and not isinstance(value, bool) and str(value).strip("-").isdecimal():
            return str(value)
        case "g" if value is None:
            return EMPTY_GUID
        case "g" if isinstance(value, str):
            try:
                return str(UUID(value))
            except ValueError as error:
                raise wrong from error
        case "d" if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError as error:
                raise wrong from error
            if moment.tzinfo is not None:
                raise wrong
            return moment.strftime("%Y-%m-%dT%H:%M:%S")
        case "s" | "v" if isinstance(value, str):
            if value and one.name in _ENUMS and value not in release.members(_ENUMS[one.name]):
                raise wrong
            return value
        case "s" if value is None:
            return ""
        case _:
            raise wrong
