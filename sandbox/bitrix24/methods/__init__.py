"""All methods of the REST interface by name; importing this package fills the registry."""

from __future__ import annotations

from sandbox.bitrix24.methods import (
    activities,
    catalog,
    classic,
    dictionaries,
    general,
    invoices,
    messaging,
    productrows,
    relations,
    requisites,
    timeline,
    universal,
    userfields,
)
from sandbox.bitrix24.methods.registry import METHODS, Method, find

__all__ = [
    "METHODS",
    "Method",
    "activities",
    "catalog",
    "classic",
    "dictionaries",
    "find",
    "general",
    "invoices",
    "messaging",
    "productrows",
    "relations",
    "requisites",
    "timeline",
    "universal",
    "userfields",
]
