"""The vendor of the runners, over HTTP: makes a document of every call, notes when each came, and is slow, fails and
loses answers by chance. It gives out the permits to call it, too, as ingest does."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

from chassis.domain import Problem
from chassis.outcomes import Deferred
from chassis.work.handlers import Permit
from chassis.work.permits import PERMITS_PATH, REPORT_PATH, answer_to_json
from deploy.local.ports import HOST
from tests.chaos.work.history import Called, Granted, History

ANSWERS_SECONDS: Final = (0.02, 0.4)
LOOK_UP_SECONDS: Final = (0.2, 0.6)
"""Long enough that who wakes finds his row in another's hands."""
LOST: Final = 0.06
FAILS: Final = 0.04
PERMITS_PER_SECOND: Final = 60.0
PERMITS_MAX: Final = 30.0
PERMIT_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 0.2


class Vendor:
    """Its ledger is the history's. ``lost`` counts answers that never left, whether or not there is a document."""

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._chance = random.Random(f"{seed}/vendor")  # noqa: S311 - a seed makes it repeatable
        self._left = PERMITS_MAX
        self._filled_at = _now()
        self.url = ""
        self.lost = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listens on a port of its own."""
        app = web.Application()
        app.router.add_post("/calls", self._create)
        app.router.add_get("/calls/{effect}", self._look_up)
        app.router.add_post(PERMITS_PATH, self._permit)
        app.router.add_post(REPORT_PATH, self._report)
        server = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await server.setup()
        try:
            await web.TCPSite(server, HOST, 0).start()
            self.url = f"http://{HOST}:{server.addresses[0][1]}"
            yield
        finally:
            await server.cleanup()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        at, runner = _now(), request.headers["authorization"]
        body = await request.json()
        self._history.ledger.append(Called(runner, body["effect"], body["send"], at))
        roll, seconds = self._chance.random(), self._chance.uniform(*ANSWERS_SECONDS)
        await asyncio.sleep(seconds)
        if roll < FAILS:
            return web.Response(status=500)
        made = self._history.documents.setdefault(body["effect"], [])
        made.append(f"{body['effect']}-{len(made) + 1}")
        if roll < FAILS + LOST:
            self.lost += 1
            if request.transport is not None:
                request.transport.abort()
        return web.json_response({"document": made[-1]}, status=201)

    async def _look_up(self, request: web.Request) -> web.StreamResponse:
        effect = request.match_info["effect"]
        self._history.ledger.append(Called(request.headers["authorization"], effect, 0, _now()))
        await asyncio.sleep(self._chance.uniform(*LOOK_UP_SECONDS))
        made = self._history.documents.get(effect)
        return web.json_response({"document": made[0]}) if made else web.Response(status=404)

    async def _permit(self, request: web.Request) -> web.StreamResponse:
        """As many calls as are asked for, or as there are, of a bucket for all."""
        asked = await request.json()
        runner, now = request.headers["authorization"].removeprefix("Bearer "), _now()
        passed = (now - self._filled_at).total_seconds()
        self._left, self._filled_at = min(PERMITS_MAX, self._left + passed * PERMITS_PER_SECOND + asked["unused"]), now
        count = min(asked["count"], int(self._left))
        if count < asked["least"]:
            self._history.ledger.append(Granted(runner, 0, asked["unused"]))
            return web.json_response(
                answer_to_json(Deferred(Problem("bucket_empty"), now + timedelta(seconds=AGAIN_SECONDS)))
            )
        self._left -= count
        self._history.ledger.append(Granted(runner, count, asked["unused"]))
        permit = Permit(asked["account"], self.url, runner, count, now + timedelta(seconds=PERMIT_SECONDS))
        return web.json_response(answer_to_json(permit))

    async def _report(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)


def _now() -> datetime:
    return datetime.now(UTC)
