"""Tenants over /api/v1: applied, shown without secrets, checked, suspended, removed; and what is forwarded."""

import copy
from typing import Any

import orjson
import pytest

from tests.sandbox.running import Sandbox
from tests.services.ingest.running import TENANT, Ingest, document, until

pytestmark = pytest.mark.parts

URL = f"/api/v1/tenants/{TENANT}"


@pytest.fixture
def file(sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]) -> dict[str, Any]:
    return document(sandbox, portal, account)


async def test_a_file_is_shown_before_it_is_applied_and_the_same_again_changes_nothing(
    bare: Ingest, file: dict[str, Any]
) -> None:
    preview = (await bare.api.put(URL, json=file, params={"dry_run": "1"})).json()
    assert (preview["dry_run"], preview["version"], preview["webhook_urls"]) == (True, 0, {})
    keys = {change["key"]: change["after"] for change in preview["changes"]}
    assert keys["name"] == "ООО «Вектор»"
    assert keys["bitrix24.application_token"] == "•••"
    assert (await bare.api.get("/api/v1/tenants")).json() == {"tenants": []}
    first = await bare.apply(file)
    again = await bare.apply(file)
    assert (first["version"], again["version"], again["changes"]) == (1, 1, [])
    assert first["webhook_urls"] == again["webhook_urls"]


async def test_a_difference_names_keys_and_hides_secrets(ingest: Ingest, file: dict[str, Any]) -> None:
    changed = copy.deepcopy(file)
    changed["sellers"][0]["accounting"]["client_secret"] = "another-secret"
    changed["bitrix24"]["funnels"].append({"category": 8, "issue_invoice": ["NEW"]})
    changed["steps"] = {"act": False}
    answer = (await ingest.api.put(URL, json=changed, params={"dry_run": "1"})).json()
    found = {change["key"]: (change["before"], change["after"]) for change in answer["changes"]}
    assert found["sellers[main].accounting.client_secret"] == ("•••", "•••")
    assert found["bitrix24.funnels[8].issue_invoice"] == (None, ["NEW"])
    assert found["steps.act"] == (True, False)
    assert len(found) == 7, found  # the rest of the new funnel
    applied = await ingest.apply(changed)
    assert applied["version"] == 2
    (state, *_) = (await ingest.messages("tenants"))[-1:]
    assert [funnel["category_id"] for funnel in state["settings"]["funnels"]] == ["0", "8"]
    assert state["settings"]["funnels"][1]["issue_invoice"] == ["C8:NEW"]


async def test_a_file_that_has_an_accounting_account_no_more_is_warned_about(
    ingest: Ingest, file: dict[str, Any]
) -> None:
    renamed = copy.deepcopy(file)
    renamed["sellers"][0]["id"] = "other"
    warning = {"code": "accounting_left_out", "values": {"accounts": f"elba:{TENANT}:main"}}
    assert (await ingest.api.put(URL, json=renamed, params={"dry_run": "1"})).json()["warnings"] == [warning]
    assert (await ingest.apply(renamed))["warnings"] == [warning]
    assert (await ingest.apply(renamed))["warnings"] == []


async def test_what_is_shown_has_no_secrets(ingest: Ingest, file: dict[str, Any], account: dict[str, Any]) -> None:
    text = (await ingest.api.get(URL)).text
    assert ingest.hook in text
    for secret in (file["bitrix24"]["webhook_url"], file["bitrix24"]["application_token"], account["client_secret"]):
        assert secret not in text
    said = str(await ingest.messages("tenants")) + str(await ingest.rows("SELECT data FROM events"))
    assert account["client_secret"] not in said
    assert file["bitrix24"]["webhook_url"] not in said


async def test_a_wrong_file_is_refused_whole_with_all_its_faults(bare: Ingest, file: dict[str, Any]) -> None:
    file["langauge"] = "ru"
    file["bitrix24"]["limit"] = "none"
    answer = await bare.api.put(URL, json=file)
    assert answer.status_code == 422
    faults = {fault["key"]: fault for fault in answer.json()["faults"]}
    assert faults.keys() == {"langauge", "bitrix24.limit"}
    assert "write language instead" in faults["langauge"]["text"]
    assert (await bare.api.get(URL)).status_code == 404


