"""What happens to a deal, and how it must end: one function per scenario, with its weight."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.campaign.plan import (
    INVOICING,
    LOST,
    NEW,
    PAID,
    WON,
    AddGoods,
    ByHand,
    Change,
    Decide,
    Draft,
    Enter,
    Expected,
    FillKpp,
    FixInn,
    Flap,
    Lose,
    Move,
    Pay,
    Refund,
    TaxMode,
)

GOODS: Final = (
    ("Стеллаж СТ-200", 1_250_000, "шт"), ("Кабель ВВГнг 3×2,5", 14_850, "м"), ("Бумага А4, пачка", 38_990, "шт"),
    ("Монтаж и пусконаладка", 320_000, "ч"), ("Кресло «Престиж»", 1_430_000, "шт"), ("Настройка CRM", 4_500_000, "шт"),
)  # fmt: skip
STANDARD_RATE: Final = "22"
NEEDS_DATA: Final = "Не хватает данных"
PART: Final = "Оплачен частично"
FULL: Final = "Оплачен"
OVER: Final = "Переплата"
CANCELLED: Final = "Аннулирован"
OFF_KOPECKS: Final = 10_000
FOREIGN_INN: Final = "7707083894"
"""Its check digit is wrong."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of a deal's day. `vat` None: for any seller. `weight` 0: only where it is asked for by name."""

    name: str
    fill: Callable[[Draft], None]
    weight: int = 1
    vat: TaxMode | None = None


def _row(draft: Draft, name: str, price_kopecks: int, quantity: str, unit: str = "шт", **more: Any) -> dict[str, Any]:
    price = f"{price_kopecks // 100}.{price_kopecks % 100:02d}"
    row = {"name": f"{name} {draft.canary}", "price": price, "quantity": quantity, "measure": unit}
    return row | ({"vat": STANDARD_RATE} if draft.vat == "standard" else {}) | more


def _enter(draft: Draft, **expected: Any) -> int:
    """One to three plain lines, and the entry; returns the total."""
    total = 0
    for name, price, unit in draft.chance.sample(GOODS, draft.chance.randint(1, 3)):
        quantity = draft.chance.randint(1, 9)
        draft.rows.append(_row(draft, name, price, str(quantity), unit))
        total += price * quantity
    draft.total_kopecks = total
    draft.steps.append(Enter())
    draft.expected = Expected(total_kopecks=total, **expected)
    return total


def _paid(draft: Draft, total: int, **expected: Any) -> None:
    draft.expected = Expected(
        **{"total_kopecks": total, "paid_kopecks": total, "status": FULL, "stage": PAID, **expected}
    )


