"""vote.*: polls in chats."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tests.sandbox.bitrix24.client import PortalClient
from tests.sandbox.bitrix24.conftest import OPENING
from tests.sandbox.running import Sandbox

IN_CHAT = {"moduleId": "im", "entityType": "Bitrix\\Vote\\Attachment\\ImMessageConnector"}
ANSWERS = [{"MESSAGE": "Сегодня"}, {"MESSAGE": "Завтра"}, {"MESSAGE": "Никогда"}]


@pytest_asyncio.fixture
async def crm(sandbox: Sandbox) -> PortalClient:
    """A portal whose webhook may send polls."""
    opening = {**OPENING, "scopes": ["vote", "im"]}
    return PortalClient(sandbox, await sandbox.control("/bitrix24/portals", opening))


def _poll(question: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    asked = {"QUESTION": "Когда оплатим?", "ANSWERS": ANSWERS, **(question or {})}
    return {"IM_MESSAGE_VOTE_DATA": {"QUESTIONS": [asked], **more}}


async def _colleague(crm: PortalClient) -> PortalClient:
    hook = await crm.control("/webhooks", {"user_id": 7, "scopes": ["vote", "im"]})
    return PortalClient(crm.sandbox, {**crm.opened, "webhook_url": hook["webhook_url"]})


async def test_people_of_a_chat_vote_and_vote_again(crm: PortalClient) -> None:
    chat = await crm.result("im.chat.add", {"TITLE": "Счета", "USERS": [7]})
    params = {"chatId": chat, "templateId": "t1", **_poll({"FIELD_TYPE": 1}, OPTIONS=1)}
    sent = await crm.result("vote.Integration.Im.send", params)
    assert await crm.result("vote.Integration.Im.send", params) == sent
    (message,) = (await crm.result("im.dialog.messages.get", {"DIALOG_ID": f"chat{chat}"}))["messages"][:1]
    assert (message["id"], message["text"]) == (sent["messageId"], "Когда оплатим?")
    poll = {"attachId": sent["voteId"]}
    attach = (await crm.result("vote.AttachedVote.get", poll))["attach"]
    assert (attach["entityId"], attach["canVote"], attach["canRevote"], attach["userAnswerMap"]) == (
        sent["messageId"], True, True, [])  # fmt: skip
    number = str(sent["voteId"])
    today, tomorrow, _ = attach["QUESTIONS"][number]["ANSWERS"]
    other = await _colleague(crm)
    await other.result("vote.AttachedVote.vote", {**poll, "ballot": {number: [today]}})
    shown = (await crm.result("vote.AttachedVote.vote", {**poll, "ballot": {number: [today, tomorrow]}}))["attach"]
    assert (shown["COUNTER"], shown["isVoted"], shown["canVote"]) == (2, True, False)
    assert list(shown["userAnswerMap"][number]) == [today, tomorrow]
    answers = shown["QUESTIONS"][number]["ANSWERS"]
    assert [(one["COUNTER"], one["PERCENT"]) for one in answers.values()] == [(2, 66.67), (1, 33.33), ("0", 0)]
    signed = {"signedAttachId": attach["signedAttachId"]}
    voted = (await crm.result("vote.AttachedVote.getWithVoted", signed))["voted"]
    assert {answer: [one["ID"] for one in people] for answer, people in voted.items()} == {today: [7, 1], tomorrow: [1]}
    page = {**poll, "answerId": today, "pageNavigation": {"size": 1, "page": 2}}
    envelope = await crm.call("vote.AttachedVote.getAnswerVoted", page)
    assert ([one["ID"] for one in envelope["result"]["items"]], envelope["total"]) == ([1], 2)
    report = await crm.send("vote.AttachedVote.download", poll)
    assert report.headers["content-disposition"].startswith("attachment")
    assert "Завтра</td><td>1</td><td>33.33%" in report.text
    assert (await crm.result("vote.AttachedVote.recall", poll))["attach"]["userAnswerMap"] == []
    many = {**IN_CHAT, "entityIds": [sent["messageId"]]}
    (item,) = (await crm.result("vote.AttachedVote.getMany", many))["items"]
    assert (item["ID"], item["COUNTER"]) == (sent["voteId"], 1)


async def test_a_poll_refuses_in_the_vendors_words(crm: PortalClient) -> None:
    chat = await crm.result("im.chat.add", {"TITLE": "Счета"})
    send = "vote.Integration.Im.send"
    for params, text in (
        ({"IM_MESSAGE_VOTE_DATA": {}}, "Введите вопрос и варианты ответов"),
        ({"IM_MESSAGE_VOTE_DATA": {"QUESTIONS": [{}, {}]}}, "Максимальное количество вопросов: 1"),
        (_poll({"ANSWERS": ANSWERS[:1]}), "Минимальное количество ответов: 2"),
        (_poll({"ANSWERS": ANSWERS * 4}), "Максимальное количество ответов: 10"),
    ):
        assert await crm.refused(send, {"chatId": chat, **params}) == (400, "400", text)
    sent = await crm.result(send, {"chatId": chat, **_poll()})
    poll, number = {"attachId": sent["voteId"]}, str(sent["voteId"])
    attach = (await crm.result("vote.AttachedVote.get", {**IN_CHAT, "entityId": sent["messageId"]}))["attach"]
    today, tomorrow, _ = attach["QUESTIONS"][number]["ANSWERS"]
    vote, ballot = "vote.AttachedVote.vote", {**poll, "ballot": {number: [tomorrow]}}
    assert await crm.result("vote.AttachedVote.stop", poll) == []
    assert await crm.refused(vote, ballot) == (403, "403", "Опрос неактивен.")
    assert await crm.result("vote.AttachedVote.resume", poll) == []
    assert (await crm.result(vote, ballot))["attach"]["canRevote"] is False
    assert await crm.refused(vote, {**poll, "ballot": {number: [today]}}) == (400, "400", "Cannot save poll.")
    assert (await crm.result("vote.AttachedVote.recall", poll))["attach"]["isVoted"] is True
    other = await _colleague(crm)
    get = "vote.AttachedVote.get"
    assert (await other.refused(get, poll))[1:] == ("ATTACH_READ_ACCESS_DENIED", "Attach read access denied")
    assert (await crm.refused(get, {"signedAttachId": f"{number}.x"}))[1:] == ("ATTACH_NOT_FOUND", "Attach not found")
    assert (await crm.refused(get, {}))[1] == 100
    many = {**IN_CHAT, "entityIds": [1]}
    assert (await crm.refused("vote.AttachedVote.getMany", many))[2] == "Attach with entityId 1 not found"
