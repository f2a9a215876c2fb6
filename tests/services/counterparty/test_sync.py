"""A first sync on a real database, with a portal and an account over HTTP: killed again and again, and answered by
silence; nobody gets a second record."""

from collections import Counter

import pytest

from chassis.engine import Command
from chassis.work.handlers import PermitClass
from services.counterparty.domain import sync
from tests.kit.kafka import eventually
from tests.services.counterparty.syncing import ACCOUNT, CRM, DEADLINE_SECONDS, Rig, inn
from tests.services.streams import TENANT

pytestmark = [pytest.mark.parts, pytest.mark.timeout(240)]


async def test_killed_again_and_again_it_goes_on_and_gives_nobody_a_second_record(rig: Rig) -> None:
    for number in range(40):
        await rig.company(number)
    for number in range(10):
        await rig.record(number)
    await rig.start()
    await rig.begin(apply=True)
    for enough in (11, 18, 27):
        await rig.phase("creating", "done")
        await eventually(lambda enough=enough: _has(rig, enough), DEADLINE_SECONDS, f"{enough} records")  # type: ignore[misc]
        await rig.kill()
        again = await rig.begin(apply=True)
        assert again["run"] == 1, "what is under way is not begun anew"
        await rig.start()
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["created"]) == (10, 30)
    assert await rig.records() == Counter(inn(number) for number in range(40))
    assert rig.desk.classes[PermitClass.INTERACTIVE] == 0, "people's share is left to people"


async def _has(rig: Rig, enough: int) -> bool:
    return (await rig.records()).total() >= enough


async def test_an_answer_that_is_lost_makes_no_second_record(rig: Rig) -> None:
    rule = {"vendor": "elba", "operation": "counterparty.create", "kind": "timeout_after", "calls": [1, 3]}
    await rig.sandbox.control("/faults", rule)
    for number in range(4):
        await rig.company(number)
    await rig.start()
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert done["outcomes"]["created"] == 4
    assert await rig.records() == Counter(inn(number) for number in range(4))


async def test_a_service_without_a_list_is_looked_up_one_by_one_and_once_more_before_creating(rig: Rig) -> None:
    for number in range(6):
        await rig.company(number)
    await rig.record(0)
    command = Command(TENANT, sync.stream_of(ACCOUNT), sync.BeginSync(TENANT, ACCOUNT, CRM, False, False), "begin")
    async with rig.database.transaction([TENANT]) as connection:
        await rig.engine.execute(connection, [command], rig.clock.now())
    await rig.start()
    compared = await rig.phase("compared")
    assert (compared["outcomes"]["to_pair"], compared["outcomes"]["to_create"]) == (1, 5)
    await rig.record(1)
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["created"]) == (2, 4)
    assert await rig.records() == Counter(inn(number) for number in range(6))


@pytest.mark.parametrize("rig", ["onec"], indirect=True)
async def test_a_list_that_does_not_tell_what_others_enter_is_looked_up_once_more_before_creating(rig: Rig) -> None:
    for number in range(6):
        await rig.company(number)
    await rig.record(0)
    await rig.start()
    shown = await rig.begin(apply=False)
    assert shown["listed"]
    compared = await rig.phase("compared")
    assert (compared["outcomes"]["to_pair"], compared["outcomes"]["to_create"]) == (1, 5)
    await rig.record(1)
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert (done["outcomes"]["paired"], done["outcomes"]["created"]) == (2, 4)
    assert await rig.records() == Counter(inn(number) for number in range(6))


async def test_a_refused_creation_is_listed_with_the_vendors_reason(rig: Rig) -> None:
    await rig.company(1, ogrn="1", title="ООО «Без отказа»")
    rule = {
        "vendor": "elba",
        "operation": "counterparty.create",
        "kind": "error_before",
        "calls": [1],
        "params": {"status": 400},
    }
    await rig.sandbox.control("/faults", rule)
    await rig.start()
    await rig.begin(apply=True)
    done = await rig.phase("done")
    assert done["outcomes"]["skipped"] == 1
    answer = await rig.api.get("/internal/sync/vektor/items", params={"outcome": "skipped"})
    (item,) = answer.json()["items"]
    assert item["reason"]


async def test_companies_are_listed_page_by_page(rig: Rig) -> None:
    for number in range(7):
        await rig.company(number)
    await rig.start()
    await rig.begin(apply=False)
    await rig.phase("compared")
    seen, after = [], ""
    while after is not None:
        page = (await rig.api.get("/internal/sync/vektor/items", params={"after": after, "limit": 3})).json()
        seen += [item["inn"] for item in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(inn(number) for number in range(7))
    assert (await rig.api.get("/internal/sync/vektor/items", params={"outcome": "odd"})).status_code == 400
    assert (await rig.api.get("/internal/sync/nobody")).status_code == 404
