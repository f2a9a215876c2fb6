"""Read rows of parties and of the CRM's cards: who is linked to which record, questions; each of one stream."""

from collections.abc import Sequence

from chassis.aggregate import ReadRow
from chassis.cards import card_rows
from services.counterparty.domain import card, party


def projected_of_party(stream: str, state: party.State) -> Sequence[ReadRow]:
    """All read rows of a party's stream."""
    rows = [
        ReadRow(
            "links",
            {"party": stream, "account": record.account},
            {
                "phase": record.phase,
                "remote_id": record.remote_id,
                "created": record.created,
                "refused": None if record.refused is None else record.refused.model_dump(mode="json"),
            },
        )
        for record in state.records.values()
    ]
    return (*rows, *card_rows(stream, state.cards))


def projected_of_card(stream: str, state: card.State) -> Sequence[ReadRow]:
    """The questions about the CRM's cards of an INN."""
    return tuple(card_rows(stream, state.questions))
