"""Applications of a portal: their records, the tokens they hold, and what becomes of a token that is used.

Vendor documentation, "OAuth 2.0", "Локальные приложения", "Коды ошибок": https://apidocs.bitrix24.ru/settings/oauth/
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.store import Record
from sandbox.core.wire import BadRequestError

if TYPE_CHECKING:
    from sandbox.bitrix24.portal import Portal

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 180 * 86_400
CODE_SECONDS = 30
KEPT_SECONDS = 7 * 86_400
TOKEN_BYTES = 35
ACCESS, REFRESH, CODE, EVENT = "access", "refresh", "code", "event"

STATES: dict[str, tuple[int, str, str]] = {
    "expired": (401, "expired_token", "The access token provided has expired."),
    "revoked": (401, "invalid_token", "Unable to get application by token"),
    "dismissed": (401, "authorization_error", "Unable to authorize user"),
    "unpaid": (401, "PAYMENT_REQUIRED", "Subscription has been ended"),
    "not_installed": (401, "ERROR_OAUTH", "Application not installed"),
    "external": (403, "ALLOWED_ONLY_INTRANET_USER", "Allowed only intranet users"),
    "restricted": (403, "user_access_error", "The user does not have access to the application."),
}
"""What a call with a token of a state is answered; `valid` and `narrow` (no scope at all) pass."""
SCOPES = (
    "crm", "im", "imbot", "user", "department", "catalog", "disk", "placement", "userfieldconfig",
    "documentgenerator", "tasks", "bizproc", "calendar", "entity",
)  # fmt: skip
STATUSES = ("L", "F", "S", "D", "T", "P")


def add_app(portal: Portal, spec: dict[str, Any]) -> Record:
    """An application as an administrator registers it; not installed yet."""
    values: Record = {
        "TITLE": str(spec.get("title") or "Приложение"),
        "CLIENT_ID": str(spec.get("client_id") or f"local.{secrets.token_hex(7)}.{secrets.randbelow(10**8):08d}"),
        "CLIENT_SECRET": str(spec.get("client_secret") or secrets.token_hex(25)),
        "SCOPES": [str(name) for name in spec.get("scopes") or SCOPES],
        "STATUS": str(spec.get("status") or "L"),
        "VERSION": 1,
        "PAID": "Y",
        "INSTALLED": "N",
        "UI": "Y" if spec.get("ui") else "N",
        "HANDLER_URL": spec.get("handler_url"),
        "INSTALL_URL": spec.get("install_url") or spec.get("handler_url"),
    }
    if values["STATUS"] not in STATUSES:
        raise BadRequestError(f"status is one of {', '.join(STATUSES)}")
    if any(app["CLIENT_ID"] == values["CLIENT_ID"] for app in portal.table("app")):
        raise BadRequestError(f"the portal has an application {values['CLIENT_ID']} already")
    return portal.table("app").records[portal.put("app", values, max(portal.table("app").ids, default=0) + 1)]


def only_app(portal: Portal, number: int | None) -> Record:
    """The application of this id, or the portal's only one."""
    apps = list(portal.table("app"))
    if number is not None:
        found = portal.get("app", number)
        if found is None:
            raise BadRequestError(f"there is no application {number} in {portal.slug}")
        return found
    if len(apps) != 1:
        raise BadRequestError(f"name one of the applications {[app['ID'] for app in apps]}")
    return apps[0]


def client_endpoint(portal: Portal, app: Record) -> str:
    """Where the application calls the portal: below the address at which it was installed, at the present host."""
    base = urlsplit(str(app.get("BASE") or ""))
    host = portal.settings.get("moved_to") or base.netloc
    return f"{base.scheme}://{host}{base.path}/bitrix24/{portal.slug}/rest/"


def server_endpoint(app: Record) -> str:
    return f"{app.get('BASE') or ''}/rest/"


# -- tokens


def issue(portal: Portal, app: Record, user_id: int, kind: str, *, state: str = "", scopes: Any = None) -> Record:
    """A new token; `state` is one of STATES, or "" for a good one."""
    _forget_old(portal)
    seconds = {ACCESS: ACCESS_SECONDS, EVENT: ACCESS_SECONDS, REFRESH: REFRESH_SECONDS, CODE: CODE_SECONDS}[kind]
    values: Record = {
        "KIND": kind,
        "VALUE": secrets.token_hex(TOKEN_BYTES),
        "APP_ID": app["ID"],
        "USER_ID": user_id,
        "SCOPES": list(app["SCOPES"] if scopes is None else scopes),
        "EXPIRES": portal.now() + seconds,
        "STATE": state or None,
    }
    return portal.table("apptoken").records[portal.put("apptoken", values)]


