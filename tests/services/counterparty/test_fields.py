"""Which source's word stands in a company's card: the register before accounting before the CRM, in whatever order."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.counterparty.domain import fields
from services.counterparty.domain.fields import NAMES, RANKS, Fields, Name, changes, merged, spelled, told

KPPS = ("773601001", "781343001", "1", "")
OGRNS = ("1027700229193", "304500116000157", "12", "")
WORDS = st.text('абвё«»"Ё . ', max_size=6)
VALUES = st.fixed_dictionaries(
    {"name": WORDS, "full_name": WORDS, "address": WORDS, "kpp": st.sampled_from(KPPS), "ogrn": st.sampled_from(OGRNS)}
)
SOURCES = st.tuples(VALUES, VALUES, VALUES).map(
    lambda three: [told(values, origin) for values, origin in zip(three, RANKS, strict=True)]
)


def written(shown: Mapping[str, str], best: Fields) -> dict[str, str]:
    """The card after its changes."""
    return {**shown, **{name: field.value for name, field in changes(shown, best).items()}}


@given(SOURCES)
def test_each_field_is_the_best_sources_that_says_anything(sources: list[Fields]) -> None:
    best = merged(sources)
    for name in NAMES:
        said = [source[name] for source in sources if name in source]
        if not said:
            assert name not in best
            continue
        assert best[name] == max(said, key=lambda field: RANKS[field.origin])


@given(SOURCES)
def test_the_order_in_which_sources_are_heard_does_not_matter(sources: list[Fields]) -> None:
    assert len({repr(sorted(merged(order).items())) for order in itertools.permutations(sources)}) == 1


@given(SOURCES, VALUES)
def test_a_lesser_source_that_speaks_later_changes_no_field_of_a_better_one(
    sources: list[Fields], late: Mapping[str, str]
) -> None:
    best = merged(sources)
    for origin in RANKS:
        again = merged([best, told(late, origin)])
        for name, field in best.items():
            assert RANKS[again[name].origin] >= RANKS[field.origin]
            if RANKS[origin] <= RANKS[field.origin]:
                assert again[name] == field


@given(VALUES, SOURCES)
def test_a_card_that_was_written_is_not_written_again(shown: Mapping[str, str], sources: list[Fields]) -> None:
    best = merged([*sources[1:], told(shown, "crm")])
    assert changes(written(shown, best), best) == {}


@given(VALUES, SOURCES)
def test_nothing_is_emptied_and_a_right_kpp_stays(shown: Mapping[str, str], sources: list[Fields]) -> None:
    after = written(shown, merged([*sources, told(shown, "crm")]))
    for name, value in told(shown, "crm").items():
        assert after[name]
        if name == "kpp":
            assert after[name].strip() == value.value


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("name", "ООО «Ромашка»", 'ооо  "РОМАШКА"'),
        ("full_name", "Общество «Ёлка»", 'Общество "Елка"'),
        ("address", "119021, г Москва", " 119021,  Г МОСКВА"),
    ],
)
def test_other_spelling_is_no_difference(name: Name, one: str, other: str) -> None:
    assert spelled(name, one) == spelled(name, other)
    assert changes({name: one}, {name: fields.Field(value=other, origin="register")}) == {}
