"""Operators of electronic documents in a tenant's file: sellers' boxes, what services know of them, their addresses."""

from collections.abc import Iterator
from typing import Any, Final

from chassis.ids import TenantId
from connectors.ports.edi import EdiToken
from connectors.registry import EDI
from contracts.tenant_file import EdiPart, SellerPart, TenantFile
from contracts.tenant_file import Limit as FileLimit
from services.ingest.domain import portal
from services.ingest.domain.buckets import Limit
from services.ingest.domain.values import Edi
from services.ingest.store.connections import CLIENT_ID, CLIENT_SECRET, ENDPOINT, REFRESH_TOKEN, Account

BOX_ID: Final = "box_id"
TOKEN_URL: Final = "token_url"  # noqa: S105 - the name of a setting
LOGIN: Final = "robot_login"
PASSWORD: Final = "robot_password"  # noqa: S105 - the name of a secret
MODES: Final = ("oidc", "password")
_FUNCTIONS: Final = {"auto": "", "dop": "ДОП", "schfdop": "СЧФДОП"}
_KEYS: Final = {CLIENT_ID: CLIENT_ID, CLIENT_SECRET: CLIENT_SECRET, REFRESH_TOKEN: REFRESH_TOKEN, PASSWORD: "password"}


def is_operator(vendor: str) -> bool:
    """Whether an account's vendor is an operator of electronic documents."""
    return vendor in EDI


def settings_of(tenant: str, seller: SellerPart) -> Edi | None:
    """What services know of a seller's box."""
    part = seller.edi
    if part is None:
        return None
    return Edi(
        account=_account(tenant, seller.id, part),
        vendor=part.vendor,
        function=_FUNCTIONS[part.title],
        poll_seconds=part.poll_seconds,
    )


def accounts_of(file: TenantFile) -> Iterator[Account]:
    """The accounts with their secrets."""
    for seller in file.sellers:
        part = seller.edi
        if part is None:
            continue
        secrets = {
            ENDPOINT: part.api_url,
            TOKEN_URL: part.token_url,
            BOX_ID: part.box_id,
            CLIENT_ID: part.client_id,
            CLIENT_SECRET: part.client_secret,
            REFRESH_TOKEN: part.refresh_token,
            LOGIN: part.login,
            PASSWORD: part.password,
        }
        yield Account(
            tenant=TenantId(file.tenant),
            account=_account(file.tenant, seller.id, part),
            vendor=part.vendor,
            profile=part.auth_mode,
            secrets={name: value for name, value in secrets.items() if value},
            limit=Limit(part.limit.burst, part.limit.per_second) if isinstance(part.limit, FileLimit) else None,
        )


def credentials_of(account: Account) -> EdiToken:
    """What a token is asked for with."""
    secrets = account.secrets
    return EdiToken(
        endpoint=account.endpoint,
        client_id=secrets[CLIENT_ID],
        client_secret=secrets.get(CLIENT_SECRET, ""),
        token_url=secrets[TOKEN_URL],
        refresh_token=account.refresh_token,
        login=secrets.get(LOGIN, ""),
        password=secrets.get(PASSWORD, ""),
    )


def addresses(file: TenantFile) -> dict[str, str]:
    """The addresses by the keys of the file."""
    return {
        f"sellers[{place}].edi.{key}": getattr(seller.edi, key)
        for place, seller in enumerate(file.sellers)
        if seller.edi is not None
        for key in ("api_url", "token_url")
    }


def known_secrets(account: Account) -> dict[str, Any]:
    """The secrets of an account by the keys of the file."""
    seller = account.account.rpartition(":")[2]
    return {f"sellers[{seller}].edi.{key}": account.secrets.get(name) for name, key in _KEYS.items()}


def _account(tenant: str, seller_id: str, part: EdiPart) -> str:
    return portal.accounting_account(part.vendor, tenant, seller_id)
