"""The sandbox as a whole: what vendors share, and the way of a request through clock, faults and ledger."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.core.clock import ClockState, SandboxClock, from_rfc3339, to_rfc3339
from sandbox.core.faults import EXCHANGE_KINDS, Draw, Fault, FaultPlan, parse_rule
from sandbox.core.ledger import Ledger, Line
from sandbox.core.limits import LeakyBuckets, OperatingTime
from sandbox.core.mangle import mangle
from sandbox.core.outgoing import Outgoing
from sandbox.core.timeline import Timeline
from sandbox.core.vendor import Change, EventPost, Timer, Vendor
from sandbox.core.wire import Reply, Request

log = logging.getLogger("sandbox")

CORE = "core"
REFUSING_KINDS = frozenset(
    {"error_before", "limit_503", "limit_429", "operation_time_limit", "token_expired", "error_in_200"}
)
INLINE_BODY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Secure:
    """Where the same is served over TLS, and the file of the authority whose certificate it shows."""

    url: str
    ca_file: Path


class World:
    """Holds what vendors share. Code between two awaits is atomic: use `together` for what must survive as one."""

    def __init__(self, data: Path, *, public_url: str | None = None, limits: bool = True) -> None:
        self.clock = SandboxClock()
        self.ledger = Ledger(data, self.clock)
        self.faults = FaultPlan()
        self.timeline = Timeline(self.clock)
        self.limits = LeakyBuckets(self.clock, enabled=limits)
        self.operating = OperatingTime(self.clock, limits=self.limits)
        self.outgoing = Outgoing(self.clock, self.ledger, self.faults, self.timeline)
        self.public_url = public_url.rstrip("/") if public_url else None
        self.secure: Secure | None = None
        self.vendors: dict[str, Vendor] = {}
        self.stopping = asyncio.Event()
        self.dispatch: Callable[[Request], Awaitable[Reply]] | None = None
        self._limits_at_start = limits
        self._timers: dict[str, Timer] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._started = False

    def register(self, vendor: Vendor) -> None:
        self.vendors[vendor.name] = vendor
        self.outgoing.register(vendor)

    # -- start and stop

    async def start(self) -> None:
        """Replays the ledger, then begins to serve timers and events."""
        if self.ledger.replay(self._replay) == 0:
            self._first_clock(revision=1)
        await self.ledger.durable()
        self._started = True
        for timer in list(self._timers.values()):
            self._arm(timer)
        await self.outgoing.start()
        self._run(self.timeline.run())
        for vendor in self.vendors.values():
            await vendor.start()

    async def stop(self) -> None:
        self.stopping.set()
        for vendor in self.vendors.values():
            await vendor.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.outgoing.stop()
        self.ledger.close()

    async def reset(self) -> None:
        """Empties everything; the clock returns to real time under a new revision."""
        revision = self.clock.state.revision + 1
        self.ledger.reset()
        self.faults.clear()
        self.timeline.clear()
        self.limits.clear()
        self.limits.enabled = self._limits_at_start
        self.operating.clear()
        self.outgoing.clear()
        self._timers.clear()
        for vendor in self.vendors.values():
            vendor.clear()
        self._first_clock(revision)
        await self.ledger.durable()

    def _first_clock(self, revision: int) -> None:
        real = self.clock.real_unix()
        self.set_clock(ClockState(revision=revision, anchor_business=real, anchor_unix=real, rate=1.0))

    def _run(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work failed", exc_info=error)

    # -- state changes

    def change(self, vendor: Vendor, account: str, op: str, data: dict[str, Any]) -> Change:
        """Writes one change line and applies it. `data` must be plain JSON and hold all that was decided."""
        line = self.ledger.append("change", vendor.name, account, {"op": op, "data": data})
        change = Change(line["seq"], from_rfc3339(line["at"]), account, op, data)
        vendor.apply(change)
        return change

    def set_timer(self, vendor: Vendor, account: str, due_unix: float, op: str, data: dict[str, Any]) -> None:
        """`vendor.run_timer` is called once business time reaches `due_unix`, crash or not."""
        self._set_timer(vendor.name, account, due_unix, op, data)

    def _set_timer(self, vendor: str, account: str, due_unix: float, op: str, data: dict[str, Any]) -> None:
        timer = Timer(f"t{self.ledger.seq + 1}", vendor, account, due_unix, op, data)
        fields = {"op": "timer.set", "timer": timer.id, "due": to_rfc3339(due_unix), "due_unix": due_unix,
                  "timer_op": op, "data": data}  # fmt: skip
        self.ledger.append("control", vendor, account, fields)
        self._timers[timer.id] = timer
        self._arm(timer)

    def _arm(self, timer: Timer) -> None:
        if self._started:
            self.timeline.at(timer.due_unix, lambda: self._run_timer(timer))

    def _run_timer(self, timer: Timer) -> None:
        if timer.id not in self._timers:
            return
        if timer.op == "core.late_commit":
            self._run(self._commit_late(timer))
            return
        with self.ledger.together():
            self._timer_done(timer)
            self.vendors[timer.vendor].run_timer(timer)

    @property
    def timers_pending(self) -> int:
        return len(self._timers)

    def emit(self, post: EventPost) -> None:
        """Queues an event for delivery; call it in the `together` block of the change that caused it."""
        self.outgoing.queue(post)

    def set_clock(self, state: ClockState) -> None:
        """Puts a revision in force; durable after the next `ledger.durable()`."""
        self.clock.take(state)
        self.ledger.append(
            "control", CORE, "", {"op": "clock", **state.as_json(), "business_unix": state.anchor_business}
        )

    def set_limits(self, enabled: bool) -> None:
        self.limits.enabled = enabled
        self.limits.clear()
        self.operating.clear()
        self.ledger.append("control", CORE, "", {"op": "limits", "enabled": enabled})

    def add_fault(self, data: dict[str, Any]) -> dict[str, Any]:
        """Adds a rule from JSON; raises RuleError."""
        rule = parse_rule(data, f"f{self.ledger.seq + 1}")
        self.faults.add(rule)
        self.ledger.append("control", CORE, "", {"op": "fault.add", "rule_id": rule.id, "rule": data})
        return rule.as_json()

    def remove_fault(self, rule_id: str | None) -> None:
        self.faults.remove(rule_id)
        self.ledger.append("control", CORE, "", {"op": "fault.remove", "rule_id": rule_id})

    def _replay(self, line: Line) -> None:
        match line["kind"]:
            case "change":
                change = Change(line["seq"], from_rfc3339(line["at"]), line["account"], line["op"], line["data"])
                self.vendors[line["vendor"]].apply(change)
            case "request":
                self.faults.counted(line["vendor"], line["account"], line["operation"], line["n"])
            case "fault":
                self.faults.fired(line["rule"])
            case "event":
                self.outgoing.replay(line)
            case "control":
                self._replay_control(line)

    def _replay_control(self, line: Line) -> None:
        match line["op"]:
            case "clock":
                self.clock.take(ClockState(line["revision"], line["business_unix"], line["anchor_unix"], line["rate"]))
            case "limits":
                self.limits.enabled = line["enabled"]
            case "fault.add":
                self.faults.add(parse_rule(line["rule"], line["rule_id"]))
            case "fault.remove":
                self.faults.remove(line["rule_id"])
            case "timer.set":
                self._timers[line["timer"]] = Timer(
                    line["timer"], line["vendor"], line["account"], line["due_unix"], line["timer_op"], line["data"]
                )
            case "timer.done":
                self._timers.pop(line["timer"], None)

    # -- a request's way

    def draw(self, vendor: Vendor, account: str, operation: str) -> Draw:
        """Counts a call and asks the fault plan; `exchange` does it itself."""
        return self.faults.draw(vendor.name, account, operation)

    def record_request(
        self, vendor: Vendor, account: str, operation: str, draw: Draw, fields: Mapping[str, Any]
    ) -> Line:
        """Writes the request line (and the fault line, if one fired) of a call drawn by `draw`."""
        if draw.fault is not None:
            self.ledger.append(
                "fault", vendor.name, account,
                {"rule": draw.fault.rule_id, "fault": draw.fault.kind, "operation": operation, "n": draw.n},
            )  # fmt: skip
        return self.ledger.append("request", vendor.name, account, {"operation": operation, "n": draw.n, **fields})

    async def exchange(
        self,
        vendor: Vendor,
        request: Request,
        account: str,
        operation: str,
        execute: Callable[[Fault | None], Reply],
        facts: Mapping[str, Any] | None = None,
    ) -> Reply:
        """One request: fault plan, `execute` (synchronous, all changes in it survive as one), request line, durability.

        `execute` gets the fault only when its kind is the vendor's own (paging_shift, read_lag, kopeck_off,
        pdf_late). `facts` are further fields of the request line (idempotency key, number, marker).
        """
        draw = Draw(0, None) if request.late else self.draw(vendor, account, operation)
        fault = draw.fault
        with self.ledger.together():
            if timer := self._timers.get(request.late):
                self._timer_done(timer)
            if fault is not None and fault.kind in EXCHANGE_KINDS:
                reply = self._with_fault(vendor, request, account, operation, execute, fault)
            else:
                reply = execute(fault)
            fields: dict[str, Any] = {
                "method": request.method,
                "path": request.path,
                "params_sha256": hashlib.sha256(request.query_string.encode() + b"\n" + request.body).hexdigest()[:16],
                "status": reply.status,
                "error": reply.error,
                **(facts or {}),
                **({"outcome": reply.note} if reply.note else {}),
            }
            if fault is not None:
                fields |= {"fault": fault.kind, "answered": reply.manner}
            if request.late:
                fields["late"] = True
            self.record_request(vendor, account, operation, draw, fields)
        if not request.late:
            await self.ledger.durable()
        return reply

    def _with_fault(
        self,
        vendor: Vendor,
        request: Request,
        account: str,
        operation: str,
        execute: Callable[[Fault | None], Reply],
        fault: Fault,
    ) -> Reply:
        if fault.kind == "timeout_before":
            return Reply(status=0, manner="hang", manner_params=fault.params, note={"committed": False})
        if fault.kind == "late_commit":
            due = self.clock.unix() + fault.number("commit_seconds", 30)
            self._set_timer(vendor.name, account, due, "core.late_commit", self._stored(request))
            return Reply(status=0, manner="hang_up", note={"committed": False, "commit_at": to_rfc3339(due)})
        if fault.kind in REFUSING_KINDS:
            reply = vendor.fault_reply(fault, account, operation)
            reply.note = {**reply.note, "committed": False}
            return reply
        reply = execute(None)
        if fault.kind == "error_after":
            refusal = vendor.fault_reply(fault, account, operation)
            refusal.note = {**reply.note, "committed": reply.status < 400, "status_within": reply.status}
            return refusal
        return mangle(reply, fault)

    def _stored(self, request: Request) -> dict[str, Any]:
        stored = request.stored()
        if len(request.body) > INLINE_BODY_BYTES:
            return {**stored, "body_blob": self.ledger.store_blob(request.body)}
        return {**stored, "body": base64.b64encode(request.body).decode()}

    async def _commit_late(self, timer: Timer) -> None:
        if self.dispatch is None:
            raise RuntimeError("no application is mounted")
        data = dict(timer.data)
        blob = data.pop("body_blob", None)
        body = self.ledger.blob(blob) if blob else base64.b64decode(data.pop("body"))
        await self.dispatch(Request(**data, body=body, late=timer.id))
        self._timer_done(timer)
        await self.ledger.durable()

    def _timer_done(self, timer: Timer) -> None:
        if self._timers.pop(timer.id, None) is not None:
            self.ledger.append("control", timer.vendor, timer.account, {"op": "timer.done", "timer": timer.id})
