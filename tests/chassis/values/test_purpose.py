"""Purposes of payments: what 25 real ones name, numbers in their short form, and text of any kind."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.purpose import InvoiceReference, VatClause, plain_number, read_purpose

MARCH = date(2026, 3, 12)
WITHOUT = VatClause(without=True)


def _vat(rate: int | None, sum_kopecks: int | None) -> VatClause:
    return VatClause(rate=rate, sum_kopecks=sum_kopecks)


@pytest.mark.parametrize(
    ("purpose", "references", "vat"),
    [
        ("Оплата по счету №127 от 12.03.2026, в т.ч. НДС 20% - 14166.67 руб.", [("127", MARCH)], _vat(20, 1416667)),
        ("Оплата по счету № 127 от 12 марта 2026 г. за услуги. НДС не облагается", [("127", MARCH)], WITHOUT),
        (
            "Оплата по сч.N 127/А-2 от 12.03.26 за товар Сумма 85000-00 В т.ч. НДС (22%) 15327-87",
            [("127/А-2", MARCH)],
            _vat(22, 1532787),
        ),
        ("Предоплата по счету БП-000127 от 2026-03-12. Без НДС", [("БП-000127", MARCH)], WITHOUT),
        ("ОПЛАТА ПО СЧЕТУ 0000-000127 ОТ 12.03.2026. БЕЗ НАЛОГА (НДС)", [("0000-000127", MARCH)], WITHOUT),
        ("Опл. сч. 127, 128 от 12.03.2026 НДС 5% 4047,62", [("127", MARCH), ("128", MARCH)], _vat(5, 404762)),
        (
            "Оплата по счет-договору № 45 от 01.02.2026 НДС 22/122% 18.03",
            [("45", date(2026, 2, 1))],
            _vat(22, 1803),
        ),
        (
            "Оплата по счетам №127 от 12.03.2026, №131 от 15.03.2026 без НДС",
            [("127", MARCH), ("131", date(2026, 3, 15))],
            WITHOUT,
        ),
        ("Оплата по договору № 7 от 01.01.2026 за аренду. Без НДС.", [], WITHOUT),
        ("Оплата по счету-фактуре № 55 от 10.03.2026 НДС 20% 100.00", [], _vat(20, 10000)),
        ("Возврат по счету №127 от 12.03.2026. НДС 22% 18-03", [("127", MARCH)], _vat(22, 1803)),
        ("Оплата по счету на оплату №УТ-127 от 12.03.2026г.", [("УТ-127", MARCH)], None),
        ("Оплата за услуги связи", [], None),
        ("Payment for invoice No. INV-2026/15 dated 12.03.2026", [("INV-2026/15", MARCH)], None),
        ("Оплата счета №127 от 12.03.2026 НДС 22% 15 327.87", [("127", MARCH)], _vat(22, 1532787)),
        (
            "Оплата по счетам 15,16,17 от 01.04.2026. НДС не облагается",
            [("15", date(2026, 4, 1)), ("16", date(2026, 4, 1)), ("17", date(2026, 4, 1))],
            WITHOUT,
        ),
        ("Оплата по счету 5, в т.ч. НДС 20% 10.00", [("5", None)], _vat(20, 1000)),
        (
            "оплата сч № 12 и № 13 от 05.04.2026г., без НДС",
            [("12", date(2026, 4, 5)), ("13", date(2026, 4, 5))],
            WITHOUT,
        ),
        ("По счету №127 от 12.03.2026, сумма 85000,00, без НДС", [("127", MARCH)], WITHOUT),
        ("Перевод собственных средств на счет 40802810400000012345. НДС не облагается", [], WITHOUT),
        ("Работы выполнены за счет 2026 бюджета, НДС нет", [], WITHOUT),
        (
            "Оплата по Счёту № 127 от 12.03.2026 г. В том числе НДС (22 %): 15327,87",
            [("127", MARCH)],
            _vat(22, 1532787),
        ),
        ("Оплата счета-оферты №88 от 1 апреля 2026 года, НДС 0%", [("88", date(2026, 4, 1))], _vat(0, None)),
        ("Оплата по с/ф № 55 от 10.03.2026; показания счетчика 5521", [], None),
        ("По счету 127 от 12.03.2026, 2026 г. НДС 18.03", [("127", MARCH)], _vat(None, 1803)),
        ("Оплата по счетам: №127 и № 128 от 12.03.2026", [("127", MARCH), ("128", MARCH)], None),
        ("Оплата по счетам №№ 127, 128 от 12.03.2026", [("127", MARCH), ("128", MARCH)], None),
        ("По счету N-15/26", [("N-15/26", None)], None),
    ],
)
def test_what_a_purpose_names(purpose: str, references: list[tuple[str, date | None]], vat: VatClause | None) -> None:
    hints = read_purpose(purpose)
    assert hints.references == tuple(InvoiceReference(number, day) for number, day in references)
    assert hints.vat == vat
    assert hints.refund is purpose.startswith("Возврат")


def test_our_own_numbers_are_read_back() -> None:
    assert read_purpose("Оплата по счету № B24-1042 от 12.03.2026, без НДС").references == (
        InvoiceReference("B24-1042", MARCH),
    )


def test_a_date_that_no_calendar_has_is_none() -> None:
    assert read_purpose("Оплата по счету 5 от 31.02.2026").references == (InvoiceReference("5", None),)


@pytest.mark.parametrize(
    ("number", "plain"),
    [
        ("0000-000127", "127"), ("БП-000127", "127"), ("00БП-000127", "127"), ("УТ-127", "127"), ("000127", "127"),
        ("INV-2026/15", "INV-2026/15"), ("127/А-2", "127/А-2"), ("15-3", "15-3"), ("000", "0"),
    ],
)  # fmt: skip
def test_numbers_in_their_short_form(number: str, plain: str) -> None:
    assert plain_number(number) == plain


@given(st.text(max_size=300) | st.text("счет №0123456789-./,и отндс%ё ", max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    hints = read_purpose(text)
    assert len(hints.references) <= 20
