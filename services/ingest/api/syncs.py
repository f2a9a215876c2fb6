"""/api/v1/sync: first syncs of companies with the accounting services, which counterparty carries out."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from chassis.internal_api.requests import LIST_MAX, checked_tenant
from services.ingest.api.owners import Answered, Owners
from services.ingest.api.refusals import refusals

OWNER: Final = "counterparty"

OfSeller = Annotated[str, Query(max_length=60, description="Of one seller alone.")]
Limit = Annotated[int, Query(ge=1, le=LIST_MAX, description="How many at most.")]


class Begin(BaseModel):
    """What is wanted: a comparison, or with ``apply`` what follows from it too."""

    model_config = ConfigDict(frozen=True)

    apply: bool = False
    seller: str = Field(default="", max_length=60)
    by: str = Field(default="operator", min_length=1, max_length=100)


def sync_routes(app: FastAPI, owners: Owners, authorised: Sequence[Any]) -> None:
    """Puts the paths into the application."""

    @app.post("/v1/sync/{tenant}", dependencies=authorised, responses=refusals(400, 404, 409, 422, body=True))
    async def began(tenant: str, wanted: Begin) -> JSONResponse:
        """Begins a first sync of each seller; one that is under way goes on."""
        path = f"/internal/sync/{checked_tenant(tenant)}"
        return _passed(await owners.ask(OWNER, "POST", path, body=wanted.model_dump()))

    @app.get("/v1/sync/{tenant}", dependencies=authorised, responses=refusals(400, 404, 409, 422))
    async def shown(tenant: str, seller: OfSeller = "") -> JSONResponse:
        """How far it is, and what came of the companies up to now."""
        path = f"/internal/sync/{checked_tenant(tenant)}"
        return _passed(await owners.ask(OWNER, "GET", path, query={"seller": seller}))

    @app.get("/v1/sync/{tenant}/items", dependencies=authorised, responses=refusals(400, 404, 409, 422))
    async def items(
        tenant: str,
        seller: OfSeller = "",
        outcome: Annotated[
            str, Query(description="to_pair, paired, to_create, created, to_enter, entered, conflict or skipped.")
        ] = "",
        after: Annotated[str, Query(max_length=200, description="`next` of the page before.")] = "",
        limit: Limit = 100,
    ) -> JSONResponse:
        """The companies of one seller's sync, each with what came of it and why."""
        query = {"seller": seller, "outcome": outcome, "after": after, "limit": str(limit)}
        return _passed(await owners.ask(OWNER, "GET", f"/internal/sync/{checked_tenant(tenant)}/items", query=query))


def _passed(answer: Answered) -> JSONResponse:
    return JSONResponse(answer.body, answer.status or 503)
