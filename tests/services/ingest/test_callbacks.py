"""Callbacks of accounting services: signed and fresh, durable before they are answered, told once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import orjson
import pytest

from chassis.postgres import Connection
from connectors.kontur.callback import signature
from services.ingest.store import webhooks
from services.ingest.store.webhooks import Webhook
from tests.kit.database import OwnDatabase
from tests.sandbox.running import Sandbox, eventually
from tests.services.ingest.running import SELLER_INN, TENANT, Ingest, document

pytestmark = pytest.mark.parts

SECRET = "the-secret-of-the-callbacks"
BODY: dict[str, Any] = {
    "id": "d-1", "type": "invoice.paid", "organizationId": "o-1",
    "object": {"kind": "invoice", "id": "0d7d6a52-9d0c-4f6e-8b60-3b1f8a3b9f55", "version": 4},
}  # fmt: skip
ACCOUNT = f"kontur:{TENANT}:main"


@pytest.fixture
async def kontur(sandbox: Sandbox) -> dict[str, Any]:
    """A Kontur.Accounting account."""
    found: dict[str, Any] = await sandbox.control("/kontur/accounts", {"title": "ООО «Вектор»", "inn": SELLER_INN})
    return found


@pytest.fixture
async def called(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], kontur: dict[str, Any]
) -> Ingest:
    """An ingest whose tenant keeps its books in Kontur.Accounting, on the sandbox's clock."""
    whole = document(sandbox, portal, account)
    names = ("api_url", "token_url", "client_id", "client_secret", "organization_id")
    part = {"vendor": "kontur", "limit": "unlimited", "callback_secret": SECRET, **{n: kontur[n] for n in names}}
    await bare.apply({**whole, "sellers": [{**whole["sellers"][0], "accounting": part}]})
    return bare


def path(ingest: Ingest, vendor: str = "kontur") -> str:
    return urlsplit(ingest.hook).path.replace("/hooks/bitrix24/", f"/hooks/{vendor}/")


async def now(sandbox: Sandbox) -> int:
    clock = await sandbox.control("/clock", method="GET")
    return int(datetime.fromisoformat(clock["now"]).timestamp())


async def post(
    ingest: Ingest, sandbox: Sandbox, body: Any = None, *, at: int = 0, secret: str = SECRET, delivery: str = "5a7c",
    **changed: str,
) -> httpx.Response:  # fmt: skip
    raw = body if isinstance(body, bytes) else orjson.dumps(BODY if body is None else body)
    timestamp = str(await now(sandbox) + at)
    headers = {
        "content-type": "application/json",
        "x-kontur-delivery": delivery,
        "x-kontur-timestamp": timestamp,
        "x-kontur-signature": signature(secret, timestamp, raw),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return await ingest.outside.post(path(ingest), content=raw, headers=headers)


async def deliveries(ingest: Ingest) -> list[tuple[str, str, str]]:
    found = (await ingest.api.get("/api/v1/deliveries")).json()["deliveries"]
    return [(one["event"], one["status"], one["reason"]) for one in found]


async def test_a_callback_is_durable_and_told_when_it_is_answered(called: Ingest, sandbox: Sandbox) -> None:
    answer = await post(called, sandbox)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert answer.headers["x-delivery-id"].isdecimal()
    (told,) = await called.messages("callbacks")
    assert (told["type"], told["account"], told["event"]) == ("AccountingCalled", ACCOUNT, "invoice.paid")
    assert told["object_id"] == BODY["object"]["id"]
    assert await deliveries(called) == [("invoice.paid", "done", "nothing to read")]


async def test_a_repeated_delivery_is_told_once(called: Ingest, sandbox: Sandbox) -> None:
    for delivery in ("one", "one", "two"):
        assert (await post(called, sandbox, delivery=delivery)).status_code == 200
    assert len(await called.messages("callbacks")) == 2


async def test_what_tells_of_no_money_is_taken_and_tells_nobody(called: Ingest, sandbox: Sandbox) -> None:
    about = {**BODY, "type": "counterparty.updated", "object": {"kind": "counterparty", "id": "b-1"}}
    for body in (about, {**BODY, "type": "something.new"}):
        assert (await post(called, sandbox, body)).status_code == 200
    assert await called.messages("callbacks") == []


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"secret": "another"}, 401, "callback_signature"),
        ({"x_kontur_signature": "v1=00"}, 401, "callback_signature"),
        ({"x_kontur_signature": ""}, 401, "callback_unsigned"),
        ({"at": -301}, 401, "callback_stale"),
        ({"at": 400}, 401, "callback_stale"),
        ({"body": b"<html>"}, 400, "callback_unreadable"),
        ({"body": b""}, 400, "callback_unreadable"),
        ({"body": b'{"type": "invoice.paid"'}, 400, "callback_unreadable"),
        ({"body": {"type": "invoice.paid", "object": []}}, 400, "callback_unreadable"),
    ],
)
async def test_what_is_not_signed_fresh_and_readable_is_refused_without_detail(
    called: Ingest, sandbox: Sandbox, changed: dict[str, Any], status: int, reason: str
) -> None:
    answer = await post(called, sandbox, **changed)
    assert answer.status_code == status
    assert SECRET not in answer.text
    assert await deliveries(called) == [("", "refused", reason)]
    assert await called.messages("callbacks") == []


