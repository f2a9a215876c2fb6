"""Every consumer is run over all examples of its topics; what it would do is approved as text.

After a wanted change: ``SVERKA_APPROVE=1 python -m pytest tests/contracts`` writes the texts anew; read the difference.
"""

import importlib
import os
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from contracts.envelope import Envelope, Message
from contracts.examples import examples_of
from contracts.messages import ALL
from contracts.topics import SERVICES, read_by

APPROVED = Path(__file__).resolve().parent / "approved"
_BY_NAME = {message.NAME: message for message in ALL}
CONSUMERS = [service for service in SERVICES if read_by(service)]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


def _message(name: str, body: bytes) -> Message:
    return _BY_NAME[name].model_validate_json(body)


def _routed(service: str) -> str:
    route = importlib.import_module(f"services.{service}.handlers").route
    lines = []
    for topic in read_by(service):
        for example in examples_of(topic):
            message = _message(example.message, example.body)
            envelope = Envelope(
                id=f"{topic.name}/{example.message}/{example.case}",
                type=message.NAME,
                type_version=message.VERSION,
                source=topic.writer,
                subject="",
                time=datetime(2026, 3, 12, 10, tzinfo=UTC),
                tenant_id="vektor",
            )
            for routed in route(message, envelope) or [None]:
                what = "nothing"
                if routed is not None:
                    command = orjson.dumps(routed.command, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS)
                    what = f"{routed.stream} {type(routed.command).__name__} {command.decode()}"
                lines.append(f"{envelope.id}: {what}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("service", CONSUMERS)
def test_what_a_consumer_does_with_all_examples_is_as_approved(service: str) -> None:
    path, routed = APPROVED / f"{service}.txt", _routed(service)
    if os.environ.get("SVERKA_APPROVE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(routed, encoding="utf-8")
    assert routed == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_is_a_message_of_its_topic(service: str) -> None:
    for topic in read_by(service):
        for example in examples_of(topic):
            assert _message(example.message, example.body).NAME in {message.NAME for message in topic.messages}
