"""Bitrix24 over real HTTP: reading, writing, feeds, limits, a renamed portal, and every kind of fault."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.clock import Clock
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors.bitrix24.client import Bitrix24
from connectors.ports.crm import (
    AddComment,
    ChatMessage,
    CrmCommand,
    CrmEvent,
    DealSnapshot,
    MoneyValue,
    MoveStage,
    NotifyUser,
    PortalMoved,
    PortalWanted,
    SetFields,
    UploadFile,
)
from tests.connectors.kit import FailureType
from tests.connectors.kit_sandbox import Impatient, add_fault, sandboxed
from tests.sandbox.running import Sandbox

PDF = b"%PDF-1.7 " + bytes(range(256)) * 200
MARKER = "[b24:1001:invoice:1:7c1f09aa]"
ROWS = [
    {"name": "Стеллаж СТ-200", "price": "12500.00", "quantity": 2, "vat": 22, "vat_included": True},
    {"name": "Кабель ВВГнг", "price": "148.50", "quantity": "33.5", "vat": 22, "vat_included": False, "measure": "м"},
    {"name": "Монтаж", "price": "3200.00", "quantity": 1, "vat": None, "measure": "ч"},
    {"name": "Вывоз", "price": "100.00", "quantity": 1, "vat": 0},
]
LOTOS = {
    "title": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001", "address": "ул. Лесная, 1",
    "bank": {"bank": "АО Пример Банк", "bik": "044525999", "account": "40702810600000000001"},
}  # fmt: skip


class Office:
    """A portal of the sandbox, a connector to it, and the manager's hand."""

    def __init__(self, sandbox: Sandbox, http: Impatient, portal: dict[str, Any]) -> None:
        self.sandbox, self.http, self.portal = sandbox, http, portal
        self.moved: list[PortalMoved] = []
        self.crm = Bitrix24(http, Clock(), self.moved.append)
        self.permit = Permit("portal-1", portal["webhook_url"], "", 10, datetime.now(UTC))
        self.slug = "vektor"

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/bitrix24/portals/{self.slug}{path}", body, method)

    async def company(self, **changed: Any) -> Any:
        return await self.act("/companies", LOTOS | changed)

    async def deal(self, **members: Any) -> str:
        made = await self.act("/deals", {"title": "Поставка", "rows": ROWS} | members)
        return str(made["deal"]["id"])

    async def view(self, deal_id: str) -> Any:
        return await self.act(f"/deals/{deal_id}", method="GET")

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        await add_fault(self.sandbox, self.http, "bitrix24", operation, kind, **params)

    async def read(self, deal_id: str, **options: Any) -> DealSnapshot:
        found = taken(await self.crm.read_deal(self.permit, deal_id, **options))
        assert isinstance(found, DealSnapshot)
        return found


def taken(outcome: Outcome[Any]) -> Any:
    assert isinstance(outcome, Ok), outcome
    return outcome.value


async def _open(sandbox: Sandbox, http: Impatient, **spec: Any) -> Office:
    wanted = {"slug": "vektor", "title": "ООО «Вектор»", "funnels": [{"name": "Общая"}, {"id": 2, "name": "Опт"}]}
    return Office(sandbox, http, await sandbox.control("/bitrix24/portals", wanted | spec))


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with sandboxed(tmp_path) as (sandbox, http):
        yield await _open(sandbox, http)


def commands(deal_id: str) -> list[CrmCommand]:
    return [
        SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1", "UF_CRM_INVOICE_DATE": date(2026, 3, 10),
                  "UF_CRM_PAID": MoneyValue(12_960_050), "UF_CRM_OVERDUE_DAYS": 12}),
        MoveStage(deal_id, "EXECUTING"),
        UploadFile("deal", deal_id, "UF_CRM_INVOICE_PDF", "счёт B24-1.pdf", PDF),
        AddComment(deal_id, "Счёт [b]B24-1[/b] выставлен & отправлен", MARKER, "счёт.pdf", PDF),
        NotifyUser("7", "Оплата получена", "SVERKA|PAID|1", "sverka"),
        ChatMessage("7", "Сбой связи"),
    ]  # fmt: skip


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


async def test_a_webhook_without_the_crm_scope(tmp_path: Path) -> None:
    async with sandboxed(tmp_path) as (sandbox, http):
        office = await _open(sandbox, http, scopes=["im"])
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


async def test_a_renamed_portal_is_followed(office: Office) -> None:
    deal_id = await office.deal()
    await office.act("/rename", {})
    assert (await office.read(deal_id)).deal.deal_id == deal_id
    assert len(office.moved) == 1
    assert office.moved[0].new_endpoint != office.permit.endpoint
    office.permit = Permit("portal-1", office.moved[0].new_endpoint, "", 10, datetime.now(UTC))
    assert (await office.read(deal_id)).deal.deal_id == deal_id
    assert len(office.moved) == 1


@pytest.mark.parametrize(
    ("suspended", "problem"),
    [("PAYMENT_REQUIRED", "crm_plan_refused"), ("PORTAL_DELETED", "crm_portal_deleted"),
     ("ACCESS_DENIED", "crm_plan_refused"), ("OVERLOAD_LIMIT", "crm_blocked")],
)  # fmt: skip
async def test_a_portal_that_is_closed(office: Office, suspended: str, problem: str) -> None:
    await office.act("", {"suspended": suspended}, "PATCH")
    for outcome in (await office.crm.ping(office.permit), *await office.crm.write(office.permit, commands("1")[:2])):
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == (problem, True)


