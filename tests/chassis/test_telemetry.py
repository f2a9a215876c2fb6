"""Trace contexts travel with and without an exporter, and exported spans have the right parents, links and names."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from chassis import telemetry

CARRIER = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "x=1"}
UNSAMPLED = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(1.0)))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def test_without_an_exporter_the_context_passes_through() -> None:
    with telemetry.process_span("deals", CARRIER, group="g", partition=0, offset=1):
        assert telemetry.inject() == CARRIER
        with telemetry.client_span("POST", "elba.create_invoice", "https://x/"):
            assert telemetry.inject() == CARRIER
    assert telemetry.inject() == {}


def test_without_an_exporter_a_trace_begins_unsampled() -> None:
    with telemetry.span("webhook", kind="server"):
        begun = telemetry.current()
        assert begun is not None
        assert not begun.sampled
        assert telemetry.extract(telemetry.inject()) == begun


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"00-{'A' * 32}-{'b' * 16}-01",
        f"00-{'g' * 32}-{'b' * 16}-01",
        f"00_{'a' * 32}-{'b' * 16}-01",
        None,
        17,
    ],
)
def test_malformed_contexts_are_no_contexts(text: Any) -> None:
    assert telemetry.extract({"traceparent": text}) is None


def test_spans_are_children_of_their_carrier(exported: InMemorySpanExporter) -> None:
    with telemetry.process_span("deals", CARRIER, group="invoicing", partition=3, offset=7, message_id="m") as process:
        metadata = telemetry.inject()
    with telemetry.send_span("documents", metadata):
        pass
    processed, sent = exported.get_finished_spans()
    assert processed.name == "process deals"
    assert processed.attributes is not None
    assert processed.attributes["messaging.destination.partition.id"] == "3"
    assert processed.attributes["messaging.kafka.offset"] == 7
    assert processed.attributes["messaging.consumer.group.name"] == "invoicing"
    assert processed.parent is not None
    assert f"{processed.parent.span_id:016x}" == "b" * 16
    assert sent.name == "send documents"
    assert sent.parent is not None
    assert f"{sent.parent.span_id:016x}" == process.context.span_id
    assert sent.context is not None
    assert f"{sent.context.trace_id:032x}" == "a" * 32
    assert metadata["tracestate"] == "x=1"


def test_poll_links_to_the_messages(exported: InMemorySpanExporter) -> None:
    context = telemetry.extract(CARRIER)
    assert context is not None
    with telemetry.poll_span(["deals"], [context], group="g", count=1):
        pass
    (polled,) = exported.get_finished_spans()
    assert polled.name == "poll deals"
    assert [f"{link.context.span_id:016x}" for link in polled.links] == ["b" * 16]
    assert polled.parent is None


def test_unsampled_traces_make_no_spans(exported: InMemorySpanExporter) -> None:
    with telemetry.process_span("deals", UNSAMPLED, group="g", partition=0, offset=0):
        assert telemetry.inject() == UNSAMPLED
        with telemetry.span("inner"):
            pass
    assert exported.get_finished_spans() == ()


def test_failures_are_marked(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), telemetry.span("outer"):
        raise ValueError("a secret text")
    with telemetry.span("by code") as span:
        span.fail("no_connection")
    raised, coded = exported.get_finished_spans()
    assert raised.attributes is not None
    assert coded.attributes is not None
    assert raised.attributes["error.type"] == "ValueError"
    assert coded.attributes["error.type"] == "no_connection"
    assert not raised.status.is_ok
    assert "secret" not in raised.to_json(), "an exception's text never reaches a span"


def test_an_empty_endpoint_exports_nothing() -> None:
    handle = telemetry.setup("x", endpoint="", sample_ratio=1.0, version="0", environment="test")
    handle.close()
    assert telemetry._tracer is None


@pytest.mark.expects_errors("^opentelemetry.exporter")
def test_a_dead_endpoint_does_not_hold_up_the_end() -> None:
    handle = telemetry.setup("x", endpoint="http://127.0.0.1:9", sample_ratio=1.0, version="0", environment="test")
    with telemetry.span("lost"):
        pass
    began = time.monotonic()
    handle.close()
    assert time.monotonic() - began < telemetry.EXPORT_TIMEOUT_MS / 1000 + 5
