"""Orders of shops: what is taken is durable, once, when it is answered; what is not says why."""

import asyncio
import uuid
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from tests.kit.database import OwnDatabase
from tests.sandbox.running import Sandbox
from tests.services.ingest.people import quiet, said
from tests.services.ingest.running import Ingest, document, until
from tests.services.ingest.shopping import DELIVERY, ITEM, PERSON, SHOP, Shop, order, push

pytestmark = pytest.mark.parts


@pytest.fixture
async def shop(bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]) -> Shop:
    """A shop of the tenant."""
    return await opened(bare, sandbox, portal, account)


async def opened(
    ingest: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], **changes: Any
) -> Shop:
    applied = await ingest.apply(document(sandbox, portal, account, shops=[{**SHOP, **changes}]))
    return Shop(ingest, urlsplit(applied["webhook_urls"]["shop:main"]).path)


async def requested(shop: Shop, count: int = 1) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]]:
        found = await said(shop.ingest, "InvoiceRequested", "ActRequested", "RequestImpossible")
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await until(enough, f"{count} requests")
    assert len(found) == count
    return found


async def deliveries(shop: Shop) -> list[dict[str, Any]]:
    answer = await shop.ingest.api.get("/api/v1/deliveries")
    found: list[dict[str, Any]] = answer.json()["deliveries"]
    return found


async def test_an_order_is_durable_with_its_work_when_it_is_answered(shop: Shop) -> None:
    answer = await shop.pushed(order())
    assert answer.json() == {"status": "accepted", "event_id": answer.headers["x-delivery-id"]}
    (row,) = await shop.ingest.rows("SELECT * FROM webhooks")
    assert (row["event"], row["entity"], row["object_id"]) == ("order.created", "order", "main-236")
    (work,) = await shop.ingest.rows("SELECT * FROM work WHERE work_id = $1", row["work_id"])
    assert (work["kind"], work["stream"]) == ("read-order", "order-shop-main-236")


async def test_an_order_asks_for_an_invoice_with_delivery_as_its_own_line(shop: Shop) -> None:
    await shop.pushed(order())
    (message,) = await requested(shop)
    assert (message["type"], message["source"]) == ("InvoiceRequested", "shop")
    deal, settings = message["deal"], message["settings"]
    assert (deal["deal_id"], deal["opportunity_kopecks"], deal["currency"]) == ("shop-main-236", 148_000, "RUB")
    assert deal["order"] == {"shop_id": "main", "order_id": 236, "number": "392", "gifts": 0}
    goods, delivery = deal["lines"]
    assert (goods["name"], goods["price"], goods["product_id"]) == ("Футболка", "980.00", "1000000386")
    assert (delivery["name"], delivery["price"], delivery["unit_code"]) == ("Доставка: Курьер", "500.00", "876")
    assert delivery["is_service"]
    assert (deal["buyer"]["kind"], deal["buyer"]["inn"], deal["buyer"]["kpp"]) == (
        "company", "7725010016", "772501001",
    )  # fmt: skip
    assert (settings["seller_id"], settings["number_template"]) == ("main", "392")
    assert message["triggered_at"].startswith("2026-03-12T12:59:58")


async def test_a_buyer_without_an_inn_is_a_person_whose_data_stays_behind_a_reference(shop: Shop) -> None:
    await shop.pushed(order(person_type={"id": 1, "kind": "individual"}, payer=PERSON))
    (message,) = await requested(shop)
    buyer = message["deal"]["buyer"]
    assert (buyer["kind"], buyer["crm_kind"], buyer["inn"], buyer["name"]) == ("person", "contact", "", "")
    assert buyer["subject_ref"].startswith("vektor/")
    assert message["settings"]["policies"]["buyers_without_inn"] == "individuals"
    tables = ("SELECT data::text AS kept FROM events", "SELECT body AS kept FROM outbox",
              "SELECT body AS kept FROM webhooks", "SELECT request::text AS kept FROM work")  # fmt: skip
    rows = [row["kept"] for sql in tables for row in await shop.ingest.rows(sql)]
    everything = b"".join(one if isinstance(one, bytes) else one.encode() for one in rows)
    assert "Футболка".encode() in everything
    for word in ("Соколова", "Anna@people", "anna@people", "7654321", "Садовая"):
        assert word.encode() not in everything


