"""Answers of the providers as their pages show them, and answers of another shape."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from chassis.outcomes import Ok, Retryable
from connectors import registers
from connectors.dadata import mapping as dadata
from connectors.dadata.client import Dadata, statistics_url
from connectors.focus import mapping as focus
from connectors.focus.client import Focus
from connectors.ports.companies import CompanyStatus
from tests.connectors.kit import Script, answer, clock, permit

INN = "7709123453"


def suggestion(**data: Any) -> dict[str, Any]:
    return {"value": "x", "data": {"inn": INN, "type": "LEGAL", "kpp": "770901001", **data}}


def test_of_several_registrations_of_one_person_the_one_in_force_is_taken_else_the_newest() -> None:
    def person(ogrn: str, status: str, milliseconds: int) -> dict[str, Any]:
        state = {"status": status}
        return suggestion(
            inn="500100732259", type="INDIVIDUAL", kpp=None, ogrn=ogrn, ogrn_date=milliseconds, state=state
        )

    ended, newer, now = (
        person("1", "LIQUIDATED", 10**12),
        person("2", "LIQUIDATED", 2 * 10**12 - 1),
        person("3", "ACTIVE", 9 * 10**11),
    )
    cards = dadata.cards_of({"suggestions": [ended, newer, now]})
    in_force, newest = dadata.chosen(cards, "500100732259", ""), dadata.chosen(cards[:2], "500100732259", "")
    assert in_force is not None
    assert newest is not None
    assert (in_force.ogrn, newest.ogrn) == ("3", "2")


def test_a_suggestion_of_another_inn_is_not_taken() -> None:
    cards = dadata.cards_of({"suggestions": [suggestion(inn="7736207543")]})
    assert dadata.chosen(cards, INN, "") is None


def test_words_and_parts_that_are_not_known_are_no_failure() -> None:
    (card,) = dadata.cards_of({"suggestions": [suggestion(state={"status": "ASCENDED"}, address=None, name=None)]})
    assert (card.status, card.address, card.full_name) == (CompanyStatus.UNKNOWN, "", "")
    (company, person) = dadata.cards_of(
        {"suggestions": [suggestion(type="ALIEN"), suggestion(type=None, inn="500100732259")]}
    )
    assert (company.kind, person.kind) == ("company", "entrepreneur")


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"suggestions": None}, {"suggestions": [{}]}, {"suggestions": [suggestion(inn="77", type="ALIEN")]}],
)
async def test_dadata_s_answers_of_another_shape_are_asked_for_again(document: Any) -> None:
    found = await Dadata(Script(answer(document)), clock()).by_inn(permit("https://x", "k"), INN)
    assert isinstance(found, Retryable)


@pytest.mark.parametrize("document", [None, {}, [1], [{"inn": INN}], [{"inn": INN, "UL": None, "IP": None}]])
async def test_focus_s_answers_of_another_shape_are_asked_for_again(document: Any) -> None:
    found = await Focus(Script(answer(document)), clock()).by_inn(permit("https://x", "k"), INN)
    assert isinstance(found, Retryable)


def test_focus_writes_a_foreign_address_and_one_line_addresses() -> None:
    row = {"inn": INN, "UL": {"legalAddress": {"foreignAddress": {"countryName": "КИПР", "addressString": "Никосия"}}}}
    card = focus.card_of([row], INN, "")
    assert card is not None
    assert card.address == "КИПР, Никосия"
    row["UL"]["legalAddress"] = {"parsedAddressRF": {"oneLineFormatOfAddress": "г. Москва, ул. Лесная"}}  # type: ignore[index]
    card = focus.card_of([row], INN, "")
    assert card is not None
    assert card.address == "г. Москва, ул. Лесная"


def test_statistics_are_on_a_host_of_their_own_at_the_vendor() -> None:
    assert statistics_url("https://suggestions.dadata.ru/suggestions/api/4_1/rs") == "https://dadata.ru/api/v2"
    assert statistics_url("http://127.0.0.1:8190/x/suggestions/api/4_1/rs") == "http://127.0.0.1:8190/x/api/v2"


async def test_the_key_of_focus_is_in_no_problem() -> None:
    found = await Focus(Script(answer(b"no", 403), answer(b"no", 403)), clock()).by_inn(
        permit("https://x", "sesame"), INN
    )
    assert "sesame" not in repr(found)


async def test_the_parts_of_dadata_s_token_go_where_they_belong() -> None:
    script = Script(answer({"suggestions": []}))
    assert await Dadata(script, clock()).by_inn(permit("https://x/", "key secret"), INN, "770901001") == Ok(None)
    assert script.calls[0].headers["authorization"] == "Token key"
    assert script.calls[0].url == "https://x/findById/party"
    assert script.sent() == {"query": INN, "kpp": "770901001", "count": 20}


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 3, 12, 20, 59, tzinfo=UTC), datetime(2026, 3, 12, 21, 0, tzinfo=UTC)),
        (datetime(2026, 3, 12, 21, 0, tzinfo=UTC), datetime(2026, 3, 13, 21, 0, tzinfo=UTC)),
    ],
)
def test_the_day_of_quotas_is_that_of_moscow(now: datetime, midnight: datetime) -> None:
    assert registers.next_midnight(now) == midnight
    assert date.fromisoformat(registers.day_of_moscow(now)) in (date(2026, 3, 12), date(2026, 3, 13))
