"""Methods about the caller and the portal itself, and those that exist but refuse a webhook."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, as_number, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import METHODS, Method, add, find, method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

ALL_SCOPES = (
    "ai_admin", "biconnector", "bizproc", "booking", "calendar", "call", "cashbox", "catalog", "contact_center", "crm",
    "delivery", "department", "disk", "documentgenerator", "entity", "humanresources", "humanresources.hcmlink", "im",
    "imbot", "imconnector", "imopenlines", "intranet", "landing", "lists", "log", "mailservice", "main",
    "messageservice", "mobile", "pay_system", "placement", "pull", "pull_channel", "rating", "rpa", "sale",
    "salescenter", "sign.b2e", "smile",
    "socialnetwork", "sonet_group", "task", "tasks", "tasks_extended", "telephony", "timeman", "user", "user.userfield",
    "user_basic", "user_brief", "userconsent", "userfieldconfig", "vote",
)  # fmt: skip
"""Vendor documentation, "Доступные scope"."""
EVENTS = (
    "ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMLEADADD", "ONCRMLEADUPDATE", "ONCRMLEADDELETE",
    "ONCRMCOMPANYADD", "ONCRMCOMPANYUPDATE", "ONCRMCOMPANYDELETE", "ONCRMCONTACTADD", "ONCRMCONTACTUPDATE",
    "ONCRMCONTACTDELETE", "ONCRMQUOTEADD", "ONCRMQUOTEUPDATE", "ONCRMQUOTEDELETE", "ONCRMDYNAMICITEMADD",
    "ONCRMDYNAMICITEMUPDATE", "ONCRMDYNAMICITEMDELETE", "ONCRMREQUISITEADD", "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE", "ONCRMBANKDETAILADD", "ONCRMBANKDETAILUPDATE", "ONCRMBANKDETAILDELETE",
    "ONCRMADDRESSREGISTER", "ONCRMADDRESSUNREGISTER", "ONCRMTIMELINECOMMENTADD", "ONCRMTIMELINECOMMENTUPDATE",
    "ONCRMTIMELINECOMMENTDELETE", "ONCRMACTIVITYADD", "ONCRMACTIVITYUPDATE", "ONCRMACTIVITYDELETE",
    "ONCRMDEALUSERFIELDADD", "ONCRMDEALUSERFIELDUPDATE", "ONCRMDEALUSERFIELDDELETE", "ONCRMDEALUSERFIELDSETENUMVALUES",
    "ONCRMCOMPANYUSERFIELDADD", "ONCRMCOMPANYUSERFIELDUPDATE", "ONCRMCOMPANYUSERFIELDDELETE", "ONSALEORDERSAVED",
    "ONSALEBEFOREORDERDELETE", "ONPAYMENTENTITYSAVED", "ONPAYMENTDELETED", "ONSHIPMENTENTITYSAVED",
    "ONSHIPMENTDELETED",
)  # fmt: skip
"""What an outgoing webhook may be subscribed to; ONCRMDEALMOVETOCATEGORY is for applications alone."""

# Vendor documentation, "Локальные вебхуки": methods that need the context of an application, and that do nothing here.
NOT_SIMULATED = {
    "": ("event.offline.get", "event.offline.list", "event.offline.clear", "event.offline.error"),
    "crm": ("crm.activity.configurable.add", "crm.activity.configurable.update", "crm.activity.configurable.get",
            "crm.timeline.layout.blocks.set", "crm.timeline.layout.blocks.get", "crm.timeline.layout.blocks.delete"),
}  # fmt: skip


def _not_simulated(call: Call) -> Any:
    raise RestError(403, "WRONG_LICENSE", "Feature is not available on the current plan")


for _scope, _names in NOT_SIMULATED.items():
    for _name in _names:
        add(Method(_name, _scope, _not_simulated, app_only=True))


@method("profile", "")
def profile(call: Call) -> Any:
    user = call.identity.user
    return {
        "ID": str(user["ID"]), "ADMIN": user.get("ADMIN") == "Y", "NAME": user.get("NAME", ""),
        "LAST_NAME": user.get("LAST_NAME", ""), "PERSONAL_GENDER": "", "TIME_ZONE": "", "TIME_ZONE_OFFSET": 0,
    }  # fmt: skip


@method("scope", "")
def scope(call: Call) -> Any:
    if str(call.get("full", "")).lower() in ("true", "1", "y"):
        return list(ALL_SCOPES)
    return sorted(call.identity.scopes)


@method("methods", "")
def methods(call: Call) -> Any:
    wanted = call.text("scope")
    full = str(call.get("full", "")).lower() in ("true", "1", "y")
    return [
        entry.name
        for entry in METHODS.values()
        if (entry.scope == wanted if wanted else full or not entry.scope or entry.scope in call.identity.scopes)
    ]


@method("method.get", "")
def method_get(call: Call) -> Any:
    entry = find(call.text("name"))
    available = entry is not None and (not entry.scope or entry.scope in call.identity.scopes)
    webhook = entry is not None and entry.app_only and call.identity.app is None
    return {"isExisting": entry is not None, "isAvailable": available and not webhook}


@method("server.time", "")
def server_time(call: Call) -> Any:
    return moment_text(call.portal.now(), call.portal.zone)


@method("feature.get", "")
def feature_get(call: Call) -> Any:
    code = call.text("CODE")
    if not code:
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'CODE' is null or empty", argument="CODE")
    return {"value": "N" if code in ("rest_offline_extended", "rest_auth_connector") else "Y"}


@method("crm.settings.mode.get")
def settings_mode(call: Call) -> Any:
    return 1


@method("crm.controller.item.getFile", batch=False)
def get_file(call: Call) -> Any:
    """A download by a signed link; what comes back is the file itself, not JSON."""
    query = files.read_token(call.portal, "crm.controller.item.getFile", call.text("token"))
    if query is None:
        raise RestError(403, "INVALID_TOKEN", "Invalid token")
    record = call.portal.get("file", as_number(query.get("fileId")) or 0)
    if record is None:
        raise RestError(404, "NOT_FOUND", "File not found")
    return files.Download(record["NAME"], record["TYPE"], call.portal.ground.bytes_of(record["SHA256"]))


# -- users


def user_json(call: Call, record: Record) -> Record:
    """E-mail is hidden from the scope user_brief (vendor documentation, "Доступы к данным пользователей")."""
    now, registered = (moment_text(moment, call.portal.zone) for moment in (call.portal.now(), record["DATE_REGISTER"]))
    shown: Record = {
        "ID": str(record["ID"]), "ACTIVE": record["ACTIVE"] == "Y", "NAME": record.get("NAME", ""),
        "LAST_NAME": record.get("LAST_NAME", ""), "SECOND_NAME": "", "XML_ID": "", "EMAIL": record.get("EMAIL", ""),
        "LAST_LOGIN": now, "DATE_REGISTER": registered, "TIME_ZONE": "", "IS_ONLINE": "Y",
        "TIMESTAMP_X": registered, "LAST_ACTIVITY_DATE": now, "UF_EMPLOYMENT_DATE": "",
        "PERSONAL_GENDER": "", "PERSONAL_MOBILE": "", "WORK_PHONE": "",
        "PERSONAL_WWW": "", "PERSONAL_BIRTHDAY": "", "PERSONAL_CITY": "",
        "WORK_POSITION": record.get("POSITION", ""), "UF_DEPARTMENT": [1], "USER_TYPE": "employee",
    }  # fmt: skip
    if not call.identity.scopes & {"user", "user_basic"}:
        for name in ("EMAIL", "PERSONAL_MOBILE", "WORK_PHONE"):
            shown.pop(name)
    return shown


USER_FIELDS = {
    "ID": "ID", "XML_ID": "Внешний код", "ACTIVE": "Активность", "NAME": "Имя", "LAST_NAME": "Фамилия",
    "SECOND_NAME": "Отчество", "EMAIL": "E-Mail", "LAST_LOGIN": "Последняя авторизация",
    "DATE_REGISTER": "Дата регистрации", "TIME_ZONE": "Часовой пояс", "IS_ONLINE": "Онлайн",
    "TIMESTAMP_X": "TIMESTAMP_X", "LAST_ACTIVITY_DATE": "LAST_ACTIVITY_DATE", "PERSONAL_GENDER": "Пол",
    "PERSONAL_WWW": "Домашняя страничка", "PERSONAL_BIRTHDAY": "Дата рождения", "PERSONAL_CITY": "Город",
    "PERSONAL_MOBILE": "Мобильный телефон", "WORK_PHONE": "Телефон компании", "WORK_POSITION": "Должность",
    "UF_DEPARTMENT": "Подразделения", "UF_EMPLOYMENT_DATE": "Дата принятия на работу", "USER_TYPE": "Тип пользователя",
}  # fmt: skip


@method("user.fields", "user")
def user_fields(call: Call) -> Any:
    return dict(USER_FIELDS)


USER_KINDS = {"ID": "integer", "NAME": "string", "LAST_NAME": "string", "EMAIL": "string", "ACTIVE": "boolean"}


def _user_column(name: str) -> Column | None:
    kind = USER_KINDS.get(name.upper())
    if kind is None:
        return None
    if kind == "boolean":
        return Column("ACTIVE", "boolean", lambda record: 1 if record["ACTIVE"] == "Y" else 0)
    return Column(name.upper(), kind)


@method("user.get", "user")
def user_get(call: Call) -> Any:
    """Filter fields may stand in FILTER or beside it."""
    return _users(call, [])


@method("user.search", "user")
def user_search(call: Call) -> Any:
    """FIND, in FILTER or beside it: each of its words in the name, the position or the address."""
    tree = call.get("FILTER")
    words = str(call.get("FIND") or (tree.get("FIND") if isinstance(tree, dict) else "") or "").casefold().split()
    return _users(call, words)


def _users(call: Call, words: list[str]) -> Any:
    tree = call.get("FILTER")
    given = dict(tree) if isinstance(tree, dict) else {}
    given |= {name: value for name, value in call.params.tree.items() if name.upper() in USER_KINDS}
    query = compile_filter(given, _user_column, call.portal.zone, strict=False)
    for word in words:
        query.predicates.append(lambda record, word=word: word in _described(record))  # type: ignore[misc]
    sort = call.text("sort") or "ID"
    order = compile_order({sort: call.text("order") or "ASC"}, _user_column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("user"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([user_json(call, record) for record in found], total=total, offset=offset, shown=len(found))


def _described(record: Record) -> str:
    return " ".join(str(record.get(name, "")) for name in ("NAME", "LAST_NAME", "POSITION", "EMAIL")).casefold()


@method("user.current", "user")
def user_current(call: Call) -> Any:
    return user_json(call, call.identity.user)


@method("user.admin", "user")
def user_admin(call: Call) -> Any:
    return call.identity.user.get("ADMIN") == "Y"


@method("department.get", "department")
def department_get(call: Call) -> Any:
    shown = [{"ID": "1", "NAME": call.portal.settings["title"], "SORT": 500, "UF_HEAD": "1"}]
    return page(shown, total=1, offset=0, shown=1)
