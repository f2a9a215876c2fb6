"""What a service knows of its tenants: a stream per tenant fed by the compacted topic, and a directory to read."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from pydantic import Field

from chassis.aggregate import EventCodec, ReadRow, StreamKind
from chassis.domain import Event
from chassis.ids import TenantId
from chassis.postgres import Connection, Database
from chassis.work.machine import Schedule
from chassis.work.settings import TenantRules

Status = Literal["active", "suspended", "removed"]

PREFIX = "tenant"
STREAM = "tenant-state"
TABLE = "tenant_states"


class TenantSeen(Event, name="TenantSeen"):
    """A newer state of the tenant; ``settings`` carry no secrets."""

    status: Status
    version: int
    settings: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeeTenant:
    """The tenant's state as its owner published it."""

    status: Status
    version: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TenantView:
    """The newest state that this service has seen; version 0 before the first."""

    status: Status = "active"
    version: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


def _decide(state: TenantView, command: SeeTenant, now: dt.datetime) -> Sequence[Event]:
    if command.version <= state.version:
        return ()
    return (TenantSeen(status=command.status, version=command.version, settings=command.settings),)


def _evolve(state: TenantView, event: TenantSeen) -> TenantView:
    return TenantView(event.status, event.version, event.settings)


def _projected(stream: str, state: TenantView) -> Sequence[ReadRow]:
    values = {
        "status": state.status,
        "version": state.version,
        "settings": state.settings,
        "retry": state.settings.get("retry"),
    }
    return (ReadRow(TABLE, {}, values),)


TENANT_KIND: StreamKind[TenantView, SeeTenant] = StreamKind(
    prefix=PREFIX,
    initial=lambda stream: TenantView(),
    decide=_decide,
    evolve=_evolve,
    codec=EventCodec((TenantSeen,)),
    aggregate=lambda stream: "tenant",
    projected=_projected,
)


class TenantDirectory:
    """Reads tenants' settings by single statements, since workers hold no transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, tenant: TenantId) -> TenantView:
        """The newest known state of a tenant."""
        async with self._database.delivery_connection() as connection:
            row = await connection.fetchrow(
                "SELECT status, version, settings FROM tenant_states WHERE tenant_id = $1", tenant
            )
        if row is None:
            return TenantView()
        return TenantView(row["status"], row["version"], orjson.loads(row["settings"]))

    async def known(self) -> list[TenantId]:
        """All tenants that this service has heard of, whatever their status."""
        async with self._database.delivery_connection() as connection:
            rows = await connection.fetch("SELECT tenant_id FROM tenant_states ORDER BY tenant_id")
        return [TenantId(row["tenant_id"]) for row in rows]


async def tenant_rules(connection: Connection) -> TenantRules:
    """What the work runner must know of tenants; over a delivery connection."""
    rows = await connection.fetch(
        "SELECT tenant_id, status, retry FROM tenant_states WHERE status <> 'active' OR retry IS NOT NULL"
    )
    by_status = {
        status: frozenset(TenantId(row["tenant_id"]) for row in rows if row["status"] == status)
        for status in ("suspended", "removed")
    }
    schedules = {TenantId(row["tenant_id"]): _schedule(orjson.loads(row["retry"])) for row in rows if row["retry"]}
    return TenantRules(by_status["suspended"], by_status["removed"], schedules)


def _schedule(retry: Mapping[str, Any]) -> Schedule:
    return Schedule(seconds=tuple(retry["seconds"]), jitter=retry["jitter"])
