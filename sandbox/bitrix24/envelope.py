"""The shapes of an answer: result with paging, errors of every spelling, and the `time` block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

PAGE_SIZE = 50


class RestError(Exception):
    """A refusal as the portal words it; `code` may be "", an integer or a string in any case."""

    def __init__(self, status: int, code: str | int, text: str, **extra: Any) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.text, **self.extra}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list method: `total` is always printed, `next` only when more follows."""

    result: Any
    total: int
    next: int | None = None


def page(result: Any, *, total: int, offset: int, shown: int) -> Page:
    """A page of `shown` entries that begins at `offset` of `total`; a negative offset (start=-1) counts nothing."""
    if offset < 0:
        return Page(result, 0)
    after = offset + shown
    return Page(result, total, after if after < total and shown else None)


def xml(payload: dict[str, Any]) -> bytes:
    """An answer asked for by the ending `.xml`: entries of lists are `item`, true is 1, false and null are empty.

    Vendor documentation, "Как выполняется запрос", "Результат запроса".
    """
    return f"<response>{_elements(payload)}</response>".encode()


def _elements(value: Any) -> str:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else (("item", entry) for entry in value)
        named = (("item" if str(name).isdigit() else name, entry) for name, entry in pairs)
        return "".join(f"<{name}>{_elements(entry)}</{name}>" for name, entry in named)
    if isinstance(value, bool) or value is None:
        return "1" if value else ""
    return escape(str(value))


# The classic crm.* methods: code "" and a text (vendor documentation, "Коды ошибок" of each method).


def classic(text: str) -> RestError:
    return RestError(400, "", text)


def classic_not_found() -> RestError:
    return RestError(400, "", "Not found")


def classic_denied() -> RestError:
    return RestError(400, "", "Access denied")


def classic_bad_id() -> RestError:
    return RestError(400, "", "ID is not defined or invalid.")


# The universal methods (crm.item.* and the newer modules).


def item_not_found() -> RestError:
    return RestError(400, "NOT_FOUND", "Элемент не найден")


def item_denied() -> RestError:
    return RestError(400, "ACCESS_DENIED", "Доступ запрещён")


def missing_parameter(name: str) -> RestError:
    return RestError(400, 100, f"Could not find value for parameter {{{name}}}")


def wrong_parameter(name: str, value: Any, kind: str) -> RestError:
    shown = value if isinstance(value, str | int | float) else type(value).__name__
    return RestError(
        400, 100, f"Invalid value {{{shown}}} to match with parameter {{{name}}}. Should be value of type {kind}."
    )


def invalid_argument(text: str) -> RestError:
    return RestError(400, "INVALID_ARG_VALUE", text)
