"""The portal's feeds, its stages and what it lacks: what comes of every shape that a portal answers with."""

from datetime import datetime
from typing import Any
from urllib.parse import unquote

import pytest

from chassis.outcomes import Ok, Retryable
from connectors.bitrix24.client import Bitrix24
from connectors.ports.crm import PortalMoved, PortalWanted
from tests.connectors.bitrix24.portal import (
    DEAL,
    ENDPOINT,
    HISTORY,
)  # fmt: skip
from tests.connectors.kit import NOW, Script, answer, batch, clock, permit


async def test_the_feed_of_stage_entries() -> None:
    items = [HISTORY | {"ID": 35100 + number} for number in range(1, 51)]
    script = Script(answer({"result": {"items": items}, "total": 0}))
    outcome = await _client(script).stage_history_since(PERMIT, 35100)
    assert isinstance(outcome, Ok)
    assert (len(outcome.value.entries), outcome.value.next_after) == (50, 35150)
    assert script.sent() == {"entityTypeId": 2, "filter": {">ID": 35100}, "order": {"ID": "ASC"}, "start": -1}
    script = Script(answer({"result": {"items": []}}))
    outcome = await _client(script).stage_history_since(PERMIT, 35150)
    assert isinstance(outcome, Ok)
    assert (outcome.value.entries, outcome.value.next_after) == ((), None)


async def test_a_feed_that_ignores_its_cursor_is_not_followed_for_ever() -> None:
    items = [HISTORY | {"ID": number} for number in range(1, 51)]
    outcome = await _client(Script(answer({"result": {"items": items}}))).stage_history_since(PERMIT, 35100)
    assert isinstance(outcome, Retryable)


async def test_deals_changed_since() -> None:
    items = [DEAL | {"id": 9}, DEAL | {"id": 10}]
    script = Script(answer({"result": {"items": items}}))
    outcome = await _client(script).deals_modified_since(PERMIT, NOW, after="8")
    assert isinstance(outcome, Ok)
    assert [one.deal_id for one in outcome.value.deals] == ["9", "10"]
    assert outcome.value.next_after is None
    assert script.sent()["filter"] == {">=updatedTime": "2026-11-20T09:00:00+00:00", ">id": 8}


PERMIT = permit(ENDPOINT)


def _client(script: Script) -> Bitrix24:
    moved: list[PortalMoved] = []
    return Bitrix24(script, clock(), moved.append)


UPDATED = "2026-11-20T12:05:00+03:00"


NEVER_CHANGED = {"DATE_CREATE": UPDATED, "DATE_MODIFY": ""}


async def test_buyers_changed_since_each_once_with_its_last_change() -> None:
    later = "2026-11-20T12:06:00+03:00"
    lists = {
        "companies": {"items": [{"id": 512, "updatedTime": UPDATED}]},
        "contacts": {"items": [{"id": 901, "updatedTime": UPDATED}]},
        "requisites_created": [{"ID": "77", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "513", **NEVER_CHANGED}],
        "requisites_changed": [
            {"ID": "78", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "512", "DATE_CREATE": UPDATED, "DATE_MODIFY": later},
            {"ID": "79", "ENTITY_TYPE_ID": "7", "ENTITY_ID": "1", "DATE_CREATE": UPDATED, "DATE_MODIFY": later},
        ],
        "banks_created": [{"ID": "31", "ENTITY_ID": "77", **NEVER_CHANGED}],
        "banks_changed": [],
    }
    script = Script(answer(batch(lists)))
    outcome = await _client(script).buyers_modified_since(PERMIT, NOW)
    assert isinstance(outcome, Ok)
    first, last = datetime.fromisoformat(UPDATED), datetime.fromisoformat(later)
    assert {(one.entity, one.object_id, one.updated_at) for one in outcome.value.buyers} == {
        ("company", "512", last), ("company", "513", first), ("contact", "901", first), ("requisite", "77", first),
    }  # fmt: skip
    assert outcome.value.next_after is None
    asked = unquote(script.sent()["cmd"]["requisites_changed"])
    assert "filter[>=DATE_MODIFY]=2026-11-20T09:00:00+00:00&filter[>ID]=0&order[ID]=ASC&start=-1" in asked


async def test_lists_of_buyers_that_are_at_their_end_are_not_asked_again() -> None:
    full = [{"id": number, "updatedTime": UPDATED} for number in range(1, 51)]
    names = ("contacts", "requisites_created", "requisites_changed", "banks_created", "banks_changed")
    ended: dict[str, Any] = {name: {"items": []} if name == "contacts" else [] for name in names}
    rest = [{"id": 51, "updatedTime": UPDATED}]
    script = Script(
        answer(batch({"companies": {"items": full}, **ended})), answer(batch({"companies": {"items": rest}}))
    )
    crm = _client(script)
    page = await crm.buyers_modified_since(PERMIT, NOW)
    assert isinstance(page, Ok)
    assert page.value.next_after == {"companies": "50"}
    page = await crm.buyers_modified_since(PERMIT, NOW, after=page.value.next_after)
    assert isinstance(page, Ok)
    assert ([one.object_id for one in page.value.buyers], page.value.next_after) == (["51"], None)
    assert list(script.sent(1)["cmd"]) == ["companies"]


