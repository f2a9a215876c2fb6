"""Every answer of a service that runs in the test's process has a status that its own OpenAPI document declares."""

import re
from collections.abc import Iterator, Sequence

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from chassis.openapi import operations
from chassis.serving import Limits, Message, Receive, Scope, Send
from chassis.shell import INTERNAL, Shell


@pytest.fixture(autouse=True)
def _only_declared_statuses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test calls, and for whatever reason, is compared."""
    strange: list[str] = []
    serve = Limits.__call__

    async def watched(limits: Limits, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                strange.extend(undeclared(limits._app, scope["method"], scope["path"], message["status"]))
            await send(message)

        await serve(limits, scope, receive, noted)

    monkeypatch.setattr(Limits, "__call__", watched)
    yield
    assert not strange, f"statuses that the OpenAPI document does not declare: {strange}"


def undeclared(app: object, method: str, path: str, status: int) -> list[str]:
    """The request with its status, where it is declared what the address answers and this is not."""
    if not isinstance(app, Shell) or not app.routes:
        return []  # a stand-in, or a service that is not open yet
    known = declared(app.routes, "GET" if method == "HEAD" else method, path)
    return [] if known is None or status in known else [f"{method} {path}: {status}"]


def declared(routes: Sequence[BaseRoute], method: str, path: str) -> set[int] | None:
    """The statuses of a request; None where nobody serves it."""
    for operation in operations(routes, internal=INTERNAL):
        if operation.method == method and re.fullmatch(_pattern(operation.path), path):
            return set(operation.statuses)
    for mount in (route for route in routes if isinstance(route, Mount) and path.startswith(f"{route.path}/")):
        for route in mount.routes:
            if not isinstance(route, APIRoute) or method not in (route.methods or ()):
                continue
            if route.path_regex.match(path.removeprefix(mount.path)):
                return {route.status_code or 200, *(int(status) for status in route.responses)}
    return None


def _pattern(template: str) -> str:
    return "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/"))
