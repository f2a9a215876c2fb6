"""What a deal shows under any interleaving of the topics that it is told from: a function of each topic's facts.

Documents, payments and work (cards and delays of one service) are read at their own pace; each keeps its own order.
"""

import datetime as dt
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.envelope import Message
from contracts.messages import invoicing, payments
from contracts.messages import notifier as messages
from services.notifier.domain import deal
from services.notifier.domain.facts import Reason
from tests.services.notifier.parts import (
    Told,
    asked,
    balance,
    decided,
    delayed,
    in_order,
    issued,
    lost,
    overdue,
    received,
    rejected,
    rendered,
    resumed,
    shown,
    tell,
    told,
)

INVOICES = st.sampled_from(["i1", "i2"])
PICK = st.integers(min_value=0, max_value=1_000)
PAID = st.sampled_from([0, 40_00, 100_00, 130_00])


class Facts:
    """Three topics about one deal, each in the order in which its service speaks."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Message]] = {"documents": [], "payments": [], "work": []}
        self.live: list[str] = []
        self.version = 0
        self.paid: dict[str, int] = {}
        self.cards: list[str] = []
        self.waiting: list[str] = []
        self.late: set[str] = set()

    def add(self, what: str, pick: int, paid: int) -> None:
        """One more fact, if it can come about now."""
        match what:
            case "reject" if not self.live:
                self.topics["documents"].append(rejected())
            case "issue" if len(self.live) < 2:
                invoice_id = f"i{len(self.live) + 1}"
                self.live.append(invoice_id)
                self.topics["documents"] += [issued(invoice_id), rendered(len(self.live), blob=invoice_id)]
            case "balance" if self.live:
                invoice_id = self.live[pick % len(self.live)]
                self.version, self.paid[invoice_id] = self.version + 1, paid
                total = sum(self.paid.values())
                done = all(self.paid.get(name, 0) >= 100_00 for name in self.live)
                self.topics["payments"].append(
                    balance(self.version, paid, invoice_id, deal_paid_kopecks=total, deal_settled=done)
                )
            case "overdue" if self.live:
                self.late.add(invoice_id := self.live[pick % len(self.live)])
                self.topics["payments"].append(overdue(pick % 9 + 1, remind=pick % 3 == 0, invoice_id=invoice_id))
            case "in time" if self.late:
                invoice_id = sorted(self.late)[0]
                self.late.discard(invoice_id)
                ended = payments.InvoiceOverdueEnded(deal_id="15", invoice_id=invoice_id, invoice_number="1")
                self.topics["payments"].append(ended)
            case "ask":
                self.cards.append(f"c{len(self.topics['work'])}")
                self.topics["work"].append(asked(self.cards[-1]))
            case "decide" if self.cards:
                self.topics["work"].append(decided(self.cards.pop(pick % len(self.cards))))
            case "delay":
                self.waiting.append(f"w{len(self.topics['work'])}")
                self.topics["work"].append(delayed(self.waiting[-1]))
            case "resume" if self.waiting:
                self.topics["work"].append(resumed(self.waiting.pop(pick % len(self.waiting))))
            case _:
                pass


WHAT = st.sampled_from(
    ["reject", "issue", "balance", "balance", "overdue", "in time", "ask", "decide", "delay", "resume"]
)
STORY = st.lists(st.tuples(WHAT, PICK, PAID), max_size=14)


def read(facts: Facts, order: list[int], taken: int = 0, newer: int = 0) -> Told:
    """The deal after reading all topics, the next of which ``order`` names. Each was lost when ``taken`` of its
    messages were read, and those from ``newer`` on were the first in the new one."""
    stream = told()
    unread = {name: lost(list(enumerate(said, 1)), taken, newer) for name, said in facts.topics.items()}
    turns = iter(order)
    while open_topics := [name for name, left in unread.items() if left]:
        name = open_topics[next(turns, 0) % len(open_topics)]
        sequence, message = unread[name].pop(0)
        tell(stream, message, f"{name}-{sequence}", sequence=sequence)
    return stream


@settings(max_examples=150, deadline=None)
@given(story=STORY, one=st.lists(PICK, max_size=40), other=st.lists(PICK, max_size=40))
def test_two_readings_of_the_same_facts_show_the_same(
    story: list[tuple[str, int, int]], one: list[int], other: list[int]
) -> None:
    facts = Facts()
    for what, pick, paid in story:
        facts.add(what, pick, paid)
    first, second = read(facts, one), read(facts, other)
    assert first.state.shown_status() == second.state.shown_status()
    assert shown(first).get("invoice_status", "") == first.state.shown_status()
    for field in ("invoice_status", "paid_kopecks", "overdue_days", "invoice_pdf", "invoice_number"):
        assert (shown(first).get(field) or 0) == (shown(second).get(field) or 0), field
    kinds = [
        Counter(sent.request["write"] for sent in in_order(stream) if not absolute(sent)) for stream in (first, second)
    ]
    assert kinds[0] == kinds[1], "people are told the same, in whatever order"


@settings(max_examples=300, deadline=None)
@given(story=STORY, order=st.lists(PICK, max_size=40), taken=st.integers(0, 9), newer=st.integers(0, 14))
def test_topics_that_were_lost_come_to_the_same(
    story: list[tuple[str, int, int]], order: list[int], taken: int, newer: int
) -> None:
    facts = Facts()
    for what, pick, paid in story:
        facts.add(what, pick, paid)
    calm, rough = read(facts, order), read(facts, order, taken, newer)
    assert (rough.state.open_cards, rough.state.early) == (calm.state.open_cards, ())
    assert sorted(rough.state.delayed) == sorted(calm.state.delayed)
    assert rough.state.refused == calm.state.refused
    assert rough.replayed() == rough.state
    for field in ("invoice_status", "paid_kopecks", "overdue_days", "invoice_pdf", "invoice_number"):
        assert (shown(rough).get(field) or 0) == (shown(calm).get(field) or 0), field


def absolute(sent: Any) -> bool:
    """Whether a write may be overtaken by the next one without a trace, so that its number says nothing."""
    return sent.request["write"] in ("fields", "stage")


class OneDeal(RuleBasedStateMachine):
    """A deal that is told facts, while the CRM answers its writes in any order."""

    @initialize()
    def begin(self) -> None:
        self.deal = told()
        self.facts = Facts()
        self.places = dict.fromkeys(self.facts.topics, 0)
        self.answered: set[tuple[str, int]] = set()

    @rule(what=WHAT, pick=PICK, paid=PAID, topic=PICK)
    def a_fact_comes(self, what: str, pick: int, paid: int, topic: int) -> None:
        self.facts.add(what, pick, paid)
        open_topics = [name for name, place in self.places.items() if place < len(self.facts.topics[name])]
        if not open_topics:
            return
        name = open_topics[topic % len(open_topics)]
        place = self.places[name]
        self.places[name] += 1
        message = self.facts.topics[name][place]
        tell(self.deal, message, f"{name}-{place}")
        tell(self.deal, message, f"{name}-{place}")

    @rule(kopecks=st.integers(1, 9_00), times=st.integers(1, 12))
    def money_comes_in_small_pieces(self, kopecks: int, times: int) -> None:
        for number in range(times):
            tell(self.deal, received(kopecks, f"p{len(self.deal.events)}-{number}"))

    @rule(minutes=st.integers(1, 90))
    def time_goes_by(self, minutes: int) -> None:
        self.deal.now += dt.timedelta(minutes=minutes)

    def _unanswered(self) -> list[tuple[str, int]]:
        keys = [(sent.request["fact_id"], sent.request["index"]) for sent in self.deal.effects.values()]
        return [key for key in keys if key not in self.answered]

    @precondition(lambda self: self._unanswered())
    @rule(pick=PICK, refused=st.booleans())
    def the_crm_answers(self, pick: int, refused: bool) -> None:
        keys = self._unanswered()
        key = keys[pick % len(keys)]
        self.answered.add(key)
        answer = deal.SeeWritten(*key, Reason(code="crm_refused") if refused else None)
        self.deal.ran(answer)
        assert self.deal.ran(answer) == []

    @invariant()
    def fields_show_the_state(self) -> None:
        fields = shown(self.deal)
        assert fields.get("invoice_status", "") == self.deal.state.shown_status()
        assert fields.get("overdue_days", 0) == self.deal.state.overdue_days()
        assert fields.get("paid_kopecks", 0) == self.deal.state.paid_kopecks

    @invariant()
    def open_questions_show_as_such(self) -> None:
        asked_now = self.deal.state.shown_status() == "needs_decision"
        assert asked_now == bool(self.deal.state.open_cards)

    @invariant()
    def no_hour_has_more_than_its_writes(self) -> None:
        leaving = [
            event.leaves_at
            for event in self.deal.happened(deal.Told)
            for write in event.writes
            if write.write != "chat"
        ]
        assert leaving == sorted(leaving)
        hour = dt.timedelta(hours=1)
        for first, beyond in zip(leaving, leaving[deal.WRITES_PER_HOUR_MAX :], strict=False):
            assert beyond >= first + hour

    @invariant()
    def each_fact_has_few_writes_with_one_effect_each(self) -> None:
        for event in self.deal.happened(deal.Told):
            assert len(event.writes) <= 6
        ordered = sum(len(event.writes) for event in self.deal.happened(deal.Told))
        assert len(self.deal.effects) == ordered

    @invariant()
    def writes_are_told_when_all_of_a_fact_are_settled(self) -> None:
        told_of = {one.cause_id for one in self.deal.said(messages.CrmUpdated)}
        for event in self.deal.happened(deal.Told):
            done = all((event.fact_id, index) in self.answered for index in range(len(event.writes)))
            assert (event.fact_id in told_of) == (done and bool(event.writes))

    @invariant()
    def state_is_what_was_stored(self) -> None:
        assert self.deal.replayed() == self.deal.state


TestOneDeal = OneDeal.TestCase
TestOneDeal.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


def test_facts_of_the_machine_are_of_every_kind() -> None:
    facts = Facts()
    for what in ("reject", "issue", "balance", "overdue", "in time", "ask", "decide", "delay", "resume"):
        facts.add(what, 0, 100_00)
    said = {type(message) for topic in facts.topics.values() for message in topic}
    assert {invoicing.InvoiceIssued, invoicing.InvoiceRejected, payments.InvoiceBalanceChanged} < said
    assert len(said) == 10
