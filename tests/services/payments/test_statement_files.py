"""What becomes of a statement file: it is read once, listed, and shown to a person where something was not taken."""

from typing import Any

import pytest

from chassis.aggregate import Lane, ReadRow, TaskPlan
from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Refused
from chassis.ids import deterministic_id
from services.payments.app import STATEMENTS
from services.payments.domain import statement
from tests.kit.statements import OURS
from tests.services.payments.bank_parts import DAY
from tests.services.streams import NOW, Stream

SEE = statement.SeeStatement("6f0c", "vektor/6f0c", "выписка.txt", 1_200, NOW)
WRONG = statement.LineProblem(line=15, code="statement_amount_wrong", values={"field": "Сумма", "found": "x"})
READ = statement.StatementRead(sections=2, taken=2, accounts=(OURS,), first_day=DAY, last_day=DAY)
FILE = {
    "stream": "statement-6f0c",
    "file_name": "выписка.txt",
    "size_bytes": 1_200,
    "received_at": NOW.isoformat(),
    "status": "waiting",
    "sections": 0,
    "taken": 0,
    "problem_count": 0,
    "problems": [],
    "accounts": [],
    "first_day": None,
    "last_day": None,
}
TAKEN = {
    "status": "read",
    "sections": 2,
    "taken": 2,
    "accounts": [OURS],
    "first_day": "2026-03-12",
    "last_day": "2026-03-12",
}
SHOWN = {"line": 15, "code": "statement_amount_wrong", "values": {"field": "Сумма", "found": "x"}, "section": True}


class TestFiles:
    def _file(self, *reads: statement.StatementRead) -> Stream[statement.State, statement.Command]:
        stream = Stream(STATEMENTS, "statement-6f0c")
        stream.ran(SEE)
        for read in reads:
            stream.ran(statement.SeeRead(read))
        return stream

    def test_a_file_that_came_is_read_once(self) -> None:
        stream = self._file()
        seen = statement.StatementSeen(
            statement_id="6f0c", blob="vektor/6f0c", file_name="выписка.txt", size_bytes=1_200, received_at=NOW
        )
        assert stream.events == [seen]
        payload = {"statement_id": "6f0c", "blob": "vektor/6f0c"}
        assert list(stream.tasks.values()) == [TaskPlan("load-statement", "6f0c", payload, lane=Lane.BULK)]
        assert stream.ran(SEE) == []
        assert stream.ran(statement.SeeRead(READ)) == [READ]
        assert stream.ran(statement.SeeRead(READ)) == []

    def test_a_file_that_nobody_saw_is_not_read(self) -> None:
        assert Stream(STATEMENTS, "statement-6f0c").ran(statement.SeeRead(READ)) == []

    @pytest.mark.parametrize(
        ("reads", "listed"),
        [
            ((), FILE),
            ((READ,), {**FILE, **TAKEN}),
            (
                (READ.model_copy(update={"taken": 1, "problems": (WRONG,), "problem_count": 7}),),
                {**FILE, **TAKEN, "taken": 1, "problem_count": 7, "problems": [SHOWN]},
            ),
            (
                (statement.StatementRead(sections=0, taken=0, refused=WRONG),),
                {**FILE, "status": "refused", "problems": [SHOWN]},
            ),
        ],
    )
    def test_a_file_is_listed_with_what_was_taken_of_it(
        self, reads: tuple[statement.StatementRead, ...], listed: dict[str, Any]
    ) -> None:
        row_of_file = next(one for one in self._file(*reads).rows() if one.table == "statements")
        assert row_of_file == ReadRow("statements", {"statement_id": "6f0c"}, listed)

    def test_a_file_that_nobody_saw_is_not_listed(self) -> None:
        assert Stream(STATEMENTS, "statement-6f0c").rows() == ()

    @pytest.mark.parametrize(
        ("read", "kind", "count"),
        [
            (READ.model_copy(update={"problems": (WRONG,), "problem_count": 7}), "statement_incomplete", 7),
            (READ.model_copy(update={"refused": WRONG}), "statement_refused", 0),
        ],
    )
    def test_a_person_hears_of_what_was_not_taken(self, read: statement.StatementRead, kind: str, count: int) -> None:
        stream = self._file(read)
        values: dict[str, str | int] = {
            "file": "выписка.txt",
            "taken": 2,
            "sections": 2,
            "count": count,
            "line": 15,
            "code": "statement_amount_wrong",
            "field": "Сумма",
            "found": "x",
        }
        assert stream.happened(CardOpened) == [
            CardOpened(
                card_id=str(deterministic_id("card", "statement-6f0c", "6f0c")),
                kind=kind,
                choices=("understood",),
                subject="6f0c",
                opened_at=NOW,
                values=values,
            )
        ]
        assert [one.table for one in stream.rows()] == ["statements", "decision_cards"]

    def test_who_has_read_of_it_says_so_once(self) -> None:
        stream = self._file(READ.model_copy(update={"refused": WRONG}))
        (card,) = stream.happened(CardOpened)
        take = TakeCard(card.card_id, "understood", "Анна")
        (taken,) = stream.ran(take)
        assert taken == CardTaken(
            card_id=card.card_id, kind=card.kind, subject="6f0c", choice="understood", by="Анна", taken_at=NOW
        )
        assert isinstance(stream.run(take), Refused)

    def test_a_reason_without_a_field_is_told_without_one(self) -> None:
        bare = statement.LineProblem(line=1, code="statement_empty")
        (card,) = self._file(READ.model_copy(update={"refused": bare})).happened(CardOpened)
        assert (card.values["field"], card.values["found"]) == ("", "")

    def test_a_file_that_was_taken_whole_asks_nobody(self) -> None:
        assert self._file(READ).happened(CardOpened) == []
