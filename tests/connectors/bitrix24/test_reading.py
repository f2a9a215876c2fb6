"""Reading a deal: what comes of every shape that a portal answers with."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.http import NotSent, SentUnknown
from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from connectors.bitrix24.client import Bitrix24
from connectors.ports.crm import DealSnapshot, PortalMoved
from tests.connectors.bitrix24.portal import (
    ADDRESS,
    BAD_ID,
    BANK,
    DEAL,
    ENDPOINT,
    HISTORY,
    NOT_FOUND,
    REQUISITE,
    ROW,
    parts,
)  # fmt: skip
from tests.connectors.kit import NOW, Script, answer, batch, clock, permit

PERMIT = permit(ENDPOINT)


def _client(script: Script, moved: list[PortalMoved] | None = None) -> Bitrix24:
    return Bitrix24(script, clock(), ([] if moved is None else moved).append)


async def _deal(*batches: Any, history_after: int = 0) -> tuple[Any, Script]:
    script = Script(*(answer(one) for one in batches))
    return await _client(script).read_deal(PERMIT, "1734", history_after=history_after), script


async def _snapshot(*batches: Any) -> DealSnapshot:
    outcome, _ = await _deal(*batches)
    assert isinstance(outcome, Ok), outcome
    found = outcome.value
    assert isinstance(found, DealSnapshot)
    return found


async def test_when_anything_of_the_buyer_was_changed_last() -> None:
    newest = "2026-09-12T10:00:00+03:00"
    inactive = REQUISITE | {"ID": "78", "ACTIVE": "N", "DATE_MODIFY": newest}
    found = await _snapshot(batch(parts(company_requisites=[REQUISITE, inactive]), totals={"rows": 1, "history": 1}))
    assert found.buyer_updated_at == datetime.fromisoformat(newest), "also where it is of no use for the document"
    found = await _snapshot(
        batch(parts(linked_banks=[BANK, BANK | {"ID": "32", "DATE_CREATE": newest}]), totals={"rows": 1, "history": 1})
    )
    assert found.buyer_updated_at == datetime.fromisoformat(newest)
    found = await _snapshot(batch(parts(), totals={"rows": 1, "history": 1}))
    assert found.buyer_updated_at is None, "no record said when"


async def test_a_deal_in_one_request() -> None:
    outcome, script = await _deal(batch(parts(), totals={"rows": 1, "history": 1}))
    assert isinstance(outcome, Ok)
    found = outcome.value
    assert found.deal.amount_kopecks == 12_960_000
    assert found.deal.user_fields == {"UF_CRM_ACC_INVOICE_NO": "СЧ-000117"}
    assert (found.deal.company_id, found.deal.contact_id, found.deal.my_company_id) == ("512", "901", None)
    assert found.requisite_source == "link"
    assert found.requisite is not None
    assert (found.requisite.inn, found.requisite.kpp, found.requisite.ogrn) == (
        "9999123456",
        "999901001",
        "1199900000013",
    )
    assert found.bank_detail is not None
    assert found.bank_detail.currency == "RUR"
    assert found.address is not None
    assert found.address.text == "101000, Россия, Москва, ул. Примерная, 1, оф. 5"
    assert found.company is not None
    assert (found.company.emails, found.company.phones) == (("buh@romashka.example",), ("+74950000001",))
    assert found.contact is not None
    assert found.contact.full_name == "Лапина Ирина"
    assert found.my_requisite_id == "4"
    assert [entry.history_id for entry in found.history] == [35101]
    row = found.rows[0]
    assert (row.price, row.price_exclusive, row.rate, row.vat_included) == (Decimal(10800), Decimal(9000), "20", True)
    assert (row.quantity, row.unit_code, row.unit_name, row.product_id) == (Decimal(12), "796", "шт", "2207")
    call = script.calls[0]
    assert call.url == f"{ENDPOINT}batch"
    assert not call.changes
    assert script.sent()["halt"] == 0
    assert script.sent()["cmd"]["deal"] == "crm.item.get?entityTypeId=2&id=1734&useOriginalUfNames=Y"
    assert "filter[ENTITY_ID]=$result[deal][item][companyId]" in script.sent()["cmd"]["company_requisites"]


async def test_history_begins_after_what_is_known() -> None:
    _, script = await _deal(batch(parts(), totals={"rows": 1, "history": 1}), history_after=35100)
    assert "filter[%3EID]=35100" in script.sent()["cmd"]["history"]


@pytest.mark.parametrize(
    ("tax", "included", "rate"),
    [
        (None, "N", "none"),
        (0, "Y", "0"),
        (20, "Y", "20"),
        ("22.00", "N", "22"),
        (Decimal("16.5"), "Y", "16.5"),
        ("", "N", "none"),
    ],
)
async def test_no_tax_and_zero_tax_are_not_the_same(tax: Any, included: str, rate: str) -> None:
    row = ROW | {"taxRate": float(tax) if isinstance(tax, Decimal) else tax, "taxIncluded": included}
    found = await _snapshot(batch(parts(rows={"productRows": [row]}), totals={"rows": 1, "history": 1}))
    assert (found.rows[0].rate, found.rows[0].vat_included) == (rate, included == "Y")


@pytest.mark.parametrize("field", ["taxRate", "taxIncluded", "price", "quantity", "productName"])
async def test_a_row_without_a_field_that_decides_is_not_guessed(field: str) -> None:
    row = {name: value for name, value in ROW.items() if name != field}
    outcome, _ = await _deal(batch(parts(rows={"productRows": [row]}), totals={"rows": 1, "history": 1}))
    assert outcome == Retryable(
        Problem("vendor_answer_unexpected", {"vendor": "bitrix24", "field": field}), outage=False
    )


@pytest.mark.parametrize("value", [True, [], {"a": 1}, "много"])
async def test_a_retyped_price_is_not_guessed(value: Any) -> None:
    outcome, _ = await _deal(
        batch(parts(rows={"productRows": [ROW | {"price": value}]}), totals={"rows": 1, "history": 1})
    )
    assert isinstance(outcome, Retryable)


async def test_rows_keep_the_order_of_the_card() -> None:
    rows = [ROW | {"id": 1, "sort": 20, "productName": "второй"}, ROW | {"id": 2, "sort": 10, "productName": "первый"}]
    found = await _snapshot(batch(parts(rows={"productRows": rows}), totals={"rows": 2, "history": 1}))
    assert [row.name for row in found.rows] == ["первый", "второй"]


async def test_a_row_typed_by_hand_has_no_product() -> None:
    rows = {"productRows": [ROW | {"productId": 0}]}
    found = await _snapshot(batch(parts(rows=rows), totals={"rows": 1, "history": 1}))
    assert found.rows[0].product_id is None


async def test_a_long_deal_takes_a_second_request() -> None:
    rows = [ROW | {"id": number, "sort": number} for number in range(1, 121)]
    first = batch(parts(rows={"productRows": rows[:50]}), totals={"rows": 120, "history": 1})
    second = batch({"rows50": {"productRows": rows[50:100]}, "rows100": {"productRows": rows[100:]}})
    outcome, script = await _deal(first, second)
    assert isinstance(outcome, Ok)
    assert len(outcome.value.rows) == 120
    assert sorted(script.sent(1)["cmd"]) == ["rows100", "rows50"]


async def test_rows_of_a_portal_that_tells_of_a_next_page_and_no_total_are_all_read() -> None:
    rows = [ROW | {"id": number, "sort": number} for number in range(1, 121)]
    first = batch(parts(rows={"productRows": rows[:50]}), totals={"history": 1}, nexts={"rows": 50})
    pages = {f"rows{start}": {"productRows": rows[start : start + 50]} for start in range(50, 1050, 50)}
    outcome, script = await _deal(first, batch(pages, nexts={"rows50": 100}))
    assert isinstance(outcome, Ok)
    assert len(outcome.value.rows) == 120
    assert sorted(script.sent(1)["cmd"]) == sorted(pages)


async def test_rows_that_go_on_past_the_last_page_looked_for_are_no_half_document() -> None:
    rows = [ROW | {"id": number} for number in range(1, 1201)]
    first = batch(parts(rows={"productRows": rows[:50]}), totals={"history": 1}, nexts={"rows": 50})
    pages = {f"rows{start}": {"productRows": rows[start : start + 50]} for start in range(50, 1050, 50)}
    found = await _snapshot(first, batch(pages, nexts={name: int(name[4:]) + 50 for name in pages}))
    assert (found.oversized, found.rows) == (True, ())


async def test_rows_that_move_between_two_pages_are_read_again() -> None:
    rows = [ROW | {"id": number} for number in range(1, 61)]
    first = batch(parts(rows={"productRows": rows[:50]}), totals={"rows": 60, "history": 1})
    outcome, _ = await _deal(first, batch({"rows50": {"productRows": rows[49:59]}}))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["field"] == "rows"


async def test_of_a_deal_of_thousands_of_rows_all_but_the_rows_is_read() -> None:
    found = await _snapshot(batch(parts(rows={"productRows": [ROW] * 50}), totals={"rows": 5000, "history": 1}))
    assert (found.oversized, found.rows) == (True, ())
    assert found.deal.assigned_by_id
    assert [entry.history_id for entry in found.history] == [35101]


async def test_of_a_deal_of_thousands_of_stage_entries_the_newest_are_read() -> None:
    entries = [HISTORY | {"ID": number} for number in range(5000, 0, -1)]
    first = batch(parts(history={"items": entries[:50]}), totals={"rows": 1, "history": 5000})
    pages = {f"history{start}": {"items": entries[start : start + 50]} for start in range(50, 500, 50)}
    outcome, script = await _deal(first, batch(pages))
    assert isinstance(outcome, Ok)
    assert [entry.history_id for entry in outcome.value.history] == list(range(4501, 5001))
    assert not outcome.value.oversized
    assert sorted(script.sent(1)["cmd"]) == sorted(pages)


async def test_a_long_history_leaves_room_for_many_rows() -> None:
    rows = [ROW | {"id": number} for number in range(1, 1001)]
    entries = [HISTORY | {"ID": number} for number in range(3000, 0, -1)]
    first = batch(
        parts(rows={"productRows": rows[:50]}, history={"items": entries[:50]}), totals={"rows": 1000, "history": 3000}
    )
    second = {f"rows{start}": {"productRows": rows[start : start + 50]} for start in range(50, 1000, 50)}
    second |= {f"history{start}": {"items": entries[start : start + 50]} for start in range(50, 500, 50)}
    outcome, _ = await _deal(first, batch(second))
    assert isinstance(outcome, Ok)
    assert (outcome.value.oversized, len(outcome.value.rows)) == (False, 1000)


async def test_stage_entries_that_move_between_two_pages_are_read_again() -> None:
    entries = [HISTORY | {"ID": number} for number in range(5000, 0, -1)]
    first = batch(parts(history={"items": entries[:50]}), totals={"rows": 1, "history": 5000})
    moved = {f"history{start}": {"items": entries[start - 1 : start + 49]} for start in range(50, 500, 50)}
    outcome, _ = await _deal(first, batch(moved))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["field"] == "history"


async def test_without_a_link_the_first_active_requisite_of_the_company_is_taken() -> None:
    listed = [
        REQUISITE | {"ID": "80", "SORT": "900"},
        REQUISITE | {"ID": "79", "SORT": "100", "ACTIVE": "N"},
        REQUISITE | {"ID": "78", "SORT": "100", "ADDRESS_ONLY": "Y"},
        REQUISITE | {"ID": "77", "SORT": "500"},
        REQUISITE | {"ID": "76", "SORT": "1", "ENTITY_ID": "999"},
    ]
    changed = parts(
        company_requisites=listed, link=None, linked=None, linked_bank=None, linked_banks=None, linked_addresses=None
    )
    errors = {
        "link": NOT_FOUND,
        "linked": BAD_ID,
        "linked_bank": BAD_ID,
        "linked_banks": BAD_ID,
        "linked_addresses": BAD_ID,
    }
    second = batch({"chosen_banks": [BANK], "chosen_addresses": [ADDRESS]})
    outcome, script = await _deal(batch(changed, errors, {"rows": 1, "history": 1}), second)
    assert isinstance(outcome, Ok)
    found = outcome.value
    assert (found.requisite_source, found.requisite.requisite_id) == ("company", "77")
    assert [one.requisite_id for one in found.requisites] == ["77", "80"]
    assert found.bank_detail is not None
    assert script.sent(1)["cmd"]["chosen_banks"].startswith("crm.requisite.bankdetail.list?filter[ENTITY_ID]=77")


async def test_without_a_link_a_single_requisite_needs_no_second_request() -> None:
    changed = parts(link=None, linked=None, linked_bank=None)
    errors = {"link": NOT_FOUND, "linked": BAD_ID, "linked_bank": BAD_ID}
    found = await _snapshot(batch(changed, errors, {"rows": 1, "history": 1}))
    assert found.requisite_source == "company"
    assert found.bank_detail is not None
    assert found.address is not None


@pytest.mark.parametrize(
    ("left_out", "inn", "kpp"),
    [
        (("RQ_KPP",), "500100732259", ""),
        (("RQ_KPP", "RQ_OGRN", "RQ_NAME"), "9999123456", ""),
        (("RQ_INN", "RQ_KPP", "RQ_NAME"), "", ""),
    ],
)
async def test_a_portal_may_leave_out_columns_that_are_empty(left_out: tuple[str, ...], inn: str, kpp: str) -> None:
    sparse = {name: value for name, value in (REQUISITE | {"RQ_INN": inn}).items() if name not in left_out}
    found = await _snapshot(batch(parts(linked=sparse), totals={"rows": 1, "history": 1}))
    assert found.requisite is not None
    assert (found.requisite.inn, found.requisite.kpp) == (inn, kpp)


@pytest.mark.parametrize("field", ["RQ_INN", "RQ_KPP"])
async def test_a_number_of_the_buyer_that_was_lost_is_no_empty_one(field: str) -> None:
    lost = {name: value for name, value in REQUISITE.items() if name != field}
    outcome, _ = await _deal(batch(parts(linked=lost), totals={"rows": 1, "history": 1}))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["field"] == field


async def test_a_person_as_the_buyer() -> None:
    person = REQUISITE | {"ID": "90", "ENTITY_TYPE_ID": "3", "ENTITY_ID": "901", "RQ_INN": None,
                          "RQ_COMPANY_NAME": None,
                          "RQ_LAST_NAME": "Лапина", "RQ_FIRST_NAME": "Ирина"}  # fmt: skip
    person.pop("RQ_KPP")
    changed = parts(deal={"item": DEAL | {"companyId": 0}}, contact_requisites=[person], link=None, linked=None,
                    linked_bank=None, company=None, company_requisites=[REQUISITE])  # fmt: skip
    errors = {"link": NOT_FOUND, "linked": BAD_ID, "linked_bank": BAD_ID, "company": BAD_ID}
    found = await _snapshot(
        batch(changed, errors, {"rows": 1, "history": 1}), batch({"chosen_banks": [], "chosen_addresses": []})
    )
    assert found.requisite_source == "contact"
    assert found.requisite is not None
    assert (found.requisite.inn, found.requisite.last_name, found.requisite.owner) == ("", "Лапина", "contact")
    assert found.company is None
    assert [one.owner for one in found.requisites] == ["contact"]


async def test_a_deal_without_a_buyer() -> None:
    changed = parts(deal={"item": DEAL | {"companyId": None, "contactId": 0}}, link=None, linked=None, linked_bank=None,
                    company=None, contact=None, company_requisites=[REQUISITE], first_banks=[BANK])  # fmt: skip
    errors = {"link": NOT_FOUND, "linked": BAD_ID, "linked_bank": BAD_ID, "company": BAD_ID, "contact": NOT_FOUND}
    found = await _snapshot(batch(changed, errors, {"rows": 1, "history": 1}))
    assert (found.requisite, found.requisite_source, found.requisites) == (None, "none", ())
    assert (found.bank_detail, found.address, found.company, found.contact) == (None, None, None, None)


async def test_a_lost_company_does_not_make_its_contact_the_buyer() -> None:
    deal = {name: value for name, value in DEAL.items() if name != "companyId"}
    outcome, _ = await _deal(batch(parts(deal={"item": deal}), totals={"rows": 1, "history": 1}))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["field"] == "companyId"


async def test_a_company_that_is_gone_is_still_the_one_that_the_deal_names() -> None:
    changed = parts(link=None, linked=None, linked_bank=None, company=None, company_requisites=[])
    errors = {"link": NOT_FOUND, "linked": BAD_ID, "linked_bank": BAD_ID, "company": NOT_FOUND}
    found = await _snapshot(batch(changed, errors, {"rows": 1, "history": 1}))
    assert (found.company, found.deal.company_id) == (None, str(DEAL["companyId"]))


@pytest.mark.parametrize(
    "fault",
    [
        NOT_FOUND,
        {"error": "NOT_FOUND", "error_description": "Элемент не найден"},
        {"error": "ACCESS_DENIED", "error_description": ""},
    ],
)
async def test_a_deal_that_is_gone_or_hidden(fault: Any) -> None:
    outcome, _ = await _deal(batch({"rows": {"productRows": []}, "history": {"items": []}}, {"deal": fault}))
    assert outcome == Rejected(Problem("deal_not_visible", {"deal": "1734"}))


async def test_a_limit_inside_the_batch_is_a_limit() -> None:
    limited = {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
    outcome, _ = await _deal(batch(parts(rows=None), {"rows": limited}))
    assert isinstance(outcome, Deferred)


async def test_a_limit_on_the_requisites_is_not_taken_for_their_absence() -> None:
    limited = {"error": "OPERATION_TIME_LIMIT", "error_description": ""}
    reset = int((NOW + timedelta(seconds=90)).timestamp())
    one = batch(
        parts(linked=None), {"linked": limited}, {"rows": 1, "history": 1}, {"linked": {"operating_reset_at": reset}}
    )
    outcome, _ = await _deal(one)
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=90)


@pytest.mark.parametrize("name", ["link", "company", "company_requisites", "linked", "linked_bank", "linked_addresses"])
async def test_a_part_that_is_in_neither_map_is_no_absence(name: str) -> None:
    outcome, _ = await _deal(batch(parts(**{name: None}), totals={"rows": 1, "history": 1}))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["field"] == name


@pytest.mark.parametrize("name", ["link", "company_requisites", "linked_addresses"])
@pytest.mark.parametrize("code", ["INVALID_ARG_VALUE", "brand_new", 100])
async def test_a_part_that_failed_is_no_absence(name: str, code: Any) -> None:
    fault = {"error": code, "error_description": ""}
    outcome, _ = await _deal(batch(parts(**{name: None}), {name: fault}, {"rows": 1, "history": 1}))
    assert isinstance(outcome, Rejected | Retryable)


async def test_a_link_to_the_former_company_is_not_followed() -> None:
    former = REQUISITE | {"ID": "60", "ENTITY_ID": "400", "RQ_INN": "7707083893"}
    found = await _snapshot(batch(parts(linked=former), totals={"rows": 1, "history": 1}))
    assert (found.requisite_source, found.requisite and found.requisite.requisite_id) == ("company", "77")


async def test_a_link_to_a_second_contact_is_followed() -> None:
    person = REQUISITE | {"ID": "61", "ENTITY_TYPE_ID": "3", "ENTITY_ID": "902"}
    deal = {"item": DEAL | {"contactIds": [901, 902]}}
    found = await _snapshot(batch(parts(deal=deal, linked=person), totals={"rows": 1, "history": 1}))
    assert (found.requisite_source, found.requisite and found.requisite.requisite_id) == ("link", "61")


async def test_a_command_that_the_portal_never_reached() -> None:
    outcome, _ = await _deal(batch(parts(history=None), totals={"rows": 1}))
    assert isinstance(outcome, Retryable)
    assert outcome.problem.values["field"] == "history"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b'{"result": {"result"',
        b'{"result": []}',
        b'{"result": {"result": {"deal": {"item": []}}}}',
    ],
)
async def test_answers_that_are_no_batch(body: bytes) -> None:
    outcome = await _client(Script(answer(body))).read_deal(PERMIT, "1734")
    assert isinstance(outcome, Retryable)


async def test_the_operating_limit_tells_when() -> None:
    reset = int((NOW + timedelta(seconds=300)).timestamp())
    body = {"error": "OPERATION_TIME_LIMIT", "error_description": "", "time": {"operating_reset_at": reset}}
    outcome = await _client(Script(answer(body, 429))).read_deal(PERMIT, "1734")
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=300)
    outcome = await _client(Script(answer({"error": "OPERATION_TIME_LIMIT"}, 429))).read_deal(PERMIT, "1734")
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=60)


async def test_a_portal_whose_clock_is_years_ahead_is_not_left_alone_so_long() -> None:
    reset = int((NOW + timedelta(days=3650)).timestamp())
    body = {"error": "OPERATION_TIME_LIMIT", "error_description": "", "time": {"operating_reset_at": reset}}
    outcome = await _client(Script(answer(body, 429))).read_deal(PERMIT, "1734")
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=600)


@pytest.mark.parametrize(
    ("failure", "outage"),
    [(NotSent(Problem("no_connection")), True), (NotSent(Problem("address_refused"), outage=False), False),
     (SentUnknown(Problem("no_answer_in_time")), True)],
)  # fmt: skip
async def test_a_read_that_was_lost_is_repeated(failure: NotSent | SentUnknown, outage: bool) -> None:
    outcome = await _client(Script(failure)).ping(PERMIT)
    assert outcome == Retryable(failure.problem, outage=outage)


async def test_a_renamed_portal_is_followed_once_and_told() -> None:
    moved: list[PortalMoved] = []
    location = "https://lotos-demo.bitrix24.ru/rest/7/k3v9example0code1/server.time"
    script = Script(answer(b"", 302, {"location": location}), answer({"result": "2026-11-20T12:00:00+03:00"}))
    assert await _client(script, moved).ping(PERMIT) == Ok(None)
    assert [call.url for call in script.calls] == [f"{ENDPOINT}server.time", location]
    assert script.calls[1].method == "POST"
    assert script.calls[1].content == script.calls[0].content
    assert [(one.account, one.new_endpoint) for one in moved] == [
        ("account-1", "https://lotos-demo.bitrix24.ru/rest/7/k3v9example0code1/")
    ]
    assert "k3v9" not in repr(moved[0])


@pytest.mark.parametrize(
    "location",
    ["", "https://evil.example/other/path", "http://lotos-demo.bitrix24.ru/rest/7/k3v9example0code1/server.time",
     "https://user:pw@lotos.example/rest/7/k3v9example0code1/server.time", "//[bad",
     "/rest/7/k3v9example0code1/server.time",
     "ftp://lotos.example/rest/7/k3v9example0code1/server.time"],
)  # fmt: skip
async def test_a_redirect_elsewhere_is_not_followed(location: str) -> None:
    moved: list[PortalMoved] = []
    script = Script(answer(b"<html></html>", 302, {"location": location}))
    outcome = await _client(script, moved).ping(PERMIT)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "crm_redirect_refused"
    assert len(script.calls) == 1
    assert moved == []


async def test_a_redirect_to_a_stranger_is_not_kept() -> None:
    moved: list[PortalMoved] = []
    location = "https://parked.example/rest/7/k3v9example0code1/server.time"
    outcome = await _client(Script(answer(b"", 302, {"location": location}), answer(b"<html>")), moved).ping(PERMIT)
    assert isinstance(outcome, Retryable)
    assert moved == []
