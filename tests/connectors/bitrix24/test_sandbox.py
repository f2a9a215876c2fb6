"""Bitrix24 over real HTTP: reading, writing and feeds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx

from chassis.domain import Problem
from chassis.outcomes import Ok, Rejected, Retryable
from connectors.ports.crm import (
    AddComment,
    ChatMessage,
    CrmEvent,
    MoveStage,
    NotifyUser,
    PortalWanted,
    SetFields,
)
from tests.connectors.bitrix24.office import MARKER, PDF, ROWS, Office, commands, open_office, taken
from tests.connectors.kit_sandbox import sandboxed


async def test_a_deal_with_everything(office: Office) -> None:
    company = await office.company()
    requisite = company["requisites"][0]
    contact = await office.act("/contacts", {"name": "Анна", "last_name": "Ершова", "email": "anna@lotos.example"})
    deal_id = await office.deal(company=company["company"]["id"], contact=contact["id"], stage="PREPARATION",
                                requisite=requisite["ID"])  # fmt: skip
    await office.act(f"/deals/{deal_id}/move", {"stage": "PREPAYMENT_INVOICE"})
    found = await office.read(deal_id)
    assert (found.deal.deal_id, found.deal.stage_id, found.deal.semantics) == (deal_id, "PREPAYMENT_INVOICE", "process")
    assert found.deal.currency == "RUB"
    assert found.company is not None
    assert found.company.title == "ООО «Лотос»"
    assert found.contact is not None
    assert found.contact.full_name == "Ершова Анна"
    assert found.requisite is not None
    assert (found.requisite.inn, found.requisite.kpp, found.requisite_source) == ("7709123453", "770901001", "link")
    assert found.bank_detail is None or found.bank_detail.bic == "044525999"
    assert found.address is not None
    assert "Лесная" in found.address.text
    assert [(row.name, row.rate, row.vat_included) for row in found.rows] == [
        ("Стеллаж СТ-200", "22", True), ("Кабель ВВГнг", "22", False), ("Монтаж", "none", True), ("Вывоз", "0", True),
    ]  # fmt: skip
    assert found.rows[1].price_exclusive == Decimal("148.5")
    assert found.rows[1].quantity == Decimal("33.5")
    assert [entry.stage_id for entry in found.history] == ["PREPARATION", "PREPAYMENT_INVOICE"]
    later = await office.read(deal_id, history_after=found.history[0].history_id)
    assert [entry.stage_id for entry in later.history] == ["PREPAYMENT_INVOICE"]
    assert "UF_CRM_INVOICE_NUMBER" in found.deal.user_fields
    assert len(office.http.calls) == 2


async def test_without_a_link_the_first_requisite_of_the_company(office: Office) -> None:
    company = await office.company()
    deal_id = await office.deal(company=company["company"]["id"])
    found = await office.read(deal_id)
    assert found.requisite is not None
    assert found.requisite_source == "company"
    assert found.bank_detail is not None
    assert found.bank_detail.account == "40702810600000000001"
    assert found.address is not None
    assert len(office.http.calls) == 1


async def test_a_deal_without_buyer_and_rows(office: Office) -> None:
    await office.company()
    deal_id = await office.deal(rows=[], opportunity="5000.00")
    found = await office.read(deal_id)
    assert (found.company, found.contact, found.requisite, found.requisites) == (None, None, None, ())
    assert found.rows == ()
    assert found.deal.amount_kopecks == 500_000


async def test_a_person_as_the_buyer(office: Office) -> None:
    contact = await office.act("/contacts", {"name": "Анна", "last_name": "Ершова", "email": "anna@lotos.example"})
    deal_id = await office.deal(contact=contact["id"])
    found = await office.read(deal_id)
    assert (found.company, found.requisite_source) == (None, "none")
    assert found.contact is not None
    assert found.contact.emails == ("anna@lotos.example",)


async def test_a_deal_of_120_rows(office: Office) -> None:
    rows = [{"name": f"Товар {number}", "price": "10.00", "quantity": 1, "vat": 22} for number in range(120)]
    found = await office.read(await office.deal(rows=rows))
    assert [row.name for row in found.rows] == [f"Товар {number}" for number in range(120)]
    assert len(office.http.calls) == 2


async def test_a_deal_that_is_gone_or_out_of_reach(office: Office) -> None:
    gone = await office.deal()
    await office.act(f"/deals/{gone}", method="DELETE")
    outcome = await office.crm.read_deal(office.permit, gone)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code == "deal_not_visible"
    hidden = await office.deal()
    await office.act("/users/1", {"access": "none"}, "PATCH")
    outcome = await office.crm.read_deal(office.permit, hidden)
    assert isinstance(outcome, Rejected)
    assert outcome.problem.code in ("deal_not_visible", "crm_access_denied")


async def test_all_that_is_written_is_on_the_deal(office: Office) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    outcomes = await office.crm.write(office.permit, commands(deal_id))
    results = [taken(outcome) for outcome in outcomes]
    assert results[1].stage_id == "EXECUTING"
    assert all(result.object_id for result in results[3:])
    shown = await office.view(deal_id)
    deal = shown["deal"]
    assert deal["UF_CRM_INVOICE_NUMBER"] == "B24-1"
    assert str(deal["UF_CRM_INVOICE_DATE"]).startswith("2026-03-10")
    assert str(deal["UF_CRM_PAID"]) == "129600.50|RUB"
    assert int(deal["UF_CRM_OVERDUE_DAYS"]) == 12
    assert deal["stageId"] == "EXECUTING"
    assert (deal["UF_CRM_INVOICE_PDF"]["name"], deal["UF_CRM_INVOICE_PDF"]["size"]) == ("счёт B24-1.pdf", len(PDF))
    assert [(one["text"], one["files"][0]["size"]) for one in shown["comments"]] == [
        (f"Счёт [b]B24-1[/b] выставлен & отправлен\n{MARKER}", len(PDF))
    ]
    notes = await office.act("/notifications", method="GET")
    assert "Оплата получена" in str(notes)


async def test_field_of_a_file_is_emptied_as_any_other(office: Office) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    await office.crm.write(office.permit, commands(deal_id))
    emptied = SetFields("deal", deal_id, {"UF_CRM_INVOICE_PDF": "", "UF_CRM_INVOICE_NUMBER": "B24-2"})
    taken((await office.crm.write(office.permit, [emptied]))[0])
    deal = (await office.view(deal_id))["deal"]
    assert (deal["UF_CRM_INVOICE_PDF"], deal["UF_CRM_INVOICE_NUMBER"]) == (None, "B24-2")


async def test_repeating_all_changes_nothing_but_the_chat(office: Office) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    first = [taken(one) for one in await office.crm.write(office.permit, commands(deal_id))]
    again = [taken(one) for one in await office.crm.write(office.permit, commands(deal_id))]
    assert again[3].found
    assert again[3].object_id == first[3].object_id
    shown = await office.view(deal_id)
    assert len(shown["comments"]) == 1
    notes = await office.act("/notifications", method="GET")
    assert str(notes).count("Оплата получена") == 1


async def test_a_message_of_the_chat_is_said_once_when_it_is_repeated(office: Office) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    first = taken((await office.crm.write(office.permit, [ChatMessage("7", "Сбой связи")]))[0])
    again = taken((await office.crm.write(office.permit, [ChatMessage("7", "Сбой связи", began)]))[0])
    assert (again.object_id, again.found) == (first.object_id, True)
    other = taken((await office.crm.write(office.permit, [ChatMessage("7", "Связь есть", began)]))[0])
    assert not other.found


async def test_a_comment_is_found_among_many(office: Office) -> None:
    deal_id = await office.deal()
    await office.crm.write(office.permit, [AddComment(deal_id, "Счёт", MARKER, search_first=False)])
    assert taken(await office.crm.find_comment(office.permit, deal_id, "[b24:1:invoice:1:00000000]")) is None
    others = [
        AddComment(deal_id, "x", f"[b24:1:note:{number}:00000000]", search_first=False) for number in range(1, 121)
    ]
    for start in range(0, 120, 50):
        await office.crm.write(office.permit, others[start : start + 50])
    assert taken(await office.crm.find_comment(office.permit, deal_id, MARKER)) is not None


async def test_wrong_commands_stop_no_others(office: Office) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    outcomes = await office.crm.write(
        office.permit,
        [
            SetFields("deal", deal_id, {"UF_CRM_NOWHERE": "x"}),
            MoveStage(deal_id, "NO_SUCH_STAGE"),
            MoveStage("999999", "EXECUTING"),
            AddComment("999999", "x", MARKER, search_first=False),
            NotifyUser("7", "", "T", "sverka"),
            ChatMessage("chat999999", "x"),
            SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1"}),
        ],
    )
    assert [type(one) for one in outcomes] == [Rejected] * 6 + [Ok]
    codes = [one.problem.code for one in outcomes if isinstance(one, Rejected)]
    assert codes[0] == "crm_field_missing"
    assert codes[2] == "crm_not_found"


async def test_of_a_long_history_the_newest_stage_entries_are_read(office: Office) -> None:
    deal_id = await office.deal(stage="NEW", rows=ROWS)
    to_and_fro = [MoveStage(deal_id, "NEW" if number % 2 else "PREPARATION") for number in range(50)]
    for _ in range(12):  # 600 entries
        assert all(isinstance(one, Ok) for one in await office.crm.write(office.permit, to_and_fro))
    found = await office.read(deal_id)
    newest = taken(await office.crm.stage_history_since(office.permit, found.history[-1].history_id - 1))
    assert (len(found.history), len(found.rows), found.oversized) == (500, len(ROWS), False)
    assert [entry.history_id for entry in newest.entries] == [found.history[-1].history_id]
    assert found.history[-1].history_id - found.history[0].history_id == 499


async def test_the_feed_of_stage_entries_page_by_page(office: Office) -> None:
    deals = [await office.deal(stage="NEW", rows=[]) for _ in range(30)]
    for deal_id in deals:
        await office.act(f"/deals/{deal_id}/move", {"stage": "PREPARATION"})
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = taken(await office.crm.stage_history_since(office.permit, after))
        seen += [entry.history_id for entry in page.entries]
        after = page.next_after
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen)
    last = taken(await office.crm.stage_history_since(office.permit, seen[-1]))
    assert (last.entries, last.next_after) == ((), None)


async def test_deals_changed_since(office: Office) -> None:
    deals = [await office.deal(rows=[]) for _ in range(60)]
    since = datetime.now(UTC) - timedelta(minutes=1)
    seen: list[str] = []
    after: str | None = "0"
    while after is not None:
        page = taken(await office.crm.deals_modified_since(office.permit, since, after=after))
        seen += [one.deal_id for one in page.deals]
        after = page.next_after
    assert seen == deals
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert taken(await office.crm.deals_modified_since(office.permit, later)).deals == ()


async def test_codes_of_products_come_with_the_second_look(office: Office) -> None:
    coded = (await office.act("/products", {"name": "Стол", "xml_id": "TBL-1"}))["id"]
    plain = (await office.act("/products", {"name": "Стул"}))["id"]
    gone = (await office.act("/products", {"name": "Шкаф", "xml_id": "CUP-1"}))["id"]
    await office.act(f"/products/{gone}", method="DELETE")
    deal_id = await office.deal()
    before = len(office.http.calls)
    found = taken(await office.crm.recheck_deal(office.permit, deal_id, "", [str(coded), str(plain), str(gone)]))
    assert found.codes == {str(coded): "TBL-1"}, "a product without a code has its id for one"
    assert len(office.http.calls) == before + 1
    more = [str((await office.act("/products", {"name": "Полка", "xml_id": f"S-{n}"}))["id"]) for n in range(60)]
    whole = taken(await office.crm.recheck_deal(office.permit, deal_id, "", more))
    assert [whole.codes[one] for one in more] == [f"S-{n}" for n in range(60)]


async def test_a_webhook_without_the_catalogues_scope_gives_no_codes(tmp_path: Path) -> None:
    async with sandboxed(tmp_path) as (sandbox, http):
        office = await open_office(sandbox, http, scopes=["crm"])
        product = (await office.act("/products", {"name": "Стол", "xml_id": "TBL-1"}))["id"]
        deal_id = await office.deal()
        found = taken(await office.crm.recheck_deal(office.permit, deal_id, "", [str(product)]))
        assert (found.codes, found.updated_at is not None) == ({}, True)


async def test_a_user_without_a_right_to_the_catalogue_gets_the_deal_without_codes(office: Office) -> None:
    """A portal that refused its products was taken for one that is out of order, and its deals waited for ever."""
    product = (await office.act("/products", {"name": "Стол", "xml_id": "TBL-1"}))["id"]
    deal_id = await office.deal()
    await office.act("", {"catalogue_closed": True}, "PATCH")
    found = taken(await office.crm.recheck_deal(office.permit, deal_id, "", [str(product)]))
    assert (found.codes, found.updated_at is not None) == ({}, True)


async def test_buyers_changed_since(office: Office) -> None:
    await office.company(title="ООО «Прежние»")
    await office.sandbox.advance(3_600)
    since = office.sandbox.world.clock.now()
    made = await office.company()
    person = await office.act("/contacts", {"name": "Ирина", "last_name": "Лапина"})

    async def changed(moment: datetime) -> set[tuple[str, str]]:
        page = taken(await office.crm.buyers_modified_since(office.permit, moment))
        assert page.next_after is None
        return {(one.entity, one.object_id) for one in page.buyers}

    company, requisite = str(made["company"]["id"]), made["requisites"][0]["ID"]
    everything = {("company", company), ("contact", str(person["id"])), ("requisite", str(requisite))}
    assert await changed(since) == everything
    await office.sandbox.advance(3_600)
    since = office.sandbox.world.clock.now()
    assert await changed(since) == set()
    await office.act(f"/requisites/{requisite}", {"RQ_KPP": "771001001"}, "PATCH")
    assert await changed(since) == {("company", company)}
    deal_id = await office.deal(company=company, rows=[])
    assert (await office.read(deal_id)).buyer_updated_at >= since.replace(microsecond=0)  # type: ignore[operator]


async def test_many_buyers_page_by_page(office: Office) -> None:
    companies = {("company", str((await office.company())["company"]["id"])) for _ in range(60)}
    since = office.sandbox.world.clock.now() - timedelta(minutes=1)
    seen: set[tuple[str, str]] = set()
    page = taken(await office.crm.buyers_modified_since(office.permit, since))
    while True:
        seen |= {(one.entity, one.object_id) for one in page.buyers}
        if page.next_after is None:
            break
        page = taken(await office.crm.buyers_modified_since(office.permit, since, after=page.next_after))
    assert companies <= seen


WANTED = PortalWanted(
    scopes=frozenset({"crm", "im"}),
    fields={
        "UF_CRM_INVOICE_NUMBER": frozenset({"string"}),
        "UF_CRM_INVOICE_PDF": frozenset({"file"}),
        "UF_CRM_PAID": frozenset({"money", "double"}),
    },
    stages={0: frozenset({"PREPAYMENT_INVOICE", "FINAL_INVOICE"}), 2: frozenset({"C2:WON"})},
)


async def test_a_portal_that_fits(office: Office) -> None:
    report = taken(await office.crm.check_portal(office.permit, WANTED))
    assert report.problems == ()
    assert report.fields["UF_CRM_PAID"].type == "money"


async def test_a_portal_that_does_not(office: Office) -> None:
    wanted = PortalWanted(
        WANTED.scopes | {"telephony"},
        {"UF_CRM_PAID": frozenset({"string"}), "UF_CRM_X": frozenset({"string"})},
        {0: frozenset({"NONE"}), 7: frozenset({"C7:WON"})},
    )
    report = taken(await office.crm.check_portal(office.permit, wanted))
    assert [problem.code for problem in report.problems] == [
        "scope_missing", "crm_field_wrong_type", "crm_field_missing", "crm_stage_missing", "crm_funnel_missing",
    ]  # fmt: skip


async def test_a_field_of_several_values_is_named_before_anything_is_written_to_it(office: Office) -> None:
    made = {"FIELD_NAME": "INVOICES", "USER_TYPE_ID": "string", "MULTIPLE": "Y"}
    async with httpx.AsyncClient() as portal:
        added = await portal.post(f"{office.permit.endpoint}crm.deal.userfield.add", json={"fields": made})
    assert added.status_code == 200, added.text
    wanted = PortalWanted(WANTED.scopes, {"UF_CRM_INVOICES": frozenset({"string"})}, {})
    report = taken(await office.crm.check_portal(office.permit, wanted))
    assert report.problems == (Problem("crm_field_multiple", {"field": "UF_CRM_INVOICES"}),)
    written = await office.crm.write(
        office.permit, [SetFields("deal", await office.deal(), {"UF_CRM_INVOICES": "СЧ-1"})]
    )
    assert [type(one) for one in written] == [Rejected], "and so it would be refused for good"


async def test_a_webhook_without_the_crm_scope(tmp_path: Path) -> None:
    async with sandboxed(tmp_path) as (sandbox, http):
        office = await open_office(sandbox, http, scopes=["im"])
        report = taken(await office.crm.check_portal(office.permit, WANTED))
        assert [problem.values for problem in report.problems] == [{"scope": "crm"}]
        outcome = await office.crm.stage_history_since(office.permit, 0)
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == ("scope_missing", False)


async def test_stages_of_all_funnels(office: Office) -> None:
    stages = taken(await office.crm.read_deal_stages(office.permit))
    assert {stage.category_id for stage in stages} == {0, 2}
    assert {(stage.stage_id, stage.semantics) for stage in stages} >= {
        ("WON", "success"),
        ("C2:LOSE", "failure"),
        ("NEW", "process"),
    }


async def test_the_portals_own_webhooks_are_read(office: Office) -> None:
    await office.act(
        "/subscriptions", {"url": "http://127.0.0.1:9/hook", "events": ["ONCRMDEALADD"], "application_token": "t" * 32}
    )
    deal_id = await office.deal()
    posts = [line["post"] for line in await office.sandbox.lines(vendor="bitrix24") if line.get("phase") == "queued"]
    bodies = [post["body"] for post in posts if post["name"] == "ONCRMDEALADD"]
    assert bodies
    event = office.crm.parse_webhook(bodies[-1].encode(), "application/x-www-form-urlencoded")
    assert isinstance(event, CrmEvent)
    assert (event.name, event.entity, event.object_id) == ("ONCRMDEALADD", "deal", deal_id)
    assert event.token_matches("t" * 32)
