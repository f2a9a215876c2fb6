"""All companies of a portal: read page by page inside batches, and again one by one, over real HTTP and as printed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.outcomes import Ok, Retryable
from connectors.bitrix24.client import Bitrix24
from connectors.bitrix24.companies import PAGES_PER_LIST
from connectors.ports.crm import PortalMoved
from tests.connectors.bitrix24.office import Office, open_office, taken
from tests.connectors.bitrix24.portal import ENDPOINT, REQUISITE
from tests.connectors.kit import Script, answer, batch, clock, permit
from tests.connectors.kit_sandbox import sandboxed

PERMIT = permit(ENDPOINT)


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with sandboxed(tmp_path) as (sandbox, http):
        yield await open_office(sandbox, http)


def _client(script: Script) -> Bitrix24:
    moved: list[PortalMoved] = []
    return Bitrix24(script, clock(), moved.append)


def _short(number: int) -> dict[str, Any]:
    return {"id": number, "title": f"Компания {number}", "isMyCompany": "N"}


def _requisite(number: int) -> dict[str, Any]:
    return REQUISITE | {"ID": str(number), "ENTITY_ID": str(number)}


async def test_all_companies_come_in_one_request_page_after_page(office: Office) -> None:
    for number in range(1, 61):
        await office.company(title=f"ООО «Лотос {number}»")
    page = taken(await office.crm.companies_after(office.permit))
    assert len(office.http.calls) == 1
    assert page.next_after is None
    mine = [one for one in page.companies if one.title.startswith("ООО «Лотос")]
    assert (len(mine), {one.own for one in mine}) == (60, {False})
    held = {one.owner_id for one in page.requisites if one.inn == "7709123453"}
    assert held == {one.company_id for one in mine}


async def test_a_company_is_read_again_as_it_is_now(office: Office) -> None:
    made = await office.company(email="buh@lotos.example")
    gone = await office.company()
    kept, dropped = made["requisites"][0], gone["requisites"][0]
    wanted = {str(kept["ID"]): str(made["company"]["id"]), str(dropped["ID"]): str(gone["company"]["id"])}
    await office.act(f"/requisites/{dropped['ID']}", method="DELETE")
    (found,) = taken(await office.crm.read_companies(office.permit, wanted))
    assert len(office.http.calls) == 1
    assert (found.requisite.inn, found.requisite.kpp) == ("7709123453", "770901001")
    assert (found.company.title, found.company.emails) == ("ООО «Лотос»", ("buh@lotos.example",))
    assert found.address is not None
    assert "Лесная" in found.address.text


async def test_a_requisite_that_went_to_another_company_is_not_read_for_the_first(office: Office) -> None:
    made = await office.company()
    wanted = {str(made["requisites"][0]["ID"]): str(int(made["company"]["id"]) + 1)}
    assert taken(await office.crm.read_companies(office.permit, wanted)) == ()


async def test_each_list_goes_on_from_where_it_was() -> None:
    companies = {
        f"companies{page}": {"items": [_short(page * 50 + row) for row in range(1, 51)]}
        for page in range(PAGES_PER_LIST)
    }
    requisites: dict[str, Any] = {f"requisites{page}": [] for page in range(PAGES_PER_LIST)}
    requisites["requisites0"] = [_requisite(7)]
    rest: dict[str, Any] = {f"companies{page}": {"items": []} for page in range(PAGES_PER_LIST)} | {
        "companies0": {"items": [_short(1251)]}
    }
    script = Script(answer(batch(companies | requisites)), answer(batch(rest)))
    crm = _client(script)
    first = await crm.companies_after(PERMIT)
    assert isinstance(first, Ok)
    assert (len(first.value.companies), len(first.value.requisites)) == (1250, 1)
    assert first.value.next_after == {"companies": "1250"}
    asked = script.sent()["cmd"]
    assert len(asked) == 2 * PAGES_PER_LIST
    assert "filter[%3Eid]=$result[companies0][items][49][id]" in asked["companies1"]
    assert "filter[%3EID]=$result[requisites0][49][ID]" in asked["requisites1"]
    second = await crm.companies_after(PERMIT, first.value.next_after)
    assert isinstance(second, Ok)
    assert ([one.company_id for one in second.value.companies], second.value.next_after) == (["1251"], None)
    assert len(script.sent(1)["cmd"]) == PAGES_PER_LIST


async def test_what_a_portal_answers_past_the_end_of_a_list_is_not_taken() -> None:
    """A reference to a row that is not there may come to an empty filter, and that to the list's beginning."""
    again = {"items": [_short(1)]}
    parts: dict[str, Any] = {f"companies{page}": again for page in range(PAGES_PER_LIST)}
    parts |= {f"requisites{page}": [] for page in range(PAGES_PER_LIST)}
    outcome = await _client(Script(answer(batch(parts)))).companies_after(PERMIT)
    assert isinstance(outcome, Ok)
    assert (len(outcome.value.companies), outcome.value.next_after) == (1, None)


async def test_a_list_that_does_not_go_on_is_not_followed_for_ever() -> None:
    full = {"items": [_short(row) for row in range(1, 51)]}
    parts: dict[str, Any] = {f"companies{page}": full for page in range(PAGES_PER_LIST)}
    parts |= {f"requisites{page}": [] for page in range(PAGES_PER_LIST)}
    assert isinstance(await _client(Script(answer(batch(parts)))).companies_after(PERMIT), Retryable)


@pytest.mark.parametrize("missing", ["isMyCompany", "id"])
async def test_a_company_of_which_too_little_is_said_fails_the_page(missing: str) -> None:
    row = {name: value for name, value in _short(512).items() if name != missing}
    parts: dict[str, Any] = {f"companies{page}": {"items": [row]} for page in range(PAGES_PER_LIST)}
    parts |= {f"requisites{page}": [] for page in range(PAGES_PER_LIST)}
    assert isinstance(await _client(Script(answer(batch(parts)))).companies_after(PERMIT), Retryable)


async def test_no_more_than_a_hundred_are_read_together() -> None:
    with pytest.raises(ValueError, match="100"):
        await _client(Script()).read_companies(PERMIT, {str(number): "1" for number in range(1, 102)})
