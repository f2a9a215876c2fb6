"""What no webhook told is found by sweeps and by the nightly check on the sandbox."""

from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Rejected
from chassis.work.handlers import Permit
from connectors.bitrix24.client import Bitrix24
from tests.sandbox.running import Sandbox
from tests.services.ingest.people import Portal, quiet, requested, said
from tests.services.ingest.running import Ingest, until

pytestmark = pytest.mark.parts

DAY = 86_400


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


async def test_a_deal_that_was_out_of_reach_when_its_entry_was_noticed_is_read_at_night(
    bare: Ingest, deaf: Portal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = await deaf.deal(company=await deaf.company())
    with monkeypatch.context() as rights:
        rights.setattr(Bitrix24, "read_deal", _hidden)
        await deaf.move(deal)
        await sandbox.advance(61)
        await until(lambda: bare.rows(_READ_IN_VAIN), "the entry is noticed, and its deal cannot be seen")
    await sandbox.advance(61)
    await quiet(bare)
    assert await said(bare, "InvoiceRequested") == [], "no sweep asks again for what it has noticed"
    await sandbox.advance(DAY)
    (request,) = await requested(bare)
    assert request["deal"]["deal_id"] == deal


_READ_IN_VAIN = (
    "SELECT 1 FROM stage_entries e JOIN work w ON w.tenant_id = e.tenant_id AND w.kind = 'read-deal' "
    "WHERE NOT e.observed AND w.stream = 'deal-' || e.deal_id AND w.queue = 'closed'"
)


async def _hidden(crm: Bitrix24, permit: Permit, deal_id: str, **_: Any) -> Rejected:
    return Rejected(Problem("deal_not_visible", {"deal": deal_id}))


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
