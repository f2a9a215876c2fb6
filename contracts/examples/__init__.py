"""Example payloads of every message: minimal, full and odd; consumers are run over all of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.topics import Topic

FOLDER = Path(__file__).resolve().parent
CASES = ("minimal", "full", "odd")


@dataclass(frozen=True, slots=True)
class Example:
    """One payload: ``message`` is the stored name of the message, ``case`` is minimal, full or odd."""

    topic: str
    message: str
    case: str
    body: bytes


def examples_of(topic: Topic) -> Iterator[Example]:
    """All examples of a topic, in a stable order; the operations topics of all services share theirs."""
    folder = FOLDER / ("operations" if topic.name.endswith(".operations") else topic.name)
    for message in topic.messages:
        for case in CASES:
            path = folder / f"{message.NAME}.{case}.json"
            yield Example(topic.name, message.NAME, case, json.dumps(json.loads(path.read_text())).encode())
