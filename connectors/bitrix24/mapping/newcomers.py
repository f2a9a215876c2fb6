"""Looking for companies by INN, and the commands that make one; a company carries our marker in the portal's fields for
keys of other systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors import wire
from connectors.bitrix24.mapping.cards import put_address, requisite_columns
from connectors.bitrix24.mapping.deal import REQUISITE_COLUMNS
from connectors.bitrix24.mapping.records import own_id, read_items, read_requisite
from connectors.bitrix24.mapping.writes import plain
from connectors.bitrix24.schema import COMPANY, REQUISITE, Command, Ref, Success, item_of
from connectors.ports.crm.cards import PutAddress
from connectors.ports.crm.companies import CrmNewcomer, NewCompany, Preset
from connectors.ports.crm.records import CrmRequisite
from connectors.wire import ShapeError

ORIGINATOR: Final = "sverka"
"""Whose keys they are, in ``originatorId``; the marker itself is ``originId``."""
_RUSSIA: Final = 1
_TITLES_OF_PEOPLE: Final = ("индивидуальный предприниматель", "ип")
_PERSON_WORDS: Final = 3
_KINDS: Final = {"company": ("организ", "юр", "company"), "entrepreneur": ("ип", "предприним", "individual")}


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: active requisites, of companies by id of the requisite, whether contacts have the INN."""

    requisites: tuple[CrmRequisite, ...]
    companies: Mapping[str, str]
    contacts: bool
    marked: str
    presets: Mapping[str, Preset]


def search_commands(inn: str, marker: str) -> dict[str, Command]:
    """Requisites with the INN, whoever's; with a marker also the company that carries it, and the kinds of
    requisites."""
    order = {"ID": "ASC"}
    commands = {
        "requisites": Command(
            "crm.requisite.list", {"filter": {"RQ_INN": inn}, "order": order, "select": REQUISITE_COLUMNS}
        )
    }
    if marker:
        marked = {"=originatorId": ORIGINATOR, "=originId": marker}
        commands["marked"] = Command(
            "crm.item.list",
            {"entityTypeId": COMPANY, "select": ("id", "title"), "filter": marked, "order": {"id": "ASC"}, "start": -1},
        )
        kinds = {"ENTITY_TYPE_ID": REQUISITE, "COUNTRY_ID": _RUSSIA, "ACTIVE": "Y"}
        by_sort = {"SORT": "ASC", "ID": "ASC"}
        commands["presets"] = Command(
            "crm.requisite.preset.list", {"filter": kinds, "order": by_sort, "select": ("ID", "NAME", "XML_ID")}
        )
    return commands


def read_search(parts: Mapping[str, Success]) -> Found:
    """What the search found. Raises ShapeError."""
    listed = [read_requisite(row) for row in wire.records(parts["requisites"].result, "requisites")]
    active = tuple(one for one in listed if one.active)
    marked = read_items(parts["marked"], "items", lambda row: own_id(row, "id")) if "marked" in parts else []
    presets = wire.records(parts["presets"].result, "presets") if "presets" in parts else ()
    return Found(
        requisites=active,
        companies={one.requisite_id: one.owner_id for one in active if one.owner == "company"},
        contacts=any(one.owner == "contact" for one in active),
        marked=marked[0] if marked else "",
        presets=_presets([Preset(own_id(row, "ID"), wire.text(row.get("NAME"))) for row in presets]),
    )


def _presets(listed: list[Preset]) -> dict[str, Preset]:
    """For each kind of buyer the kind of requisites that its name speaks of; portals name them as they like, so the
    first one will do."""
    found: dict[str, Preset] = {}
    for kind, words in _KINDS.items():
        named = (one for one in listed if one.name.strip().lower().startswith(words))
        chosen = next(named, listed[0] if listed else None)
        if chosen is not None:
            found[kind] = chosen
    return found


def make_commands(company: NewCompany) -> dict[str, Command]:
    """The company, unless it is there, its requisites and their address, in one batch."""
    values = {name: plain(value) for name, value in company.values.items() if value}
    commands: dict[str, Command] = {}
    owner: str | Ref = company.company_id
    if not owner:
        owner = Ref("company", "item", "id")
        fields: dict[str, Any] = {
            "title": values.get("name") or values.get("full_name") or company.inn,
            "originatorId": ORIGINATOR,
            "originId": plain(company.marker),
        }
        contacts = {"PHONE": values.get("phone"), "EMAIL": values.get("email")}
        reached = [(type_id, value) for type_id, value in contacts.items() if value]
        if reached:
            fields["fm"] = {
                f"n{place}": {"typeId": type_id, "valueType": "WORK", "value": value}
                for place, (type_id, value) in enumerate(reached)
            }
        commands["company"] = Command("crm.item.add", {"entityTypeId": COMPANY, "fields": fields})
    requisite: dict[str, Any] = {
        "ENTITY_TYPE_ID": COMPANY,
        "ENTITY_ID": owner,
        "PRESET_ID": company.preset.preset_id,
        "NAME": plain(company.preset.name),
        "XML_ID": plain(company.marker),
        "RQ_INN": company.inn,
        **requisite_columns(values),
    }
    if company.kind == "entrepreneur":
        requisite |= _person(values.get("full_name") or values.get("name", ""))
    commands["requisite"] = Command("crm.requisite.add", {"fields": requisite})
    if address := values.get("address"):
        put = put_address(PutAddress("", address, known=False))
        commands["address"] = Command(put.method, {"fields": {**put.params["fields"], "ENTITY_ID": Ref("requisite")}})
    return commands


def _person(name: str) -> dict[str, str]:
    """Last, first and second name, where the name reads as one."""
    text = name.strip()
    for title in _TITLES_OF_PEOPLE:
        if text.lower().startswith(f"{title} "):
            text = text[len(title) :].strip()
            break
    words = text.split()
    if len(words) != _PERSON_WORDS:
        return {}
    return dict(zip(("RQ_LAST_NAME", "RQ_FIRST_NAME", "RQ_SECOND_NAME"), words, strict=True))


def made(company: NewCompany, parts: Mapping[str, Success]) -> CrmNewcomer:
    """The ids of what was made. Raises ShapeError."""
    company_id = company.company_id
    if not company_id:
        item = item_of(parts["company"].result)
        if item is None:
            raise ShapeError("item")
        company_id = own_id(item, "id")
    requisite = parts["requisite"].result
    requisite_id = wire.identity(requisite) if not isinstance(requisite, bool) else None
    if requisite_id is None:
        raise ShapeError("requisite")
    return CrmNewcomer(company_id, requisite_id)
