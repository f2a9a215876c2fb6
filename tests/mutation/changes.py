"""Small changes of a file's functions, as mutmut makes them: each with the code that takes a function's place."""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import Mutation, MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode


@dataclass(frozen=True, slots=True)
class Change:
    """One change: ``less`` are the lines that go and ``more`` those that come, without their indentation."""

    path: str
    function: str
    less: tuple[str, ...]
    more: tuple[str, ...]

    def __str__(self) -> str:
        lines = [*(f"- {line}" for line in self.less), *(f"+ {line}" for line in self.more)]
        return "\n".join([f"{self.path} {self.function}", *lines])


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a function that is there already does from now on."""

    change: Change
    function: FunctionType
    code: CodeType
    defaults: tuple[Any, ...] | None
    keyword_defaults: dict[str, Any] | None

    def make(self) -> None:
        """From here on, whoever holds the function runs the changed one."""
        self.function.__code__ = self.code
        self.function.__defaults__ = self.defaults
        self.function.__kwdefaults__ = self.keyword_defaults


_UNREACHABLE = m.Expr(m.Call(m.Name("assert_never"))) | m.Raise(m.Call(m.Name("AssertionError")))
_CANNOT_BE = m.MatchCase(body=m.IndentedBlock([m.SimpleStatementLine([_UNREACHABLE])]))


class _Visitor(MutationVisitor):
    """Leaves alone what is said to people who read a traceback, and what mypy proves that nobody comes to."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        return isinstance(node, cst.Raise) or m.matches(node, _CANNOT_BE) or super()._skip_node_and_children(node)

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Assert) and node.msg is not None:
            self._messages.add(node.msg)
        return False if node in self._messages else super().on_visit(node)

    def __init__(self) -> None:
        super().__init__(mutation_operators, IgnoredCode(set(), set(), set()))
        self._messages: set[cst.CSTNode] = set()


def replacements(root: Path, path: str) -> Iterator[Replacement]:
    """All changes of a file that compile. A property is changed like any function; other decorated ones are not."""
    source = re.sub(r"^ *@property$", "", (root / path).read_text(), flags=re.MULTILINE)
    visitor = _Visitor()
    tree = MetadataWrapper(cst.parse_module(source)).visit(visitor)
    module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    owners = dict(_functions(tree))
    for mutation in visitor.mutations:
        node = mutation.contained_by_top_level_function
        if isinstance(node, cst.FunctionDef) and not _only_less_exhaustive(mutation):
            yield from _replacement(path, module, owners[node], node, mutation)


def _only_less_exhaustive(mutation: Mutation) -> bool:
    """Whether what goes is only the case that nothing comes to."""
    before, after = mutation.original_node, mutation.mutated_node
    if not (isinstance(before, cst.Match) and isinstance(after, cst.Match)):
        return False
    return any(m.matches(case, _CANNOT_BE) and case not in after.cases for case in before.cases)


def _functions(tree: cst.Module) -> Iterator[tuple[cst.FunctionDef, str | None]]:
    """The functions of a module, with the names of their classes."""
    for node in tree.body:
        if isinstance(node, cst.FunctionDef):
            yield node, None
        elif isinstance(node, cst.ClassDef):
            yield from ((child, node.name.value) for child in node.body.body if isinstance(child, cst.FunctionDef))


def _replacement(
    path: str, module: ModuleType, owner: str | None, node: cst.FunctionDef, mutation: Mutation
) -> Iterator[Replacement]:
    changed = deep_replace(node, mutation.original_node, mutation.mutated_node)
    assert isinstance(changed, cst.FunctionDef)
    before, after = _source(node, owner), _source(changed, owner)
    namespace = dict(vars(module))
    try:
        exec(compile(f"{_future(module)}{after}", path, "exec"), namespace)  # noqa: S102 - that is what is tried
    except (SyntaxError, TypeError, NameError):
        return
    made = _function(namespace if owner is None else vars(namespace[owner]), node.name.value)
    there = _function(vars(module) if owner is None else vars(getattr(module, owner)), node.name.value)
    lines = list(ndiff(before.splitlines(), after.splitlines()))
    change = Change(
        path,
        f"{owner}.{node.name.value}" if owner else node.name.value,
        tuple(line[2:].strip() for line in lines if line.startswith("- ")),
        tuple(line[2:].strip() for line in lines if line.startswith("+ ")),
    )
    yield Replacement(change, there, made.__code__, made.__defaults__, made.__kwdefaults__)


def _future(module: ModuleType) -> str:
    return "from __future__ import annotations\n" if hasattr(module, "annotations") else ""


def _source(node: cst.FunctionDef, owner: str | None) -> str:
    body: cst.FunctionDef | cst.ClassDef = node.with_changes(leading_lines=())
    if owner is not None:
        body = cst.ClassDef(cst.Name(owner), cst.IndentedBlock([body]))
    return cst.Module([body]).code


def _function(names: Mapping[str, Any], name: str) -> FunctionType:
    found = names[name]
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    assert isinstance(found, FunctionType), f"{name} is no plain function"
    return found
