"""Payments as the bank and the accountant make them, and the feed that shows them."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tests.sandbox.elba_client import ElbaClient


@pytest_asyncio.fixture
async def invoice(elba: ElbaClient) -> dict[str, Any]:
    """85 000,00 to be paid."""
    return await elba.invoice(await elba.buyer(), paymentDueDate=None)


async def shown(elba: ElbaClient, invoice: dict[str, Any]) -> tuple[str, float]:
    card = (await elba.get(f"/invoices/{invoice['id']}")).json()
    return card["status"], card["paidSum"]


async def feed(elba: ElbaClient, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await elba.get("/payments", params=params)).json()["items"]
    return items


async def test_part_full_and_too_much(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    await elba.control("/payments", {"invoice": "B24-1042", "amount_kopecks": 4_000_000})
    assert await shown(elba, invoice) == ("PartiallyPaid", 40_000.0)
    await elba.control("/payments", {"invoice": invoice["id"]})
    assert await shown(elba, invoice) == ("Paid", 85_000.0)
    await elba.control("/payments", {"invoice": "B24-1042", "amount_kopecks": 1})
    assert await shown(elba, invoice) == ("Paid", 85_000.01)


async def test_payment_has_every_member(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    paid = await elba.control(
        "/payments",
        {"invoice": "B24-1042", "payment_order_number": "451", "date": "2026-03-12", "purpose": "Оплата по счету 127",
         "payer": {"name": "ООО «Плательщик»", "inn": "7709123453"}, "own_account": "40702810200000000001"},
    )  # fmt: skip
    of_invoice = (await elba.get(f"/invoices/{invoice['id']}/payments")).json()["items"]
    assert of_invoice == await feed(elba)
    assert of_invoice == [
        {
            "id": paid["id"], "invoiceId": invoice["id"], "ownAccount": "40702810200000000001", "amount": 85_000.0,
            "date": "2026-03-12", "paymentOrderNumber": "451",
            "payer": {"name": "ООО «Плательщик»", "inn": "7709123453"}, "purpose": "Оплата по счету 127",
            "updatedAt": paid["updated_at"], "removed": False,
        }
    ]  # fmt: skip


async def test_reversed_payment_stays_listed_as_removed(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    paid = await elba.control("/payments", {"invoice": "B24-1042"})
    await elba.sandbox.advance(60)
    await elba.control(f"/payments/{paid['id']}/remove")
    assert await shown(elba, invoice) == ("Issued", 0.0)
    (listed,) = await feed(elba)
    assert listed["removed"] is True
    assert listed["updatedAt"] > paid["updated_at"]


async def test_vanished_payment_is_gone(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    paid = await elba.control("/payments", {"invoice": "B24-1042"})
    await elba.control(f"/payments/{paid['id']}/remove", {"vanish": True})
    assert await feed(elba) == []
    assert await shown(elba, invoice) == ("Issued", 0.0)


async def test_refund_is_an_outgoing_row(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    await elba.control("/payments", {"invoice": "B24-1042"})
    await elba.control("/payments", {"invoice": "B24-1042", "amount_kopecks": 500_000, "refund": True})
    assert await shown(elba, invoice) == ("PartiallyPaid", 80_000.0)
    assert [item["amount"] for item in await feed(elba)] == [85_000.0, -5_000.0]


async def test_revised_payment_keeps_its_id(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    paid = await elba.control("/payments", {"invoice": "B24-1042"})
    await elba.control(f"/payments/{paid['id']}", {"amount_kopecks": 8_000_000, "purpose": "уточнено"}, "PATCH")
    (listed,) = await feed(elba)
    assert (listed["id"], listed["amount"], listed["purpose"]) == (paid["id"], 80_000.0, "уточнено")
    assert await shown(elba, invoice) == ("PartiallyPaid", 80_000.0)


async def test_renamed_payment_has_another_id_and_the_same_facts(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    paid = await elba.control("/payments", {"invoice": "B24-1042"})
    before = (await feed(elba))[0]
    await elba.sandbox.advance(60)
    renamed = await elba.control(f"/payments/{paid['id']}/rename")
    (after,) = await feed(elba)
    assert after["id"] == renamed["id"] != before["id"]
    assert {**after, "id": None, "updatedAt": None} == {**before, "id": None, "updatedAt": None}
    assert await shown(elba, invoice) == ("Paid", 85_000.0)


async def test_one_payment_listed_twice_counts_once(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    await elba.control("/payments", {"invoice": "B24-1042", "listed_twice": True})
    listed = await feed(elba)
    assert len(listed) == 2
    assert listed[0] == listed[1]
    assert await shown(elba, invoice) == ("Paid", 85_000.0)


async def test_late_payment_shows_up_behind_the_cursor(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    await elba.sandbox.control("/clock", {"rate": 0})
    paid = await elba.control("/payments", {"invoice": "B24-1042", "late_seconds": 90})
    await elba.sandbox.advance(80)
    assert await feed(elba) == []
    assert await shown(elba, invoice) == ("Issued", 0.0)
    await elba.sandbox.advance(10)
    assert [item["updatedAt"] for item in await feed(elba)] == [paid["updated_at"]]
    assert await shown(elba, invoice) == ("Paid", 85_000.0)


async def test_payment_moves_the_invoice_in_the_list_of_changes(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    await elba.sandbox.advance(60)
    paid = await elba.control("/payments", {"invoice": "B24-1042"})
    changed = await elba.get("/invoices", params={"updatedSince": paid["updated_at"]})
    assert [item["id"] for item in changed.json()["items"]] == [invoice["id"]]


async def test_wrong_control_calls_say_what_to_do(elba: ElbaClient, invoice: dict[str, Any]) -> None:
    url = f"/control/elba/{elba.id}/payments"
    client = elba.sandbox.client
    bad = [{"invoice": "B24-1042", "amount": 5}, {"invoice": "B24-1042", "amount_kopecks": 0.5}]
    for body in bad:
        answer = await client.post(url, json=body)
        assert answer.status_code == 400
        assert "amount_kopecks" in answer.json()["error"]
    assert (await client.post(url, json={"invoice": "nothing"})).status_code == 404
