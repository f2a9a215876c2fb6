"""What a service serves, as OpenAPI: each address with all statuses it can answer, declared where they are made."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
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
        handler.__answers__ = statuses  # type: ignore[attr-defined] # a mark on a function
        return handler

    return declared


def operations(routes: Sequence[BaseRoute], *, internal: str) -> list[Operation]:
    """What the routes serve, each with all of its statuses; addresses below ``internal`` take the service token.
    Applications with a document of their own are left out."""
    found = list(_HEALTH)
    for route in routes:
        if _own_document(route) is None:
            for one in _operations(route):
                token = WITH_A_TOKEN if one.path.startswith(f"{internal}/") else ()
                body = WITH_A_BODY if one.method in _BODY_METHODS else ()
                found.append(replace(one, statuses=sorted({*one.statuses, *EVERYWHERE, *token, *body})))
    return found


def document(title: str, version: str, routes: Sequence[BaseRoute], *, internal: str) -> dict[str, Any]:
    """The whole document. It takes a while: call it where nobody waits."""
    paths: dict[str, dict[str, Any]] = {}
    parts: dict[str, Any] = {}
    for operation in operations(routes, internal=internal):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    for route in routes:
        if (theirs := _own_document(route)) is not None and isinstance(route, Mount):
            own = theirs.openapi()
            paths |= {route.path + path: item for path, item in own["paths"].items()}
            parts |= own.get("components", {}).get("schemas", {})
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": {**parts, "Refused": _ERROR}},
    }


def _own_document(route: BaseRoute) -> "_Schema | None":
    return route.app if isinstance(route, Mount) and isinstance(route.app, _Schema) else None


def _operations(route: BaseRoute) -> Sequence[Operation]:
    if isinstance(route, Described):
        return route.operations
    if not isinstance(route, Route):
        return ()
    statuses = getattr(route.endpoint, "__answers__", ())
    path, summary = _CONVERTER.sub("", route.path), _summary(route.endpoint)
    return [Operation(method, path, summary, statuses) for method in sorted((route.methods or set()) - {"HEAD"})]


def _described(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {"summary": operation.summary}
    said["responses"] = {
        str(status): _response(status, refused=operation not in _HEALTH) for status in operation.statuses
    }
    if names := re.findall(r"\{(\w+)\}", operation.path):
        said["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    return said


def _response(status: int, *, refused: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if refused and status >= HTTPStatus.BAD_REQUEST:
        found["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}}
    return found


def _summary(handler: Callable[..., Any]) -> str:
    first, _, _ = (handler.__doc__ or "").strip().partition("\n\n")
    return " ".join(first.split())
