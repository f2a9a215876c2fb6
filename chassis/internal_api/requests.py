"""Reading requests and writing answers of the internal endpoints: JSON, ids, limits, refusals."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from chassis.domain import Problem
from chassis.ids import TenantId, tenant_id

LIST_MAX: Final = 500


def reply(body: Any, status: int = 200) -> Response:
    """A JSON answer; dataclasses, uuids and times as they are written in JSON."""
    return Response(orjson.dumps(body, default=_plain), status, media_type="application/json")


def refusal(problem: Problem) -> Response:
    """409 with a problem as data; whoever shows it has the sentence."""
    return reply({"error": problem.code, "problem": {"code": problem.code, "values": problem.values}}, 409)


def tenant_of(query: Mapping[str, str]) -> TenantId | None:
    """The tenant of a query, if it names one. Raises 400 for what cannot be a tenant."""
    return checked_tenant(query["tenant"]) if query.get("tenant") else None


def checked_tenant(text: str) -> TenantId:
    """A tenant's id. Raises 400 with what to write."""
    try:
        return tenant_id(text)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def limit_of(request: Request) -> int:
    """``limit`` of a query, 1 to 500."""
    text = request.query_params.get("limit", str(LIST_MAX))
    if not text.isdigit() or not 0 < int(text) <= LIST_MAX:
        raise HTTPException(400, f"limit is a number from 1 to {LIST_MAX}, not {text!r}")
    return int(text)


def flag_of(request: Request, name: str) -> bool:
    """``name=1`` of a query."""
    return request.query_params.get(name, "") not in ("", "0", "false")


def uuid_of(text: str) -> UUID:
    """A uuid. Raises 400."""
    try:
        return UUID(text)
    except ValueError as error:
        raise HTTPException(400, "an id here is a uuid, as the list shows it") from error


async def json_of(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises 400."""
    try:
        body = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body


def text_of(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text of a JSON object. Raises 400 where it is missing or no text."""
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise HTTPException(400, f"`{name}` is missing or no text")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, UUID):  # asyncpg has a subclass of its own
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise TypeError(f"{type(value).__name__} has no JSON form here")
