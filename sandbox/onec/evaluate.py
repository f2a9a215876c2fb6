"""The value of a parsed condition for one object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.onec.grammar import Binary, Function, GrammarError, Guid, Lambda, Literal, Node, Path, Unary
from sandbox.onec.model import TYPES, Property, Type

Entity = Mapping[str, Any]
Follow = Callable[[str, str], Entity | None]
"""The object of a set by its reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference with the set that it points into; `target` is "" for a value of several types that is empty."""

    key: str
    target: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked for: an object of a type, with rows of a section under their variables."""

    kind: Type
    entity: Entity
    follow: Follow
    sections: Callable[[str], dict[str, Property]]
    rows: Mapping[str, tuple[dict[str, Property], Entity]]


def matches(node: Node, scope: Scope) -> bool:
    """Whether the object meets the condition. Raises GrammarError for a condition that is no yes or no."""
    found = value_of(node, scope)
    if not isinstance(found, bool):
        raise GrammarError("условие отбора не является логическим")
    return found


def value_of(node: Node, scope: Scope) -> Any:
    """A text, number, yes or no, moment, literal reference or reference of an object."""
    match node:
        case Literal(value):
            return value
        case Path(steps):
            return _path(steps, scope)
        case Unary("not", operand):
            return not matches(operand, scope)
        case Unary(_, operand):
            return -_number(value_of(operand, scope))
        case Binary("and", left, right):
            return matches(left, scope) and matches(right, scope)
        case Binary("or", left, right):
            return matches(left, scope) or matches(right, scope)
        case Binary(operator, left, right):
            return _binary(operator, value_of(left, scope), value_of(right, scope))
        case Function():
            return _function(node, scope)
        case Lambda():
            return _lambda(node, scope)


def _path(steps: tuple[str, ...], scope: Scope) -> Any:
    first, *rest = steps
    if first in scope.rows:
        columns, row = scope.rows[first]
        return _follow(rest, columns, row, scope)
    return _follow(list(steps), scope.kind.properties, scope.entity, scope)


def _follow(steps: list[str], properties: dict[str, Property], entity: Entity | None, scope: Scope) -> Any:
    step, *rest = steps
    if not rest:
        return _property(step, properties, entity)
    found = properties.get(f"{step}_Key")
    if found is None or not found.target:
        raise GrammarError(f"свойство {step} не найдено", 10)
    target = scope.follow(found.target, str(entity[found.name])) if entity is not None else None
    return _follow(rest, TYPES[found.target].properties, target, scope)


def _property(name: str, properties: dict[str, Property], entity: Entity | None) -> Any:
    found = properties.get(name)
    if found is None:
        raise GrammarError(f"свойство {name} не найдено", 10)
    if entity is None:
        return None
    value = entity[name]
    if found.kind == "g":
        return Guid(str(value))
    if f"{name}_Type" in properties:
        return Reference(str(value), str(entity[f"{name}_Type"]).removeprefix("StandardODATA."))
    if found.kind in ("n", "i"):
        return Decimal(str(value))
    return datetime.fromisoformat(value) if found.kind == "d" else value


