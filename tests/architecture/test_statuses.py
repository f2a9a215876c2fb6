"""What a handler declares by `@answers` is what its code answers: no status is missing, and none is made up."""

import ast
import re
from collections.abc import Iterator

import pytest

from chassis.openapi import EVERYWHERE
from tests.architecture.sources import Source, planted, sources

HELPERS = "chassis/internal_api/requests.py"
DECLARING = "answers"
ANSWERING = {"HTTPException": (0, None), "reply": (1, 200), "_json": (0, None), "Response": (1, 200)}
"""Calls that make an answer: where its status stands among the arguments, and which it is without one."""

API_METHOD = re.compile(r"app\.(get|post|put|patch|delete)")

Functions = dict[str, ast.FunctionDef | ast.AsyncFunctionDef]


def functions(source: Source) -> Functions:
    """Functions of a module by name, and methods by `self.name`."""
    found: Functions = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            owner = "self." if isinstance(node, ast.ClassDef) else ""
            inner = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{owner}{one.name}": one for one in inner}
    return found


def declared(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int] | None:
    """The statuses of `@answers`."""
    for one in function.decorator_list:
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == DECLARING:
            return {found for argument in one.args if (found := _number(argument)) is not None}
    return None


def shown(name: str, known: Functions, seen: set[str]) -> set[int]:
    """The statuses that a function's code makes, with those of the functions that it calls.

    A handler answers 409, no description names it, and who calls it takes a refusal for a fault and tries for ever.
    """
    if name in seen or name not in known:
        return set()
    seen.add(name)
    found: set[int] = set()
    for call in (node for node in ast.walk(known[name]) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)  # another object's is not known: what it raises becomes an answer here
        if called in ANSWERING:
            found |= _status(call, *ANSWERING[called])
        found |= shown(called, known, seen)
    return found


def _status(call: ast.Call, place: int, otherwise: int | None) -> set[int]:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = named.get("status_code") or (call.args[place] if len(call.args) > place else None)
    if given is None:
        return set() if otherwise is None else {otherwise}
    number = _number(given)
    return set() if number is None else {number}


def _number(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def handlers() -> Iterator[tuple[Source, str]]:
    """All that declare."""
    for source in sources("chassis", "services"):
        for name, function in functions(source).items():
            if declared(function) is not None:
                yield source, name


def helping() -> Functions:
    """What every module may call, without those that only make an answer of a status they are given."""
    (found,) = [source for source in sources("chassis") if source.path == HELPERS]
    return {name: function for name, function in functions(found).items() if name not in ANSWERING}


@pytest.mark.parametrize(("source", "name"), [pytest.param(*one, id=f"{one[0].path}:{one[1]}") for one in handlers()])
def test_a_handler_declares_what_it_answers(source: Source, name: str) -> None:
    known = {**helping(), **{key: one for key, one in functions(source).items() if key not in ANSWERING}}
    assert shown(name, known, set()) - set(EVERYWHERE) == declared(known[name])


def silent(source: Source) -> list[str]:
    """A route that is in no description cannot be called by anybody who reads descriptions."""
    known = functions(source)
    routed = [
        ast.unparse(call.args[1])
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Route" and len(call.args) > 1
    ]
    quiet = [name for name in routed if name in known and declared(known[name]) is None]
    for name, function in known.items():
        for one in function.decorator_list:
            if isinstance(one, ast.Call) and API_METHOD.fullmatch(ast.unparse(one.func)):
                quiet += [] if any(keyword.arg == "responses" for keyword in one.keywords) else [name]
    return quiet


def api_functions(source: Source) -> Source:
    """A module of FastAPI's with the functions that stand inside others beside them."""
    inner = [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return Source(source.path, source.text, ast.Module([*inner], []))


def test_no_route_is_left_undeclared() -> None:
    all_sources = sources("chassis", "services")
    found = {one.path: names for one in all_sources if (names := [*silent(one), *silent(api_functions(one))])}
    assert not found, "give each handler @answers(…), or `responses=` where it is FastAPI's"
    assert silent(planted("class A:\n    def r(self): return [Route('/x', self.x)]\n    async def x(self): ...\n"))
    assert silent(planted("@app.get('/x')\nasync def x(): ...\n"))


def test_a_status_that_is_missing_or_made_up_is_noticed() -> None:
    text = (
        "@answers(200, 410)\nasync def shown(request):\n    _find(request)\n    return reply({})\n"
        "def _find(request):\n    limit_of(request)\n    raise HTTPException(404, 'gone')\n"
    )
    known = {**helping(), **functions(planted(text))}
    assert shown("shown", known, set()) == {200, 400, 404}
    assert declared(known["shown"]) == {200, 410}


def test_there_is_something_to_check() -> None:
    assert len(list(handlers())) > 15
