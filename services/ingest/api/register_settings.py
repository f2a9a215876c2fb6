"""Providers of the state register in a tenant's file: their accounts, what services know of them, their addresses."""

from collections.abc import Iterator
from typing import Any, Final

from chassis.ids import TenantId
from connectors.registry import REGISTERS
from contracts.tenant_file import Limit as FileLimit
from contracts.tenant_file import RegisterPart, TenantFile
from services.ingest.domain.buckets import Limit
from services.ingest.domain.values import Register
from services.ingest.store.connections import ENDPOINT, Account

NAME: Final = "register"
API_KEY: Final = "api_key"
API_URLS: Final = {
    "dadata": "https://suggestions.dadata.ru/suggestions/api/4_1/rs",
    "focus": "https://focus-api.kontur.ru/api3",
}


def is_register(vendor: str) -> bool:
    """Whether an account's vendor is a provider of the register."""
    return vendor in REGISTERS


def settings_of(file: TenantFile) -> tuple[Register, ...]:
    """What services know, in the order in which providers are asked."""
    return tuple(
        Register(
            account=_account(file.tenant, part),
            vendor=part.vendor,
            per_day=part.per_day or REGISTERS[part.vendor].per_day,
        )
        for part in file.registers
    )


def accounts_of(file: TenantFile) -> Iterator[Account]:
    """The accounts with their secrets; DaData's own secret travels behind its key."""
    for part in file.registers:
        key = f"{part.api_key} {part.secret}" if part.secret else part.api_key
        yield Account(
            tenant=TenantId(file.tenant),
            account=_account(file.tenant, part),
            vendor=part.vendor,
            profile="",
            secrets={ENDPOINT: _url(part), API_KEY: key},
            limit=_limit(part),
        )


def addresses(file: TenantFile) -> dict[str, str]:
    """Their addresses by the keys of the file."""
    return {f"registers[{place}].api_url": _url(part) for place, part in enumerate(file.registers)}


def known_secrets(account: Account) -> dict[str, Any]:
    """The secrets of an account by the keys of the file."""
    key, _, secret = account.secrets[API_KEY].partition(" ")
    return {f"registers[{account.vendor}].api_key": key, f"registers[{account.vendor}].secret": secret or None}


def _account(tenant: str, part: RegisterPart) -> str:
    return f"{part.vendor}:{tenant}:{NAME}"


def _url(part: RegisterPart) -> str:
    return part.api_url or API_URLS[part.vendor]


def _limit(part: RegisterPart) -> Limit | None:
    if part.limit == "unlimited":
        return None
    usual = REGISTERS[part.vendor].limit
    return (
        Limit(part.limit.burst, part.limit.per_second)
        if isinstance(part.limit, FileLimit)
        else Limit(usual.burst, usual.per_second)
    )
