"""What services store and say: every event is told in a story, stored as approved, and its messages are read back.

After a wanted change of a stored event: ``SVERKA_APPROVE=1 python -m pytest tests/services/test_messages.py`` writes
the texts anew; an event that was ever released keeps its name and its meaning.
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from chassis.cards import CardTaken
from contracts import topics
from contracts.envelope import Envelope, Message
from contracts.messages import ALL
from services.counterparty.domain import card, party, sync
from services.counterparty.domain import deal as buyer_requests
from services.invoicing.domain import edi_events, goods
from services.invoicing.domain.events import EVENTS as INVOICING
from services.notifier.domain import alerts, company, newcomer
from services.notifier.domain import deal as told_deal
from services.payments.domain import bankday, callback, operation, statement
from services.payments.domain.events import EVENTS as PAYMENTS
from tests.services.streams import NOW, Stream

FOLDER = Path(__file__).resolve().parent
SERVICES = ("invoicing", "counterparty", "payments", "notifier")
EVENTS: dict[str, tuple[type[Any], ...]] = {
    "invoicing": (*INVOICING, *goods.EVENTS, *edi_events.EVENTS[:-2]),
    "counterparty": (*buyer_requests.EVENTS, *party.EVENTS, *card.EVENTS, *sync.EVENTS),
    "payments": (
        *PAYMENTS,
        operation.OperationUnmatched,
        operation.OperationMatched,
        operation.OperationGone,
        *bankday.EVENTS[:3],
        *statement.CODEC.events[:2],
        callback.AccountCalled,
    ),
    "notifier": (*told_deal.EVENTS, *alerts.EVENTS, *company.EVENTS, *newcomer.EVENTS),
}


def stories(service: str) -> list[Stream[Any, Any]]:
    """All stories of a service."""
    told: list[Stream[Any, Any]] = importlib.import_module(f"tests.services.{service}.stories").all_stories()
    return told


def stored(service: str) -> list[dict[str, Any]]:
    """One of each event as it is stored: the one that says most."""
    most: dict[str, str] = {}
    for stream in stories(service):
        for event in stream.events:
            text = stream.kind.codec.encode(event)
            most[event.NAME] = max(most.get(event.NAME, ""), text, key=len)
    versions = {event.NAME: event.VERSION for event in EVENTS[service]}
    return [{"event": name, "version": versions[name], "data": json.loads(most[name])} for name in sorted(most)]


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_is_told_in_a_story(service: str) -> None:
    told = {type(event) for stream in stories(service) for event in stream.events}
    assert {event.NAME for event in EVENTS[service]} - {event.NAME for event in told} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_stored_form_of_every_event_is_as_approved(service: str) -> None:
    path = FOLDER / service / "approved" / "events.json"
    text = json.dumps(stored(service), ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("SVERKA_APPROVE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("service", SERVICES)
def test_approved_events_are_still_read_as_they_were_said(service: str) -> None:
    approved = json.loads((FOLDER / service / "approved" / "events.json").read_text(encoding="utf-8"))
    codecs = {event.NAME: stream.kind.codec for stream in stories(service) for event in stream.events}
    assert {line["event"] for line in approved} == {event.NAME for event in EVENTS[service]}
    for line in approved:
        codec = codecs[line["event"]]
        event = codec.decode(line["event"], line["version"], json.dumps(line["data"]))
        assert json.loads(codec.encode(event)) == line["data"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_message_of_a_service_is_said_in_a_story(service: str) -> None:
    said = {type(message).NAME for stream in stories(service) for message in stream.messages}
    mine = {message.NAME for topic in topics.written_by(service) for message in topic.messages}
    by_chassis = {"WorkDelayed", "WorkResumed", "OutageBegan", "OutageEnded", "DeadLettersBegan", "DeadLettersEnded"}
    cards = {"DecisionNeeded", "DecisionTaken"} if service == "notifier" else set()
    assert mine - said - by_chassis - cards == set()


@pytest.mark.parametrize("service", SERVICES)
def test_messages_of_other_topics_and_of_later_builds_are_nothing(service: str) -> None:
    class FromLater(Message, name="FromLater"):
        deal_id: str = "15"

    route = importlib.import_module(f"services.{service}.handlers").route
    envelope = Envelope("m1", "FromLater", 1, "ingest", "", NOW, "vektor")
    assert list(route(FromLater(), envelope)) == []
    read = {message for topic in topics.read_by(service) for message in topic.messages}
    for message in set(ALL) - read:
        assert list(route(message.model_construct(), envelope)) == []


def test_withdrawn_question_names_nobody() -> None:
    taken = [event for service in SERVICES for stream in stories(service) for event in stream.happened(CardTaken)]
    withdrawn = [event for event in taken if event.choice == "withdrawn"]
    assert withdrawn
    assert all(event.by == "" for event in withdrawn)
    assert all(event.by for event in taken if event.choice != "withdrawn")
