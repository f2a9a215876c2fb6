"""The registry of methods: scope, whether a webhook may call it, whether it may stand in a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.bitrix24.call import Call

Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """`scope` "" needs none; `app_only` methods answer a webhook with 403; `writes` tells the ledger what changes."""

    name: str
    scope: str
    handler: Handler
    app_only: bool = False
    batch: bool = True
    writes: bool = False


METHODS: dict[str, Method] = {}


def method(
    name: str, scope: str = "crm", *, batch: bool = True, writes: bool = False, app_only: bool = False
) -> Callable[[Handler], Handler]:
    """Registers a handler under a name; names are found without regard to case."""

    def register(handler: Handler) -> Handler:
        add(Method(name, scope, handler, app_only=app_only, batch=batch, writes=writes))
        return handler

    return register


def add(entry: Method) -> None:
    key = entry.name.lower()
    if key in METHODS:
        raise ValueError(f"method {entry.name} is registered twice")
    METHODS[key] = entry


def find(name: str) -> Method | None:
    return METHODS.get(name.lower())
