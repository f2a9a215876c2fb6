"""`$filter` and `$orderby`: text to a tree, by the grammar that the platform's interface has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

DEPTH_MAX = 60
FUNCTIONS = {
    "concat": 2, "endswith": 2, "startswith": 2, "like": 2, "substring": (2, 3), "substringof": 2, "dateadd": 3,
    "datedifference": 3, "day": 1, "dayofweek": 1, "dayofyear": 1, "hour": 1, "minute": 1, "month": 1, "quarter": 1,
    "second": 1, "year": 1, "cast": 2, "isof": (1, 2), "round": 1,
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<typed>(?:guid|datetime)'[^']*')|(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?(?![\w]))"
    r"|(?P<name>[^\W\d][\w]*)|(?P<mark>[(),:/-]))",
    re.IGNORECASE,
)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
LEVELS = (("or",), ("and",), ("eq", "ne"), ("gt", "ge", "lt", "le"), ("add", "sub"), ("mul", "div"))
"""Binary operators from the loosest to the tightest."""


class GrammarError(ValueError):
    """The text cannot be parsed; `code` is the platform's."""

    def __init__(self, text: str, code: int = 14) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Guid:
    """A literal reference."""

    value: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, yes or no, moment or reference."""

    value: str | Decimal | bool | datetime | Guid


@dataclass(frozen=True, slots=True)
class Path:
    """A property, perhaps of a referenced object or of a lambda's row: `Контрагент/ИНН`, `d/Цена`."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or `-`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator of LEVELS."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Lambda:
    """`Товары/any(d: …)` or `all`."""

    section: str
    quantifier: str
    variable: str
    condition: Node


Node = Literal | Path | Function | Unary | Binary | Lambda


def parse_filter(text: str) -> Node:
    """A condition. Raises GrammarError."""
    parser = _Parser(_tokens(text))
    found = parser.binary(0)
    parser.end()
    return found


def parse_order(text: str) -> list[tuple[Path, bool]]:
    """`a desc,b/c` → paths, and whether each is descending. Raises GrammarError."""
    found = []
    for part in text.split(","):
        words = part.split()
        if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise GrammarError(f"порядок {part!r} не разобран")
        found.append((Path(tuple(words[0].split("/"))), len(words) == 2 and words[1] == "desc"))
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise GrammarError(f"выражение не разобрано с позиции {place + 1}: {text[place : place + 20]!r}")
        found.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        found = self._peek()
        self._place += 1
        return found

    def _take(self, mark: str) -> bool:
        if self._peek() == ("mark", mark):
            self._place += 1
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._take(mark):
            raise GrammarError(f"ожидалось {mark!r}, а не {self._peek()[1]!r}")

    def end(self) -> None:
        if self._peek()[0] != "end":
            raise GrammarError(f"лишнее в конце выражения: {self._peek()[1]!r}")

    def binary(self, level: int) -> Node:
        if level == len(LEVELS):
            return self._unary()
        left = self.binary(level + 1)
        while self._peek()[0] == "name" and self._peek()[1] in LEVELS[level]:
            operator = self._next()[1]
            left = Binary(operator, left, self.binary(level + 1))
        return left

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise GrammarError("выражение вложено слишком глубоко")
        try:
            if self._peek() == ("name", "not"):
                self._next()
                return Unary("not", self._unary())
            if self._take("-"):
                return Unary("-", self._unary())
            return self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> Node:
        kind, text = self._next()
        match kind:
            case "mark" if text == "(":
                inner = self.binary(0)
                self._need(")")
                return inner
            case "text":
                return Literal(text[1:-1].replace("''", "'"))
            case "number":
                return Literal(Decimal(text))
            case "typed":
                return _typed(text)
            case "name" if text in ("true", "false"):
                return Literal(text == "true")
            case "name":
                return self._function(text) if self._take("(") else self._path(text)
            case _:
                raise GrammarError(f"ожидалось значение, а не {text or 'конец выражения'!r}")

    def _function(self, name: str) -> Node:
        if name not in FUNCTIONS:
            raise GrammarError(f"функция {name} не поддерживается", 21)
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments:
                self._need(",")
            arguments.append(self.binary(0))
        allowed = FUNCTIONS[name]
        if len(arguments) not in (allowed if isinstance(allowed, tuple) else (allowed,)):
            raise GrammarError(f"у функции {name} другое число аргументов", 21)
        return Function(name, tuple(arguments))

    def _path(self, first: str) -> Node:
        steps = [first]
        while self._take("/"):
            kind, step = self._next()
            if kind != "name":
                raise GrammarError(f"ожидалось имя, а не {step!r}")
            if step in ("any", "all") and self._take("("):
                return self._lambda(steps, step)
            steps.append(step)
        return Path(tuple(steps))

    def _lambda(self, steps: list[str], quantifier: str) -> Node:
        kind, variable = self._next()
        if kind != "name" or len(steps) != 1:
            raise GrammarError("после any( и all( ожидалась переменная")
        self._need(":")
        condition = self.binary(0)
        self._need(")")
        return Lambda(steps[0], quantifier, variable, condition)


def _typed(text: str) -> Literal:
    kind, _, value = text.partition("'")
    value = value.rstrip("'")
    if kind.lower() == "guid":
        if not _GUID.fullmatch(value):
            raise GrammarError(f"{value!r} не является уникальным идентификатором")
        return Literal(Guid(value.lower()))
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise GrammarError(f"{value!r} не является датой") from error
    if found.tzinfo is not None:
        raise GrammarError(f"у даты {value!r} не может быть часового пояса")
    return Literal(found)
