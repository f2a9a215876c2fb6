"""One portal: its settings, its store, and the only ways to change it or to raise an event."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sandbox.bitrix24 import apps
from sandbox.bitrix24.families import BY_NAME, BY_SHORT, FAMILIES, Family, dynamic_family
from sandbox.bitrix24.params import build_query
from sandbox.bitrix24.schema import Schema
from sandbox.bitrix24.store import Change, Record, Store, Table

SETTINGS: Record = {
    "title": "",
    "timezone": "Europe/Moscow",
    "language": "ru",
    "limit_burst": 50,
    "limit_per_second": 2.0,
    "operating_limit_seconds": 480.0,
    "operating_cost_seconds": {},
    "uf_boolean_json": False,
    "rows_raise_update": True,
    "unchanged_classic_update_raises": True,
    "https_only": False,
    "loopback_handlers": True,
    "refresh_tokens_single_use": True,
    "downloads_need_browser_headers": False,
    "tags_need_client_id": False,
    "html_errors": False,
    "suspended": "",
    "offline_extended": False,
    "catalogue_closed": False,
    "required_fields": [],
}
"""Dials of a portal and their values at creation.

`required_fields`: [{"entityTypeId": 2, "stage": "WON" or null, "field": "UF_CRM_X"}]; `suspended`: an error code of the
whole portal (PAYMENT_REQUIRED, PORTAL_DELETED, ACCESS_DENIED, OVERLOAD_LIMIT) or "". `loopback_handlers`: whether
applications may name handlers on this machine or in a private network, which the vendor's queue would not reach.
`offline_extended`: whether the plan has the confirmation of offline events and the key of their source.
`tags_need_client_id`: whether a webhook that adds a tagged notification must name a CLIENT_ID: its page asks for one,
the vendor's own Python SDK is served without; to delete by a tag one is always needed. `catalogue_closed`: whether
nobody who asks has the right to read products and prices of the catalogue.
`refresh_tokens_single_use`: whether a refresh token that was used is refused from then on.
"""


class Ground(Protocol):
    """What a portal stands on: the ledger, the event queue, the business clock and the folder of big bytes."""

    def write(self, account: str, change: Change) -> None:
        """Records the change and applies it to the portal of that account."""
        ...

    def send(self, account: str, name: str, url: str, body: str) -> None: ...

    def unix(self) -> float: ...

    def keep_bytes(self, content: bytes) -> str: ...

    def bytes_of(self, digest: str) -> bytes: ...


class Portal:
    """State is `store` alone; everything else here is derived from it."""

    def __init__(self, slug: str, ground: Ground) -> None:
        self.slug = slug
        self.store = Store()
        self.ground = ground
        self.actor: int | None = None
        """Who acts now; an application's events carry a token of this user."""
        self.connector = ""
        """The key of the source that acts now; queues of the same key do not hear of it."""
        self._schemas: dict[str, tuple[int, Schema]] = {}
        self._zone: tuple[str, tzinfo] = ("UTC", ZoneInfo("UTC"))

    # -- reading

    @property
    def settings(self) -> Record:
        return self.store.table("portal").records[1]

    @property
    def zone(self) -> tzinfo:
        name = self.settings["timezone"]
        if self._zone[0] != name:
            self._zone = (name, ZoneInfo(name))
            self._schemas.clear()
        return self._zone[1]

    def now(self) -> int:
        """Business time in whole unix seconds, the portal's granularity."""
        return int(self.ground.unix())

    def table(self, family: str) -> Table:
        return self.store.table(family)

    def get(self, family: str, number: int) -> Record | None:
        return self.store.table(family).get(number)

    def family(self, entity_type_id: int) -> Family | None:
        """Built-in families and the smart processes made here."""
        known = FAMILIES.get(entity_type_id)
        if known is not None:
            return known
        return next((family for family in self.dynamic_families() if family.entity_type_id == entity_type_id), None)

    def family_named(self, name: str) -> Family | None:
        return BY_NAME.get(name) or next((family for family in self.dynamic_families() if family.name == name), None)

    def family_short(self, short: str) -> Family | None:
        return BY_SHORT.get(short) or next(
            (family for family in self.dynamic_families() if family.short == short), None
        )

    def family_of_timeline(self, name: str) -> Family | None:
        families = [*FAMILIES.values(), *self.dynamic_families()]
        return next((family for family in families if family.timeline == name.lower()), None)

    def dynamic_families(self) -> list[Family]:
        return [
            dynamic_family(record["ID"], record["ENTITY_TYPE_ID"], record["TITLE"]) for record in self.table("type")
        ]

    def parents_of(self, entity_type_id: int) -> list[int]:
        """Smart processes whose items may be parents of this type's objects."""
        types = self.table("type")
        return [record["ENTITY_TYPE_ID"] for record in types if entity_type_id in record.get("CHILDREN", ())]

    def schema(self, family: Family) -> Schema:
        zone = self.zone
        version = self.store.version.get("userfield", 0)
        known = self._schemas.get(family.name)
        if known is not None and known[0] == version:
            return known[1]
        fields = self.table("userfield").find("ENTITY_ID", family.uf_entity)
        schema = Schema(family, fields, zone, boolean_json=bool(self.settings["uf_boolean_json"]))
        self._schemas[family.name] = (version, schema)
        return schema

    def user_name(self, number: int | None) -> str:
        record = self.get("user", number or 0)
        return "" if record is None else f"{record.get('NAME', '')} {record.get('LAST_NAME', '')}".strip()

    # -- changing

    def put(self, family: str, values: Record, number: int | None = None) -> int:
        """A new record (the next id of its family unless given); returns its id."""
        if number is None:
            number = self.table(family).last_id + 1
        kept = {name: value for name, value in values.items() if value is not None}
        self.ground.write(self.slug, {"op": "put", "family": family, "id": number, "values": kept})
        return number

    def patch(self, family: str, number: int, values: Record) -> None:
        """Sets fields; None removes one."""
        if values:
            self.ground.write(self.slug, {"op": "patch", "family": family, "id": number, "values": values})

    def drop(self, family: str, number: int) -> None:
        self.ground.write(self.slug, {"op": "drop", "family": family, "id": number})

    def apply(self, change: Change) -> None:
        self.store.apply(change)
        if change.get("family") == "portal":
            self._schemas.clear()

    # -- events

    def raise_event(self, name: str, data: Record) -> None:
        """Sends an event to every outgoing webhook that lists it; nobody asks whose doing it was."""
        for hook in self.table("subscription"):
            if name not in hook["EVENTS"] or "URL" not in hook:
                continue
            body = {
                "event": name,
                "event_handler_id": str(hook["ID"]),
                "data": data,
                "ts": str(self.now()),
                "auth": self.event_auth(hook["APPLICATION_TOKEN"]),
            }
            self.ground.send(self.slug, name, hook["URL"], build_query(body))
        for handler in self.table("handler").find("EVENT", name):
            app = self.table("app").records[handler["APP_ID"]]
            if "OFFLINE" in handler:
                self._queue(handler, data)
            elif app["INSTALLED"] == "Y":
                self.tell_app(app, name, data, handler["URL"], handler_id=handler["ID"], by=handler["AUTH_TYPE"])

    def _queue(self, handler: Record, data: Record) -> None:
        """Notes an event in an application's queue: an object that is there already gets the newer time."""
        connector = handler["OFFLINE"]
        if connector and connector == self.connector:
            return
        values: Record = {"APP_ID": handler["APP_ID"], "EVENT_NAME": handler["EVENT"], "EVENT_DATA": data,
                          "CONNECTOR": connector}  # fmt: skip
        for known in self.table("offlineevent"):
            if "PROCESS_ID" not in known and all(known[name] == value for name, value in values.items()):
                self.patch("offlineevent", known["ID"], {"TIMESTAMP_X": self.now()})
                return
        self.put("offlineevent", {**values, "TIMESTAMP_X": self.now(), "ERROR": 0})

    def tell_app(
        self, app: Record, name: str, data: Record, url: str, *, handler_id: int = 0, by: int = 0, owned: bool = False
    ) -> None:
        """Sends an event of an application. `by` is the user whose token goes along, 0 the one who acts; `owned`: a
        pair that the application may keep."""
        user = by or self.actor
        access = refresh = None
        if owned and user:
            access, refresh = (apps.issue(self, app, user, kind) for kind in (apps.ACCESS, apps.REFRESH))
        elif user:
            access = apps.event_token(self, app, user)
        body: Record = {"event": name, "event_handler_id": str(handler_id) if handler_id else None, "data": data,
                        "ts": str(self.now()), "auth": apps.event_auth(self, app, access, refresh)}  # fmt: skip
        self.ground.send(self.slug, name, url, build_query(body))

    def event_auth(self, application_token: str) -> Record:
        """The five keys that an outgoing webhook carries (vendor documentation, "Локальные вебхуки")."""
        settings = self.settings
        return {
            "domain": settings["domain"],
            "client_endpoint": f"https://{settings['domain']}/rest/",
            "server_endpoint": "https://oauth.bitrix24.tech/rest/",
            "member_id": settings["member_id"],
            "application_token": application_token,
        }

    def sign(self, text: str) -> str:
        """A signature that only this portal can make; download links carry it."""
        key = str(self.settings["secret"]).encode()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:40]


Resolver = Callable[[str], Any]
