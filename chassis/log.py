"""Structured logs: one JSON line per event, fields from an allow-list, secrets and personal data masked.

``log.get(__name__).warning("effect delayed", tenant=..., reason=...)``. The event is a constant sentence; what varies
goes into fields. A field that is not on the list is left out and counted, so that nobody logs a body by accident.
The standard library's loggers, and so every library's, come out the same way.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, date, datetime
from typing import IO, Any, Final

import orjson
import structlog

from chassis import metrics, telemetry
from chassis.redact import redact

ALLOWED: Final[Mapping[str, str]] = {
    "ts": "time of the line, RFC 3339 in UTC, real time",
    "level": "debug, info, warning, error or critical",
    "service": "the service that wrote it",
    "logger": "the module that wrote it",
    "event": "a constant sentence",
    "trace_id": "32 hex digits",
    "span_id": "16 hex digits",
    "tenant": "our id of the tenant",
    "event_id": "id of a message",
    "stream": "name of a stream",
    "version": "version of a stream, a schema or a program",
    "command_id": "id of a command",
    "deal": "id of a deal in its portal",
    "topic": "Kafka topic",
    "topics": "Kafka topics",
    "partition": "Kafka partition",
    "offset": "Kafka offset",
    "key": "Kafka key",
    "consumer": "consumer group",
    "type": "name of a message or an event",
    "attempt": "number of this attempt, from 1",
    "kind": "kind of work, effect, task or metric",
    "work_id": "id of due work",
    "effect_id": "id of an effect",
    "account": "id of a vendor account, never its address",
    "vendor": "name of a vendor",
    "operation": "name of a vendor's operation",
    "method": "HTTP method",
    "url": "address without user, query and secrets",
    "status": "HTTP status, or the state of something",
    "state": "state of a machine",
    "lane": "interactive or bulk",
    "reason": "stable code of a reason",
    "detail": "what went wrong, masked",
    "error": "class of an exception",
    "causes": "classes of the exceptions behind it",
    "stack": "frames as file:line function",
    "stacks": "frames of several tasks",
    "task": "name of a task",
    "loop": "name of a background loop",
    "component": "name of a part of the process",
    "seconds": "a duration",
    "age_seconds": "an age",
    "due_at": "business time of the next attempt",
    "count": "how many",
    "bytes": "a size",
    "port": "a TCP port",
    "pid": "a process id",
    "signal": "name of a signal",
    "database": "name of a database",
    "migration": "name of a migration",
    "field": "name of a left-out field",
}
TEXT_LENGTH_MAX: Final = 500
STACK_FRAMES_MAX: Final = 25
ITEMS_MAX: Final = 50
_QUIET: Final = (
    "httpx",
    "httpcore",
    "aiohttp",
    "aiokafka",
    "faststream",
    "uvicorn",
    "asyncio",
    "opentelemetry",
    "hpack",
)
_SECONDARY: Final = frozenset(
    {"color_message", "_record", "_from_structlog", "positional_args", "exc_info", "stack_info"}
)
# Texts of these quote what they were given: a name, an amount, a body. Their class and the stack have to do.
_QUOTING_MODULES: Final = ("builtins", "pydantic", "pydantic_core", "json", "decimal", "orjson", "datetime", "enum")


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; bind what is known early: ``log.get(__name__).bind(topic=...)``."""
    return structlog.stdlib.get_logger(name)


def setup(service: str, *, level: str = "INFO", stream: IO[str] | None = None) -> None:
    """Routes every logger of the process to ``stream`` (standard output by default). May be called again."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[_Line(service)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        noisy = logging.getLogger(name)
        noisy.handlers = []
        noisy.propagate = True
        noisy.setLevel(max(logging.WARNING, root.level))
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False


structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)


class _Line:
    """Makes the JSON line of an event: the last processor."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        record: logging.LogRecord = event["_record"]
        exception = _exception_of(event, record)
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": _level(record, exception),
            "service": self._service,
            "event": _text(str(event.pop("event", ""))),
            "logger": record.name,
        }
        context = telemetry.current()
        if context is not None:
            line["trace_id"], line["span_id"] = context.trace_id, context.span_id
        if exception is not None:
            line |= describe(exception)
        for name, value in event.items():
            if name in ALLOWED:
                line[name] = _value(value)
            elif name not in _SECONDARY:
                metrics.LOG_FIELDS_DROPPED.inc()
        return orjson.dumps(line).decode()


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as log fields: its class, the classes behind it, its frames, and its text when that is safe."""
    found: dict[str, Any] = {"error": _class_name(error), "stack": _frames(error)}
    if _text_is_safe(error):
        found["detail"] = _text(str(error))
    causes: list[str] = []
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while behind is not None and len(causes) < 5:
        causes.append(_class_name(behind))
        behind = behind.__cause__ or behind.__context__
    if causes:
        found["causes"] = causes
    return found


def _level(record: logging.LogRecord, exception: BaseException | None) -> str:
    # aiokafka says "error" of what it tries again by itself: a coordinator that is not there yet, a moved leader.
    if record.levelno == logging.ERROR and record.name.startswith("aiokafka") and exception is None:
        return "warning"
    return record.levelname.lower()


def _exception_of(event: Mapping[str, Any], record: logging.LogRecord) -> BaseException | None:
    found = event.get("exc_info") or record.exc_info
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        return found
    if isinstance(found, tuple) and len(found) == 3 and isinstance(found[1], BaseException):
        return found[1]
    return None


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _text_is_safe(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return True
    return type(error).__module__.partition(".")[0] not in _QUOTING_MODULES


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-STACK_FRAMES_MAX:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(filename: str) -> str:
    return (
        filename.rpartition("/site-packages/")[2]
        if "/site-packages/" in filename
        else "/".join(filename.split("/")[-3:])
    )


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item) for item in list(value)[:ITEMS_MAX]]
    return _text(str(value))


def _text(text: str) -> str:
    cut = redact(text)
    return cut if len(cut) <= TEXT_LENGTH_MAX else cut[:TEXT_LENGTH_MAX] + "…"
