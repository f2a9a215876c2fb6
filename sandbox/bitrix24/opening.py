"""The opening of a portal: users, funnels, dictionaries, webhooks, fields and chat; and a seeded world of buyers."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.bitrix24 import apps, people, stages, userfields
from sandbox.bitrix24.families import BY_NAME
from sandbox.bitrix24.methods.catalog import add_product
from sandbox.bitrix24.methods.general import EVENTS
from sandbox.bitrix24.methods.messaging import add_chat
from sandbox.bitrix24.methods.salehandlers import PAY_SYSTEM
from sandbox.bitrix24.portal import SETTINGS, Portal
from sandbox.bitrix24.store import Record
from sandbox.core.roster import TenantPlan
from sandbox.core.vendor import SeedSpec
from sandbox.core.wire import BadRequestError

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

SCOPES = (
    "crm", "im", "imbot", "user", "department", "catalog", "disk", "placement", "userfieldconfig",
    "documentgenerator", "tasks", "task", "sale", "pay_system", "delivery", "cashbox", "bizproc", "calendar", "entity",
    "imopenlines", "lists", "user.userfield",
)  # fmt: skip
EVENTS_USUAL = (
    "ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMCOMPANYADD", "ONCRMCOMPANYUPDATE",
    "ONCRMCOMPANYDELETE", "ONCRMREQUISITEADD", "ONCRMREQUISITEUPDATE", "ONCRMREQUISITEDELETE",
)  # fmt: skip
USERS: tuple[Record, ...] = (
    {"id": 1, "name": "Мария", "last_name": "Климова", "position": "Администратор", "admin": True},
    {"id": 7, "name": "Пётр", "last_name": "Лапин", "position": "Менеджер"},
    {"id": 9, "name": "Ольга", "last_name": "Зимина", "position": "Менеджер"},
)
DEAL_FIELDS = (
    ("UF_CRM_INVOICE_NUMBER", "string", "Номер счёта"), ("UF_CRM_INVOICE_DATE", "date", "Дата счёта"),
    ("UF_CRM_INVOICE_URL", "url", "Ссылка на счёт"), ("UF_CRM_INVOICE_STATUS", "string", "Состояние счёта"),
    ("UF_CRM_INVOICE_PDF", "file", "Счёт (PDF)"), ("UF_CRM_PAID", "money", "Оплачено"),
    ("UF_CRM_OVERDUE_DAYS", "integer", "Дней просрочки"), ("UF_CRM_ACT_NUMBER", "string", "Номер акта"),
    ("UF_CRM_ACT_PDF", "file", "Акт (PDF)"),
)  # fmt: skip
VATS = ((1, "Без НДС", None), (2, "НДС 0%", "0"), (3, "НДС 20%", "20"), (4, "НДС 10%", "10"), (5, "НДС 5%", "5"),
        (6, "НДС 7%", "7"), (7, "НДС 22%", "22"))  # fmt: skip
MEASURES = (
    (1, 6, "Метр", "м", "m"), (2, 112, "Литр", "л", "l"), (3, 163, "Грамм", "г", "g"),
    (4, 166, "Килограмм", "кг", "kg"), (5, 796, "Штука", "шт", "pc. 1"), (6, 356, "Час", "ч", "h"),
    (7, 876, "Условная единица", "усл. ед", "unit"),
)  # fmt: skip
CURRENCIES = ((1, "RUB", "1.0000", "Российский рубль", "# &#8381;"), (2, "USD", "90.0000", "Доллар США", "$#"),
              (3, "EUR", "98.0000", "Евро", "&euro;#"))  # fmt: skip
PRESETS = ((1, "Организация", "COMPANY"), (2, "ИП", "INDIVIDUAL"), (3, "Физ. лицо", "PERSON"))
SALE_STATUSES = (("N", "O", 10, "Принят, ожидается оплата"), ("P", "O", 20, "Оплачен, формируется к отправке"),
                 ("F", "O", 30, "Выполнен"), ("DN", "D", 10, "Ожидает обработки"),
                 ("DF", "D", 20, "Отгружен"))  # fmt: skip
PAYERS = ((1, "CRM_CONTACT", "Физическое лицо"), (2, "CRM_COMPANY", "Юридическое лицо"))
PAY_SYSTEMS = ((1, "Наличные", "Y"), (2, "Счёт", "N"))
DELIVERIES = ("Без доставки", "Доставка курьером")
GOODS = (
    ("Стеллаж СТ-200", "12500.00", 796, "шт"), ("Стеллаж СТ-300 усиленный", "18990.00", 796, "шт"),
    ("Кабель ВВГнг 3×2,5", "148.50", 6, "м"), ("Монтаж и пусконаладка", "3200.00", 356, "ч"),
    ("Бумага А4, пачка", "389.90", 796, "шт"), ("Настройка CRM", "45000.00", 876, "усл. ед"),
    ("Кофе в зёрнах", "1670.00", 166, "кг"), ("Стол офисный 140×70", "9480.00", 796, "шт"),
    ("Кресло «Престиж»", "14300.00", 796, "шт"), ("Краска фасадная", "612.40", 112, "л"),
)  # fmt: skip
KNOWN = {
    "slug", "title", "domain", "timezone", "language", "id_base", "users", "funnels", "scopes", "webhook_user_id",
    "webhook_code", "application_token", "events", "event_url", "userfields", "chat_title", "chat_id", "member_id",
    "products", "my_company", "dials", "client_id", "client_secret",
}  # fmt: skip


def open_portal(vendor: Bitrix24, spec: dict[str, Any]) -> Portal:
    """A new portal from the keys of KNOWN, all optional but `slug`; raises BadRequestError in words."""
    if unknown := set(spec) - KNOWN:
        raise BadRequestError(f"unknown keys {sorted(unknown)}; a portal takes {sorted(KNOWN)}")
    slug = str(spec.get("slug") or "").lower()
    if not slug or not slug.replace("-", "").isalnum():
        raise BadRequestError('give "slug": letters, digits and dashes, for example "vektor"')
    if slug in vendor.portals:
        raise BadRequestError(f"there is already a portal {slug!r}")
    vendor.write(slug, {"op": "base", "id": int(spec.get("id_base", 1000))})
    portal = vendor.portals[slug]
    _settings(portal, slug, spec)
    _users(portal, spec.get("users") or USERS)
    portal.put("department", {"NAME": portal.settings["title"], "SORT": 500, "UF_HEAD": 1}, 1)
    _dictionaries(portal)
    _shop(portal)
    _funnels(portal, spec.get("funnels") or [{"name": "Общая"}])
    for name, kind, label in spec.get("userfields") or DEAL_FIELDS:
        labels = {"ru": label, "en": label}
        userfields.create(
            portal, "CRM_DEAL",
            {"FIELD_NAME": name, "USER_TYPE_ID": kind, "EDIT_FORM_LABEL": labels, "LIST_COLUMN_LABEL": labels},
        )  # fmt: skip
    admin = next((user["ID"] for user in portal.table("user") if user["ADMIN"] == "Y"), 1)
    add_webhook(portal, int(spec.get("webhook_user_id") or admin), spec.get("scopes"), spec.get("webhook_code"))
    add_subscription(portal, spec.get("event_url"), spec.get("application_token"), spec.get("events"))
    apps.add_app(portal, {name: spec.get(name) for name in ("client_id", "client_secret", "scopes")})
    members = [user["ID"] for user in portal.table("user")]
    add_chat(portal, str(spec.get("chat_title") or "Счета и оплаты"), members, admin, spec.get("chat_id"))
    if spec.get("products", True):
        for name, price, code, symbol in GOODS:
            add_product(portal, name, price, MEASURE_CODE=code, MEASURE_NAME=symbol)
    if spec.get("my_company"):
        people.add_company(portal, {**spec["my_company"], "mine": True}, admin)
    stages.add_dictionary(portal, stages.CALL_LIST, stages.CALL_STATUSES)
    return portal


def _settings(portal: Portal, slug: str, spec: dict[str, Any]) -> None:
    dials = dict(spec.get("dials") or {})
    check_dials(dials)
    settings: Record = {
        **SETTINGS, **dials,
        "title": spec.get("title") or slug, "domain": spec.get("domain") or f"{slug}.bitrix24.ru",
        "member_id": spec.get("member_id") or hashlib.md5(slug.encode(), usedforsecurity=False).hexdigest(),
        "secret": secrets.token_hex(16),
    }  # fmt: skip
    for name in ("timezone", "language"):
        if spec.get(name):
            settings[name] = spec[name]
    portal.put("portal", settings, 1)


def check_dials(dials: dict[str, Any]) -> None:
    if unknown := set(dials) - set(SETTINGS):
        raise BadRequestError(f"unknown dials {sorted(unknown)}; known are {sorted(SETTINGS)}")


def _users(portal: Portal, users: Any) -> None:
    for user in users:
        add_user(portal, user)


def add_user(portal: Portal, user: dict[str, Any]) -> int:
    number = user.get("id") or max(portal.table("user").ids, default=0) + 1
    return portal.put(
        "user",
        {
            "NAME": user.get("name", "Сотрудник"), "LAST_NAME": user.get("last_name", str(number)),
            "EMAIL": user.get("email", f"user{number}@{portal.slug}.example"), "POSITION": user.get("position", ""),
            "ADMIN": "Y" if user.get("admin") else "N", "ACTIVE": "Y" if user.get("active", True) else "N",
            "ACCESS": user.get("access", "full"), "DATE_REGISTER": portal.now(),
        },
        number,
    )  # fmt: skip


def _dictionaries(portal: Portal) -> None:
    stages.add_dictionaries(portal)
    stages.add_stages(portal, BY_NAME["lead"], 0, stages.LEAD_STAGES)
    stages.add_stages(portal, BY_NAME["quote"], 0, stages.QUOTE_STAGES)
    for number, name, rate in VATS:
        portal.put("vat", {"NAME": name, "RATE": rate, "SORT": number * 100}, number)
    for number, code, title, symbol, international in MEASURES:
        default = "Y" if code == 796 else "N"
        portal.put(
            "measure",
            {"CODE": code, "TITLE": title, "SYMBOL": symbol, "SYMBOL_INTL": international, "IS_DEFAULT": default},
            number,
        )
    for number, currency, amount, name, form in CURRENCIES:
        base = "Y" if currency == "RUB" else "N"
        portal.put(
            "currency",
            {"CURRENCY": currency, "AMOUNT": amount, "FULL_NAME": name, "FORMAT": form, "SORT": number * 100,
             "BASE": base,
             "DATE_UPDATE": portal.now()},
            number,
        )  # fmt: skip
    for number, name, kind in PRESETS:
        portal.put(
            "preset",
            {"ENTITY_TYPE_ID": 8, "COUNTRY_ID": 1, "NAME": name, "ACTIVE": "Y", "SORT": 500 + number * 10,
             "CREATED_BY_ID": 1, "DATE_CREATE": portal.now(), "XML_ID": f"#CRM_REQUISITE_PRESET_DEF_RU_{kind}#"},
            number,
        )  # fmt: skip


def _shop(portal: Portal) -> None:
    """The statuses and kinds of payers with which a shop's orders begin."""
    for code, kind, sort, name in SALE_STATUSES:
        portal.put("salestatus", {"id": code, "type": kind, "notify": "Y", "sort": sort, "color": "#BEEDF1"})
        portal.put("salestatuslang", {"statusId": code, "lid": portal.settings["language"], "name": name})
    for number, code, name in PAYERS:
        portal.put("persontype", {"code": code, "name": name, "active": "Y", "sort": str(number * 100)}, number)
    for number, name, cash in PAY_SYSTEMS:
        described = {**dict(PAY_SYSTEM.fresh), "NAME": name, "PSA_NAME": name, "IS_CASH": cash, "PERSON_TYPE_ID": 1}
        portal.put("paysystem", described, number)
    for number, name in enumerate(DELIVERIES, 1):
        portal.put("delivery", {"NAME": name, "ACTIVE": "Y", "DESCRIPTION": "", "CURRENCY": "RUB", "SORT": 100}, number)


