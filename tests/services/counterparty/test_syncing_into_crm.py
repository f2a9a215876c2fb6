"""Companies that accounting alone has, in a first sync: handed, each once, to the stream that looks into the CRM; what
is there otherwise, or was deleted there, is left alone."""

import json
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.kit.kafka import eventually
from tests.services.counterparty.syncing import ACCOUNT, CRM, DEADLINE_SECONDS, Rig, inn
from tests.services.streams import TENANT

pytestmark = [pytest.mark.parts, pytest.mark.timeout(240)]


async def appeared(rig: Rig) -> Counter[str]:
    """The INNs of companies that the CRM was told to make."""
    async with rig.database.transaction([TENANT]) as connection:
        rows = await connection.fetch("SELECT data FROM events WHERE type = 'CompanyMissing'")
    return Counter(str(json.loads(row["data"])["inn"]) for row in rows)


async def items(rig: Rig, outcome: str) -> list[dict[str, Any]]:
    """The sync's items with an outcome."""
    answer = await rig.api.get("/internal/sync/vektor/items", params={"outcome": outcome, "limit": 200})
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_killed_again_and_again_each_company_is_handed_over_once(rig: Rig) -> None:
    await rig.company(0)
    for number in range(160):
        await rig.record(number)
    await rig.start()
    await rig.begin(apply=False)
    preview = await rig.phase("compared")
    assert (preview["outcomes"]["to_pair"], preview["outcomes"]["to_enter"]) == (1, 159)
    assert await appeared(rig) == Counter(), "a preview changes nothing"
    await rig.begin(apply=True)
    for enough in (1, 60, 120):
        await eventually(lambda enough=enough: _handed(rig, enough), DEADLINE_SECONDS, f"{enough} companies")  # type: ignore[misc]
        await rig.kill()
        await rig.start()
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["entered"], done["outcomes"]["to_enter"]) == (1, 159, 0)
    assert await appeared(rig) == Counter(inn(number) for number in range(1, 160))
    entered = await items(rig, "entered")
    assert {one["item"] for one in entered} == {f"r{one['remote_id']}" for one in entered}


@pytest.mark.parametrize("rig", ["moedelo", "kontur"], indirect=True)
async def test_what_the_other_services_that_tell_of_it_have_alone_is_handed_over_too(rig: Rig) -> None:
    await rig.company(0)
    for number in range(60):
        await rig.record(number)
    await rig.start()
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["entered"]) == (1, 59)
    assert await appeared(rig) == Counter(inn(number) for number in range(1, 60))


async def _handed(rig: Rig, enough: int) -> bool:
    return (await appeared(rig)).total() >= enough


async def test_what_the_crm_has_by_now_or_as_a_contact_is_not_made_there(rig: Rig) -> None:
    for number in range(3):
        await rig.record(number)
    async with httpx.AsyncClient(base_url=rig.desk.permits[CRM].endpoint) as portal:
        contact = (await portal.post("crm.contact.add", json={"fields": {"NAME": "Анна"}})).json()["result"]
        fields = {"ENTITY_TYPE_ID": 3, "ENTITY_ID": contact, "PRESET_ID": 1, "NAME": "Анна", "RQ_INN": inn(1)}
        added = await portal.post("crm.requisite.add", json={"fields": fields})
        assert added.is_success, added.text
    await rig.start()
    await rig.begin(apply=False)
    preview = await rig.phase("compared")
    assert preview["outcomes"]["to_enter"] == 3
    await rig.company(0)
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["entered"], done["outcomes"]["skipped"]) == (1, 1, 1)
    assert [(one["inn"], one["reason"]) for one in await items(rig, "skipped")] == [(inn(1), "contact_has_inn")]
    assert await appeared(rig) == Counter([inn(2)])


async def test_what_we_made_or_spoke_of_before_is_not_made_again_for_a_company_that_was_deleted(rig: Rig) -> None:
    await rig.company(0)
    await rig.record(1)
    await rig.start()
    await rig.begin(apply=True)
    first = await rig.phase("done")
    assert (first["outcomes"]["created"], first["outcomes"]["entered"]) == (1, 1)
    companies = await rig.sandbox.control("/bitrix24/portals/vektor/companies", method="GET")
    for company in companies["companies"]:
        await rig.sandbox.control(f"/bitrix24/portals/vektor/companies/{company['company']['id']}", method="DELETE")
    await rig.begin(apply=True)
    second = await rig.phase("done")
    assert second["run"] == 2
    assert second["outcomes"]["entered"] == 0
    reasons = {one["inn"]: one["reason"] for one in await items(rig, "skipped")}
    assert reasons == {inn(0): "record_ours", inn(1): "known_before"}
    assert await appeared(rig) == Counter([inn(1)])


async def test_a_tenant_without_reverse_sync_has_its_crm_left_alone(rig: Rig) -> None:
    await rig.settle({"steps": {"reverse_sync": False}})
    await rig.record(0)
    await rig.start()
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert done["outcomes"] == dict.fromkeys(done["outcomes"], 0)
    assert await appeared(rig) == Counter()


async def test_reverse_sync_that_is_switched_off_after_the_preview_leaves_the_rest(rig: Rig) -> None:
    await rig.record(0)
    await rig.start()
    await rig.begin(apply=False)
    assert (await rig.phase("compared"))["outcomes"]["to_enter"] == 1
    await rig.settle({"steps": {"reverse_sync": False}})
    await rig.begin(apply=True)
    await rig.phase("done")
    assert [one["reason"] for one in await items(rig, "skipped")] == ["reverse_sync_off"]
    assert await appeared(rig) == Counter()


async def test_the_state_register_is_left_to_documents(rig: Rig) -> None:
    await rig.settle({"registers": [{"vendor": "dadata", "account": "dadata:vektor", "per_day": 100}]})
    await rig.record(0)
    await rig.start()
    await rig.begin(apply=True)
    assert (await rig.phase("done"))["outcomes"]["entered"] == 1
    assert set(rig.desk.accounts) <= {CRM, ACCOUNT}