async def test_the_same_person_is_known_again_by_e_mail_in_any_case(shop: Shop) -> None:
    individual = {"id": 1, "kind": "individual"}
    await shop.pushed(order(person_type=individual, payer=PERSON))
    again = {**PERSON, "email": "anna@PEOPLE.example", "contact": "А. Соколова"}
    await shop.pushed(order(id=237, person_type=individual, payer=again))
    nobody = {**PERSON, "email": ""}
    await shop.pushed(order(id=238, person_type=individual, payer=nobody))
    await shop.pushed(order(id=239, person_type=individual, payer=nobody))
    found = {one["deal"]["deal_id"]: one["deal"]["buyer"]["crm_id"] for one in await requested(shop, 4)}
    assert found["shop-main-236"] == found["shop-main-237"]
    assert len(set(found.values())) == 3


async def test_a_retry_is_answered_as_the_first_and_kept_once(shop: Shop) -> None:
    delivery, body = str(uuid.uuid4()), orjson.dumps(push(order()))
    first = await shop.send(body, delivery=delivery)
    again = await asyncio.gather(*(shop.send(body, delivery=delivery, skew=second) for second in range(1, 6)))
    for answer in again:
        assert answer.json() == {"status": "duplicate", "event_id": first.headers["x-delivery-id"]}
    assert len(await shop.ingest.rows("SELECT 1 FROM webhooks")) == 1


async def test_retries_at_the_same_time_are_kept_once(shop: Shop) -> None:
    delivery, body = str(uuid.uuid4()), orjson.dumps(push(order()))
    answers = await asyncio.gather(*(shop.send(body, delivery=delivery) for _ in range(8)))
    assert sorted(answer.json()["status"] for answer in answers) == ["accepted", *["duplicate"] * 7]
    assert len({answer.headers["x-delivery-id"] for answer in answers}) == 1


async def test_an_order_edited_in_any_order_of_arrival_shows_its_newest_version(shop: Shop) -> None:
    first, newest = order(), order(version=3, total="1580.00", items=[{**ITEM, "price": "1080.00"}])
    await shop.pushed(first)
    await requested(shop)
    await shop.pushed(newest, "order.updated")
    await shop.pushed(order(version=2, total="1490.00", items=[{**ITEM, "price": "990.00"}]), "order.updated")
    await shop.pushed({**newest, "version": 4, "status": "P"}, "order.status_changed")
    await quiet(shop.ingest)
    (changed,) = await said(shop.ingest, "DealChanged")
    assert (changed["deal_id"], changed["deal"]["opportunity_kopecks"]) == ("shop-main-236", 158_000)
    await requested(shop)  # and no second one


async def test_an_order_that_is_cancelled_restored_and_deleted_says_so(shop: Shop) -> None:
    await shop.pushed(order())
    await requested(shop)
    for version, event in ((2, "order.canceled"), (3, "order.updated")):
        await shop.pushed(order(version=version, canceled=event == "order.canceled"), event)
        await quiet(shop.ingest)
    await shop.pushed({"id": 236}, "order.deleted")
    await quiet(shop.ingest)
    changes = await said(shop.ingest, "DealChanged")
    assert [(one.get("deleted", False), "deal" in one) for one in changes] == [
        (True, False),
        (False, True),
        (True, False),
    ]


async def test_an_order_that_is_cancelled_before_it_is_read_asks_for_nothing(shop: Shop) -> None:
    await shop.pushed(order(canceled=True), "order.canceled")
    await quiet(shop.ingest)
    assert await shop.ingest.messages() == []


async def test_a_status_asks_for_the_act_once(shop: Shop) -> None:
    await shop.pushed(order())
    await requested(shop)
    for version in (2, 3):
        await shop.pushed(order(version=version, status="F"), "order.status_changed")
        await quiet(shop.ingest)
    assert [one["type"] for one in await requested(shop, 2)] == ["InvoiceRequested", "ActRequested"]


