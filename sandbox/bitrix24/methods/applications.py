"""app.*, events and event.*: what an application asks about itself and what it is told of.

Vendor documentation, "Общие методы", "События": https://apidocs.bitrix24.ru/api-reference/events/
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.general import EVENTS
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

APP_EVENTS = (
    "ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL", "ONAPPPAYMENT", "ONAPPMETHODCONFIRM", "ONAPPTEST",
    "ONCRMDEALMOVETOCATEGORY",
)  # fmt: skip
"""What only an application may be told of."""
LICENSE = "ru_basic"


def empty(name: str) -> RestError:
    return RestError(400, "ERROR_ARGUMENT", f"Argument '{name}' is null or empty", argument=name)


def check_handler(portal: Portal, url: str) -> None:
    """Refuses an address that the vendor's queue would not call."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL") from error
    if parts.scheme not in ("http", "https"):
        raise RestError(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
    if portal.settings["loopback_handlers"]:
        return
    if "." not in host or _private(host):
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")


def _private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


# -- the application itself


@method("app.info", "")
def app_info(call: Call) -> Any:
    """A webhook is told its scopes and the plan alone (the vendor's Python SDK, `AppInfoWebhook`)."""
    if call.identity.app is None:
        return {"SCOPE": sorted(call.identity.scopes), "LICENSE": LICENSE}
    return portal_info(call.portal, call.app)


def portal_info(portal: Portal, app: Record) -> Record:
    """What the portal says of an application."""
    return {
        "ID": app["ID"], "CODE": app["CLIENT_ID"], "VERSION": app["VERSION"], "STATUS": app["STATUS"],
        "INSTALLED": app["INSTALLED"] == "Y", "PAYMENT_EXPIRED": "N" if app["PAID"] == "Y" else "Y", "DAYS": None,
        "LANGUAGE_ID": portal.settings["language"], "LICENSE": LICENSE, "LICENSE_TYPE": "basic",
        "LICENSE_FAMILY": "basic",
    }  # fmt: skip


@method("app.option.get", "", app_only=True)
def option_get(call: Call) -> Any:
    options = call.app.get("OPTIONS") or {}
    name = call.text("option")
    return options.get(name, "") if name else options or []


@method("app.option.set", "", app_only=True, writes=True)
def option_set(call: Call) -> Any:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")
    given = call.get("options")
    if not isinstance(given, dict) or not given:
        raise empty("options")
    call.portal.patch("app", call.app["ID"], {"OPTIONS": {**(call.app.get("OPTIONS") or {}), **given}})
    return True


# -- events


@method("events", "")
def events(call: Call) -> Any:
    """Those of one scope where one is named: here the CRM's, or those of every application."""
    known = EVENTS if call.identity.app is None else (*EVENTS, *APP_EVENTS)
    wanted = call.text("scope").upper()
    return [name for name in known if name.startswith(f"ON{wanted}")]


def _event(call: Call) -> str:
    name = call.text("event").upper()
    if not name:
        raise empty("EVENT")
    return name


def _bindable(name: str) -> bool:
    return name in EVENTS or name in APP_EVENTS or name.startswith("ONCRMDYNAMICITEM")


def _offline(call: Call, verb: str) -> bool:
    """Whether the call is of an offline handler, which are an administrator's alone."""
    kind = (call.text("event_type") or "online").lower()
    if kind not in ("online", "offline"):
        raise RestError(400, "ERROR_ARGUMENT", "Value must be one of {online|offline}", argument="EVENT_TYPE")
    if kind == "offline" and not is_admin(call):
        text = f"Access denied! Offline events {verb} requires administrator access rights"
        raise RestError(403, "ACCESS_DENIED", text)
    return kind == "offline"


def check_connector(call: Call) -> str:
    """The key of the source, which only larger plans have."""
    connector = call.text("auth_connector")
    if connector and not call.portal.settings["offline_extended"]:
        raise RestError(403, "WRONG_LICENSE", "Feature is not available on the current plan")
    return connector


def _bound(call: Call, name: str, url: str | None, user: int | None, *, offline: bool = False) -> list[Record]:
    """The application's handlers of an event; those of one user where one is named."""
    return [
        record
        for record in call.portal.table("handler").find("EVENT", name)
        if record["APP_ID"] == call.identity.app_id
        and ("OFFLINE" in record) == offline
        and url in (None, record["URL"])
        and user in (None, record["AUTH_TYPE"])
    ]


@method("event.bind", "", app_only=True, writes=True)
def event_bind(call: Call) -> Any:
    """A handler, or with `event_type` offline a queue; a second time the same one is refused, as at the vendor."""
    name, url = _event(call), call.text("handler")
    offline = _offline(call, "binding")
    if not url and not offline:
        raise empty("HANDLER")
    if not _bindable(name):
        raise RestError(400, "ERROR_EVENT_NOT_FOUND", "Event not found!")
    if not offline:
        check_handler(call.portal, url)
    connector = check_connector(call)
    if offline:
        return _bind_queue(call, name, connector)
    user = as_number(call.get("auth_type")) or 0
    if not is_admin(call):
        if user not in (0, call.user_id):
            text = "Access denied! Event binding with AUTH_TYPE requires administrator access rights"
            raise RestError(403, "ACCESS_DENIED", text)
        user = call.user_id
    if _bound(call, name, url, user):
        raise RestError(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")
    call.portal.put("handler", {"APP_ID": call.identity.app_id, "EVENT": name, "URL": url, "AUTH_TYPE": user})
    return True


def _bind_queue(call: Call, name: str, connector: str) -> bool:
    if name in APP_EVENTS:
        raise RestError(400, "ERROR_ARGUMENT", "Offline event cannot be registered for this event.", argument="EVENT")
    if any(one["OFFLINE"] == connector for one in _bound(call, name, None, None, offline=True)):
        raise RestError(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")
    call.portal.put("handler", {"APP_ID": call.identity.app_id, "EVENT": name, "URL": "", "AUTH_TYPE": 0,
                                "OFFLINE": connector})  # fmt: skip
    return True


@method("event.get", "", app_only=True)
def event_get(call: Call) -> Any:
    return [
        {
            "event": record["EVENT"],
            "handler": record["URL"],
            "auth_type": str(record["AUTH_TYPE"]),
            "offline": int("OFFLINE" in record),
        }
        for record in call.portal.table("handler")
        if record["APP_ID"] == call.identity.app_id
    ]


@method("event.unbind", "", app_only=True, writes=True)
def event_unbind(call: Call) -> Any:
    name, url = _event(call), call.text("handler")
    offline = _offline(call, "unbinding")
    if not url and not offline:
        raise empty("HANDLER")
    user = None if offline else as_number(call.get("auth_type"))
    gone = _bound(call, name, None if offline else url, user, offline=offline)
    for record in gone:
        call.portal.drop("handler", record["ID"])
    return {"count": len(gone)}


@method("event.test", "", app_only=True)
def event_test(call: Call) -> Any:
    """ONAPPTEST to whoever is bound to it, with the parameters that were given."""
    query = {name: value for name, value in call.params.tree.items() if name != "auth"}
    call.portal.raise_event("ONAPPTEST", {"QUERY": query, "LANGUAGE_ID": call.portal.settings["language"]})
    return 1
