"""Traces: W3C contexts carried through metadata, outbox rows and headers, and spans when an exporter is configured.

Without an exporter, and in traces that are not sampled, a span is two context variables and no SDK object.
"""

import random
import string
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanKind, Tracer

EXPORT_QUEUE_SPANS_MAX: Final = 8_192
EXPORT_BATCH_SPANS_MAX: Final = 512
EXPORT_DELAY_MS: Final = 1_000
EXPORT_TIMEOUT_MS: Final = 5_000
LINKS_MAX: Final = 128
_SAMPLED = 1
_OF_TRACE = frozenset({"traceparent", "tracestate", "merged"})
_LOWER_HEX = frozenset(string.digits + "abcdef")

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace: 32 and 16 lower-case hex digits, W3C flags, and the vendor state that is passed on."""

    trace_id: str
    span_id: str
    flags: int
    tracestate: str = ""

    @property
    def sampled(self) -> bool:
        """Whether somebody records this trace."""
        return bool(self.flags & _SAMPLED)

    @property
    def traceparent(self) -> str:
        """The context as a W3C header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


_current: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)
_tracer: "Tracer | None" = None
_random = random.Random()  # noqa: S311 - trace ids need to be unique, not secret


class Telemetry:
    """The exporter of this process; ``close`` sends what waits."""

    def __init__(self, provider: "TracerProvider | None") -> None:
        self._provider = provider

    def close(self) -> None:
        """Sends the waiting spans (bounded by the exporter's timeout) and ends the exporter."""
        global _tracer
        _tracer = None
        if self._provider is not None:
            self._provider.shutdown()


def setup(service: str, *, endpoint: str, sample_ratio: float, version: str, environment: str) -> Telemetry:
    """Starts exporting to an OTLP/HTTP endpoint (``http://host:4318``); with an empty one contexts are only passed on.

    The decision to sample is taken where a trace begins, and kept by everyone after it.
    """
    global _tracer
    if not endpoint:
        return Telemetry(None)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    resource = Resource.create(
        {
            "service.name": f"sverka-{service}",
            "service.namespace": "sverka",
            "service.version": version,
            "deployment.environment.name": environment,
        }
    )
    provider = TracerProvider(
        resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_ratio)), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces", timeout=EXPORT_TIMEOUT_MS / 1000)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=EXPORT_QUEUE_SPANS_MAX,
            max_export_batch_size=EXPORT_BATCH_SPANS_MAX,
            schedule_delay_millis=EXPORT_DELAY_MS,
            export_timeout_millis=EXPORT_TIMEOUT_MS,
        )
    )
    _tracer = provider.get_tracer("sverka.chassis", version)
    return Telemetry(provider)


def current() -> TraceContext | None:
    """Where this task stands in a trace."""
    return _current.get()


def recording() -> bool:
    """Whether a span begun here would be recorded; for attributes that cost something to make."""
    return _recorded(_current.get())


def inject() -> dict[str, str]:
    """``traceparent`` (and ``tracestate``) of this task, for a command's metadata or a header; {} outside any trace."""
    context = _current.get()
    if context is None:
        return {}
    if context.tracestate:
        return {"traceparent": context.traceparent, "tracestate": context.tracestate}
    return {"traceparent": context.traceparent}


def extract(carrier: Mapping[str, Any]) -> TraceContext | None:
    """The context in a metadata dict or headers; None when there is none or it is malformed."""
    text = carrier.get("traceparent")
    if not isinstance(text, str) or len(text) < 55 or text[2] != "-" or text[35] != "-" or text[52] != "-":
        return None
    trace_id, span_id, flags = text[3:35], text[36:52], text[53:55]
    if not _LOWER_HEX.issuperset(trace_id + span_id + flags) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    state = carrier.get("tracestate")
    return TraceContext(trace_id, span_id, int(flags, 16), state if isinstance(state, str) else "")