async def test_orders_that_are_not_ours_to_invoice_ask_for_nothing(shop: Shop) -> None:
    card = [{"id": 1, "pay_system_id": 7, "name": "Карта"}]
    refund = [{"id": 1, "pay_system_id": 48, "name": "Счёт", "is_return": True}, *card]
    await shop.pushed(order(payments=card))
    await shop.pushed(order(id=237, payments=refund))
    await shop.pushed(order(id=238, payments=[]))
    await shop.pushed(order(id=239, created_at="2019-12-31T23:59:59+03:00"))
    await quiet(shop.ingest)
    assert await shop.ingest.messages() == []
    await shop.pushed(order(version=2), "order.updated")  # another pay system was chosen
    await requested(shop)


async def test_a_shop_that_is_added_later_never_reaches_back(
    ingest: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    shop = await opened(ingest, sandbox, portal, account)
    await shop.pushed(order())
    await quiet(ingest)
    assert await ingest.messages() == []


async def test_parts_of_sets_gifts_and_free_deliveries_are_no_lines(shop: Shop) -> None:
    items = [
        {**ITEM, "id": 9, "name": "Набор"},
        {**ITEM, "id": 10, "name": "Часть", "set_parent": 9},
        {**ITEM, "id": 3, "name": "Подарок", "price": "0.00"},
    ]
    deliveries = [{**DELIVERY, "price": "0"}, {**DELIVERY, "canceled": True}, {**DELIVERY, "name": ""}]
    await shop.pushed(order(items=items, deliveries=deliveries))
    (message,) = await requested(shop)
    assert [line["name"] for line in message["deal"]["lines"]] == ["Набор", "Доставка"]
    assert message["deal"]["order"]["gifts"] == 1


async def test_the_vat_of_a_delivery_is_the_shops_else_the_tenants(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    shop = await opened(bare, sandbox, portal, account, delivery={"name": "Доставка", "vat": "22"})
    silent = {name: value for name, value in DELIVERY.items() if name != "vat_rate"}
    on_top = {**DELIVERY, "vat_rate": 10, "vat_included": False, "price": "100.00"}
    await shop.pushed(order(deliveries=[silent, DELIVERY, on_top]))
    (message,) = await requested(shop)
    _, first, second, third = message["deal"]["lines"]
    assert [first["vat"], second["vat"], third["vat"]] == ["22", "none", "10"]
    assert (third["price"], third["price_exclusive"], third["tax_included"]) == ("110.0000", "100.00", False)


async def test_an_order_of_more_rows_than_a_message_carries_is_told_to_a_person(shop: Shop) -> None:
    items = [{**ITEM, "id": one, "name": "Ж" * 255} for one in range(1, 901)]
    await shop.pushed(order(items=items))
    (message,) = await requested(shop)
    assert (message["type"], message["reasons"][0]["code"]) == ("RequestImpossible", "deal_too_long")


async def test_a_ping_is_taken_and_nothing_follows(shop: Shop) -> None:
    await shop.pushed(None)
    (listed,) = await deliveries(shop)
    assert (listed["event"], listed["status"], listed["reason"]) == ("ping", "done", "nothing to read")


async def test_what_cannot_be_taken_is_refused_without_detail_and_listed(shop: Shop) -> None:
    good = orjson.dumps(push(order()))
    unfit: list[tuple[bytes, dict[str, Any], int, str]] = [
        (good, {"x_shop_signature": "v1=" + "0" * 64}, 401, "push_signature"),
        (good, {"x_shop_signature": ""}, 401, "push_signature"),
        (good, {"x_shop_key_id": "another"}, 401, "push_key"),
        (good, {"skew": -301}, 401, "push_timestamp"),
        (good, {"skew": 305}, 401, "push_timestamp"),
        (good, {"x_shop_timestamp": "soon"}, 401, "push_timestamp"),
        (good, {"delivery": "not-a-uuid"}, 400, "push_delivery"),
        (good, {"content_type": "text/xml"}, 415, "push_content_type"),
        (b"{half", {}, 400, "push_unreadable"),
        (b"[]", {}, 400, "push_unreadable"),
        ('{"event":"Заказ"}'.encode("cp1251"), {}, 400, "push_unreadable"),
        (b"[" * 50_000, {}, 400, "push_unreadable"),
        (orjson.dumps({**push(order()), "schema": "shop-order/v2"}), {}, 422, "push_schema"),
    ]
    for body, how, status, reason in unfit:
        answer = await shop.send(body, **how)
        assert answer.status_code == status, (reason, answer.text)
        assert set(answer.json()) <= {"error", "paths"}
    found = await deliveries(shop)
    assert [(one["status"], one["reason"]) for one in found] == [("refused", reason) for *_, reason in unfit]
    assert {row["body"] for row in await shop.ingest.rows("SELECT body FROM webhooks")} == {b""}


WRONG: dict[str, Any] = {
    "total": 1480.0, "version": "1", "currency": "rub", "canceled": "N", "created_at": "2026-03-12T12:59:58",
    "id": 0, "payer": None, "items": [{**ITEM, "vat_rate": 0.2}], "deliveries": [{**DELIVERY, "price": "1e3"}],
    "payments": [{"id": 1}], "person_type": {"id": 1, "kind": "robot"}, "account_number": "",
}  # fmt: skip


async def test_a_body_that_is_not_as_agreed_is_refused_with_the_places(shop: Shop) -> None:
    places = []
    for name, value in WRONG.items():
        answer = await shop.send(orjson.dumps(push(order(**{name: value}))))
        assert answer.status_code == 422
        (place,) = answer.json()["paths"]
        places.append(place)
    assert places == [
        "order.total", "order.version", "order.currency", "order.canceled", "order.created_at", "order.id",
        "order.payer", "order.items.0.vat_rate", "order.deliveries.0.price", "order.payments.0.pay_system_id",
        "order.person_type.kind", "order.account_number",
    ]  # fmt: skip


async def test_a_value_that_cannot_be_stored_is_refused_with_what_to_do(shop: Shop) -> None:
    body = push(order()) | {"occurred_at": "0001-01-01T00:00:00+14:00"}  # a moment before the first that Postgres has
    answer = await shop.send(orjson.dumps(body))
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "a value of the order cannot be stored; correct the order and save it, its next push is taken"},
    )
    (listed,) = await deliveries(shop)
    assert (listed["status"], listed["reason"]) == ("refused", "push_value")
    assert await shop.ingest.rows("SELECT 1 FROM shop_pushes") == []