def event_token(portal: Portal, app: Record, user_id: int) -> Record:
    """The one-off token of an event: it cannot be renewed. One with half its life before it serves several events."""
    for token in reversed(portal.table("apptoken").find("KIND", EVENT)):
        fresh = token["EXPIRES"] - portal.now() > ACCESS_SECONDS / 2 and not token.get("STATE")
        if fresh and (token["APP_ID"], token["USER_ID"]) == (app["ID"], user_id):
            return token
    return issue(portal, app, user_id, EVENT)


def _forget_old(portal: Portal) -> None:
    limit = portal.now() - KEPT_SECONDS
    for number in portal.table("apptoken").ids[:2]:
        if portal.table("apptoken").records[number]["EXPIRES"] < limit:
            portal.drop("apptoken", number)


def find(portal: Portal, value: str, *kinds: str) -> Record | None:
    """The token of this value, letter by letter."""
    for token in portal.table("apptoken").find("VALUE", value):
        if token["VALUE"] == value and token["KIND"] in kinds:
            return token
    return None


def admit(portal: Portal, value: str) -> tuple[Record, Record, Record]:
    """The token with its application and user, fit for a call. Raises RestError in the vendor's words."""
    token = find(portal, value, ACCESS, EVENT)
    if token is None:
        raise refusal("revoked")
    if state := token.get("STATE"):
        raise refusal(state)
    if token["EXPIRES"] <= portal.now():
        raise refusal("expired")
    app = portal.get("app", token["APP_ID"])
    if app is None or app.get("GONE") == "Y":
        raise RestError(401, "APPLICATION_NOT_FOUND", "Application not found")
    if app["PAID"] != "Y":
        raise refusal("unpaid")
    user = portal.get("user", token["USER_ID"])
    if user is None or user["ACTIVE"] != "Y":
        raise refusal("dismissed")
    return token, app, user


def refusal(state: str) -> RestError:
    return RestError(*STATES[state])


def set_states(portal: Portal, state: str, kind: str | None) -> int:
    """Puts the tokens of a kind (all of them without one) into a state; returns how many."""
    tokens = [token["ID"] for token in portal.table("apptoken") if kind in (None, token["KIND"])]
    for number in tokens:
        portal.patch("apptoken", number, {"STATE": None if state == "valid" else state})
    return len(tokens)


def revoke_all(portal: Portal, app: Record) -> None:
    for token in list(portal.table("apptoken")):
        if token["APP_ID"] == app["ID"]:
            portal.drop("apptoken", token["ID"])


# -- what travels in events and pages


def token_answer(portal: Portal, app: Record, access: Record, refresh: Record) -> dict[str, Any]:
    """The authorisation server's answer to a granted request; `domain` is that of the server itself."""
    return {
        "access_token": access["VALUE"],
        "client_endpoint": client_endpoint(portal, app),
        "domain": urlsplit(str(app.get("BASE") or "")).netloc,
        "expires": access["EXPIRES"],
        "expires_in": ACCESS_SECONDS,
        "member_id": portal.settings["member_id"],
        "refresh_token": refresh["VALUE"],
        "scope": ",".join(access["SCOPES"]),
        "server_endpoint": server_endpoint(app),
        "status": app["STATUS"],
        "user_id": access["USER_ID"],
    }


def event_auth(portal: Portal, app: Record, access: Record | None, refresh: Record | None = None) -> Record:
    """The `auth` of an application's event. Without a user's doing there are no tokens."""
    if access is None:
        return {
            "domain": domain(portal, app),
            "server_endpoint": server_endpoint(app),
            "client_endpoint": client_endpoint(portal, app),
            "member_id": portal.settings["member_id"],
            "application_token": app.get("APPLICATION_TOKEN"),
        }
    auth: Record = {
        "access_token": access["VALUE"],
        "expires": access["EXPIRES"],
        "expires_in": max(0, access["EXPIRES"] - portal.now()),
        "scope": ",".join(access["SCOPES"]),
        "domain": domain(portal, app),
        "server_endpoint": server_endpoint(app),
        "status": app["STATUS"],
        "client_endpoint": client_endpoint(portal, app),
        "member_id": portal.settings["member_id"],
        "user_id": access["USER_ID"],
    }
    if refresh is not None:
        auth["refresh_token"] = refresh["VALUE"]
    return {**auth, "application_token": app.get("APPLICATION_TOKEN")}


def domain(portal: Portal, app: Record) -> str:
    return str(portal.settings.get("moved_to") or urlsplit(str(app.get("BASE") or "")).netloc)
