"""From the shops of a tenant's file to their settings, and to the accounts that hold their secrets."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

from chassis.ids import TenantId
from contracts.tenant_file import Fault, ShopPart, TenantFile
from services.ingest.domain import order
from services.ingest.domain.values import Due, Shop
from services.ingest.store.connections import ENDPOINT, HOOK_SECRET, KEY_OF_SHOP, Account, hook_hash

HOOK_SECRET_BYTES: Final = 24


def settings_of(file: TenantFile) -> tuple[Shop, ...]:
    """The shops without secrets."""
    return tuple(_shop(file, shop) for shop in file.shops)


def accounts_of(file: TenantFile, present: Mapping[str, Account]) -> Iterator[Account]:
    """The shops' accounts; the secret part of an address that was given out is kept."""
    tenant = TenantId(file.tenant)
    for shop in file.shops:
        name = order.shop_account(tenant, shop.id)
        before = present[name].secrets if name in present else {}
        keys = {KEY_OF_SHOP + shop.key_id: shop.secret}
        if shop.previous is not None:
            keys[KEY_OF_SHOP + shop.previous.key_id] = shop.previous.secret
        hook_secret = before.get(HOOK_SECRET) or secrets.token_urlsafe(HOOK_SECRET_BYTES)
        yield Account(
            tenant=tenant,
            account=name,
            vendor=order.SHOP_VENDOR,
            profile="",
            secrets={ENDPOINT: "", HOOK_SECRET: hook_secret, **keys},
        )


def hooks_of(accounts: Mapping[str, Account]) -> dict[str, bytes]:
    """What is stored of the shops' addresses, by shop."""
    return {
        account.account.rpartition(":")[2]: hook_hash(account.secrets[HOOK_SECRET])
        for account in accounts.values()
        if account.vendor == order.SHOP_VENDOR
    }


def faults(file: TenantFile) -> Iterator[Fault]:
    """What is wrong with the shops among themselves and the sellers."""
    known = [seller.id for seller in file.sellers]
    for place, shop in enumerate(file.shops):
        if _seller_of(file, shop) is None:
            write = f"write the id of one of the sellers: {', '.join(known)}" if known else "write the sellers first"
            yield Fault(0, f"shops[{place}].seller", repr(shop.seller) if shop.seller else "nothing", write)


def known_secrets(account: Account) -> dict[str, Any]:
    """A shop's secrets under the keys of the tenant's file."""
    shop = account.account.rpartition(":")[2]
    keys = [(name, secret) for name, secret in account.secrets.items() if name.startswith(KEY_OF_SHOP)]
    places = (f"shops[{shop}].secret", f"shops[{shop}].previous.secret")
    return {place: secret for place, (_, secret) in zip(places, keys, strict=False)}


def _seller_of(file: TenantFile, shop: ShopPart) -> str | None:
    known = [seller.id for seller in file.sellers]
    if shop.seller:
        return shop.seller if shop.seller in known else None
    return known[0] if len(known) == 1 else None


def _shop(file: TenantFile, shop: ShopPart) -> Shop:
    return Shop(
        shop_id=shop.id,
        seller_id=_seller_of(file, shop) or "",
        pay_systems=shop.invoice_pay_systems,
        issue_act=shop.issue_act,
        due=None if shop.due is None else Due.model_validate(shop.due.model_dump()),
        delivery_name=shop.delivery.name,
        delivery_vat=shop.delivery.vat,
        number_template=shop.numbering.template,
        buyers_without_inn=shop.buyers_without_inn,
    )
