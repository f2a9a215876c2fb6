"""Requisites, statement files and callbacks as they are taken: what says something new is an event, nothing else is."""

import pytest

from chassis.aggregate import Lane
from services.ingest.app import CALLBACKS, REQUISITES, STATEMENTS
from services.ingest.domain import callback, deal, hints, requisite, statement
from services.ingest.domain.requisite import Card, ObserveRequisite
from services.ingest.domain.values import Policies, Register
from tests.services.ingest.test_domain import SETTINGS
from tests.services.streams import NOW, Stream

CARD = Card(company_id="7", requisite_id="12", inn="7709123453", kpp="770901001", name="ООО «Лотос»")
DADATA = Register(account="dadata:vektor", vendor="dadata", per_day=100)


def seen(card: Card = CARD, *, fill: bool = False) -> ObserveRequisite:
    """The requisites as they were read."""
    return ObserveRequisite(card, fill, (DADATA,) if fill else ())


def requisites() -> Stream[requisite.State, ObserveRequisite]:
    """Requisites that nobody has read."""
    return Stream(REQUISITES, "requisite-12")


def test_requisites_are_told_when_they_are_seen_first_and_whenever_they_change() -> None:
    stream = requisites()
    assert stream.ran(seen(fill=True)) == [
        requisite.RequisiteSeen(card=CARD, previous_inn="", fill=True, registers=(DADATA,))
    ]
    assert stream.state.card == CARD
    assert stream.ran(seen(fill=True)) == []
    moved = CARD.model_copy(update={"address": "Тверь"})
    assert stream.ran(seen(moved)) == [requisite.RequisiteSeen(card=moved)]


def test_another_inn_is_told_with_the_one_before() -> None:
    stream = requisites()
    stream.ran(seen())
    (told,) = stream.ran(seen(CARD.model_copy(update={"inn": "500100732259"})))
    assert isinstance(told, requisite.RequisiteSeen)
    assert (told.previous_inn, told.card.inn) == (CARD.inn, "500100732259")


@pytest.mark.parametrize("inn", ["", "  "])
def test_requisites_that_never_had_an_inn_say_nothing_and_a_removed_one_does(inn: str) -> None:
    without = CARD.model_copy(update={"inn": inn})
    stream = requisites()
    assert stream.ran(seen(without)) == []
    stream.ran(seen())
    (told,) = stream.ran(seen(without))
    assert isinstance(told, requisite.RequisiteSeen)
    assert told.previous_inn == CARD.inn


@pytest.mark.parametrize(
    ("registers", "wanted", "fills"), [((DADATA,), True, True), ((DADATA,), False, False), ((), True, False)]
)
def test_cards_are_filled_where_there_is_a_register_and_nobody_said_no(
    registers: tuple[Register, ...], wanted: bool, fills: bool
) -> None:
    changes = {"registers": registers, "policies": Policies(fill_companies=wanted)}
    assert requisite.fills(SETTINGS.model_copy(update=changes)) is fills


def test_what_a_hint_has_read_is_one_row_for_each_object_behind_peoples_work() -> None:
    card = requisite.read_card_plan("bitrix24:vektor", "company", "7")
    assert (card.kind, card.key, card.account) == ("read-card", "bitrix24:vektor:company:7", "bitrix24:vektor")
    assert (card.payload, card.lane) == ({"entity": "company", "object_id": "7"}, Lane.BULK)
    buyer = hints.read_buyer_plan("bitrix24:vektor", "contact", "3")
    assert (buyer.kind, buyer.key, buyer.lane) == ("read-buyer", "bitrix24:vektor:contact:3", Lane.BULK)
    assert buyer.payload == {"account": "bitrix24:vektor", "entity": "contact", "object_id": "3"}
    read = deal.read_plan("1734", "bitrix24:vektor")
    assert (read.kind, read.key, read.account) == ("read-deal", "bitrix24:vektor:1734", "bitrix24:vektor")
    assert (read.payload, read.lane) == ({"deal_id": "1734"}, Lane.INTERACTIVE)
    assert deal.read_plan("1734", "bitrix24:vektor", lane=Lane.BULK).lane == Lane.BULK


def test_a_statement_file_is_taken_once() -> None:
    sum_of_bytes = "0123456789abcdef" * 4
    name = statement.statement_id(sum_of_bytes)
    assert name == sum_of_bytes[:32]
    stream: Stream[statement.State, statement.TakeStatement] = Stream(STATEMENTS, f"statement-{name}")
    take = statement.TakeStatement(name, "blobs/1", "kl_to_1c.txt", 512, "folder")
    taken = statement.StatementTaken(
        statement_id=name,
        blob="blobs/1",
        file_name="kl_to_1c.txt",
        size_bytes=512,
        received_at=NOW,
        source="folder",
    )
    assert stream.ran(take) == [taken]
    assert stream.state.taken == taken
    assert stream.ran(take) == []


def test_a_callback_is_taken_with_all_it_told() -> None:
    name = callback.stream_of("kontur:vektor:main", "o1")
    assert name.startswith("callback-")
    assert (
        len({name, callback.stream_of("kontur:other:main", "o1"), callback.stream_of("kontur:vektor:main", "o2")}) == 3
    )
    assert name == callback.stream_of("kontur:vektor:main", "o1")
    stream: Stream[callback.State, callback.TakeCallback] = Stream(CALLBACKS, name)
    taken = callback.CallbackTaken(
        account="kontur:vektor:main", name="changed", kind="document", object_id="o1", delivery_id="d1"
    )
    assert stream.ran(callback.TakeCallback("kontur:vektor:main", "changed", "document", "o1", "d1")) == [taken]
    assert stream.state.last == taken
