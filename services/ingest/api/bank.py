"""/api/v1/statements and /api/v1/operations: what payments knows of bank statements, and what a person does with it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from chassis.internal_api.requests import LIST_MAX, checked_tenant, uuid_of
from services.ingest.api.owners import Answered, Owners
from services.ingest.api.refusals import refusals

OWNER: Final = "payments"

OfTenant = Annotated[str, Query(description="The tenant.")]
Limit = Annotated[int, Query(ge=1, le=LIST_MAX, description="How many at most.")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Tie(_Model):
    """The invoice that an operation pays."""

    tenant: str
    number: str = Field(min_length=1, max_length=60)
    by: str = Field(default="operator", min_length=1, max_length=100)


class Untie(_Model):
    """Who unties an operation."""

    tenant: str
    by: str = Field(default="operator", min_length=1, max_length=100)


def bank_routes(app: FastAPI, owners: Owners, authorised: Sequence[Any]) -> None:
    """Puts the paths into the application."""

    @app.get("/v1/statements", dependencies=authorised, responses=refusals(400, 422))
    async def statements(tenant: OfTenant, limit: Limit = 100) -> JSONResponse:
        """Statement files, newest first; each with what was not taken and on which line."""
        query = {"tenant": checked_tenant(tenant), "limit": str(limit)}
        return _passed(await owners.ask(OWNER, "GET", "/internal/statements", query=query))

    @app.get("/v1/operations", dependencies=authorised, responses=refusals(400, 422))
    async def operations(
        tenant: OfTenant,
        state: Annotated[str, Query(description="One or several by comma: asked, unmatched, suspect, …")] = "",
        limit: Limit = 100,
    ) -> JSONResponse:
        """Operations of bank statements, newest first, each with how it stands and why."""
        query = {"tenant": checked_tenant(tenant), "state": state, "limit": str(limit)}
        return _passed(await owners.ask(OWNER, "GET", "/internal/operations", query=query))

    @app.post(
        "/v1/operations/{payment_id}/match", dependencies=authorised, responses=refusals(404, 409, 422, body=True)
    )
    async def matched(payment_id: str, tie: Tie) -> JSONResponse:
        """Ties an operation to the invoice of a number."""
        path = f"/internal/operations/{uuid_of(payment_id)}/match"
        return _passed(await owners.ask(OWNER, "POST", path, body=tie.model_dump()))

    @app.post(
        "/v1/operations/{payment_id}/release", dependencies=authorised, responses=refusals(404, 409, 422, body=True)
    )
    async def released(payment_id: str, untie: Untie) -> JSONResponse:
        """Unties an operation; it waits for a person."""
        path = f"/internal/operations/{uuid_of(payment_id)}/release"
        return _passed(await owners.ask(OWNER, "POST", path, body=untie.model_dump()))


def _passed(answer: Answered) -> JSONResponse:
    return JSONResponse(answer.body, answer.status or 503)
