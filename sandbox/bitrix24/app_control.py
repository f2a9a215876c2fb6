"""What administrators do with applications, and people with their pages, as control calls under /control/bitrix24."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import orjson

from sandbox.bitrix24 import apps, people
from sandbox.bitrix24.methods.robots import document_of, new_run, robots_of
from sandbox.bitrix24.params import build_query
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.core.world import World

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

BROWSER = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Mozilla/5.0 (sandbox)",
           "Accept": "text/html"}  # fmt: skip
FINISH = "installFinish"
Body = dict[str, Any]
Act = Callable[[Portal, Request, Body], Reply]
Visit = Callable[[Portal, Request, Body], Awaitable[Reply]]


class AppControl:
    """`{portal}` is a portal's slug; `app` in a body is the application's number, the only one where there is one."""

    def __init__(self, world: World, vendor: Bitrix24) -> None:
        self._world, self._vendor = world, vendor

    def routes(self) -> list[Route]:
        act, visit = self._act, self._visiting
        urls = {"handler_url": "http://127.0.0.1:8080/app", "install_url": "http://127.0.0.1:8080/install"}
        return [
            act("GET", "/apps", self._list, "applications with their credentials"),
            act("POST", "/apps", self._add, "register an application", {"title": "Счета", **urls, "scopes": ["crm"]}),
            act("PATCH", "/apps", self._edit, "its addresses, scopes, status; whether it is paid", urls),
            visit("/apps/install", self._install, "install it: ONAPPINSTALL, or its page where it has one",
                  {"app": 1, "user_id": 1}),
            act("POST", "/apps/uninstall", self._uninstall, "remove it: ONAPPUNINSTALL", {"clean": False}),
            act("POST", "/apps/update", self._update, "a new version: ONAPPUPDATE", {"new_token": True}),
            act("POST", "/tokens", self._tokens, "a token in any state, or all of them put into one",
                {"state": "expired", "kind": "access", "user_id": 1}),
            visit("/placements/open", self._open, "a person opens an application's page",
                  {"placement": "CRM_DEAL_DETAIL_TAB", "options": {"ID": "1001"}, "user_id": 7}),
            act("POST", "/robots/run", self._robot, "a robot runs on a deal: the stock one by url, an application's by "
                "code", {"deal": 1001, "url": "http://127.0.0.1:8080/hooks/bitrix24/secret"}),
        ]  # fmt: skip

    def _act(self, method: str, pattern: str, handler: Act, summary: str, example: Any = None) -> Route:
        async def handle(request: Request) -> Reply:
            portal, body = self._read(request)
            with self._world.ledger.together():
                return handler(portal, request, body)

        return Route(method, "/portals/{portal}" + pattern, handle, summary, example)

    def _visiting(self, pattern: str, handler: Visit, summary: str, example: Any) -> Route:
        async def handle(request: Request) -> Reply:
            portal, body = self._read(request)
            return await handler(portal, request, body)

        return Route("POST", "/portals/{portal}" + pattern, handle, summary, example)

    def _read(self, request: Request) -> tuple[Portal, Body]:
        body = request.json()
        if not isinstance(body, dict):
            raise BadRequestError("the body is a JSON object")
        return self._vendor.portals[request.params["portal"].lower()], body

    # -- applications

    def _list(self, portal: Portal, request: Request, body: Body) -> Reply:
        return Reply(payload={"apps": [app_view(portal, app, request.base_url) for app in portal.table("app")]})

    def _add(self, portal: Portal, request: Request, body: Body) -> Reply:
        people.checked(
            body, {"title", "client_id", "client_secret", "scopes", "status", "ui", "handler_url", "install_url"}
        )
        return Reply(status=201, payload=app_view(portal, apps.add_app(portal, body), request.base_url))

    def _edit(self, portal: Portal, request: Request, body: Body) -> Reply:
        people.checked(body, {"app", "title", "scopes", "status", "ui", "handler_url", "install_url", "paid"})
        app = apps.only_app(portal, body.pop("app", None))
        if body.get("status", "L") not in apps.STATUSES:
            raise BadRequestError(f"status is one of {', '.join(apps.STATUSES)}")
        values: Record = {name.upper(): "Y" if body.pop(name) else "N" for name in ("ui", "paid") if name in body}
        values |= {name.upper(): value for name, value in body.items()}
        portal.patch("app", app["ID"], values)
        return Reply(payload=app_view(portal, portal.table("app").records[app["ID"]], request.base_url))

    async def _install(self, portal: Portal, request: Request, body: Body) -> Reply:
        """An application that is an API alone is installed at once and hears of it; one with a page is installed when
        its page calls BX24.installFinish(), which is looked for in the answer."""
        people.checked(body, {"app", "user_id", "handler_url", "install_url", "base_url"})
        app = apps.only_app(portal, body.get("app"))
        user = self._user(portal, body)
        with self._world.ledger.together():
            values: Record = {name.upper(): body[name] for name in ("handler_url", "install_url") if body.get(name)}
            values["BASE"] = str(body.get("base_url") or request.base_url).rstrip("/")
            if app["INSTALLED"] != "Y":
                values["APPLICATION_TOKEN"] = secrets.token_hex(16)
            values["INSTALLED"] = "N" if app["UI"] == "Y" and app["INSTALLED"] != "Y" else "Y"
            portal.patch("app", app["ID"], values)
            url = app.get("INSTALL_URL") or app.get("HANDLER_URL")
            if not url:
                raise BadRequestError("the application has no address: give install_url")
            if app["UI"] != "Y":
                self._tell_installed(portal, app, str(url), user)
        shown = app_view(portal, app, request.base_url)
        if app["UI"] != "Y":
            return Reply(payload=shown)
        page = await self._visit(portal, app, url, user, "DEFAULT", {})
        if page["status"] == 200 and FINISH in page["page"]:
            with self._world.ledger.together():
                portal.patch("app", app["ID"], {"INSTALLED": "Y"})
        return Reply(payload={**app_view(portal, app, request.base_url), **page})

    @staticmethod
    def _tell_installed(portal: Portal, app: Record, url: str, user: int) -> None:
        data = {"VERSION": str(app["VERSION"]), "ACTIVE": "Y", "INSTALLED": "Y",
                "LANGUAGE_ID": portal.settings["language"]}  # fmt: skip
        portal.tell_app(app, "ONAPPINSTALL", data, url, by=user, owned=True)

    def _uninstall(self, portal: Portal, request: Request, body: Body) -> Reply:
        """Handlers hear of it without a token; then tokens, handlers, placements and robots are gone."""
        people.checked(body, {"app", "clean"})
        app = apps.only_app(portal, body.get("app"))
        data = {"LANGUAGE_ID": portal.settings["language"], "CLEAN": "1" if body.get("clean") else "0"}
        for handler in portal.table("handler").find("EVENT", "ONAPPUNINSTALL"):
            if handler["APP_ID"] == app["ID"]:
                portal.tell_app(app, "ONAPPUNINSTALL", data, handler["URL"], handler_id=handler["ID"])
        apps.revoke_all(portal, app)
        for family in ("handler", "placement", "robot"):
            for record in [one for one in portal.table(family) if one["APP_ID"] == app["ID"]]:
                portal.drop(family, record["ID"])
        portal.patch("app", app["ID"], {"INSTALLED": "N"})
        return Reply(payload=app_view(portal, app, request.base_url))

    def _update(self, portal: Portal, request: Request, body: Body) -> Reply:
        people.checked(body, {"app", "new_token", "user_id"})
        app = apps.only_app(portal, body.get("app"))
        before = app["VERSION"]
        values: Record = {"VERSION": before + 1}
        if body.get("new_token"):
            values["APPLICATION_TOKEN"] = secrets.token_hex(16)
        portal.patch("app", app["ID"], values)
        data = {"VERSION": str(before + 1), "PREVIOUS_VERSION": str(before), "LANGUAGE_ID": portal.settings["language"]}
        for handler in portal.table("handler").find("EVENT", "ONAPPUPDATE"):
            if handler["APP_ID"] == app["ID"]:
                portal.tell_app(app, "ONAPPUPDATE", data, handler["URL"], handler_id=handler["ID"],
                                by=self._user(portal, body))  # fmt: skip
        return Reply(payload=app_view(portal, app, request.base_url))

    # -- tokens

    def _tokens(self, portal: Portal, request: Request, body: Body) -> Reply:
        people.checked(body, {"app", "state", "existing", "kind", "user_id", "scopes"})
        state = str(body.get("state") or "valid")
        if state not in ("valid", "narrow", *apps.STATES):
            raise BadRequestError(f"state is one of valid, narrow, {', '.join(apps.STATES)}")
        kind = body.get("kind")
        if kind not in (None, apps.ACCESS, apps.REFRESH):
            raise BadRequestError("kind is access or refresh")
        if body.get("existing"):
            return Reply(payload={"state": state, "changed": apps.set_states(portal, state, kind)})
        app = apps.only_app(portal, body.get("app"))
        if not app.get("BASE"):
            portal.patch("app", app["ID"], {"BASE": request.base_url})
        scopes = [] if state == "narrow" else body.get("scopes")
        forced = state if state in apps.STATES else ""
        user = self._user(portal, body)
        access = apps.issue(portal, app, user, apps.ACCESS, state=forced, scopes=scopes)
        refresh = apps.issue(portal, app, user, apps.REFRESH, state="" if forced == "expired" else forced,
                             scopes=scopes)  # fmt: skip
        return Reply(status=201, payload={"state": state, **apps.token_answer(portal, app, access, refresh)})

    @staticmethod
    def _user(portal: Portal, body: Body) -> int:
        """Who acts: `user_id`, else the first administrator."""
        number = body.get("user_id")
        if number is None:
            return int(next(user["ID"] for user in portal.table("user") if user["ADMIN"] == "Y"))
        if portal.get("user", int(number)) is None:
            raise BadRequestError(f"there is no user {number} in {portal.slug}")
        return int(number)

    # -- pages and robots

    async def _open(self, portal: Portal, request: Request, body: Body) -> Reply:
        """The handler that is bound to the placement, or the application's own page for DEFAULT."""
        people.checked(body, {"app", "placement", "options", "user_id", "handler"})
        code = str(body.get("placement") or "DEFAULT").upper()
        options = body.get("options") or {}
        if not isinstance(options, dict):
            raise BadRequestError("options is a JSON object")
        if code == "DEFAULT":
            app = apps.only_app(portal, body.get("app"))
            url = body.get("handler") or app.get("HANDLER_URL")
        else:
            bound = [
                one
                for one in portal.table("placement")
                if one["PLACEMENT"] == code
                and body.get("app") in (None, one["APP_ID"])
                and body.get("handler") in (None, one["URL"])
            ]
            if not bound:
                raise BadRequestError(f"nothing is bound to {code}")
            app, url = portal.table("app").records[bound[0]["APP_ID"]], bound[0]["URL"]
        if not url:
            raise BadRequestError("the application has no page: give handler_url")
        user = int(body.get("user_id") or _manager(portal))
        return Reply(payload=await self._visit(portal, app, str(url), user, code, options))

    async def _visit(
        self, portal: Portal, app: Record, url: str, user: int, code: str, options: dict[str, Any]
    ) -> dict[str, Any]:
        """The form that a portal's page posts into the frame; what came back."""
        with self._world.ledger.together():
            target, form = frame_form(portal, app, url, user, code, options)
        await self._world.ledger.durable()
        status, page, problem = await self._world.outgoing.visit(target, form, BROWSER)
        return {"url": target, "status": status, "page": page, "problem": problem or None}

    def _robot(self, portal: Portal, request: Request, body: Body) -> Reply:
        people.checked(body, {"deal", "url", "code", "app", "properties", "user_id"})
        deal = int(body.get("deal") or 0)
        if portal.get("deal", deal) is None:
            raise BadRequestError(f"there is no deal {deal} in {portal.slug}")
        document, kind = document_of("deal", deal)
        if body.get("url"):
            auth = portal.event_auth("")
            auth.pop("application_token")  # the stock robot sends none
            stock: Record = {"document_id": document, "auth": auth}
            portal.ground.send(portal.slug, "ROBOT", str(body["url"]), build_query(stock))
            return Reply(payload={"document_id": document, "url": body["url"]})
        app = apps.only_app(portal, body.get("app"))
        robot = next((one for one in robots_of(portal, app["ID"]) if one["CODE"] == body.get("code")), None)
        if robot is None:
            raise BadRequestError(f"the application has no robot {body.get('code')!r}: give its code, or a url")
        run = new_run(portal, robot, document)
        user = int(robot.get("AUTH_USER_ID") or self._user(portal, body))
        access, refresh = (apps.issue(portal, app, user, name) for name in (apps.ACCESS, apps.REFRESH))
        waits = "N" if robot.get("USE_SUBSCRIPTION") == "N" else "Y"
        post: Record = {
            "workflow_id": run["WORKFLOW"], "code": robot["CODE"], "document_id": document, "document_type": kind,
            "event_token": run["TOKEN"], "properties": body.get("properties") or {}, "use_subscription": waits,
            "timeout_duration": "0", "ts": str(portal.now()), "auth": apps.event_auth(portal, app, access, refresh),
        }  # fmt: skip
        portal.ground.send(portal.slug, "ROBOT", str(robot["URL"]), build_query(post))
        return Reply(payload={"document_id": document, "event_token": run["TOKEN"], "url": robot["URL"]})