async def test_what_only_the_installation_can_check_is_refused_too(bare: Ingest, file: dict[str, Any]) -> None:
    file["sellers"][0]["inn"] = "500123456751"
    file["sellers"][0]["accounting"]["api_url"] = "http://169.254.169.254/latest"
    file["sellers"][0]["tax"] = [{"from": "2026-01-01", "regime": "patent", "vat": "standard"}]
    file["policies"], file["steps"] = {"act_requires_paid": True}, {"payments": False}
    answer = await bare.api.put("/api/v1/tenants/gamma", json=file)
    assert answer.status_code == 422
    keys = {fault["key"] for fault in answer.json()["faults"]}
    of_seller = {"sellers[0].inn", "sellers[0].accounting.api_url", "sellers[0].tax[0].vat"}
    assert keys == {"tenant", "policies.act_requires_paid", *of_seller}


async def test_the_api_needs_its_token(bare: Ingest) -> None:
    for client in (bare.outside, bare.internal):
        answer = await client.get("/api/v1/tenants")
        assert (answer.status_code, set(answer.json())) == (401, {"error"})
    assert (await bare.outside.get("/api/openapi.json")).json()["info"]["title"] == "Sverka"


async def test_a_tenant_is_suspended_resumed_removed_and_comes_back(ingest: Ingest, file: dict[str, Any]) -> None:
    assert (await ingest.api.post(f"{URL}/suspend")).json()["status"] == "suspended"
    assert (await ingest.api.post(f"{URL}/suspend")).json()["version"] == 2, "again changes nothing"
    assert (await ingest.api.post(f"{URL}/resume")).json()["status"] == "active"
    removed = (await ingest.api.post(f"{URL}/remove")).json()
    assert (removed["status"], removed["version"]) == ("removed", 4)
    assert await ingest.rows("SELECT 1 FROM connections") == []
    assert await ingest.rows("SELECT 1 FROM hooks") == []
    assert (await ingest.api.post(f"{URL}/resume")).status_code == 409
    before = ingest.hook
    back = await ingest.apply(file)
    assert (back["status"], back["version"]) == ("active", 5)
    assert ingest.hook != before, "the old address stays dead"
    states = [(one["status"], one["version"]) for one in await ingest.messages("tenants")]
    assert states == [("active", 1), ("suspended", 2), ("active", 3), ("removed", 4), ("active", 5)]


async def test_a_removed_tenants_work_ends_and_begins_anew_when_it_comes_back(
    ingest: Ingest, file: dict[str, Any]
) -> None:
    async def swept() -> bool:
        kinds = await ingest.rows("SELECT 1 FROM work WHERE kind LIKE 'sweep%' AND pass_started_at IS NOT NULL")
        return len(kinds) == 2

    async def ended() -> bool:
        return not await ingest.rows("SELECT 1 FROM work WHERE queue <> 'closed'")

    await until(swept, "deals and buyers were looked over")
    await ingest.api.post(f"{URL}/remove")
    await until(ended, "all its work is closed, what is due in hours too")
    reasons = await ingest.rows("SELECT DISTINCT state, reason->>'code' AS why FROM work")
    assert reasons == [{"state": "DONE", "why": "tenant_removed"}]
    status = (await ingest.internal.get("/internal/status")).json()
    assert (status["open_work"], status["due_work"], status["polls"]) == (0, 0, 0)
    await ingest.apply(file)

    async def begun() -> bool:
        return len(await ingest.rows("SELECT 1 FROM work WHERE queue = 'waiting' AND sends > 0")) == 4

    await until(begun, "sweeps and the nightly check are on their way again")


