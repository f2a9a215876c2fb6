"""A party under any order of requests, look-ups, answers and decisions: one record per account, everybody answered."""

from collections import Counter
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.aggregate import TaskPlan
from chassis.cards import CardOpened, TakeCard
from contracts.messages import operations
from services.counterparty.domain import party
from tests.services.counterparty.parts import DADATA, NO, a_party, facts, want

ACCOUNTS = st.sampled_from(["elba:a", "elba:b"])
RECORDS = st.lists(st.sampled_from(["e1", "e2", "e3"]), unique=True, max_size=3)
PICK = st.integers(min_value=0, max_value=1_000)
DEALS = {f"r{number}": f"deal {number // 2}" for number in range(1, 200)}
"""Some deals ask twice."""


class OneParty(RuleBasedStateMachine):
    """The accounting service of two accounts, and the people."""

    @initialize()
    def begin(self) -> None:
        self.party = a_party()
        self.wanted: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.accounts: dict[str, str] = {}
        self.named: dict[str, set[str]] = {"elba:a": set(), "elba:b": set()}
        self.linked: dict[str, str] = {}
        self.settled: set[tuple[str, ...]] = set()
        self.turn = 0

    def _tell(self, command: party.Command) -> None:
        self.party.ran(command)
        answers = [key for key in self.party.tasks if key[0] == party.ANSWER]
        for key in answers:
            self._answer(self.party.tasks.pop(key))

    def _answer(self, task: TaskPlan) -> None:
        payload = task.payload
        for request_id in payload["waiting"]:
            self.answered[request_id] += 1
            account = self.accounts[request_id]
            if payload["refused"] is None:
                assert payload["remote_id"] in self.named[account], "a record that nobody named"
                assert self.linked.setdefault(account, payload["remote_id"]) == payload["remote_id"]

    @rule(account=ACCOUNTS, again=st.booleans(), pick=PICK, told=st.booleans())
    def a_request_comes(self, account: str, again: bool, pick: int, told: bool) -> None:
        """``told``: its deal says which of its words this is."""
        if again and self.wanted:
            name = list(self.wanted)[pick % len(self.wanted)]
            account = self.accounts[name]
        else:
            name = f"r{len(self.wanted) + 1}"
        self.accounts[name] = account
        waits = name in self._waiting()
        self.wanted[name] += not waits
        self.turn += 1
        self._tell(replace(want(name, account), deal_id=DEALS[name], turn=self.turn if told else 0))

    @precondition(lambda self: any(one.phase == "linked" for one in self.party.state.records.values()))
    @rule(pick=PICK)
    def a_document_was_refused_for_its_record(self, pick: int) -> None:
        linked = [one for one in self.party.state.records.values() if one.phase == "linked"]
        record, name = linked[pick % len(linked)], f"r{len(self.wanted) + 1}"
        self.accounts[name] = record.account
        self.wanted[name] += 1
        self.linked.pop(record.account, None)
        self._tell(replace(want(name, record.account), deal_id=DEALS[name], gone=record.remote_id))

    @precondition(lambda self: self.wanted)
    @rule(pick=PICK, late=st.booleans())
    def a_request_leaves(self, pick: int, late: bool) -> None:
        """``late``: something newer is known of the request, where its deal says which of its words that is."""
        name = list(self.wanted)[pick % len(self.wanted)]
        known = self.party.state.turns.get(name, 0)
        self.turn += 1
        late = late and known > 0
        self.wanted[name] -= name in self._waiting() and not late
        self._tell(party.LeaveRecord(self.accounts[name], name, known if late else self.turn))
        assert late or name not in self._waiting()

    @precondition(lambda self: any(one.phase == "linked" for one in self.party.state.records.values()))
    @rule(pick=PICK)
    def a_request_comes_for_a_buyer_that_the_register_watches(self, pick: int) -> None:
        linked = [one.account for one in self.party.state.records.values() if one.phase == "linked"]
        name, account = f"r{len(self.wanted) + 1}", linked[pick % len(linked)]
        self.accounts[name] = account
        self.wanted[name] += 1
        self._tell(replace(want(name, account, registers=(DADATA,)), deal_id=DEALS[name]))

    @rule(account=ACCOUNTS, status=st.sampled_from(["", "active", "bankrupt", "liquidating", "liquidated"]))
    def the_register_answers(self, account: str, status: str) -> None:
        record = self.party.state.records.get(account)
        if record is not None and record.phase in ("linked", "checking"):
            self._tell(party.SeeRegister(account, facts(status=status) if status else None))

    def _waiting(self) -> set[str]:
        return {name for record in self.party.state.records.values() for name in record.waiting}

    @rule(account=ACCOUNTS, found=RECORDS, near=RECORDS)
    def a_look_up_answers(self, account: str, found: list[str], near: list[str]) -> None:
        record = self.party.state.records.get(account)
        if record is not None and record.phase == "looking" and len(found) == 1:
            self.named[account] |= set(found)
        self._tell(party.SeeRecords(account, tuple(found), tuple(near)))

    @precondition(lambda self: self.party.effects)
    @rule(pick=PICK, outcome=st.sampled_from(["yes", "no", "nobody knows"]))
    def a_creation_is_answered(self, pick: int, outcome: str) -> None:
        keys = list(self.party.effects)
        key = keys[pick % len(keys)]
        sent = self.party.effects[key]
        attempt = sent.request["attempt"]
        match outcome:
            case "yes":
                self.named[sent.account].add(f"created-{attempt}")
                self._tell(party.SeeCreated(sent.account, attempt, f"created-{attempt}"))
            case "no":
                self._tell(party.SeeRefused(sent.account, attempt, NO))
            case _:
                self._tell(party.SeeDoubt(sent.account, attempt, NO, None))

    def _open(self) -> list[CardOpened]:
        return [card.opened for card in self.party.state.cards.by_id.values() if card.taken is None]

    @precondition(lambda self: self._open())
    @rule(pick=PICK, choice=PICK)
    def a_card_is_taken(self, pick: int, choice: int) -> None:
        cards = self._open()
        opened = cards[pick % len(cards)]
        taken = opened.choices[choice % len(opened.choices)]
        if taken.startswith(party.PICK):
            self.named[opened.subject].add(taken.removeprefix(party.PICK))
        self._tell(TakeCard(opened.card_id, taken, "Анна", "named"))

    def _unread(self) -> list[TaskPlan]:
        return [task for (kind, _), task in self.party.tasks.items() if kind == party.CHECK]

    @precondition(lambda self: self._unread())
    @rule(pick=PICK, theirs=st.booleans())
    def a_named_record_is_read(self, pick: int, theirs: bool) -> None:
        tasks = self._unread()
        task = tasks[pick % len(tasks)]
        del self.party.tasks[party.CHECK, task.key]
        if theirs:
            self.named[task.account].add("named")
        why = "" if theirs else "absent"
        self._tell(party.SeeNamed(task.account, task.payload["card_id"], "named" if theirs else "", why))

    @invariant()
    def everybody_is_answered_once_for_each_time_they_asked(self) -> None:
        waiting = self._waiting()
        for name, times in self.wanted.items():
            assert self.answered[name] == times - (name in waiting)

    @invariant()
    def one_creation_at_a_time_and_no_attempt_twice(self) -> None:
        attempts = Counter((sent.account, sent.request["attempt"]) for sent in self.party.effects.values())
        assert all(count == 1 for count in attempts.values())
        for record in self.party.state.records.values():
            assert record.attempt == sum(1 for account, _ in attempts if account == record.account)

    @invariant()
    def whoever_waits_is_looked_for_created_or_before_a_person(self) -> None:
        asked = {opened.subject for opened in self._open()}
        asked_or_read = asked | {task.account for task in self._unread()}
        looked = {task.account for (kind, _), task in self.party.tasks.items() if kind == party.FIND}
        for record in self.party.state.records.values():
            if record.waiting:
                watched = record.phase == "linked" and record.registers
                assert watched or record.phase in ("looking", "checking", "creating", "doubtful")
                assert record.phase != "doubtful" or record.account in asked_or_read
                assert record.phase != "looking" or record.account in looked
            assert record.account not in asked or record.phase == "doubtful" or record.waiting

    @invariant()
    def each_deal_that_waits_for_a_person_shows_the_question_until_it_is_answered(self) -> None:
        shown: Counter[tuple[str, str]] = Counter()
        for one in self.party.messages:
            shown[one.card_id, one.deal_id] += 1 if isinstance(one, operations.DecisionNeeded) else -1
            assert shown[one.card_id, one.deal_id] in (0, 1)
        open_ = {opened.card_id: opened.subject for opened in self._open()}
        assert {card_id for (card_id, _), count in shown.items() if count} <= set(open_)
        for card_id, account in open_.items():
            waiting = set(self.party.state.records[account].waiting.values())
            told = {deal_id for (card, deal_id), count in shown.items() if card == card_id and count}
            assert waiting == told - {""}, "a question that came when all had left is told in no deal"

    @invariant()
    def state_is_what_was_stored(self) -> None:
        assert self.party.replayed() == self.party.state


TestOneParty = OneParty.TestCase
TestOneParty.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
