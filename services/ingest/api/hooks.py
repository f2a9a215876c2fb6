"""POST /hooks/bitrix24/{hook_secret}: takes a portal's webhook, checks it, and answers when it is durable. In mode app
the same address takes the events of the application's own life, its page and the redirect of an authorisation.

No framework and no models here: a slow handler is sent less, and nothing is sent twice (the vendor's page "Events").
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.routing import BaseRoute, Match

from chassis import log, telemetry
from chassis.aggregate import TaskPlan
from chassis.domain import Problem
from chassis.openapi import Operation
from chassis.postgres import INFRASTRUCTURE_ERRORS
from chassis.serving import Receive, Scope, Send, answer
from connectors.bitrix24.installation import HANDLED, UNINSTALLED
from connectors.bitrix24.webhook import ROBOT
from connectors.ports.crm import CrmEvent
from services.ingest import metrics
from services.ingest.api.app_pages import AppPages
from services.ingest.api.directory import HookDirectory, Owner
from services.ingest.api.intake import Intake, NotStored
from services.ingest.domain import deal, portal
from services.ingest.domain.hints import read_buyer_plan
from services.ingest.store.webhooks import Webhook

PREFIX: Final = "/hooks/bitrix24/"
HOOK_SECRET_LENGTH_MAX: Final = 100
REFUSALS_KEPT_PER_MINUTE: Final = 60
HELD_SECONDS: Final = 0.5
HELD_MAX: Final = 500
_AWAY: Final[tuple[type[BaseException], ...]] = (NotStored, *INFRASTRUCTURE_ERRORS)

_FORM_TOKEN: Final = re.compile(rb"((?:access_|refresh_|application_)token(?:%5D|\])?=)[^&]*", re.IGNORECASE)
_JSON_TOKEN: Final = re.compile(rb'("(?:access_|refresh_|application_)token"\s*:\s*")(?:[^"\\]|\\.)*', re.IGNORECASE)

_STORED: Final = metrics.WEBHOOKS.labels("stored")
_STATUSES: Final = {
    "webhook_too_large": (413, "the body is too long"),
    "webhook_content_type": (415, "send a form or JSON"),
    "webhook_unreadable": (400, "the body cannot be read"),
    "webhook_too_many_fields": (400, "the body has too many fields"),
    "webhook_too_deep": (400, "the body is nested too deeply"),
    "webhook_event_missing": (400, "the body names no event"),
    "webhook_object_id": (400, "the body names no object"),
    "webhook_token": (403, "the application token is not the portal's"),
    "webhook_no_access": (400, "the body brings no access token"),
}

Parse = Callable[[bytes, str], CrmEvent | Problem]

_log = log.get(__name__)


class Hooks:
    """An ASGI application for the paths under ``PREFIX``."""

    def __init__(self, directory: HookDirectory[Owner], intake: Intake, parse: Parse, pages: AppPages) -> None:
        self._directory = directory
        self._intake = intake
        self._parse = parse
        self._pages = pages
        self._refusals = RefusalCounter(REFUSALS_KEPT_PER_MINUTE)
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorised = scope["method"] == "GET" and b"code=" in scope.get("query_string", b"")
        if scope["method"] != "POST" and not authorised:
            await answer(send, 405, {"error": "webhooks are posted"}, {"allow": "POST"})
            return
        hook_secret = scope["path"][len(PREFIX) :]
        body, owner = await body_of(receive), None
        try:
            owner = self._directory.at_hand(hook_secret) or await self._looked_up(hook_secret)
            if owner is None:
                metrics.WEBHOOKS.labels("refused_address").inc()
                await answer(send, 404, {"error": "nobody has this address"})
                return
            if authorised:
                await self._pages.authorised(owner, scope, send)
            else:
                await self._take(owner, scope, body, send)
        except _AWAY as error:
            if not isinstance(error, NotStored):  # the writer has said so, once for many
                tenant = "" if owner is None else owner.tenant
                _log.warning("a webhook was not stored", tenant=tenant, error=type(error).__name__)
            metrics.WEBHOOKS.labels("unavailable").inc()
            await answer(send, 503, {"error": "it cannot be stored now"}, {"retry-after": "5"})

    async def _looked_up(self, hook_secret: str) -> Owner | None:
        if not 0 < len(hook_secret) <= HOOK_SECRET_LENGTH_MAX:
            return None
        return await self._directory.find(hook_secret)

    async def _take(self, owner: Owner, scope: Scope, body: bytes, send: Send) -> None:
        started = time.perf_counter()
        content_type = content_type_of(scope)
        event = self._parse(body, content_type)
        if isinstance(event, Problem):
            shown = owner.profile == portal.APP and await self._pages.page(owner, scope, body, content_type, send)
            if not shown:
                await self._refuse(owner, body, content_type, event.code, None, send)
        elif owner.profile == portal.APP and event.name in HANDLED and _may_come(owner, event):
            await self._lifecycle(owner, event, body, content_type, send)
        elif not (event.token_matches(owner.application_token) or _is_stock_robot(owner, event)):
            await self._refuse(owner, body, content_type, "webhook_token", event, send)
        else:
            webhook = _webhook(owner, event, body, content_type, telemetry.inject())
            delivery_id = await self._intake.put(webhook)
            metrics.WEBHOOK_SECONDS.observe(time.perf_counter() - started)
            _STORED.inc()
            await _accept(send, delivery_id)

    async def _lifecycle(self, owner: Owner, event: CrmEvent, body: bytes, content_type: str, send: Send) -> None:
        webhook = _webhook(owner, event, body, content_type, telemetry.inject())
        delivery_id = await self._pages.lifecycle(owner, event, body, content_type, webhook)
        if delivery_id is None:
            await self._refuse(owner, body, content_type, "webhook_no_access", event, send)
            return
        _STORED.inc()
        await _accept(send, delivery_id)

    async def _refuse(
        self, owner: Owner, body: bytes, content_type: str, code: str, event: CrmEvent | None, send: Send
    ) -> None:
        metrics.WEBHOOKS.labels(code.replace("webhook_", "refused_")).inc()
        headers: dict[str, str] = {}
        if not self._refusals.allows(owner.tenant):
            await self._hold()
        else:
            refused = Webhook(
                tenant=owner.tenant,
                event="" if event is None else event.name,
                entity="" if event is None else event.entity,
                object_id="" if event is None else event.object_id,
                content_type=content_type[:100],
                body=b"",
                sha256=hashlib.sha256(body).digest(),
                refused=code,
            )
            headers["x-delivery-id"] = str(await self._intake.put(refused))
        status, sentence = _STATUSES[code]
        await answer(send, status, {"error": sentence}, headers)

    async def _hold(self) -> None:
        """Lets somebody wait who is refused again and again: whoever posts on as soon as he is answered takes less of
        the process from others. Of many at once the rest are answered without waiting, since each that waits costs
        memory."""
        if self._held >= HELD_MAX:
            return
        self._held += 1
        try:
            await _pause()
        finally:
            self._held -= 1


def _may_come(owner: Owner, event: CrmEvent) -> bool:
    """An uninstallation is proven by the application token alone; what brings access is proven by it."""
    return event.name != UNINSTALLED or event.token_matches(owner.application_token)


def _is_stock_robot(owner: Owner, event: CrmEvent) -> bool:
    """The portal's own robot "Webhook" sends no application token: the secret in the address alone speaks for it. It is
    a hint like any other, so that a forged one costs a reading of the tenant's own deal."""
    about_ours = event.name == ROBOT and event.entity != "other"
    return about_ours and bool(owner.application_token) and not event.application_token


