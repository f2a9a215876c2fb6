"""Elba's mapping: exact sums on the way out, strict where a document would change on the way in."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.lines import totals
from chassis.values.money import kopecks_from_decimal, multiply_half_up
from chassis.values.vat import VAT_RATES as RATES
from chassis.values.vat import VatMode
from connectors.elba import mapping
from connectors.elba.schema import VAT_RATES, VAT_WORDS, rows_of
from connectors.kontur_family import error_of
from connectors.ports.accounting import CounterpartyDraft, InvoiceDraft, InvoiceStatus
from connectors.wire import ShapeError
from tests.connectors.accounting.samples import lines, row
from tests.connectors.elba.samples import ACT, BUYER, INVOICE, PAYMENT, act_draft, buyer_draft, invoice_draft


def _exact(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


def test_an_invoice_as_the_api_takes_it() -> None:
    assert _exact(mapping.invoice_body(invoice_draft())) == {
        "number": "B24-1042",
        "date": "2026-03-10",
        "paymentDueDate": "2026-03-13",
        "counterpartyId": INVOICE["counterpartyId"],
        "items": [
            {"name": "Настройка CRM, час", "count": 17, "price": Decimal("5000.00"), "unit": "ч", "ndsRate": "NoNds"}
        ],
        "comment": INVOICE["comment"],
    }


def test_the_body_is_the_same_every_time() -> None:
    assert mapping.invoice_body(invoice_draft()) == mapping.invoice_body(invoice_draft())


def test_an_invoice_needs_a_number_here() -> None:
    draft = InvoiceDraft(date(2026, 3, 10), None, "x", lines(), "", "m")
    with pytest.raises(ValueError, match="number"):
        mapping.invoice_body(draft)


def test_an_act_is_tied_to_its_invoice_where_there_is_one() -> None:
    assert "invoiceId" in _exact(mapping.act_body(act_draft()))
    assert "invoiceId" not in _exact(mapping.act_body(act_draft(invoice=None)))


def test_buyers() -> None:
    assert _exact(mapping.counterparty_body(buyer_draft())) == {
        "fullName": "ООО «Вектор»", "inn": "7709123453", "kpp": "770901001", "email": "buh@vector.example",
    }  # fmt: skip
    person = CounterpartyDraft("person", "Лапина Ирина", email="i@lapina.example")
    assert _exact(mapping.counterparty_body(person)) == {
        "fullName": "Лапина Ирина", "email": "i@lapina.example", "type": "individual",
    }  # fmt: skip
    sole = CounterpartyDraft("entrepreneur", "ИП Лапин", inn="500100732259")
    assert _exact(mapping.counterparty_body(sole))["type"] == "entrepreneur"


def test_every_rate_has_a_word_and_back() -> None:
    assert set(VAT_WORDS) == set(RATES)
    assert {VAT_RATES[word]: word for word in VAT_WORDS.values()} == VAT_WORDS


@pytest.mark.parametrize(
    ("price", "quantity", "rate", "mode", "items"),
    [
        ("10.55", "100", "22", "standard", [("100", "12.87"), ("0", "0")]),
        ("5000", "17", "none", "exempt", [("17", "5000.00")]),
    ],
)
def test_gross_prices(price: str, quantity: str, rate: str, mode: VatMode, items: list[tuple[str, str]]) -> None:
    # 100 × 10.55 + 22 % is 1287.10, where a rounded gross price of 12.87 would give 1287.00
    made = lines(row(price, quantity, rate=rate, included=False), vat_mode=mode)
    sent = _sent(made)
    assert sum(multiply_half_up(one["price"], Decimal(one["count"])) for one in sent) == totals(made).amount_kopecks


def test_a_line_that_no_price_gives_is_split() -> None:
    made = lines(row("10.55", "100", rate="22", included=False), vat_mode="standard")
    assert [(one["count"], one["price"]) for one in _sent(made)] == [(90, Decimal("12.87")), (10, Decimal("12.88"))]


def test_a_fractional_quantity_that_no_price_gives_becomes_one_piece() -> None:
    made = lines(row("10.55", "33.3", rate="22", included=False), vat_mode="standard")
    assert [(one["name"], one["count"], one["price"]) for one in _sent(made)] == [
        ("Настройка CRM, час (33.3 ч)", 1, Decimal("428.61"))
    ]


def _sent(made: Any) -> list[Any]:
    draft = InvoiceDraft(date(2026, 3, 10), None, "x", made, "", "m", "1")
    found: list[Any] = _exact(mapping.invoice_body(draft))["items"]
    return found


@given(
    price=st.decimals("0.01", "100000", places=4),
    quantity=st.one_of(st.integers(1, 5000).map(Decimal), st.decimals("0.001", "999", places=3)),
    rate=st.sampled_from(["none", "0", "10", "22"]),
    included=st.booleans(),
)
def test_what_is_sent_sums_to_the_lines_to_the_kopeck(
    price: Decimal, quantity: Decimal, rate: str, included: bool
) -> None:
    source = row(str(price), str(quantity), rate=rate, included=included)
    try:
        made = lines(source, vat_mode="standard")
    except AssertionError:
        return  # a line of less than half a kopeck is no line
    sent = _sent(made)
    assert all(one["price"] == one["price"].quantize(Decimal("0.01")) for one in sent)
    assert sum(multiply_half_up(one["price"], Decimal(one["count"])) for one in sent) == totals(made).amount_kopecks


def test_an_invoice_card() -> None:
    card = mapping.read_invoice(INVOICE)
    assert (card.number, card.issued_on, card.due_on) == ("B24-1042", date(2026, 3, 10), date(2026, 3, 13))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, 0)
    assert (card.status, card.vendor_status) == (InvoiceStatus.ISSUED, "Issued")
    line = card.lines[0]
    assert (line.quantity, line.price, line.vat_rate, line.amount_kopecks) == (
        Decimal(17),
        Decimal(5000),
        "none",
        8_500_000,
    )


@pytest.mark.parametrize(
    ("word", "paid", "status"),
    [("Issued", 0, "issued"), ("PartiallyPaid", 1, "partially_paid"), ("Paid", 1, "paid"),
     ("Cancelled", 0, "cancelled"),
     ("Overdue", 0, "issued"), ("Overdue", 1, "partially_paid"), ("paid", 1, "unknown"),
     ("Frozen", 0, "unknown"), ("", 0, "unknown")],
)  # fmt: skip
def test_statuses_are_never_guessed(word: str, paid: int, status: str) -> None:
    card = mapping.read_invoice(INVOICE | {"status": word, "paidSum": paid})
    assert (card.status, card.vendor_status) == (status, word)


@pytest.mark.parametrize("field", ["id", "number", "date", "counterpartyId", "sum"])
def test_an_invoice_without_what_identifies_it_is_not_taken(field: str) -> None:
    with pytest.raises(ShapeError):
        mapping.read_invoice({name: value for name, value in INVOICE.items() if name != field})


@pytest.mark.parametrize(
    "field", ["paymentDueDate", "comment", "items", "ndsSum", "paidSum", "status", "url", "updatedAt"]
)
def test_an_invoice_may_lack_the_rest(field: str) -> None:
    assert (
        mapping.read_invoice({name: value for name, value in INVOICE.items() if name != field}).total_kopecks
        == 8_500_000
    )


@pytest.mark.parametrize("value", ["85000", 85000, Decimal("85000.0")])
def test_a_sum_as_text_or_number_is_the_same(value: Any) -> None:
    assert mapping.read_invoice(INVOICE | {"sum": value}).total_kopecks == 8_500_000


@pytest.mark.parametrize("value", [True, None, [85000], "много", Decimal("0.001")])
def test_a_sum_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(ShapeError):
        mapping.read_invoice(INVOICE | {"sum": value})


def test_an_unknown_rate_of_a_line_is_kept_as_written() -> None:
    items = [INVOICE["items"][0] | {"ndsRate": "Nds33"}]
    assert mapping.read_invoice(INVOICE | {"items": items}).lines[0].vat_rate == "Nds33"


def test_a_payment() -> None:
    found = mapping.read_payment(PAYMENT | {"amount": Decimal("-100.50"), "removed": True})
    assert (found.amount_kopecks, found.removed, found.paid_on) == (-10_050, True, date(2026, 3, 12))
    assert (found.payer_inn, found.order_number, found.own_account) == ("7709123453", "451", "40702810200000000001")


@pytest.mark.parametrize(
    ("field", "value"), [("removed", "false"), ("amount", None), ("date", ""), ("updatedAt", "вчера"), ("id", None)]
)
def test_a_payment_of_another_shape_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ShapeError):
        mapping.read_payment(PAYMENT | {field: value})


def test_a_buyer_and_an_act() -> None:
    buyer = mapping.read_counterparty(BUYER)
    assert (buyer.kind, buyer.inn, buyer.kpp, buyer.phone) == ("company", "7709123453", "770901001", "")
    assert mapping.read_act(ACT).total_kopecks == 8_500_000
    without = {name: value for name, value in BUYER.items() if name != "inn"}
    with pytest.raises(ShapeError):
        mapping.read_counterparty(without)
    assert mapping.read_counterparty(without | {"type": "individual"}).inn == ""


def test_both_shapes_of_lists() -> None:
    assert rows_of([{"id": 1}]) == rows_of({"items": [{"id": 1}], "total": 1})
    for document in ({}, {"items": None}, {"items": {"a": 1}}, [1], None, "x"):
        with pytest.raises(ShapeError):
            rows_of(document)


def test_a_moment_is_cut_to_a_second_in_utc() -> None:
    assert mapping.timestamp(datetime(2026, 3, 12, 10, 1, 44, 900_000, tzinfo=UTC)) == "2026-03-12T10:01:44Z"


def test_the_vendors_words_for_a_person() -> None:
    envelope = {"statusCode": 400, "traceId": "0a", "error": {
                "code": "ValidationError", "message": "Указанный контрагент не найден",
                "target": "counterpartyId",
                "details": [{"message": "Неверный ИНН", "target": "inn"}, {"code": "x"}, None]}}  # fmt: skip
    found = error_of(envelope)
    assert found is not None
    assert found.text == "counterpartyId: Указанный контрагент не найден; inn: Неверный ИНН; x"
    assert (found.code, found.status) == ("validationerror", 400)
    oauth = error_of({"error": "invalid_client", "error_description": "нет такого"})
    assert oauth is not None
    assert (oauth.code, oauth.text) == ("invalid_client", "нет такого")
    nothings: list[Any] = [{}, [], "x", {"id": 1}, {"error": None}]
    for nothing in nothings:
        assert error_of(nothing) is None


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["error", "statusCode", "message", "details", "code", "target"]), inner, max_size=4
            ),
        ),
        max_leaves=10,
    )
)
def test_no_error_body_breaks_the_reader(document: Any) -> None:
    error_of(document)


@given(
    st.dictionaries(
        st.sampled_from(list(INVOICE)),
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
def test_a_retyped_card_is_read_or_refused(changed: dict[str, Any]) -> None:
    try:
        card = mapping.read_invoice(INVOICE | changed)
    except ShapeError:
        return
    assert card.invoice_id
    assert kopecks_from_decimal(Decimal(card.total_kopecks) / 100) == card.total_kopecks
