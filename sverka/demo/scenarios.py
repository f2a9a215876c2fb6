"""The scenarios of a demonstration: what happens to a deal, and how it must end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sverka.demo.actions import AddGoods, Decide, Enter, FillKpp, Move, Pay, Phase, Refund, Rename, Reverse
from sverka.demo.plan import PAID, PREPAYMENT, WON, Draft, Expected, TaxMode

GOODS: Final = (
    ("Стеллаж СТ-200", 1_250_000, "шт"), ("Кабель ВВГнг 3×2,5", 14_850, "м"), ("Бумага А4, пачка", 38_990, "шт"),
    ("Монтаж и пусконаладка", 320_000, "ч"), ("Кресло «Престиж»", 1_430_000, "шт"), ("Настройка CRM", 4_500_000, "шт"),
)  # fmt: skip
STANDARD_RATE: Final = "22"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of a deal's day. `vat` None: for any seller."""

    name: str
    title: str
    english: str
    fill: Callable[[Draft], None]
    weight: int = 1
    vat: TaxMode | None = None


def _goods(draft: Draft) -> int:
    """One to three plain lines; returns their total."""
    total = 0
    for name, price, unit in draft.chance.sample(GOODS, draft.chance.randint(1, 3)):
        quantity = draft.chance.randint(1, 9)
        draft.rows.append(_row(draft, name, price, str(quantity), unit))
        total += price * quantity
    draft.total_kopecks = total
    return total


def _row(draft: Draft, name: str, price_kopecks: int, quantity: str, unit: str = "шт", **more: Any) -> dict[str, Any]:
    row = {"name": name, "price": _roubles(price_kopecks), "quantity": quantity, "measure": unit}
    if draft.vat == "standard":
        row["vat"] = STANDARD_RATE
    return row | more


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100}.{kopecks % 100:02d}"


def _enter(draft: Draft, **expected: Any) -> int:
    total = _goods(draft)
    draft.on(Phase.MORNING, Enter())
    draft.expected = Expected(total_kopecks=total, **expected)
    return total


def _paid_in_full(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _paid_in_two_parts(draft: Draft) -> None:
    total = _enter(draft)
    first = total * 3 // 10
    draft.on(Phase.MONEY, Pay(first))
    draft.on(Phase.MORE_MONEY, Pay(total - first))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _paid_in_part(draft: Draft) -> None:
    total = _enter(draft)
    part = total // 2
    draft.on(Phase.MONEY, Pay(part))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=part, status="partially_paid", overdue=True)


def _overpaid(draft: Draft) -> None:
    total = _enter(draft)
    paid = total + 100_000
    draft.on(Phase.MONEY, Pay(paid))
    draft.on(Phase.DECISIONS, Decide("overpaid", "keep_as_advance"))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=paid, status="overpaid", stage=PAID)


def _unpaid(draft: Draft) -> None:
    _enter(draft, overdue=True)


def _closed_by_act(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total))
    draft.on(Phase.CLOSING, Move(WON))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=WON, acts=1)


def _act_before_money(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.CLOSING, Move(WON))
    draft.expected = Expected(total_kopecks=total, stage=WON, acts=1, overdue=True)


def _entered_again(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.REPAIRS, Move("NEW"), Enter())
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(
        total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID, comment_parts=("уже выставлен",)
    )


def _kpp_missing(draft: Draft) -> None:
    draft.crm_kpp, draft.known = "", False
    total = _enter(draft)
    draft.on(Phase.REPAIRS, FillKpp())
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(
        total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID, comment_parts=("КПП",)
    )


def _bad_inn(draft: Draft) -> None:
    draft.crm_inn, draft.known = "7707083894", False
    _goods(draft)
    draft.on(Phase.MORNING, Enter())
    draft.expected = Expected(invoices=0, status="needs_data", comment_parts=("ИНН",))


def _no_goods(draft: Draft) -> None:
    draft.known = False
    draft.on(Phase.MORNING, Enter())
    draft.expected = Expected(invoices=0, status="needs_data", comment_parts=("товар",))


def _two_companies(draft: Draft) -> None:
    draft.twin = True
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(
        total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID, comment_parts=("объедините",)
    )


def _fractions(draft: Draft) -> None:
    draft.rows += [
        _row(draft, "Кабель ВВГнг 3×2,5", 14_850, "2.5", "м", discount_percent="10"),  # 133.65 × 2.5 = 334.125
        _row(draft, "Кофе в зёрнах", 167_000, "0.333", "кг"),  # 556.11
        _row(draft, "Стеллаж СТ-200", 1_250_000, "3", discount_percent="3.5"),  # 12062.50 × 3
    ]
    total = 33_413 + 55_611 + 3_618_750
    draft.on(Phase.MORNING, Enter())
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _vat_on_top_exempt(draft: Draft) -> None:
    draft.known = False
    draft.rows.append(_row(draft, "Стеллаж СТ-200", 1_250_000, "2", vat=STANDARD_RATE, vat_included=False))
    draft.on(Phase.MORNING, Enter())
    draft.expected = Expected(invoices=0, status="needs_data", comment_parts=("НДС",))


