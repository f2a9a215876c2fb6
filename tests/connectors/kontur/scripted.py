"""A scripted transport and a client over it."""

from typing import Any

from chassis.domain import Problem
from chassis.http import SentUnknown
from connectors.kontur.client import Kontur
from tests.connectors.kit import Script, answer, clock

LOST = SentUnknown(Problem("no_answer_in_time"))


def scripted(*answers: Any) -> tuple[Kontur, Script]:
    script = Script(*answers)
    return Kontur(script, clock()), script


def error(status: int, code: str = "Some", target: str | None = None, **context: Any) -> Any:
    said: dict[str, Any] = {
        "code": code,
        "message": "Отказ",
        "target": target,
        "details": [],
        "context": context or None,
    }
    return answer({"statusCode": status, "traceId": "t", "error": said}, status)
