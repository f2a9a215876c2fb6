"""Canaries: nothing secret or personal comes out of the log, by whatever door it went in."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from chassis import log, metrics, telemetry

CANARY_NAME = "Константинопольский"
CANARY_INN = "500100732259"
CANARY_TOKEN = "tokencanary123"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    out = io.StringIO()
    log.setup("ingest", stream=out)
    yield out
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def dropped() -> float:
    return float(metrics.LOG_FIELDS_DROPPED._value.get())


def test_a_line_has_the_known_fields(lines: io.StringIO) -> None:
    carrier = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
    with telemetry.span("x", parent=carrier):
        log.get("services.ingest.app").info("stage change read", tenant="vektor", stream="deal-7", offset=5)
    (line,) = read(lines)
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "ingest",
        "event": "stage change read",
        "logger": "services.ingest.app",
        "tenant": "vektor",
        "stream": "deal-7",
        "offset": 5,
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
    }


def test_unknown_fields_are_left_out_and_counted(lines: io.StringIO) -> None:
    before = dropped()
    log.get("x").info("body read", body={"name": CANARY_NAME}, title=CANARY_NAME, tenant="t-1")
    logging.getLogger("y").warning("library line", extra={"payload": CANARY_NAME, "topic": "deals"})
    assert CANARY_NAME not in lines.getvalue()
    assert dropped() - before == 3
    assert read(lines)[1]["topic"] == "deals"


def test_allowed_fields_pass_the_net(lines: io.StringIO) -> None:
    log.get("x").info(
        f"seen {CANARY_INN}",
        stream=f"counterparty-{CANARY_INN}",
        url=f"https://b24.ru/rest/1/{CANARY_TOKEN}/profile",
        detail=f"mail ivan@example.ru phone +79161234567 Bearer {CANARY_TOKEN}",
        topics=["deals", f"x{CANARY_INN[:0]} {CANARY_INN}"],
    )
    text = lines.getvalue()
    for canary in (CANARY_INN, CANARY_TOKEN, "ivan@example.ru", "79161234567"):
        assert canary not in text
    assert read(lines)[0]["stream"] == "counterparty-***2259"


class Deal(BaseModel):
    amount: int


@pytest.mark.expects_errors("deal refused", "write failed")
def test_exceptions_keep_class_and_place_and_not_what_they_quote(lines: io.StringIO) -> None:
    try:
        Deal.model_validate({"amount": CANARY_NAME})
    except ValueError:
        log.get("x").exception("deal refused")
    try:
        int(CANARY_NAME)
    except ValueError as error:
        try:
            raise OSError(f"disk said {CANARY_INN}") from error  # noqa: TRY301 - the test wants it caught here
        except OSError:
            logging.getLogger("y").exception("write failed")
    text = lines.getvalue()
    assert CANARY_NAME not in text
    assert CANARY_INN not in text
    first, second = read(lines)
    assert first["error"] == "pydantic_core._pydantic_core.ValidationError"
    assert "detail" not in first
    assert any("test_exceptions_keep" in frame for frame in first["stack"])
    assert second["detail"] == "disk said ***2259"
    assert second["causes"] == ["ValueError"]


@pytest.mark.expects_errors("^uvicorn.access: ")
def test_http_libraries_stay_quiet(lines: io.StringIO) -> None:
    for name in ("httpx", "httpcore", "httpcore.http11", "aiohttp", "aiohttp.client", "uvicorn.access"):
        logging.getLogger(name).info("GET https://x.ru/?client_secret=%s", CANARY_TOKEN)
        logging.getLogger(name).debug("%s", CANARY_TOKEN)
    assert lines.getvalue() == ""
    logging.getLogger("httpx").warning("client_secret=%s", CANARY_TOKEN)
    assert CANARY_TOKEN not in lines.getvalue()
    logging.getLogger("uvicorn.access").error("127.0.0.1 GET /hooks/bitrix24/x")
    assert len(read(lines)) == 1


def test_quiet_also_when_everything_else_is_loud(lines: io.StringIO) -> None:
    log.setup("ingest", level="DEBUG", stream=lines)
    logging.getLogger("httpx").info("client_secret=%s", CANARY_TOKEN)
    log.get("x").debug("loud")
    assert [line["event"] for line in read(lines)] == ["loud"]


@pytest.mark.expects_errors("eeee")
def test_warnings_and_long_texts_are_lines_too(lines: io.StringIO) -> None:
    warnings.warn("something old", stacklevel=1)
    log.get("x").error("e" * 5_000)
    old, long = read(lines)
    assert old["level"] == "warning"
    assert len(long["event"]) == log.TEXT_LENGTH_MAX + 1


@pytest.mark.expects_errors("a background task died")
def test_what_aiokafka_tries_again_is_no_error(lines: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer.group_coordinator").error("Group Coordinator Request failed")
    nothing: dict[str, str] = {}
    try:
        nothing["x"]
    except KeyError:
        logging.getLogger("aiokafka.consumer.fetcher").exception("a background task died")
    levels = {line["event"]: line["level"] for line in read(lines)}
    assert levels["Group Coordinator Request failed"] == "warning"
    assert levels["a background task died"] == "error"


def test_every_field_is_explained() -> None:
    assert all(meaning for meaning in log.ALLOWED.values())
    assert not {"name", "phone", "email", "body", "token", "inn"} & set(log.ALLOWED)
