"""What a day of a bank account does on each command: loads are matched with what is known, doubts become questions."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from chassis.aggregate import Lane, Plan, Recorded, TaskPlan
from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Event, Problem, Refused
from chassis.ids import deterministic_id
from chassis.values import payment_identity as identity
from services.payments.domain import bankday as b
from services.payments.domain.bank import Allotment, BankRow, Candidate, Match
from services.payments.domain.matching import SAME_ORDER

MATCH = "match-operations"
MATCH_LATER = "match-operations-later"
POINT = "look-up-pointed"
ALLOT = "allot-payments"
ALLOT_ACCOUNT = "allot-account"

UNCLEAR = "payment_unclear"
SUSPECT = "payment_suspect"
REFUND = "payment_refund"
USE = "use_"
SPLIT = "as_proposed"
FOUND = "found"
NO_INVOICE = "no_invoice"
ANOTHER = "another_payment"
SAME = "same_payment"
WITHDRAWN = "withdrawn"

LATER = dt.timedelta(minutes=10)
"""After so long unmatched operations are looked at again."""

CARDS_OPEN_MAX = 50
"""Questions of one day before a person; what is beyond them is listed, and asked about as they are answered."""


def decide(state: b.State, command: b.Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; none when it changes nothing."""
    made = _Decision(state, now)
    match command:
        case b.ListDay():
            made.list_day(command)
        case b.SettleMatches():
            made.settle(command.matches)
        case b.ReleaseOperation():
            return made.release(command)
        case b.LookAgain():
            made.look_again(command.payment_ids)
        case TakeCard():
            return made.take(command)
        case _:
            assert_never(command)
    return made.events