class SpanScope:
    """A span around a piece of work: a context manager. ``set`` and ``fail`` cost nothing when nobody records it."""

    __slots__ = ("_attributes", "_context", "_kind", "_links", "_name", "_parent", "_span", "_token")

    def __init__(
        self,
        name: str,
        kind: str,
        parent: TraceContext | None,
        links: Sequence[TraceContext],
        attributes: Attributes | None,
    ) -> None:
        self._name = name
        self._kind = kind
        self._parent = parent
        self._links = links
        self._attributes = attributes
        self._span: Span | None = None
        self._token: Token[TraceContext | None] | None = None
        self._context: TraceContext | None = None

    @property
    def context(self) -> TraceContext:
        """The span's place in its trace; for children that are handled elsewhere."""
        assert self._context is not None, "the span has been entered"
        return self._context

    def __enter__(self) -> Self:
        parent = self._parent
        if _tracer is None or (parent is not None and not parent.sampled):
            self._context = parent or _new_root()
        else:
            self._span = _start(_tracer, self._name, self._kind, parent, self._links, self._attributes)
            made = self._span.get_span_context()
            state = parent.tracestate if parent is not None else ""
            self._context = TraceContext(f"{made.trace_id:032x}", f"{made.span_id:016x}", int(made.trace_flags), state)
        self._token = _current.set(self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if self._span is not None:
            if kind is not None:
                self.fail(kind.__name__)
            self._span.end()

    def set(self, name: str, value: str | int | float | bool) -> None:
        """Sets an attribute."""
        if self._span is not None:
            self._span.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        """Marks the span as failed; ``error_type`` is a class name or a stable code, never a text."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_attribute("error.type", error_type)
            self._span.set_status(Status(StatusCode.ERROR))


def span(
    name: str,
    *,
    kind: str = "internal",
    parent: Mapping[str, Any] | None = None,
    links: Sequence[TraceContext] = (),
    attributes: Attributes | None = None,
) -> SpanScope:
    """A span with a low-cardinality name; ``kind`` is internal, server, client, producer or consumer.

    ``parent`` None continues this task's trace; a carrier (metadata, headers) continues the trace in it, or begins a
    new one when it holds none.
    """
    return SpanScope(name, kind, _current.get() if parent is None else extract(parent), links, attributes)


def work_span(
    name: str, metadata: Mapping[str, str], *, batch: Sequence[Mapping[str, str]] = (), anew: bool = False
) -> SpanScope:
    """The span of one run of due work, child of the context that its row kept.

    It links to the contexts that were merged into the row, and to those of the rows that travel with it (``batch``).
    ``anew`` is for what recurs: each run is a trace of its own, linked to where the work was planned.
    """
    parent = None if anew else extract(metadata)
    if not _recorded(parent):
        return SpanScope(name, "internal", parent, (), None)
    texts = [metadata.get("merged", ""), *(row.get("traceparent", "") for row in batch)]
    if anew:
        texts.append(metadata.get("traceparent", ""))
    found = (extract({"traceparent": text}) for text in " ".join(texts).split())
    links = {link.trace_id: link for link in found if link and link.sampled and not _same_trace(link, parent)}
    return SpanScope(name, "internal", parent, list(links.values())[:LINKS_MAX], None)


def continued(metadata: Mapping[str, str]) -> dict[str, str]:
    """A row's metadata with this task's place in its trace, for the commands that follow from the row's work."""
    return {name: text for name, text in metadata.items() if name not in _OF_TRACE} | inject()


def continued_in_batch(metadata: Mapping[str, str]) -> dict[str, str]:
    """``continued`` for rows that travel in one call: a row of another trace than the call's goes on in its own."""
    own = extract(metadata)
    return dict(metadata) if own is not None and not _same_trace(own, _current.get()) else continued(metadata)


def send_span(topic: str, carrier: Mapping[str, Any], message_id: str = "") -> SpanScope:
    """The span ``send TOPIC`` of one message, child of the context that its outbox row kept."""
    parent = extract(carrier)
    if not _recorded(parent):
        return SpanScope("", "", parent, (), None)
    return SpanScope(f"send {topic}", "producer", parent, (), _messaging("send", "send", topic, message_id=message_id))


def process_span(
    topic: str, carrier: Mapping[str, Any], *, group: str, partition: int, offset: int, message_id: str = ""
) -> SpanScope:
    """The span ``process TOPIC`` of one message of a batch, child of the context in its headers."""
    parent = extract(carrier)
    if not _recorded(parent):
        return SpanScope("", "", parent, (), None)
    attributes = _messaging("process", "process", topic, message_id=message_id)
    attributes |= {
        "messaging.consumer.group.name": group,
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": offset,
    }
    return SpanScope(f"process {topic}", "consumer", parent, (), attributes)


def poll_span(topics: Sequence[str], links: Sequence[TraceContext], *, group: str, count: int) -> SpanScope:
    """The span ``poll TOPIC`` of a batch, a trace of its own with links to the messages' ``process`` spans."""
    sampled = [link for link in links if link.sampled][:LINKS_MAX]
    if _tracer is None or not sampled:
        return SpanScope("", "", TraceContext(*_new_ids(), 0), (), None)
    name = topics[0] if len(topics) == 1 else f"{len(topics)} topics"
    attributes = _messaging("poll", "receive", name)
    attributes |= {"messaging.consumer.group.name": group, "messaging.batch.message_count": count}
    return SpanScope(f"poll {name}", "client", None, sampled, attributes)


def client_span(method: str, operation: str, url: str) -> SpanScope:
    """The span of an HTTP call; ``url`` is already fit for a log."""
    parent = _current.get()
    if not _recorded(parent):
        return SpanScope("", "", parent, (), None)
    attributes = {"http.request.method": method, "url.full": url, "url.template": operation}
    return SpanScope(f"{method} {operation}", "client", parent, (), attributes)


def _same_trace(one: TraceContext, other: TraceContext | None) -> bool:
    return other is not None and one.trace_id == other.trace_id


def _recorded(parent: TraceContext | None) -> bool:
    return _tracer is not None and (parent is None or parent.sampled)


def _messaging(
    operation: str, kind: str, destination: str, message_id: str = ""
) -> dict[str, str | int | float | bool]:
    attributes: dict[str, str | int | float | bool] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": destination,
    }
    if message_id:
        attributes["messaging.message.id"] = message_id
    return attributes


def _new_ids() -> tuple[str, str]:
    return f"{_random.getrandbits(128) or 1:032x}", f"{_random.getrandbits(64) or 1:016x}"


def _new_root() -> TraceContext:
    return TraceContext(*_new_ids(), 0)


def _start(
    tracer: "Tracer",
    name: str,
    kind: str,
    parent: TraceContext | None,
    links: Sequence[TraceContext],
    attributes: Attributes | None,
) -> "Span":
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context

    context = Context()
    if parent is not None:
        context = set_span_in_context(NonRecordingSpan(_remote(parent)), context)
    linked: list[Link] = [Link(_remote(link)) for link in links]
    return tracer.start_span(name, context, _span_kind(kind), attributes, linked, record_exception=False)


def _remote(context: TraceContext) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), True, TraceFlags(context.flags))


def _span_kind(kind: str) -> "SpanKind":
    from opentelemetry.trace import SpanKind

    return SpanKind[kind.upper()]
