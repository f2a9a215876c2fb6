"""connectors: CPU of each connector's calls, and invoices a second of one process, against a stub of 1 ms."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import uvloop

from bench.measuring import Window, median, percentile
from bench.options import Options, read_options
from bench.replaying import ADDRESSES, READY, Recorded, write
from bench.report import Bar, Report, Row
from bench.stub import DELAY_SECONDS, HOST
from bench.vendors import CREATE, Ask, Subject, open_all, taken
from chassis.http import AddressPolicy, Answer, Call, NotSent, SentUnknown, VendorHttp
from chassis.work.handlers import Permit
from deploy.local.ports import free_port
from sverka.http import Json

CALLS_PER_SECOND: Final = 100
"""So many calls of a kind are measured one by one for each second of a repeat."""
READY_SECONDS_MAX: Final = 120.0


class Recording:
    """The real client, which keeps what it was answered."""

    def __init__(self, http: VendorHttp) -> None:
        self._http = http
        self.kept: list[Recorded] = []

    async def send(self, call: Call) -> Answer | NotSent | SentUnknown:
        """One call."""
        answer = await self._http.send(call)
        if isinstance(answer, Answer):
            kind = answer.headers.get("content-type", "application/json")
            sent = call.content or b""
            self.kept.append(Recorded(call.method, call.url, sent, answer.status, kind, answer.body, answer.headers))
        return answer


@contextmanager
def process(words: Sequence[str], ready: str) -> Iterator[None]:
    """A process that answers at ``ready``; it is ended at the end. Raises RuntimeError when it does not answer."""
    running = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                httpx.get(ready, timeout=1.0, trust_env=False)
                break
            except httpx.TransportError:
                if time.monotonic() > deadline or running.poll() is not None:
                    raise RuntimeError(f"{words[0]} does not answer") from None
                time.sleep(0.05)
        yield
    finally:
        running.terminate()
        running.wait()


async def alone(ask: Ask, permit: Permit, count: int) -> list[float]:
    """CPU of this process in each of so many calls one after another, in milliseconds."""
    used = []
    for _ in range(count):
        began = time.process_time_ns()
        taken(await ask(permit))
        used.append((time.process_time_ns() - began) / 1e6)
    return used


async def together(ask: Ask, permits: Sequence[Permit], options: Options, seconds: float) -> Window:
    """``concurrency`` of them under way for so long, spread over the accounts."""
    made = 0
    deadline = time.perf_counter() + seconds

    async def lane(permit: Permit) -> None:
        nonlocal made
        while time.perf_counter() < deadline:
            taken(await ask(permit))
            made += 1

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(lane(permits[number % len(permits)]) for number in range(options.concurrency)))
    return Window(made, time.perf_counter() - began, {"connector": time.process_time() - cpu})


async def measure(subjects: Sequence[Subject], options: Options, report: Report) -> None:
    """All calls of all connectors."""
    for subject in subjects:
        for name, ask in subject.calls.items():
            await alone(ask, subject.permit, 1 + round(options.warmup * CALLS_PER_SECOND))
            count = max(3, round(options.seconds * CALLS_PER_SECOND))
            repeats = [await alone(ask, subject.permit, count) for _ in range(options.repeats)]
            report.add(_cpu_row(f"{subject.name}: {name}", repeats))
        if CREATE in subject.calls:
            ask, permits = subject.calls[CREATE], _permits(subject)
            if options.warmup:
                await together(ask, permits, options, options.warmup)
            windows = [await together(ask, permits, options, options.seconds) for _ in range(options.repeats)]
            report.add(_rate_row(f"{subject.name}: invoices of one process", windows, options, len(permits)))


def _permits(subject: Subject) -> Sequence[Permit]:
    """The account, or as many as the stub has addresses."""
    if not subject.one_at_a_time:
        return (subject.permit,)
    endpoint = subject.permit.endpoint
    return [replace(subject.permit, endpoint=endpoint.replace(HOST, address)) for address in ADDRESSES]


def _cpu_row(name: str, repeats: Sequence[Sequence[float]]) -> Row:
    medians = [median(one) for one in repeats]
    every = [one for repeat in repeats for one in repeat]
    return Row(
        name,
        round(median(medians), 3),
        round(min(medians), 3),
        round(max(medians), 3),
        "ms CPU a call (p50 and p99 are CPU too)",
        round(percentile(every, 0.5), 3),
        round(percentile(every, 0.99), 3),
        round(sum(every) / len(every), 3),
        {"calls": len(every), "under_way": 1},
    )


def _rate_row(name: str, windows: Sequence[Window], options: Options, accounts: int) -> Row:
    return Row.of_windows(
        name,
        "invoices/s",
        windows,
        product=["connector"],
        settings={"under_way": options.concurrency, "lines": 5, "accounts": accounts},
        bars=[Bar("median", at_least=300)],
    )


async def run(options: Options, report: Report, folder: Path) -> None:
    """Records each call once in a sandbox, then repeats them against the stub."""
    sandbox_port = free_port()
    sandbox = f"http://{HOST}:{sandbox_port}"
    async with VendorHttp(AddressPolicy(development=True)) as http:
        transport = Recording(http)
        words = ["sandbox", "--port", str(sandbox_port), "--data", str(folder / "sandbox"), "--limits", "off"]
        with process(words, f"{sandbox}/control/status"), Json(f"{sandbox}/control", what="sandbox") as control:
            subjects = await open_all(control, transport)
            for subject in subjects:
                for ask in subject.calls.values():
                    taken(await ask(subject.permit))
        write(folder / "answers.json", transport.kept)
        stub_port = free_port(frozenset({sandbox_port}))
        stub = f"http://{HOST}:{stub_port}"
        with process(["bench.replaying", str(stub_port), str(folder / "answers.json")], f"{stub}{READY}"):
            moved = [subject.moved(sandbox, stub) for subject in subjects]
            await measure(moved, options, report)


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("connectors", __doc__ or "", seconds=2, warmup=0.5, repeats=3, concurrency=20)
    report = Report("connectors", options)
    report.set(
        stub=f"repeats a sandbox's answers after {DELAY_SECONDS * 1000:g} ms; another process, its CPU is not counted",
        http="chassis.http.VendorHttp with its guarded addresses, spans sampled as by default, no exporter address",
    )
    with tempfile.TemporaryDirectory(prefix="sverka-bench-") as folder:
        uvloop.run(run(options, report, Path(folder)))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
