"""vote.*: polls in chats: sending, voting, recalling a vote, stopping, and who has voted.

Vendor documentation, "Голосования": https://apidocs.bitrix24.ru/api-reference/vote/

Not told by the vendor and chosen here: the one question of a poll has the poll's own number; a ballot that names no
question of the poll changes nothing and answers []; a recalled vote stays where voting again is forbidden; who may not
stop a poll is refused as one who may not read it; an anonymous poll names nobody; the report is a table. Polls of the
feed are not simulated.
"""

from __future__ import annotations

from html import escape
from typing import Any

from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import Page, RestError, missing_parameter
from sandbox.bitrix24.files import Download
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

SCOPE = "vote"
VOTE, ANSWER, BALLOT = "vote", "voteanswer", "voteballot"
IN_CHAT = "Bitrix\\Vote\\Attachment\\ImMessageConnector"
ANSWERS_MIN, ANSWERS_MAX = 2, 10
MANY_MAX, VOTED_PAGE = 50, 10


def _wrong(text: str, status: int = 400) -> RestError:
    return RestError(status, str(status), text)


# -- finding a poll


def _readable(call: Call, vote: Record) -> bool:
    message = call.portal.get("message", vote["MESSAGE_ID"]) or {}
    chat = call.portal.get("chat", message.get("CHAT_ID") or 0) or {}
    return call.user_id in chat.get("USERS", ())


def _signed(call: Call, vote: Record) -> str:
    number = vote["ID"]
    return f"{number}.{call.portal.sign(f'vote|{number}')}"


def _of_message(call: Call, number: int | None) -> Record | None:
    return next((one for one in call.portal.table(VOTE) if one["MESSAGE_ID"] == number), None)


def _attach(call: Call) -> Record:
    """The poll by its id, by its signed id, or by the message that it stands in; only who reads the chat sees it."""
    if call.get("attachId") is not None:
        vote = call.portal.get(VOTE, as_number(call.get("attachId")) or 0)
    elif call.text("signedAttachId"):
        told = call.text("signedAttachId")
        vote = call.portal.get(VOTE, as_number(told.partition(".")[0]) or 0)
        vote = vote if vote is not None and _signed(call, vote) == told else None
    elif all(call.get(name) for name in ("moduleId", "entityType", "entityId")):
        known = call.text("moduleId").lower() == "im" and call.text("entityType") == IN_CHAT
        vote = _of_message(call, as_number(call.get("entityId"))) if known else None
    else:
        raise RestError(400, 100, "Bitrix\\Vote\\Attach All parameters in the constructor must have real class type")
    if vote is None:
        raise RestError(400, "ATTACH_NOT_FOUND", "Attach not found")
    if not _readable(call, vote):
        raise RestError(400, "ATTACH_READ_ACCESS_DENIED", "Attach read access denied")
    return vote


def _own(call: Call) -> Record:
    vote = _attach(call)
    if vote["AUTHOR_ID"] != call.user_id:
        raise RestError(400, "ATTACH_READ_ACCESS_DENIED", "Attach read access denied")
    return vote


def _rows(call: Call, table: str, vote: Record) -> list[Record]:
    return call.portal.table(table).find("VOTE_ID", vote["ID"])


# -- printing a poll


