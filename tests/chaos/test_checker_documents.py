"""Each invariant about documents and money catches a small history that breaks it, and lets a whole one pass."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.chaos import histories as h
from tests.chaos.checker.history import Violation
from tests.chaos.checker.invariants import documents, money


def sentences(found: Any) -> list[str]:
    """What was found, in words."""
    violations: Sequence[Violation] = list(found)
    return [violation.sentence for violation in violations]


# I1


def test_one_invoice_in_force_is_well() -> None:
    assert not sentences(documents.one_live_invoice([h.deal()], h.account([h.invoice()]), []))


def test_a_cancelled_one_beside_it_is_well() -> None:
    replaced = h.invoice("inv-0", cancelled=True)
    assert not sentences(documents.one_live_invoice([h.deal()], h.account([replaced, h.invoice()]), []))


def test_two_invoices_in_force_are_caught_with_their_calls() -> None:
    twice = h.account([h.invoice(), h.invoice("inv-2")])
    lines = [h.create(1), h.create(2), h.look_up(3)]
    (found,) = documents.one_live_invoice([h.deal()], twice, lines)
    assert found.invariant == "I1"
    assert found.evidence == (lines[0], lines[1])


def test_a_deal_without_its_invoice_is_caught() -> None:
    assert sentences(documents.one_live_invoice([h.deal()], h.account(), []))


def test_an_invoice_that_the_plan_does_not_have_is_caught() -> None:
    blocked = h.deal(expected={"invoices": 0})
    assert sentences(documents.one_live_invoice([blocked], h.account([h.invoice()]), []))


# I2


def test_an_effect_and_its_document_match() -> None:
    confirmed = h.tables(invoicing={"work": [h.effect()]})
    assert not sentences(documents.effects_and_documents_match(confirmed, h.account([h.invoice()]), [h.create(1)]))


def test_a_document_without_an_effect_is_caught() -> None:
    assert sentences(documents.effects_and_documents_match(h.tables(), h.account([h.invoice()]), [h.create(1)]))


def test_an_effect_without_a_document_is_caught() -> None:
    confirmed = h.tables(invoicing={"work": [h.effect()]})
    assert sentences(documents.effects_and_documents_match(confirmed, h.account(), []))


def test_two_effects_of_one_document_are_caught() -> None:
    confirmed = h.tables(invoicing={"work": [h.effect(), h.effect(work_id="w-2")]})
    assert sentences(documents.effects_and_documents_match(confirmed, h.account([h.invoice()]), [h.create(1)]))


def test_a_document_that_a_person_found_by_its_number_is_well() -> None:
    made = h.event("invoicing", "Made", {"kind": "act", "issued": {"remote_id": "", "number": "1"}})
    undecided = h.effect("create-act", state="HUMAN", outcome=None)
    known = h.tables(invoicing={"work": [undecided], "events": [made]})
    assert not sentences(documents.effects_and_documents_match(known, h.account(), [h.create_act(1, status=0)]))


# I6


def test_one_act_of_a_deal_that_was_won_is_well() -> None:
    won = h.deal(expected={"acts": 1})
    assert not sentences(documents.one_act([won], h.account(acts=[{"id": "a", "comment": h.marker("act")}]), []))


@pytest.mark.parametrize(("wanted", "acts"), [(1, 0), (1, 2), (0, 1)])
def test_any_other_number_of_acts_is_caught(wanted: int, acts: int) -> None:
    there = [{"id": f"a{number}", "comment": h.marker("act")} for number in range(acts)]
    assert sentences(documents.one_act([h.deal(expected={"acts": wanted})], h.account(acts=there), []))


# I9


def test_a_second_send_after_two_look_ups_and_the_quiet_time_is_well() -> None:
    lines = [
        h.create(0, status=0, fault="timeout_before"),
        h.look_up(60),
        h.look_up(125),
        h.look_up(190),
        h.create(200),
    ]
    assert not sentences(documents.no_second_send_without_proof(lines, [h.deal()], []))


def test_a_second_send_without_look_ups_is_caught_with_both_calls() -> None:
    lines = [h.create(0, status=0, fault="timeout_before"), h.create(200)]
    (found,) = documents.no_second_send_without_proof(lines, [h.deal()], [])
    assert found.invariant == "I9"
    assert found.evidence == (lines[0], lines[1])


def test_look_ups_too_close_to_each_other_count_once() -> None:
    lines = [h.create(0, status=0, fault="timeout_before"), h.look_up(170), h.look_up(190), h.create(200)]
    assert sentences(documents.no_second_send_without_proof(lines, [h.deal()], []))


def test_a_second_send_before_the_quiet_time_is_over_is_caught() -> None:
    lines = [h.create(0, status=0, fault="timeout_before"), h.look_up(10), h.look_up(80), h.create(100)]
    assert "quiet" in sentences(documents.no_second_send_without_proof(lines, [h.deal()], []))[0]


def test_a_look_up_for_another_number_proves_nothing() -> None:
    other = [h.look_up(60, number="B24-9"), h.look_up(190, number="B24-9")]
    lines = [h.create(0, status=0, fault="timeout_before"), *other, h.create(200)]
    assert sentences(documents.no_second_send_without_proof(lines, [h.deal()], []))


def test_a_call_that_was_refused_for_good_may_go_again_at_once() -> None:
    refused = h.create(0, status=429, fault="limit_429", outcome={"committed": False})
    assert not sentences(documents.no_second_send_without_proof([refused, h.create(5)], [h.deal()], []))


@pytest.mark.parametrize("fault", ["kopeck_off", "field_missing", "empty"])
def test_a_refusal_is_one_whatever_a_fault_would_have_changed_in_an_answer(fault: str) -> None:
    refused = h.create(0, status=401, fault=fault, outcome=None)
    assert not sentences(documents.no_second_send_without_proof([refused, h.create(5)], [h.deal()], []))


@pytest.mark.parametrize(("status", "fault"), [(201, "empty"), (401, "timeout_after"), (401, "reset")])
def test_a_refusal_that_was_not_heard_is_none(status: int, fault: str) -> None:
    lost = h.create(0, status=status, fault=fault)
    assert sentences(documents.no_second_send_without_proof([lost, h.create(5)], [h.deal()], []))


def test_an_act_goes_again_only_when_a_person_said_so() -> None:
    lines = [h.create_act(0, status=0, fault="timeout_after"), h.create_act(300)]
    assert sentences(documents.no_second_send_without_proof(lines, [h.deal()], []))
    said = [{"tenant": h.SLUG, "deal": str(h.DEAL_ID), "choice": "resend"}]
    assert not sentences(documents.no_second_send_without_proof(lines, [h.deal()], said))
    unread = h.create_act(0, status=0, fault="timeout_before", comment=None, idempotency_key="key-1")
    lost = [unread, h.create_act(300, idempotency_key="key-1")]
    assert sentences(documents.no_second_send_without_proof(lost, [h.deal()], []))
    assert not sentences(documents.no_second_send_without_proof(lost, [h.deal()], said))
    thrice = [*lines, h.create_act(600)]
    assert len(sentences(documents.no_second_send_without_proof(thrice, [h.deal()], said))) == 1


# I3


def counted(**changes: Any) -> dict[str, Any]:
    """A payment that counts."""
    return {"tenant_id": h.SLUG, "operation_id": "pay-1", "revoked": False, **changes}


def test_a_bank_row_that_counts_once_is_well() -> None:
    bank = h.account([h.invoice()], [h.payment()])
    assert not sentences(
        money.every_bank_row_once([h.tenant()], bank, h.tables(payments={"counted_payments": [counted()]}), [])
    )


@pytest.mark.parametrize("rows", [[], [counted(), counted()], [counted(revoked=True)]])
def test_a_bank_row_that_counts_never_or_twice_is_caught(rows: list[Any]) -> None:
    bank = h.account([h.invoice()], [h.payment()])
    assert sentences(money.every_bank_row_once([h.tenant()], bank, h.tables(payments={"counted_payments": rows}), []))


def test_what_counts_and_is_not_in_the_bank_is_caught() -> None:
    ours = h.tables(payments={"counted_payments": [counted()]})
    assert sentences(money.every_bank_row_once([h.tenant()], h.account([h.invoice()]), ours, []))


def test_a_row_that_fits_no_invoice_is_listed_once() -> None:
    stranger = h.account([], [h.payment(invoice_id="gone")])
    listed = {"tenant_id": h.SLUG, "operation": "elba:kedr:main/pay-1", "signed_kopecks": h.TOTAL}
    ours = h.tables(payments={"unmatched_operations": [listed]})
    assert not sentences(money.every_bank_row_once([h.tenant()], stranger, ours, []))


# I4


def owed(**changes: Any) -> dict[str, Any]:
    """The product's own row of the invoice."""
    return {
        "tenant_id": h.SLUG, "stream": f"deal-{h.DEAL_ID}", "remote_id": h.INVOICE, "number": "B24-1001",
        "total_kopecks": h.TOTAL, "paid_kopecks": h.TOTAL, **changes,
    }  # fmt: skip


def sums(bank: Any, *rows: Any) -> list[str]:
    ours = h.tables(payments={"invoices": rows})
    return sentences(money.sums_are_equal([h.tenant()], [h.deal()], bank, ours, []))


def test_equal_sums_are_well() -> None:
    assert not sums(h.account([h.invoice()], [h.payment()]), owed())


def test_a_kopeck_of_difference_is_caught_per_invoice_deal_and_tenant() -> None:
    found = sums(h.account([h.invoice()], [h.payment(amount_kopecks=h.TOTAL - 1)]), owed())
    assert len(found) == 3


def test_a_removed_payment_does_not_count() -> None:
    assert sums(h.account([h.invoice()], [h.payment(removed=True)]), owed())


def test_another_total_is_caught() -> None:
    assert sums(h.account([h.invoice(sum_kopecks=h.TOTAL + 1)], [h.payment()]), owed())
