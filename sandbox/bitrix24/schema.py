"""A family's fields in one portal, its user fields included, compiled for reading, writing and filtering."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sandbox.bitrix24.families import Family, Field
from sandbox.bitrix24.filters import Column
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import camel_user_field, classic_encoder, folded, typed_encoder

USER_FIELD_KINDS = {
    "string": "string", "integer": "integer", "double": "uf_double", "boolean": "boolean",
    "enumeration": "enumeration", "date": "date", "datetime": "datetime", "money": "money", "url": "url",
    "address": "address", "file": "file", "employee": "employee", "crm_status": "crm_status",
    "iblock_element": "iblock_element", "iblock_section": "iblock_section", "crm": "crm",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Output:
    """One key of an answer: where its value is stored and how it is spelt."""

    name: str
    field: Field
    encode: Callable[[Any], Any]


class Schema:
    """Compiled once per portal and family, and again when a user field or the time zone changes."""

    def __init__(self, family: Family, user_fields: Iterable[Record], zone: tzinfo, *, boolean_json: bool) -> None:
        dynamic = tuple(_user_field(record) for record in user_fields)
        self.family = family
        self.zone = zone
        self.fields: tuple[Field, ...] = family.fields + dynamic
        self.by_classic = {field.classic: field for field in self.fields if field.classic}
        self._by_folded: dict[str, Field] = {}
        for field in self.fields:
            for name in (field.camel, field.classic, field.stored):
                if name and (field.camel or field.dynamic):
                    self._by_folded.setdefault(folded(name), field)
        self.classic_out = [
            Output(field.classic, field, classic_encoder(field.kind, zone)) for field in self.fields if field.classic
        ]
        typed = [field for field in self.fields if field.camel]
        self.typed_out = {
            original: [
                Output(
                    field.classic if original and field.dynamic else field.camel,
                    field,
                    typed_encoder(field.kind, zone, boolean_json),
                )
                for field in typed
            ]
            for original in (False, True)
        }
        self._columns = {field.stored: Column(field.stored, field.kind) for field in self.fields}

    def classic_field(self, name: str) -> Field | None:
        return self.by_classic.get(name) or self.by_classic.get(name.upper())

    def typed_field(self, name: str) -> Field | None:
        """By the camelCase name, the original one of a user field, or either in another case."""
        return self._by_folded.get(folded(name))

    def classic_column(self, name: str) -> Column | None:
        field = self.classic_field(name)
        if field is None and name.upper() in ("CONTACT_IDS", "COMPANY_IDS"):
            return self._columns.get(name.upper())
        return None if field is None else self._columns[field.stored]

    def typed_column(self, name: str) -> Column | None:
        field = self.typed_field(name)
        if field is not None:
            return self._columns[field.stored]
        if folded(name).startswith("parentid"):
            return Column("PARENT_ID_" + folded(name)[8:], "integer")
        return None


def _user_field(record: Record) -> Field:
    labels = record.get("EDIT_FORM_LABEL") or {}
    name: str = record["FIELD_NAME"]
    return Field(
        stored=name,
        classic=name,
        camel=camel_user_field(name),
        kind=USER_FIELD_KINDS.get(record["USER_TYPE_ID"], "string"),
        title=labels.get("ru") or labels.get("en") or name,
        multiple=record.get("MULTIPLE") == "Y",
        required=record.get("MANDATORY") == "Y",
        dynamic=True,
        items=tuple((item["ID"], item["VALUE"]) for item in record.get("LIST", ())),
    )
