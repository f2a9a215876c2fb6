"""The description of a family and of a field, and the reader of the compact tables in which they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `stored` inside, `classic` in crm.deal.* and its like, `camel` in crm.item.*; "" where absent."""

    stored: str
    classic: str
    camel: str
    kind: str
    title: str
    multiple: bool = False
    read_only: bool = False
    immutable: bool = False
    required: bool = False
    status_type: str = ""
    dynamic: bool = False
    items: tuple[tuple[int, str], ...] = ()
    hidden: bool = False
    """Described and written by the classic methods, never printed by them."""

    def described(self, *, universal: bool, title: str | None = None) -> dict[str, Any]:
        """The entry of a `fields` method."""
        kind = {"uf_double": "double", "uf_string": "string"}.get(self.kind, self.kind)
        if universal and kind == "char":
            kind = "boolean"
        entry: dict[str, Any] = {
            "type": kind,
            "isRequired": self.required,
            "isReadOnly": self.read_only,
            "isImmutable": self.immutable,
            "isMultiple": self.multiple,
            "isDynamic": self.dynamic,
        }
        if self.items:
            entry["items"] = [{"ID": str(number), "VALUE": text} for number, text in self.items]
        if self.status_type:
            entry["statusType"] = self.status_type
        if self.dynamic and not universal:
            shown = title or self.title
            entry |= {"title": self.classic, "listLabel": shown, "formLabel": shown, "filterLabel": shown}
        else:
            entry["title"] = title or self.title
        if universal:
            entry["upperName"] = self.classic or self.stored
        return entry


@dataclass(frozen=True, slots=True)
class Family:
    """One CRM object type.

    `event` is the middle of its event names (ONCRM<event>ADD); `uf_entity` the entity id of its user fields;
    `timeline` its name in timeline methods; `stages` whether it moves through stages, `rows` whether it has goods.
    """

    name: str
    entity_type_id: int
    short: str
    event: str
    uf_entity: str
    timeline: str
    title: str
    fields: tuple[Field, ...]
    stages: bool = False
    categories: bool = False
    rows: bool = False
    classic: bool = True
    title_template: str = ""

    def status_entity(self, category_id: int | None) -> str:
        """The ENTITY_ID of its stages in crm.status.list."""
        if self.name == "deal":
            return f"DEAL_STAGE_{category_id}" if category_id else "DEAL_STAGE"
        if self.name == "lead":
            return "STATUS"
        if self.name == "quote":
            return "QUOTE_STATUS"
        if self.name == "invoice":
            return f"SMART_INVOICE_STAGE_{category_id}"
        return f"DYNAMIC_{self.entity_type_id}_STAGE_{category_id}"

    def stage_prefix(self, category_id: int | None) -> str:
        if self.name == "deal":
            return f"C{category_id}:" if category_id else ""
        if self.categories:
            return f"DT{self.entity_type_id}_{category_id}:"
        return ""


def table(text: str) -> tuple[Field, ...]:
    """Rows `CLASSIC[@STORED] camel kind[:STATUS] flags title`; `-` for a missing spelling or no flags.

    Flags: r read only, i immutable, m multiple, q required, h hidden from classic answers.
    """
    fields = []
    for line in text.strip().splitlines():
        names, camel, kind, flags, title = line.split(maxsplit=4)
        classic, _, stored = names.partition("@")
        kind, _, status_type = kind.partition(":")
        fields.append(
            Field(
                stored=stored or classic,
                classic="" if classic == "-" else classic,
                camel="" if camel == "-" else camel,
                kind=kind,
                title=title,
                multiple="m" in flags,
                read_only="r" in flags,
                immutable="i" in flags,
                required="q" in flags,
                hidden="h" in flags,
                status_type=status_type,
            )
        )
    return tuple(fields)


UTM = """
UTM_SOURCE utmSource string - Рекламная система
UTM_MEDIUM utmMedium string - Тип трафика
UTM_CAMPAIGN utmCampaign string - Обозначение рекламной кампании
UTM_CONTENT utmContent string - Содержание кампании
UTM_TERM utmTerm string - Условие поиска кампании
"""
ACTIVITY = """
LAST_ACTIVITY_BY lastActivityBy user r Автор последней активности в таймлайне
LAST_ACTIVITY_TIME lastActivityTime datetime r Последняя активность
"""
ADDRESS = """
ADDRESS - string - Адрес
ADDRESS_2 - string - Адрес (стр. 2)
ADDRESS_CITY - string - Город
ADDRESS_POSTAL_CODE - string - Почтовый индекс
ADDRESS_REGION - string - Район
ADDRESS_PROVINCE - string - Область
ADDRESS_COUNTRY - string - Страна
ADDRESS_COUNTRY_CODE - string - Код страны
ADDRESS_LOC_ADDR_ID - integer - Идентификатор адреса местоположения
"""
REG_ADDRESS = ADDRESS.replace("\nADDRESS", "\nREG_ADDRESS").replace("- Адрес", "- Юридический адрес")
MULTIFIELDS = """
PHONE - crm_multifield m Телефон
EMAIL - crm_multifield m E-mail
WEB - crm_multifield m Сайт
IM - crm_multifield m Мессенджер
LINK - crm_multifield m LINK
-@FM fm crm_multifield m Множественные поля
"""
MULTIFIELD_TYPES = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
