"""What a service serves, as OpenAPI: each address with all statuses it can answer, declared where they are made."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from starlette.routing import BaseRoute, Mount, Route

OPENAPI: Final = "/openapi.json"
EVERYWHERE: Final = (500, 503)
"""A failure of our own; a service that is starting, is asked too much at once, or misses a part it needs."""
WITH_A_BODY: Final = (400, 408, 413)
"""A body that was broken off, came too slowly, or is too long."""
WITH_A_TOKEN: Final = (401,)
_BODY_METHODS: Final = ("POST", "PUT", "PATCH")
_CONVERTER: Final = re.compile(r":[a-z]+(?=\})")
_ERROR: Final = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address; ``statuses`` beside those that every address answers."""

    method: str
    path: str
    summary: str
    statuses: Collection[int]


_HEALTH: Final = (
    Operation("GET", "/healthz", "Whether the service's loops make progress.", (200, 503)),
    Operation("GET", "/readyz", "Whether all that the service depends on is there.", (200, 503)),
    Operation("GET", "/metrics", "Measurements, as Prometheus reads them.", (200, 503)),
)


@runtime_checkable
class Described(Protocol):
    """A route that says itself what it serves."""

    @property
    def operations(self) -> Sequence[Operation]: ...


@runtime_checkable
class _Schema(Protocol):
    """An application that has a document of its own, as FastAPI's."""

    def openapi(self) -> dict[str, Any]: ...


def answers(*statuses: int) -> Callable[[Handler], Handler]:
    """Declares what a route's handler can answer, beside what every address answers."""

    def declared(handler: Handler) -> Handler:
        handler.__answers__ = statuses  # type: ignore[attr-defined]
        return handler

    return declared


def document(title: str, version: str, routes: Sequence[BaseRoute], *, internal: str) -> dict[str, Any]:
    """The whole document; addresses below ``internal`` take the service token. TypeError for a route that nobody has
    described."""
    paths: dict[str, dict[str, Any]] = {}
    parts: dict[str, Any] = {}
    for operation in _HEALTH:
        _put(paths, operation, {status: _response(status, refused=False) for status in operation.statuses})
    for route in routes:
        if isinstance(route, Mount) and isinstance(route.app, _Schema):
            theirs = route.app.openapi()
            paths |= {route.path + path: item for path, item in theirs["paths"].items()}
            parts |= theirs.get("components", {}).get("schemas", {})
            continue
        for operation in _operations(route):
            token = WITH_A_TOKEN if operation.path.startswith(f"{internal}/") else ()
            body = WITH_A_BODY if operation.method in _BODY_METHODS else ()
            every = sorted({*operation.statuses, *EVERYWHERE, *token, *body})
            _put(paths, operation, {status: _response(status) for status in every})
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": {**parts, "Refused": _ERROR}},
    }


def declared(found: Mapping[str, Any], method: str, path: str) -> set[int] | None:
    """The statuses that a document declares for a request; None where it has no such operation."""
    for template, item in found["paths"].items():
        if method.lower() in item and re.fullmatch(_pattern(template), path):
            return {int(status) for status in item[method.lower()]["responses"]}
    return None


def _operations(route: BaseRoute) -> Sequence[Operation]:
    if isinstance(route, Described):
        return route.operations
    statuses = getattr(route.endpoint, "__answers__", None) if isinstance(route, Route) else None
    if not isinstance(route, Route) or statuses is None:
        raise TypeError(f"{route!r} does not say what it answers: give its handler @answers(…)")
    path = _CONVERTER.sub("", route.path)
    summary = _summary(route.endpoint)
    return [Operation(method, path, summary, statuses) for method in sorted((route.methods or set()) - {"HEAD"})]


def _put(paths: dict[str, dict[str, Any]], operation: Operation, responses: Mapping[int, dict[str, Any]]) -> None:
    said: dict[str, Any] = {"summary": operation.summary}
    said["responses"] = {str(status): response for status, response in responses.items()}
    if names := re.findall(r"\{(\w+)\}", operation.path):
        said["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    paths.setdefault(operation.path, {})[operation.method.lower()] = said


def _response(status: int, *, refused: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if refused and status >= HTTPStatus.BAD_REQUEST:
        found["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}}
    return found


def _summary(handler: Callable[..., Any]) -> str:
    first, _, _ = (handler.__doc__ or "").strip().partition("\n\n")
    return " ".join(first.split())


def _pattern(template: str) -> str:
    return "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/"))
