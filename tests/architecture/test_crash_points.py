"""Every commit, call, Kafka send and acknowledgement has its crash points, and the list of them leaves none out."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.architecture.crash_points import (
    FOLDERS,
    NotDerived,
    derived,
    functions,
    kinds_of_work,
    moments,
    operations,
    places,
)
from tests.architecture.off_path import OFF_PATH
from tests.architecture.sources import Source, called, planted, sources


@dataclass(frozen=True, slots=True)
class Step:
    """A step that must survive the loss of what follows: what is called there, and the points around it."""

    call: str
    first_argument: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


STEPS = (
    Step(".execute", "'COMMIT'", before=("commit.before",), after=("commit.after",)),
    Step(".guard", after=("first_byte.before", "first_byte.after")),
    Step("._session.exchange", after=("answer.before", "answer.after")),
    Step(".send_batch", before=("send.before",), after=("send.after", "acknowledgement.after")),
    Step("outgoing.mark", before=("mark.before",), after=("mark.after",)),
    Step("._consumer.commit", before=("offsets.before",), after=("offsets.after",)),
    Step("._objects.put", before=("blob.before",), after=("blob.after",)),
)
ELSEWHERE = {
    "chassis.work.permits.PermitClient._posted": "asks our own service: request.before and request.after",
    "chassis.subjects.Subjects._write": "people's data: a reference that no event names is nobody's",
    "chassis.subjects.Subjects.erase": "erased again when it is asked for again",
    "chassis.subjects.Subjects.rewrap": "keys are wrapped anew, again and again alike",
}
"""Functions whose steps have other points, or none, and why."""
CONNECTIONS = {
    "chassis.postgres._pool": "opens the pools of Database, whose commits have points",
    "chassis.messaging.relay.Relay._connection": "marks what was sent, between its own points",
    "chassis.wakeups.Wakeups._listen": "sends hints that may get lost",
    "chassis.migrate._connect": "migrates before any service starts",
}
TAKER = "class C:\n  async def _card(self, permit, operation): ..."


def steps_without_points(source: Source) -> Iterator[str]:
    """A commit that no test had ever died at turned out to be the one that doubled an invoice."""
    for name, node in functions(source):
        if name in ELSEWHERE:
            continue
        points = list(moments(node))
        for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
            for step in STEPS:
                if not called(call).endswith(step.call):
                    continue
                if step.first_argument and [ast.unparse(one) for one in call.args[:1]] != [step.first_argument]:
                    continue
                earlier = {point for point, line in points if line < call.lineno}
                later = {point for point, line in points if line > call.lineno}
                missing = sorted({*step.before} - earlier | {*step.after} - later)
                if missing:
                    yield f"{source.path}:{call.lineno}: {called(call)} without {', '.join(missing)}"


def connections_past_the_points(source: Source) -> Iterator[str]:
    """A service opened a connection of its own to Postgres: what it committed there was never tested by a crash."""
    for name, node in functions(source):
        for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
            if called(call) in ("asyncpg.connect", "asyncpg.create_pool") and name not in CONNECTIONS:
                yield f"{source.path}:{call.lineno}: {name} commits past the crash points of Database"


def test_every_step_lies_between_its_points() -> None:
    assert [found for source in sources(*FOLDERS) for found in steps_without_points(source)] == []


def test_every_step_is_taken_somewhere() -> None:
    calls = {
        called(node) for source in sources(*FOLDERS) for node in ast.walk(source.tree) if isinstance(node, ast.Call)
    }
    assert [step.call for step in STEPS if not any(name.endswith(step.call) for name in calls)] == []


def test_every_commit_goes_through_the_points() -> None:
    assert [found for source in sources(*FOLDERS) for found in connections_past_the_points(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "async def f(c):\n  crash_point('commit.before')\n  await c.execute('COMMIT')",
        "async def f(c):\n  await c.execute('COMMIT')\n  crash_point('commit.before')\n  crash_point('commit.after')",
        "async def f(self):\n  async with self._session.exchange(r) as answer:\n    return await answer.aread()",
        "async def f(self):\n  self.guard()\n  self.sent = True",
        "async def f(p):\n  crash_point('send.before', t)\n  p.send_batch(b)\n  crash_point_soon('send.after', t)",
        "async def f(self):\n  await outgoing.mark(self._connection, rows, {})",
        "async def f(self):\n  await self._consumer.commit(offsets)\n  crash_point('offsets.after')",
        "async def f(self):\n  await self._objects.put(path, data)",
    ],
)
def test_a_planted_step_without_points_is_caught(text: str) -> None:
    assert list(steps_without_points(planted(text)))


def test_a_planted_connection_is_caught() -> None:
    assert list(connections_past_the_points(planted("async def f(url):\n  c = await asyncpg.connect(url)")))


def test_the_points_in_the_sources_are_those_that_are_derived() -> None:
    placed = {moment for source in sources(*FOLDERS) for _, node in functions(source) for moment, _ in moments(node)}
    known = {point.partition("[")[0] for points in derived().values() for point in points}
    assert placed == known


def test_reasons_are_given_for_what_exists() -> None:
    whole = {point for points in derived(whole=True).values() for point in points}
    named = whole | {point.partition("[")[2].removesuffix("]") for point in whole}
    assert set(OFF_PATH) - named == set()


def test_a_planted_commit_call_or_kind_of_work_is_derived() -> None:
    source = planted("class Store:\n  async def keep(self):\n    async with self._database.transaction([t]) as c: ...")
    assert [place.name for place in places(source)] == ["services.planted.workers.Store.keep"]
    source = planted(f"{TAKER}\n  async def refund(self, permit):\n    await self._card(permit, 'create_refund')")
    assert operations("elba", [source]) == {"elba.create_refund"}
    source = planted("REFUND = 'refund'\nclass Refund:\n  kind = plans.REFUND\n  batch_max = 1")
    assert kinds_of_work([source]) == {"refund": True}


@pytest.mark.parametrize(
    "text",
    [
        "def f(permit, name): return Call(vendor=VENDOR, operation=name)",
        "def f(permit): return Call(vendor=VENDOR, operation='elba.' + name)",
        f"{TAKER}\n  async def refund(self, permit, name):\n    await self._card(permit, name)",
    ],
)
def test_a_planted_call_that_nobody_can_name_is_caught(text: str) -> None:
    with pytest.raises(NotDerived):
        operations("elba", [planted(text)])


def test_a_planted_kind_that_nobody_can_name_is_caught() -> None:
    with pytest.raises(NotDerived):
        kinds_of_work([planted("class Refund:\n  kind = made_up()")])
