"""Where the spans of due work hang: under the first plan, linked to the others; what recurs begins anew each time."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import telemetry
from chassis.aggregate import EffectPlan, TaskPlan
from chassis.ids import TenantId
from chassis.work.handlers import Done, StreamCommand
from chassis.work.plans import PlannedWork, insert_plans
from tests.chassis.work.conftest import World, eventually
from tests.chassis.work.test_tasks import Looker
from tests.chassis.work.toy import ACCOUNT, START, Looked, Vendor

TENANT = TenantId("aa")


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def carrier(digit: str) -> dict[str, str]:
    return {"traceparent": f"00-{digit * 32}-{digit * 16}-01"}


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def linked(span: ReadableSpan) -> list[str]:
    return sorted(f"{link.context.trace_id:032x}" for link in span.links)


async def plan(world: World, metadata: Mapping[str, str]) -> None:
    async with world.database.transaction([TENANT]) as connection:
        work = PlannedWork(TENANT, "chain-1", TaskPlan("look", "k", account=ACCOUNT), metadata)
        await insert_plans(connection, [work], world.clock.now())


async def ended(exported: InMemorySpanExporter, name: str, count: int = 1) -> list[ReadableSpan]:
    async def there() -> list[ReadableSpan]:
        found = [span for span in exported.get_finished_spans() if span.name == name]
        return found if len(found) >= count else []

    spans: list[ReadableSpan] = await eventually(there)
    return spans


async def test_of_merged_plans_the_first_is_the_parent_and_the_others_are_linked(
    world: World, exported: InMemorySpanExporter
) -> None:
    for digit in "123":
        await plan(world, carrier(digit))
    looker = Looker()
    await world.start(tasks=[looker])
    (span,) = await ended(exported, "task look")
    assert trace_of(span) == "1" * 32
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "1" * 16
    assert linked(span) == ["2" * 32, "3" * 32]
    assert "merged" not in looker.ran[0].metadata


async def test_a_plan_that_comes_during_a_run_leads_to_the_next_one(
    world: World, exported: InMemorySpanExporter
) -> None:
    await plan(world, carrier("1"))
    looker = Looker()
    await world.start(tasks=[looker])
    await ended(exported, "task look")
    await plan(world, carrier("2"))
    first, second = await ended(exported, "task look", 2)
    assert (trace_of(first), trace_of(second), linked(second)) == ("1" * 32, "2" * 32, [])


async def test_each_run_of_what_recurs_is_a_trace_of_its_own(world: World, exported: InMemorySpanExporter) -> None:
    again = START + timedelta(seconds=60)
    told = StreamCommand("chain-1", Looked("k"), "looked")
    looker = Looker(Done((told,), again_at=again), Done((), again_at=again), recurring=True)
    await plan(world, carrier("1"))
    await world.start(tasks=[looker])
    await ended(exported, "task look")
    world.clock.set(again)
    runs = await ended(exported, "task look", 2)
    traces = [trace_of(run) for run in runs]
    assert len({*traces, "1" * 32}) == 3
    assert [linked(run) for run in runs] == [["1" * 32]] * 2
    async with world.database.transaction([TENANT]) as connection:
        metadata = await connection.fetchval("SELECT metadata->>'traceparent' FROM events WHERE type = 'LookEnded'")
    assert metadata.startswith(f"00-{traces[0]}-")


async def test_effects_of_one_call_go_on_in_their_own_traces(world: World, exported: InMemorySpanExporter) -> None:
    works = [
        PlannedWork(
            TENANT,
            "chain-1",
            EffectPlan(
                kind="call",
                key=("chain-1", "1", str(copy)),
                account=ACCOUNT,
                request={"step": 1, "copy": copy, "stream": "chain-1"},
                marker=f"[{copy}]",
                group="deal",
            ),
            carrier(digit),
        )
        for copy, digit in enumerate("12")
    ]
    async with world.database.transaction([TENANT]) as connection:
        await insert_plans(connection, works, world.clock.now())
    vendor = Vendor(batch_max=2)
    await world.start(vendor)
    (span,) = await ended(exported, "effect call")
    assert vendor.requests == [2]
    assert (trace_of(span), linked(span)) == ("1" * 32, ["2" * 32])
    assert span.context is not None
    async with world.database.transaction([TENANT]) as connection:
        rows = await connection.fetch("SELECT metadata->>'traceparent' AS at FROM events ORDER BY version")
    own = f"00-{'1' * 32}-{span.context.span_id:016x}-01"
    assert [row["at"] for row in rows] == [own, carrier("2")["traceparent"]]
