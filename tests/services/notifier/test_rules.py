"""What the deal shows and who is told what, by the ids of the rules."""

import datetime as dt
from typing import Any

import pytest

from chassis.ids import deterministic_id
from contracts.messages import counterparty, invoicing, operations, payments
from contracts.messages import notifier as messages
from contracts.messages.values import Reason
from services.notifier.domain import deal
from services.notifier.domain.facts import Reason as FactReason
from tests.services.notifier.parts import (
    asked,
    balance,
    decided,
    delayed,
    issued,
    outages,
    overdue,
    received,
    rejected,
    rendered,
    resumed,
    shown,
    tell,
    told,
    writes,
)
from tests.services.streams import NOW

REVISED = invoicing.InvoiceRevised(
    deal_id="15",
    invoice_id="i1",
    number="B24-i1",
    where="crm",
    total_before_kopecks=1,
    total_after_kopecks=2,
    responsible_id="7",
)
REVERSED = payments.PaymentReversed(
    payment_id="p1",
    deal_id="15",
    invoice_id="i1",
    invoice_number="B24-i1",
    kind="refunded",
    amount_kopecks=5,
    date=dt.date(2026, 3, 14),
    responsible_id="7",
)
CANCELLED = invoicing.InvoiceCancelled(deal_id="15", invoice_id="i1", number="B24-i1")
OVERDUE_ENDED = payments.InvoiceOverdueEnded(deal_id="15", invoice_id="i1", invoice_number="B24-i1")
ACT = invoicing.ActIssued(
    act_id="a1",
    deal_id="15",
    request_id="r2",
    account="elba:main",
    number="7",
    date=dt.date(2026, 3, 20),
    remote_id="e2",
    total_kopecks=100_00,
)


def conflict(request_id: str = "r1") -> counterparty.CounterpartyLinked:
    """Two companies of the CRM have one INN and KPP."""
    return counterparty.CounterpartyLinked(
        request_id=request_id,
        deal_id="15",
        counterparty_id="cp",
        account="elba:main",
        remote_id="e1",
        kind="company",
        inn="7736207543",
        conflict_crm_ids=("513",),
    )


class TestR6State:
    def test_state_follows_the_deal(self) -> None:
        stream = told()
        steps: list[tuple[object, str]] = [
            (rejected(), "needs_data"),
            (issued(), "issued"),
            (balance(2, 40_00), "partially_paid"),
            (asked(), "needs_decision"),
            (decided(), "partially_paid"),
            (balance(3, 100_00), "paid"),
            (balance(4, 130_00), "overpaid"),
            (balance(5, 100_00), "paid"),
        ]
        for message, status in steps:
            tell(stream, message)  # type: ignore[arg-type]
            assert shown(stream)["invoice_status"] == status

    def test_a_draft_shows_as_with_the_accountant_until_it_is_issued(self) -> None:
        stream = told()
        pending = invoicing.InvoicePendingReview(deal_id="15", invoice_id="i1", number="127", total_kopecks=100_00)
        tell(stream, pending)
        assert shown(stream)["invoice_status"] == "pending_review"
        tell(stream, issued())
        assert shown(stream)["invoice_status"] == "issued"

    def test_writes_to_the_crm_that_wait_are_not_told_by_more_of_them(self) -> None:
        own = {"vendor": "bitrix24", "account": "bitrix24:vektor"}
        assert tell(told(), delayed().model_copy(update=own), source="notifier") == []
        assert tell(told(), resumed().model_copy(update=own), source="notifier") == []

    def test_work_that_waits_shows_as_being_sent(self) -> None:
        stream = told()
        tell(stream, delayed())
        assert shown(stream)["invoice_status"] == "sending"
        tell(stream, resumed())
        assert shown(stream)["invoice_status"] == ""

    def test_decision_before_the_invoice_clears_the_field(self) -> None:
        stream = told()
        tell(stream, asked(kind="buyer_late"))
        tell(stream, decided(choice="wait"))
        assert shown(stream)["invoice_status"] == ""

    def test_cancelled_invoice_shows_so_until_its_replacement_lacks_something(self) -> None:
        stream = told()
        tell(stream, issued())
        tell(stream, CANCELLED)
        assert shown(stream)["invoice_status"] == "cancelled"
        tell(stream, rejected("buyer_changed"))
        assert shown(stream)["invoice_status"] == "needs_data"
        tell(stream, issued("i2"))
        assert shown(stream)["invoice_status"] == "issued"

    def test_days_overdue_stand_beside_the_state(self) -> None:
        stream = told()
        tell(stream, issued())
        tell(stream, balance(2, 40_00))
        tell(stream, overdue(3, remind=True))
        assert (shown(stream)["invoice_status"], shown(stream)["overdue_days"]) == ("partially_paid", 3)
        tell(stream, OVERDUE_ENDED)
        assert shown(stream)["overdue_days"] == 0

    def test_older_balance_is_ignored(self) -> None:
        stream = told()
        tell(stream, issued())
        tell(stream, balance(5, 100_00))
        assert tell(stream, balance(4, 40_00)) == []
        assert shown(stream)["paid_kopecks"] == 100_00


