"""What is ordered of the CRM and of the admin chat, whole: fields, effects, their markers, groups and moments."""

import datetime as dt
from dataclasses import replace

import pytest

from chassis.aggregate import EffectPlan, Recorded
from services.notifier.app import COMPANIES
from services.notifier.domain import alerts, company, deal
from services.notifier.domain import facts as f
from services.notifier.domain import writes as w
from tests.services.notifier.parts import Alerts, Told, outages, told
from tests.services.streams import NOW, TENANT, Stream

DAY = dt.date(2026, 3, 14)
ACCOUNT = "bitrix24:vektor"
REASON = f.Reason(code="vendor_fault", values={"status": 503})
LATER = NOW + dt.timedelta(minutes=9)
ISSUED = f.InvoiceIssued(
    invoice_id="i1", number="127", date=DAY, due_date=DAY, url="https://elba.example/1", total_kopecks=100_00
)
PENDING = f.InvoicePendingReview(invoice_id="i1", number="127", total_kopecks=100_00)
ACT = f.ActIssued(act_id="a1", number="88", date=DAY, total_kopecks=100_00)
CONFLICT = f.BuyerConflict(request_id="r1", inn="1", kpp="2", crm_ids=("512", "513"))


def tell(stream: Told, fact: f.AnyFact, sequence: int = 0, fact_id: str = "") -> list[w.AnyWrite]:
    """The writes of a fact."""
    command = deal.Tell("vektor", ACCOUNT, fact_id or f"m{len(stream.events)}", fact, sequence)
    return [write for event in stream.ran(command) if isinstance(event, deal.Told) for write in event.writes]


def fields(found: list[w.AnyWrite]) -> dict[str, str | int]:
    """The deal's fields among writes."""
    return next((one.values for one in found if isinstance(one, w.SetFields)), {})


def balance(version: int, paid: int, invoice_id: str = "i1", *, settled: bool = False) -> f.BalanceChanged:
    return f.BalanceChanged(
        invoice_id=invoice_id,
        invoice_number="127",
        total_kopecks=100_00,
        status="paid" if settled else "partially_paid",
        version=version,
        deal_paid_kopecks=paid,
        deal_settled=settled,
        category_id="3",
    )


