"""Providers of the state register in a tenant's file: applied, hidden, given permits, told to services."""

from typing import Any

import pytest

from services.ingest.api.documents import HIDDEN
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import TENANT, Ingest, document

pytestmark = pytest.mark.parts

KEY, SECRET = "a-key-of-the-register", "a-secret-of-the-register"


def registers(sandbox: Sandbox, **fields: Any) -> list[dict[str, Any]]:
    """DaData first, then Focus, both at the sandbox."""
    dadata = {"vendor": "dadata", "api_url": f"{sandbox.url}/suggestions/api/4_1/rs", "api_key": KEY, "secret": SECRET}
    return [{**dadata, **fields}, {"vendor": "focus", "api_url": f"{sandbox.url}/api3", "api_key": KEY}]


async def test_registers_are_applied_in_their_order_and_their_secrets_stay_here(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    whole = document(sandbox, portal, account, registers=registers(sandbox, per_day=500))
    applied = await bare.apply(whole)
    assert KEY not in str(applied)
    assert SECRET not in str(applied)
    (told,) = await bare.messages("tenants")
    assert KEY not in str(told)
    shown = (await bare.api.get(f"/api/v1/tenants/{TENANT}")).json()
    assert [one["api_key"] for one in shown["document"]["registers"]] == [HIDDEN, HIDDEN]
    again = await bare.api.put(f"/api/v1/tenants/{TENANT}", json=whole)
    assert again.json()["changes"] == []


async def test_a_permit_of_a_register_carries_its_key_and_its_secret(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    await bare.apply(document(sandbox, portal, account, registers=registers(sandbox)))
    tokens = {}
    for vendor in ("dadata", "focus"):
        asked = {"account": f"{vendor}:{TENANT}:register", "count": 2, "class": "interactive"}
        answer = (await bare.internal.post("/internal/permits", json=asked)).json()
        tokens[vendor] = answer["permit"]["access_token"]
    assert tokens == {"dadata": f"{KEY} {SECRET}", "focus": KEY}


async def test_a_changed_key_is_a_change_that_is_not_shown(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    await bare.apply(document(sandbox, portal, account, registers=registers(sandbox)))
    other = document(sandbox, portal, account, registers=registers(sandbox, api_key="another-key"))
    changed = (await bare.api.put(f"/api/v1/tenants/{TENANT}", json=other)).json()["changes"]
    assert [(one["key"], one["before"], one["after"]) for one in changed] == [
        ("registers[dadata].api_key", HIDDEN, HIDDEN)
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        [{"vendor": "spark", "api_key": KEY}],
        [{"vendor": "dadata"}],
        [{"vendor": "dadata", "api_key": KEY}, {"vendor": "dadata", "api_key": KEY}],
        [{"vendor": "dadata", "api_key": KEY, "per_day": 0}],
        [{"vendor": "focus", "api_key": KEY, "api_url": "ftp://x"}],
    ],
)
async def test_wrong_registers_are_refused(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], wrong: list[dict[str, Any]]
) -> None:
    body = document(sandbox, portal, account, registers=wrong)
    answer = await bare.api.put(f"/api/v1/tenants/{TENANT}", json=body)
    assert answer.status_code == 422
    assert any(one["key"].startswith("registers") for one in answer.json()["faults"])
    assert KEY not in answer.text


async def test_a_check_says_whether_each_key_opens_its_register(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    await bare.apply(document(sandbox, portal, account, registers=registers(sandbox)))
    checks = (await bare.api.post(f"/api/v1/tenants/{TENANT}/check")).json()["checks"]
    found = {one["account"]: [each["code"] for each in one["problems"]] for one in checks if one["what"] == "register"}
    assert found == {f"{vendor}:{TENANT}:register": ["register_refused"] for vendor in ("dadata", "focus")}
