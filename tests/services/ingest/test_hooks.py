"""Webhooks: what is taken is durable when it is answered; what is not says why, and costs nobody else anything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import asyncpg
import httpx
import pytest

from chassis.clock import Clock
from chassis.ids import TenantId
from chassis.postgres import Database
from chassis.tenants import tenant_rules
from services.ingest.api.hooks import REFUSALS_KEPT_PER_MINUTE, without_tokens
from services.ingest.api.intake import Intake, NotStored, Unstorable
from services.ingest.store.webhooks import Webhook
from tests.kit.database import OwnDatabase
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import Ingest, document, until

pytestmark = pytest.mark.parts

FORM = {"content-type": "application/x-www-form-urlencoded"}


def body(token: str, *, event: str = "ONCRMDEALUPDATE", object_id: str = "1734", **more: str) -> bytes:
    """An outgoing webhook as a portal posts it."""
    fields = {
        "event": event,
        "event_handler_id": "58",
        "data[FIELDS][ID]": object_id,
        "ts": "1789034405",
        "auth[domain]": "vektor.bitrix24.ru",
        "auth[access_token]": "token-of-a-person",
        "auth[application_token]": token,
        **more,
    }
    return urlencode(fields).encode()


async def post(ingest: Ingest, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return await ingest.outside.post(urlsplit(ingest.hook).path, content=content, headers=headers or FORM)


async def deliveries(ingest: Ingest, after: int = 0) -> list[dict[str, Any]]:
    answer = await ingest.api.get("/api/v1/deliveries", params={"after": after})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["deliveries"]
    return found


async def test_a_webhook_is_durable_with_its_work_when_it_is_answered(ingest: Ingest, portal: dict[str, Any]) -> None:
    answer = await post(ingest, body(portal["application_token"]))
    assert answer.status_code == 200
    delivery_id = int(answer.headers["x-delivery-id"])
    (row,) = await ingest.rows("SELECT * FROM webhooks WHERE delivery_id = $1", delivery_id)
    assert (row["event"], row["entity"], row["object_id"]) == ("ONCRMDEALUPDATE", "deal", "1734")
    (work,) = await ingest.rows("SELECT * FROM work WHERE work_id = $1", row["work_id"])
    assert (work["kind"], work["stream"], work["account"]) == ("read-deal", "deal-1734", "bitrix24:vektor")
    assert "traceparent" in work["metadata"]


async def test_many_hints_about_one_deal_are_one_piece_of_work(ingest: Ingest, portal: dict[str, Any]) -> None:
    answers = await asyncio.gather(*(post(ingest, body(portal["application_token"])) for _ in range(40)))
    ids = {int(answer.headers["x-delivery-id"]) for answer in answers}
    assert len(ids) == 40
    assert len(await ingest.rows("SELECT 1 FROM work WHERE kind = 'read-deal'")) == 1
    await until(lambda: _all_done(ingest), "every delivery is done")


async def _all_done(ingest: Ingest) -> bool:
    return {one["status"] for one in await deliveries(ingest)} == {"done"}


UNFIT: list[tuple[bytes, dict[str, str], int, str]] = [
    (body("another-token"), FORM, 403, "webhook_token"),
    (body(""), FORM, 403, "webhook_token"),
    (b"event=ONCRMDEALUPDATE&x=%ff%fe", FORM, 400, "webhook_unreadable"),
    (b"\xff\xfe", FORM, 400, "webhook_unreadable"),
    (b"nothing=here", FORM, 400, "webhook_event_missing"),
    (body("t", object_id="1 OR 1=1"), FORM, 400, "webhook_object_id"),
    (body("t", **{f"f{one}": "1" for one in range(300)}), FORM, 400, "webhook_too_many_fields"),
    (body("t", **{"a[b][c][d][e][f]": "1"}), FORM, 400, "webhook_too_deep"),
    (b"<xml/>", {"content-type": "text/xml"}, 415, "webhook_content_type"),
    (b"{half", {"content-type": "application/json"}, 400, "webhook_unreadable"),
    (b"[" * 50_000, {"content-type": "application/json"}, 400, "webhook_unreadable"),
    (b"", FORM, 400, "webhook_event_missing"),
]


async def test_what_cannot_be_taken_is_refused_without_detail_and_listed(ingest: Ingest) -> None:
    last = 0
    for content, headers, status, reason in UNFIT:
        answer = await post(ingest, content, headers)
        assert (answer.status_code, set(answer.json())) == (status, {"error"}), reason
        (listed,) = await deliveries(ingest, after=last)
        assert (listed["status"], listed["reason"]) == ("refused", reason)
        last = listed["delivery_id"]
    kept = await ingest.rows("SELECT DISTINCT body, work_id FROM webhooks")
    assert kept == [{"body": b"", "work_id": None}]


async def test_a_webhook_of_another_tenants_portal_is_refused(
    ingest: Ingest, sandbox: Sandbox, account: dict[str, Any], portal: dict[str, Any]
) -> None:
    first = ingest.hook
    other = await sandbox.control("/bitrix24/portals", {"slug": "gamma", "title": "Гамма"})
    await ingest.apply(document(sandbox, other, account, tenant="gamma"))
    answer = await post(ingest, body(portal["application_token"]))
    assert answer.status_code == 403
    ingest.hook = first
    assert (await post(ingest, body(portal["application_token"]))).status_code == 200
    rows = await ingest.rows("SELECT tenant_id, status FROM webhooks ORDER BY delivery_id")
    assert [(row["tenant_id"], row["status"]) for row in rows] == [("gamma", "refused"), ("vektor", rows[1]["status"])]


async def test_an_address_that_nobody_has_is_not_found(ingest: Ingest) -> None:
    for path in ("/hooks/bitrix24/unknown", "/hooks/bitrix24/", "/hooks/bitrix24/" + "x" * 500):
        assert (await ingest.outside.post(path, content=body("t"), headers=FORM)).status_code == 404
    assert (await ingest.outside.get(urlsplit(ingest.hook).path)).status_code == 405


async def test_a_body_over_64_kib_is_refused(ingest: Ingest, portal: dict[str, Any]) -> None:
    answer = await post(ingest, body(portal["application_token"], pad="x" * 70_000))
    assert answer.status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1_000

    with contextlib.suppress(httpx.TransportError):  # it is cut off while it still sends
        answer = await ingest.outside.post(urlsplit(ingest.hook).path, content=chunks(), headers=FORM)
        assert answer.status_code == 413
    assert await deliveries(ingest) == []


async def test_a_slow_sender_is_cut_off_and_delays_nobody(ingest: Ingest, portal: dict[str, Any]) -> None:
    parts = urlsplit(ingest.hook)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['content-type']}\r\nContent-Length: 900\r\n\r\n"
    )
    writer.write(head.encode() + b"event=ONCRM")
    await writer.drain()
    assert (await post(ingest, body(portal["application_token"]))).status_code == 200
    assert (await asyncio.wait_for(reader.read(12), 10)).endswith(b"408")
    writer.close()


async def test_tokens_of_people_and_portals_are_not_kept(ingest: Ingest, portal: dict[str, Any]) -> None:
    await post(ingest, body(portal["application_token"]))
    found = json_body(portal["application_token"])
    assert (await post(ingest, found, {"content-type": "application/json"})).status_code == 200
    rows = await ingest.rows("SELECT body FROM webhooks ORDER BY delivery_id")
    for row in rows:
        assert portal["application_token"].encode() not in row["body"]
        assert b"token-of-a-person" not in row["body"]
        assert b"1734" in row["body"]


def json_body(token: str) -> bytes:
    start = '{"event": "ONCRMDEALUPDATE", "data": {"FIELDS": {"ID": "1734"}}, "auth": {'
    return (start + f'"access_token": "token-of-a-\\"person", "application_token" : "{token}"}}}}').encode()


def test_tokens_are_cut_out_whatever_their_spelling() -> None:
    assert without_tokens(b"auth[access_token]=abc&x=1") == b"auth[access_token]=&x=1"
    assert without_tokens(b"auth%5BREFRESH_TOKEN%5D=abc") == b"auth%5BREFRESH_TOKEN%5D="
    assert without_tokens(b'{"application_token":"a\\"b","x":1}') == b'{"application_token":"","x":1}'


async def test_forged_webhooks_do_not_fill_the_table(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.api.hooks._minute", lambda: 7)
    answers = await asyncio.gather(*(post(ingest, body("forged")) for _ in range(REFUSALS_KEPT_PER_MINUTE + 15)))
    assert {answer.status_code for answer in answers} == {403}
    kept = await ingest.rows("SELECT count(*) AS n FROM webhooks")
    assert kept[0]["n"] == REFUSALS_KEPT_PER_MINUTE


async def test_who_is_refused_again_and_again_is_answered_late(
    ingest: Ingest, portal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.api.hooks._minute", lambda: 8)
    over = asyncio.Event()
    monkeypatch.setattr("services.ingest.api.hooks._pause", over.wait)
    await asyncio.gather(*(post(ingest, body("forged")) for _ in range(REFUSALS_KEPT_PER_MINUTE)))
    held = asyncio.create_task(post(ingest, body("forged")))
    taken = await post(ingest, body(portal["application_token"]))
    assert taken.status_code == 200
    assert not held.done()
    monkeypatch.setattr("services.ingest.api.hooks.HELD_MAX", 1)
    beyond = await post(ingest, body("forged"))
    assert beyond.status_code == 403
    assert not held.done()
    over.set()
    assert (await held).status_code == 403


async def test_events_about_other_things_are_stored_and_done(ingest: Ingest, portal: dict[str, Any]) -> None:
    await post(ingest, body(portal["application_token"], event="ONCRMLEADUPDATE", object_id="5"))
    (listed,) = await deliveries(ingest)
    assert (listed["status"], listed["reason"]) == ("done", "nothing to read")


async def test_a_robot_names_its_deal(ingest: Ingest, portal: dict[str, Any]) -> None:
    fields = {
        "document_id[0]": "crm",
        "document_id[1]": "CCrmDocumentDeal",
        "document_id[2]": "DEAL_1734",
        "auth[application_token]": portal["application_token"],
    }
    assert (await post(ingest, urlencode(fields).encode())).status_code == 200
    (listed,) = await deliveries(ingest)
    assert (listed["event"], listed["entity"], listed["object_id"]) == ("ROBOT", "deal", "1734")


async def test_the_portals_own_robot_is_known_by_its_address_since_it_sends_no_token(ingest: Ingest) -> None:
    stock = {f"document_id[{place}]": part for place, part in enumerate(("crm", "CCrmDocumentDeal", "DEAL_1734"))}
    assert (await post(ingest, urlencode(stock).encode())).status_code == 200
    assert (await post(ingest, urlencode(stock | {"auth[application_token]": "forged"}).encode())).status_code == 403
    for name in ("ONCRMDEALUPDATE", "ROBOT"):
        assert (await post(ingest, urlencode({"event": name, "data[FIELDS][ID]": "1"}).encode())).status_code == 403
    assert [one["event"] for one in await deliveries(ingest) if one["status"] != "refused"] == ["ROBOT"]


async def test_a_removed_tenants_address_is_gone_at_once(ingest: Ingest, portal: dict[str, Any]) -> None:
    await post(ingest, body(portal["application_token"]))
    assert (await ingest.api.post("/api/v1/tenants/vektor/remove")).status_code == 200
    assert (await post(ingest, body(portal["application_token"]))).status_code == 404


async def test_a_suspended_tenants_webhooks_are_stored_and_read_when_it_is_resumed(
    ingest: Ingest, portal: dict[str, Any]
) -> None:
    assert (await ingest.api.post("/api/v1/tenants/vektor/suspend")).json()["status"] == "suspended"
    async with _opened(ingest.own) as database, database.delivery_connection() as connection:
        assert (await tenant_rules(connection)).suspended == {"vektor"}
        assert (await post(ingest, body(portal["application_token"]))).status_code == 200
        assert (await ingest.api.post("/api/v1/tenants/vektor/resume")).json()["status"] == "active"
        assert (await tenant_rules(connection)).suspended == frozenset()
    await until(lambda: _all_done(ingest), "it is read")


async def test_without_a_database_a_webhook_is_answered_503(ingest: Ingest, portal: dict[str, Any]) -> None:
    await post(ingest, body(portal["application_token"]))  # the address is known from here on
    await _refuse_connections(ingest.own, refuse=True)
    answer = await post(ingest, body(portal["application_token"], object_id="99"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    await _refuse_connections(ingest.own, refuse=False)

    async def stored() -> bool:
        return (await post(ingest, body(portal["application_token"], object_id="99"))).status_code == 200

    await until(stored, "it is taken again")


async def _refuse_connections(own: OwnDatabase, *, refuse: bool) -> None:
    parts = urlsplit(own.admin_url)
    admin = await asyncpg.connect(parts._replace(path="/postgres").geturl())
    try:
        for role in (own.names.app, own.names.delivery):
            await admin.execute(f"ALTER ROLE {role} CONNECTION LIMIT {0 if refuse else -1}")
        if refuse:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", own.names.database
            )
    finally:
        await admin.close()


def _webhook(object_id: str, *, event: str = "ONCRMDEALUPDATE") -> Webhook:
    return Webhook(TenantId("vektor"), event, "other", object_id, "", b"x", b"y")


async def test_one_bad_row_of_a_batch_fails_alone(own: OwnDatabase) -> None:
    async with _opened(own) as database:
        intake = Intake(database, Clock())
        many = [_webhook(str(one)) for one in range(20)]
        many[7] = _webhook("7", event="\x00")  # what text columns refuse
        waiting = [asyncio.create_task(intake.put(one)) for one in many]
        await asyncio.sleep(0)
        writer = asyncio.create_task(intake.run())
        results = await asyncio.gather(*waiting, return_exceptions=True)
        writer.cancel()
        assert [place for place, result in enumerate(results) if isinstance(result, Unstorable)] == [7]
        async with database.delivery_connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM webhooks") == 19


async def test_who_waits_for_a_commit_when_the_service_ends_is_told(own: OwnDatabase) -> None:
    """Nobody would answer it: the portal would wait, and the service for its requests."""
    async with _opened(own) as database:
        intake = Intake(database, Clock())
        writer = asyncio.create_task(intake.run())
        admin = await asyncpg.connect(own.admin_url)
        try:
            async with admin.transaction():
                await admin.execute("LOCK TABLE webhooks")
                waiting = asyncio.create_task(intake.put(_webhook("1")))

                async def writing() -> bool:
                    return bool(await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

                await until(writing, "it is being written")
                writer.cancel()
                with pytest.raises(NotStored):
                    await asyncio.wait_for(waiting, 10)
        finally:
            await admin.close()


async def test_ids_grow_in_the_order_of_arrival(own: OwnDatabase) -> None:
    async with _opened(own) as database:
        intake = Intake(database, Clock())
        writer = asyncio.create_task(intake.run())
        ids = await asyncio.gather(*(intake.put(_webhook(str(one))) for one in range(700)))
        writer.cancel()
        assert ids == sorted(ids)
        async with database.delivery_connection() as connection:
            rows = await connection.fetch("SELECT delivery_id, object_id FROM webhooks ORDER BY 1")
        assert [(row["delivery_id"], row["object_id"]) for row in rows] == [(ids[n], str(n)) for n in range(700)]


@contextlib.asynccontextmanager
async def _opened(own: OwnDatabase) -> AsyncIterator[Database]:
    database = await own.open()
    try:
        yield database
    finally:
        await database.close()