async def test_an_address_that_nobody_has_is_not_found(called: Ingest) -> None:
    for wrong in ("/hooks/kontur/nobody", f"{path(called)}/more", "/hooks/kontur/", f"/hooks/kontur/{'x' * 101}"):
        assert (await called.outside.post(wrong, content=b"{}")).status_code == 404
    assert (await called.outside.get(path(called))).status_code == 405
    unknown = await called.outside.post(path(called, "excel"), content=b"{}")
    assert unknown.status_code in (404, 405)


async def test_an_account_without_a_secret_takes_no_callbacks(ingest: Ingest, sandbox: Sandbox) -> None:
    assert (await post(ingest, sandbox)).status_code == 404


async def test_a_body_over_64_kib_is_refused(called: Ingest, sandbox: Sandbox) -> None:
    assert (await post(called, sandbox, b" " * (64 * 1024 + 1))).status_code == 413


async def test_without_a_database_a_callback_is_answered_503(
    called: Ingest, sandbox: Sandbox, own: OwnDatabase
) -> None:
    assert (await post(called, sandbox)).status_code == 200
    admin = await asyncpg.connect(own.admin_url)
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.execute(f"ALTER ROLE {own.names.app} CONNECTION LIMIT 0")
        await admin.execute(f"ALTER ROLE {own.names.delivery} CONNECTION LIMIT 0")
        answer = await post(called, sandbox, delivery="later")
        for role in (own.names.app, own.names.delivery):
            await admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
    finally:
        await admin.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_services_own_callback_is_taken(called: Ingest, sandbox: Sandbox, kontur: dict[str, Any]) -> None:
    """The simulated service signs and sends by itself; forged ones beside it are refused."""
    headers = {"x-kontur-apikey": kontur["api_key"]}
    url = f"{called.url}{path(called)}"
    subscription = {"url": url, "events": ["*"], "secret": SECRET}
    made = await sandbox.client.post("/budget/v1/webhooks", json=subscription, headers=headers)
    assert made.status_code == 201
    forged = {"vendor": "kontur", "operation": "event:*", "kind": "forged", "calls": [1], "params": {}}
    await sandbox.control("/faults", forged)
    control = f"/kontur/{kontur['account']}"
    buyer = await sandbox.control(
        f"{control}/counterparties", {"fullName": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001"}
    )
    items = [{"name": "Стеллаж", "count": 1, "price": 100, "unit": "шт", "ndsRate": "NoNds"}]
    bill = await sandbox.control(f"{control}/invoices", {"number": "7", "counterpartyId": buyer["id"], "items": items})
    await sandbox.control(f"{control}/payments", {"invoice": bill["id"]})

    async def told() -> list[dict[str, Any]]:
        return [one for one in await called.messages("callbacks") if one["event"] == "invoice.paid"]

    assert (await eventually(told, "the callback is told"))[0]["object_id"] == bill["id"]
    assert ("", "refused", "callback_signature") in await deliveries(called)


async def test_the_address_is_shown_with_the_tenant(called: Ingest) -> None:
    shown = (await called.api.get(f"/api/v1/tenants/{TENANT}")).json()
    assert urlsplit(shown["webhook_urls"]["kontur"]).path == path(called)
    assert SECRET not in str(shown)


async def test_a_value_that_cannot_be_stored_is_refused_and_listed(
    called: Ingest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = webhooks.insert

    async def picky(connection: Connection, found: Sequence[Webhook], now: datetime) -> list[int]:
        if any(one.event for one in found):
            raise asyncpg.UntranslatableCharacterError("unsupported Unicode escape sequence")
        return await insert(connection, found, now)

    monkeypatch.setattr(webhooks, "insert", picky)
    answer = await post(called, sandbox, BODY)
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "a value in the body cannot be stored; it is not taken when it is sent again either",
    )
    assert await deliveries(called) == [("", "refused", "callback_value")]
