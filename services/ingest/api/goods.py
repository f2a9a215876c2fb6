"""/api/v1/goods: the mapping list of goods that accounting lacked, which invoicing owns."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from chassis.internal_api.requests import LIST_MAX, checked_tenant
from services.ingest.api.owners import Answered, Owners
from services.ingest.api.refusals import refusals

OWNER: Final = "invoicing"


class Mapping(BaseModel):
    """Which item of the accounting a product of the CRM is; ``seller`` where several sellers have it on their lists."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    product_id: str = Field(min_length=1, max_length=100)
    item_id: str = Field(min_length=1, max_length=100)
    seller: str = Field(default="", max_length=100)
    by: str = Field(default="operator", min_length=1, max_length=100)


def goods_routes(app: FastAPI, owners: Owners, authorised: Sequence[Any]) -> None:
    """Puts the paths into the application."""

    @app.get("/v1/goods", dependencies=authorised, responses=refusals(400, 422))
    async def goods(
        tenant: Annotated[str, Query(description="The tenant.")],
        state: Annotated[str, Query(description="One or several by comma: open, mapped, created.")] = "",
        limit: Annotated[int, Query(ge=1, le=LIST_MAX, description="How many at most.")] = 100,
    ) -> JSONResponse:
        """Products of the CRM that accounting lacked, those that wait for a person first."""
        query = {"tenant": checked_tenant(tenant), "state": state, "limit": str(limit)}
        return _passed(await owners.ask(OWNER, "GET", "/internal/goods", query=query))

    @app.post("/v1/goods/map", dependencies=authorised, responses=refusals(404, 409, 422, body=True))
    async def mapped(mapping: Mapping) -> JSONResponse:
        """Names the accounting's item of a product; documents that waited for it go on by themselves."""
        return _passed(await owners.ask(OWNER, "POST", "/internal/goods/map", body=mapping.model_dump()))


def _passed(answer: Answered) -> JSONResponse:
    return JSONResponse(answer.body, answer.status or 503)