def _manager(portal: Portal) -> int:
    plain = [user["ID"] for user in portal.table("user") if user["ADMIN"] != "Y" and user["ACTIVE"] == "Y"]
    return plain[0] if plain else 1


def frame_form(portal: Portal, app: Record, url: str, user: int, code: str, options: dict[str, Any]) -> tuple[str, str]:
    """Address and body of the POST into an application's frame (vendor documentation, "Виджеты").

    The tokens are the viewing person's own.
    """
    if portal.get("user", user) is None:
        raise BadRequestError(f"there is no user {user} in {portal.slug}")
    access, refresh = (apps.issue(portal, app, user, kind) for kind in (apps.ACCESS, apps.REFRESH))
    base = urlsplit(str(app.get("BASE") or ""))
    query = urlencode({"DOMAIN": apps.domain(portal, app), "PROTOCOL": 1 if base.scheme == "https" else 0,
                       "LANG": portal.settings["language"], "APP_SID": secrets.token_hex(16)})  # fmt: skip
    form = urlencode({
        "AUTH_ID": access["VALUE"], "AUTH_EXPIRES": apps.ACCESS_SECONDS, "REFRESH_ID": refresh["VALUE"],
        "SERVER_ENDPOINT": apps.server_endpoint(app), "APPLICATION_TOKEN": app.get("APPLICATION_TOKEN") or "",
        "APPLICATION_SCOPE": ",".join(app["SCOPES"]), "member_id": portal.settings["member_id"],
        "status": app["STATUS"], "PLACEMENT": code, "PLACEMENT_OPTIONS": orjson.dumps(options).decode(),
    })  # fmt: skip
    return f"{url}{'&' if '?' in url else '?'}{query}", form