class TestFields:
    def test_an_invoice_is_shown_with_its_number_day_and_link(self) -> None:
        assert fields(tell(told(), ISSUED)) == {
            "invoice_number": "127",
            "invoice_date": "2026-03-14",
            "invoice_url": "https://elba.example/1",
            "invoice_status": "issued",
        }

    def test_an_act_is_shown_with_its_number(self) -> None:
        assert fields(tell(told(), ACT)) == {"act_number": "88"}

    @pytest.mark.parametrize(("fact", "shown"), [(ISSUED, "invoice_number"), (ACT, "act_number")])
    def test_a_number_of_an_older_document_is_not_shown(self, fact: f.AnyFact, shown: str) -> None:
        for sequence, is_shown in ((1, False), (4, False), (5, True), (6, True), (0, True)):
            stream = told()
            tell(stream, fact, 5)
            assert (shown in fields(tell(stream, fact, sequence))) is is_shown

    def test_a_deal_that_is_settled_moves_on_in_its_own_funnel(self) -> None:
        found = tell(told(), balance(1, 100_00, settled=True))
        assert found == [
            w.SetFields(values={"paid_kopecks": 100_00, "invoice_status": "paid"}),
            w.MoveToPaid(category_id="3"),
        ]

    def test_a_document_stands_in_its_field_with_its_name(self) -> None:
        for kind, name in (("invoice", "invoice_pdf"), ("act", "act_pdf")):
            given = {"document_id": "d1", "kind": kind, "number": "127", "blob": "b1", "file_name": "Счёт.pdf"}
            found = tell(told(), f.DocumentRendered.model_validate(given))
            assert found[0] == w.PutFile(field=name, blob="b1", file_name="Счёт.pdf")

    def test_the_same_revision_made_again_takes_the_field(self) -> None:
        stream = told()
        given = {"document_id": "d1", "kind": "invoice", "number": "127", "blob": "b1", "file_name": "Счёт.pdf"}
        for _ in range(2):
            assert [one.write for one in tell(stream, f.DocumentRendered.model_validate(given))] == ["file", "comment"]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("overpaid", "partially_paid"),
            ("partially_paid", "issued"),
            ("issued", "paid"),
            ("paid", "pending_review"),
            ("pending_review", "cancelled"),
        ],
    )
    def test_of_two_invoices_the_one_is_shown_that_needs_more(self, first: str, second: str) -> None:
        for one, other in ((first, second), (second, first)):
            state = deal.State("deal-15", invoices={"a": (1, one), "b": (2, other)})
            assert state.shown_status() == first

    def test_without_a_live_invoice_what_is_missing_is_shown_and_then_what_is_on_its_way(self) -> None:
        void = deal.State("deal-15", invoices={"a": (1, "cancelled")}, delayed=("w1",))
        assert void.shown_status() == "cancelled"
        assert replace(void, refused=True).shown_status() == "needs_data"
        assert replace(void, invoices={}).shown_status() == "sending"
        assert replace(void, open_cards=frozenset({"c1"})).shown_status() == "needs_decision"
        assert deal.State("deal-15").shown_status() == ""

    @pytest.mark.parametrize("made", [ISSUED, PENDING], ids=["issued", "pending"])
    @pytest.mark.parametrize(("sequence", "status"), [(4, "needs_data"), (6, "cancelled"), (0, "cancelled")])
    def test_what_is_missing_is_shown_unless_a_document_was_made_since(
        self, made: f.AnyFact, sequence: int, status: str
    ) -> None:
        stream = told()
        tell(stream, f.DocumentRefused(kind="invoice", request_id="r1", reasons=(REASON,)), 5)
        tell(stream, made, sequence)
        tell(stream, f.InvoiceCancelled(invoice_id="i1", number="127"))
        assert stream.state.shown_status() == status

    def test_the_longest_delay_and_the_newest_balance_are_the_deals(self) -> None:
        state = deal.State("deal-15", overdue={"a": 3, "b": 7}, invoices={"a": (4, "paid"), "b": (2, "paid")})
        assert (state.overdue_days(), state.balance()) == (7, 4)
        assert (deal.State("deal-15").overdue_days(), deal.State("deal-15").balance()) == (0, 0)

    def test_buyers_that_are_doubled_are_told_once_in_whatever_order(self) -> None:
        stream = told()
        assert [one.write for one in tell(stream, CONFLICT)] == ["comment"]
        assert tell(stream, CONFLICT.model_copy(update={"crm_ids": ("513", "512")})) == []
        assert [one.write for one in tell(stream, CONFLICT.model_copy(update={"crm_ids": ("514",)}))] == ["comment"]

    def test_a_balance_of_the_same_version_says_nothing(self) -> None:
        stream = told()
        tell(stream, balance(2, 40_00))
        assert stream.ran(deal.Tell("vektor", ACCOUNT, "again", balance(2, 50_00))) == []
        assert fields(tell(stream, balance(3, 50_00))) == {"paid_kopecks": 50_00}

    def test_an_older_balance_of_another_invoice_leaves_the_sum(self) -> None:
        stream = told()
        tell(stream, balance(5, 40_00))
        assert fields(tell(stream, balance(4, 30_00, "i2"))) == {}
        assert (stream.state.paid_kopecks, stream.state.invoices["i2"]) == (40_00, (4, "partially_paid"))

    def test_of_endings_without_a_beginning_the_oldest_are_forgotten(self) -> None:
        stream = told()
        for number in range(deal.EARLY_MAX + 1):
            tell(stream, f.CardTaken(card_id=f"c{number}", kind="overpaid", choice="a", by="Анна"))
        assert (stream.state.early[0], stream.state.early[-1]) == ("c1", f"c{deal.EARLY_MAX}")
        for number in range(deal.EARLY_MAX + 1):
            tell(stream, f.WorkResumed(work_id=f"w{number}"))
        assert (stream.state.early[0], stream.state.early[-1]) == ("w1", f"w{deal.EARLY_MAX}")


