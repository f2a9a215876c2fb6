"""The fault plan: which call of which operation goes wrong and how, the same for the same seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

EXCHANGE_KINDS = {
    "timeout_before": "hangs, nothing is done",
    "timeout_after": "commits, then hangs",
    "late_commit": "hangs up now, commits after `commit_seconds` business seconds (30)",
    "error_before": "answers `status` (500) without commit",
    "error_after": "commits and answers `status` (500)",
    "limit_503": "refuses by the vendor's 503, with Retry-After when `retry_after` is given",
    "limit_429": "refuses by the vendor's 429, with Retry-After when `retry_after` is given",
    "operation_time_limit": "refuses by the operating-time limit",
    "token_expired": "refuses as if the token had just expired",
    "slow_bytes": "commits, then answers `bytes_per_second` (1)",
    "truncated": "commits, then closes in the middle of the body",
    "reset": "commits, then resets the connection in the middle of the body",
    "html_200": "commits and answers 200 with a page of HTML",
    "error_in_200": "refuses with an error body under status 200",
    "empty": "commits and answers an empty body",
    "field_added": "commits and answers with one unknown field more (`field`, `value`)",
    "field_missing": "commits and answers without the field `field`",
    "field_retyped": "commits and answers with the field `field` as another type",
    "pdf_empty": "answers a file of 0 bytes",
    "pdf_html": "answers a page of HTML in place of a file",
}
VENDOR_KINDS = {
    "paging_shift": "the list moves by one between two pages",
    "read_lag": "what is written is not seen by reads for `lag_seconds` (10) business seconds",
    "kopeck_off": "the vendor's total differs by `kopecks` (1)",
    "pdf_late": "the file takes `render_seconds` (60) business seconds more",
}
EVENT_KINDS = {
    "drop": "the event is never sent",
    "duplicate": "the event is sent `copies` (2) times",
    "reorder": "the event is held until the next one has gone, at most `hold_seconds` (30)",
    "delay": "the event is sent `delay_seconds` (600) business seconds later",
    "forged": "a forged event is sent before the true one",
}
KINDS = EXCHANGE_KINDS | VENDOR_KINDS | EVENT_KINDS


class RuleError(ValueError):
    """A fault rule that cannot be taken; the text says what to write."""


@dataclass(slots=True)
class FaultRule:
    """Fires on `calls` (1 = the first one after the rule was made) or on a seeded share `rate` of calls.

    Calls count per (vendor, account, operation). `operation` is a glob such as `invoice.*` or `event:*`.
    """

    id: str
    vendor: str
    operation: str
    kind: str
    account: str | None = None
    calls: tuple[int, ...] = ()
    rate: float = 0.0
    seed: int = 0
    limit: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    fired: int = 0
    base: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "vendor": self.vendor, "account": self.account, "operation": self.operation,
            "kind": self.kind, "calls": list(self.calls), "rate": self.rate, "seed": self.seed,
            "limit": self.limit, "params": self.params, "fired": self.fired,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One firing."""

    rule_id: str
    kind: str
    params: dict[str, Any]

    def number(self, name: str, default: float) -> float:
        return float(self.params.get(name, default))


@dataclass(frozen=True, slots=True)
class Draw:
    """The n-th call of its operation, and the fault it meets, if any."""

    n: int
    fault: Fault | None


def parse_rule(data: dict[str, Any], rule_id: str) -> FaultRule:
    """A rule from JSON; raises RuleError."""
    known = {"id", "vendor", "account", "operation", "kind", "calls", "rate", "seed", "limit", "params", "fired"}
    if unknown := set(data) - known:
        raise RuleError(f"unknown keys {sorted(unknown)}; a rule has {sorted(known - {'id', 'fired'})}")
    for name in ("vendor", "operation", "kind"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise RuleError(f"a rule needs {name!r} as text")
    if data["kind"] not in KINDS:
        raise RuleError(f"unknown kind {data['kind']!r}; choose one of {', '.join(sorted(KINDS))}")
    calls = data.get("calls") or []
    rate = data.get("rate") or 0
    if not isinstance(calls, list) or not all(isinstance(call, int) and call >= 1 for call in calls):
        raise RuleError("`calls` is a list of numbers from 1, for example [1, 3]")
    if not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise RuleError("`rate` is a share between 0 and 1")
    if bool(calls) == bool(rate):
        raise RuleError("a rule needs either `calls` or `rate`")
    if not isinstance(data.get("params") or {}, dict):
        raise RuleError("`params` is an object")
    return FaultRule(
        id=rule_id, vendor=data["vendor"], account=data.get("account"), operation=data["operation"],
        kind=data["kind"], calls=tuple(calls), rate=float(rate), seed=int(data.get("seed") or 0),
        limit=data.get("limit"), params=data.get("params") or {},
    )  # fmt: skip


class FaultPlan:
    """All rules and the call counters; both come back on replay."""

    def __init__(self) -> None:
        self.rules: dict[str, FaultRule] = {}
        self._counters: dict[str, int] = {}

    def add(self, rule: FaultRule) -> None:
        rule.base = dict(self._counters)
        self.rules[rule.id] = rule

    def remove(self, rule_id: str | None) -> None:
        """Removes one rule, or all without an id."""
        if rule_id is None:
            self.rules.clear()
        else:
            self.rules.pop(rule_id, None)

    def counted(self, vendor: str, account: str, operation: str, n: int) -> None:
        """Replay: the n-th call happened."""
        self._counters[f"{vendor}|{account}|{operation}"] = n

    def fired(self, rule_id: str) -> None:
        """Replay: a rule fired."""
        if rule := self.rules.get(rule_id):
            rule.fired += 1

    def draw(self, vendor: str, account: str, operation: str) -> Draw:
        """Counts a call and says what befalls it; the first rule that fires wins."""
        key = f"{vendor}|{account}|{operation}"
        n = self._counters.get(key, 0) + 1
        self._counters[key] = n
        for rule in self.rules.values():
            if rule.limit is not None and rule.fired >= rule.limit:
                continue
            if rule.vendor not in (vendor, "*") or (rule.account is not None and rule.account != account):
                continue
            if (rule.kind in EVENT_KINDS) != operation.startswith("event:"):
                continue
            if not fnmatchcase(operation.lower(), rule.operation.lower()):
                continue
            nth = n - rule.base.get(key, 0)
            if nth in rule.calls or (rule.rate and _share(rule.seed, account, operation, nth) < rule.rate):
                rule.fired += 1
                return Draw(n, Fault(rule.id, rule.kind, rule.params))
        return Draw(n, None)

    def clear(self) -> None:
        self.rules.clear()
        self._counters.clear()


def _share(seed: int, account: str, operation: str, n: int) -> float:
    digest = hashlib.blake2b(f"{seed}|{account}|{operation}|{n}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