def app_view(portal: Portal, app: Record, base_url: str) -> dict[str, Any]:
    """What an integrator needs of an application, and how it stands."""
    return {
        "app": app["ID"], "title": app["TITLE"], "client_id": app["CLIENT_ID"], "client_secret": app["CLIENT_SECRET"],
        "oauth_url": base_url, "portal_url": f"{base_url}/bitrix24/{portal.slug}",
        "authorize_url": f"{base_url}/bitrix24/{portal.slug}/oauth/authorize/?client_id={app['CLIENT_ID']}",
        "scopes": app["SCOPES"], "status": app["STATUS"], "ui": app["UI"] == "Y", "paid": app["PAID"] == "Y",
        "version": app["VERSION"], "installed": app["INSTALLED"] == "Y", "handler_url": app.get("HANDLER_URL"),
        "install_url": app.get("INSTALL_URL"), "application_token": app.get("APPLICATION_TOKEN"),
        "handlers": [{"event": one["EVENT"], "handler": one["URL"]} for one in portal.table("handler")
                     if one["APP_ID"] == app["ID"]],
        "placements": [{"placement": one["PLACEMENT"], "handler": one["URL"], "title": one.get("TITLE", "")}
                       for one in portal.table("placement") if one["APP_ID"] == app["ID"]],
    }  # fmt: skip