def _shown(call: Call, vote: Record, changed: set[int] | None = None) -> Record:
    """`changed`: answers whose votes were just counted anew; their counters are numbers, others texts."""
    ballots, number = _rows(call, BALLOT, vote), str(vote["ID"])
    mine = [one for one in ballots if one["USER_ID"] == call.user_id]
    voters, stamp = len({one["USER_ID"] for one in ballots}), moment_text(vote["DATE"], call.portal.zone)
    counts = {one["ID"]: sum(ballot["ANSWER_ID"] == one["ID"] for ballot in ballots)
              for one in _rows(call, ANSWER, vote)}  # fmt: skip
    name = f"bx_vote_event[{number}][BALLOT][{number}]"
    answers = {}
    for place, one in enumerate(_rows(call, ANSWER, vote), 1):
        count = counts[one["ID"]]
        share = round(count * 100 / len(ballots), 2) if ballots else 0
        share = int(share) if share == int(share) else share
        answers[str(one["ID"])] = {
            "ID": str(one["ID"]), "ACTIVE": "Y", "TIMESTAMP_X": stamp, "QUESTION_ID": number, "C_SORT": str(place * 10),
            "IMAGE_ID": None, "MESSAGE": one["MESSAGE"], "MESSAGE_TYPE": "text",
            "COUNTER": count if one["ID"] in (changed or ()) else str(count), "FIELD_TYPE": str(vote["FIELD_TYPE"]),
            "FIELD_WIDTH": "0", "FIELD_HEIGHT": "0", "FIELD_PARAM": None, "COLOR": "", "REACTION": "",
            "~FIELD_NAME": name, "FIELD_NAME": name,
            "MESSAGE_FIELD_NAME": f"bx_vote_event[{number}][MESSAGE][{number}][{one['ID']}]", "~PERCENT": share,
            "PERCENT": share,
        }  # fmt: skip
    question = {
        "ID": number, "ACTIVE": "Y", "TIMESTAMP_X": stamp, "VOTE_ID": number, "C_SORT": "10",
        "COUNTER": str(voters) if changed is None else voters, "QUESTION": vote["QUESTION"], "QUESTION_TYPE": "text",
        "IMAGE_ID": None, "DIAGRAM": "Y", "DIAGRAM_TYPE": "histogram", "REQUIRED": "N",
        "FIELD_TYPE": str(vote["FIELD_TYPE"]), "FIELD_NAME": name, "IMAGE": None, "ANSWERS": answers,
    }  # fmt: skip
    first = str(mine[0]["ID"]) if mine else ""
    taken = {str(one["ANSWER_ID"]): {"EVENT_ID": first, "EVENT_QUESTION_ID": first, "ANSWER_ID": str(one["ANSWER_ID"]),
                                     "ID": str(one["ID"]), "MESSAGE": ""} for one in mine}  # fmt: skip
    signed = _signed(call, vote)
    return {
        "ID": vote["ID"], "VOTE_ID": vote["ID"], "COUNTER": voters, "QUESTIONS": {number: question},
        "ANONYMITY": vote["ANONYMITY"], "OPTIONS": vote["OPTIONS"], "userAnswerMap": {number: taken} if taken else [],
        "canEdit": vote["AUTHOR_ID"] == call.user_id, "canVote": not mine and vote["ACTIVE"] == "Y",
        "canRevote": bool(vote["OPTIONS"]), "isVoted": bool(mine), "signedAttachId": signed,
        "resultUrl": f"/vote-result/{call.portal.sign(f'result|{number}')[:16]}",
        "downloadUrl": "/bitrix/services/main/ajax.php?action=vote.AttachedVote.download&SITE_ID=s1"
                       f"&signedAttachId={signed}",
        "entityId": vote["MESSAGE_ID"], "isFinished": vote["ACTIVE"] == "N",
    }  # fmt: skip


def _voted(call: Call, vote: Record, answer: int) -> list[Record]:
    """People who have chosen an answer; of an anonymous poll nobody is named."""
    if vote["ANONYMITY"]:
        return []
    users = [call.portal.get("user", one["USER_ID"]) or {"ID": one["USER_ID"]}
             for one in _rows(call, BALLOT, vote) if one["ANSWER_ID"] == answer]  # fmt: skip
    return [{"ID": one["ID"], "NAME": call.portal.user_name(one["ID"]), "IMAGE": "",
             "WORK_POSITION": one.get("WORK_POSITION") or ""} for one in users]  # fmt: skip


# -- sending


