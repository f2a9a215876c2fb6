"""Funnels, stages and the other dictionaries, and what a new portal begins with."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.families import Family
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

# (STATUS_ID, name, semantics, colour); the sets that a fresh Russian portal has.
DEAL_STAGES: tuple[tuple[str, str, str | None, str], ...] = (
    ("NEW", "Новая", None, "#39A8EF"),
    ("PREPARATION", "Подготовка документов", None, "#2FC6F6"),
    ("PREPAYMENT_INVOICE", "Cчет на предоплату", None, "#55D0E0"),
    ("EXECUTING", "В работе", None, "#47E4C2"),
    ("FINAL_INVOICE", "Финальный счет", None, "#FFA900"),
    ("WON", "Сделка успешна", "S", "#7BD500"),
    ("LOSE", "Сделка провалена", "F", "#FF5752"),
    ("APOLOGY", "Анализ причины провала", "F", "#FF5752"),
)
LEAD_STAGES: tuple[tuple[str, str, str | None, str], ...] = (
    ("NEW", "Не обработан", None, "#00C4FB"),
    ("IN_PROCESS", "В работе", None, "#47D1E2"),
    ("PROCESSED", "Обработан", None, "#75D900"),
    ("CONVERTED", "Качественный лид", "S", "#7BD500"),
    ("JUNK", "Некачественный лид", "F", "#FF5752"),
)
QUOTE_STAGES: tuple[tuple[str, str, str | None, str], ...] = (
    ("DRAFT", "Новое", None, "#39A8EF"),
    ("SENT", "Отправлено клиенту", None, "#2FC6F6"),
    ("APPROVED", "Принято", "S", "#7BD500"),
    ("DECLAINED", "Отклонено", "F", "#FF5752"),
)
INVOICE_STAGES: tuple[tuple[str, str, str | None, str], ...] = (
    ("N", "Новый", None, "#39A8EF"),
    ("S", "Отправлен", None, "#2FC6F6"),
    ("P", "Оплачен", "S", "#7BD500"),
    ("D", "Не оплачен", "F", "#FF5752"),
)
DYNAMIC_STAGES: tuple[tuple[str, str, str | None, str], ...] = (
    ("NEW", "Начало", None, "#22B9FF"),
    ("PREPARATION", "Подготовка", None, "#88B9FF"),
    ("CLIENT", "Согласование", None, "#FFC93E"),
    ("SUCCESS", "Успех", "S", "#00FF00"),
    ("FAIL", "Провал", "F", "#FF0000"),
)
DICTIONARIES: dict[str, tuple[tuple[str, str], ...]] = {
    "SOURCE": (("CALL", "Звонок"), ("EMAIL", "Электронная почта"), ("WEB", "Веб-сайт"), ("ADVERTISING", "Реклама"),
               ("PARTNER", "Существующий клиент"), ("RECOMMENDATION", "По рекомендации"), ("TRADE_SHOW", "Выставка"),
               ("WEBFORM", "CRM-форма"), ("CALLBACK", "Обратный звонок"), ("OTHER", "Другое")),
    "DEAL_TYPE": (("SALE", "Продажа"), ("COMPLEX", "Комплексная продажа"), ("GOODS", "Продажа товара"),
                  ("SERVICES", "Услуга"), ("SERVICE", "Сервисное обслуживание")),
    "COMPANY_TYPE": (("CUSTOMER", "Клиент"), ("SUPPLIER", "Поставщик"), ("COMPETITOR", "Конкурент"),
                     ("PARTNER", "Партнер"), ("OTHER", "Другое")),
    "CONTACT_TYPE": (("CLIENT", "Клиенты"), ("SUPPLIER", "Поставщики"), ("PARTNER", "Партнёры"), ("OTHER", "Другое")),
    "INDUSTRY": (("IT", "Информационные технологии"), ("TELECOM", "Телекоммуникации"),
                 ("MANUFACTURING", "Производство"), ("BANKING", "Банковские услуги"),
                 ("CONSULTING", "Консалтинг"), ("OTHER", "Другое")),
    "EMPLOYEES": (("EMPLOYEES_1", "менее 50"), ("EMPLOYEES_2", "50-250"), ("EMPLOYEES_3", "250-500"),
                  ("EMPLOYEES_4", "более 500")),
    "HONORIFIC": (("HNR_RU_1", "г-н"), ("HNR_RU_2", "г-жа")),
}  # fmt: skip
CALL_LIST = "CALL_LIST"
CALL_STATUSES = (("IN_WORK", "В работе"), ("SUCCESS", "Успешно"), ("WRONG_NUMBER", "Неверный номер"),
                 ("STOP_CALLING", "Больше не звонить"))  # fmt: skip
SEMANTIC_NAMES = {None: "process", "S": "success", "F": "failure"}


def add_stages(
    portal: Portal, family: Family, category_id: int, stages: tuple[tuple[str, str, str | None, str], ...]
) -> None:
    prefix = family.stage_prefix(category_id)
    for place, (code, name, semantics, colour) in enumerate(stages, 1):
        portal.put(
            "status",
            {
                "ENTITY_ID": family.status_entity(category_id),
                "STATUS_ID": code if prefix and code.startswith(prefix) else prefix + code,
                "NAME": name,
                "NAME_INIT": name,
                "SORT": place * 10,
                "SYSTEM": "Y" if semantics == "S" or place == 1 else "N",
                "CATEGORY_ID": category_id or None,
                "COLOR": colour,
                "SEMANTICS": semantics,
            },
        )


def add_dictionaries(portal: Portal) -> None:
    for entity, entries in DICTIONARIES.items():
        add_dictionary(portal, entity, entries)


def add_dictionary(portal: Portal, entity: str, entries: tuple[tuple[str, str], ...]) -> None:
    for place, (code, name) in enumerate(entries, 1):
        portal.put(
            "status",
            {"ENTITY_ID": entity, "STATUS_ID": code, "NAME": name, "NAME_INIT": name, "SORT": place * 10,
             "SYSTEM": "Y"},
        )  # fmt: skip


def stages_of(portal: Portal, family: Family, category_id: int | None) -> list[Record]:
    """The stages of a funnel in their order on the board."""
    found = portal.table("status").find("ENTITY_ID", family.status_entity(category_id))
    return sorted(found, key=lambda record: (record["SORT"], record["ID"]))


def stage(portal: Portal, family: Family, category_id: int | None, code: str) -> Record | None:
    for record in portal.table("status").find("ENTITY_ID", family.status_entity(category_id)):
        if record["STATUS_ID"] == code:
            return record
    return None


def semantic(record: Record) -> str:
    """P in progress, S success, F failure."""
    return str(record.get("SEMANTICS") or "P")


def categories_of(portal: Portal, entity_type_id: int) -> list[Record]:
    found = [record for record in portal.table("category") if record["ENTITY_TYPE_ID"] == entity_type_id]
    return sorted(found, key=lambda record: (record["SORT"], record["ID"]))


def default_category(portal: Portal, family: Family) -> int | None:
    if not family.categories:
        return None
    for record in categories_of(portal, family.entity_type_id):
        if record.get("IS_DEFAULT") == "Y":
            number: int = record["ID"]
            return number
    return None


def has_category(portal: Portal, family: Family, category_id: int) -> bool:
    record = portal.get("category", category_id)
    return record is not None and record["ENTITY_TYPE_ID"] == family.entity_type_id


def add_category(
    portal: Portal,
    family: Family,
    name: str,
    stages: tuple[tuple[str, str, str | None, str], ...],
    *,
    number: int | None = None,
    default: bool = False,
) -> int:
    """A funnel with its stages; returns its id."""
    values: Record = {
        "ENTITY_TYPE_ID": family.entity_type_id,
        "NAME": name,
        "SORT": 100 * (len(categories_of(portal, family.entity_type_id)) + 1),
        "IS_DEFAULT": "Y" if default else "N",
    }
    if number is None:
        number = max(portal.table("category").ids, default=0) + 1
    portal.put("category", values, number)
    add_stages(portal, family, number, stages)
    return number


def category_json(record: Record) -> dict[str, Any]:
    return {
        "id": record["ID"],
        "name": record["NAME"],
        "sort": record["SORT"],
        "entityTypeId": record["ENTITY_TYPE_ID"],
        "isDefault": record["IS_DEFAULT"],
        "originId": record.get("ORIGIN_ID", ""),
        "originatorId": record.get("ORIGINATOR_ID", ""),
    }
