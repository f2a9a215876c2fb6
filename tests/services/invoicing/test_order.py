"""Facts that commute across topics end in the same documents and the same effects, in whatever order they are read."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.invoicing.domain import commands as c
from services.invoicing.domain.drafting import document_id
from tests.services.invoicing.parts import (
    ROMASHKA,
    VASILEK,
    Documents,
    answer,
    deal,
    documents,
    linked,
    open_cards,
    refused,
    request,
)

INVOICE = document_id("vektor", "main", "15", "invoice", 1)

Topics = dict[str, list[c.Command]]

STORIES: dict[str, Topics] = {
    "one invoice": {"deals": [request()], "counterparties": [linked()]},
    "a buyer that is corrected": {
        "deals": [request(what=deal("a", "")), c.SeeDeal(deal("b"))],
        "counterparties": [refused(), linked()],
    },
    "a buyer that is corrected to another one": {
        "deals": [request(what=deal("a", "")), c.SeeDeal(deal("b", VASILEK)), c.SeeDeal(deal("c", ROMASHKA))],
        "counterparties": [refused(), linked()],
    },
    "a deal that is deleted and comes back": {
        "deals": [request(), c.SeeDeal(None), c.SeeDeal(deal())],
        "counterparties": [linked()],
    },
    "an act that waits for the payment": {
        "deals": [request(), request("act", "act", act_requires_paid=True)],
        "counterparties": [linked(), linked("act")],
        "payments": [
            c.SeeBalance(INVOICE, 1, False, "issued"),
            c.SeeBalance(INVOICE, 2, False, "partially_paid"),
            c.SeeBalance(INVOICE, 3, True, "paid"),
        ],
    },
    "lines that are corrected": {
        "deals": [request(what=deal("a", rows=())), c.SeeDeal(deal("b"))],
        "counterparties": [linked()],
    },
}


def read(topics: Topics, order: list[int], repeats: list[int]) -> Documents:
    """The deal after everything was read; ``order`` names the next topic, or the vendor's answer when it is 0."""
    stream = documents()
    places = dict.fromkeys(topics, 0)
    answered: set[tuple[str, ...]] = set()
    turns, again = iter(order), iter(repeats)
    while True:
        waiting: list[Any] = [key for key in stream.effects if key not in answered]
        open_topics = [name for name, place in places.items() if place < len(topics[name])]
        if not open_topics and not waiting:
            return stream
        choices = [*waiting, *open_topics]
        chosen = choices[next(turns, 0) % len(choices)]
        if isinstance(chosen, str):
            stream.ran(topics[chosen][places[chosen]], f"{chosen}-{places[chosen]}")
            places[chosen] += 1
        else:
            answered.add(chosen)
            stream.ran(answer(stream.effects[chosen]), "/".join(chosen))
        _repeat(stream, topics, places, next(again, 0))


def _repeat(stream: Documents, topics: Topics, places: dict[str, int], which: int) -> None:
    """A message that was read before is delivered again."""
    seen = [(name, place) for name, upto in places.items() for place in range(upto)]
    if seen and which:
        name, place = seen[which % len(seen)]
        stream.ran(topics[name][place], f"{name}-{place}")


TURNS = st.lists(st.integers(0, 7), max_size=12)


@pytest.mark.parametrize("story", STORIES)
@settings(max_examples=60, deadline=None)
@given(one=TURNS, other=TURNS, repeats=TURNS)
def test_any_order_ends_in_the_same_documents_and_effects(
    story: str, one: list[int], other: list[int], repeats: list[int]
) -> None:
    first, second = read(STORIES[story], one, []), read(STORIES[story], other, repeats)
    assert first.effects == second.effects
    assert first.state.documents == second.state.documents
    assert open_cards(first) == open_cards(second) == []
    assert {document.phase for document in first.state.documents.values()} == {"made"}