async def _pause() -> None:
    await asyncio.sleep(HELD_SECONDS)


class HooksRoute(BaseRoute):
    """The one route that is tried first: whatever begins with ``PREFIX``."""

    operations = (
        Operation(
            "POST",
            PREFIX + "{hook_secret}",
            "A portal's webhook, robot or application event: 200 with X-Delivery-Id once it is stored; a page in the "
            "portal's frame: its HTML.",
            {200, 404, *(status for status, _ in _STATUSES.values())},
        ),
        Operation(
            "GET", PREFIX + "{hook_secret}", "The redirect of an authorisation, `?code=&state=`.", {200, 403, 404, 405}
        ),
    )

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._hooks(scope, receive, send)


class RefusalCounter:
    """How many of a kind are kept in a minute for each tenant."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute = 0
        self._counts: dict[str, int] = {}

    def allows(self, name: str) -> bool:
        minute = _minute()
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return count <= self._per_minute


def _minute() -> int:
    return int(time.monotonic() // 60)


def without_tokens(body: bytes) -> bytes:
    """A body as it is kept: tokens of people and of the portal are secrets, and hints need none."""
    return (_JSON_TOKEN if body.lstrip()[:1] == b"{" else _FORM_TOKEN).sub(rb"\1", body)


def _webhook(owner: Owner, event: CrmEvent, body: bytes, content_type: str, trace: dict[str, str]) -> Webhook:
    plan: TaskPlan | None = None
    stream = ""
    if event.entity == "deal":
        plan, stream = deal.read_plan(event.object_id, owner.account), f"{deal.PREFIX}-{event.object_id}"
    elif event.entity in ("company", "contact", "requisite", "bank_detail"):
        plan = read_buyer_plan(owner.account, event.entity, event.object_id)
    return Webhook(
        tenant=owner.tenant,
        event=event.name,
        entity=event.entity,
        object_id=event.object_id,
        content_type=content_type[:100],
        body=without_tokens(body),
        sha256=hashlib.sha256(body).digest(),
        stream=stream,
        plan=plan,
        trace=trace,
    )


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


def content_type_of(scope: Scope) -> str:
    """What the sender says the body is."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            text: str = value.decode("latin-1")
            return text
    return ""


async def _accept(send: Send, delivery_id: int) -> None:
    headers: list[tuple[bytes, Any]] = [(b"x-delivery-id", b"%d" % delivery_id), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
