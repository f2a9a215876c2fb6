"""Web pages of a portal as its managers see it: the board of deals, one deal, chats and notifications."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from sandbox.bitrix24 import stages, views
from sandbox.bitrix24.downloads import file_reply
from sandbox.bitrix24.families import BY_NAME
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.core.pages import environment, rub
from sandbox.core.wire import Reply, Request, Route, html

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

HISTORY_TEXT = {1: "Создана", 2: "Переведена в стадию", 3: "Завершена стадией", 5: "Переведена в воронку"}
SHOWN_BASE = (
    ("COMPANY_ID", "Компания"), ("CONTACT_ID", "Контакт"), ("ASSIGNED_BY_ID", "Ответственный"),
    ("OPPORTUNITY", "Сумма"), ("DATE_CREATE", "Создана"), ("DATE_MODIFY", "Изменена"), ("COMMENTS", "Комментарий"),
)  # fmt: skip
MESSAGES_SHOWN_MAX = 50
BB_CODES = (
    (re.compile(r"\[(b|i|u|s)\](.*?)\[/\1\]", re.DOTALL | re.IGNORECASE), r"<\1>\2</\1>"),
    (re.compile(r"\[url=(https?://[^\]\s\"]+)\](.*?)\[/url\]", re.DOTALL | re.IGNORECASE), r'<a href="\1">\2</a>'),
    (re.compile(r"\[br\]|\n", re.IGNORECASE), "<br>"),
)


def bb(text: str) -> Markup:
    """BB codes of a timeline to HTML; everything else is escaped first."""
    shown = str(escape(text))
    for pattern, replacement in BB_CODES:
        shown = pattern.sub(replacement, shown)
    return Markup(shown)  # noqa: S704 - escaped above


class Pages:
    """Pages under /pages/bitrix24."""

    def __init__(self, vendor: Bitrix24) -> None:
        self._vendor = vendor
        folder = Path(__file__).parent / "templates"
        self._templates = environment({path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.html"))})
        self._templates.filters["bb"] = bb

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/{portal}/deal/{id}", self._page("deal.html", self._deal)),
            Route("GET", "/{portal}/file/{id}", self._file),
            Route("GET", "/{portal}", self._page("portal.html", self._board)),
        ]

    def _page(self, name: str, content: Callable[[Portal, Request], dict[str, Any] | None]) -> Any:
        async def handle(request: Request) -> Reply:
            portal = self._vendor.portals.get(request.params["portal"].lower())
            data = None if portal is None else content(portal, request)
            if portal is None or data is None:
                return html("<!DOCTYPE html><title>Нет такого</title><p>Такой страницы нет.</p>", 404)
            base = f"{request.base_url}/pages/bitrix24/{portal.slug}"
            page = self._templates.get_template(name)
            return html(page.render(base=base, root=request.base_url, portal=portal.settings, **data))

        return handle

    def _board(self, portal: Portal, request: Request) -> dict[str, Any]:
        family = BY_NAME["deal"]
        funnels = []
        for category in stages.categories_of(portal, family.entity_type_id):
            columns = [
                {"name": stage["NAME"], "id": stage["STATUS_ID"], "color": stage.get("COLOR", "#ccc"),
                 "deals": [_short(portal, deal) for deal in portal.table("deal")
                           if deal["CATEGORY_ID"] == category["ID"] and deal["STAGE_ID"] == stage["STATUS_ID"]]}
                for stage in stages.stages_of(portal, family, category["ID"])
            ]  # fmt: skip
            funnels.append({"name": category["NAME"], "columns": columns})
        return {
            "funnels": funnels,
            "chats": _recent(portal, views.chats_view(portal)),
            "notifications": _named(portal, views.notifications_view(portal))[-MESSAGES_SHOWN_MAX:],
        }

    def _deal(self, portal: Portal, request: Request) -> dict[str, Any] | None:
        raw = request.params["id"]
        deal = portal.get("deal", int(raw)) if raw.isdigit() else None
        if deal is None:
            return None
        family = BY_NAME["deal"]
        view = views.deal_view(portal, deal["ID"])
        current = stages.stage(portal, family, deal["CATEGORY_ID"], deal["STAGE_ID"])
        return {
            "title": deal.get("TITLE", ""),
            "number": deal["ID"],
            "stage": {"name": deal["STAGE_ID"] if current is None else current["NAME"],
                      "semantics": deal["STAGE_SEMANTIC_ID"]},
            "fields": _fields(portal, deal),
            "user_fields": _user_fields(portal, view["deal"]),
            "rows": view["rows"],
            "opportunity_kopecks": view["opportunity_kopecks"],
            "timeline": _timeline(portal, view),
            "chats": _recent(portal, views.chats_view(portal)),
            "notifications": _named(portal, views.notifications_view(portal))[-MESSAGES_SHOWN_MAX:],
        }  # fmt: skip

    async def _file(self, request: Request) -> Reply:
        portal = self._vendor.portals.get(request.params["portal"].lower())
        raw = request.params["id"]
        if portal is None or not raw.isdigit():
            return html("<!DOCTYPE html><title>Нет такого</title><p>Такого файла нет.</p>", 404)
        return file_reply(portal, int(raw))


def _short(portal: Portal, deal: Record) -> dict[str, Any]:
    company = portal.get("company", deal.get("COMPANY_ID") or 0)
    return {
        "id": deal["ID"],
        "title": deal.get("TITLE", ""),
        "company": "" if company is None else company.get("TITLE", ""),
        "kopecks": views.kopecks(deal["OPPORTUNITY"]),
        "manager": portal.user_name(deal.get("ASSIGNED_BY_ID")),
        "invoice": deal.get("UF_CRM_INVOICE_NUMBER", ""),
    }


def _fields(portal: Portal, deal: Record) -> list[tuple[str, str]]:
    shown = []
    for name, label in SHOWN_BASE:
        value = deal.get(name)
        if value in (None, "", 0):
            continue
        if name == "COMPANY_ID":
            value = (portal.get("company", value) or {}).get("TITLE", value)
        elif name == "CONTACT_ID":
            contact = portal.get("contact", value) or {}
            value = f"{contact.get('NAME', '')} {contact.get('LAST_NAME', '')}".strip()
        elif name == "ASSIGNED_BY_ID":
            value = portal.user_name(value)
        elif name == "OPPORTUNITY":
            value = _money(f"{value}|{deal.get('CURRENCY_ID') or 'RUB'}")
        elif name.startswith("DATE_"):
            value = datetime.fromtimestamp(value, portal.zone).strftime("%d.%m.%Y %H:%M")
        shown.append((label, str(value)))
    return shown


def _user_fields(portal: Portal, deal: dict[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for field in portal.schema(BY_NAME["deal"]).fields:
        if not field.dynamic:
            continue
        value = deal.get(field.classic)
        files = [value] if isinstance(value, dict) else value if field.kind == "file" and value else []
        text = "" if field.kind == "file" or value in (None, "", []) else str(value)
        if field.kind == "date" and text:
            text = datetime.fromisoformat(text).strftime("%d.%m.%Y")
        elif field.kind == "money" and text:
            text = _money(text)
        shown.append({"label": field.title, "name": field.classic, "text": text, "files": files,
                      "link": text if field.kind == "url" and text.startswith("http") else ""})  # fmt: skip
    return shown


def _money(stored: str) -> str:
    """«30500.00|RUB» as a manager reads it."""
    amount, _, currency = stored.partition("|")
    return f"{rub(views.kopecks(amount))}\N{NO-BREAK SPACE}{'₽' if currency in ('', 'RUB') else currency}"


def _timeline(portal: Portal, view: dict[str, Any]) -> list[dict[str, Any]]:
    """Comments, log messages, activities and stage moves, newest first."""
    names = {record["STATUS_ID"]: record["NAME"] for record in portal.table("status")}
    moves = [
        {**item, "text": f"{HISTORY_TEXT.get(item['type'], 'Изменена')}: {names.get(item['stage'], item['stage'])}"}
        for item in view["history"]
    ]
    entries = [
        *(_entry(1, "Стадия", item["at"], item) for item in moves),
        *(_entry(2, "Комментарий", item["at"], item, portal.user_name(item["author"])) for item in view["comments"]),
        *(_entry(3, item["title"], item["at"], item) for item in view["log_messages"]),
        *(
            _entry(0, "Дело", item["deadline"] or "", {**item, "text": item["subject"]},
                   portal.user_name(item["responsible"]))
            for item in view["activities"]
        ),
    ]  # fmt: skip
    entries.sort(key=lambda entry: entry["order"], reverse=True)
    for entry in entries:
        entry["at"] = datetime.fromisoformat(entry["at"]).strftime("%d.%m.%Y %H:%M") if entry["at"] else ""
    return entries


def _entry(place: int, kind: str, at: str, item: dict[str, Any], who: str = "") -> dict[str, Any]:
    text = item.get("text") or ""
    return {"at": at, "kind": kind, "who": who, "text": text, "files": item.get("files", []),
            "order": (at, place, item["id"])}  # fmt: skip


def _recent(portal: Portal, chats: list[Record]) -> list[Record]:
    for chat in chats:
        chat["messages"] = _named(portal, chat["messages"])[-MESSAGES_SHOWN_MAX:]
        chat["title"] = chat["title"] or ", ".join(portal.user_name(user) for user in chat["users"])
    return chats


def _named(portal: Portal, entries: list[Record]) -> list[Record]:
    for entry in entries:
        entry["at"] = datetime.fromisoformat(entry["at"]).strftime("%d.%m.%Y %H:%M")
        entry["who"] = portal.user_name(entry.get("user") or entry.get("author"))
    return entries
