"""What each story tells, from its first event to the last: messages, calls, work and rows are as approved.

After a wanted change ``SVERKA_APPROVE=1 python -m pytest tests/services/test_transcripts.py`` writes the texts anew;
their difference is what others will notice of it.
"""

import dataclasses
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.services.streams import Stream

FOLDER = Path(__file__).resolve().parent
SERVICES = ("invoicing", "counterparty", "payments", "notifier")


def plain(value: Any) -> Any:
    """What JSON has no word for, as text."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def transcript(stream: Stream[Any, Any]) -> list[str]:
    """A story, a line for each thing: what happened, what was said, what is to be done, what is shown in the end."""
    tasks = sorted(stream.tasks.values(), key=lambda task: (task.kind, task.key))
    things: list[tuple[str, Any]] = [
        *((f"event {event.NAME}", json.loads(stream.kind.codec.encode(event))) for event in stream.events),
        *((f"message {type(body).NAME}", body) for body in stream.messages),
        *((f"effect {effect.kind}", dataclasses.asdict(effect)) for effect in stream.effects.values()),
        *((f"task {task.kind}", dataclasses.asdict(task)) for task in tasks),
        *((f"row {row.table}", dataclasses.asdict(row)) for row in stream.rows()),
    ]
    lines = (f"{name} {json.dumps(of, ensure_ascii=False, default=plain, sort_keys=True)}" for name, of in things)
    return [f"== {stream.name}", *lines]


@pytest.mark.parametrize("service", SERVICES)
def test_every_story_is_told_as_approved(service: str) -> None:
    stories = importlib.import_module(f"tests.services.{service}.stories").all_stories()
    text = "\n".join(line for stream in stories for line in transcript(stream)) + "\n"
    path = FOLDER / service / "approved" / "stories.txt"
    if os.environ.get("SVERKA_APPROVE"):
        path.write_text(text, encoding="utf-8")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_stored_of_a_story_ends_where_it_ended(service: str) -> None:
    for stream in importlib.import_module(f"tests.services.{service}.stories").all_stories():
        assert stream.replayed() == stream.state
