"""Turns a request (query string, form, multipart or JSON body) into one tree of parameters, as PHP would see it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import quote_plus, unquote

import orjson

FIELDS_MAX = 20_000
DEPTH_MAX = 32
LONG_CHARACTERS = 512


class TooManyParametersError(ValueError):
    """More than FIELDS_MAX names, or brackets nested deeper than DEPTH_MAX."""


class Params:
    """Top-level parameters; names are found without regard to case, values keep theirs.

    `exact` tells whether a name came in precisely this spelling (crm.timeline.comment.add takes only `fields`).
    """

    __slots__ = ("_lower", "tree")

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree
        self._lower = {name.lower(): value for name, value in tree.items() if value is not None}

    def get(self, name: str, default: Any = None) -> Any:
        return self._lower.get(name.lower(), default)

    def exact(self, name: str) -> Any:
        return self.tree.get(name)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._lower


def parse_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Bracketed names to a tree: `a[b][]=1` appends, numeric keys 0..n-1 become a list, the last value wins."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        path = _path(name)
        if not path:
            continue
        node = root
        for step, key in enumerate(path):
            place = _next_key(node) if key == "" else key
            if step == len(path) - 1:
                node[place] = value
                break
            inner = node.get(place)
            if not isinstance(inner, dict):
                inner = {}
                node[place] = inner
            node = inner
    return {key: lists(value) for key, value in root.items()}


def parse_query(query: str) -> dict[str, Any]:
    """An encoded query string or form body to a tree."""
    if not query:
        return {}
    if query.count("&") >= FIELDS_MAX:
        raise TooManyParametersError("Max number of fields exceeded")
    found = (piece.partition("=") for piece in query.split("&") if piece)
    return parse_pairs((_unquoted(name), _unquoted(value)) for name, _, value in found)


def _unquoted(text: str) -> str:
    """As `unquote_plus` has it; what base64 escapes is taken in whole strings, since files come as long values."""
    text = text.replace("+", " ")
    if len(text) >= LONG_CHARACTERS:
        text = text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
    return unquote(text, errors="replace")


def lists(value: Any) -> Any:
    """PHP has one kind of array: maps with the keys 0..n-1 in order become lists, at every depth."""
    if isinstance(value, dict):
        inner = {key: lists(item) for key, item in value.items()}
        if inner and all(key == str(index) for index, key in enumerate(inner)):
            return list(inner.values())
        return inner
    if isinstance(value, list):
        return [lists(item) for item in value]
    return value


def _path(name: str) -> list[str]:
    opening = name.find("[")
    if opening <= 0:
        return [name.replace(".", "_").replace(" ", "_")] if name and opening else []
    head = name[:opening].replace(".", "_").replace(" ", "_")
    path = [head]
    at = opening
    while at < len(name) and name[at] == "[":
        closing = name.find("]", at)
        if closing < 0:
            return path if len(path) > 1 else [head + "_" + name[at + 1 :]]
        path.append(name[at + 1 : closing])
        at = closing + 1
    if len(path) > DEPTH_MAX:
        raise TooManyParametersError(f"brackets nested deeper than {DEPTH_MAX}")
    return path


def _next_key(node: dict[str, Any]) -> str:
    highest = -1
    for key in node:
        if key.isdigit():
            highest = max(highest, int(key))
    return str(highest + 1)


def decode(query: str, content_type: str, body: bytes) -> Params:
    """All parameters of a request; those of the body win over those of the query.

    A body that is not what its content type says gives no parameters, as in PHP.
    """
    tree = parse_query(query)
    if body:
        kind = content_type.split(";", 1)[0].strip().lower()
        if kind in ("application/json", "text/json") or kind.endswith("+json"):
            tree.update(_json(body))
        elif kind == "multipart/form-data":
            tree.update(_multipart(content_type, body))
        elif kind in ("", "application/x-www-form-urlencoded"):
            tree.update(parse_query(body.decode("utf-8", "replace")))
    return Params(tree)


def _json(body: bytes) -> dict[str, Any]:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(tree, list):  # arguments one after another, as the oldest methods take them
        tree = {str(place): value for place, value in enumerate(tree)}
    if not isinstance(tree, dict):
        return {}
    return {key: lists(value) for key, value in tree.items()}


def _multipart(content_type: str, body: bytes) -> dict[str, Any]:
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    pairs: list[tuple[str, str]] = []
    if not message.is_multipart():
        return {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            continue
        if (filename := part.get_filename()) is not None:  # a file of a form, in the shape that methods take one
            pairs += [(f"{name}[0]", filename), (f"{name}[1]", base64.b64encode(payload).decode())]
        else:
            pairs.append((name, payload.decode("utf-8", "replace")))
    return parse_pairs(pairs)


def build_query(tree: dict[str, Any]) -> str:
    """A tree to a form body like PHP's http_build_query: nulls and empty arrays vanish, booleans become 1 and 0."""
    pieces: list[str] = []
    for key, value in tree.items():
        _build(str(key), value, pieces)
    return "&".join(pieces)


def _build(name: str, value: Any, pieces: list[str]) -> None:
    if value is None:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            _build(f"{name}[{key}]", item, pieces)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _build(f"{name}[{index}]", item, pieces)
    else:
        text = ("1" if value else "0") if isinstance(value, bool) else str(value)
        pieces.append(f"{quote_plus(name)}={quote_plus(text)}")


def php_map(entries: dict[str, Any]) -> Any:
    """A map as PHP prints it: `[]` when empty, a list when its keys are 0..n-1, an object otherwise."""
    if not entries:
        return []
    if all(key == str(index) for index, key in enumerate(entries)):
        return list(entries.values())
    return entries
