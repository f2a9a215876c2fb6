"""The authorisation server: codes for tokens, refreshed pairs, and the check of a token; and the portal's own page
that gives the code.

Vendor documentation, "OAuth 2.0", "Автоматическое продление авторизации": https://apidocs.bitrix24.ru/settings/oauth/
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

from sandbox.bitrix24 import apps
from sandbox.bitrix24.call import as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.applications import portal_info
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.rest import moved_reply, time_block
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text
from sandbox.core.faults import Fault
from sandbox.core.wire import Reply, Request, Route, html
from sandbox.core.world import World

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

GRANTS = {"authorization_code": ("code", apps.CODE), "refresh_token": ("refresh_token", apps.REFRESH)}


class OAuth:
    """`/oauth/token`, `/oauth/authorize` and the server's own `/rest/app.info`, for all portals."""

    def __init__(self, world: World, vendor: Bitrix24) -> None:
        self._world, self._vendor = world, vendor

    def routes(self) -> list[Route]:
        return [
            Route("*", "/oauth/token", self._token, "tokens for a code or a refresh token"),
            Route("*", "/bitrix24/{portal}/oauth/token", self._token, "the same"),
            Route("GET", "/oauth/authorize", self._authorize, "a code for an application, by redirect"),
            Route("GET", "/bitrix24/{portal}/oauth/authorize", self._authorize, "the same of one portal"),
            Route("*", "/rest/app.info", self._info, "what a token is good for"),
            Route("*", "/rest/app.info.json", self._info, "the same"),
        ]

    # -- tokens

    async def _token(self, request: Request) -> Reply:
        """By GET or by POST; whatever is wrong is `{"error", "error_description"}`."""
        given = {**request.query(), **self._body(request)}
        portal = self._portal_of(given)
        if portal is None:
            return _refused(_grant_refusal(given, known=False))
        return await self._world.exchange(
            self._vendor, request, portal.slug, "oauth.token", lambda fault: _granting(portal, request, given)
        )

    @staticmethod
    def _body(request: Request) -> dict[str, str]:
        if request.content_type == "application/json":
            body = request.json()
            return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}
        return request.form() if request.body else {}

    def _portal_of(self, given: dict[str, str]) -> Portal | None:
        """The portal of the code or refresh token; else any that has the application, to answer in its name."""
        for name in ("code", "refresh_token"):
            slug = self._vendor.tokens.get(given.get(name, ""))
            if slug is not None:
                return self._vendor.portals[slug]
        client = given.get("client_id", "")
        return next((portal for portal in self._vendor.portals.values() if _app(portal, client) is not None), None)

    # -- the page that gives a code

    async def _authorize(self, request: Request) -> Reply:
        """The administrator is signed in here already: whom to take for the user may be named by `user_id`."""
        query = request.query()
        portal = self._page_portal(request, query.get("client_id", ""))
        app = None if portal is None else _app(portal, query.get("client_id", ""))
        if portal is None or app is None or not app.get("HANDLER_URL"):
            return html("<!DOCTYPE html><title>Bitrix24</title><p>Приложение не найдено.</p>", 404)
        found, known = portal, app

        def give(fault: Fault | None) -> Reply:
            moved = moved_reply(found, request)
            if moved is not None:
                return moved
            admin = next(user["ID"] for user in found.table("user") if user["ADMIN"] == "Y")
            number = as_number(query.get("user_id")) or admin
            user = found.get("user", number)
            if user is None or user["ACTIVE"] != "Y":
                return html("<!DOCTYPE html><title>Bitrix24</title><p>Нет доступа.</p>", 403)
            if not known.get("BASE"):
                found.patch("app", known["ID"], {"BASE": request.base_url})
            code = apps.issue(found, known, number, apps.CODE)
            back = {"code": code["VALUE"], "state": query.get("state", ""), "domain": apps.domain(found, known),
                    "member_id": found.settings["member_id"], "scope": ",".join(known["SCOPES"]),
                    "server_domain": urlsplit(request.base_url).netloc}  # fmt: skip
            url = str(known["HANDLER_URL"])
            reply = html("<html><body>302 Found</body></html>", 302)
            reply.headers["Location"] = f"{url}{'&' if '?' in url else '?'}{urlencode(back)}"
            return reply

        return await self._world.exchange(self._vendor, request, portal.slug, "oauth.authorize", give)

    def _page_portal(self, request: Request, client: str) -> Portal | None:
        name = request.params.get("portal")
        if name is not None:
            return self._vendor.portals.get(name.lower())
        host = request.host.lower().split(":")[0]
        named = [portal for portal in self._vendor.portals.values() if portal.settings["domain"] == host]
        having = [portal for portal in self._vendor.portals.values() if _app(portal, client) is not None]
        return named[0] if named else having[0] if len(having) == 1 else None

    # -- the check of a token

    async def _info(self, request: Request) -> Reply:
        """The server's words on a token, with those of the portal beside them: here both have one host."""
        value = str({**request.query(), **self._body(request)}.get("auth") or "")
        slug = self._vendor.tokens.get(value)
        if slug is None:
            return _refused(apps.refusal("revoked") if value else RestError(401, "NO_AUTH_FOUND",
                            "Wrong authorization data"))  # fmt: skip
        portal = self._vendor.portals[slug]
        return await self._world.exchange(
            self._vendor, request, slug, "app.info", lambda fault: _checked(portal, value)
        )