class TestR22Paid:
    def test_first_balance_of_an_unpaid_invoice_writes_no_sum(self) -> None:
        stream = told()
        tell(stream, issued())
        tell(stream, balance(1))
        assert "paid_kopecks" not in shown(stream)

    def test_money_that_all_went_back_shows_as_nothing_paid(self) -> None:
        stream = told()
        tell(stream, issued())
        tell(stream, balance(2, 100_00))
        tell(stream, balance(3, 0))
        assert shown(stream)["paid_kopecks"] == 0


class TestR5Stage:
    def test_deal_moves_once_when_all_is_settled(self) -> None:
        stream = told()
        tell(stream, issued())
        assert "stage" not in writes(tell(stream, balance(2, 40_00)))
        assert "stage" in writes(tell(stream, balance(3, 100_00)))
        assert "stage" not in writes(tell(stream, balance(4, 130_00)))

    def test_money_that_goes_back_never_moves_it_back(self) -> None:
        stream = told()
        tell(stream, balance(2, 100_00))
        assert "stage" not in writes(tell(stream, balance(3, 40_00)))

    def test_deal_with_an_unpaid_invoice_beside_does_not_move(self) -> None:
        assert "stage" not in writes(tell(told(), balance(2, 100_00, deal_settled=False)))


class TestR17Pdf:
    def test_newest_revision_is_in_the_field_and_each_has_its_comment(self) -> None:
        stream = told()
        tell(stream, rendered(2, blob="new"))
        assert writes(tell(stream, rendered(1, blob="old"))) == ["comment"]
        assert shown(stream)["invoice_pdf"] == "new"

    def test_r16_paper_of_a_draft_is_in_the_timeline_alone_and_the_clients_file_takes_the_field(self) -> None:
        stream = told()
        draft = rendered(1, blob="draft").model_copy(update={"draft": True})
        assert writes(tell(stream, draft)) == ["comment"]
        assert writes(tell(stream, rendered(1, blob="posted"))) == ["file", "comment"]
        assert writes(tell(stream, draft.model_copy(update={"revision": 2}))) == ["comment"]
        assert shown(stream)["invoice_pdf"] == "posted"
        assert writes(tell(stream, rendered(1, blob="again"))) == ["file", "comment"]

    def test_act_and_invoice_have_their_own_fields(self) -> None:
        stream = told()
        tell(stream, rendered(2, blob="invoice"))
        tell(stream, rendered(1, "act", blob="act"))
        assert (shown(stream)["invoice_pdf"], shown(stream)["act_pdf"]) == ("invoice", "act")


