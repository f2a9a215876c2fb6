"""The mapping of Kontur.Accounting: the contract's own examples both ways, exact sums, nothing guessed."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import Problem
from chassis.values.lines import totals
from chassis.values.money import multiply_half_up
from chassis.values.vat import VatMode, VatRate, vat_kopecks
from connectors.kontur import mapping, payments
from connectors.kontur.schema import VAT_RATES, VAT_WORDS, is_deleted, rows_of
from connectors.ports.accounting import CounterpartyDraft, InvoiceDraft, InvoiceStatus
from connectors.ports.products import ProductDraft
from connectors.wire import ShapeError
from tests.connectors.kontur.samples import (
    ACT,
    BUYER,
    BUYER_ID,
    INVOICE,
    INVOICE_ID,
    MARKER,
    OPERATION,
    OTHER_ID,
    PRODUCT,
    act_draft,
    buyer_draft,
    exact,
    invoice_draft,
    lines,
    row,
)


def _exact(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


def test_an_invoice_as_the_contract_shows_it() -> None:
    assert _exact(mapping.invoice_body(invoice_draft(), ())) == {
        "date": "2026-03-10", "dueDate": "2026-03-13", "counterpartyId": BUYER_ID, "comment": "Сделка №1042",
        "pricesIncludeVat": True, "externalId": MARKER,
        "items": [{"productId": None, "name": "Настройка CRM, час", "unit": {"okei": "356", "name": "ч"},
                   "quantity": 17, "price": Decimal("5000.00"), "vatRate": "withoutVat", "vatSum": Decimal("0.00"),
                   "sum": Decimal("85000.00"), "discountPercent": None}],
    }  # fmt: skip


def test_a_line_of_the_nomenclature_names_its_item() -> None:
    body = _exact(mapping.invoice_body(invoice_draft(), ("p1",)))
    assert body["items"][0]["productId"] == "p1"


def test_an_invoice_shows_the_bank_account_that_the_tenant_names() -> None:
    assert _exact(mapping.invoice_body(invoice_draft(), (), "b1"))["bankAccountId"] == "b1"


def test_an_act_is_tied_to_its_invoice_where_there_is_one() -> None:
    assert _exact(mapping.act_body(act_draft(), ()))["invoiceId"] == INVOICE_ID
    assert "invoiceId" not in _exact(mapping.act_body(act_draft(invoice=None), ()))


def test_a_buyer_as_the_contract_shows_it() -> None:
    assert _exact(mapping.counterparty_body(buyer_draft())) == {
        "type": "legal", "name": "ООО \"Вектор\"", "fullName": "Общество с ограниченной ответственностью \"Вектор\"",
        "inn": "7709123453", "kpp": "770901001", "ogrn": "1237700012340",
        "legalAddress": "105062, г. Москва, ул. Примерная, д. 7", "roles": ["customer"],
        "contacts": [{"name": "Общество с ограниченной ответственностью \"Вектор\"", "phone": "+74950000001",
                      "email": "buh@vector.example"}],
    }  # fmt: skip
    sole = _exact(mapping.counterparty_body(CounterpartyDraft("entrepreneur", "ИП Лапин", inn="500100732259", kpp="7")))
    assert (sole["type"], "kpp" in sole, "contacts" in sole) == ("entrepreneur", False, False)
    person = _exact(mapping.counterparty_body(CounterpartyDraft("person", "Лапина Ирина", email="i@lapina.example")))
    assert (person["type"], person["name"], "inn" in person) == ("individual", "Лапина Ирина", False)


def test_a_buyers_card_and_its_origin() -> None:
    buyer = mapping.read_counterparty(BUYER)
    assert (buyer.kind, buyer.inn, buyer.kpp, buyer.ogrn) == ("company", "7709123453", "770901001", "1237700012340")
    assert (buyer.director, buyer.from_register, buyer.email) == ("Лапина Ирина Олеговна", True, "buh@vector.example")
    assert not mapping.read_counterparty(BUYER | {"source": None}).from_register
    assert not mapping.read_counterparty(BUYER | {"source": {"system": "manual"}}).from_register
    without = {name: value for name, value in BUYER.items() if name != "inn"}
    with pytest.raises(ShapeError):
        mapping.read_counterparty(without)
    assert mapping.read_counterparty(without | {"type": "individual"}).inn == ""
    assert mapping.read_live_counterparty(BUYER | {"archived": True}) is None
    assert mapping.read_live_counterparty({"id": "x", "deleted": True}) is None


@pytest.mark.parametrize("rate", ["0", "5", "7", "10", "20", "22"])
def test_vat_and_sum_of_each_line_are_sent(rate: VatRate) -> None:
    mode: VatMode = "usn5" if rate == "5" else "usn7" if rate == "7" else "standard"
    on = date(2025, 3, 10) if rate == "20" else date(2026, 3, 10)
    made = lines(row("1000.10", "3", rate=rate), vat_mode=mode, on=on)
    (item,) = _exact(mapping.invoice_body(InvoiceDraft(on, None, "x", made, "", "m"), ()))["items"]
    assert (item["vatRate"], item["sum"]) == (f"vat{rate}", Decimal("3000.30"))
    assert item["vatSum"] * 100 == totals(made).vat_kopecks


def test_words_of_rates_are_told_apart_exactly() -> None:
    assert {VAT_RATES[word]: word for word in VAT_WORDS.values()} == VAT_WORDS
    assert VAT_RATES["vat18"] == "18"
    assert mapping.unsupported_rate(lines()) is None
    old = lines(row(rate="18"), vat_mode="standard", on=date(2018, 3, 10))
    assert mapping.unsupported_rate(old) == Problem("vat_rate_not_supported", {"vendor": "kontur", "rate": "18"})


@given(
    price=st.decimals("0.01", "100000", places=4),
    quantity=st.one_of(st.integers(1, 5000).map(Decimal), st.decimals("0.00001", "999", places=5)),
    rate=st.sampled_from(["none", "0", "10", "22"]),
    included=st.booleans(),
)
def test_what_is_sent_sums_to_the_lines_and_passes_the_services_own_arithmetic(
    price: Decimal, quantity: Decimal, rate: VatRate, included: bool
) -> None:
    try:
        made = lines(row(str(price), str(quantity), rate=rate, included=included), vat_mode="standard")
    except AssertionError:
        return  # a line of less than half a kopeck is no line
    items = _exact(mapping.invoice_body(InvoiceDraft(date(2026, 3, 10), None, "x", made, "", "m"), ()))["items"]
    whole = totals(made)
    assert sum(item["sum"] for item in items) * 100 == whole.amount_kopecks
    assert sum(item["vatSum"] for item in items) * 100 == whole.vat_kopecks
    for item in items:
        kopecks = multiply_half_up(item["price"], Decimal(item["quantity"]))
        assert item["sum"] * 100 == kopecks
        assert abs(item["vatSum"] * 100 - vat_kopecks(kopecks, rate, included=True)) <= 1


def test_an_invoice_card() -> None:
    card = mapping.read_invoice(INVOICE)
    assert (card.number, card.issued_on, card.due_on) == ("118", date(2026, 3, 10), date(2026, 3, 13))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, 0)
    assert (card.status, card.vendor_status) == (InvoiceStatus.ISSUED, "issued")
    assert card.comment == f"Сделка №1042 {MARKER}"
    assert [(one.name, one.vat_rate, one.amount_kopecks) for one in card.lines] == [
        ("Настройка CRM, час", "none", 8_500_000)
    ]


@pytest.mark.parametrize(
    ("word", "paid", "status"),
    [("draft", 0, "draft"), ("issued", 0, "issued"), ("partiallyPaid", 1, "partially_paid"), ("paid", 1, "paid"),
     ("cancelled", 0, "cancelled"), ("overdue", 0, "issued"), ("overdue", 1, "partially_paid"),
     ("Paid", 1, "unknown"), ("frozen", 0, "unknown"), ("", 0, "unknown")],
)  # fmt: skip
def test_statuses_are_never_guessed(word: str, paid: int, status: str) -> None:
    card = mapping.read_invoice(INVOICE | {"status": word, "paidSum": paid})
    assert (card.status, card.vendor_status) == (status, word)


@pytest.mark.parametrize("field", ["id", "number", "date", "counterpartyId", "sum"])
def test_an_invoice_without_what_identifies_it_is_not_taken(field: str) -> None:
    with pytest.raises(ShapeError):
        mapping.read_invoice({name: value for name, value in INVOICE.items() if name != field})


@pytest.mark.parametrize(
    "field", ["dueDate", "comment", "items", "vatSum", "paidSum", "status", "viewUrl", "updatedAt"]
)
def test_an_invoice_may_lack_the_rest(field: str) -> None:
    without = {name: value for name, value in INVOICE.items() if name != field}
    assert mapping.read_invoice(without).total_kopecks == 8_500_000


def test_a_rate_that_is_not_known_is_kept_as_written() -> None:
    items = [INVOICE["items"][0] | {"vatRate": "vat22_122"}]
    assert mapping.read_invoice(INVOICE | {"items": items}).lines[0].vat_rate == "vat22_122"


def test_nomenclature_both_ways() -> None:
    draft = ProductDraft("550", "Кабель UTP 5e, м", "CAB-05", "006", "м", Decimal("31.50"), "22", is_service=False)
    assert _exact(mapping.product_body(draft)) == {
        "type": "goods", "name": "Кабель UTP 5e, м", "article": "CAB-05", "unit": {"okei": "006", "name": "м"},
        "price": Decimal("31.50"), "priceIncludesVat": True, "vatRate": "vat22", "externalId": "550",
    }  # fmt: skip
    item = mapping.read_product(exact(PRODUCT))
    assert (item.product_id, item.external_code, item.unit, item.vat_rate) == ("p1", "550", "м", "22")
    assert mapping.read_live_product(PRODUCT | {"archived": True}) is None


def test_an_act() -> None:
    act = mapping.read_act(ACT)
    assert (act.act_id, act.number, act.invoice_id, act.total_kopecks) == ("a1", "9", INVOICE_ID, 8_500_000)
    assert mapping.read_live_act({"id": "a1", "deleted": True}) is None


def test_an_operation_is_as_many_payments_as_it_pays_invoices() -> None:
    found = payments.rows_of_operation(exact(OPERATION))
    assert [(one.payment_id, one.invoice_id, one.amount_kopecks) for one in found] == [
        (f"c0a8/{INVOICE_ID}", INVOICE_ID, 5_840_750),
        (f"c0a8/{OTHER_ID}", OTHER_ID, 9_159_250),
    ]
    assert {one.share_of for one in found} == {"c0a8"}
    first = found[0]
    assert (first.order_number, first.paid_on, first.payer_inn) == ("451", date(2026, 3, 12), "7709123453")
    assert (first.own_account, first.removed) == ("40702810200000000001", False)
    assert payments.shares_for(found, OTHER_ID) == (found[1],)


def test_what_pays_no_invoice_is_a_payment_of_its_own() -> None:
    rest = payments.rows_of_operation(exact(OPERATION | {"allocations": [], "unallocated": 150000}))
    assert [(one.payment_id, one.invoice_id, one.amount_kopecks, one.removed) for one in rest] == [
        ("c0a8/", None, 15_000_000, False)
    ]


@pytest.mark.parametrize("changed", [{"status": "reversed"}, {"status": "reversed", "allocations": []}])
def test_of_a_reversed_operation_all_is_removed(changed: dict[str, Any]) -> None:
    found = payments.rows_of_operation(exact(OPERATION | changed))
    assert found
    assert all(one.removed for one in found)


def test_of_a_deleted_operation_only_its_end_is_told() -> None:
    row = {"id": "c0a8", "deleted": True, "updatedAt": "2026-03-12T10:01:44.000Z", "version": 3}
    (gone,) = payments.rows_of_operation(exact(row))
    assert (gone.payment_id, gone.share_of, gone.removed) == ("c0a8/", "c0a8", True)


def test_an_outgoing_operation_is_a_refund_as_far_as_it_is_tied() -> None:
    refund = payments.rows_of_operation(exact(OPERATION | {"direction": "outgoing", "unallocated": 10}))
    assert [one.amount_kopecks for one in refund] == [-5_840_750, -9_159_250]
    strange = payments.rows_of_operation(
        exact(OPERATION | {"direction": "outgoing", "allocations": [], "unallocated": 9})
    )
    assert [(one.amount_kopecks, one.removed) for one in strange] == [(0, True)]


@pytest.mark.parametrize(
    "changed",
    [{"direction": "sideways"}, {"id": None}, {"updatedAt": "вчера"}, {"date": ""}, {"allocations": [{"amount": 1}]},
     {"allocations": [{"invoiceId": "x"}]}, {"allocations": [{"invoiceId": "x", "amount": Decimal("0.001")}]},
     {"payer": "ООО"}, {"deleted": "да"}],
)  # fmt: skip
def test_an_operation_of_another_shape_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        payments.rows_of_operation(exact(OPERATION | changed))


def test_the_days_of_an_invoices_payments() -> None:
    card = {"payments": [{"date": "2026-03-14"}, {"date": "2026-03-12"}]}
    assert payments.days_of(card) == (date(2026, 3, 12), date(2026, 3, 14))
    assert payments.days_of({"payments": []}) is None


def test_lists() -> None:
    assert rows_of({"items": [{"id": 1}], "nextCursor": "b2"}) == ([{"id": 1}], "b2")
    assert rows_of({"items": []}) == ([], "")
    strange: list[Any] = [{}, {"items": None}, {"items": [1]}, [], None, {"items": [], "nextCursor": 5}]
    for document in strange:
        with pytest.raises(ShapeError):
            rows_of(document)
    with pytest.raises(ShapeError):
        is_deleted({"deleted": "нет"})


def test_a_moment_is_cut_to_a_millisecond_in_utc() -> None:
    at = datetime(2026, 3, 12, 10, 1, 44, 120_999, tzinfo=UTC)
    assert mapping.timestamp(at) == "2026-03-12T10:01:44.120Z"


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


@pytest.mark.parametrize("name", ["allocations", "status"])
def test_an_operation_that_does_not_say_what_it_pays_is_read_again(name: str) -> None:
    with pytest.raises(ShapeError):
        payments.rows_of_operation(exact({key: value for key, value in OPERATION.items() if key != name}))
