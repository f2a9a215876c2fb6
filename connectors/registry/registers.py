"""Providers of the state register as data: ``REGISTERS`` by vendor."""

from collections.abc import Mapping
from typing import Final

from connectors.dadata.client import Dadata
from connectors.focus.client import Focus
from connectors.registry.kinds import RateLimit, RegisterVendor

REGISTERS: Final[Mapping[str, RegisterVendor]] = {
    "dadata": RegisterVendor("dadata", Dadata, RateLimit(burst=30, per_second=30.0), per_day=10_000),
    "focus": RegisterVendor("focus", Focus, RateLimit(burst=5, per_second=5.0), per_day=5_000),
}
