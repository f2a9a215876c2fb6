"""Reads a tenant's file: values with their lines, and what its references stand for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from contracts.tenant_file.refusal import Fault, KeyPath, TenantFileRefused, key_text, shown

TEXT_BYTES_MAX: Final = 256 * 1024
SECRET_BYTES_MAX: Final = 16 * 1024
DEPTH_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Tree:
    """A file as read: plain values, the line of each key, and where references stood."""

    value: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    references: Mapping[KeyPath, str] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest one around it; 0 where there are none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read(text: str) -> Tree:
    """The file's values with their lines; nothing is checked but the form. Raises TenantFileRefused."""
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise TenantFileRefused(
            [Fault(0, "", "", f"the file has more than {TEXT_BYTES_MAX} bytes; write a shorter one")]
        )
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        faults = [] if node is None else list(_walk(node, (), lines))
        if faults:
            raise TenantFileRefused(faults)
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "this is not YAML"
        line = 0 if mark is None else mark.line + 1
        raise TenantFileRefused([Fault(line, "", str(what), "write YAML: keys, colons, two blanks a level")]) from error
    finally:
        loader.dispose()
    if not isinstance(value, dict):
        raise TenantFileRefused([Fault(1, "", shown(value), "write keys and values, beginning with tenant:")])
    return Tree(value, lines)


def resolve(tree: Tree, environ: Mapping[str, str], folder: Path) -> Tree:
    """Puts in what ``env:NAME`` and ``file:PATH`` (relative to ``folder``) refer to. Raises TenantFileRefused."""
    faults: list[Fault] = []
    references: dict[KeyPath, str] = {}

    def value_of(value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: value_of(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [value_of(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and value.startswith(("env:", "file:")):
            references[path] = value
            try:
                return _referred(value, environ, folder)
            except ValueError as error:
                faults.append(Fault(tree.line(path), key_text(path), value, str(error)))
        return value

    resolved = value_of(tree.value, ())
    if faults:
        raise TenantFileRefused(faults)
    return Tree(resolved, tree.lines, references)


def _walk(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], depth: int = 0) -> Iterator[Fault]:
    lines.setdefault(path, node.start_mark.line + 1)
    if depth > DEPTH_MAX:
        yield Fault(node.start_mark.line + 1, key_text(path), "", "nested too deeply; write it as in the example")
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            inner = (*path, key)
            if key in seen:
                yield Fault(key_node.start_mark.line + 1, key_text(inner), "the key twice", "write it once")
            seen.add(key)
            lines[inner] = key_node.start_mark.line + 1
            if value_node.start_mark.index < key_node.start_mark.index:
                yield Fault(lines[inner], key_text(inner), "an alias", "write the value itself")
            else:
                yield from _walk(value_node, inner, lines, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            if item.start_mark.index < node.start_mark.index:
                yield Fault(node.start_mark.line + 1, key_text(path), "an alias", "write the value itself")
            else:
                yield from _walk(item, (*path, index), lines, depth + 1)


def _referred(reference: str, environ: Mapping[str, str], folder: Path) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env":
        if not (found := environ.get(name, "")):
            raise ValueError(f"set the variable {name} in the environment of this command")
        return found
    path = folder / name
    try:
        if path.stat().st_size > SECRET_BYTES_MAX:
            raise ValueError(f"name a file of at most {SECRET_BYTES_MAX} bytes")
        return path.read_text().strip()
    except OSError as error:
        raise ValueError(f"name a file that can be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError("name a file of text in UTF-8") from error
