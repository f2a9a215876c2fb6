"""Deals are read, swept and checked on the sandbox: every stage entry becomes its request, webhook or not."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from services.ingest.store.deals import read_task_id
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import TENANT, Ingest, document, until

pytestmark = pytest.mark.parts

PORTAL = "/bitrix24/portals/vektor"
DAY = 86_400


class Portal:
    """What people do in the portal."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def send_webhooks_to(self, url: str) -> None:
        await self._sandbox.control(f"{PORTAL}/subscriptions/1", {"url": url}, method="PATCH")

    async def company(self, **fields: Any) -> int:
        whole = {"title": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001", **fields}
        return int((await self.act("/companies", whole))["company"]["id"])

    async def deal(self, **fields: Any) -> str:
        rows = [{"name": "Стеллаж", "price": "12500.00", "quantity": 2}]
        return str((await self.act("/deals", {"title": "Поставка", "rows": rows, **fields}))["deal"]["id"])

    async def move(self, deal: str, stage: str = "PREPAYMENT_INVOICE") -> None:
        await self._sandbox.control(f"{PORTAL}/deals/{deal}/move", {"stage": stage})

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self._sandbox.control(f"{PORTAL}{path}", body, method=method)


@pytest.fixture
async def people(sandbox: Sandbox, ingest: Ingest) -> Portal:
    """A portal whose webhooks arrive."""
    found = Portal(sandbox)
    await found.send_webhooks_to(ingest.hook)
    return found


@pytest.fixture
async def deaf(sandbox: Sandbox, bare: Ingest, portal: dict[str, Any], account: dict[str, Any]) -> Portal:
    """A portal whose webhooks go nowhere; it is swept every minute."""
    file = document(sandbox, portal, account)
    file["bitrix24"]["sweep_seconds"] = 60
    await bare.apply(file)
    await until(lambda: _swept(bare), "the first sweep is over")
    return Portal(sandbox)


async def _swept(ingest: Ingest) -> bool:
    rows = await ingest.rows("SELECT request FROM work WHERE kind = 'sweep' AND queue = 'waiting'")
    return bool(rows) and "newest" in rows[0]["request"]


async def said(ingest: Ingest, *types: str) -> list[dict[str, Any]]:
    """Messages about deals of the types, in order."""
    return [message for message in await ingest.messages() if message["type"] in types]


async def requested(ingest: Ingest, count: int = 1) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]]:
        found = await said(ingest, "InvoiceRequested", "ActRequested")
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await until(enough, f"{count} requests")
    assert len(found) == count
    return found


async def quiet(ingest: Ingest) -> None:
    """No work that a fact caused is open."""

    async def closed() -> bool:
        return not await ingest.rows("SELECT 1 FROM work WHERE kind LIKE 'read-%' AND queue <> 'closed'")

    await until(closed, "all reads are done")


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


async def test_a_lost_webhook_is_healed_by_the_sweep(bare: Ingest, deaf: Portal, sandbox: Sandbox) -> None:
    deal = await deaf.deal(company=await deaf.company())
    await deaf.move(deal)
    await sandbox.advance(61)
    (request,) = await requested(bare)
    assert request["deal"]["deal_id"] == deal
    await sandbox.advance(61)
    await sandbox.advance(61)
    await quiet(bare)
    await requested(bare, 1)


async def test_webhook_sweep_and_nightly_check_meet_in_one_request(
    bare: Ingest, deaf: Portal, sandbox: Sandbox
) -> None:
    await deaf.send_webhooks_to(bare.hook)
    deal = await deaf.deal(company=await deaf.company())
    await deaf.move(deal)
    await requested(bare)
    for _ in range(3):
        await sandbox.advance(DAY)
        await until(lambda: _checked_tonight(bare, sandbox), "the nightly check is over")
    await quiet(bare)
    await requested(bare, 1)


async def _checked_tonight(ingest: Ingest, sandbox: Sandbox) -> bool:
    rows = await ingest.rows(
        "SELECT 1 FROM work WHERE kind = 'nightly-check' AND queue = 'waiting' AND due_at > $1",
        sandbox.world.clock.now(),
    )
    return bool(rows)


async def test_what_even_the_sweep_missed_is_found_at_night(bare: Ingest, deaf: Portal, sandbox: Sandbox) -> None:
    deal = await deaf.deal(company=await deaf.company())
    await deaf.move(deal)
    await bare.rows(
        "UPDATE work SET request = jsonb_set(request, '{newest}', '1000000') || '{\"marks\": []}', due_at = 'infinity' "
        "WHERE kind = 'sweep' RETURNING 1"
    )
    await sandbox.advance(DAY)
    (request,) = await requested(bare)
    assert request["deal"]["deal_id"] == deal


