"""Bitrix24 as the sandbox's vendor: its portals, routes, refusals, seed and state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.bitrix24 import opening, views
from sandbox.bitrix24.app_control import AppControl
from sandbox.bitrix24.control import Control
from sandbox.bitrix24.downloads import Downloads
from sandbox.bitrix24.oauth import OAuth
from sandbox.bitrix24.pages import Pages
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.rest import Rest, fault_error
from sandbox.core.faults import Fault
from sandbox.core.vendor import Change, EventPost, SeedSpec, Timer
from sandbox.core.wire import Reply, Route
from sandbox.core.world import World

FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}


class Bitrix24:
    """All portals of the sandbox. `codes` and `tokens` say to which portal a webhook's code or a token belongs."""

    name = "bitrix24"
    statuses = (200, 204, 302, 400, 401, 403, 404, 405, 429, 500, 503)

    def __init__(self, world: World) -> None:
        self._world = world
        self.portals: dict[str, Portal] = {}
        self.codes: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self._rest = Rest(world, self)
        self._oauth = OAuth(world, self)
        self._downloads = Downloads(self)

    # -- the ground of the portals

    def write(self, account: str, change: dict[str, Any]) -> None:
        self._world.change(self, account, change["op"], change)

    def send(self, account: str, name: str, url: str, body: str) -> None:
        self._world.emit(EventPost(self._world.outgoing.next_id(), self.name, account, name, url, FORM, body))

    def unix(self) -> float:
        return self._world.clock.unix()

    def keep_bytes(self, content: bytes) -> str:
        return self._world.ledger.store_blob(content)

    def bytes_of(self, digest: str) -> bytes:
        return self._world.ledger.blob(digest)

    # -- the vendor

    def routes(self) -> Sequence[Route]:
        handle, download = self._rest.handle, self._downloads.handle
        return [
            *self._oauth.routes(),
            Route("*", "/rest/{tail:path}", handle, "REST of all portals, told apart by code or token"),
            Route("*", "/bitrix24/{portal}/rest/{tail:path}", handle, "REST of one portal"),
            Route("GET", "/bitrix24/{portal}/bitrix/{tail:path}", download, "files by links of the card"),
            Route("GET", "/bitrix/{tail:path}", download, "files by links of the card"),
            Route("GET", "/bitrix24/{portal}/disk/{tail:path}", download, "files of the timeline"),
            Route("GET", "/disk/{tail:path}", download, "files of the timeline"),
        ]  # fmt: skip

    def control_routes(self) -> Sequence[Route]:
        return [*AppControl(self._world, self).routes(), *Control(self._world, self).routes()]

    def pages(self) -> Sequence[Route]:
        return Pages(self).routes()

    def apply(self, change: Change) -> None:
        portal = self.portals.get(change.account)
        if portal is None:
            portal = self.portals[change.account] = Portal(change.account, self)
        data = change.data
        if data.get("family") == "hook":
            self._index_hook(portal, data)
        if data.get("family") == "apptoken":
            self._index_token(portal, data)
        portal.apply(data)

    def _index_hook(self, portal: Portal, data: dict[str, Any]) -> None:
        known = portal.get("hook", data["id"])
        if known is not None:
            self.codes.pop(known["CODE"], None)
        code = data.get("values", {}).get("CODE") or (known or {}).get("CODE")
        if data["op"] != "drop" and code:
            self.codes[code] = portal.slug

    def _index_token(self, portal: Portal, data: dict[str, Any]) -> None:
        if data["op"] == "put":
            self.tokens[data["values"]["VALUE"]] = portal.slug
        elif data["op"] == "drop":
            self.tokens.pop(portal.table("apptoken").records[data["id"]]["VALUE"], None)

    def run_timer(self, timer: Timer) -> None:
        raise ValueError(f"no timer {timer.op!r} is known here")

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        error = fault_error(fault)
        status = 200 if fault.kind == "error_in_200" else error.status
        reply = Reply(status=status, payload=error.body(), error=str(error.code))
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def forge(self, post: EventPost) -> EventPost:
        """The token of a stranger."""
        token = re.compile(r"(auth%5Bapplication_token%5D=)[^&]*")
        return replace(post, body=token.sub(r"\1forged0example0token0000000000001", post.body))

    def accounts(self) -> list[dict[str, str]]:
        return [
            {"account": portal.slug, "title": portal.settings["title"], "page": f"/pages/bitrix24/{portal.slug}"}
            for portal in self.portals.values()
        ]

    def snapshot(self, account: str | None) -> dict[str, Any]:
        if account is not None:
            return views.portal_state(self.portals[account])
        return {slug: views.portal_state(portal) for slug, portal in self.portals.items()}

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """One portal per tenant with its buyers as companies; `bitrix24` holds what a portal's opening takes."""
        return opening.seed(self, spec)

    def clear(self) -> None:
        self.portals.clear()
        self.codes.clear()
        self.tokens.clear()

    async def start(self) -> None:
        """Nothing runs by itself."""

    async def stop(self) -> None:
        """Nothing runs by itself."""
