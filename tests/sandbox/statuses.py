"""Every answer of a sandbox in the test's process has a status that its OpenAPI document declares for that address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.core.app import SandboxApp
from sandbox.core.wire import Reply, Request


@pytest.fixture(autouse=True)
def _only_declared_statuses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answers while a rule of the fault plan is in force are that rule's."""
    strange: list[str] = []
    dispatch = SandboxApp.dispatch

    async def watched(app: SandboxApp, request: Request) -> Reply:
        faulted = bool(app._world.faults.rules)
        reply = await dispatch(app, request)
        if not faulted:
            strange.extend(undeclared(app, request.method, request.path, reply.status))
        return reply

    monkeypatch.setattr(SandboxApp, "dispatch", watched)
    yield
    assert not strange, f"statuses that the OpenAPI document does not declare: {strange}"


def undeclared(app: SandboxApp, method: str, path: str, status: int) -> list[str]:
    """The request with its status, where the address is served and the status is not declared."""
    found = app._router.find("GET" if method == "HEAD" else method, path)
    if found is None or found == "method":
        return []
    known = next(one.answers for one in app.served if one.route is found[0])
    return [] if status in known or not status else [f"{method} {path}: {status}"]