def _funnels(portal: Portal, funnels: list[dict[str, Any]]) -> None:
    """The first deal funnel is the default one with id 0; smart invoices have a funnel of their own."""
    for place, funnel in enumerate(funnels):
        add_funnel(portal, {**funnel, "id": 0} if place == 0 else funnel)
    stages.add_category(portal, BY_NAME["invoice"], "Общая", stages.INVOICE_STAGES, default=True)


def add_funnel(portal: Portal, funnel: dict[str, Any]) -> int:
    """A funnel of deals: `name`, `id` (the next one), `stages` (`id`, `name`, `semantics`, `color`; the usual ones)."""
    chosen = funnel.get("stages")
    rows = tuple(_stage_row(stage) for stage in chosen) if chosen else stages.DEAL_STAGES
    number = funnel.get("id")
    if number is not None and portal.get("category", int(number)) is not None:
        raise BadRequestError(f"there is already a funnel {number}")
    name = str(funnel.get("name") or "Воронка")
    return stages.add_category(portal, BY_NAME["deal"], name, rows, number=number, default=number == 0)


def _stage_row(stage: dict[str, Any]) -> tuple[str, str, str | None, str]:
    return str(stage["id"]), str(stage.get("name", stage["id"])), stage.get("semantics"), stage.get("color", "#39A8EF")


