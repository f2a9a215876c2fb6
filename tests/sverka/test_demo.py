"""The plan of a demonstration, its accountant and its verdict, without an installation."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from chassis.values.inn import inn_ok
from sverka.demo import faults
from sverka.demo.accountant import answer
from sverka.demo.actions import Pay, Refund
from sverka.demo.drawing import make_plan
from sverka.demo.plan import PlannedDeal, Portals
from sverka.demo.scenarios import SCENARIOS
from sverka.demo.verdict import Account, _kopecks


def test_portals_may_be_connected_as_an_application_and_the_day_stays_the_same() -> None:
    plain = make_plan(deals=60, tenants=3, seed=7)
    ways: dict[Portals, list[bool]] = {"app": [True] * 3, "mixed": [True, False, False], "webhook": [False] * 3}
    for portals, by_app in ways.items():
        plan = make_plan(deals=60, tenants=3, seed=7, portals=portals)
        assert [tenant.by_app for tenant in plan.tenants] == by_app
        assert plan.deals == plain.deals


def test_the_same_seed_gives_the_same_plan() -> None:
    assert make_plan(deals=60, tenants=3, seed=7) == make_plan(deals=60, tenants=3, seed=7)
    assert make_plan(deals=60, tenants=3, seed=7) != make_plan(deals=60, tenants=3, seed=8)


@pytest.mark.parametrize("seed", range(5))
def test_every_scenario_is_there_and_every_tenant_has_deals(seed: int) -> None:
    plan = make_plan(deals=60, tenants=3, seed=seed)
    assert len(plan.deals) == 60
    assert {deal.scenario for deal in plan.deals} == {scenario.name for scenario in SCENARIOS}
    assert {deal.tenant for deal in plan.deals} == {1, 2, 3}


@pytest.mark.parametrize(("deals", "tenants"), [(1, 1), (5, 1), (40, 1), (3, 5), (200, 5)])
def test_any_size_can_be_planned(deals: int, tenants: int) -> None:
    plan = make_plan(deals=deals, tenants=tenants, seed=1)
    assert [deal.number for deal in plan.deals] == list(range(1, deals + 1))


@pytest.mark.parametrize("seed", range(5))
def test_expected_sums_follow_from_the_goods_and_the_payments(seed: int) -> None:
    for deal in make_plan(deals=80, tenants=3, seed=seed).deals:
        if deal.expected.invoices:
            assert deal.expected.total_kopecks == sum(_line(row) for row in deal.rows), deal
        actions = [action for _, group in deal.steps for action in group]
        moved = sum(one.kopecks for one in actions if isinstance(one, Pay))
        moved -= sum(one.kopecks for one in actions if isinstance(one, Refund))
        if deal.scenario != "reversed":
            assert deal.expected.paid_kopecks == moved, deal


@pytest.mark.parametrize("seed", range(5))
def test_buyers_have_valid_tax_ids_each_once(seed: int) -> None:
    inns = [deal.buyer.inn for deal in make_plan(deals=200, tenants=4, seed=seed).deals if deal.buyer.inn]
    assert all(map(inn_ok, inns))
    assert len(set(inns)) == len(inns)


def test_blocked_deals_need_no_record_in_accounting() -> None:
    def blocked(deal: PlannedDeal) -> bool:
        return deal.expected.invoices == 0

    plan = make_plan(deals=120, tenants=3, seed=3)
    assert not any(deal.buyer.known for deal in filter(blocked, plan.deals))


def test_rough_is_worse_than_mild() -> None:
    none, mild, rough = (len(faults.rules(level, 1)) for level in ("none", "mild", "rough"))
    assert none == 0 < mild < rough


STATE: dict[str, Any] = {
    "invoices": {
        "i1": {"id": "i1", "number": "B24-7", "comment": "marker-1", "cancelled": False, "counterparty_id": "c1"},
        "i2": {"id": "i2", "number": "B24-70", "comment": "", "cancelled": False, "counterparty_id": "c1"},
        "i3": {"id": "i3", "number": "B24-7-2", "comment": "", "cancelled": True, "counterparty_id": "c1"},
    },
    "acts": {
        "a1": {"id": "a1", "number": "1", "invoice_id": "i1", "comment": ""},
        "a2": {"id": "a2", "number": "2", "invoice_id": "i1", "comment": ""},
    },
    "counterparties": {
        "c1": {"id": "c1", "inn": "7707083893", "kpp": "770701001", "email": None, "full_name": "А"},
        "c2": {"id": "c2", "inn": "7707083893", "kpp": "770701001", "email": None, "full_name": "А"},
    },
}


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (("document_uncertain", ["found", "resend"], {"marker": "marker-1"}), ("found", "B24-7")),
        (("document_uncertain", ["found", "resend"], {"marker": "marker-9", "number": "B24-9"}), ("resend", "")),
        (("counterparty_uncertain", ["use_c1", "create_again"], {"inn": "7707083893"}), ("use_c1", "")),
        (("counterparty_uncertain", ["found", "create_again"], {"inn": "7736207543"}), ("create_again", "")),
        (("counterparty_double", ["use_c1", "use_c2"], {}), ("use_c1", "")),
        (("document_differs", ["accept", "give_up"], {}), ("accept", "")),
    ],
)
def test_the_accountant_answers_by_what_stands_in_the_account(
    card: tuple[str, list[str], dict[str, str]], expected: tuple[str, str]
) -> None:
    kind, choices, values = card
    assert answer({"kind": kind, "choices": choices, "values": values}, STATE) == expected


def test_the_accountant_names_an_invoice_by_its_id_where_invoices_are_not_listed() -> None:
    card = {"kind": "document_uncertain", "choices": ["found", "resend"], "values": {"marker": "marker-1"}}
    assert answer(card, STATE, by_id=True) == ("found", "i1")


def test_the_verdict_finds_what_no_plan_explains() -> None:
    account = Account(STATE)
    assert [invoice["id"] for invoice in account.invoices_of(7)] == ["i1"]
    sentences = list(account.unexplained([]))
    assert any("B24-70" in one for one in sentences)
    assert any("2 acts" in one for one in sentences)
    assert any("2 records" in one for one in sentences)


@pytest.mark.parametrize(("shown", "found"), [("150000|RUB", 15_000_000), ("12.5|RUB", 1250), (None, 0), ("", 0)])
def test_a_money_field_is_read_to_the_kopeck(shown: str | None, found: int) -> None:
    assert _kopecks(shown) == found


def _line(row: dict[str, Any]) -> int:
    price = Decimal(row["price"])
    price -= price * Decimal(row.get("discount_percent", "0")) / 100 + Decimal(row.get("discount_sum", "0"))
    if row.get("vat_included") is False:
        price *= 1 + Decimal(row["vat"]) / 100
    return int((price * 100 * Decimal(row["quantity"])).quantize(Decimal(1), ROUND_HALF_UP))
