"""A seller's box in a tenant's file: applied, hidden, checked, given permits by either way of access, other operators
refused by name."""

from typing import Any

import pytest

from services.ingest.api.documents import HIDDEN
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import TENANT, Ingest, document

pytestmark = pytest.mark.parts

OIDC = ("api_url", "token_url", "box_id", "client_id", "client_secret", "refresh_token")
PASSWORD = ("api_url", "box_id", "client_id", "login", "password")
ACCOUNT = f"diadoc:{TENANT}:main"


@pytest.fixture
async def box(sandbox: Sandbox) -> dict[str, Any]:
    wanted = {"title": "ООО «Вектор»", "inn": "500123456750"}
    found: dict[str, Any] = await sandbox.control("/diadoc/accounts", wanted)
    return found


def section(box: dict[str, Any], keys: tuple[str, ...], **fields: Any) -> dict[str, Any]:
    return {"vendor": "diadoc", **{key: box[key] for key in keys}, **fields}


def whole(sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], edi: dict[str, Any]) -> dict[str, Any]:
    made = document(sandbox, portal, account)
    made["sellers"][0]["edi"] = edi
    return made


async def permit(ingest: Ingest) -> dict[str, Any]:
    asked = {"account": ACCOUNT, "count": 1, "class": "interactive"}
    found: dict[str, Any] = (await ingest.internal.post("/internal/permits", json=asked)).json()
    return found


@pytest.mark.parametrize(("keys", "mode", "scheme"), [(OIDC, "oidc", "Bearer "), (PASSWORD, "password", "DiadocAuth ")])
async def test_a_box_is_applied_and_its_permits_carry_the_whole_header(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], box: dict[str, Any],
    keys: tuple[str, ...], mode: str, scheme: str,
) -> None:  # fmt: skip
    file = whole(sandbox, portal, account, section(box, keys, auth_mode=mode, title="dop"))
    applied = await bare.apply(file)
    told = (await bare.messages("tenants"))[-1]
    for name in ("client_secret", "refresh_token", "password"):
        assert box[name] not in str(applied)
        assert box[name] not in str(told)
    shown = (await bare.api.get(f"/api/v1/tenants/{TENANT}")).json()
    assert shown["document"]["sellers"][0]["edi"]["client_id"] == HIDDEN
    edi = shown["settings"]["sellers"][0]["edi"]
    assert (edi["account"], edi["function"]) == (ACCOUNT, "ДОП")
    assert (await bare.api.put(f"/api/v1/tenants/{TENANT}", json=file)).json()["changes"] == []
    given = (await permit(bare))["permit"]
    assert given["access_token"].startswith(scheme)
    assert given["options"]["box_id"] == box["box_id"]


async def test_a_check_asks_the_box_and_names_one_that_is_not_ours(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], box: dict[str, Any]
) -> None:
    async def checked() -> dict[str, Any]:
        rows: list[dict[str, Any]] = (await bare.api.post(f"/api/v1/tenants/{TENANT}/check")).json()["checks"]
        return next(one for one in rows if one["what"] == "edi")

    await bare.apply(whole(sandbox, portal, account, section(box, OIDC)))
    assert (await checked())["ok"] is True
    foreign = "c0ffee00-2222-4f43-8a0e-52d7f8e5b002"
    await bare.apply(whole(sandbox, portal, account, section(box, OIDC, box_id=foreign)))
    wrong = await checked()
    assert (wrong["ok"], "edi_box_not_ours" in str(wrong)) == (False, True)


@pytest.mark.parametrize(
    ("fields", "key", "said"),
    [
        ({"vendor": "sbis"}, "vendor", "no other operator"),
        ({"box_id": "9b1c@diadoc.ru"}, "box_id", "GUID"),
        ({"login": "robot"}, "login", "oidc"),
        ({"refresh_token": None}, "refresh_token", "refresh token"),
        ({"api_url": "ftp://x"}, "api_url", "address"),
    ],
)
async def test_other_operators_and_wrong_values_are_refused_by_name(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], box: dict[str, Any],
    fields: dict[str, Any], key: str, said: str,
) -> None:  # fmt: skip
    body = whole(sandbox, portal, account, section(box, OIDC, **fields))
    answer = await bare.api.put(f"/api/v1/tenants/{TENANT}", json=body)
    assert answer.status_code == 422
    (fault,) = [one for one in answer.json()["faults"] if one["key"] == f"sellers[0].edi.{key}"]
    assert said in str(fault)
    assert box["client_secret"] not in answer.text
