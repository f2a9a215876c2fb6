"""What a document is made from says the same to the rules that it is given to, and tells one buyer from another."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.values.lines import SourceRow
from chassis.values.vat import TaxPeriod
from services.invoicing.domain.values import Reason, Row, Tax
from tests.services.invoicing.parts import IVANOV, ROMASHKA, VASILEK, deal, link, row

TABLES = (row(product_id="550", external_code="TBL-1"),)


def test_problem_is_stored_with_its_code_and_its_values() -> None:
    assert Reason.of(Problem("line_price_negative", {"line": 2})) == Reason(
        code="line_price_negative", values={"line": 2}
    )


def test_rules_of_lines_are_given_all_of_a_row() -> None:
    whole = Row(
        name="Стол", quantity=Decimal("1.5"), price=Decimal("12.20"), price_exclusive=Decimal("10"), vat="22",
        tax_included=True, unit_code="796", unit_name="шт", product_id="550", is_service=True, external_code="TBL-1",
    )  # fmt: skip
    assert whole.source() == SourceRow(
        name="Стол", quantity=Decimal("1.5"), price=Decimal("12.20"), price_exclusive=Decimal("10"), rate="22",
        vat_included=True, unit_code="796", unit_name="шт", is_service=True, product_id="550", external_code="TBL-1",
    )  # fmt: skip


def test_what_a_row_leaves_empty_is_none_to_the_rules() -> None:
    given = row(tax_included=False).source()
    assert (given.unit_code, given.unit_name, given.product_id) == (None, None, None)
    assert (given.vat_included, given.is_service, given.external_code) == (False, False, "")


def test_rules_of_vat_are_given_a_period_as_it_was_set() -> None:
    day = dt.date(2026, 1, 1)
    assert Tax(valid_from=day, regime="osno", vat="standard").period() == TaxPeriod(day, "osno", "standard")


class TestSameDocument:
    @pytest.mark.parametrize(
        "hidden",
        [
            {"buyer_name": "ООО «РОМАШКА»"},
            {"buyer_address": "Москва"},
            {"title": "Столы"},
            {"content_hash": "other"},
            {"rows": (row(product_id="550", external_code="TBL-2"),)},
        ],
    )
    def test_what_no_document_shows_is_no_other_deal(self, hidden: dict[str, Any]) -> None:
        other = deal(rows=TABLES).model_copy(update=hidden)
        assert deal(rows=TABLES).or_same(other) is other

    @pytest.mark.parametrize(
        "shown",
        [
            {"buyer_party": VASILEK},
            {"buyer_kind": "entrepreneur"},
            {"currency": "USD"},
            {"opportunity_kopecks": 1},
            {"order_number": "A-77"},
            {"gifts": 1},
            {"rows": (row(product_id="550", name="Стул"),)},
            {"rows": (row(product_id="551"),)},
            {"rows": (*TABLES, row())},
        ],
    )
    def test_what_a_document_shows_is_another_deal(self, shown: dict[str, Any]) -> None:
        known = deal(rows=TABLES)
        assert known.or_same(known.model_copy(update=shown)) is known

    def test_deal_that_names_no_buyer_rightly_is_another_each_time(self) -> None:
        known = deal(buyer="")
        assert known.or_same(known.model_copy(update={"content_hash": "other"})) is known


@pytest.mark.parametrize(
    ("buyer", "party", "is_theirs"),
    [
        (ROMASHKA, ROMASHKA, True),
        (ROMASHKA, VASILEK, False),
        (ROMASHKA, "7736207543-781343001", False),
        (ROMASHKA, "7736207543", False),
        (ROMASHKA, IVANOV, False),
        (ROMASHKA, "", False),
        ("500100732259", "500100732259", True),
        ("500100732259", "500100732260", False),
        (IVANOV, IVANOV, True),
        (IVANOV, "c78", False),
        (IVANOV, ROMASHKA, False),
        (IVANOV, "", False),
    ],
)
def test_link_is_of_the_buyer_with_its_inn_and_kpp_and_of_its_contact_without(
    buyer: str, party: str, is_theirs: bool
) -> None:
    assert link(buyer).is_of(party) is is_theirs


@pytest.mark.parametrize(
    ("buyer", "party", "is_theirs"),
    [(ROMASHKA, ROMASHKA, True), (ROMASHKA, "7736207543", False), (IVANOV, IVANOV, True), (IVANOV, "c78", True)],
)
def test_link_of_an_older_build_is_of_any_contact_without_inn(buyer: str, party: str, is_theirs: bool) -> None:
    assert link(buyer, party="").is_of(party) is is_theirs


@pytest.mark.parametrize(
    ("party", "shown", "is_theirs"),
    [
        ("7736207543", {"7736207543"}, True),
        ("7736207543", {"7736207543", VASILEK}, True),
        ("7736207543", {"7736207543", ROMASHKA}, False),
        ("7707083893", {"7707083893"}, False),
        ("", {""}, False),
    ],
)
def test_link_is_of_a_company_whose_card_never_had_the_kpp(party: str, shown: set[str], is_theirs: bool) -> None:
    assert link(ROMASHKA).is_of_one(party, shown) is is_theirs


def test_card_that_got_the_kpp_of_its_link_is_no_other_deal() -> None:
    known, filled = deal(buyer="7736207543"), deal()
    assert filled.or_same(known, link()) is known
    assert filled.or_same(known) is filled
    assert filled.or_same(known, link(VASILEK)) is filled
    assert known.or_same(filled, link()) is known