def add_webhook(portal: Portal, user_id: int, scopes: Any, code: str | None) -> int:
    """An inbound webhook; its code is a secret of the portal."""
    if portal.get("user", user_id) is None:
        raise BadRequestError(f"there is no user {user_id} in {portal.slug}")
    values: Record = {"USER_ID": user_id, "CODE": code or secrets.token_hex(8), "SCOPES": list(scopes or SCOPES)}
    return portal.put("hook", values, max(portal.table("hook").ids, default=0) + 1)


def add_subscription(portal: Portal, url: str | None, token: str | None, events: Any) -> int:
    """An outgoing webhook; without an address it waits for one and sends nothing."""
    names = [str(name).upper() for name in (events or EVENTS_USUAL)]
    unknown = [name for name in names if name not in EVENTS and not name.startswith("ONCRMDYNAMICITEM")]
    if unknown:
        raise BadRequestError(f"an outgoing webhook cannot have {unknown}; known are {list(EVENTS)}")
    values: Record = {"URL": url, "APPLICATION_TOKEN": token or secrets.token_hex(16), "EVENTS": names}
    return portal.put("subscription", values, max(portal.table("subscription").ids, default=0) + 1)


def credentials(portal: Portal, base_url: str) -> Record:
    """What an integrator needs: the inbound webhook's address, the outgoing one's token, member id, chat, users."""
    hook = next(iter(portal.table("hook")), None)
    subscription = next(iter(portal.table("subscription")), None)
    app = next(iter(portal.table("app")), None)
    chat = next((chat for chat in portal.table("chat") if chat["TYPE"] != "P"), None)
    return {
        "portal": portal.slug,
        "title": portal.settings["title"],
        "domain": portal.settings["domain"],
        "member_id": portal.settings["member_id"],
        "webhook_url": None if hook is None else f"{base_url}/rest/{hook['USER_ID']}/{hook['CODE']}/",
        "application_token": None if subscription is None else subscription["APPLICATION_TOKEN"],
        "subscription": None if subscription is None else subscription["ID"],
        "event_url": None if subscription is None else subscription.get("URL"),
        "client_id": None if app is None else app["CLIENT_ID"],
        "client_secret": None if app is None else app["CLIENT_SECRET"],
        "oauth_url": base_url,
        "portal_url": f"{base_url}/bitrix24/{portal.slug}",
        "chat": None if chat is None else f"chat{chat['ID']}",
        "users": [{"id": user["ID"], "name": portal.user_name(user["ID"])} for user in portal.table("user")],
        "funnels": [
            {"id": record["ID"], "name": record["NAME"],
             "stages": [stage["STATUS_ID"] for stage in stages.stages_of(portal, BY_NAME["deal"], record["ID"])]}
            for record in stages.categories_of(portal, 2)
        ],
    }  # fmt: skip