class _Decision:
    """The events of one command as they come about, with the state that follows each."""

    def __init__(self, state: b.State, now: dt.datetime) -> None:
        self.state = state
        self.now = now
        self.events: list[Event] = []

    def say(self, event: b.StoredEvent) -> None:
        self.events.append(event)
        self.state = b.evolve(self.state, event)

    # Loads

    def list_day(self, command: b.ListDay) -> None:
        before = self.state
        known = [operation.known() for operation in before.operations.values()]
        loaded = [row.loaded() for row in command.rows]
        by_row = dict(zip(map(id, loaded), command.rows, strict=True))
        day = b.day_of(before.stream)
        outcomes = identity.match_statement(
            known, loaded, days={day}, days_loaded_whole={day} if before.whole else (), ids_stable=False
        )
        # A statement that was made before the newest one, or has gaps, says nothing by what it lacks; nor does an older
        # one know what has become since of what it lists: the bank may have taken it back.
        older = before.made_at is not None and command.made_at is not None and command.made_at < before.made_at
        late = older or (before.made_at is not None and command.made_at is None)
        believed = command.complete and not late
        until, made_at = before.complete_until, command.made_at
        missed = until is not None and made_at is not None and _is_before(made_at, until)
        changes = self._changes(outcomes, by_row, believed=believed, older=older, missed=missed)
        whole = command.whole and believed
        further = believed and made_at is not None and (until is None or until < made_at)
        if not changes and (before.whole or not (whole or further)):
            return
        changed = {change.payment_id for change in changes}
        touched = {
            one.invoice_id for name in changed & before.operations.keys() for one in before.operations[name].pays
        }
        touched |= {
            one.invoice_id
            for change in changes
            if change.what == "restored"
            for one in (before.operations[change.payment_id].match or _NOTHING).allotments
        }
        self.say(
            b.DayListed(
                statement_id=command.statement_id,
                made_at=command.made_at,
                whole=whole,
                complete=believed,
                changes=tuple(changes),
                touched=tuple(sorted(touched)),
            )
        )
        for change in changes:
            if change.what == "suspect":
                self._ask(SUSPECT, self.state.operations[change.payment_id], (ANOTHER, SAME), older=int(missed))
        self._withdraw_cards()
        self._ask_next()

    def _changes(
        self,
        outcomes: Iterable[identity.Outcome],
        by_row: dict[int, BankRow],
        *,
        believed: bool,
        older: bool,
        missed: bool,
    ) -> list[b.RowChange]:
        """What a load says of each operation; a new one is suspect where a newer list that left nothing out
        ``missed`` it."""
        changes: list[b.RowChange] = []
        count = len(self.state.operations)
        for outcome in outcomes:
            match outcome:
                case identity.New() | identity.Suspect():
                    count += 1
                    what: str = "new" if isinstance(outcome, identity.New) and not missed else "suspect"
                    payment_id = str(deterministic_id("bank-operation", self.state.stream, str(count)))
                    row = by_row[id(outcome.row)]
                    changes.append(
                        b.RowChange.model_validate(
                            {"payment_id": payment_id, "what": what, "ordinal": outcome.ordinal, "row": row}
                        )
                    )
                case identity.Revised() | identity.Restored():
                    if older:
                        continue
                    restored = isinstance(outcome, identity.Restored)
                    changes.append(
                        b.RowChange(
                            payment_id=outcome.known.payment_id,
                            what="restored" if restored else "revised",
                            ordinal=outcome.ordinal,
                            row=by_row[id(outcome.row)],
                        )
                    )
                case identity.Revoked():
                    if believed:
                        changes.append(b.RowChange(payment_id=outcome.known.payment_id, what="vanished"))
                case identity.Same():
                    pass
                case identity.RereadNeeded():
                    raise AssertionError("a statement has no operation ids")
                case _:
                    assert_never(outcome)
        return changes

    # Matches

    def settle(self, matches: Iterable[Match]) -> None:
        """Takes what was found for operations that are still as they were when they were looked at."""
        taken = [found for found in map(self._as_told, matches) if self._fits(found)]
        if not taken:
            return
        self._matched(taken)
        for found in taken:
            if found.what == "asked":
                self._ask_what_it_pays(self.state.operations[found.payment_id], found)
        self._withdraw_cards()
        self._ask_next()

    def _ask_what_it_pays(self, operation: b.BankOperation, found: Match) -> None:
        numbers = tuple(f"{USE}{name}" for name in named(found.candidates))
        kind = UNCLEAR if operation.row.signed_kopecks > 0 and not operation.row.hints.refund else REFUND
        proposed = (SPLIT,) if found.proposal else ()
        more = {SAME_ORDER: 1} if SAME_ORDER in found.reasons else {}
        self._ask(kind, operation, (*proposed, *numbers, FOUND, NO_INVOICE), **more)

    def _as_told(self, found: Match) -> Match:
        """What people heard of stays ours, though the invoice that it looked like is paid by now."""
        operation = self.state.operations.get(found.payment_id)
        still = operation is not None and operation.told and found.what == "unmatched"
        return found.model_copy(update={"ours": True}) if still else found

    def _fits(self, found: Match) -> bool:
        operation = self.state.operations.get(found.payment_id)
        if operation is None or operation.vanished or found.details != operation.row.details:
            return False
        return bool(found.by) or (operation.unsettled and found != operation.match)

    def _matched(self, matches: Sequence[Match]) -> None:
        touched = {one.invoice_id for found in matches for one in found.allotments if found.what == "allotted"}
        touched |= {one.invoice_id for found in matches for one in self.state.operations[found.payment_id].pays}
        heard = tuple(one.payment_id for one in matches if self.state.operations[one.payment_id].told)
        self.say(
            b.OperationsMatched(
                matches=tuple(matches),
                touched=tuple(sorted(touched)),
                heard=heard,
                found=tuple(one.payment_id for one in matches if one.payment_id in heard and one.what == "allotted"),
            )
        )

    def look_again(self, payment_ids: Iterable[str]) -> None:
        """Has what counts by our own rules matched again; what a person has tied stays."""
        found = [self.state.operations[name] for name in payment_ids]
        again = [self._by(one, "open", "") for one in found if one.alone]
        if again:
            self._matched(again)

    # People

    def release(self, command: b.ReleaseOperation) -> Sequence[Event] | Refused:
        """A person unties an operation; it waits for a person from then on."""
        operation = self.state.operations.get(command.payment_id)
        if operation is None:
            return Refused(Problem("payment_unknown", {"payment": command.payment_id}))
        if operation.pays:
            self._matched([self._by(operation, "released", command.by)])
        return self.events

    def take(self, command: TakeCard) -> Sequence[Event] | Refused:
        """A person answers a question about an operation."""
        taken = self.state.cards.take(command, self.now)
        if isinstance(taken, Refused):
            return taken
        self.say(taken)
        operation = self.state.operations[taken.subject]
        found = operation.match or _NOTHING
        if taken.choice == FOUND:
            self.say(b.OperationPointed(payment_id=operation.payment_id, number=taken.number, by=taken.by))
        elif taken.choice == ANOTHER:
            self._matched([self._by(operation, "open", "")])
        elif taken.choice in (NO_INVOICE, SAME):
            self._matched([self._by(operation, "aside", taken.by)])
        elif taken.choice == SPLIT:
            self._matched([self._by(operation, "allotted", taken.by, found.proposal)])
        else:
            name = taken.choice.removeprefix(USE)
            # A question of an older build names an invoice by its number alone.
            one = named(found.candidates).get(name) or next(one for one in found.candidates if one.number == name)
            whole = tied(operation, invoice_id=one.invoice_id, number=one.number, deal_id=one.deal_id, by=taken.by)
            self._matched([whole])
        self._ask_next()
        return self.events

    def _by(self, operation: b.BankOperation, what: str, by: str, allotments: tuple[Allotment, ...] = ()) -> Match:
        fields = {
            "payment_id": operation.payment_id,
            "what": what,
            "details": operation.row.details,
            "allotments": allotments,
            "by": by,
        }
        return Match.model_validate(fields)

    def _ask(self, kind: str, operation: b.BankOperation, choices: tuple[str, ...], **more: int) -> None:
        cards = self.state.cards
        waiting = sum(card.taken is None for card in cards.by_id.values())
        if cards.open_of(kind, operation.payment_id) is not None:
            return
        # What was asked about before goes on: its answer settled nothing, and its place has gone to another since.
        asked = (card.opened.subject == operation.payment_id for card in cards.by_id.values())
        if waiting >= CARDS_OPEN_MAX and not any(asked):
            return
        row, found = operation.row, operation.match or _NOTHING
        listed = ", ".join(named(found.candidates))
        deals = {one.deal_id for one in found.candidates}
        self.say(
            CardOpened(
                card_id=str(deterministic_id("card", self.state.stream, operation.payment_id, str(len(cards.by_id)))),
                kind=kind,
                choices=choices,
                subject=operation.payment_id,
                opened_at=self.now,
                values={
                    "amount_kopecks": row.amount_kopecks,
                    "date": row.statement_day.isoformat(),
                    "order_number": row.number,
                    "name": row.their_name,
                    "inn": row.their_inn if len(row.their_inn) == 10 else "",
                    "numbers": listed,
                    **more,
                },
                deal_id=deals.pop() if len(deals) == 1 else "",
            )
        )

    def _ask_next(self) -> None:
        """Asks about what found no place among the questions before, or was gone while a person was asked about it."""
        cards = self.state.cards.by_id.values()
        asked = {card.opened.subject for card in cards if card.taken is None or card.taken.choice != WITHDRAWN}
        for operation in tuple(self.state.operations.values()):
            if operation.payment_id in asked or operation.vanished:
                continue
            if operation.suspect:
                self._ask(SUSPECT, operation, (ANOTHER, SAME))
            elif operation.match is not None and operation.match.what == "asked":
                self._ask_what_it_pays(operation, operation.match)

    def _withdraw_cards(self) -> None:
        """Nobody is asked about what is settled, or gone, by now."""
        for card in tuple(self.state.cards.by_id.values()):
            opened = card.opened
            if card.taken is None and not _stands(self.state.operations[opened.subject], opened.kind):
                self.say(
                    CardTaken(
                        card_id=opened.card_id,
                        kind=opened.kind,
                        subject=opened.subject,
                        choice=WITHDRAWN,
                        by="",
                        taken_at=self.now,
                        deal_id=opened.deal_id,
                    )
                )


