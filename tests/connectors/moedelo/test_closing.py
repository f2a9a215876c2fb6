"""Closing documents over real HTTP: acts, waybills and universal transfer documents, as the account wants them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chassis.outcomes import Ok, Rejected, Retryable
from chassis.values.vat import VAT_RATES, VatMode, VatRate
from chassis.work.handlers import Permit
from connectors.moedelo.client import Moedelo
from connectors.ports.accounting import ActDraft
from connectors.registry import MOEDELO
from tests.connectors.accounting.calls import LONG_AGO
from tests.connectors.accounting.desk import AccountingDesk, taken
from tests.connectors.accounting.samples import lines, row
from tests.connectors.kit import NOW, Script, answer, clock

SINCE = datetime(2026, 3, 20, tzinfo=UTC)


def act_draft(buyer: str, bill: str | None, *, rate: str = "none", services: tuple[bool, ...] = (True,)) -> ActDraft:
    on = date({"20": 2025, "18": 2018}.get(rate, 2026), 3, 20)
    modes: dict[str, VatMode] = {"none": "exempt", "5": "usn5", "7": "usn7"}
    (one,) = lines(row("1000", "2", rate=rate), vat_mode=modes.get(rate, "standard"), on=on)
    wanted = tuple(replace(one, is_service=service) for service in services)
    return ActDraft(date(2026, 3, 20), buyer, wanted, "Акт", "[b24:1042:act:1:7c1f09aa]", bill)


def wanting(desk: AccountingDesk, closing: str) -> Permit:
    return desk.permitted(desk.account["api_key"], closing=closing)


@pytest.mark.parametrize(
    ("closing", "services", "form"),
    [
        ("", (False, True), "act"),
        ("waybill", (False,), "waybill"),
        ("waybill", (True,), "act"),
        ("waybill", (False, True), "upd"),
        ("upd", (True,), "upd"),
    ],
)
async def test_goods_and_services_go_by_the_document_that_the_account_wants(
    desk: AccountingDesk, closing: str, services: tuple[bool, ...], form: str
) -> None:
    buyer = await desk.buyer()
    bill = taken(await desk.create_invoice(buyer)).invoice_id
    draft = act_draft(buyer, bill, services=services)
    made = taken(await desk.accounting.create_act(wanting(desk, closing), draft, key="act"))
    assert (made.form, made.invoice_id, made.total_kopecks) == (form, bill, 200_000 * len(services))
    # Found by its bill, read and printed, whatever the account wants by then.
    found = taken(await desk.accounting.find_act(desk.permit, marker="", invoice_id=bill, since=LONG_AGO))
    assert found == (made,)
    assert taken(await desk.accounting.read_act(desk.permit, made.act_id)) == made
    assert taken(await desk.accounting.act_pdf(desk.permit, made.act_id)).content.startswith(b"%PDF-")
    (held,) = (await desk.state())["acts"].values()
    assert held["form"] == form
    if form != "act":
        assert [line["kind"] for line in held["items"]] == [2 if service else 1 for service in services]


@pytest.mark.parametrize(("rate", "status", "system"), [("none", 2, None), ("20", 1, 2)])
async def test_a_universal_document_says_whether_it_is_the_vat_invoice_too(
    desk: AccountingDesk, rate: str, status: int, system: int | None
) -> None:
    draft = act_draft(await desk.buyer(), None, rate=rate)
    made = taken(await desk.accounting.create_act(wanting(desk, "upd"), draft, key="act"))
    (held,) = (await desk.state())["acts"].values()
    assert (held["status_code"], held["tax_system"], made.vendor_status) == (status, system, str(status))
    assert held["items"][0]["vat"] == ("NoNds" if rate == "none" else "Nds20")


@pytest.mark.parametrize("rate", VAT_RATES)
async def test_a_universal_document_has_words_for_the_rates_that_the_registry_names(
    desk: AccountingDesk, rate: VatRate
) -> None:
    buyer = await desk.buyer()
    desk.http.calls.clear()
    outcome = await desk.accounting.create_act(wanting(desk, "upd"), act_draft(buyer, None, rate=rate), key="act")
    if rate in (MOEDELO.upd_rates or ()):
        assert isinstance(outcome, Ok), outcome
    else:
        assert isinstance(outcome, Rejected)
        assert (outcome.problem.code, outcome.problem.values["rate"]) == ("vat_rate_not_supported", rate)
        assert desk.http.calls == [], "nothing is sent"


@pytest.mark.parametrize(
    ("stocks", "sent"),
    [
        ([{"Id": 1, "IsMain": False}, {"Id": 2, "IsMain": True}], 2),
        ([{"Id": 3, "IsMain": False}], 3),
        ([{"Id": 4}, {"Id": 5}], None),
        ([], None),
    ],
)
async def test_goods_leave_the_main_stock(stocks: list[dict[str, Any]], sent: int | None) -> None:
    made = {"Id": 9, "Number": "9", "DocDate": "2026-03-20", "KontragentId": 905512, "Sum": 2000}
    moedelo, script = client(answer({"ResourceList": stocks}), answer(made, 201))
    draft = act_draft("905512", None, services=(False,))
    outcome = await moedelo.create_act(permit("waybill"), draft, key="act")
    assert isinstance(outcome, Ok)
    assert (outcome.value.act_id, script.sent(1).get("StockId")) == ("waybill:9", sent)
    assert script.calls[1].url.endswith("/accounting/api/v1/sales/waybill")


async def test_nothing_is_sent_while_the_stock_is_not_known() -> None:
    moedelo, script = client(answer(b"", 502))
    outcome = await moedelo.create_act(permit("waybill"), act_draft("1", None, services=(False,)), key="act")
    assert isinstance(outcome, Retryable)
    assert len(script.calls) == 1


async def test_a_place_that_the_account_may_not_list_has_none_of_our_documents() -> None:
    card = {"Id": 9, "Number": "9", "DocDate": "2026-03-20", "KontragentId": 905512, "BillId": 7, "Sum": 2000}
    acts, forbidden = answer({"ResourceList": [card]}), answer({"Message": "Нет доступа"}, 403)
    found = await client(acts, forbidden, forbidden)[0].find_act(permit(""), marker="", invoice_id="7", since=SINCE)
    assert isinstance(found, Ok)
    assert [one.act_id for one in found.value] == ["9"]
    none = answer({"ResourceList": []})
    for closing, answers in (("waybill", (none, forbidden)), ("upd", (none, none, forbidden)), ("", (forbidden,))):
        outcome = await client(*answers)[0].find_act(permit(closing), marker="", invoice_id="7", since=SINCE)
        assert isinstance(outcome, Retryable), closing
    broken = await client(acts, answer(b"", 502))[0].find_act(permit(""), marker="", invoice_id="7", since=SINCE)
    assert isinstance(broken, Retryable)


async def test_a_universal_document_whose_row_tells_little_is_read() -> None:
    row_ = {"Id": 9, "Number": "9", "Date": "2026-03-20T00:00:00", "KontragentId": 905512}
    whole = row_ | {"BillId": 7, "Status": 1, "Items": [{"SumWithNds": 1500.5}, {"SumWithNds": 499.5}]}
    none = answer({"ResourceList": []})
    moedelo, script = client(none, none, answer({"ResourceList": [row_]}), answer(whole))
    found = await moedelo.find_act(permit(""), marker="", invoice_id="7", since=SINCE)
    assert isinstance(found, Ok)
    assert [(one.act_id, one.total_kopecks) for one in found.value] == [("upd:9", 200_000)]
    assert script.calls[3].url.endswith("/docs/api/v1/Sales/Upd/9")


def client(*answers: Any) -> tuple[Moedelo, Script]:
    script = Script(*answers)
    return Moedelo(script, clock()), script


def permit(closing: str) -> Permit:
    return Permit("moedelo:vektor:main", "https://restapi.moedelo.org", "key-1", 10, NOW, {"closing": closing})
