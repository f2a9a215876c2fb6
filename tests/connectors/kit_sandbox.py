"""The connectors over real HTTP against the sandbox."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from chassis.http import AddressPolicy, Answer, Call, NotSent, SentUnknown, VendorHttp
from tests.sandbox.running import Sandbox, serve

PATIENCE_SECONDS = 20.0
HANG_SECONDS = 0.4
HANGING = frozenset({"timeout_before", "timeout_after", "late_commit", "slow_bytes"})


class Impatient:
    """The real client; ``total_seconds`` shortens its calls until one was lost, so that a hanging vendor costs
    little."""

    def __init__(self, http: VendorHttp) -> None:
        self._http = http
        self.calls: list[Call] = []
        self.total_seconds = PATIENCE_SECONDS

    async def send(self, call: Call) -> Answer | NotSent | SentUnknown:
        self.calls.append(call)
        result = await self._http.send(replace(call, total_seconds=self.total_seconds))
        if isinstance(result, SentUnknown):
            self.total_seconds = PATIENCE_SECONDS
        return result


@contextlib.asynccontextmanager
async def sandboxed(data: Path, *, limits: bool = False) -> AsyncIterator[tuple[Sandbox, Impatient]]:
    """A sandbox and a transport to it."""
    async with serve(data / "sandbox", limits=limits) as sandbox, VendorHttp(AddressPolicy(development=True)) as http:
        yield sandbox, Impatient(http)


async def add_fault(sandbox: Sandbox, http: Impatient, vendor: str, operation: str, kind: str, **params: Any) -> None:
    """The next call of the operation meets the fault."""
    rule = {"vendor": vendor, "operation": operation, "kind": kind, "calls": [1], "params": params}
    await sandbox.control("/faults", rule)
    if kind in HANGING:
        http.total_seconds = HANG_SECONDS
