"""A deal's story: every stored event has a sentence, and all services' lines stand in the order of time."""

import importlib
import pkgutil

import pytest

from chassis.domain import Event
from contracts.topics import SERVICES
from sverka.story import sentences, tell
from sverka.story.words import Words

AT = "2026-09-15T06:00:0{}+00:00"


def _stored_events() -> list[tuple[str, str]]:
    """All events of the services' streams but those of tenants and of the admin chat, which are of no deal."""
    modules = [
        (service, importlib.import_module(f"services.{service}.domain.{info.name}"))
        for service in SERVICES
        for info in pkgutil.iter_modules(importlib.import_module(f"services.{service}.domain").__path__)
        if info.name not in ("portal", "alerts", "delays", "letters")
    ]
    return [
        (service, value.NAME)
        for service, module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__
    ]


@pytest.mark.parametrize(("service", "name"), _stored_events())
def test_every_stored_event_has_a_sentence(service: str, name: str) -> None:
    assert f"{service}.{name}" in sentences.EVENTS or f"*.{name}" in sentences.EVENTS


@pytest.mark.parametrize("language", ["ru", "en"])
def test_all_templates_compile_and_say_something_of_an_empty_event(language: str) -> None:
    words = Words(language)
    for key in sentences.EVENTS:
        service, _, name = key.partition(".")
        assert words.event(service, name, {})


def test_an_event_of_a_newer_service_keeps_its_name() -> None:
    assert Words("en").event("invoicing", "Invented", {"a": 1}) == "Invented"


def test_a_link_of_the_crm_is_words_and_an_address() -> None:
    issued = {"fact": "invoice_issued", "number": "7", "date": "2026-09-15", "due_date": "2026-09-18", "warnings": []}
    said = Words("en").told({**issued, "total_kopecks": 100, "url": "https://elba.example/7"})
    assert said.endswith("Open the invoice: https://elba.example/7")


def test_lines_of_all_services_stand_in_order() -> None:
    document = tell(
        "vektor",
        "7",
        [
            {
                "service": "invoicing",
                "events": [
                    {
                        "type": "Made",
                        "at": AT.format(3),
                        "data": {
                            "kind": "invoice",
                            "issued": {"number": "B24-7", "date": "2026-09-15", "total_kopecks": 1_234_550},
                        },
                    }
                ],
                "work": [
                    {
                        "kind": "create-invoice", "is_effect": True, "state": "CONFIRMED", "planned_at": AT.format(1),
                        "attempts": [
                            {"what": "send", "at": AT.format(1), "outcome": "uncertain",
                             "problem": {"code": "no_answer_in_time", "values": {}}},
                            {"what": "probe", "at": AT.format(2), "outcome": "found"},
                        ],
                    }
                ],
            },
            {
                "service": "ingest",
                "events": [{"type": "StageEntered", "at": AT.format(1), "data": {"entry": {"stage_id": "WON"}}}],
                "work": [],
            },
        ],
    )  # fmt: skip
    assert [(line.service, line.kind) for line in document.lines] == [
        ("ingest", "fact"), ("invoicing", "effect"), ("invoicing", "attempt"), ("invoicing", "attempt"),
        ("invoicing", "fact"),
    ]  # fmt: skip
    assert document.lines[0].text == "The deal entered stage WON"
    assert "did not answer in time" in document.lines[2].text
    assert document.lines[4].text == "Invoice B24-7 of 15.09.2026 for 12 345,50 ₽ exists in accounting"
