"""Checks a tenant's file against its model, and says of each fault where it is, what was found and what to write."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from contracts.tenant_file.accounting import accounting_model
from contracts.tenant_file.model import TenantFile
from contracts.tenant_file.reading import Tree, read, resolve
from contracts.tenant_file.refusal import Fault, KeyPath, TenantFileRefused, key_text, shown

SECRET_KEYS: Final = frozenset(
    {
        "webhook_url",
        "application_token",
        "client_id",
        "client_secret",
        "api_key",
        "refresh_token",
        "password",
        "secret",
        "callback_secret",
    }
)
"""Keys whose values are shown to nobody."""


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
        known = _known_keys(tree.value, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = (
            f"write {near[0]} instead, or leave it out" if near else f"leave it out; known here are {', '.join(known)}"
        )
        return path, Fault(line, key, "an unknown key", hint)
    found = "nothing" if problem["type"] == "missing" else _found(tree, path)
    return path, Fault(line, key, found, _hint(tree.value, path))


def _found(tree: Tree, path: KeyPath) -> str:
    if path in tree.references:
        return f"what {tree.references[path]} refers to"
    found = _at(tree.value, path)
    if found is not None and path and path[-1] in SECRET_KEYS:
        return "a value that is not shown"
    return shown(found)


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _real_path(value: Any, loc: KeyPath) -> KeyPath:
    """The part of a location that is made of keys of the file: unions add names of their branches."""
    whole, path = value, list[str | int]()
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(value, dict) and isinstance(step, str):
            if step not in value and not (last and step in _known_keys(whole, tuple(path))):
                continue
            path.append(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            path.append(step)
            value = value[step] if step < len(value) else None
    return tuple(path)


def _field_of(value: Any, path: KeyPath) -> tuple[str, type[BaseModel] | None] | None:
    """The description of the nearest field that a path names, and the model of what stands there."""
    model: type[BaseModel] | None = TenantFile
    found: tuple[str, type[BaseModel] | None] | None = None
    for place, step in enumerate(path, 1):
        if isinstance(step, int):
            continue
        info = None
        for name, candidate in (model.model_fields if model else {}).items():
            if step in (name, candidate.alias):
                info = candidate
        if info is None:
            return found
        models = list(_models_in(info.annotation))
        model = accounting_model(_at(value, path[:place])) if len(models) > 1 else next(iter(models), None)
        found = (info.description or "", model)
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _known_keys(value: Any, path: KeyPath) -> list[str]:
    found = ("", TenantFile) if not path else _field_of(value, path)
    model = None if found is None else found[1]
    return [] if model is None else [info.alias or name for name, info in model.model_fields.items()]


def _hint(value: Any, path: KeyPath) -> str:
    found = _field_of(value, path)
    return "write it as in the example" if found is None or not found[0] else found[0]
