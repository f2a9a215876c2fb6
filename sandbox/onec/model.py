"""The published objects of a base: their properties, sections and references, as its `$metadata` tells of them.

Only what documents of sales and money touch; names and types are those of "1С:Бухгалтерия предприятия 3.0".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE = "0001-01-01T00:00:00"
NAMESPACE = "StandardODATA"
EDM = {
    "s": "Edm.String",
    "b": "Edm.Boolean",
    "d": "Edm.DateTime",
    "n": "Edm.Double",
    "i": "Edm.Int64",
    "g": "Edm.Guid",
    "v": "Edm.Binary",
}
DEFAULTS: dict[str, Any] = {"s": "", "b": False, "d": EMPTY_DATE, "n": 0, "i": "0", "g": EMPTY_GUID, "v": ""}
VAT_WORDS = {
    "БезНДС": "NoNds",
    "НДС0": "Nds0",
    "НДС5": "Nds5",
    "НДС7": "Nds7",
    "НДС10": "Nds10",
    "НДС20": "Nds20",
    "НДС22": "Nds22",
}
"""Words of the enumeration СтавкиНДС that a book can keep, and the book's own."""
NEW_RATES = ("НДС5", "НДС5_105", "НДС7", "НДС7_107", "НДС22", "НДС22_122")
ENUMS = {
    "СтавкиНДС": (
        "БезНДС", "НДС0", "НДС5", "НДС5_105", "НДС7", "НДС7_107", "НДС10", "НДС10_110", "НДС18", "НДС18_118",
        "НДС20", "НДС20_120", "НДС22", "НДС22_122",
    ),
    "ЮридическоеФизическоеЛицо": ("ЮридическоеЛицо", "ФизическоеЛицо"),
    "ВидыДоговоровКонтрагентов": ("СПокупателем", "СПоставщиком", "СКомиссионером", "СКомитентом", "Прочее"),
}  # fmt: skip

