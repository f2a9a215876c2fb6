"""1C's mapping: exact sums on the way out, decimal commas and clocks without a zone on the way in."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.lines import totals
from chassis.values.money import kopecks_from_decimal
from chassis.values.vat import VAT_RATES as RATES
from connectors.onec.mapping import reading, values, writing
from connectors.onec.schema import VAT_RATES, VAT_WORDS, entity, error_of, rows_of, xml_error_of
from connectors.ports.accounting import ActDraft, CounterpartyDraft, InvoiceDraft, InvoiceStatus
from connectors.wire import ShapeError
from tests.connectors.onec.samples import (
    ACT,
    BANK_ACCOUNT,
    BUYER,
    BUYER_ID,
    CONTRACT,
    CURRENCY,
    ENDPOINT,
    GOODS,
    INVOICE,
    INVOICE_ID,
    ITEM,
    MARKER,
    ORGANIZATION,
    PAYMENT,
    PAYMENT_ID,
    SELLER,
    SERVICE,
    act_draft,
    buyer_draft,
    invoice_draft,
    lines,
    row,
)

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _invoice(draft: InvoiceDraft | None = None) -> Any:
    draft = draft or invoice_draft()
    body = writing.invoice_body(draft, seller=SELLER, contract=CONTRACT, items=[SERVICE] * len(draft.lines), key="k")
    return json.loads(writing.encoded(body), parse_float=Decimal)


def test_an_invoice_as_the_base_takes_it() -> None:
    assert _invoice() == {
        "Ref_Key": "k",
        "Date": "2026-03-10T12:00:00",
        "Posted": False,
        "ВидОперации": "ТоварыИУслуги",
        "Организация_Key": ORGANIZATION,
        "ОрганизацияПолучатель_Key": ORGANIZATION,
        "Контрагент_Key": BUYER_ID,
        "ДоговорКонтрагента_Key": CONTRACT,
        "СтруктурнаяЕдиница_Key": BANK_ACCOUNT,
        "ВалютаДокумента_Key": CURRENCY,
        "КурсВзаиморасчетов": 1,
        "КратностьВзаиморасчетов": "1",
        "СуммаВключаетНДС": True,
        "ДокументБезНДС": True,
        "СуммаДокумента": Decimal("85000.00"),
        "Комментарий": f"Сделка №1042 {MARKER}",
        "Товары": [
            {
                "LineNumber": "1",
                "Номенклатура": ITEM,
                "Номенклатура_Type": "StandardODATA.Catalog_Номенклатура",
                "Номенклатура_Key": ITEM,
                "Содержание": "Настройка CRM, час",
                "Количество": 17,
                "Цена": Decimal("5000.00"),
                "Сумма": Decimal("85000.00"),
                "ПроцентСкидки": 0,
                "СуммаСкидки": 0,
                "СтавкаНДС": "БезНДС",
                "СуммаНДС": Decimal("0.00"),
            }
        ],
    }


def test_vat_stands_in_every_row_since_the_base_computes_none() -> None:
    draft = InvoiceDraft(
        date(2026, 3, 10), None, BUYER_ID, lines(row("85000", "1", rate="22"), vat_mode="standard"), "", MARKER
    )
    body = _invoice(draft)
    assert (body["Товары"][0]["СтавкаНДС"], body["Товары"][0]["СуммаНДС"]) == ("НДС22", Decimal("15327.87"))
    assert body["ДокументБезНДС"] is False


@given(
    price=st.decimals("0.01", "99999.99", places=2),
    quantity=st.decimals("0.001", "999", places=3),
    rate=st.sampled_from(["0", "10", "22", "none"]),
    included=st.booleans(),
)
def test_rows_sum_to_the_document_to_the_kopeck(price: Decimal, quantity: Decimal, rate: str, included: bool) -> None:
    if price * quantity < Decimal("0.01"):
        return
    made = lines(row(str(price), str(quantity), rate=rate, included=included), vat_mode="standard")
    body = _invoice(InvoiceDraft(date(2026, 3, 10), None, BUYER_ID, made, "", MARKER))
    total = totals(made)
    assert sum(one["Сумма"] for one in body["Товары"]) == body["СуммаДокумента"]
    assert kopecks_from_decimal(body["СуммаДокумента"]) == total.amount_kopecks
    assert kopecks_from_decimal(sum(one["СуммаНДС"] for one in body["Товары"])) == total.vat_kopecks


def _sale(draft: ActDraft, *items: writing.Item, universal: bool = False) -> Any:
    body = writing.sale_body(draft, seller=SELLER, contract=CONTRACT, items=items, key="k", universal=universal)
    return json.loads(writing.encoded(body), parse_float=Decimal)


def test_an_act_of_services_is_tied_to_its_invoice_and_booked() -> None:
    body = _sale(act_draft(), SERVICE)
    assert (body["ВидОперации"], body["Товары"]) == ("Услуги", [])
    assert body["СчетНаОплатуПокупателю_Key"] == INVOICE_ID
    assert body["Услуги"][0]["СчетНаОплатуПокупателю_Key"] == INVOICE_ID
    assert body["СчетУчетаРасчетовСКонтрагентом_Key"] == "a62"
    assert body["Услуги"][0]["СчетДоходов_Key"] == "a90"
    assert "СчетРасходов_Key" not in body["Услуги"][0]
    assert (body["ЭтоУниверсальныйДокумент"], body["Posted"]) == (False, False)


def test_goods_and_services_stand_in_their_own_sections() -> None:
    draft = ActDraft(date(2026, 3, 20), BUYER_ID, lines(row(), row(name="Кабель", unit="м")), "", MARKER)
    body = _sale(draft, SERVICE, GOODS, universal=True)
    assert body["ВидОперации"] == "ПродажаКомиссия"
    assert [len(body[section]) for section in ("Услуги", "Товары")] == [1, 1]
    assert body["Товары"][0]["LineNumber"] == "1"
    assert body["ЭтоУниверсальныйДокумент"] is True
    assert "СчетНаОплатуПокупателю_Key" not in body
    assert _sale(draft, GOODS, GOODS)["ВидОперации"] == "Товары"


def test_a_buyer_as_the_base_takes_it() -> None:
    kinds = {"АдресЭлектроннойПочты": "kind-e", "Адрес": "kind-a"}
    body = writing.counterparty_body(buyer_draft(), key="k", comment="c", kinds=kinds)
    assert body["КонтактнаяИнформация"] == [
        {
            "LineNumber": "1",
            "Тип": "АдресЭлектроннойПочты",
            "Вид_Key": "kind-e",
            "Представление": "buh@vector.example",
            "АдресЭП": "buh@vector.example",
        }
    ]
    assert (body["ЮридическоеФизическоеЛицо"], body["ИНН"], body["КПП"]) == (
        "ЮридическоеЛицо",
        "7709123453",
        "770901001",
    )
    sole = writing.counterparty_body(CounterpartyDraft("entrepreneur", "И" * 150), key="k", comment="", kinds={})
    assert (sole["ЮридическоеФизическоеЛицо"], sole["ИндивидуальныйПредприниматель"]) == ("ФизическоеЛицо", True)
    assert (len(sole["Description"]), len(sole["НаименованиеПолное"])) == (100, 150)


@pytest.mark.parametrize(("unit", "service"), [("ч", True), ("усл. ед", True), ("шт", False), ("м", False)])
def test_an_unknown_line_becomes_a_service_or_goods_by_its_unit(unit: str, service: bool) -> None:
    (line,) = lines(row(unit=unit))
    body = writing.item_body(line, key="k", unit="")
    assert (body["Услуга"], "ЕдиницаИзмерения_Key" in body) == (service, False)


def test_our_references_are_the_same_for_the_same_parts() -> None:
    assert writing.own_key("a", "b") == writing.own_key("a", "b") != writing.own_key("ab", "")


def test_every_rate_has_a_word_and_comes_back() -> None:
    assert set(VAT_WORDS) == set(RATES)
    assert all(VAT_RATES[word] == rate for rate, word in VAT_WORDS.items())
    assert (VAT_RATES["НДС22_122"], VAT_RATES["НДС5_105"], VAT_RATES["НДС10_110"]) == ("22", "5", "10")


def test_an_invoice_card() -> None:
    card = reading.read_invoice(entity(INVOICE), ENDPOINT)
    assert (card.invoice_id, card.number, card.issued_on) == (INVOICE_ID, "0000-000127", date(2026, 3, 10))
    assert (card.total_kopecks, card.vat_kopecks, card.paid_kopecks) == (8_500_000, 0, None)
    assert (card.status, card.vendor_status) == (InvoiceStatus.DRAFT, "Записан")
    assert card.url == (
        f"{ENDPOINT}/#e1cib/data/%D0%94%D0%BE%D0%BA%D1%83%D0%BC%D0%B5%D0%BD%D1%82."
        "%D0%A1%D1%87%D0%B5%D1%82%D0%9D%D0%B0%D0%9E%D0%BF%D0%BB%D0%B0%D1%82%D1%83%D0%9F%D0%BE%D0%BA%D1%83%D0%BF"
        "%D0%B0%D1%82%D0%B5%D0%BB%D1%8E?ref=8123456789abcdef4def9abc12345678"
    )
    assert (card.lines[0].name, card.lines[0].vat_rate, card.lines[0].amount_kopecks) == (
        "Настройка CRM, час",
        "none",
        8_500_000,
    )


@pytest.mark.parametrize(
    ("posted", "marked", "status"),
    [(True, False, "issued"), (False, False, "draft"), (False, True, "cancelled"), (True, True, "cancelled")],
)
def test_an_invoice_is_issued_when_the_accountant_posted_it(posted: bool, marked: bool, status: str) -> None:
    assert reading.read_invoice(INVOICE | {"Posted": posted, "DeletionMark": marked}, ENDPOINT).status == status


@pytest.mark.parametrize("field", ["Ref_Key", "Number", "Date", "Контрагент_Key", "СуммаДокумента", "Товары"])
def test_an_invoice_without_what_identifies_it_is_not_taken(field: str) -> None:
    with pytest.raises(ShapeError):
        reading.read_invoice({name: value for name, value in INVOICE.items() if name != field}, ENDPOINT)


@pytest.mark.parametrize(
    "value",
    ["85000", "85000,00", "85 000,00", "85\u00a0000,00", "85\u202f000", 85000, Decimal("84999.99999999999"), "85000.0"],
)
def test_a_sum_with_a_decimal_comma_or_of_a_binary_fraction_is_the_same(value: Any) -> None:
    assert reading.read_invoice(INVOICE | {"СуммаДокумента": value}, ENDPOINT).total_kopecks == 8_500_000


@pytest.mark.parametrize("value", ["85,000.00", "85.000,00", "1,2,3", "много", True, None, [85000], {}])
def test_a_sum_that_could_be_read_two_ways_is_refused(value: Any) -> None:
    with pytest.raises(ShapeError):
        reading.read_invoice(INVOICE | {"СуммаДокумента": value}, ENDPOINT)


def _payments(card: dict[str, Any], sign: int = 1) -> Any:
    payers = {BUYER_ID: reading.Payer("ООО Вектор", "7709123453")}
    accounts = {BANK_ACCOUNT: "40702810200000000001"}
    return reading.read_payments(card, sign=sign, zone=MOSCOW, now=NOW, accounts=accounts, payers=payers)


def test_a_payment() -> None:
    (found,) = _payments(PAYMENT)
    assert (found.payment_id, found.invoice_id, found.amount_kopecks) == (PAYMENT_ID, INVOICE_ID, 8_500_000)
    assert (found.paid_on, found.order_number, found.removed) == (date(2026, 3, 11), "451", False)
    assert (found.payer_name, found.payer_inn, found.own_account) == (
        "ООО Вектор",
        "7709123453",
        "40702810200000000001",
    )
    assert found.updated_at == datetime(2026, 3, 11, 21, tzinfo=UTC)


def test_rows_of_one_bank_document_pay_their_own_invoices() -> None:
    rows = [
        {"LineNumber": "1", "СуммаПлатежа": "100,50", "СчетНаОплату_Key": INVOICE_ID},
        {"LineNumber": "2", "СуммаПлатежа": 200, "СчетНаОплату_Key": "00000000-0000-0000-0000-000000000000"},
    ]
    first, second = _payments(PAYMENT | {"РасшифровкаПлатежа": rows})
    assert (first.amount_kopecks, second.amount_kopecks) == (10_050, 20_000)
    assert (second.payment_id, second.invoice_id) == (f"{PAYMENT_ID}/2", None)


def test_a_bank_document_without_rows_is_a_removed_row_of_it() -> None:
    (gone,) = _payments(PAYMENT | {"РасшифровкаПлатежа": []})
    assert (gone.payment_id, gone.share_of, gone.removed) == (PAYMENT_ID, PAYMENT_ID, True)
    assert (gone.invoice_id, gone.amount_kopecks, gone.updated_at) == (None, 0, _payments(PAYMENT)[0].updated_at)


def test_a_payment_made_from_an_invoice_pays_it() -> None:
    based = PAYMENT | {
        "ДокументОснование": INVOICE_ID,
        "ДокументОснование_Type": "StandardODATA.Document_СчетНаОплатуПокупателю",
        "РасшифровкаПлатежа": [{"LineNumber": "1", "СуммаПлатежа": 1}],
    }
    assert _payments(based)[0].invoice_id == INVOICE_ID


@pytest.mark.parametrize("changed", [{"Posted": False}, {"DeletionMark": True}])
def test_a_payment_that_is_not_posted_does_not_count(changed: dict[str, Any]) -> None:
    assert _payments(PAYMENT | changed)[0].removed


@pytest.mark.parametrize("name", ["Posted", "DeletionMark"])
def test_a_document_that_does_not_say_whether_it_counts_is_read_again(name: str) -> None:
    def without(document: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in document.items() if key != name}

    for read in (lambda: _payments(without(PAYMENT)), lambda: reading.read_invoice(without(INVOICE), ENDPOINT)):
        with pytest.raises(ShapeError):
            read()


def test_a_refund_is_negative_and_a_date_in_the_future_is_no_change_in_the_future() -> None:
    (found,) = _payments(PAYMENT | {"Date": "2062-03-12T00:00:00", "ДатаВходящегоДокумента": "0001-01-01T00:00:00"}, -1)
    assert (found.amount_kopecks, found.updated_at, found.paid_on) == (-8_500_000, NOW, date(2062, 3, 12))


def test_a_buyer_and_an_act() -> None:
    buyer = reading.read_counterparty(BUYER)
    assert (buyer.kind, buyer.inn, buyer.kpp, buyer.email, buyer.phone) == (
        "company",
        "7709123453",
        "770901001",
        "buh@vector.example",
        "",
    )
    person = BUYER | {"ЮридическоеФизическоеЛицо": "ФизическоеЛицо", "ИНН": ""}
    assert reading.read_counterparty(person).kind == "person"
    assert reading.read_counterparty(person | {"ИНН": "500100732259"}).kind == "entrepreneur"
    act = reading.read_act(ACT)
    assert (act.total_kopecks, act.invoice_id, act.number) == (8_500_000, INVOICE_ID, "0000-000009")


def test_a_buyer_made_by_us_tells_when() -> None:
    at = datetime(2026, 11, 20, 9, 0, 1, 900_000, tzinfo=UTC)
    stamped = reading.read_counterparty(BUYER | {"Комментарий": reading.stamp(at, "key")})
    assert stamped.updated_at == at.replace(microsecond=0)
    assert reading.read_counterparty(BUYER | {"Комментарий": "sverka вчера"}).updated_at is None


def test_links_and_annotations_are_dropped() -> None:
    assert all("@" not in name and not name.startswith("odata.") for name in entity(BUYER))


@pytest.mark.parametrize("document", [{}, {"value": None}, {"value": {"a": 1}}, {"value": [1]}, [], None, "x"])
def test_what_is_no_collection_is_refused(document: Any) -> None:
    with pytest.raises(ShapeError):
        rows_of(document)


def test_errors_in_both_shapes() -> None:
    found = error_of({"odata.error": {"code": "9", "message": {"lang": "ru", "value": "Экземпляр не найден"}}})
    assert found is not None
    assert (found.code, found.text) == ("9", "Экземпляр не найден")
    body = (
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/'
        'dataservices/metadata">\n <m:code>20</m:code>\n <m:message xml:lang="ru">Нет прав &amp; роли</m:message>'
        "</m:error>"
    )
    written = xml_error_of(body.encode())
    assert written is not None
    assert (written.code, written.text) == ("20", "Нет прав & роли")
    assert xml_error_of(b"<html><body>error</body></html>") is None


@given(st.dictionaries(st.sampled_from(list(INVOICE)), st.one_of(
    st.none(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["Сумма", "Цена", "Количество"]), st.text(max_size=4)), max_size=2),
), max_size=4))  # fmt: skip
def test_a_retyped_card_is_read_or_refused(changed: dict[str, Any]) -> None:
    try:
        card = reading.read_invoice(INVOICE | changed, ENDPOINT)
    except ShapeError:
        return
    assert card.invoice_id


@given(st.text(max_size=12))
def test_a_number_is_read_exactly_or_refused(text: str) -> None:
    try:
        found = values.number(text, "x")
    except ShapeError:
        return
    assert found.is_finite()
