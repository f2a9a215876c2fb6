"""Writing to a portal: each command has its own outcome, and a lost answer is never a success."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from chassis.domain import Problem
from chassis.http import NotSent, SentUnknown
from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.bitrix24.client import Bitrix24
from connectors.ports.crm import (
    AddComment,
    ChatMessage,
    CrmCommand,
    CrmWritten,
    FieldValue,
    MoneyValue,
    MoveStage,
    NotifyUser,
    SetFields,
    UploadFile,
)
from tests.connectors.bitrix24.portal import DEAL, ENDPOINT
from tests.connectors.kit import FailureType, Script, answer, batch, clock, permit

PERMIT = permit(ENDPOINT)
PDF = b"%PDF-1.7 \xff\x00 test"
MARKER = "[b24:1734:invoice:1:7c1f09aa]"
FIELDS: dict[str, FieldValue] = {
    "UF_CRM_NO": "СЧ-117", "UF_CRM_DAY": date(2026, 9, 10), "UF_CRM_DAYS": 12, "UF_CRM_SUM": Decimal("10.50"),
    "UF_CRM_DEBT": MoneyValue(12_960_000),
}  # fmt: skip
COMMANDS: list[CrmCommand] = [
    SetFields("deal", "1734", FIELDS),
    MoveStage("1734", "C2:WON"),
    UploadFile("deal", "1734", "UF_CRM_PDF", "счёт 117.pdf", PDF),
    AddComment("1734", "Счёт выставлен", MARKER, "a.pdf", PDF, search_first=False),
    NotifyUser("7", "Оплата", "SVERKA|PAID|1734", "sverka"),
    ChatMessage("chat42", "Сбой"),
]  # fmt: skip
ITEM = DEAL | {"UF_CRM_NO": "СЧ-117", "UF_CRM_DAY": "", "UF_CRM_DAYS": 12, "UF_CRM_SUM": "", "UF_CRM_DEBT": "",
               "UF_CRM_PDF": {"id": 4410}}  # fmt: skip
RESULTS = {"c0": {"item": ITEM}, "c1": {"item": ITEM | {"stageId": "C2:WON"}}, "c2": {"item": ITEM}, "c3": 20991,
           "c4": 55, "c5": 88}  # fmt: skip


def _client(*answers: Any) -> tuple[Bitrix24, Script]:
    script = Script(*(one if isinstance(one, NotSent | SentUnknown) else answer(one) for one in answers))
    return Bitrix24(script, clock(), lambda moved: None), script


def _query(script: Script, name: str, place: int = 0) -> dict[str, str]:
    return dict(parse_qsl(script.sent(place)["cmd"][name].partition("?")[2], keep_blank_values=True))


async def test_all_commands_in_one_request() -> None:
    client, script = _client(batch(RESULTS))
    outcomes = await client.write(PERMIT, COMMANDS)
    assert list(outcomes) == [
        Ok(CrmWritten()), Ok(CrmWritten(stage_id="C2:WON")), Ok(CrmWritten()), Ok(CrmWritten("20991")),
        Ok(CrmWritten("55")), Ok(CrmWritten("88")),
    ]  # fmt: skip
    assert len(script.calls) == 1
    assert script.calls[0].changes
    assert script.sent()["halt"] == 0
    assert _query(script, "c0") == {
        "entityTypeId": "2", "id": "1734", "useOriginalUfNames": "Y", "fields[UF_CRM_NO]": "СЧ-117",
        "fields[UF_CRM_DAY]": "2026-09-10", "fields[UF_CRM_DAYS]": "12", "fields[UF_CRM_SUM]": "10.50",
        "fields[UF_CRM_DEBT]": "129600.00|RUB",
    }  # fmt: skip
    assert _query(script, "c1")["fields[stageId]"] == "C2:WON"
    assert _query(script, "c2")["fields[UF_CRM_PDF][0]"] == "счёт 117.pdf"
    assert _query(script, "c2")["fields[UF_CRM_PDF][1]"] == b64encode(PDF).decode()
    assert _query(script, "c3") == {
        "fields[ENTITY_ID]": "1734", "fields[ENTITY_TYPE]": "deal", "fields[COMMENT]": f"Счёт выставлен\n{MARKER}",
        "fields[FILES][0][0]": "a.pdf", "fields[FILES][0][1]": b64encode(PDF).decode(),
    }  # fmt: skip
    assert _query(script, "c4") == {
        "USER_ID": "7", "MESSAGE": "Оплата", "TAG": "SVERKA|PAID|1734", "CLIENT_ID": "sverka",
    }  # fmt: skip
    assert _query(script, "c5") == {"DIALOG_ID": "chat42", "MESSAGE": "Сбой"}


async def test_each_command_has_its_own_outcome() -> None:
    errors = {
        "c0": {"error": "CRM_FIELD_ERROR_VALUE_NOT_VALID", "error_description": "Неверное значение поля «Сумма»"},
        "c1": {"error": "CRM_FIELD_ERROR_REQUIRED", "error_description": "Заполните «Договор»"},
        "c2": {"error": "QUERY_LIMIT_EXCEEDED", "error_description": ""},
        "c3": {"error": "INTERNAL_SERVER_ERROR", "error_description": ""},
        "c4": {"error": "brand_new", "error_description": ""},
    }
    client, _ = _client(batch({"c5": 88}, errors), batch({}, {"c0": errors["c0"]}))
    outcomes = await client.write(PERMIT, COMMANDS)
    kinds = [type(one) for one in outcomes]
    assert kinds == [Rejected, Rejected, Deferred, Uncertain, Uncertain, Ok]
    first = outcomes[0]
    assert isinstance(first, Rejected)
    assert first.problem.code == "crm_value_refused"
    assert first.problem.values["text"] == "Неверное значение поля «Сумма»"


async def test_a_field_of_numbers_takes_a_sum_without_its_currency() -> None:
    refused = {"error": "CRM_FIELD_ERROR_VALUE_NOT_VALID", "error_description": "Неверное значение поля «Оплачено»"}
    first = {"c1": RESULTS["c1"], "c2": RESULTS["c0"], "c3": RESULTS["c0"]}
    client, script = _client(batch(first, {"c0": refused}), batch({"c0": RESULTS["c0"], "c2": RESULTS["c0"]}))
    later = SetFields("deal", "1734", {"UF_CRM_NO": "СЧ-118"})
    outcomes = await client.write(PERMIT, [*COMMANDS[:2], later, replace(later, entity_id="1")])
    assert [type(one) for one in outcomes] == [
        Ok,
        Ok,
        Ok,
        Uncertain,
    ]  # the last is about another deal
    assert list(script.sent(1)["cmd"]) == ["c0", "c2"]
    assert _query(script, "c0", 1) == _query(script, "c0") | {"fields[UF_CRM_DEBT]": "129600.00"}
    assert _query(script, "c2", 1) == _query(script, "c2")


async def test_a_command_that_the_portal_never_answered_is_uncertain() -> None:
    client, _ = _client(batch({"c0": {"item": ITEM}}))
    outcomes = await client.write(PERMIT, COMMANDS)
    assert [type(one) for one in outcomes] == [Ok] + [Uncertain] * 5


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(SentUnknown(Problem("no_answer_in_time")), Uncertain), (NotSent(Problem("no_connection")), Retryable)],
)
async def test_a_lost_batch_is_lost_for_all(failure: NotSent | SentUnknown, kind: FailureType) -> None:
    client, _ = _client(failure)
    assert {type(one) for one in await client.write(PERMIT, COMMANDS)} == {kind}


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"result": {"res', b'{"result": true}', b"[]"])
async def test_an_unreadable_success_is_uncertain_for_all(body: bytes) -> None:
    script = Script(answer(body))
    outcomes = await Bitrix24(script, clock(), lambda moved: None).write(PERMIT, COMMANDS)
    assert {type(one) for one in outcomes} == {Uncertain}


async def test_a_field_that_the_portal_dropped_is_told() -> None:
    item = {name: value for name, value in ITEM.items() if name != "UF_CRM_DAYS"}
    client, _ = _client(batch({"c0": {"item": item}}))
    assert await client.write(PERMIT, COMMANDS[:1]) == [
        Rejected(Problem("crm_field_missing", {"field": "UF_CRM_DAYS"}))
    ]


async def test_an_answer_without_custom_fields_tells_nothing_about_them() -> None:
    item = {name: value for name, value in ITEM.items() if not name.startswith("UF_")}
    client, _ = _client(batch({"c0": {"item": item}}))
    assert await client.write(PERMIT, COMMANDS[:1]) == [Ok(CrmWritten())]


@pytest.mark.parametrize("kept", [None, "", [], False])
async def test_a_file_that_the_portal_dropped_is_told(kept: Any) -> None:
    client, _ = _client(batch({"c0": {"item": ITEM | {"UF_CRM_PDF": kept}}}))
    assert await client.write(PERMIT, [COMMANDS[2]]) == [Rejected(Problem("crm_file_dropped", {"field": "UF_CRM_PDF"}))]


@pytest.mark.parametrize("result", [None, True, [], {}, {"item": []}, {"item": {"id": 999}}])
async def test_an_update_that_answers_about_something_else_is_uncertain(result: Any) -> None:
    client, _ = _client(batch({"c0": result}))
    for outcome in await client.write(PERMIT, COMMANDS[:1]):
        assert isinstance(outcome, Uncertain)


@pytest.mark.parametrize("result", [True, None, "", [], {"id": 5}])
async def test_a_comment_without_an_id_is_uncertain(result: Any) -> None:
    client, _ = _client(batch({"c0": result}))
    assert isinstance((await client.write(PERMIT, [COMMANDS[3]]))[0], Uncertain)


async def test_a_notification_that_the_portal_did_not_take() -> None:
    client, _ = _client(batch({"c0": False}))
    assert isinstance((await client.write(PERMIT, [COMMANDS[4]]))[0], Rejected)


async def test_a_comment_is_looked_for_before_it_is_repeated() -> None:
    wanted = AddComment("1734", "Счёт выставлен", MARKER)
    client, script = _client(batch({"d1734": [{"ID": "5", "COMMENT": f"Счёт {MARKER}"}]}, totals={"d1734": 1}))
    assert await client.write(PERMIT, [wanted]) == [Ok(CrmWritten("5", found=True))]
    assert len(script.calls) == 1
    assert not script.calls[0].changes
    client, script = _client(batch({"d1734": []}, totals={"d1734": 0}), batch({"c0": {"item": ITEM}, "c1": 6}))
    assert await client.write(PERMIT, [COMMANDS[0], wanted]) == [Ok(CrmWritten()), Ok(CrmWritten("6"))]
    assert len(script.calls) == 2


async def test_older_comments_are_looked_through_too() -> None:
    newest = [{"ID": str(number), "COMMENT": "x"} for number in range(120, 70, -1)]
    client, script = _client(
        batch({"d1734": newest}, totals={"d1734": 120}),
        batch({"d1734s50": [{"ID": "40", "COMMENT": f"Счёт {MARKER}"}], "d1734s100": []}),
    )
    assert await client.find_comment(PERMIT, "1734", MARKER) == Ok("40")
    assert sorted(script.sent(1)["cmd"]) == ["d1734s100", "d1734s50"]


async def test_a_failed_search_writes_nothing() -> None:
    client, script = _client(SentUnknown(Problem("no_answer_in_time")))
    outcomes = await client.write(PERMIT, [COMMANDS[0], AddComment("1734", "Счёт", MARKER)])
    assert {type(one) for one in outcomes} == {Retryable}
    assert len(script.calls) == 1


async def test_a_deal_whose_comments_cannot_be_read_stops_only_its_comment() -> None:
    denied = {"error": "ACCESS_DENIED", "error_description": ""}
    client, _ = _client(batch({}, {"d1734": denied}), batch({"c0": {"item": ITEM}}))
    outcomes = await client.write(PERMIT, [COMMANDS[0], AddComment("1734", "Счёт", MARKER)])
    assert [type(one) for one in outcomes] == [Ok, Rejected]


SAID = {"id": 88, "chat_id": 42, "author_id": 1, "date": "2026-09-10T12:00:05+03:00", "text": "Сбой"}
AFTER = datetime(2026, 9, 10, 9, 0, tzinfo=UTC)


async def test_a_message_is_looked_for_before_it_is_repeated() -> None:
    wanted = ChatMessage("chat42", "Сбой", AFTER)
    client, script = _client(batch({"m0": {"chat_id": 42, "messages": [SAID]}}))
    assert await client.write(PERMIT, [wanted]) == [Ok(CrmWritten("88", found=True))]
    assert not script.calls[0].changes
    assert _query(script, "m0") == {"DIALOG_ID": "chat42", "LIMIT": "50"}


@pytest.mark.parametrize(
    "other", [SAID | {"text": "Сбой в 9:00"}, SAID | {"date": "2026-09-10T11:59:59+03:00"}], ids=["text", "time"]
)
async def test_another_message_is_not_taken_for_it(other: dict[str, Any]) -> None:
    client, script = _client(batch({"m0": {"messages": [other]}}), batch({"c0": 89}))
    assert await client.write(PERMIT, [ChatMessage("chat42", "Сбой", AFTER)]) == [Ok(CrmWritten("89"))]
    assert script.calls[1].changes


async def test_a_dialogue_that_cannot_be_read_gets_no_repeat() -> None:
    denied = {"error": "ACCESS_ERROR", "error_description": ""}
    client, script = _client(batch({}, {"m0": denied}))
    assert isinstance((await client.write(PERMIT, [ChatMessage("chat42", "Сбой", AFTER)]))[0], Rejected)
    assert len(script.calls) == 1


async def test_texts_of_people_are_no_references() -> None:
    client, script = _client(batch({"c0": 88}))
    await client.write(PERMIT, [ChatMessage("7", "цена $result[deal][item][id] & 100%")])
    assert _query(script, "c0")["MESSAGE"] == "цена $ result[deal][item][id] & 100%"


@pytest.mark.parametrize("count", [0, 51])
async def test_a_batch_has_one_to_fifty_commands(count: int) -> None:
    client, _ = _client()
    with pytest.raises(ValueError, match="1 to 50"):
        await client.write(PERMIT, [MoveStage("1", "NEW")] * count)
