"""The process of a deal's documents under any order, repetition and delay of what it is told.

A small world plays ``ingest`` (deals facts in order), ``counterparty`` (its real domain, reading the same facts with a
delay of its own), the accounting service and the people; ``invoicing`` reads two topics at its own pace.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.cards import TakeCard
from chassis.domain import Refused
from contracts.envelope import Envelope
from contracts.messages import counterparty as buyers
from contracts.messages import invoicing as messages
from services.counterparty.domain import deal as links
from services.counterparty.domain.company import LOOK_UP
from services.counterparty.domain.values import Buyer, Rules
from services.counterparty.domain.values import Reason as BuyerReason
from services.invoicing.domain import commands as c
from services.invoicing.domain.state import OVER
from services.invoicing.domain.values import Deal, Kind, Reason
from services.invoicing.handlers import route
from tests.services.counterparty.parts import DADATA, company, facts, person, requests
from tests.services.invoicing.parts import IVANOV, ROMASHKA, VASILEK, answer, deal, documents, terms
from tests.services.streams import NOW

CONTENTS = st.sampled_from("ab!")
PETROV, NO_KPP = "c78", "7736207543"
BUYERS = st.sampled_from([ROMASHKA, VASILEK, "", IVANOV, PETROV, NO_KPP])
WATCHED = Rules(registers=(DADATA,))
PICK = st.integers(min_value=0, max_value=1_000)


def shown(content: str, buyer: str) -> Deal:
    """The deal with this content; ``!`` has no lines, which blocks its documents."""
    return deal(content, buyer, () if content == "!" else None)


def in_crm(buyer: str) -> Buyer | None:
    """The same buyer as counterparty reads it."""
    if not buyer:
        return None
    return person(crm_id=buyer[1:]) if buyer.startswith("c") else company(buyer)


class Process(RuleBasedStateMachine):
    """The world around one deal."""

    @initialize(requires_paid=st.booleans())
    def begin(self, requires_paid: bool) -> None:
        self.docs = documents()
        self.links = requests()
        self.terms = terms(act_requires_paid=requires_paid)
        self.deals: list[tuple[c.Command, links.Command | None]] = []
        self.read = {"links": 0, "deals": 0, "answers": 0}
        self.content, self.buyer, self.gone = "a", ROMASHKA, False
        self.asked = 0
        self.answered: set[str] = set()
        self.settled: set[tuple[str, ...]] = set()
        self.delivered: list[tuple[c.Command, str]] = []
        self.balances = 0

    # The CRM

    @rule(kind=st.sampled_from(["invoice", "invoice", "act"]), content=CONTENTS, buyer=BUYERS, same=st.booleans())
    def a_stage_is_entered(self, kind: Kind, content: str, buyer: str, same: bool) -> None:
        if not same:
            self.content, self.buyer = content, buyer
        self.asked += 1
        self.gone = False
        name, what = f"r{self.asked}", shown(self.content, self.buyer)
        ask = links.AskLink("vektor", name, "15", "elba:main", in_crm(self.buyer), WATCHED, what.content_hash, "7")
        self.deals.append((c.Request("vektor", name, kind, what, self.terms, NOW), ask))

    @precondition(lambda self: self.asked)
    @rule(content=CONTENTS, buyer=BUYERS)
    def the_deal_is_edited(self, content: str, buyer: str) -> None:
        if (content, buyer, False) == (self.content, self.buyer, self.gone):
            return
        self.content, self.buyer, self.gone = content, buyer, False
        what = shown(content, buyer)
        self.deals.append((c.SeeDeal(what), links.SeeBuyer("15", in_crm(buyer), what.content_hash)))

    @precondition(lambda self: self.asked and not self.gone)
    @rule()
    def the_deal_is_deleted(self) -> None:
        self.gone = True
        self.deals.append((c.SeeDeal(None), None))

    # Topics

    @precondition(lambda self: self.read["links"] < len(self.deals))
    @rule()
    def counterparty_reads_on(self) -> None:
        _, command = self.deals[self.read["links"]]
        self.read["links"] += 1
        if command is not None:
            self.links.ran(command)

    @precondition(lambda self: self.read["deals"] < len(self.deals))
    @rule()
    def invoicing_reads_deals_on(self) -> None:
        command, _ = self.deals[self.read["deals"]]
        self.read["deals"] += 1
        self._tell(command, f"deals:{self.read['deals']}")

    @precondition(lambda self: self.read["answers"] < len(self.links.messages))
    @rule()
    def invoicing_reads_answers_on(self) -> None:
        message = self.links.messages[self.read["answers"]]
        self.read["answers"] += 1
        assert isinstance(message, buyers.CounterpartyLinked | buyers.CounterpartyRejected)
        envelope = Envelope("m", message.NAME, 1, "counterparty", "deal-15", NOW, "vektor")
        for routed in route(message, envelope):
            self._tell(routed.command, f"answers:{self.read['answers']}")

    @precondition(lambda self: self.delivered)
    @rule(pick=PICK)
    def a_message_is_delivered_again(self, pick: int) -> None:
        command, command_id = self.delivered[pick % len(self.delivered)]
        before = (self.docs.state, len(self.docs.messages), len(self.docs.effects))
        self.docs.ran(command, command_id)
        assert (self.docs.state, len(self.docs.messages), len(self.docs.effects)) == before

    def _tell(self, command: c.Command, command_id: str) -> None:
        said = self.docs.ran(command, command_id)
        if said and command_id:
            self.delivered.append((command, command_id))
        again = self.docs.kind.decide(self.docs.state, command, self.docs.now)
        reentered = [event.NAME for event in said] == ["Reentered"]
        assert isinstance(again, Refused) or not again or reentered, "a command told twice changes nothing"

    # Buyers and the accounting service

    @precondition(lambda self: self._unanswered())
    @rule(pick=PICK, good=st.booleans())
    def a_party_answers(self, pick: int, good: bool) -> None:
        tasks = self._unanswered()
        self._answer(tasks[pick % len(tasks)], good)

    @precondition(lambda self: self._asked_of_the_register())
    @rule(pick=PICK, known=st.booleans())
    def the_register_answers(self, pick: int, known: bool) -> None:
        tasks = self._asked_of_the_register()
        self._tell_what_the_register_says(tasks[pick % len(tasks)], known)

    def _asked_of_the_register(self) -> Sequence[str]:
        return [key for kind, key in self.links.tasks if kind == LOOK_UP and key not in self.answered]

    def _tell_what_the_register_says(self, key: str, known: bool) -> None:
        self.answered.add(key)
        payload = self.links.tasks[LOOK_UP, key].payload
        self.links.ran(links.SeeCompany(payload["request_id"], payload["inn"], facts() if known else None))

    def _unanswered(self) -> Sequence[str]:
        return [key for kind, key in self.links.tasks if kind == links.LINK and key not in self.answered]

    def _answer(self, key: str, good: bool) -> None:
        self.answered.add(key)
        payload = self.links.tasks[links.LINK, key].payload
        name = payload["party"]["party"]
        if good:
            told: links.Command = links.Answer(payload["request_id"], name, f"cp-{name}", f"elba-{name}")
        else:
            told = links.AnswerNo(payload["request_id"], name, BuyerReason(code="accounting_refused"))
        self.links.ran(told)

    def _unsettled(self) -> Sequence[tuple[str, ...]]:
        return [key for key in self.docs.effects if key not in self.settled]

    @precondition(lambda self: self._unsettled())
    @rule(pick=PICK, outcome=st.sampled_from(["yes", "yes", "no", "nobody knows", "differs"]))
    def an_effect_is_settled(self, pick: int, outcome: str) -> None:
        keys = self._unsettled()
        self._settle(keys[pick % len(keys)], outcome)

    def _settle(self, key: tuple[str, ...], outcome: str) -> None:
        self.settled.add(key)
        sent = self.docs.effects[key]
        document_id, no = sent.request["document_id"], Reason(code="accounting_refused")
        if sent.kind == "cancel-invoice":
            refused = no if outcome in ("no", "nobody knows") else None
            if outcome == "differs":
                refused = Reason(code="capability_missing")
            cancel, undecided = sent.request["cancel"], outcome == "nobody knows"
            self._tell(c.ConfirmCancel(document_id, cancel, refused, undecided), "/".join(key))
            return
        attempt = sent.request["attempt"]
        match outcome:
            case "no":
                told: c.Command = c.Reject(document_id, attempt, no)
            case "nobody knows":
                told = c.Doubt(document_id, attempt, no, NOW)
            case "differs":
                told = answer(sent, total_kopecks=1)
            case _:
                told = answer(sent)
        self._tell(told, "/".join(key))

    @precondition(lambda self: self.docs.effects)
    @rule(pick=PICK)
    def an_old_answer_comes_after_all(self, pick: int) -> None:
        creates = [sent for sent in self.docs.effects.values() if sent.kind != "cancel-invoice"]
        self.docs.ran(answer(creates[pick % len(creates)]))

    @precondition(lambda self: self.docs.tasks)
    @rule(pick=PICK, found=st.booleans())
    def a_task_runs(self, pick: int, found: bool) -> None:
        key = list(self.docs.tasks)[pick % len(self.docs.tasks)]
        task = self.docs.tasks.pop(key)
        match task.kind:
            case "request-deadline":
                told: c.Command = c.MeetDeadline(task.payload["request_id"])
            case "fetch-pdf" if found:
                told = c.Render(task.payload["document_id"], "blob", 10)
            case "fetch-pdf":
                told = c.MissPdf(task.payload["document_id"], Reason(code="accounting_refused"))
            case "watch-duplicates":
                told = self._look_for_copies(task.payload, found)
            case "check-cancel":
                told = c.SeeCancelChecked(task.payload["document_id"], task.payload["by"], found)
            case "hide-invoice":
                return  # nobody is told
            case kind:
                assert kind == "adopt-document", f"{kind} is a task that this world does not know"
                told = self._adopt(task.payload, found)
        self._tell(told, "")

    def _look_for_copies(self, payload: Any, found: bool) -> c.SeeCopies:
        """A second document with one marker, or none."""
        document_id, attempt = payload["document_id"], payload["attempt"]
        kind = "create-invoice" if payload["kind"] == "invoice" else "create-act"
        copy = answer(self.docs.effects[kind, document_id, str(attempt)], remote_id="copy").issued
        return c.SeeCopies(document_id, attempt, payload["number"], copy.date, (copy,) if found else ())

    def _adopt(self, payload: Any, found: bool) -> c.Adopt:
        document = self.docs.state.documents[payload["document_id"]]
        kind = "create-invoice" if document.kind == "invoice" else "create-act"
        sent = self.docs.effects[kind, document.document_id, str(document.attempt)]
        issued = answer(sent).issued if found else None
        reason = None if found else Reason(code="document_not_found")
        return c.Adopt(document.document_id, payload["card_id"], issued, reason)

    # People and money

    @precondition(lambda self: self._open())
    @rule(pick=PICK, choice=PICK)
    def a_card_is_taken(self, pick: int, choice: int) -> None:
        cards = self._open()
        opened = cards[pick % len(cards)]
        self._tell(
            TakeCard(opened.card_id, opened.choices[choice % len(opened.choices)], "Анна", "B24-15"), opened.card_id
        )

    @precondition(lambda self: self.docs.said(messages.InvoiceIssued))
    @rule(anew=st.booleans())
    def a_person_has_the_invoice_voided(self, anew: bool) -> None:
        self.docs.run(c.CancelInvoice("Анна", replace=anew))

    def _open(self) -> Sequence[Any]:
        return [card.opened for card in self.docs.state.cards.by_id.values() if card.taken is None]

    @precondition(lambda self: self.docs.said(messages.InvoiceIssued))
    @rule(pick=PICK, settled=st.booleans(), late=st.booleans())
    def a_balance_changes(self, pick: int, settled: bool, late: bool) -> None:
        issued = self.docs.said(messages.InvoiceIssued)
        self.balances += not late
        status = "paid" if settled else "partially_paid"
        self.docs.ran(c.SeeBalance(issued[pick % len(issued)].invoice_id, self.balances, settled, status))

    @rule()
    def time_passes(self) -> None:
        """Everything is delivered and answered; only people take their time."""
        while self.read["links"] < len(self.deals):
            self.counterparty_reads_on()
        for key in self._asked_of_the_register():
            self._tell_what_the_register_says(key, True)
        for key in self._unanswered():
            self._answer(key, True)
        while self.read["deals"] < len(self.deals):
            self.invoicing_reads_deals_on()
        while self.read["answers"] < len(self.links.messages):
            self.invoicing_reads_answers_on()
        while keys := self._unsettled():
            self._settle(keys[0], "yes")

    # What holds at all times

    @invariant()
    def one_effect_per_document_and_attempt(self) -> None:
        sends = [
            (sent.request["document_id"], sent.request["attempt"])
            for sent in self.docs.effects.values()
            if sent.kind != "cancel-invoice"
        ]
        assert len(sends) == len(set(sends))

    @invariant()
    def one_live_document_of_a_kind(self) -> None:
        live = [one.kind for one in self.docs.state.documents.values() if one.phase not in OVER]
        assert len(live) == len(set(live))

    @invariant()
    def request_waits_only_for_the_end_of_an_invoice(self) -> None:
        for document in self.docs.state.documents.values():
            assert document.meanwhile is None or document.may_end

    @invariant()
    def nothing_is_sent_but_to_the_buyer_that_the_deal_showed(self) -> None:
        for document in self.docs.state.documents.values():
            if document.phase in ("ordered", "doubtful", "made", "cancelling"):
                assert document.link is not None
                known = document.link.remote_id.removeprefix("elba-")
                assert document.deal.buyer_party in (known, known.partition("-")[0])

    @invariant()
    def whatever_waits_is_watched_or_stands_before_a_person(self) -> None:
        open_effects = {self.docs.effects[key].request["document_id"] for key in self._unsettled()}
        asked_about = {opened.subject for opened in self._open()}
        adopted = {task.payload["document_id"] for task in self.docs.tasks.values() if task.kind == "adopt-document"}
        looks = {task.payload["document_id"] for task in self.docs.tasks.values() if task.kind == "check-cancel"}
        deadlines = {key for kind, key in self.docs.tasks if kind == "request-deadline"}
        for document in self.docs.state.documents.values():
            name = document.document_id
            match document.phase:
                case "waiting" if not self.docs.state.gone:
                    assert document.request_id in deadlines or name in asked_about
                case "ordered" | "cancelling":
                    assert name in open_effects
                case "made" if document.undecided:
                    assert name in asked_about or name in looks
                case "doubtful":
                    assert name in asked_about or name in adopted
                case _:
                    pass

    @invariant()
    def state_is_what_was_stored(self) -> None:
        assert self.docs.replayed() == self.docs.state

    def teardown(self) -> None:
        """The world comes to rest: everything is delivered, every call succeeds, nobody decides anything."""
        if hasattr(self, "docs"):
            self.time_passes()
            self._at_rest()

    def _at_rest(self) -> None:
        state = self.docs.state
        for document in state.documents.values():
            assert document.phase != "waiting" or state.gone or state.frozen(), "every request is answered in the end"
            if document.phase != "made" or document.kind != "invoice" or state.gone:
                continue
            now = shown(self.content, self.buyer).or_same(document.deal, document.link).content_hash
            asked = {
                card.opened.values["content"]
                for card in state.cards.by_id.values()
                if card.opened.kind == "content_changed" and card.opened.subject == document.document_id
            }
            assert now == document.deal.content_hash or now in asked, "a change of the deal was lost"
        for number in range(1, self.asked + 1):
            assert f"r{number}" in {message.request_id for message in self.links.messages}


TestProcess = Process.TestCase
TestProcess.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
