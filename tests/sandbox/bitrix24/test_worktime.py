"""timeman.* over HTTP."""

from __future__ import annotations

import pytest_asyncio

from tests.sandbox.bitrix24.client import PortalClient
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal at nine in the morning whose webhook may ask for working days."""
    await sandbox.control("/clock", {"set": "2026-12-01T09:00:00+03:00"})
    opening = {**OPENING, "scopes": ["user", "department", "timeman"]}
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", opening))


async def test_a_working_day_is_opened_interrupted_and_closed(crm: PortalClient) -> None:
    assert (await crm.result("timeman.status"))["STATUS"] == "CLOSED"
    wrong = await crm.refused("timeman.open", {"TIME": "2026-11-30T09:00:00+03:00"})
    assert wrong == (400, "WRONG_DATETIME", "Day open date should correspond to the current date")
    opened = await crm.result("timeman.open", {"LAT": 55.75})
    assert (opened["STATUS"], opened["LAT_OPEN"], opened["TZ_OFFSET"]) == ("OPENED", 55.75, 10800)
    await crm.sandbox.advance(3600)
    assert (await crm.result("timeman.pause"))["STATUS"] == "PAUSED"
    await crm.sandbox.advance(900)
    refused = await crm.refused("timeman.open", {"TIME": "2026-12-01T09:00:00+03:00"})
    assert refused == (400, "TIME", "Unable to set time, work day is paused")
    assert (await crm.result("timeman.open"))["TIME_LEAKS"][:5] == "00:15"
    await crm.sandbox.advance(3600)
    closed = await crm.result("timeman.close")
    assert (closed["STATUS"], closed["DURATION"][:5], closed["TIME_LEAKS"][:5]) == ("CLOSED", "02:00", "00:15")
    await crm.result("timeman.open")
    await crm.sandbox.advance(86400)
    day = await crm.result("timeman.status")
    assert (day["STATUS"], day["TIME_FINISH_DEFAULT"]) == ("EXPIRED", "2026-12-01T18:00:00+03:00")
    assert await crm.refused("timeman.status", {"USER_ID": 5}) == (400, "", "User not found")


async def test_the_network_the_schedule_and_the_control_of_time_are_told(crm: PortalClient) -> None:
    assert (await crm.result("timeman.settings"))["ADMIN"] is True
    wrong = [{"ip_range": "10.0.0.9-10.0.0.1", "name": "a"}]
    assert await crm.result("timeman.networkrange.set", {"RANGES": wrong}) == {"result": False, "error_ranges": wrong}
    office = [{"ip_range": "192.0.2.1-192.0.2.9", "name": "Офис"}]
    assert await crm.result("timeman.networkrange.set", {"RANGES": office}) == {"result": True}
    assert await crm.result("timeman.networkrange.get") == office
    found = await crm.result("timeman.networkrange.check", {"IP": "192.0.2.5"})
    assert found == {"ip": "192.0.2.5", "range": "192.0.2.1-192.0.2.9", "name": "Офис"}
    assert await crm.result("timeman.networkrange.check", {"IP": "192.0.2.10"}) is False
    assert (await crm.result("timeman.schedule.get", {"id": 1}))["SCHEDULE_TYPE"] == "FIXED"
    assert await crm.result("timeman.schedule.get", {"id": 2}) == []
    await crm.result("timeman.timecontrol.settings.set", {"ACTIVE": 1, "REPORT_FULL_TYPE": "none"})
    await crm.result("timeman.timecontrol.settings.set", {"ACTIVE": False})
    settings = await crm.result("timeman.timecontrol.settings.get")
    assert (settings["active"], settings["report_full_type"]) == (True, "none")
    assert (await crm.result("timeman.timecontrol.reports.settings.get"))["report_view_type"] == "head"
    assert len(await crm.result("timeman.timecontrol.reports.users.get")) > 1
    report = await crm.result("timeman.timecontrol.reports.get", {"USER_ID": 1, "MONTH": 12, "YEAR": 2026})
    assert report["report"]["date_finish"] == "2026-12-31T23:59:59+03:00"