class TestEffects:
    def test_a_fact_is_kept_whole_with_its_writes(self) -> None:
        stream = told()
        tell(stream, ACT, 4, "m1")
        comment = w.AddComment(
            text="act_issued", values=ACT.model_dump(mode="json", exclude={"fact", "responsible_id"})
        )
        writes = (w.SetFields(values={"act_number": "88"}), comment)
        assert stream.events == [
            deal.Told(
                tenant="vektor",
                account=ACCOUNT,
                fact_id="m1",
                fact=ACT,
                leaves_at=NOW,
                late=False,
                sequence=4,
                writes=writes,
            )
        ]
        assert list(stream.effects.values()) == [
            EffectPlan(
                kind="crm-write",
                key=("m1", str(index)),
                account=ACCOUNT,
                request={**write.model_dump(mode="json"), "deal_id": "15", "fact_id": "m1", "index": index},
                marker=w.marker("vektor", "m1", index),
                group="deal-15:1",
                due_at=None,
            )
            for index, write in enumerate(writes)
        ]

    def test_a_marker_is_for_ever_the_same(self) -> None:
        assert w.marker("vektor", "m1", 0) == "[sv:e3ebeb84823f]"

    def test_what_became_of_a_write_is_kept_with_all_writes_of_its_fact(self) -> None:
        stream = told()
        tell(stream, ACT, fact_id="m1")
        assert stream.ran(deal.SeeWritten("m1", 2)) == []
        assert stream.ran(deal.SeeWritten("m1", 1, REASON)) == [
            deal.Written(fact_id="m1", index=1, write="comment", fact_writes=("fields", "comment"), refused=REASON)
        ]
        assert stream.state.pending == {"m1": ("fields", "comment")}
        stream.ran(deal.SeeWritten("m1", 0))
        assert (stream.state.pending, stream.state.sent) == ({}, {})

    def test_other_facts_stay_on_their_way(self) -> None:
        stream = told()
        tell(stream, ACT, fact_id="m1")
        tell(stream, ACT, fact_id="m2")
        stream.ran(deal.SeeWritten("m2", 0))
        stream.ran(deal.SeeWritten("m1", 0))
        stream.ran(deal.SeeWritten("m1", 1))
        assert (list(stream.state.pending), stream.state.sent) == (["m2"], {"m2": frozenset({0})})

    def test_what_is_late_leaves_later_and_the_chat_hears_of_it_at_once(self) -> None:
        stream = told()
        for number in range(deal.WRITES_PER_HOUR_MAX // 2):
            tell(stream, ACT, fact_id=f"m{number}")
        found = tell(stream, ACT, fact_id="late")
        assert found[-1] == w.SayInChat(text="writes_delayed", values={"deal": "15"})
        due = [plan.due_at for plan in stream.effects.values() if plan.key[0] == "late"]
        assert due == [NOW + dt.timedelta(hours=1)] * 2 + [None]
        chat = next(plan for plan in stream.effects.values() if plan.kind == "crm-chat")
        assert (chat.group, chat.request["deal_id"], chat.request["index"]) == ("", "15", 2)
        assert not any(isinstance(one, w.SayInChat) for one in tell(stream, ACT, fact_id="later"))


class TestAlerts:
    def _told(self, stream: Alerts) -> list[EffectPlan]:
        return list(stream.effects.values())

    def _began(self, source: str = "invoicing", since: dt.datetime = NOW) -> alerts.TellOutage:
        return alerts.TellOutage("vektor", ACCOUNT, f"b-{source}", source, "elba", since, REASON)

    def _ended(self, source: str = "invoicing") -> alerts.TellRecovery:
        return alerts.TellRecovery("vektor", ACCOUNT, f"e-{source}", source, "elba", NOW, LATER)

    def test_an_outage_and_its_end_are_said_with_the_vendor_and_the_moments(self) -> None:
        stream = outages()
        began = alerts.OutageTold(
            tenant="vektor", account=ACCOUNT, fact_id="b-invoicing", source="invoicing", vendor="elba", since=NOW,
            reason=REASON,
        )  # fmt: skip
        ended = alerts.RecoveryTold(
            tenant="vektor", account=ACCOUNT, fact_id="e-invoicing", vendor="elba", since=NOW, ended_at=LATER, index=0
        )
        assert stream.ran(self._began()) == [began]
        assert stream.ran(self._ended()) == [ended]
        reason = {"code": "vendor_fault", "values": {"status": 503}}
        values = {"vendor": "elba", "since": NOW.isoformat()}
        assert self._told(stream) == [
            EffectPlan(
                kind="crm-chat",
                key=("b-invoicing", "0"),
                account=ACCOUNT,
                request={
                    "write": "chat",
                    "text": "outage_began",
                    "values": {**values, "reason": reason},
                    "fact_id": "b-invoicing",
                    "index": 0,
                    "deal_id": "",
                },
            ),
            EffectPlan(
                kind="crm-chat",
                key=("e-invoicing", "0"),
                account=ACCOUNT,
                request={
                    "write": "chat",
                    "text": "outage_ended",
                    "values": {**values, "ended_at": LATER.isoformat()},
                    "fact_id": "e-invoicing",
                    "index": 0,
                    "deal_id": "",
                },
            ),
        ]
        assert stream.state == alerts.State("alerts-elba", {}, NOW, LATER, ())

    def test_an_end_that_came_first_is_said_with_the_beginning(self) -> None:
        stream = outages()
        kept = alerts.RecoveryKept(source="invoicing", since=NOW, ended_at=LATER)
        assert stream.ran(self._ended()) == [kept]
        assert stream.ran(self._ended()) == []
        began, ended = stream.ran(self._began())
        assert isinstance(began, alerts.OutageTold)
        assert ended == alerts.RecoveryTold(
            tenant="vektor", account=ACCOUNT, fact_id="b-invoicing", vendor="elba", since=NOW, ended_at=LATER, index=1
        )
        assert [plan.key for plan in self._told(stream)] == [("b-invoicing", "0"), ("b-invoicing", "1")]
        assert [plan.request["index"] for plan in self._told(stream)] == [0, 1]

    def test_what_another_service_sees_is_shared_and_left(self) -> None:
        stream = outages()
        stream.ran(self._began())
        shared = alerts.OutageShared(source="payments", since=LATER)
        assert stream.ran(self._began("payments", LATER)) == [shared]
        assert stream.ran(self._began("payments", LATER)) == []
        assert stream.ran(self._ended()) == [alerts.OutageLeft(source="invoicing", since=NOW)]
        assert stream.state.sources == {"payments": LATER}
        assert len(stream.effects) == 1

    def test_an_end_that_another_service_told_already_is_left_where_others_still_wait(self) -> None:
        stream = outages()
        stream.ran(self._began("payments"))
        stream.ran(self._ended("invoicing"))
        assert stream.ran(self._began("invoicing")) == [alerts.OutageLeft(source="invoicing", since=NOW)]
        assert (stream.state.kept, list(stream.state.sources)) == ((), ["payments"])

    def test_of_recoveries_that_wait_the_oldest_are_forgotten(self) -> None:
        stream = outages()
        for number in range(alerts.KEPT_MAX + 1):
            stream.ran(replace(self._ended(), since=NOW + dt.timedelta(days=number)))
        assert len(stream.state.kept) == alerts.KEPT_MAX
        assert stream.state.kept[0].since == NOW + dt.timedelta(days=1)

    def test_an_outage_that_begins_when_the_last_one_ended_is_told_as_over(self) -> None:
        stream = outages()
        stream.ran(self._began())
        stream.ran(self._ended())
        assert stream.ran(self._began(since=LATER)) == []
        assert len(stream.ran(self._began("payments", LATER + dt.timedelta(seconds=1)))) == 1

    def test_a_late_report_of_what_is_over_is_none_while_the_next_one_lasts(self) -> None:
        stream = outages()
        stream.ran(self._began())
        stream.ran(self._ended())
        assert stream.ran(self._ended("payments")) == []
        stream.ran(self._began("payments", LATER + dt.timedelta(seconds=1)))
        assert stream.ran(self._began("counterparty")) == []

    def test_a_service_whose_vendor_is_away_again_still_waits_for_it(self) -> None:
        stream = outages()
        stream.ran(self._began())
        again = alerts.OutageShared(source="invoicing", since=LATER)
        assert stream.ran(self._began(since=LATER)) == [again]
        assert stream.ran(self._began(since=LATER)) == []
        assert stream.ran(self._ended()) == [], "it ended when the next one began"
        assert stream.state.sources == {"invoicing": LATER}

    def test_an_end_is_told_from_the_moment_that_the_chat_knows(self) -> None:
        stream = outages()
        stream.ran(self._began())
        stream.ran(self._began("payments", LATER))
        stream.ran(self._ended())
        later = replace(self._ended("payments"), since=LATER, ended_at=LATER + dt.timedelta(minutes=1))
        (ended,) = stream.ran(later)
        assert isinstance(ended, alerts.RecoveryTold)
        assert (ended.since, ended.ended_at) == (NOW, later.ended_at)

    def test_news_of_no_deal_is_said_with_its_values(self) -> None:
        stream = outages("notice/m1")
        command = alerts.TellNotice("vektor", ACCOUNT, "m1", "payment_unmatched", {"amount_kopecks": 5})
        assert stream.ran(command) == [
            alerts.NoticeTold(
                tenant="vektor", account=ACCOUNT, fact_id="m1", text="payment_unmatched", values={"amount_kopecks": 5}
            )
        ]
        request = {"write": "chat", "text": "payment_unmatched", "values": {"amount_kopecks": 5}, "fact_id": "m1"}
        plan = EffectPlan(
            kind="crm-chat", key=("m1", "0"), account=ACCOUNT, request={**request, "index": 0, "deal_id": ""}
        )
        assert self._told(stream) == [plan]


class TestCompanies:
    def test_a_company_is_filled_with_what_was_told_and_ends_once(self) -> None:
        stream: Stream[company.State, company.Command] = Stream(COMPANIES, "company-512")
        command = company.TellCompany("vektor", ACCOUNT, "m1", "77", "7736207543", {"kpp": "1"}, "active", "7")
        event = company.CompanyTold(
            tenant="vektor", account=ACCOUNT, fact_id="m1", company_id="512", requisite_id="77", inn="7736207543",
            values={"kpp": "1"}, status="active", responsible_id="7",
        )  # fmt: skip
        assert stream.ran(command) == [event]
        request = event.model_dump(mode="json", exclude={"tenant", "account"})
        assert list(stream.effects.values()) == [
            EffectPlan(kind="crm-company", key=("m1",), account=ACCOUNT, request=request)
        ]
        assert stream.state == company.State("company-512", frozenset({"m1"}), "vektor", ACCOUNT)
        stream.effects.clear()
        written = company.CompanyWritten(tenant="vektor", account=ACCOUNT, fact_id="m1", refused=REASON)
        assert stream.ran(company.SeeCompanyWritten("m1", REASON)) == [written]
        said = {"write": "chat", "text": "company_not_filled"}
        values = {"company": "512", "reason": REASON.model_dump(mode="json")}
        assert list(stream.effects.values()) == [
            EffectPlan(
                kind="crm-chat",
                key=("m1", "refused"),
                account=ACCOUNT,
                request={**said, "values": values, "fact_id": "m1", "index": 0, "deal_id": ""},
            )
        ]
        assert stream.ran(company.SeeCompanyWritten("m1", REASON)) == []

    def test_what_was_written_is_said_to_nobody(self) -> None:
        recorded = Recorded(
            TENANT, "company-512", 2, company.CompanyWritten(tenant="vektor", account=ACCOUNT, fact_id="m1"), NOW
        )
        assert company.planned(recorded, company.initial("company-512")) == ()
