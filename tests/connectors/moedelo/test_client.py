"""What MoeDelo is asked, and what each of its answers comes to."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.http import SentUnknown
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from connectors.moedelo.client import Moedelo
from connectors.moedelo.paging import OVERLAP_ROWS, page_after
from connectors.ports.accounting import (
    AccessToken,
    ActDraft,
    CounterpartyDraft,
    FeedCursor,
    InvoiceDraft,
    InvoiceStatus,
    PdfFile,
    TokenRequest,
)
from connectors.wire import TOKEN_SECONDS_UNTOLD
from tests.connectors.accounting.samples import MARKER, lines, row
from tests.connectors.kit import FailureType, Script, answer, clock, permit

ENDPOINT = "https://restapi.moedelo.org"
BY_KEY = permit(ENDPOINT, "key-1")
BILL: dict[str, Any] = {
    "Id": 5123001, "Number": "118", "DocDate": "2026-03-10T00:00:00", "Type": 1, "Status": 5, "KontragentId": 905512,
    "SettlementAccount": {"AccountId": 3301, "AccountNumber": "40702810600000012345"},
    "DeadLine": "2026-03-13T00:00:00", "AdditionalInfo": f"Сделка №1042 {MARKER}", "NdsPositionType": 1,
    "Sum": 85000.00, "PaidSum": 20000.00, "Online": "/bill/3f0c2d",
    "Items": [{"Name": "Настройка CRM, час", "Count": 17, "Unit": "ч", "Type": 2, "Price": 5000.0, "NdsType": -1,
               "SumWithoutNds": 85000.0, "NdsSum": 0, "SumWithNds": 85000.0}],
    "Payments": [{"Id": 88001, "Number": "451", "Date": "2026-03-12T00:00:00", "Sum": 20000.00}],
    "Context": {"CreateDate": "2026-03-10T08:15:02", "ModifyDate": "2026-03-12T10:01:44"},
}  # fmt: skip
ROW = {name: BILL[name] for name in ("Id", "Number", "DocDate", "Status", "KontragentId", "Sum", "PaidSum", "DeadLine")}
DRAFT = InvoiceDraft(date(2026, 3, 10), date(2026, 3, 13), "905512", lines(), "Сделка №1042", MARKER)


def client(*answers: Any) -> tuple[Moedelo, Script]:
    script = Script(*answers)
    return Moedelo(script, clock()), script


async def created(*answers: Any, draft: InvoiceDraft = DRAFT) -> Outcome[Any]:
    return await client(*answers)[0].create_invoice(BY_KEY, draft, key="k")


async def test_a_bill_goes_out_without_a_number_and_with_every_sum() -> None:
    moedelo, script = client(answer(BILL, 201))
    made = await moedelo.create_invoice(BY_KEY, DRAFT, key="k")
    assert isinstance(made, Ok)
    call = script.calls[0]
    assert (call.method, call.url, call.changes) == ("POST", f"{ENDPOINT}/accounting/api/v1/sales/bill", True)
    assert (call.headers["md-api-key"], "authorization" in call.headers) == ("key-1", False)
    assert script.sent() == {
        "DocDate": "2026-03-10", "DeadLine": "2026-03-13", "Type": 1, "Status": 4, "KontragentId": 905512,
        "AdditionalInfo": f"Сделка №1042 {MARKER}", "UseStampAndSign": True, "NdsPositionType": 1,
        "Items": [{"Name": "Настройка CRM, час", "Count": 17, "Unit": "ч", "Type": 2, "Price": 5000.0, "NdsType": -1,
                   "DiscountRate": 0, "SumWithoutNds": 85000.0, "NdsSum": 0.0, "SumWithNds": 85000.0}],
    }  # fmt: skip


async def test_a_bill_shows_the_bank_account_that_the_tenant_names() -> None:
    moedelo, script = client(answer(BILL, 201))
    await moedelo.create_invoice(replace(BY_KEY, options={**BY_KEY.options, "bank_account_id": "3301"}), DRAFT, key="k")
    assert script.sent(0)["SettlementAccountId"] == 3301


async def test_a_bill_is_read_with_its_payments_states_and_public_address() -> None:
    card = await client(answer(BILL))[0].read_invoice(BY_KEY, "5123001")
    assert isinstance(card, Ok)
    assert (card.value.number, card.value.status) == ("118", InvoiceStatus.PARTIALLY_PAID)
    assert card.value.url == "https://moedelo.org/bill/3f0c2d"
    assert card.value.updated_at == datetime(2026, 3, 12, 10, 1, 44, tzinfo=UTC)
    rows = await client(answer(BILL))[0].payments_of_invoice(BY_KEY, "5123001")
    assert isinstance(rows, Ok)
    (paid,) = rows.value
    assert (paid.payment_id, paid.order_number, paid.amount_kopecks) == ("88001", "451", 2_000_000)
    assert (paid.paid_on, paid.own_account) == (date(2026, 3, 12), "40702810600000012345")


@pytest.mark.parametrize(
    ("paid", "status"),
    [(0, InvoiceStatus.ISSUED), (1, InvoiceStatus.PARTIALLY_PAID), (85000, InvoiceStatus.PAID),
     (90000, InvoiceStatus.PAID), (None, InvoiceStatus.ISSUED)],
)  # fmt: skip
async def test_sums_say_the_state_whatever_the_code(paid: int | None, status: InvoiceStatus) -> None:
    card = await client(answer(BILL | {"PaidSum": paid, "Status": 4}))[0].read_invoice(BY_KEY, "5123001")
    assert isinstance(card, Ok)
    assert card.value.status is status


async def test_vat_is_contained_in_prices_and_rates_are_whole_numbers() -> None:
    taxed = lines(row("122.00", "3", rate="22"), row("10.00", "1", rate="0"), vat_mode="standard")
    moedelo, script = client(answer(BILL | {"Sum": 376}, 201))
    await moedelo.create_invoice(BY_KEY, replace(DRAFT, lines=taxed), key="k")
    sent = script.sent()
    assert sent["NdsPositionType"] == 3
    assert [(one["NdsType"], one["SumWithoutNds"], one["NdsSum"], one["SumWithNds"]) for one in sent["Items"]] == [
        (22, 300.0, 66.0, 366.0),
        (0, 10.0, 0.0, 10.0),
    ]


async def test_an_answer_about_another_bill_is_uncertain() -> None:
    for other in ({"KontragentId": 7}, {"DocDate": "2026-03-11"}, {"AdditionalInfo": "Сделка №1042"}):
        outcome = await created(answer(BILL | other, 201))
        assert isinstance(outcome, Uncertain), other
        assert outcome.problem.code == "vendor_answer_mismatch"


WRITES = [
    (400, Rejected, "accounting_refused"),
    (401, Retryable, "token_refused"),
    (402, Retryable, "accounting_tariff"),
    (403, Retryable, "accounting_forbidden"),
    (404, Rejected, "document_not_found"),
    (408, Uncertain, "vendor_fault"),
    (409, Rejected, "accounting_refused"),
    (418, Uncertain, "vendor_answer_unknown"),
    (422, Rejected, "accounting_refused"),
    (429, Deferred, "vendor_limit"),
    (500, Uncertain, "vendor_fault"),
    (502, Uncertain, "vendor_fault"),
    (503, Uncertain, "vendor_fault"),
    (504, Uncertain, "vendor_fault"),
]
WRONG = {"Message": "Запрос содержит ошибки", "ValidationErrors": {"Items[0].Name": ["Поле обязательно"], "Kpp": "нет"}}


@pytest.mark.parametrize(("status", "kind", "problem"), WRITES)
async def test_statuses_of_a_write(status: int, kind: FailureType, problem: str) -> None:
    outcome = await created(answer(WRONG, status))
    assert isinstance(outcome, kind)
    assert outcome.problem.code == problem
    assert outcome.problem.values["text"] == "позиция 1, название: Поле обязательно; КПП: нет"


@pytest.mark.parametrize(("status", "kind", "problem"), WRITES)
async def test_statuses_of_a_read(status: int, kind: FailureType, problem: str) -> None:
    outcome = await client(answer(b"no", status))[0].read_invoice(BY_KEY, "1")
    assert isinstance(outcome, Retryable if kind is Uncertain else kind)
    assert outcome.problem.code == problem


async def test_a_page_tells_of_the_way_and_not_of_the_bill() -> None:
    page = b"<!DOCTYPE html><html></html>"
    assert isinstance(await created(answer(page, 400)), Uncertain)
    assert isinstance(await created(answer(page, 200)), Uncertain)
    gone = await client(answer(page, 404))[0].read_invoice(BY_KEY, "1")
    assert isinstance(gone, Retryable)
    assert gone.problem.code == "accounting_address_wrong"


async def test_an_error_under_a_status_of_success_is_an_error() -> None:
    assert isinstance(await created(answer(WRONG, 200)), Rejected)
    assert isinstance(await created(answer({"Message": "Внутренняя ошибка"}, 201)), Uncertain)


async def test_a_lost_write_is_uncertain() -> None:
    assert isinstance(await created(SentUnknown(Problem("no_answer_in_time"))), Uncertain)


async def test_a_lost_bill_is_looked_for_by_day_and_buyer_and_read_whole() -> None:
    moedelo, script = client(
        answer({"ResourceList": [ROW, {**ROW, "Id": 2}]}), answer([BILL, {**BILL, "Id": 2, "AdditionalInfo": ""}])
    )
    found = await moedelo.find_invoice(
        BY_KEY, number="", issued_on=date(2026, 3, 10), marker=MARKER, counterparty_id="905512"
    )
    assert isinstance(found, Ok)
    assert ([one.invoice_id for one in found.value.matches], found.value.others) == (["5123001"], ())
    assert "docAfterDate=2026-03-10&docBeforeDate=2026-03-10&kontragentId=905512&pageNo=1" in script.calls[0].url
    assert (script.calls[1].url.endswith("/byIds"), script.calls[1].changes) == (True, False)
    assert script.sent(1) == [5123001, 2]


async def test_a_look_up_of_too_many_pages_is_no_absence() -> None:
    full = [answer({"ResourceList": [{**ROW, "Id": place} for place in range(50)]})] * 20
    outcome = await client(*full)[0].find_counterparty(BY_KEY, "7709123453")
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "lookup_incomplete"


def test_pages_overlap_and_go_on() -> None:
    known = pages = 0
    while known < 50_000:
        page = page_after(known)
        begins = (page.number - 1) * page.rows
        assert begins <= max(0, known - OVERLAP_ROWS)
        assert page.rows <= 50, "longer pages may be cut without a word"
        assert page.end > known
        known, pages = page.end, pages + 1
    assert pages < 1_600


async def test_bills_that_changed_come_as_lists_show_them() -> None:
    moedelo, script = client(answer({"Count": 1, "ResourceList": [ROW]}))
    page = await moedelo.invoice_changes(BY_KEY, FeedCursor(datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)))
    assert isinstance(page, Ok)
    assert "afterDate=2026-03-01T12%3A00%3A00&pageNo=1" in script.calls[0].url
    (card,) = page.value.invoices
    assert (card.paid_kopecks, card.lines, card.updated_at, page.value.next) == (2_000_000, (), None, None)


async def test_a_paid_bill_is_not_deleted() -> None:
    moedelo, script = client(answer(BILL))
    outcome = await moedelo.cancel_invoice(BY_KEY, "5123001", key="c")
    assert isinstance(outcome, Rejected)
    assert (outcome.problem.code, len(script.calls)) == ("invoice_already_paid", 1)


async def test_a_bill_is_voided_by_deleting_it() -> None:
    moedelo, script = client(answer(BILL | {"PaidSum": 0, "Payments": []}), answer(b"", 204))
    outcome = await moedelo.cancel_invoice(BY_KEY, "5123001", key="c")
    assert isinstance(outcome, Ok)
    assert outcome.value.status is InvoiceStatus.CANCELLED
    assert (script.calls[1].method, script.calls[1].changes) == ("DELETE", True)


async def test_buyers_put_away_and_of_other_inns_are_not_found() -> None:
    card = {"Id": 1, "Inn": "7709123453", "Kpp": "770901001", "Name": "ООО «Вектор»", "Form": 1}
    rows = [card, {**card, "Id": 2, "IsArchived": True}, {**card, "Id": 3, "Inn": "7709123454"}]
    found = await client(answer({"ResourceList": rows}))[0].find_counterparty(BY_KEY, "7709123453")
    assert isinstance(found, Ok)
    assert [(one.counterparty_id, one.kind) for one in found.value] == [("1", "company")]


async def test_a_buyers_texts_go_out_on_one_line() -> None:
    moedelo, script = client(answer({"Id": 1, "Name": "ООО «Вектор»", "Inn": "7709123453", "Form": 1}, 201))
    draft = CounterpartyDraft("company", " ООО  «Вектор»\n", inn="7709123453", kpp="770901001")
    assert isinstance(await moedelo.create_counterparty(BY_KEY, draft, key="k"), Ok)
    assert script.sent() == {"Name": "ООО «Вектор»", "Type": 2, "Form": 1, "Inn": "7709123453", "Kpp": "770901001"}


async def test_an_act_is_tied_to_its_bill() -> None:
    act = {"Id": 9, "Number": "9", "DocDate": "2026-03-20", "KontragentId": 905512, "BillId": 5123001, "Sum": 85000}
    moedelo, script = client(answer(act, 201))
    draft = ActDraft(date(2026, 3, 20), "905512", lines(), "Акт", MARKER, "5123001")
    made = await moedelo.create_act(BY_KEY, draft, key="a")
    assert isinstance(made, Ok)
    assert (made.value.act_id, made.value.invoice_id) == ("9", "5123001")
    assert (script.sent()["BillId"], script.sent()["Sum"], script.sent()["OnHands"]) == (5123001, 85000.0, "Нет")
    unnumbered = {name: value for name, value in act.items() if name != "Number"}
    assert isinstance(await client(answer(unnumbered, 201))[0].create_act(BY_KEY, draft, key="a"), Uncertain)


async def test_acts_are_found_by_their_bill_even_where_lists_do_not_tell_it() -> None:
    whole = {"Id": 9, "Number": "9", "DocDate": "2026-03-20", "KontragentId": 905512, "BillId": 5123001, "Sum": 85000}
    short = {name: value for name, value in whole.items() if name != "BillId"}
    other = whole | {"Id": 10, "BillId": 7}
    none = answer({"ResourceList": []})
    moedelo, script = client(answer({"ResourceList": [short, other]}), answer(whole), none, none)
    since = datetime(2026, 3, 20, tzinfo=UTC)
    found = await moedelo.find_act(BY_KEY, marker=MARKER, invoice_id="5123001", since=since)
    assert isinstance(found, Ok)
    assert [one.act_id for one in found.value] == ["9"]
    assert script.calls[1].url.endswith("/sales/act/9")
    refused = await client()[0].find_act(BY_KEY, marker=MARKER, invoice_id=None, since=since)
    assert isinstance(refused, Rejected)


async def test_a_refresh_token_that_comes_with_a_token_of_untold_life_is_kept() -> None:
    moedelo, _ = client(answer({"access_token": "a2", "refresh_token": "r2", "token_type": "Bearer"}))
    found = await moedelo.obtain_token(
        TokenRequest("https://oauth.moedelo.org", "client", "secret", refresh_token="r1")
    )
    assert found == Ok(AccessToken("a2", TOKEN_SECONDS_UNTOLD, "r2"))


async def test_a_pdf_that_is_kept_elsewhere() -> None:
    moved = answer(b"", 302, {"location": "https://files.example.ru/7"})
    moedelo, script = client(moved, answer(b"%PDF-1.7 x"))
    assert await moedelo.invoice_pdf(BY_KEY, "7") == Ok(PdfFile(b"%PDF-1.7 x"))
    assert "md-api-key" not in script.calls[1].headers


async def test_oauth_sends_a_bearer_token() -> None:
    moedelo, script = client(answer({"ResourceList": []}))
    await moedelo.ping(replace(BY_KEY, options={"auth_mode": "oauth"}))
    assert (script.calls[0].headers["authorization"], "md-api-key" in script.calls[0].headers) == (
        "Bearer key-1",
        False,
    )