def seed(vendor: Bitrix24, spec: SeedSpec) -> dict[str, str]:
    """One portal per tenant, its buyers as companies, `deals_per_portal` deals; `bitrix24` goes to every opening."""
    options, deals = dict(spec.options.get("bitrix24") or {}), int(spec.options.get("deals_per_portal", 0))
    env: dict[str, str] = {}
    for plan in spec.roster.tenants:
        chance = random.Random(f"bitrix24|{spec.roster.seed}|{plan.slug}")  # noqa: S311 - reproducible, nothing secret
        portal = vendor.portals.get(plan.slug)
        if portal is None:
            digest = hashlib.sha256(f"bitrix24|{spec.roster.seed}|{plan.slug}".encode()).hexdigest()
            portal = open_portal(
                vendor,
                {
                    "slug": plan.slug, "title": plan.title, "webhook_code": digest[:16],
                    "application_token": digest[16:48], "client_id": f"local.{digest[:14]}.{int(digest[:6], 16):08d}",
                    "client_secret": digest[8:58], "my_company": people.card(plan.seller), **options,
                },
            )  # fmt: skip
            companies = [people.add_company(portal, people.card(buyer), 7) for buyer in plan.buyers]
            for _ in range(deals):
                people.add_deal(portal, people.made_up_deal(chance, companies, GOODS), 7)
        known = credentials(portal, spec.base_url)
        names = {"PORTAL": "portal", "DOMAIN": "domain", "MEMBER_ID": "member_id", "WEBHOOK_URL": "webhook_url",
                 "APPLICATION_TOKEN": "application_token", "SUBSCRIPTION": "subscription", "CHAT": "chat",
                 "CLIENT_ID": "client_id", "CLIENT_SECRET": "client_secret", "OAUTH_URL": "oauth_url",
                 "PORTAL_URL": "portal_url"}  # fmt: skip
        env |= {f"B24_{plan.index}_{name}": str(known[key]) for name, key in names.items()}
        env[f"B24_{plan.index}_SELLER_INN"] = plan.seller.inn
        env |= {f"B24_{plan.index}_{name}": text for name, text in _ids(portal, plan, deals).items() if text}
    return env


def _ids(portal: Portal, plan: TenantPlan, deals: int) -> dict[str, str]:
    """Ids of what the seed made, those of lists with commas between them; what came later is not among them."""
    companies = list(portal.table("company"))

    def listed(records: Iterable[Record]) -> str:
        return ",".join(str(record["ID"]) for record in records)

    buyers = [record for record in companies if record.get("IS_MY_COMPANY") != "Y"]

    return {
        "USER_ID": str(next((hook["USER_ID"] for hook in portal.table("hook")), "")),
        "USER_IDS": listed(portal.table("user")),
        "FUNNEL_IDS": listed(stages.categories_of(portal, 2)),
        "SELLER_COMPANY_ID": listed(record for record in companies if record.get("IS_MY_COMPANY") == "Y"),
        "COMPANY_IDS": listed(buyers[: len(plan.buyers)]),
        "PRODUCT_IDS": listed(list(portal.table("product"))[: len(GOODS)]),
        "DEAL_IDS": listed(list(portal.table("deal"))[:deals]),
    }