def _told(call: Call) -> tuple[Record, Record, list[str]]:
    """What was sent, its question and the texts of its answers."""
    data = call.get("IM_MESSAGE_VOTE_DATA")
    asked = data.get("QUESTIONS") if isinstance(data, dict) else None
    asked = list(asked.values()) if isinstance(asked, dict) else asked
    if not isinstance(data, dict) or not isinstance(asked, list) or not asked:
        raise _wrong("Введите вопрос и варианты ответов")
    if len(asked) > 1:
        raise _wrong("Максимальное количество вопросов: 1")
    question = asked[0] if isinstance(asked[0], dict) else {}
    given = question.get("ANSWERS")
    given = list(given.values()) if isinstance(given, dict) else given
    texts = [str(one["MESSAGE"]) for one in given if isinstance(one, dict) and one.get("MESSAGE")] \
        if isinstance(given, list) else []  # fmt: skip
    if not question.get("QUESTION") or not texts:
        raise _wrong("Введите вопрос и варианты ответов")
    if len(texts) < ANSWERS_MIN:
        raise _wrong(f"Минимальное количество ответов: {ANSWERS_MIN}")
    if len(texts) > ANSWERS_MAX:
        raise _wrong(f"Максимальное количество ответов: {ANSWERS_MAX}")
    return data, question, texts


@method("vote.Integration.Im.send", SCOPE, writes=True)
def vote_send(call: Call) -> Any:
    """A request that comes twice under one `templateId` makes one poll."""
    if call.get("chatId") is None:
        raise missing_parameter("chatId")
    data, question, texts = _told(call)
    chat = call.portal.get("chat", as_number(call.get("chatId")) or 0)
    if chat is None or call.user_id not in chat["USERS"]:
        raise _wrong("Access denied")
    template = call.text("templateId")
    for one in call.portal.table(VOTE) if template else ():
        if (one["AUTHOR_ID"], one.get("TEMPLATE")) == (call.user_id, template):
            return {"messageId": one["MESSAGE_ID"], "voteId": one["ID"]}
    text = str(question["QUESTION"])
    message = call.portal.put("message", {"CHAT_ID": chat["ID"], "AUTHOR_ID": call.user_id, "DATE": call.portal.now(),
                                          "TEXT": text, "REPLY_ID": None})  # fmt: skip
    flags = {
        "FIELD_TYPE": question.get("FIELD_TYPE"),
        "ANONYMITY": data.get("ANONYMITY"),
        "OPTIONS": data.get("OPTIONS"),
    }
    number = call.portal.put(VOTE, {
        "MESSAGE_ID": message, "AUTHOR_ID": call.user_id, "QUESTION": text, "ACTIVE": "Y", "TEMPLATE": template,
        "DATE": call.portal.now(), **{name: int(as_number(value) == 1) for name, value in flags.items()},
    })  # fmt: skip
    for answer in texts:
        call.portal.put(ANSWER, {"VOTE_ID": number, "MESSAGE": answer})
    return {"messageId": message, "voteId": number}


# -- reading


@method("vote.AttachedVote.get", SCOPE)
def vote_get(call: Call) -> Any:
    return {"attach": _shown(call, _attach(call))}


@method("vote.AttachedVote.getMany", SCOPE)
def vote_many(call: Call) -> Any:
    asked = call.get("entityIds", call.get("entityId"))
    ids = asked if isinstance(asked, list) else list(asked.values()) if isinstance(asked, dict) else [asked]
    if len(ids) > MANY_MAX:
        raise RestError(400, "", "Too many entity ids")
    items = []
    for one in ids:
        vote = _of_message(call, as_number(one)) if call.text("entityType") == IN_CHAT else None
        if vote is None:
            raise RestError(400, "", f"Attach with entityId {one} not found")
        if not _readable(call, vote):
            raise RestError(400, "", f"Attach with entityId {one} read access denied")
        items.append(_shown(call, vote))
    return {"items": items}


