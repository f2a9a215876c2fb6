"""A demonstration's tenant file is one that each accounting service's connection takes, with what a seed prints."""

from datetime import datetime
from pathlib import Path

import pytest

from connectors.registry import ACCOUNTING
from contracts.tenant_file import load
from sverka.demo.accounting import SERVICES
from sverka.demo.plan import PlannedTenant
from sverka.demo.tenant_files import write_tenant_file
from sverka.demo.world import Pair
from tests.sandbox.running import serve

START = datetime.fromisoformat("2026-09-15T09:00:00+03:00")


@pytest.mark.parametrize("name", SERVICES)
async def test_a_seed_has_all_that_the_tenants_file_refers_to(name: str, tmp_path: Path) -> None:
    service = SERVICES[name]
    async with serve(tmp_path / "sandbox") as sandbox:
        done = await sandbox.control("/seed", {"portals": 1, "seed": 7, "accounting": service.sandbox})
        state = await sandbox.state(service.sandbox, done["env"][service.env(1, "ACCOUNT")])
    one, env = done["tenants"][0], done["env"]
    pair = Pair(1, one["slug"], env[service.env(1, "ACCOUNT")], one["title"], one["seller_inn"], env)
    path = write_tenant_file(tmp_path, PlannedTenant(1, "exempt"), pair, START, service)
    accounting = load(path.read_text("utf-8"), env, tmp_path).sellers[0].accounting
    assert (accounting.vendor, accounting.profile) in ACCOUNTING
    assert accounting.endpoint.startswith(sandbox.url)
    assert {"invoices", "acts", "payments", "counterparties"} <= set(state), "every one is read alike"


def test_every_accounting_service_can_be_demonstrated() -> None:
    assert {vendor.api for vendor in ACCOUNTING.values()} == set(SERVICES)