async def test_a_change_that_no_webhook_told_is_found(bare: Ingest, deaf: Portal, sandbox: Sandbox) -> None:
    deal = await deaf.deal(company=await deaf.company())
    await deaf.move(deal)
    await sandbox.advance(61)
    await requested(bare)
    await deaf.act(f"/deals/{deal}/rows", {"rows": [{"name": "Стол", "price": "100.00", "quantity": 1}]}, "PUT")
    await sandbox.advance(61)

    async def told() -> list[dict[str, Any]]:
        return await said(bare, "DealChanged")

    await until(told, "the change is told")


async def test_what_was_mended_of_a_buyer_and_no_webhook_told_is_found(
    bare: Ingest, deaf: Portal, sandbox: Sandbox
) -> None:
    empty, filled = await deaf.company(inn="", kpp=""), await deaf.company(kpp="")
    (requisite,) = (await deaf.act(f"/companies/{filled}", method="GET"))["requisites"]
    person = (await deaf.act("/contacts", {"name": "Анна", "last_name": "Ершова"}))["id"]
    deals = [await deaf.deal(company=empty), await deaf.deal(company=filled), await deaf.deal(contact=person)]
    for deal in deals:
        await deaf.move(deal)
    await sandbox.advance(61)
    await requested(bare, 3)
    await sandbox.advance(3_600)
    await deaf.act(f"/companies/{empty}/requisites", {"inn": "7707083893", "kpp": "773601001"})
    await deaf.act(f"/requisites/{requisite['ID']}", {"RQ_KPP": "770901001"}, "PATCH")
    await deaf.act(f"/contacts/{person}", {"fields": {"name": "Алла"}}, "PATCH")
    await sandbox.advance(61)

    async def told() -> dict[str, dict[str, Any]]:
        found = {one["deal_id"]: one["deal"]["buyer"] for one in await said(bare, "DealChanged")}
        return found if len(found) == len(deals) else {}

    buyers = await until(told, "what was mended is told")
    assert sorted(one.get("kpp", "") for one in buyers.values()) == ["", "770901001", "773601001"]
    await deaf.act(f"/requisites/{requisite['ID']}/banks", {"bank": "АО Банк", "bik": "044525999", "account": "40702"})
    await sandbox.advance(61)

    async def has_bank() -> bool:
        return any(one["deal"]["buyer"].get("bank") for one in await said(bare, "DealChanged"))

    await until(has_bank, "the bank account is told")


async def test_a_buyer_that_was_read_as_it_is_is_not_read_again(bare: Ingest, deaf: Portal, sandbox: Sandbox) -> None:
    company = await deaf.company(bank={"bank": "АО Банк", "bik": "044525999", "account": "40702"})
    await deaf.move(await deaf.deal(company=company))
    await sandbox.advance(61)
    await requested(bare)
    await quiet(bare)
    (before,) = await bare.rows("SELECT wanted, sends FROM work WHERE kind = 'read-deal'")
    for _ in range(2):
        await sandbox.advance(61)
        await until(lambda: _passed(bare, "sweep-buyers", sandbox), "the sweep of buyers is over")
    (after,) = await bare.rows("SELECT wanted, sends FROM work WHERE kind = 'read-deal'")
    assert after == before
    (sweep,) = await bare.rows("SELECT pass_found FROM work WHERE kind = 'sweep-buyers'")
    assert sweep["pass_found"] is False


async def _passed(ingest: Ingest, kind: str, sandbox: Sandbox) -> bool:
    now = sandbox.world.clock.now()
    return bool(
        await ingest.rows("SELECT 1 FROM work WHERE kind = $1 AND queue = 'waiting' AND due_at > $2", kind, now)
    )


async def test_deals_of_a_buyer_beyond_the_first_fifty_are_read_when_those_have_been(
    bare: Ingest, deaf: Portal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.store.deals.DEALS_OF_BUYER_MAX", 2)
    company = await deaf.company(inn="", kpp="")
    for _ in range(5):
        await deaf.move(await deaf.deal(company=company))
    await sandbox.advance(61)
    await requested(bare, 5)
    await deaf.act(f"/companies/{company}/requisites", {"inn": "7709123453", "kpp": "770901001"})

    async def all_told() -> bool:
        return len({one["deal_id"] for one in await said(bare, "DealChanged")}) == 5

    for _ in range(3):
        await sandbox.advance(61)
        await until(lambda: _passed(bare, "sweep-buyers", sandbox), "the sweep of buyers is over")
        await quiet(bare)
    await until(all_told, "all deals are read in the end")


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
