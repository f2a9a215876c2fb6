"""Counterparties: find by INN, create, replace, changes since, validation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.elba_client import BUYER, ElbaClient


async def test_find_by_inn_answers_a_bare_array(elba: ElbaClient) -> None:
    assert (await elba.get("/counterparties?inn=7709123453")).json() == []
    buyer = await elba.buyer()
    found = (await elba.get("/counterparties?inn=7709123453")).json()
    assert [record["id"] for record in found] == [buyer]
    assert (await elba.get("/counterparties?inn=770912345")).json() == []


async def test_card_has_every_member(elba: ElbaClient) -> None:
    buyer = await elba.buyer(address="105062, г. Москва", someUnknownMember=1)
    card = (await elba.get(f"/counterparties/{buyer}")).json()
    assert set(card) == {
        "id", "fullName", "shortName", "inn", "kpp", "ogrn", "address", "email", "phone", "type", "updatedAt",
    }  # fmt: skip
    assert (card["type"], card["kpp"], card["shortName"]) == ("legal", "770901001", None)


async def test_put_replaces_the_whole_card(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    await elba.sandbox.advance(5)
    answer = await elba.call("PUT", f"/counterparties/{buyer}", {"fullName": "ООО «Ирис»", "inn": "7709123453"})
    assert (answer.status_code, answer.json()["kpp"], answer.json()["email"]) == (200, None, None)
    assert (await elba.call("PUT", "/counterparties/no-such", BUYER)).status_code == 404


async def test_changes_since_are_ascending_inclusive_and_paged(elba: ElbaClient) -> None:
    first = await elba.buyer()
    await elba.sandbox.advance(10)
    second = await elba.buyer(kpp="770902002")
    at = (await elba.get(f"/counterparties/{second}")).json()["updatedAt"]
    page = (await elba.get("/counterparties", params={"updatedSince": at})).json()
    assert ([item["id"] for item in page["items"]], page["total"]) == ([second], 1)
    pages = [(await elba.get(f"/counterparties?offset={offset}&limit=1")).json() for offset in (0, 1, 2)]
    assert [[item["id"] for item in one["items"]] for one in pages] == [[first], [second], []]
    assert {one["total"] for one in pages} == {2}


@pytest.mark.parametrize("query", ["limit=101", "limit=0", "offset=-1", "limit=x", "updatedSince=yesterday"])
async def test_bad_list_parameters_are_refused(elba: ElbaClient, query: str) -> None:
    assert (await elba.get(f"/counterparties?{query}")).status_code == 400


async def test_post_of_a_known_inn_makes_a_second_record_unless_dialled(elba: ElbaClient) -> None:
    first, second = await elba.buyer(), await elba.buyer()
    assert first != second
    await elba.control("/dials", {"duplicate_counterparties": False})
    answer = await elba.post("/counterparties", BUYER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "EntityAlreadyExists")


async def test_entrepreneur_and_individual(elba: ElbaClient) -> None:
    person = await elba.buyer(fullName="ИП Орлов", inn="500100732259", kpp=None)
    assert (await elba.get(f"/counterparties/{person}")).json()["type"] == "entrepreneur"
    nobody = await elba.post(
        "/counterparties", {"fullName": "Иван Орлов", "email": "i@orlov.example", "type": "individual"}
    )
    assert (nobody.status_code, nobody.json()["inn"]) == (201, None)


@pytest.mark.parametrize(
    ("members", "target"),
    [
        ({"fullName": None}, "fullName"),
        ({"fullName": "x" * 401}, "fullName"),
        ({"inn": None}, "inn"),
        ({"inn": "7709123450"}, "inn"),
        ({"inn": "770912345"}, "inn"),
        ({"inn": 7709123453}, "inn"),
        ({"kpp": "77090100"}, "kpp"),
        ({"kpp": "77090100X"}, "kpp"),
        ({"inn": "500100732259", "type": "entrepreneur"}, "kpp"),
        ({"inn": "7709123453", "type": "entrepreneur", "kpp": None}, "inn"),
        ({"ogrn": "1234567890123"}, "ogrn"),
        ({"email": "not-an-address"}, "email"),
        ({"type": "Legal"}, "type"),
    ],
)
async def test_a_bad_member_is_named(elba: ElbaClient, members: dict[str, Any], target: str) -> None:
    answer = await elba.post("/counterparties", {**BUYER, **members})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "ValidationError")
    assert target in [detail["target"] for detail in error["details"]]


async def test_hand_made_duplicate_edit_and_delete(elba: ElbaClient) -> None:
    buyer = await elba.buyer()
    copy = await elba.control(f"/counterparties/{buyer}/duplicate")
    assert len((await elba.get("/counterparties?inn=7709123453")).json()) == 2
    await elba.control(f"/counterparties/{copy['id']}", {"kpp": "770902002"}, "PATCH")
    assert (await elba.get(f"/counterparties/{copy['id']}")).json()["kpp"] == "770902002"
    await elba.control(f"/counterparties/{copy['id']}", method="DELETE")
    assert [card["id"] for card in (await elba.get("/counterparties?inn=7709123453")).json()] == [buyer]
