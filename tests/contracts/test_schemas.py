"""Released schemas change by addition only, and lie in the repository as the models are."""

import json
from typing import Any

import pytest

from contracts.envelope import Message
from contracts.messages import ALL
from contracts.schemas import breaks, schema_path, schema_text
from contracts.topics import TOPICS


@pytest.mark.parametrize("message", ALL, ids=lambda message: message.NAME)
def test_the_committed_schema_is_that_of_the_model(message: type[Message]) -> None:
    assert schema_path(message).read_text(encoding="utf-8") == schema_text(message)


@pytest.mark.parametrize("message", ALL, ids=lambda message: message.NAME)
def test_a_released_schema_has_changed_by_addition_only(message: type[Message]) -> None:
    released = json.loads(schema_path(message).read_text(encoding="utf-8"))
    assert breaks(released, message.model_json_schema()) == []


def _schema(**changes: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], **changes}


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (_schema(properties={}), "taken away"),
        (_schema(properties={"a": {"type": "integer"}}), "became"),
        (_schema(properties={"a": {"type": "string"}, "b": {"type": "string"}}, required=["a", "b"]), "required now"),
        (_schema(properties={"a": {"type": "string", "enum": ["x"]}}), "only certain values"),
        (_schema(properties={"a": {"type": "string", "format": "date"}}), "format"),
    ],
)
def test_a_change_that_readers_cannot_bear_is_named(present: dict[str, Any], said: str) -> None:
    assert any(said in found for found in breaks(_schema(), present))


def test_a_new_optional_field_is_an_addition() -> None:
    assert breaks(_schema(), _schema(properties={"a": {"type": "string"}, "b": {"type": "string"}})) == []


def test_every_message_has_its_topic_and_every_topic_one_writer() -> None:
    spoken = {message for topic in TOPICS for message in topic.messages}
    assert spoken == set(ALL)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert len({(message.NAME, message.VERSION) for message in ALL}) == len(ALL)
