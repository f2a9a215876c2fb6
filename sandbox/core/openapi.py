"""What the sandbox serves, as OpenAPI: every address of every vendor with the statuses that it can answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sandbox.core.wire import Route

EVERYWHERE = (400, 500, 503)
"""A body that cannot be read, a failure of the sandbox itself, a ledger that cannot be written."""
CONTROL = (200, 201, 204, 404)
PAGES = (200, 404)
ANY_METHOD = ("get", "post")
UNPLANNED = {"description": "What a rule of the fault plan asks for; see /control/faults."}


@dataclass(frozen=True, slots=True)
class Served:
    """A route with what it belongs to: a vendor's name, `control`, `pages` or `sandbox`."""

    part: str
    route: Route
    statuses: Collection[int]

    @property
    def answers(self) -> set[int]:
        """All statuses but those that a rule of the fault plan asks for."""
        return {*self.statuses, *EVERYWHERE}


def document(title: str, served: Sequence[Served], base_url: str) -> dict[str, Any]:
    """The document of these routes; a route that takes any method stands there by GET and POST."""
    paths: dict[str, dict[str, Any]] = {}
    for one in served:
        item = paths.setdefault(one.route.pattern.replace(":path}", "}"), {})
        for method in ANY_METHOD if one.route.method == "*" else (one.route.method.lower(),):
            item[method] = _operation(one)
    info = {"title": title, "version": "1"}
    return {"openapi": "3.1.0", "info": info, "servers": [{"url": base_url}], "paths": paths}


def _operation(one: Served) -> dict[str, Any]:
    said: dict[str, Any] = {"summary": one.route.summary or one.route.pattern, "tags": [one.part]}
    said["responses"] = {str(status): {"description": HTTPStatus(status).phrase} for status in sorted(one.answers)}
    if one.part not in ("control", "pages", "sandbox"):
        said["responses"]["default"] = UNPLANNED
    if names := re.findall(r"\{(\w+)(?::path)?\}", one.route.pattern):
        said["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if one.route.example is not None:
        content = {"application/json": {"schema": {"type": "object"}, "example": one.route.example}}
        said["requestBody"] = {"content": content}
    return said
