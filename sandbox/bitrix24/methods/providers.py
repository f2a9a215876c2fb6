"""mailservice.*, messageservice.sender.*, ai.engine.*, userconsent.*: services that applications add, and consents.

Vendor documentation, "Почтовые сервисы", "Сервисы сообщений", "AI", "Соглашения":
https://apidocs.bitrix24.ru/api-reference/mailservice/, …/messageservice/, …/ai/, …/user-consent/

Not told by the vendor and chosen here: a fresh portal has one mail service and one agreement; the address of an engine
is not asked; no messages are sent, so none has a status.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.filters import Column, compile_filter, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

CODE = re.compile(r"[A-Za-z0-9.\-_]+")


def _core(text: str) -> RestError:
    return RestError(400, "ERROR_CORE", text)


# -- mail services

MAIL_FIELDS = {"ID": "ID", "SITE_ID": "Сайт", "ACTIVE": "Активность", "NAME": "Название", "SERVER": "Адрес сервера",
               "PORT": "Порт", "ENCRYPTION": "Защищенное соединение", "LINK": "Адрес веб-интерфейса",
               "ICON": "Логотип", "SORT": "Сортировка"}  # fmt: skip
GMAIL: Record = {"ID": 1, "ACTIVE": "Y", "SORT": 100, "NAME": "gmail", "SERVER": "imap.gmail.com", "PORT": 993,
                 "ENCRYPTION": "Y", "LINK": "https://mail.google.com/"}  # fmt: skip


def _mail(record: Record) -> Record:
    texts = {name: None if record.get(name) is None else str(record[name])
             for name in ("NAME", "SERVER", "PORT", "ENCRYPTION", "LINK", "ICON")}  # fmt: skip
    return {"ID": str(record["ID"]), "SITE_ID": "s1", "ACTIVE": record["ACTIVE"], "SORT": str(record["SORT"]), **texts,
            "SMTP_SERVER": None, "SMTP_PORT": None, "SMTP_LOGIN_AS_IMAP": "N", "SMTP_PASSWORD_AS_IMAP": "N",
            "SMTP_ENCRYPTION": None, "UPLOAD_OUTGOING": None}  # fmt: skip


def _mail_values(call: Call) -> Record:
    values: Record = {name: call.text(name) for name in ("NAME", "LINK") if name in call.params}
    if "SERVER" in call.params:
        values["SERVER"] = call.text("SERVER").lower()
    for name in ("ACTIVE", "ENCRYPTION"):
        if name in call.params:
            values[name] = "Y" if call.text(name) in ("Y", "True", "1") else "N"
    for name in ("PORT", "SORT"):
        if as_number(call.get(name)) is not None:
            values[name] = as_number(call.get(name))
    return values


def _mail_named(call: Call) -> Record:
    if call.get("ID") is None:
        raise _core("Не указан ID почтового сервиса")
    number = as_number(call.get("ID"))
    record = GMAIL if number == GMAIL["ID"] else call.portal.get("mailservice", number or 0)
    if record is None:
        raise _core("Не найден почтовый сервис")
    return record


def _mail_admin(call: Call) -> None:
    if not is_admin(call):
        raise _core("Доступ запрещен")


@method("mailservice.fields", "mailservice")
def mail_fields(call: Call) -> Any:
    return MAIL_FIELDS


@method("mailservice.list", "mailservice")
def mail_list(call: Call) -> Any:
    """Active ones, in the order of their SORT."""
    found = [GMAIL, *(one for one in call.portal.table("mailservice") if one["ACTIVE"] == "Y")]
    return [_mail(one) for one in sorted(found, key=lambda one: (one["SORT"], one["ID"]))]


@method("mailservice.get", "mailservice")
def mail_get(call: Call) -> Any:
    return _mail(_mail_named(call))


@method("mailservice.add", "mailservice", writes=True)
def mail_add(call: Call) -> Any:
    _mail_admin(call)
    values = _mail_values(call)
    if not values.get("NAME"):
        raise _core('Не заполнено обязательное поле "Название"')
    number = max(call.portal.table("mailservice").last_id, int(GMAIL["ID"])) + 1
    return call.portal.put("mailservice", {"ACTIVE": "Y", "SORT": 100, **values}, number)


@method("mailservice.update", "mailservice", writes=True)
def mail_update(call: Call) -> Any:
    _mail_admin(call)
    record = _mail_named(call)
    if record is GMAIL:
        raise _core("Доступ запрещен")
    call.portal.patch("mailservice", record["ID"], _mail_values(call))
    return True


@method("mailservice.delete", "mailservice", writes=True)
def mail_delete(call: Call) -> Any:
    _mail_admin(call)
    record = _mail_named(call)
    if record is GMAIL:
        raise _core("Доступ запрещен")
    call.portal.drop("mailservice", record["ID"])
    return True


# -- senders of messages


def _senders(call: Call) -> list[Record]:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")
    return [one for one in call.portal.table("sender") if one["APP_ID"] == call.identity.app_id]


def _invalid(text: str) -> RestError:
    return RestError(400, "ERROR_SENDER_VALIDATION_FAILURE", text)


def _sender_code(call: Call) -> str:
    code = call.text("CODE")
    if not code:
        raise _invalid("Empty sender code!")
    if not CODE.fullmatch(code):
        raise _invalid("Wrong sender code!")
    return code


def _sender(call: Call) -> Record:
    known, code = _senders(call), _sender_code(call)
    found = next((one for one in known if one["CODE"] == code), None)
    if found is None:
        raise RestError(400, "ERROR_SENDER_NOT_FOUND", "Sender not found!")
    return found


@method("messageservice.sender.add", "messageservice", app_only=True, writes=True)
def sender_add(call: Call) -> Any:
    known, code = _senders(call), _sender_code(call)
    for wrong, text in (
        (not call.text("HANDLER"), "Empty sender HANDLER!"),
        (not call.get("NAME"), "Empty sender NAME!"),
        (not call.text("TYPE"), "Empty sender message TYPE!"),
        (call.text("TYPE") != "SMS", "Unknown sender message TYPE!"),
    ):
        if wrong:
            raise _invalid(text)
    if any(one["CODE"] == code for one in known):
        raise RestError(400, "ERROR_SENDER_ALREADY_INSTALLED", "Sender already installed!")
    call.portal.put("sender", {"APP_ID": call.identity.app_id, "CODE": code, "NAME": call.get("NAME"),
                               "HANDLER": call.text("HANDLER"), "DESCRIPTION": call.get("DESCRIPTION")})  # fmt: skip
    return True


@method("messageservice.sender.update", "messageservice", app_only=True, writes=True)
def sender_update(call: Call) -> Any:
    if not call.text("CODE"):
        raise RestError(400, "ERROR_SENDER_CODE_REQUIRED", "CODE is required!")
    values = {name: call.get(name) for name in ("HANDLER", "NAME", "DESCRIPTION") if name in call.params}
    if not values:
        raise RestError(400, "ERROR_SENDER_OTHER_PARAMS_REQUIRED", "At least one other parameter is required!")
    call.portal.patch("sender", _sender(call)["ID"], values)
    return True


@method("messageservice.sender.list", "messageservice", app_only=True)
def sender_list(call: Call) -> Any:
    return [one["CODE"] for one in _senders(call)]


@method("messageservice.sender.delete", "messageservice", app_only=True, writes=True)
def sender_delete(call: Call) -> Any:
    call.portal.drop("sender", _sender(call)["ID"])
    return True


# -- engines

ENGINE = {"ID": ("ID", "integer"), "APP_CODE": ("APP_CODE", "string"), "NAME": ("NAME", "string"),
          "CODE": ("CODE", "string"), "CATEGORY": ("CATEGORY", "string"), "COMPLETIONS_URL": ("URL", "string"),
          "DATE_CREATE": ("DATE", "datetime")}  # fmt: skip
CATEGORIES = ("text", "image", "audio", "call")
ENGINE_DEFAULTS = {"code_alias": "ChatGPT", "model_context_type": "token", "model_context_limit": 15666}


@method("ai.engine.register", "ai_admin", writes=True)
def engine_register(call: Call) -> Any:
    """The address is not asked, so only an address that is none is refused."""
    values = {name: call.text(name) for name in ("name", "code", "category", "completions_url")}
    settings = call.get("settings")
    taken = any((one["CODE"], one["CATEGORY"]) == (values["code"], values["category"])
                for one in call.portal.table("engine"))  # fmt: skip
    for code, wrong, text in (
        ("NAME", not values["name"], "Ключ `name` со строковым значением обязателен"),
        ("CODE", not values["code"], "Ключ `code` со строковым значением обязателен"),
        ("CODE_FORMAT", not CODE.fullmatch(values["code"]),
         "Ключ `code` должен содержать только символы `A-Za-z0-9-_`"),
        ("CATEGORY", not values["category"], "Ключ `category` обязателен"),
        ("CATEGORY_FORMAT", values["category"] not in CATEGORIES,
         f"Ключ `category` может содержать одно из значений: `{', '.join(CATEGORIES)}`"),
        ("COMPLETIONS_URL", not values["completions_url"], "Ключ `completions_url` со строковым значением обязателен"),
        ("COMPLETIONS_URL_FAIL", not values["completions_url"].startswith(("http://", "https://")),
         "Значением ключа `completions_url` должен быть валидный URL , который при проверке возвращает статус `200`"),
        ("SETTINGS_FORMAT", settings is not None and not isinstance(settings, dict | list),
         "Значением ключа `settings` должен быть валидный JSON"),
        ("CODE_UNIQUE", taken, "Запись с таким `code` уже существует."),
    ):  # fmt: skip
        if wrong:
            raise RestError(400, f"ENGINE_REGISTER_ERROR_{code}", text)
    return call.portal.put("engine", {
        "APP_CODE": call.identity.app, "NAME": values["name"], "CODE": values["code"], "CATEGORY": values["category"],
        "URL": values["completions_url"], "DATE": call.portal.now(),
        "SETTINGS": {**ENGINE_DEFAULTS, **(settings if isinstance(settings, dict) else {})},
    })  # fmt: skip


@method("ai.engine.list", "ai_admin")
def engine_list(call: Call) -> Any:
    """An application sees its own."""

    def resolve(name: str) -> Column | None:
        return Column(*ENGINE[name.upper()]) if name.upper() in ENGINE else None

    query = compile_filter(call.get("filter"), resolve, call.portal.zone, strict=False)
    if call.identity.app is not None:
        query.predicates.append(lambda one: one.get("APP_CODE") == call.identity.app)
    table = call.portal.table("engine")
    found, _ = run(table, query, [], offset=0, limit=as_number(call.get("limit")) or len(table))
    return [
        {"id": one["ID"], "app_code": one.get("APP_CODE"), "name": one["NAME"], "code": one["CODE"],
         "category": one["CATEGORY"], "completions_url": one["URL"], "settings": one["SETTINGS"],
         "date_create": one["DATE"]}
        for one in found
    ]  # fmt: skip


@method("ai.engine.unregister", "ai_admin", writes=True)
def engine_unregister(call: Call) -> Any:
    for one in call.portal.table("engine"):
        if one["CODE"] == call.text("code") and one.get("APP_CODE") == call.identity.app:
            call.portal.drop("engine", one["ID"])
            return True
    return False


# -- consents

AGREEMENT = {"ID": "1", "NAME": "Пример согласия на обработку персональных данных", "ACTIVE": "Y", "LANGUAGE_ID": ""}


def _argument(text: str) -> RestError:
    return RestError(400, "ERROR_ARGUMENT", text)


def _agreement(call: Call, name: str) -> None:
    if call.get(name) is None:
        raise _argument("Parameter `Agreement ID` required.")
    if as_number(call.get(name)) != int(AGREEMENT["ID"]):
        raise _argument(f"Agreement with id `{call.get(name)}` not found.")


@method("userconsent.agreement.list", "userconsent")
def agreement_list(call: Call) -> Any:
    return [AGREEMENT]


@method("userconsent.agreement.text", "userconsent")
def agreement_text(call: Call) -> Any:
    _agreement(call, "id")
    replace = call.get("replace")
    caption = str(replace.get("button_caption") or "") if isinstance(replace, dict) else ""
    label = f"Нажимая кнопку «{caption or 'Принимаю'}», я даю свое согласие на обработку персональных данных"
    return {"LABEL": label, "TEXT": "Согласие на обработку персональных данных"}


@method("userconsent.consent.add", "userconsent", writes=True)
def consent_add(call: Call) -> Any:
    _agreement(call, "AGREEMENT_ID")
    try:
        address = str(ipaddress.ip_address(call.text("IP")))
    except ValueError as error:
        raise _argument(f"Wrong IP `{call.text('IP')}`.") from error
    return call.portal.put("consent", {"IP": address, "USER_ID": as_number(call.get("USER_ID")),
                                       "URL": call.text("URL"), "DATE": call.portal.now()})  # fmt: skip
