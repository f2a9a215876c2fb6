"""What operators see and do through ``/internal``: status, work, decisions, a deal's story, dead letters, topics."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.messaging.kafka import KafkaSettings, start_producer
from tests.chassis.service.desk import TENANT, Desk, Open, running
from tests.kit.database import OwnDatabase
from tests.kit.kafka import message


@pytest.fixture
async def desk(own_database: OwnDatabase, kafka: KafkaSettings) -> AsyncIterator[Desk]:
    async with running(Desk(own_database, kafka)) as desk:
        yield desk


async def test_status_follows_work_to_its_end(desk: Desk) -> None:
    desk.phone.gate.clear()
    assert (await desk.call("POST", "/tickets/7")).status_code == 200
    await desk.phone.calling.wait()
    busy = (await desk.call("GET", "/internal/status")).json()
    assert (busy["ready"], busy["idle"], busy["open_work"], busy["work_under_way"]) == (True, False, 1, 1)
    desk.phone.gate.set()
    calm = await desk.until("/internal/status", lambda found: found["idle"])
    assert (calm["open_work"], calm["outbox_unsent"], calm["consumer_lag"]) == (0, 0, 0)
    assert calm["missing"] == {}


async def test_a_deals_story_has_events_and_attempts(desk: Desk) -> None:
    await desk.call("POST", "/tickets/7")
    await desk.until("/internal/status", lambda found: found["idle"])
    story = (await desk.call("GET", f"/internal/deals/{TENANT}/7")).json()
    assert [event["type"] for event in story["events"]] == ["TicketOpened", "CardOpened"]
    assert story["events"][0]["by"] == "anna"
    assert story["events"][0]["data"] == {"deal": "7"}
    (work,) = story["work"]
    assert (work["kind"], work["state"], work["outcome"]) == ("call", "CONFIRMED", {"result": {"remote_id": "call-7"}})
    assert work["attempts"]
    strange = (await desk.call("GET", f"/internal/deals/{TENANT}/8")).json()
    assert (strange["events"], strange["work"]) == ([], [])


async def test_decisions_are_listed_shown_taken_once(desk: Desk) -> None:
    await desk.call("POST", "/tickets/7")
    (card,) = (await desk.call("GET", "/internal/decisions")).json()["decisions"]
    assert (card["card_id"], card["choices"], card["choice"]) == ("card-7", ["found", "close"], None)

    refused = await desk.call("POST", "/internal/decisions/card-7", {"choice": "burn"})
    assert (refused.status_code, refused.json()["error"]) == (409, "choice_unknown")
    needs = await desk.call("POST", "/internal/decisions/card-7", {"choice": "found", "by": "anna"})
    assert needs.json()["error"] == "number_needed"
    taken = await desk.call("POST", "/internal/decisions/card-7", {"choice": "found", "number": "N-1", "by": "anna"})
    assert (taken.status_code, taken.json()["choice"], taken.json()["taken_by"]) == (200, "found", "anna")
    again = await desk.call("POST", "/internal/decisions/card-7", {"choice": "close", "by": "boris"})
    assert again.status_code == 409
    assert again.json()["problem"] == {"code": "card_taken", "values": {"choice": "found", "by": "anna"}}

    assert (await desk.call("GET", f"/internal/decisions?tenant={TENANT}")).json()["decisions"] == []
    assert len((await desk.call("GET", "/internal/decisions?all=1")).json()["decisions"]) == 1
    assert (await desk.call("GET", "/internal/decisions/none")).status_code == 404
    assert (await desk.call("GET", "/internal/decisions?tenant=other")).json()["decisions"] == []


async def test_work_is_listed_shown_and_tried_now(desk: Desk) -> None:
    desk.permits.refuse = True
    await desk.call("POST", "/tickets/7")
    (item,) = (await desk.until("/internal/work", lambda found: found["work"] and found["work"][0]["reason"]))["work"]
    assert item["reason"]["code"] == "no_line"
    shown = (await desk.call("GET", f"/internal/work/{item['work_id']}")).json()
    assert (shown["kind"], shown["account"], shown["request"]) == ("call", "phone:1", {"deal": "7"})
    desk.permits.refuse = False
    assert (await desk.call("POST", f"/internal/work/{item['work_id']}/retry")).status_code == 200
    await desk.until("/internal/status", lambda found: found["idle"])
    late = await desk.call("POST", f"/internal/work/{item['work_id']}/retry")
    assert (late.status_code, late.json()["error"]) == (409, "work_at_its_end")
    assert (await desk.call("GET", f"/internal/work/{uuid.uuid4()}")).status_code == 404
    assert (await desk.call("POST", f"/internal/work/{uuid.uuid4()}/retry")).json()["error"] == "work_unknown"


async def test_dead_letters_are_listed_replayed_discarded(desk: Desk, kafka: KafkaSettings) -> None:
    good = message(Open(deal="1"), "1", TENANT)
    producer = await start_producer(kafka, "test")
    for body in (b"{", b"{}", good.value):
        headers = [*good.headers[:1], ("ce_id", str(uuid.uuid4()).encode()), *good.headers[2:]]
        await producer.send_and_wait(f"{kafka.prefix}requests", body, key=good.key, headers=headers)
    await producer.stop()
    found = (await desk.until("/internal/dead", lambda found: len(found["dead"]) == 3))["dead"]
    assert [letter["reason"] for letter in found] == ["content", "content", "follows"]
    ids = [letter["event_id"] for letter in found]

    tried = (await desk.call("POST", "/internal/dead/replay", {"ids": [ids[2], str(uuid.uuid4())]})).json()
    assert [result["result"] for result in tried["results"]] == ["failed", "waiting", "waiting"]
    assert len(tried["unknown"]) == 1
    for event_id in ids[:2]:
        assert (await desk.call("POST", f"/internal/dead/{event_id}/discard", {"by": "anna"})).status_code == 200
    dry = (await desk.call("POST", "/internal/dead/replay", {"ids": ids[2:], "dry_run": True})).json()
    assert [result["result"] for result in dry["results"]] == ["replayed"]
    done = (await desk.call("POST", "/internal/dead/replay", {"ids": ids[2:], "by": "anna"})).json()
    assert [result["result"] for result in done["results"]] == ["replayed"]
    assert (await desk.call("GET", "/internal/dead")).json()["dead"] == []
    assert len((await desk.call("GET", "/internal/dead?all=1")).json()["dead"]) == 3
    shown = (await desk.call("GET", f"/internal/dead/{ids[0]}")).json()
    assert (shown["body"], shown["resolution"], shown["resolved_by"]) == ("{", "discarded", "anna")
    story = (await desk.call("GET", f"/internal/deals/{TENANT}/1")).json()
    assert [event["type"] for event in story["events"]] == ["TicketOpened", "CardOpened"]


async def test_a_topic_is_republished(desk: Desk) -> None:
    await desk.call("POST", "/tickets/7")
    again = await desk.call("POST", "/internal/republish", {"topic": "tickets"})
    assert again.json() == {"topic": "tickets", "messages": 1}
    later = await desk.call("POST", "/internal/republish", {"topic": "tickets", "since": "2999-01-01T00:00:00+03:00"})
    assert later.json()["messages"] == 0
    assert (await desk.call("POST", "/internal/republish", {"topic": "requests"})).status_code == 404


BAD_QUESTIONS: list[tuple[str, str, Any, str]] = [
    ("GET", "/internal/work?limit=0", None, "limit is a number"),
    ("GET", "/internal/work?tenant=NO", None, "a tenant's id is"),
    ("GET", "/internal/work/x", None, "an id here is a uuid"),
    ("GET", "/internal/deals/NO/1", None, "a tenant's id is"),
    ("POST", "/internal/decisions/x", {}, "`choice` is missing"),
    ("POST", "/internal/decisions/x", [], "not a JSON object"),
    ("POST", "/internal/dead/replay", {"ids": []}, "`ids` is a list"),
    ("POST", "/internal/dead/replay", {"ids": ["x"]}, "an id here is a uuid"),
    ("POST", "/internal/republish", {"topic": "tickets", "since": "yesterday"}, "`since` is a time"),
]


async def test_bad_questions_get_sentences(desk: Desk) -> None:
    for method, path, body, words in BAD_QUESTIONS:
        answer = await desk.call(method, path, body)
        assert (answer.status_code, words in answer.json()["error"]) == (400, True), (method, path, answer.text)
