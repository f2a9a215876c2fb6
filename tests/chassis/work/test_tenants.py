"""What differs between tenants: schedules of their own."""

from datetime import timedelta
from typing import Any

from chassis.aggregate import StreamKinds
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Retryable, Uncertain
from chassis.tenants import STREAM, TENANT_KIND, SeeTenant, tenant_rules
from chassis.work.machine import Schedule
from chassis.work.settings import TenantRules
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.test_tasks import Looker, plan
from tests.chassis.work.toy import START, Vendor, begin

P = Problem("vendor_away")
AA, BB = TenantId("aa"), TenantId("bb")


async def known(world: World, tenant: TenantId, status: Any, version: int, settings: dict[str, Any]) -> None:
    """Folds a tenant's state as its owner published it."""
    engine = Engine("toy", StreamKinds((TENANT_KIND,)))
    async with world.database.transaction([tenant]) as connection:
        command = Command(tenant, STREAM, SeeTenant(status, version, settings), f"state-{version}")
        await engine.execute(connection, [command], world.clock.now())


async def test_rules_are_read_from_tenants_as_their_owner_published_them(world: World) -> None:
    await known(world, AA, "active", 1, {"name": "А", "retry": {"seconds": [1, 2.5], "jitter": 0}})
    await known(world, BB, "suspended", 1, {"name": "Б", "retry": None})
    await known(world, TenantId("cc"), "removed", 1, {"name": "В"})
    async with world.database.delivery_connection() as connection:
        assert await tenant_rules(connection) == TenantRules(
            frozenset({BB}), frozenset({TenantId("cc")}), {AA: Schedule((1.0, 2.5), 0.0)}
        )
    await known(world, AA, "active", 2, {"name": "А"})
    async with world.database.delivery_connection() as connection:
        assert (await tenant_rules(connection)).schedules == {}


async def test_unsent_calls_first_probes_and_reads_keep_the_tenants_own_schedule(world: World) -> None:
    await known(world, AA, "active", 1, {"retry": {"seconds": [100, 200], "jitter": 0}})
    vendor, looker = Vendor(), Looker(Retryable(P))
    vendor.answer = lambda call: Uncertain(P) if call.stream == "chain-doubt" else Retryable(P, outage=False)
    await world.execute(begin("aa", "unsent"), begin("aa", "doubt"), begin("bb", "unsent"))
    await plan(world)
    await world.start(vendor, tasks=[looker], tenant_rules=tenant_rules)

    async def waiting() -> Any:
        rows = await world.rows()
        return rows if all(row["queue"] == "waiting" for row in rows) else None

    due = {(row["tenant_id"], row["kind"], row["state"]): row["due_at"] for row in await eventually(waiting)}
    own = START + timedelta(seconds=100)
    assert due[("aa", "call", "PLANNED")] == due[("aa", "call", "UNCERTAIN")] == due[("aa", "look", "PLANNED")] == own
    assert 4 <= (due[("bb", "call", "PLANNED")] - START).total_seconds() <= 6, "as the installation has it"
