"""What people and administrators do in portals, as control calls under /control/bitrix24."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.bitrix24 import items, legal, opening, people, views
from sandbox.bitrix24.downloads import file_reply
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.methods import openlines
from sandbox.bitrix24.methods.catalog import add_product
from sandbox.bitrix24.methods.types import add_type
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.core.world import World

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

Handler = Callable[[Portal, Request, dict[str, Any]], Reply]


class Control:
    """`{portal}` is a portal's slug; `by` in a body is the user who acts (the responsible manager by default)."""

    def __init__(self, world: World, vendor: Bitrix24) -> None:
        self._world, self._vendor = world, vendor

    def routes(self) -> list[Route]:
        of = self._of
        return [
            Route("GET", "/portals", self._list, "portals with their credentials"),
            Route("POST", "/portals", self._open, "open a portal", {"slug": "vektor", "title": "ООО «Вектор»",
                  "id_base": 1000, "funnels": [{"name": "Общая"}, {"id": 2, "name": "Опт"}]}),
            of("GET", "", self._show, "one portal's credentials and dials"),
            of("PATCH", "", self._dials, "dials: limits, time zone, required fields", {"limit_burst": 50}),
            of("POST", "/rename", self._rename, "move the portal to another host; the old one answers 302",
               {"host": "localhost:8190", "domain": "vektor-new.bitrix24.ru"}),
            of("POST", "/users", self._add_user, "a user", {"name": "Иван", "last_name": "Орлов", "admin": False}),
            of("PATCH", "/users/{id}", self._edit_user, "rights: access full, read, own, none; active; admin",
               {"access": "read"}),
            of("POST", "/webhooks", self._add_webhook, "an inbound webhook", {"user_id": 1, "scopes": ["crm"]}),
            of("DELETE", "/webhooks/{id}", self._drop_webhook, "delete an inbound webhook"),
            of("POST", "/subscriptions", self._subscribe, "an outgoing webhook",
               {"url": "http://127.0.0.1:8080/hooks/bitrix24/secret", "events": ["ONCRMDEALUPDATE"]}),
            of("PATCH", "/subscriptions/{id}", self._edit_subscription, "its address, token or events",
               {"url": "http://127.0.0.1:8080/hooks/bitrix24/secret"}),
            of("DELETE", "/subscriptions/{id}", self._unsubscribe, "delete an outgoing webhook"),
            of("POST", "/openlines", self._open_line, "a client writes through an open line",
               {"entity": "company", "id": 1001, "text": "Где счёт?", "connector": "telegrambot"}),
            of("POST", "/funnels", self._add_funnel, "a funnel of deals", {"name": "Опт", "id": 2}),
            of("POST", "/types", self._add_type, "a smart process", {"entity_type_id": 147, "title": "Проект"}),
            of("POST", "/companies", self._add_company, "a company with requisites",
               {"title": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001", "address": "ул. Лесная, 1"}),
            of("GET", "/companies", self._companies, "all companies with their requisites"),
            of("GET", "/companies/{id}", self._company, "a company with its requisites"),
            of("PATCH", "/companies/{id}", self._edit_of("company"), "edit by hand",
               {"fields": {"title": "ООО «Лотос+»"}}),
            of("DELETE", "/companies/{id}", self._delete_of("company"), "delete by hand"),
            of("POST", "/companies/{id}/requisites", self._add_requisite, "one more requisite",
               {"inn": "7709123453", "kpp": "771001001", "title": "ООО «Лотос», филиал"}),
            of("PATCH", "/requisites/{id}", self._edit_requisite, "edit a requisite", {"RQ_KPP": "770901001"}),
            of("DELETE", "/requisites/{id}", self._delete_requisite, "delete a requisite"),
            of("POST", "/requisites/{id}/banks", self._add_bank, "bank details",
               {"bank": "АО Пример Банк", "bik": "044525999", "account": "40702810600000000001"}),
            of("POST", "/contacts", self._add_contact, "a contact", {"name": "Анна", "last_name": "Ершова"}),
            of("PATCH", "/contacts/{id}", self._edit_of("contact"), "edit by hand", {"fields": {"name": "Анна"}}),
            of("DELETE", "/contacts/{id}", self._delete_of("contact"), "delete by hand"),
            of("POST", "/products", self._add_product, "a product; xml_id is its code in other systems",
               {"name": "Стеллаж", "price": "12500.00", "xml_id": "CAB-05"}),
            of("DELETE", "/products/{id}", self._delete_product, "delete by hand"),
            of("POST", "/deals", self._add_deal, "a deal with goods",
               {"title": "Поставка", "company": 1001,
                "rows": [{"name": "Стеллаж", "price": "12500.00", "quantity": 2}]}),
            of("GET", "/deals", self._deals, "all deals in short"),
            of("GET", "/deals/{id}", self._deal, "a deal with goods, timeline, files and history"),
            of("PATCH", "/deals/{id}", self._edit_of("deal"), "edit by hand", {"fields": {"title": "Поставка 2"}}),
            of("POST", "/deals/{id}/move", self._move, "to a stage, to a funnel", {"stage": "PREPAYMENT_INVOICE"}),
            of("PUT", "/deals/{id}/rows", self._rows, "replace its goods",
               {"rows": [{"name": "Стеллаж", "price": "100.00", "quantity": 1, "vat": 20}]}),
            of("DELETE", "/deals/{id}", self._delete_of("deal"), "delete by hand"),
            of("POST", "/requisite-links", self._link, "which requisite a deal uses",
               {"entity_type": 2, "entity": 1001, "requisite": 1001}),
            of("GET", "/notifications", self._notifications, "notifications of all users"),
            of("GET", "/chats", self._chats, "chats with their messages"),
            of("GET", "/files/{id}", self._file, "a file's bytes"),
        ]  # fmt: skip

    def _of(self, method: str, pattern: str, handler: Handler, summary: str, example: Any = None) -> Route:
        """A route of one portal; all that it changes survives as one."""

        async def handle(request: Request) -> Reply:
            portal = self._vendor.portals[request.params["portal"].lower()]
            body = request.json()
            if not isinstance(body, dict):
                raise BadRequestError("the body is a JSON object")
            try:
                with self._world.ledger.together():
                    return handler(portal, request, body)
            finally:
                portal.actor = None

        return Route(method, "/portals/{portal}" + pattern, handle, summary, example)

    # -- portals

    async def _list(self, request: Request) -> Reply:
        portals = [opening.credentials(portal, request.base_url) for portal in self._vendor.portals.values()]
        return Reply(payload={"portals": portals})

    async def _open(self, request: Request) -> Reply:
        body = request.json()
        if not isinstance(body, dict):
            raise BadRequestError("the body is a JSON object")
        with self._world.ledger.together():
            portal = opening.open_portal(self._vendor, body)
        return Reply(status=201, payload=opening.credentials(portal, request.base_url))

    def _show(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        settings = {name: value for name, value in portal.settings.items() if name != "secret"}
        return Reply(payload={**opening.credentials(portal, request.base_url), "settings": settings})

    def _dials(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        opening.check_dials(body)
        portal.patch("portal", 1, {name: "" if value is None else value for name, value in body.items()})
        return self._show(portal, request, body)

    def _rename(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"host", "domain"})
        host = str(body.get("host") or other_host(request.host)).lower()
        domain = str(body.get("domain") or host.split(":")[0])
        portal.patch("portal", 1, {"moved_to": host, "domain": domain})
        return self._show(portal, request, body)

    def _add_user(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"id", "name", "last_name", "email", "position", "admin", "active", "access"})
        return Reply(status=201, payload={"id": opening.add_user(portal, body)})

    def _edit_user(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"access", "active", "admin"})
        number = _known(portal, "user", request)
        if body.get("access", "full") not in ("full", "read", "own", "none"):
            raise BadRequestError("access is full, read, own or none")
        values: Record = {"ACCESS": body["access"]} if "access" in body else {}
        values |= {name.upper(): "Y" if body[name] else "N" for name in ("active", "admin") if name in body}
        portal.patch("user", number, values)
        return Reply(payload=portal.get("user", number))

    # -- webhooks

    def _add_webhook(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"user_id", "scopes", "code"})
        number = opening.add_webhook(portal, int(body.get("user_id", 1)), body.get("scopes"), body.get("code"))
        hook = portal.table("hook").records[number]
        url = f"{request.base_url}/rest/{hook['USER_ID']}/{hook['CODE']}/"
        return Reply(status=201, payload={"id": number, "webhook_url": url})

    def _drop_webhook(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        portal.drop("hook", _known(portal, "hook", request))
        return Reply(payload={"deleted": True})

    def _subscribe(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"url", "application_token", "events"})
        number = opening.add_subscription(portal, body.get("url"), body.get("application_token"), body.get("events"))
        return Reply(status=201, payload=portal.get("subscription", number))

    def _edit_subscription(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"url", "application_token", "events"})
        number = _known(portal, "subscription", request)
        values: Record = {name.upper(): body[name] for name in ("url", "application_token") if name in body}
        if "events" in body:
            values["EVENTS"] = [str(name).upper() for name in body["events"]]
        portal.patch("subscription", number, values)
        return Reply(payload=portal.get("subscription", number))

    def _unsubscribe(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        portal.drop("subscription", _known(portal, "subscription", request))
        return Reply(payload={"deleted": True})

    def _open_line(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"entity", "id", "text", "connector", "operator"})
        owner, number = str(body.get("entity") or ""), int(body.get("id") or 0)
        if owner not in openlines.OWNERS or portal.get(owner, number) is None:
            raise BadRequestError(f"there is no {owner or 'entity'} {number} in {portal.slug}")
        connector, operator = str(body.get("connector") or "livechat"), int(body.get("operator") or 1)
        made = openlines.add_line_chat(portal, owner, number, str(body.get("text") or ""), connector, operator)
        return Reply(status=201, payload={"chat": made})

    def _add_funnel(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"id", "name", "stages"})
        number = opening.add_funnel(portal, body)
        return Reply(status=201, payload={"id": number})

    def _add_type(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"entity_type_id", "title"})
        entity_type = int(body.get("entity_type_id", 0))
        title = str(body.get("title") or "Смарт-процесс")
        people.refusing(lambda: add_type(portal, title, entity_type))
        return Reply(status=201, payload={"entity_type_id": entity_type})

    # -- clients

    def _add_company(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        user_id = _actor(portal, body, None)
        return Reply(status=201, payload=views.company_view(portal, people.add_company(portal, body, user_id)))

    def _company(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        return Reply(payload=views.company_view(portal, _known(portal, "company", request)))

    def _companies(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        shown = [views.company_view(portal, record["ID"]) for record in portal.table("company")]
        return Reply(payload={"companies": shown})

    def _add_requisite(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        user_id = _actor(portal, body, None)
        company = _known(portal, "company", request)
        return Reply(status=201, payload={"id": people.add_requisite(portal, 4, company, body, user_id)})

    def _edit_requisite(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        user_id = _actor(portal, body, None)
        number = _known(portal, "requisite", request)
        legal.update_requisite(portal, number, legal.taken(portal, body, legal.REQUISITE), user_id)
        return Reply(payload=portal.get("requisite", number))

    def _delete_requisite(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        items.delete_requisite(portal, _known(portal, "requisite", request))
        return Reply(payload={"deleted": True})

    def _add_bank(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        user_id = _actor(portal, body, None)
        number = people.add_bank(portal, _known(portal, "requisite", request), body, user_id)
        return Reply(status=201, payload={"id": number})

    def _add_contact(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        user_id = _actor(portal, body, None)
        return Reply(status=201, payload={"id": people.add_contact(portal, body, user_id)})

    # -- deals

    def _add_product(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"name", "price", "xml_id"})
        if not body.get("name"):
            raise BadRequestError('give "name", and "price" and "xml_id" where it has them')
        code = {"XML_ID": str(body["xml_id"])} if body.get("xml_id") else {}
        number = people.refusing(lambda: add_product(portal, str(body["name"]), str(body.get("price") or 0), **code))
        return Reply(status=201, payload={"id": number})

    def _delete_product(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        number = _known(portal, "product", request)
        portal.drop("product", number)
        return Reply(payload={"id": number})

    def _add_deal(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        user_id = _actor(portal, body, None)
        return Reply(status=201, payload=views.deal_view(portal, people.add_deal(portal, body, user_id)))

    def _deals(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        shown = [
            {"id": deal["ID"], "title": deal.get("TITLE"), "category": deal["CATEGORY_ID"], "stage": deal["STAGE_ID"],
             "semantics": deal["STAGE_SEMANTIC_ID"], "opportunity_kopecks": views.kopecks(deal["OPPORTUNITY"]),
             "company": deal.get("COMPANY_ID")}
            for deal in portal.table("deal")
        ]  # fmt: skip
        return Reply(payload={"deals": shown})

    def _deal(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        return Reply(payload=views.deal_view(portal, _known(portal, "deal", request)))

    def _move(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        number = _known(portal, "deal", request)
        user_id = _actor(portal, body, portal.get("deal", number))
        people.checked(body, {"stage", "category"})
        people.move(portal, number, body.get("stage"), body.get("category"), user_id)
        return Reply(payload=views.deal_view(portal, number))

    def _rows(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        number = _known(portal, "deal", request)
        user_id = _actor(portal, body, portal.get("deal", number))
        people.checked(body, {"rows"})
        people.replace_rows(portal, number, body.get("rows") or [], user_id)
        return Reply(payload=views.deal_view(portal, number))

    def _link(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        people.checked(body, {"entity_type", "entity", "requisite", "bank_detail", "my_requisite", "my_bank_detail"})
        names = {"ENTITY_TYPE_ID": "entity_type", "ENTITY_ID": "entity", "REQUISITE_ID": "requisite",
                 "BANK_DETAIL_ID": "bank_detail", "MC_REQUISITE_ID": "my_requisite",
                 "MC_BANK_DETAIL_ID": "my_bank_detail"}  # fmt: skip
        values = {name: int(body.get(key) or 0) for name, key in names.items()}
        people.refusing(lambda: legal.register_link(portal, values))
        return Reply(payload=values)

    def _edit_of(self, name: str) -> Handler:
        family = BY_NAME[name]

        def edit(portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
            number = _known(portal, name, request)
            user_id = _actor(portal, body, portal.get(name, number))
            people.checked(body, {"fields"})
            changed = people.edit(portal, family, number, body.get("fields") or {}, user_id)
            return Reply(payload={"changed": changed, "item": _item(portal, family, number)})

        return edit

    def _delete_of(self, name: str) -> Handler:
        def delete(portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
            items.delete(portal, BY_NAME[name], _known(portal, name, request))
            return Reply(payload={"deleted": True})

        return delete

    # -- what can be looked at

    def _notifications(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        return Reply(payload={"notifications": views.notifications_view(portal)})

    def _chats(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        return Reply(payload={"chats": views.chats_view(portal)})

    def _file(self, portal: Portal, request: Request, body: dict[str, Any]) -> Reply:
        return file_reply(portal, _known(portal, "file", request))


def _item(portal: Portal, family: Family, number: int) -> Record:
    return views.item_view(portal, family, portal.table(family.name).records[number])


def _known(portal: Portal, family: str, request: Request) -> int:
    """The id in the path; KeyError when there is no such record."""
    raw = request.params["id"]
    number = int(raw) if raw.isdigit() else -1
    if portal.get(family, number) is None:
        raise KeyError(f"{family} {raw}")
    return number


def _actor(portal: Portal, body: dict[str, Any], record: Record | None) -> int:
    """The user who acts: `by`, else the responsible one, else the first who is not an administrator."""
    portal.actor = _acting(portal, body, record)
    return portal.actor


def _acting(portal: Portal, body: dict[str, Any], record: Record | None) -> int:
    if "by" in body:
        number = int(body.pop("by"))
        if portal.get("user", number) is None:
            raise BadRequestError(f"there is no user {number} in {portal.slug}")
        return number
    if record is not None and record.get("ASSIGNED_BY_ID"):
        assigned: int = record["ASSIGNED_BY_ID"]
        return assigned
    managers = [user["ID"] for user in portal.table("user") if user["ADMIN"] != "Y" and user["ACTIVE"] == "Y"]
    return managers[0] if managers else 1


def other_host(host: str) -> str:
    """Another name of this machine, under which a renamed portal is reached without a name server."""
    name, _, port = host.partition(":")
    other = "localhost" if name == "127.0.0.1" else "127.0.0.1"
    return f"{other}:{port}" if port else other