class TestR24WhoIsToldWhat:
    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            (issued(), {"fields", "comment"}),
            (rejected(), {"fields", "comment", "notification"}),
            (rejected(responsible_id=""), {"fields", "comment", "chat"}),
            (received(), {"comment", "notification"}),
            (REVERSED, {"comment", "notification"}),
            (REVISED, {"comment"}),
            (CANCELLED, {"fields", "comment"}),
            (balance(1), {"fields"}),
            (overdue(3, remind=True), {"fields", "comment", "notification"}),
            (overdue(2), {"fields"}),
            (asked(), {"fields", "comment", "notification"}),
            (asked(responsible_id=""), {"fields", "comment", "chat"}),
            (decided(), {"comment"}),
            (rendered(), {"file", "comment"}),
            (ACT, {"fields", "comment"}),
            (conflict(), {"comment"}),
            (delayed(), {"fields", "comment"}),
            (invoicing.InvoiceReentered(deal_id="15", invoice_id="i1", number="1"), {"comment"}),
            (invoicing.ActRejected(deal_id="15", request_id="r", reasons=()), {"comment", "chat"}),
        ],
        ids=lambda value: type(value).__name__ if not isinstance(value, set) else "",
    )
    def test_fact_becomes_its_writes(self, message: object, expected: set[str]) -> None:
        assert set(writes(tell(told(), message))) == expected  # type: ignore[arg-type]

    def test_conflict_of_buyers_is_told_once_for_invoice_and_act(self) -> None:
        stream = told()
        tell(stream, conflict("r1"))
        assert writes(tell(stream, conflict("r2"))) == []

    def test_notifications_replace_their_like_by_tag(self) -> None:
        stream = told()
        tell(stream, overdue(3, remind=True))
        tell(stream, overdue(7, remind=True))
        tags = [sent.request["tag"] for sent in stream.effects.values() if sent.request["write"] == "notification"]
        assert tags == ["sverka|invoice_overdue|i1"] * 2

    def test_outage_is_told_once_for_all_services_and_its_end_once(self) -> None:
        stream = outages()
        began = operations.OutageBegan(
            vendor="elba", accounts=("elba:main",), since=NOW, reason=Reason(code="vendor_fault")
        )
        later = began.model_copy(update={"since": NOW + dt.timedelta(seconds=30)})
        ended = operations.OutageEnded(
            vendor="elba", accounts=("elba:main",), since=NOW, ended_at=NOW + dt.timedelta(minutes=9)
        )
        tell(stream, began, "1", "invoicing")
        tell(stream, later, "2", "payments")
        tell(stream, ended, "3", "invoicing")
        assert [sent.request["text"] for sent in stream.effects.values()] == ["outage_began"]
        tell(stream, ended, "4", "payments")
        assert [sent.request["text"] for sent in stream.effects.values()] == ["outage_began", "outage_ended"]
        tell(stream, later, "5", "counterparty")
        assert len(stream.effects) == 2, "a late report of what is over is no second outage"
        tell(stream, began.model_copy(update={"since": NOW + dt.timedelta(hours=1)}), "6", "payments")
        assert len(stream.effects) == 3

    def test_question_about_no_deal_goes_to_the_admin_chat(self) -> None:
        stream = outages("notice/m0-0")
        tell(stream, asked(deal_id="", kind="counterparty_double"))
        (sent,) = stream.effects.values()
        assert (sent.request["write"], sent.request["text"]) == ("chat", "card_opened")

    def test_question_about_an_invoice_that_is_there_twice_is_heard_by_the_admin_chat_too(self) -> None:
        assert "chat" not in writes(tell(told(), asked(responsible_id="7")))
        found = writes(tell(told(), asked(kind="document_doubled", responsible_id="7")))
        assert {"notification", "chat"} <= set(found)

    @pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (3, 2, 1), (2, 3, 1, 2)])
    def test_of_a_payment_without_invoice_the_chat_hears_the_newest_in_whatever_order(
        self, order: tuple[int, ...]
    ) -> None:
        """Told as lost, found, and lost once more; a lost topic is sent again with the newest message first."""
        fields: dict[str, Any] = {
            "payment_id": "p", "account": "elba:main", "amount_kopecks": 5, "date": dt.date(2026, 3, 14),
        }  # fmt: skip
        lost, found = payments.PaymentUnmatched(**fields), payments.PaymentMatched(**fields, invoice_numbers=("127",))
        stream = outages(f"payment/{deterministic_id('payment', 'elba:main', 'p')}")
        for sequence in order:
            tell(stream, found if sequence == 2 else lost, f"m{sequence}", "payments", sequence)
        said = [sent.request["text"] for sent in stream.effects.values()]
        expected = {
            (1, 2, 3): ["payment_unmatched", "payment_matched", "payment_unmatched"],
            (2, 1, 3): ["payment_matched", "payment_unmatched"],
            (3, 2, 1): ["payment_unmatched"],
            (2, 3, 1, 2): ["payment_matched", "payment_unmatched"],
        }
        assert said == expected[order]


class TestWrites:
    def test_writes_of_one_fact_travel_together_and_chat_alone(self) -> None:
        stream = told()
        tell(stream, rejected(responsible_id=""))
        groups = {sent.request["write"]: sent.group for sent in stream.effects.values()}
        assert groups == {"fields": "deal-15:1", "comment": "deal-15:1", "chat": ""}

    def test_fact_that_comes_again_is_written_once(self) -> None:
        stream = told()
        tell(stream, issued(), "m1")
        tell(stream, issued(), "m1")
        assert len(stream.effects) == 2

    def test_hour_of_a_deal_has_sixty_writes_and_the_rest_leaves_later_in_order(self) -> None:
        stream = told()
        for number in range(100):
            tell(stream, received(1_00, f"p{number}"))
        due = [sent.due_at or NOW for sent in stream.effects.values() if sent.request["write"] != "chat"]
        assert due == sorted(due)
        for start in due:
            assert sum(start <= one < start + dt.timedelta(hours=1) for one in due) <= deal.WRITES_PER_HOUR_MAX
        chats = [sent for sent in stream.effects.values() if sent.request["write"] == "chat"]
        assert [sent.request["text"] for sent in chats] == ["writes_delayed"]

    def test_settled_writes_are_told_when_the_last_one_is(self) -> None:
        stream = told()
        tell(stream, rejected(), "m1")
        stream.ran(deal.SeeWritten("m1", 0))
        stream.ran(deal.SeeWritten("m1", 2, FactReason(code="crm_recipient_refused")))
        assert stream.said(messages.CrmUpdated) == []
        stream.ran(deal.SeeWritten("m1", 1))
        assert stream.ran(deal.SeeWritten("m1", 1)) == []
        assert [one.writes for one in stream.said(messages.CrmUpdated)] == [("fields", "comment", "notification")]
        assert [one.write for one in stream.said(messages.CrmWriteRefused)] == ["notification"]
        assert stream.state.pending == {}

    def test_outcome_of_an_unknown_write_is_nothing(self) -> None:
        assert told().ran(deal.SeeWritten("m9", 0)) == []
