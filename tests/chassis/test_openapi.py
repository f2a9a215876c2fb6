"""The document of a service: what is in it, what it refuses to leave out, and how requests are found in it."""

from typing import Any

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from chassis.health import Health
from chassis.internal_api.requests import reply
from chassis.openapi import Operation, answers, document
from chassis.serving import Limits, Receive, Scope, Send
from chassis.shell import Shell
from tests.kit.statuses import declared, undeclared


@answers(200, 404)
async def shown(request: Request) -> Response:
    """One thing by its
    id.

    And more.
    """
    return reply({"id": request.path_params["thing"]})


async def silent(request: Request) -> Response:
    return reply({})


class Hooks(Route):
    """A route that says itself what it serves."""

    operations = (Operation("POST", "/hooks/{secret}", "Takes something.", (200, 415)),)


async def hook(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=415)(scope, receive, send)


def statuses(found: dict[str, Any], path: str, method: str) -> set[str]:
    return set(found["paths"][path][method]["responses"])


def test_each_address_stands_there_with_its_own_statuses_and_those_of_all() -> None:
    api = FastAPI()
    api.get("/v1/things", responses={404: {}})(silent)
    routes = [
        Route("/internal/things/{thing:int}", shown, methods=["GET", "POST"]),
        Hooks("/hooks/{secret}", hook),
        Mount("/api", app=api),
    ]
    found = document("Sverka x", "1.2", routes, internal="/internal")
    assert found["info"] == {"title": "Sverka x", "version": "1.2"}
    thing = "/internal/things/{thing}"
    assert found["paths"][thing]["get"]["summary"] == "One thing by its id."
    assert [one["name"] for one in found["paths"][thing]["get"]["parameters"]] == ["thing"]
    assert statuses(found, thing, "get") == {"200", "404", "401", "500", "503"}
    assert statuses(found, thing, "post") == {"200", "404", "401", "500", "503", "400", "408", "413"}
    assert statuses(found, "/hooks/{secret}", "post") == {"200", "415", "500", "503", "400", "408", "413"}
    assert statuses(found, "/api/v1/things", "get") == {"200", "404"}
    assert statuses(found, "/readyz", "get") == {"200", "503"}


def test_a_request_is_found_by_method_and_path() -> None:
    found = [Route("/internal/things/{thing}", shown, methods=["GET"])]
    assert declared(found, "GET", "/internal/things/7") == {200, 401, 404, 500, 503}
    assert declared(found, "POST", "/internal/things/7") is None
    assert declared(found, "GET", "/internal/things/7/8") is None


def test_an_api_of_its_own_is_looked_into() -> None:
    api = FastAPI()
    api.get("/v1/things/{thing}", responses={404: {}})(silent)
    assert declared([Mount("/api", app=api)], "GET", "/api/v1/things/7") == {200, 404}
    assert declared([Mount("/api", app=api)], "PUT", "/api/v1/things/7") is None


async def test_a_service_serves_its_document_to_everybody() -> None:
    shell = Shell(Health(), "token")
    shell.open([Route("/internal/things/{thing}", shown)], title="Sverka x", version="1")
    limits = Limits(shell, in_flight_max=10, body_bytes_max=lambda _: 100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limits), base_url="http://x") as client:
        answer = await client.get("/openapi.json")
    assert (answer.status_code, answer.json()["info"]) == (200, {"title": "Sverka x", "version": "1"})
    assert set(answer.json()["paths"]) == {
        "/healthz", "/readyz", "/metrics", "/openapi.json", "/internal/things/{thing}"
    }  # fmt: skip


def test_the_rig_notices_a_status_that_is_not_declared() -> None:
    shell = Shell(Health(), "token")
    shell.open([Route("/internal/things/{thing}", shown, methods=["GET"])])
    assert undeclared(shell, "GET", "/internal/things/7", 418) == ["GET /internal/things/7: 418"]
    assert undeclared(shell, "GET", "/internal/things/7", 404) == []
    assert undeclared(shell, "PUT", "/internal/things/7", 405) == []
