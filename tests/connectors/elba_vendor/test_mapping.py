"""The mapping of Elba's published API: the description's own examples both ways, exact sums, nothing guessed."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import Problem
from chassis.values.lines import totals
from chassis.values.money import multiply_half_up
from chassis.values.vat import VatMode, VatRate
from connectors.elba_vendor import mapping
from connectors.elba_vendor.schema import VAT_RATES, VAT_WORDS
from connectors.ports.accounting import CounterpartyDraft, InvoiceDraft, InvoiceStatus
from connectors.wire import ShapeError
from tests.connectors.elba_vendor.samples import (
    BANK_ACCOUNT,
    BILL,
    BILL_ID,
    BUYER_ID,
    CONTRACTOR,
    FOUND,
    MARKER,
    NEWS,
    act_draft,
    buyer_draft,
    invoice_draft,
    lines,
    row,
)


def _exact(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


def test_a_bill_as_the_description_shows_it() -> None:
    assert _exact(mapping.bill_body(invoice_draft(), BANK_ACCOUNT)) == {
        "date": "2026-03-10", "contractorId": BUYER_ID, "bankAccountId": BANK_ACCOUNT,
        "withNDS": False, "sumsWithNDS": False, "withDiscount": False,
        "comment": f"Сделка №1042. Оплатить до 13.03.2026 {MARKER}",
        "warehouseItems": [{"productName": "Настройка CRM, час", "unitName": "ч", "quantity": 17,
                            "price": Decimal("5000.00"), "ndsRate": None, "discount": None}],
    }  # fmt: skip
    assert "bankAccountId" not in _exact(mapping.bill_body(invoice_draft(), None))


def test_a_contractor_as_the_description_shows_it() -> None:
    assert _exact(mapping.contractor_body(buyer_draft())) == {
        "name": "Общество с ограниченной ответственностью \"Вектор\"", "shortName": "ООО \"Вектор\"",
        "inn": "7709123453", "kpp": "770901001", "ogrn": "1237700012340",
        "address": "105062, г. Москва, ул. Примерная, д. 7",
        "contacts": [{"phone": "+7 495 000-00-01", "emails": ["buh@vector.example"]}],
    }  # fmt: skip


def test_an_entrepreneur_has_no_kpp_and_a_person_no_inn() -> None:
    sole = CounterpartyDraft("entrepreneur", "ИП Лапин", inn="500100732259", kpp="770901001")
    assert "kpp" not in _exact(mapping.contractor_body(sole))
    person = _exact(mapping.contractor_body(CounterpartyDraft("person", "Лапина Ирина", email="i@lapina.example")))
    assert person == {"name": "Лапина Ирина", "contacts": [{"phone": None, "emails": ["i@lapina.example"]}]}
    assert "contacts" not in _exact(mapping.contractor_body(CounterpartyDraft("person", "Лапина Ирина")))


def test_an_act_carries_our_number() -> None:
    body = _exact(mapping.act_body(act_draft(), None))
    assert body["number"] == "B24-1042"
    assert not {"invoiceId", "reasonName", "reasonDate"} & body.keys()
    assert mapping.act_number("[b24:1042:act:3:7c1f09aa]") == "B24-1042-3"
    assert mapping.act_number(f"[b24:{'x' * 40}:act:1:7c1f09aa]") == ""
    assert mapping.act_number("no marker") == ""


def test_a_comment_that_is_too_long_is_cut_and_its_marker_is_not() -> None:
    cut = mapping.comment_with_marker("«Ёлка» 🎄 " * 2_000, MARKER)
    assert len(cut) == 10_000
    assert cut.endswith(f"… {MARKER}")
    assert mapping.comment_with_marker("", MARKER) == MARKER


@pytest.mark.parametrize("rate", ["0", "5", "10", "20", "22"])
def test_prices_contain_the_vat_of_each_rate(rate: VatRate) -> None:
    mode: VatMode = "usn5" if rate == "5" else "standard"
    on = date(2025, 3, 10) if rate == "20" else date(2026, 3, 10)
    made = lines(row("1000.10", "3", rate=rate), vat_mode=mode, on=on)
    body = _exact(mapping.bill_body(InvoiceDraft(on, None, "x", made, "", "m"), None))
    assert (body["withNDS"], body["sumsWithNDS"]) == (True, True)
    assert [item["ndsRate"] for item in body["warehouseItems"]] == [f"nds{rate}"]
    read = mapping.read_bill(_answered(body))
    assert (read.total_kopecks, read.vat_kopecks) == (300_030, totals(made).vat_kopecks)


def test_a_line_without_vat_in_a_bill_with_it_says_so() -> None:
    made = lines(row(), row(rate="22"), vat_mode="standard")
    body = _exact(mapping.bill_body(InvoiceDraft(date(2026, 3, 10), None, "x", made, "", "m"), None))
    assert [item["ndsRate"] for item in body["warehouseItems"]] == ["withoutNds", "nds22"]


@pytest.mark.parametrize(("rate", "mode"), [("7", "usn7")])
def test_a_rate_without_a_word_is_named(rate: str, mode: VatMode) -> None:
    made = lines(row(rate=rate), row(), vat_mode=mode)
    assert mapping.unsupported_rate(made) == Problem("vat_rate_not_supported", {"vendor": "elba", "rate": rate})
    assert mapping.unsupported_rate(lines()) is None


def test_words_of_rates_are_told_apart_exactly() -> None:
    assert {VAT_RATES[word]: word for word in VAT_WORDS.values()} == VAT_WORDS
    assert VAT_RATES["nds18"] == "18"
    assert "18" not in VAT_WORDS


def _answered(body: dict[str, Any]) -> dict[str, Any]:
    """The card of a bill that was sent, as the service reads it back."""
    items = [
        item | {"id": "w", "sum": Decimal(multiply_half_up(item["price"], Decimal(item["quantity"]))) / 100,
                "ndsRate": item["ndsRate"] or "withoutNds"}
        for item in body["warehouseItems"]
    ]  # fmt: skip
    flags = {"withNDS": body["withNDS"], "sumsWithNds": body["sumsWithNDS"]}
    return {**BILL, "comment": body["comment"], "warehouseItems": items, **flags}


@given(
    price=st.decimals("0.01", "100000", places=4),
    quantity=st.one_of(st.integers(1, 5000).map(Decimal), st.decimals("0.00001", "999", places=5)),
    rate=st.sampled_from(["none", "0", "10", "22"]),
    included=st.booleans(),
)
def test_what_is_sent_and_read_back_sums_to_the_lines_to_the_kopeck(
    price: Decimal, quantity: Decimal, rate: str, included: bool
) -> None:
    source = row(str(price), str(quantity), rate=rate, included=included)
    try:
        made = lines(source, vat_mode="standard")
    except AssertionError:
        return  # a line of less than half a kopeck is no line
    body = _exact(mapping.bill_body(InvoiceDraft(date(2026, 3, 10), None, "x", made, "", "m"), None))
    for item in body["warehouseItems"]:
        assert Decimal(item["quantity"]) == round(Decimal(item["quantity"]), 4)
    assert mapping.read_bill(_answered(body)).total_kopecks == totals(made).amount_kopecks


def test_a_bills_card() -> None:
    card = mapping.read_bill(BILL)
    assert (card.invoice_id, card.number, card.issued_on, card.due_on) == (BILL_ID, "118", date(2026, 3, 10), None)
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, None)
    assert (card.status, card.vendor_status) == (InvoiceStatus.PARTIALLY_PAID, "partiallyPaid")
    assert MARKER in card.comment
    assert [(one.quantity, one.price, one.vat_rate) for one in card.lines] == [(Decimal(17), Decimal(5000), "none")]


def test_vat_on_top_of_a_bill_made_by_hand_is_part_of_its_total() -> None:
    items = [BILL["warehouseItems"][0] | {"ndsRate": "nds22", "sum": 100}]
    card = mapping.read_bill(BILL | {"withNDS": True, "sumsWithNds": False, "warehouseItems": items})
    assert (card.total_kopecks, card.vat_kopecks) == (12_200, 2_200)


@pytest.mark.parametrize(
    ("word", "status", "paid"),
    [("notPaid", "issued", 0), ("partiallyPaid", "partially_paid", None), ("paid", "paid", 8_500_000),
     ("overdue", "issued", None), ("rejected", "cancelled", None), ("NotPaid", "unknown", None),
     ("frozen", "unknown", None), ("", "unknown", None)],
)  # fmt: skip
def test_statuses_are_never_guessed(word: str, status: str, paid: int | None) -> None:
    card = mapping.read_bill(BILL | {"status": word})
    assert (card.status, card.vendor_status, card.paid_kopecks) == (status, word, paid)


@pytest.mark.parametrize("field", ["id", "number", "date", "warehouseItems"])
def test_a_bill_without_what_identifies_it_is_not_taken(field: str) -> None:
    with pytest.raises(ShapeError):
        mapping.read_bill({name: value for name, value in BILL.items() if name != field})


@pytest.mark.parametrize("field", ["comment", "status", "contractorId", "bankAccountId", "withNDS", "sumsWithNds"])
def test_a_bill_may_lack_the_rest(field: str) -> None:
    card = mapping.read_bill({name: value for name, value in BILL.items() if name != field})
    assert card.total_kopecks == 8_500_000


def test_a_rate_that_is_not_known_is_kept_and_its_vat_is_not_computed() -> None:
    items = [BILL["warehouseItems"][0] | {"ndsRate": "nds33"}]
    card = mapping.read_bill(BILL | {"warehouseItems": items, "withNDS": True, "sumsWithNds": True})
    assert (card.lines[0].vat_rate, card.vat_kopecks, card.total_kopecks) == ("nds33", None, 8_500_000)


def test_a_contractor_of_a_card_and_of_a_search() -> None:
    whole, found = mapping.read_contractor(CONTRACTOR), mapping.read_contractor(FOUND)
    assert (whole.kind, whole.inn, whole.kpp, whole.ogrn) == ("company", "7709123453", "770901001", "1237700012340")
    assert (whole.email, whole.phone) == ("buh@vector.example", "+7 495 000-00-01")
    assert (found.inn, found.email, found.ogrn) == ("7709123453", "", "")
    assert mapping.read_contractor(FOUND | {"inn": None, "kpp": None}).kind == "person"
    assert mapping.read_contractor(FOUND | {"inn": "500100732259"}).kind == "entrepreneur"


@pytest.mark.parametrize(
    "changed", [{"contacts": [{"emails": "x"}]}, {"contacts": "x"}, {"id": None}, {"inn": {"a": 1}}]
)
def test_a_contractor_of_another_shape_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        mapping.read_contractor(CONTRACTOR | changed)


def test_news_of_money() -> None:
    fact = mapping.read_fact(NEWS)
    assert fact is not None
    assert (fact.fact_id, fact.invoice_id, fact.paid_kopecks, fact.total_kopecks) == (13, BILL_ID, 4_000_000, 8_500_000)
    assert (fact.status, fact.vendor_status) == (InvoiceStatus.PARTIALLY_PAID, "partiallyPaid")
    assert mapping.read_fact(NEWS | {"newsType": "somethingNew", "newsContent": None}) is None


@pytest.mark.parametrize(
    "content", [{}, None, {"billId": BILL_ID}, {"billId": None, "relatedPaymentsSum": 1},
                {"billId": BILL_ID, "relatedPaymentsSum": None}, {"billId": BILL_ID, "relatedPaymentsSum": "много"},
                {"billId": BILL_ID, "relatedPaymentsSum": Decimal("0.001")}],
)  # fmt: skip
def test_news_of_another_shape_are_refused(content: Any) -> None:
    with pytest.raises(ShapeError):
        mapping.read_fact(NEWS | {"newsContent": content})


@given(
    st.dictionaries(
        st.sampled_from(list(BILL)),
        st.one_of(
            st.none(),
            st.integers(),
            st.text(max_size=8),
            st.lists(st.integers(), max_size=2),
            st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        ),
        max_size=4,
    )
)
def test_a_retyped_bill_is_read_or_refused(changed: dict[str, Any]) -> None:
    try:
        card = mapping.read_bill(BILL | changed)
    except ShapeError:
        return
    assert card.invoice_id
    assert card.number
