"""Invoices: totals, look-up, changes since, repetition, cancel, file, hand edits, validation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.elba_client import LINE, ElbaClient, invoice_body


async def test_invoice_has_every_member_and_exact_totals(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    lines = [
        {**LINE, "count": 1.5, "price": 100.05, "ndsRate": "Nds20"},
        {**LINE, "count": 3, "price": 0.33, "ndsRate": "Nds10"},
    ]
    made = await elba.invoice(buyer, items=lines, unknownMember=True)
    assert set(made) == {
        "id", "number", "date", "paymentDueDate", "counterpartyId", "comment", "items", "sum", "ndsSum", "paidSum",
        "status", "createdAt", "updatedAt", "url",
    }  # fmt: skip
    assert [item["sum"] for item in made["items"]] == [150.08, 0.99]
    assert (made["sum"], made["ndsSum"], made["paidSum"]) == (151.07, 25.10, 0.0)
    assert (await elba.get(f"/invoices/{made['id']}")).json() == made


async def test_status_overdue_and_issued_follow_the_clock(elba: ElbaClient) -> None:
    await elba.sandbox.control("/clock", {"set": "2026-03-13T20:00:00+03:00"})
    await elba.sign_in()
    made = await elba.invoice(await elba.buyer())
    assert made["status"] == "Issued"
    await elba.sandbox.control("/clock", {"set": "2026-03-14T00:00:01+03:00"})
    await elba.sign_in()
    assert (await elba.get(f"/invoices/{made['id']}")).json()["status"] == "Overdue"


async def test_a_repeated_post_makes_a_second_invoice(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    first, second = await elba.invoice(buyer), await elba.invoice(buyer)
    found = (await elba.get("/invoices?number=B24-1042&date=2026-03-10")).json()
    assert found["total"] == 2
    assert {item["id"] for item in found["items"]} == {first["id"], second["id"]}
    assert (await elba.get("/invoices?number=B24-1042&date=2026-03-11")).json()["total"] == 0
    assert (await elba.get("/invoices?number=B24-104")).json()["total"] == 0


async def test_idempotency_key_gives_the_first_answer(elba: ElbaClient) -> None:
    body = invoice_body(await elba.buyer())
    headers = {"Idempotency-Key": "7c1f09aa-0000-4000-8000-000000000001"}
    first = await elba.post("/invoices", body, headers=headers)
    await elba.control(f"/invoices/{first.json()['id']}", {"comment": "исправлено"}, "PATCH")
    again = await elba.post("/invoices", {key: body[key] for key in reversed(body)}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await elba.post("/invoices", {**body, "number": "B24-9"}, headers=headers)
    assert other.status_code == 422
    assert len(await elba.find()) == 1


async def test_a_refused_post_does_not_use_up_the_key(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    headers = {"Idempotency-Key": "7c1f09aa-0000-4000-8000-000000000002"}
    assert (await elba.post("/invoices", invoice_body(buyer, date="x"), headers=headers)).status_code == 400
    assert (await elba.post("/invoices", invoice_body(buyer), headers=headers)).status_code == 201


async def test_a_server_may_ignore_the_key(elba: ElbaClient) -> None:
    await elba.control("/dials", {"idempotency_honoured": False})
    body = invoice_body(await elba.buyer())
    headers = {"Idempotency-Key": "7c1f09aa-0000-4000-8000-000000000003"}
    answers = [await elba.post("/invoices", body, headers=headers) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 2


async def test_changes_since_are_ascending_and_inclusive(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    first = await elba.invoice(buyer, "B24-1")
    await elba.sandbox.advance(10)
    second = await elba.invoice(buyer, "B24-2")
    await elba.sandbox.advance(10)
    await elba.control("/invoices/B24-1", {"comment": "новый"}, "PATCH")
    listed = (await elba.get("/invoices", params={"updatedSince": second["updatedAt"], "offset": 0})).json()
    assert [item["id"] for item in listed["items"]] == [second["id"], first["id"]]


async def test_cancel(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    made = await elba.invoice(buyer)
    for _ in range(2):
        answer = await elba.post(f"/invoices/{made['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "Cancelled")
    await elba.invoice(buyer, "B24-2")
    await elba.control("/payments", {"invoice": "B24-2", "amount_kopecks": 100})
    paid = (await elba.find("B24-2"))[0]
    refused = await elba.post(f"/invoices/{paid['id']}/cancel")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "InvoiceAlreadyPaid")


async def test_pdf_is_rendered_in_business_time(elba: ElbaClient) -> None:
    await elba.control("/dials", {"pdf_render_seconds": 30, "pdf_bytes": 20_000})
    await elba.sandbox.control("/clock", {"rate": 0})
    made = await elba.invoice(await elba.buyer())
    waiting = await elba.get(f"/invoices/{made['id']}/pdf")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "30")
    await elba.sandbox.advance(30)
    answer = await elba.get(f"/invoices/{made['id']}/pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-1.")
    assert answer.content.rstrip().endswith(b"%%EOF")
    assert 19_000 < len(answer.content) < 21_500
    assert "B24-1042".encode("cp1251") in answer.content
    assert "85\u00a0000,00".encode("cp1251") in answer.content


async def test_pdf_offsets_are_true(elba: ElbaClient) -> None:
    made = await elba.invoice(await elba.buyer())
    content = (await elba.get(f"/invoices/{made['id']}/pdf")).content
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    rows = content[start:].splitlines()
    assert rows[0] == b"xref"
    count = int(rows[1].split()[1])
    for number in range(1, count):
        offset = int(rows[2 + number].split()[0])
        assert content[offset:].startswith(b"%d 0 obj" % number)


async def test_hand_edit_and_delete(elba: ElbaClient) -> None:
    made = await elba.invoice(await elba.buyer())
    await elba.control("/invoices/B24-1042", {"items": [{**LINE, "count": 1}], "number": "17"}, "PATCH")
    edited = (await elba.get(f"/invoices/{made['id']}")).json()
    assert (edited["sum"], edited["number"]) == (5000.0, "17")
    assert await elba.find() == []
    await elba.control("/invoices/17", method="DELETE")
    assert (await elba.get(f"/invoices/{made['id']}")).status_code == 404
    assert await elba.find("17") == []


async def test_path_case_and_trailing_slash_do_not_matter(elba: ElbaClient) -> None:
    made = await elba.invoice(await elba.buyer())
    for path in (f"/INVOICES/{made['id'].upper()}", f"/Invoices/{made['id']}/"):
        assert (await elba.get(path)).json()["id"] == made["id"]


@pytest.mark.parametrize(
    ("members", "target"),
    [
        ({"number": None}, "number"),
        ({"number": "x" * 31}, "number"),
        ({"number": 7}, "number"),
        ({"date": None}, "date"),
        ({"date": "10.03.2026"}, "date"),
        ({"date": "2026-02-30"}, "date"),
        ({"date": "20260310"}, "date"),
        ({"paymentDueDate": "2026-03-09"}, "paymentDueDate"),
        ({"counterpartyId": "0d7d6a52-9d0c-4f6e-8b60-3b1f8a3b9f55"}, "counterpartyId"),
        ({"counterpartyId": None}, "counterpartyId"),
        ({"items": []}, "items"),
        ({"items": None}, "items"),
        ({"items": [{**LINE, "name": " "}]}, "items[0].name"),
        ({"items": [LINE, {**LINE, "count": 0}]}, "items[1].count"),
        ({"items": [{**LINE, "count": -1}]}, "items[0].count"),
        ({"items": [{**LINE, "count": "1"}]}, "items[0].count"),
        ({"items": [{**LINE, "count": 1.00001}]}, "items[0].count"),
        ({"items": [{**LINE, "price": 10.005}]}, "items[0].price"),
        ({"items": [{**LINE, "price": -1}]}, "items[0].price"),
        ({"items": [{**LINE, "price": "5000.00"}]}, "items[0].price"),
        ({"items": [{**LINE, "price": True}]}, "items[0].price"),
        ({"items": [{**LINE, "unit": None}]}, "items[0].unit"),
        ({"items": [{**LINE, "ndsRate": "nds20"}]}, "items[0].ndsRate"),
        ({"items": [{**LINE, "ndsRate": None}]}, "items[0].ndsRate"),
        ({"comment": "x" * 10_001}, "comment"),
    ],
)
async def test_a_bad_member_is_named(elba: ElbaClient, members: dict[str, Any], target: str) -> None:
    buyer = await elba.buyer()
    answer = await elba.post("/invoices", invoice_body(buyer, **members))
    assert answer.status_code == 400, answer.text
    assert target in [detail["target"] for detail in answer.json()["error"]["details"]]
    assert await elba.find() == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'"text"'])
async def test_a_body_that_is_no_object_is_refused(elba: ElbaClient, content: bytes) -> None:
    answer = await elba.post("/invoices", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400


async def test_acts_products_and_their_look_ups(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    invoice = await elba.invoice(buyer)
    body = {"date": "2026-03-20", "counterpartyId": buyer, "items": [LINE], "comment": "Сделка №1042",
            "invoiceId": invoice["id"], "period": "2026-03"}  # fmt: skip
    made = await elba.post("/acts", body)
    assert (made.status_code, made.json()["number"], made.json()["status"]) == (201, "1", "Created")
    act = made.json()["id"]
    assert (await elba.get(f"/acts/{act}/pdf")).content.startswith(b"%PDF-")
    await elba.control(f"/acts/{act}/status", {"status": "Signed"})
    assert (await elba.get(f"/acts/{act}")).json()["status"] == "Signed"
    assert (await elba.post("/acts", {**body, "invoiceId": "no-such"})).status_code == 400
    assert (await elba.post("/acts", body)).json()["number"] == "2"

    goods = {"name": "Стеллаж", "article": "SRV-001", "unit": "шт", "price": 12.5, "ndsRate": "Nds22"}
    product = await elba.post("/products", goods)
    assert product.status_code == 201
    assert (await elba.get("/products?article=SRV-001")).json()["items"] == [product.json()]
    assert (await elba.get("/products?name=Стол")).json()["total"] == 0
