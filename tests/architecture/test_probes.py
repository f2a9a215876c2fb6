"""Tests wait for what they look for, with a deadline, and never for time to pass."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import Source, called, planted, sources

SLEEPS = ("asyncio.sleep", "time.sleep")
LOOPS = (ast.While, ast.For, ast.AsyncFor)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
TIMED = "tests/chaos/"
"""Faults last their seconds there, and people think: what is looked for is probed all the same."""


def waits_without_looking(source: Source) -> Iterator[str]:
    """A test that sleeps 100 ms finds its row; on a busy machine the row comes after 300."""
    for node, in_a_loop in _with_loops(source.tree, False):
        if isinstance(node, ast.Call) and called(node) in SLEEPS and not in_a_loop and ast.unparse(node.args[0]) != "0":
            yield f"{source.path}:{node.lineno}: {ast.unparse(node)} outside a loop that looks"


def _with_loops(node: ast.AST, in_a_loop: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, in_a_loop
        yield from _with_loops(child, not isinstance(child, FUNCTIONS) and (in_a_loop or isinstance(child, LOOPS)))


def test_no_test_waits_for_time_to_pass() -> None:
    own = [source for source in sources("tests") if not source.path.startswith(TIMED)]
    assert [found for source in own for found in waits_without_looking(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "async def test_it():\n  await asyncio.sleep(0.1)\n  assert row()",
        "def test_it():\n  time.sleep(SECONDS)",
        "def test_it():\n  for one in many:\n    call(lambda: time.sleep(1))",
    ],
)
def test_a_planted_sleep_is_caught(text: str) -> None:
    assert list(waits_without_looking(planted(text)))
