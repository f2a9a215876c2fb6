"""Rules of delivery that imports cannot show: each check names the incident it prevents and catches a planted one."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.architecture.sources import PRODUCT, Source, called, migrations, planted, sources

_OUTSIDE = re.compile(
    r"(^|\.)_?(accounting|crm|operators?|registers?|router|finder|papers|renderer|http|client|permits?|blobs|subjects"
    r"|vendors?|session|transport)\.|^httpx\.|^aiohttp\."
)
_TRANSACTION = re.compile(r"\.(transaction|delivery)$")

_EXPLICIT: dict[str, frozenset[str]] = {
    "AIOKafkaProducer": frozenset({"acks", "enable_idempotence", "request_timeout_ms"}),
    "AIOKafkaConsumer": frozenset({"group_id", "enable_auto_commit", "auto_offset_reset", "request_timeout_ms"}),
    "KafkaBroker": frozenset({"allow_auto_create_topics"}),
    "asyncpg.connect": frozenset({"timeout", "command_timeout"}),
    "aiohttp.ClientSession": frozenset({"timeout", "trust_env", "auto_decompress"}),
    "asyncpg.create_pool": frozenset({"min_size", "max_size", "timeout", "command_timeout"}),
    "httpx.AsyncClient": frozenset({"timeout", "follow_redirects", "trust_env"}),
    "httpx.Client": frozenset({"timeout", "follow_redirects", "trust_env"}),
}
_SUBSCRIBER = frozenset({"ack_policy", "auto_offset_reset", "batch", "max_records", "max_poll_interval_ms"})


def subscribers_outside_the_chassis(source: Source) -> Iterator[str]:
    """A handler with the framework's own subscriber acknowledged messages that it had not handled, and lost them."""
    if source.path.startswith("chassis/messaging/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and called(node).rpartition(".")[2] == "subscriber":
            yield f"{source.path}:{node.lineno}: a subscriber outside chassis/messaging"


def calls_inside_transactions(source: Source) -> Iterator[str]:
    """A vendor that hung for 25 seconds held row locks for as long, and every other tenant waited behind them."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.AsyncWith):
            continue
        if not any(_TRANSACTION.search(called(item.context_expr)) for item in node.items):
            continue
        for inner in ast.walk(ast.Module(node.body, [])):
            if isinstance(inner, ast.Await) and _OUTSIDE.search(called(inner.value)):
                yield f"{source.path}:{inner.lineno}: {called(inner.value)} is awaited inside a transaction"


def writes_around_the_engine(source: Source) -> Iterator[str]:
    """Events were written by hand without their outbox rows: other services never heard of them."""
    inserts = re.findall(r"INSERT\s+INTO\s+(events|outbox)\b", source.text, re.IGNORECASE)
    allowed = {"events": "chassis/event_store.py", "outbox": "chassis/outbox.py"}
    for table in inserts:
        if source.path != allowed[table.lower()]:
            yield f"{source.path}: writes {table} itself; give a command to the engine"
    if not source.path.startswith("chassis/"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and called(node) in ("event_store.insert", "event_store.append"):
                yield f"{source.path}:{node.lineno}: appends around the engine"


def defaults_left_to_chance(source: Source) -> Iterator[str]:
    """Library defaults acknowledged too early, created topics by a typo, and waited for ever."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        needed = _SUBSCRIBER if name.endswith(".subscriber") else _EXPLICIT.get(name, frozenset())
        given = {keyword.arg for keyword in node.keywords}
        if None in given:  # by **: what the same module puts under that name into a dictionary
            given |= {one for one in needed if f'"{one}":' in source.text}
        missing = sorted(needed - given)
        if missing:
            yield f"{source.path}:{node.lineno}: {name} leaves {', '.join(missing)} to the library"


def swallowed_errors(source: Source) -> Iterator[str]:
    """`except Exception: pass` around the store hid that nothing had been stored."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or called(node.type) in ("Exception", "BaseException")
            empty = all(
                isinstance(statement, ast.Pass)
                or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
                for statement in node.body
            )
            if wide and empty:
                yield f"{source.path}:{node.lineno}: an error of any kind is swallowed"


SHARED_TABLES = {
    "consumer_positions": "where a consumer stands in a topic; no row belongs to a tenant",
    "relay_positions": "where the relay stands in a topic; no row belongs to a tenant",
    "relay_generations": "which log of a topic the relay writes; no row belongs to a tenant",
    "work_rotation": "which tenant was served last",
}
_TABLE = re.compile(
    r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)\s*(PARTITION OF|\(.*?\n?\)[^;]*;)", re.DOTALL | re.IGNORECASE
)


def tables_without_a_tenant(source: Source) -> Iterator[str]:
    """A new table without tenant and policy showed one portal's rows to another."""
    for match in _TABLE.finditer(source.text):
        table, body = match[1].lower(), match[2]
        if body.upper() == "PARTITION OF" or table in SHARED_TABLES:
            continue
        if "tenant_id" not in body:
            yield f"{source.path}: table {table} has no tenant_id"
        protected = rf"chassis\.protect(_delivery)?\('{table}'\)|ALTER TABLE {table} ENABLE ROW LEVEL"
        if not re.search(protected, source.text):
            yield f"{source.path}: table {table} has no policy; call chassis.protect('{table}')"


Check = Callable[[Source], Iterator[str]]

PLANTED: list[tuple[Check, str]] = [
    (subscribers_outside_the_chassis, "@broker.subscriber('deals')\nasync def handle(m): ..."),
    (calls_inside_transactions, "async def f(self):\n  async with self._database.transaction(['a']) as c:\n"
     "    await self._accounting.create_invoice(1)"),
    (calls_inside_transactions, "async def f(self):\n  async with self._database.transaction(['a']) as c:\n"
     "    await self._operator.post_document(1)"),
    (calls_inside_transactions, "async def f(self):\n  async with db.delivery() as c:\n    await httpx.get('x')"),
    (writes_around_the_engine, "SQL = 'INSERT INTO events (tenant_id) VALUES ($1)'"),
    (writes_around_the_engine, "async def f(c): await event_store.append(c, [], None)"),
    (defaults_left_to_chance, "p = AIOKafkaProducer(bootstrap_servers='x')"),
    (defaults_left_to_chance, "p = AIOKafkaProducer(**settings.client('x'), acks='all')"),
    (defaults_left_to_chance, "@broker.subscriber('deals', batch=True)\nasync def handle(m): ..."),
    (swallowed_errors, "try:\n  save()\nexcept Exception:\n  pass"),
    (swallowed_errors, "try:\n  save()\nexcept:\n  ..."),
]  # fmt: skip


@pytest.mark.parametrize(
    "check",
    [subscribers_outside_the_chassis, calls_inside_transactions, writes_around_the_engine, defaults_left_to_chance,
     swallowed_errors],
)  # fmt: skip
def test_the_product_keeps_the_rule(check: Check) -> None:
    assert [found for source in sources(*PRODUCT) for found in check(source)] == []


@pytest.mark.parametrize(("check", "text"), PLANTED)
def test_a_planted_violation_is_caught(check: Check, text: str) -> None:
    assert list(check(planted(text)))


def test_every_table_has_a_tenant_and_a_policy() -> None:
    assert [found for source in migrations() for found in tables_without_a_tenant(source)] == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (id text PRIMARY KEY);",
        "CREATE TABLE t (tenant_id text, id text);",
        "CREATE TABLE t (id text); SELECT chassis.protect('t');",
    ],
)
def test_a_planted_table_is_caught(sql: str) -> None:
    assert list(tables_without_a_tenant(Source("services/planted/migrations/0001.sql", sql, ast.Module([], []))))
