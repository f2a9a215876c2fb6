"""The limits of the work runner, each with its unit, and what it must know of tenants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chassis.ids import TenantId
from chassis.work.machine import Schedule


@dataclass(frozen=True, slots=True)
class TenantRules:
    """Nothing new begins for ``suspended`` tenants; what is open of ``removed`` ones ends without a call, unless it may
    be outside already, and tasks that nobody would begin anew go on when the tenant is back. ``schedules`` has the
    tenants with a schedule of their own."""

    suspended: frozenset[TenantId] = frozenset()
    removed: frozenset[TenantId] = frozenset()
    schedules: Mapping[TenantId, Schedule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkSettings:
    """Limits of one process. Seconds are business time where the comment says so, else real time.

    A lease outlives a send (25 s) and a task (50 s) in any case.
    """

    in_flight_max: int = 50
    in_flight_per_tenant_max: int = 25
    lease_seconds: float = 60.0
    send_seconds_max: float = 25.0
    probe_seconds_max: float = 40.0
    task_seconds_max: float = 50.0
    commit_items_max: int = 200
    commit_retry_seconds_max: float = 2.0
    poll_seconds: float = 0.5
    housekeeping_seconds: float = 1.0
    gauges_seconds: float = 5.0
    drain_seconds_max: float = 30.0
    permits_per_block_max: int = 10
    breaker_failures: int = 5
    breaker_probe_seconds: float = 60.0  # business
    breaker_probe_jitter: float = 0.2
    pause_seconds: float = 2.0  # business: an account whose limit did not say until when
    schedule: Schedule = field(default_factory=Schedule)  # business
    look_up_first_until: datetime | None = None  # business

    def __post_init__(self) -> None:
        longest = max(self.send_seconds_max, self.probe_seconds_max, self.task_seconds_max)
        if longest >= self.lease_seconds:
            raise ValueError(f"a lease of {self.lease_seconds} s must outlive every call, the longest has {longest} s")