@method("vote.AttachedVote.getWithVoted", SCOPE)
def vote_with_voted(call: Call) -> Any:
    vote, size = _attach(call), as_number(call.get("pageSize")) or VOTED_PAGE
    people = {str(one["ID"]): _voted(call, vote, one["ID"])[: max(size, 0)] for one in _rows(call, ANSWER, vote)}
    voted = {number: found for number, found in people.items() if found}
    return {"attach": _shown(call, vote), "voted": voted or []}


@method("vote.AttachedVote.getAnswerVoted", SCOPE)
def vote_answer(call: Call) -> Any:
    vote = _attach(call)
    if call.get("answerId") is None:
        raise missing_parameter("answerId")
    found, told = _voted(call, vote, as_number(call.get("answerId")) or 0), call.get("pageNavigation")
    navigation = told if isinstance(told, dict) else {}
    size = max(as_number(navigation.get("size")) or VOTED_PAGE, 1)
    start = (max(as_number(navigation.get("page")) or 1, 1) - 1) * size
    return Page({"items": found[start : start + size]}, len(found))


@method("vote.AttachedVote.download", SCOPE, batch=False)
def vote_download(call: Call) -> Any:
    shown = _shown(call, _attach(call))
    (question,) = shown["QUESTIONS"].values()
    rows = [(one["MESSAGE"], one["COUNTER"], f"{one['PERCENT']}%") for one in question["ANSWERS"].values()]
    cells = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in [(question["QUESTION"],), *rows]]
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    content = f'<html><head><meta charset="utf-8"></head><body><table>{table}</table></body></html>'.encode()
    return Download(f"vote{shown['ID']}.xls", "application/vnd.ms-excel", content)


# -- voting


@method("vote.AttachedVote.vote", SCOPE, writes=True)
def vote_vote(call: Call) -> Any:
    """Of a poll with one choice the first counts; a second vote replaces the first where that is allowed."""
    vote, ballot = _attach(call), call.get("ballot")
    if ballot is None:
        raise missing_parameter("ballot")
    if vote["ACTIVE"] == "N":
        raise _wrong("Опрос неактивен.", 403)
    told = ballot.get(str(vote["ID"])) if isinstance(ballot, dict) else None
    if told is None:
        return []
    known = {one["ID"] for one in _rows(call, ANSWER, vote)}
    asked = told if isinstance(told, list) else [told]
    chosen = list(dict.fromkeys(number for one in asked if (number := as_number(one) or 0) in known))
    mine = [one for one in _rows(call, BALLOT, vote) if one["USER_ID"] == call.user_id]
    if not chosen or (mine and not vote["OPTIONS"]):
        raise _wrong("Cannot save poll.")
    for one in mine:
        call.portal.drop(BALLOT, one["ID"])
    for number in chosen if vote["FIELD_TYPE"] else chosen[:1]:
        call.portal.put(BALLOT, {"VOTE_ID": vote["ID"], "USER_ID": call.user_id, "ANSWER_ID": number})
    return {"attach": _shown(call, vote, {*chosen, *(one["ANSWER_ID"] for one in mine)})}


@method("vote.AttachedVote.recall", SCOPE, writes=True)
def vote_recall(call: Call) -> Any:
    vote = _attach(call)
    mine = [one for one in _rows(call, BALLOT, vote) if one["USER_ID"] == call.user_id]
    if not vote["OPTIONS"] or vote["ACTIVE"] == "N":
        return {"attach": _shown(call, vote)}
    for one in mine:
        call.portal.drop(BALLOT, one["ID"])
    return {"attach": _shown(call, vote, {one["ANSWER_ID"] for one in mine})}


@method("vote.AttachedVote.stop", SCOPE, writes=True)
def vote_stop(call: Call) -> Any:
    call.portal.patch(VOTE, _own(call)["ID"], {"ACTIVE": "N"})
    return []


@method("vote.AttachedVote.resume", SCOPE, writes=True)
def vote_resume(call: Call) -> Any:
    call.portal.patch(VOTE, _own(call)["ID"], {"ACTIVE": "Y"})
    return []
