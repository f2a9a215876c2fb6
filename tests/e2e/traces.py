"""The spans that an installation exports, as an OTLP receiver of the tests got them."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from deploy.local.ports import HOST

SPANS_MAX: Final = 200_000


@dataclass(frozen=True, slots=True)
class Span:
    """A span, with the service that made it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    tenant: str

    def __str__(self) -> str:
        return f"{self.service}: {self.name}"


@dataclass(slots=True)
class Trace:
    """The spans of one trace, by their ids."""

    spans: dict[str, Span] = field(default_factory=dict)

    def path(self, span: Span) -> list[str]:
        """From the trace's first span down to this one, each as ``service: name``."""
        found = [str(span)]
        while span.parent_id in self.spans:
            span = self.spans[span.parent_id]
            found.append(str(span))
        return found[::-1]

    def named(self, text: str) -> list[Span]:
        """The spans ``service: name``."""
        return [span for span in self.spans.values() if str(span) == text]

    def orphans(self) -> list[str]:
        """The ways to spans that begin at one whose parent is not here."""
        roots = {id_ for id_, span in self.spans.items() if span.parent_id and span.parent_id not in self.spans}
        return [" > ".join(self.path(self.spans[id_])) for id_ in roots]

    def edges(self) -> set[tuple[str, str]]:
        """Parent and child of every span whose parent is here."""
        spans = self.spans
        return {(str(spans[span.parent_id]), str(span)) for span in spans.values() if span.parent_id in spans}


class Traces:
    """What was received so far, by trace id."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._lock = threading.Lock()
        self._traces: dict[str, Trace] = {}
        self._count = 0

    def with_span(self, text: str, tenant: str) -> list[Trace]:
        """The traces, as far as they have come, in which a span ``service: name`` of the tenant is."""
        with self._lock:
            traces = [Trace(dict(trace.spans)) for trace in self._traces.values()]
        return [trace for trace in traces if any(span.tenant == tenant for span in trace.named(text))]

    def take(self, body: bytes) -> None:
        """Keeps what an exporter sent."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _texts(resource.resource.attributes)["service.name"].removeprefix("sverka-")
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                self._keep(Span(service, span.name, *ids, _texts(span.attributes).get("sverka.tenant_id", "")))

    def _keep(self, span: Span) -> None:
        with self._lock:
            self._count += 1
            assert self._count < SPANS_MAX, "the tests make more spans than they keep"
            self._traces.setdefault(span.trace_id, Trace()).spans[span.span_id] = span


def _texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {one.key: one.value.string_value for one in attributes}


@contextlib.contextmanager
def receiving() -> Iterator[Traces]:
    """An OTLP/HTTP receiver until the block ends."""
    traces = Traces()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            traces.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: what came is what tests ask for."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        traces.endpoint = f"http://{HOST}:{server.server_port}"
        try:
            yield traces
        finally:
            server.shutdown()
            thread.join()