async def test_a_webhook_that_is_gone(office: Office) -> None:
    away = Permit("portal-1", office.permit.endpoint.rstrip("/") + "x/", "", 1, datetime.now(UTC))
    outcome = await office.crm.ping(away)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "crm_connection_refused"


async def test_errors_as_pages_of_html(office: Office) -> None:
    await office.act("", {"html_errors": True, "suspended": "OVERLOAD_LIMIT"}, "PATCH")
    assert isinstance(await office.crm.ping(office.permit), Retryable)
    outcomes = await office.crm.write(office.permit, [MoveStage("1", "NEW")])
    assert isinstance(outcomes[0], Uncertain)


async def test_the_rate_limit_is_no_failure(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        office = await _open(sandbox, http, dials={"limit_burst": 2, "limit_per_second": 0.01})
        outcomes = [await office.crm.ping(office.permit) for _ in range(5)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].problem.code == "vendor_limit"


async def test_the_operating_limit_tells_when(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        dials = {"operating_limit_seconds": 1, "operating_cost_seconds": {"crm.item.update": 5}}
        office = await _open(sandbox, http, dials=dials)
        deal_id = await office.deal()
        fields = SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1"})
        outcomes = [(await office.crm.write(office.permit, [fields]))[0] for _ in range(3)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].until is not None
        assert isinstance(await office.crm.ping(office.permit), Ok)


# What a fault of the whole request makes of a move, and whether the deal has moved.
BATCH_FAULTS: list[tuple[str, dict[str, Any], FailureType, bool]] = [
    ("timeout_before", {}, Uncertain, False),
    ("timeout_after", {}, Uncertain, True),
    ("late_commit", {"commit_seconds": 1000}, Uncertain, False),
    ("error_before", {"status": 500}, Uncertain, False),
    ("error_after", {"status": 500}, Uncertain, True),
    ("error_after", {"status": 502}, Uncertain, True),
    ("limit_503", {}, Deferred, False),
    ("limit_429", {}, Deferred, False),
    ("operation_time_limit", {}, Deferred, False),
    ("slow_bytes", {}, Uncertain, True),
    ("truncated", {}, Uncertain, True),
    ("reset", {}, Uncertain, True),
    ("html_200", {}, Uncertain, True),
    ("empty", {}, Uncertain, True),
    ("field_missing", {"field": "result"}, Uncertain, True),
    ("field_retyped", {"field": "result.result"}, Uncertain, True),
]


@pytest.mark.parametrize(("kind", "params", "expected", "moved"), BATCH_FAULTS)
async def test_a_write_meets_every_fault(
    office: Office, kind: str, params: dict[str, Any], expected: FailureType, moved: bool
) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    await office.fault("batch", kind, **params)
    outcome = (await office.crm.write(office.permit, [MoveStage(deal_id, "EXECUTING")]))[0]
    assert isinstance(outcome, expected), outcome
    shown = await office.view(deal_id)
    assert (shown["deal"]["stageId"] == "EXECUTING") is moved


COMMAND_FAULTS: list[tuple[str, FailureType | type[Ok[Any]]]] = [
    ("error_before", Uncertain), ("error_after", Uncertain), ("limit_503", Deferred), ("limit_429", Deferred),
    ("timeout_before", Uncertain), ("timeout_after", Uncertain),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected"), COMMAND_FAULTS)
async def test_a_fault_of_one_command(office: Office, kind: str, expected: FailureType) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    await office.fault("crm.timeline.comment.add", kind)
    sent: list[CrmCommand] = [
        SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1"}),
        AddComment(deal_id, "Счёт", MARKER, search_first=False),
    ]
    outcomes = await office.crm.write(office.permit, sent)
    assert isinstance(outcomes[1], expected), outcomes[1]
    assert (await office.view(deal_id))["deal"]["UF_CRM_INVOICE_NUMBER"] == "B24-1"
    repeated = await office.crm.write(office.permit, [AddComment(deal_id, "Счёт", MARKER)])
    assert isinstance(repeated[0], Ok)
    assert len((await office.view(deal_id))["comments"]) == 1


READ_FAULTS = [
    "timeout_before",
    "timeout_after",
    "error_before",
    "error_after",
    "slow_bytes",
    "truncated",
    "reset",
    "html_200",
    "empty",
]


@pytest.mark.parametrize("kind", READ_FAULTS)
async def test_a_read_meets_every_fault(office: Office, kind: str) -> None:
    deal_id = await office.deal()
    await office.fault("batch", kind)
    assert isinstance(await office.crm.read_deal(office.permit, deal_id), Retryable)
    assert (await office.read(deal_id)).deal.deal_id == deal_id


@pytest.mark.parametrize(
    "operation",
    [
        "crm.item.get",
        "crm.item.productrow.list",
        "crm.requisite.link.get",
        "crm.requisite.list",
        "crm.stagehistory.list",
    ],
)
@pytest.mark.parametrize("kind", ["error_before", "limit_503"])
async def test_a_part_that_could_not_be_read_is_no_absence(office: Office, operation: str, kind: str) -> None:
    company = await office.company()
    deal_id = await office.deal(company=company["company"]["id"])
    await office.fault(operation, kind)
    outcome = await office.crm.read_deal(office.permit, deal_id)
    assert isinstance(outcome, Deferred if kind == "limit_503" else Retryable), outcome


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
