"""The document that ingest serves: its own addresses, those of every service, and the public API within it."""

import pytest

from tests.services.ingest.running import TENANT, Ingest

EVERYWHERE = {"500", "503"}


async def test_every_address_is_described_with_its_refusals(bare: Ingest) -> None:
    found = (await bare.outside.get("/openapi.json")).json()
    assert found["info"]["title"] == "Sverka ingest"
    paths = found["paths"]
    assert {
        "/healthz", "/hooks/bitrix24/{hook_secret}", "/hooks/{vendor}/{hook_secret}", "/shops/{hook_secret}/orders",
        "/statements/{hook_secret}", "/internal/permits", "/internal/work/{work_id}/retry", "/api/v1/tenants/{tenant}",
    } <= set(paths)  # fmt: skip
    for path, item in paths.items():
        for method, operation in item.items():
            said = set(operation["responses"])
            assert operation["summary"], (method, path)
            assert said >= EVERYWHERE or path in ("/healthz", "/readyz", "/metrics"), (method, path)
            assert (
                ("401" in said) == path.startswith(("/internal/", "/api/v1/"))
                or "/shops/" in path
                or (path == "/hooks/{vendor}/{hook_secret}")
            ), (method, path)
            assert method not in ("post", "put") or {"400", "408", "413"} <= said, (method, path)
    assert "HTTPValidationError" not in str(found), "refusals have one form"
    webhook = paths["/hooks/bitrix24/{hook_secret}"]["post"]["responses"]
    assert set(webhook) == {"200", "400", "403", "404", "408", "413", "415", "500", "503"}


async def test_the_public_api_has_the_same_words_in_its_own_document(bare: Ingest) -> None:
    whole = (await bare.outside.get("/openapi.json")).json()
    own = (await bare.outside.get("/api/openapi.json")).json()
    assert own["servers"] == [{"url": "/api"}]
    assert {f"/api{path}": item for path, item in own["paths"].items()}.items() <= whole["paths"].items()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/tenants/no_tenant", 400),
        ("GET", "/api/v1/tenants/nobody", 404),
        ("POST", "/api/v1/tenants/nobody/suspend", 404),
        ("PUT", f"/api/v1/tenants/{TENANT}", 422),
        ("GET", "/api/v1/deliveries?limit=0", 422),
        ("GET", "/api/v1/deliveries?tenant=no_tenant", 400),
        ("GET", "/api/v1/work/none;none", 400),
        ("GET", "/api/v1/deals/vektor/a..b", 400),
        ("POST", "/api/v1/republish", 422),
        ("GET", "/api/v1/statements?tenant=no_tenant", 400),
        ("GET", "/api/v1/statements", 422),
        ("POST", "/api/v1/operations/none/match", 422),
        ("GET", "/api/v1/goods?tenant=no_tenant", 400),
        ("POST", "/api/v1/goods/map", 422),
    ],
)
async def test_refusals_are_declared_where_they_are_given(bare: Ingest, method: str, path: str, status: int) -> None:
    answer = await bare.api.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
