"""Phones, e-mails and other multiple contacts of companies, contacts and leads."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.families import Family
from sandbox.bitrix24.families.base import MULTIFIELD_TYPES
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import is_empty


def of(portal: Portal, family: Family, number: int) -> list[Record]:
    return portal.table("multifield").find("OWNER", f"{family.name}:{number}")


def from_classic(fields: dict[str, Any]) -> list[Record] | None:
    """`{"PHONE": [{"VALUE", "VALUE_TYPE", "ID"?, "DELETE"?}]}` to entries; None when no such field came."""
    entries: list[Record] = []
    found = False
    for kind in MULTIFIELD_TYPES:
        value = fields.get(kind)
        if value is None:
            continue
        found = True
        items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        for item in items:
            entry = item if isinstance(item, dict) else {"VALUE": item}
            gone = entry.get("DELETE") == "Y"
            entries.append(_entry(kind, entry.get("ID"), entry.get("VALUE_TYPE"), "" if gone else entry.get("VALUE")))
    return entries if found else None


def from_typed(value: Any) -> list[Record] | None:
    """`{"n0": {"typeId", "valueType", "value"}, "101": {"value": ""}}` or a list of such with ids."""
    if value is None:
        return None
    keyed = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else [])
    entries: list[Record] = []
    for key, item in keyed:
        if isinstance(item, dict):
            number = item.get("id") if not str(key).isdigit() or isinstance(value, list) else key
            entries.append(_entry(item.get("typeId"), number, item.get("valueType"), item.get("value")))
    return entries


def _entry(kind: Any, number: Any, value_type: Any, value: Any) -> Record:
    return {
        "ID": int(number) if str(number or "").isdigit() else None,
        "TYPE_ID": kind,
        "VALUE_TYPE": value_type,
        "VALUE": "" if is_empty(value) else str(value),
    }


def write(portal: Portal, family: Family, number: int, entries: list[Record]) -> bool:
    """Adds, changes and (with an empty value) deletes; True when something changed."""
    owner = f"{family.name}:{number}"
    existing = {record["ID"]: record for record in of(portal, family, number)}
    changed = False
    for entry in entries:
        known = existing.get(entry["ID"])
        if known is None:
            if entry["VALUE"] and entry["TYPE_ID"] in MULTIFIELD_TYPES:
                portal.put("multifield", {**entry, "ID": None, "VALUE_TYPE": entry["VALUE_TYPE"] or "WORK",
                                          "OWNER": owner})  # fmt: skip
                changed = True
        elif not entry["VALUE"]:
            portal.drop("multifield", known["ID"])
            changed = True
        else:
            values = {name: entry[name] for name in ("VALUE", "VALUE_TYPE") if entry[name]}
            values = {name: value for name, value in values.items() if known.get(name) != value}
            portal.patch("multifield", known["ID"], values)
            changed = changed or bool(values)
    if changed:
        kinds = {record["TYPE_ID"] for record in of(portal, family, number)}
        flags = {"HAS_PHONE": "PHONE", "HAS_EMAIL": "EMAIL", "HAS_IMOL": "IM"}
        portal.patch(family.name, number, {name: "Y" if kind in kinds else "N" for name, kind in flags.items()})
    return changed


def classic(records: list[Record]) -> dict[str, list[Record]]:
    """Grouped as classic answers print them; types without values are absent."""
    grouped: dict[str, list[Record]] = {}
    for record in records:
        entry = {
            "ID": str(record["ID"]),
            "VALUE_TYPE": record["VALUE_TYPE"],
            "VALUE": record["VALUE"],
            "TYPE_ID": record["TYPE_ID"],
        }
        grouped.setdefault(record["TYPE_ID"], []).append(entry)
    return grouped


def typed(records: list[Record]) -> list[Record]:
    return [
        {"id": record["ID"], "typeId": record["TYPE_ID"], "valueType": record["VALUE_TYPE"], "value": record["VALUE"]}
        for record in records
    ]