def _in_full(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps.append(Pay(total))
    _paid(draft, total)


def _early(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps.append(Pay(total, early=True))
    _paid(draft, total)


def _late_in_feed(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps.append(Pay(total, late_seconds=120))
    _paid(draft, total)


def _two_parts(draft: Draft) -> None:
    total = _enter(draft)
    first = total * 3 // 10
    draft.steps += [Pay(first), Pay(total - first)]
    _paid(draft, total)


def _two_equal(draft: Draft) -> None:
    total = _enter(draft)
    half = total // 2
    draft.steps += [Pay(half), Pay(half), *([Pay(total - 2 * half)] if total - 2 * half else [])]
    _paid(draft, total)


def _in_part(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps.append(Pay(total // 2))
    draft.expected = Expected(total_kopecks=total, paid_kopecks=total // 2, status=PART)


def _unpaid(draft: Draft) -> None:
    _enter(draft)


def _too_much(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Pay(total + 100_000), Decide("overpaid", "keep_as_advance")]
    _paid(draft, total, paid_kopecks=total + 100_000, status=OVER, cards=("overpaid",))


def _closed(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Pay(total), Move(WON, after=PAID)]
    _paid(draft, total, stage=WON, acts=1)


def _act_before_money(draft: Draft) -> None:
    _enter(draft, stage=WON, acts=1)
    draft.steps.append(Move(WON))


def _act_then_money(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Move(WON), Pay(total)]
    _paid(draft, total, stage=WON, acts=1)


def _entered_again(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Move(NEW), Move(INVOICING), Pay(total)]
    _paid(draft, total)


def _flapping(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Flap(draft.chance.randint(2, 4)), Pay(total)]
    _paid(draft, total)


def _kpp_missing(draft: Draft) -> None:
    draft.crm_kpp, draft.records = "", "none"
    total = _enter(draft)
    draft.steps += [FillKpp(), Pay(total)]
    _paid(draft, total)


def _inn_changed(draft: Draft) -> None:
    draft.crm_inn, draft.records = FOREIGN_INN, "none"
    total = _enter(draft)
    draft.steps += [FixInn(), Pay(total)]
    _paid(draft, total)


def _bad_inn(draft: Draft) -> None:
    draft.crm_inn, draft.records = FOREIGN_INN, "none"
    _enter(draft)
    draft.expected = Expected(invoices=0, status=NEEDS_DATA, number_shown=False)


def _no_goods(draft: Draft) -> None:
    draft.records = "none"
    draft.steps.append(Enter())
    draft.expected = Expected(invoices=0, status=NEEDS_DATA, number_shown=False)


def _lost_before_goods(draft: Draft) -> None:
    draft.records = "none"
    draft.steps += [Enter(), Lose()]
    draft.expected = Expected(invoices=0, status=NEEDS_DATA, stage=LOST, number_shown=False)


def _foreign_currency(draft: Draft) -> None:
    draft.card["currency"] = "USD"
    _enter(draft)
    draft.expected = Expected(invoices=0, status=NEEDS_DATA, number_shown=False)


def _sum_disagrees(draft: Draft) -> None:
    total = _enter(draft)
    draft.card["opportunity"] = f"{(total - OFF_KOPECKS) / 100:.2f}"
    draft.expected = Expected(invoices=0, status=NEEDS_DATA, number_shown=False)


def _two_companies(draft: Draft) -> None:
    draft.twin = True
    total = _enter(draft)
    draft.steps.append(Pay(total))
    _paid(draft, total)


def _two_records(draft: Draft) -> None:
    draft.records = "double"
    total = _enter(draft)
    draft.steps += [Decide("counterparty_double", "use_"), Pay(total)]
    _paid(draft, total, cards=("counterparty_double",))


def _other_branch(draft: Draft) -> None:
    draft.records = "branch"
    total = _enter(draft)
    draft.steps += [Decide("branch_unknown", "create_again"), Pay(total)]
    _paid(draft, total, cards=("branch_unknown",))


def _fractions(draft: Draft) -> None:
    draft.rows += [
        _row(draft, "Кабель ВВГнг 3×2,5", 14_850, "2.5", "м", discount_percent="10"),  # 133.65 × 2.5 = 334.125
        _row(draft, "Кофе в зёрнах", 167_000, "0.333", "кг"),  # 556.11
        _row(draft, "Стеллаж СТ-200", 1_250_000, "3", discount_percent="3.5"),  # 12062.50 × 3
    ]
    total = 33_413 + 55_611 + 3_618_750
    draft.steps += [Enter(), Pay(total)]
    _paid(draft, total)


def _vat_on_top(draft: Draft) -> None:
    draft.rows.append(_row(draft, "Стеллаж СТ-200", 1_250_000, "2", vat=STANDARD_RATE, vat_included=False))
    draft.steps += [Enter(), Pay(3_050_000)]
    _paid(draft, 3_050_000)


def _vat_on_top_in_parts(draft: Draft) -> None:
    draft.rows.append(_row(draft, "Втулка", 1_001, "3", vat=STANDARD_RATE, vat_included=False))
    total = 3_664  # 30.03 × 1.22 = 36.6366, which three pieces of one price do not give
    draft.steps += [Enter(), Pay(total)]
    _paid(draft, total)


def _vat_dropped(draft: Draft) -> None:
    draft.rows.append(_row(draft, "Стеллаж СТ-200", 1_250_000, "2", vat=STANDARD_RATE))
    draft.steps += [Enter(), Pay(2_500_000)]
    _paid(draft, 2_500_000)


def _vat_not_charged(draft: Draft) -> None:
    draft.rows.append(_row(draft, "Стеллаж СТ-200", 1_250_000, "2", vat=STANDARD_RATE, vat_included=False))
    draft.steps.append(Enter())
    draft.expected = Expected(invoices=0, status=NEEDS_DATA, number_shown=False)


def _old_rate(draft: Draft) -> None:
    draft.rows.append(_row(draft, "Стеллаж СТ-200", 1_250_000, "2", vat="20"))
    draft.steps += [Enter(), Decide("vat_rate_not_in_force", "issue"), Pay(2_500_000)]
    _paid(draft, 2_500_000, cards=("vat_rate_not_in_force",))


def _person(draft: Draft) -> None:
    draft.kind = "person"
    _in_full(draft)


def _entrepreneur(draft: Draft) -> None:
    draft.kind = "entrepreneur"
    _in_full(draft)


def _listed_twice(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps.append(Pay(total, listed_twice=True))
    _paid(draft, total)


def _renamed(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Pay(total), Change("renamed", total)]
    _paid(draft, total)


def _revised(draft: Draft) -> None:
    total = _enter(draft)
    first = total // 2
    draft.steps += [Pay(first), Change("revised", first, total)]
    _paid(draft, total)


def _removed(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Pay(total), Change("removed", total), Decide("payment_vanished", "understood")]
    draft.expected = Expected(total_kopecks=total, stage=PAID, cards=("payment_vanished",))


def _vanished(draft: Draft) -> None:
    """The feed has no news of what vanished: it is noticed with the invoice's next payment."""
    total = _enter(draft)
    part = total // 2
    draft.steps += [Pay(total), Change("vanished", total), Pay(part), Decide("payment_vanished", "understood")]
    _paid(draft, total, paid_kopecks=part, status=PART, cards=("payment_vanished",))


def _vanished_silently(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [Pay(total), Change("vanished", total), Decide("payment_vanished", "understood")]
    draft.expected = Expected(total_kopecks=total, stage=PAID, cards=("payment_vanished",))


def _refunded(draft: Draft) -> None:
    total = _enter(draft)
    back = total // 4
    draft.steps += [Pay(total), Refund(back, total), Decide("refunded_after_paid", "understood")]
    _paid(draft, total, paid_kopecks=total - back, status=PART, cards=("refunded_after_paid",))


def _changed_kept(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [AddGoods(250_000), Decide("content_changed", "keep"), Pay(total)]
    _paid(draft, total, cards=("content_changed",))


def _changed_replaced(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [AddGoods(250_000), Decide("content_changed", "replace")]
    draft.expected = Expected(total_kopecks=total + 250_000, revision=2, cards=("content_changed",))


def _replace_refused(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [
        Pay(total // 2),
        AddGoods(250_000),
        Decide("content_changed", "replace"),
        Decide("cancel_refused", "understood"),
    ]
    draft.expected = Expected(
        total_kopecks=total, paid_kopecks=total // 2, status=PART, cards=("content_changed", "cancel_refused")
    )


def _edited_by_hand(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps += [ByHand("edited"), Pay(total)]
    _paid(draft, total)


def _deleted_by_hand(draft: Draft) -> None:
    total = _enter(draft)
    draft.steps.append(ByHand("deleted"))
    draft.expected = Expected(invoices=0, total_kopecks=total)


SCENARIOS: Final = (
    Scenario("paid_in_full", _in_full, 10),
    Scenario("closed_by_act", _closed, 8),
    Scenario("act_before_money", _act_before_money, 3),
    Scenario("act_then_money", _act_then_money, 3),
    Scenario("paid_in_two_parts", _two_parts, 4),
    Scenario("two_equal_payments", _two_equal, 2),
    Scenario("paid_early", _early, 3),
    Scenario("late_in_feed", _late_in_feed, 1),
    Scenario("paid_in_part", _in_part, 2),
    Scenario("unpaid", _unpaid, 4),
    Scenario("overpaid", _too_much, 2),
    Scenario("entered_again", _entered_again, 2),
    Scenario("flapping", _flapping, 2),
    Scenario("kpp_missing", _kpp_missing, 2),
    Scenario("inn_changed", _inn_changed, 2),
    Scenario("bad_inn", _bad_inn),
    Scenario("no_goods", _no_goods),
    Scenario("lost_before_goods", _lost_before_goods),
    Scenario("foreign_currency", _foreign_currency),
    Scenario("sum_disagrees", _sum_disagrees),
    Scenario("two_companies", _two_companies, 2),
    Scenario("two_records", _two_records, 2),
    Scenario("other_branch", _other_branch, 1),
    Scenario("fractions", _fractions, 2),
    Scenario("vat_on_top", _vat_on_top, 1, "standard"),
    Scenario("vat_on_top_in_parts", _vat_on_top_in_parts, 1, "standard"),
    Scenario("vat_dropped", _vat_dropped, 1, "exempt"),
    Scenario("vat_not_charged", _vat_not_charged, 1, "exempt"),
    Scenario("old_vat_rate", _old_rate, 1, "standard"),
    Scenario("person", _person, 3),
    Scenario("entrepreneur", _entrepreneur, 2),
    Scenario("listed_twice", _listed_twice, 2),
    Scenario("renamed", _renamed, 2),
    Scenario("revised", _revised, 2),
    Scenario("removed", _removed, 1),
    Scenario("vanished", _vanished, 1),
    Scenario("vanished_silently", _vanished_silently, 0),
    Scenario("refunded", _refunded, 2),
    Scenario("changed_kept", _changed_kept, 2),
    Scenario("changed_replaced", _changed_replaced, 2),
    Scenario("replace_refused", _replace_refused, 1),
    Scenario("edited_by_hand", _edited_by_hand, 1),
    Scenario("deleted_by_hand", _deleted_by_hand, 1),
)
