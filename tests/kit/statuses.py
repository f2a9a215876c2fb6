"""Every answer of a service that runs in the test's process has a status that its own OpenAPI document declares."""

from collections.abc import Iterator

import pytest

from chassis.openapi import declared
from chassis.serving import Limits, Message, Receive, Scope, Send
from chassis.shell import Shell


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
    """The request with its status, where the document has the operation and not the status."""
    if not isinstance(app, Shell) or app.document is None:
        return []  # a stand-in, or a service that is not open yet
    known = declared(app.document, "GET" if method == "HEAD" else method, path)
    return [] if known is None or status in known else [f"{method} {path}: {status}"]
