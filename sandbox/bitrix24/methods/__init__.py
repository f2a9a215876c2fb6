"""All methods of the REST interface by name; importing this package fills the registry."""

from __future__ import annotations

from sandbox.bitrix24.methods import (
    activities,
    bots,
    catalog,
    classic,
    dialogs,
    dictionaries,
    enums,
    fieldconfig,
    general,
    invoices,
    messaging,
    money,
    productrows,
    relations,
    requisites,
    timeline,
    types,
    universal,
    userfields,
)
from sandbox.bitrix24.methods.registry import METHODS, Method, find

__all__ = [
    "METHODS",
    "Method",
    "activities",
    "bots",
    "catalog",
    "classic",
    "dialogs",
    "dictionaries",
    "enums",
    "fieldconfig",
    "find",
    "general",
    "invoices",
    "messaging",
    "money",
    "productrows",
    "relations",
    "requisites",
    "timeline",
    "types",
    "universal",
    "userfields",
]