_CATALOG = "Ref_Key:g DataVersion DeletionMark:b Code Description Predefined:b PredefinedDataName"
_DOCUMENT = "Ref_Key:g DataVersion DeletionMark:b Number Date:d Posted:b Комментарий"
_PARTIES = "Организация_Key:g>Catalog_Организации Контрагент_Key:g>Catalog_Контрагенты"
_CONTRACT = "ДоговорКонтрагента_Key:g>Catalog_ДоговорыКонтрагентов ВалютаДокумента_Key:g>Catalog_Валюты"
_SUMS = "КурсВзаиморасчетов:n КратностьВзаиморасчетов:i СуммаВключаетНДС:b ДокументБезНДС:b СуммаДокумента:n"
_AMOUNTS = "Содержание Количество:n Цена:n Сумма:n СтавкаНДС СуммаНДС:n"
_BANK = (
    f"{_DOCUMENT} ВидОперации Организация_Key:g>Catalog_Организации СчетОрганизации_Key:g>Catalog_БанковскиеСчета"
    " Контрагент Контрагент_Type СчетКонтрагента_Key:g>Catalog_БанковскиеСчета"
    " ДоговорКонтрагента_Key:g>Catalog_ДоговорыКонтрагентов СуммаДокумента:n НомерВходящегоДокумента"
    " ДатаВходящегоДокумента:d НазначениеПлатежа ДокументОснование ДокументОснование_Type"
)
_DECRYPTION = (
    "LineNumber:i ДоговорКонтрагента_Key:g>Catalog_ДоговорыКонтрагентов СпособПогашенияЗадолженности Сделка Сделка_Type"
    " СуммаПлатежа:n СуммаВзаиморасчетов:n СтавкаНДС СуммаНДС:n СчетНаОплату_Key:g>Document_СчетНаОплатуПокупателю"
)
_SALE_ROW = (
    f"LineNumber:i Номенклатура_Key:g>Catalog_Номенклатура {_AMOUNTS} СчетДоходов_Key:g>ChartOfAccounts_Хозрасчетный"
    " СчетРасходов_Key:g>ChartOfAccounts_Хозрасчетный СчетУчетаНДСПоРеализации_Key:g>ChartOfAccounts_Хозрасчетный"
    " СчетУчета_Key:g>ChartOfAccounts_Хозрасчетный Субконто Субконто_Type"
    " СчетНаОплатуПокупателю_Key:g>Document_СчетНаОплатуПокупателю"
)
_SPEC: dict[str, tuple[str, dict[str, str]]] = {
    "Catalog_Организации": (
        f"{_CATALOG} НаименованиеПолное НаименованиеСокращенное ИНН КПП ОГРН ЮридическоеФизическоеЛицо"
        " ОсновнойБанковскийСчет_Key:g>Catalog_БанковскиеСчета Префикс",
        {},
    ),
    "Catalog_Контрагенты": (
        f"{_CATALOG} Parent_Key:g>Catalog_Контрагенты IsFolder:b НаименованиеПолное ЮридическоеФизическоеЛицо"
        " ИндивидуальныйПредприниматель:b ИНН КПП РегистрационныйНомер Комментарий"
        " ОсновнойБанковскийСчет_Key:g>Catalog_БанковскиеСчета",
        {
            "КонтактнаяИнформация": "LineNumber:i Тип Вид_Key:g>Catalog_ВидыКонтактнойИнформации Представление Значение"
            " АдресЭП"
        },
    ),
    "Catalog_ДоговорыКонтрагентов": (
        f"{_CATALOG} Owner_Key:g>Catalog_Контрагенты IsFolder:b Организация_Key:g>Catalog_Организации ВидДоговора Номер"
        " Дата:d ВалютаВзаиморасчетов_Key:g>Catalog_Валюты",
        {},
    ),
    "Catalog_Номенклатура": (
        f"{_CATALOG} Parent_Key:g>Catalog_Номенклатура IsFolder:b НаименованиеПолное Артикул Услуга:b"
        " ЕдиницаИзмерения_Key:g>Catalog_КлассификаторЕдиницИзмерения"
        " НоменклатурнаяГруппа_Key:g>Catalog_НоменклатурныеГруппы ВидСтавкиНДС Комментарий",
        {},
    ),
    "Catalog_НоменклатурныеГруппы": (_CATALOG, {}),
    "Catalog_КлассификаторЕдиницИзмерения": (f"{_CATALOG} НаименованиеПолное", {}),
    "Catalog_БанковскиеСчета": (
        f"{_CATALOG} Owner Owner_Type НомерСчета Банк_Key:g>Catalog_Банки ВалютаДенежныхСредств_Key:g>Catalog_Валюты",
        {},
    ),
    "Catalog_Банки": (f"{_CATALOG} Parent_Key:g>Catalog_Банки IsFolder:b КоррСчет Город", {}),
    "Catalog_Валюты": (f"{_CATALOG} НаименованиеПолное", {}),
    "Catalog_ВидыКонтактнойИнформации": (
        f"{_CATALOG} Parent_Key:g>Catalog_ВидыКонтактнойИнформации IsFolder:b Тип",
        {},
    ),
    "ChartOfAccounts_Хозрасчетный": (f"{_CATALOG} Parent_Key:g>ChartOfAccounts_Хозрасчетный", {}),
    "Document_СчетНаОплатуПокупателю": (
        f"{_DOCUMENT} ВидОперации {_PARTIES} ОрганизацияПолучатель_Key:g>Catalog_Организации {_CONTRACT}"
        f" СтруктурнаяЕдиница_Key:g>Catalog_БанковскиеСчета {_SUMS}",
        {
            "Товары": f"LineNumber:i Номенклатура Номенклатура_Type Номенклатура_Key:g>Catalog_Номенклатура {_AMOUNTS}"
            " ПроцентСкидки:n СуммаСкидки:n"
        },
    ),
    "Document_РеализацияТоваровУслуг": (
        f"{_DOCUMENT} ВидОперации {_PARTIES} {_CONTRACT} {_SUMS} ЭтоУниверсальныйДокумент:b"
        " СчетУчетаРасчетовСКонтрагентом_Key:g>ChartOfAccounts_Хозрасчетный"
        " СчетУчетаРасчетовПоАвансам_Key:g>ChartOfAccounts_Хозрасчетный"
        " СчетНаОплатуПокупателю_Key:g>Document_СчетНаОплатуПокупателю",
        {"Товары": _SALE_ROW, "Услуги": _SALE_ROW},
    ),
    "Document_ПоступлениеНаРасчетныйСчет": (_BANK, {"РасшифровкаПлатежа": _DECRYPTION}),
    "Document_СписаниеСРасчетногоСчета": (_BANK, {"РасшифровкаПлатежа": _DECRYPTION}),
    "InformationRegister_СрокиОплатыДокументов": (
        "Организация_Key:g>Catalog_Организации Документ Документ_Type СрокОплаты:d",
        {},
    ),
    "InformationRegister_СтатусыДокументов": (
        "Организация_Key:g>Catalog_Организации Документ Документ_Type Статус Статус_Type",
        {},
    ),
}
REGISTER_KEY = ("Организация_Key", "Документ", "Документ_Type")


