"""Who calls: an inbound webhook by its code, or an application by its access token.

Vendor documentation, "Авторизация": https://apidocs.bitrix24.ru/settings/how-to-call-rest-api/authorization.html
"""

from __future__ import annotations

from sandbox.bitrix24 import apps
from sandbox.bitrix24.call import Identity
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.files import Links
from sandbox.bitrix24.methods import Method
from sandbox.bitrix24.params import Params
from sandbox.bitrix24.portal import Portal
from sandbox.core.wire import Request


def identify(portal: Portal, request: Request, user_id: str, code: str, arguments: Params) -> Identity:
    """The caller: a webhook where the path has its user and code, else whose token stands in `auth`. Raises
    RestError."""
    base = request.base_url
    if "portal" in request.params:
        base += f"/bitrix24/{portal.slug}"
    if not code:
        return _application(portal, arguments, base)
    for hook in portal.table("hook").find("CODE", code):
        if hook["CODE"] == code and str(hook["USER_ID"]) == user_id:
            break
    else:
        raise wrong_credentials()
    user = portal.get("user", hook["USER_ID"])
    if user is None or user["ACTIVE"] != "Y":
        raise RestError(401, "authorization_error", "Unable to authorize user")
    links = Links(base, user["ID"], hook["CODE"])
    return Identity(user=user, scopes=frozenset(hook["SCOPES"]), key=f"hook{hook['ID']}", links=links)


def webhook_refused(entry: Method) -> RestError:
    """How a method that needs an application turns a webhook away."""
    if entry.name.startswith("app.option."):
        return RestError(403, "ACCESS_DENIED", "Access denied! Application context required")
    return RestError(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")


def _application(portal: Portal, arguments: Params, base: str) -> Identity:
    value = arguments.get("auth")
    if not value:
        raise no_credentials(arguments)
    token, app, user = apps.admit(portal, str(value))
    return Identity(
        user=user,
        scopes=frozenset(token["SCOPES"]),
        key=f"app{app['ID']}",
        links=Links(base, user["ID"], "", token["VALUE"]),
        app=app["CLIENT_ID"],
        app_id=app["ID"],
    )


def wrong_credentials() -> RestError:
    return RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")


def no_credentials(arguments: Params) -> RestError:
    """A path without a webhook, and without a token that is known here."""
    if arguments.get("auth"):
        return RestError(401, "invalid_token", "Unable to get application by token")
    return RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
