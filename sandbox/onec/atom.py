"""Bodies of writes in Atom, as clients of old platforms send them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from sandbox.onec.model import Property, Type
from sandbox.onec.refusals import Refusal


def body_of(content: bytes, kind: Type) -> dict[str, Any]:
    """The properties and sections of an `<entry>`, in the types that JSON would have. Raises Refusal."""
    wrong = Refusal(400, "1", "Ошибка разбора тела запроса")
    if b"<!DOCTYPE" in content:
        raise wrong
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - without declarations nothing unfolds
    except ElementTree.ParseError as error:
        raise wrong from error
    properties = next((one for one in root.iter() if _name(one) == "properties"), None)
    if properties is None:
        raise wrong
    found: dict[str, Any] = {}
    for child in properties:
        name = _name(child)
        if name in kind.sections:
            rows = [_values(row, kind.sections[name]) for row in child if _name(row) == "element"]
            found[name] = rows
        else:
            found |= _values([child], kind.properties)
    return found


def _values(elements: Any, properties: dict[str, Property]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in elements:
        one, text = properties.get(_name(element)), (element.text or "").strip()
        if any(name.endswith("}null") and value == "true" for name, value in element.attrib.items()):
            found[_name(element)] = None
        elif one is not None and one.kind == "b":
            found[_name(element)] = {"true": True, "false": False}.get(text, text)
        elif one is not None and one.kind == "n":
            found[_name(element)] = _number(text)
        else:
            found[_name(element)] = text
    return found


def _number(text: str) -> int | float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
