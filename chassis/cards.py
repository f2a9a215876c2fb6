"""Decision cards: a question before a person, opened and taken as events of the stream that it is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import Field

from chassis.aggregate import ReadRow
from chassis.domain import Event, Problem, Refused

TABLE = "decision_cards"


class CardOpened(Event, name="CardOpened"):
    """A person is asked. ``subject`` is what the card is about, in its stream's own words; ``values`` fill its text."""

    card_id: str
    kind: str
    choices: tuple[str, ...]
    subject: str
    opened_at: datetime
    values: dict[str, str | int] = Field(default_factory=dict)
    deal_id: str = ""
    responsible_id: str = ""


class CardTaken(Event, name="CardTaken"):
    """A person decided. ``number`` is what they found at the vendor, where the choice asks for it."""

    card_id: str
    kind: str
    subject: str
    choice: str
    by: str
    taken_at: datetime
    number: str = ""
    deal_id: str = ""


@dataclass(frozen=True, slots=True)
class TakeCard:
    """The command of ``sverka decide take``."""

    card_id: str
    choice: str
    by: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A card and what became of it."""

    opened: CardOpened
    taken: CardTaken | None = None


@dataclass(frozen=True, slots=True)
class Cards:
    """All cards of one stream."""

    by_id: Mapping[str, Card] = field(default_factory=dict)

    def __contains__(self, card_id: str) -> bool:
        return card_id in self.by_id

    def evolve(self, event: CardOpened | CardTaken) -> "Cards":
        """The cards after one event."""
        if isinstance(event, CardOpened):
            return Cards({**self.by_id, event.card_id: Card(event)})
        return Cards({**self.by_id, event.card_id: replace(self.by_id[event.card_id], taken=event)})

    def open_of(self, kind: str, subject: str) -> Card | None:
        """The open card of a kind about a subject."""
        return next(
            (
                card
                for card in self.by_id.values()
                if card.taken is None and card.opened.kind == kind and card.opened.subject == subject
            ),
            None,
        )

    def take(self, command: TakeCard, now: datetime) -> CardTaken | Refused:
        """The decision as an event, or why it cannot be taken: unknown, already taken, no such choice, a number needed.

        The choice ``found`` needs the number of what was found.
        """
        card = self.by_id.get(command.card_id)
        if card is None:
            return Refused(Problem("card_unknown", {"card": command.card_id}))
        if card.taken is not None:
            return Refused(Problem("card_taken", {"choice": card.taken.choice, "by": card.taken.by}))
        if command.choice not in card.opened.choices:
            known = ", ".join(card.opened.choices)
            return Refused(Problem("choice_unknown", {"choice": command.choice, "choices": known}))
        if command.choice == "found" and not command.number.strip():
            return Refused(Problem("number_needed"))
        return CardTaken(
            card_id=card.opened.card_id,
            kind=card.opened.kind,
            subject=card.opened.subject,
            choice=command.choice,
            by=command.by,
            taken_at=now,
            number=command.number.strip(),
            deal_id=card.opened.deal_id,
        )


def needed(event: CardOpened) -> dict[str, Any]:
    """The fields of the public message that asks for the decision."""
    return event.model_dump(include={"card_id", "kind", "choices", "values", "deal_id", "responsible_id"})


def decided(event: CardTaken) -> dict[str, Any]:
    """The fields of the public message that tells the decision."""
    return event.model_dump(include={"card_id", "kind", "choice", "by", "number", "deal_id"})


def card_rows(stream: str, cards: Cards) -> Iterable[ReadRow]:
    """The read rows of a stream's cards."""
    for card in cards.by_id.values():
        yield ReadRow(
            TABLE,
            {"card_id": card.opened.card_id},
            {
                "stream": stream,
                "kind": card.opened.kind,
                "choices": list(card.opened.choices),
                "shown": card.opened.values,
                "deal_id": card.opened.deal_id,
                "responsible_id": card.opened.responsible_id,
                "opened_at": card.opened.opened_at.isoformat(),
                "choice": card.taken.choice if card.taken else None,
                "taken_by": card.taken.by if card.taken else None,
                "taken_at": card.taken.taken_at.isoformat() if card.taken else None,
            },
        )
