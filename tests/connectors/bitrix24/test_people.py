"""Users that cannot be told anything, and who is told in their place: over HTTP against a portal of the sandbox."""

from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Ok, Rejected, Retryable
from chassis.work.handlers import Permit
from connectors.bitrix24.client import Bitrix24
from connectors.ports.crm import CrmWritten, NotifyUser, StandIn
from tests.connectors.bitrix24.office import Office, taken
from tests.connectors.bitrix24.portal import ENDPOINT
from tests.connectors.kit import Script, answer, batch, clock, permit

ADMIN, MANAGER, SECOND = "1", "7", "9"
GONE = Rejected(Problem("crm_recipient_refused", {"text": ""}))


def notice(user_id: str) -> NotifyUser:
    return NotifyUser(user_id, "Оплата", f"SVERKA|PAID|{user_id}", "sverka")


async def rest(office: Office, method: str, **params: Any) -> Any:
    """A call by the portal's own administrator."""
    answered = await office.sandbox.client.post(f"{office.portal['webhook_url']}{method}", json=params)
    return answered.json()["result"]


async def department(office: Office, head: str, *staff: str, parent: int = 1) -> int:
    """A department below ``parent`` with its head and those who work there."""
    made: int = await rest(office, "department.add", NAME="Отдел", PARENT=parent, UF_HEAD=head)
    for one in staff:
        await rest(office, "user.update", ID=one, UF_DEPARTMENT=[made])
    return made


async def dismiss(office: Office, user_id: str) -> None:
    await office.act(f"/users/{user_id}", {"active": False}, "PATCH")


async def found(office: Office, user_id: str, hook: Permit | None = None) -> StandIn:
    stand_in = taken(await office.crm.find_stand_in(hook or office.permit, user_id))
    assert isinstance(stand_in, StandIn)
    return stand_in


async def narrow(office: Office, *scopes: str) -> Permit:
    """A connection with no more than these rights."""
    made = await office.act("/webhooks", {"user_id": 1, "scopes": list(scopes)})
    return Permit("portal-1", made["webhook_url"], "", 10, office.permit.expires_at)


async def test_a_notification_for_who_is_gone_is_refused_in_one_request(office: Office) -> None:
    """The sandbox takes one for a dismissed user without a word, as a portal may, and nobody ever read it."""
    await dismiss(office, MANAGER)
    told = [notice(MANAGER), notice("999"), notice(SECOND)]
    gone, unknown, there = await office.crm.write(await narrow(office, "crm", "im"), told)
    assert (gone, unknown) == (GONE, GONE)
    assert isinstance(there, Ok)


@pytest.mark.parametrize(
    ("results", "errors"),
    [
        ({}, {"u7": {"error": "insufficient_scope", "error_description": ""}}),
        ({}, {"u7": {"error": "ACCESS_DENIED", "error_description": ""}}),
        ({"u7": {"id": 7}}, {}),
        ({"u7": None}, {}),
        ({"u7": []}, {}),
        ({}, {}),
    ],
    ids=["no right", "no access", "not told", "null", "another shape", "no answer"],
)
async def test_an_answer_that_does_not_tell_of_a_user_leaves_the_notification_told(
    results: dict[str, Any], errors: dict[str, Any]
) -> None:
    script = Script(answer(batch({"c0": 55} | results, errors)))
    outcomes = await Bitrix24(script, clock(), lambda moved: None).write(permit(ENDPOINT), [notice(MANAGER)])
    assert (outcomes, len(script.calls)) == ([Ok(CrmWritten("55"))], 1)


async def test_a_full_batch_asks_for_no_more_users_than_it_has_room_for() -> None:
    script = Script(answer(batch({f"c{place}": place + 1 for place in range(49)})))
    await Bitrix24(script, clock(), lambda moved: None).write(
        permit(ENDPOINT), [notice(str(user)) for user in range(1, 50)]
    )
    assert len(script.sent()["cmd"]) == 50


async def test_the_head_of_the_own_department_comes_first(office: Office) -> None:
    await department(office, SECOND, MANAGER)
    await dismiss(office, MANAGER)
    shown = await found(office, MANAGER)
    assert (shown.head_id, bool(shown.name)) == (SECOND, True)


@pytest.mark.parametrize("own", ["the user", "a dismissed one", "nobody", "a deleted one"])
async def test_the_head_above_comes_where_the_own_department_has_none_to_tell(office: Office, own: str) -> None:
    head = {"the user": MANAGER, "a dismissed one": SECOND, "nobody": "", "a deleted one": "999"}[own]
    await department(office, head, MANAGER)
    await dismiss(office, SECOND)
    assert (await found(office, MANAGER)).head_id == ADMIN


async def test_who_heads_the_whole_company_has_nobody_above(office: Office) -> None:
    assert (await found(office, ADMIN)).head_id == ""


async def test_a_department_that_is_not_there_names_no_head(office: Office) -> None:
    """An empty reference asks for the first department of all, and for the caller."""
    await rest(office, "user.update", ID=MANAGER, UF_DEPARTMENT=[999])
    assert (await found(office, MANAGER)).head_id == ""
    assert await found(office, "999") == StandIn("", "")


async def test_an_answer_about_others_than_were_asked_for_names_nobody() -> None:
    """A portal that drops a filter gives the first departments of all, and the caller for a user without an id."""
    user = answer(batch({"user": {"id": 7, "departments": [5]}}))
    others = [{"ID": "1", "UF_HEAD": "1"}, {"ID": "5", "UF_HEAD": "9"}]
    for rows, shown, head in ((others[:1], 9, ""), (others, 9, "9"), (others, 1, "")):
        heads = answer(batch({"department0": rows, "head0": {"id": shown, "active": True}}))
        client = Bitrix24(Script(user, heads), clock(), lambda moved: None)
        assert await client.find_stand_in(permit(ENDPOINT), MANAGER) == Ok(StandIn("", head))
    stranger = answer(batch({"user": {"id": 1, "name": "Анна", "departments": [1]}}))
    client = Bitrix24(Script(stranger), clock(), lambda moved: None)
    assert await client.find_stand_in(permit(ENDPOINT), MANAGER) == Ok(StandIn("", ""))


async def test_without_the_right_to_departments_the_head_is_not_known(office: Office) -> None:
    await department(office, SECOND, MANAGER)
    shown = await found(office, MANAGER, await narrow(office, "crm", "im"))
    assert (shown.head_id, bool(shown.name)) == ("", True)


async def test_a_portal_that_does_not_answer_is_asked_again(office: Office) -> None:
    await office.fault("batch", "error_before", rate=1)
    assert isinstance(await office.crm.find_stand_in(office.permit, MANAGER), Retryable)