@pytest.mark.expects_errors("a push was not stored")
async def test_what_a_defect_of_ours_keeps_out_is_taken_when_the_shop_comes_again(shop: Shop, own: OwnDatabase) -> None:
    delivery, body = str(uuid.uuid4()), orjson.dumps(push(order()))
    admin = await asyncpg.connect(own.admin_url)
    try:
        await admin.execute("ALTER TABLE shop_pushes RENAME TO pushes_of_shops")
        answer = await shop.send(body, delivery=delivery)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        await admin.execute("ALTER TABLE pushes_of_shops RENAME TO shop_pushes")
    finally:
        await admin.close()
    assert (await shop.send(body, delivery=delivery)).json()["status"] == "accepted"


async def test_forged_pushes_do_not_fill_the_table(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.api.hooks._minute", lambda: 7)
    shop.secret = "somebody-elses-secret"
    for _ in range(70):
        assert (await shop.send(b"{}")).status_code == 401
    assert len(await shop.ingest.rows("SELECT 1 FROM webhooks")) == 60


async def test_an_address_that_no_shop_has_is_refused_as_a_wrong_signature_is(shop: Shop) -> None:
    right, shop.path = shop.path, "/shops/unknown/orders"
    unknown = await shop.send(b"{}")
    shop.path, shop.secret = right, "somebody-elses-secret"
    forged = await shop.send(b"{}")
    assert (unknown.status_code, unknown.json()) == (forged.status_code, forged.json()) == (401, forged.json())
    assert (await shop.ingest.outside.get(right)).status_code == 405
    assert (await shop.ingest.outside.post("/shops/x/y/orders", content=b"{}")).status_code == 404


async def test_two_secrets_hold_while_one_is_exchanged(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    await opened(bare, sandbox, portal, account)
    fresh = {"secret": "fresh-secret-of-the-shop", "key_id": "2"}
    shop = await opened(bare, sandbox, portal, account, **fresh, previous={"key_id": "1", "secret": SHOP["secret"]})
    assert (await shop.pushed(order())).status_code == 200
    shop.secret, shop.key_id = fresh["secret"], fresh["key_id"]
    assert (await shop.pushed(order(version=2))).status_code == 200
    await opened(bare, sandbox, portal, account, **fresh)
    shop.secret, shop.key_id = SHOP["secret"], "1"
    assert (await shop.send(orjson.dumps(push(order())))).status_code == 401


async def test_a_body_over_a_mebibyte_is_refused(shop: Shop) -> None:
    assert (await shop.send(b" " * (1024 * 1024 + 1))).status_code == 413


async def test_a_shop_that_is_taken_out_of_the_file_is_gone_at_once(
    shop: Shop, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    await shop.pushed(order())
    await requested(shop)
    await shop.ingest.apply(document(sandbox, portal, account))
    assert (await shop.send(orjson.dumps(push(order())))).status_code == 401
    assert await shop.ingest.rows("SELECT 1 FROM connections WHERE vendor = 'shop'") == []


async def test_the_address_of_a_shop_stays_and_its_secrets_are_not_shown(
    shop: Shop, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    again = await shop.ingest.apply(document(sandbox, portal, account, shops=[SHOP]))
    assert (again["changes"], urlsplit(again["webhook_urls"]["shop:main"]).path) == ([], shop.path)
    shown = await shop.ingest.api.get("/api/v1/tenants/vektor")
    assert SHOP["secret"] not in shown.text
    other = await shop.ingest.apply(document(sandbox, portal, account, shops=[{**SHOP, "secret": "x" * 20}]))
    assert [(one["key"], one["after"]) for one in other["changes"]] == [("shops[main].secret", "•••")]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seller": "other"}, "shops[0].seller"),
        ({"secret": "short"}, "shops[0].secret"),
        ({"id": "Main"}, "shops[0].id"),
    ],
)
async def test_a_wrong_shop_is_refused_with_what_to_write(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], change: dict[str, Any], key: str
) -> None:
    file = document(sandbox, portal, account, shops=[{**SHOP, **change}])
    answer = await bare.api.put("/api/v1/tenants/vektor", json=file)
    assert (answer.status_code, [fault["key"] for fault in answer.json()["faults"]]) == (422, [key])
    assert "write" in answer.json()["faults"][0]["text"]


async def test_a_shop_of_the_sandbox_pushes_what_people_do(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    applied = await bare.apply(document(sandbox, portal, account, shops=[SHOP]))
    url = applied["webhook_urls"]["shop:main"]
    await sandbox.control("/shop/shops", {"shop": "main", "url": url, "secret": SHOP["secret"], "title": "Магазин"})
    for kind in ("forged", "duplicate"):
        rule = {"vendor": "shop", "operation": "event:order.created", "kind": kind, "calls": [1]}
        await sandbox.control("/faults", rule)
    payer = {"inn": "7725010016", "kpp": "772501001", "name": "ООО Ромашка", "email": "buh@romashka.example"}
    goods = [{"name": "Футболка", "price": "33.3333", "quantity": "3"}]
    body = {"kind": "legal", "payer": payer, "items": goods, "deliveries": [{"price": "500", "vat_rate": None}]}
    made = (await sandbox.control("/shop/main/orders", body))["order"]
    shop = Shop(bare, urlsplit(url).path)
    (message,) = await requested(shop)
    assert (message["deal"]["opportunity_kopecks"], made["total"]) == (60_000, "600.00")
    refused = [one["reason"] for one in await deliveries(shop) if one["status"] == "refused"]
    assert refused == ["push_signature"]
    path = f"/shop/main/orders/{made['id']}"
    await sandbox.control(path, {"items": [{**goods[0], "quantity": "6"}]}, method="PATCH")
    await sandbox.control(f"{path}/cancel")

    async def told() -> bool:
        return [one.get("deleted", False) for one in await said(bare, "DealChanged")][-1:] == [True]

    await until(told, "the order is cancelled")
    page = await sandbox.client.get("/pages/shop/main")
    assert (page.status_code, "Отменён" in page.text, "ООО Ромашка" in page.text) == (200, True, True)