@pytest.mark.parametrize(
    "row",
    [
        {"ID": "77", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "512", "DATE_CREATE": "2026-09-01T10:05:00+03:00"},
        {"ID": "77", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "512", "DATE_CREATE": ""},
        {"ENTITY_TYPE_ID": "4", "ENTITY_ID": "512", "DATE_CREATE": UPDATED},
    ],
)
async def test_buyers_that_were_not_asked_for_are_not_gone_through(row: dict[str, Any]) -> None:
    lists = {"companies": {"items": []}, "contacts": {"items": []}, "requisites_created": [row]}
    lists |= {name: [] for name in ("requisites_changed", "banks_created", "banks_changed")}
    assert isinstance(await _client(Script(answer(batch(lists)))).buyers_modified_since(PERMIT, NOW), Retryable)


async def test_buyers_of_another_zones_hours_are_passed_over() -> None:
    """A portal that reads our moment in its own zone gives the hours before it too."""
    early = {"DATE_CREATE": "2026-11-20T10:00:00+03:00", "DATE_MODIFY": ""}
    rows = [{"ID": "77", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "512", **early},
            {"ID": "78", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "513", **NEVER_CHANGED}]  # fmt: skip
    lists = {"companies": {"items": []}, "contacts": {"items": []}, "requisites_created": rows}
    lists |= {name: [] for name in ("requisites_changed", "banks_created", "banks_changed")}
    outcome = await _client(Script(answer(batch(lists)))).buyers_modified_since(PERMIT, NOW)
    assert isinstance(outcome, Ok)
    assert [one.object_id for one in outcome.value.buyers] == ["513"]


async def test_a_list_of_buyers_that_cannot_be_read_fails_the_page() -> None:
    script = Script(answer(batch({"companies": {"items": []}, "contacts": {"items": []}})))
    assert isinstance(await _client(script).buyers_modified_since(PERMIT, NOW), Retryable)


STAGE = {"ID": "311", "ENTITY_ID": "DEAL_STAGE_2", "STATUS_ID": "C2:WON", "NAME": "Оплачено", "SORT": "60",
         "CATEGORY_ID": "2", "SEMANTICS": "S", "EXTRA": {"SEMANTICS": "success"}}  # fmt: skip


async def test_stages_of_all_funnels() -> None:
    script = Script(
        answer({"result": {"categories": [{"id": 0}, {"id": 2}]}, "total": 2}),
        answer(batch({"stages0": [STAGE | {"STATUS_ID": "NEW", "SEMANTICS": None, "EXTRA": []}], "stages2": [STAGE]})),
    )
    outcome = await _client(script).read_deal_stages(PERMIT)
    assert isinstance(outcome, Ok)
    assert [(one.category_id, one.stage_id, one.semantics) for one in outcome.value] == [
        (0, "NEW", "process"), (2, "C2:WON", "success"),
    ]  # fmt: skip
    assert "filter[ENTITY_ID]=DEAL_STAGE&" in script.sent(1)["cmd"]["stages0"] + "&"


FIELDS = {"fields": {
    "UF_CRM_NO": {"type": "string", "isMultiple": False, "isReadOnly": False},
    "ufCrmPdf": {"type": "file", "upperName": "UF_CRM_PDF", "isMultiple": False, "isReadOnly": True},
    "UF_CRM_MANY": {"type": "file", "isMultiple": True, "isReadOnly": False},
    "opportunity": {"type": "double", "isMultiple": False, "isReadOnly": False}}}  # fmt: skip


async def test_what_a_portal_lacks() -> None:
    wanted = PortalWanted(
        scopes=frozenset({"crm", "im"}),
        fields={
            "UF_CRM_NO": frozenset({"date"}),
            "UF_CRM_PDF": frozenset({"file"}),
            "UF_CRM_GONE": frozenset({"string"}),
            "UF_CRM_MANY": frozenset({"file"}),
        },
        stages={2: frozenset({"C2:WON", "C2:NONE"}), 9: frozenset({"C9:WON"})},
    )
    script = Script(answer(batch({"scope": ["crm"], "fields": FIELDS, "stages2": [STAGE], "stages9": []})))
    outcome = await _client(script).check_portal(PERMIT, wanted)
    assert isinstance(outcome, Ok)
    assert [problem.code for problem in outcome.value.problems] == [
        "scope_missing", "crm_field_wrong_type", "crm_field_read_only", "crm_field_missing", "crm_field_multiple",
        "crm_stage_missing", "crm_funnel_missing",
    ]  # fmt: skip


async def test_a_portal_without_the_crm_scope_is_told_so() -> None:
    denied = {"error": "insufficient_scope", "error_description": ""}
    script = Script(answer(batch({"scope": "im,user"}, {"fields": denied, "stages0": denied})))
    wanted = PortalWanted(frozenset({"crm"}), {"UF_CRM_NO": frozenset({"string"})}, {0: frozenset({"NEW"})})
    outcome = await _client(script).check_portal(PERMIT, wanted)
    assert isinstance(outcome, Ok)
    assert [problem.values for problem in outcome.value.problems] == [{"scope": "crm"}]
