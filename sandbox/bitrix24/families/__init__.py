"""CRM object families as data: their fields in both spellings, their entity type, their stages and events."""

from __future__ import annotations

from sandbox.bitrix24.families.base import Family, Field
from sandbox.bitrix24.families.clients import COMPANY, CONTACT
from sandbox.bitrix24.families.sales import DEAL, INVOICE, LEAD, QUOTE, dynamic_family

FAMILIES: dict[int, Family] = {
    family.entity_type_id: family for family in (LEAD, DEAL, CONTACT, COMPANY, QUOTE, INVOICE)
}
BY_NAME: dict[str, Family] = {family.name: family for family in FAMILIES.values()}
BY_SHORT: dict[str, Family] = {family.short: family for family in FAMILIES.values()}

__all__ = ["BY_NAME", "BY_SHORT", "FAMILIES", "Family", "Field", "dynamic_family"]