def _binary(operator: str, left: Any, right: Any) -> Any:
    if operator in ("add", "sub", "mul", "div"):
        a, b = _number(left), _number(right)
        if operator == "div" and not b:
            raise GrammarError("деление на ноль", 21)
        return {"add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: a / b}[operator]()
    if operator in ("eq", "ne"):
        return _equal(left, right) == (operator == "eq")
    if left is None or right is None:
        return False
    if type(left) is not type(right) or isinstance(left, Guid | Reference | bool):
        raise GrammarError("значения разных типов не сравниваются")
    return {"gt": left > right, "ge": left >= right, "lt": left < right, "le": left <= right}[operator]


def _equal(left: Any, right: Any) -> bool:
    # A value of several types equals a reference of its own type alone: a plain literal finds nothing.
    return type(left) is type(right) and bool(left == right)


def _lambda(node: Lambda, scope: Scope) -> bool:
    if node.section not in scope.kind.sections:
        raise GrammarError(f"табличная часть {node.section} не найдена", 10)
    columns = scope.sections(node.section)
    found = (
        matches(node.condition, Scope(scope.kind, scope.entity, scope.follow, scope.sections,
                                      {**scope.rows, node.variable: (columns, row)}))
        for row in scope.entity[node.section]
    )  # fmt: skip
    return any(found) if node.quantifier == "any" else all(found)


def _function(node: Function, scope: Scope) -> Any:
    if node.name in ("cast", "isof"):
        return _typed(node, scope)
    found = [value_of(argument, scope) for argument in node.arguments]
    values = ["" if one is None else one for one in found]
    match node.name, values:
        case "concat", [str(a), str(b)]:
            return a + b
        case "startswith", [str(a), str(b)]:
            return a.casefold().startswith(b.casefold())
        case "endswith", [str(a), str(b)]:
            return a.casefold().endswith(b.casefold())
        case "substringof", [str(part), str(whole)]:
            return part.casefold() in whole.casefold()
        case "like", [str(a), str(pattern)]:
            return re.fullmatch(_pattern(pattern), a, re.IGNORECASE | re.DOTALL) is not None
        case "substring", [str(a), Decimal() as start, *length]:
            begin = max(0, int(start) - 1)  # the query language counts from one
            return a[begin : begin + int(_number(length[0]))] if length else a[begin:]
        case "round", [Decimal() as number]:
            return number.quantize(Decimal(1), ROUND_HALF_UP)
        case "dateadd", [datetime() as moment, str(unit), Decimal() as count]:
            return moment + _span(unit) * int(count)
        case "datedifference", [datetime() as a, datetime() as b, str(unit)]:
            return Decimal((b - a) // _span(unit))
        case name, [datetime() as moment] if name in _PARTS:
            return Decimal(_PARTS[name](moment))
    raise GrammarError(f"аргументы функции {node.name} неверны", 21)


_PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda at: at.year, "quarter": lambda at: (at.month + 2) // 3, "month": lambda at: at.month,
    "day": lambda at: at.day, "hour": lambda at: at.hour, "minute": lambda at: at.minute,
    "second": lambda at: at.second, "dayofweek": lambda at: at.isoweekday(),
    "dayofyear": lambda at: at.timetuple().tm_yday,
}  # fmt: skip


def _typed(node: Function, scope: Scope) -> Any:
    target = node.arguments[-1]
    if not isinstance(target, Literal) or not isinstance(target.value, str):
        raise GrammarError(f"у функции {node.name} последним стоит имя типа в кавычках", 21)
    name = target.value.removeprefix("StandardODATA.")
    found = value_of(node.arguments[0], scope) if len(node.arguments) == 2 else None
    if node.name == "isof":
        return isinstance(found, Reference) and found.target == name
    if not isinstance(found, Guid) or name not in TYPES:
        raise GrammarError("cast приводит ссылку к типу, который опубликован", 21)
    return Reference(found.value, name)


def _pattern(pattern: str) -> str:
    # ПОДОБНО of the query language: % any text, _ any character, [..] a class.
    parts = re.split(r"(%|_|\[[^\]]*\])", pattern)
    return "".join(
        {"%": ".*", "_": "."}.get(part, part if part.startswith("[") and part.endswith("]") else re.escape(part))
        for part in parts
    )


def _span(unit: str) -> timedelta:
    spans = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1),
             "day": timedelta(days=1)}  # fmt: skip
    if unit not in spans:
        raise GrammarError(f"единица времени {unit!r} не поддерживается", 21)
    return spans[unit]


def _number(value: Any) -> Decimal:
    if not isinstance(value, Decimal):
        raise GrammarError("ожидалось число")
    return value
