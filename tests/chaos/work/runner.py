"""``python -m tests.chaos.work.runner``: a work runner of the toy service, a process of its own until it is killed."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http.addresses import AddressPolicy
from chassis.http.client import Answer, Call, VendorHttp, as_write
from chassis.ids import TenantId
from chassis.outcomes import Ok, Outcome, Rejected, Uncertain
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from chassis.work.handlers import (
    Confirmed,
    EffectCall,
    EffectPolicy,
    Found,
    Inconclusive,
    NotFound,
    Permit,
    Probe,
    ProbeResult,
    Settled,
)
from chassis.work.machine import Schedule
from chassis.work.permits import PermitClient
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from tests.chassis.work.toy import End, toy_engine

LEASE_SECONDS: Final = 2.0
CALL_SECONDS_MAX: Final = 1.2
PAUSE_SECONDS: Final = 0.1
POLICY: Final = EffectPolicy(
    Probe.EXACT, sends_max=9, negative_probes_min=2, probe_gap_seconds=0.5, quiet_seconds=1.0, undecided_seconds_max=600
)
SETTINGS: Final = WorkSettings(
    in_flight_max=8,
    in_flight_per_tenant_max=8,
    lease_seconds=LEASE_SECONDS,
    send_seconds_max=CALL_SECONDS_MAX,
    probe_seconds_max=CALL_SECONDS_MAX,
    task_seconds_max=CALL_SECONDS_MAX,
    commit_retry_seconds_max=0.2,
    poll_seconds=0.1,
    gauges_seconds=3_600,
    breaker_failures=1_000_000,  # what an outage does to work is not asked here
    pause_seconds=0.2,
    schedule=Schedule(seconds=(0.2, 0.4, 0.8), delayed_seconds=0.8, deferred_seconds=0.2),
)


class Calls:
    """The toy's effect over HTTP."""

    kind = "call"
    batch_max = 1

    def __init__(self, http: VendorHttp) -> None:
        self._http = http

    def policy_for(self, account: str) -> EffectPolicy:
        """Documents can be looked up by our own key."""
        return POLICY

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """Nothing need be known."""
        return None

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """Makes a document."""
        return [await self._create(call) for call in calls]

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Whether there is a document."""
        asked = _call(call, "GET", f"/calls/{call.effect_id}")
        match await self._http.send(asked):
            case Answer(status=200) as answer:
                return Found(_document(answer))
            case Answer(status=404):
                return NotFound()
            case _:
                return Inconclusive(Problem("no_answer"))

    def told(self, call: EffectCall, settled: Settled) -> Any:
        """The next command of the chain."""
        number, copy = int(call.request["step"]), int(call.request["copy"])
        if isinstance(settled, Confirmed):
            return End(number, copy, "confirmed", str(settled.result["remote_id"]))
        return End(number, copy, "undecidable")

    async def _create(self, call: EffectCall) -> Outcome[Mapping[str, Any]]:
        body = {"effect": call.effect_id, "send": call.send_number}
        match await self._http.send(_call(call, "POST", "/calls", orjson.dumps(body), changes=True)):
            case Answer(status=201) as answer:
                return Ok(_document(answer))
            case Answer() as answer:
                problem = Problem("status", {"status": answer.status})
                return Uncertain(problem) if answer.status >= 500 else Rejected(problem)
            case failure:
                return as_write(failure)


def _call(call: EffectCall, method: str, path: str, content: bytes | None = None, *, changes: bool = False) -> Call:
    headers = {"authorization": call.permit.access_token, "content-type": "application/json"}
    return Call("toy", f"toy.{method.lower()}", method, call.permit.endpoint + path, changes, headers, content)


def _document(answer: Answer) -> Mapping[str, Any]:
    return {"remote_id": answer.json()["document"]}


async def _answers(tenant: TenantId, account: str, permit: Permit) -> Outcome[Any]:
    return Ok(None)


async def main() -> None:
    """Its name and its addresses are in the environment."""
    name, vendor = os.environ["RIG_RUNNER"], os.environ["RIG_VENDOR"]
    database = await _opened(name)
    async with PermitClient(vendor, name) as permits, VendorHttp(AddressPolicy(development=True)) as http:
        work = WorkRunner(
            database,
            toy_engine(),
            Clock(),
            permits,
            effects=[Calls(http)],
            tasks=(),
            probe_account=_answers,
            settings=SETTINGS,
        )
        await work.start()
        await work.failed()


async def _opened(name: str) -> Database:
    """Each connection says whose it is."""
    while True:
        try:
            return await Database.open(*(f"{os.environ[url]}?app.runner={name}" for url in ("RIG_APP", "RIG_DELIVERY")))
        except INFRASTRUCTURE_ERRORS:
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # a killed server fills the log
    asyncio.run(main())