@dataclass(frozen=True, slots=True)
class Property:
    """One property; `kind` is a letter of EDM, `target` the object that a reference points to."""

    name: str
    kind: str
    target: str = ""

    @property
    def navigation(self) -> str:
        return self.name.removesuffix("_Key") if self.target else ""


@dataclass(frozen=True, slots=True)
class Type:
    """One published object."""

    name: str
    properties: dict[str, Property]
    sections: dict[str, dict[str, Property]]

    @property
    def key(self) -> tuple[str, ...]:
        return REGISTER_KEY if self.name.startswith("InformationRegister_") else ("Ref_Key",)

    def navigation(self, name: str) -> Property | None:
        """The reference behind a name such as `Контрагент`."""
        found = self.properties.get(f"{name}_Key")
        return found if found is not None and found.target else None


def _properties(spec: str) -> dict[str, Property]:
    found = {}
    for word in spec.split():
        name, _, rest = word.partition(":")
        kind, _, target = rest.partition(">")
        found[name] = Property(name, kind or "s", target)
    return found


TYPES = {
    name: Type(name, _properties(spec), {section: _properties(rows) for section, rows in sections.items()})
    for name, (spec, sections) in _SPEC.items()
}
SECTION_SETS = {f"{name}_{section}": (name, section) for name, one in TYPES.items() for section in one.sections}


def defaults(properties: dict[str, Property]) -> dict[str, Any]:
    """What an object has where nothing was written."""
    return {name: DEFAULTS[one.kind] for name, one in properties.items()}


def emptied(kind: Type) -> dict[str, Any]:
    """What a whole replacement leaves of an object where its body says nothing."""
    kept = ("Ref_Key", "DataVersion", "Code", "Number", "Predefined", "PredefinedDataName")
    values = {name: value for name, value in defaults(kind.properties).items() if name not in kept}
    return {**values, **{section: [] for section in kind.sections}}


