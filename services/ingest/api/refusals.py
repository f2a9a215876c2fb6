"""What /api/v1 answers beside success: declared at each path, with one form for every refusal."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field

from chassis.openapi import EVERYWHERE, WITH_A_BODY, WITH_A_TOKEN

_FRAMEWORKS = "HTTPValidationError"


class Refused(BaseModel):
    """A refusal in words; some say more beside it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    error: str = Field(description="What is wrong, and what to do.")


def refusals(*statuses: int, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a path: these, those of every path, and those of every path that takes a body."""
    every = sorted({*statuses, *EVERYWHERE, *WITH_A_TOKEN, *(WITH_A_BODY if body else ())})
    return {status: {"model": Refused, "description": HTTPStatus(status).phrase} for status in every}


def describe(app: FastAPI) -> None:
    """Has the application's document say what is declared here, and nothing of the framework's own."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _without_the_frameworks(
                get_openapi(title=app.title, version=app.version, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI documents it


def _without_the_frameworks(document: dict[str, Any]) -> dict[str, Any]:
    for item in document["paths"].values():
        for operation in item.values():
            if _FRAMEWORKS in str(operation["responses"].get("422", "")):
                del operation["responses"]["422"]  # a path's text is never malformed; where it can be, it is declared
    for name in (_FRAMEWORKS, "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document
