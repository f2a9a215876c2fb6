"""POST /hooks/{vendor}/{hook_secret}: takes an accounting service's callback, and answers when it is durable.

A callback is a hint: it names what to read again, and money is read from the service itself.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import asyncpg
from starlette.routing import BaseRoute, Match

from chassis import log
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.openapi import Operation
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from chassis.serving import Receive, Scope, Send, answer
from connectors.ports.callbacks import AccountingEvent, ParseCallback
from services.ingest import metrics
from services.ingest.api.directory import CallbackOwner, HookDirectory
from services.ingest.api.hooks import (
    HOOK_SECRET_LENGTH_MAX,
    REFUSALS_KEPT_PER_MINUTE,
    RefusalCounter,
    body_of,
    content_type_of,
)
from services.ingest.api.intake import Intake, NotStored, Unstorable
from services.ingest.domain import callback
from services.ingest.store.webhooks import Webhook

_PATH: Final = re.compile(r"/hooks/([a-z0-9-]+)/([^/]+)")
_UNAUTHORISED: Final = (401, "the signature is not the service's, or it is too old")
_STATUSES: Final[Mapping[str, tuple[int, str]]] = {
    "callback_unsigned": _UNAUTHORISED,
    "callback_signature": _UNAUTHORISED,
    "callback_stale": _UNAUTHORISED,
    "callback_unreadable": (400, "the body cannot be read"),
    "callback_value": (422, "a value in the body cannot be stored; it is not taken when it is sent again either"),
}
_AWAY: Final[tuple[type[BaseException], ...]] = (NotStored, *INFRASTRUCTURE_ERRORS)

_log = log.get(__name__)


class Callbacks:
    """An ASGI application for the callbacks of the vendors in ``parsers``. Each account of the tenant with that vendor
    is tried: the one whose secret signed is meant."""

    def __init__(
        self,
        directory: HookDirectory[CallbackOwner],
        intake: Intake,
        database: Database,
        engine: Engine,
        clock: Clock,
        parsers: Mapping[str, ParseCallback],
    ) -> None:
        self.parsers = dict(parsers)
        self._directory = directory
        self._intake = intake
        self._database = database
        self._engine = engine
        self._clock = clock
        self._refusals = RefusalCounter(REFUSALS_KEPT_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await answer(send, 405, {"error": "callbacks are posted"}, {"allow": "POST"})
            return
        match = _PATH.fullmatch(scope["path"])
        body, owner = await body_of(receive), None
        try:
            owner = None if match is None else await self._owner(match[2])
            if match is None or owner is None or match[1] not in owner.secrets_by_vendor:
                metrics.WEBHOOKS.labels("refused_address").inc()
                await answer(send, 404, {"error": "nobody has this address"})
                return
            try:
                await self._take(owner, match[1], scope, body, send)
            except (Unstorable, asyncpg.DataError) as error:
                _log.warning("a callback holds what cannot be stored", tenant=owner.tenant, error=type(error).__name__)
                await self._refuse(owner, Problem("callback_value"), body, content_type_of(scope), send)
        except _AWAY as error:
            if not isinstance(error, NotStored):  # the writer has said so, once for many
                tenant = "" if owner is None else owner.tenant
                _log.warning("a callback was not stored", tenant=tenant, error=type(error).__name__)
            metrics.WEBHOOKS.labels("unavailable").inc()
            await answer(send, 503, {"error": "it cannot be stored now"}, {"retry-after": "5"})

    async def _owner(self, hook_secret: str) -> CallbackOwner | None:
        if not 0 < len(hook_secret) <= HOOK_SECRET_LENGTH_MAX:
            return None
        return self._directory.at_hand(hook_secret) or await self._directory.find(hook_secret)

    async def _take(self, owner: CallbackOwner, vendor: str, scope: Scope, body: bytes, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parse, now = self.parsers[vendor], self._clock.now()
        refused = Problem("callback_unsigned")
        for account, secret in owner.secrets_by_vendor[vendor].items():
            event = parse(body, headers, secret, now)
            if isinstance(event, AccountingEvent):
                delivery = await self._kept(owner, event, "", body, content_type_of(scope))
                if event.money:
                    await self._tell(owner, account, event)
                metrics.WEBHOOKS.labels("stored").inc()
                await answer(send, 200, {"status": "accepted"}, {"x-delivery-id": str(delivery)})
                return
            # A body that another secret signed is none of this account's; what it cannot read, its own secret signed.
            refused = event if refused.code != "callback_unreadable" else refused
        await self._refuse(owner, refused, body, content_type_of(scope), send)

    async def _tell(self, owner: CallbackOwner, account: str, event: AccountingEvent) -> None:
        """Once for each delivery, however often it is repeated."""
        told = callback.TakeCallback(account, event.name, event.kind, event.object_id, event.delivery_id)
        stream = callback.stream_of(account, event.object_id)
        command_id = f"callback:{account}:{event.delivery_id}"
        command = Command(owner.tenant, stream, told, command_id, {"cause": "callback"})
        async with self._database.transaction([owner.tenant]) as connection:
            await self._engine.execute(connection, [command], self._clock.now())

    async def _refuse(self, owner: CallbackOwner, problem: Problem, body: bytes, content_type: str, send: Send) -> None:
        metrics.WEBHOOKS.labels(problem.code.replace("callback_", "refused_")).inc()
        headers: dict[str, str] = {}
        if self._refusals.allows(owner.tenant):
            headers["x-delivery-id"] = str(await self._kept(owner, None, problem.code, body, content_type))
        status, sentence = _STATUSES[problem.code]
        await answer(send, status, {"error": sentence}, headers)

    async def _kept(
        self, owner: CallbackOwner, event: AccountingEvent | None, refused: str, body: bytes, content_type: str
    ) -> int:
        return await self._intake.put(
            Webhook(
                tenant=owner.tenant,
                event="" if event is None else event.name,
                entity="" if event is None else event.kind,
                object_id="" if event is None else event.object_id,
                content_type=content_type[:100],
                body=b"" if event is None else body,
                sha256=hashlib.sha256(body).digest(),
                refused=refused,
            )
        )


class CallbacksRoute(BaseRoute):
    """Whatever is posted below ``/hooks/`` of a vendor that sends callbacks."""

    operations = (
        Operation(
            "POST",
            "/hooks/{vendor}/{hook_secret}",
            "An accounting service's signed callback; 200 with X-Delivery-Id once it is stored.",
            {200, 404, *(status for status, _ in _STATUSES.values())},
        ),
    )

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        parts = scope["path"].split("/") if scope["type"] == "http" else []
        found = len(parts) > 2 and parts[1] == "hooks" and parts[2] in self._callbacks.parsers
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._callbacks(scope, receive, send)
