"""Deals are read, swept and checked on the sandbox: every stage entry becomes its request, webhook or not."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from services.ingest.store.deals import read_task_id
from tests.sandbox.running import Sandbox
from tests.services.ingest.people import Portal, quiet, requested, said
from tests.services.ingest.running import TENANT, Ingest, document, until

pytestmark = pytest.mark.parts


async def test_entering_the_stage_asks_for_an_invoice_with_all_it_needs(ingest: Ingest, people: Portal) -> None:
    company = await people.company(address="ул. Лесная, 1", bank={"bank": "АО Банк", "bik": "044525999"})
    deal = await people.deal(company=company)
    await people.move(deal)
    (request,) = await requested(ingest)
    buyer, (line,) = request["deal"]["buyer"], request["deal"]["lines"]
    assert (buyer["kind"], buyer["inn"], buyer["kpp"]) == ("company", "7709123453", "770901001")
    assert (line["quantity"], line["price"], line["vat"]) == ("2", "12500", "none")
    assert request["deal"]["opportunity_kopecks"] == 2_500_000
    assert request["settings"]["connection"]["account"] == "elba:vektor:main"
    (entered,) = (one for one in await said(ingest, "DealStageChanged") if one["stage_id"] == "PREPAYMENT_INVOICE")
    assert request["triggered_at"] == entered["entered_at"]


async def test_echoes_and_repeats_ask_for_nothing_more(ingest: Ingest, people: Portal) -> None:
    deal = await people.deal(company=await people.company())
    await people.move(deal)
    await requested(ingest)
    for title in ("Один", "Два", "Три"):
        await people.act(f"/deals/{deal}", {"fields": {"TITLE": title}}, "PATCH")
    await quiet(ingest)
    assert len(await requested(ingest)) == 1
    assert await said(ingest, "DealChanged") == []


async def test_only_a_deal_that_was_asked_for_a_document_is_read_with_delay(ingest: Ingest, people: Portal) -> None:
    """Our own writes come back as webhooks; before there are any, a moved deal must not wait."""

    async def debounce() -> float | None:
        rows = await ingest.rows("SELECT debounce FROM work WHERE kind = 'read-deal' AND queue = 'closed'")
        return rows[0]["debounce"].total_seconds() if rows else None

    deal = await people.deal(company=await people.company())
    await people.act(f"/deals/{deal}", {"fields": {"TITLE": "Новое"}}, "PATCH")
    await until(lambda: _is(debounce, 0.0), "the new deal is read")
    await people.move(deal)
    await until(lambda: _is(debounce, 2.0), "the moved deal is read")
    await requested(ingest)


async def _is(found: Callable[[], Awaitable[float | None]], wanted: float) -> bool:
    return await found() == wanted


async def test_a_stage_entered_again_and_another_trigger_are_requests_of_their_own(
    ingest: Ingest, people: Portal
) -> None:
    deal = await people.deal(company=await people.company())
    await people.move(deal)
    await requested(ingest)
    await people.move(deal, "EXECUTING")
    await people.move(deal)
    await requested(ingest, 2)
    await people.move(deal, "WON")
    found = await requested(ingest, 3)
    assert [one["type"] for one in found] == ["InvoiceRequested", "InvoiceRequested", "ActRequested"]
    assert len({one["request_id"] for one in found}) == 3


async def test_changed_goods_of_a_requested_deal_are_told(ingest: Ingest, people: Portal) -> None:
    deal = await people.deal(company=await people.company())
    await people.move(deal)
    await requested(ingest)
    await people.act(f"/deals/{deal}/rows", {"rows": [{"name": "Стол", "price": "100.00", "quantity": 1}]}, "PUT")

    async def told() -> list[dict[str, Any]]:
        return await said(ingest, "DealChanged")

    (changed, *_) = await until(told, "the change is told")
    assert changed["deal"]["lines"][0]["name"] == "Стол"


async def test_a_deal_with_more_rows_than_a_message_carries_is_told_to_its_responsible_and_read_once_it_is_shorter(
    ingest: Ingest, people: Portal
) -> None:
    rows = [{"name": "Ж" * 255, "price": "100.00", "quantity": 1} for _ in range(900)]
    deal = await people.deal(company=await people.company(), rows=rows)
    await people.move(deal)

    async def told() -> list[dict[str, Any]]:
        return await said(ingest, "RequestImpossible")

    (failed,) = await until(told, "the trigger is told to have failed")
    assert ([reason["code"] for reason in failed["reasons"]], failed["kind"]) == (["deal_too_long"], "invoice")
    assert failed["responsible_id"]
    await people.act(f"/deals/{deal}", {"fields": {"TITLE": "Длинная"}}, "PATCH")
    await quiet(ingest)
    assert len(await told()) == 1
    await people.act(f"/deals/{deal}/rows", {"rows": rows[:2]}, "PUT")
    (request,) = await requested(ingest)
    assert (request["type"], len(request["deal"]["lines"])) == ("InvoiceRequested", 2)
    assert request["request_id"] == failed["request_id"]


async def test_requisites_mended_after_the_request_are_told(ingest: Ingest, people: Portal) -> None:
    company = await people.company(inn="", kpp="")
    deal = await people.deal(company=company)
    await people.move(deal)
    await requested(ingest)
    await people.act(f"/companies/{company}/requisites", {"inn": "7709123453", "kpp": "770901001"})

    async def told() -> list[dict[str, Any]]:
        return [one for one in await said(ingest, "DealChanged") if one["deal"]["buyer"]["inn"]]

    (changed, *_) = await until(told, "the INN is told")
    assert changed["deal"]["buyer"]["inn"] == "7709123453"


async def test_a_deal_that_is_deleted_before_it_is_read_causes_nothing(ingest: Ingest, people: Portal) -> None:
    deal = await people.deal(company=await people.company())
    await people.send_webhooks_to("http://127.0.0.1:1/nowhere")
    await people.move(deal)
    await people.act(f"/deals/{deal}", method="DELETE")
    await people.send_webhooks_to(ingest.hook)
    answer = await ingest.outside.post(
        ingest.hook,
        data={
            "event": "ONCRMDEALUPDATE",
            "data[FIELDS][ID]": deal,
            "auth[application_token]": ingest.documents[TENANT]["bitrix24"]["application_token"],
        },
    )
    assert answer.status_code == 200
    await quiet(ingest)
    assert await said(ingest, "InvoiceRequested", "DealChanged") == []
    (last,) = (await ingest.api.get("/api/v1/deliveries")).json()["deliveries"][-1:]
    assert last["status"] == "done"


async def test_a_requested_deal_that_is_deleted_is_told(ingest: Ingest, people: Portal) -> None:
    deal = await people.deal(company=await people.company())
    await people.move(deal)
    await requested(ingest)
    await people.act(f"/deals/{deal}", method="DELETE")

    async def told() -> list[dict[str, Any]]:
        return await said(ingest, "DealChanged")

    (gone,) = await until(told, "its end is told")
    assert gone["deleted"] is True


async def test_a_deal_without_a_company_and_a_person_without_a_trace_of_them(
    ingest: Ingest, people: Portal, tmp_path: Path
) -> None:
    contact = {"name": "Глафира", "last_name": "Заозёрная", "email": "glafira@canary.example", "phone": "+79031234567"}
    person = (await people.act("/contacts", contact))["id"]
    deal = await people.deal(contact=person)
    nobody = await people.deal()
    await people.move(deal)
    await people.move(nobody)
    by_deal = {one["deal"]["deal_id"]: one["deal"] for one in await requested(ingest, 2)}
    assert "buyer" not in by_deal[nobody]
    buyer = by_deal[deal]["buyer"]
    assert (buyer["kind"], buyer["crm_kind"], buyer["crm_id"]) == ("person", "contact", str(person))
    assert buyer["subject_ref"].startswith("vektor/")
    await quiet(ingest)
    for table in ("events", "outbox", "work", "deals", "webhooks"):
        text = str(await ingest.rows(f"SELECT * FROM {table}"))  # noqa: S608
        assert "Глафира" not in text
        assert "canary" not in text
    kept = b"".join(file.read_bytes() for file in (tmp_path / "blobs").rglob("*") if file.is_file())
    assert b"canary" not in kept


async def test_deals_that_stood_in_the_stage_before_activation_are_left_alone(
    bare: Ingest, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    people = Portal(sandbox)
    old = await people.deal(company=await people.company())
    await people.move(old)
    await sandbox.advance(3_600)
    activated_at = sandbox.world.clock.now().isoformat()
    file = document(sandbox, portal, account, activated_at=activated_at)
    file["bitrix24"]["sweep_seconds"] = 60
    await bare.apply(file)
    await people.send_webhooks_to(bare.hook)
    await sandbox.advance(61)
    await people.act(f"/deals/{old}", {"fields": {"TITLE": "Другое имя"}}, "PATCH")
    new = await people.deal(company=await people.company(inn="7707083893", kpp="773601001"))
    await people.move(new)
    (request,) = await requested(bare)
    assert request["deal"]["deal_id"] == new
    await quiet(bare)
    await requested(bare, 1)


async def test_two_companies_of_one_inn_are_named(ingest: Ingest, people: Portal) -> None:
    first, second = await people.company(), await people.company(title="Лотос (дубль)")
    branch = await people.company(title="Лотос, филиал", kpp="771001001")
    await people.move(await people.deal(company=second))
    (request,) = await requested(ingest)
    assert request["deal"]["buyer"]["same_inn_crm_ids"] == [str(first)], f"and not the branch {branch}"


async def test_the_portals_answer_is_awaited_and_nothing_is_lost(
    ingest: Ingest, people: Portal, sandbox: Sandbox
) -> None:
    rule = {"vendor": "bitrix24", "operation": "batch", "kind": "html_200", "calls": [1, 2]}
    await sandbox.control("/faults", rule)
    deal = await people.deal(company=await people.company())
    await people.move(deal)

    async def waits() -> bool:
        rows = await ingest.rows("SELECT failures FROM work WHERE kind = 'read-deal'")
        return any(row["failures"] for row in rows)

    await until(waits, "a first attempt failed")

    async def asked_as_time_passes() -> bool:
        await sandbox.advance(20)
        return len(await said(ingest, "InvoiceRequested")) == 1

    await until(asked_as_time_passes, "the request after two failures")


async def test_a_renamed_portal_is_followed_and_kept(
    ingest: Ingest, people: Portal, sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any]
) -> None:
    host = sandbox.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    await people.act("/rename", {"host": host, "domain": "vektor-new.bitrix24.ru"})
    deal = await people.deal(company=await people.company())
    await people.move(deal)
    await requested(ingest)

    async def kept() -> bool:
        answer = await ingest.internal.post(
            "/internal/permits", json={"account": "bitrix24:vektor", "count": 1, "class": "interactive"}
        )
        return host in str(answer.json()["permit"]["endpoint"])

    await until(kept, "the new address is kept")
    again = await ingest.apply(document(sandbox, portal, account))
    assert again["changes"] == []
    assert await kept(), "the file still names the old host, and that is no change"


def test_the_work_of_a_deal_is_one_row_whoever_plans_it() -> None:
    from chassis.ids import TenantId

    assert read_task_id(TenantId("vektor"), "1") == read_task_id(TenantId("vektor"), "1")
    assert read_task_id(TenantId("vektor"), "1") != read_task_id(TenantId("gamma"), "1")
