"""Query options of a read, as the platform takes them: no plus for a space, no option that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sandbox.onec.evaluate import Entity, Scope, matches, value_of
from sandbox.onec.grammar import GrammarError, Guid, Node, Path, parse_filter, parse_order
from sandbox.onec.model import TYPES, Property, Type
from sandbox.onec.refusals import Refusal
from sandbox.onec.view import View

KNOWN = ("select", "filter", "orderby", "top", "skip", "expand", "inlinecount", "format")
PRESENTATION = "____Presentation"


@dataclass(slots=True)
class Options:
    """What a read asks for; `select` and `expand` are empty for all and none."""

    select: list[str] = field(default_factory=list)
    condition: Node | None = None
    order: list[tuple[Path, bool]] = field(default_factory=list)
    top: int | None = None
    skip: int = 0
    expand: list[str] = field(default_factory=list)
    counted: bool = False
    allowed_only: bool = False
    format: str = ""


def parse(query_string: str) -> Options:
    """Options out of a raw query. Raises Refusal."""
    if "+" in query_string:
        raise Refusal(400, "14", "Ошибка разбора опций запроса: недопустимый символ '+'")
    found = Options()
    for part in filter(None, query_string.split("&")):
        raw, _, value = part.partition("=")
        name, value = unquote(raw), unquote(value)
        if name in ("allowedOnly", "$allowedOnly"):
            found.allowed_only = value == "true"
        elif name.startswith("$"):
            if name[1:] not in KNOWN:
                raise Refusal(400, "0", f"Параметр {name} не поддерживается")
            _take(found, name[1:], value)
    return found


def _take(found: Options, name: str, value: str) -> None:
    try:
        match name:
            case "filter":
                found.condition = parse_filter(value)
            case "orderby":
                found.order = parse_order(value)
            case "top" | "skip":
                setattr(found, name, _count(name, value))
            case "select" | "expand":
                setattr(found, name, [one.strip() for one in value.split(",") if one.strip()])
            case "inlinecount":
                found.counted = value == "allpages"
            case _:
                found.format = value
    except GrammarError as error:
        raise refused(error) from error


def _count(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > 9:
        raise GrammarError(f"в ${name} ожидалось целое число, а не {value!r}")
    return int(value)


def refused(error: GrammarError) -> Refusal:
    """The platform's refusal of what cannot be parsed or computed."""
    return Refusal(501 if error.code == 21 else 400, str(error.code), f"Ошибка разбора опций запроса: {error}")


def selected(rows: Sequence[Entity], options: Options, kind: Type, view: View) -> list[Entity]:
    """The rows that meet the condition, in order, all pages of them. Raises Refusal."""
    try:
        return _ordered(rows, options, kind, view)
    except GrammarError as error:
        raise refused(error) from error


def _ordered(rows: Sequence[Entity], options: Options, kind: Type, view: View) -> list[Entity]:
    condition = options.condition
    found = [row for row in rows if condition is None or matches(condition, _scope(kind, row, view))]
    for path, descending in reversed(options.order):
        found.sort(key=lambda row: _rank(value_of(path, _scope(kind, row, view))), reverse=descending)
    return found


def page(rows: Sequence[Entity], options: Options, shift: int = 0) -> list[Entity]:
    """The part of the rows that was asked for."""
    start = max(0, options.skip + shift)
    return list(rows[start:] if options.top is None else rows[start : start + options.top])


def _scope(kind: Type, row: Entity, view: View) -> Scope:
    return Scope(kind, row, view.one, lambda section: view.release.section(kind.name, section), {})


def _rank(value: Any) -> tuple[str, Any]:
    value = value.value if isinstance(value, Guid) else value
    value = value.key if hasattr(value, "key") else value
    return type(value).__name__, value if value is not None else 0


def columns(options: Options, kind: Type, view: View) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the properties and, by section, of the columns that were asked for. Raises Refusal."""
    sections = {name: view.release.section(kind.name, name) for name in kind.sections}
    whole: tuple[list[str], dict[str, list[str]]] = (list(kind.properties), {n: list(c) for n, c in sections.items()})
    every = f"*{PRESENTATION}"
    shown = [f"{name.removesuffix('_Key')}{PRESENTATION}" for name in kind.properties if not name.endswith("_Type")]
    shown = shown if every in options.select else []
    if not options.select or "*" in options.select:
        return [*whole[0], *shown], whole[1]
    if "**" in options.select:
        return [*whole[0], *shown], {}
    names: list[str] = list(shown)
    parts: dict[str, list[str]] = {}
    for name in (one for one in options.select if one != every):
        section, _, column = name.partition("/")
        if name in sections:
            parts[name] = list(sections[name])
        elif column and section in sections and column in sections[section]:
            parts.setdefault(section, []).append(column)
        elif name in kind.properties or _presented(name, kind):
            names.append(name)
        elif name not in options.expand and not _of_expanded(section, column, options, kind):
            raise Refusal(400, "10", f"Свойство {name} не найдено")
    return names, parts


def _of_expanded(reference: str, column: str, options: Options, kind: Type) -> bool:
    found = kind.navigation(reference) if reference in options.expand else None
    return found is not None and column in TYPES[found.target].properties


def _presented(name: str, kind: Type) -> bool:
    base = name.removesuffix(PRESENTATION)
    return name == "Presentation" or (name != base and (base in kind.properties or kind.navigation(base) is not None))


def presentation(name: str, row: Entity, kind: Type, view: View) -> str:
    """The text form of a property, or of the object itself."""
    if name == "Presentation":
        return _shown(row)
    base = name.removesuffix(PRESENTATION)
    reference = kind.navigation(base)
    target = reference.target if reference is not None else ""
    key = str(row.get(f"{base}_Key", row.get(base, "")))
    if not target and f"{base}_Type" in row:
        target = str(row[f"{base}_Type"]).removeprefix("StandardODATA.")
    if target in TYPES:
        found = view.one(target, key)
        return _shown(found) if found is not None else ""
    return key


def _shown(row: Entity) -> str:
    if "Description" in row:
        return str(row["Description"])
    return f"№ {row.get('Number', '')} от {'.'.join(reversed(str(row.get('Date', ''))[:10].split('-')))}"


def expanded(row: Entity, options: Options, kind: Type, view: View) -> dict[str, Any]:
    """The referenced objects that were asked for, with what of them was. Raises Refusal for what is no reference."""
    made: dict[str, Any] = {}
    for name in options.expand:
        reference: Property | None = kind.navigation(name)
        if reference is None:
            raise Refusal(501, "0", f"Раскрытие {name} не поддерживается: $expand только для ссылок")
        target = view.one(reference.target, str(row[reference.name]))
        wanted = [one.partition("/")[2] for one in options.select if one.startswith(f"{name}/")]
        made[name] = {column: target[column] for column in wanted} if target is not None and wanted else target
    return made
