"""Writes the due work that events plan, in the transaction of their append."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chassis.aggregate import Plan
from chassis.ids import TenantId
from chassis.postgres import Connection


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """A plan with its stream and the metadata (trace, cause) of the command that led to it."""

    tenant: TenantId
    stream: str
    plan: Plan
    metadata: Mapping[str, str] = field(default_factory=dict)


async def insert_plans(connection: Connection, plans: Sequence[PlannedWork], now: datetime) -> None:
    """Inserts effects once per key and tasks as one open row per (kind, key); ``now`` is business time."""