def _vat_on_top(draft: Draft) -> None:
    draft.rows.append(_row(draft, "Стеллаж СТ-200", 1_250_000, "2", vat=STANDARD_RATE, vat_included=False))
    total = 3_050_000
    draft.on(Phase.MORNING, Enter())
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _person(draft: Draft) -> None:
    draft.kind = "person"
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _entrepreneur(draft: Draft) -> None:
    draft.kind = "entrepreneur"
    _paid_in_full(draft)


def _listed_twice(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total, listed_twice=True))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _renamed(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total))
    draft.on(Phase.MORE_MONEY, Rename())
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _reversed(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.MONEY, Pay(total))
    draft.on(Phase.MORE_MONEY, Reverse())
    draft.on(Phase.DECISIONS, Decide("", "understood"))
    draft.expected = Expected(total_kopecks=total, status="issued", stage=PAID, overdue=True)


def _refunded(draft: Draft) -> None:
    total = _enter(draft)
    back = total // 4
    draft.on(Phase.MONEY, Pay(total))
    draft.on(Phase.MORE_MONEY, Refund(back))
    draft.on(Phase.DECISIONS, Decide("", "understood"))
    draft.expected = Expected(
        total_kopecks=total, paid_kopecks=total - back, status="partially_paid", stage=PAID, overdue=True
    )


def _unheard(draft: Draft) -> None:
    total = _goods(draft)
    draft.on(Phase.MORNING, Enter(unheard=True))
    draft.on(Phase.MONEY, Pay(total))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total, status="paid", stage=PAID)


def _changed_after(draft: Draft) -> None:
    total = _enter(draft)
    draft.on(Phase.REPAIRS, AddGoods(250_000))
    draft.on(Phase.DECISIONS, Decide("content_changed", "keep"))
    draft.expected = Expected(total_kopecks=total, stage=PREPAYMENT, overdue=True)


SCENARIOS: Final = (
    Scenario("paid_in_full", "Оплата полностью", "paid in full", _paid_in_full, weight=12),
    Scenario("closed_by_act", "Оплата и акт", "paid, closed by an act", _closed_by_act, weight=6),
    Scenario("paid_in_two_parts", "Оплата частями", "paid in two parts", _paid_in_two_parts, weight=5),
    Scenario("unpaid", "Просрочка", "unpaid: overdue, the manager is reminded", _unpaid, weight=4),
    Scenario("paid_in_part", "Частичная оплата", "paid in part, then overdue", _paid_in_part, weight=3),
    Scenario("overpaid", "Переплата", "over-paid, kept as an advance", _overpaid, weight=2),
    Scenario("unheard", "Вебхук потерян", "webhook lost, found by the sweep", _unheard, weight=3),
    Scenario("entered_again", "Повторный вход на стадию", "stage entered again", _entered_again, weight=2),
    Scenario("kpp_missing", "Без КПП, исправлено", "no KPP, corrected", _kpp_missing, weight=2),
    Scenario("bad_inn", "Неверный ИНН", "wrong INN, blocked", _bad_inn),
    Scenario("no_goods", "Без товаров", "no goods, blocked", _no_goods),
    Scenario("two_companies", "Две компании с одним ИНН", "two companies of one INN", _two_companies),
    Scenario("fractions", "Скидки и дроби", "discounts and fractions", _fractions, weight=2),
    Scenario(
        "vat_on_top_exempt", "НДС сверху без НДС", "VAT on top, exempt: blocked", _vat_on_top_exempt, vat="exempt"
    ),
    Scenario("vat_on_top", "НДС сверху", "VAT on top", _vat_on_top, vat="standard"),
    Scenario("person", "Физлицо без ИНН", "a person without INN", _person, weight=2),
    Scenario("entrepreneur", "ИП", "an entrepreneur", _entrepreneur, weight=2),
    Scenario("listed_twice", "Платёж показан дважды", "payment listed twice", _listed_twice),
    Scenario("renamed", "Платёж с новым номером", "payment under a new id", _renamed),
    Scenario("reversed", "Платёж отозван", "payment reversed", _reversed),
    Scenario("refunded", "Возврат части", "part refunded", _refunded),
    Scenario("act_before_money", "Акт до оплаты", "act before payment", _act_before_money),
    Scenario("changed_after", "Сделка изменена после счёта", "deal changed after the invoice", _changed_after),
)
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}