async def test_a_retry_schedule_of_its_own_reaches_every_service(ingest: Ingest, file: dict[str, Any]) -> None:
    (state,) = await ingest.messages("tenants")
    assert "retry" not in state["settings"]
    await ingest.apply({**file, "retry": {"seconds": [1, 2], "jitter": 0.1}})
    *_, state = await ingest.messages("tenants")
    assert state["settings"]["retry"] == {"seconds": [1, 2], "jitter": 0.1}
    (row,) = await ingest.rows("SELECT retry::text FROM tenant_states")
    assert orjson.loads(row["retry"]) == state["settings"]["retry"], "its own work keeps to it too"
    await ingest.apply(file)
    (row,) = await ingest.rows("SELECT retry FROM tenant_states")
    assert row["retry"] is None


async def test_an_unknown_tenant_is_named(bare: Ingest) -> None:
    for answer in (
        await bare.api.get("/api/v1/tenants/nobody"),
        await bare.api.post("/api/v1/tenants/nobody/suspend"),
        await bare.api.post("/api/v1/tenants/nobody/check"),
    ):
        assert answer.status_code == 404
        assert "nobody" in answer.json()["error"]
    assert (await bare.api.get("/api/v1/tenants/НИКТО")).status_code == 400


async def test_a_check_says_what_the_portal_and_the_accounting_lack(ingest: Ingest, file: dict[str, Any]) -> None:
    assert (await ingest.api.post(f"{URL}/check")).json()["ok"] is True
    file["bitrix24"]["fields"] = {"invoice_number": "UF_CRM_NOT_THERE"}
    file["bitrix24"]["funnels"][0]["paid"] = "NO_SUCH_STAGE"
    file["sellers"][0]["accounting"]["client_secret"] = "another"
    await ingest.apply(file)
    found = (await ingest.api.post(f"{URL}/check")).json()
    assert found["ok"] is False
    portal, accounting = found["checks"]
    assert {problem["code"] for problem in portal["problems"]} == {"crm_field_missing", "crm_stage_missing"}
    assert [problem["code"] for problem in accounting["problems"]] == ["credentials_refused"]


async def test_what_others_own_is_asked_of_all_and_those_away_are_named(ingest: Ingest) -> None:
    work = (await ingest.api.get("/api/v1/work")).json()
    assert work["away"] == []
    assert {item["service"] for item in work["work"]} <= {"ingest"}
    assert (await ingest.api.get("/api/v1/decisions")).json() == {"decisions": [], "away": []}
    assert (await ingest.api.get("/api/v1/dead")).json() == {"dead": [], "away": []}
    story = (await ingest.api.get(f"/api/v1/deals/{TENANT}/1")).json()
    assert [one["service"] for one in story["services"]] == ["ingest"]
    status = (await ingest.api.get("/api/v1/status")).json()
    assert status["services"]["ingest"]["service"] == "ingest"
    (row,) = await ingest.rows("SELECT work_id::text AS id FROM work WHERE kind = 'sweep'")
    one = (await ingest.api.get(f"/api/v1/work/{row['id']}")).json()
    assert (one["service"], one["kind"]) == ("ingest", "sweep")
    assert (await ingest.api.get("/api/v1/work/3fa85f64-5717-4562-b3fc-2c963f66afa6")).status_code == 404
    assert (await ingest.api.get("/api/v1/work/..%2Fstatus")).status_code in (400, 404)
    replay = await ingest.api.post("/api/v1/dead/replay", json={"ids": ["3fa85f64-5717-4562-b3fc-2c963f66afa6"]})
    assert replay.json()["results"][0]["error"]
    assert (await ingest.api.get("/api/v1/deliveries", params={"limit": 0})).status_code == 422
    told = (await ingest.api.post("/api/v1/republish", json={"topic": "tenants"})).json()
    assert told == {"topic": "tenants", "messages": 1}
    assert (await ingest.api.post("/api/v1/republish", json={"topic": "nothing"})).status_code == 404
    assert (await ingest.api.post("/api/v1/republish", json={"topic": "payments"})).status_code == 503