WRONG_CLIENT = RestError(200, "wrong_client", "Wrong client")
"""A client id that the server does not know, or whose token it is not; a wrong secret is `invalid_client` (the vendor's
Python SDK, its errors of OAuth)."""


def _app(portal: Portal, client: str) -> Record | None:
    return next((app for app in portal.table("app") if app["CLIENT_ID"] == client), None)


def _refused(error: RestError) -> Reply:
    return Reply(status=error.status, payload=error.body(), error=str(error.code))


def _grant_refusal(given: dict[str, str], *, known: bool) -> RestError:
    """Why a request is turned away before its token is looked at."""
    name, _ = GRANTS.get(given.get("grant_type", ""), ("", ""))
    if not name or not given.get(name) or not given.get("client_id") or not given.get("client_secret"):
        return RestError(400, "invalid_request", "Invalid or missing parameters")
    if not known:
        return WRONG_CLIENT
    return RestError(400, "invalid_grant", "The provided authorization grant is invalid, expired or revoked")


def _granting(portal: Portal, request: Request, given: dict[str, str]) -> Reply:
    try:
        return _granted(portal, request, given)
    except RestError as error:
        return _refused(error)


def _granted(portal: Portal, request: Request, given: dict[str, str]) -> Reply:
    name, kind = GRANTS.get(given.get("grant_type", ""), ("", ""))
    refusal = _grant_refusal(given, known=True)
    if refusal.code == "invalid_request":
        raise refusal
    client = _app(portal, given["client_id"])
    if client is None:
        raise WRONG_CLIENT
    if not hmac.compare_digest(client["CLIENT_SECRET"].encode(), given["client_secret"].encode()):
        raise RestError(400, "invalid_client", "The client credentials are invalid")
    token = apps.find(portal, given[name], kind)
    if token is None or token.get("SPENT") == "Y" or token["EXPIRES"] <= portal.now():
        raise refusal
    app = portal.table("app").records[token["APP_ID"]]
    if app["ID"] != client["ID"]:
        raise WRONG_CLIENT
    state = token.get("STATE")
    if state == "unpaid" or app["PAID"] != "Y":
        raise apps.refusal("unpaid")
    if state == "not_installed":
        raise RestError(401, "NOT_INSTALLED", "Application not installed")
    user = portal.get("user", token["USER_ID"])
    if state not in (None, "narrow") or user is None or user["ACTIVE"] != "Y":
        raise refusal
    if kind == apps.CODE or portal.settings["refresh_tokens_single_use"]:
        portal.patch("apptoken", token["ID"], {"SPENT": "Y"})
    if not app.get("BASE"):
        portal.patch("app", app["ID"], {"BASE": request.base_url})
    access = apps.issue(portal, app, user["ID"], apps.ACCESS, scopes=token["SCOPES"])
    refresh = apps.issue(portal, app, user["ID"], apps.REFRESH, scopes=token["SCOPES"])
    return Reply(payload=apps.token_answer(portal, app, access, refresh), note={"token": access["ID"]})


def _checked(portal: Portal, value: str) -> Reply:
    try:
        token, app, user = apps.admit(portal, value)
    except RestError as error:
        return _refused(error)
    install: dict[str, Any] = {
        "installed": app["INSTALLED"] == "Y", "version": str(app["VERSION"]), "status": app["STATUS"],
        "scope": ",".join(app["SCOPES"]), "domain": apps.domain(portal, app),
        "uri": urljoin(apps.client_endpoint(portal, app), "/").rstrip("/"),
        "client_endpoint": apps.client_endpoint(portal, app), "member_id": portal.settings["member_id"],
        "member_type": "client",
    }  # fmt: skip
    told = {
        "client_id": app["CLIENT_ID"], "scope": ",".join(token["SCOPES"]), "install": install, "user_id": user["ID"],
        "expires": moment_text(token["EXPIRES"], portal.zone),
    }  # fmt: skip
    time = time_block(portal, portal.ground.unix(), 0.0)
    return Reply(payload={"result": {**told, **portal_info(portal, app)}, "time": time})
