"""What a deal's payments, calls of accounts and operations of nobody set in motion and list."""

import datetime as dt
from dataclasses import replace

import pytest

from chassis.aggregate import Lane, ReadRow, Recorded, TaskPlan
from services.payments.domain import callback, operation
from services.payments.domain import commands as c
from services.payments.domain.plans import told_by_statements
from tests.services.payments.parts import listing, paid, payments
from tests.services.streams import NOW, TENANT


class TestWork:
    def test_an_invoice_is_looked_at_from_its_due_day_on(self) -> None:
        plan, waiting = payments().tasks.values()
        assert waiting == TaskPlan("match-waiting", "i1", {"invoice_id": "i1"}, lane=Lane.BULK)
        midnight = dt.datetime(2026, 3, 16, tzinfo=dt.UTC)
        payload = {"invoice_id": "i1", "due_date": "2026-03-16"}
        assert plan == TaskPlan("look-at-due", "i1", payload, lane=Lane.BULK, due_at=midnight)

    def test_news_has_the_invoice_read_over_its_own_account(self) -> None:
        stream = payments()
        stream.tasks.clear()
        stream.ran(c.NoticePayments("i1"))
        payload = {"invoice_id": "i1", "remote_id": "remote-i1"}
        assert list(stream.tasks.values()) == [TaskPlan("reread-payments", "i1", payload, account="elba:main")]

    @pytest.mark.parametrize(("kopecks", "looked_at"), [(30_00, True), (100_00, False), (130_00, False)])
    def test_an_invoice_that_is_settled_is_looked_at_no_more(self, kopecks: int, looked_at: bool) -> None:
        stream = payments()
        stream.tasks.clear()
        stream.ran(listing(paid(kopecks)))
        assert bool(stream.tasks) is looked_at

    @pytest.mark.parametrize(
        ("sources", "told"),
        [
            ({"elba:main": "statement"}, True),
            ({"elba:main": "accounting"}, False),
            ({"elba:other": "statement"}, False),
            ({}, False),
        ],
    )
    def test_an_account_is_told_by_statements_where_its_seller_says_so(
        self, sources: dict[str, str], told: bool
    ) -> None:
        sellers = [{"connection": {"account": name}, "payments_from": one} for name, one in sources.items()]
        assert told_by_statements({"sellers": sellers}, "elba:main") is told

    def test_an_account_is_read_while_one_of_its_sellers_needs_it(self) -> None:
        sellers = [
            {"connection": {"account": "elba:main"}, "payments_from": "statement"},
            {"connection": {"account": "elba:main"}},
        ]
        assert not told_by_statements({"sellers": sellers}, "elba:main")
        assert not told_by_statements({}, "elba:main")

    def test_a_call_of_an_account_has_its_feed_read_at_once(self) -> None:
        stream = callback.stream_of("kontur:t:main", "i-1")
        state = callback.initial(stream)
        assert (stream, state) == ("callback-kontur:t:main/i-1", callback.State(stream))
        decided = callback.decide(state, callback.SeeCall("kontur:t:main", "i-1"), NOW)
        assert decided == (callback.AccountCalled(account="kontur:t:main", object_id="i-1"),)
        assert callback.evolve(state, decided[0]) == state
        plan = TaskPlan("poll-payments-now", "kontur:t:main", {}, account="kontur:t:main")
        assert callback.planned(Recorded(TENANT, stream, 1, decided[0], NOW), state) == (plan,)


class TestUnmatched:
    @pytest.mark.parametrize(("kopecks", "way"), [(5_00, 5_00), (-5_00, -5_00)])
    def test_an_operation_of_nobody_is_listed_with_its_account_and_day(self, kopecks: int, way: int) -> None:
        stream = operation.stream_of("elba:main", "op9")
        assert stream == "operation-elba:main/op9"
        assert operation.projected(stream, operation.initial(stream)) == ()
        seen = operation.OperationUnmatched(account="elba:main", remote_invoice="e7", operation=paid(kopecks, "op9"))
        state = operation.initial(stream)
        command = operation.SeeUnmatched("elba:main", "e7", paid(kopecks, "op9"))
        assert operation.decide(state, command, NOW) == (seen,)
        values = {
            "account": "elba:main",
            "remote_invoice": "e7",
            "signed_kopecks": way,
            "operation_date": "2026-03-14",
            "payer_inn": "7736207543",
            "ours": False,
        }
        row = ReadRow("unmatched_operations", {"operation": stream}, values)
        assert operation.projected(stream, operation.evolve(state, seen)) == (row,)

    def test_an_operation_that_found_its_invoice_is_listed_no_more(self) -> None:
        see = operation.SeeUnmatched("elba:main", "e7", paid(5_00))
        state = operation.initial("operation-a/1")
        assert operation.decide(state, operation.SeeMatched("i1"), NOW) == ()
        seen = operation.OperationUnmatched(account="elba:main", remote_invoice="e7", operation=paid(5_00))
        state = operation.evolve(state, seen)
        matched = operation.OperationMatched(invoice_id="i1")
        assert operation.decide(state, operation.SeeMatched("i1"), NOW) == (matched,)
        state = operation.evolve(state, matched)
        assert operation.projected("operation-a/1", state) == (
            ReadRow("unmatched_operations", {"operation": "operation-a/1"}, None),
        )
        assert operation.decide(state, operation.SeeMatched("i1"), NOW) == ()
        assert operation.decide(state, see, NOW) == (seen,)

    def test_an_operation_that_is_told_otherwise_is_kept_as_it_is_told(self) -> None:
        stream = operation.initial("operation-a/1")
        seen = operation.OperationUnmatched(account="elba:main", remote_invoice="e7", operation=paid(5_00))
        state = operation.evolve(stream, seen)
        other = operation.SeeUnmatched("elba:main", "e8", paid(5_00))
        assert operation.decide(state, other, NOW) == (seen.model_copy(update={"remote_invoice": "e8"}),)
        assert operation.evolve(stream, seen) == replace(stream, last=seen)
