"""The shell: health without a token, internal addresses only with one, errors as sentences and one log line."""

import logging
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chassis import telemetry
from chassis.health import Health
from chassis.internal_api.requests import reply
from chassis.openapi import answers
from chassis.serving import Limits
from chassis.shell import Shell

TOKEN = "0123456789abcdef"
CARRIER = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}


@answers(200)
async def fails(request: Request) -> Response:
    raise KeyError("a name that no caller should see")


@answers(200)
async def away(request: Request) -> Response:
    raise asyncpg.CannotConnectNowError("starting up")


@answers(200)
async def trace(request: Request) -> Response:
    await request.body()
    return reply(telemetry.inject())


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    shell = Shell(health := Health(), TOKEN)
    health.set_ready()
    shell.open(
        [
            Route("/hooks/x", trace, methods=["POST"]),
            Route("/internal/x", trace, methods=["GET", "POST"]),
            Route("/fails", fails),
            Route("/away", away),
        ]
    )
    limits = Limits(shell, in_flight_max=10, body_bytes_max=lambda _: 100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limits), base_url="http://x") as client:
        yield client


async def test_health_and_metrics_need_no_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"ok": True}
    assert (await client.get("/readyz")).json() == {"ok": True}
    metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "sverka_ready 1.0" in metrics.text


async def test_before_it_is_open_only_health_answers() -> None:
    shell = Shell(Health(), TOKEN)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shell), base_url="http://x") as client:
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["service"]) == (503, "the service is starting")
        assert (await client.get("/anything")).status_code == 503


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        "Bearer токен",
    ],
)
async def test_internal_addresses_need_the_token(client: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    for path in ("/internal/x", "/internal", "/internal/none"):
        assert (await client.get(path, headers=headers)).status_code == 401  # type: ignore[arg-type]


async def test_internal_addresses_take_the_token_and_continue_the_trace(client: httpx.AsyncClient) -> None:
    answer = await client.get("/internal/x", headers={"authorization": f"Bearer {TOKEN}", **CARRIER})
    assert answer.json() == CARRIER


async def test_outside_addresses_begin_a_trace_of_their_own(client: httpx.AsyncClient) -> None:
    answer = await client.post("/hooks/x", headers=CARRIER)
    assert answer.json()["traceparent"][3:35] != "a" * 32


@pytest.mark.expects_errors("a request failed")
async def test_an_error_is_a_500_without_detail_and_one_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/fails")
    assert answer.status_code == 500
    assert answer.json() == {"error": "this failed on our side and is written down"}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_dependency_that_is_away_is_a_503(client: httpx.AsyncClient) -> None:
    answer = await client.get("/away")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": "a part that this needs is away; try again"}


async def test_unknown_addresses_methods_and_long_bodies_are_sentences(client: httpx.AsyncClient) -> None:
    assert (await client.get("/none")).json() == {"error": "Not Found"}
    assert (await client.get("/hooks/x")).status_code == 405

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    long = await client.post("/hooks/x", content=endless())
    assert (long.status_code, long.json()["error"]) == (413, "the body is longer than 100 bytes")
