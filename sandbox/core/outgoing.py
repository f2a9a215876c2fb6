"""Events on their way to the product: queued durably, sent over HTTP, repeated only where the vendor repeats."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, replace
from typing import Any

import aiohttp

from sandbox.core.clock import SandboxClock, from_rfc3339, to_rfc3339
from sandbox.core.faults import FaultPlan
from sandbox.core.ledger import Ledger, Line
from sandbox.core.timeline import Timeline
from sandbox.core.vendor import EventPost, Signing, Vendor

SEND_SECONDS = 10.0
IN_FLIGHT_PER_ACCOUNT = 16


class Outgoing:
    """Event lines carry `phase`: queued (with the whole post), sent, failed, dropped. Queued ones outlive a crash."""

    def __init__(self, clock: SandboxClock, ledger: Ledger, faults: FaultPlan, timeline: Timeline) -> None:
        self._clock, self._ledger, self._faults, self._timeline = clock, ledger, faults, timeline
        self._vendors: dict[str, Vendor] = {}
        self._waiting: dict[str, tuple[EventPost, float]] = {}
        self._held: dict[tuple[str, str], list[str]] = {}
        self._slots: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def register(self, vendor: Vendor) -> None:
        self._vendors[vendor.name] = vendor

    @property
    def pending(self) -> int:
        """Events not yet sent or given up."""
        return len(self._waiting)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=SEND_SECONDS),
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=64),
            trust_env=False,
        )
        for post, due in list(self._waiting.values()):
            self._launch_at(post, due)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def clear(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._waiting.clear()
        self._held.clear()

    def queue(self, post: EventPost) -> None:
        """Takes an event; call it in the `together` block of the change that caused it."""
        draw = self._faults.draw(post.vendor, post.account, f"event:{post.name}")
        fault = draw.fault
        due = self._clock.unix()
        posts = [post]
        lane = (post.vendor, post.account)
        if fault is not None:
            self._ledger.append(
                "fault", post.vendor, post.account,
                {"rule": fault.rule_id, "fault": fault.kind, "operation": f"event:{post.name}", "n": draw.n,
                 "event": post.id},
            )  # fmt: skip
            if fault.kind == "drop":
                self._note(post, {"phase": "dropped", "n": draw.n, "post": asdict(post)})
                return
            if fault.kind == "delay":
                due += fault.number("delay_seconds", 600)
            elif fault.kind == "reorder":
                due += fault.number("hold_seconds", 30)
            elif fault.kind == "duplicate":
                copies = int(fault.number("copies", 2))
                posts += [replace(post, id=f"{post.id}.{copy}") for copy in range(2, copies + 1)]
            elif fault.kind == "forged":
                posts.insert(0, replace(self._vendors[post.vendor].forge(post), id=f"{post.id}.forged"))
        for item in posts:
            self._note(item, {"phase": "queued", "n": draw.n, "due_unix": due, "post": asdict(item)})
            self._waiting[item.id] = (item, due)
            self._launch_at(item, due)
        if fault is not None and fault.kind == "reorder":
            self._held.setdefault(lane, []).append(post.id)

    async def visit(self, url: str, body: str, headers: dict[str, str]) -> tuple[int | None, str, str]:
        """Posts a form as a browser would, at once: status (None without an answer), the page's text, the problem."""
        if self._session is None:
            raise RuntimeError("pages are visited only between start and stop")
        try:
            async with self._session.post(url, data=body.encode(), headers=headers, allow_redirects=False) as answer:
                return answer.status, await answer.text(errors="replace"), ""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, "", f"{type(error).__name__}: {error}"

    def next_id(self) -> str:
        """An id for a new event, never given twice in one ledger."""
        return f"e{self._ledger.seq + 1}"

    def replay(self, line: Line) -> None:
        phase = line["phase"]
        if phase in ("queued", "dropped"):
            post = EventPost(**{**line["post"], "retry_seconds": tuple(line["post"]["retry_seconds"])})
            self._faults.counted(post.vendor, post.account, f"event:{post.name}", line["n"])
            if phase == "queued":
                self._waiting[post.id] = (post, line["due_unix"])
        elif phase == "sent" or line.get("next_at") is None:
            self._waiting.pop(line["event"], None)
        else:
            post, _ = self._waiting[line["event"]]
            rest = post.retry_seconds[1:]
            self._waiting[post.id] = (replace(post, retry_seconds=rest), from_rfc3339(line["next_at"]))

    def _note(self, post: EventPost, fields: dict[str, Any]) -> None:
        self._ledger.append("event", post.vendor, post.account, {"event": post.id, "name": post.name, **fields})

    def _launch_at(self, post: EventPost, due: float) -> None:
        def launch() -> None:
            known = self._waiting.get(post.id)
            if known is None or known[0] is not post or known[1] != due:
                return
            self._waiting[post.id] = (post, -1.0)
            task = asyncio.get_running_loop().create_task(self._send(post))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        if self._session is not None:
            if due <= self._clock.unix():
                launch()
            else:
                self._timeline.at(due, launch)

    async def _send(self, post: EventPost) -> None:
        lane = (post.vendor, post.account)
        vendor = self._vendors[post.vendor]
        signing = vendor if isinstance(vendor, Signing) else None
        await self._ledger.durable()
        async with self._slots.setdefault(lane, asyncio.Semaphore(IN_FLIGHT_PER_ACCOUNT)):
            status, problem = await self._post(post if signing is None else signing.signed(post))
        if post.id not in self._waiting:
            return
        if status is not None and 200 <= status < 300:
            self._note(post, {"phase": "sent", "status": status})
            del self._waiting[post.id]
        elif post.retry_seconds and not (signing and signing.gives_up(status)):
            due = self._clock.unix() + post.retry_seconds[0]
            line = {"phase": "failed", "status": status, "problem": problem, "next_at": to_rfc3339(due)}
            self._note(post, line)
            rest = replace(post, retry_seconds=post.retry_seconds[1:])
            self._waiting[post.id] = (rest, due)
            self._launch_at(rest, due)
        else:
            self._note(post, {"phase": "failed", "status": status, "problem": problem, "next_at": None})
            del self._waiting[post.id]
        self._release_held(lane, post.id)

    async def _post(self, post: EventPost) -> tuple[int | None, str | None]:
        if self._session is None:
            raise RuntimeError("events are sent only between start and stop")
        try:
            async with self._session.post(
                post.url, data=post.body.encode(), headers=post.headers, allow_redirects=False
            ) as answer:
                with contextlib.suppress(aiohttp.ClientPayloadError):
                    await answer.read()
                return answer.status, None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"

    def _release_held(self, lane: tuple[str, str], sent_id: str) -> None:
        """An event held for reordering goes once a later one has gone."""
        for event_id in self._held.pop(lane, []):
            if event_id == sent_id:
                continue
            known = self._waiting.get(event_id)
            if known is not None and known[1] >= 0:
                now = self._clock.unix()
                self._waiting[event_id] = (known[0], now)
                self._launch_at(known[0], now)