@dataclass(frozen=True, slots=True)
class Release:
    """How one base's configuration differs: objects that are not ticked, rates of 2025 and later, and whether an
    invoice's row refers to its item by a typed attribute or by a plain one; with `catalog_rates` rates are a catalogue,
    as in Trade."""

    unpublished: frozenset[str] = frozenset()
    new_rates: bool = True
    typed_items: bool = True
    catalog_rates: bool = False

    def published(self) -> list[str]:
        return [name for name in TYPES if name not in self.unpublished]

    def section(self, name: str, section: str) -> dict[str, Property]:
        """The columns of a section in this release."""
        columns = TYPES[name].sections[section]
        if name == "Document_СчетНаОплатуПокупателю":
            dropped = ("Номенклатура_Key",) if self.typed_items else ("Номенклатура", "Номенклатура_Type")
            columns = {key: one for key, one in columns.items() if key not in dropped}
        if self.catalog_rates and "СтавкаНДС" in columns:
            columns = {key: one for key, one in columns.items() if key != "СтавкаНДС"}
            columns["СтавкаНДС_Key"] = Property("СтавкаНДС_Key", "g", "Catalog_СтавкиНДС")
        return columns

    def members(self, enum: str) -> tuple[str, ...]:
        """The words of an enumeration in this release."""
        return tuple(word for word in ENUMS[enum] if self.new_rates or word not in NEW_RATES)


@cache
def metadata(release: Release, further: str = "", functions: str = "") -> bytes:
    """The `$metadata` document of a release, with `further` types and the `functions` of its container."""
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx">'
        '<edmx:DataServices m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0"'
        ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        f'<Schema Namespace="{NAMESPACE}" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">'
    ]
    associations, sets = [], []
    for name in release.published():
        one = TYPES[name]
        keys = "".join(f'<PropertyRef Name="{key}"/>' for key in one.key)
        references = [item for item in one.properties.values() if item.target and item.target in release.published()]
        sections = "".join(
            f'<Property Name="{section}" Type="Collection({NAMESPACE}.{name}_{section}_RowType)" Nullable="true"/>'
            for section in one.sections
        )
        links = "".join(
            f'<NavigationProperty Name="{item.navigation}" Relationship="{NAMESPACE}.{name}_{item.navigation}"'
            ' FromRole="Begin" ToRole="End"/>'
            for item in references
        )
        parts.append(
            f'<EntityType Name="{name}"><Key>{keys}</Key>{columns_of(one.properties, one.key)}'
            f"{sections}{links}</EntityType>"
        )
        for section in one.sections:
            columns = columns_of(release.section(name, section), ("LineNumber",))
            parts.append(f'<ComplexType Name="{name}_{section}_RowType">{columns}</ComplexType>')
            parts.append(
                f'<EntityType Name="{name}_{section}"><Key><PropertyRef Name="Ref_Key"/>'
                '<PropertyRef Name="LineNumber"/></Key>'
                f'<Property Name="Ref_Key" Type="Edm.Guid" Nullable="false"/>{columns}</EntityType>'
            )
            sets.append(f'<EntitySet Name="{name}_{section}" EntityType="{NAMESPACE}.{name}_{section}"/>')
        associations += [
            f'<Association Name="{name}_{item.navigation}">'
            f'<End Role="Begin" Type="{NAMESPACE}.{name}" Multiplicity="*"/>'
            f'<End Role="End" Type="{NAMESPACE}.{item.target}" Multiplicity="0..1"/></Association>'
            for item in references
        ]
        sets.append(f'<EntitySet Name="{name}" EntityType="{NAMESPACE}.{name}"/>')
    for enum in ENUMS:
        members = "".join(
            f'<Member Name="{word}" Value="{place}"/>' for place, word in enumerate(release.members(enum))
        )
        parts.append(f'<EnumType Name="{enum}">{members}</EnumType>')
    container = (
        f'<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">{"".join(sets)}{functions}'
        "</EntityContainer>"
    )
    parts += [*associations, further, container, "</Schema></edmx:DataServices></edmx:Edmx>"]
    return "".join(parts).encode()


def columns_of(properties: Mapping[str, Property], key: tuple[str, ...]) -> str:
    """Properties as the description has them."""
    return "".join(
        f'<Property Name="{one.name}" Type="{EDM[one.kind]}" Nullable="{"false" if one.name in key else "true"}"/>'
        for one in properties.values()
    )
