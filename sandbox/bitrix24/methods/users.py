"""user.*: employees of the portal, and what a caller may learn of them.

Vendor documentation, "Пользователи": https://apidocs.bitrix24.ru/api-reference/user/
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

SCOPE = "user"
MAIL = re.compile(r"[^@\s]+@[^@\s]+")
TEXTS = ("XML_ID", "NAME", "LAST_NAME", "SECOND_NAME", "EMAIL", "PERSONAL_GENDER", "PERSONAL_WWW", "PERSONAL_BIRTHDAY",
         "PERSONAL_CITY", "PERSONAL_MOBILE", "PERSONAL_PHONE", "PERSONAL_PROFESSION", "WORK_PHONE", "WORK_POSITION",
         "WORK_COMPANY", "UF_EMPLOYMENT_DATE", "UF_PHONE_INNER", "UF_SKYPE", "UF_INTERESTS", "UF_SKILLS")  # fmt: skip
STORED = {"WORK_POSITION": "POSITION"}
CONTACTS = ("EMAIL", "PERSONAL_MOBILE", "PERSONAL_PHONE", "WORK_PHONE")
OPTIONAL = ("PERSONAL_PHONE", "PERSONAL_PROFESSION", "WORK_COMPANY", "UF_PHONE_INNER", "UF_SKYPE", "UF_INTERESTS",
            "UF_SKILLS")  # fmt: skip
"""Printed where they are filled."""
USER_FIELDS = {
    "ID": "ID", "XML_ID": "Внешний код", "ACTIVE": "Активность", "NAME": "Имя", "LAST_NAME": "Фамилия",
    "SECOND_NAME": "Отчество", "EMAIL": "E-Mail", "LAST_LOGIN": "Последняя авторизация",
    "DATE_REGISTER": "Дата регистрации", "TIME_ZONE": "Часовой пояс", "IS_ONLINE": "Онлайн",
    "TIMESTAMP_X": "TIMESTAMP_X", "LAST_ACTIVITY_DATE": "LAST_ACTIVITY_DATE", "PERSONAL_GENDER": "Пол",
    "PERSONAL_WWW": "Домашняя страничка", "PERSONAL_BIRTHDAY": "Дата рождения", "PERSONAL_CITY": "Город",
    "PERSONAL_MOBILE": "Мобильный телефон", "WORK_PHONE": "Телефон компании", "WORK_POSITION": "Должность",
    "UF_DEPARTMENT": "Подразделения", "UF_EMPLOYMENT_DATE": "Дата принятия на работу", "USER_TYPE": "Тип пользователя",
}  # fmt: skip
KINDS = {
    "ID": "integer", "ACTIVE": "boolean", "UF_DEPARTMENT": "integer", "USER_TYPE": "string", "IS_ONLINE": "string",
    **dict.fromkeys(TEXTS, "string"),
}  # fmt: skip


def user_json(call: Call, record: Record) -> Record:
    """E-mail is hidden from the scope user_brief (vendor documentation, "Доступы к данным пользователей")."""
    now, registered = (moment_text(moment, call.portal.zone) for moment in (call.portal.now(), record["DATE_REGISTER"]))
    texts = {name: record.get(STORED.get(name, name), "") for name in TEXTS
             if name not in OPTIONAL or record.get(name)}  # fmt: skip
    shown: Record = {
        "ID": str(record["ID"]), "ACTIVE": record["ACTIVE"] == "Y", **texts, "LAST_LOGIN": now,
        "DATE_REGISTER": registered, "TIME_ZONE": "", "IS_ONLINE": "Y", "TIMESTAMP_X": registered,
        "LAST_ACTIVITY_DATE": now, "UF_DEPARTMENT": record.get("DEPARTMENTS", [1]), "USER_TYPE": "employee",
        **{name: value for name, value in record.items() if name.startswith("UF_USR_") and value is not None},
    }  # fmt: skip
    if not call.identity.scopes & {"user", "user_basic"}:
        shown = {name: value for name, value in shown.items() if name not in CONTACTS}
    return shown


@method("user.fields", SCOPE)
def user_fields(call: Call) -> Any:
    return USER_FIELDS | {
        name: (field.get("EDIT_FORM_LABEL") or {}).get(call.portal.settings["language"]) or name
        for name, field in _own_fields(call).items()
    }


def _own_fields(call: Call) -> dict[str, Record]:
    """The fields that the portal added to its employees, by name."""
    return {one["FIELD_NAME"]: one for one in call.portal.table("userfield").find("ENTITY_ID", "USER")}


def _column(name: str) -> Column | None:
    kind = KINDS.get(name.upper())
    if kind is None:
        return None
    if kind == "boolean":
        return Column("ACTIVE", "boolean", lambda record: 1 if record["ACTIVE"] == "Y" else 0)
    if name.upper() == "UF_DEPARTMENT":
        return Column("DEPARTMENTS", "integer", lambda record: record.get("DEPARTMENTS", [1]))
    if name.upper() == "USER_TYPE":
        return Column("USER_TYPE", "string", lambda record: "employee")
    if name.upper() == "IS_ONLINE":
        return Column("IS_ONLINE", "string", lambda record: "Y")
    return Column(STORED.get(name.upper(), name.upper()), kind)


@method("user.get", SCOPE)
def user_get(call: Call) -> Any:
    """Filter fields may stand in FILTER or beside it."""
    return _users(call, [])


@method("user.search", SCOPE)
def user_search(call: Call) -> Any:
    """FIND, in FILTER or beside it: each of its words in the name, the position or the address; names are looked for
    by their beginning."""
    tree = call.get("FILTER")
    words = str(call.get("FIND") or (tree.get("FIND") if isinstance(tree, dict) else "") or "").casefold().split()
    return _users(call, words, loosely=True)


def _users(call: Call, words: list[str], *, loosely: bool = False) -> Any:
    tree = call.get("FILTER")
    given = dict(tree) if isinstance(tree, dict) else {}
    given |= {name: value for name, value in call.params.tree.items() if name.upper() in KINDS}
    if loosely:
        given = {f"=%{name}" if name.upper() in TEXTS and isinstance(value, str) else name:
                 f"{value}%" if name.upper() in TEXTS and isinstance(value, str) else value
                 for name, value in given.items()}  # fmt: skip
    query = compile_filter(given, _column, call.portal.zone, strict=False)
    query.predicates.append(lambda record: all(word in _described(record) for word in words))
    sort = call.text("sort") or "ID"
    order = compile_order({sort: call.text("order") or "ASC"}, _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("user"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([user_json(call, record) for record in found], total=total, offset=offset, shown=len(found))


def _described(record: Record) -> str:
    return " ".join(str(record.get(name, "")) for name in ("NAME", "LAST_NAME", "POSITION", "EMAIL")).casefold()


@method("user.current", SCOPE)
def user_current(call: Call) -> Any:
    return user_json(call, call.identity.user)


@method("user.admin", "")
def user_admin(call: Call) -> Any:
    return call.identity.user.get("ADMIN") == "Y"


def _taken(call: Call) -> Record:
    values: Record = {}
    own = _own_fields(call)
    for name, value in call.params.tree.items():
        upper = name.upper()
        if upper in own:
            several = own[upper]["MULTIPLE"] == "Y"
            items = value if isinstance(value, list) else [value]
            values[upper] = items if several else next(iter(items), None)
        if upper in TEXTS and not isinstance(value, dict | list):
            values[STORED.get(upper, upper)] = str(value)
        if upper == "UF_DEPARTMENT":
            numbers = map(as_number, value if isinstance(value, list) else [value])
            values["DEPARTMENTS"] = [number for number in numbers if number]
        if upper == "ACTIVE":
            values["ACTIVE"] = "Y" if value in ("Y", True, 1, "1", "true") else "N"
    return values


@method("user.add", SCOPE, writes=True)
def user_add(call: Call) -> Any:
    """An invitation: who is invited may be found at once."""
    if not is_admin(call):
        raise RestError(400, "ERROR_CORE", "access_denied")
    values = _taken(call)
    mail = values.get("EMAIL", "")
    if not MAIL.fullmatch(mail):
        raise RestError(400, "ERROR_ARGUMENT", "wrong_email", argument="")
    if any(one.get("EMAIL", "").casefold() == mail.casefold() for one in call.portal.table("user")):
        raise RestError(400, "ERROR_ARGUMENT", "Пользователь с таким email уже существует", argument="")
    extranet = call.text("EXTRANET") == "Y"
    if not extranet and not values.get("DEPARTMENTS"):
        raise RestError(400, "ERROR_ARGUMENT", "no_extranet_field", argument="")
    stamps = {"ACTIVE": "Y", "ADMIN": "N", "ACCESS": "full", "DATE_REGISTER": call.portal.now()}
    number = max(call.portal.table("user").ids, default=0) + 1
    made = call.portal.put("user", {**stamps, **values}, number)
    call.portal.raise_event("ONUSERADD", {"ID": str(made), **{name: str(values[name]) for name in values
                                                              if name in ("NAME", "LAST_NAME", "EMAIL")}})  # fmt: skip
    return made


@method("user.update", SCOPE, writes=True)
def user_update(call: Call) -> Any:
    record = call.portal.get("user", as_number(call.get("ID")) or 0)
    if record is None or (not is_admin(call) and record["ID"] != call.user_id):
        raise RestError(400, "ERROR_CORE", "access_denied")
    call.portal.patch("user", record["ID"], _taken(call))
    return True


@method("user.access", "")
def user_access(call: Call) -> Any:
    """Whether the caller has one of the rights; `AU` is everybody who is signed in, `U7` a user."""
    given = call.get("ACCESS")
    wanted = given if isinstance(given, list) else [given] if given else []
    if not wanted:
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'ACCESS' is null or empty", argument="ACCESS")
    departments = call.identity.user.get("DEPARTMENTS", [1])
    own = {"AU", "G2", f"U{call.user_id}", *(f"DR{one}" for one in departments), *(f"D{one}" for one in departments)}
    return bool(own & {str(one) for one in wanted}) or is_admin(call)


@method("access.name", "")
def access_name(call: Call) -> Any:
    given = call.get("ACCESS")
    wanted = [str(one) for one in given] if isinstance(given, list) else []
    if not wanted:
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'ACCESS' is null or empty", argument="ACCESS")
    named = {"AU": "Все авторизованные пользователи", "G2": "Все посетители", "G1": "Администраторы"}
    shown: Record = {}
    for code in wanted:
        if code in named:
            shown[code] = {"provider": "", "name": named[code], "provider_id": "other"}
        elif code.startswith("U") and call.portal.get("user", as_number(code[1:]) or 0) is not None:
            name = call.portal.user_name(as_number(code[1:]))
            shown[code] = {"provider": "Пользователь", "name": name, "provider_id": "user"}
    return shown or []


# -- what a user keeps in the portal


@method("user.option.get", "", app_only=True)
def option_get(call: Call) -> Any:
    options = call.identity.user.get("OPTIONS", {}).get(str(call.identity.app_id), {})
    name = call.text("option")
    return options.get(name, "") if name else options or []


@method("user.option.set", "", app_only=True, writes=True)
def option_set(call: Call) -> Any:
    given = call.get("options")
    if not isinstance(given, dict) or not given:
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'options' is null or empty", argument="options")
    options = dict(call.identity.user.get("OPTIONS", {}))
    key = str(call.identity.app_id)
    call.portal.patch("user", call.user_id, {"OPTIONS": {**options, key: {**options.get(key, {}), **given}}})
    return True
