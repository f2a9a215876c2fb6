"""/api/v1/deals/…/invoice: what a person does with a deal's invoice, which invoicing owns."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from chassis.internal_api.requests import checked_tenant
from services.ingest.api.owners import Owners
from services.ingest.api.refusals import refusals

OWNER: Final = "invoicing"


class Repeat(BaseModel):
    """Which invoice, where the deal has several, and who asks."""

    model_config = ConfigDict(frozen=True)

    number: str = Field(default="", max_length=100)
    by: str = Field(default="operator", min_length=1, max_length=100)


class Cancel(Repeat):
    """``replace`` makes it anew once it is void."""

    replace: bool = False


def invoice_routes(app: FastAPI, owners: Owners, authorised: Sequence[Any]) -> None:
    """Puts the paths into the application."""

    async def asked(tenant: str, deal: str, what: str, body: Repeat) -> JSONResponse:
        if not 0 < len(deal) <= 100 or not all(c.isalnum() or c in "-_" for c in deal):
            raise HTTPException(400, "a deal's id has letters, digits and -_ alone")
        path = f"/internal/deals/{checked_tenant(tenant)}/{deal}/invoice/{what}"
        answer = await owners.ask(OWNER, "POST", path, body=body.model_dump())
        return JSONResponse(answer.body, answer.status or 503)

    @app.post(
        "/v1/deals/{tenant}/{deal}/invoice/cancel", dependencies=authorised, responses=refusals(409, 422, body=True)
    )
    async def cancelled(tenant: str, deal: str, cancel: Cancel) -> JSONResponse:
        """Voids the deal's invoice; what is void already stays as it is."""
        return await asked(tenant, deal, "cancel", cancel)

    @app.post(
        "/v1/deals/{tenant}/{deal}/invoice/repeat", dependencies=authorised, responses=refusals(409, 422, body=True)
    )
    async def repeated(tenant: str, deal: str, repeat: Repeat) -> JSONResponse:
        """One more invoice with the same lines and prices, today's date and VAT rate."""
        return await asked(tenant, deal, "repeat", repeat)
