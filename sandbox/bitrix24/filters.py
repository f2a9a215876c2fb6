"""Filters with all their prefixes, orders and offsets over one table, for classic and universal lists alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from operator import itemgetter
from typing import Any

from sandbox.bitrix24.store import CHANGED, Record, Table
from sandbox.bitrix24.values import BadValueError, comparable, is_empty, parse

PREFIXES = ("!=%", "!%=", "!><", "!@", "!%", "!=", "=%", "%=", ">=", "<=", "><", "!", "=", ">", "<", "@", "%", "?")


@dataclass(frozen=True, slots=True)
class Column:
    """What a filter needs to know of a field: its stored name, its kind and how to get it from a record."""

    name: str
    kind: str
    read: Callable[[Record], Any] | None = None

    def values(self, record: Record) -> list[Any]:
        value = record.get(self.name) if self.read is None else self.read(record)
        if isinstance(value, list):
            return [comparable(self.kind, item) for item in value] or [None]
        return [comparable(self.kind, value)]


class UnknownColumnError(LookupError):
    """The filter or order names a field that does not exist."""


class BadFilterValueError(ValueError):
    """The value of a filter does not fit the field."""


Predicate = Callable[[Record], bool]
Resolve = Callable[[str], Column | None]


@dataclass(slots=True)
class Query:
    """A compiled filter: predicates, and what allows to look at fewer records than all."""

    predicates: list[Predicate] = field(default_factory=list)
    equal: dict[str, list[Any]] = field(default_factory=dict)
    after_id: int | None = None
    changed_since: float | None = None


def split_prefix(key: str) -> tuple[str, str]:
    for prefix in PREFIXES:
        if key.startswith(prefix):
            return prefix, key[len(prefix) :]
    return "", key


def compile_filter(tree: Any, resolve: Resolve, zone: tzinfo, *, strict: bool) -> Query:
    """A filter tree to a query; `strict` raises UnknownColumnError for unknown fields, else they are ignored."""
    query = Query()
    if is_empty(tree):
        return query
    if isinstance(tree, list):
        tree = {str(index): item for index, item in enumerate(tree)}
    if not isinstance(tree, dict):
        raise BadFilterValueError("filter")
    for key, value in tree.items():
        if key.lower() == "logic":
            continue
        if key.isdigit() and isinstance(value, dict | list):
            query.predicates.append(_group(value, resolve, zone, strict))
            continue
        prefix, name = split_prefix(key)
        column = resolve(name)
        if column is None:
            if strict:
                raise UnknownColumnError(name)
            continue
        _add(query, prefix, column, value, zone)
    if str(tree.get("logic", tree.get("LOGIC", ""))).upper() == "OR":
        either = query.predicates
        return Query(predicates=[lambda record: any(test(record) for test in either)])
    return query


def _group(tree: Any, resolve: Resolve, zone: tzinfo, strict: bool) -> Predicate:
    tests = compile_filter(tree, resolve, zone, strict=strict).predicates
    return lambda record: all(test(record) for test in tests)


def _add(query: Query, prefix: str, column: Column, value: Any, zone: tzinfo) -> None:
    wanted = _operands(column, value, zone, pattern="%" in prefix or prefix == "?")
    query.predicates.append(_predicate(prefix, column, wanted))
    if column.read is None:
        if prefix in ("", "=", "@") and wanted and None not in wanted:
            query.equal[column.name] = wanted
        elif prefix == ">" and column.name == "ID":
            query.after_id = wanted[0]
        elif prefix in (">", ">=") and column.name == CHANGED and wanted and isinstance(wanted[0], int | float):
            query.changed_since = wanted[0]


def _operands(column: Column, value: Any, zone: tzinfo, *, pattern: bool) -> list[Any]:
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
    if pattern:
        return [str(item).casefold() for item in items]
    try:
        # A "char" is compared as it was written: parse() would read every stranger as "N".
        kind = "string" if column.kind == "char" else column.kind
        return [comparable(column.kind, parse(kind, item, zone)) for item in items]
    except BadValueError as error:
        raise BadFilterValueError(column.name) from error


def _predicate(prefix: str, column: Column, wanted: list[Any]) -> Predicate:
    values = column.values
    if prefix.startswith("!"):
        positive = _predicate(prefix[1:], column, wanted)
        return lambda record: not positive(record)
    if prefix in ("", "=", "@"):
        options = {_blank(item) for item in wanted}
        return lambda record: any(_blank(item) in options for item in values(record))
    if prefix in ("%", "?"):
        return lambda record: any(text in str(item) for item in values(record) if item is not None for text in wanted)
    if prefix in ("=%", "%="):
        tests = [_like(text) for text in wanted]
        return lambda record: any(
            test.fullmatch(str(item)) for item in values(record) if item is not None for test in tests
        )
    if prefix == "><":
        low, high = [*wanted, None, None][:2]
        return lambda record: any(
            item is not None and (low is None or item >= low) and (high is None or item <= high)
            for item in values(record)
        )
    return _comparison(prefix, column, wanted[0] if wanted else None)


def _comparison(prefix: str, column: Column, bound: Any) -> Predicate:
    values = column.values
    if bound is None:
        return lambda record: prefix in (">=", "<=")
    match prefix:
        case ">":
            return lambda record: any(item is not None and item > bound for item in values(record))
        case ">=":
            return lambda record: any(item is not None and item >= bound for item in values(record))
        case "<":
            return lambda record: any(item is not None and item < bound for item in values(record))
        case _:
            return lambda record: any(item is not None and item <= bound for item in values(record))


def _blank(item: Any) -> Any:
    """Nothing, an empty text and a relation to 0 are one and the same to a filter."""
    return None if item in ("", 0) and not isinstance(item, bool) else item


def _like(text: str) -> re.Pattern[str]:
    escaped = "".join(".*" if letter == "%" else "." if letter == "_" else re.escape(letter) for letter in text)
    return re.compile(escaped, re.DOTALL)


def compile_order(tree: Any, resolve: Resolve, *, strict: bool) -> list[tuple[Column, bool]]:
    """`{"field": "ASC" | "DESC"}` to columns with True for descending; `strict` raises UnknownColumnError."""
    order: list[tuple[Column, bool]] = []
    if not isinstance(tree, dict):
        return order
    for name, direction in tree.items():
        column = resolve(name)
        text = str(direction).upper()
        if column is None:
            if strict:
                raise UnknownColumnError(name)
            continue
        order.append((column, text.startswith("DESC")))
    return order


def _candidates(table: Table, query: Query) -> Iterable[Record]:
    if "ID" in query.equal:
        found = (table.get(number) for number in sorted({int(item) for item in query.equal["ID"]}))
        return [record for record in found if record is not None]
    ways: list[tuple[int, Callable[[], Iterable[int]]]] = []
    for name, wanted in query.equal.items():
        if table.indexed(name):
            ways.append((sum(table.count(name, item) for item in wanted), partial(table.ids_of, name, wanted)))
    if (past := query.after_id) is not None:
        ways.append((table.count_after(past), partial(table.after, past)))
    if (since := query.changed_since) is not None:
        ways.append((table.count_changed_since(since), partial(table.changed_since, since)))
    if not ways:
        return table
    _, narrowest = min(ways, key=itemgetter(0))
    return (table.records[number] for number in narrowest())


def run(
    table: Table, query: Query, order: list[tuple[Column, bool]], *, offset: int, limit: int
) -> tuple[list[Record], int]:
    """The page and the total. A negative offset counts nothing and begins at the first record."""
    tests = query.predicates
    found: list[Record] = []
    by_id = not order or (order[0][0].name == "ID" and not order[0][1])
    for record in _candidates(table, query):
        if all(test(record) for test in tests):
            found.append(record)
            if offset < 0 and by_id and len(found) >= limit:
                break
    if not by_id:
        for column, descending in reversed(order):
            found.sort(key=lambda record, column=column: _sortable(column.values(record)[0]), reverse=descending)  # type: ignore[misc]
    start = max(offset, 0)
    return found[start : start + limit], len(found)


def _sortable(value: Any) -> tuple[int, Any]:
    return (0, 0) if value is None else (1, value)