_NOTHING = Match(payment_id="", what="open")


def named(candidates: Sequence[Candidate]) -> Mapping[str, Candidate]:
    """Candidates by what people choose them by: the number, with the deal where several have it, since numbers begin
    anew each year."""
    several = Counter(one.number for one in candidates)
    return {one.number if several[one.number] == 1 else f"{one.number}:{one.deal_id}": one for one in candidates}


def tied(operation: b.BankOperation, *, invoice_id: str, number: str, deal_id: str, by: str) -> Match:
    """The whole of an operation tied to one invoice by a person; what left is taken off what was paid."""
    whole = Allotment(
        invoice_id=invoice_id, number=number, deal_id=deal_id, amount_kopecks=operation.row.signed_kopecks
    )
    return Match(
        payment_id=operation.payment_id,
        what="allotted",
        details=operation.row.details,
        allotments=(whole,),
        ours=True,
        by=by,
    )


def _is_before(made_at: dt.datetime, until: dt.datetime) -> bool:
    """Whether a statement is surely older than another. A bank that tells the day alone has midnight for its time."""
    if made_at.time() == dt.time.min:
        return made_at.date() < until.astimezone(made_at.tzinfo).date()
    return made_at < until


def _stands(operation: b.BankOperation, kind: str) -> bool:
    if operation.vanished:
        return False
    if kind == SUSPECT:
        return operation.suspect
    return operation.match is not None and operation.match.what == "asked"


def planned(recorded: Recorded, state: b.State) -> Sequence[Plan]:
    """Matching after each load, the look-up of a number that a person named, and invoices that are paid otherwise."""
    event = recorded.event
    match event:
        case b.DayListed():
            looks = any(operation.open for operation in state.operations.values())
            again = (TaskPlan(MATCH, state.stream),) if looks else ()
            return (*again, *_allot(event.touched))
        case b.OperationsMatched():
            looks = any(found.what == "open" for found in event.matches)
            again = (TaskPlan(MATCH, state.stream),) if looks else ()
            lost = any(found.what == "unmatched" and found.ours for found in event.matches)
            due_at = recorded.recorded_at + LATER
            later = (TaskPlan(MATCH_LATER, state.stream, lane=Lane.BULK, due_at=due_at),) if lost else ()
            return (*again, *later, *_allot(event.touched))
        case b.OperationPointed():
            payload = {"payment_id": event.payment_id, "number": event.number, "by": event.by}
            return (TaskPlan(POINT, f"{event.payment_id}:{recorded.version}", payload),)
        case _:
            return ()


def _allot(invoices: Iterable[str]) -> tuple[TaskPlan, ...]:
    return tuple(map(allot_plan, invoices))


def allot_plan(invoice_id: str) -> TaskPlan:
    """The one row by which the deal of an invoice is told what statements list for it: two that read the list beside
    each other could commit the older one last."""
    return TaskPlan(ALLOT, invoice_id, {"invoice_id": invoice_id})
