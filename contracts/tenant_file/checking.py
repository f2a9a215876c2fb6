"""Checks a tenant's file against its model, and says of each fault where it is, what was found and what to write."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from contracts.tenant_file.model import TenantFile
from contracts.tenant_file.reading import Tree, read, resolve
from contracts.tenant_file.refusal import Fault, KeyPath, TenantFileRefused, key_text, shown

_SECRET_KEYS: Final = frozenset({"webhook_url", "application_token", "client_id", "client_secret"})


def check(tree: Tree) -> TenantFile:
    """The checked file. Raises TenantFileRefused with everything that is wrong."""
    try:
        return TenantFile.model_validate(tree.value)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        faults = dict(reversed([_fault(tree, problem) for problem in errors]))
        # Of a value with several forms only the fault that lies deepest says anything.
        told = [fault for path, fault in faults.items() if not any(_inside(other, path) for other in faults)]
        raise TenantFileRefused(sorted(told, key=lambda fault: (fault.line, fault.key))) from None


def load(text: str, environ: Mapping[str, str], folder: Path) -> TenantFile:
    """Reads, resolves and checks a file. Raises TenantFileRefused."""
    return check(resolve(read(text), environ, folder))


def from_document(document: Any) -> TenantFile:
    """A document that was sent to be applied, see ``TenantFile.document``. Raises TenantFileRefused."""
    if not isinstance(document, dict):
        raise TenantFileRefused([Fault(0, "", shown(document), "send the document of a tenant's file")])
    return check(Tree(document))


def _inside(path: KeyPath, outer: KeyPath) -> bool:
    return len(path) > len(outer) and path[: len(outer)] == outer


def _fault(tree: Tree, problem: Mapping[str, Any]) -> tuple[KeyPath, Fault]:
    path = _real_path(tree.value, problem["loc"])
    key, line = key_text(path), tree.line(path)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = (
            f"write {near[0]} instead, or leave it out" if near else f"leave it out; known here are {', '.join(known)}"
        )
        return path, Fault(line, key, "an unknown key", hint)
    found = "nothing" if problem["type"] == "missing" else _found(tree, path)
    return path, Fault(line, key, found, _hint(path))


def _found(tree: Tree, path: KeyPath) -> str:
    if path in tree.references:
        return f"what {tree.references[path]} refers to"
    if path and path[-1] in _SECRET_KEYS:
        return "a value that is not shown"
    return shown(_at(tree.value, path))


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _real_path(value: Any, loc: KeyPath) -> KeyPath:
    """The part of a location that is made of keys of the file: unions add names of their branches."""
    path: list[str | int] = []
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(value, dict) and isinstance(step, str):
            if step not in value and not (last and step in _known_keys(tuple(path))):
                continue
            path.append(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            path.append(step)
            value = value[step] if step < len(value) else None
    return tuple(path)


def _field_of(path: KeyPath) -> tuple[str, Any] | None:
    """The description and annotation of the nearest field that a path names."""
    model: type[BaseModel] | None = TenantFile
    found: tuple[str, Any] | None = None
    for step in path:
        if isinstance(step, int):
            continue
        info = None
        for name, candidate in (model.model_fields if model else {}).items():
            if step in (name, candidate.alias):
                info = candidate
        if info is None:
            return found
        found = (info.description or "", info.annotation)
        model = next(iter(_models_in(info.annotation)), None)
    return found


def _model_of(path: KeyPath) -> type[BaseModel] | None:
    if not path:
        return TenantFile
    found = _field_of(path)
    return None if found is None else next(iter(_models_in(found[1])), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _known_keys(path: KeyPath) -> list[str]:
    model = _model_of(path)
    return [] if model is None else [info.alias or name for name, info in model.model_fields.items()]


def _hint(path: KeyPath) -> str:
    found = _field_of(path)
    return "write it as in the example" if found is None or not found[0] else found[0]
